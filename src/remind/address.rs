//! Addresses of owners: from a map, or made from the owner's name.
//!
//! Names come from file systems and personnel directories, and addresses go into the header of a
//! message. So an address has only letters, digits and a few signs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::names::{NameMap, Spelling, lines_by_hand, read_by_hand};
use crate::text::is_uid;

/// An address that is safe in a message header: `local@domain`, ASCII, no quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Checks an address.
    ///
    /// # Errors
    /// If this program would not write to it.
    pub fn new(text: &str) -> Result<Self, String> {
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        match is_local_part(local) && is_domain(domain) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("`{text}` is not an address like name@example.com")),
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address in lower case, because no provider distinguishes `Alice@` from `alice@`.
    pub(super) fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// True for a dot-atom (RFC 5322) of at most 64 bytes (RFC 5321, 4.5.3.1.1), without signs that
/// mail systems have interpreted as routes or commands.
fn is_local_part(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+'".contains(c);
    let dots = text.starts_with('.') || text.ends_with('.') || text.contains("..");
    (1..=64).contains(&text.len()) && text.chars().all(plain) && !dots && !text.starts_with('-')
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 190 && text.contains('.') && text.split('.').all(label)
}

/// Checks a sender for a message header: an address, or plain words and an address in angle
/// brackets.
///
/// # Errors
/// If the text is neither.
pub fn check_sender(text: &str) -> Result<String, String> {
    let problem = || format!("`{text}` is neither name@example.com nor Name <name@example.com>");
    let address = match text.split_once(" <") {
        None => text,
        Some((name, rest)) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || " -_".contains(c);
            let named = !name.trim().is_empty() && name.chars().all(plain);
            rest.strip_suffix('>').filter(|_| named).ok_or_else(problem)?
        }
    };
    Address::new(address).map_err(|_| problem())?;
    Ok(text.to_owned())
}

/// Treatment of `-` in a name that an address is made from. Names of SageMaker's user profiles cannot
/// have dots, so people write alice-smith for alice.smith.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dashes {
    /// Keep them.
    #[default]
    Keep,
    /// Turn them into dots.
    Dots,
}

/// A checked template `{name}@example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressTemplate {
    before: String,
    after: String,
    dashes: Dashes,
}

impl AddressTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// If the text is not one `{name}` before one `@`, with valid text around it.
    pub fn new(text: &str, dashes: Dashes) -> Result<Self, String> {
        let problem = || format!("`{text}` is no template like {{name}}@example.com");
        let (before, after) = text.split_once("{name}").ok_or_else(problem)?;
        if !after.contains('@') || Address::new(&format!("{before}x{after}")).is_err() {
            return Err(problem());
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned(), dashes })
    }

    fn of(&self, name: &str) -> Option<Address> {
        // A name that contains an `@` is not a local part.
        let name = match self.dashes {
            Dashes::Keep => name.to_owned(),
            Dashes::Dots => name.replace('-', "."),
        };
        let local = is_local_part(&name);
        Address::new(&format!("{}{name}{}", self.before, self.after)).ok().filter(|_| local)
    }
}

/// Addresses by uid or name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressMap(NameMap<Address>);

impl AddressMap {
    /// Checks a table of the configuration.
    ///
    /// # Errors
    /// Names the entry with an invalid address.
    pub fn new(table: &BTreeMap<String, String>) -> Result<Self, String> {
        let entry = |(who, text): (&String, &String)| {
            let address = Address::new(text).map_err(|problem| format!("{who}: {problem}"))?;
            Ok::<_, String>((who.clone(), address))
        };
        table.iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// Reads a CSV file of `uid,address` or `name,address` lines, with or without a header. Further
    /// columns are ignored. A header may name both `uid` and `name`.
    ///
    /// # Errors
    /// Names the file and the line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let failed = |problem: String| format!("addresses from {}: {problem}", path.display());
        let text = read_by_hand(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut reader = lines_by_hand(text);
        let mut map = NameMap::default();
        let (mut who_at, mut address_at) = (vec![0], 1);
        for (at, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let column = |wanted: &str| record.iter().position(|cell| cell == wanted);
            if at == 0
                && let Some(address) = column("address")
            {
                who_at = [column("uid"), column("name")].into_iter().flatten().collect();
                address_at = address;
                continue;
            }
            let whose: Vec<&str> = who_at.iter().filter_map(|at| record.get(*at)).collect();
            let whose = whose.into_iter().filter(|who| !who.is_empty());
            let whose: Vec<&str> = whose.collect();
            let Some(address) = record.get(address_at).filter(|_| !whose.is_empty()) else {
                return Err(format!("line {line}: expected uid,address or name,address"));
            };
            let address =
                Address::new(address).map_err(|problem| format!("line {line}: {problem}"))?;
            for who in whose {
                if let Some(other) = map.insert(who.to_owned(), address.clone())
                    && other != address
                {
                    return Err(format!("line {line}: `{who}` has {other} on an earlier line"));
                }
            }
        }
        Ok(Self(map))
    }

    fn get(&self, uid: Option<u32>, name: Option<&str>, spelling: Spelling) -> Option<&Address> {
        let by_uid = uid.and_then(|uid| self.0.get(&uid.to_string(), Spelling::Exact));
        // A name that looks like a uid is not looked up, because the entry is for the person with
        // that uid.
        by_uid.or_else(|| self.0.get(name.filter(|name| !is_uid(name))?, spelling))
    }
}

/// All sources of addresses. The table of the configuration wins over the file, and the file over
/// the template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The table of the configuration.
    pub map: AddressMap,
    /// The file, which is read when reminders are sent.
    pub file: Option<PathBuf>,
    /// The template.
    pub template: Option<AddressTemplate>,
}

impl Addresses {
    /// True if there is no source.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn open(&self) -> Result<AddressBook<'_>, String> {
        let file = self.file.as_deref().map(AddressMap::read).transpose()?;
        Ok(AddressBook { maps: [Some(self.map.clone()), file], template: self.template.as_ref() })
    }
}

/// All sources of addresses, with the file's contents.
#[derive(Debug)]
pub(crate) struct AddressBook<'a> {
    maps: [Option<AddressMap>; 2],
    template: Option<&'a AddressTemplate>,
}

impl AddressBook<'_> {
    /// True if a map has the address of any uid.
    pub(crate) fn has_uids(&self) -> bool {
        self.maps.iter().flatten().any(|map| map.0.names().any(is_uid))
    }

    /// Returns the address from a map.
    pub(super) fn mapped(
        &self,
        uid: Option<u32>,
        name: Option<&str>,
        spelling: Spelling,
    ) -> Option<&Address> {
        self.maps.iter().flatten().find_map(|map| map.get(uid, name, spelling))
    }

    /// Returns the address from the template: `None` without a template, `Some(None)` if the name
    /// cannot be part of an address.
    pub(super) fn made(&self, name: &str) -> Option<Option<Address>> {
        self.template.map(|template| template.of(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_plain() {
        for good in ["a@b.c", "alice.smith+x@mail.example.com", "o'brien@example.com", "1_2@e-x.io"]
        {
            assert!(Address::new(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "x".repeat(65));
        for bad in [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b",
            "a@b..c",
            "a@-b.c",
            "a b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "é@b.c",
            "<a@b.c>",
            "\"a\"@b.c",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@b@c.d",
            "a%b@c.d",
            "a,b@c.d",
            "-a@b.c",
            "a@b.c ",
            "a;b@c.d",
            "a\0@b.c",
            long.as_str(),
        ] {
            assert!(Address::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_sender_may_have_a_name() {
        for good in ["a@b.c", "EFS storage <a@b.c>"] {
            assert_eq!(check_sender(good), Ok(good.to_owned()));
        }
        for bad in ["EFS", "<a@b.c>", " <a@b.c>", "E\nF <a@b.c>", "a@b.c <a@b.c", "x <a@b.c>, y"] {
            assert!(check_sender(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_template_makes_an_address_or_none() {
        let of = |dashes, name: &str| {
            let template = AddressTemplate::new("{name}@example.com", dashes).expect("good");
            template.of(name).map(|address| address.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(Dashes::Keep, "alice-smith"), some("alice-smith@example.com"));
        assert_eq!(of(Dashes::Dots, "alice-smith"), some("alice.smith@example.com"));
        for bad in ["a b", "<script>", "é", "a\r\nb", "", "a@b.c", "{name}"] {
            assert_eq!(of(Dashes::Keep, bad), None, "{bad:?}");
        }
        assert_eq!(of(Dashes::Dots, "a--b"), None, "two dots");
        for wrong in [
            "x@example.com",
            "{name}",
            "a@{name}.com",
            "{name} x@example.com",
            "{name}@x",
            "{name}{name}@example.com",
            "{uid}@example.com",
        ] {
            assert!(AddressTemplate::new(wrong, Dashes::Keep).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_read_by_its_header_or_in_order() {
        for text in [
            "200005,a@x.io\nbob,b@x.io\n",
            "\u{feff}name,address,uid\nalice,a@x.io,200005\n# gone\nbob,b@x.io,\n",
        ] {
            let map = AddressMap::parse(text.as_bytes()).expect(text);
            let get = |uid, name| map.get(uid, name, Spelling::Alike).map(Address::as_str);
            assert_eq!(get(Some(200_005), None), Some("a@x.io"));
            assert_eq!(get(Some(1), Some("bob")), Some("b@x.io"));
            assert_eq!(get(Some(1), Some("eve")), None);
            assert_eq!(get(Some(1), Some("200005")), None, "a person named like a uid");
        }
        for (text, problem) in [
            ("alice\n", "line 1: expected uid,address or name,address"),
            ("1,a@x.io\n2,x\n", "line 2: `x` is not an address"),
            ("1,a@x.io\n1,b@x.io\n", "line 2: `1` has a@x.io on an earlier line"),
            ("mail,address\nx,a@x.io\n", "line 2: expected uid,address"),
        ] {
            let said = AddressMap::parse(text.as_bytes()).expect_err(text);
            assert!(said.starts_with(problem), "{said}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_name_an_address_is_one_word_of_ascii(name in any::<String>()) {
            let template = AddressTemplate::new("{name}@example.com", Dashes::Dots).expect("good");
            if let Some(address) = template.of(&name) {
                let text = address.as_str();
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!text.contains(['<', '>', ',', ';', ':', '"', '\\', '(', ')']));
                prop_assert_eq!(text.matches('@').count(), 1);
            }
        }
    }
}
