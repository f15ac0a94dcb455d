//! Makes a program that fails as small as it can be while it goes on failing.

use crdt_socket_sync_loopback::program::{Program, Setup, Step};

/// Leaves out steps, in halves and then one by one, calms the setup, and makes numbers smaller, as long as `fails` says
/// that what is left still does. After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002).
pub fn shrink(mut program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    loop {
        let before = program.clone();
        leave_out(&mut program, &fails);
        simplify(&mut program, &fails);
        if program == before {
            return program;
        }
    }
}

fn leave_out(program: &mut Program, fails: &impl Fn(&Program) -> bool) {
    let mut size = program.steps.len().div_ceil(2);
    while size > 0 {
        // From the end: what comes last is mostly of no consequence.
        let mut end = program.steps.len();
        while end > 0 {
            let begin = end.saturating_sub(size);
            let mut without = program.clone();
            without.steps.drain(begin..end);
            if fails(&without) {
                *program = without;
            }
            end = begin.min(program.steps.len());
        }
        size /= 2;
    }
}

fn simplify(program: &mut Program, fails: &impl Fn(&Program) -> bool) {
    let Setup { people, flags, .. } = program.setup;
    for people in 0..people % 3 {
        attempt(program, fails, |program| program.setup.people = people);
    }
    for bit in (0..8).filter(|bit| flags >> bit & 1 == 1) {
        attempt(program, fails, |program| program.setup.flags &= !(1 << bit));
    }
    for index in 0..program.steps.len() {
        let numbers: [fn(&mut Step) -> &mut u8; 3] =
            [|step| &mut step.who, |step| &mut step.what, |step| &mut step.how];
        for number in numbers {
            let smaller: [fn(u8) -> u8; 3] = [|_| 0, |number| number % 2, |number| number / 2];
            for smaller in smaller {
                attempt(program, fails, |program| {
                    let number = number(&mut program.steps[index]);
                    *number = smaller(*number);
                });
            }
        }
    }
}

fn attempt(program: &mut Program, fails: &impl Fn(&Program) -> bool, change: impl FnOnce(&mut Program)) {
    let mut changed = program.clone();
    change(&mut changed);
    if changed != *program && fails(&changed) {
        *program = changed;
    }
}
