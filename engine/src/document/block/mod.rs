//! Many changes in few bytes: the block.
//!
//! A block holds consecutive changes of a log, in its order, as columns: all lengths side by side, all clocks, all
//! characters, all keys. What is alike takes a number in all, what is as expected takes nothing, and the rest is deflated. Decoding
//! gives exactly the changes that were encoded, byte for byte, whatever their bodies are. `docs/format.md` has the format.
//!
//! | room | what it is for |
//! |---|---|
//! | `column` | columns of numbers, and how columns are packed |
//! | `headers` | the headers of changes as columns |
//! | `bodies`, `reader` | the bodies of changes as columns, and out of them |
//! | `values`, `value_reader` | operations on values and items as columns, and out of them |
//! | `said`, `valued`, `within`, `mention` | operations, out of bodies: what they are, their fields, containers, other operations |
//! | `forms` | values in CBOR, as what they are made of |
//! | `hands` | what each writer is expected to do next |
//! | `rooms` | what has been written where |
//! | `gone`, `notes` | which items are deleted; something of each of many items |
//! | `replicas` | who is mentioned |
//! | `exchange` | exports and imports |
//!
//! A body is not understood, only split where its fields end: a log that never opens a body packs those of a document all the
//! same, and those that are something else stay as they are.

mod bodies;
mod column;
mod exchange;
mod forms;
mod gone;
mod hands;
mod headers;
mod mention;
mod notes;
mod reader;
mod replicas;
mod rooms;
mod said;
mod value_reader;
mod valued;
mod values;
mod within;

use bodies::{Bodies, Known};
use bytes::Bytes;
use column::{Deflater, Packing, pack_section, unpack_section};
pub use exchange::Imported;
use headers::{HeaderReader, Headers};
use reader::BodyReader;
use replicas::Table;

use crate::{
    causal::{ChangeRun, ChangeRuns},
    error::{ChangeFault, Malformed},
    id::ReplicaId,
    limits::Limits,
    packed::{Unpacker, pack_number},
    proof::{Fault, planted},
};

/// What a block begins with.
const MAGIC: [u8; 4] = *b"CSSb";
const VERSION: u8 = 1;

/// Why a block was not taken in, or not as a whole.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockFault {
    /// It is not in the form of a block. Offsets are into the part of it where reading stopped.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is of a version that this library does not know.
    #[error("a block of version {version}, which this library does not know")]
    Version {
        /// The version.
        version: u8,
    },
    /// It is not as it was written.
    #[error("the block's checksum is not that of its bytes")]
    Damaged,
    /// It holds more than the caller takes.
    #[error("a block over the limit on {what}: {limit}")]
    OverLimit {
        /// What was counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// One of its changes can be part of no history that is here. Those before it have been taken in.
    #[error(transparent)]
    Change(#[from] ChangeFault),
}

/// The block of some changes as they lie in a log: in its order, with none of a writer's left out between two others.
/// `writers` are the replicas by the numbers that the log gives them.
///
/// Characters for which `known` has an answer are left out, unless it is a wrong one.
pub(in crate::document) fn encode<'a>(
    runs: impl IntoIterator<Item = ChangeRun<'a>>,
    writers: &[ReplicaId],
    known: Known<'_>,
) -> Bytes {
    let mut block = Encoding::new(known);
    for run in runs {
        let place = block.headers.push_run(&run, writers, &mut block.table);
        block.bodies.push_run(&run, writers, place, &mut block.table);
        block.count += run.count as u64;
        block.len += run.bytes() as u64;
    }
    block.finish()
}

/// The same of changes that are looked at one by one: the same bytes, later.
#[cfg(any(test, feature = "proof"))]
pub(in crate::document) fn encode_each(
    changes: impl IntoIterator<Item = crate::causal::Change>,
    known: Known<'_>,
) -> Bytes {
    let mut block = Encoding::new(known);
    for change in changes {
        let place = block.headers.push(&change, &mut block.table);
        block.bodies.push(&change, place, &mut block.table);
        block.count += 1;
        block.len += change.body.len() as u64;
    }
    block.finish()
}

/// A block that is being written.
struct Encoding<'a> {
    table: Table,
    headers: Headers,
    bodies: Bodies<'a>,
    count: u64,
    len: u64,
}

impl<'a> Encoding<'a> {
    fn new(known: Known<'a>) -> Self {
        let (table, headers) = (Table::default(), Headers::default());
        Self { table, headers, bodies: Bodies::new(known), count: 0, len: 0 }
    }

    fn finish(self) -> Bytes {
        let mut block = Vec::new();
        block.extend(MAGIC);
        block.push(VERSION);
        block.extend([0; 4]);
        pack_number(&mut block, self.count);
        pack_number(&mut block, self.len);
        let mut deflater = Deflater::default();
        pack_section(&mut block, self.headers.finish(&self.table), Packing::Again, &mut deflater);
        self.bodies.pack(&mut block, &mut deflater);
        let (before, packed) = block.split_at_mut(MAGIC.len() + 5);
        before[MAGIC.len() + 1..].copy_from_slice(&crc32fast::hash(packed).to_be_bytes());
        block.into()
    }
}

/// The changes of a block. `known` has to answer as when it was encoded.
///
/// # Errors
///
/// If it is not one, or holds more than the limits allow.
pub(in crate::document) fn decode(block: Bytes, known: Known<'_>, limits: &Limits) -> Result<Decoded, BlockFault> {
    let mut bytes = Unpacker::new(checked(block)?);
    let count = bytes.number("how many changes")?;
    let len = bytes.number("how many bytes of bodies")?;
    if count > limits.block_changes as u64 && !planted(Fault::BlockUnbounded) {
        return Err(BlockFault::OverLimit { what: "changes in a block", limit: limits.block_changes });
    }
    let mut most = limits.block_bytes;
    let headers = unpack_section(&mut bytes, &mut most, limits)?;
    let numbers = unpack_section(&mut bytes, &mut most, limits)?;
    let texts = unpack_section(&mut bytes, &mut most, limits)?;
    let values = unpack_section(&mut bytes, &mut most, limits)?;
    let most = limits.block_bytes as u64;
    if len > most {
        return Err(BlockFault::OverLimit { what: "bytes in a block", limit: limits.block_bytes });
    }
    if bytes.left() > 0 {
        return Err(bytes.fault("the end").into());
    }
    let mut headers = HeaderReader::new(headers)?;
    let mut bodies = BodyReader::new(known, numbers, texts, values);
    let (mut packed, mut runs) = (Vec::new(), ChangeRuns::default());
    let mut left = count;
    while left > 0 {
        let run = headers.next_run(left, &mut runs)?;
        left -= run.2;
        bodies.next_run(run, headers.table(), len as usize, &mut packed, &mut runs)?;
    }
    if packed.len() as u64 != len {
        return Err(bytes.fault("bodies of as many bytes as there are said to be").into());
    }
    let writers = headers.table().iter().map(|entry| entry.id).collect();
    Ok(Decoded { runs: runs.finish(packed.into()), writers })
}

/// What is in a block.
pub(in crate::document) struct Decoded {
    pub(in crate::document) runs: ChangeRuns,
    /// Replicas by the numbers that the runs call them by.
    pub(in crate::document) writers: Vec<ReplicaId>,
}

/// What is behind the checksum, which is right.
fn checked(block: Bytes) -> Result<Bytes, BlockFault> {
    let mut bytes = Unpacker::new(block);
    for expected in MAGIC {
        if bytes.byte("a block")? != expected {
            return Err(bytes.fault("a block").into());
        }
    }
    let version = bytes.byte("a block's version")?;
    if version != VERSION {
        return Err(BlockFault::Version { version });
    }
    let mut sum = [0; 4];
    for byte in &mut sum {
        *byte = bytes.byte("a block's checksum")?;
    }
    let packed = bytes.rest();
    let right = crc32fast::hash(&packed) == u32::from_be_bytes(sum);
    if right || planted(Fault::ChecksumUnchecked) { Ok(packed) } else { Err(BlockFault::Damaged) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        causal::{Change, Hlc},
        document::{Document, EditError, Transaction},
        id::OpId,
        time::Wall,
    };

    fn read_all(block: Bytes, known: Known<'_>, limits: &Limits) -> Result<Vec<Change>, BlockFault> {
        decode(block, known, limits).map(|Decoded { runs, writers }| runs.changes(&writers))
    }

    fn typed(text: &str) -> Vec<Change> {
        let mut document = Document::new(ReplicaId::new(1));
        for (at, letter) in text.chars().enumerate() {
            let wall = Wall::from_millis(1_000 * at as u64);
            let edited = document.edit(wall, |txn| txn.text("t").push_str(letter.encode_utf8(&mut [0; 4])));
            edited.map_err(|error: EditError| error).expect("a good edit");
        }
        document.log().iter().collect()
    }

    #[test]
    fn a_letter_typed_on_takes_nothing_but_itself() {
        let size = |len| encode_each(typed(&"abcdefghij".repeat(len)), None).len();
        // Ten times the text is as long when it is deflated, but for a few bytes.
        assert!(size(100) < size(10) + 20, "{} and {} bytes", size(100), size(10));
    }

    type Edit = fn(&mut Transaction<'_>) -> Result<(), EditError>;

    /// How many bytes each of these edits adds to a block.
    fn sizes<const N: usize>(edits: [Edit; N]) -> [usize; N] {
        let mut document = Document::new(ReplicaId::new(1));
        let mut last = 0;
        edits.map(|edit| {
            document.edit(Wall::from_millis(1), edit).expect("a good edit");
            let changes: Vec<_> = document.log().iter().collect();
            let block = encode(document.log().runs(0), document.log().writers(), None);
            assert_eq!(encode_each(changes.clone(), None), block);
            assert_eq!(read_all(block.clone(), None, &Limits::default()), Ok(changes));
            block.len() - std::mem::replace(&mut last, block.len())
        })
    }

    #[test]
    fn a_key_that_is_set_again_takes_two_bytes_and_what_its_value_takes() {
        let sizes = sizes([
            |txn| txn.map("a map").set("a long name", &"a word"),
            |txn| txn.map("a map").set("another one", &1_000_000),
            |txn| txn.map("a map").set("a long name", &"a word"),
            |txn| txn.map("a map").set("a long name", &"a word"),
            |txn| txn.map("a map").set("another one", &1_000_001),
            |txn| txn.map("a map").set("another one", &1_000_002),
            |txn| txn.map("a map").set("another one", &1_000_003),
        ]);
        assert!(sizes[3..].iter().all(|size| *size <= 6), "{sizes:?}");
    }

    #[test]
    fn an_element_that_comes_and_goes_takes_two_or_three_bytes_each_time() {
        let add: Edit = |txn| txn.or_set("a set").add(&"a long name");
        let sizes = sizes([
            add,
            |txn| txn.or_set("a set").remove(&"a long name"),
            add,
            |txn| txn.or_set("a set").remove(&"a long name"),
        ]);
        assert!(sizes[2..].iter().all(|size| *size <= 3), "{sizes:?}");
    }

    #[test]
    fn no_tag_is_another_thing_than_a_tag_that_is_none() {
        let change = |body: &'static [u8]| Change {
            replica: ReplicaId::new(1),
            seq: 0,
            len: 1,
            clock: Hlc::new(1, 0),
            deps: Default::default(),
            body: Bytes::from_static(body),
        };
        // An addition to a set `s` of what is no bytes at all, and a removal.
        for body in [&[10, 0, 4, 0, 1, b's', 0, 0][..], &[10, 0, 4, 0, 1, b's', 0, 1, 0], &[0x4b, 1, 0], &[0x4b, 0]] {
            let changes = vec![change(body)];
            assert_eq!(read_all(encode_each(changes.clone(), None), None, &Limits::default()), Ok(changes));
        }
    }

    #[test]
    fn items_one_more_each_time_take_nothing_but_where_they_are() {
        let push: Edit = |txn| {
            let mut list = txn.list("a list");
            let len = list.len();
            list.push(&len)
        };
        let insert: Edit = |txn| {
            let mut list = txn.list("a list");
            let (len, at) = (list.len(), list.len() / 3);
            list.insert(at, &len)
        };
        let sizes = sizes([push, push, push, push, push, insert, insert, insert, insert, insert]);
        assert_eq!(sizes[3..5], [0, 0]);
        assert!(sizes[7..].iter().all(|size| *size <= 4), "{sizes:?}");
    }

    #[test]
    fn characters_that_both_sides_know_are_left_out_unless_they_are_other_ones() {
        let text = "Is a pond with leaves on it";
        let changes = typed(text);
        let known = |op: OpId| text.chars().nth(usize::try_from(op.seq).ok()?).filter(|char| *char != 'e');
        let (whole, rest) = (encode_each(changes.clone(), None), encode_each(changes.clone(), Some(&known)));
        assert!(rest.len() + 15 < whole.len(), "{} and {} bytes", rest.len(), whole.len());
        assert_eq!(read_all(rest, Some(&known), &Limits::default()), Ok(changes.clone()));
        let wrong = |op: OpId| known(op).map(|char| if op.seq == 3 { '?' } else { char });
        let block = encode_each(changes.clone(), Some(&wrong));
        assert_eq!(read_all(block, Some(&wrong), &Limits::default()), Ok(changes));
    }

    #[test]
    fn what_is_damaged_cut_short_of_another_version_or_over_a_limit_is_refused() {
        let changes = typed("abcdefgh");
        let block = encode_each(changes.clone(), None);
        let limits = Limits::default();
        let read = |block: &[u8], limits: &Limits| read_all(Bytes::copy_from_slice(block), None, limits);
        for at in 0..block.len() {
            let mut damaged = block.to_vec();
            damaged[at] ^= 1;
            assert!(read(&damaged, &limits).is_err(), "byte {at}");
            assert!(read(&block[..at], &limits).is_err(), "{at} bytes");
        }
        let mut later = block.to_vec();
        later[4] = 2;
        assert_eq!(read(&later, &limits), Err(BlockFault::Version { version: 2 }));
        let mut damaged = block.to_vec();
        damaged[20] ^= 1;
        assert_eq!(read(&damaged, &limits), Err(BlockFault::Damaged));
        for (changes, bytes) in [(7, 1_000), (8, 20)] {
            let few = Limits { block_changes: changes, block_bytes: bytes, ..Limits::default() };
            assert!(matches!(read(&block, &few), Err(BlockFault::OverLimit { .. })));
        }
        assert_eq!(read(&block, &Limits { block_changes: 8, ..Limits::default() }), Ok(changes));
    }

    #[test]
    fn a_few_bytes_that_claim_many_changes_are_refused_before_there_are_as_many() {
        let endless = |len: u64, count: u64| {
            let change = |seq| Change {
                replica: ReplicaId::new(1),
                seq,
                len: 1,
                clock: Hlc::new(seq, 0),
                deps: Default::default(),
                body: Bytes::new(),
            };
            let (mut table, mut headers, mut bodies) = (Table::default(), Headers::default(), Bodies::new(None));
            for seq in 0..2 {
                let place = headers.push(&change(seq), &mut table);
                bodies.push(&change(seq), place, &mut table);
            }
            let mut packed = Vec::new();
            pack_number(&mut packed, count);
            pack_number(&mut packed, len);
            let mut deflater = Deflater::default();
            pack_section(&mut packed, headers.finish(&table), Packing::Again, &mut deflater);
            bodies.pack(&mut packed, &mut deflater);
            let sum = crc32fast::hash(&packed).to_be_bytes();
            let block = [&MAGIC[..], &[VERSION], &sum, &packed].concat();
            read_all(block.into(), None, &Limits::default())
        };
        assert_eq!(endless(0, 2).map(|changes| changes.len()), Ok(2));
        assert!(matches!(endless(0, 3), Err(BlockFault::Malformed(_))));
        assert!(matches!(endless(1, 2), Err(BlockFault::Malformed(_))));
        assert!(matches!(endless(0, u64::MAX), Err(BlockFault::OverLimit { .. })));
        assert!(matches!(endless(u64::MAX, 2), Err(BlockFault::OverLimit { .. })));
    }
}
