//! Differences between two texts: they are the whole of it, they read well, and what others write meanwhile survives them.

use crdt_socket_sync::document::{
    TextEdit,
    diff::{Segment, delta, edits, hunks, segments},
};
use crdt_socket_sync_tests::{
    cases,
    short::document::{document, edit, exchange, fork, text, write},
};
use proptest::prelude::*;

use Segment::{Equal, Inserted, Removed};

/// What one side of a comparison says.
fn side(segments: &[Segment<'_>], other: fn(&Segment<'_>) -> bool) -> String {
    let here = segments.iter().filter(|segment| !other(segment));
    here.map(|(Equal(text) | Removed(text) | Inserted(text))| *text).collect()
}

fn replace(at: usize, removed: usize, inserted: &str) -> TextEdit {
    TextEdit { at, removed, inserted: inserted.to_owned() }
}

fn apply(text: &str, edits: &[TextEdit]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for edit in edits {
        letters.splice(edit.at..edit.at + edit.removed, edit.inserted.chars());
    }
    letters.into_iter().collect()
}

/// Acceptance lines 9, 90.
#[test]
fn two_texts_are_compared_piece_by_piece_and_never_inside_a_character() {
    let cases: [(&str, &str, &[Segment<'_>]); 9] = [
        ("", "", &[]),
        ("same", "same", &[Equal("same")]),
        ("", "new", &[Inserted("new")]),
        ("old", "", &[Removed("old")]),
        ("abcxxxdef", "abcyyydef", &[Equal("abc"), Removed("xxx"), Inserted("yyy"), Equal("def")]),
        ("a😀b", "a😃b", &[Equal("a"), Removed("😀"), Inserted("😃"), Equal("b")]),
        ("é", "éé", &[Equal("é"), Inserted("é")]),
        ("ab", "xaby", &[Inserted("x"), Equal("ab"), Inserted("y")]),
        (
            "Grüße\nабв\n第二行\n🎉\n",
            "Grüße\n第二行\n新的\n🎉🎉\n",
            &[
                Equal("Grüße\n"),
                Removed("абв\n"),
                Equal("第二行\n"),
                Inserted(
                    "新的
🎉",
                ),
                Equal(
                    "🎉
",
                ),
            ],
        ),
    ];
    for (before, after, expected) in cases {
        assert_eq!(segments(before, after), expected);
        assert_eq!(apply(before, &edits(before, after)), after);
    }
    assert_eq!(edits("abcxxxdef", "abcyyydef"), [replace(3, 3, "yyy")]);
}

#[test]
fn what_could_have_changed_in_several_places_did_so_by_whole_lines_then_words_then_last() {
    let cases: [(&str, &str, &[TextEdit]); 6] = [
        ("one\nthree\n", "one\ntwo\nthree\n", &[replace(4, 0, "two\n")]),
        ("f {\n}\n\ng {\n}\n", "f {\n}\n\nh {\n}\n\ng {\n}\n", &[replace(7, 0, "h {\n}\n\n")]),
        ("the cat sat", "the cat, the cat sat", &[replace(0, 0, "the cat, ")]),
        ("1, 2, 3", "1, 3", &[replace(3, 3, "")]),
        ("a dog", "a dog dog", &[replace(5, 0, " dog")]),
        ("baab", "bab", &[replace(2, 1, "")]),
    ];
    for (before, after, expected) in cases {
        assert_eq!(edits(before, after), expected, "{before:?} {after:?}");
    }
}

#[test]
fn letters_that_two_words_happen_to_share_do_not_divide_an_edit_and_whole_words_do() {
    let cases: [(&str, &str, &[TextEdit]); 4] = [
        ("a revolution", "a discussion", &[replace(2, 7, "discuss")]),
        ("green is better", "yellow is worse", &[replace(0, 5, "yellow"), replace(10, 6, "worse")]),
        (
            "recieve teh mail",
            "receive the mail",
            &[replace(3, 1, ""), replace(4, 0, "i"), replace(9, 1, ""), replace(10, 0, "e")],
        ),
        ("Hello", "World", &[replace(0, 5, "World")]),
    ];
    for (before, after, expected) in cases {
        assert_eq!(edits(before, after), expected, "{before:?} {after:?}");
    }
}

/// Acceptance line 91: in characters and not in units of UTF-16, so that one emoji is one.
#[test]
fn the_one_replacement_is_the_least_and_where_the_caret_says() {
    let cases = [
        ("hello world", "hello brave world", None, replace(6, 0, "brave ")),
        ("```dart\n```", "```dart\n\n```", Some(8), replace(7, 0, "\n")),
        ("```dart\n```", "```dart\n\n```", None, replace(8, 0, "\n")),
        ("baab", "bab", Some(1), replace(1, 1, "")),
        ("baab", "bab", Some(2), replace(2, 1, "")),
        ("🌐", "🌏", None, replace(0, 1, "🌏")),
        ("🌐", "🌏", Some(1), replace(0, 1, "🌏")),
        ("😀😀😀", "😀😀😀😀", Some(2), replace(1, 0, "😀")),
        ("é", "é©", None, replace(1, 0, "©")),
        // Carets that say nothing: elsewhere, past the end.
        ("hello world", "hello brave world", Some(0), replace(5, 0, " brave")),
        ("hello world", "hello brave world", Some(99), replace(6, 0, "brave ")),
        ("old text", "new test", Some(3), replace(0, 7, "new tes")),
    ];
    for (before, after, caret, expected) in cases {
        let found = delta(before, after, caret);
        assert_eq!(found.as_ref(), Some(&expected), "{before:?} {after:?} {caret:?}");
        assert_eq!(apply(before, &[expected]), after);
    }
    assert_eq!(delta("same", "same", Some(2)), None);
    let edit = replace(3, 2, "xyz");
    assert_eq!([0, 3, 4, 5, 7].map(|position| edit.moved(position)), [0, 3, 6, 6, 8]);
}

/// Acceptance line 9.
#[test]
fn an_update_edits_only_what_is_different() {
    let cases = [
        ("a😀b", "a😃b", 2),
        ("", "all of it", 9),
        ("all of it", "", 1),
        ("one two three", "one 2 three", 2),
        ("one\ntwo\n", "zero\none\ntwo\nthree\n", 11),
    ];
    for (before, after, operations) in cases {
        let mut ann = document(1);
        edit(&mut ann, |txn| txn.text("text").push_str(before));
        let change = edit(&mut ann, |txn| txn.text("text").update(after)).expect("a change");
        assert_eq!((text(&ann).as_str(), change.len), (after, operations), "{before:?}");
        assert_eq!(text(&fork(&ann, 2)), after);
    }
}

#[test]
fn an_update_to_what_is_there_is_no_edit_and_begins_no_text() {
    let mut ann = document(1);
    assert_eq!(edit(&mut ann, |txn| txn.text("text").update("")), None);
    assert_eq!(ann.containers().count(), 0);
    write(&mut ann, 0, "a😀b");
    assert_eq!(edit(&mut ann, |txn| txn.text("text").update("a😀b")), None);
    assert_eq!(edit(&mut ann, |txn| txn.text("text").update_with_caret("a😀b", 1)), None);
    assert_eq!(ann.log().end(), 1);
}

/// Acceptance line 61.
#[test]
fn what_others_write_while_a_text_is_updated_survives() {
    let mut ann = document(1);
    write(&mut ann, 0, "The quick brown fox\njumps over\nthe lazy dog\n");
    let (mut bob, mut eve) = (fork(&ann, 2), fork(&ann, 3));
    edit(&mut ann, |txn| txn.text("text").update("The slow brown fox\njumps over\nthe lazy cat\n"));
    write(&mut bob, 30, " and above");
    edit(&mut eve, |txn| txn.text("text").update("The quick brown fox\nand then jumps over\nthe lazy dog\n"));
    exchange(&mut [&mut ann, &mut bob, &mut eve]);
    assert_eq!(text(&ann), "The slow brown fox\nand then jumps over and above\nthe lazy cat\n");

    let mut ann = document(1);
    write(&mut ann, 0, "Hello");
    let (mut bob, mut eve) = (fork(&ann, 2), fork(&ann, 3));
    edit(&mut ann, |txn| txn.text("text").update("Completely New Text"));
    edit(&mut bob, |txn| txn.text("text").update("Hello Greetings"));
    edit(&mut eve, |txn| txn.text("text").update("Wow! Hello"));
    exchange(&mut [&mut ann, &mut bob, &mut eve]);
    let merged = text(&ann);
    assert!(["Completely New Text", " Greetings", "Wow! "].iter().all(|run| merged.contains(run)), "{merged}");
}

/// Someone has typed a second "a" before the first one; someone else has deleted that one meanwhile.
#[test]
fn an_update_with_a_caret_edits_where_it_stands() {
    let mut ann = document(1);
    write(&mut ann, 0, "xay");
    let mut bob = fork(&ann, 2);
    edit(&mut ann, |txn| txn.text("text").update_with_caret("xaay", 2));
    edit(&mut bob, |txn| txn.text("text").replace(0, 2, "z"));
    exchange(&mut [&mut ann, &mut bob]);
    assert!(["zay", "azy"].contains(&text(&ann).as_str()), "{}", text(&ann));

    // Of two equal letters the one is deleted at which the caret stands, and not the one that someone writes around.
    for (caret, expected) in [(1, "b(a)b"), (2, "b(a)b")] {
        let mut ann = document(1);
        write(&mut ann, 0, "baab");
        let mut bob = fork(&ann, 2);
        let kept = 3 - caret;
        edit(&mut ann, |txn| txn.text("text").update_with_caret("bab", caret));
        edit(&mut bob, |txn| {
            txn.text("text").replace(kept + 1, 0, ")").and_then(|()| txn.text("text").insert(kept, "("))
        });
        exchange(&mut [&mut ann, &mut bob]);
        assert_eq!(text(&ann), expected, "{caret}");
    }
}

/// A text of few letters, so that much of it is the same by chance; or what someone made of another one.
fn texts() -> impl Strategy<Value = (String, String)> {
    let unlike = "[abé😀 \n]{0,60}";
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..9_usize, "[abé😀 \n]{0,9}"), 0..6);
    let edited = ("[a-fé😀 \n]{0,200}", edits).prop_map(|(before, edits)| {
        let mut letters: Vec<char> = before.chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(letters.len() + 1);
            let end = (at + removed).min(letters.len());
            letters.splice(at..end, inserted.chars());
        }
        (before, letters.into_iter().collect())
    });
    prop_oneof![(unlike, unlike), edited]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(500)) })]

    #[test]
    fn segments_are_both_texts_and_edits_make_the_one_the_other((before, after) in texts()) {
        let compared = segments(&before, &after);
        prop_assert_eq!(side(&compared, |segment| matches!(segment, Inserted(_))), before.as_str());
        prop_assert_eq!(side(&compared, |segment| matches!(segment, Removed(_))), after.as_str());
        for pair in compared.windows(2) {
            prop_assert!(matches!(
                pair,
                [Equal(_), Removed(_) | Inserted(_)] | [Removed(_), Inserted(_)] | [Removed(_) | Inserted(_), Equal(_)]
            ), "{:?}", compared);
        }
        prop_assert!(compared.iter().all(|(Equal(text) | Removed(text) | Inserted(text))| !text.is_empty()));
        let edits = edits(&before, &after);
        prop_assert_eq!(edits.is_empty(), before == after);
        prop_assert_eq!(apply(&before, &edits), after);
    }

    #[test]
    fn the_one_replacement_makes_the_one_text_the_other_and_is_as_small_with_a_caret_as_without(
        (before, after) in texts(), caret in 0..70_usize
    ) {
        let found = delta(&before, &after, None);
        let with_caret = delta(&before, &after, Some(caret));
        let size = |edit: &Option<TextEdit>| edit.as_ref().map(|edit| (edit.removed, edit.inserted.chars().count()));
        prop_assert_eq!(size(&found), size(&with_caret));
        for edit in [found, with_caret] {
            prop_assert_eq!(edit.is_none(), before == after);
            prop_assert_eq!(apply(&before, edit.as_slice()), after.as_str());
        }
    }

    #[test]
    fn hunks_lie_between_what_is_the_same(before in prop::collection::vec(0..4_u8, 0..80), after in prop::collection::vec(0..4_u8, 0..80)) {
        let (mut x, mut y) = (0, 0);
        for hunk in hunks(&before, &after) {
            prop_assert_eq!(&before[x..hunk.before.start], &after[y..hunk.after.start]);
            (x, y) = (hunk.before.end, hunk.after.end);
        }
        prop_assert_eq!(&before[x..], &after[y..]);
    }

    /// Whatever is made of the first part of a text, and typed at the end of it, both are there afterwards.
    #[test]
    fn an_update_leaves_alone_what_is_written_elsewhere((before, after) in texts(), typed in "[X-Z]{1,9}") {
        const END: &str = "\n-- the end --";
        let mut ann = document(1);
        write(&mut ann, 0, &format!("{before}{END}"));
        let mut bob = fork(&ann, 2);
        edit(&mut ann, |txn| txn.text("text").update(&format!("{after}{END}")));
        prop_assert_eq!(text(&ann), format!("{after}{END}"));
        let at = before.chars().count() + END.len();
        write(&mut bob, at, &typed);
        exchange(&mut [&mut ann, &mut bob]);
        prop_assert_eq!(text(&ann), format!("{after}{END}{typed}"));
    }
}
