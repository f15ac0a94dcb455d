//! FugueMax as the paper has it: a tree of characters, or of items of a list, walked in order.
//!
//! A character is a left child of its right origin if that is a descendant of its left origin, else a right child of its left
//! origin. Left siblings are ordered by id; right siblings by their right origins, the last one first, and then by id.

use std::{cmp::Ordering, collections::BTreeMap};

use crdt_socket_sync::OpId;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

#[derive(Clone)]
struct Node<T> {
    says: T,
    deleted: bool,
    left: Option<OpId>,
    right: Option<OpId>,
    /// `None` is the root, at the beginning of the text.
    parent: Option<OpId>,
    side: Side,
}

/// One text, or list.
#[derive(Clone)]
pub(super) struct Tree<T> {
    nodes: BTreeMap<OpId, Node<T>>,
}

impl<T: Clone> Tree<T> {
    pub(super) const fn new() -> Self {
        Self { nodes: BTreeMap::new() }
    }

    /// What is not deleted, in order.
    pub(super) fn walk(&self) -> Vec<(OpId, T)> {
        let mut order: Vec<_> = self.nodes.keys().copied().collect();
        order.sort_by(|one, other| self.compare(*one, *other));
        let left = order.into_iter().filter(|id| !self.nodes[id].deleted);
        left.map(|id| (id, self.nodes[&id].says.clone())).collect()
    }

    /// `None` if the origins are not here, or were never neighbours.
    pub(super) fn insert(&mut self, id: OpId, says: T, left: Option<OpId>, right: Option<OpId>) -> Option<()> {
        if left.into_iter().chain(right).any(|origin| !self.nodes.contains_key(&origin)) {
            return None;
        }
        self.check_neighbours(left, right)?;
        let below_left = right.filter(|right| left.is_none_or(|left| self.path(*right).contains(&left)));
        let (parent, side) = match below_left {
            Some(right) => (Some(right), Side::Left),
            None => (left, Side::Right),
        };
        self.nodes.insert(id, Node { says, deleted: false, left, right, parent, side });
        Some(())
    }

    pub(super) fn delete(&mut self, id: OpId) -> Option<()> {
        self.nodes.get_mut(&id)?.deleted = true;
        Some(())
    }

    /// Nothing that existed when the right origin or the left origin was typed may stand between the two.
    fn check_neighbours(&self, left: Option<OpId>, right: Option<OpId>) -> Option<()> {
        if let (Some(left), Some(right)) = (left, right) {
            (self.compare(left, right) == Ordering::Less).then_some(())?;
        }
        if let Some(right) = right {
            let its_left = self.nodes[&right].left;
            (self.compare_or_beginning(its_left, left) != Ordering::Greater).then_some(())?;
        }
        if let Some(left) = left {
            let its_right = self.nodes[&left].right;
            (self.compare_or_end(right, its_right) != Ordering::Greater).then_some(())?;
        }
        Some(())
    }

    fn compare_or_beginning(&self, one: Option<OpId>, other: Option<OpId>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) => self.compare(one, other),
            _ => one.is_some().cmp(&other.is_some()),
        }
    }

    fn compare_or_end(&self, one: Option<OpId>, other: Option<OpId>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) => self.compare(one, other),
            _ => one.is_none().cmp(&other.is_none()),
        }
    }

    /// From a child of the root down to the node itself.
    fn path(&self, id: OpId) -> Vec<OpId> {
        let mut path: Vec<_> = std::iter::successors(Some(id), |id| self.nodes[id].parent).collect();
        path.reverse();
        path
    }

    /// Which of two comes first in the walk.
    fn compare(&self, one: OpId, other: OpId) -> Ordering {
        let (one_path, other_path) = (self.path(one), self.path(other));
        let common = one_path.iter().zip(&other_path).take_while(|(one, other)| one == other).count();
        match (one_path.get(common), other_path.get(common)) {
            (None, None) => Ordering::Equal,
            // One is above the other, which is on one side of it.
            (None, Some(below)) => match self.nodes[below].side {
                Side::Left => Ordering::Greater,
                Side::Right => Ordering::Less,
            },
            (Some(below), None) => match self.nodes[below].side {
                Side::Left => Ordering::Less,
                Side::Right => Ordering::Greater,
            },
            (Some(one), Some(other)) => self.compare_siblings(*one, *other),
        }
    }

    fn compare_siblings(&self, one: OpId, other: OpId) -> Ordering {
        let (one_node, other_node) = (&self.nodes[&one], &self.nodes[&other]);
        let by_right = || match one_node.side {
            Side::Left => Ordering::Equal,
            Side::Right => self.compare_or_end(one_node.right, other_node.right).reverse(),
        };
        one_node.side.cmp(&other_node.side).then_with(by_right).then(one.cmp(&other))
    }
}
