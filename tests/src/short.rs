//! What tests of one promise each say often: a short word for a simulated world, for a document, for a log.

/// A world with a server and some clients.
pub mod world {
    use std::time::Duration;

    use crdt_socket_sync::{ClientEvent, DocId, DocumentEvent, ServerEvent, error::Code};
    use crdt_socket_sync_loopback::{ClientIndex, Simulation, SimulationConfig};

    /// A world in which a dead link is soon noticed.
    pub fn config() -> SimulationConfig {
        let mut config = SimulationConfig::new(11);
        config.limits.ping_interval = Duration::from_secs(1);
        config
    }

    /// Appends to the text of an open document.
    ///
    /// # Panics
    ///
    /// If it cannot be edited.
    pub fn write(world: &mut Simulation, client: ClientIndex, doc: DocId, text: &str) {
        world.edit(client, doc, |txn| txn.text("text").push_str(text)).expect("a legal edit");
    }

    /// The text of an open document.
    pub fn text(world: &Simulation, client: ClientIndex, doc: DocId) -> String {
        world.replica(client, doc).text("text").to_string()
    }

    /// What a client has reported since this was last asked.
    pub fn client_events(world: &mut Simulation, client: ClientIndex) -> Vec<ClientEvent<DocumentEvent>> {
        std::iter::from_fn(|| world.client_event(client)).collect()
    }

    /// What the server has reported since this was last asked.
    pub fn server_events(world: &mut Simulation) -> Vec<ServerEvent> {
        std::iter::from_fn(|| world.server_event()).collect()
    }

    /// Why a client was refused documents, since its events were last asked for.
    pub fn refusals(world: &mut Simulation, client: ClientIndex) -> Vec<Code> {
        let refused = |event| match event {
            ClientEvent::Refused { reason, .. } => Some(reason.code),
            _ => None,
        };
        client_events(world, client).into_iter().filter_map(refused).collect()
    }
}

/// Documents without a network. After each step they are sound inside.
pub mod document {
    use crdt_socket_sync::{
        Change, Document, Limits, Replica, ReplicaId, Wall,
        causal::Received,
        document::{Dictionary, EditError, Operations, Transaction},
    };

    /// An empty one.
    pub fn document(replica: u64) -> Document {
        Document::new(ReplicaId::new(replica))
    }

    /// Edits at the wall clock 1000; the change.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub fn edit(
        document: &mut Document,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), EditError>,
    ) -> Option<Change> {
        let edited = document.edit(Wall::from_millis(1_000), edit).expect("a good edit");
        document.check().expect("sound inside");
        edited.change
    }

    /// Inserts into the text; the change.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub fn write(document: &mut Document, at: usize, text: &str) -> Change {
        edit(document, |txn| txn.text("text").insert(at, text)).expect("a change")
    }

    /// What a change says that is in a document, and what its maker had mentioned before.
    ///
    /// # Panics
    ///
    /// If it, or an earlier one of its maker's, cannot be read.
    pub fn opened(document: &Document, change: &Change) -> (Operations, Dictionary) {
        let mut dictionary = Dictionary::default();
        for earlier in document.log().iter().filter(|other| other.replica == change.replica && other.seq < change.seq) {
            Operations::decode(&earlier, &mut dictionary).expect("a body");
        }
        (Operations::decode(change, &mut dictionary.clone()).expect("a body"), dictionary)
    }

    /// Takes in a change.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub fn receive(document: &mut Document, change: &Change) -> Received {
        let received = document.receive(change.clone(), &Limits::default()).expect("a good header");
        document.check().expect("sound inside");
        received
    }

    /// Gives every document all that any of them has.
    ///
    /// # Panics
    ///
    /// If they are not the same then.
    pub fn exchange(documents: &mut [&mut Document]) {
        let all: Vec<Change> = documents.iter().flat_map(|document| document.log().iter()).collect();
        for document in documents.iter_mut() {
            all.iter().for_each(|change| drop(receive(document, change)));
        }
        assert!(documents.windows(2).all(|pair| pair[0].digest() == pair[1].digest()));
    }

    /// The text.
    pub fn text(document: &Document) -> String {
        document.text("text").to_string()
    }

    /// A copy that has exactly the same changes, edited as another replica.
    ///
    /// # Panics
    ///
    /// Never: the changes were taken in once.
    pub fn fork(document: &Document, replica: u64) -> Document {
        Document::from_changes(ReplicaId::new(replica), None, document.log().iter(), &Limits::default())
            .expect("good headers")
    }
}

/// Logs and the changes in them.
pub mod log {
    use bytes::Bytes;
    use crdt_socket_sync::{
        Change, ChangeLog, Limits, OpId, ReplicaId,
        causal::{Frontier, Hlc, Received},
        error::ChangeFault,
    };

    /// A change of `replica` that covers `seq..seq + len`; its clock is its place in a history told in order.
    pub fn change(replica: u64, seq: u64, len: u64, clock: u64, deps: &[(u64, u64)]) -> Change {
        let deps = deps.iter().map(|(replica, seq)| op(*replica, *seq)).collect();
        Change { replica: ReplicaId::new(replica), seq, len, clock: Hlc::from_bits(clock), deps, body: Bytes::new() }
    }

    /// An operation.
    pub const fn op(replica: u64, seq: u64) -> OpId {
        OpId::new(ReplicaId::new(replica), seq)
    }

    /// Some heads.
    pub fn heads(heads: &[(u64, u64)]) -> Frontier {
        heads.iter().map(|(replica, seq)| op(*replica, *seq)).collect()
    }

    /// Takes in a change.
    ///
    /// # Errors
    ///
    /// Those of the log.
    pub fn receive(log: &mut ChangeLog, change: &Change) -> Result<Received, ChangeFault> {
        log.receive(change.clone(), &Limits::default())
    }

    /// What a log says that has appended these.
    ///
    /// # Errors
    ///
    /// Never: it has the type of what a log says.
    #[allow(clippy::unnecessary_wraps, reason = "to be compared with what a log says")]
    pub const fn appended(from: usize, to: usize) -> Result<Received, ChangeFault> {
        Ok(Received::Appended { positions: from..to, refused: Vec::new() })
    }
}
