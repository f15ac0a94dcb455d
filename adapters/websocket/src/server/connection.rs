//! A server's tasks: one for each connection, and one that keeps time.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use futures_util::future::{Either, select};

use super::hub::Hub;
use crate::{Listen, Runtime, WebSocket, link::Link};

/// Upgrades a connection, in time, and drives it to its end.
pub(super) async fn serve<R: Listen>(runtime: R, hub: Arc<Hub>, accepted: R::Accepted, peer: SocketAddr) {
    // On the heap, so that it does not count for the connection's life.
    let upgrade = Box::pin(upgrade(runtime, hub.clone(), accepted));
    if let Some(socket) = upgrade.await {
        drive(hub, socket, Some(peer)).await;
    }
}

async fn upgrade<R: Listen>(runtime: R, hub: Arc<Hub>, accepted: R::Accepted) -> Option<R::Incoming> {
    let upgrade = runtime.clone().upgrade(accepted, hub.limits().clone());
    let late = runtime.sleep(hub.limits().greeting_time);
    match select(pin!(upgrade), pin!(late)).await {
        Either::Left((Ok(socket), _)) => Some(socket),
        Either::Left((Err(_), _)) | Either::Right(_) => None,
    }
}

pub(super) fn drive<S: WebSocket>(hub: Arc<Hub>, socket: S, peer: Option<SocketAddr>) -> Connection<S> {
    let link = Link::new(hub.link_up(peer), socket);
    Connection { link: Some(link), hub }
}

/// A connection, from upgrade to end. The engine hears of its end even if its task is dropped.
pub(super) struct Connection<S: WebSocket> {
    link: Option<Link<S>>,
    hub: Arc<Hub>,
}

impl<S: WebSocket> Connection<S> {
    fn end(&mut self, why: &str) {
        if let Some(link) = self.link.take() {
            self.hub.link_down(link.id(), why);
        }
    }
}

impl<S: WebSocket> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(link) = &mut this.link else { return Poll::Ready(()) };
        let Poll::Ready(why) = link.poll(cx, &*this.hub) else { return Poll::Pending };
        this.end(&why);
        Poll::Ready(())
    }
}

impl<S: WebSocket> Drop for Connection<S> {
    fn drop(&mut self) {
        self.end("the connection's task has ended");
    }
}

/// Calls the engine when it wants to be called.
pub(super) async fn keep_time<R: Runtime>(runtime: R, hub: Weak<Hub>) {
    // The hub is held only while it is looked at. Its end is told by `abort`.
    let look = || hub.upgrade();
    while let Some(Some(wait)) = poll_fn(|cx| match look() {
        Some(hub) => hub.poll_alarm(cx).map(Some),
        None => Poll::Ready(None),
    })
    .await
    {
        let mut sleep = pin!(runtime.clone().sleep(wait));
        let rearmed = poll_fn(|cx| match look() {
            Some(hub) => hub.poll_rearmed(cx),
            None => Poll::Ready(()),
        });
        if let Either::Left(_) = select(&mut sleep, pin!(rearmed)).await {
            if let Some(hub) = look() {
                hub.timeout();
            }
        }
    }
}
