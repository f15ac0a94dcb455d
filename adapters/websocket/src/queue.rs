//! Queues of events: bounded, one for each subscriber.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// How many events wait for a subscriber that does not fetch them.
pub(crate) const QUEUE: usize = 4_096;

/// Locks, whatever became of the last one who did: what is locked here is whole between any two calls.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tasks to be woken once nothing is locked any more.
#[derive(Default)]
#[must_use]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn add(&mut self, waker: Option<Waker>) {
        self.0.extend(waker);
    }

    pub(crate) fn add_all(&mut self, wakers: &mut Vec<Waker>) {
        self.0.append(wakers);
    }

    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

/// Keeps a task's waker for the next time it is to be woken.
pub(crate) fn note(slot: &mut Option<Waker>, waker: &Waker) {
    if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *slot = Some(waker.clone());
    }
}

/// Keeps one more task's waker.
pub(crate) fn note_also(waiters: &mut Vec<Waker>, waker: &Waker) {
    if !waiters.iter().any(|known| known.will_wake(waker)) {
        waiters.push(waker.clone());
    }
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// One subscriber's events.
pub(crate) struct Queue<T>(Mutex<State<T>>);

impl<T> Queue<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { items: VecDeque::new(), closed: false, waker: None })))
    }

    /// Adds an event. If too many wait already, they all give way to `instead`.
    pub(crate) fn push(&self, item: T, instead: impl FnOnce() -> Option<T>, wakers: &mut Wakers) {
        let mut state = lock(&self.0);
        if state.items.len() >= QUEUE {
            state.items.clear();
            state.items.extend(instead());
        }
        state.items.push_back(item);
        wakers.add(state.waker.take());
    }

    /// No more events will come.
    pub(crate) fn close(&self, wakers: &mut Wakers) {
        let mut state = lock(&self.0);
        state.closed = true;
        wakers.add(state.waker.take());
    }

    /// Keeps only some of the events that wait.
    pub(crate) fn retain(&self, keep: impl FnMut(&T) -> bool) {
        lock(&self.0).items.retain(keep);
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut state = lock(&self.0);
        if let Some(item) = state.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        note(&mut state.waker, cx.waker());
        Poll::Pending
    }
}

/// The queues of everyone who listens to one thing.
pub(crate) struct Subscribers<T>(Vec<Arc<Queue<T>>>);

impl<T> Default for Subscribers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Subscribers<T> {
    pub(crate) fn subscribe(&mut self) -> Arc<Queue<T>> {
        let queue = Queue::new();
        self.0.push(queue.clone());
        queue
    }

    /// Nobody listens: an event need not even be made.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.0.retain(|queue| Arc::strong_count(queue) > 1);
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, item: &T, instead: impl Fn() -> Option<T>, wakers: &mut Wakers) {
        self.0.retain(|queue| Arc::strong_count(queue) > 1);
        for queue in &self.0 {
            queue.push(item.clone(), &instead, wakers);
        }
    }

    pub(crate) fn close(&mut self, wakers: &mut Wakers) {
        for queue in self.0.drain(..) {
            queue.close(wakers);
        }
    }
}
