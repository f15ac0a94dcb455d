//! What goes wrong, and what it is called.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener},
    pin::Pin,
    thread,
};

use crdt_socket_sync::{
    Client as Engine, ClientConfig, Document, Level, Limits, Now, ReplicaId, Seed, Status, Transmit,
};
use crdt_socket_sync_websocket::{
    Client, Clock, ConnectError, DialError, Server, WebSocket,
    tungstenite::{self, Message},
};
use futures_util::{SinkExt, StreamExt};

use super::{Tested, eager, push, run, serve, shows, soon, stored, text};

/// An address where nobody listens.
fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A server of some other kind, for one connection.
fn other_server(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    addr
}

async fn first_error<R: Tested>(url: &str) -> DialError {
    let client = Client::<R>::connect(url);
    match soon::<R, _>("the first attempt", client.first_attempt()).await {
        Err(ConnectError::Dial(error)) => {
            let status = client.status();
            assert_eq!(error.is_permanent(), matches!(status, Status::Refused(_)), "{error}: {status:?}");
            error
        }
        other => panic!("{url}: {other:?}"),
    }
}

pub(crate) async fn every_failure_to_connect_has_its_error<R: Tested>() {
    let refused = first_error::<R>(&format!("ws://{}", free_addr())).await;
    assert!(matches!(refused, DialError::Refused(_)), "{refused:?}");

    let web = other_server(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        // Until the client is gone, so that it has read the answer.
        let _ = stream.read(&mut [0; 1]);
    });
    assert_eq!(first_error::<R>(&format!("ws://{web}/a/path")).await, DialError::Http { status: 404 });

    let echo = other_server(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        while let Ok(message) = socket.read() {
            if socket.send(message).is_err() {
                break;
            }
        }
    });
    assert_eq!(first_error::<R>(&format!("ws://{echo}")).await, DialError::NotOurs);

    let mail = other_server(|mut stream| {
        let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    let not = first_error::<R>(&format!("ws://{mail}")).await;
    assert!(matches!(not, DialError::NotWebSocket(_)), "{not:?}");

    for url in ["http://127.0.0.1", "127.0.0.1:9000", "ws://", "", "ws://a b"] {
        let bad = first_error::<R>(url).await;
        assert!(matches!(bad, DialError::BadUrl { .. }), "{url}: {bad:?}");
        assert_eq!(bad.to_string().lines().count(), 1);
    }
}

/// Acceptance line 95.
pub(crate) async fn an_address_that_is_taken_is_an_error_and_its_owner_serves_on<R: Tested>() {
    let server = Server::<R>::bind("127.0.0.1:0").await.unwrap();
    let taken = Server::<R>::bind(server.local_addr()).await;
    assert_eq!(taken.err().map(|error| error.kind()), Some(ErrorKind::AddrInUse));
    let (url, _server) = run(server);
    let ann = Client::<R>::connect(&url);
    soon::<R, _>("connected", ann.connected()).await.unwrap();
}

pub(crate) async fn a_client_waits_for_its_server_to_appear<R: Tested>() {
    let addr = free_addr();
    let ann = Client::<R>::builder(format!("ws://{addr}")).limits(eager()).connect();
    let notes = ann.open("notes").unwrap();
    push(&notes, "patience");
    let first = soon::<R, _>("the first attempt", ann.first_attempt()).await;
    assert!(matches!(first, Err(ConnectError::Dial(DialError::Refused(_)))), "{first:?}");
    let server = Server::<R>::bind(addr).await.unwrap();
    run(server);
    soon::<R, _>("connected", ann.connected()).await.unwrap();
    stored::<R>(&notes).await;
    assert!(ann.first_attempt().await.is_err(), "what it was remains so");
}

/// Reads up to the close frame: its code.
async fn close_code(socket: &mut (impl WebSocket + Sized)) -> u16 {
    loop {
        match socket.next().await.expect("a close frame comes first").unwrap() {
            Message::Close(frame) => return frame.expect("with a code").code.into(),
            _ => continue,
        }
    }
}

pub(crate) async fn a_text_message_closes_the_link<R: Tested>() {
    let (url, _server) = serve::<R>().await;
    let mut socket = R::default().dial(url, Limits::default()).await.unwrap();
    socket.send(Message::text("{\"hello\": true}")).await.unwrap();
    assert_eq!(soon::<R, _>("a close frame", close_code(&mut socket)).await, 4_002);
}

pub(crate) async fn a_message_that_is_too_large_closes_the_link<R: Tested>() {
    let mut limits = Limits::default();
    limits.frame_bytes = 64 << 10;
    let server = Server::<R>::builder().limits(limits).bind("127.0.0.1:0").await.unwrap();
    let (url, _server) = run(server);
    // For a stranger a frame is too large long before a message is.
    let mut socket = R::default().dial(url.clone(), Limits::default()).await.unwrap();
    socket.send(Message::binary(vec![0x80; 5 << 10])).await.unwrap();
    assert_eq!(soon::<R, _>("a close frame", close_code(&mut socket)).await, 4_007);
    let mut socket = R::default().dial(url, Limits::default()).await.unwrap();
    // The connection may break before all of it is sent, and the goodbye with it.
    let _ = socket.send(Message::binary(vec![0; 1 << 20])).await;
    soon::<R, _>("the end", async { while let Some(Ok(_)) = socket.next().await {} }).await;
}

/// A client by hand, which reads when it is told to.
struct ByHand<S> {
    engine: Engine<Document>,
    socket: S,
    clock: Clock,
}

impl<S: WebSocket> ByHand<S> {
    fn now(&self) -> Now {
        self.clock.now()
    }

    async fn send(&mut self) {
        let now = self.now();
        let link = self.engine.link().unwrap();
        while let Some(Transmit::Frame(frame)) = self.engine.poll_transmit(now, link) {
            Pin::new(&mut self.socket).send(Message::Binary(frame)).await.unwrap();
        }
    }

    async fn read(&mut self) {
        if let Message::Binary(frame) = self.socket.next().await.unwrap().unwrap() {
            let (now, link) = (self.now(), self.engine.link().unwrap());
            self.engine.receive(now, link, frame).unwrap();
        }
    }
}

/// Acceptance line 134.
pub(crate) async fn who_does_not_read_holds_nobody_up<R: Tested>() {
    const EDITS: usize = 100;
    let (url, _server) = serve::<R>().await;
    let mut slow = ByHand {
        engine: Engine::new(ClientConfig::new(Seed::from_number(1))),
        socket: R::default().dial(url.clone(), Limits::default()).await.unwrap(),
        clock: Clock::start(),
    };
    slow.engine.connect();
    assert!(slow.engine.poll_dial());
    slow.engine.link_up(slow.now()).unwrap();
    let doc = slow.engine.open("notes", Document::new(ReplicaId::new(9))).unwrap();
    while !slow.engine.is_caught_up(doc).unwrap() {
        slow.send().await;
        soon::<R, _>("an answer", slow.read()).await;
    }

    // From here on it does not read, and there is far more than fits between it and the server.
    let (ann, bob) = (Client::<R>::connect(&url), Client::<R>::connect(&url));
    let (written, read) = (ann.open("notes").unwrap(), bob.open("notes").unwrap());
    let page = "x".repeat(128 << 10);
    for _ in 0..EDITS {
        written.edit(|txn| txn.register("page").set(&page)).unwrap();
    }
    push(&written, "done");
    soon::<R, _>("stored", written.synced(Level::Stored)).await.unwrap();
    shows::<R>(&read, "done").await;
    assert_eq!(text(&written), text(&read));

    // It lacks nothing, once it reads.
    while slow.engine.replica(doc).unwrap().text("body") != "done" {
        slow.send().await;
        soon::<R, _>("what it missed", slow.read()).await;
    }
    assert_eq!(slow.engine.replica(doc).unwrap().log().end(), EDITS + 1);
}
