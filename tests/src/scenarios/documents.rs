//! What a document promises.

use crate::short::document::{document, receive, write};
use crdt_socket_sync::{Change, Document, DocumentEvent, document::BodyFault};

/// A document that has these changes.
fn of(replica: u64, changes: &[&Change]) -> Document {
    let mut document = document(replica);
    changes.iter().for_each(|change| drop(receive(&mut document, change)));
    document
}

/// What a header says of the body holds, or the body counts for nothing.
pub fn a_header_that_says_another_length_than_the_body_makes_it_a_no_op() {
    let mut ann = document(1);
    let mut change = write(&mut ann, 0, "abc");
    change.len = 4;
    let mut bob = document(2);
    receive(&mut bob, &change);
    let why = BodyFault::Length { says: 4, holds: 3 };
    assert_eq!(bob.poll_event(), Some(DocumentEvent::Unreadable { change: change.id(), why }));
    assert_eq!(bob.containers().count(), 0);
}

/// Two letters of one writer that stand side by side are not one run if what was to their right differs: what others put
/// between them goes by that.
pub fn letters_side_by_side_that_had_different_neighbours_stay_two_runs() {
    for (ann, bob, eve) in [(1, 2, 3), (2, 3, 1), (1, 3, 2)] {
        let base = write(&mut document(9), 0, "AB");
        let (mut ann, mut bob) = (of(ann, &[&base]), of(bob, &[&base]));
        let first = write(&mut ann, 1, "p");
        let other = write(&mut bob, 1, "y");
        let mut eve = of(eve, &[&base, &first]);
        let late = write(&mut eve, 2, "z");
        receive(&mut ann, &other);
        let second = write(&mut ann, 2, "q");
        let orders = [[&other, &second, &late], [&other, &late, &second], [&late, &other, &second]];
        let shown = orders.map(|order| {
            let mut reader = of(8, &[&base, &first]);
            order.iter().for_each(|change| drop(receive(&mut reader, change)));
            reader.text("text").to_string()
        });
        assert!(shown.iter().all(|text| *text == shown[0]), "{shown:?}");
    }
}

/// A run that is split keeps, in both its parts, what was to its right: what others put between them goes by that.
pub fn both_parts_of_a_split_run_have_the_same_right_neighbour() {
    for (ann, eve) in [(1, 2), (2, 1)] {
        let base = write(&mut document(9), 0, "Z");
        let mut ann = of(ann, &[&base]);
        let first = write(&mut ann, 0, "ab");
        let mut eve = of(eve, &[&base, &first]);
        let late = write(&mut eve, 2, "y");
        let second = write(&mut ann, 2, "cd");
        let middle = write(&mut of(5, &[&base, &first, &second]), 2, "x");
        let orders = [[&second, &middle, &late], [&second, &late, &middle], [&late, &second, &middle]];
        let shown = orders.map(|order| {
            let mut reader = of(8, &[&base, &first]);
            order.iter().for_each(|change| drop(receive(&mut reader, change)));
            reader.text("text").to_string()
        });
        assert!(shown.iter().all(|text| *text == shown[0]), "{shown:?}");
    }
}
