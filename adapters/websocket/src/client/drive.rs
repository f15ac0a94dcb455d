//! The client's task: dials, drives the link, and keeps time.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crdt_socket_sync::{
    Limits, Status, Time,
    error::{Code, Reason},
};

use super::state::Shared;
use crate::{DialError, Runtime, link::Link};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(super) struct Driver<R: Runtime> {
    runtime: R,
    url: String,
    limits: Limits,
    shared: Arc<Shared>,
    dial: Option<Boxed<Result<R::Socket, DialError>>>,
    link: Option<Link<R::Socket>>,
    sleep: Option<(Time, Boxed<()>)>,
}

impl<R: Runtime> Driver<R> {
    pub(super) fn new(runtime: R, url: String, limits: Limits, shared: Arc<Shared>) -> Self {
        Self { runtime, url, limits, shared, dial: None, link: None, sleep: None }
    }

    /// One attempt, which ends in time.
    fn attempt(&self) -> Boxed<Result<R::Socket, DialError>> {
        let dial = self.runtime.clone().dial(self.url.clone(), self.limits.clone());
        let late = self.runtime.clone().sleep(self.limits.greeting_time);
        Box::pin(async move {
            match futures_util::future::select(std::pin::pin!(dial), std::pin::pin!(late)).await {
                futures_util::future::Either::Left((outcome, _)) => outcome,
                futures_util::future::Either::Right(_) => Err(DialError::TimedOut),
            }
        })
    }

    /// Whether anything has come of an attempt that is under way.
    fn dialled(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(dial) = &mut self.dial else { return false };
        // Nobody wants it any more.
        let unwanted = self.shared.read(|state| *state.engine.status() == Status::Disconnected);
        let outcome = if unwanted {
            Err(DialError::Unreachable("the attempt was given up".into()))
        } else {
            match dial.as_mut().poll(cx) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => return false,
            }
        };
        self.dial = None;
        match outcome {
            Ok(socket) => {
                let up = self.shared.fact(|state, now| state.engine.link_up(now));
                self.link = up.ok().map(|link| Link::new(link, socket));
            }
            Err(error) => self.shared.fact(|state, now| {
                if !unwanted {
                    state.attempted(|| error.clone().into());
                }
                if error.is_permanent() {
                    state.engine.dial_refused(now, Reason::new(Code::Unexpected, error.to_string()));
                } else {
                    state.engine.dial_failed(now, &error.to_string());
                }
            }),
        }
        true
    }

    /// Whether the link has come to its end.
    fn linked(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(link) = &mut self.link else { return false };
        let Poll::Ready(why) = link.poll(cx, &*self.shared) else { return false };
        let id = link.id();
        self.link = None;
        self.shared.fact(|state, now| state.link_down(now, id, &why));
        true
    }

    /// Whether something is due; if not, the task will be woken when it is.
    fn timed_out(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.shared.read(super::state::State::deadline) else { return false };
        let now = self.shared.clock.now();
        if at > now.mono {
            // A timer that is too early only comes here once more.
            if self.sleep.as_ref().is_none_or(|(set, _)| *set > at) {
                let wait = (at - now.mono).max(Duration::from_millis(1));
                self.sleep = Some((at, Box::pin(self.runtime.clone().sleep(wait))));
            }
            let Some((_, sleep)) = &mut self.sleep else { return false };
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.sleep = None;
            return true;
        }
        self.shared.fact(|state, now| state.engine.timeout(now));
        true
    }
}

impl<R: Runtime> Future for Driver<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.shared.register(cx.waker());
        loop {
            if this.dial.is_none() && this.shared.fact(|state, _| state.engine.poll_dial()) {
                this.dial = Some(this.attempt());
            }
            if this.dialled(cx) || this.linked(cx) || this.timed_out(cx) {
                continue;
            }
            let closing = this.shared.read(super::state::State::is_closing);
            if closing && this.dial.is_none() && this.link.is_none() {
                this.shared.closed();
                return Poll::Ready(());
            }
            return Poll::Pending;
        }
    }
}

/// A task may be dropped with its runtime: nobody is to wait for it then.
impl<R: Runtime> Drop for Driver<R> {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            self.shared.fact(|state, now| state.link_down(now, link.id(), "the runtime has stopped"));
        }
        self.shared.closed();
    }
}

impl<R: Runtime> Unpin for Driver<R> {}
