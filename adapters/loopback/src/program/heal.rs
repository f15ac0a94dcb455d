//! The end of a program: everything is healed, and everyone must have the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Document, Level, Limits, OpId, Replica, ReplicaId, Storage, Time, VersionVector, wire::Message,
};

use super::{
    Verdict,
    judge::check,
    keeping,
    world::{MOST_JUMP, PAGES, World, stored_changes, version_of},
};
use crate::{
    disk::Crash,
    trace::{Node, TraceLink, What},
};

/// After healing, everything is at rest within this time.
const REST: Duration = Duration::from_secs(120);

impl World<'_> {
    /// Makes everything work again and waits until everything is at rest.
    pub(super) fn heal(&mut self) -> Result<(), Verdict> {
        self.healed = true;
        self.mend(Node::Server);
        if self.stopping {
            // Drained or not: it has been told to stop, and is stopped. What its store did not take is gone.
            self.forgotten = true;
            self.sim.crash_server_with(Crash { written: usize::MAX, torn: false });
        }
        self.start()?;
        for who in 0..self.people.len() {
            let client = self.people[who].client;
            self.mend(Node::Client(client.number()));
            self.sim.unstall(client);
            self.sim.go_online(client);
            self.sim.with_client(client, |client, _| client.connect());
            if self.reads_only(who) && self.forgotten {
                self.sim.cut(client);
            }
            for page in 0..PAGES.len() {
                self.open(who, page);
                if self.people[who].desks[page].as_ref().is_some_and(|desk| desk.mismatch) {
                    self.adopt(who, page);
                }
            }
        }
        self.look()?;
        let had = [0, 1].map(|page| self.whole(page).0);
        let begun = self.sim.trace().entries().len();
        self.come_to_rest()?;
        for page in 0..PAGES.len() {
            // What these have, nobody can give to anyone.
            for who in self.whole(page).1 {
                self.leave(who, page, false);
                self.open(who, page);
            }
        }
        self.come_to_rest()?;
        let stored = [0, 1].map(|page| stored_changes(self.sim.disk_mut(Node::Server), page));
        let changes: BTreeSet<_> = stored.iter().flatten().map(Change::id).collect();
        let frames = self.frames_since(begun).count();
        // Each change may go up, down to everyone, and be acknowledged twice; and each join has its question and answer. Pings
        // and retries are few beside that.
        let most = self.people.len() * (60 + 4 * changes.len());
        check(frames <= most, || format!("(f) {frames} frames to come to rest; {most} would be many"))?;
        for (page, had) in had.iter().enumerate() {
            let has = self.whole(page).0;
            check(self.pages[page].tainted || has.covers(had), || {
                format!("(a) {}: {had:?} was there, and {has:?} is", PAGES[page])
            })?;
        }
        Ok(())
    }

    /// What the server has or can be given, and who has something of a page that begins with a snapshot of more than that.
    fn whole(&mut self, page: usize) -> (VersionVector, BTreeSet<usize>) {
        let loaded = self.sim.server().and_then(|server| server.log(PAGES[page]));
        let mut version = match loaded {
            Some(log) => log.version().clone(),
            None => version_of(&stored_changes(self.sim.disk_mut(Node::Server), page)),
        };
        let mut left: BTreeSet<_> = (0..self.people.len()).filter(|who| self.document(*who, page).is_some()).collect();
        let gives = |who: &usize, version: &VersionVector| {
            let document = self.document(*who, page)?;
            let all = version.covers(document.log().not_kept()) || keeping::unpacks(document);
            all.then(|| (*who, document.log().version().clone()))
        };
        while let Some((who, has)) = left.iter().find_map(|who| gives(who, &version)) {
            left.remove(&who);
            version.merge(&has);
        }
        (version, left)
    }

    fn come_to_rest(&mut self) -> Result<(), Verdict> {
        let end = self.sim.now().mono + REST;
        let mut open = None;
        for step in 0_usize.. {
            if step % 8 == 0 || self.sim.is_quiet() {
                self.look()?;
                open = self.open_question();
                if open.is_none() && self.sim.is_quiet() {
                    return Ok(());
                }
            }
            if self.sim.now().mono > end || !self.sim.step() {
                break;
            }
        }
        let open = open.unwrap_or_else(|| "something is always under way".into());
        Err(format!("(f) the world does not come to rest: {open}").into())
    }

    /// What is still to be waited for.
    fn open_question(&mut self) -> Option<String> {
        for (page, name) in PAGES.iter().enumerate() {
            if self.pages[page].tainted {
                continue;
            }
            let (all, cut_off) = self.whole(page);
            for (who, person) in self.people.iter().enumerate() {
                let Some(desk) = person.desks[page].as_ref().filter(|_| !cut_off.contains(&who)) else { continue };
                let client = self.sim.client(person.client);
                if client.is_synced(desk.doc, Level::Stored) != Ok(true) {
                    let left = client.pending(desk.doc, Level::Stored).unwrap_or_default();
                    let status = client.status();
                    return Some(format!("client {who}, {status:?}: {left} operations of {name} not stored"));
                }
                if self.document(who, page)?.log().version() != &all {
                    return Some(format!("client {who} lacks something of {name}"));
                }
            }
        }
        // Who made a change may have thrown the document away since; the server stores it all the same.
        let unstored = self.sim.server()?.unstored().next()?;
        Some(format!("the server has something of {unstored} that is not stored"))
    }

    fn frames_since(&self, entry: usize) -> impl Iterator<Item = &Bytes> + '_ {
        self.sim.trace().entries()[entry..].iter().filter_map(|entry| match &entry.what {
            What::Sent(frame) => Some(frame),
            _ => None,
        })
    }

    /// Judges what there is in the end.
    pub(super) fn finish(&mut self) -> Result<(), Verdict> {
        for page in 0..PAGES.len() {
            if self.pages[page].tainted {
                continue;
            }
            self.compare(page)?;
            self.check_writers(page)?;
            let changes = stored_changes(self.sim.disk_mut(Node::Server), page);
            let Self { sim, people, judge, .. } = self;
            let documents = people.iter().filter_map(|person| {
                let desk = person.desks[page].as_ref()?;
                Some((desk.number, sim.replica(person.client, desk.doc)))
            });
            judge.end(&documents.collect::<Vec<_>>(), &changes)?;
        }
        let clean = self.pages.iter().all(|page| !page.tainted);
        if clean {
            self.stay_quiet()?;
        }
        self.check_trace()?;
        self.check_store()?;
        self.say_goodbye(clean)?;
        self.report.frames = self.frames_since(0).count() as u64;
        let machines = (0..self.people.len()).map(Node::Client).chain([Node::Server]);
        for disk in machines.map(|node| self.sim.disk(node)) {
            self.report.lost += disk.lost;
            self.report.torn += disk.torn;
        }
        Ok(())
    }

    /// (a): everyone has the same.
    fn compare(&mut self, page: usize) -> Result<(), Verdict> {
        let stored = stored_changes(self.sim.disk_mut(Node::Server), page);
        let canonical = |changes: &mut dyn Iterator<Item = crdt_socket_sync::Change>| {
            let by_id: BTreeMap<_, _> = changes.map(|change| (change.id(), change.encode())).collect();
            by_id
        };
        let expected = canonical(&mut stored.iter().cloned());
        let first = self.document(0, page).map(Document::digest);
        for who in 0..self.people.len() {
            let Some(document) = self.document(who, page) else { continue };
            let (name, version) = (PAGES[page], version_of(&stored));
            check(Some(document.digest()) == first, || format!("(a) {name}: clients 0 and {who} show something else"))?;
            check(*document.log().version() == version, || {
                format!("(a) {name}: client {who} has {:?}, the store {version:?}", document.log().version())
            })?;
            let covered = document.log().not_kept();
            let kept = stored.iter().filter(|change| !covered.contains(change.id()));
            check(canonical(&mut document.log().iter()) == canonical(&mut kept.cloned()), || {
                format!("(a) {name}: client {who} has another change than the store")
            })?;
            if let Some(all) = keeping::unpacked(document) {
                check(canonical(&mut all.log().iter()) == expected, || {
                    format!("(i) {name}: client {who} has packed another change than the store has")
                })?;
            }
        }
        self.check_marks(page)?;
        // Another order of arrival, the same document.
        let reversed: Vec<_> = stored.into_iter().rev().collect();
        let many = Limits::default();
        let mut fresh = Document::new(ReplicaId::new(9));
        for change in reversed {
            fresh.receive(change, &many).map_err(|fault| format!("(a) what one log took, another refuses: {fault}"))?;
        }
        check(first.is_none_or(|first| fresh.digest() == first), || {
            format!("(a) {}: in another order of arrival it is another document", PAGES[page])
        })
    }

    /// Lets time pass, with the application at work.
    fn watch(&mut self, time: Duration) -> Result<(), Verdict> {
        const OFTEN: u32 = 32;
        for _ in 0..OFTEN {
            self.sim.run_for(time / OFTEN);
            self.look()?;
        }
        Ok(())
    }

    /// (e): only people have written what only people may write.
    fn check_writers(&mut self, page: usize) -> Result<(), Verdict> {
        let stored = stored_changes(self.sim.disk_mut(Node::Server), page);
        let stranger = stored.iter().find(|change| !self.replicas.contains_key(&(page, change.replica)));
        check(stranger.is_none(), || format!("(e) {stranger:?} is by someone who may only read {}", PAGES[page]))
    }

    /// (e): no change that was taken is too large, or too far ahead of its time.
    fn check_store(&mut self) -> Result<(), Verdict> {
        let limits = self.sim.client(self.people[0].client).limits().clone();
        let wall = self.sim.now().wall;
        let storage = &mut self.sim.disk_mut(Node::Server).storage;
        for name in storage.list().unwrap_or_default() {
            for bytes in storage.load(&name).ok().flatten().into_iter().flat_map(|stored| stored.changes) {
                let size = bytes.len();
                check(size <= limits.change_bytes, || format!("(e) {name}: a change of {size} bytes was taken"))?;
                let clock = Change::decode(bytes).map_err(|fault| fault.to_string())?.clock;
                let ahead = clock.ahead_of(wall);
                // What the server's own clock has gone back since.
                let most = limits.clock_ahead + 2 * MOST_JUMP;
                check(ahead <= most, || format!("(e) {name}: a change from {ahead:?} ahead was taken"))?;
            }
        }
        Ok(())
    }

    /// (f): only pings are sent from now on.
    fn stay_quiet(&mut self) -> Result<(), Verdict> {
        let interval = self.sim.client(self.people[0].client).limits().ping_interval;
        // Links that died unnoticed are noticed first.
        self.watch(5 * interval)?;
        let begun = self.sim.trace().entries().len();
        self.watch(10 * interval)?;
        let (mut count, messages) = (0, self.sim.trace().messages());
        for (entry, message) in self.sim.trace().entries().iter().zip(&messages).skip(begun) {
            if entry.link.is_some_and(|link| matches!(link.peer, Node::Stranger(_))) {
                continue;
            }
            match (&entry.what, message) {
                (What::Sent(_), Some(Message::Ping { .. } | Message::Pong { .. })) => count += 1,
                (What::Sent(_), other) => {
                    return Err(format!("(f) after everything has come to rest, {} says {other:?}", entry.node).into());
                }
                (What::Cut, _) => return Err(format!("(f) {} gives a healthy link up", entry.node).into()),
                _ => {}
            }
        }
        let most = 2 * 12 * self.people.len();
        check((1..=most).contains(&count), || format!("(f) {count} pings and pongs in ten intervals"))
    }

    /// (h) and (e), by what was said: see the module.
    fn check_trace(&self) -> Result<(), Verdict> {
        let trace = self.sim.trace();
        let batch = self.sim.client(self.people[0].client).limits().batch_bytes;
        let mut came_by = BTreeMap::<(u64, OpId), Option<TraceLink>>::new();
        let mut sent = BTreeSet::<(TraceLink, u64, OpId)>::new();
        let mut failed = BTreeMap::<Node, (u32, Time)>::new();
        let limits = self.sim.client(self.people[0].client).limits();
        let (first, most) = (limits.retry_first, limits.retry_most);
        let least = |failures: u32| (first * 2_u32.saturating_pow(failures)).min(most) / 2;
        for (entry, message) in trace.entries().iter().zip(trace.messages()) {
            match entry.what {
                What::DialFailed => {
                    let (failures, last) = failed.get(&entry.node).copied().unwrap_or((0, Time::ZERO));
                    let waited = entry.at - last;
                    check(failures == 0 || self.pushed || waited >= least(failures - 1), || {
                        format!("(f) {} has tried again after {waited:?}, after {failures} failures", entry.node)
                    })?;
                    failed.insert(entry.node, (failures + 1, entry.at));
                }
                What::LinkUp | What::Started => drop(failed.remove(&entry.node)),
                _ => {}
            }
            if (&entry.what, entry.node) == (&What::Crashed, Node::Server) {
                // What the next one calls its documents is something else.
                came_by.clear();
            }
            let (Some(link), Some(message)) = (entry.link, message) else { continue };
            if matches!(link.peer, Node::Stranger(_)) {
                continue;
            }
            match (&entry.what, entry.node, message) {
                (What::Sent(frame), _, Message::Changes { introduced, changes, .. })
                    if changes.len() > 1 && frame.len() > batch + 32 + 9 * introduced.len() =>
                {
                    return Err(format!("(e) {} changes in {} bytes", changes.len(), frame.len()).into());
                }
                (What::Arrived(_), Node::Server, Message::Changes { doc, changes, .. }) => {
                    for change in changes {
                        came_by.entry((doc, change.id())).or_insert(Some(link));
                    }
                }
                (What::Arrived(_), Node::Server, Message::Want { doc, .. })
                | (What::Sent(_), Node::Server, Message::Joined { doc, .. }) => {
                    // It may have begun afresh, and is told everything again.
                    sent.retain(|(to, about, _)| (*to, *about) != (link, doc));
                    // Nor does what it once sent count as sent by whoever sends it again.
                    let its = came_by.iter_mut().filter(|((about, _), by)| (*about, **by) == (doc, Some(link)));
                    its.for_each(|(_, by)| *by = None);
                }
                (What::Sent(_), Node::Server, Message::Changes { doc, changes, .. }) => {
                    for id in changes.iter().map(|change| change.id()) {
                        check(came_by.get(&(doc, id)) != Some(&Some(link)), || {
                            format!("(h) {id} was sent back to {}, who had sent it", link.peer)
                        })?;
                        check(sent.insert((link, doc, id)), || format!("(h) {id} was sent to {} twice", link.peer))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// (e): of all who leave, nothing is left.
    fn say_goodbye(&mut self, clean: bool) -> Result<(), Verdict> {
        for who in 0..self.people.len() {
            for page in 0..PAGES.len() {
                self.leave(who, page, false);
            }
        }
        self.watch(Duration::from_secs(10))?;
        let Some(server) = self.sim.server() else { return Err("the server is gone".into()) };
        let loaded: Vec<_> = server.loaded().collect();
        check(loaded.is_empty(), || format!("(e) everyone has left, and {loaded:?} are in memory"))?;
        let links = server.link_count();
        check(!clean || links == self.people.len(), || format!("(e) {links} links to {} clients", self.people.len()))
    }
}
