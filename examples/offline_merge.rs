//! Two documents and no network: changes travel as bytes, in whatever way and order, and both show the same in the end.
//!
//! ```text
//! cargo run -p crdt-socket-sync-examples --example offline_merge
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, time::SystemTime};

use bytes::Bytes;
use crdt_socket_sync::{Change, Document, Limits, Replica, ReplicaId, VersionVector, Wall, document::EditError};

fn main() -> Result<(), Box<dyn Error>> {
    // Everyone who edits is a replica with a random id of its own.
    let mut ann = Document::new(ReplicaId::new(getrandom::u64()?));
    let mut bob = Document::new(ReplicaId::new(getrandom::u64()?));

    // Ann begins, and hands Bob what she has.
    ann.edit::<_, EditError>(now(), |txn| {
        txn.text("list").insert(0, "milk\nbread\n")?;
        txn.register("title").set(&"Saturday")
    })?;
    merge(&mut bob, pack(&ann, &VersionVector::new()))?;

    // From here on both edit, and neither hears of the other.
    let bobs_version = bob.log().version().clone();
    ann.edit::<_, EditError>(now(), |txn| txn.text("list").insert(0, "eggs\n"))?;
    ann.edit::<_, EditError>(now(), |txn| txn.map("prices").set("milk", &2))?;
    bob.edit::<_, EditError>(now(), |txn| txn.text("list").delete(0, "milk\n".chars().count()))?;
    bob.edit::<_, EditError>(now(), |txn| txn.text("list").push_str("jam\n"))?;

    // Each packs what the other lacks. Whoever does not know what that is packs everything: what is known is passed over.
    let for_bob = pack(&ann, &bobs_version);
    let for_ann = pack(&bob, &VersionVector::new());
    println!("{} changes for Bob, {} for Ann", for_bob.len(), for_ann.len());
    // The order does not matter either: what comes too early waits.
    merge(&mut bob, for_bob.into_iter().rev())?;
    merge(&mut ann, for_ann)?;

    print!("{}:\n{}", ann.register::<String>("title").get()?.unwrap_or_default(), ann.text("list"));
    assert_eq!(ann.text("list"), "eggs\nbread\njam\n");
    assert_eq!(ann.digest(), bob.digest());
    assert_eq!(ann.log().version(), bob.log().version());
    println!("-- both show the same");
    Ok(())
}

/// What a document has and `version` lacks, as bytes for a file, a message, a clipboard.
fn pack(document: &Document, version: &VersionVector) -> Vec<Bytes> {
    document.log().since(version).map(|change| change.encode()).collect()
}

/// Takes in what someone has packed.
fn merge(document: &mut Document, packed: impl IntoIterator<Item = Bytes>) -> Result<(), Box<dyn Error>> {
    for bytes in packed {
        document.receive(Change::decode(bytes)?, &Limits::default())?;
    }
    Ok(())
}

fn now() -> Wall {
    let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis());
    Wall::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
