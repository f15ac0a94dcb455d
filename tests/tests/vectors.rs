//! The wire, byte by byte: what `tests/vectors` says in hexadecimal and in words is what the code writes and reads.
//!
//! A vector that has to be changed means that peers of two versions of this code do not understand each other. After
//! adding one here, `VECTORS=write cargo test -p crdt-socket-sync-tests --test vectors` writes the files.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, sync::Arc};

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Change, ChangeLog, Document, Epoch, Limits, OpId, Replica, ReplicaId, VersionVector, Wall,
    causal::Hlc,
    document::{
        Action, ContainerId, ContainerKind, Dictionary, EditError, Item, Operation, Operations, Place, Slot, Spot,
        Transaction, Value,
    },
    error::{Code, Reason},
    wire::{Capabilities, Level, Message, WriterVersion, Writers},
};

/// What a link that knows these writers by number says.
struct Frame {
    name: &'static str,
    words: &'static str,
    writers: &'static [u64],
    message: Message,
}

const ANN: ReplicaId = ReplicaId::new(0xA1);
const BOB: ReplicaId = ReplicaId::new(0xB0B);

fn version(entries: &[(ReplicaId, u64)]) -> VersionVector {
    entries.iter().copied().collect()
}

fn change(replica: ReplicaId, seq: u64, len: u64, deps: &[(ReplicaId, u64)], body: &'static [u8]) -> Change {
    Change {
        replica,
        seq,
        len,
        clock: Hlc::new(1_700_000_000_000, 0),
        deps: deps.iter().map(|(replica, seq)| OpId::new(*replica, *seq)).collect(),
        body: Bytes::from_static(body),
    }
}

fn frames() -> Vec<Frame> {
    let of = |name, words, writers, message| Frame { name, words, writers, message };
    let hello = |token| Message::Hello {
        versions: (1, 1),
        capabilities: Capabilities(0),
        frame_bytes: 1_048_576,
        secret: [0x5E; 16],
        token: Bytes::from_static(token),
    };
    let join = |epoch, replica, version| Message::Join { request: 1, name: "notes".into(), epoch, replica, version };
    let joined = |access, writers| Message::Joined { request: 1, doc: 7, epoch: Epoch::new(0xE0), access, writers };
    let changes = |introduced, changes| Message::Changes { doc: 7, introduced, changes };
    let epoch = Some(Epoch::new(0xE0));
    let ann = WriterVersion { replica: ANN, received: 5, stored: 3 };
    let bob = WriterVersion { replica: BOB, received: 2, stored: 2 };
    vec![
        of("hello", "versions 1 to 1, no capabilities, reads 1 MiB, secret 5e…, no token", &[], hello(b"")),
        of("hello with a token", "the same with the token `ann:1`", &[], hello(b"ann:1")),
        of(
            "welcome",
            "version 1, no capabilities, reads 1 MiB, ping after 15 s",
            &[],
            Message::Welcome { version: 1, capabilities: Capabilities(0), frame_bytes: 1_048_576, ping_millis: 15_000 },
        ),
        of("close", "done, nothing to add", &[], Message::Close { reason: Code::Done.into() }),
        of(
            "close with a detail",
            "malformed bytes, and a sentence about them",
            &[],
            Message::Close { reason: Reason::new(Code::Malformed, "no frame") },
        ),
        of(
            "close with a code of a later version",
            "code 999, which this version has no name for",
            &[],
            Message::Close { reason: Code::Other(999).into() },
        ),
        of("ping", "nonce 1", &[], Message::Ping { nonce: 1 }),
        of("pong", "nonce 300", &[], Message::Pong { nonce: 300 }),
        of("join of something new", "request 1, `notes`, no epoch, writes as a1, has nothing", &[], {
            join(None, Some(ANN), version(&[]))
        }),
        of("join again", "request 1, `notes`, epoch e0, writes as a1, has 5 of a1 and 2 of b0b", &[], {
            join(epoch, Some(ANN), version(&[(ANN, 5), (BOB, 2)]))
        }),
        of("join to read", "request 1, `notes`, epoch e0, writes as nobody, has 2 of b0b", &[], {
            join(epoch, None, version(&[(BOB, 2)]))
        }),
        of("joined an empty document", "request 1, document 7, epoch e0, may write, no writers", &[], {
            joined(Access::Write, vec![])
        }),
        of(
            "joined to read",
            "request 1, document 7, epoch e0, may read; a1 is writer 0 with 5 received and 3 stored, b0b writer 1 with 2",
            &[],
            joined(Access::Read, vec![ann, bob]),
        ),
        of(
            "refused",
            "request 1, forbidden",
            &[],
            Message::Refused { request: 1, reason: Code::Forbidden.into(), epoch: None },
        ),
        of(
            "refused for its epoch",
            "request 1, the histories differ, the server's is e0",
            &[],
            Message::Refused { request: 1, reason: Code::EpochMismatch.into(), epoch },
        ),
        of("dropped", "document 7, this link may only read", &[], {
            Message::Dropped { doc: 7, reason: Code::ReadOnly.into() }
        }),
        of("leave", "request 1", &[], Message::Leave { request: 1 }),
        of(
            "changes of a writer without a number",
            "document 7, nobody introduced; operation 0 of a1, after nothing, two bytes",
            &[],
            changes(vec![], vec![change(ANN, 0, 1, &[], b"\x01\x02")]),
        ),
        of(
            "changes with a short name",
            "document 7, nobody introduced; operation 5 of writer 0, after nothing else, two bytes",
            &[0xA1],
            changes(vec![], vec![change(ANN, 5, 1, &[], b"\x01\x02")]),
        ),
        of(
            "changes that introduce a writer",
            "document 7, b0b is writer 1 from here on; its operations 0 to 2, after operation 5 of writer 0",
            &[0xA1],
            changes(vec![BOB], vec![change(BOB, 0, 3, &[(ANN, 5)], b"\x01\x02")]),
        ),
        of(
            "several changes",
            "document 7; operation 6 of writer 0, then operation 3 of writer 1 after it, no bodies",
            &[0xA1, 0xB0B],
            changes(vec![], vec![change(ANN, 6, 1, &[], b""), change(BOB, 3, 1, &[(ANN, 6)], b"")]),
        ),
        of(
            "a change after one of a writer without a number",
            "document 7; operation 7 of writer 0, after operation 0 of b0b",
            &[0xA1],
            changes(vec![], vec![change(ANN, 7, 1, &[(BOB, 0)], b"\x01\x02")]),
        ),
        of("ack of received changes", "document 7, received: all of writer 0 before 6", &[0xA1], {
            Message::Ack { doc: 7, level: Level::Received, version: version(&[(ANN, 6)]) }
        }),
        of(
            "ack of stored changes",
            "document 7, stored: all of writer 0 before 6 and of b0b before 300",
            &[0xA1],
            Message::Ack { doc: 7, level: Level::Stored, version: version(&[(ANN, 6), (BOB, 300)]) },
        ),
        of("want everything", "document 7, has nothing", &[0xA1], Message::Want { doc: 7, version: version(&[]) }),
        of("want the rest", "document 7, has all of writer 0 before 6", &[0xA1], {
            Message::Want { doc: 7, version: version(&[(ANN, 6)]) }
        }),
    ]
}

fn names(writers: &[u64]) -> Writers {
    let mut names = Writers::default();
    writers.iter().for_each(|writer| names.introduce(ReplicaId::new(*writer)));
    names
}

fn changes() -> Vec<(&'static str, &'static str, Change)> {
    vec![
        ("change", "operation 0 of a1 at 1 700 000 000 000.0 ms, after nothing, two bytes", {
            change(ANN, 0, 1, &[], b"\x01\x02")
        }),
        ("change after another one", "operations 3 to 7 of b0b, after operation 4 of a1, no body", {
            change(BOB, 3, 5, &[(ANN, 4)], b"")
        }),
        ("change with the largest numbers", "the last operation there can be, of ff…ff, at the last time", {
            let mut change = change(ReplicaId::new(u64::MAX), u64::MAX - 1, 1, &[], b"");
            change.clock = Hlc::from_bits(u64::MAX);
            change
        }),
    ]
}

/// What two people write, each change with what it says.
fn bodies() -> Vec<(&'static str, &'static str, Change, Operations)> {
    use ContainerKind::{Counter, List, Map, MovableList, OrMap, OrSet, Register, Text};
    type Edits = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let (mut ann, mut bob) = (Document::new(ANN), Document::new(BOB));
    let wall = Wall::from_millis(1_700_000_000_000);
    let op = |replica, seq| OpId::new(replica, seq);
    let text = || ContainerId::root(Text, "text");
    let map = || ContainerId::root(Map, "map");
    let register = || ContainerId::root(Register, "register");
    let insert = |left, right, text: &str| Action::Insert { left, right, text: text.into() };
    let cbor = |bytes: &'static [u8]| Bytes::from_static(bytes);
    let plain = |bytes: &'static [u8]| Value::Plain(Bytes::from_static(bytes));
    let root = ContainerId::root;
    let nested = |parent: &ContainerId, kind, over| {
        let slot = Slot { parent: parent.clone(), key: "k".into(), over };
        ContainerId { place: Place::Key(Arc::new(slot)), kind }
    };
    let mut bodies = Vec::new();
    let mut by = |who: &mut Document, name, words, edits: Edits, said: Vec<(ContainerId, Action)>| {
        let change = who.edit(wall, edits).expect("a good edit").change.expect("something was edited");
        let mut seq = change.seq;
        let operation = |(container, action): (ContainerId, Action)| {
            let operation = Operation { seq, container, action };
            seq += operation.action.covers();
            operation
        };
        let operations = Operations { list: said.into_iter().map(operation).collect() };
        bodies.push((name, words, change.clone(), operations));
        change
    };
    let mut made = vec![
        by(
            &mut ann,
            "insert",
            "a1 inserts `ac`, its operations 0 and 1, into the text `text`",
            |txn| txn.text("text").insert(0, "ac"),
            vec![(text(), insert(None, None, "ac"))],
        ),
        by(
            &mut ann,
            "insert one",
            "a1 types `b` between its operations 0 and 1",
            |txn| txn.text("text").insert(1, "b"),
            vec![(text(), insert(Some(op(ANN, 0)), Some(op(ANN, 1)), "b"))],
        ),
        by(
            &mut ann,
            "insert one, continued",
            "a1 types `😀` behind that",
            |txn| txn.text("text").insert(2, "😀"),
            vec![(text(), insert(Some(op(ANN, 2)), Some(op(ANN, 1)), "😀"))],
        ),
        by(
            &mut ann,
            "insert, continued",
            "a1 types `de` behind that",
            |txn| txn.text("text").insert(3, "de"),
            vec![(text(), insert(Some(op(ANN, 3)), Some(op(ANN, 1)), "de"))],
        ),
    ];
    made.drain(..).for_each(|change| drop(bob.receive(change, &Limits::default()).expect("a good header")));
    by(
        &mut bob,
        "insert one before someone else's",
        "b0b types `x` at the beginning, before operation 0 of a1",
        |txn| txn.text("text").insert(0, "x"),
        vec![(text(), insert(None, Some(op(ANN, 0)), "x"))],
    );
    by(
        &mut bob,
        "delete one",
        "b0b deletes operation 0 of a1",
        |txn| txn.text("text").delete(1, 1),
        vec![(text(), Action::Delete { first: op(ANN, 0), count: 1 })],
    );
    by(
        &mut bob,
        "delete",
        "b0b deletes operations 4 and 5 of a1",
        |txn| txn.text("text").delete(3, 2),
        vec![(text(), Action::Delete { first: op(ANN, 4), count: 2 })],
    );
    by(
        &mut bob,
        "set key",
        "b0b sets the key `k` of the map `map` to 7",
        |txn| txn.map("map").set("k", &7),
        vec![(map(), Action::Map { key: "k".into(), value: Some(plain(b"\x07")) })],
    );
    by(
        &mut bob,
        "delete key",
        "b0b deletes it",
        |txn| txn.map::<u8>("map").delete("k"),
        vec![(map(), Action::Map { key: "k".into(), value: None })],
    );
    by(
        &mut bob,
        "set",
        "b0b sets the register `register` to `a`",
        |txn| txn.register("register").set(&"a"),
        vec![(register(), Action::Register { value: Some(cbor(b"aa")) })],
    );
    by(
        &mut bob,
        "clear",
        "b0b clears it",
        |txn| txn.register::<u8>("register").clear(),
        vec![(register(), Action::Register { value: None })],
    );
    by(
        &mut bob,
        "several operations",
        "b0b replaces `x` by `y` and sets the key `k` of the map `map` to 8",
        {
            |txn| {
                txn.text("text").replace(0, 1, "y")?;
                txn.map("map").set("k", &8)
            }
        },
        vec![
            (text(), Action::Delete { first: op(BOB, 0), count: 1 }),
            (text(), insert(None, Some(op(BOB, 0)), "y")),
            (map(), Action::Map { key: "k".into(), value: Some(plain(b"\x08")) }),
        ],
    );
    by(
        &mut bob,
        "nest",
        "b0b makes a text at the key `k` of the map `map`, over its operation 9, and types `n` into it",
        |txn| txn.map::<()>("map").text("k")?.push_str("n"),
        vec![
            (map(), Action::Map { key: "k".into(), value: Some(Value::Child { kind: Text, over: Some(op(BOB, 9)) }) }),
            (nested(&map(), Text, Some(op(BOB, 9))), insert(None, None, "n")),
        ],
    );
    by(
        &mut bob,
        "count",
        "b0b takes 2 away from the counter `counter`",
        |txn| txn.counter("counter").add(-2),
        vec![(root(Counter, "counter"), Action::Count { by: -2 })],
    );
    let (set, or_map) = (root(OrSet, "set"), root(OrMap, "or-map"));
    by(
        &mut bob,
        "add",
        "b0b adds 7 to the or-set `set`",
        |txn| txn.or_set("set").add(&7),
        vec![(set.clone(), Action::Add { element: cbor(b"\x07"), over: vec![] })],
    );
    by(
        &mut bob,
        "add again",
        "b0b adds it again, over its operation 13",
        |txn| txn.or_set("set").add(&7),
        vec![(set.clone(), Action::Add { element: cbor(b"\x07"), over: vec![op(BOB, 13)] })],
    );
    by(
        &mut bob,
        "remove",
        "b0b removes it, which is its operation 14",
        |txn| txn.or_set("set").remove(&7),
        vec![(set, Action::Remove { tags: vec![op(BOB, 14)] })],
    );
    by(
        &mut bob,
        "put",
        "b0b puts 7 at the key `k` of the or-map `or-map`",
        |txn| txn.or_map("or-map").put("k", &7),
        vec![(or_map.clone(), Action::Put { key: "k".into(), value: plain(b"\x07"), over: vec![] })],
    );
    let by_b0b = by(
        &mut bob,
        "put nested",
        "b0b makes a counter there, where its operation 16 is, and adds 1 to it",
        |txn| txn.or_map::<()>("or-map").counter("k")?.add(1),
        vec![
            (or_map.clone(), {
                let value = Value::Child { kind: Counter, over: None };
                Action::Put { key: "k".into(), value, over: vec![op(BOB, 16)] }
            }),
            (nested(&or_map, Counter, None), Action::Count { by: 1 }),
        ],
    );
    let before = bob.log().iter().filter(|change| change.replica == BOB).collect::<Vec<_>>();
    assert_eq!(before.last(), Some(&by_b0b));
    before.into_iter().for_each(|change| drop(ann.receive(change, &Limits::default()).expect("a good header")));
    by(
        &mut ann,
        "count in what is nested",
        "a1 adds 1 to that counter",
        |txn| txn.or_map::<()>("or-map").counter("k")?.add(1),
        vec![(nested(&or_map, Counter, None), Action::Count { by: 1 })],
    );
    let list = root(List, "list");
    let insert_items = |left, right, items: Vec<Item>| Action::InsertItems { left, right, items };
    let item = |bytes: &'static [u8]| Item::Plain(Bytes::from_static(bytes));
    by(
        &mut ann,
        "insert items",
        "a1 inserts 1 and 3, its operations 7 and 8, into the list `list`",
        |txn| txn.list("list").extend(&[1, 3]),
        vec![(list.clone(), insert_items(None, None, vec![item(b"\x01"), item(b"\x03")]))],
    );
    by(
        &mut ann,
        "insert item",
        "a1 inserts 2 between them",
        |txn| txn.list("list").insert(1, &2),
        vec![(list.clone(), insert_items(Some(op(ANN, 7)), Some(op(ANN, 8)), vec![item(b"\x02")]))],
    );
    let spot = Spot { parent: list.clone(), item: op(ANN, 10) };
    by(
        &mut ann,
        "insert item, continued",
        "a1 inserts a text behind that, and types `n` into it",
        |txn| txn.list::<u8>("list").insert_text(2)?.push_str("n"),
        vec![
            (list.clone(), insert_items(Some(op(ANN, 9)), Some(op(ANN, 8)), vec![Item::Child(Text)])),
            (ContainerId { place: Place::Item(Arc::new(spot)), kind: Text }, insert(None, None, "n")),
        ],
    );
    by(
        &mut ann,
        "delete of items",
        "a1 deletes its operation 7 from the list",
        |txn| txn.list::<u8>("list").delete(0, 1),
        vec![(list, Action::Delete { first: op(ANN, 7), count: 1 })],
    );
    let list = root(MovableList, "movable");
    by(
        &mut ann,
        "insert items of a movable list",
        "a1 inserts 1 and 2, its operations 13 and 14, into the movable list `movable`",
        |txn| txn.movable_list("movable").extend(&[1, 2]),
        vec![(list.clone(), insert_items(None, None, vec![item(b"\x01"), item(b"\x02")]))],
    );
    by(
        &mut ann,
        "move",
        "a1 moves its operation 13 behind its operation 14",
        |txn| txn.movable_list::<u8>("movable").move_to(0, 1),
        vec![(list.clone(), Action::Move { element: op(ANN, 13), left: Some(op(ANN, 14)), right: None })],
    );
    by(
        &mut ann,
        "set element",
        "a1 sets it to 7",
        |txn| txn.movable_list("movable").set(1, &7),
        vec![(list, Action::SetElement { element: op(ANN, 13), value: cbor(b"\x07") })],
    );
    bodies
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Bytes {
    assert!(hex.len() % 2 == 0 && hex.is_ascii(), "{hex:?} is hexadecimal");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits")).collect()
}

struct Vector {
    name: String,
    words: String,
    bytes: Bytes,
}

/// The vectors of a file: a name in brackets, the meaning, the bytes, an empty line.
fn read(file: &str, expected: &[(&str, &str, Bytes)]) -> Vec<Vector> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    if std::env::var_os("VECTORS").is_some_and(|value| value == "write") {
        let mut text = String::new();
        for (name, words, bytes) in expected {
            writeln!(text, "[{name}]\n{words}\n{}\n", hex(bytes)).expect("a string takes everything");
        }
        fs::write(&path, text.trim_end().to_owned() + "\n").expect("the folder can be written");
    }
    let text = fs::read_to_string(path).expect("the file is there");
    let vectors = text.split("\n\n").map(|vector| {
        let lines: Vec<_> = vector.trim_end().lines().collect();
        let [name, words, bytes] = lines[..] else { panic!("{file}: three lines, not {lines:?}") };
        Vector { name: name.trim_matches(['[', ']']).into(), words: words.into(), bytes: unhex(bytes) }
    });
    vectors.collect()
}

/// Both know the same vectors, in the same order and with the same meaning.
fn compare(file: &str, expected: &[(&str, &str, Bytes)], mut decode: impl FnMut(usize, Bytes)) {
    let vectors = read(file, expected);
    let known: Vec<_> = vectors.iter().map(|vector| (vector.name.as_str(), vector.words.as_str())).collect();
    let ours: Vec<_> = expected.iter().map(|(name, words, _)| (*name, *words)).collect();
    assert_eq!(known, ours, "{file}");
    for (index, (vector, (name, _, bytes))) in vectors.into_iter().zip(expected).enumerate() {
        assert_eq!(hex(bytes), hex(&vector.bytes), "{file}, {name}: what the code writes is not what the file says");
        decode(index, vector.bytes);
    }
}

/// Acceptance line 5.
#[test]
fn frames_are_what_their_vectors_say() {
    let frames = frames();
    let expected: Vec<_> =
        frames.iter().map(|frame| (frame.name, frame.words, frame.message.encode(&names(frame.writers)))).collect();
    compare("frames.txt", &expected, |index, bytes| {
        let frame = &frames[index];
        assert_eq!(Message::decode(bytes, &names(frame.writers)).as_ref(), Ok(&frame.message), "{}", frame.name);
    });
}

#[test]
fn there_is_a_vector_for_every_kind_of_message() {
    let mut kinds: Vec<_> = frames().iter().map(|frame| frame.message.kind().1).collect();
    kinds.dedup();
    assert_eq!(kinds, (0..=12).collect::<Vec<_>>());
}

/// Acceptance line 5.
#[test]
fn changes_are_what_their_vectors_say() {
    let changes = changes();
    let expected: Vec<_> = changes.iter().map(|(name, words, change)| (*name, *words, change.encode())).collect();
    compare("changes.txt", &expected, |index, bytes| {
        let (name, _, change) = &changes[index];
        assert_eq!(Change::decode(bytes).as_ref(), Ok(change), "{name}");
    });
}

#[test]
fn bodies_are_what_their_vectors_say() {
    let bodies = bodies();
    let expected: Vec<_> = bodies.iter().map(|(name, words, change, _)| (*name, *words, change.body.clone())).collect();
    let mut dictionaries: BTreeMap<ReplicaId, Dictionary> = BTreeMap::new();
    compare("bodies.txt", &expected, |index, body| {
        let (name, _, change, operations) = &bodies[index];
        let dictionary = dictionaries.entry(change.replica).or_default();
        assert_eq!(operations.encode(change.replica, &mut dictionary.clone()), change.body, "{name}");
        let read = Operations::decode(&Change { body, ..change.clone() }, dictionary);
        assert_eq!(read.as_ref(), Ok(operations), "{name}");
    });
}

/// Snapshots of documents of one writer, and what each is of.
fn snapshots() -> Vec<(&'static str, &'static str, Document)> {
    type Edit = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let of = |name, words, edits: &[Edit]| {
        let mut document = Document::new(ANN);
        for edit in edits {
            document.edit(Wall::from_millis(1_000), edit).expect("a good edit");
        }
        (name, words, document)
    };
    vec![
        of("empty", "nothing was ever written", &[]),
        of(
            "text",
            "a1 inserted `abcd` into the text `t`, deleted `bc` and inserted `x` in its place",
            &[
                |txn| txn.text("t").push_str("abcd"),
                |txn| txn.text("t").delete(1, 2),
                |txn| txn.text("t").insert(1, "x"),
            ],
        ),
        of(
            "values",
            "a1 set the key `k` of the map `m` to 7, deleted `l`, and set the register `r` to 8",
            &[
                |txn| txn.map("m").set("k", &7).and_then(|()| txn.map("m").set("l", &7)),
                |txn| txn.map::<u8>("m").delete("l"),
                |txn| txn.register("r").set(&8),
            ],
        ),
        of(
            "sums and sets",
            "a1 added -3 to the counter `c`, and 1 and 2 to the or-set `s`, and removed 1",
            &[
                |txn| txn.counter("c").add(-3),
                |txn| txn.or_set("s").add(&1).and_then(|()| txn.or_set("s").add(&2)),
                |txn| txn.or_set("s").remove(&1),
            ],
        ),
        of(
            "nested",
            "a1 made a text at the key `k` of the or-map `o`, inserted `n` and removed the key",
            &[|txn| txn.or_map::<u8>("o").text("k")?.push_str("n"), |txn| txn.or_map::<u8>("o").remove("k")],
        ),
    ]
}

/// What people type and keep, as blocks: small ones, of which deflating would save nothing.
fn blocks() -> Vec<(&'static str, &'static str, Vec<Change>)> {
    let (mut ann, mut bob) = (Document::new(ANN), Document::new(BOB));
    let mut made = Vec::new();
    let mut by = |who: &mut Document, millis: u64, edit: fn(&mut Transaction<'_>) -> Result<(), EditError>| {
        let change = who.edit(Wall::from_millis(1_700_000_000_000 + millis), edit).expect("a good edit").change;
        made.push(change.expect("something was edited"));
    };
    by(&mut ann, 0, |txn| txn.text("text").insert(0, "a"));
    by(&mut ann, 0, |txn| txn.text("text").insert(1, "b"));
    by(&mut ann, 0, |txn| txn.text("text").insert(2, "c"));
    by(&mut ann, 0, |txn| txn.text("text").delete(2, 1));
    by(&mut ann, 5, |txn| txn.text("text").delete(1, 1));
    for change in ann.log().iter() {
        bob.receive(change.to_owned(), &Limits::default()).expect("a good header");
    }
    by(&mut bob, 5, |txn| txn.text("text").insert(0, "xy"));
    by(&mut bob, 5, |txn| txn.counter("counter").add(-1));
    let (mut ann, mut kept) = (Document::new(ANN), Vec::new());
    let mut by = |edit: fn(&mut Transaction<'_>) -> Result<(), EditError>| {
        let change = ann.edit(Wall::from_millis(1_700_000_000_000), edit).expect("a good edit").change;
        kept.push(change.expect("something was edited"));
    };
    by(|txn| {
        txn.map("map").set("key", &"word")?;
        txn.map("map").set("keys", &300)?;
        txn.map("map").set("key", &"word")
    });
    by(|txn| txn.or_set("set").add(&"word"));
    by(|txn| txn.or_set("set").remove(&"word"));
    by(|txn| txn.or_set("set").add(&"words"));
    by(|txn| txn.list("list").extend(&[301, 302]));
    by(|txn| txn.list("list").insert(1, &303));
    by(|txn| txn.list::<u8>("list").insert_map::<f64>(0)?.set("key", &0.1));
    by(|txn| txn.movable_list("movable").extend(&[true, false]));
    by(|txn| txn.movable_list::<bool>("movable").move_to(1, 0));
    vec![
        ("no changes", "what an empty log exports", Vec::new()),
        (
            "typing on and deleting",
            "a1 types `a`, `b` and `c` into the text `text`, and deletes `c` and `b`",
            made[..5].to_vec(),
        ),
        (
            "another writer",
            "b0b, who has all of that, inserts `xy` before it and takes 1 from the counter `counter`",
            made,
        ),
        (
            "values",
            "a1 sets keys of the map `map`, adds to and removes from the or-set `set`, inserts into the list `list` 301 and 302, 303 between \
             them, and a map, of which it sets a key; and inserts `true` and `false` into the movable list `movable`, and moves the second",
            kept,
        ),
    ]
}

/// Acceptance line 5.
#[test]
fn snapshots_are_what_their_vectors_say() {
    let snapshots = snapshots();
    let expected: Vec<_> =
        snapshots.iter().map(|(name, words, document)| (*name, *words, document.snapshot())).collect();
    compare("snapshots.txt", &expected, |index, bytes| {
        let (name, _, document) = &snapshots[index];
        let read = Document::from_snapshot(BOB, bytes, &Limits::default()).expect("a snapshot");
        assert_eq!(read.digest(), document.digest(), "{name}");
    });
}

#[test]
fn blocks_are_what_their_vectors_say() {
    let blocks = blocks();
    let limits = Limits::default();
    let block = |changes: &[Change]| {
        let mut log = ChangeLog::new();
        changes.iter().for_each(|change| drop(log.receive(change.clone(), &limits).expect("a good header")));
        log.export(&VersionVector::new()).expect("all is kept")
    };
    let expected: Vec<_> = blocks.iter().map(|(name, words, changes)| (*name, *words, block(changes))).collect();
    compare("blocks.txt", &expected, |index, bytes| {
        let (name, _, changes) = &blocks[index];
        let mut log = ChangeLog::new();
        log.import(bytes, &limits).expect("a block");
        assert!(log.iter().eq(changes.iter().cloned()), "{name}");
    });
}

/// The kinds of `docs/format.md` are those of the vectors: each has one, of that name, whose last operation is of that kind.
#[test]
fn the_table_of_operations_is_that_of_the_code_and_each_has_a_vector() {
    const PAGE: &str = include_str!("../../docs/format.md");
    let (_, section) = PAGE.split_once("\n## Operations\n").expect("the heading is there");
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let mut dictionaries: BTreeMap<ReplicaId, Dictionary> = BTreeMap::new();
    let mut first = BTreeMap::new();
    for (name, _, change, operations) in bodies() {
        let dictionary = dictionaries.entry(change.replica).or_default();
        if let Some(one) = operations.list.first() {
            let tag = Operations { list: vec![one.clone()] }.encode(change.replica, &mut dictionary.clone())[0];
            first.insert(name, tag & 0x3f);
        }
        Operations::decode(&change, dictionary).expect("a body");
    }
    let mut page: Vec<(u8, &str)> = Vec::new();
    for row in rows.skip(2) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        page.push((cells[0].parse().expect("a number"), cells[1]));
    }
    for (kind, name) in &page {
        assert_eq!(first.get(name), Some(kind), "{name}");
    }
    assert!(first.values().all(|tag| page.iter().any(|(kind, _)| kind == tag)), "{first:?}");
}

/// Acceptance line 6.
#[test]
fn a_frame_or_a_change_that_is_cut_short_or_goes_on_is_an_error() {
    let cut = |bytes: &Bytes| (0..bytes.len()).map(|len| bytes.slice(..len)).collect::<Vec<_>>();
    let longer = |bytes: &Bytes| [0x00, 0x80, 0xf6, 0xff].map(|more| Bytes::from([&bytes[..], &[more]].concat()));
    for Frame { name, writers, message, .. } in frames() {
        let names = names(writers);
        let frame = message.encode(&names);
        for bad in cut(&frame).into_iter().chain(longer(&frame)) {
            assert!(Message::decode(bad.clone(), &names).is_err(), "{name}: {}", hex(&bad));
        }
    }
    for (name, _, change) in changes() {
        let change = change.encode();
        for bad in cut(&change).into_iter().chain(longer(&change)) {
            assert!(Change::decode(bad.clone()).is_err(), "{name}: {}", hex(&bad));
        }
    }
}
