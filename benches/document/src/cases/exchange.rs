//! Two people write one page, and each change is sent to the other.

use super::{Figures, timed};
use crate::{
    library::{Edit, Family, Library, Setup, Shown},
    trace::{self, Trace},
};

/// A recorded session. When a replica makes a change, it has received just what its maker had; in the end both have all.
pub(super) fn exchange<L: Library>(way: &str) -> Figures {
    let trace = trace::read("friendsforever").expect("the runner has looked for it");
    let steps = steps(&trace);
    let setup = Setup { replica: 1, family: Family::Text, way, history: false };
    let (replicas, figures) = timed(|| {
        let mut replicas = [L::new(setup), L::new(Setup { replica: 2, ..setup })];
        let mut changes: [Vec<L::Change>; 2] = Default::default();
        let mut received = [0, 0];
        let mut receive = |replicas: &mut [L; 2], changes: &[Vec<L::Change>; 2], replica: usize, count: usize| {
            for change in &changes[1 - replica][received[replica]..count] {
                replicas[replica].receive(change.as_ref());
            }
            received[replica] = count;
        };
        for step in &steps {
            receive(&mut replicas, &changes, step.agent, step.seen);
            for edit in &step.edits {
                let change = replicas[step.agent].edit_encoded(*edit);
                changes[step.agent].push(change);
            }
        }
        for replica in 0..2 {
            let count = changes[1 - replica].len();
            receive(&mut replicas, &changes, replica, count);
        }
        replicas
    });
    let result = Shown::Text(trace.end_content);
    for mut replica in replicas {
        assert!(replica.shown(Family::Text).agrees(&result), "shows something else");
    }
    figures
}

/// One transaction of the session.
struct Step {
    agent: usize,
    /// How many edits of the other one its maker had seen.
    seen: usize,
    edits: Vec<Edit>,
}

fn steps(trace: &Trace) -> Vec<Step> {
    // Of each transaction, how many edits of either are in its past, itself included.
    let mut past: Vec<[usize; 2]> = Vec::new();
    let mut written = [0, 0];
    let mut steps = Vec::new();
    for transaction in &trace.txns {
        let agent = transaction.agent;
        let edits: Vec<_> = transaction.edits().collect();
        let mut seen = [0, 0];
        for parent in &transaction.parents {
            seen = [0, 1].map(|index| seen[index].max(past[*parent][index]));
        }
        assert_eq!(seen[agent], written[agent], "nobody forgets what they wrote");
        steps.push(Step { agent, seen: seen[1 - agent], edits });
        written[agent] += steps.last().map_or(0, |step| step.edits.len());
        seen[agent] = written[agent];
        past.push(seen);
    }
    steps
}
