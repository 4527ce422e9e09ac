//! The part of the report that is about findings.

use super::*;
use crate::text::printable;

/// All findings of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleReport {
    /// Id of the rule.
    pub rule: String,
    /// Class of the rule.
    pub class: Class,
    /// True if the rule only hints: its bytes count as `rest`.
    pub hint: bool,
    /// Number of places that match.
    pub places: u64,
    /// All inodes in these places, each once.
    pub usage: Share,
    /// Inodes that deleting all these places frees: those without a link elsewhere.
    pub frees: Share,
    /// Monthly cost of `frees`, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// The command that reclaims a place; `{path}` stands for it.
    pub command: Option<String>,
    /// Advice to the owner where there is no command.
    #[serde(default)]
    pub advice: Option<String>,
    /// A caution about the command or the advice.
    pub note: Option<String>,
}

/// A place that a rule found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Id of the rule.
    pub rule: String,
    /// Class of the rule.
    pub class: Class,
    /// True if the rule only hints: its bytes count as `rest`.
    pub hint: bool,
    /// Path below the root.
    pub path: String,
    /// Its bytes in base64, where `path` is lossy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// All inodes in it, each once, without those that an earlier rule claims.
    pub usage: Share,
    /// Inodes that deleting it frees: those whose links all lie in it.
    pub frees: Share,
    /// Further inodes that deleting it frees only together with other findings of the home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
    /// Further inodes that deleting it frees only together with findings of other homes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub across: Option<Together>,
    /// Monthly cost of `frees`, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// The command that reclaims it, for its owner to run.
    pub command: Option<String>,
    /// Advice to the owner where there is no command.
    #[serde(default)]
    pub advice: Option<String>,
}

/// Inodes whose hard links are all in a finding and in others: only deleting the last of these
/// findings frees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Together {
    /// Ids of the others' rules.
    pub with: Vec<String>,
    /// The others' paths below the root, if they are few. Bytes that are no UTF-8 are replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// The inodes; they are not in the finding's `frees`.
    pub frees: Share,
}

impl Finding {
    /// The bytes of the finding that are freed by deleting it and the findings it shares inodes
    /// with.
    pub(crate) fn frees_at_most(&self) -> AllocatedBytes {
        let together = self.together.as_ref().map(|more| more.frees.allocated_bytes);
        self.frees.allocated_bytes + together.unwrap_or_default()
    }
}

impl RuleReport {
    /// Returns the rule's note for one of its findings. The note is about what the rule's command
    /// removes, so a finding whose command is withheld has no note.
    pub(crate) fn note_of(&self, finding: &Finding) -> Option<&str> {
        let withheld = self.command.is_some() && finding.command.is_none();
        self.note.as_deref().filter(|_| !withheld)
    }

    /// Returns the rule's note for its findings in a home, of which the report lists the largest: none if
    /// the commands of all of these are withheld.
    pub(crate) fn note_in(&self, home: &HomeReport) -> Option<&str> {
        let mut listed =
            home.findings.iter().filter(|finding| finding.rule == self.rule).peekable();
        match listed.peek() {
            Some(_) => listed.find_map(|finding| self.note_of(finding)),
            None => self.note.as_deref(),
        }
    }
}

/// Whom a text about other homes is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// May see every home.
    Administrator,
    /// May see only their own.
    Owner,
}

impl Finding {
    /// Says what the finding frees only together with others, a text for each kind:
    /// `3.8 MiB together with 200005/app/node_modules`.
    pub(crate) fn frees_more(&self, reader: Reader) -> Vec<String> {
        let at_home = self.together.as_ref().map(|more| more.human(&more.names()));
        let across = self.across.as_ref().map(|more| match reader {
            Reader::Administrator => more.human(&more.names()),
            Reader::Owner if more.places.len() == 1 => more.human("a place in another home"),
            Reader::Owner => more.human("places in other homes"),
        });
        at_home.into_iter().chain(across).collect()
    }
}

impl Together {
    fn human(&self, others: &str) -> String {
        format!("{} together with {others}", self.frees.allocated_bytes.human())
    }

    /// The others' places, or else their rules.
    fn names(&self) -> String {
        let names = if self.places.is_empty() { &self.with } else { &self.places };
        names.iter().map(|name| printable(name.as_bytes())).collect::<Vec<_>>().join(", ")
    }
}
