//! What a text does when one and when several people write in it, behaviour by behaviour.

use crdt_socket_sync::{
    Wall,
    document::{EditError, TextMut, Transaction},
};
use crdt_socket_sync_tests::short::document::{document, edit, exchange, fork, receive, text, write};

/// Acceptance line 43: positions are not bent to what may have been meant, and a position past the end is an error.
#[test]
fn a_position_past_the_end_is_an_error_and_changes_nothing() {
    type Edit = fn(&mut TextMut<'_>) -> Result<(), EditError>;
    let mistakes: [Edit; 7] = [
        |text| text.insert(12, "!"),
        |text| text.insert(usize::MAX, ""),
        |text| text.delete(11, 1),
        |text| text.delete(6, 99),
        |text| text.delete(usize::MAX, usize::MAX),
        |text| text.delete(12, 0),
        |text| text.replace(5, 7, "Beautiful"),
    ];
    let mut ann = document(1);
    write(&mut ann, 0, "Hello World");
    while ann.poll_event().is_some() {}
    for mistake in mistakes {
        let refused = ann.edit(Wall::from_millis(1_000), |txn| mistake(&mut txn.text("text")));
        assert!(matches!(refused, Err(EditError::PositionOutOfRange { len: 11, .. })), "{refused:?}");
        assert_eq!((text(&ann).as_str(), ann.log().end(), ann.poll_event()), ("Hello World", 1, None));
    }
    edit(&mut ann, |txn| txn.text("text").replace(6, 5, "Dart")).expect("a change");
    write(&mut ann, 10, "!");
    assert_eq!(text(&ann), "Hello Dart!");
}

/// Acceptance line 47.
#[test]
fn one_writers_insertions_go_where_they_are_put() {
    let mut ann = document(1);
    for (at, typed, expected) in [(0, "XYZ", "XYZ"), (2, "A", "XYAZ"), (2, "B", "XYBAZ"), (2, "C", "XYCBAZ")] {
        write(&mut ann, at, typed);
        assert_eq!(text(&ann), expected);
    }
    assert_eq!(text(&fork(&ann, 2)), "XYCBAZ");
}

/// Acceptance lines 45, 48, 49, 54.
#[test]
fn what_several_people_type_at_one_place_stays_in_one_piece_each() {
    let cases: [(&str, &[&str]); 4] = [
        ("", &["Hello", "World"]),
        ("Hello", &[" World", " Dart"]),
        ("Shared Text", &[" - Edited by User1", " - Modified by User2", " - Updated by User3"]),
        ("AB", &["CD", "X"]),
    ];
    for (shared, runs) in cases {
        let mut base = document(9);
        edit(&mut base, |txn| txn.text("text").push_str(shared));
        let mut writers: Vec<_> = (0..runs.len()).map(|number| fork(&base, number as u64 + 1)).collect();
        for (writer, run) in writers.iter_mut().zip(runs) {
            write(writer, shared.len(), run);
        }
        exchange(&mut writers.iter_mut().collect::<Vec<_>>());
        let merged = text(&writers[0]);
        assert!(runs.iter().all(|run| merged.contains(run)), "{merged}");
        assert_eq!(merged.len(), shared.len() + runs.concat().len());
        write(&mut writers[0], 0, "Z");
        exchange(&mut writers.iter_mut().collect::<Vec<_>>());
        assert_eq!(text(&writers[1]), format!("Z{merged}"));
    }
}

/// Acceptance line 51.
#[test]
fn every_order_of_arrival_of_concurrent_changes_gives_the_same_text() {
    let mut base = document(9);
    let shared = write(&mut base, 0, "AB");
    let mut changes = Vec::new();
    for (replica, at, removed, run) in [(1, 1, 0, "xxx"), (2, 1, 0, "yyy"), (3, 2, 0, "z"), (4, 1, 1, "B2")] {
        let mut writer = fork(&base, replica);
        changes.extend(edit(&mut writer, |txn| txn.text("text").replace(at, removed, run)));
    }
    let mut texts = std::collections::BTreeSet::new();
    for order in 0..256_usize {
        let order = [order % 4, order / 4 % 4, order / 16 % 4, order / 64];
        if (0..4).all(|number| order.contains(&number)) {
            let mut reader = document(5);
            receive(&mut reader, &shared);
            order.iter().for_each(|number| drop(receive(&mut reader, &changes[*number])));
            texts.insert(text(&reader));
        }
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    let merged = texts.first().expect("the one");
    assert!(["xxx", "yyy", "B2", "z"].iter().all(|run| merged.contains(run)), "{merged}");
    assert_eq!((merged.len(), &merged[..1]), ("AxxxyyyB2z".len(), "A"));
}

/// Acceptance line 53.
#[test]
fn runs_typed_letter_by_letter_forwards_or_backwards_do_not_interleave() {
    for backwards in [false, true] {
        let (mut ann, mut bob) = (document(1), document(2));
        for number in 0..3 {
            let at = if backwards { 0 } else { number };
            write(&mut ann, at, &"abc"[number..=number]);
            write(&mut bob, at, &"xyz"[number..=number]);
        }
        exchange(&mut [&mut ann, &mut bob]);
        let whole = if backwards { ["cbazyx", "zyxcba"] } else { ["abcxyz", "xyzabc"] };
        assert!(whole.contains(&text(&ann).as_str()), "{}", text(&ann));
    }
}

/// Acceptance line 44: both deletions hold, whatever the positions have become.
#[test]
fn concurrent_deletions_each_delete_what_they_meant() {
    type Stretch = (usize, usize);
    let cases: [(&str, Stretch, Stretch, &str); 2] =
        [("Hello World Dart", (0, 6), (11, 5), "World"), ("abc", (0, 2), (1, 2), "")];
    for (shared, (at, count), (other_at, other_count), left) in cases {
        let mut ann = document(1);
        write(&mut ann, 0, shared);
        let mut bob = fork(&ann, 2);
        edit(&mut ann, |txn| txn.text("text").delete(at, count));
        edit(&mut bob, |txn| txn.text("text").delete(other_at, other_count));
        exchange(&mut [&mut ann, &mut bob]);
        assert_eq!(text(&ann), left);
    }
}

/// Acceptance line 138.
#[test]
fn a_long_text_is_rewritten_in_one_change() {
    let mut ann = document(1);
    write(&mut ann, 0, &"ab😀de".repeat(10_000));
    let change = edit(&mut ann, |txn| txn.text("text").replace(0, 50_000, &"0123456789".repeat(5_000)));
    assert!(change.is_some_and(|change| change.body.len() < 51_000));
    assert_eq!(ann.text("text").len(), 50_000);
    assert_eq!(fork(&ann, 2).digest(), ann.digest());
}

/// Acceptance line 138: how long it takes to find out what differs is bounded where that is done, in `document/diff`.
#[test]
fn a_long_text_is_updated_to_a_wholly_different_one_in_one_change() {
    let mut ann = document(1);
    write(&mut ann, 0, &"ab😀de".repeat(10_000));
    let change = edit(&mut ann, |txn| txn.text("text").update(&"0123456789".repeat(5_000)));
    assert!(change.is_some_and(|change| change.body.len() < 51_000));
    assert_eq!(ann.text("text"), "0123456789".repeat(5_000).as_str());
    assert_eq!(fork(&ann, 2).digest(), ann.digest());
}

#[test]
fn a_keystroke_takes_at_most_thirty_bytes_and_one_behind_it_takes_two() {
    let (mut ann, mut bob) = (document(u64::MAX), document(2));
    let base = write(&mut bob, 0, &"x".repeat(50_000));
    receive(&mut ann, &base);
    let (first, second) = (write(&mut ann, 25_000, "a"), write(&mut ann, 25_001, "b"));
    assert!(first.body.len() <= 30, "{} bytes", first.body.len());
    // One letter, into the text "text", between numbers 24 999 and 25 000 of replica 2.
    let body = [&[0, 0, 0, 0, 4][..], b"text", &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0xa7, 0xc3, 1, 1, 0xa8, 0xc3, 1], b"a"];
    assert_eq!(first.body, body.concat());
    assert_eq!(second.body, b"\xc0b"[..]);
}

/// Acceptance line 50.
#[test]
fn runs_typed_between_the_same_neighbours_stay_there_and_every_position_is_that_of_the_walk() {
    let mut base = document(9);
    write(&mut base, 0, "AB");
    let (mut ann, mut bob) = (fork(&base, 0xee12), fork(&base, 0x7c9e));
    for (writer, letters) in [(&mut ann, ["x", "X"]), (&mut bob, ["y", "Y"])] {
        write(writer, 1, letters[0]);
        write(writer, 2, letters[1]);
    }
    exchange(&mut [&mut ann, &mut bob]);
    let walk: Vec<char> = ann.text("text").chars().collect();
    assert!(["AxXyYB", "AyYxXB"].contains(&text(&ann).as_str()), "{}", text(&ann));
    for at in 0..walk.len() {
        assert_eq!(ann.text("text").slice(at, 1), Some(walk[at].to_string()));
        let mut left = walk.clone();
        left.remove(at);
        let mut without = fork(&ann, 3);
        edit(&mut without, |txn| txn.text("text").delete(at, 1));
        assert!(without.text("text").chars().eq(left));
    }
}

/// Acceptance line 52: what someone else types between any two of the letters refers to the same ids.
#[test]
fn a_run_inserted_at_once_and_one_typed_letter_by_letter_are_the_same_characters() {
    let mut at_once = document(1);
    write(&mut at_once, 0, "XYpqAZ");
    let mut in_one_change = document(1);
    let letters = |txn: &mut Transaction<'_>| {
        "XYpqAZ".char_indices().try_for_each(|(at, letter)| txn.text("text").insert(at, &letter.to_string()))
    };
    assert_eq!(edit(&mut in_one_change, letters).as_ref(), at_once.log().get(0).as_ref(), "not even told apart");
    let mut one_by_one = document(1);
    for (at, letter) in "XYpqAZ".char_indices() {
        write(&mut one_by_one, at, &letter.to_string());
    }
    assert_eq!(text(&one_by_one), text(&at_once));
    for at in 0..=6 {
        let typed = [&at_once, &one_by_one].map(|base| write(&mut fork(base, 2), at, "!").body);
        assert_eq!(typed[0], typed[1], "before the letter {at}");
        let deleted = [&at_once, &one_by_one].map(|base| {
            let gone = edit(&mut fork(base, 2), |txn| txn.text("text").delete(at.min(4), 2));
            gone.expect("a change").body
        });
        assert_eq!(deleted[0], deleted[1], "from the letter {at} on");
    }
}

/// Acceptance line 55.
#[test]
fn a_character_that_two_replace_at_once_gives_way_to_both_and_a_replacement_outlives_a_deletion() {
    let mut base = document(9);
    write(&mut base, 0, "ABC");
    let (mut ann, mut bob, mut eve) = (fork(&base, 1), fork(&base, 2), fork(&base, 3));
    edit(&mut ann, |txn| txn.text("text").replace(1, 1, "2"));
    edit(&mut eve, |txn| txn.text("text").delete(1, 1));
    exchange(&mut [&mut ann, &mut eve]);
    assert_eq!(text(&eve), "A2C");
    edit(&mut bob, |txn| txn.text("text").replace(1, 1, "3"));
    exchange(&mut [&mut ann, &mut bob, &mut eve]);
    assert!(["A23C", "A32C"].contains(&text(&bob).as_str()), "{}", text(&bob));
}

/// Acceptance line 59.
#[test]
fn hundreds_of_pastes_one_inside_the_other_are_written_read_and_reloaded_on_a_small_stack() {
    const PASTE: &str = "the quick brown fox jumps over the lazy dog, ";
    let paste = || {
        let mut ann = document(1);
        for paste in 0..600 {
            ann.edit(Wall::from_millis(1_000), |txn| txn.text("text").insert(paste * 22, PASTE)).expect("inside");
        }
        ann.check().expect("sound inside");
        let bob = fork(&ann, 2);
        assert_eq!((bob.text("text").len(), text(&bob)), (600 * PASTE.len(), text(&ann)));
        assert_eq!(bob.digest(), ann.digest());
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(paste).expect("a thread").join().expect("no overflow");
}

proptest::proptest! {
    /// Positions in characters, UTF-16 units and bytes name the same places, however the text came about.
    #[test]
    fn positions_are_the_same_in_characters_utf16_units_and_bytes(
        edits in proptest::collection::vec((0_usize..1_000, 0_usize..3, "[aé😀\u{301}]{0,5}"), 1..40),
    ) {
        let mut ann = document(1);
        for (at, count, typed) in &edits {
            edit(&mut ann, |txn| {
                let mut text = txn.text("text");
                let at = at % (text.len() + 1);
                let count = *count.min(&(text.len() - at));
                text.replace(at, count, typed)
            });
        }
        let (view, naive) = (ann.text("text"), text(&ann));
        let (mut utf16, mut bytes) = (0, 0);
        for (at, char) in naive.chars().enumerate() {
            proptest::prop_assert_eq!((view.chars_to_utf16(at), view.chars_to_bytes(at)), (utf16, bytes));
            (0..char.len_utf16()).for_each(|unit| assert_eq!(view.utf16_to_chars(utf16 + unit), at));
            (0..char.len_utf8()).for_each(|byte| assert_eq!(view.bytes_to_chars(bytes + byte), at));
            utf16 += char.len_utf16();
            bytes += char.len_utf8();
        }
        proptest::prop_assert_eq!((view.utf16_len(), view.byte_len()), (utf16, bytes));
        let past = (view.chars_to_utf16(999), view.chars_to_bytes(999), view.utf16_to_chars(9_999), view.bytes_to_chars(9_999));
        proptest::prop_assert_eq!(past, (utf16, bytes, view.len(), view.len()));
    }
}
