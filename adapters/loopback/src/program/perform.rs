//! What each verb does.

use std::time::Duration;

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Client, DocId, Now, OpId, ReplicaId, VersionVector, Wall,
    causal::Hlc,
    document::{EditError, Transaction},
    error::StoreFault,
    wire::{Capabilities, FullNames, Message},
};

use super::{
    Step, Verb, Verdict,
    judge::check,
    world::{DEN, FRAME_BYTES, MOST_JUMP, PAGES, Stranger, World},
};
use crate::{
    disk::Crash,
    simulation::StrangerIndex,
    trace::{Node, What},
    wire::Direction,
};

const WORDS: [&str; 8] = ["a", "bc", "😀", "Hello, ", "x𐐷y", "é\u{301}", "12345678", "🎉🎉"];
const KEYS: [&str; 3] = ["a", "b", "ключ"];

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
            Verb::Unstall => {
                let others = self.people.iter().cycle().skip(who).take(self.people.len());
                if let Some(stalled) = others.map(|person| person.client).find(|client| self.sim.is_stalled(*client)) {
                    self.sim.unstall(stalled);
                }
            }
            Verb::Abandon => self.sim.abandon(client),
            Verb::Offline => self.sim.go_offline(client),
            Verb::Online => self.sim.go_online(client),
            Verb::Disconnect => {
                self.pushed = true;
                self.sim.with_client(client, |client, now| client.disconnect(now));
            }
            Verb::Connect => self.sim.with_client(client, |client, _| client.connect()),

            Verb::Crash => self.crash(what, how)?,
            Verb::Start => self.start()?,
            Verb::Backup => self.backup = Some(self.sim.store().clone()),
            // What was never copied is copied now.
            Verb::Restore if self.backup.is_none() => self.backup = Some(self.sim.store().clone()),
            Verb::Restore => {
                self.crash(what, how)?;
                *self.sim.store_mut() = self.backup.clone().unwrap_or_default();
                self.mislead();
                self.start()?;
            }
            Verb::Empty => {
                self.crash(what, how)?;
                *self.sim.store_mut() = Default::default();
                self.mislead();
                self.start()?;
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
                let crash = self.await_writes(Node::Client(client.number()), what, how);
                self.people[who].desks = [None, None];
                self.people[who].kept = [None, None];
                self.sim.restart_client(client, crash);
            }
            Verb::ClientStoreFail => self.sim.disk_mut(Node::Client(client.number())).fault = Some(fault()),
            Verb::ClientStoreMend => self.mend(Node::Client(client.number())),

            Verb::Jump => {
                let most = MOST_JUMP.as_millis() as i64;
                let to = (self.wall + (i64::from(what) - 128) * 160).clamp(-most, most);
                self.sim.jump_wall_clock(to - self.wall);
                self.wall = to;
            }
            Verb::Skew => {
                let millis = (i64::from(what) - 128) * MOST_JUMP.as_millis() as i64 / 256;
                self.sim.set_skew(Node::Client(client.number()), millis);
            }
            Verb::Reuse => self.reuse(who, page, what),

            Verb::Intrude => self.intrude(what)?,
            Verb::Mutate => self.mutate(what, how)?,
            Verb::Hail => {
                self.admit_one(how)?;
                self.hail(what, how)?;
            }
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

    fn crash(&mut self, what: u8, how: u8) -> Result<(), Verdict> {
        self.forgotten = true;
        let crash = self.await_writes(Node::Server, what, how);
        // What was said until now was said on the strength of what the store holds now.
        self.look()?;
        self.sim.crash_server_with(crash);
        Ok(())
    }

    /// How a machine crashes: often in the midst of writing, for which it is waited.
    fn await_writes(&mut self, node: Node, what: u8, how: u8) -> Crash {
        const MOST_STEPS: usize = 64;
        let soon = if how % 4 < 2 { 0 } else { MOST_STEPS };
        for _ in 0..soon {
            if self.sim.pending_appends(node) > 0 || !self.sim.step() {
                break;
            }
        }
        Crash { written: usize::from(what) % (self.sim.pending_appends(node) + 1), torn: how % 2 == 1 }
    }

    pub(super) fn start(&mut self) -> Result<(), Verdict> {
        let stopped = self.sim.server().filter(|server| self.stopping && server.is_drained());
        if let Some(server) = stopped {
            check(server.unstored().next().is_none(), || "(d) a server has stopped before all was stored".into())?;
            self.sim.crash_server_with(Crash { written: usize::MAX, torn: false });
        }
        if self.sim.server().is_none() {
            self.stopping = false;
            self.forget_requests();
            self.sim.start_server();
        }
        Ok(())
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
        if of != who && !self.persists() {
            self.leave(who, page, false);
            self.people[who].kept[page] = None;
            self.pages[page].tainted = true;
            self.open_as(who, page, replica);
        }
    }

    // Strangers.

    fn intrude(&mut self, how_far: u8) -> Result<(), Verdict> {
        // Where everyone may write, they could write in anyone's name.
        let index = if self.asks() { self.sim.add_stranger() } else { None };
        let Some(index) = index else { return Ok(()) };
        self.strangers.push(Stranger { index, numbers: [None; 3] });
        let last = u8::try_from(self.strangers.len() - 1).unwrap_or(u8::MAX);
        for hail in 0..how_far % 8 {
            self.hail(last, hail)?;
            self.decide()?;
            self.listen();
        }
        Ok(())
    }

    /// One of those whose links are up.
    fn stranger(&self, which: u8) -> Option<&Stranger> {
        let alive = || self.strangers.iter().filter(|stranger| self.sim.stranger_end(stranger.index).is_some());
        alive().nth(usize::from(which) % alive().count().max(1))
    }

    /// Has a stranger connect if there is none.
    fn admit_one(&mut self, how: u8) -> Result<(), Verdict> {
        if self.stranger(0).is_some() { Ok(()) } else { self.intrude(how) }
    }

    /// Whether a step that does harm finds something to harm.
    pub(super) fn has_effect(&self, step: Step) -> bool {
        let who = usize::from(step.who) % self.people.len();
        match step.verb {
            Verb::Cut | Verb::CutAfter | Verb::HalfOpen | Verb::StallUp | Verb::StallDown | Verb::Abandon => {
                self.sim.server_end(self.people[who].client).is_some()
            }
            Verb::Crash | Verb::Shutdown => self.sim.server().is_some(),
            Verb::Intrude | Verb::Mutate | Verb::Hail => self.asks() && self.sim.server().is_some(),
            Verb::ClientStoreFail => self.persists(),
            Verb::Restore => self.backup.is_some(),
            Verb::Reuse => !self.persists() && usize::from(step.what) % self.people.len() != who,
            _ => true,
        }
    }

    /// Sends a frame that a client has sent lately, with some of it changed.
    fn mutate(&mut self, which: u8, how: u8) -> Result<(), Verdict> {
        self.admit_one(how)?;
        let Some(index) = self.stranger(which).map(|stranger| stranger.index) else { return Ok(()) };
        let sent = |what: &What| match what {
            What::Sent(frame) => Some(frame.clone()),
            _ => None,
        };
        let entries = self.sim.trace().entries().iter().rev().filter(|entry| entry.node != Node::Server);
        let Some(frame) = entries.filter_map(|entry| sent(&entry.what)).nth(usize::from(how)) else { return Ok(()) };
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
        Ok(())
    }

    fn hail(&mut self, which: u8, how: u8) -> Result<(), Verdict> {
        let Some(Stranger { index, numbers }) = self.stranger(which) else { return Ok(()) };
        let (index, numbers) = (*index, *numbers);
        let page = [2, 2, 0, 1][usize::from(how / 16 % 4)];
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
            _ if how < 128 => Message::Join {
                request: 3 + u64::from(how),
                name: format!("corner {how}"),
                epoch: None,
                replica: None,
                version: VersionVector::new(),
            },
            _ => return self.shout(index, message_bytes(FRAME_BYTES)),
        };
        self.sim.stranger_says(index, message.encode(&FullNames));
        Ok(())
    }

    /// Sends more than anyone reads: that is the last thing the link carries.
    fn shout(&mut self, index: StrangerIndex, frame: Bytes) -> Result<(), Verdict> {
        let Some(link) = self.sim.stranger_end(index) else { return Ok(()) };
        self.sim.stranger_says(index, frame);
        let heard = self.sim.server().is_some_and(|server| !server.is_closing(link));
        check(self.sim.stranger_end(index).is_none() || !heard, || "(e) a frame of any size is read".into())
    }

    /// Changes that could be someone's: some follow each other, some wait, some contradict.
    fn strange_changes(&mut self) -> Vec<Change> {
        let wall = self.sim.now().wall.as_millis();
        let dice = &mut self.dice;
        (0..1 + dice.below(8))
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
}

/// A frame that is legal but for its size.
fn message_bytes(most: usize) -> Bytes {
    let token = vec![0; most].into();
    let hello = Message::Hello {
        versions: (1, 1),
        capabilities: Capabilities::OURS,
        frame_bytes: 1 << 20,
        secret: [0; 16],
        token,
    };
    hello.encode(&FullNames)
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
            // The naive twin is slow with long texts.
            let count = if text.len() < 2_000 { usize::from(how) } else { 1 };
            text.insert(at, &word.repeat(count))
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
