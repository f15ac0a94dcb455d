//! A sequence's tree from all of its spans at once: every leaf and every node full, in one pass.

use super::{Child, LeafId, MOST_CHILDREN, MOST_SPANS, Node, NodeId, SequenceId, Sum, Tree};
use crate::document::sequence::span::Span;

/// As in a sequence that grew at its end, there is a little room in each.
pub(in crate::document::sequence) const FULL: usize = MOST_SPANS - 2;

impl Tree {
    /// Another sequence, of these spans. No two neighbours could be one, and none has items of another one. The index is told
    /// nothing: that is left to the caller, who does it for all sequences in the order of the ids.
    ///
    /// The leaves come after the sequence, each of [`FULL`] spans but for the last.
    pub(in crate::document::sequence) fn fill(
        &mut self,
        spans: &[Span],
        sizes: impl Fn(&Span) -> Sum,
    ) -> (SequenceId, Vec<LeafId>) {
        let sequence = self.begin();
        let mut level = Vec::new();
        let mut previous: Option<LeafId> = None;
        for some in spans.chunks(FULL) {
            let leaf = if previous.is_none() { self.first_leaf(sequence) } else { self.new_leaf(sequence, Vec::new()) };
            if let Some(previous) = previous {
                self.leaf_mut(previous).next = Some(leaf);
            }
            let there = self.leaf_mut(leaf);
            (there.spans, there.previous) = (some.to_vec(), previous);
            previous = Some(leaf);
            let sum = some.iter().map(&sizes).fold(Sum::default(), Sum::plus);
            level.push(Child { at: leaf.0, sum });
        }
        let total = level.iter().map(|child| child.sum).fold(Sum::default(), Sum::plus);
        let leaves = level.iter().map(|child| LeafId(child.at)).collect();
        let mut lowest = true;
        while level.len() > 1 {
            level = level.chunks(MOST_CHILDREN).map(|children| self.node_over(children, sequence, lowest)).collect();
            lowest = false;
        }
        let root = &mut self.roots[sequence.0 as usize];
        root.sum = total;
        root.top = level.first().filter(|_| !lowest).map(|top| NodeId(top.at));
        (sequence, leaves)
    }

    fn node_over(&mut self, children: &[Child], sequence: SequenceId, lowest: bool) -> Child {
        let sum = children.iter().map(|child| child.sum).fold(Sum::default(), Sum::plus);
        let node = self.new_node(Node { children: children.to_vec(), above: None, which: 0, sequence, lowest });
        for child in children {
            self.set_above(child.at, lowest, node);
        }
        Child { at: node.0, sum }
    }
}
