//! Undo and redo of one's own edits.
//!
//! What edits here have done is kept in groups. To undo a group is to make one more change, which takes back what still
//! stands of it: a deletion of characters that it inserted, the value from before a write, and so on. That is an edit like
//! any other, so everything converges as ever; and what *it* does is a group again, for redoing.
//!
//! Others edit meanwhile, so nothing here goes by positions. Effects name items, places, writes and tags. What was deleted and
//! comes back is something new; `reborn` knows what it is in place of, so that older groups find it.
//!
//! | room | what it is for |
//! |---|---|
//! | `effects` | what changes have done |
//! | `elements` | the same, for elements of movable lists, and how it is taken back |
//! | `back` | how everything else is taken back |
//! | `fill` | containers that come back as others, with what was in them |
//! | `reborn` | what stands in place of what |

mod back;
mod effects;
mod elements;
mod fill;
mod reborn;

use std::{collections::VecDeque, time::Duration};

use back::Back;
use bytes::Bytes;
use effects::Effects;
use reborn::Reborn;

use super::{
    Cursor, Document,
    event::Origin,
    journal::State,
    transaction::{EditError, Edited},
};
use crate::{
    causal::Change,
    proof::{Fault, planted},
    time::Wall,
};

/// How edits are kept to be undone: see [`Document::track_undo`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UndoOptions {
    /// Edits no further apart than this, by the wall clock that they are made at, are undone together; in a row of them that
    /// goes for each and the next. At first half a second.
    pub group_within: Duration,
    /// How many groups are kept; then the oldest is given up with each new one. At first 100.
    pub depth: usize,
    /// Edits with one of these [labels](super::Transaction::set_label) cannot be undone: they count as somebody else's.
    pub exclude: Vec<String>,
}

impl Default for UndoOptions {
    fn default() -> Self {
        Self { group_within: Duration::from_millis(500), depth: 100, exclude: Vec::new() }
    }
}

/// Where an editor's carets and selections are, in its own terms.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Places in texts.
    pub cursors: Vec<Cursor>,
    /// Anything else.
    pub data: Bytes,
}

/// What [`Document::undo`] or [`Document::redo`] did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undone {
    /// The change that was made, to be sent and stored like any other.
    pub change: Change,
    /// What was [selected](Document::select) when what is shown now was shown before.
    pub selection: Selection,
}

/// Edits that are undone together.
#[derive(Clone)]
struct Group {
    effects: Effects,
    /// What was selected before the first of them.
    selection: Selection,
}

/// What can be undone and redone.
#[derive(Clone)]
pub(super) struct UndoStacks {
    options: UndoOptions,
    undo: VecDeque<Group>,
    redo: VecDeque<Group>,
    /// When the last edit was made, if the next one may belong to its group.
    last: Option<Wall>,
    selection: Selection,
    reborn: Reborn,
}

impl UndoStacks {
    fn new(options: UndoOptions) -> Self {
        Self {
            options,
            undo: VecDeque::new(),
            redo: VecDeque::new(),
            last: None,
            selection: Selection::default(),
            reborn: Reborn::default(),
        }
    }

    /// Takes in an edit made here, which is in the journal.
    pub(super) fn take(&mut self, state: &State, wall: Wall) {
        let excluded = |label: &str| self.options.exclude.iter().any(|excluded| excluded == label);
        if state.label.as_deref().is_some_and(excluded) {
            return;
        }
        if !planted(Fault::RedoOutlivesEdit) {
            self.redo.clear();
        }
        let apart = |last: Wall| Duration::from_millis(last.as_millis().abs_diff(wall.as_millis()));
        let joins = self.last.is_some_and(|last| apart(last) <= self.options.group_within);
        if !joins || self.undo.is_empty() {
            self.undo.push_back(Group { effects: Effects::default(), selection: self.selection.clone() });
            while self.undo.len() > self.options.depth {
                self.undo.pop_front();
            }
        }
        self.last = Some(wall);
        if let Some(group) = self.undo.back_mut() {
            group.effects.take(state);
        }
    }

    /// Takes back the last group of a stack of which something can be taken back, and keeps what that does on the other one.
    fn take_back(&mut self, document: &mut Document, wall: Wall, origin: Origin) -> Result<Option<Undone>, EditError> {
        self.last = None;
        while let Some(group) = self.stack(origin).pop_back() {
            let taken_back = document.edit_as(origin, wall, |txn| {
                let (state, mut born) = (txn.state(), Reborn::default());
                group.effects.take_back(&mut Back { state, reborn: &self.reborn, born: &mut born })?;
                let mut effects = Effects::default();
                effects.take(state);
                Ok::<_, EditError>((effects, born))
            });
            let Edited { value: (effects, born), change } = match taken_back {
                Ok(taken_back) => taken_back,
                Err(why) => {
                    self.stack(origin).push_back(group);
                    return Err(why);
                }
            };
            if !planted(Fault::RebornForgotten) {
                self.reborn.extend(born);
            }
            // Of some groups others have left nothing.
            let Some(change) = change else { continue };
            let opposite = Group { effects, selection: std::mem::take(&mut self.selection) };
            self.stack(if origin == Origin::Redo { Origin::Undo } else { Origin::Redo }).push_back(opposite);
            let Selection { cursors, data } = group.selection;
            let found = |cursor: Cursor| cursor.at_item(|item| self.reborn.item(&document.state, item));
            self.selection = Selection { cursors: cursors.into_iter().map(found).collect(), data };
            return Ok(Some(Undone { change, selection: self.selection.clone() }));
        }
        Ok(None)
    }

    /// What is taken back by an undo, or a redo.
    const fn stack(&mut self, origin: Origin) -> &mut VecDeque<Group> {
        if matches!(origin, Origin::Redo) { &mut self.redo } else { &mut self.undo }
    }
}

impl Document {
    /// From now on keeps what edits here do, so that it can be undone; and forgets what was kept before. It is kept in memory
    /// only, and is no part of the document.
    ///
    /// **One's own edits are undone, and nothing of what others do.** What one has typed and someone else has deleted is gone,
    /// and what others have typed amidst it stays. What one has deleted is typed again where it was, also if its neighbours
    /// are gone. What one has written to a register or to a key of a map gives way to what stood there before if it still
    /// stands, and so does what one has put into an or-map; what one has added to an or-set goes, and what one has removed is
    /// back; what one has added to a counter is taken away again. An element of a movable list that one has moved goes back,
    /// unless someone has moved it since, and one that was set has the value from before, unless someone has set it since.
    ///
    /// **An item that was deleted and comes back is a new one**, as it was last; and if it is a container, that is a new one,
    /// too, into which is written what the deleted one shows. Older edits are undone in the new one. What others write after
    /// that in the deleted one is not seen in it.
    ///
    /// So when ann types `very `, bob types `much ` behind it and ann undoes, `much ` is what is left.
    ///
    /// ```
    /// use crdt_socket_sync::{Document, ReplicaId, Wall, document::{EditError, UndoOptions}};
    ///
    /// let mut document = Document::new(ReplicaId::new(1));
    /// document.track_undo(UndoOptions::default());
    /// document.edit(Wall::from_millis(1_000), |txn| txn.text("text").push_str("Hello"))?;
    /// document.edit(Wall::from_millis(5_000), |txn| txn.text("text").push_str(" world"))?;
    ///
    /// document.undo(Wall::from_millis(6_000))?;
    /// assert_eq!(document.text("text"), "Hello");
    /// document.redo(Wall::from_millis(7_000))?;
    /// assert_eq!(document.text("text"), "Hello world");
    /// # Ok::<_, EditError>(())
    /// ```
    pub fn track_undo(&mut self, options: UndoOptions) {
        self.undo = Some(Box::new(UndoStacks::new(options)));
    }

    /// Undoes the last group of edits made here of which something is left; `None` if there is none. That is a change, made
    /// at the wall clock's `wall`, and reported as [`Origin::Undo`].
    ///
    /// # Errors
    ///
    /// [`EditError::ChangeTooLarge`] and [`EditError::Exhausted`]. The document is as it was then, and so is what can be
    /// undone.
    pub fn undo(&mut self, wall: Wall) -> Result<Option<Undone>, EditError> {
        self.take_back(wall, Origin::Undo)
    }

    /// Undoes the last [`undo`](Self::undo), unless something was edited since.
    ///
    /// # Errors
    ///
    /// Those of [`undo`](Self::undo).
    pub fn redo(&mut self, wall: Wall) -> Result<Option<Undone>, EditError> {
        self.take_back(wall, Origin::Redo)
    }

    fn take_back(&mut self, wall: Wall, origin: Origin) -> Result<Option<Undone>, EditError> {
        let Some(mut stacks) = self.undo.take() else { return Ok(None) };
        let undone = stacks.take_back(self, wall, origin);
        self.undo = Some(stacks);
        undone
    }

    /// How many groups there are to undo, and to redo. Of some of them others may have left nothing.
    pub fn undo_depth(&self) -> (usize, usize) {
        self.undo.as_ref().map_or((0, 0), |stacks| (stacks.undo.len(), stacks.redo.len()))
    }

    /// What is edited from now on is not undone together with what was edited before, however soon it comes.
    pub fn end_undo_group(&mut self) {
        if let Some(stacks) = &mut self.undo {
            stacks.last = None;
        }
    }

    /// Says what is selected now: to be called whenever that changes. It is kept with the group that the next edit begins,
    /// and is what undoing that group gives back.
    pub fn select(&mut self, selection: Selection) {
        if let Some(stacks) = &mut self.undo {
            stacks.selection = selection;
        }
    }
}
