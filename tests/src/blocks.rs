//! What is to hold for blocks of any history.

use crdt_socket_sync::{
    Change, ChangeLog, Document, Limits, Replica, ReplicaId, VersionVector, Wall,
    document::{EditError, Transaction},
};

use crate::{
    Dice,
    view::{Patched, shown},
};

/// What is exported of a history comes back byte for byte; and a document that imports some of it is the one that was given
/// its changes one by one, reports the same to a view, and goes on like it.
///
/// A document has the first `had` changes, imports those before `mid`, and is given the rest one by one.
///
/// # Panics
///
/// If that does not hold.
pub fn hold(history: &[Change], had: usize, mid: usize) {
    let limits = Limits::default();
    let log = |changes: &[Change]| {
        let mut log = ChangeLog::new();
        changes.iter().for_each(|change| drop(log.receive(change.clone(), &limits).expect("a good header")));
        log
    };
    let mut one_by_one = Document::new(ReplicaId::new(77));
    receive_all(&mut one_by_one, history);
    let unreadable = Patched::default().follow(&mut one_by_one).0;

    let mut importing = Document::new(ReplicaId::new(77));
    receive_all(&mut importing, &history[..had]);
    let mut view = Patched::default();
    let mut found = view.follow(&mut importing).0;
    let imported =
        importing.import(log(&history[..mid]).export(importing.log().version()).expect("all is kept"), &limits);
    let imported = imported.expect("a good block");
    assert_eq!((imported.positions, imported.duplicates, imported.waiting), (had..mid, 0, 0));
    importing.check().expect("sound inside");
    found.extend(view.follow(&mut importing).0);
    assert!(view.matches(&importing), "a patched view shows something else");
    receive_all(&mut importing, &history[mid..]);
    importing.check().expect("sound inside");
    found.extend(view.follow(&mut importing).0);
    assert!(view.matches(&importing), "a patched view shows something else");

    assert_eq!(found, unreadable);
    assert_eq!(shown(&importing), shown(&one_by_one));
    assert_eq!(importing.digest(), one_by_one.digest());
    same_changes(importing.log(), history);
    assert_eq!(importing.log().frontier(), one_by_one.log().frontier());
    assert_eq!(importing.log().clock(), one_by_one.log().clock());
    let next = [&mut importing.clone(), &mut one_by_one].map(|document| {
        let edited = document.edit::<_, EditError>(Wall::from_millis(9), |txn| txn.text("text").push_str("!"));
        edited.map(|edited| edited.change)
    });
    assert_eq!(next[0], next[1]);

    let mut early = Document::new(ReplicaId::new(77));
    receive_all(&mut early, &history[..had]);
    let mut view = Patched::default();
    for (since, until) in [(mid, history.len()), (had, mid)] {
        let block = log(&history[..until]).export(log(&history[..since]).version()).expect("all is kept");
        let found = early.import(block, &limits).expect("a good block");
        let here = found.positions.len() + found.waiting;
        assert!(here >= until - since && found.duplicates == 0, "{found:?}");
        early.check().expect("sound inside");
        view.follow(&mut early);
    }
    assert!(view.matches(&early), "a patched view shows something else");
    assert_eq!((early.digest(), early.log().waiting().0), (importing.digest(), 0));
    assert_eq!(early.log().version(), importing.log().version());
    assert_eq!(early.log().frontier(), importing.log().frontier());

    let kept = log(history);
    let since = log(&history[..had]).version().clone();
    assert_eq!(kept.export(&since), Some(kept.export_each(&since)), "runs are written as their changes are");
    let whole = kept.export(&VersionVector::new()).expect("all is kept");
    assert_eq!(whole, kept.export_each(&VersionVector::new()), "runs are written as their changes are");
    let again = importing.import(whole.clone(), &limits).expect("a good block");
    assert_eq!((again.positions, again.duplicates), (history.len()..history.len(), history.len()));
    assert_eq!(importing.poll_event(), None);
    let mut fresh = ChangeLog::new();
    fresh.import(whole, &limits).expect("a good block");
    same_changes(&fresh, history);
}

fn receive_all(document: &mut Document, changes: &[Change]) {
    for change in changes {
        document.receive(change.clone(), &Limits::default()).expect("a good header");
    }
}

fn same_changes(log: &ChangeLog, changes: &[Change]) {
    assert_eq!(log.end(), changes.len());
    for (here, there) in log.iter().zip(changes) {
        assert_eq!(here, *there);
    }
}

/// What some people write who type letter by letter, delete letter by letter, go elsewhere in the text, keep words and numbers
/// in other places, and hear of each other now and then: as many bytes, as many strokes of this kind.
pub fn session(bytes: &[u8]) -> Vec<Change> {
    let mut people = [1, 2, 3].map(|replica| (Document::new(ReplicaId::new(replica)), 0));
    let limits = Limits::default();
    let mut made: Vec<Change> = Vec::new();
    for (stroke, byte) in bytes.iter().enumerate() {
        let mut dice = Dice::new(u64::from(*byte) << 8 | stroke as u64 & 3);
        let (document, caret) = &mut people[[0, 0, 0, 1, 1, 2][dice.roll(6)]];
        let times = 1 + dice.roll(8);
        let verb = byte % 8;
        if verb == 6 {
            made.iter().for_each(|change| drop(document.receive(change.clone(), &limits).expect("a good header")));
        }
        let here = document.text("text").len();
        *caret = if verb == 7 { dice.roll(here + 1) } else { here.min(*caret) };
        for _ in 0..times {
            let name = if dice.roll(40) == 0 { "title" } else { "text" };
            let wall = Wall::from_millis(dice.roll(3) as u64 * 1_000);
            let edited = document.edit::<_, EditError>(wall, |txn| {
                let mut text = txn.text(name);
                *caret = text.len().min(*caret);
                match verb {
                    0..3 => {
                        text.insert(*caret, ["a", "b", "é", "😀"][dice.roll(4)])?;
                        *caret += 1;
                    }
                    3 if *caret > 0 => {
                        text.delete(*caret - 1, 1)?;
                        *caret -= 1;
                    }
                    4 if *caret < text.len() => text.delete(*caret, 1)?,
                    5 if dice.roll(3) > 0 => {
                        let removed = dice.roll(4).min(text.len() - *caret);
                        text.replace(*caret, removed, "word")?;
                        *caret += 4;
                    }
                    5 => txn.map("map").set("key", &dice.byte())?,
                    6.. => return keep(txn, &mut dice),
                    _ => {}
                }
                Ok(())
            });
            made.extend(edited.expect("an edit inside").change);
        }
    }
    made
}

/// Writes a word or a number somewhere, or takes something away: words that come again, numbers that are near others.
fn keep(txn: &mut Transaction<'_>, dice: &mut Dice) -> Result<(), EditError> {
    let word = ["buy milk", "buy bread", "call ann", "a", "what is longer than words that are kept"][dice.roll(5)];
    let number = [0, 1_000_000, -70_000][dice.roll(3)] + dice.roll(9) as i64;
    let key = ["key", "keys", "other"][dice.roll(3)];
    match dice.roll(12) {
        0 => txn.map("words").set(key, &word),
        1 => txn.map("numbers").set(key, &number),
        2 => txn.map("numbers").set(key, &(number as f64 / 8.0)),
        3 => txn.or_set("set").add(&word),
        4 => txn.or_set("set").remove(&word),
        5 => txn.or_set("numbers").add(&number),
        6 => txn.or_map("or-map").put(key, &word),
        7 => txn.or_map::<u8>("or-map").remove(key),
        8 => txn.map::<u8>("words").map(key)?.set(key, &number),
        9 => txn.list("list").push(&word),
        10 => {
            let mut list = txn.movable_list("movable list");
            let (len, at) = (list.len(), dice.roll(4));
            list.insert(at.min(len), &number)?;
            list.move_to(at.min(len), 0)
        }
        _ => {
            let mut list = txn.list::<u8>("list of maps");
            let at = dice.roll(list.len() + 1);
            list.insert_map(at)?.set(key, &word)
        }
    }
}
