//! Text that is safe to show to people.

use std::fmt::{self, Write};
use std::io;
use std::ops::Deref;

use super::{RawText, harmless_json, is_raw, push_escaped};

/// Text that does nothing but show: the log, terminals, pages and mail take only this type. It may
/// contain names that strangers chose and messages of servers. Its constructors escape every
/// character that `RawText` rejects, so callers need not know which parts are foreign. Names
/// already escaped by [`printable`](super::printable) stay unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Makes a text of lines, separated or ended by newlines.
    ///
    /// ```
    /// use efs_scan::text::Shown;
    /// assert_eq!(&*Shown::lines("a\nb\u{202e}\n".to_owned()), "a\nb\\u{202e}\n");
    /// ```
    pub fn lines(text: String) -> Self {
        match text.split('\n').all(is_raw) {
            true => Self(text),
            false => Self(escaped(&text, |c| c == '\n')),
        }
    }

    /// Makes one line: newlines are escaped, too.
    pub fn line(text: &str) -> Self {
        Self(escaped(text, |_| false))
    }

    /// Makes one line whose beginning is shown in this colour (ECMA-48, SGR).
    pub(crate) fn coloured(colour: u8, beginning: &str, rest: &str) -> Self {
        Self(format!("\x1b[{colour}m{}\x1b[0m{}", Self::line(beginning), Self::line(rest)))
    }

    /// Makes JSON equivalent to `json`.
    pub(crate) fn json(json: &str) -> Self {
        Self(harmless_json(json))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends a newline.
    pub(crate) fn ended(mut self) -> Self {
        self.0.push('\n');
        self
    }
}

impl Deref for Shown {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes lines as [`Shown`] text, one at a time.
///
/// A long text takes no more memory than its longest line. [`ShownLines::end`] returns the error of
/// the writer, because [`fmt::Error`] has no cause.
pub(crate) struct ShownLines<'a> {
    to: &'a mut dyn io::Write,
    line: String,
    error: Option<io::Error>,
}

impl<'a> ShownLines<'a> {
    pub(crate) fn new(to: &'a mut dyn io::Write) -> Self {
        Self { to, line: String::new(), error: None }
    }

    /// Writes a last line without a newline.
    ///
    /// # Errors
    /// The first error of the writer.
    pub(crate) fn end(mut self) -> io::Result<()> {
        let _ = self.flush_line();
        self.error.map_or(Ok(()), Err)
    }

    fn flush_line(&mut self) -> fmt::Result {
        let line = Shown::lines(std::mem::take(&mut self.line));
        self.to.write_all(line.as_bytes()).map_err(|error| {
            self.error.get_or_insert(error);
            fmt::Error
        })
    }
}

impl Write for ShownLines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive('\n') {
            self.line.push_str(part);
            if part.ends_with('\n') {
                self.flush_line()?;
            }
        }
        Ok(())
    }
}

/// Escapes every character that `RawText` rejects, unless `keeps` returns true for it.
fn escaped(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raw = RawText::default();
    for c in text.chars() {
        match raw.shows(c) || keeps(c) {
            true => out.push(c),
            false => push_escaped(&mut out, c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        let hostile = "a\nERROR b\u{9b}31m\u{202e}c\u{e0001}\x1b[2J";
        let shown = r"a\nERROR b\u{9b}31m\u{202e}c\u{e0001}\x1b[2J";
        assert_eq!(&*Shown::line(hostile), shown);
        assert_eq!(
            &*Shown::coloured(33, " WARN", &format!(" {hostile}")),
            format!("\x1b[33m WARN\x1b[0m {shown}")
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_hides_nothing_and_stays(text in any::<String>()) {
            let shown = Shown::lines(text.clone());
            prop_assert!(shown.split('\n').all(is_raw));
            prop_assert_eq!(&Shown::lines(shown.to_string()), &shown);
            prop_assert!(is_raw(&Shown::line(&text)));
        }

        #[test]
        fn lines_shown_one_at_a_time_are_the_same(parts in prop::collection::vec("[a\n\u{202e}b]{0,4}", 0..9)) {
            let mut written = Vec::new();
            let mut lines = ShownLines::new(&mut written);
            parts.iter().for_each(|part| lines.write_str(part).expect("a vector takes all"));
            lines.end().expect("a vector takes all");
            prop_assert_eq!(String::from_utf8(written), Ok(Shown::lines(parts.concat()).to_string()));
        }
    }
}
