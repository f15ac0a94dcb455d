//! Where a session is recorded: written in order, and while the engine is free for others.

use std::{
    io::Write,
    sync::{Mutex, MutexGuard},
};

use bytes::Bytes;

use crate::queue::lock;

pub(crate) type BoxedSink = Box<dyn Write + Send>;

/// The sink; none if nothing is recorded, or if writing has failed.
pub(crate) struct Recording(Option<Mutex<Option<BoxedSink>>>);

impl Recording {
    pub(crate) fn new(sink: Option<BoxedSink>) -> Self {
        Self(sink.map(|sink| Mutex::new(Some(sink))))
    }

    /// Writes what `poll` takes out of the engine. The next one waits for the sink before it lets go of the engine: so
    /// everything is written in the order in which it happened, and a slow sink slows the session down rather than fill
    /// the memory. If writing fails there is no more of it; what went wrong.
    #[must_use]
    pub(crate) fn write<T>(
        &self,
        mut state: MutexGuard<'_, T>,
        poll: impl FnOnce(&mut T) -> Option<Bytes>,
    ) -> Option<String> {
        let bytes = poll(&mut state)?;
        let mut sink = lock(self.0.as_ref()?);
        drop(state);
        let open = sink.as_mut()?;
        let error = open.write_all(&bytes).and_then(|()| open.flush()).err()?;
        *sink = None;
        Some(error.to_string())
    }
}
