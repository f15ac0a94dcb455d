//! Peers that keep to no rules.

use bytes::Bytes;
use crdt_socket_sync::{
    Change, OpId, ReplicaId, VersionVector, Wall,
    causal::Hlc,
    wire::{Capabilities, FullNames, Message},
};

use super::{
    Verdict,
    judge::check,
    world::{DEN, FRAME_BYTES, PAGES, Stranger, World},
};
use crate::{
    simulation::StrangerIndex,
    trace::{Node, What},
};

impl World<'_> {
    pub(super) fn intrude(&mut self, how_far: u8) -> Result<(), Verdict> {
        // Where everyone may write, they could write in anyone's name.
        let index = if self.asks() { self.sim.add_stranger() } else { None };
        let Some(index) = index else { return Ok(()) };
        self.strangers.push(Stranger { index, numbers: [None; 3] });
        for hail in 0..how_far % 8 {
            self.hail(index, hail)?;
            self.decide()?;
            self.listen();
        }
        Ok(())
    }

    /// One of those whose links are up; if there is none, one who connects now.
    pub(super) fn stranger(&mut self, which: u8, how: u8) -> Result<Option<StrangerIndex>, Verdict> {
        if self.one_alive(which).is_none() {
            self.intrude(how)?;
        }
        Ok(self.one_alive(which))
    }

    fn one_alive(&self, which: u8) -> Option<StrangerIndex> {
        let up = |index: &StrangerIndex| self.sim.stranger_end(*index).is_some();
        let alive = || self.strangers.iter().map(|stranger| stranger.index).filter(up);
        alive().nth(usize::from(which) % alive().count().max(1))
    }

    /// Sends a frame that a client has sent lately, with some of it changed.
    pub(super) fn mutate(&mut self, index: StrangerIndex, how: u8) -> Result<(), Verdict> {
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

    pub(super) fn hail(&mut self, index: StrangerIndex, how: u8) -> Result<(), Verdict> {
        let place = self.strangers.iter().position(|stranger| stranger.index == index);
        let Some(place) = place else { return Ok(()) };
        let (numbers, which) = (self.strangers[place].numbers, place as u8);
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
            _ => return self.shout(index, hello_of(FRAME_BYTES)),
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
fn hello_of(most: usize) -> Bytes {
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
