//! The shortest way from one sequence to another, as long as looking for it pays.
//!
//! What both ends have in common is set aside. Then the search is that of E. W. Myers, *An O(ND) Difference Algorithm and
//! Its Variations* (1986), in its linear-space form (section 4b): from both ends at once, for where a shortest way passes
//! its middle, and then in both halves. Its time grows with the square of how many elements differ, so each stretch has an
//! allowance of steps, by its size. One that uses it up has so little in common that the shortest way is no better than
//! another one: it is divided at its [landmarks], and where there are none it is replaced as a whole.
//!
//! A step is an element looked at, or a diagonal of Myers' graph. However bad the input, there are no more of them than
//! [`most_steps`] says, beside the sorting of landmarks; and memory is at most proportional to the input.

use super::{Hunk, landmarks};

/// How many elements make a landmark: at first many, so that it is none by chance, and between such ones fewer.
const LANDMARKS: [usize; 2] = [32, 8];

/// How many steps may be spent on looking for the shortest way through a stretch of this size, both sides together.
const fn allowance(size: usize) -> usize {
    16 * size + (1 << 13)
}

/// How many steps a whole comparison takes at most, by the size of both sides together.
pub(super) const fn most_steps(size: usize) -> usize {
    128 * size + (1 << 18)
}

/// Where two sequences differ, and how many steps it took to find that out.
pub(super) fn search<T: Copy + Eq + Into<u64>>(before: &[T], after: &[T]) -> (Vec<Hunk>, usize) {
    let whole = Hunk { before: 0..before.len(), after: 0..after.len() };
    let size = whole.size();
    let (forwards, backwards, hunks) = (Vec::new(), Vec::new(), Vec::new());
    let mut search = Search { before, after, steps: 0, enough: most_steps(size) / 2, forwards, backwards, hunks };
    search.stretch(whole, allowance(size), &LANDMARKS);
    (search.hunks, search.steps)
}

struct Search<'a, T> {
    before: &'a [T],
    after: &'a [T],
    steps: usize,
    /// After how many steps nothing more is begun. As many again are more than enough to end it.
    enough: usize,
    /// How far each diagonal has been followed from the beginning of a stretch; kept for its memory alone.
    forwards: Vec<usize>,
    /// The same from its end.
    backwards: Vec<usize>,
    hunks: Vec<Hunk>,
}

impl<T: Copy + Eq + Into<u64>> Search<'_, T> {
    /// Finds where the two sides of a stretch differ. `allowance` is for its middle and for those of its halves alike: with
    /// each halving what differs is halved, and what remains to be done with it.
    fn stretch(&mut self, whole: Hunk, allowance: usize, landmarks: &[usize]) {
        let stretch = self.without_ends(whole);
        if stretch.before.is_empty() || stretch.after.is_empty() {
            self.differs(stretch);
        } else if let Some((x, y)) = self.middle(&stretch, allowance) {
            let (first, second) = stretch.split(x, y);
            self.stretch(first, allowance, landmarks);
            self.stretch(second, allowance, landmarks);
        } else {
            self.divide(stretch, landmarks);
        }
    }

    /// What is left of a stretch without what both sides begin and end with.
    fn without_ends(&mut self, Hunk { before, after }: Hunk) -> Hunk {
        let ahead = same_ahead(&self.before[before.clone()], &self.after[after.clone()]);
        let (before, after) = (before.start + ahead..before.end, after.start + ahead..after.end);
        let behind = same_behind(&self.before[before.clone()], &self.after[after.clone()]);
        self.steps += ahead + behind + 1;
        Hunk { before: before.start..before.end - behind, after: after.start..after.end - behind }
    }

    fn differs(&mut self, hunk: Hunk) {
        match self.hunks.last_mut() {
            Some(last) if last.before.end == hunk.before.start && last.after.end == hunk.after.start => {
                (last.before.end, last.after.end) = (hunk.before.end, hunk.after.end);
            }
            _ if hunk.size() == 0 => {}
            _ => self.hunks.push(hunk),
        }
    }

    /// Divides a stretch at its landmarks and looks between them.
    fn divide(&mut self, mut stretch: Hunk, landmarks: &[usize]) {
        for (used, len) in landmarks.iter().enumerate() {
            if self.steps >= self.enough {
                break;
            }
            self.steps += stretch.size();
            let found =
                landmarks::common(&self.before[stretch.before.clone()], &self.after[stretch.after.clone()], *len);
            if found.is_empty() {
                continue;
            }
            let start = (stretch.before.start, stretch.after.start);
            for (x, y) in found {
                let (x, y) = (start.0 + x, start.1 + y);
                // Else the landmark overlaps what goes on from the one before.
                if x >= stretch.before.start && y >= stretch.after.start {
                    let (gap, rest) = stretch.split(x, y);
                    self.between(gap, &landmarks[used + 1..]);
                    let same = same_ahead(&self.before[rest.before.clone()], &self.after[rest.after.clone()]);
                    self.steps += same;
                    stretch = rest.split(x + same, y + same).1;
                }
            }
            return self.between(stretch, &landmarks[used + 1..]);
        }
        self.differs(stretch);
    }

    fn between(&mut self, gap: Hunk, landmarks: &[usize]) {
        let size = gap.size();
        self.stretch(gap, allowance(size), landmarks);
    }

    /// Where a shortest way through a stretch passes its middle; `None` if more steps than are allowed do not tell. Both sides
    /// have something, and neither begins nor ends as the other does. So the point is neither the first nor the last.
    fn middle(&mut self, stretch: &Hunk, allowance: usize) -> Option<(usize, usize)> {
        let (before, after) = (&self.before[stretch.before.clone()], &self.after[stretch.after.clone()]);
        let (n, m) = (before.len(), after.len());
        let end = self.steps.saturating_add(allowance).min(self.enough);

        // A round takes two steps for each of its diagonals, so that these are all the rounds there can be.
        let rounds = (n + m).div_ceil(2).min(allowance.isqrt() + 1);
        let diagonals = 2 * rounds + 3;
        if self.forwards.len() < diagonals {
            self.forwards.resize(diagonals, 0);
            self.backwards.resize(diagonals, 0);
        }
        let (forwards, backwards) = (&mut self.forwards, &mut self.backwards);
        let at = |diagonal: isize| (diagonal + rounds as isize + 1) as usize;
        let reached = |ways: &[usize], diagonal: isize, round: isize| {
            let (below, above) = (ways[at(diagonal - 1)], ways[at(diagonal + 1)]);
            if diagonal == -round || (diagonal != round && below < above) { above } else { below + 1 }
        };
        // The diagonal that ends at the end, and whose number as seen from there is zero.
        let across = n as isize - m as isize;
        (forwards[at(1)], backwards[at(1)]) = (0, 0);
        for round in 0..=rounds as isize {
            for diagonal in (-round..=round).step_by(2) {
                let x = reached(forwards, diagonal, round);
                let y = (x as isize - diagonal) as usize;
                let same = if x < n && y < m { same_ahead(&before[x..], &after[y..]) } else { 0 };
                forwards[at(diagonal)] = x + same;
                self.steps += same + 1;
                let met = across % 2 != 0
                    && (diagonal - across).abs() < round
                    && x + same + backwards[at(across - diagonal)] >= n;
                if met {
                    return Some((stretch.before.start + x, stretch.after.start + y));
                }
                if self.steps > end {
                    return None;
                }
            }
            for diagonal in (-round..=round).step_by(2) {
                let x = reached(backwards, diagonal, round);
                let y = (x as isize - diagonal) as usize;
                let same = if x < n && y < m { same_behind(&before[..n - x], &after[..m - y]) } else { 0 };
                backwards[at(diagonal)] = x + same;
                self.steps += same + 1;
                let met = across % 2 == 0
                    && (diagonal - across).abs() <= round
                    && x + same + forwards[at(across - diagonal)] >= n;
                if met {
                    return Some((stretch.before.end - x, stretch.after.end - y));
                }
                if self.steps > end {
                    return None;
                }
            }
        }
        None
    }
}

/// How many elements both begin with.
fn same_ahead<T: Eq>(before: &[T], after: &[T]) -> usize {
    before.iter().zip(after).take_while(|(before, after)| before == after).count()
}

/// How many elements both end with.
fn same_behind<T: Eq>(before: &[T], after: &[T]) -> usize {
    before.iter().rev().zip(after.iter().rev()).take_while(|(before, after)| before == after).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, Seed};

    fn draw(rng: &mut Rng, len: usize, letters: u64) -> Vec<u64> {
        (0..len).map(|_| rng.next_u64() % letters).collect()
    }

    /// How many elements have to be removed and inserted, by the table of all beginnings.
    fn fewest(before: &[u64], after: &[u64]) -> usize {
        let mut row: Vec<usize> = (0..=after.len()).collect();
        for (x, old) in before.iter().enumerate() {
            let mut corner = std::mem::replace(&mut row[0], x + 1);
            for (y, new) in after.iter().enumerate() {
                let here = if old == new { corner } else { 1 + row[y].min(row[y + 1]) };
                corner = std::mem::replace(&mut row[y + 1], here);
            }
        }
        row[after.len()]
    }

    /// Searches, and looks whether what is between the hunks is the same and there is something of it.
    #[track_caller]
    fn searched(before: &[u64], after: &[u64]) -> (Vec<Hunk>, usize) {
        let (hunks, steps) = search(before, after);
        let (mut x, mut y) = (0, 0);
        for (number, hunk) in hunks.iter().enumerate() {
            assert!(hunk.size() > 0 && (number == 0 || hunk.before.start > x), "{hunks:?}");
            assert_eq!(before[x..hunk.before.start], after[y..hunk.after.start], "{hunks:?}");
            (x, y) = (hunk.before.end, hunk.after.end);
        }
        assert_eq!(before[x..], after[y..], "{hunks:?}");
        assert!(steps <= most_steps(before.len() + after.len()), "{steps} steps");
        (hunks, steps)
    }

    #[test]
    fn of_short_sequences_the_fewest_elements_are_replaced() {
        let all = |len: u32| (0..1_u64 << len).map(move |bits| (0..len).map(|bit| bits >> bit & 1).collect::<Vec<_>>());
        let mut rng = Rng::new(Seed::from_number(1));
        let tiny: Vec<Vec<u64>> = (0..=6).flat_map(all).collect();
        let mut pairs: Vec<_> = tiny.iter().flat_map(|one| tiny.iter().map(|two| (one.clone(), two.clone()))).collect();
        for _ in 0..400 {
            let (len, other, letters) =
                (rng.next_u64() as usize % 60, rng.next_u64() as usize % 60, 2 + rng.next_u64() % 9);
            pairs.push((draw(&mut rng, len, letters), draw(&mut rng, other, letters)));
        }
        for (before, after) in pairs {
            let replaced: usize = searched(&before, &after).0.iter().map(Hunk::size).sum();
            assert_eq!(replaced, fewest(&before, &after), "{before:?} {after:?}");
        }
    }

    #[test]
    fn of_long_sequences_that_differ_in_few_places_the_fewest_elements_are_replaced() {
        let mut rng = Rng::new(Seed::from_number(2));
        let before = draw(&mut rng, 20_000, 1_000);
        let mut after = before.clone();
        (0..20_000).step_by(200).for_each(|at| after[at] += 1_000);
        let (hunks, _) = searched(&before, &after);
        assert_eq!(hunks.iter().map(Hunk::size).sum::<usize>(), 200);
    }

    /// Acceptance line 138. Steps and not time: of adversarial and of merely bad sequences, where the shortest way would take
    /// billions of them.
    #[test]
    fn the_number_of_steps_is_bounded_by_the_length_whatever_the_sequences_are() {
        const LEN: usize = 50_000;
        let mut rng = Rng::new(Seed::from_number(3));
        let mut random = |letters| draw(&mut rng, LEN, letters);
        let (bits, other_bits, letters, other_letters) = (random(2), random(2), random(26), random(26));
        let repeated = |period: u64| (0..LEN as u64).map(|at| at % period).collect::<Vec<_>>();
        let halves = |first, second| [vec![first; LEN / 2], vec![second; LEN / 2]].concat();
        let reversed = |sequence: &[u64]| sequence.iter().rev().copied().collect::<Vec<_>>();
        let every = |step: usize, by: u64| {
            let change = |(at, letter): (usize, &u64)| if at % step == 0 { letter + by } else { *letter };
            letters.iter().enumerate().map(change).collect::<Vec<_>>()
        };
        let mut swapped = letters.clone();
        swapped.rotate_left(LEN / 2);
        // Gaps that are just too large to be searched through, between landmarks.
        let mut gaps = |from: u64| {
            let gap = |start: usize| [letters[start..start + 40].to_vec(), draw(&mut rng, 300, 1 << 40)].concat();
            (0..LEN - 340).step_by(340).flat_map(gap).map(|letter| letter + from * u64::from(letter > 26)).collect()
        };
        let cases = [
            ("gaps between landmarks", gaps(0), gaps(1 << 50)),
            ("wholly different", repeated(10), vec![11; LEN]),
            ("halves that changed places", halves(1, 2), halves(2, 1)),
            ("halves of a random text that changed places", letters.clone(), swapped),
            ("two letters at random", bits.clone(), other_bits),
            ("letters at random", letters.clone(), other_letters),
            ("backwards", letters.clone(), reversed(&letters)),
            ("two letters backwards", bits.clone(), reversed(&bits)),
            ("periods that do not fit", repeated(7), repeated(11)),
            ("periods that nearly fit", repeated(1_000), repeated(1_001)),
            ("a letter out of three", letters.clone(), every(3, 100)),
            ("a letter out of ten", letters.clone(), every(10, 100)),
            ("a letter out of forty", letters.clone(), every(40, 100)),
            ("one letter and all of it", vec![1], [repeated(2), vec![1; LEN]].concat()),
            ("nothing but one letter, and another one in between", vec![1; LEN], {
                (0..LEN as u64).map(|at| 1 + u64::from(at % 50 == 0)).collect()
            }),
        ];
        for (name, before, after) in cases {
            for (before, after) in [(&before, &after), (&after, &before)] {
                let steps = searched(before, after).1;
                assert!(steps <= 64 * (before.len() + after.len()), "{name}: {steps} steps");
            }
        }
    }

    #[test]
    fn sequences_that_differ_too_much_are_divided_where_they_are_the_same() {
        let mut rng = Rng::new(Seed::from_number(4));
        let kept: Vec<Vec<u64>> = (0..9).map(|_| draw(&mut rng, 300, 26)).collect();
        let mut around = || kept.iter().flat_map(|kept| [draw(&mut rng, 3_000, 26), kept.clone()].concat()).collect();
        let (before, after): (Vec<_>, Vec<_>) = (around(), around());
        let (hunks, _) = searched(&before, &after);
        let replaced: usize = hunks.iter().map(|hunk| hunk.before.len()).sum();
        assert!(replaced <= 9 * 3_000, "{replaced}");
    }
}
