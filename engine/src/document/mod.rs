//! The native document: opens bodies, can be read and edited.
//!
//! A [`Document`] is a [`ChangeLog`] with the containers its changes describe. Containers are named at the root, or nested at
//! the keys of maps and or-maps and as items of lists and movable lists, and their values typed through serde.
//!
//! | container | holds | what comes of concurrent edits |
//! |---|---|---|
//! | [`text`](Document::text) | characters | all are kept, each between those that it was typed between |
//! | [`list`](Document::list) | values and containers in an order | all are kept, each between those that it was put between |
//! | [`movable_list`](Document::movable_list) | values and containers in an order | each is there once, where it was moved last, and as it was set last; a deletion wins |
//! | [`map`](Document::map) | values and containers by key | for each key, the last write |
//! | [`register`](Document::register) | a value | the last write |
//! | [`counter`](Document::counter) | a number | the sum of all |
//! | [`or_set`](Document::or_set) | values, each once | what is added outlives what is removed |
//! | [`or_map`](Document::or_map) | values and containers by key | what is put outlives what is removed |
//!
//! ```
//! use crdt_socket_sync::{Document, Limits, Replica, ReplicaId, Wall, document::EditError};
//!
//! let mut ann = Document::new(ReplicaId::new(1));
//! let edited = ann.edit(Wall::from_millis(1_000), |txn| {
//!     txn.text("title").push_str("Minutes")?;
//!     txn.map("people").set("ann", &41)?;
//!     Ok::<_, EditError>(())
//! })?;
//!
//! let mut bob = Document::new(ReplicaId::new(2));
//! bob.receive(edited.change.unwrap(), &Limits::default()).unwrap();
//! assert_eq!(bob.text("title"), "Minutes");
//! assert_eq!(bob.map("people").get("ann"), Ok(Some(41)));
//! # Ok::<_, EditError>(())
//! ```
//!
//! | room | what it is for |
//! |---|---|
//! | `transaction`, `reading` | how an application comes by containers, to edit them and to read them |
//! | `text`, `list`, `movable_list`, `map`, `register`, `counter`, `or_set`, `or_map`, `nested`, `ordered` | what it holds then |
//! | `container`, `value` | which container, and what is in it |
//! | `journal`, `runs`, `items`, `movable`, `writes` | containers, changed step by step and undone likewise |
//! | `sequence` | Fugue, under every text and list |
//! | `local` | short numbers for operations |
//! | `writers` | what each writer has mentioned |
//! | [`diff`] | differences between two texts, and between two sequences of anything |
//! | `tagged` | elements that are kept by tags, under or-sets and or-maps |
//! | `body`, `telling` | what a change says, and how the journal becomes that |
//! | `past` | what a change may refer to |
//! | `snapshot` | a document without its history, written down whole |
//! | `union` | two states of one history become one |
//! | `block` | many changes in few bytes |
//! | `import`, `stretch` | many changes at once |
//! | `undo`, `again` | what edits here did, and how that is taken back |
//! | `history`, `compare` | past versions, and what is different between two |
//! | `whole` | a document as one value |
//! | `cursor` | places that stay where they are, whatever is edited around them |
//! | `event`, `digest` | what views are told, and whether two replicas show the same |

mod again;
mod block;
mod body;
mod compare;
mod container;
mod counter;
mod cursor;
pub mod diff;
mod digest;
mod event;
mod history;
mod import;
mod items;
mod journal;
mod list;
mod local;
mod map;
mod movable;
mod movable_list;
mod nested;
mod or_map;
mod or_set;
mod ordered;
mod past;
mod reading;
mod register;
mod runs;
mod sequence;
mod snapshot;
mod stretch;
mod tagged;
mod telling;
mod text;
mod transaction;
mod undo;
mod union;
mod value;
mod whole;
mod writers;
mod writes;

use std::{collections::VecDeque, fmt};

pub use block::{BlockFault, Imported};
pub use body::{Action, BodyFault, Dictionary, Operation, Operations};
use bytes::Bytes;
use container::Content;
pub use container::{ContainerId, ContainerKind, Held, Item, PathStep, Place, Slot, Spot, Value};
pub use counter::{CounterMut, CounterRef};
pub use cursor::{Cursor, Side};
pub use event::{ContainerEdit, DocumentEvent, Inserted, ListEdit, Origin, TextEdit};
pub use history::{History, MergeError, VersionError, View};
use journal::{Author, State};
pub use list::{ListMut, ListRef};
pub use map::{MapMut, MapRef};
pub use movable_list::{MovableListMut, MovableListRef};
pub use or_map::{OrMapMut, OrMapRef};
pub use or_set::{OrSetMut, OrSetRef};
pub use register::{RegisterMut, RegisterRef};
pub use snapshot::SnapshotFault;
pub use text::{TextMut, TextRef};
pub use transaction::{EditError, Edited, Transaction};
pub use undo::{Selection, UndoOptions, Undone};
pub use value::ValueError;

use crate::{
    causal::{Change, ChangeLog, Received},
    error::ChangeFault,
    id::{Epoch, ReplicaId},
    limits::Limits,
    proof::{Fault, note, planted},
    replica::Replica,
    time::Wall,
};

/// A shared document: a log of changes and what they add up to.
///
/// Local edits go through [`edit`](Self::edit), changes from elsewhere through [`receive`](Replica::receive). After
/// either, [`poll_event`](Self::poll_event) until it says `None` gives what to patch a view with; events wait without a
/// bound for someone who never asks.
#[derive(Clone)]
pub struct Document {
    replica: ReplicaId,
    log: ChangeLog,
    state: State,
    past: past::Past,
    events: VecDeque<DocumentEvent>,
    reporting: bool,
    /// A snapshot with the changes that the log does not keep.
    packed: Option<Bytes>,
    change_limit: usize,
    /// `None` unless edits are kept to be undone.
    undo: Option<Box<undo::UndoStacks>>,
}

impl Document {
    /// An empty document, edited as `replica`.
    pub fn new(replica: ReplicaId) -> Self {
        Self {
            replica,
            log: ChangeLog::new(),
            state: State::new(replica),
            past: past::Past::default(),
            events: VecDeque::new(),
            reporting: true,
            packed: None,
            change_limit: Limits::default().change_bytes,
            undo: None,
        }
    }

    /// Continues from changes that a store or another replica kept, in any order. They are applied anew and not reported, apart
    /// from those that cannot be read.
    ///
    /// `replica` may only be one that made some of them if nothing it ever sent is missing.
    ///
    /// # Errors
    ///
    /// If a change can be part of no history.
    pub fn from_changes(
        replica: ReplicaId,
        epoch: Option<Epoch>,
        changes: impl IntoIterator<Item = Change>,
        limits: &Limits,
    ) -> Result<Self, ChangeFault> {
        let mut document = Self::new(replica);
        document.change_limit = limits.change_bytes;
        document.log.set_epoch(epoch);
        document.reporting = false;
        for change in changes {
            document.receive(change, limits)?;
        }
        document.reporting = true;
        Ok(document)
    }

    /// Who edits here.
    pub const fn replica_id(&self) -> ReplicaId {
        self.replica
    }

    /// The changes it holds.
    pub const fn log(&self) -> &ChangeLog {
        &self.log
    }

    /// From now on an edit that would make a change of more than `bytes` encoded bytes is refused. At first that is the
    /// default of [`Limits::change_bytes`].
    pub const fn set_change_limit(&mut self, bytes: usize) {
        self.change_limit = bytes;
    }

    /// Whether edits and changes are reported from now on, as they are at first. A document that nobody shows has nothing to
    /// report, and is faster. Changes that cannot be read are always reported.
    pub const fn set_reporting(&mut self, reporting: bool) {
        self.reporting = reporting;
    }

    /// Edits the document: all that the closure does becomes one change, made at the wall clock's `wall`.
    ///
    /// # Errors
    ///
    /// Those of the closure, and [`EditError::ChangeTooLarge`] and [`EditError::Exhausted`] of its own. The document is
    /// then as it was before, and so it is if the closure panics.
    pub fn edit<T, E: From<EditError>>(
        &mut self,
        wall: Wall,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Edited<T>, E> {
        self.edit_as(Origin::Local, wall, edit)
    }

    fn edit_as<T, E: From<EditError>>(
        &mut self,
        origin: Origin,
        wall: Wall,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Edited<T>, E> {
        let clock = self.log.next_clock(wall).ok_or(EditError::Exhausted)?;
        let seq = self.log.version().next(self.replica);
        let begin = self.state.begin(Author { replica: self.replica, clock }, seq);
        let mut transaction = Transaction::new(&mut self.state);
        let value = edit(&mut transaction)?;

        let len = transaction.state().covered_since(begin);
        if len == 0 {
            transaction.complete();
            self.state.steps.clear();
            return Ok(Edited { value, change: None });
        }
        let (body, known) = transaction.state().write_body();
        let change = Change { body, ..self.log.next_header(self.replica, len, clock) };
        if change.encoded_len_at_most() > self.change_limit {
            let bytes = change.encoded_len();
            if bytes > self.change_limit {
                transaction.state().forget_mentions(known);
                return Err(EditError::ChangeTooLarge { bytes, limit: self.change_limit }.into());
            }
        }
        transaction.complete();
        self.log.append_next(&change);
        if let (Origin::Local, Some(undo)) = (origin, &mut self.undo) {
            undo.take(&self.state, wall);
        }
        if self.reporting {
            self.parts().1.report(origin, &change);
        } else {
            self.state.steps.clear();
        }
        Ok(Edited { value, change: Some(change) })
    }

    /// The containers that were ever made or written to, also those that are not shown any more: first those at the root, by
    /// name and then kind.
    pub fn containers(&self) -> impl ExactSizeIterator<Item = &ContainerId> + '_ {
        self.state.index.keys()
    }

    /// Where a container is now, from the root on; `None` if its place, or that of one that it is in, was given to something
    /// else.
    pub fn path(&self, id: &ContainerId) -> Option<Vec<PathStep>> {
        let mut path = Vec::new();
        let mut at = id;
        loop {
            at = match &at.place {
                Place::Root(name) => {
                    path.push(PathStep::Root(name.clone()));
                    path.reverse();
                    return Some(path);
                }
                Place::Key(slot) => {
                    let held = self.state.content(&slot.parent)?.held(&slot.key)?;
                    if *held != (Value::Child { kind: at.kind, over: slot.over }) {
                        return None;
                    }
                    path.push(PathStep::Key(slot.key.clone()));
                    &slot.parent
                }
                Place::Item(spot) => {
                    path.push(PathStep::Index(self.state.position(&spot.parent, spot.item, at.kind)?));
                    &spot.parent
                }
            };
        }
    }

    /// The log, and what it takes to open its changes.
    const fn parts(&mut self) -> (&mut ChangeLog, Opening<'_>) {
        let Self { log, state, past, events, reporting, .. } = self;
        (log, Opening { state, past, events, reporting: *reporting })
    }

    /// The next thing to report, oldest first.
    pub fn poll_event(&mut self) -> Option<DocumentEvent> {
        self.events.pop_front()
    }

    /// Equal for two documents exactly when they show the same: the same containers with the same content, at the root and
    /// nested in each other.
    ///
    /// Reads all of it. History, deleted content, containers that are not shown any more, and who wrote what do not count.
    pub fn digest(&self) -> [u8; 16] {
        digest::digest(&self.state)
    }

    /// What is wrong inside, for tests.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), String> {
        if !self.state.steps.is_empty() {
            return Err("a journal is left over".into());
        }
        if self.state.index.len() != self.state.containers.len() {
            return Err("containers and their index differ".into());
        }
        for container in &self.state.containers {
            let checked = match &container.content {
                Content::Text(sequence) => self.state.sequences.check(*sequence, true),
                Content::List(sequence) => self.state.sequences.check(*sequence, false),
                Content::MovableList(movable) => {
                    let slots = self.state.sequences.check(movable.slots, false);
                    slots.and_then(|()| movable.check(&self.state.sequences))
                }
                Content::Tagged(tagged) => tagged.check(),
                _ => Ok(()),
            };
            checked.map_err(|wrong| format!("{:?}: {wrong}", container.id))?;
        }
        Ok(())
    }
}

/// What it takes to open changes, beside the log.
struct Opening<'a> {
    state: &'a mut State,
    past: &'a mut past::Past,
    events: &'a mut VecDeque<DocumentEvent>,
    reporting: bool,
}

impl Opening<'_> {
    /// Applies a change that has just been appended to the log, or nothing of it.
    fn apply(&mut self, log: &ChangeLog, change: &Change) {
        if let Err(why) = self.try_apply(log, change) {
            note((&why).into());
            self.events.push_back(DocumentEvent::Unreadable { change: change.id(), why });
        }
    }

    /// The same, and reports it only if it could be applied.
    fn try_apply(&mut self, log: &ChangeLog, change: &Change) -> Result<(), BodyFault> {
        let author = Author { replica: change.replica, clock: change.clock };
        let begin = self.state.begin(author, change.seq);
        let known = self.state.dictionary().known();
        let applied = self.apply_body(log, change);
        if applied.is_ok() {
            self.report(Origin::Remote, change);
        } else {
            self.state.return_to(begin);
            self.state.forget_mentions(known);
        }
        applied
    }

    fn apply_body(&mut self, log: &ChangeLog, change: &Change) -> Result<(), BodyFault> {
        let body::Read { first, rest, references } = body::Read::new(change, self.state.dictionary())?;
        for op in references.iter() {
            if !self.past.covers(log, change, op) && !planted(Fault::UnseenReferenceAccepted) {
                return Err(BodyFault::Unseen { op });
            }
        }
        if let Some(first) = first {
            self.state.apply(first)?;
        }
        rest.into_iter().try_for_each(|operation| self.state.apply(operation))
    }

    /// Tells what the journal holds, and empties it.
    fn report(&mut self, origin: Origin, change: &Change) {
        if self.reporting {
            let edits = event::visible_edits(&self.state.steps, self.state);
            if !edits.is_empty() {
                let label = self.state.label.take();
                self.events.push_back(DocumentEvent::Changed { origin, change: change.id(), label, edits });
            }
        }
        self.state.steps.clear();
    }
}

impl Replica for Document {
    type Event = DocumentEvent;

    fn writes_as(&self) -> Option<ReplicaId> {
        Some(self.replica)
    }

    fn log(&self) -> &ChangeLog {
        &self.log
    }

    fn log_mut(&mut self) -> &mut ChangeLog {
        &mut self.log
    }

    fn receive(&mut self, change: Change, limits: &Limits) -> Result<Received, ChangeFault> {
        let (log, mut opening) = self.parts();
        let mut others = false;
        log.receive_each(change, limits, |log, change| {
            let reported = opening.events.len();
            opening.apply(log, change);
            if std::mem::replace(&mut others, true) && planted(Fault::ReleasedChangeNotReported) {
                opening.events.truncate(reported);
            }
        })
    }

    fn recall(&mut self, limits: &Limits) -> bool {
        Self::recall(self, limits).unwrap_or(false)
    }

    fn poll_event(&mut self) -> Option<DocumentEvent> {
        Self::poll_event(self)
    }
}

impl fmt::Debug for Document {
    /// Domain notation: `document of r1: 3 changes, {title text, people map}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document of {:?}: {} changes, ", self.replica, self.log.end())?;
        f.debug_set().entries(self.containers()).finish()
    }
}
