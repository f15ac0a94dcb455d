//! What can happen, and how often it does.

use super::{Program, Setup, Step};
use crate::dice::Dice;

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident $name:literal,)*) => {
        /// What can happen in a step. Numbers are kept in files: new verbs go to the end.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Verb { $($(#[$doc])* $verb,)* }

        impl Verb {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$verb,)*];

            /// What it is called in a table.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$verb => $name,)* }
            }
        }
    };
}

verbs! {
    /// Insert a word somewhere.
    Insert "insert",
    /// Type a word letter by letter, each a change of its own.
    Type "type",
    /// Delete some characters.
    Delete "delete",
    /// Insert a text of some thousand characters.
    Paste "paste",
    /// Write a key of a map.
    Set "set",
    /// Delete a key of a map.
    Unset "unset",
    /// Write a register, or clear it.
    Write "write",
    /// Several edits in one transaction.
    Transact "transact",
    /// A transaction that fails: it leaves no trace.
    Fail "transact and fail",
    /// Take over everything that another client has of the document, past the network.
    Merge "merge all",
    /// Take over one of the changes that another client has.
    MergeOne "merge one",
    /// Open a document.
    Open "open",
    /// Close it and keep it.
    Leave "leave",
    /// Close it and throw it away.
    Forget "forget",
    /// Close it and open it again at once.
    Rejoin "rejoin",
    /// Up to half a second passes.
    Wait "wait",
    /// Up to twenty-five seconds pass.
    WaitLong "wait long",
    /// The next few things happen.
    Happen "let happen",
    /// A link is cut.
    Cut "cut",
    /// A link is cut after so many more bytes.
    CutAfter "cut after some bytes",
    /// A link dies unnoticed.
    HalfOpen "half-open",
    /// Nothing reaches the server for a while.
    StallUp "stall up",
    /// Nothing reaches the client for a while.
    StallDown "stall down",
    /// What was held up goes on.
    Unstall "unstall",
    /// The client's end of a link is gone, the server's stays: the next one is a second session.
    Abandon "abandon",
    /// The client cannot connect.
    Offline "go offline",
    /// It can again.
    Online "go online",
    /// The application does not want to be connected.
    Disconnect "disconnect",
    /// It does again.
    Connect "connect",
    /// The server crashes with so many of its writes carried out, and perhaps half of the next.
    Crash "crash server",
    /// The server starts, on what its store holds.
    Start "start server",
    /// A copy of the server's store is made.
    Backup "back up store",
    /// The server crashes and starts on that copy.
    Restore "restore store",
    /// The server crashes and starts on an empty store.
    Empty "empty store",
    /// The server is told to stop.
    Shutdown "shut down server",
    /// The server's store fails.
    StoreFail "server's store fails",
    /// The server's store is slow.
    StoreSlow "server's store is slow",
    /// The server's store works again.
    StoreMend "server's store works",
    /// A client crashes with so many of its writes carried out, and starts.
    CrashClient "crash client",
    /// A client's store fails.
    ClientStoreFail "client's store fails",
    /// A client's store works again.
    ClientStoreMend "client's store works",
    /// All wall clocks jump.
    Jump "clocks jump",
    /// One client's wall clock is set.
    Skew "clock set",
    /// A client opens the document with the replica id of another one that has it open.
    Reuse "reuse replica id",
    /// A stranger connects, and comes so far.
    Intrude "stranger connects",
    /// A stranger sends a frame that someone has sent, with some of it changed.
    Mutate "stranger sends mutant",
    /// A stranger sends a legal frame of its own.
    Hail "stranger sends frame",
    /// Add to a counter.
    Count "count",
    /// Add an element to an or-set.
    Add "add",
    /// Remove an element of an or-set.
    Withdraw "withdraw",
    /// Put a value at a key of an or-map.
    Put "put",
    /// Remove a key of an or-map.
    Remove "remove",
    /// Write in a container that a key of a map or an or-map holds; if it holds something else, make one.
    Nest "write nested",
    /// Edit a list or a movable list.
    Arrange "edit lists",
    /// Take back what was edited last.
    Undo "undo",
    /// Take back what was undone last.
    Redo "redo",
    /// Go on from a snapshot that is written now, as the same writer.
    Prune "go on from snapshot",
    /// Keep a snapshot for later.
    Keep "keep snapshot",
    /// Throw the document away, if it is open, and begin with a snapshot that was kept, perhaps by someone else.
    Return "return to snapshot",
    /// Have all changes unpacked that are packed with a snapshot.
    Recall "unpack history",
    /// Take over what another client has, as a block.
    Import "import block",
    /// Set a cursor.
    Mark "set cursor",
}

impl Verb {
    /// Whether it does harm.
    pub const fn is_fault(self) -> bool {
        matches!(
            self,
            Self::Cut
                | Self::CutAfter
                | Self::HalfOpen
                | Self::StallUp
                | Self::StallDown
                | Self::Abandon
                | Self::Offline
                | Self::Crash
                | Self::Restore
                | Self::Empty
                | Self::Shutdown
                | Self::StoreFail
                | Self::StoreSlow
                | Self::CrashClient
                | Self::ClientStoreFail
                | Self::Jump
                | Self::Skew
                | Self::Reuse
                | Self::Intrude
                | Self::Mutate
                | Self::Hail
        )
    }
}

/// Which verbs a suite's programs are made of, and in which worlds.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// What it is called.
    pub name: &'static str,
    /// How often each verb comes, in relation to the others; in parts.
    pub verbs: &'static [&'static [(u16, Verb)]],
    /// The flags of [`Setup`] that may be set.
    pub flags: u8,
    /// The flags that are always set.
    pub always: u8,
}

use Verb as V;

const EDITS: &[(u16, Verb)] = &[
    (8, V::Insert),
    (3, V::Type),
    (6, V::Delete),
    (1, V::Paste),
    (3, V::Set),
    (1, V::Unset),
    (2, V::Write),
    (1, V::Count),
    (2, V::Add),
    (1, V::Withdraw),
    (2, V::Put),
    (1, V::Remove),
    (3, V::Nest),
    (3, V::Transact),
    (1, V::Fail),
];
const TIME: &[(u16, Verb)] = &[(16, V::Wait), (2, V::WaitLong), (6, V::Happen)];
const VISITS: &[(u16, Verb)] = &[(6, V::Open), (1, V::Leave), (1, V::Forget), (2, V::Rejoin)];

const FAULTS: &[(u16, Verb)] = &[
    (3, V::Cut),
    (3, V::CutAfter),
    (2, V::HalfOpen),
    (2, V::StallUp),
    (2, V::StallDown),
    (4, V::Unstall),
    (3, V::Abandon),
    (2, V::Offline),
    (3, V::Online),
    (1, V::Disconnect),
    (2, V::Connect),
    (2, V::StoreFail),
    (1, V::StoreSlow),
    (3, V::StoreMend),
    (1, V::MergeOne),
    (1, V::Jump),
    (1, V::Skew),
    (1, V::Reuse),
];
const CRASH: &[(u16, Verb)] = &[
    (4, V::Crash),
    (6, V::Start),
    (1, V::Backup),
    (1, V::Restore),
    (1, V::Empty),
    (1, V::Shutdown),
    (2, V::StoreFail),
    (1, V::StoreSlow),
    (3, V::StoreMend),
    (3, V::CrashClient),
    (1, V::ClientStoreFail),
    (2, V::ClientStoreMend),
    (1, V::Cut),
    (1, V::Abandon),
    (1, V::Offline),
    (2, V::Online),
    (1, V::Jump),
];
/// What applications do with documents beside editing them.
const KEEPING: &[(u16, Verb)] = &[
    (5, V::Arrange),
    (8, V::Undo),
    (4, V::Redo),
    (6, V::Prune),
    (3, V::Keep),
    (5, V::Return),
    (1, V::Recall),
    (3, V::Import),
    (2, V::Mark),
];
const ELSEWHERE: &[(u16, Verb)] = &[
    (2, V::Merge),
    (1, V::MergeOne),
    (2, V::Cut),
    (1, V::Abandon),
    (1, V::CrashClient),
    (2, V::Crash),
    (4, V::Start),
    (1, V::Backup),
    (1, V::Restore),
    (1, V::Empty),
];
const HOSTILE: &[(u16, Verb)] =
    &[(8, V::Intrude), (24, V::Mutate), (16, V::Hail), (1, V::Cut), (1, V::Crash), (2, V::Start)];

impl Mix {
    /// People who write, come and go, on a network that only delays.
    pub const CONVERGENCE: Self = Self {
        name: "convergence",
        verbs: &[EDITS, TIME, VISITS, &[(2, V::Merge), (2, V::MergeOne), (1, V::Jump), (1, V::Skew)]],
        flags: Setup::ASK | Setup::PIECES | Setup::TIGHT,
        always: 0,
    };

    /// Everything that can happen to a link, and stores that fail.
    pub const FAULTS: Self = Self {
        name: "faults",
        verbs: &[EDITS, TIME, VISITS, FAULTS],
        flags: Setup::ASK | Setup::PIECES | Setup::TIGHT,
        always: 0,
    };

    /// Machines that crash with their last writes half done, and stores that are put back or lost.
    pub const CRASH: Self = Self {
        name: "crash",
        verbs: &[EDITS, TIME, VISITS, CRASH],
        flags: Setup::PERSIST | Setup::TIGHT | Setup::PIECES,
        always: 0,
    };

    /// Strangers that send anything at all.
    pub const HOSTILE: Self = Self {
        name: "hostile",
        verbs: &[EDITS, TIME, VISITS, HOSTILE],
        flags: Setup::PIECES | Setup::TIGHT,
        always: Setup::ASK,
    };

    /// People who take back what they did, and keep documents as snapshots, while servers forget what they had.
    pub const KEEPING: Self = Self {
        name: "keeping",
        verbs: &[EDITS, TIME, VISITS, KEEPING, ELSEWHERE],
        flags: Setup::ASK | Setup::PIECES | Setup::TIGHT,
        always: Setup::UNDO,
    };

    /// Everything there is.
    pub const EVERYTHING: Self = Self {
        name: "everything",
        verbs: &[EDITS, TIME, VISITS, KEEPING, FAULTS, CRASH, &[(1, V::Intrude), (4, V::Mutate), (1, V::Hail)]],
        flags: Setup::ASK | Setup::PERSIST | Setup::PIECES | Setup::TIGHT | Setup::UNDO,
        always: 0,
    };

    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::CONVERGENCE, Self::FAULTS, Self::CRASH, Self::HOSTILE, Self::KEEPING, Self::EVERYTHING];

    /// A step of this mix: `choice` makes each verb as likely as it is to be.
    pub fn step(&self, choice: u16, [who, what, how]: [u8; 3]) -> Step {
        let verbs = || self.verbs.iter().copied().flatten();
        let total: u32 = verbs().map(|(weight, _)| u32::from(*weight)).sum();
        let mut left = u32::from(choice) * total / (1 << 16);
        let chosen = verbs().find(|(weight, _)| {
            let here = left < u32::from(*weight);
            left = left.saturating_sub(u32::from(*weight));
            here
        });
        Step { verb: chosen.map_or(Verb::Wait, |(_, verb)| *verb), who, what, how }
    }

    /// The world of this mix that four bytes set up.
    pub fn setup(&self, [high, low, people, flags]: [u8; 4]) -> Setup {
        Setup { seed: u16::from_be_bytes([high, low]), people, flags: flags & self.flags | self.always }
    }

    /// A program of this mix, of as many steps, drawn from a seed.
    pub fn program(&self, seed: u64, steps: usize) -> Program {
        let mut dice = Dice::new(seed);
        let mut bytes = || dice.roll().to_be_bytes();
        let [a, b, c, d, ..] = bytes();
        let setup = self.setup([a, b, c, d]);
        let step = |_| {
            let [high, low, who, what, how, ..] = bytes();
            self.step(u16::from_be_bytes([high, low]), [who, what, how])
        };
        Program { setup, steps: (0..steps).map(step).collect() }
    }
}
