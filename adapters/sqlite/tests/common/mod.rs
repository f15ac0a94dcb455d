//! What the tests of the store have in common.
#![allow(dead_code, reason = "not every test file uses everything")]

use crdt_socket_sync::{
    Change, Epoch, ReplicaId,
    causal::{Frontier, Hlc},
    store::Append,
};

pub(crate) const EPOCH: Epoch = Epoch::new(7);

/// The `index`-th change of a writer.
pub(crate) fn change(index: usize) -> Change {
    Change {
        replica: ReplicaId::new(1),
        seq: index as u64,
        len: 1,
        clock: Hlc::new(1_000 + index as u64, 0),
        deps: Frontier::new(),
        body: format!("body {index}").into_bytes().into(),
    }
}

/// The changes `range` of a document, to be written behind those before them.
pub(crate) fn append(name: &str, range: std::ops::Range<usize>) -> Append {
    Append {
        name: name.into(),
        epoch: Some(EPOCH),
        replaces: None,
        after: range.start,
        changes: range.map(change).collect(),
    }
}

/// Every file in a folder with its bytes, in order.
pub(crate) fn files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}
