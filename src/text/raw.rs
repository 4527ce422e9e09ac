//! Allow-list of the characters that are shown unescaped.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// The most marks on one letter. Tibetan and Burmese words have up to four; a longer pile covers
/// the lines above and below.
const MAX_MARKS: u8 = 4;

/// Decides which characters of a text, given in order, are shown unescaped: letters, marks on
/// letters, numbers, punctuation, symbols, and the ordinary space.
///
/// Everything else is escaped: controls, format characters (including joiners and direction marks),
/// other spaces, surrogates, private use, code points that Unicode had not assigned when this
/// program was built, marks that follow no letter, and [invisible](is_unseen) characters.
#[derive(Debug, Default)]
pub(crate) struct RawText {
    /// Number of marks on the preceding letter; `None` if no letter precedes.
    marks: Option<u8>,
}

impl RawText {
    /// True if the next character is shown unescaped.
    pub(crate) fn shows(&mut self, c: char) -> bool {
        if c.is_ascii() {
            self.marks = c.is_ascii_alphabetic().then_some(0);
            return matches!(c, ' '..='~');
        }
        let marks = match c.general_category_group() {
            _ if is_unseen(c) => None,
            GeneralCategoryGroup::Letter => Some(Some(0)),
            GeneralCategoryGroup::Mark => {
                let marks = self.marks.filter(|marks| *marks < MAX_MARKS);
                marks.map(|marks| Some(marks + 1))
            }
            GeneralCategoryGroup::Number
            | GeneralCategoryGroup::Punctuation
            | GeneralCategoryGroup::Symbol => Some(None),
            GeneralCategoryGroup::Separator | GeneralCategoryGroup::Other => None,
        };
        // The escape of an excess mark ends in a brace, which carries no marks.
        self.marks = marks.flatten();
        marks.is_some()
    }
}

/// True if the whole text is shown unescaped.
pub(crate) fn is_raw(text: &str) -> bool {
    let mut raw = RawText::default();
    text.chars().all(|c| raw.shows(c))
}

/// True for letters, marks and symbols that have no visible form.
fn is_unseen(c: char) -> bool {
    is_default_ignorable(c)
        || matches!(
            c,
            // Tifinagh's joiner, the blank Braille pattern, two blank hieroglyphs, Khitan's filler,
            // a Duployan selector, and a note without a head.
            '\u{2d7f}' | '\u{2800}' | '\u{13441}'
                ..='\u{13442}' | '\u{16fe4}' | '\u{1bc9d}' | '\u{1d159}'
        )
}

/// True for characters with the property Default_Ignorable_Code_Point, which is normative (UAX #44;
/// DerivedCoreProperties.txt of Unicode 17.0). It includes code points that are not assigned yet.
fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_a_letter(c: char) -> bool {
        is_raw(&format!("a{c}"))
    }

    #[test]
    fn nothing_that_hides_or_moves_is_shown() {
        for c in (char::MIN..=char::MAX).filter(|c| after_a_letter(*c)) {
            // The standard library's tables are independent of the ones used here.
            assert!(!c.is_control() && (c == ' ' || !c.is_whitespace()), "{}", c.escape_unicode());
            assert!(!is_default_ignorable(c), "{}", c.escape_unicode());
        }
        for c in [
            '\0',
            '\n',
            '\x1b',
            '\x7f',
            '\u{85}',
            '\u{9b}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{600}',
            '\u{61c}',
            '\u{115f}',
            '\u{1680}',
            '\u{180e}',
            '\u{2003}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{202e}',
            '\u{202f}',
            '\u{2066}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{e000}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{ffff}',
            '\u{13430}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{e01ef}',
            '\u{10ffff}',
            '\u{378}',
        ] {
            assert!(!after_a_letter(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn words_of_all_languages_are_shown() {
        for word in [
            "näme",
            "na\u{308}me",
            "目录",
            "каталог",
            "κατάλογος",
            "תיקייה",
            "مجلد",
            "พจนานุกรม",
            "निर्देशिका",
            "སྒྲིབ",
            "ကြွေး",
            "ថតឯកសារ",
            "Thư mục",
            "🦀",
            "5 €",
            "½",
            "→",
            "「」",
        ] {
            assert!(is_raw(word), "{word}");
        }
        for c in (char::MIN..=char::MAX).filter(|c| c.is_alphanumeric() && !is_unseen(*c)) {
            // Circled letters are symbols, and shown as well.
            assert!(after_a_letter(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn marks_are_shown_on_letters_and_not_in_piles() {
        let mark = "\u{301}";
        assert!(!is_raw(mark) && !is_raw(&format!("1{mark}")) && !is_raw(&format!(" {mark}")));
        let bears = |letter: &str, marks: usize| is_raw(&format!("{letter}{}", mark.repeat(marks)));
        for letter in ["a", "е", "ก"] {
            assert!(bears(letter, 4) && !bears(letter, 5), "{letter}");
        }
        // A new letter takes marks again; an escaped character does not.
        assert!(is_raw(&format!("a{mark}b{mark}")));
        let mut raw = RawText::default();
        let shown: Vec<bool> = "a\u{200b}\u{301}b\u{301}".chars().map(|c| raw.shows(c)).collect();
        assert_eq!(shown, [true, false, false, true, true]);
    }
}
