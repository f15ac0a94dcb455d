//! Every message, and its bytes.

use bytes::Bytes;

use super::names::{Introduced, Names, pack_replica, read_named, unpack_replica, write_replica};
use crate::{
    causal::{Change, VersionVector, change::read_replica},
    codec::{Reader, Writer},
    error::{Code, Malformed, Reason},
    id::{Epoch, ReplicaId},
    packed::Unpacker,
};

/// What both sides can do beyond the base protocol: a set of bits. None is defined in version 1; what a peer does not
/// know it leaves out of its own set, and only what is in both sets is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// What this side can do.
    pub const OURS: Self = Self(0);

    /// What both sides can do.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// How far a change has come. Each level implies the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// The server has it in memory: others see it, a crash of the server may lose it.
    Received,
    /// The server's store has confirmed that it is on disk: a crash of the server does not lose it.
    Stored,
}

impl Level {
    const fn number(self) -> u64 {
        match self {
            Self::Received => 0,
            Self::Stored => 1,
        }
    }
}

/// What a link may do with a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Receive changes.
    Read,
    /// Receive changes and send its own.
    Write,
}

/// One writer of a document, in the list a joining client is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriterVersion {
    /// The writer. Its place in the list is its number.
    pub replica: ReplicaId,
    /// The first of its operations that the server does not have.
    pub received: u64,
    /// The first of its operations that the server's store does not have.
    pub stored: u64,
}

/// Who may send a kind of message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Only a client.
    ToServer,
    /// Only a server.
    ToClient,
    /// Either.
    Both,
}

/// Everything that two sides say to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Message {
    /// The first message on a link.
    Hello {
        /// The oldest and the newest protocol version the client speaks.
        versions: (u64, u64),
        /// What the client can do.
        capabilities: Capabilities,
        /// The largest frame the client reads.
        frame_bytes: u64,
        /// Known only to this client and its server: the same on every link of one client, so that the client can take
        /// over its own replica id from a link that died unnoticed, and nobody else can.
        secret: [u8; 16],
        /// Whatever the application wants to know a client by.
        token: Bytes,
    },
    /// The answer to `Hello` once the client is admitted.
    Welcome {
        /// The newest version that both speak; from here on, the link's.
        version: u64,
        /// What both sides can do.
        capabilities: Capabilities,
        /// The largest frame the server reads.
        frame_bytes: u64,
        /// After how many quiet milliseconds the client is to ping.
        ping_millis: u64,
    },
    /// The last message on a link.
    Close {
        /// Why.
        reason: Reason,
    },
    /// Asks for a sign of life.
    Ping {
        /// To be returned.
        nonce: u64,
    },
    /// A sign of life.
    Pong {
        /// The nonce of the ping.
        nonce: u64,
    },
    /// Asks to be kept in step with a document.
    Join {
        /// The client's number for this request, to be returned in the answer.
        request: u64,
        /// The document.
        name: String,
        /// The birth mark of the history the client has; none if it has never joined.
        epoch: Option<Epoch>,
        /// Who the client writes as.
        replica: Option<ReplicaId>,
        /// What the client has.
        version: VersionVector,
    },
    /// The answer to `Join`. Changes follow from both sides.
    Joined {
        /// The number of the request.
        request: u64,
        /// The document's number, in all later messages on any link to this server.
        doc: u64,
        /// The birth mark of the history.
        epoch: Epoch,
        /// What the client may do.
        access: Access,
        /// What the server has. The place in this list is the writer's number from here on.
        writers: Vec<WriterVersion>,
    },
    /// The other answer to `Join`.
    Refused {
        /// The number of the request.
        request: u64,
        /// Why, and whether to ask again.
        reason: Reason,
        /// The birth mark of the server's history, if that is the reason.
        epoch: Option<Epoch>,
    },
    /// The server ends what a `Joined` began, for this document only.
    Dropped {
        /// The document.
        doc: u64,
        /// Why, and whether to join again.
        reason: Reason,
    },
    /// The client takes a `Join` back, answered or not.
    Leave {
        /// The number of the request. A document's number would not do: by the time this arrives it may stand for a later
        /// join of the same document.
        request: u64,
    },
    /// Changes, each after everything it depends on that the receiver does not have.
    Changes {
        /// The document.
        doc: u64,
        /// Writers that get the next numbers. Only a server introduces writers.
        introduced: Vec<ReplicaId>,
        /// The changes.
        changes: Vec<Change>,
    },
    /// What has become of a client's changes.
    Ack {
        /// The document.
        doc: u64,
        /// How far they have come.
        level: Level,
        /// Which: of each replica named here, everything before this number.
        version: VersionVector,
    },
    /// Something depends on changes that never came: send everything that `version` lacks, again.
    Want {
        /// The document.
        doc: u64,
        /// What the asking side has.
        version: VersionVector,
    },
}

impl Message {
    /// The message's name in the protocol, its kind's number, and who may send it.
    pub const fn kind(&self) -> (&'static str, u64, Direction) {
        match self {
            Self::Hello { .. } => ("hello", 0, Direction::ToServer),
            Self::Welcome { .. } => ("welcome", 1, Direction::ToClient),
            Self::Close { .. } => ("close", 2, Direction::Both),
            Self::Ping { .. } => ("ping", 3, Direction::Both),
            Self::Pong { .. } => ("pong", 4, Direction::Both),
            Self::Join { .. } => ("join", 5, Direction::ToServer),
            Self::Joined { .. } => ("joined", 6, Direction::ToClient),
            Self::Refused { .. } => ("refused", 7, Direction::ToClient),
            Self::Dropped { .. } => ("dropped", 8, Direction::ToClient),
            Self::Leave { .. } => ("leave", 9, Direction::ToServer),
            Self::Changes { .. } => ("changes", 10, Direction::Both),
            Self::Ack { .. } => ("ack", 11, Direction::ToClient),
            Self::Want { .. } => ("want", 12, Direction::Both),
        }
    }

    /// The message's name in the protocol.
    pub const fn name(&self) -> &'static str {
        self.kind().0
    }

    /// The document a message is about, if its receiver needs that document's names to read the rest of it.
    pub fn document_of(frame: &Bytes) -> Option<u64> {
        let mut reader = Reader::new(frame.clone());
        reader.array("a message").ok()?;
        let kind = reader.uint("a kind").ok()?;
        if (10..=12).contains(&kind) { reader.uint("a document").ok() } else { None }
    }

    /// The frame of this message on a link where the document's writers are called as `names` says.
    pub fn encode(&self, names: &impl Names) -> Bytes {
        let mut w = Writer::new();
        let kind = self.kind().1;
        match self {
            Self::Hello { versions, capabilities, frame_bytes, secret, token } => w
                .array(7)
                .uint(kind)
                .uint(versions.0)
                .uint(versions.1)
                .uint(capabilities.0)
                .uint(*frame_bytes)
                .bytes(secret)
                .bytes(token),
            Self::Welcome { version, capabilities, frame_bytes, ping_millis } => {
                w.array(5).uint(kind).uint(*version).uint(capabilities.0).uint(*frame_bytes).uint(*ping_millis)
            }
            Self::Close { reason } => {
                write_reason(w.array(3).uint(kind), reason);
                &mut w
            }
            Self::Ping { nonce } | Self::Pong { nonce } => w.array(2).uint(kind).uint(*nonce),
            Self::Join { request, name, epoch, replica, version } => {
                w.array(6).uint(kind).uint(*request).text(name);
                write_epoch(&mut w, *epoch);
                match replica {
                    Some(replica) => w.bytes(&replica.bits().to_be_bytes()),
                    None => w.null(),
                };
                write_version(&mut w, version, names);
                &mut w
            }
            Self::Joined { request, doc, epoch, access, writers } => {
                w.array(6).uint(kind).uint(*request).uint(*doc);
                write_epoch(&mut w, Some(*epoch));
                w.uint(u64::from(*access == Access::Write)).array(3 * writers.len());
                for writer in writers {
                    w.bytes(&writer.replica.bits().to_be_bytes()).uint(writer.received).uint(writer.stored);
                }
                &mut w
            }
            Self::Refused { request, reason, epoch } => {
                write_reason(w.array(5).uint(kind).uint(*request), reason);
                write_epoch(&mut w, *epoch);
                &mut w
            }
            Self::Dropped { doc, reason } => {
                write_reason(w.array(4).uint(kind).uint(*doc), reason);
                &mut w
            }
            Self::Leave { request } => w.array(2).uint(kind).uint(*request),
            Self::Changes { doc, introduced, changes } => {
                return encode_changes(*doc, introduced, changes, names);
            }
            Self::Ack { doc, level, version } => {
                w.array(4).uint(kind).uint(*doc).uint(level.number());
                write_version(&mut w, version, names);
                &mut w
            }
            Self::Want { doc, version } => {
                w.array(3).uint(kind).uint(*doc);
                write_version(&mut w, version, names);
                &mut w
            }
        };
        w.finish()
    }

    /// The message in a frame from a link where the document's writers are called as `names` says.
    pub fn decode(frame: Bytes, names: &impl Names) -> Result<Self, Malformed> {
        let mut r = Reader::new(frame);
        let fields = r.fields(1, "a message")?;
        let kind = r.uint("a message's kind")?;
        let known = match kind {
            0 => 6,
            1 => 4,
            2 => 2,
            3 | 4 | 9 => 1,
            5 | 6 => 5,
            7 => 4,
            8 | 10 | 11 => 3,
            12 => 2,
            _ => return Err(r.fault("a kind of message of this version")),
        };
        let more = fields.checked_sub(known).ok_or_else(|| r.fault("all fields of the message"))?;
        let message = match kind {
            0 => Self::Hello {
                versions: (r.uint("the oldest version")?, r.uint("the newest version")?),
                capabilities: Capabilities(r.uint("capabilities")?),
                frame_bytes: r.uint("the largest frame")?,
                secret: r.array_of("a secret of 16 bytes")?,
                token: r.bytes("a token")?,
            },
            1 => Self::Welcome {
                version: r.uint("a version")?,
                capabilities: Capabilities(r.uint("capabilities")?),
                frame_bytes: r.uint("the largest frame")?,
                ping_millis: r.uint("the ping interval")?,
            },
            2 => Self::Close { reason: read_reason(&mut r)? },
            3 => Self::Ping { nonce: r.uint("a nonce")? },
            4 => Self::Pong { nonce: r.uint("a nonce")? },
            5 => Self::Join {
                request: r.uint("a request's number")?,
                name: r.text("a document's name")?,
                epoch: read_epoch(&mut r)?,
                replica: if r.null() { None } else { Some(read_replica(&mut r)?) },
                version: read_version(&mut r, names)?,
            },
            6 => Self::Joined {
                request: r.uint("a request's number")?,
                doc: r.uint("a document's number")?,
                epoch: read_epoch(&mut r)?.ok_or_else(|| r.fault("an epoch"))?,
                access: if r.uint("the access")? == 0 { Access::Read } else { Access::Write },
                writers: read_writers(&mut r)?,
            },
            7 => Self::Refused {
                request: r.uint("a request's number")?,
                reason: read_reason(&mut r)?,
                epoch: read_epoch(&mut r)?,
            },
            8 => Self::Dropped { doc: r.uint("a document's number")?, reason: read_reason(&mut r)? },
            9 => Self::Leave { request: r.uint("a request's number")? },
            10 => read_changes(&mut r, names)?,
            11 => Self::Ack {
                doc: r.uint("a document's number")?,
                level: match r.uint("a level")? {
                    0 => Level::Received,
                    // A level that is not known yet implies all that are.
                    _ => Level::Stored,
                },
                version: read_version(&mut r, names)?,
            },
            _ => Self::Want { doc: r.uint("a document's number")?, version: read_version(&mut r, names)? },
        };
        r.skip(more)?;
        r.finish()?;
        Ok(message)
    }
}

/// A frame of changes, from borrowed parts: the one message that is built often.
pub(crate) fn encode_changes<'a>(
    doc: u64,
    introduced: &[ReplicaId],
    changes: impl IntoIterator<Item = &'a Change, IntoIter: ExactSizeIterator>,
    names: &impl Names,
) -> Bytes {
    let names = Introduced { known: names, new: introduced };
    let changes = changes.into_iter();
    let mut w = Writer::new();
    w.array(4).uint(10).uint(doc).array(introduced.len());
    for replica in introduced {
        w.bytes(&replica.bits().to_be_bytes());
    }
    w.array(changes.len());
    let mut packed = Vec::new();
    for change in changes {
        packed.clear();
        change.pack_header(&mut packed, |replica, out| pack_replica(&names, replica, out));
        packed.extend_from_slice(&change.body);
        w.bytes(&packed);
    }
    w.finish()
}

fn read_changes(r: &mut Reader, names: &impl Names) -> Result<Message, Malformed> {
    let doc = r.uint("a document's number")?;
    let introduced = (0..r.array("introduced writers")?).map(|_| read_replica(r)).collect::<Result<Vec<_>, _>>()?;
    let names = Introduced { known: names, new: &introduced };
    let count = r.array("changes")?;
    // A change takes at least five bytes, so this reserves no more than the frame's own size in memory.
    let mut changes = Vec::with_capacity(count.min(1_024));
    for _ in 0..count {
        let packed = r.bytes("a change")?;
        let begin = r.at() - packed.len();
        let mut packed = Unpacker::new(packed);
        let change = Change::unpack_header(&mut packed, |bytes| unpack_replica(&names, bytes));
        let mut change = change.map_err(|fault| fault.behind(begin))?;
        change.body = packed.rest();
        changes.push(change);
    }
    Ok(Message::Changes { doc, introduced, changes })
}

fn write_reason(w: &mut Writer, reason: &Reason) {
    w.uint(u64::from(reason.code.number())).text(&reason.detail);
}

fn read_reason(r: &mut Reader) -> Result<Reason, Malformed> {
    let number = r.uint("a code")?;
    let number = u16::try_from(number).map_err(|_| r.fault("a code of 16 bits"))?;
    Ok(Reason::new(Code::from_number(number), r.text("a code's detail")?))
}

fn write_epoch(w: &mut Writer, epoch: Option<Epoch>) {
    match epoch {
        Some(epoch) => w.bytes(&epoch.bits().to_be_bytes()),
        None => w.null(),
    };
}

fn read_epoch(r: &mut Reader) -> Result<Option<Epoch>, Malformed> {
    if r.null() {
        return Ok(None);
    }
    Ok(Some(Epoch::new(u128::from_be_bytes(r.array_of("an epoch of 16 bytes")?))))
}

fn write_version(w: &mut Writer, version: &VersionVector, names: &impl Names) {
    w.array(2 * version.len());
    for (replica, next) in version.iter() {
        write_replica(names, replica, w);
        w.uint(next);
    }
}

fn read_version(r: &mut Reader, names: &impl Names) -> Result<VersionVector, Malformed> {
    let items = r.array("a version vector")?;
    if items % 2 != 0 {
        return Err(r.fault("pairs of replica and number"));
    }
    let mut entries = Vec::with_capacity((items / 2).min(1_024));
    for _ in 0..items / 2 {
        entries.push((read_named(names, r)?, r.uint("an operation's number")?));
    }
    // Sorted first, so that collecting is linear however a peer ordered them.
    entries.sort_unstable();
    Ok(entries.into_iter().collect())
}

fn read_writers(r: &mut Reader) -> Result<Vec<WriterVersion>, Malformed> {
    let items = r.array("the writers")?;
    if items % 3 != 0 {
        return Err(r.fault("triples of replica and two numbers"));
    }
    (0..items / 3)
        .map(|_| {
            Ok(WriterVersion {
                replica: read_replica(r)?,
                received: r.uint("an operation's number")?,
                stored: r.uint("an operation's number")?,
            })
        })
        .collect()
}
