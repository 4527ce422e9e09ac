//! Who is one person across file systems: one rule for the status, the history, pages and reminders.

use super::identity::FileSystemKey;

/// Who counts as one person across file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamePeople {
    /// A user profile of one domain of SageMaker Studio.
    ByDomain,
    /// Whoever has the same name.
    ByName,
}

/// What identifies a person or a group across file systems.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// A person by name.
    Name(String),
    /// A user profile or space of a domain, by its uid.
    Domain(String, Option<u32>),
    /// A person of one file system.
    Here(FileSystemKey, String, Option<u32>),
    /// A home without a known owner.
    Home(FileSystemKey, String),
    Group(String),
    NoGroup,
    /// Everything outside of homes.
    Outside,
}

/// A home, and what is known of its owner.
#[derive(Clone, Copy, Debug)]
pub struct OwnedHome<'a> {
    /// The home's name, lossy.
    pub home: &'a str,
    pub owner: Option<&'a str>,
    /// The source of the owner's name, if that is known.
    pub source: Option<&'a str>,
    pub uid: Option<u32>,
}

impl From<bool> for SamePeople {
    /// By the setting `same_people`.
    fn from(same_people: bool) -> Self {
        if same_people { Self::ByName } else { Self::ByDomain }
    }
}

impl SamePeople {
    /// The person that a home of the file system `of` belongs to. Of a domain, the uid says who it is, on
    /// whichever file system; everybody else is known on one file system only, or by name if people are
    /// the same everywhere.
    pub fn payer(self, of: &FileSystemKey, home: OwnedHome<'_>) -> Payer {
        let domain = home.source.filter(|source| source.starts_with("sagemaker:"));
        match (home.owner, domain, self) {
            (Some(name), _, Self::ByName) => Payer::Name(name.to_owned()),
            (Some(_), Some(domain), Self::ByDomain) => Payer::Domain(domain.to_owned(), home.uid),
            (Some(name), None, Self::ByDomain) => {
                Payer::Here(of.clone(), name.to_owned(), home.uid)
            }
            (None, ..) => Payer::Home(of.clone(), home.home.to_owned()),
        }
    }
}
