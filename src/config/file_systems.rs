//! The tables `[[file_system]]`: several file systems in one configuration. The settings outside of
//! the tables are their defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::prices::PriceSettings;
use super::quota::QuotaSettings;
use super::{ConfigError, Loaded, Settings};
use crate::scan::{EngineKind, Threads};

/// The key of the tables in the file.
const KEY: &str = "file_system";

/// Declares the keys of a table, and lays them over the settings. The keys before the bar always
/// have a value in the settings; those after it are optional there, too.
macro_rules! keys {
    ($($set:ident: $kind:ty),* | $($maybe:ident: $of:ty),*) => {
        /// Settings of one file system that override those of the file.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct FileSystemSettings {
            $(#[serde(skip_serializing_if = "Option::is_none")] $set: Option<$kind>,)*
            $(#[serde(skip_serializing_if = "Option::is_none")] $maybe: Option<$of>,)*
            quota: QuotaSettings,
            prices: PriceSettings,
        }

        impl FileSystemSettings {
            /// Lays them over the settings of the file.
            fn put_over(&self, settings: &mut Settings) {
                $(if let Some(value) = &self.$set {
                    settings.$set = value.clone();
                })*
                $(if self.$maybe.is_some() {
                    settings.$maybe.clone_from(&self.$maybe);
                })*
                self.quota.put_over(&mut settings.quota);
                self.prices.put_over(&mut settings.prices);
            }
        }
    };
}

keys! {
    home_depth: u32, exclude: Vec<String>, names: Vec<String>, passwd_groups: bool,
    require_mount: bool, cross_mounts: bool, threads: Threads, tls: bool
    |
    name: String, root: PathBuf, home_at: PathBuf, output: PathBuf, group_tag: String, file_system_id: String,
    max_threads: usize, max_ops: u32, max_latency: f64, link_memory: String, nfs_uid: u32,
    nfs_batch: usize, nfs_loops: usize, iam: bool, access_point: String, engine: EngineKind
}

impl FileSystemSettings {
    pub(super) fn names(&self) -> &[String] {
        self.names.as_deref().unwrap_or_default()
    }

    /// The path at which people see their homes there. A scan refuses one that is not absolute.
    pub(super) fn home_at(&self) -> Option<&Path> {
        self.home_at.as_deref().filter(|path| path.is_absolute())
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        let root = self.root.as_deref().map(Path::to_string_lossy);
        let names = [&self.name, &self.file_system_id];
        names.into_iter().any(|it| it.as_deref() == Some(name))
            || root.is_some_and(|root| root == name)
    }
}

impl Loaded {
    /// Returns the configuration of each file system to scan. That is one, unless the file has
    /// several tables and neither ROOT nor `--file-system` selects any.
    ///
    /// # Errors
    /// A table lacks its root, two have the same root, or a selected one does not exist.
    pub(crate) fn file_systems(mut self) -> Result<Vec<Self>, ConfigError> {
        let tables = std::mem::take(&mut self.settings.file_systems);
        let asked = std::mem::take(&mut self.settings.asked);
        if tables.is_empty() {
            return match asked.first() {
                None => Ok(vec![self]),
                Some(name) => {
                    Err(format!("--file-system `{name}`: the configuration has no [[file_system]]")
                        .into())
                }
            };
        }
        check(&tables, &self.below)?;
        // A root in the file outside of the tables is an error, so this one is from a flag or a
        // variable.
        if let Some(root) = &self.settings.root {
            if !asked.is_empty() {
                return Err(
                    "--file-system and ROOT both select what is scanned: give only one of them"
                        .to_owned()
                        .into(),
                );
            }
            let of_root = tables.iter().position(|table| table.root.as_ref() == Some(root));
            return Ok(vec![match of_root {
                Some(at) => self.of_table(at, &tables[at])?,
                None => self,
            }]);
        }
        let mut chosen = Vec::new();
        for name in &asked {
            let before = chosen.len();
            chosen.extend((0..tables.len()).filter(|at| tables[*at].is_called(name)));
            if chosen.len() == before {
                let all: Vec<String> = tables.iter().map(called).collect();
                let all = all.join(", ");
                let problem = format!("--file-system `{name}`: the configuration has {all}");
                return Err(problem.into());
            }
        }
        if asked.is_empty() {
            chosen = (0..tables.len()).collect();
        }
        chosen.sort_unstable();
        chosen.dedup();
        let all = chosen.into_iter().map(|at| self.of_table(at, &tables[at]));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        refuse_shared_values(&all)?;
        Ok(all)
    }

    /// Returns the configuration of a table: the file's, the table over it, and variables and flags
    /// over both.
    fn of_table(&self, at: usize, table: &FileSystemSettings) -> Result<Self, ConfigError> {
        let mut settings = self.below.clone();
        settings.file_systems.clear();
        table.put_over(&mut settings);
        let mut origins = self.file_origins.clone();
        origins.lift(&format!("{KEY}.{at}"));
        let mut of_table = Self { settings, origins, ..self.clone() };
        of_table.put_layers()?;
        of_table.settings.log_format = self.settings.log_format;
        of_table.settings.asked.clear();
        Ok(of_table)
    }

    /// The name of the file system in messages.
    pub(crate) fn file_system(&self) -> String {
        let root = || self.settings.root().display().to_string();
        self.settings.name.clone().unwrap_or_else(root)
    }
}

fn called(table: &FileSystemSettings) -> String {
    let root = || table.root.as_deref().unwrap_or(Path::new("")).display().to_string();
    table.name.clone().unwrap_or_else(root)
}

/// Checks each table by itself.
fn check(tables: &[FileSystemSettings], below: &Settings) -> Result<(), ConfigError> {
    let is_above = [
        ("root", below.root.is_some()),
        ("name", below.name.is_some()),
        ("file_system_id", below.file_system_id.is_some()),
        ("access_point", below.access_point.is_some()),
    ];
    if let Some((key, _)) = is_above.into_iter().find(|(_, is)| *is) {
        let problem =
            format!("`{key}` applies to a single file system: put it into its [[file_system]]");
        return Err(problem.into());
    }
    if tables.len() > 1 {
        // A command with this path would remove the files of whichever home is mounted there.
        if below.home_at.is_some() {
            let problem =
                "`home_at` applies to a single file system: put it into its [[file_system]]";
            return Err(problem.to_owned().into());
        }
        // Every domain of SageMaker numbers its users from 200000.
        if let Some(uid) = below.remind.uid_with_address().filter(|_| !below.same_people) {
            let problem = format!(
                "remind.addresses: `{uid}` may be somebody else in each [[file_system]]: use names, or \
                 set same_people"
            );
            return Err(problem.into());
        }
    }
    match tables.iter().position(|table| table.root.is_none()) {
        None => Ok(()),
        Some(at) => Err(format!("[[file_system]] number {} has no root", at + 1).into()),
    }
}

/// Refuses values that two file systems cannot share.
fn refuse_shared_values(all: &[Loaded]) -> Result<(), ConfigError> {
    let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let of = |loaded: &Loaded| {
        let settings = &loaded.settings;
        let output = text(&settings.output).filter(|path| path != "-");
        [
            ("name", settings.name.clone()),
            ("root", text(&settings.root)),
            ("output", output),
            ("file_system_id", settings.file_system_id.clone()),
        ]
    };
    let mut seen = BTreeMap::new();
    for loaded in all {
        for (key, value) in of(loaded) {
            let Some(value) = value else { continue };
            if let Some(other) = seen.insert((key, value.clone()), loaded.file_system()) {
                let this = loaded.file_system();
                let both = if this == other {
                    "two [[file_system]]".to_owned()
                } else {
                    format!("{other} and {this}")
                };
                let problem = format!(
                    "{both} have the {key} `{value}`: give each its own, or choose one with --file-system"
                );
                return Err(problem.into());
            }
        }
    }
    Ok(())
}
