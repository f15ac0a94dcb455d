//! What the command line says when it cannot do what it was asked to: one line, what and what to do.

use std::fmt;

/// Ends the program with exit code 1 and one line on standard error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    what: String,
    todo: String,
    /// Nobody wants to hear more: no mistake at all.
    enough: bool,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { what: what.into(), todo: todo.into(), enough: false }
    }

    /// Whoever read the output has enough, as with `| head`: the program ends as if it were done, and cleans up.
    pub(crate) fn enough() -> Self {
        Self { enough: true, ..Self::new("the output was closed", "") }
    }

    pub(crate) fn is_enough(&self) -> bool {
        self.enough
    }

    /// For errors that say what to do themselves, in the same form.
    pub(crate) fn complete(line: impl fmt::Display) -> Self {
        Self::new(line.to_string(), "")
    }

    /// Something that cannot happen has happened.
    pub(crate) fn bug(what: impl fmt::Display) -> Self {
        Self::new(what.to_string(), "this is a mistake in the program; please report it")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line is a line, whatever a peer or the system put into a message.
        let mut line = self.what.clone();
        if !self.todo.is_empty() {
            line.push_str(" — ");
            line.push_str(&self.todo);
        }
        let mut words = line.split_whitespace();
        words.next().map_or(Ok(()), |word| f.write_str(word))?;
        words.try_for_each(|word| write!(f, " {word}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        assert_eq!(Failure::new("it\nfailed", "try again").to_string(), "it failed — try again");
        assert_eq!(Failure::complete("all is said").to_string(), "all is said");
    }
}
