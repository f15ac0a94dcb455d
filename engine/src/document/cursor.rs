//! Cursors: places in a text that stay where they are, whatever is edited around them.

use std::{iter, sync::Arc};

use bytes::Bytes;

use super::{
    Document,
    container::{ContainerId, ContainerKind, Place},
    journal::State,
    text::TextMut,
};
use crate::{
    error::Malformed,
    id::{OpId, ReplicaId},
    packed::{Unpacker, pack_bytes, pack_number},
    proof::{Fault, planted},
};

/// Which neighbour a cursor stays with when something is inserted exactly where it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// With what is before it: what is inserted there comes behind the cursor. So stays a caret while others type.
    Left,
    /// With what is after it: what is inserted there comes before the cursor, which moves on.
    Right,
}

/// A place between two items of a sequence: for a caret, the end of a selection, a comment.
///
/// It is stuck to one of the two items, and is wherever that is. If the item is deleted, it is where the item was. It
/// consists of names that mean the same on every replica and for ever, so it can be sent, and kept for as long as one likes.
///
/// ```
/// use crdt_socket_sync::{
///     Document, ReplicaId, Wall,
///     document::{ContainerId, ContainerKind, Cursor, EditError, Side},
/// };
///
/// let mut document = Document::new(ReplicaId::new(1));
/// document.edit(Wall::from_millis(1), |txn| txn.text("text").insert(0, "a day"))?;
/// let text = ContainerId::root(ContainerKind::Text, "text");
/// let caret = document.cursor(&text, 2, Side::Left).unwrap();
/// document.edit(Wall::from_millis(2), |txn| txn.text("text").insert(0, "Such "))?;
/// assert_eq!(document.position_of(&caret), Some(7));
///
/// // Someone else, to whom the bytes were sent, finds the same place.
/// assert_eq!(Cursor::decode(caret.encode()), Ok(caret));
/// # Ok::<_, EditError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cursor {
    container: ContainerId,
    anchor: Anchor,
}

/// What a cursor is stuck to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Anchor {
    /// The beginning, which nothing comes before.
    Beginning,
    /// The end, which nothing comes after.
    End,
    /// An item; the cursor stands behind it.
    Behind(OpId),
    /// An item; the cursor stands before it.
    Before(OpId),
}

impl Cursor {
    /// The cursor at a position of a container here, the end if that has not as many items; `None` if it is no sequence.
    pub(super) fn at(state: &State, container: &ContainerId, at: usize, side: Side) -> Option<Self> {
        if !container.kind.is_sequence() {
            return None;
        }
        let sequence = state.sequence(container);
        let len = sequence.map_or(0, |sequence| state.sequences.len(sequence));
        let item = |at| sequence.map(|sequence| state.sequences.op_at(sequence, at));
        let anchor = match side {
            Side::Left => at.min(len).checked_sub(1).and_then(item).map_or(Anchor::Beginning, Anchor::Behind),
            Side::Right => Some(at).filter(|at| *at < len).and_then(item).map_or(Anchor::End, Anchor::Before),
        };
        Some(Self { container: container.clone(), anchor })
    }

    /// Which container it is in.
    pub const fn container(&self) -> &ContainerId {
        &self.container
    }

    /// The item that it is stuck to; `None` if that is the beginning or the end.
    pub const fn item(&self) -> Option<OpId> {
        match self.anchor {
            Anchor::Beginning | Anchor::End => None,
            Anchor::Behind(item) | Anchor::Before(item) => Some(item),
        }
    }

    /// The same place, by another item that stands where its item stood.
    pub(super) fn at_item(mut self, other: impl FnOnce(OpId) -> OpId) -> Self {
        if let Anchor::Behind(item) | Anchor::Before(item) = &mut self.anchor {
            *item = other(*item);
        }
        self
    }

    fn position(&self, state: &State) -> Option<usize> {
        let sequence = state.sequence(&self.container);
        let find = |item| sequence.and_then(|sequence| state.sequences.rank(sequence, item));
        match self.anchor {
            Anchor::Beginning => Some(0),
            Anchor::End => Some(sequence.map_or(0, |sequence| state.sequences.len(sequence))),
            Anchor::Before(item) => Some(find(item)?.0),
            Anchor::Behind(item) => {
                let (before, visible) = find(item)?;
                Some(before + usize::from(visible || planted(Fault::CursorBehindTombstone)))
            }
        }
    }

    /// Its bytes, to be sent to others or kept: a few dozen, more where containers with long names are nested.
    /// `docs/format.md` has the form.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        let (tag, item) = match self.anchor {
            Anchor::Beginning => (0, None),
            Anchor::End => (1, None),
            Anchor::Behind(item) => (2, Some(item)),
            Anchor::Before(item) => (3, Some(item)),
        };
        out.push(tag);
        item.into_iter().for_each(|item| pack_op(item, &mut out));
        let mut way: Vec<_> = iter::successors(Some(&self.container), |id| id.parent()).collect();
        way.reverse();
        pack_number(&mut out, way.len() as u64);
        for id in way {
            match &id.place {
                Place::Root(name) => pack_bytes(&mut out, name.as_bytes()),
                Place::Key(slot) => {
                    out.push(u8::from(slot.over.is_some()));
                    pack_bytes(&mut out, slot.key.as_bytes());
                    slot.over.into_iter().for_each(|over| pack_op(over, &mut out));
                }
                Place::Item(spot) => {
                    out.push(2);
                    pack_op(spot.item, &mut out);
                }
            }
            pack_number(&mut out, id.kind.number());
        }
        out.into()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// If the bytes are not in the form of a cursor. Any that are, [`encode`](Self::encode) gives again.
    pub fn decode(bytes: Bytes) -> Result<Self, Malformed> {
        let mut bytes = Unpacker::new(bytes);
        let anchor = match bytes.byte("a cursor")? {
            0 => Anchor::Beginning,
            1 => Anchor::End,
            2 => Anchor::Behind(unpack_op(&mut bytes)?),
            3 => Anchor::Before(unpack_op(&mut bytes)?),
            _ => return Err(bytes.fault("what a cursor is stuck to")),
        };
        let more = bytes.count("containers")?.checked_sub(1).ok_or_else(|| bytes.fault("at least one container"))?;
        let name: Arc<str> = bytes.text("a name")?.into();
        let mut container = ContainerId { place: Place::Root(name), kind: unpack_kind(&mut bytes)? };
        for _ in 0..more {
            let nested = match bytes.byte("where a container is")? {
                over @ (0 | 1) if container.kind.has_keys() => {
                    let key: Arc<str> = bytes.text("a key")?.into();
                    let over = if over == 1 { Some(unpack_op(&mut bytes)?) } else { None };
                    ContainerId::nested(&container, &key, unpack_kind(&mut bytes)?, over)
                }
                2 if container.kind.has_items() => {
                    let item = unpack_op(&mut bytes)?;
                    ContainerId::inserted(&container, item, unpack_kind(&mut bytes)?)
                }
                _ => None,
            };
            container = nested.ok_or_else(|| bytes.fault("a container that can be in this one"))?;
        }
        if bytes.left() > 0 || !container.kind.is_sequence() {
            return Err(bytes.fault("a cursor in a sequence, and no more"));
        }
        Ok(Self { container, anchor })
    }
}

fn pack_op(op: OpId, out: &mut Vec<u8>) {
    out.extend(op.replica.bits().to_be_bytes());
    pack_number(out, op.seq);
}

fn unpack_op(bytes: &mut Unpacker) -> Result<OpId, Malformed> {
    let replica = ReplicaId::new(bytes.eight("a replica")?);
    Ok(OpId::new(replica, bytes.number("an operation")?))
}

fn unpack_kind(bytes: &mut Unpacker) -> Result<ContainerKind, Malformed> {
    let number = bytes.number("a kind of container")?;
    ContainerKind::from_number(number).ok_or_else(|| bytes.fault("a kind of container"))
}

impl Document {
    /// The cursor at a position of a text, or its end if it has not as many characters; `None` if the container is no
    /// sequence.
    pub fn cursor(&self, container: &ContainerId, at: usize, side: Side) -> Option<Cursor> {
        Cursor::at(&self.state, container, at, side)
    }

    /// Where a cursor is now, in characters from the beginning; `None` if the item that it is stuck to is not here (yet).
    pub fn position_of(&self, cursor: &Cursor) -> Option<usize> {
        cursor.position(&self.state)
    }
}

impl TextMut<'_> {
    /// The cursor at a position, as the text stands in the transaction; at the end if it has not as many characters.
    pub fn cursor(&self, at: usize, side: Side) -> Cursor {
        Cursor::at(self.state, self.id(), at, side)
            .unwrap_or_else(|| Cursor { container: self.id().clone(), anchor: Anchor::Beginning })
    }
}
