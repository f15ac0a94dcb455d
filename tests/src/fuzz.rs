//! What the fuzz targets do with a byte string; ordinary tests call the same functions.
//!
//! Every byte string means something, and leaving bytes out of it means something simpler: a failing one shrinks by
//! itself, is kept as a file in `tests/crashers/<target>/`, and is replayed from there.

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Change, Client, ClientConfig, DocId, Document, Epoch, Limits, LinkId, Now, Replica, ReplicaId, Seed,
    Status, Transmit, Wall,
    causal::Hlc,
    document::EditError,
    error::ReceiveError,
    wire::{Capabilities, FullNames, Message, WriterVersion, Writers},
};

use crate::{
    hostile::{Siege, State, examples},
    model::Model,
    view::shown,
};

/// What a target does with a byte string; it panics if something does not hold.
pub type Body = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Body); 4] =
    [("frame", frame), ("change", change), ("hostile_server", hostile_server), ("hostile_client", hostile_client)];

/// More pieces than this are not looked at, so that every run is short.
const MOST_PIECES: usize = 64;
/// The naive twin is slow with long texts.
const MOST_BYTES: usize = 400;

/// A byte string as a list of pieces, each preceded by its length in two bytes; the last may fall short of it.
pub fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (piece, after) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        bytes = after;
        Some(piece)
    })
    .take(MOST_PIECES)
}

/// The byte string that begins with `first` and goes on with these pieces.
///
/// # Panics
///
/// If a piece has more than 65 535 bytes.
pub fn assemble<'a>(first: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = vec![first];
    for piece in pieces {
        let length = u16::try_from(piece.len()).expect("a short piece");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(piece);
    }
    bytes
}

/// Any bytes are a message or not one, and a message survives its own frame.
///
/// The first byte says how many writers have short names.
///
/// # Panics
///
/// If they do not hold.
pub fn frame(bytes: &[u8]) {
    let Some((first, frame)) = bytes.split_first() else { return };
    let mut names = Writers::default();
    (1..=u64::from(first % 4)).for_each(|writer| names.introduce(ReplicaId::new(writer)));
    let frame = Bytes::copy_from_slice(frame);
    let about = Message::document_of(&frame);
    let Ok(message) = Message::decode(frame, &names) else { return };
    let again = message.encode(&names);
    assert_eq!(Message::document_of(&again), about);
    let read = Message::decode(again.clone(), &names);
    assert_eq!(read.as_ref(), Ok(&message));
    assert_eq!(message.encode(&names), again);
}

/// A document takes in any changes, stays sound, shows what the naive twin shows, and so does one that takes in what it
/// has in another order.
///
/// A piece that begins with 0 is a change as it stands. With 1 it is a body, after a byte for the writer and one for the
/// length, and with 2 what is written into a real body, after the same bytes and two for which and where: these get a
/// header that fits.
///
/// # Panics
///
/// If it does not.
pub fn change(bytes: &[u8]) {
    let made = history();
    let limits = Limits::default();
    let mut document = Document::from_changes(ReplicaId::new(3), None, made.clone(), &limits).expect("good headers");
    for piece in pieces(bytes) {
        let Some(change) = read_change(&piece[..piece.len().min(MOST_BYTES)], &made, &document) else { continue };
        // What can be part of no history is refused with an error, and changes nothing.
        let before = document.digest();
        if document.receive(change, &limits).is_err() {
            assert_eq!(document.digest(), before);
        }
        document.check().expect("sound inside");
    }
    match document.edit(Wall::from_millis(9), |txn| txn.text("text").push_str("!")) {
        Ok(_) | Err(EditError::Exhausted) => {}
        Err(error) => panic!("an edit after it all: {error}"),
    }
    document.check().expect("sound inside");
    agree_with_the_twin(&document);

    let mut reversed = Document::new(ReplicaId::new(4));
    for change in document.log().range(0..document.log().end()).iter().rev() {
        reversed.receive(change.clone(), &limits).expect("what one log took, another takes");
    }
    reversed.check().expect("sound inside");
    assert_eq!(reversed.log().version(), document.log().version());
    assert_eq!(reversed.log().frontier(), document.log().frontier());
    assert_eq!(shown(&reversed), shown(&document));
    assert_eq!(reversed.digest(), document.digest());
}

fn agree_with_the_twin(document: &Document) {
    assert_eq!(shown(document), Model::of(document.log().iter()).shown());
}

/// What two people wrote, in part at the same time.
fn history() -> Vec<Change> {
    let mut people = [1, 2].map(|replica| Document::new(ReplicaId::new(replica)));
    let mut made = Vec::new();
    for round in 0..3 {
        for (who, person) in people.iter_mut().enumerate() {
            let edited = person.edit::<_, EditError>(Wall::from_millis(1), |txn| {
                let len = txn.text("text").len();
                txn.text("text").insert(len / 2, ["hi", "a😀b"][who])?;
                if round == 1 {
                    txn.text("text").delete(len / 3, 2)?;
                }
                txn.map("map").set("key", &(round + who))?;
                txn.register("register").set(&round)
            });
            made.extend(edited.expect("edits inside").change);
        }
        let limits = Limits::default();
        for person in people.iter_mut().take(if round == 1 { 0 } else { 2 }) {
            made.iter().for_each(|change| drop(person.receive(change.clone(), &limits).expect("a good header")));
        }
    }
    made
}

fn read_change(piece: &[u8], made: &[Change], document: &Document) -> Option<Change> {
    let (kind, rest) = piece.split_first()?;
    if kind % 3 == 0 {
        return Change::decode(Bytes::copy_from_slice(rest)).ok();
    }
    let (&[writer, len], rest) = rest.split_first_chunk()?;
    let replica = ReplicaId::new(u64::from(writer % 4) + 2);
    let log = document.log();
    let (mut len, mut body) = (u64::from(len), rest.to_vec());
    if kind % 3 == 2 {
        let (&[which, at], rest) = rest.split_first_chunk()?;
        let real = &made[usize::from(which) % made.len()];
        (len, body) = (real.len, real.body.to_vec());
        let at = usize::from(at) % body.len();
        body.truncate(at);
        body.extend_from_slice(rest);
        body.extend_from_slice(real.body.get(body.len()..).unwrap_or_default());
    }
    let clock = Hlc::from_bits(log.clock().bits().saturating_add(1));
    let deps = log.frontier().iter().filter(|head| head.replica != replica).collect();
    Some(Change { replica, seq: log.version().next(replica), len, clock, deps, body: body.into() })
}

/// A server takes any frames from one peer, and its other clients notice nothing.
///
/// The first byte chooses how far the hostile link has come; every piece is a frame.
///
/// # Panics
///
/// If they do.
pub fn hostile_server(bytes: &[u8]) {
    let Some((state, frames)) = bytes.split_first() else { return };
    let mut siege = Siege::new(State::ALL[usize::from(*state) % State::ALL.len()]);
    for frame in pieces(frames) {
        siege.send(Bytes::copy_from_slice(frame));
    }
    siege.work();
    assert!(siege.undisturbed(), "an honest client lost its link");
}

/// How far a client's link has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
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
    pub const ALL: [Self; 5] = [Self::Greeting, Self::Open, Self::Joining, Self::Joined, Self::Reading];
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
        for level in [crdt_socket_sync::Level::Received, crdt_socket_sync::Level::Stored] {
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
            assert_eq!(&document.log().range(position..position + 1)[0], change);
        }
        agree_with_the_twin(&document);
    }
}

/// Byte strings to begin with: legal messages, real changes, and one of each pretence.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let frames: Vec<_> = examples().iter().map(|message| message.encode(&FullNames)).collect();
    let each = |first: u8| frames.iter().map(move |frame| assemble(first, [&frame[..]])).collect::<Vec<_>>();
    let all = |first: u8| assemble(first, frames.iter().map(|frame| &frame[..]));
    match target {
        "frame" => frames.iter().flat_map(|frame| [0, 3].map(|first| [&[first], &frame[..]].concat())).collect(),
        "change" => {
            let made = history();
            let alone = made.iter().map(|change| [&[0], &change.encode()[..]].concat());
            let bodies = made.iter().map(|change| [&[1, 0, change.len as u8], &change.body[..]].concat());
            let patches = (0..8).map(|at| vec![2, 1, 1, at, at * 9, 0x20, 0x01]);
            let pieces: Vec<_> = alone.chain(bodies).chain(patches).collect();
            pieces
                .chunks(5)
                .map(|some| assemble(some[0][0], some.iter().map(|piece| &piece[..]))[1..].to_vec())
                .collect()
        }
        "hostile_server" => {
            (0..State::ALL.len() as u8).flat_map(|state| each(state).into_iter().chain([all(state)])).collect()
        }
        _ => (0..Stage::ALL.len() as u8).flat_map(|stage| each(stage).into_iter().chain([all(stage)])).collect(),
    }
}
