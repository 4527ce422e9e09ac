//! Reads the newest run of a file system at a destination: the one that `latest/KEY.json` names.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::homes_table::HomesTable;
use super::latest::{Latest, SCHEMA as LATEST_SCHEMA};
use super::layout::{Keys, LATEST, LATEST_V1, latest_key, of_latest_key};
use super::order::{Rank, rank, started_of};
use crate::report::{FileSystemKey, Identity, Report, Root, drop_unchecked_commands};
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::store::{Listing, Object, Store, Version};
use crate::text::bytes_of;

/// Lists the file systems that have a run there.
///
/// # Errors
/// If they cannot be listed, or the destination is in the layout of an earlier version.
pub fn file_systems(store: &dyn Store) -> ServiceResult<Vec<FileSystemKey>> {
    let Listing { keys, unlisted } = store.list(LATEST, LATEST)?;
    if let Some(error) = unlisted.into_iter().next() {
        return Err(error);
    }
    let found: Vec<FileSystemKey> = keys.iter().filter_map(|key| of_latest_key(key)).collect();
    if found.is_empty() {
        refuse_version_1(store)?;
    }
    Ok(found)
}

/// Refuses a destination in version 1 of the layout, which holds one file system.
///
/// # Errors
/// Says what to do about it.
pub(crate) fn refuse_version_1(store: &dyn Store) -> ServiceResult<()> {
    let Some(head) = store.head(LATEST_V1, HEAD_BYTES)? else { return Ok(()) };
    if !is_version_1(&head.bytes) {
        return Ok(());
    }
    let place = store.name(LATEST_V1);
    let place = place.strip_suffix(LATEST_V1).unwrap_or(&place).trim_end_matches('/');
    let text = format!(
        "{place} is in the layout of an earlier version, which holds one file system: `efs-scan publish \
         --migrate` moves everything to the present one"
    );
    Err(ServiceError::new(Trouble::Refused, text))
}

/// Reads the summary of the newest run of a file system, if there is one.
///
/// # Errors
/// If it cannot be read, or is not from this program.
pub fn newest(store: &dyn Store, of: &FileSystemKey) -> ServiceResult<Option<Latest>> {
    let key = latest_key(of);
    let Some(read) = parsed::<Latest>(store, &key)? else { return Ok(None) };
    let refused = |problem| Err(ServiceError::new(Trouble::Refused, problem));
    let name = store.name(&key);
    let latest = match read {
        Ok(latest) if latest.schema == LATEST_SCHEMA => latest,
        Ok(Latest { schema, .. }) => {
            return refused(format!(
                "{name} has the schema {schema}, and this program reads {LATEST_SCHEMA}"
            ));
        }
        Err(error) => return refused(format!("{name} is damaged, or not from efs-scan: {error}")),
    };
    let keys = keys_of(of, &latest.run.id);
    let tables = HomesTable::of_run(of, &latest.run.id);
    // An earlier version may have published the run.
    let fits = keys.is_some_and(|keys| keys.run == latest.report)
        && tables.is_some_and(|tables| tables.iter().any(|table| table.key == latest.homes_table));
    match fits && latest.run.identity.as_ref().is_none_or(|identity| identity.key == *of) {
        true => Ok(Some(latest)),
        false => refused(format!(
            "{name} is not from efs-scan: its run {} and the objects that it names do not fit \
             together",
            latest.run.id
        )),
    }
}

/// The keys of a run's objects; `None` if this is not the id of a run.
fn keys_of(of: &FileSystemKey, id: &str) -> Option<Keys> {
    Keys::of_id(of, id)
}

/// True for the beginning of a `latest.json` in version 1 of the layout.
pub(crate) fn is_version_1(head: &[u8]) -> bool {
    Head::of(head).schema().is_some_and(|schema| schema.starts_with(ANY_SCHEMA))
}

/// What the report of a version 1 destination says of its file system.
pub(crate) struct OldRun {
    /// The bytes of the root.
    pub(crate) root: Vec<u8>,
    /// The id of EFS, if it is known.
    pub(crate) efs: Option<FileSystemKey>,
}

/// Reads that from the beginning of a report; `None` if there is no report, or it does not say.
pub(crate) fn old_run(store: &dyn Store, key: &str) -> ServiceResult<Option<OldRun>> {
    let Some(head) = store.head(key, HEAD_BYTES)? else { return Ok(None) };
    let Head([_, run, _, efs]) = Head::of(&head.bytes);
    let run = run.and_then(|run| serde_json::from_value::<PointerRun>(run).ok());
    let root = run.as_ref().and_then(PointerRun::root).map(|root| root.path.into_owned());
    let efs = efs.and_then(|efs| FileSystemKey::new(efs["id"].as_str()?).ok());
    Ok(root.map(|root| OldRun { root, efs }))
}

/// Reads the report of the newest run of a file system.
///
/// # Errors
/// If nothing is published, an object cannot be read, or the two are not of the same run.
pub fn newest_report(store: &dyn Store, of: &FileSystemKey) -> ServiceResult<Report> {
    let missing = |text| ServiceError::new(Trouble::Missing, text);
    let refused = |text| ServiceError::new(Trouble::Refused, text);
    let latest = newest(store, of)?.ok_or_else(|| missing(nothing_there(store)))?;
    let (name, pointer) = (store.name(&latest.report), store.name(&latest_key(of)));
    let read = parsed::<Report>(store, &latest.report)?;
    let mut report = read
        .ok_or_else(|| missing(format!("{name} is gone, which {pointer} names")))?
        .map_err(|error| refused(format!("{name} is damaged, or not from efs-scan: {error}")))?;
    match report.run == latest.run {
        true => {
            drop_unchecked_commands(&mut report);
            Ok(report)
        }
        false => Err(refused(format!("{name} is not the run that {} names", latest_key(of)))),
    }
}

/// Reads an object as JSON, piece by piece. The inner error says why it is none.
///
/// # Errors
/// If it cannot be read: names the object.
pub(crate) fn parsed<T: DeserializeOwned>(
    store: &dyn Store,
    key: &str,
) -> ServiceResult<Option<serde_json::Result<T>>> {
    let mut parsed = None;
    store.read(key, &mut |from| parsed = Some(serde_json::from_reader(from)))?;
    match parsed {
        Some(Err(error)) if error.is_io() => {
            let text = format!("reading {}: {error}", store.name(key));
            Err(ServiceError::new(Trouble::Unreachable, text))
        }
        parsed => Ok(parsed),
    }
}

/// The message for a destination without a published run.
pub fn nothing_there(store: &dyn Store) -> String {
    format!("nothing is published there yet: {} has no run", store.name(LATEST))
}

/// The run that the summary of a file system names, in any version of its schema.
#[derive(Debug)]
pub(crate) struct Pointer {
    of: FileSystemKey,
    schema: String,
    pub(crate) run: PointerRun,
    /// Key of the report.
    pub(crate) report: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PointerRun {
    pub(crate) id: String,
    started: Timestamp,
    pub(crate) finished: Timestamp,
    #[serde(default)]
    root: Option<String>,
    #[serde(default)]
    root_base64: Option<String>,
    #[serde(default)]
    identity: Option<Identity>,
}

impl PointerRun {
    /// The name that people gave the file system.
    pub(crate) fn name(&self) -> Option<&FileSystemKey> {
        self.identity.as_ref()?.name.as_ref()
    }

    /// The root of the run, if it is known.
    pub(crate) fn root(&self) -> Option<Root<'_>> {
        let path = bytes_of(self.root.as_deref()?, self.root_base64.as_deref());
        Some(Root { path: path.into(), identity: self.identity.as_ref() })
    }
}

impl Pointer {
    /// True if it is what this program writes, in any version.
    fn is_ours(&self) -> bool {
        self.schema.starts_with(ANY_SCHEMA)
            && keys_of(&self.of, &self.run.id).is_some_and(|keys| keys.run == self.report)
            && self.run.identity.as_ref().is_none_or(|identity| identity.key == self.of)
    }

    /// Key of the table of homes.
    pub(crate) fn homes_table(&self) -> Option<String> {
        keys_of(&self.of, &self.run.id).map(|keys| keys.homes)
    }

    /// Ranks the run. One whose times contradict each other is the work of a clock that stepped, or
    /// of nobody: any other run is newer.
    pub(crate) fn rank(&self, now: Timestamp) -> Rank<'_> {
        let PointerRun { id, started, finished, .. } = &self.run;
        let fits = |start: Timestamp| start.duration_since(*started).abs() < ONE_SECOND;
        match started_of(id).is_some_and(fits) && started <= finished {
            true => rank(id, now),
            false => Rank::None,
        }
    }
}

/// Beginning of [`LATEST_SCHEMA`] in all its versions.
const ANY_SCHEMA: &str = "efs-scan/latest/";

const ONE_SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Bytes of a summary that hold its pointer, with room for `--exclude` globs and users.
const HEAD_BYTES: usize = 64 << 10;

/// Reads the pointer in the summary of a file system, and which version of the object it is in. The
/// pointer comes first there, and the lines of the homes are not read.
///
/// # Errors
/// If it cannot be read, or is not from this program.
pub(crate) fn pointer(
    store: &dyn Store,
    of: &FileSystemKey,
) -> ServiceResult<Option<(Pointer, Version)>> {
    let key = latest_key(of);
    let Some(Object { bytes, version }) = store.head(&key, HEAD_BYTES)? else { return Ok(None) };
    match Pointer::in_head(of, &bytes).filter(Pointer::is_ours) {
        Some(pointer) => Ok(Some((pointer, version))),
        None => {
            let name = store.name(&key);
            let text = format!("{name} is not from efs-scan; move it away, or publish elsewhere");
            Err(ServiceError::new(Trouble::Refused, text))
        }
    }
}

impl Pointer {
    /// Reads the pointer from the beginning of an object. What follows it may be cut off.
    fn in_head(of: &FileSystemKey, bytes: &[u8]) -> Option<Self> {
        let Head([schema, run, report, _]) = Head::of(bytes);
        Some(Self {
            of: of.clone(),
            schema: serde_json::from_value(schema?).ok()?,
            run: serde_json::from_value(run?).ok()?,
            report: serde_json::from_value(report?).ok()?,
        })
    }
}

/// The fields that say what an object is of, as far as its beginning has them.
struct Head([Option<Value>; 4]);

/// The keys of these fields.
const FIELDS: [&str; 4] = ["schema", "run", "report", "file_system"];

impl Head {
    fn of(bytes: &[u8]) -> Self {
        struct Fields<'a>(&'a mut [Option<Value>; 4]);
        impl<'de> Visitor<'de> for Fields<'_> {
            type Value = ();

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(key) = map.next_key::<String>()? {
                    match FIELDS.iter().position(|name| *name == key) {
                        Some(at) => self.0[at] = Some(map.next_value()?),
                        None => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(())
            }
        }
        let mut found = [const { None }; 4];
        // Where it is cut off there is an error, after what was found.
        let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(Fields(&mut found));
        Self(found)
    }

    fn schema(&self) -> Option<&str> {
        self.0[0].as_ref()?.as_str()
    }
}
