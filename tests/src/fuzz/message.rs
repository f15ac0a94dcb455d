//! Messages: every one there can be survives its frame. The target `frame` goes the other way.

use std::collections::BTreeMap;

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Change, Epoch, Level, OpId, ReplicaId, VersionVector,
    causal::Hlc,
    error::{Code, Reason},
    wire::{Capabilities, FullNames, Message, WriterVersion, Writers},
};

use crate::Dice;

/// How many fields a later version may have added.
const MOST_ADDED: u8 = 4;
/// How deep they may be nested here; a reader stands more.
const DEPTH: u8 = 6;

/// What bytes are taken for; when they are used up, everything is zero, empty or short.
struct Source<'a>(&'a [u8]);

/// Any message survives its own frame, whatever its fields hold and however its writers are called; no shorter or longer
/// frame is a message, apart from what a later version adds. The same for a change that stands alone, and for a version
/// vector that is written in no order.
///
/// # Panics
///
/// If they do not hold.
pub fn message(bytes: &[u8]) {
    let mut source = Source(bytes);
    let mut names = Writers::default();
    (1..=u64::from(source.byte() % 4)).for_each(|writer| names.introduce(ReplicaId::new(writer)));
    let message = source.message();
    let frame = message.encode(&names);
    let about = match message {
        Message::Changes { doc, .. } | Message::Ack { doc, .. } | Message::Want { doc, .. } => Some(doc),
        _ => None,
    };
    assert_eq!(Message::document_of(&frame), about);
    let read = |frame: Bytes| {
        let read = Message::decode(frame.clone(), &names).ok()?;
        assert_eq!(Message::document_of(&frame), about);
        Some(read)
    };
    survives(&message, &frame, &mut source, read);
    grows(&message, &frame, &mut source, read);
    assert_eq!(Message::decode(frame.clone(), &names).map(|read| read.encode(&names)), Ok(frame));
    // Whoever knows short names understands full ones too; but not what follows from the order of introduction.
    if !matches!(&message, Message::Changes { introduced, .. } if !introduced.is_empty()) {
        assert_eq!(Message::decode(message.encode(&FullNames), &names), Ok(message));
    }

    let change = source.change();
    let alone = change.encode();
    assert_eq!(change.encoded_len(), alone.len());
    survives(&change, &alone, &mut source, |bytes| Change::decode(bytes).ok());
    assert_eq!(Change::decode(alone.clone()).map(|read| read.encode()), Ok(alone));

    version_in_any_order(&mut source);
}

/// Reads back what is written; refuses it when it is cut short, or has a byte too many.
fn survives<T: PartialEq + std::fmt::Debug>(
    value: &T,
    written: &Bytes,
    source: &mut Source<'_>,
    read: impl Fn(Bytes) -> Option<T>,
) {
    assert_eq!(read(written.clone()).as_ref(), Some(value));
    let refused = |frame: Bytes, what: &str| assert_eq!(read(frame), None, "{what}");
    (0..written.len()).for_each(|len| refused(written.slice(..len), "cut short"));
    let mut longer = written.to_vec();
    longer.push(source.byte());
    refused(longer.into(), "a byte too many");
}

/// Reads what a later version adds to a frame, and refuses it when that is cut short.
fn grows<T: PartialEq + std::fmt::Debug>(
    value: &T,
    written: &Bytes,
    source: &mut Source<'_>,
    read: impl Fn(Bytes) -> Option<T>,
) {
    let added = source.byte() % (MOST_ADDED + 1);
    let mut later = written.to_vec();
    // The length of the array that it all is.
    later[0] += added;
    (0..added).for_each(|_| source.item(DEPTH, &mut later));
    let later = Bytes::from(later);
    assert_eq!(read(later.clone()).as_ref(), Some(value), "with {added} fields added");
    if added > 0 {
        assert_eq!(read(later.slice(..later.len() - 1)), None, "an added field cut short");
    }
}

/// A version vector is read the same in whatever order it is written; of several numbers of one replica the greatest counts.
fn version_in_any_order(source: &mut Source<'_>) {
    let mut frame = Vec::new();
    head(4, 3, &mut frame);
    head(0, 12, &mut frame);
    head(0, 0, &mut frame);
    let entries: Vec<_> = (0..source.byte() % 8).map(|_| (source.replica(), source.number())).collect();
    head(4, 2 * entries.len() as u64, &mut frame);
    let mut naive: BTreeMap<ReplicaId, u64> = BTreeMap::new();
    for (replica, next) in entries {
        head(2, 8, &mut frame);
        frame.extend(replica.bits().to_be_bytes());
        head(0, next, &mut frame);
        naive.entry(replica).and_modify(|known| *known = next.max(*known)).or_insert(next);
    }
    naive.retain(|_, next| *next > 0);
    match Message::decode(frame.into(), &FullNames) {
        Ok(Message::Want { version, .. }) => assert!(version.iter().eq(naive), "{version:?}"),
        other => panic!("not what was asked for: {other:?}"),
    }
}

/// The beginning of a CBOR item, as short as it can be.
fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(small @ 0..=23), ..) => out.push(major | small),
        (Ok(number), ..) => out.extend([major | 24, number]),
        (_, Ok(number), _) => {
            out.push(major | 25);
            out.extend(number.to_be_bytes());
        }
        (.., Ok(number)) => {
            out.push(major | 26);
            out.extend(number.to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn bits(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |bits, _| bits << 8 | u64::from(self.byte()))
    }

    /// A number of any width, often one at which the width changes.
    fn number(&mut self) -> u64 {
        const EDGES: [u64; 16] = [
            0,
            1,
            23,
            24,
            255,
            256,
            65_535,
            65_536,
            u32::MAX as u64,
            1 << 32,
            i64::MAX as u64,
            1 << 63,
            u64::MAX - 1,
            u64::MAX,
            1 << 48,
            (1 << 48) - 1,
        ];
        match self.byte() {
            edge @ 0..128 => EDGES[usize::from(edge % 16)],
            width => self.bits(1 << (width % 4)),
        }
    }

    fn bytes(&mut self) -> Bytes {
        let len = self.byte();
        // Now and then a long one, so that the length takes more bytes.
        if len >= 250 {
            return Bytes::from(vec![self.byte(); 2 * usize::from(len)]);
        }
        (0..len % 30).map(|_| self.byte()).collect()
    }

    fn text(&mut self) -> String {
        let len = self.byte();
        let character = |source: &mut Self| match source.byte() {
            ascii @ 0..128 => char::from(ascii),
            _ => u32::try_from(source.bits(3) % 0x11_0000).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'),
        };
        if len >= 250 {
            return character(self).to_string().repeat(usize::from(len));
        }
        (0..len % 12).map(|_| character(self)).collect()
    }

    /// Some of these have short names.
    fn replica(&mut self) -> ReplicaId {
        let near = self.byte();
        ReplicaId::new(if near < 192 { u64::from(near % 8) } else { self.bits(8) })
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = self.byte();
        // More than 23 take a longer head; items past the end of the bytes are small.
        let len = if len >= 250 { 30 } else { len % 5 };
        (0..len).map(|_| item(self)).collect()
    }

    fn version(&mut self) -> VersionVector {
        self.list(|source| (source.replica(), source.number())).into_iter().collect()
    }

    fn change(&mut self) -> Change {
        Change {
            replica: self.replica(),
            seq: self.number(),
            len: self.number(),
            clock: Hlc::from_bits(self.number()),
            deps: self.list(|source| OpId::new(source.replica(), source.number())).into_iter().collect(),
            body: self.bytes(),
        }
    }

    fn epoch(&mut self) -> Epoch {
        Epoch::new(u128::from(self.number()) << 64 | u128::from(self.number()))
    }

    fn reason(&mut self) -> Reason {
        let number = self.bits(2) as u16;
        // Half of them have a name.
        let known = Code::ALL[usize::from(number / 2) % Code::ALL.len()];
        let code = if number % 2 == 0 { known } else { Code::from_number(number) };
        Reason::new(code, self.text())
    }

    fn maybe<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() % 2 == 1).then(|| some(self))
    }

    fn message(&mut self) -> Message {
        match self.byte() % 13 {
            0 => Message::Hello {
                versions: (self.number(), self.number()),
                capabilities: Capabilities(self.number()),
                frame_bytes: self.number(),
                secret: self.epoch().bits().to_be_bytes(),
                token: self.bytes(),
            },
            1 => Message::Welcome {
                version: self.number(),
                capabilities: Capabilities(self.number()),
                frame_bytes: self.number(),
                ping_millis: self.number(),
            },
            2 => Message::Close { reason: self.reason() },
            3 => Message::Ping { nonce: self.number() },
            4 => Message::Pong { nonce: self.number() },
            5 => Message::Join {
                request: self.number(),
                name: self.text(),
                epoch: self.maybe(Self::epoch),
                replica: self.maybe(Self::replica),
                version: self.version(),
            },
            6 => Message::Joined {
                request: self.number(),
                doc: self.number(),
                epoch: self.epoch(),
                access: if self.byte() % 2 == 0 { Access::Read } else { Access::Write },
                writers: self.list(|source| WriterVersion {
                    replica: source.replica(),
                    received: source.number(),
                    stored: source.number(),
                }),
            },
            7 => Message::Refused { request: self.number(), reason: self.reason(), epoch: self.maybe(Self::epoch) },
            8 => Message::Dropped { doc: self.number(), reason: self.reason() },
            9 => Message::Leave { request: self.number() },
            10 => Message::Changes {
                doc: self.number(),
                introduced: self.list(Self::replica),
                changes: self.list(Self::change),
            },
            11 => Message::Ack {
                doc: self.number(),
                level: if self.byte() % 2 == 0 { Level::Received } else { Level::Stored },
                version: self.version(),
            },
            _ => Message::Want { doc: self.number(), version: self.version() },
        }
    }

    /// Appends some CBOR item.
    fn item(&mut self, depth: u8, out: &mut Vec<u8>) {
        let kind = self.byte();
        let number = self.number();
        let inner = if depth == 0 { 0 } else { u64::from(self.byte() % 4) };
        match kind % 8 {
            major @ (0 | 1) => head(major, number, out),
            major @ (2 | 3) => {
                // Nobody asks whether a text that is passed over is one.
                let bytes = self.bytes();
                head(major, bytes.len() as u64, out);
                out.extend(bytes);
            }
            4 => {
                head(4, inner, out);
                (0..inner).for_each(|_| self.item(depth - 1, out));
            }
            5 => {
                head(5, inner, out);
                (0..2 * inner).for_each(|_| self.item(depth - 1, out));
            }
            6 if depth > 0 => {
                head(6, number, out);
                self.item(depth - 1, out);
            }
            // False, true, null, undefined.
            6 => out.push(0xf4 | kind >> 6),
            _ => {
                let bytes = 2 << (kind >> 6).min(2);
                out.push(0xf9 + (kind >> 6).min(2));
                out.extend(&number.to_be_bytes()[..bytes]);
            }
        }
    }
}

/// Random bytes behind each number of names and each kind of message.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let random = |names: u8, kind: u8| {
        let mut dice = Dice::new(u64::from(names) << 8 | u64::from(kind));
        [names, kind].into_iter().chain((0..80).map(|_| dice.byte())).collect()
    };
    (0..4).flat_map(|names| (0..13).map(move |kind| random(names, kind))).collect()
}
