//! Where items are: for each id the leaf that holds it, in runs.
//!
//! Ids are divided into pages. A page says from which of its ids on which leaf is meant; most pages say one or a few
//! things. So finding a leaf costs a look at a short list, and moving items to another leaf costs as much per run of ids.

use super::tree::LeafId;
use crate::document::local::LocalId;

const PAGE_BITS: u32 = 8;
const PAGE: u32 = 1 << PAGE_BITS;

/// Ids to leaves. What it says of an id that is no item means nothing.
#[derive(Clone, Default)]
pub(super) struct Index {
    pages: Vec<Page>,
}

#[derive(Clone, Default)]
struct Page {
    /// In the order of `from`; no two neighbours say the same.
    entries: Vec<Entry>,
    /// Nothing was ever said of the ids from this one on.
    end: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The first id in the page of which this is so.
    from: u32,
    leaf: LeafId,
}

impl Index {
    /// In which leaf an item is.
    pub(super) fn leaf(&self, id: LocalId) -> Option<LeafId> {
        let entries = &self.pages.get((id.bits() >> PAGE_BITS) as usize)?.entries;
        let within = id.bits() & (PAGE - 1);
        // Most pages say one thing, or are asked for the last.
        let entry = match entries.last() {
            Some(last) if last.from <= within => last,
            _ => &entries[entries.partition_point(|entry| entry.from <= within).checked_sub(1)?],
        };
        Some(entry.leaf)
    }

    /// From now on `len` items from `first` on are in `leaf`.
    #[inline]
    pub(super) fn set(&mut self, first: LocalId, len: u32, leaf: LeafId) {
        let from = first.bits() & (PAGE - 1);
        match self.pages.get_mut((first.bits() >> PAGE_BITS) as usize) {
            // Typing.
            Some(page) if from >= page.end && from + len <= PAGE && page.ends_with(leaf) => page.end = from + len,
            _ => self.set_pages(first, len, leaf),
        }
    }

    fn set_pages(&mut self, first: LocalId, len: u32, leaf: LeafId) {
        let (mut from, end) = (first.bits(), first.bits() + len);
        let pages = (((end - 1) >> PAGE_BITS) + 1) as usize;
        if pages > self.pages.len() {
            self.pages.resize_with(pages, Page::default);
        }
        while from < end {
            let page = &mut self.pages[(from >> PAGE_BITS) as usize];
            let within = from & (PAGE - 1);
            let to = (within + (end - from)).min(PAGE);
            page.set(within, to, leaf);
            from += to - within;
        }
    }
}

impl Page {
    fn ends_with(&self, leaf: LeafId) -> bool {
        self.entries.last().is_some_and(|last| last.leaf == leaf)
    }

    fn set(&mut self, from: u32, to: u32, leaf: LeafId) {
        if from >= self.end {
            if !self.ends_with(leaf) {
                self.entries.push(Entry { from, leaf });
            }
            self.end = to;
            return;
        }
        let Self { entries, end } = self;
        let begin = entries.partition_point(|entry| entry.from < from);
        let mut after = begin + entries[begin..].partition_point(|entry| entry.from <= to);
        // What was said of the items after these goes on being so.
        let before = after.checked_sub(1).map(|last| entries[last].leaf);
        let resumed = before.filter(|before| to < *end && *before != leaf).map(|leaf| Entry { from: to, leaf });
        if resumed.is_none() && entries.get(after).is_some_and(|next| next.leaf == leaf) {
            after += 1;
        }
        let joins = begin > 0 && entries[begin - 1].leaf == leaf;
        let stated = (!joins).then_some(Entry { from, leaf });
        entries.splice(begin..after, stated.into_iter().chain(resumed));
        *end = to.max(*end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::local::LocalIds,
        id::ReplicaId,
        rng::{Rng, Seed},
    };

    #[test]
    fn each_item_is_where_it_was_put_last() {
        let mut ids = LocalIds::default();
        let writer = ids.writer(ReplicaId::new(1));
        let first = ids.give(writer, 0, 3_000).expect("there is room");
        let mut rng = Rng::new(Seed::from_number(7));
        let (mut index, mut naive) = (Index::default(), vec![None; 3_000]);
        let mut below = |bound: u64| (rng.next_u64() % bound) as u32;
        for _ in 0..5_000 {
            let at = below(3_000);
            let most = if below(4) == 0 { 600 } else { 9 };
            let len = 1 + below(most);
            let len = len.min(3_000 - at);
            let leaf = LeafId(below(5));
            index.set(first.plus(at), len, leaf);
            naive[at as usize..(at + len) as usize].fill(Some(leaf));
            let wrong = (0..3_000)
                .find(|id| naive[*id as usize].is_some() && index.leaf(first.plus(*id)) != naive[*id as usize]);
            assert_eq!(wrong, None);
        }
        for page in &index.pages {
            assert!(page.entries.windows(2).all(|pair| pair[0].from < pair[1].from && pair[0].leaf != pair[1].leaf));
        }
    }
}
