//! How the cost grows with the size, and what is easily quadratic.

use std::collections::VecDeque;

use super::{Figures, timed};
use crate::{
    library::{Edit, Family, Library, Setup, Shown},
    random::Random,
};

const RUN: &str = "abcdefghi ";

fn setup(way: &str) -> Setup<'_> {
    Setup { replica: 1, family: Family::Text, way, history: false }
}

/// A text of `size` characters that came about by ten at a time, each time somewhere.
fn scattered<L: Library>(way: &str, size: usize, random: &mut Random) -> L {
    let mut document = L::new(setup(way));
    for len in (0..size).step_by(RUN.len()) {
        document.edit(Edit::Splice { at: random.below(len + 1), deleted: 0, inserted: RUN });
    }
    document
}

fn check<L: Library>(document: &mut L, result: &Shown) {
    assert!(document.shown(Family::Text).agrees(result), "shows something else");
}

/// Characters are inserted one at a time, each somewhere in a text that has `size` already: what one costs, in
/// milliseconds.
pub(super) fn scale<L: Library>(way: &str, size: usize) -> Figures {
    let mut random = Random::new(4);
    let mut document: L = scattered(way, size, &mut random);
    let count = (size / 10).clamp(500, 10_000);
    let places: Vec<_> = (size..size + count).map(|len| random.below(len + 1)).collect();
    let ((), mut figures) = timed(|| {
        for at in places {
            document.edit(Edit::Splice { at, deleted: 0, inserted: "x" });
        }
    });
    check(&mut document, &Shown::Length(size + count));
    for time in ["ms", "cpu ms"] {
        figures.entry(time.to_owned()).and_modify(|figure| *figure /= count as f64);
    }
    figures
}

/// One insert of `size` characters in the midst of a text.
pub(super) fn paste<L: Library>(way: &str, size: usize) -> Figures {
    let mut document: L = scattered(way, 1_000, &mut Random::new(5));
    let pasted = &*RUN.repeat(size / RUN.len()).leak();
    let ((), figures) = timed(|| document.edit(Edit::Splice { at: 500, deleted: 0, inserted: pasted }));
    check(&mut document, &Shown::Length(1_000 + size));
    figures
}

/// One delete of all `size` characters, which were inserted all over the place.
pub(super) fn delete_all<L: Library>(way: &str, size: usize) -> Figures {
    let mut document: L = scattered(way, size, &mut Random::new(6));
    let ((), figures) = timed(|| document.edit(Edit::Splice { at: 0, deleted: size, inserted: "" }));
    check(&mut document, &Shown::Length(0));
    figures
}

/// `size` characters, inserted at the beginning and at the end by turns.
pub(super) fn alternate_ends<L: Library>(way: &str, size: usize) -> Figures {
    let mut document = L::new(setup(way));
    let ((), figures) = timed(|| {
        for len in 0..size {
            let (at, inserted) = if len % 2 == 0 { (0, "a") } else { (len, "z") };
            document.edit(Edit::Splice { at, deleted: 0, inserted });
        }
    });
    let mut result = VecDeque::new();
    for len in 0..size {
        if len % 2 == 0 { result.push_front('a') } else { result.push_back('z') }
    }
    check(&mut document, &Shown::Text(result.into_iter().collect()));
    figures
}

/// `count` replicas make three edits each, none knowing of another, and one replica takes in all of them.
pub(super) fn many_replicas<L: Library>(way: &str, count: usize) -> Figures {
    const EDITS: usize = 3;
    let mut random = Random::new(7);
    let mut reader = L::new(setup(way));
    let page = &*RUN.repeat(100).leak();
    let begun = reader.edit_encoded(Edit::Splice { at: 0, deleted: 0, inserted: page });
    let mut changes = Vec::new();
    for replica in 0..count {
        let mut writer = L::new(Setup { replica: replica as u64 + 2, ..setup(way) });
        writer.receive(begun.as_ref());
        for edit in 0..EDITS {
            let at = random.below(page.len() + edit + 1);
            changes.push(writer.edit_encoded(Edit::Splice { at, deleted: 0, inserted: "x" }));
        }
    }
    let (shown, figures) = timed(|| {
        changes.iter().for_each(|change| reader.receive(change.as_ref()));
        reader.shown(Family::Text)
    });
    assert!(shown.agrees(&Shown::Length(page.len() + EDITS * count)), "shows something else");
    figures
}
