//! Documents that exchange changes, as a program says.

use crate::{
    Dice,
    exchange::{MOST_STEPS, Program},
};

/// Documents keep what [`world`](crate::exchange::world) says, whatever the [program](crate::exchange).
///
/// # Panics
///
/// If they do not.
pub fn document(bytes: &[u8]) {
    Program::decode(bytes).run();
}

/// The program as a table.
pub(super) fn tell(bytes: &[u8]) -> String {
    Program::decode(bytes).to_string()
}

/// Random programs of every kind.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let random = |seed: u8| {
        let mut dice = Dice::new(u64::from(seed));
        let steps = 5 + dice.roll(MOST_STEPS - 5);
        std::iter::once(seed).chain((0..4 * steps).map(|_| dice.byte())).collect()
    };
    (0..96).map(random).collect()
}
