//! A client in the hands of a hostile server.

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Change, Client, ClientConfig, DocId, Document, Epoch, Level, Limits, LinkId, Now, ReplicaId, Seed, Status,
    Transmit, Wall,
    document::EditError,
    error::ReceiveError,
    wire::{Capabilities, FullNames, Message, WriterVersion},
};

use super::{MOST_BYTES, agree_with_the_twin, each_example_and_all, history, pieces};

/// How far a client's link has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    /// The server has said nothing yet.
    Greeting,
    /// The client was let in, and has not asked for the document yet.
    Open,
    /// It has.
    Joining,
    /// It was given the document.
    Joined,
    /// The same, to read only.
    Reading,
}

impl Stage {
    /// All of them.
    const ALL: [Self; 5] = [Self::Greeting, Self::Open, Self::Joining, Self::Joined, Self::Reading];
}

/// A client takes any frames from its server, and keeps what was written in it.
///
/// The first byte chooses the stage; a piece is a frame, and an empty one lets time pass.
///
/// # Panics
///
/// If it does not.
pub fn hostile_client(bytes: &[u8]) {
    let Some((stage, frames)) = bytes.split_first() else { return };
    let mut captive = Captive::new(Stage::ALL[usize::from(*stage) % Stage::ALL.len()]);
    for frame in pieces(frames) {
        if frame.is_empty() {
            captive.wait();
        } else {
            captive.hear(Bytes::copy_from_slice(&frame[..frame.len().min(MOST_BYTES)]));
        }
        captive.write();
    }
    captive.finish();
}

/// A client in the hands of a hostile server.
struct Captive {
    client: Client,
    doc: DocId,
    now: Now,
    stage: Stage,
    made: Vec<Change>,
}

impl Captive {
    fn new(stage: Stage) -> Self {
        let mut client = Client::new(ClientConfig::new(Seed::from_number(5)));
        let document = Document::from_changes(ReplicaId::new(3), None, history(), &Limits::default());
        let doc = client.open("page", document.expect("good headers")).expect("a good name");
        client.connect();
        let mut captive = Self { client, doc, now: Now::default(), stage, made: Vec::new() };
        captive.write();
        captive
    }

    /// The link, come as far as it is to.
    fn link(&mut self) -> LinkId {
        if let Some(link) = self.client.link() {
            return link;
        }
        let mut waits = 0;
        while !self.client.poll_dial() {
            // Told to stay away, it does; someone pushes the button again.
            match self.client.status() {
                Status::Refused(_) | Status::Disconnected => {
                    self.client.disconnect(self.now);
                    self.client.connect();
                }
                _ => self.wait(),
            }
            waits += 1;
            assert!(waits < 10, "the client does not dial: {:?}", self.client.status());
        }
        let link = self.client.link_up(self.now).expect("there is none yet");
        self.drain();
        self.lead(link);
        link
    }

    fn lead(&mut self, link: LinkId) {
        let welcome = Message::Welcome {
            version: 1,
            capabilities: Capabilities::OURS,
            frame_bytes: 1 << 20,
            ping_millis: 15_000,
        };
        let joined = |access| Message::Joined {
            request: self.doc.number(),
            doc: 1,
            epoch: Epoch::new(1),
            access,
            writers: vec![
                WriterVersion { replica: ReplicaId::new(1), received: 3, stored: 2 },
                WriterVersion { replica: ReplicaId::new(7), received: 4, stored: 4 },
            ],
        };
        let said = match self.stage {
            Stage::Greeting => vec![],
            Stage::Open | Stage::Joining => vec![welcome],
            Stage::Joined => vec![welcome, joined(Access::Write)],
            Stage::Reading => vec![welcome, joined(Access::Read)],
        };
        for message in said {
            let _ = self.client.receive(self.now, link, message.encode(&FullNames));
            if self.stage > Stage::Open {
                self.drain();
            }
        }
    }

    fn hear(&mut self, frame: Bytes) {
        let link = self.link();
        if let Err(fault) = self.client.receive(self.now, link, frame) {
            assert!(matches!(fault, ReceiveError::Peer(_)), "a frame is never the caller's mistake: {fault}");
            assert!(self.client.is_closing(link));
        }
        if self.stage > Stage::Open {
            self.drain();
        }
    }

    /// Takes what the client has, as a transport would.
    fn drain(&mut self) {
        let Some(link) = self.client.link() else { return };
        for _ in 0..1_000 {
            match self.client.poll_transmit(self.now, link) {
                Some(Transmit::Frame(frame)) => assert!(frame.len() <= 1 << 20),
                Some(Transmit::Close(_)) => {
                    self.client.link_down(self.now, link, "closed").expect("the link is up");
                    break;
                }
                None => break,
            }
        }
        assert_eq!(
            self.client.link().and_then(|link| self.client.poll_transmit(self.now, link)),
            None,
            "it never ends"
        );
        while self.client.poll_event().is_some() {}
    }

    /// Goes to where the client wants to be woken.
    fn wait(&mut self) {
        if let Some(at) = self.client.poll_timeout() {
            let passed = at - self.now.mono;
            let wall = self.now.wall.as_millis().saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
            self.now = Now::new(self.now.mono.max(at), Wall::from_millis(wall));
            // What was due may make something else due, but not for ever.
            for _ in 0..4 {
                self.client.timeout(self.now);
                self.drain();
            }
            let next = self.client.poll_timeout();
            assert!(
                next.is_none_or(|next| next > self.now.mono),
                "woken at {:?} to be woken at {next:?}",
                self.now.mono
            );
        }
    }

    fn write(&mut self) {
        let edited = self.client.edit(self.now, self.doc, |txn| txn.text("mine").push_str("x"));
        match edited.expect("it is open") {
            Ok(edited) => self.made.extend(edited.change),
            // The server has sent the greatest clock there is, or a change of this very replica with the last number.
            Err(EditError::Exhausted) => {}
            Err(error) => panic!("an edit under siege: {error}"),
        }
        let document = self.client.replica(self.doc).expect("it is open");
        document.check().expect("sound inside");
        for level in [Level::Received, Level::Stored] {
            let synced = self.client.is_synced(self.doc, level).expect("it is open");
            let pending = self.client.pending(self.doc, level).expect("it is open");
            assert!(!synced || pending == 0);
        }
    }

    fn finish(mut self) {
        self.drain();
        let document = self.client.leave(self.doc).expect("it is open");
        for change in &self.made {
            let position = document.log().position(change.id()).expect("what was written here is kept");
            assert_eq!(document.log().get(position).as_ref(), Some(change));
        }
        agree_with_the_twin(&document);
    }
}

/// Every legal message at every stage, alone and all in a row.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    each_example_and_all(Stage::ALL.len())
}
