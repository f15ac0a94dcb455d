//! The arena under all sequences of a document: B-trees whose leaves hold spans.
//!
//! Every node knows, for each child, how many visible items are below it, in characters, UTF-16 units and bytes, so that
//! a position is found from the root down, and every leaf knows its parent, so that an item's position is found from
//! its leaf up. Leaves of one sequence are linked. All of it lives in two vectors, whatever the number of sequences.
//!
//! A tree knows nothing of origins: it keeps spans where they are put.

pub(super) mod build;

use super::{index::Index, span::Span};
use crate::{
    document::local::LocalId,
    proof::{Fault, planted},
};

/// How many spans a leaf holds at most. Few where faults are planted, so that small documents have high trees.
const MOST_SPANS: usize = if cfg!(feature = "proof") { 4 } else { 32 };
const MOST_CHILDREN: usize = if cfg!(feature = "proof") { 4 } else { 32 };
/// What neighbours hold together at most that become one.
const FEW_SPANS: usize = MOST_SPANS / 2;

/// A sequence of the arena.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SequenceId(u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LeafId(pub(super) u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct NodeId(u32);

/// Sizes of what is visible in a part of a sequence.
///
/// Sums wrap around, so that a decrease is the addition of a difference; what a node says is always right.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Sum {
    /// Items: characters, or elements of a list.
    pub(crate) items: u32,
    /// UTF-16 units.
    pub(crate) utf16: u32,
    /// Bytes of UTF-8.
    pub(crate) bytes: u32,
}

impl Sum {
    #[must_use]
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            items: self.items.wrapping_add(other.items),
            utf16: self.utf16.wrapping_add(other.utf16),
            bytes: self.bytes.wrapping_add(other.bytes),
        }
    }

    #[must_use]
    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            items: self.items.wrapping_sub(other.items),
            utf16: self.utf16.wrapping_sub(other.utf16),
            bytes: self.bytes.wrapping_sub(other.bytes),
        }
    }
}

/// A span and an item in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) leaf: LeafId,
    /// Which of the leaf's spans; the number of its spans is the place behind the last.
    pub(super) index: usize,
    pub(super) offset: u32,
}

#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) spans: Vec<Span>,
    above: Option<NodeId>,
    /// Which of its parent's children it was when that was last looked for.
    which: usize,
    pub(super) previous: Option<LeafId>,
    pub(super) next: Option<LeafId>,
    pub(super) sequence: SequenceId,
}

#[derive(Clone)]
struct Node {
    children: Vec<Child>,
    above: Option<NodeId>,
    /// Which of its parent's children it was when that was last looked for.
    which: usize,
    sequence: SequenceId,
    /// Whether its children are leaves.
    lowest: bool,
}

#[derive(Clone, Copy)]
struct Child {
    /// A leaf or a node, depending on the height.
    at: u32,
    sum: Sum,
}

impl Node {
    /// Adds to the sum of a child, which was the one that `which` says when it was last looked for. What is above.
    fn add(&mut self, child: u32, which: &mut usize, difference: Sum) -> Option<NodeId> {
        if self.children.get(*which).is_none_or(|there| there.at != child) {
            *which = self.children.iter().position(|there| there.at == child).expect("a child is in its parent");
        }
        let child = &mut self.children[*which];
        child.sum = child.sum.plus(difference);
        self.above
    }
}

#[derive(Clone)]
struct Root {
    /// `None` while one leaf is all there is.
    top: Option<NodeId>,
    first: LeafId,
    sum: Sum,
}

/// All sequences of a document.
#[derive(Clone, Default)]
pub(super) struct Tree {
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
    roots: Vec<Root>,
    pub(super) index: Index,
    free_leaves: Vec<LeafId>,
    free_nodes: Vec<NodeId>,
    cursor: Option<Cursor>,
    /// What the nodes above the leaf of the last edit do not count yet; the root does.
    uncounted: Option<(LeafId, Sum)>,
}

/// Where the last edit was: edits come in runs.
#[derive(Clone, Copy)]
struct Cursor {
    leaf: LeafId,
    index: usize,
    /// How many visible items of the sequence stand before the span at `index`.
    before: u32,
}

impl Tree {
    /// Another sequence, empty.
    pub(super) fn begin(&mut self) -> SequenceId {
        let sequence = SequenceId(self.roots.len() as u32);
        let first = self.new_leaf(sequence, Vec::new());
        self.roots.push(Root { top: None, first, sum: Sum::default() });
        sequence
    }

    /// Takes back the sequence that was begun last. It is empty.
    pub(super) fn take_back_last(&mut self) {
        if let Some(root) = self.roots.pop() {
            debug_assert!(root.sum == Sum::default() && root.top.is_none());
            self.cursor = None;
            self.count_all();
            self.free_leaves.push(root.first);
        }
    }

    pub(super) fn sum(&self, sequence: SequenceId) -> Sum {
        self.roots[sequence.0 as usize].sum
    }

    pub(super) fn first_leaf(&self, sequence: SequenceId) -> LeafId {
        self.roots[sequence.0 as usize].first
    }

    pub(super) fn leaf(&self, leaf: LeafId) -> &Leaf {
        &self.leaves[leaf.0 as usize]
    }

    fn leaf_mut(&mut self, leaf: LeafId) -> &mut Leaf {
        &mut self.leaves[leaf.0 as usize]
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0 as usize]
    }

    fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.0 as usize]
    }

    pub(super) fn span(&self, place: Place) -> Option<&Span> {
        self.leaf(place.leaf).spans.get(place.index)
    }

    /// The spans of a sequence, in order.
    pub(super) fn spans(&self, sequence: SequenceId) -> impl Iterator<Item = &Span> + '_ {
        let leaves = std::iter::successors(Some(self.leaf(self.first_leaf(sequence))), |leaf| {
            leaf.next.map(|next| self.leaf(next))
        });
        leaves.flat_map(|leaf| &leaf.spans)
    }

    /// The same place, and if it is behind a leaf's last span, the beginning of a later leaf.
    pub(super) fn normal(&self, mut place: Place) -> Place {
        while let Leaf { spans, next: Some(next), .. } = self.leaf(place.leaf) {
            if place.index < spans.len() {
                break;
            }
            place = Place { leaf: *next, index: 0, offset: 0 };
        }
        place
    }

    /// The item right before a place; `None` at the beginning.
    pub(super) fn previous(&self, place: Place) -> Option<LocalId> {
        let Place { mut leaf, index, offset } = place;
        if offset > 0 {
            return Some(self.leaf(leaf).spans[index].first.plus(offset - 1));
        }
        let mut last = self.leaf(leaf).spans[..index].last();
        while last.is_none() {
            leaf = self.leaf(leaf).previous?;
            last = self.leaf(leaf).spans.last();
        }
        last.map(Span::last)
    }

    /// Behind everything.
    pub(super) fn end(&self, sequence: SequenceId) -> Place {
        let mut leaf = self.roots[sequence.0 as usize].first;
        if let Some(top) = self.roots[sequence.0 as usize].top {
            let mut node = self.node(top);
            while let Some(last) = node.children.last() {
                if node.lowest {
                    leaf = LeafId(last.at);
                    break;
                }
                node = self.node(NodeId(last.at));
            }
        }
        Place { leaf, index: self.leaf(leaf).spans.len(), offset: 0 }
    }

    /// The place of the visible item `at`, of which there is one, and how many visible items stand before its span.
    pub(super) fn locate(&self, sequence: SequenceId, at: u32) -> (Place, u32) {
        let near = self.cursor.filter(|cursor| self.leaf(cursor.leaf).sequence == sequence);
        near.and_then(|cursor| self.locate_near(cursor, at)).unwrap_or_else(|| {
            let (leaf, before) = self.descend(sequence, at, |sum| sum.items);
            self.locate_in(Cursor { leaf, index: 0, before: before.items }, at).expect("sums say what is below")
        })
    }

    /// The span in which the last edit was, if that was in this sequence: where and what it is, how many visible items stand
    /// before it, and the item behind it, deleted or not.
    #[inline]
    pub(super) fn recent(&self, sequence: SequenceId) -> Option<(Place, &Span, u32, Option<LocalId>)> {
        let Cursor { leaf, index, before } = self.cursor?;
        let there = self.leaf(leaf);
        let span = there.spans.get(index).filter(|_| there.sequence == sequence)?;
        let next = match there.spans.get(index + 1) {
            Some(next) => Some(next),
            None => self.span(self.normal(Place { leaf, index: index + 1, offset: 0 })),
        };
        Some((Place { leaf, index, offset: 0 }, span, before, next.map(|next| next.first)))
    }

    /// Makes a span longer by its continuation, which says `sum` of itself.
    #[inline]
    pub(super) fn lengthen(&mut self, place: Place, by: &Span, sum: Sum) {
        self.index.set(by.first, by.len(), place.leaf);
        self.add(place.leaf, sum);
        self.leaf_mut(place.leaf).spans[place.index].append(by);
    }

    /// Puts other spans in the place of one and its neighbour, which have the same items and can be joined with nothing else
    /// either. `place` is where one of them is that `before` visible items stand before, `difference` what the sequence gains.
    #[inline]
    pub(super) fn shift(&mut self, place: Place, first: usize, pair: [Span; 2], before: u32, difference: Sum) {
        let Place { leaf, index, .. } = place;
        if !planted(Fault::DeletionNotSummed) {
            self.add(leaf, difference);
        }
        self.leaf_mut(leaf).spans[first..first + 2].copy_from_slice(&pair);
        self.cursor = Some(Cursor { leaf, index, before });
    }

    fn locate_near(&self, cursor: Cursor, at: u32) -> Option<(Place, u32)> {
        let Cursor { leaf, mut index, mut before } = cursor;
        let spans = &self.leaf(leaf).spans;
        while at < before {
            index = index.checked_sub(1)?;
            before -= spans[index].visible();
        }
        self.locate_in(Cursor { leaf, index, before }, at)
    }

    fn locate_in(&self, cursor: Cursor, at: u32) -> Option<(Place, u32)> {
        let Cursor { leaf, mut index, mut before } = cursor;
        for span in &self.leaf(leaf).spans[index..] {
            if at - before < span.visible() {
                return Some((Place { leaf, index, offset: at - before }, before));
            }
            before += span.visible();
            index += 1;
        }
        None
    }

    /// The leaf in which the unit `at` of some measure is, or the last one, and what stands before the leaf.
    pub(super) fn descend(&self, sequence: SequenceId, at: u32, measure: impl Fn(&Sum) -> u32) -> (LeafId, Sum) {
        let root = &self.roots[sequence.0 as usize];
        let mut before = Sum::default();
        let Some(mut node) = root.top else { return (root.first, before) };
        loop {
            let Node { children, lowest, .. } = self.node(node);
            let uncounted = self.uncounted_below(node);
            let mut chosen = children[children.len() - 1].at;
            for (index, child) in children.iter().enumerate() {
                let mut sum = child.sum;
                if let Some((_, more)) = uncounted.filter(|(at, _)| *at == child.at) {
                    sum = sum.plus(more);
                }
                if index + 1 == children.len() || at - measure(&before) < measure(&sum) {
                    chosen = child.at;
                    break;
                }
                before = before.plus(sum);
            }
            if *lowest {
                return (LeafId(chosen), before);
            }
            node = NodeId(chosen);
        }
    }

    /// What stands before a place of a sequence, whole spans only.
    pub(super) fn before(&self, place: Place, sum: impl Fn(&Span) -> Sum) -> Sum {
        let here = self.leaf(place.leaf).spans[..place.index].iter().map(sum).fold(Sum::default(), Sum::plus);
        self.before_leaf(place.leaf).plus(here)
    }

    fn before_leaf(&self, leaf: LeafId) -> Sum {
        let mut before = Sum::default();
        let (mut at, mut above) = (leaf.0, self.leaf(leaf).above);
        while let Some(node) = above {
            let Node { children, above: next, .. } = self.node(node);
            for child in children.iter().take_while(|child| child.at != at) {
                before = before.plus(child.sum);
            }
            (at, above) = (node.0, *next);
        }
        let sequence = self.leaf(leaf).sequence;
        let uncounted = self.uncounted.filter(|(other, _)| *other != leaf && self.leaf(*other).sequence == sequence);
        match uncounted {
            Some((other, more)) if self.is_leaf_before(other, leaf) => before.plus(more),
            _ => before,
        }
    }

    /// The child of a node which is, or below which is, the leaf that is not all counted, and how much of it is not.
    fn uncounted_below(&self, node: NodeId) -> Option<(u32, Sum)> {
        let (leaf, sum) = self.uncounted?;
        let (mut at, mut above) = (leaf.0, self.leaf(leaf).above?);
        while above != node {
            (at, above) = (above.0, self.node(above).above?);
        }
        Some((at, sum))
    }

    /// How many visible items stand before the span at a place.
    pub(super) fn items_before(&self, place: Place) -> u32 {
        if let Some(Cursor { leaf, index, before }) = self.cursor {
            if leaf == place.leaf {
                let spans = &self.leaf(leaf).spans;
                let seen = |spans: &[Span]| spans.iter().map(Span::visible).sum::<u32>();
                return match index <= place.index {
                    true => before + seen(&spans[index..place.index]),
                    false => before - seen(&spans[place.index..index]),
                };
            }
        }
        let here: u32 = self.leaf(place.leaf).spans[..place.index].iter().map(Span::visible).sum();
        self.before_leaf(place.leaf).items + here
    }

    /// Whether one place comes before another one of the same sequence.
    pub(super) fn is_before(&self, one: Place, other: Place) -> bool {
        if one.leaf == other.leaf {
            return (one.index, one.offset) < (other.index, other.offset);
        }
        self.is_leaf_before(one.leaf, other.leaf)
    }

    /// The same for two leaves, which are not one.
    fn is_leaf_before(&self, one: LeafId, other: LeafId) -> bool {
        // Leaves are all at the same height, so both ways up meet in one node.
        let (mut a, mut b) = (one.0, other.0);
        let (mut above_a, mut above_b) = (self.leaf(one).above, self.leaf(other).above);
        while above_a != above_b {
            let (Some(up_a), Some(up_b)) = (above_a, above_b) else { break };
            (a, above_a) = (up_a.0, self.node(up_a).above);
            (b, above_b) = (up_b.0, self.node(up_b).above);
        }
        above_a.is_some_and(|node| {
            let first = self.node(node).children.iter().find(|child| child.at == a || child.at == b);
            first.is_some_and(|child| child.at == a)
        })
    }

    /// Adds to all sums above a leaf: at once to the root's, to the others when the next edit is in another leaf.
    #[inline]
    fn add(&mut self, leaf: LeafId, difference: Sum) {
        let sequence = self.leaf(leaf).sequence;
        let root = &mut self.roots[sequence.0 as usize];
        root.sum = root.sum.plus(difference);
        match &mut self.uncounted {
            Some((last, sum)) if *last == leaf => *sum = sum.plus(difference),
            _ => {
                self.count_all();
                self.uncounted = Some((leaf, difference));
            }
        }
    }

    /// Has the nodes count what they do not yet. What changes the form of the tree begins with it.
    fn count_all(&mut self) {
        let Some((leaf, difference)) = self.uncounted.take() else { return };
        let Self { leaves, nodes, .. } = self;
        let lowest = &mut leaves[leaf.0 as usize];
        let mut next =
            lowest.above.map(|above| (above, nodes[above.0 as usize].add(leaf.0, &mut lowest.which, difference)));
        while let Some((node, above)) = next {
            next = above.map(|above| {
                let mut which = nodes[node.0 as usize].which;
                let next = nodes[above.0 as usize].add(node.0, &mut which, difference);
                nodes[node.0 as usize].which = which;
                (above, next)
            });
        }
    }

    /// Puts a span between two others, before `place.index`, or makes it part of the one before.
    ///
    /// `before` is how many visible items stand there, `sum` what the span says of itself.
    pub(super) fn put(&mut self, place: Place, span: Span, before: u32, sum: Sum, sizes: impl Fn(&Span) -> Sum) {
        debug_assert!(place.offset == 0);
        let Place { leaf, index, .. } = place;
        self.index.set(span.first, span.len(), leaf);
        self.add(leaf, sum);
        let spans = &mut self.leaf_mut(leaf).spans;
        if let Some(previous) = index.checked_sub(1).map(|previous| &mut spans[previous]) {
            if previous.precedes(&span) {
                let before = before - previous.visible();
                previous.append(&span);
                if !planted(Fault::CursorLeftBehind) {
                    self.cursor = Some(Cursor { leaf, index: index - 1, before });
                }
                return;
            }
        }
        spans.insert(index, span);
        self.cursor = Some(Cursor { leaf, index, before });
        self.resize(leaf, sizes);
    }

    /// Puts other spans in the place of one, and joins what can be one.
    ///
    /// `before` is how many visible items stand before it, `difference` what the sequence gains. All items of `parts` that
    /// were not in the span before are new.
    pub(super) fn rewrite(
        &mut self,
        place: Place,
        parts: &[Option<Span>],
        before: u32,
        difference: Sum,
        sizes: impl Fn(&Span) -> Sum,
    ) {
        let Place { leaf, index, .. } = place;
        if (difference.items as i32) >= 0 || !planted(Fault::DeletionNotSummed) {
            self.add(leaf, difference);
        }
        let Leaf { spans, .. } = &mut self.leaves[leaf.0 as usize];
        let from = index.saturating_sub(1);
        let to = (index + 2).min(spans.len());
        let around = spans[from..index].iter().chain(parts.iter().flatten()).chain(&spans[index + 1..to]);
        // At most three parts and a neighbour on each side.
        let mut joined: [Option<Span>; 5] = [None; 5];
        let mut count = 0_usize;
        for span in around {
            match count.checked_sub(1).and_then(|last| joined[last].as_mut()) {
                Some(last) if last.precedes(span) => last.append(span),
                _ => {
                    joined[count] = Some(*span);
                    count += 1;
                }
            }
        }
        let before = if from < index { before - spans[from].visible() } else { before };
        // The spans that stay in number are overwritten in place: most rewrites move nothing.
        let same = count.min(to - from);
        for (there, span) in spans[from..from + same].iter_mut().zip(joined.iter().flatten()) {
            *there = *span;
        }
        if count > same {
            spans.splice(from + same..from + same, joined[same..].iter().flatten().copied());
        } else {
            spans.drain(from + same..to);
        }
        self.cursor = Some(Cursor { leaf, index: from, before });
        self.resize(leaf, sizes);
    }

    /// Brings a leaf whose number of spans has changed to a size that is allowed.
    fn resize(&mut self, leaf: LeafId, sizes: impl Fn(&Span) -> Sum) {
        let count = self.leaf(leaf).spans.len();
        if count > MOST_SPANS {
            self.split_leaf(leaf, sizes);
        } else if count <= FEW_SPANS / 2 {
            self.join_leaf(leaf);
        }
    }

    fn split_leaf(&mut self, leaf: LeafId, sizes: impl Fn(&Span) -> Sum) {
        self.count_all();
        let Leaf { spans, above, next, sequence, .. } = self.leaf_mut(leaf);
        let (above, next, sequence) = (*above, *next, *sequence);
        // A sequence that grows at its end leaves full leaves behind.
        let cut = if next.is_none() { MOST_SPANS - 2 } else { spans.len() / 2 };
        let moved = spans.split_off(cut);
        let sum = moved.iter().map(sizes).fold(Sum::default(), Sum::plus);
        let new = self.new_leaf(sequence, Vec::new());
        for span in moved.iter().filter(|_| !planted(Fault::MovedItemsNotIndexed)) {
            self.index.set(span.first, span.len(), new);
        }
        self.leaf_mut(new).spans = moved;
        self.leaf_mut(new).previous = Some(leaf);
        self.leaf_mut(new).next = next;
        self.leaf_mut(leaf).next = Some(new);
        if let Some(next) = next {
            self.leaf_mut(next).previous = Some(new);
        }
        if let Some(cursor) = self.cursor.as_mut().filter(|cursor| cursor.leaf == leaf && cursor.index >= cut) {
            *cursor = Cursor { leaf: new, index: cursor.index - cut, before: cursor.before };
        }
        let above = above.unwrap_or_else(|| self.raise(sequence, leaf.0, true));
        self.add_child(above, leaf.0, Child { at: new.0, sum });
    }

    /// A node over what was the whole tree until now.
    fn raise(&mut self, sequence: SequenceId, at: u32, lowest: bool) -> NodeId {
        let sum = self.sum(sequence);
        let node = self.new_node(Node { children: vec![Child { at, sum }], above: None, which: 0, sequence, lowest });
        self.roots[sequence.0 as usize].top = Some(node);
        self.set_above(at, lowest, node);
        node
    }

    fn set_above(&mut self, at: u32, leaf: bool, above: NodeId) {
        if leaf {
            self.leaf_mut(LeafId(at)).above = Some(above);
        } else {
            self.node_mut(NodeId(at)).above = Some(above);
        }
    }

    /// Puts a child behind another one, from which all that is below it was taken.
    fn add_child(&mut self, node: NodeId, behind: u32, child: Child) {
        let Node { children, lowest, above, sequence, .. } = self.node_mut(node);
        let (lowest, above, sequence) = (*lowest, *above, *sequence);
        let at = children.iter().position(|there| there.at == behind).expect("a child is in its parent");
        children[at].sum = children[at].sum.minus(child.sum);
        children.insert(at + 1, child);
        let grows_at_end = at + 2 == children.len();
        let overfull = children.len() > MOST_CHILDREN;
        self.set_above(child.at, lowest, node);
        if !overfull {
            return;
        }
        let children = &mut self.node_mut(node).children;
        let cut = if grows_at_end { MOST_CHILDREN - 1 } else { MOST_CHILDREN / 2 };
        let moved = children.split_off(cut);
        let sum = moved.iter().map(|child| child.sum).fold(Sum::default(), Sum::plus);
        let new = self.new_node(Node { children: Vec::new(), above, which: 0, sequence, lowest });
        for child in &moved {
            self.set_above(child.at, lowest, new);
        }
        self.node_mut(new).children = moved;
        let above = above.unwrap_or_else(|| self.raise(sequence, node.0, false));
        self.add_child(above, node.0, Child { at: new.0, sum });
    }

    /// Joins a leaf that has become small with a neighbour below the same node, if both together are small.
    fn join_leaf(&mut self, leaf: LeafId) {
        let Leaf { above, spans, previous, next, .. } = self.leaf(leaf);
        let Some(above) = *above else { return };
        let fits = |other: &LeafId| {
            let other = self.leaf(*other);
            // An empty leaf fits into any. It stays where it is its parent's only one.
            let together = if spans.is_empty() { 0 } else { other.spans.len() + spans.len() };
            other.above == Some(above) && together <= FEW_SPANS
        };
        let pair = match (previous.filter(fits), next.filter(fits)) {
            (Some(previous), _) => (previous, leaf),
            (None, Some(next)) => (leaf, next),
            (None, None) => return,
        };
        self.count_all();
        let (into, gone) = pair;
        let moved = std::mem::take(&mut self.leaf_mut(gone).spans);
        for span in &moved {
            self.index.set(span.first, span.len(), into);
        }
        let spans = &mut self.leaves[into.0 as usize].spans;
        let mut moved = moved.into_iter().peekable();
        let mut first = spans.len();
        let mut seen = 0;
        if let (Some(last), Some(span)) = (spans.last_mut(), moved.peek()) {
            // Two runs that were one but for the end of the leaf.
            if last.precedes(span) {
                (first, seen) = (first - 1, last.visible());
                last.append(span);
                moved.next();
            }
        }
        spans.extend(moved);
        if let Some(cursor) = self.cursor.as_mut().filter(|cursor| cursor.leaf == gone) {
            let before = if cursor.index == 0 { cursor.before - seen } else { cursor.before };
            *cursor = Cursor { leaf: into, index: first + cursor.index, before };
        }
        let next = self.leaf(gone).next;
        self.leaf_mut(into).next = next;
        if let Some(next) = next {
            self.leaf_mut(next).previous = Some(into);
        }
        self.free_leaves.push(gone);
        let children = &mut self.node_mut(above).children;
        let at = children.iter().position(|child| child.at == gone.0).expect("a child is in its parent");
        let child = children.remove(at);
        children[at - 1].sum = children[at - 1].sum.plus(child.sum);
        self.lower(above);
    }

    /// Takes a node away that has one child left and is the root, or joins it with a neighbour if both are small.
    fn lower(&mut self, node: NodeId) {
        let Node { children, above, sequence, lowest, .. } = self.node(node);
        let (count, only, lowest, sequence) = (children.len(), children[0].at, *lowest, *sequence);
        let Some(above) = *above else {
            if count == 1 {
                let top = if lowest {
                    self.leaf_mut(LeafId(only)).above = None;
                    None
                } else {
                    self.node_mut(NodeId(only)).above = None;
                    Some(NodeId(only))
                };
                self.roots[sequence.0 as usize].top = top;
                self.free_nodes.push(node);
            }
            return;
        };
        if count > MOST_CHILDREN / 4 {
            return;
        }
        let siblings = &self.node(above).children;
        let at = siblings.iter().position(|child| child.at == node.0).expect("a child is in its parent");
        let fits = |other: usize| {
            let other = siblings.get(other)?;
            (self.node(NodeId(other.at)).children.len() + count <= MOST_CHILDREN / 2).then_some(NodeId(other.at))
        };
        let (into, gone, gone_at) = match (at.checked_sub(1).and_then(fits), fits(at + 1)) {
            (Some(previous), _) => (previous, node, at),
            (None, Some(next)) => (node, next, at + 1),
            (None, None) => return,
        };
        let moved = std::mem::take(&mut self.node_mut(gone).children);
        for child in &moved {
            self.set_above(child.at, lowest, into);
        }
        self.node_mut(into).children.extend(moved);
        self.free_nodes.push(gone);
        let siblings = &mut self.node_mut(above).children;
        let child = siblings.remove(gone_at);
        siblings[gone_at - 1].sum = siblings[gone_at - 1].sum.plus(child.sum);
        self.lower(above);
    }

    fn new_leaf(&mut self, sequence: SequenceId, spans: Vec<Span>) -> LeafId {
        let leaf = Leaf { spans, above: None, which: 0, previous: None, next: None, sequence };
        if let Some(free) = self.free_leaves.pop() {
            *self.leaf_mut(free) = leaf;
            return free;
        }
        self.leaves.push(leaf);
        LeafId(self.leaves.len() as u32 - 1)
    }

    fn new_node(&mut self, node: Node) -> NodeId {
        if let Some(free) = self.free_nodes.pop() {
            *self.node_mut(free) = node;
            return free;
        }
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// What is wrong inside, for tests: sums, links, the index and the cursor.
    pub(super) fn check(&self, sequence: SequenceId, sizes: impl Fn(&Span) -> Sum) -> Result<(), String> {
        let mut leaves = Vec::new();
        let root = &self.roots[sequence.0 as usize];
        let total = match root.top {
            Some(top) => self.check_node(top, None, sequence, &mut leaves, &sizes)?,
            None => self.check_leaf(root.first, None, sequence, &mut leaves, &sizes)?,
        };
        if total != root.sum {
            return Err(format!("the root says {:?}, the leaves {total:?}", root.sum));
        }
        let linked: Vec<_> = std::iter::successors(Some(root.first), |leaf| self.leaf(*leaf).next).collect();
        let backwards = leaves.windows(2).all(|pair| self.leaf(pair[1]).previous == Some(pair[0]));
        if linked != leaves || !backwards || self.leaf(root.first).previous.is_some() {
            return Err("leaves are not linked in their order".into());
        }
        if let Some(cursor) = self.cursor.filter(|cursor| self.leaf(cursor.leaf).sequence == sequence) {
            let place = Place { leaf: cursor.leaf, index: cursor.index, offset: 0 };
            if cursor.index > self.leaf(cursor.leaf).spans.len() || self.before(place, &sizes).items != cursor.before {
                return Err(format!("the cursor says that {} items are before it", cursor.before));
            }
        }
        Ok(())
    }

    fn check_node(
        &self,
        id: NodeId,
        above: Option<NodeId>,
        sequence: SequenceId,
        leaves: &mut Vec<LeafId>,
        sizes: &impl Fn(&Span) -> Sum,
    ) -> Result<Sum, String> {
        let node = self.node(id);
        if node.above != above || node.sequence != sequence || node.children.is_empty() {
            return Err("a node that is empty or in another place than it says".into());
        }
        let mut total = Sum::default();
        let uncounted = self.uncounted_below(id);
        for child in &node.children {
            let uncounted = uncounted.filter(|(at, _)| *at == child.at).map_or_else(Sum::default, |(_, sum)| sum);
            let sum = match node.lowest {
                true => self.check_leaf(LeafId(child.at), Some(id), sequence, leaves, sizes)?,
                false => self.check_node(NodeId(child.at), Some(id), sequence, leaves, sizes)?,
            };
            if sum != child.sum.plus(uncounted) {
                return Err(format!("a node says {:?} of a child of {sum:?}", child.sum));
            }
            total = total.plus(sum);
        }
        Ok(total)
    }

    fn check_leaf(
        &self,
        id: LeafId,
        above: Option<NodeId>,
        sequence: SequenceId,
        leaves: &mut Vec<LeafId>,
        sizes: &impl Fn(&Span) -> Sum,
    ) -> Result<Sum, String> {
        let leaf = self.leaf(id);
        leaves.push(id);
        if leaf.above != above || leaf.sequence != sequence || leaf.spans.len() > MOST_SPANS {
            return Err("a leaf that is too full or in another place than it says".into());
        }
        if leaf.spans.is_empty() && above.is_some_and(|node| self.node(node).children.len() > 1) {
            return Err("an empty leaf".into());
        }
        for (index, span) in leaf.spans.iter().enumerate() {
            if span.len() == 0 {
                return Err("an empty span".into());
            }
            if index > 0 && leaf.spans[index - 1].precedes(span) {
                return Err(format!("spans {} and {index} of a leaf could be one", index - 1));
            }
            let lost = (0..span.len()).find(|at| self.index.leaf(span.first.plus(*at)) != Some(id));
            if lost.is_some() {
                return Err(format!("item {lost:?} of {span:?} is not where the index says"));
            }
        }
        Ok(leaf.spans.iter().map(sizes).fold(Sum::default(), Sum::plus))
    }
}
