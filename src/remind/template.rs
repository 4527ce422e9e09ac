//! Texts with placeholders, checked with the configuration.

/// The placeholders of templates. Blocks have several lines, so a subject cannot hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Home,
    Size,
    Quota,
    Trash,
    Cost,
    Date,
    Root,
    Admin,
    Reasons,
    Homes,
    Findings,
    Largest,
    Grew,
    Count,
    Apps,
    Prices,
}

/// Subject of a letter, which determines the valid placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Homes over quota or with much trash.
    Homes,
    /// Apps that run for long.
    Apps,
}

impl Field {
    const HOMES: [(&'static str, Self); 14] = [
        ("name", Self::Name),
        ("home", Self::Home),
        ("size", Self::Size),
        ("quota", Self::Quota),
        ("trash", Self::Trash),
        ("cost", Self::Cost),
        ("date", Self::Date),
        ("root", Self::Root),
        ("admin", Self::Admin),
        ("reasons", Self::Reasons),
        ("homes", Self::Homes),
        ("findings", Self::Findings),
        ("largest", Self::Largest),
        ("grew", Self::Grew),
    ];
    const APPS: [(&'static str, Self); 6] = [
        ("name", Self::Name),
        ("count", Self::Count),
        ("date", Self::Date),
        ("admin", Self::Admin),
        ("apps", Self::Apps),
        ("prices", Self::Prices),
    ];

    fn all(about: About) -> &'static [(&'static str, Self)] {
        match about {
            About::Homes => &Self::HOMES,
            About::Apps => &Self::APPS,
        }
    }

    fn is_block(self) -> bool {
        matches!(
            self,
            Self::Reasons | Self::Homes | Self::Findings | Self::Largest | Self::Grew | Self::Apps
        )
    }
}

/// A text whose placeholders are all known. `{{` and `}}` stand for braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

impl Template {
    /// Parses a text of any number of lines.
    ///
    /// # Errors
    /// Names the unknown placeholder or the lone brace.
    pub fn body(text: &str, about: About) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            rest = after;
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let name = rest.split_once('}').filter(|_| brace == "{");
            let (name, after) = name.ok_or_else(|| {
                format!("a lone `{brace}`: write `{brace}{brace}` for the character itself")
            })?;
            rest = after;
            let fields = Field::all(about);
            let field = fields.iter().find(|(known, _)| *known == name);
            let (_, field) = field.ok_or_else(|| {
                let known: Vec<String> =
                    fields.iter().map(|(known, _)| format!("{{{known}}}")).collect();
                format!("`{{{name}}}` is no placeholder; there are {}", known.join(", "))
            })?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Field(*field));
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// Parses a text of one line, for a message header.
    ///
    /// # Errors
    /// If it is not one line, or as for [`Template::body`].
    pub fn subject(text: &str, about: About) -> Result<Self, String> {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err("a subject is one line of text".to_owned());
        }
        let template = Self::body(text, about)?;
        let block = Field::all(about)
            .iter()
            .find(|(_, field)| field.is_block() && template.0.contains(&Piece::Field(*field)));
        match block {
            Some((name, _)) => Err(format!("`{{{name}}}` has several lines, a subject has one")),
            None => Ok(template),
        }
    }

    /// Replaces each placeholder by its value. Braces in a value have no meaning.
    pub(super) fn fill(&self, value: impl Fn(Field) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(field) => value(*field),
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> String {
        let template = Template::body(text, About::Homes).expect(text);
        template.fill(|field| format!("<{field:?}{{size}}>"))
    }

    #[test]
    fn placeholders_are_filled_once() {
        assert_eq!(filled("a {name}b{{{size}}}"), "a <Name{size}>b{<Size{size}>}");
        assert_eq!(filled(""), "");
        assert_eq!(filled("{{name}}"), "{name}");
    }

    #[test]
    fn what_is_unknown_or_lone_is_named() {
        for (text, problem) in [
            ("{nam}", "`{nam}` is no placeholder; there are {name}, {home}, "),
            ("{Name}", "`{Name}` is no placeholder"),
            ("{}", "`{}` is no placeholder"),
            ("a { b", "a lone `{`"),
            ("a } b", "a lone `}`"),
        ] {
            let said = Template::body(text, About::Homes).expect_err(text);
            assert!(said.starts_with(problem), "{said}");
        }
        let said = Template::subject("{findings}", About::Homes).expect_err("a block");
        assert!(said.starts_with("`{findings}` has several lines"), "{said}");
        for text in ["a\nb", "a\r\nBcc: x@example.com", "", " "] {
            assert!(Template::subject(text, About::Homes).is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_letter_has_placeholders_of_its_own() {
        assert!(Template::body("{name} {apps} {prices}", About::Apps).is_ok());
        for (text, about) in [("{apps}", About::Homes), ("{size}", About::Apps)] {
            assert!(Template::body(text, about).is_err(), "{text}");
        }
        let said = Template::subject("{apps}", About::Apps).expect_err("a block");
        assert!(said.starts_with("`{apps}` has several lines"), "{said}");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[{}a-z ]{0,20}") {
            if let Ok(template) = Template::body(&text, About::Homes) {
                template.fill(|_| String::new());
            }
        }

        #[test]
        fn text_with_doubled_braces_is_itself(text in any::<String>()) {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(filled(&doubled), text);
        }
    }
}
