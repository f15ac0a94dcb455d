//! From the fewest characters that differ to differences that a person would name. The rules are told at [`super::edits`].

use super::Hunk;

/// How many times as much whole words count, where it is asked whether what stayed the same did so by chance.
const WORDS_WEIGH: usize = 4;

pub(super) fn readable(before: &[char], after: &[char], hunks: Vec<Hunk>) -> Vec<Hunk> {
    let mut hunks = without_chance(before, hunks);
    hunks.iter_mut().for_each(|hunk| trim(before, after, hunk));
    hunks.retain(|hunk| hunk.size() > 0);
    for index in 0..hunks.len() {
        // At least one character stays between two hunks.
        let from = index.checked_sub(1).map_or((0, 0), |last| (hunks[last].before.end + 1, hunks[last].after.end + 1));
        let to = hunks.get(index + 1).map_or((before.len(), after.len()), |next| {
            (next.before.start.saturating_sub(1), next.after.start.saturating_sub(1))
        });
        let hunk = &mut hunks[index];
        let moved = if hunk.before.is_empty() {
            slide(after, hunk.after.start, hunk.after.end, from.1, to.1)
        } else if hunk.after.is_empty() {
            slide(before, hunk.before.start, hunk.before.end, from.0, to.0)
        } else {
            0
        };
        for range in [&mut hunk.before, &mut hunk.after] {
            *range = range.start.wrapping_add_signed(moved)..range.end.wrapping_add_signed(moved);
        }
    }
    hunks
}

/// Joins hunks between which too little stayed the same.
fn without_chance(before: &[char], hunks: Vec<Hunk>) -> Vec<Hunk> {
    let larger = |hunk: &Hunk| hunk.before.len().max(hunk.after.len());
    let mut kept: Vec<Hunk> = Vec::with_capacity(hunks.len());
    for mut hunk in hunks {
        while let Some(last) = kept.last() {
            if weight(&before[last.before.end..hunk.before.start]) >= larger(last).min(larger(&hunk)) {
                break;
            }
            hunk = Hunk { before: last.before.start..hunk.before.end, after: last.after.start..hunk.after.end };
            kept.pop();
        }
        kept.push(hunk);
    }
    kept
}

/// How much it is that stayed the same: characters, those of whole words several times.
fn weight(same: &[char]) -> usize {
    let in_word = |letter: &&char| letter.is_alphanumeric();
    // What reaches either end may be a part of a word.
    let first = same.iter().take_while(in_word).count();
    let last = same[first..].iter().rev().take_while(in_word).count();
    let whole = same[first..same.len() - last].iter().filter(in_word).count();
    same.len() + (WORDS_WEIGH - 1) * whole
}

/// Takes off what both sides of a hunk begin and end with, which joining may have brought about.
fn trim(before: &[char], after: &[char], hunk: &mut Hunk) {
    while !hunk.before.is_empty() && !hunk.after.is_empty() && before[hunk.before.start] == after[hunk.after.start] {
        (hunk.before.start, hunk.after.start) = (hunk.before.start + 1, hunk.after.start + 1);
    }
    while !hunk.before.is_empty() && !hunk.after.is_empty() && before[hunk.before.end - 1] == after[hunk.after.end - 1]
    {
        (hunk.before.end, hunk.after.end) = (hunk.before.end - 1, hunk.after.end - 1);
    }
}

/// By how many characters to move what was inserted or removed, inside `from..to`, so that it reads best.
fn slide(text: &[char], start: usize, end: usize, from: usize, to: usize) -> isize {
    let back = (1..).take_while(|by| start >= from + by && text[start - by] == text[end - by]).count();
    let on = (0..).take_while(|by| end + by < to && text[start + by] == text[end + by]).count();
    let score = |by: isize| edge(text, start.wrapping_add_signed(by)) + edge(text, end.wrapping_add_signed(by));
    (-(back as isize)..=on as isize).max_by_key(|by| score(*by)).unwrap_or(0)
}

/// How well a text is divided at a place: best between lines, then between words.
fn edge(text: &[char], at: usize) -> u8 {
    let (Some(left), Some(right)) = (at.checked_sub(1).map(|last| text[last]), text.get(at)) else { return 3 };
    match (left, right) {
        ('\n', _) => 3,
        _ if left.is_whitespace() || right.is_whitespace() => 2,
        _ if !left.is_alphanumeric() || !right.is_alphanumeric() => 1,
        _ => 0,
    }
}
