//! The application at the server's side: who is let in, who may read and who may write. It takes its time.

use bytes::Bytes;
use crdt_socket_sync::{
    Access, LinkId, ReplicaId, ServerEvent,
    error::{Code, Reason},
    wire::{FullNames, Message},
};

use super::{
    Verdict,
    judge::check,
    world::{DEN, World},
};

impl World<'_> {
    pub(super) fn decide(&mut self) -> Result<(), Verdict> {
        while let Some(event) = self.sim.server_event() {
            match event {
                ServerEvent::Knock(knock) => self.knocks.push(knock),
                ServerEvent::JoinRequest(request) => {
                    let known = self.admitted.contains(&request.link());
                    self.requests.push(request);
                    check(known, || "(e) someone who was not let in asks for a document".into())?;
                }
                ServerEvent::Joined { link, name, replica } => self.enter(link, name, replica)?,
                ServerEvent::Left { link, name } | ServerEvent::Refused { link, name, .. } => {
                    self.joined.remove(&(name, link));
                }
                ServerEvent::LinkDown { link, .. } => self.joined.retain(|(_, of), _| *of != link),
                _ => {}
            }
        }
        while !self.knocks.is_empty() && (self.healed || self.dice.below(2) == 0) {
            let knock = self.knocks.swap_remove(0);
            self.admitted.insert(knock.link());
            self.sim.with_server(|server, _| server.admit(knock));
        }
        while !self.requests.is_empty() && (self.healed || self.dice.below(3) == 0) {
            let request = self.requests.swap_remove(self.dice.below(self.requests.len()));
            let deny = !self.healed && self.dice.below(8) == 0;
            let access = self.access(request.link(), request.name());
            self.sim.with_server(|server, now| {
                if deny {
                    server.deny(request, Reason::from(Code::Shutdown));
                } else {
                    server.grant(now, request, access);
                }
            });
        }
        Ok(())
    }

    /// The server says that a link has joined: not too many at once, and nobody as someone else.
    fn enter(&mut self, link: LinkId, name: String, replica: Option<ReplicaId>) -> Result<(), Verdict> {
        let mut others = self.joined.iter().filter(|((of, other), _)| *of == name && *other != link);
        let twin = others.find(|(_, other)| replica.is_some() && **other == replica);
        check(twin.is_none(), || format!("(e) two links write as {replica:?} in {name}"))?;
        self.joined.insert((name, link), replica);
        let count = self.joined.keys().filter(|(_, of)| *of == link).count();
        let most = self.sim.client(self.people[0].client).limits().joins_per_link;
        check(count <= most, || format!("(e) a link has joined {count} documents, more than {most}"))
    }

    fn access(&self, link: LinkId, name: &str) -> Access {
        let reader = (0..self.people.len()).find(|who| self.reads_only(*who));
        let rescued = self.healed && self.forgotten;
        let reads = reader.is_some_and(|who| self.sim.server_end(self.people[who].client) == Some(link)) && !rescued;
        let stranger = self.strangers.iter().any(|stranger| self.sim.stranger_end(stranger.index) == Some(link));
        if reads || stranger && name != DEN { Access::Read } else { Access::Write }
    }

    /// What was asked of a server that is gone is nothing to the next one.
    pub(super) fn forget_requests(&mut self) {
        self.requests.clear();
        self.knocks.clear();
        self.admitted.clear();
        self.joined.clear();
        self.strangers.clear();
    }

    pub(super) fn listen(&mut self) {
        for stranger in &mut self.strangers {
            while let Some(frame) = self.sim.stranger_hears(stranger.index) {
                if let Some((request, doc)) = joined(frame) {
                    if let Some(number) = stranger.numbers.get_mut(request as usize) {
                        *number = Some(doc);
                    }
                }
            }
        }
    }
}

fn joined(frame: Bytes) -> Option<(u64, u64)> {
    match Message::decode(frame, &FullNames) {
        Ok(Message::Joined { request, doc, .. }) => Some((request, doc)),
        _ => None,
    }
}
