//! A document's bytes.

use std::collections::BTreeMap;

use super::{
    columns::{Column, Columns},
    has_epoch,
    sequences::ItemsWriting,
};
use crate::{
    causal::{ChangeLog, base::Base},
    document::{
        body::{Dictionary, Mentioned},
        container::{ContainerId, Content, Entry, Item, Place, Stamp, Value},
        journal::State,
        movable::{Known, Movable},
        sequence::SequenceId,
        tagged::Tagged,
    },
    id::{OpId, ReplicaId},
    packed::{pack_bytes, pack_number, pack_signed},
    proof::{Fault, planted},
};

/// Everything behind the checksum.
pub(super) fn write(log: &ChangeLog, state: &State) -> Vec<u8> {
    let base = log.shape();
    let mut writing = Writing::new(&base);
    writing.history();
    writing.containers(state);
    writing.dictionaries(state);
    let mut out = vec![has_epoch(log.epoch())];
    out.extend(log.epoch().into_iter().flat_map(|epoch| epoch.bits().to_be_bytes()));
    writing.replicas(&mut out);
    writing.columns.pack(&mut out);
    out
}

/// A snapshot that is being written.
pub(super) struct Writing<'a> {
    pub(super) base: &'a Base,
    pub(super) columns: Columns,
    /// Those who wrote, and behind them others that are mentioned.
    names: Vec<ReplicaId>,
    indices: BTreeMap<ReplicaId, usize>,
    containers: Vec<ContainerId>,
    container_indices: BTreeMap<ContainerId, usize>,
    /// The number of each replica's last stamp.
    last: BTreeMap<ReplicaId, u64>,
    last_millis: u64,
}

impl<'a> Writing<'a> {
    fn new(base: &'a Base) -> Self {
        let names: Vec<_> = base.writers().iter().map(|(replica, _)| *replica).collect();
        let indices = names.iter().enumerate().map(|(index, replica)| (*replica, index)).collect();
        Self {
            base,
            columns: Columns::default(),
            names,
            indices,
            containers: Vec::new(),
            container_indices: BTreeMap::new(),
            last: BTreeMap::new(),
            last_millis: 0,
        }
    }

    /// Who is named by the parts: those who wrote, each with the number after its last operation and the clock of its last
    /// change, then the others.
    fn replicas(&self, out: &mut Vec<u8>) {
        let writers = self.base.writers();
        pack_number(out, writers.len() as u64);
        for (replica, clock) in writers {
            out.extend(replica.bits().to_be_bytes());
            pack_number(out, self.base.version().next(*replica));
            pack_number(out, clock.millis());
            pack_number(out, u64::from(clock.counter()));
        }
        let others = &self.names[writers.len()..];
        pack_number(out, others.len() as u64);
        others.iter().for_each(|replica| out.extend(replica.bits().to_be_bytes()));
    }

    pub(super) fn replica(&mut self, replica: ReplicaId) -> u64 {
        let Self { names, indices, .. } = self;
        let index = *indices.entry(replica).or_insert_with(|| {
            names.push(replica);
            names.len() - 1
        });
        index as u64
    }

    /// An operation or none, by its number.
    pub(super) fn operation(&mut self, column: Column, op: Option<OpId>) {
        let Some(op) = op else { return self.columns.number(column, 0) };
        let replica = self.replica(op.replica);
        self.columns.number(column, replica + 1);
        self.columns.number(column, op.seq);
    }

    fn history(&mut self) {
        let base = self.base;
        let mut ends: BTreeMap<ReplicaId, u64> = BTreeMap::new();
        self.columns.number(Column::History, base.runs().len() as u64);
        for run in base.runs() {
            let replica = self.replica(run.first.replica);
            self.columns.number(Column::History, replica);
            self.columns.number(Column::History, run.end - run.first.seq);
            self.columns.number(Column::History, run.deps.len() as u64);
            for dep in run.deps.iter() {
                let replica = self.replica(dep.replica);
                self.columns.number(Column::History, replica);
                // Nearly always the last of all that there is until then.
                let end = ends.get(&dep.replica).copied().unwrap_or_default();
                self.columns.number(Column::History, end.wrapping_sub(dep.seq + 1));
            }
            ends.insert(run.first.replica, run.end);
        }
    }

    fn containers(&mut self, state: &State) {
        for id in state.index.keys() {
            self.container(id);
        }
        // What was only mentioned stands behind.
        for id in state.writers.dictionaries().flat_map(|(_, dictionary)| dictionary.mentioned().containers) {
            self.container(id);
        }
        let all = std::mem::take(&mut self.containers);
        self.columns.number(Column::Shape, all.len() as u64);
        for id in &all {
            let open = state.index.contains_key(id);
            self.columns.number(Column::Shape, id.kind.number() << 1 | u64::from(open));
            match &id.place {
                Place::Root(name) => {
                    self.columns.number(Column::Shape, 0);
                    self.name(name.as_bytes());
                }
                Place::Key(slot) => {
                    self.columns.number(Column::Shape, self.container_indices[&slot.parent] as u64 + 1);
                    self.name(slot.key.as_bytes());
                    self.operation(Column::Shape, slot.over);
                }
                Place::Item(spot) => {
                    self.columns.number(Column::Shape, self.container_indices[&spot.parent] as u64 + 1);
                    self.operation(Column::Shape, Some(spot.item));
                }
            }
        }
        let mut items = ItemsWriting::default();
        for id in &all {
            if let Some(content) = state.content(id) {
                self.content(state, content, &mut items);
            }
        }
        items.finish(self);
    }

    /// The index of a container, behind those that it is nested in.
    fn container(&mut self, id: &ContainerId) -> usize {
        if let Some(index) = self.container_indices.get(id) {
            return *index;
        }
        if let Some(parent) = id.parent() {
            self.container(parent);
        }
        let index = self.containers.len();
        self.containers.push(id.clone());
        self.container_indices.insert(id.clone(), index);
        index
    }

    fn name(&mut self, name: &[u8]) {
        pack_bytes(self.columns.of(Column::Names), name);
    }

    fn content(&mut self, state: &State, content: &Content, items: &mut ItemsWriting) {
        match content {
            Content::Text(sequence) => {
                self.runs(state, *sequence, items);
                let text = self.columns.of(Column::Text);
                state.sequences.pieces(*sequence).for_each(|piece| text.extend_from_slice(piece.as_bytes()));
            }
            Content::List(sequence) => {
                self.runs(state, *sequence, items);
                self.columns.number(Column::Shape, state.sequences.len(*sequence) as u64);
                state.sequences.items(*sequence).for_each(|(_, item)| self.item(item));
            }
            Content::MovableList(movable) => {
                self.runs(state, movable.slots, items);
                self.movable(state, movable);
            }
            Content::Map(entries) => {
                let kept = |entry: &Entry| entry.value.is_some() || !planted(Fault::SnapshotForgetsDeletedKeys);
                let entries: Vec<_> = entries.iter().filter(|(_, entry)| kept(entry)).collect();
                self.columns.number(Column::Shape, entries.len() as u64);
                for (key, entry) in entries {
                    self.name(key.as_bytes());
                    self.entry(entry);
                }
            }
            Content::Register(entry) => {
                self.columns.number(Column::Shape, u64::from(entry.is_some()));
                entry.iter().for_each(|entry| self.entry(entry));
            }
            Content::Counter(sums) => {
                self.columns.number(Column::Shape, sums.by_writer().len() as u64);
                for (writer, sum) in sums.by_writer() {
                    let index = self.replica(*writer);
                    self.columns.number(Column::Shape, index);
                    // As signed numbers are packed, in two halves.
                    let folded = (sum << 1 ^ sum >> 127) as u128;
                    self.columns.number(Column::Shape, folded as u64);
                    self.columns.number(Column::Shape, (folded >> 64) as u64);
                }
            }
            Content::Tagged(tagged) => self.tagged(tagged),
        }
    }

    fn runs(&mut self, state: &State, sequence: SequenceId, items: &mut ItemsWriting) {
        let runs = state.sequences.runs(sequence);
        self.columns.number(Column::Shape, runs.len() as u64);
        items.add(runs);
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Plain(bytes) => {
                self.columns.number(Column::Shape, 1);
                pack_bytes(self.columns.of(Column::Values), bytes);
            }
            Item::Child(kind) => self.columns.number(Column::Shape, 2 + kind.number()),
        }
    }

    /// What all slots say that can be asked for, and then what the moves and writes of elements are.
    fn movable(&mut self, state: &State, movable: &Movable) {
        let slots: Vec<_> = state.sequences.slots(movable.slots).collect();
        self.columns.number(Column::Shape, slots.len() as u64);
        for (slot, says) in slots {
            match says.filter(|_| movable.is_shown_as_inserted(&state.sequences, slot)) {
                Some(item) => self.item(item),
                None => self.columns.number(Column::Shape, 0),
            }
        }
        let Known { moves, places, values } = movable.known(&state.sequences);
        self.columns.number(Column::Shape, moves.len() as u64);
        for (slot, element) in moves {
            self.operation(Column::Shape, Some(slot));
            self.operation(Column::Shape, Some(element));
        }
        self.columns.number(Column::Shape, places.len() as u64);
        places.into_iter().for_each(|place| self.stamp(place));
        self.columns.number(Column::Shape, values.len() as u64);
        for (element, stamp, value) in values {
            self.operation(Column::Shape, Some(element));
            self.stamp(stamp);
            pack_bytes(self.columns.of(Column::Values), &value);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match &entry.value {
            None => self.columns.number(Column::Shape, 0),
            Some(value) => self.value(value),
        }
        self.stamp(entry.stamp);
    }

    /// What stands at a key: 1 is a value, what is greater a container.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Plain(bytes) => {
                self.columns.number(Column::Shape, 1);
                pack_bytes(self.columns.of(Column::Values), bytes);
            }
            Value::Child { kind, over } => {
                self.columns.number(Column::Shape, 2 + kind.number());
                self.operation(Column::Shape, *over);
            }
        }
    }

    fn stamp(&mut self, Stamp { clock, replica, seq }: Stamp) {
        let index = self.replica(replica);
        let last = self.last.insert(replica, seq).unwrap_or_default();
        let out = self.columns.of(Column::Stamps);
        pack_number(out, index);
        pack_signed(out, seq.wrapping_sub(last) as i64);
        pack_signed(out, clock.millis().wrapping_sub(self.last_millis) as i64);
        pack_number(out, u64::from(clock.counter()));
        self.last_millis = clock.millis();
    }

    fn tagged(&mut self, tagged: &Tagged) {
        self.columns.number(Column::Shape, tagged.len() as u64);
        for (key, tags) in tagged.all() {
            pack_bytes(self.columns.of(Column::Names), key);
            self.columns.number(Column::Shape, tags.len() as u64);
            for (tag, value) in tags.iter() {
                self.stamp(*tag);
                self.value(value);
            }
        }
        self.columns.number(Column::Shape, tagged.children().len() as u64);
        for (key, tag) in tagged.children() {
            pack_bytes(self.columns.of(Column::Names), key);
            self.stamp(*tag);
        }
    }

    fn dictionaries(&mut self, state: &State) {
        let empty = Dictionary::default();
        let known = |dictionary: &Dictionary| *dictionary != empty && !planted(Fault::SnapshotForgetsMentions);
        let dictionaries = state.writers.dictionaries().filter(|(_, dictionary)| known(dictionary));
        let dictionaries: Vec<_> = dictionaries.collect();
        self.columns.number(Column::Shape, dictionaries.len() as u64);
        for (writer, dictionary) in dictionaries {
            let Mentioned { replicas, containers, container, insertion } = dictionary.mentioned();
            let index = self.replica(writer);
            self.columns.number(Column::Shape, index);
            self.columns.number(Column::Shape, replicas.len() as u64);
            for replica in replicas {
                let index = self.replica(*replica);
                self.columns.number(Column::Shape, index);
            }
            self.columns.number(Column::Shape, containers.len() as u64);
            for id in containers {
                self.columns.number(Column::Shape, self.container_indices[id] as u64);
            }
            self.columns.number(Column::Shape, container.map_or(0, |index| index as u64 + 1));
            self.columns.number(Column::Shape, insertion.map_or(0, |(end, _)| end));
            if let Some((_, right)) = insertion {
                self.operation(Column::Shape, right);
            }
        }
    }
}
