//! Rules in TOML: the built-in ones of `rules/`, and those of a configuration file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::class::Class;
use super::rules::Rules;
use crate::units::parse_size;

/// The files of the built-in rules with their texts. The first rule that matches wins, so the order
/// matters: results come early, so that inside an environment or a cache they are separate findings
/// and keep it from being removed.
const BUILT_IN: [(&str, &str); 9] = [
    ("trash.toml", include_str!("rules/trash.toml")),
    ("output.toml", include_str!("rules/output.toml")),
    ("models.toml", include_str!("rules/models.toml")),
    ("packages.toml", include_str!("rules/packages.toml")),
    ("editors.toml", include_str!("rules/editors.toml")),
    ("environments.toml", include_str!("rules/environments.toml")),
    ("projects.toml", include_str!("rules/projects.toml")),
    ("logs.toml", include_str!("rules/logs.toml")),
    ("rest.toml", include_str!("rules/rest.toml")),
];

/// One rule in TOML. `rules/README.md` describes the keys.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Unique name, in reports and in `rules.off`.
    pub id: String,
    pub class: SpecClass,
    /// Paths relative to the home, or at any depth if they begin with `**/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    #[serde(default, skip_serializing_if = "RuleKind::is_dir")]
    pub kind: RuleKind,
    /// The rule applies only beside one of these names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// The rule applies only to directories that hold one of these names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// The rule does not apply to directories that hold one of these names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless_contains: Vec<String>,
    /// The rule applies only to directories that hold nothing but these names, which may be globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_contains: Vec<String>,
    /// The command is offered only for directories that hold nothing but these files and, ending in
    /// `/**`, directories. Names may be globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<String>,
    /// Ending of the files from which the directory's files were made, such as `.py`. The command is
    /// offered only if those are beside the directory, or, with `made_from`, if one of them is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// Names from which the tool makes the directory. The command is offered only if one of them is
    /// beside it, or beside the directory above it that a rule with the same list names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_from: Vec<String>,
    /// Names that only `made_from` can make again, which may be globs. A directory without any of
    /// them needs none of `made_from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
    /// The directory of `only_contains` holds only files: the tool owns no directory in it,
    /// whatever its name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flat: bool,
    /// The rule also applies to directories of so many names that `only_contains` cannot be checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub large: bool,
    /// Reason that the place or the name alone proves the rule's claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The rule applies nowhere below directories with these names or paths, which may be globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless_below: Vec<String>,
    /// The rule does not apply to files with these names, which may be globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless_named: Vec<String>,
    /// The rule does not apply to files beside these names, plain or `*.suffix`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless_beside: Vec<String>,
    /// The file of `contains`, or the file that a file rule matches, must begin with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_with: Option<String>,
    /// The least apparent size of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_size: Option<String>,
    /// The command that deletes a finding, or most of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Words for the owner instead of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// A risk or condition of the command or the advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Address of the documentation that the rule rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
}

/// The classes that a rule may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpecClass {
    Trash,
    Cache,
    Environment,
    Output,
    Log,
    /// Worth a look; counted as [`Class::Rest`].
    Hint,
}

impl SpecClass {
    /// Returns the class that findings of the rule count in.
    pub fn class(self) -> Class {
        match self {
            Self::Trash => Class::Trash,
            Self::Cache => Class::Cache,
            Self::Environment => Class::Environment,
            Self::Output => Class::Output,
            Self::Log => Class::Log,
            Self::Hint => Class::Rest,
        }
    }

    /// True for a rule that only hints.
    pub fn is_hint(self) -> bool {
        self == Self::Hint
    }
}

/// The kind of entry that a rule's paths name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    #[default]
    Dir,
    File,
}

impl RuleKind {
    fn is_dir(&self) -> bool {
        *self == Self::Dir
    }
}

impl RuleSpec {
    /// Checks all that can be checked without the other rules.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the rule.
    pub fn check(&self) -> Result<(), String> {
        self.check_names()?;
        self.check_kind()?;
        self.check_proof()?;
        self.min_size()?;
        super::rule_command::check(self)
    }

    fn markers(&self) -> [&Vec<String>; 4] {
        [&self.beside, &self.contains, &self.unless_contains, &self.made_from]
    }

    /// Checks that each key has names, paths or patterns of the form that it takes.
    fn check_names(&self) -> Result<(), String> {
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(well_formed) {
            let id = &self.id;
            return Err(format!("id `{id}` must be made of a-z, 0-9 and -"));
        }
        for path in &self.paths {
            let rest = path.strip_prefix("**/").unwrap_or(path);
            if rest.split('/').any(|part| matches!(part, "" | "." | ".." | "**")) {
                return Err(format!(
                    "path `{path}` must be relative, with `**/` at most at its beginning"
                ));
            }
            if path.matches('{').count() != path.matches('}').count() {
                return Err(format!("path `{path}` has an unbalanced brace"));
            }
            if self.kind == RuleKind::File && (!path.starts_with("**/") || rest.contains('/')) {
                return Err(format!("path `{path}` of a file rule must be `**/NAME`"));
            }
        }
        for marker in self.markers().into_iter().flatten() {
            if marker.is_empty() || marker.contains(['/', '*', '?', '[', '{', '<']) {
                return Err(format!("`{marker}` must be a plain file name"));
            }
        }
        for name in &self.unless_beside {
            let plain = name.strip_prefix("*.").unwrap_or(name);
            if plain.is_empty() || plain.contains(['/', '*', '?', '[', '{', '<']) {
                return Err(format!("`{name}` must be a plain file name or `*.suffix`"));
            }
        }
        let mut parts = self.unless_below.iter().flat_map(|path| path.split('/'));
        if let Some(path) = parts.find(|part| matches!(*part, "" | "." | ".." | "**")) {
            return Err(format!("`{path}` in `unless_below` is no name"));
        }
        let globs = [&self.only_contains, &self.unless_named, &self.made];
        if let Some(name) = globs.into_iter().flatten().find(|n| n.is_empty() || n.contains('/')) {
            return Err(format!("`{name}` must be one component of a path"));
        }
        Ok(())
    }

    /// Checks that keys of directories and of files are not mixed.
    fn check_kind(&self) -> Result<(), String> {
        if self.paths.is_empty() && (self.contains.is_empty() || self.kind == RuleKind::File) {
            return Err("it needs `paths`, or `contains` for directories".to_owned());
        }
        if self.paths.is_empty() && !(self.beside.is_empty() && self.unless_below.is_empty()) {
            return Err("`beside` and `unless_below` need `paths`".to_owned());
        }
        let of_dirs = [&self.only_contains, &self.owns, &self.unless_below];
        let of_dirs = self.markers().into_iter().chain(of_dirs);
        if self.kind == RuleKind::File && !of_dirs.into_iter().all(Vec::is_empty) {
            return Err("`beside` and `contains` are for directories".to_owned());
        }
        if self.kind == RuleKind::Dir
            && !(self.unless_named.is_empty() && self.unless_beside.is_empty())
        {
            return Err("`unless_named` and `unless_beside` are for files".to_owned());
        }
        if self.kind == RuleKind::Dir && self.min_size.is_some() {
            return Err("`min_size` is for files".to_owned());
        }
        if self.kind == RuleKind::Dir && self.starts_with.is_some() && self.contains.len() != 1 {
            return Err("`starts_with` needs `contains` with one name".to_owned());
        }
        Ok(())
    }

    /// Checks the keys that a command stands on.
    fn check_proof(&self) -> Result<(), String> {
        if self.command.is_some() && self.advice.is_some() {
            return Err("it has a `command` or an `advice`, not both".to_owned());
        }
        if self.command.is_none() && !self.owns.is_empty() {
            return Err("`owns` is about a `command`, and it has none".to_owned());
        }
        for path in &self.owns {
            let names = path.strip_suffix("/**").unwrap_or(path);
            if names.starts_with("**") || names.ends_with("/**") || names.contains("/**/**/") {
                return Err(format!("`{path}` must begin and end with names around `/**/`"));
            }
            if names.split('/').any(|part| matches!(part, "" | "." | "..")) {
                return Err(format!("`{path}` must be relative"));
            }
        }
        if self.sources.as_ref().is_some_and(|end| !end.starts_with('.') || end.contains('/')) {
            return Err("`sources` must be an ending with its dot, such as `.py`".to_owned());
        }
        let is_of_files = self.flat || !self.made_from.is_empty();
        if self.sources.is_some() && (!is_of_files || self.command.is_none()) {
            return Err(
                "`sources` needs a `command`, and `flat`, a directory of files, or `made_from`"
                    .to_owned(),
            );
        }
        if self.sources.is_none() && !self.made_from.is_empty() {
            return Err("`made_from` needs `sources`: the ending of files in it".to_owned());
        }
        if !self.made_from.is_empty() && self.command.is_none() {
            return Err("`made_from` is about a `command`, and it has none".to_owned());
        }
        if !self.made.is_empty() && self.made_from.is_empty() {
            return Err("`made` needs `made_from`".to_owned());
        }
        if (self.flat || self.large) && self.only_contains.is_empty() {
            return Err("`flat` and `large` need `only_contains`".to_owned());
        }
        if self.large && self.command.is_some() {
            return Err(
                "`large` is for a rule without a `command`: its names are not known".to_owned()
            );
        }
        if self.paths.is_empty() && self.command.is_some() && self.only_contains.is_empty() {
            return Err(
                "a `command` needs `paths` or `only_contains`: a marker alone proves little"
                    .to_owned(),
            );
        }
        if !self.owns.is_empty() && self.paths.is_empty() {
            return Err("`owns` needs `paths`".to_owned());
        }
        let placed = |text: &String| text.contains("{path}");
        if self.advice.as_ref().is_some_and(placed) {
            return Err("{path} is for a `command`; an `advice` stands beside the path".to_owned());
        }
        Ok(())
    }

    /// Parses the least size, in bytes.
    ///
    /// # Errors
    /// If it is not a size.
    pub fn min_size(&self) -> Result<Option<u64>, String> {
        self.min_size.as_deref().map(parse_size).transpose()
    }
}

/// Contents of a rule file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    rule: Vec<Spanned<RuleSpec>>,
}

/// A rule and its file.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
    rule: Spanned<RuleSpec>,
}

impl Source<'_> {
    /// Returns the line where the rule begins.
    fn line(&self) -> usize {
        let start = self.rule.span().start.min(self.text.len());
        1 + self.text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count()
    }
}

fn sources() -> Result<Vec<Source<'static>>, String> {
    let mut sources = Vec::new();
    for (file, text) in BUILT_IN {
        let parsed: RuleFile =
            toml::from_str(text).map_err(|error| format!("built-in {file}: {error}"))?;
        sources.extend(parsed.rule.into_iter().map(|rule| Source { file, text, rule }));
    }
    Ok(sources)
}

/// Returns the built-in rules in order.
///
/// # Errors
/// If a built-in file is not a list of rules.
pub fn built_in() -> Result<Vec<RuleSpec>, String> {
    Ok(sources()?.into_iter().map(|source| source.rule.into_inner()).collect())
}

/// Compiles the `added` rules of a configuration file `(name, text)`, followed by the built-in
/// rules except those in `off`. A site's own rules come first, so they win. An added rule with the
/// id of a built-in rule replaces it.
///
/// # Errors
/// `FILE:LINE: rule …` and a sentence that says what is wrong.
pub fn load(
    added: &[Spanned<RuleSpec>],
    (name, text): (&str, &str),
    off: &[String],
) -> Result<Rules, String> {
    let built_in = sources()?;
    for id in off {
        if !built_in.iter().any(|source| source.rule.get_ref().id == *id) {
            return Err(format!("{name}: rules.off names `{id}`, which is no built-in rule"));
        }
    }
    let of_site = |rule: &Spanned<RuleSpec>| Source { file: name, text, rule: rule.clone() };
    let mut all: Vec<Source<'_>> = added.iter().map(of_site).collect();
    all.extend(built_in.into_iter().filter(|source| {
        let id = &source.rule.get_ref().id;
        !off.contains(id) && !added.iter().any(|other| other.get_ref().id == *id)
    }));
    Rules::compile(all.iter().map(|source| source.rule.get_ref())).map_err(|(at, problem)| {
        let source = &all[at];
        let (file, line, id) = (source.file, source.line(), &source.rule.get_ref().id);
        format!("{file}:{line}: rule `{id}`: {problem}")
    })
}
