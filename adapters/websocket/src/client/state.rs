//! What a client's handles and its task share.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard},
    task::{Poll, Waker},
};

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Client as Engine, ClientEvent, DocId, Document, LinkId, Now, Status, Time, Transmit,
    error::{Misuse, Reason},
};

use super::{
    ConnectError, DocEvent, DocEvents, Statuses, SyncError,
    builder::{Direction, Observer, Traffic},
};
use crate::{
    Clock,
    link::{GRACE, Side},
    queue::{Subscribers, Wakers, lock, note, note_also},
    record::Recording,
    storage::{BoxedStorage, Outcomes, StorageThread},
};

pub(crate) struct Shared {
    pub(super) clock: Clock,
    state: Mutex<State>,
    observer: Option<Observer>,
    recording: Recording,
}

pub(crate) struct State {
    pub(super) engine: Engine<Document>,
    pub(super) traffic: Traffic,
    docs: BTreeMap<DocId, DocState>,
    statuses: Subscribers<Status>,
    /// Tasks that wait for something to become so.
    waiters: Vec<Waker>,
    driver: Option<Waker>,
    storage: Option<StorageThread>,
    first: Option<Result<(), ConnectError>>,
    /// Until when the link's transport may take the goodbye.
    grace: Option<Time>,
    /// The application is done.
    closing: bool,
    /// So is the task.
    closed: bool,
}

#[derive(Default)]
struct DocState {
    events: Subscribers<DocEvent>,
    trouble: Option<SyncError>,
    access: Option<Access>,
    /// How often everything was here that the server had. It may be so only for a moment, and must not be missed.
    caught_up: u64,
}

impl Shared {
    pub(super) fn new(
        engine: Engine<Document>,
        observer: Option<Observer>,
        storage: Option<BoxedStorage>,
        recording: Recording,
    ) -> Arc<Self> {
        let shared = Arc::new(Self {
            clock: Clock::start(),
            state: Mutex::new(State {
                engine,
                traffic: Traffic::default(),
                docs: BTreeMap::new(),
                statuses: Subscribers::default(),
                waiters: Vec::new(),
                driver: None,
                storage: None,
                first: None,
                grace: None,
                closing: false,
                closed: false,
            }),
            observer,
            recording,
        });
        if let Some(storage) = storage {
            let thread = StorageThread::start(storage, Arc::downgrade(&shared), Self::stored);
            lock(&shared.state).storage = Some(thread);
        }
        shared
    }

    /// Looks at something.
    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&lock(&self.state))
    }

    /// Changes something, and has everyone told who is concerned; the task, if `drive`.
    fn step<T>(&self, drive: bool, change: impl FnOnce(&mut State, Now) -> T) -> T {
        let now = self.clock.now();
        let mut wakers = Wakers::default();
        let mut state = lock(&self.state);
        let value = change(&mut state, now);
        state.settle(now, &mut wakers);
        if drive {
            wakers.add(state.driver.take());
        }
        self.record(state, wakers);
        value
    }

    /// Has what the engine has recorded written, and then everyone told who is concerned.
    fn record(&self, state: MutexGuard<'_, State>, mut wakers: Wakers) {
        if let Some(error) = self.recording.write(state, |state| state.engine.poll_record()) {
            let event = DocEvent::RecordFailed { error };
            for doc in lock(&self.state).docs.values_mut() {
                doc.events.push(&event, || Some(DocEvent::Lagged), &mut wakers);
            }
        }
        wakers.wake();
    }

    /// Something the application wants.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Engine<Document>, Now) -> T) -> T {
        self.step(true, |state, now| act(&mut state.engine, now))
    }

    /// Something the task has to report.
    pub(super) fn fact<T>(&self, fact: impl FnOnce(&mut State, Now) -> T) -> T {
        self.step(false, fact)
    }

    /// Waits until a look at the state says that it is ready.
    pub(super) fn wait<T: 'static, F: Fn(&State) -> Poll<T> + Send + 'static>(
        self: &Arc<Self>,
        look: F,
    ) -> impl Future<Output = T> + Send + 'static + use<T, F> {
        let shared = self.clone();
        poll_fn(move |cx| {
            let mut state = lock(&shared.state);
            let found = look(&state);
            if found.is_pending() {
                note_also(&mut state.waiters, cx.waker());
            }
            found
        })
    }

    pub(super) fn statuses(&self) -> Statuses {
        // What has happened by now goes to those who listened then; the new one is told where things stand.
        self.act(|_, _| ());
        let mut wakers = Wakers::default();
        let mut state = lock(&self.state);
        let queue = state.statuses.subscribe();
        queue.push(state.engine.status().clone(), || None, &mut wakers);
        if state.closed {
            state.statuses.close(&mut wakers);
        }
        Statuses { queue }
    }

    pub(super) fn doc_events(self: &Arc<Self>, doc: DocId) -> DocEvents {
        let mut state = lock(&self.state);
        let closed = state.closed;
        let queue = match state.docs.get_mut(&doc) {
            Some(known) if !closed => known.events.subscribe(),
            _ => {
                let queue = crate::queue::Queue::new();
                queue.close(&mut Wakers::default());
                queue
            }
        };
        DocEvents { shared: self.clone(), doc, queue }
    }

    pub(super) fn open(&self, name: &str, document: Document) -> Result<DocId, Misuse> {
        self.step(true, |state, _| {
            let doc = state.engine.open(name, document)?;
            state.docs.insert(doc, DocState::default());
            Ok(doc)
        })
    }

    pub(super) fn adopt(&self, doc: DocId) -> Result<(), Misuse> {
        self.step(true, |state, _| {
            state.engine.adopt(doc)?;
            if let Some(known) = state.docs.get_mut(&doc) {
                known.trouble = None;
            }
            Ok(())
        })
    }

    pub(super) fn leave(&self, doc: DocId) -> Result<Document, Misuse> {
        let mut wakers = Wakers::default();
        let left = self.step(true, |state, _| {
            let document = state.engine.leave(doc)?;
            if let Some(mut gone) = state.docs.remove(&doc) {
                gone.events.close(&mut wakers);
            }
            Ok(document)
        });
        wakers.wake();
        left
    }

    /// The application is done with the client.
    pub(super) fn close(&self) {
        self.step(true, |state, now| {
            state.closing = true;
            state.engine.disconnect(now);
        });
    }

    /// The task is done, too.
    pub(super) fn closed(&self) {
        let mut wakers = Wakers::default();
        self.step(false, |state, _| {
            state.closed = true;
            state.first.get_or_insert(Err(ConnectError::Closed));
            state.storage = None;
            state.statuses.close(&mut wakers);
            for doc in state.docs.values_mut() {
                doc.events.close(&mut wakers);
            }
        });
        wakers.wake();
    }

    fn stored(&self, outcomes: Outcomes) {
        self.step(true, |state, now| {
            for (ticket, outcome) in outcomes {
                // A document may have been left meanwhile; then nobody waits for the answer.
                let _ = state.engine.stored(now, ticket, outcome);
            }
        });
    }

    pub(super) fn register(&self, waker: &Waker) {
        note(&mut lock(&self.state).driver, waker);
    }

    fn observe(&self, direction: Direction, frame: &[u8]) {
        if let Some(observer) = &self.observer {
            observer(direction, direction.wire_bytes(frame.len()), frame);
        }
    }
}

impl State {
    /// Fetches what the engine wants done after a call.
    fn settle(&mut self, now: Now, wakers: &mut Wakers) {
        while let Some(event) = self.engine.poll_event() {
            if let ClientEvent::Status(status) = event {
                match &status {
                    Status::Connected => drop(self.first.get_or_insert(Ok(()))),
                    Status::Refused(reason) => {
                        self.first.get_or_insert_with(|| Err(ConnectError::Refused(reason.clone())));
                    }
                    _ => {}
                }
                self.statuses.push(&status, || None, wakers);
                continue;
            }
            let Some((doc, event)) = DocEvent::from_engine(event) else { continue };
            let Some(known) = self.docs.get_mut(&doc) else { continue };
            known.caught_up += u64::from(event == DocEvent::CaughtUp);
            if let DocEvent::Joined { access } = event {
                known.access = Some(access);
                known.trouble = None;
            }
            if let Some(trouble) = event.trouble() {
                known.trouble = Some(trouble);
            }
            known.events.push(&event, || Some(DocEvent::Lagged), wakers);
        }
        while let Some(request) = self.engine.poll_store() {
            if let Some(Err(refused)) = self.storage.as_ref().map(|storage| storage.ask(request)) {
                let _ = self.engine.stored(now, refused.0, Err(refused.1));
            }
        }
        wakers.add_all(&mut self.waiters);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) fn is_linked(&self) -> bool {
        self.engine.link().is_some()
    }

    pub(super) fn is_read_only(&self, doc: DocId) -> bool {
        self.docs.get(&doc).is_some_and(|doc| doc.access == Some(Access::Read))
    }

    /// How often a document has caught up, and whether it is so now.
    pub(super) fn caught_up(&self, doc: DocId) -> Result<(u64, bool), SyncError> {
        let known = self.docs.get(&doc).ok_or(SyncError::Left)?;
        Ok((known.caught_up, self.engine.is_caught_up(doc).map_err(|_| SyncError::Left)?))
    }

    pub(super) fn first_attempt(&self) -> Option<Result<(), ConnectError>> {
        self.first.clone()
    }

    /// Takes note of how the first attempt has ended.
    pub(super) fn attempted(&mut self, outcome: impl FnOnce() -> ConnectError) {
        self.first.get_or_insert_with(|| Err(outcome()));
    }

    /// Why a document will not be kept in step without the application's doing.
    pub(super) fn trouble(&self, doc: DocId) -> Option<SyncError> {
        if self.closed {
            return Some(ConnectError::Closed.into());
        }
        if let Status::Refused(reason) = self.engine.status() {
            return Some(ConnectError::Refused(reason.clone()).into());
        }
        self.docs.get(&doc).map_or(Some(SyncError::Left), |doc| doc.trouble.clone())
    }

    /// When the task has something to do though nobody wakes it.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.engine.poll_timeout().into_iter().chain(self.grace).min()
    }

    pub(super) fn link_down(&mut self, now: Now, link: LinkId, why: &str) {
        self.grace = None;
        self.attempted(|| ConnectError::Lost(why.to_owned()));
        // It is the link that was up; there is no other one.
        let _ = self.engine.link_down(now, link, why);
    }
}

impl Side for Shared {
    fn attend(&self, link: LinkId, _: &Waker, goodbye: bool) -> bool {
        let now = self.clock.now().mono;
        let mut state = lock(&self.state);
        if goodbye || state.engine.is_closing(link) {
            return now < *state.grace.get_or_insert(now + GRACE);
        }
        true
    }

    fn receive(&self, link: LinkId, frames: Vec<Bytes>) {
        for frame in &frames {
            self.observe(Direction::In, frame);
        }
        self.fact(|state, now| {
            for frame in frames {
                state.traffic.count(Direction::In, Direction::In.wire_bytes(frame.len()));
                // What is wrong with a frame is in the status that follows.
                let _ = state.engine.receive(now, link, frame);
            }
        });
    }

    fn transmit(&self, link: LinkId) -> Option<Transmit> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let Some(transmit) = state.engine.poll_transmit(now, link) else {
            // The turn is over.
            self.record(state, Wakers::default());
            return None;
        };
        let Transmit::Frame(frame) = &transmit else { return Some(transmit) };
        state.traffic.count(Direction::Out, Direction::Out.wire_bytes(frame.len()));
        drop(state);
        self.observe(Direction::Out, frame);
        Some(transmit)
    }

    fn too_large(&self, _: LinkId, _: Reason) -> bool {
        false
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
