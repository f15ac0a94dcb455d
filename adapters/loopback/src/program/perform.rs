//! What each verb does.

use std::time::Duration;

use crdt_socket_sync::{
    Client, DocId, Document, Now,
    document::{EditError, Transaction},
    error::StoreFault,
};

use super::{
    Step, Verb, Verdict,
    judge::check,
    world::{MOST_JUMP, World},
};
use crate::{disk::Crash, trace::Node, wire::Direction};

const WORDS: [&str; 8] = ["a", "bc", "😀", "Hello, ", "x𐐷y", "é\u{301}", "12345678", "🎉🎉"];
const KEYS: [&str; 3] = ["a", "b", "ключ"];

impl World<'_> {
    pub(super) fn perform(&mut self, step: Step) -> Result<(), Verdict> {
        let Step { verb, who, what, how } = step;
        let page = usize::from(who >> 7);
        let who = usize::from(who) % self.people.len();
        let client = self.people[who].client;
        match verb {
            Verb::Insert | Verb::Type | Verb::Delete | Verb::Paste => self.edit(who, page, verb, what, how)?,
            Verb::Set | Verb::Unset | Verb::Write | Verb::Count | Verb::Add | Verb::Withdraw => {
                self.edit(who, page, verb, what, how)?;
            }
            Verb::Put | Verb::Remove | Verb::Nest | Verb::Arrange => self.edit(who, page, verb, what, how)?,
            Verb::Transact | Verb::Fail => self.transact(who, page, verb, what, how)?,
            Verb::Merge => self.merge(who, page, what, None),
            Verb::MergeOne => self.merge(who, page, what, Some(how)),
            Verb::Prune => self.prune(who, page, how)?,
            Verb::Keep => self.keep(who, page, how),
            Verb::Return => self.go_back(who, page, what, how)?,
            Verb::Recall => self.recall(who, page)?,
            Verb::Import => self.import(who, page, what, how)?,
            Verb::Mark => self.mark(who, page, what, how)?,
            Verb::Undo | Verb::Redo => self.take_back(who, page, verb == Verb::Redo, how)?,

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
                let crash = self.await_writes(Node::Client(client.number()), what, how)?;
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
            Verb::Mutate => {
                if let Some(stranger) = self.stranger(what, how)? {
                    self.mutate(stranger, how)?;
                }
            }
            Verb::Hail => {
                if let Some(stranger) = self.stranger(what, how)? {
                    self.hail(stranger, how)?;
                }
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
            Ok(edited) => {
                if let Some(change) = edited.change {
                    self.report.changes += 1;
                    self.note_edited(who, page, &change)?;
                }
            }
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
            one_edit(txn, Verb::Nest, what, how, "n")?;
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
        let Some((doc, theirs)) = self.theirs(who, page, from) else { return };
        let log = theirs.log();
        let changes: Vec<_> = match which {
            None => log.iter().collect(),
            Some(which) => log.get(usize::from(which) % log.end().max(1)).into_iter().collect(),
        };
        let client = self.people[who].client;
        // Too many may wait already.
        let merged = self.sim.with_client(client, |client, _| client.merge(doc, changes));
        drop(merged.expect("it is open"));
    }

    /// A document, and the one of someone else from which something is to be taken over; it is of the same history.
    pub(super) fn theirs(&self, who: usize, page: usize, from: u8) -> Option<(DocId, &Document)> {
        let from = usize::from(from) % self.people.len();
        let (doc, theirs) = (self.writable(who, page)?, self.document(from, page)?);
        let epochs = [self.document(who, page)?.log().epoch(), theirs.log().epoch()];
        let differ = matches!(epochs, [Some(ours), Some(theirs)] if ours != theirs);
        let good = !self.persists() && from != who && !differ && !theirs.log().is_empty();
        good.then_some((doc, theirs))
    }

    // Machines.

    fn crash(&mut self, what: u8, how: u8) -> Result<(), Verdict> {
        self.forgotten = true;
        let crash = self.await_writes(Node::Server, what, how)?;
        // What was said until now was said on the strength of what the store holds now.
        self.look()?;
        self.sim.crash_server_with(crash);
        Ok(())
    }

    /// How a machine crashes: often in the midst of writing, for which it is waited.
    fn await_writes(&mut self, node: Node, what: u8, how: u8) -> Result<Crash, Verdict> {
        const MOST_STEPS: usize = 64;
        let soon = if how % 4 < 2 { 0 } else { MOST_STEPS };
        for _ in 0..soon {
            if self.sim.pending_appends(node) > 0 || !self.sim.step() {
                break;
            }
            self.look()?;
        }
        let crash = Crash { written: usize::from(what) % (self.sim.pending_appends(node) + 1), torn: how % 2 == 1 };
        Ok(crash)
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
        disk.fails_late = false;
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
}

fn fault() -> StoreFault {
    StoreFault::Unavailable("it fails for now".into())
}

/// A place in a text of this length: 0 is the beginning, 255 the end or close to it.
pub(super) fn place(what: u8, len: usize) -> usize {
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
        Verb::Count => txn.counter("counter").add(i64::from(how) - 100),
        Verb::Add => txn.or_set("set").add(&(what % 4)),
        Verb::Withdraw => txn.or_set("set").remove(&(what % 4)),
        Verb::Put => txn.or_map("or-map").put(key, &how),
        Verb::Remove => txn.or_map::<u8>("or-map").remove(key),
        Verb::Arrange => arrange(txn, what, how),
        Verb::Nest => match how % 8 {
            0 => txn.map::<u8>("map").counter(key)?.add(1),
            1 => txn.map::<u8>("map").map(key)?.set("a", &how),
            2 => txn.map::<u8>("map").map::<u8>("a")?.or_set(key)?.add(&what),
            3 => txn.or_map::<u8>("or-map").or_map(key)?.put("a", &how),
            4 => txn.or_map::<u8>("or-map").register(key)?.set(&how),
            5 => txn.or_map::<u8>("or-map").text(key)?.push_str(word),
            _ => {
                let mut map = txn.map::<u8>("map");
                let mut text = map.text(key)?;
                let at = place(what, text.len());
                text.insert(at, word)
            }
        },
        _ if how % 8 == 0 => txn.register::<u8>("register").clear(),
        _ => txn.register("register").set(&what),
    }
}

fn arrange(txn: &mut Transaction<'_>, what: u8, how: u8) -> Result<(), EditError> {
    let (mut list, at) = (txn.list::<u8>("list"), |len| place(what, len));
    if how % 16 < 6 {
        let at = at(list.len());
        return match how % 16 {
            0 => list.delete(at, usize::from(at < list.len())),
            1 if at < list.len() => list.set(at, &how),
            2 => list.insert_text(at)?.push_str("i"),
            _ => list.insert(at, &how),
        };
    }
    let mut list = txn.movable_list::<u8>("movable list");
    let len = list.len();
    let at = at(len);
    match how % 16 {
        6..9 if at < len => list.move_to(at, usize::from(how) % len),
        9 if at < len => list.delete(at, 1),
        10 | 11 if at < len => list.set(at, &how),
        12 => list.insert_text(at)?.push_str("i"),
        _ => list.insert(at, &how),
    }
}
