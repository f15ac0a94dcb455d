//! The language of programs: any bytes are one, and a smaller one is one too.

use crdt_socket_sync_loopback::program::{Mix, Program, Setup, Step, Verb};
use crdt_socket_sync_tests::{
    cases,
    shrink::shrink,
    suite::{program, run},
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(100)) })]

    #[test]
    fn any_bytes_are_a_program_that_runs_and_spells_itself(bytes in prop::collection::vec(any::<u8>(), 0..240)) {
        let program = Program::from_bytes(&bytes);
        prop_assert_eq!(&Program::from_bytes(&program.to_bytes()), &program);
        prop_assert_eq!(program.to_string().lines().count(), 1 + program.steps.len());
        run(&program).unwrap_or_else(|failure| panic!("{program}\n{failure}"));
    }
}

#[test]
fn every_verb_is_in_some_mix_and_says_what_it_is() {
    let everything: Vec<_> = Mix::ALL.iter().flat_map(|mix| mix.verbs.iter().copied().flatten()).collect();
    for verb in Verb::ALL {
        assert!(everything.iter().any(|(weight, known)| known == verb && *weight > 0), "{verb:?}");
        assert_eq!(Verb::ALL.iter().filter(|other| other.name() == verb.name()).count(), 1, "{verb:?}");
    }
}

#[test]
fn a_mix_makes_each_verb_as_often_as_it_is_to_come() {
    let mix = &Mix::HOSTILE;
    let total: u32 = mix.verbs.iter().copied().flatten().map(|(weight, _)| u32::from(*weight)).sum();
    for (weight, verb) in mix.verbs.iter().copied().flatten() {
        let made = (0..=u16::MAX).filter(|choice| mix.step(*choice, [0; 3]).verb == *verb).count() as u32;
        let expected = u32::from(*weight) * 65_536 / total;
        assert!(made.abs_diff(expected) <= 1, "{verb:?} comes {made} times of 65536, and not {expected}");
    }
}

/// A program that fails if it has two cuts and a crash is shrunk to those.
#[test]
fn what_does_not_matter_is_left_out_of_a_failing_program() {
    let mut program = program(&Mix::CONVERGENCE, 0, 5);
    let step = |verb| Step { verb, who: 77, what: 200, how: 9 };
    program.steps.insert(3, step(Verb::Cut));
    program.steps.insert(9, step(Verb::Crash));
    program.steps.push(step(Verb::Cut));
    program.setup.flags = Setup::TIGHT | Setup::PIECES;
    let count = |program: &Program, verb| program.steps.iter().filter(|step| step.verb == verb).count();
    let small = shrink(program, |program| {
        count(program, Verb::Cut) > 1 && count(program, Verb::Crash) > 0 && program.setup.flags & Setup::TIGHT != 0
    });
    let verbs: Vec<_> = small.steps.iter().map(|step| (step.verb, step.who, step.what, step.how)).collect();
    assert_eq!(verbs, [(Verb::Cut, 0, 0, 0), (Verb::Crash, 0, 0, 0), (Verb::Cut, 0, 0, 0)]);
    assert_eq!((small.setup.people % 3, small.setup.flags), (0, Setup::TIGHT));
}
