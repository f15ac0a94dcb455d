//! A document from its bytes. Whatever they are, what comes of them is sound.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{
    SnapshotFault,
    columns::{Budget, Column, Reading as Columns},
    sequences::{Content as Said, ItemsReading},
};
use crate::{
    causal::{
        Hlc,
        base::{Base, Run},
    },
    document::{
        body::{Dictionary, Mentioned, NUMBERS},
        container::{Container, ContainerId, ContainerKind, Content, Entry, Item, Place, Stamp, Value},
        counter::Sums,
        journal::State,
        movable::{Known, Movable},
        tagged::Tagged,
    },
    id::{Epoch, OpId, ReplicaId},
    packed::Unpacker,
};

// What these come to in memory, at a rough estimate.
const RUN_BYTES: usize = 128;
const DEP_BYTES: usize = 24;
const CONTAINER_BYTES: usize = 384;
const ENTRY_BYTES: usize = 192;
const ITEM_BYTES: usize = 48;
const MENTION_BYTES: usize = 64;
const SUM_BYTES: usize = 64;

/// Reads everything behind the checksum.
pub(super) fn read(
    mut bytes: Unpacker,
    replica: ReplicaId,
    most_writers: usize,
    budget: Budget,
) -> Result<(Option<Epoch>, Base, State), SnapshotFault> {
    let epoch = match bytes.byte("a birth mark")? {
        0 => None,
        1 => {
            let (high, low) = (bytes.eight("a birth mark")?, bytes.eight("a birth mark")?);
            Some(Epoch::new(u128::from(high) << 64 | u128::from(low)))
        }
        _ => return Err(bytes.fault("whether there is a birth mark").into()),
    };
    let (writers, names) = replicas(&mut bytes, most_writers)?;
    let columns = Columns::unpack(&mut bytes, budget)?;
    let mut reading = Reading {
        columns,
        names,
        writers,
        base: Base::default(),
        containers: Vec::new(),
        movables: Vec::new(),
        last: BTreeMap::new(),
        last_millis: 0,
    };
    reading.history()?;
    let mut state = State::new(replica);
    reading.containers(&mut state)?;
    reading.dictionaries(&mut state)?;
    reading.columns.finish()?;
    Ok((epoch, reading.base, state))
}

/// Someone who wrote.
struct Writer {
    replica: ReplicaId,
    next: u64,
    clock: Hlc,
}

/// Who wrote, and all who are named.
fn replicas(bytes: &mut Unpacker, most: usize) -> Result<(Vec<Writer>, Vec<ReplicaId>), SnapshotFault> {
    let count = bytes.count("writers")?;
    if count > most {
        return Err(SnapshotFault::TooManyWriters { writers: count, limit: most });
    }
    let mut writers = Vec::with_capacity(count);
    for _ in 0..count {
        let replica = ReplicaId::new(bytes.eight("a replica id of 8 bytes")?);
        let next = bytes.number("a writer's number")?;
        let (millis, counter) = (bytes.number("a clock")?, bytes.number("a clock's counter")?);
        if next == 0 || next > NUMBERS || millis >> 48 != 0 || counter >> 16 != 0 {
            return Err(bytes.fault("numbers that fit").into());
        }
        writers.push(Writer { replica, next, clock: Hlc::new(millis, counter as u16) });
    }
    let others = bytes.count("other replicas")?;
    let mut names: Vec<_> = writers.iter().map(|writer| writer.replica).collect();
    for _ in 0..others {
        names.push(ReplicaId::new(bytes.eight("a replica id of 8 bytes")?));
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(bytes.fault("replicas that are named once").into());
    }
    Ok((writers, names))
}

/// A snapshot that is being read.
pub(super) struct Reading {
    pub(super) columns: Columns,
    names: Vec<ReplicaId>,
    writers: Vec<Writer>,
    pub(super) base: Base,
    containers: Vec<ContainerId>,
    /// Of each movable list, what is not in its sequence.
    movables: Vec<Known>,
    last: BTreeMap<usize, u64>,
    last_millis: u64,
}

impl Reading {
    /// Whoever wrote and is named by an index.
    pub(super) fn writer(&self, index: u64) -> Option<(usize, ReplicaId)> {
        let index = usize::try_from(index).ok()?;
        self.writers.get(index).map(|writer| (index, writer.replica))
    }

    pub(super) fn next_of(&self, writer: usize) -> u64 {
        self.writers[writer].next
    }

    pub(super) fn writers(&self) -> usize {
        self.writers.len()
    }

    fn name(&self, index: u64) -> Option<ReplicaId> {
        self.names.get(usize::try_from(index).ok()?).copied()
    }

    /// An operation or none, by its number.
    pub(super) fn operation(&mut self, column: Column) -> Result<Option<OpId>, SnapshotFault> {
        let Some(index) = self.columns.number(column, "a replica")?.checked_sub(1) else { return Ok(None) };
        let replica = self.name(index).ok_or_else(|| self.columns.fault(column, "a replica"))?;
        Ok(Some(OpId::new(replica, self.columns.number(column, "an operation's number")?)))
    }

    fn history(&mut self) -> Result<(), SnapshotFault> {
        let at = Column::History;
        let wrong = |reading: &Self, what| reading.columns.fault(at, what);
        for _ in 0..self.columns.count(at, "how many runs", RUN_BYTES)? {
            let writer = self.columns.number(at, "a writer")?;
            let (_, replica) = self.writer(writer).ok_or_else(|| wrong(self, "a writer"))?;
            let seq = self.base.version().next(replica);
            let len = self.columns.number(at, "a length")?;
            let end = seq.checked_add(len).filter(|end| *end <= NUMBERS && len > 0);
            let end = end.ok_or_else(|| wrong(self, "numbers that fit"))?;
            let mut deps: Vec<OpId> = Vec::new();
            let count = self.columns.count(at, "how many dependencies", DEP_BYTES)?;
            for _ in 0..count {
                let writer = self.columns.number(at, "a writer")?;
                let (_, its) =
                    self.writer(writer).filter(|(_, its)| *its != replica).ok_or_else(|| wrong(self, "a writer"))?;
                let back = self.columns.number(at, "a dependency")?;
                let seq = self.base.version().next(its).checked_sub(back).and_then(|end| end.checked_sub(1));
                let dep = OpId::new(its, seq.ok_or_else(|| wrong(self, "a dependency that is there"))?);
                if deps.last().is_some_and(|last| *last >= dep) {
                    return Err(wrong(self, "dependencies in their order"));
                }
                deps.push(dep);
            }
            if seq > 0 && deps.is_empty() {
                return Err(wrong(self, "what goes on to be one run"));
            }
            self.base
                .push(Run { first: OpId::new(replica, seq), end, deps: deps.into_iter().collect() }, Hlc::default());
        }
        let as_said = self.writers.len() == self.base.writers().len()
            && self.writers.iter().zip(self.base.writers()).all(|(writer, (replica, _))| writer.replica == *replica)
            && self.writers.iter().all(|writer| self.base.version().next(writer.replica) == writer.next);
        if !as_said {
            return Err(wrong(self, "those who wrote, and as much as they wrote"));
        }
        self.base.set_clocks(self.writers.iter().map(|writer| writer.clock));
        Ok(())
    }

    fn containers(&mut self, state: &mut State) -> Result<(), SnapshotFault> {
        let at = Column::Shape;
        let mut open = Vec::new();
        let mut all: BTreeMap<ContainerId, usize> = BTreeMap::new();
        let count = self.columns.count(at, "how many containers", CONTAINER_BYTES)?;
        for _ in 0..count {
            let number = self.columns.number(at, "a container's kind")?;
            let kind = ContainerKind::from_number(number >> 1);
            let kind = kind.ok_or_else(|| self.columns.fault(at, "a known kind of container"))?;
            let parent = self.columns.number(at, "a container's place")?.checked_sub(1);
            let id = match parent {
                None => {
                    let name = self.columns.of(Column::Names).text("a name")?;
                    Some(ContainerId { kind, place: Place::Root(name.into()) })
                }
                Some(parent) => match self.mentioned(parent).cloned() {
                    Some(parent) if parent.kind.has_keys() => {
                        let key: Arc<str> = self.columns.of(Column::Names).text("a key")?.into();
                        ContainerId::nested(&parent, &key, kind, self.operation(at)?)
                    }
                    Some(parent) if parent.kind.has_items() => {
                        self.operation(at)?.and_then(|item| ContainerId::inserted(&parent, item, kind))
                    }
                    _ => None,
                },
            };
            let id = id.ok_or_else(|| self.columns.fault(at, "a place for a container"))?;
            if all.insert(id.clone(), self.containers.len()).is_some() {
                return Err(self.columns.fault(at, "a container that is new"));
            }
            if number & 1 != 0 {
                open.push(self.containers.len());
            }
            self.containers.push(id);
        }
        // Which of them are there is known before any of them says that another one is in it.
        state.index = open.iter().enumerate().map(|(index, id)| (self.containers[*id].clone(), index)).collect();
        let mut items = ItemsReading::default();
        let mut contents = Vec::with_capacity(open.len());
        for id in &open {
            let id = self.containers[*id].clone();
            let content = self.content(&id, state, &mut items)?;
            contents.push((id, content));
        }
        let mut sequences = items.finish(self, &mut state.sequences)?.into_iter();
        let mut movables = std::mem::take(&mut self.movables).into_iter();
        for (id, content) in contents {
            let content = match content {
                Some(content) => content,
                None => {
                    let sequence = sequences.next().ok_or_else(|| self.columns.fault(at, "items"))?;
                    if id.kind == ContainerKind::MovableList {
                        let known = movables.next().unwrap_or_default();
                        let movable = Movable::of(&state.sequences, sequence, &known);
                        Content::MovableList(movable.ok_or_else(|| self.columns.fault(at, "elements in their places"))?)
                    } else {
                        Content::new(id.kind, || sequence)
                    }
                }
            };
            if let Content::List(sequence) | Content::MovableList(Movable { slots: sequence, .. }) = content {
                let children = state.sequences.items(sequence);
                let children = children.filter_map(|(item, says)| says.child(&id, state.sequences.ids.op(item)));
                if !children.into_iter().all(|child| state.index.contains_key(&child)) {
                    return Err(self.columns.fault(at, "a container that is there"));
                }
            }
            state.containers.push(Container { id, content });
        }
        Ok(())
    }

    fn mentioned(&self, index: u64) -> Option<&ContainerId> {
        self.containers.get(usize::try_from(index).ok()?)
    }

    /// What is in a container; `None` if that is items, which are read when it is known of all how many there are.
    fn content(
        &mut self,
        id: &ContainerId,
        state: &State,
        items: &mut ItemsReading,
    ) -> Result<Option<Content>, SnapshotFault> {
        let at = Column::Shape;
        Ok(Some(match id.kind {
            ContainerKind::Text => {
                items.expect(&mut self.columns)?;
                items.say(Said::Text);
                return Ok(None);
            }
            ContainerKind::List => {
                items.expect(&mut self.columns)?;
                let count = self.columns.count(at, "how many items", ITEM_BYTES)?;
                items.say(Said::Items((0..count).map(|_| self.item()).collect::<Result<_, _>>()?));
                return Ok(None);
            }
            ContainerKind::MovableList => {
                items.expect(&mut self.columns)?;
                let count = self.columns.count(at, "how many slots", ITEM_BYTES)?;
                items.say(Said::Slots((0..count).map(|_| self.item()).collect::<Result<_, _>>()?));
                let known = self.movable()?;
                self.movables.push(known);
                return Ok(None);
            }
            ContainerKind::Map => {
                let mut entries: BTreeMap<Arc<str>, Entry> = BTreeMap::new();
                for _ in 0..self.columns.count(at, "how many keys", ENTRY_BYTES)? {
                    let key: Arc<str> = self.columns.of(Column::Names).text("a key")?.into();
                    let entry = self.entry(id, &key, state)?;
                    if entries.last_key_value().is_some_and(|(last, _)| *last >= key) {
                        return Err(self.columns.fault(Column::Names, "keys in their order"));
                    }
                    entries.insert(key, entry);
                }
                Content::Map(entries)
            }
            ContainerKind::Register => Content::Register(match self.columns.number(at, "whether it was set")? {
                0 => None,
                1 => {
                    let entry = self.entry(id, &"".into(), state)?;
                    if matches!(entry.value, Some(Value::Child { .. })) {
                        return Err(self.columns.fault(at, "a value"));
                    }
                    Some(entry)
                }
                _ => return Err(self.columns.fault(at, "whether it was set")),
            }),
            ContainerKind::Counter => Content::Counter(self.sums()?),
            ContainerKind::OrSet | ContainerKind::OrMap => Content::Tagged(self.tagged(id, state)?),
        }))
    }

    /// What each writer added to a counter.
    fn sums(&mut self) -> Result<Sums, SnapshotFault> {
        let at = Column::Shape;
        let mut sums = Sums::default();
        for _ in 0..self.columns.count(at, "how many added something", SUM_BYTES)? {
            let writer = self.columns.number(at, "a writer")?;
            let new = self.writer(writer).filter(|(_, writer)| !sums.by_writer().contains_key(writer));
            let (_, writer) = new.ok_or_else(|| self.columns.fault(at, "a writer"))?;
            let (low, high) = (self.columns.number(at, "a sum")?, self.columns.number(at, "a sum")?);
            let folded = u128::from(high) << 64 | u128::from(low);
            if folded == 0 {
                return Err(self.columns.fault(at, "a sum that is not 0"));
            }
            sums.set(writer, (folded >> 1) as i128 ^ -((folded & 1) as i128));
        }
        Ok(sums)
    }

    /// Where the elements of a movable list were moved, and what they were set to.
    fn movable(&mut self) -> Result<Known, SnapshotFault> {
        let at = Column::Shape;
        let mut known = Known::default();
        for _ in 0..self.columns.count(at, "how many moves", ENTRY_BYTES)? {
            let slot = self.item_named()?;
            known.moves.push((slot, self.item_named()?));
        }
        for _ in 0..self.columns.count(at, "how many places", ENTRY_BYTES)? {
            known.places.push(self.stamp()?);
        }
        for _ in 0..self.columns.count(at, "how many elements were set", ENTRY_BYTES)? {
            let element = self.item_named()?;
            known.values.push((element, self.stamp()?, self.columns.of(Column::Values).bytes("a value")?));
        }
        Ok(known)
    }

    fn item_named(&mut self) -> Result<OpId, SnapshotFault> {
        let item = self.operation(Column::Shape)?;
        item.ok_or_else(|| self.columns.fault(Column::Shape, "an item"))
    }

    /// What an item of a list says; 0 is what nobody asks for.
    fn item(&mut self) -> Result<Item, SnapshotFault> {
        let at = Column::Shape;
        let number = self.columns.number(at, "an item")?;
        if number == 0 {
            return Ok(Item::Plain(Bytes::new()));
        }
        if number == 1 {
            return Ok(Item::Plain(self.columns.of(Column::Values).bytes("a value")?));
        }
        let kind = number.checked_sub(2).and_then(ContainerKind::from_number);
        kind.map(Item::Child).ok_or_else(|| self.columns.fault(at, "a known kind of container"))
    }

    fn entry(&mut self, id: &ContainerId, key: &Arc<str>, state: &State) -> Result<Entry, SnapshotFault> {
        let value = self.value(id, key, state)?;
        Ok(Entry { stamp: self.stamp()?, value })
    }

    fn value(&mut self, id: &ContainerId, key: &Arc<str>, state: &State) -> Result<Option<Value>, SnapshotFault> {
        let at = Column::Shape;
        Ok(match self.columns.number(at, "what is at a key")? {
            0 => None,
            1 => Some(Value::Plain(self.columns.of(Column::Values).bytes("a value")?)),
            kind => {
                let kind = ContainerKind::from_number(kind - 2);
                let kind = kind.ok_or_else(|| self.columns.fault(at, "a known kind of container"))?;
                let value = Value::Child { kind, over: self.operation(at)? };
                let child = value.child(id, key).filter(|child| state.index.contains_key(child));
                child.map(|_| Some(value)).ok_or_else(|| self.columns.fault(at, "a container that is there"))?
            }
        })
    }

    /// When something was written, and as which operation, of those that are covered.
    fn stamp(&mut self) -> Result<Stamp, SnapshotFault> {
        let at = self.columns.of(Column::Stamps);
        let (index, seq) = (at.number("a writer")?, at.signed("an operation's number")?);
        let (millis, counter) = (at.signed("a clock")?, at.number("a clock's counter")?);
        let wrong = at.fault("a write that is covered");
        let (index, replica) = self.writer(index).ok_or(wrong)?;
        let last = self.last.entry(index).or_default();
        *last = last.wrapping_add(seq as u64);
        self.last_millis = self.last_millis.wrapping_add(millis as u64);
        let stamp = Stamp { clock: Hlc::new(self.last_millis, counter as u16), replica, seq: *last };
        let covered = *last < self.writers[index].next && stamp.clock <= self.writers[index].clock;
        if !covered || self.last_millis >> 48 != 0 || counter >> 16 != 0 {
            return Err(wrong.into());
        }
        Ok(stamp)
    }

    fn key(&mut self, id: &ContainerId, last: Option<&Bytes>) -> Result<(Bytes, Arc<str>), SnapshotFault> {
        let key = self.columns.of(Column::Names).bytes("a key")?;
        let text = if id.kind.has_keys() { std::str::from_utf8(&key).ok() } else { Some("") };
        let text = text.filter(|_| last.is_none_or(|last| *last < key)).map(Arc::from);
        let text = text.ok_or_else(|| self.columns.fault(Column::Names, "keys in their order, in UTF-8"))?;
        Ok((key, text))
    }

    fn tagged(&mut self, id: &ContainerId, state: &State) -> Result<Tagged, SnapshotFault> {
        let at = Column::Shape;
        let mut tagged = Tagged::default();
        let mut last = None;
        for _ in 0..self.columns.count(at, "how many elements", ENTRY_BYTES)? {
            let (key, text) = self.key(id, last.as_ref())?;
            let count = self.columns.count(at, "how many tags", ENTRY_BYTES)?;
            if count == 0 {
                return Err(self.columns.fault(at, "at least one tag"));
            }
            for _ in 0..count {
                let tag = self.stamp()?;
                let value = self.value(id, &text, state)?;
                let plain = value.as_ref().and_then(Value::plain).is_some_and(Bytes::is_empty);
                let value = value.filter(|_| id.kind.has_keys() || plain);
                let value = value.filter(|_| tagged.place(tag.op()).is_none());
                tagged.add(key.clone(), tag, value.ok_or_else(|| self.columns.fault(at, "a tag that is new"))?);
            }
            last = Some(key);
        }
        last = None;
        for _ in 0..self.columns.count(at, "how many keys that held containers", ENTRY_BYTES)? {
            let (key, _) = self.key(id, last.as_ref())?;
            let tag = self.stamp()?;
            tagged.set_last_child(&key, Some(tag));
            last = Some(key);
        }
        Ok(tagged)
    }

    fn dictionaries(&mut self, state: &mut State) -> Result<(), SnapshotFault> {
        let at = Column::Shape;
        for _ in 0..self.columns.count(at, "how many dictionaries", ENTRY_BYTES)? {
            let index = self.columns.number(at, "a writer")?;
            let (index, writer) = self.writer(index).ok_or_else(|| self.columns.fault(at, "a writer"))?;
            let mut replicas = Vec::new();
            for _ in 0..self.columns.count(at, "how many replicas", MENTION_BYTES)? {
                let index = self.columns.number(at, "a replica")?;
                let replica = self.name(index).filter(|replica| *replica != writer);
                replicas.push(replica.ok_or_else(|| self.columns.fault(at, "another replica"))?);
            }
            let mut containers = Vec::new();
            for _ in 0..self.columns.count(at, "how many containers", MENTION_BYTES)? {
                let index = self.columns.number(at, "a container")?;
                let id = self.mentioned(index).cloned();
                containers.push(id.ok_or_else(|| self.columns.fault(at, "a container"))?);
            }
            let container = self.columns.number(at, "the last operation's container")?.checked_sub(1);
            let container = container.map(|index| usize::try_from(index).unwrap_or(usize::MAX));
            let insertion = match self.columns.number(at, "the end of the last insertion")? {
                0 => None,
                end if end > self.next_of(index) => return Err(self.columns.fault(at, "an insertion that is covered")),
                end => Some((end, self.operation(at)?)),
            };
            let mentioned = Mentioned { replicas: &replicas, containers: &containers, container, insertion };
            let dictionary = Dictionary::holding(&mentioned);
            let dictionary = dictionary.ok_or_else(|| self.columns.fault(at, "things that are mentioned once"))?;
            if !state.writers.enter_dictionary(writer, dictionary) {
                return Err(self.columns.fault(at, "one dictionary for each writer"));
            }
        }
        Ok(())
    }
}
