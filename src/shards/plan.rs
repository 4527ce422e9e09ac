//! The plan of a run in shards, and the other objects beside those of the shards.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::scheduler::{MOST, Place};
use crate::report::{FileSystemKey, Run};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Condition, Object, Put, Store};
use crate::text::{bytes_of, lossy};
use crate::units::MeteredBytes;
use crate::usage::Cuts;

/// Version of the form.
const SCHEMA: &str = "efs-scan/shards/1";

/// The folder of everything about shards.
const FOLDER: &str = "shards/";

/// Names of the objects beside those of the shards.
const PLAN: &str = "plan.json";
const MERGED: &str = "merged.json";

/// The name of a run in shards, which is a part of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunName(String);

impl RunName {
    /// Checks a name.
    ///
    /// # Errors
    /// A sentence that says what a valid name is.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        match begins && text.len() <= 128 && text.bytes().all(is_plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "--run-id `{}`: expected up to 128 letters, digits, `.`, `_` and `-`, beginning with a \
                 letter or a digit",
                crate::text::printable(text.as_bytes())
            )),
        }
    }

    /// Beginning of the keys of its objects.
    fn folder(&self) -> String {
        format!("{FOLDER}{self}/fs=")
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The keys of the objects of a run in shards.
#[derive(Clone, Debug)]
pub(crate) struct Keys(String);

impl Keys {
    pub(crate) fn of(name: &RunName, file_system: &FileSystemKey) -> Self {
        Self(format!("{}{file_system}/", name.folder()))
    }

    pub(crate) fn plan(&self) -> String {
        format!("{}{PLAN}", self.0)
    }

    /// The key of a shard by its number, from 1.
    pub(crate) fn shard(&self, number: u32) -> String {
        format!("{}{number:05}.shard", self.0)
    }

    fn merged(&self) -> String {
        format!("{}{MERGED}", self.0)
    }
}

/// Returns the file systems that have a run of this name, merged or not.
///
/// # Errors
/// If they cannot be listed.
pub(crate) fn file_systems(store: &dyn Store, name: &RunName) -> ServiceResult<Vec<FileSystemKey>> {
    let folder = name.folder();
    let listing = store.list(&folder, &folder)?;
    if let Some(error) = listing.unlisted.into_iter().next() {
        return Err(error);
    }
    let of = |key: &String| {
        let (of, object) = key.strip_prefix(&folder)?.split_once('/')?;
        [PLAN, MERGED].contains(&object).then(|| FileSystemKey::new(of).ok())?
    };
    let mut all: Vec<FileSystemKey> = listing.keys.iter().filter_map(of).collect();
    all.dedup();
    Ok(all)
}

/// What a shard is to do, as far as all shards of a run have to do the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanRequest {
    /// The run as it is at its start. Its id and its start are those of the plan.
    pub(crate) run: Run,
    pub(crate) shards: u32,
    /// Number of largest files and directories to name.
    pub(crate) top: usize,
    /// Metered size from which on a directory has a row in the table of directories; `None` without one.
    pub(crate) dirs_min: Option<MeteredBytes>,
    /// Digest of the rules.
    pub(crate) rules: String,
    /// The EFS file system, if it is known.
    pub(crate) efs: Option<PlannedEfs>,
}

/// What a machine without the mount could not know of the file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedEfs {
    pub(crate) id: String,
    pub(crate) region: Option<String>,
    /// True if the root is all of it.
    pub(crate) is_whole: bool,
}

impl PlanRequest {
    /// Says how this one differs from that of the plan; `None` if the shard fits.
    pub(crate) fn differs_from(&self, planned: &Self) -> Option<String> {
        let key = |run: &Run| run.identity.as_ref().map(|identity| identity.key.to_string());
        let (mine, its) = (&self.run, &planned.run);
        let differences = [
            ("version of efs-scan", mine.version == its.version),
            // Builds of one version may check other things before they give a command.
            ("build of efs-scan", mine.command_checks == its.command_checks),
            ("number of shards", self.shards == planned.shards),
            ("file system", key(mine) == key(its)),
            ("ROOT", (&mine.root, &mine.root_base64) == (&its.root, &its.root_base64)),
            ("--home-depth", mine.home_depth == its.home_depth),
            ("--exclude", mine.exclude == its.exclude),
            ("--names", mine.names == its.names),
            ("--top", self.top == planned.top),
            ("--publish-dirs or --dirs-min", self.dirs_min == planned.dirs_min),
            ("[rules]", self.rules == planned.rules),
        ];
        differences.into_iter().find(|(_, same)| !same).map(|(what, _)| what.to_owned())
    }
}

/// What all shards of a run share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    schema: String,
    pub(crate) request: PlanRequest,
    /// Id of the run by whose table of directories the tree is cut; `None` if it is cut by homes.
    pub(crate) cut_by: Option<String>,
    assigned: Vec<Assigned>,
    open: Vec<Path>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Path {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Assigned {
    #[serde(flatten)]
    path: Path,
    /// Number of the shard, from 1.
    shard: u32,
}

impl Path {
    fn of(bytes: &[u8]) -> Self {
        let (path, path_base64) = lossy(bytes);
        Self { path, path_base64 }
    }

    fn bytes(&self) -> Vec<u8> {
        bytes_of(&self.path, self.path_base64.as_deref()).to_vec()
    }
}

impl Plan {
    pub(crate) fn new(request: PlanRequest, cuts: &Cuts, cut_by: Option<String>) -> Self {
        let assigned = cuts.assigned();
        let assigned =
            assigned.map(|(path, index)| Assigned { path: Path::of(path), shard: index + 1 });
        Self {
            schema: SCHEMA.to_owned(),
            assigned: assigned.collect(),
            open: cuts.open().map(Path::of).collect(),
            request,
            cut_by,
        }
    }

    pub(crate) fn cuts(&self) -> Cuts {
        let assigned = self.assigned.iter();
        let assigned = assigned.map(|it| (it.path.bytes(), it.shard.saturating_sub(1)));
        Cuts::new(self.request.shards, assigned.collect(), self.open.iter().map(Path::bytes))
    }

    /// Says what a shard reads, by its number from 1.
    pub(crate) fn describe(&self, shard: u32) -> String {
        let mut named = self.assigned.iter().filter(|it| it.shard == shard).map(|it| &it.path.path);
        let first: Vec<String> =
            named.by_ref().take(5).map(|path| crate::text::printable(path.as_bytes())).collect();
        let by_hash = format!("1/{} of what the plan does not name", self.request.shards);
        match (first.is_empty(), named.count()) {
            (true, _) => by_hash,
            (_, 0) => format!("{}, and {by_hash}", first.join(", ")),
            (_, more) => format!("{}, {more} more, and {by_hash}", first.join(", ")),
        }
    }
}

/// A plan, and the digest by which the objects of shards name it.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(crate) plan: Plan,
    pub(crate) digest: String,
}

/// Reads the plan, and writes the one that `make` makes if there is none. Of several shards that do so
/// at the same time, one writes it.
///
/// # Errors
/// If it cannot be read or written, or is not from this version.
pub(crate) fn agree(
    store: &dyn Store,
    keys: &Keys,
    make: impl FnOnce() -> Plan,
) -> ServiceResult<Agreed> {
    if let Some(plan) = read(store, keys)? {
        return Ok(plan);
    }
    let mut bytes =
        serde_json::to_vec_pretty(&make()).map_err(|error| refused(&error.to_string()))?;
    bytes.push(b'\n');
    let put = store.put(&keys.plan(), &bytes, Condition::Absent);
    match (put, read(store, keys)?) {
        (_, Some(plan)) => Ok(plan),
        (Err(error), None) => Err(error),
        (Ok(Put::Done | Put::Conflict), None) => {
            Err(refused(&format!("{} was written, and is not there", store.name(&keys.plan()))))
        }
    }
}

/// Reads the plan, if there is one.
///
/// # Errors
/// If it cannot be read, or is not from this version.
pub(crate) fn read(store: &dyn Store, keys: &Keys) -> ServiceResult<Option<Agreed>> {
    let key = keys.plan();
    let Some(Object { bytes, .. }) = store.get(&key)? else { return Ok(None) };
    let name = store.name(&key);
    #[derive(Deserialize)]
    struct Version {
        schema: String,
    }
    match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { schema }) if schema == SCHEMA => {}
        Ok(Version { schema }) => {
            let schema = crate::text::printable(schema.as_bytes());
            return Err(refused(&format!(
                "{name} has the schema {schema}, and this program reads {SCHEMA}"
            )));
        }
        Err(error) => return Err(refused(&format!("{name} is not from efs-scan: {error}"))),
    }
    let plan: Plan = serde_json::from_slice(&bytes)
        .map_err(|error| refused(&format!("{name} is not from efs-scan: {error}")))?;
    let is_possible = |it: &Assigned| (1..=plan.request.shards).contains(&it.shard);
    let shards = plan.request.shards;
    if !(1..=MOST).contains(&shards) || !plan.assigned.iter().all(is_possible) {
        return Err(refused(&format!(
            "{name} is not from efs-scan: its shards do not fit together"
        )));
    }
    let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(Agreed { plan, digest }))
}

/// Says that the run was merged, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Merged {
    /// Id of the run.
    pub(crate) run: String,
    pub(crate) at: Timestamp,
    /// How many shards there were; 0 if that was not written.
    #[serde(default)]
    pub(crate) shards: u32,
    /// Numbers of the shards that are not in it.
    pub(crate) lacks: Vec<u32>,
}

impl Merged {
    /// The refusal of a shard that is not in the run; `None` if it is.
    pub(crate) fn refuses(&self, place: Place, name: &RunName) -> Option<String> {
        let run = crate::text::printable(self.run.as_bytes());
        if self.shards != 0 && self.shards != place.of {
            let of = self.shards;
            return Some(format!(
                "the run {name} was merged of {of} shards, as {run}, and this is shard {place}: begin another"
            ));
        }
        self.lacks.contains(&place.number).then(|| {
            format!("the run {name} was merged without shard {place}, as {run}: begin another")
        })
    }
}

/// Reads that the run was merged, if it was.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn merged(store: &dyn Store, keys: &Keys) -> ServiceResult<Option<Merged>> {
    let Some(object) = store.get(&keys.merged())? else { return Ok(None) };
    let name = store.name(&keys.merged());
    let parsed = serde_json::from_slice(&object.bytes);
    parsed.map(Some).map_err(|error| refused(&format!("{name} is not from efs-scan: {error}")))
}

/// Writes that the run was merged.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_merged(store: &dyn Store, keys: &Keys, merged: &Merged) -> ServiceResult<()> {
    let bytes = serde_json::to_vec(merged).map_err(|error| refused(&error.to_string()))?;
    store.put(&keys.merged(), &bytes, Condition::Absent).map(|_| ())
}

/// Deletes what a merged run does not need any more, in a store without rules of its own for that: the
/// objects of so many shards, and the plan last, so that whoever is killed here can be repeated. That it was
/// merged stays, for shards that come late.
///
/// # Errors
/// The first object that could not be deleted.
pub(crate) fn discard(store: &dyn Store, keys: &Keys, shards: u32) -> ServiceResult<()> {
    for number in 1..=shards {
        store.discard(&keys.shard(number))?;
    }
    store.discard(&keys.plan())
}

fn refused(problem: &str) -> ServiceError {
    ServiceError::new(Trouble::Refused, problem)
}
