//! What the fuzz targets do with a byte string; ordinary tests call the same functions.
//!
//! Every byte string means something, and leaving bytes out of it means something simpler: a failing one shrinks by
//! itself, is kept as a file in `tests/crashers/<target>/`, and is replayed from there.

mod block;
mod change;
mod document;
mod frame;
mod hostile_client;
mod hostile_server;
mod message;
mod program;
mod snapshot;

pub use block::block;
use bytes::Bytes;
pub use change::change;
use crdt_socket_sync::{Change, Document, Limits, Replica, ReplicaId, Wall, document::EditError, wire::FullNames};
pub use document::document;
pub use frame::frame;
pub use hostile_client::hostile_client;
pub use hostile_server::hostile_server;
pub use message::message;
pub use program::program;
pub use snapshot::snapshot;

use crate::{Dice, hostile::examples, model::Model, view::shown};

/// Something that is to hold for any byte string.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name here, under `fuzz/`, and as a folder in `tests/crashers/`.
    pub name: &'static str,
    /// What is done with a byte string; it panics if something does not hold.
    pub body: fn(&[u8]),
    /// Byte strings to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What a byte string says, if a person can read more than its bytes.
    pub tell: Option<fn(&[u8]) -> String>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "frame", body: frame, seeds: frame::seeds, tell: None },
    Target { name: "message", body: message, seeds: message::seeds, tell: None },
    Target { name: "change", body: change, seeds: change::seeds, tell: None },
    Target { name: "block", body: block, seeds: block::seeds, tell: None },
    Target { name: "document", body: document, seeds: document::seeds, tell: Some(document::tell) },
    Target { name: "snapshot", body: snapshot, seeds: snapshot::seeds, tell: None },
    Target { name: "program", body: program, seeds: program::seeds, tell: Some(program::tell) },
    Target { name: "hostile_server", body: hostile_server, seeds: hostile_server::seeds, tell: None },
    Target { name: "hostile_client", body: hostile_client, seeds: hostile_client::seeds, tell: None },
];

impl Target {
    /// The target of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn named(name: &str) -> &'static Self {
        TARGETS.iter().find(|target| target.name == name).expect("the name of a target")
    }

    /// The `number`-th of endless inputs: first what it begins with, then that with something changed, or two of them in
    /// one.
    pub fn input(&self, number: usize) -> Vec<u8> {
        let seeds = (self.seeds)();
        if let Some(seed) = seeds.get(number) {
            return seed.clone();
        }
        let mut dice = Dice::new(number as u64);
        let mut bytes = seeds[dice.roll(seeds.len())].clone();
        if dice.roll(2) == 0 {
            // The first byte is a choice, and made already.
            bytes.extend_from_slice(seeds[dice.roll(seeds.len())].get(1..).unwrap_or_default());
        }
        for _ in 0..dice.roll(6) {
            let (at, byte) = (dice.roll(bytes.len()), dice.byte());
            bytes[at] = byte;
        }
        bytes
    }

    /// What is needed of a byte string that fails: what it says, its bytes, and how to keep it.
    pub fn report(&self, bytes: &[u8]) -> String {
        let said = self.tell.map(|tell| tell(bytes)).unwrap_or_default();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // A name to begin with, the same for the same bytes: FNV-1a.
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let folder = format!("tests/crashers/{}", self.name);
        let keep = format!("mkdir -p {folder} && echo {hex} | xxd -r -p > {folder}/{:08x}", hash >> 32);
        format!("{said}to be kept, under a name that says what went wrong: {keep}")
    }
}

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

/// A legal frame of each kind.
fn example_frames() -> Vec<Bytes> {
    examples().iter().map(|message| message.encode(&FullNames)).collect()
}

/// For each first byte below `choices`: every legal frame alone, and all of them in a row.
fn each_example_and_all(choices: usize) -> Vec<Vec<u8>> {
    let frames = example_frames();
    let frames: Vec<_> = frames.iter().map(|frame| &frame[..]).collect();
    let one_by_one =
        |first| frames.chunks(1).chain([&frames[..]]).map(move |some| assemble(first, some.iter().copied()));
    (0..choices as u8).flat_map(one_by_one).collect()
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
                txn.counter("counter").add(1)?;
                txn.or_set("set").add(&who)?;
                if round == 2 {
                    txn.or_set("set").remove(&(1 - who))?;
                }
                txn.or_map("or-map").put("key", &(round + who))?;
                txn.or_map::<u8>("or-map").counter("nested")?.add(-1)?;
                txn.map::<usize>("map").text("nested")?.push_str("x")?;
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
