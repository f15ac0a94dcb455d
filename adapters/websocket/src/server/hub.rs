//! The engine behind a lock, and everyone who waits for something to happen to it.

use std::{
    collections::{BTreeSet, HashMap},
    future::{Future, poll_fn},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Admission, Limits, LinkId, Now, Seed, Server as Engine, ServerConfig, ServerEvent as EngineEvent, Time,
    Transmit,
    error::{Code, Reason},
};

use super::{ServerEvent, ServerEvents, ServerStats};
use crate::{
    Clock,
    link::{GRACE, Side},
    queue::{Subscribers, Wakers, lock, note, note_also},
    record::{BoxedSink, Recording},
    storage::{BoxedStorage, Outcomes, StorageThread},
};

/// Whether a client with this token is let in.
type Admit = Box<dyn Fn(&[u8]) -> bool + Send>;
/// What a client with this token may do with the document of this name.
type MayAccess = Box<dyn Fn(&[u8], &str) -> Option<Access> + Send>;

/// What the application has decided beforehand.
#[derive(Default)]
pub(super) struct Policy {
    pub(super) admit: Option<Admit>,
    pub(super) access: Option<MayAccess>,
}

pub(super) struct Hub {
    clock: Clock,
    limits: Limits,
    state: Mutex<State>,
    recording: Recording,
}

pub(super) struct State {
    engine: Engine,
    policy: Policy,
    links: HashMap<LinkId, LinkState>,
    /// When links that are being closed are given up.
    graces: BTreeSet<(Time, LinkId)>,
    events: Subscribers<ServerEvent>,
    /// Tasks that wait for the server to stop.
    waiters: Vec<Waker>,
    /// The timer's task, and what it waits for.
    timer: Option<Waker>,
    armed: Option<Time>,
    storage: StorageThread,
    stopping: bool,
    /// When stopping has taken too long.
    deadline: Option<Time>,
    over: bool,
}

#[derive(Default)]
struct LinkState {
    waker: Option<Waker>,
    grace: Option<Time>,
    /// Only if the policy will ask for it.
    token: Bytes,
}

impl Hub {
    pub(super) fn new(
        limits: Limits,
        seed: Seed,
        policy: Policy,
        storage: BoxedStorage,
        record: Option<BoxedSink>,
    ) -> Arc<Self> {
        let mut config = ServerConfig::new(seed);
        config.limits = limits.clone();
        config.record = record.is_some();
        if policy.admit.is_some() || policy.access.is_some() {
            config.admission = Admission::Ask;
        }
        Arc::new_cyclic(|hub| Self {
            clock: Clock::start(),
            limits,
            state: Mutex::new(State {
                engine: Engine::new(config),
                policy,
                links: HashMap::new(),
                graces: BTreeSet::new(),
                events: Subscribers::default(),
                waiters: Vec::new(),
                timer: None,
                armed: None,
                storage: StorageThread::start(storage, hub.clone(), Self::stored),
                stopping: false,
                deadline: None,
                over: false,
            }),
            recording: Recording::new(record),
        })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Changes something, and has everyone told who is concerned.
    fn step<T>(&self, change: impl FnOnce(&mut State, Now, &mut Wakers) -> T) -> T {
        let now = self.clock.now();
        let mut wakers = Wakers::default();
        let mut state = lock(&self.state);
        let value = change(&mut state, now, &mut wakers);
        state.settle(now, &mut wakers);
        self.record(state, wakers);
        value
    }

    /// Has what the engine has recorded written, and then everyone told who is concerned.
    fn record(&self, state: MutexGuard<'_, State>, mut wakers: Wakers) {
        if let Some(error) = self.recording.write(state, |state| state.engine.poll_record()) {
            let event = ServerEvent::RecordFailed { error };
            lock(&self.state).events.push(&event, || Some(ServerEvent::Lagged), &mut wakers);
        }
        wakers.wake();
    }

    pub(super) fn link_up(&self, peer: Option<SocketAddr>) -> LinkId {
        self.step(|state, now, wakers| {
            let link = state.engine.link_up(now);
            state.links.insert(link, LinkState::default());
            state.events.push(&ServerEvent::LinkUp { link, peer }, || Some(ServerEvent::Lagged), wakers);
            link
        })
    }

    pub(super) fn link_down(&self, link: LinkId, why: &str) {
        self.step(|state, now, _| {
            if let Some(grace) = state.links.remove(&link).and_then(|known| known.grace) {
                state.graces.remove(&(grace, link));
            }
            // It was up until now.
            let _ = state.engine.link_down(now, link, why);
        });
    }

    fn stored(&self, outcomes: Outcomes) {
        self.step(|state, now, _| {
            for (ticket, outcome) in outcomes {
                // Every ticket is answered once; what the engine makes of it is in its events.
                let _ = state.engine.stored(now, ticket, outcome);
            }
        });
    }

    pub(super) fn shutdown(&self, deadline: Duration) {
        self.step(|state, now, _| {
            let at = now.mono + deadline;
            state.deadline = Some(state.deadline.map_or(at, |known| known.min(at)));
            state.stopping = true;
            state.engine.shutdown();
        });
    }

    /// Ends everything at once.
    pub(super) fn abort(&self) {
        self.step(|state, _, wakers| state.end(wakers));
    }

    /// When the timer is to ring. The task is woken if that changes to an earlier time; `Ready(None)` tells it to end.
    pub(super) fn poll_alarm(&self, cx: &Context<'_>) -> Poll<Option<Duration>> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        if state.over {
            return Poll::Ready(None);
        }
        note(&mut state.timer, cx.waker());
        state.armed = state.next_alarm();
        match state.armed {
            Some(at) => Poll::Ready(Some(at - now.mono)),
            None => Poll::Pending,
        }
    }

    /// Whether the timer is to be set anew.
    pub(super) fn poll_rearmed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.over || state.armed.is_none() {
            return Poll::Ready(());
        }
        note(&mut state.timer, cx.waker());
        Poll::Pending
    }

    pub(super) fn timeout(&self) {
        self.step(|state, now, wakers| {
            state.engine.timeout(now);
            while let Some((_, link)) = state.graces.first().copied().filter(|(at, _)| *at <= now.mono) {
                state.graces.pop_first();
                wakers.add(state.links.get_mut(&link).and_then(|known| known.waker.take()));
            }
            if state.deadline.is_some_and(|at| at <= now.mono) {
                state.end(wakers);
            }
        });
    }

    pub(super) fn emit(&self, event: &ServerEvent) {
        self.step(|state, _, wakers| state.events.push(event, || Some(ServerEvent::Lagged), wakers));
    }

    pub(super) fn events(&self) -> ServerEvents {
        let mut state = lock(&self.state);
        let queue = state.events.subscribe();
        if state.over {
            state.events.close(&mut Wakers::default());
        }
        ServerEvents { queue }
    }

    pub(super) fn stats(&self) -> ServerStats {
        let state = lock(&self.state);
        ServerStats {
            links: state.engine.link_count(),
            documents: state.engine.loaded().map(str::to_owned).collect(),
            unstored: state.engine.unstored().map(str::to_owned).collect(),
        }
    }

    /// Waits until a look at the state says that it is ready.
    pub(super) fn wait<T: 'static>(
        self: &Arc<Self>,
        look: fn(&State) -> Poll<T>,
    ) -> impl Future<Output = T> + Send + 'static + use<T> {
        let hub = self.clone();
        poll_fn(move |cx| {
            let mut state = lock(&hub.state);
            let found = look(&state);
            if found.is_pending() {
                note_also(&mut state.waiters, cx.waker());
            }
            found
        })
    }
}

impl State {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping || self.over
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Fetches what the engine wants done after a call.
    fn settle(&mut self, now: Now, wakers: &mut Wakers) {
        let listened = !self.events.is_empty();
        while let Some(event) = self.engine.poll_event() {
            match event {
                EngineEvent::Knock(knock) => {
                    if self.policy.admit.as_ref().is_none_or(|admit| admit(knock.token())) {
                        if self.policy.access.is_some() {
                            if let Some(link) = self.links.get_mut(&knock.link()) {
                                // A copy: the token is part of a read buffer that is to be freed.
                                link.token = Bytes::copy_from_slice(knock.token());
                            }
                        }
                        self.engine.admit(knock);
                    } else {
                        self.engine.refuse(knock, Code::Forbidden.into());
                    }
                }
                EngineEvent::JoinRequest(request) => {
                    let token = self.links.get(&request.link()).map_or(&[][..], |link| &link.token);
                    let access = match &self.policy.access {
                        Some(access) => access(token, request.name()),
                        None => Some(Access::Write),
                    };
                    match access {
                        Some(access) => self.engine.grant(now, request, access),
                        None => self.engine.deny(request, Code::Forbidden.into()),
                    }
                }
                event if listened => {
                    if let Some(event) = ServerEvent::from_engine(event) {
                        self.events.push(&event, || Some(ServerEvent::Lagged), wakers);
                    }
                }
                _ => {}
            }
        }
        while let Some(request) = self.engine.poll_store() {
            if let Err((ticket, fault)) = self.storage.ask(request) {
                let _ = self.engine.stored(now, ticket, Err(fault));
            }
        }
        while let Some(link) = self.engine.poll_ready() {
            wakers.add(self.links.get_mut(&link).and_then(|known| known.waker.take()));
        }
        if self.stopping && !self.over && self.engine.is_drained() {
            self.end(wakers);
        }
        if self.stopping {
            wakers.add_all(&mut self.waiters);
        }
        self.rearm(wakers);
    }

    fn end(&mut self, wakers: &mut Wakers) {
        self.over = true;
        for link in self.links.values_mut() {
            wakers.add(link.waker.take());
        }
        wakers.add(self.timer.take());
        wakers.add_all(&mut self.waiters);
        self.events.close(wakers);
    }

    fn next_alarm(&self) -> Option<Time> {
        let grace = self.graces.first().map(|(at, _)| *at);
        self.engine.poll_timeout().into_iter().chain(grace).chain(self.deadline).min()
    }

    /// Wakes the timer's task if it would ring too late.
    fn rearm(&mut self, wakers: &mut Wakers) {
        let next = self.next_alarm();
        if next.is_some_and(|next| self.armed.is_none_or(|armed| next < armed)) {
            self.armed = None;
            wakers.add(self.timer.take());
        }
    }

    /// Until when a link's transport may take the goodbye.
    fn grace(&mut self, now: Time, link: LinkId, wakers: &mut Wakers) -> Time {
        let Some(known) = self.links.get_mut(&link) else { return now };
        if let Some(at) = known.grace {
            return at;
        }
        let at = now + GRACE;
        known.grace = Some(at);
        self.graces.insert((at, link));
        self.rearm(wakers);
        at
    }
}

impl Side for Hub {
    fn attend(&self, link: LinkId, waker: &Waker, goodbye: bool) -> bool {
        let now = self.clock.now().mono;
        let mut wakers = Wakers::default();
        let go_on = {
            let mut state = lock(&self.state);
            if state.over {
                return false;
            }
            if let Some(known) = state.links.get_mut(&link) {
                note(&mut known.waker, waker);
            }
            let closing = goodbye || state.engine.is_closing(link);
            !closing || now < state.grace(now, link, &mut wakers)
        };
        wakers.wake();
        go_on
    }

    fn receive(&self, link: LinkId, frames: Vec<Bytes>) {
        self.step(|state, now, _| {
            for frame in frames {
                // What is wrong with a frame is in the events, and the peer is told.
                let _ = state.engine.receive(now, link, frame);
            }
        });
    }

    fn transmit(&self, link: LinkId) -> Option<Transmit> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let transmit = state.engine.poll_transmit(now, link);
        if transmit.is_none() {
            // The turn is over.
            self.record(state, Wakers::default());
        }
        transmit
    }

    fn too_large(&self, link: LinkId, reason: Reason) -> bool {
        self.step(|state, now, _| state.engine.close(now, link, reason).is_ok())
    }
}
