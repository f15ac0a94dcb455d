//! The storage's thread: takes what has gathered since the last time, and has it written with one flush.

use std::{
    sync::{
        Weak,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use crdt_socket_sync::{
    Storage, Ticket,
    error::StoreFault,
    store::{StoreReply, StoreRequest, carry_out},
};

pub(crate) type BoxedStorage = Box<dyn Storage + Send>;
pub(crate) type Outcomes = Vec<(Ticket, Result<StoreReply, StoreFault>)>;

/// The way to the thread, which ends when this is dropped and everything asked for is done.
pub(crate) struct StorageThread(Sender<StoreRequest>);

impl StorageThread {
    /// Starts the thread; it gives outcomes to `stored` as long as `owner` is there.
    pub(crate) fn start<T: Send + Sync + 'static>(
        storage: BoxedStorage,
        owner: Weak<T>,
        stored: impl Fn(&T, Outcomes) + Send + 'static,
    ) -> Self {
        let (sender, receiver) = channel();
        thread::Builder::new()
            .name("crdt-storage".into())
            .spawn(move || serve(storage, &receiver, &owner, stored))
            .expect("the operating system has a thread for the storage");
        Self(sender)
    }

    /// Asks for something; gives the outcome if nobody is there to be asked.
    pub(crate) fn ask(&self, request: StoreRequest) -> Result<(), (Ticket, StoreFault)> {
        self.0.send(request).map_err(|lost| {
            let (StoreRequest::Load { ticket, .. } | StoreRequest::Append { ticket, .. }) = lost.0;
            (ticket, StoreFault::Unavailable("its thread has ended".into()))
        })
    }
}

fn serve<T>(
    mut storage: BoxedStorage,
    requests: &Receiver<StoreRequest>,
    owner: &Weak<T>,
    stored: impl Fn(&T, Outcomes),
) {
    while let Ok(first) = requests.recv() {
        let mut batch = vec![first];
        batch.extend(requests.try_iter());
        let outcomes = carry_out(&mut *storage, batch);
        if let Some(owner) = owner.upgrade() {
            stored(&owner, outcomes);
        }
    }
}
