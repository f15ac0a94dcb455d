//! A piece of network that can be cut: passes bytes on between a client and the server, until it does not.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::failure::Failure;

pub(super) struct Relay {
    addr: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Relay {
    /// A relay to a server's address.
    pub(super) async fn to(server: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::bug)?;
        let addr = listener.local_addr().map_err(Failure::bug)?;
        let (whole, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server, state.clone()));
            }
        });
        Ok(Self { addr, whole })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts every connection, and all new ones.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through again.
    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn pass_on(mut client: TcpStream, server: SocketAddr, mut whole: watch::Receiver<bool>) {
    if !*whole.borrow_and_update() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}
