//! What each verb does.

use std::time::Duration;

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Client, DocId, Now, OpId, ReplicaId, VersionVector, Wall,
    causal::Hlc,
    document::{EditError, Transaction},
    error::{Code, StoreFault},
    wire::{Capabilities, FullNames, Message},
};

use super::{
    Step, Verb, Verdict,
    world::{DEN, PAGES, Stranger, World},
};
use crate::{
    disk::Crash,
    trace::{Node, What},
    wire::Direction,
};

const WORDS: [&str; 8] = ["a", "bc", "😀", "Hello, ", "x𐐷y", "é\u{301}", "12345678", "🎉🎉"];
const KEYS: [&str; 3] = ["a", "b", "ключ"];

/// How far a clock may be off: less than half of what servers accept, so that two that differ still do.
const MOST_JUMP: i64 = 20_000;

impl World<'_> {
    pub(super) fn perform(&mut self, step: Step) -> Result<(), Verdict> {
        let Step { verb, who, what, how } = step;
        let page = usize::from(who >> 7);
        let who = usize::from(who) % self.people.len();
        let client = self.people[who].client;
        match verb {
            Verb::Insert | Verb::Type | Verb::Delete | Verb::Paste | Verb::Set | Verb::Unset | Verb::Write => {
                self.edit(who, page, verb, what, how)?;
            }
            Verb::Transact | Verb::Fail => self.transact(who, page, verb, what, how)?,
            Verb::Merge => self.merge(who, page, what, None),
            Verb::MergeOne => self.merge(who, page, what, Some(how)),

            Verb::Open => self.open(who, page),
            Verb::Leave => self.leave(who, page, true),
            Verb::Forget => self.leave(who, page, false),
            Verb::Rejoin => {
                self.leave(who, page, true);
                self.open(who, page);
            }

            Verb::Wait => self.sim.run_for(Duration::from_millis(2 * u64::from(what))),
            Verb::WaitLong => self.sim.run_for(Duration::from_millis(100 * u64::from(what))),
            Verb::Happen => {
                for _ in 0..what % 16 {
                    self.sim.step();
                }
            }

            Verb::Cut => self.sim.cut(client),
            Verb::CutAfter => self.sim.cut_after(client, usize::from(what)),
            Verb::HalfOpen => self.sim.half_open(client),
            Verb::StallUp => self.sim.stall(client, Direction::ToServer),
            Verb::StallDown => self.sim.stall(client, Direction::ToClient),
            Verb::Unstall => self.sim.unstall(client),
            Verb::Abandon => self.sim.abandon(client),
            Verb::Offline => self.sim.go_offline(client),
            Verb::Online => self.sim.go_online(client),
            Verb::Disconnect => self.sim.with_client(client, |client, now| client.disconnect(now)),
            Verb::Connect => self.sim.with_client(client, |client, _| client.connect()),

            Verb::Crash => self.crash(what, how),
            Verb::Start => self.start(),
            Verb::Backup => self.backup = self.sim.store().clone(),
            Verb::Restore => {
                self.crash(what, how);
                *self.sim.store_mut() = self.backup.clone();
                self.mislead();
                self.start();
            }
            Verb::Empty => {
                self.crash(what, how);
                *self.sim.store_mut() = Default::default();
                self.mislead();
                self.start();
            }
            Verb::Shutdown => {
                self.stopping = true;
                self.sim.with_server(|server, _| server.shutdown());
            }
            Verb::StoreFail => {
                let disk = self.sim.disk_mut(Node::Server);
                disk.fault = Some(fault());
                disk.fails_late = what % 2 == 1;
            }
            Verb::StoreSlow => {
                let slow = Duration::from_millis(10 * u64::from(what));
                self.sim.disk_mut(Node::Server).delay = Duration::ZERO..=slow;
            }
            Verb::StoreMend => self.mend(Node::Server),

            Verb::CrashClient => {
                let crash = Crash { written: usize::from(what % 4), torn: how % 2 == 1 };
                self.people[who].desks = [None, None];
                self.people[who].kept = [None, None];
                self.sim.restart_client(client, crash);
            }
            Verb::ClientStoreFail => self.sim.disk_mut(Node::Client(client.number())).fault = Some(fault()),
            Verb::ClientStoreMend => self.mend(Node::Client(client.number())),

            Verb::Jump => {
                let to = (self.wall + (i64::from(what) - 128) * 160).clamp(-MOST_JUMP, MOST_JUMP);
                self.sim.jump_wall_clock(to - self.wall);
                self.wall = to;
            }
            Verb::Skew => {
                let millis = (i64::from(what) - 128) * MOST_JUMP / 256;
                self.sim.set_skew(Node::Client(client.number()), millis);
            }
            Verb::Reuse => self.reuse(who, page, what),

            Verb::Intrude => self.intrude(what),
            Verb::Mutate => self.mutate(what, how),
            Verb::Hail => self.hail(what, how),
        }
        Ok(())
    }

    // Edits.

    fn with_text(
        &mut self,
        who: usize,
        page: usize,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), EditError>,
    ) -> Result<(), Verdict> {
        let Some(doc) = self.writable(who, page) else { return Ok(()) };
        let client = self.people[who].client;
        let act = |client: &mut Client, now: Now| client.edit(now, doc, edit);
        match self.sim.with_client(client, act).expect("it is open") {
            Ok(edited) => self.report.changes += u64::from(edited.change.is_some()),
            Err(EditError::ChangeTooLarge { .. }) => {}
            Err(error) => return Err(format!("a legal edit was refused: {error}").into()),
        }
        Ok(())
    }

    fn edit(&mut self, who: usize, page: usize, verb: Verb, what: u8, how: u8) -> Result<(), Verdict> {
        let word = WORDS[usize::from(how) % WORDS.len()];
        if verb == Verb::Type {
            for (typed, letter) in word.chars().enumerate() {
                self.with_text(who, page, |txn| {
                    let mut text = txn.text("text");
                    let at = (place(what, text.len()) + typed).min(text.len());
                    text.insert(at, letter.encode_utf8(&mut [0; 4]))
                })?;
            }
            return Ok(());
        }
        self.with_text(who, page, |txn| one_edit(txn, verb, what, how, word))
    }

    fn transact(&mut self, who: usize, page: usize, verb: Verb, what: u8, how: u8) -> Result<(), Verdict> {
        let several = |txn: &mut Transaction<'_>| {
            one_edit(txn, Verb::Insert, what, how, WORDS[usize::from(how) % WORDS.len()])?;
            one_edit(txn, Verb::Set, what, how, "")?;
            one_edit(txn, Verb::Delete, what.wrapping_mul(7), how / 8, "")?;
            one_edit(txn, Verb::Insert, what.wrapping_add(how), how, WORDS[usize::from(how / 8) % WORDS.len()])?;
            one_edit(txn, Verb::Write, how, what, "")
        };
        if verb == Verb::Transact {
            return self.with_text(who, page, several);
        }
        let Some(doc) = self.writable(who, page) else { return Ok(()) };
        let client = self.people[who].client;
        let before = self.sim.replica(client, doc).digest();
        let failed = self.sim.edit(client, doc, |txn| {
            several(txn)?;
            txn.text("text").insert(usize::MAX, "never")
        });
        let after = self.sim.replica(client, doc).digest();
        match failed {
            Err(EditError::PositionOutOfRange { .. }) if before == after => Ok(()),
            other => Err(format!("a transaction that fails left something: {other:?}").into()),
        }
    }

    /// Takes over what someone else has, or one change of it. A client with a store is left alone: what it has might be
    /// forgotten in a crash, and its numbers used again.
    fn merge(&mut self, who: usize, page: usize, from: u8, which: Option<u8>) {
        let from = usize::from(from) % self.people.len();
        let (Some(doc), Some(theirs)) = (self.writable(who, page), self.document(from, page)) else { return };
        let epochs = self.document(who, page).map(|ours| ours.log().epoch()).into_iter().chain([theirs.log().epoch()]);
        let mut epochs: Vec<_> = epochs.flatten().collect();
        epochs.dedup();
        if self.persists() || from == who || epochs.len() > 1 || theirs.log().is_empty() {
            return;
        }
        let log = theirs.log();
        let changes = match which {
            None => log.iter().cloned().collect(),
            Some(which) => log.range(0..log.end())[usize::from(which) % log.end()..].iter().take(1).cloned().collect(),
        };
        self.take_over(who, doc, changes);
    }

    fn take_over(&mut self, who: usize, doc: DocId, changes: Vec<Change>) {
        let client = self.people[who].client;
        // Too many may wait already.
        let merged = self.sim.with_client(client, |client, _| client.merge(doc, changes));
        drop(merged.expect("it is open"));
    }

    // Machines.

    fn crash(&mut self, written: u8, torn: u8) {
        self.forgotten = true;
        self.sim.crash_server_with(Crash { written: usize::from(written % 8), torn: torn % 2 == 1 });
    }

    pub(super) fn start(&mut self) {
        if self.stopping && self.sim.server().is_some_and(|server| server.is_drained()) {
            self.sim.crash_server_with(Crash { written: usize::MAX, torn: false });
        }
        if self.sim.server().is_none() {
            self.stopping = false;
            self.forget_requests();
            self.sim.start_server();
        }
    }

    pub(super) fn mend(&mut self, node: Node) {
        let disk = self.sim.disk_mut(node);
        disk.fault = None;
        disk.delay = Duration::ZERO..=Duration::from_millis(20);
    }

    /// A second writer with the id of another one. Servers refuse it while the first one is there, and tell of it when
    /// both have written.
    fn reuse(&mut self, who: usize, page: usize, of: u8) {
        let of = usize::from(of) % self.people.len();
        let Some(replica) = self.people[of].desks[page].as_ref().map(|desk| desk.replica) else { return };
        let person = &self.people[who];
        if of != who && person.desks[page].is_none() && person.kept[page].is_none() && !self.persists() {
            self.pages[page].tainted = true;
            self.open_as(who, page, replica);
        }
    }

    // Strangers.

    fn intrude(&mut self, how_far: u8) {
        let Some(index) = self.sim.add_stranger() else { return };
        self.strangers.push(Stranger { index, numbers: [None; 3] });
        let last = u8::try_from(self.strangers.len() - 1).unwrap_or(u8::MAX);
        for hail in 0..how_far % 8 {
            self.hail(last, hail);
            self.decide();
            self.listen();
        }
    }

    fn stranger(&self, which: u8) -> Option<&Stranger> {
        self.strangers.get(usize::from(which) % self.strangers.len().max(1))
    }

    /// Sends a frame that a client has sent lately, with some of it changed.
    fn mutate(&mut self, which: u8, how: u8) {
        let Some(index) = self.stranger(which).map(|stranger| stranger.index) else { return };
        let sent = |what: &What| match what {
            What::Sent(frame) => Some(frame.clone()),
            _ => None,
        };
        let entries = self.sim.trace().entries().iter().rev().filter(|entry| entry.node != Node::Server);
        let Some(frame) = entries.filter_map(|entry| sent(&entry.what)).nth(usize::from(how)) else { return };
        let mut bytes = frame.to_vec();
        for _ in 0..self.dice.below(4) {
            let (at, byte) = (self.dice.below(bytes.len()), self.dice.below(256) as u8);
            match self.dice.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => bytes.push(byte),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|there| *there = byte),
            }
        }
        self.sim.stranger_says(index, bytes.into());
    }

    fn hail(&mut self, which: u8, how: u8) {
        let Some(Stranger { index, numbers }) = self.stranger(which) else { return };
        let (index, numbers) = (*index, *numbers);
        let page = [2, 2, 0, 1][usize::from(how / 16 % 4)];
        let name = [PAGES[0], PAGES[1], DEN][page].to_owned();
        let doc = numbers[page].unwrap_or_else(|| how.into());
        let message = match how % 16 {
            0 => Message::Hello {
                versions: [(1, 1), (1, 9), (7, 9)][self.dice.below(24) / 10],
                capabilities: Capabilities::OURS,
                frame_bytes: [1 << 20, 4 << 10, 100][self.dice.below(24) / 10],
                secret: [which; 16],
                token: Bytes::new(),
            },
            1..=3 => {
                let page = usize::from(3 - how % 16);
                let name = [PAGES[0], PAGES[1], DEN][page].to_owned();
                let replica = (how < 128).then(|| ReplicaId::new(u64::from(which)));
                Message::Join { request: page as u64, name, epoch: None, replica, version: VersionVector::new() }
            }
            4 => Message::Want { doc, version: VersionVector::new() },
            14 => Message::Leave { request: page as u64 },
            5..=13 => Message::Changes { doc, introduced: Vec::new(), changes: self.strange_changes() },
            _ => Message::Join {
                request: 3 + u64::from(which),
                name,
                epoch: None,
                replica: None,
                version: VersionVector::new(),
            },
        };
        self.sim.stranger_says(index, message.encode(&FullNames));
    }

    /// Changes that could be someone's: some follow each other, some wait, some contradict.
    fn strange_changes(&mut self) -> Vec<Change> {
        let wall = self.sim.now().wall.as_millis();
        let dice = &mut self.dice;
        (0..1 + dice.below(4))
            .map(|_| {
                let replica = ReplicaId::new(dice.below(3) as u64);
                let other = ReplicaId::new(dice.below(4) as u64);
                let dep = OpId::new(other, dice.below(3) as u64);
                let ahead = [0, 1_000, 100_000_000][dice.below(32) / 15];
                let wall = Wall::from_millis(wall + ahead);
                let length = if dice.below(8) == 0 { 4_500 + dice.below(1_000) } else { dice.below(900) };
                Change {
                    replica,
                    seq: dice.below(4) as u64,
                    len: [1, 2, 0][dice.below(32) / 15],
                    clock: Hlc::new(wall.as_millis(), dice.below(6) as u16),
                    deps: (other != replica && dice.below(2) == 0).then_some(dep).into_iter().collect(),
                    body: vec![dice.below(256) as u8; length].into(),
                }
            })
            .collect()
    }

    /// Everyone who keeps to no rules goes.
    pub(super) fn expel(&mut self) {
        for Stranger { index, .. } in std::mem::take(&mut self.strangers) {
            if let Some(link) = self.sim.stranger_end(index) {
                let close = |server: &mut crdt_socket_sync::Server, now| server.close(now, link, Code::Done.into());
                let _ = self.sim.with_server(close);
            }
            self.sim.drop_stranger(index);
        }
    }
}

fn fault() -> StoreFault {
    StoreFault::Unavailable("it fails for now".into())
}

/// A place in a text of this length: 0 is the beginning, 255 the end or close to it.
fn place(what: u8, len: usize) -> usize {
    usize::from(what) * (len + 1) / 256
}

fn one_edit(txn: &mut Transaction<'_>, verb: Verb, what: u8, how: u8, word: &str) -> Result<(), EditError> {
    let key = KEYS[usize::from(what) % KEYS.len()];
    match verb {
        Verb::Insert => {
            let mut text = txn.text("text");
            let at = place(what, text.len());
            text.insert(at, word)
        }
        Verb::Paste => {
            let mut text = txn.text("text");
            let at = place(what, text.len());
            text.insert(at, &word.repeat(usize::from(how)))
        }
        Verb::Delete => {
            let mut text = txn.text("text");
            let at = place(what, text.len());
            let count = usize::from(how % 8).min(text.len() - at);
            text.delete(at, count)
        }
        Verb::Set => txn.map("map").set(key, &how),
        Verb::Unset => txn.map::<u8>("map").delete(key),
        _ if how % 8 == 0 => txn.register::<u8>("register").clear(),
        _ => txn.register("register").set(&what),
    }
}
