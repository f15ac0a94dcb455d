//! Real sessions, replayed: the text must come out as it was recorded.

use std::time::Instant;

use crdt_socket_sync::{
    Change, Document, Limits, Replica, ReplicaId, Wall,
    document::EditError,
    wire::{Message, Writers},
};
use crdt_socket_sync_tests::traces::{self, Trace, Transaction};

/// One edit every tenth of a second.
fn write(document: &mut Document, transaction: &Transaction) -> Option<Change> {
    let wall = Wall::from_millis(1_700_000_000_000 + 100 * document.log().end() as u64);
    let edited = document.edit(wall, |txn| {
        let mut text = txn.text("text");
        transaction.patches.iter().try_for_each(|(at, deleted, inserted)| text.replace(*at, *deleted, inserted))
    });
    edited.map_err(|fault: EditError| fault).expect("positions are inside").change
}

#[test]
fn one_writers_session_ends_as_recorded_here_and_on_a_replica_that_only_receives() {
    for name in ["sveltecomponent", "rustcode", "automerge-paper"] {
        if let Some(trace) = traces::load(name) {
            replay_alone(name, &trace);
        }
    }
}

fn replay_alone(name: &str, trace: &Trace) {
    let (mut writer, mut reader) = (Document::new(ReplicaId::new(1)), Document::new(ReplicaId::new(2)));
    let begin = Instant::now();
    let changes: Vec<_> = trace.transactions.iter().filter_map(|edit| write(&mut writer, edit)).collect();
    let written = begin.elapsed();
    let bytes: usize = changes.iter().map(|change| change.body.len()).sum();
    eprintln!("{name}: {} changes written in {written:?}, {} body bytes each", changes.len(), bytes / changes.len());
    bytes_are_few(name, &changes);
    let begin = Instant::now();
    for change in changes {
        reader.receive(change, &Limits::default()).expect("a good history");
    }
    eprintln!("{name}: received in {:?}", begin.elapsed());
    assert!(writer.text("text") == trace.end_content.as_str());
    assert!(reader.text("text") == trace.end_content.as_str());
    assert_eq!(writer.digest(), reader.digest());
    writer.check().expect("sound inside");
    reader.check().expect("sound inside");
}

/// What a keystroke costs on its way, in the mean: alone, and in a frame on a link that knows who writes.
fn bytes_are_few(name: &str, changes: &[Change]) {
    let keystrokes: Vec<_> = changes.iter().filter(|change| change.len == 1).collect();
    let mut writers = Writers::default();
    writers.introduce(ReplicaId::new(1));
    let frame = |changes| Message::Changes { doc: 1, introduced: Vec::new(), changes }.encode(&writers).len();
    let empty = frame(Vec::new());
    let alone: usize = keystrokes.iter().map(|change| change.encode().len()).sum();
    let framed: usize = keystrokes.iter().map(|change| frame(vec![(*change).clone()]) - empty).sum();
    let mean = |bytes| bytes as f64 / keystrokes.len() as f64;
    eprintln!("{name}: a keystroke takes {:.1} bytes alone, {:.1} in a frame", mean(alone), mean(framed));
    assert!(mean(alone) < 24.0 && mean(framed) < 16.0);
}

/// Acceptance line 61.
#[test]
fn two_writers_session_ends_as_recorded_on_both() {
    let Some(trace) = traces::load("friendsforever") else { return };
    let mut documents: Vec<_> =
        (0..trace.agents).map(|agent| Document::new(ReplicaId::new(agent as u64 + 1))).collect();
    let mut made: Vec<Option<Change>> = Vec::new();
    // What each agent has, by transaction.
    let mut has = vec![vec![false; trace.transactions.len()]; trace.agents];
    let begin = Instant::now();
    for transaction in &trace.transactions {
        let agent = transaction.agent;
        let mut wanted = Vec::new();
        let mut open = transaction.parents.clone();
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut has[agent][index], true) {
                wanted.push(index);
                open.extend(&trace.transactions[index].parents);
            }
        }
        wanted.sort_unstable();
        for change in wanted.into_iter().filter_map(|index| made[index].clone()) {
            documents[agent].receive(change, &Limits::default()).expect("a good history");
        }
        has[agent][made.len()] = true;
        made.push(write(&mut documents[agent], transaction));
    }
    for document in &mut documents {
        for change in made.iter().flatten() {
            document.receive(change.clone(), &Limits::default()).expect("a good history");
        }
    }
    let took = begin.elapsed();
    let changes = made.iter().flatten().count();
    let bytes: usize = made.iter().flatten().map(|change| change.body.len()).sum();
    eprintln!("{changes} changes exchanged in {took:?}, {} body bytes each", bytes / changes);
    for document in &documents {
        assert!(document.text("text") == trace.end_content.as_str());
        document.check().expect("sound inside");
    }
}
