//! Kinds of output that stderr supports, by the conventions of its environment: `NO_COLOR`
//! (no-color.org), `CLICOLOR=0` (bixense.com/clicolors) and `TERM=dumb`.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

/// The forms of output on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// Lines only: stderr is not a terminal, or a dumb one.
    Lines,
    /// A carriage return may overwrite a line, but escapes are not wanted.
    Plain,
    /// Colours and cursor movements.
    Ansi,
}

/// Determines the kind of output that stderr supports.
pub(crate) fn stderr() -> Terminal {
    of(io::stderr().is_terminal(), |name| std::env::var_os(name))
}

fn of(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Terminal {
    let is = |name: &str, value: &str| variable(name).is_some_and(|given| given == value);
    if !is_terminal || is("TERM", "dumb") {
        Terminal::Lines
    } else if variable("NO_COLOR").is_some_and(|given| !given.is_empty()) || is("CLICOLOR", "0") {
        Terminal::Plain
    } else {
        Terminal::Ansi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_limits_output_to_the_terminal() {
        let with = |name: &'static str, value: &'static str| {
            of(true, move |asked| (asked == name).then(|| value.into()))
        };
        assert_eq!(of(false, |_| None), Terminal::Lines);
        assert_eq!(with("TERM", "xterm"), Terminal::Ansi);
        assert_eq!(with("TERM", "dumb"), Terminal::Lines);
        assert_eq!(with("NO_COLOR", "1"), Terminal::Plain);
        assert_eq!(with("NO_COLOR", "0"), Terminal::Plain, "any value counts");
        assert_eq!(with("NO_COLOR", ""), Terminal::Ansi, "an empty one does not");
        assert_eq!(with("CLICOLOR", "0"), Terminal::Plain);
        assert_eq!(with("CLICOLOR", "1"), Terminal::Ansi);
    }
}
