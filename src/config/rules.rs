//! The table `[rules]`.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::file::ConfigFile;
use crate::usage::Rules;
use crate::usage::rule_file::{self, RuleSpec};

/// Rules that the file adds, and built-in rules that it disables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RuleSettings {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    off: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add: Vec<Spanned<RuleSpec>>,
}

impl RuleSettings {
    /// Compiles the rules in force. `file` is the file with the added rules, for messages.
    pub(super) fn compile(&self, file: Option<&ConfigFile>) -> Result<Rules, String> {
        let name = file.map_or("", |file| file.name.as_str());
        let text = file.map_or("", |file| file.text.as_str());
        rule_file::load(&self.add, (name, text), &self.off)
    }

    /// Everything that decides which rules are in force, as text.
    pub(crate) fn in_force(&self) -> String {
        let added: Vec<&RuleSpec> = self.add.iter().map(Spanned::get_ref).collect();
        format!("{:?}\n{added:?}\n{:?}", self.off, rule_file::built_in())
    }
}
