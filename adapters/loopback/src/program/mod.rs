//! Programs: what can happen to a server, its clients and their documents, as a list of steps that any byte string
//! spells.
//!
//! A [`Program`] is four bytes of setup and four bytes for each step, and there is no illegal one: numbers are taken
//! modulo what there is, and a step that makes no sense where it stands does nothing. So a property test can generate
//! programs and shrink them, a fuzzer can mutate them, leaving a step out leaves a program, and one that fails is a small
//! file that is replayed for ever.
//!
//! [`Program::run`] performs it in a [`Simulation`](crate::Simulation), then heals everything and judges by these
//! oracles:
//!
//! - **(a)** in the end, all replicas of a document have the same digest, and the same changes byte for byte, and so has the
//!   store;
//! - **(b)** whatever the caller's own [`Judge`] thinks, to whom every document, event and moment is shown;
//! - **(c)** [`Document::check`](crdt_socket_sync::Document::check) finds nothing after any step;
//! - **(d)** what a client was told is stored is in the store, at every moment and after every crash, and nothing that was
//!   acknowledged is withdrawn;
//! - **(e)** no more waits, and nothing larger is sent or taken, than [`Limits`](crdt_socket_sync::Limits) allow; nobody is
//!   served before being let in, writes where it may only read, or as someone else who is there; when everyone has left,
//!   nothing is left;
//! - **(f)** after healing, everything comes to rest within a bounded number of frames, and then only pings are sent;
//! - **(h)** no change is reported twice to an application, and the server sends none back on the link it came by;
//! - **(i)** a document that goes on from a snapshot is the one that it was, and gives others all that it keeps; a cursor is
//!   in the same place for everyone, and an import brings all that was exported; whoever undoes takes back their own edits
//!   and nothing of others, and has them again by redoing.

mod application;
mod heal;
mod judge;
mod keeping;
mod perform;
mod quiet;
mod shrink;
mod strangers;
mod verb;
mod world;

use std::fmt;

pub use judge::{Judge, Verdict};
pub use quiet::quietly;
pub use verb::{Mix, Verb};

use crate::{config::SimulationConfig, trace::Trace};
use world::World;

/// One step of a program: a verb and three numbers, which mean what the verb makes of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Step {
    /// What happens.
    pub verb: Verb,
    /// To whom: a client in the lower bits, and one of two documents in the highest.
    pub who: u8,
    /// Where, how long, which.
    pub what: u8,
    /// How many, how.
    pub how: u8,
}

/// How the world of a program is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Setup {
    /// Where delays and engine seeds come from.
    pub seed: u16,
    /// How many clients there are.
    pub people: u8,
    /// What else is the case: see [`Setup::ASK`] and the others.
    pub flags: u8,
}

impl Setup {
    /// The application decides who is let in and who may write, and takes its time; the last client may only read.
    pub const ASK: u8 = 1;
    /// Clients have stores of their own.
    pub const PERSIST: u8 = 2;
    /// Bytes arrive in small pieces.
    pub const PIECES: u8 = 4;
    /// Limits are small: few frames under way, short batches.
    pub const TIGHT: u8 = 8;
    /// Edits are kept, to be undone.
    pub const UNDO: u8 = 16;

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// From two to four.
    fn count(self) -> usize {
        2 + usize::from(self.people) % 3
    }
}

/// A world and what happens in it. See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Program {
    /// How it begins.
    pub setup: Setup,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// More steps than this are not performed, so that every run is short.
const MOST_STEPS: usize = 400;

impl Step {
    /// The step that four bytes spell.
    pub fn from_bytes([verb, who, what, how]: [u8; 4]) -> Self {
        Self { verb: Verb::ALL[usize::from(verb) % Verb::ALL.len()], who, what, how }
    }

    /// Its four bytes.
    pub fn to_bytes(self) -> [u8; 4] {
        [self.verb as u8, self.who, self.what, self.how]
    }
}

impl Program {
    /// The program that a byte string spells; bytes that make no whole step are passed over.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]);
        let [high, low, people, flags] = words.next().unwrap_or_default();
        let setup = Setup { seed: u16::from_be_bytes([high, low]), people, flags };
        Self { setup, steps: words.take(MOST_STEPS).map(Step::from_bytes).collect() }
    }

    /// The byte string that spells it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let [high, low] = self.setup.seed.to_be_bytes();
        let setup = [high, low, self.setup.people, self.setup.flags];
        [setup].into_iter().chain(self.steps.iter().map(|step| step.to_bytes())).flatten().collect()
    }

    /// Performs it. Of `config` only the framing counts: all else is the program's own.
    ///
    /// # Errors
    ///
    /// If an oracle says no, or something panics.
    pub fn run(&self, config: &SimulationConfig, judge: &mut dyn Judge) -> Result<Report, Failure> {
        let mut world = World::new(self, config, judge);
        let ran = quietly(|| world.run(self));
        let (step, trace) = (world.performed, world.sim.trace());
        let what = match ran {
            Ok(Ok(())) => return Ok(Report { trace: trace.digest(), ..world.report }),
            Ok(Err(Verdict(what))) => what,
            Err(panic) => panic,
        };
        Err(Failure { what, step, trace: trace.clone() })
    }
}

/// What came of a program that went well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Steps performed.
    pub steps: u64,
    /// Steps among them that did harm: cuts, crashes, failing stores, hostile frames and the like.
    pub faults: u64,
    /// Writes that a crash kept from being carried out.
    pub lost: u64,
    /// Writes of which a crash let some of the changes be written.
    pub torn: u64,
    /// Changes made.
    pub changes: u64,
    /// Changes among them that undo or redo something.
    pub undone: u64,
    /// How often a document went on from a snapshot.
    pub snapshots: u64,
    /// Operations that their makers were told are stored.
    pub stored: u64,
    /// Frames sent.
    pub frames: u64,
    /// The trace's digest.
    pub trace: u64,
}

/// What went wrong in a program. Its `Display` ends with what happened last.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What an oracle said, or something that panicked.
    pub what: String,
    /// How many steps had been performed; all of them, if it was while healing.
    pub step: usize,
    /// What happened until then.
    pub trace: Trace,
}

/// How much of a trace is shown.
const LINES_SHOWN: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.trace.to_string();
        let lines: Vec<_> = table.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
        writeln!(f, "after step {}: {}", self.step, self.what)?;
        writeln!(f, "the last {} of {} lines of the trace:", shown.len(), lines.len())?;
        shown.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Program {
    /// A table: number, who, what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup { seed, .. } = self.setup;
        let named = [
            (Setup::ASK, "the application decides who may do what"),
            (Setup::PERSIST, "clients have stores"),
            (Setup::PIECES, "bytes arrive in small pieces"),
            (Setup::TIGHT, "limits are tight"),
            (Setup::UNDO, "edits can be undone"),
        ];
        write!(f, "seed {seed}, {} clients", self.setup.count())?;
        for (_, name) in named.into_iter().filter(|(flag, _)| self.setup.has(*flag)) {
            write!(f, ", {name}")?;
        }
        writeln!(f)?;
        for (index, step) in self.steps.iter().enumerate() {
            let person = usize::from(step.who) % self.setup.count();
            let page = if step.who < 128 { "page" } else { "other page" };
            writeln!(
                f,
                "{:>4}  client {person}  {:<10}  {:<24} {:>3} {:>3}",
                index + 1,
                page,
                step.verb.name(),
                step.what,
                step.how
            )?;
        }
        Ok(())
    }
}
