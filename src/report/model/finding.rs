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
    /// Monthly cost of `frees`, as an estimate.
    #[serde(default)]
    pub cost_month: Option<Usd>,
    /// The command that reclaims it, for its owner to run.
    pub command: Option<String>,
    /// Advice to the owner where there is no command.
    #[serde(default)]
    pub advice: Option<String>,
}

/// Inodes whose hard links are all in a finding and in others of the same home: only deleting the
/// last of these findings frees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Together {
    /// Ids of the others' rules.
    pub with: Vec<String>,
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
}

impl Together {
    /// `3.8 MiB together with node-modules`.
    pub(crate) fn human(&self) -> String {
        let rules: Vec<_> = self.with.iter().map(|rule| printable(rule.as_bytes())).collect();
        format!("{} together with {}", self.frees.allocated_bytes.human(), rules.join(", "))
    }
}
