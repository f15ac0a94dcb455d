//! Differences between two sequences, and which of all possible ones a person would have named.
//!
//! | function | what it is for |
//! |---|---|
//! | [`hunks`] | where two sequences of anything differ, in as few elements as can be found in bounded time |
//! | [`segments`] | two texts side by side: what stayed, what went, what came |
//! | [`edits`] | what to do to one text so that it becomes the other |
//! | [`delta`] | the one replacement that someone who typed has most likely made |
//!
//! ```
//! use crdt_socket_sync::document::diff::{Segment, segments};
//!
//! let compared = segments("one two three", "one 2 three!");
//! let expected = [
//!     Segment::Equal("one "),
//!     Segment::Removed("two"),
//!     Segment::Inserted("2"),
//!     Segment::Equal(" three"),
//!     Segment::Inserted("!"),
//! ];
//! assert_eq!(compared, expected);
//! ```
//!
//! Texts are compared by characters (Unicode scalar values), so none is ever cut. How the search goes, and where it stops
//! being the shortest one, is in `search`; what is done with its outcome so that people can read it, in `readable`.

mod landmarks;
mod readable;
mod search;

use std::ops::Range;

use super::event::TextEdit;

/// A place where two sequences differ: what one has there and what the other one has instead. Either may be empty, not both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hunk {
    /// Elements of the sequence that is replaced.
    pub before: Range<usize>,
    /// Elements of the sequence that replaces it.
    pub after: Range<usize>,
}

impl Hunk {
    /// How many elements there are on both sides together.
    const fn size(&self) -> usize {
        self.before.end - self.before.start + self.after.end - self.after.start
    }

    /// What is before a point, and what is behind it.
    const fn split(&self, x: usize, y: usize) -> (Self, Self) {
        let first = Self { before: self.before.start..x, after: self.after.start..y };
        (first, Self { before: x..self.before.end, after: y..self.after.end })
    }
}

/// A piece of two texts that are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment<'a> {
    /// In both.
    Equal(&'a str),
    /// In the first text alone.
    Removed(&'a str),
    /// In the second text alone.
    Inserted(&'a str),
}

/// Where two sequences differ, in order, with at least one element that they share between any two places.
///
/// Elements are characters or numbers; a sequence of anything else is numbered first, equal ones alike. As few elements as
/// possible are replaced as long as the sequences have enough in common. Else it may be more, so that time stays
/// proportional to their length: two wholly different ones are one hunk.
pub fn hunks<T: Copy + Eq + Into<u64>>(before: &[T], after: &[T]) -> Vec<Hunk> {
    search::search(before, after).0
}

/// Two texts side by side, from beginning to end: the equal and the removed segments are the first one, the equal and the
/// inserted ones the second.
///
/// No segment is empty, no two neighbours are of one kind, and where one text replaces another the removed segment comes
/// first. Differences are named as a person would: see [`edits`].
pub fn segments<'a>(before: &'a str, after: &'a str) -> Vec<Segment<'a>> {
    let (mut old, mut new) = (Cut::new(before), Cut::new(after));
    let mut segments = Vec::new();
    let mut add = |segment: fn(&'a str) -> Segment<'a>, text: &'a str| {
        if !text.is_empty() {
            segments.push(segment(text));
        }
    };
    for hunk in readable_hunks(before, after) {
        new.up_to(hunk.after.start);
        add(Segment::Equal, old.up_to(hunk.before.start));
        add(Segment::Removed, old.up_to(hunk.before.end));
        add(Segment::Inserted, new.up_to(hunk.after.end));
    }
    add(Segment::Equal, old.rest);
    segments
}

/// What makes the first text the second, to be applied one after another; from the beginning to the end of the text.
///
/// As little as possible is replaced, with two exceptions for whoever reads it, or has typed in the same place meanwhile:
///
/// - What stayed the same between two edits is replaced with them if it is shorter than either, so that a word does not
///   become another one by way of the letters that both happen to have. Whole words in it count four times.
/// - What was inserted or removed can often be said to have been in several places ("1, 2, 3" without ", 2" or without
///   "2, "). Whole lines come before whole words, those before parts of words, and then the last place counts.
pub fn edits(before: &str, after: &str) -> Vec<TextEdit> {
    let mut new = Cut::new(after);
    let mut edit = |hunk: Hunk| {
        new.up_to(hunk.after.start);
        let inserted = new.up_to(hunk.after.end).to_owned();
        // What comes before it is as in the second text by then.
        TextEdit { at: hunk.after.start, removed: hunk.before.len(), inserted }
    };
    readable_hunks(before, after).into_iter().map(&mut edit).collect()
}

fn readable_hunks(before: &str, after: &str) -> Vec<Hunk> {
    if before == after {
        return Vec::new();
    }
    let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    readable::readable(&before, &after, hunks(&before, &after))
}

/// The one replacement that makes the first text the second: what someone did who typed, pasted or deleted once. `None` if
/// the texts are equal.
///
/// It replaces as little as possible. Which of several equal letters were typed or deleted cannot be seen, but told from
/// where the caret stands afterwards, in characters from the beginning of the second text: typed text ends there, and
/// deleted text was there. A caret that contradicts that counts as far as it can. Without one it is the last place.
///
/// ```
/// use crdt_socket_sync::document::{TextEdit, diff::delta};
///
/// let deleted = |at| Some(TextEdit { at, removed: 1, inserted: String::new() });
/// assert_eq!(delta("baab", "bab", Some(1)), deleted(1));
/// assert_eq!(delta("baab", "bab", None), deleted(2));
/// ```
pub fn delta(before: &str, after: &str, caret: Option<usize>) -> Option<TextEdit> {
    if before == after {
        return None;
    }
    // All in bytes; where it is cut is the beginning of a character in both.
    let alike = |(before, after): &(u8, u8)| before == after;
    let mut ahead = before.bytes().zip(after.bytes()).take_while(alike).count();
    while !before.is_char_boundary(ahead) {
        ahead -= 1;
    }
    let mut behind = before.bytes().rev().zip(after.bytes().rev()).take_while(alike).count();
    while !before.is_char_boundary(before.len() - behind) {
        behind -= 1;
    }
    let shorter = before.len().min(after.len());
    let start = match caret {
        None => ahead,
        Some(caret) => {
            let caret = after.char_indices().nth(caret).map_or(after.len(), |(at, _)| at);
            // Where all of the text behind the caret is what it was. There is a choice only if nothing is replaced.
            let start = (shorter + caret).saturating_sub(after.len());
            start.clamp(ahead.min(shorter.saturating_sub(behind)), ahead)
        }
    };
    let end = behind.min(shorter - start);
    Some(TextEdit {
        at: before[..start].chars().count(),
        removed: before[start..before.len() - end].chars().count(),
        inserted: after[start..after.len() - end].to_owned(),
    })
}

/// A text that is cut up from the beginning, at places counted in characters.
struct Cut<'a> {
    rest: &'a str,
    /// How many characters have been cut off.
    at: usize,
}

impl<'a> Cut<'a> {
    const fn new(text: &'a str) -> Self {
        Self { rest: text, at: 0 }
    }

    /// What comes before the character `end`.
    fn up_to(&mut self, end: usize) -> &'a str {
        let place = self.rest.char_indices().nth(end - self.at);
        let (cut, rest) = self.rest.split_at(place.map_or(self.rest.len(), |(place, _)| place));
        (self.rest, self.at) = (rest, end);
        cut
    }
}
