//! The page as the editor sees it: its characters, a caret among them, and where both are on the screen.

use crdt_socket_sync::document::{Origin, TextEdit};
use unicode_width::UnicodeWidthChar;

/// How many columns a tab reaches at most.
const TAB: usize = 4;

/// A text with a caret in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Page {
    chars: Vec<char>,
    caret: usize,
    /// The column that the caret returns to when it moves through shorter lines.
    goal: Option<usize>,
}

impl Page {
    /// Another text in its place; the caret stays where it is, as far as that goes.
    pub(crate) fn reset(&mut self, text: &str) {
        self.chars = text.chars().collect();
        self.caret = self.caret.min(self.chars.len());
    }

    pub(crate) fn chars(&self) -> &[char] {
        &self.chars
    }

    pub(crate) const fn caret(&self) -> usize {
        self.caret
    }

    /// Puts the caret somewhere.
    pub(crate) fn go_to(&mut self, caret: usize) {
        self.caret = caret.min(self.chars.len());
        self.goal = None;
    }

    /// Takes over what the document reports. The caret keeps its place among the characters around it: text that someone
    /// else puts exactly there comes after it, one's own comes before.
    pub(crate) fn apply(&mut self, origin: Origin, edits: &[TextEdit]) {
        for TextEdit { at, removed, inserted } in edits {
            let at = (*at).min(self.chars.len());
            let end = at.saturating_add(*removed).min(self.chars.len());
            let before = self.chars.len() - (end - at);
            self.chars.splice(at..end, inserted.chars());
            let inserted = self.chars.len() - before;
            let own = origin == Origin::Local;
            if self.caret >= end && (self.caret > at || own) {
                self.caret = self.caret - (end - at) + inserted;
            } else if self.caret > at {
                self.caret = if own { at + inserted } else { at };
            }
            if own {
                self.goal = None;
            }
        }
    }

    /// Where the line that holds a position begins.
    fn line_start(&self, at: usize) -> usize {
        self.chars[..at].iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1)
    }

    /// Where it ends, before its line break.
    fn line_end(&self, at: usize) -> usize {
        self.chars[at..].iter().position(|c| *c == '\n').map_or(self.chars.len(), |ahead| at + ahead)
    }

    /// The caret's line and column on an endless screen, from zero.
    pub(crate) fn place(&self) -> (usize, usize) {
        let start = self.line_start(self.caret);
        let row = self.chars[..start].iter().filter(|c| **c == '\n').count();
        (row, width(&self.chars[start..self.caret]))
    }

    pub(crate) fn left(&mut self) {
        self.caret = self.caret.saturating_sub(1);
        self.goal = None;
    }

    pub(crate) fn right(&mut self) {
        self.caret = (self.caret + 1).min(self.chars.len());
        self.goal = None;
    }

    pub(crate) fn home(&mut self) {
        self.caret = self.line_start(self.caret);
        self.goal = None;
    }

    pub(crate) fn end(&mut self) {
        self.caret = self.line_end(self.caret);
        self.goal = None;
    }

    pub(crate) fn up(&mut self, lines: usize) {
        let goal = self.goal();
        let mut start = self.line_start(self.caret);
        for _ in 0..lines {
            if start == 0 {
                break;
            }
            start = self.line_start(start - 1);
        }
        self.go(start, goal);
    }

    pub(crate) fn down(&mut self, lines: usize) {
        let goal = self.goal();
        let mut start = self.line_start(self.caret);
        for _ in 0..lines {
            let end = self.line_end(start);
            if end == self.chars.len() {
                break;
            }
            start = end + 1;
        }
        self.go(start, goal);
    }

    fn goal(&self) -> usize {
        self.goal.unwrap_or_else(|| self.place().1)
    }

    /// To the character of a line that is nearest to a column, from the left.
    fn go(&mut self, start: usize, goal: usize) {
        let mut column = 0;
        self.caret = start;
        for c in &self.chars[start..self.line_end(start)] {
            column += char_width(*c, column);
            if column > goal {
                break;
            }
            self.caret += 1;
        }
        self.goal = Some(goal);
    }

    /// What a window shows: `height` lines from `top`, each from column `left` for `columns` columns.
    pub(crate) fn window(&self, top: usize, height: usize, left: usize, columns: usize) -> Vec<String> {
        let lines = self.chars.split(|c| *c == '\n').skip(top).take(height);
        lines.map(|line| cut(line, left, columns)).collect()
    }
}

/// How many columns some characters of one line take from its beginning.
fn width(line: &[char]) -> usize {
    line.iter().fold(0, |column, c| column + char_width(*c, column))
}

/// How many columns a character takes that begins at a column.
fn char_width(c: char, column: usize) -> usize {
    match c {
        '\t' => TAB - column % TAB,
        // Shown as a sign that something is there.
        c if c.is_control() => 1,
        c => c.width().unwrap_or(0),
    }
}

/// The part of a line in some columns. A wide character that is cut by an edge leaves a blank there.
fn cut(line: &[char], left: usize, columns: usize) -> String {
    let mut shown = String::new();
    let mut column = 0;
    let right = left + columns;
    for c in line {
        let (begin, end) = (column, column + char_width(*c, column));
        column = end;
        // What takes no column belongs to the character before it.
        let mark = begin == end;
        if begin > right || (begin == right && !mark) {
            break;
        }
        if end < left || (end == left && left > 0) {
            continue;
        }
        let whole = begin >= left && end <= right;
        match c {
            '\t' => shown.extend(std::iter::repeat_n(' ', end.min(right) - begin.max(left))),
            c if c.is_control() => shown.push('\u{b7}'),
            c if whole => shown.push(*c),
            _ => shown.extend(std::iter::repeat_n(' ', end.min(right) - begin.max(left))),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, caret: usize) -> Page {
        Page { chars: text.chars().collect(), caret, goal: None }
    }

    fn edit(at: usize, removed: usize, inserted: &str) -> TextEdit {
        TextEdit { at, removed, inserted: inserted.into() }
    }

    #[test]
    fn the_caret_keeps_its_place_when_others_write() {
        for (at, removed, inserted, caret) in [
            (0, 0, "xx", 5),
            (3, 0, "xx", 3),
            (4, 0, "xx", 3),
            (0, 2, "", 1),
            (0, 3, "x", 1),
            (2, 3, "xyz", 2),
            (3, 1, "", 3),
            (1, 5, "", 1),
        ] {
            let mut page = page("abcdef", 3);
            page.apply(Origin::Remote, &[edit(at, removed, inserted)]);
            assert_eq!(page.caret(), caret, "at {at} {removed} become {inserted:?}");
        }
    }

    #[test]
    fn the_caret_follows_what_is_typed() {
        let mut page = page("ab", 1);
        page.apply(Origin::Local, &[edit(1, 0, "xy")]);
        assert_eq!((page.chars().iter().collect::<String>().as_str(), page.caret()), ("axyb", 3));
        page.apply(Origin::Local, &[edit(2, 1, "")]);
        assert_eq!(page.caret(), 2);
    }

    #[test]
    fn up_and_down_keep_the_column_through_short_lines() {
        let mut page = page("long line\n\nlonger line\n", 6);
        page.down(1);
        assert_eq!(page.place(), (1, 0));
        page.down(1);
        assert_eq!(page.place(), (2, 6));
        page.down(9);
        assert_eq!(page.place(), (3, 0));
        page.up(9);
        assert_eq!(page.place(), (0, 6));
        page.end();
        assert_eq!(page.place(), (0, 9));
    }

    #[test]
    fn columns_count_what_is_shown() {
        let mut page = page("a\t日本e\u{301}\u{7}x", 4);
        assert_eq!(page.place(), (0, 8));
        page.end();
        assert_eq!(page.place(), (0, 11));
        assert_eq!(page.window(0, 2, 0, 20), ["a   日本e\u{301}·x"]);
        assert_eq!(page.window(0, 1, 5, 4), [" 本e\u{301}"]);
        assert_eq!(page.window(0, 1, 0, 5), ["a    "]);
    }
}
