//! Migration of a destination from an earlier version, which held one file system, to the present
//! layout.

use std::cell::Cell;
use std::collections::BTreeMap;

use efs_scan::outbox::migrate;
use efs_scan::service_error::ServiceResult;
use efs_scan::store::{Condition, Directory, Listing, Object, Put, Store};
use serde_json::{Value, json};

use super::contract::everything;
use super::place::*;
use super::turns::*;
use crate::tables::of_earlier_version;
use efs_scan_testbed::*;

/// Makes two runs and their objects as an earlier version published them. If an EFS id is given,
/// the later run has it.
pub(crate) fn old(place: &Place, id: Option<&str>) -> BTreeMap<String, Vec<u8>> {
    old_runs(place, id, 2)
}

fn old_runs(place: &Place, id: Option<&str>, runs: usize) -> BTreeMap<String, Vec<u8>> {
    let to = place.dir.path().join("new");
    for _ in 0..runs {
        let mut command = efs_scan();
        command
            .arg(place.root())
            .args(["--name=prod", "--quiet", "--publish-dirs=false", "--publish"])
            .arg(&to);
        command.arg("--state-dir").arg(place.dir.path().join("new-state"));
        assert_code(&watched(&mut command, PATIENCE), 0);
        let more = place.root().join("200006/more");
        let bytes = more.metadata().map_or(0, |more| more.len());
        file(&place.root(), "200006/more", 3_000_000 + bytes as usize);
    }
    let published = of_earlier_version(files(&to));
    let newest: Value = serde_json::from_slice(&published["latest/prod.json"]).unwrap();
    let newest = newest["run"]["id"].as_str().unwrap();
    let objects = published.into_iter().filter(|(key, _)| key != "du/prod.txt");
    let objects = objects.map(|(key, bytes)| {
        let old = key.replace("/fs=prod/", "/").replace("latest/prod.json", "latest.json");
        if !key.ends_with(".json") {
            return (old, bytes);
        }
        let mut json: Value = serde_json::from_slice(&bytes).unwrap();
        json["run"].as_object_mut().unwrap().remove("identity").unwrap();
        for key in ["report", "homes_table"] {
            if let Some(text) = json[key].as_str() {
                json[key] = text.replace("/fs=prod/", "/").into();
            }
        }
        if let (Some(id), true) = (id, json["run"]["id"] == newest) {
            json["file_system"] =
                json!({ "id": id, "efs": null, "difference_percent": null, "cost": null });
        }
        // In the order in which an earlier version wrote the file: the run comes first.
        (old, ordered(&json))
    });
    objects.collect()
}

/// Formats JSON with the first fields of a report in front.
fn ordered(json: &Value) -> Vec<u8> {
    let first = ["schema", "run", "report", "homes_table", "file_system"];
    let fields = json.as_object().unwrap();
    let head = first.iter().filter_map(|name| Some((*name, fields.get(*name)?)));
    let rest = fields.iter().filter(|(name, _)| !first.contains(&name.as_str()));
    let all = head.chain(rest.map(|(name, value)| (name.as_str(), value)));
    let all: Vec<String> = all.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", all.join(",")).into_bytes()
}

/// A store in which an earlier version publishes another run before the last step of the migration.
struct Meanwhile<'a> {
    store: &'a Memory,
    later: Cell<Option<&'a BTreeMap<String, Vec<u8>>>>,
}

impl Store for Meanwhile<'_> {
    fn name(&self, key: &str) -> String {
        self.store.name(key)
    }

    fn check(&self) -> ServiceResult<()> {
        self.store.check()
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        self.store.get(key)
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        if key == "latest.json"
            && let Some(later) = self.later.take()
        {
            put_all(self.store, later);
        }
        self.store.put(key, bytes, condition)
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        self.store.list(prefix, after)
    }
}

/// Writes the objects, over existing ones.
fn put_all(store: &Memory, objects: &BTreeMap<String, Vec<u8>>) {
    for (key, bytes) in objects {
        let there = store.get(key).unwrap();
        assert_eq!(store.put(key, bytes, Condition::since(there.as_ref())).unwrap(), Put::Done);
    }
}

#[test]
fn a_run_that_an_earlier_version_publishes_meanwhile_is_the_newest_one() {
    let place = Place::new();
    let before = old(&place, None);
    // A third run.
    let after = old_runs(&place, None, 1);
    let newest = |store: &Memory| {
        let of = migrate(&store_of(&after)).unwrap().runs.into_keys().next().unwrap();
        let latest = store.get(&format!("latest/{of}.json")).unwrap().unwrap();
        let latest: Value = serde_json::from_slice(&latest.bytes).unwrap();
        let du = store.get(&format!("du/{of}.txt")).unwrap().unwrap();
        assert_eq!(du.bytes, after["du/latest.txt"]);
        latest["run"]["id"].as_str().unwrap().to_owned()
    };
    let wanted: Value = serde_json::from_slice(&after["latest.json"]).unwrap();
    assert_ne!(before["du/latest.txt"], after["du/latest.txt"]);
    // Before the last step, and after the migration was interrupted there.
    let store = store_of(&before);
    let meanwhile = Meanwhile { store: &store, later: Cell::new(Some(&after)) };
    assert_eq!(migrate(&meanwhile).unwrap().runs.into_values().collect::<Vec<_>>(), [3]);
    assert_eq!(wanted["run"]["id"], newest(&store));
    for calls in 0.. {
        let store = store_of(&before);
        let breaks = Breaks { store: &store, left: Cell::new(calls), lost: false };
        if migrate(&breaks).is_ok() {
            break;
        }
        put_all(&store, &after);
        migrate(&store).unwrap();
        assert_eq!(wanted["run"]["id"], newest(&store), "after {calls} calls");
    }
}

fn store_of(objects: &BTreeMap<String, Vec<u8>>) -> Memory {
    let store = Memory::new(Versions::Content);
    for (key, bytes) in objects {
        assert_eq!(store.put(key, bytes, Condition::Absent).unwrap(), Put::Done);
    }
    store
}

#[test]
fn an_interrupted_migration_loses_nothing() {
    let place = Place::new();
    let objects = old(&place, None);
    let whole = store_of(&objects);
    let migrated = migrate(&whole).unwrap();
    let (of, runs) = migrated.runs.first_key_value().unwrap();
    assert_eq!((migrated.runs.len(), *runs), (1, 2));
    let after = everything(&whole);
    for (key, bytes) in objects.iter().filter(|(key, _)| key.contains("/dt=")) {
        let moved = key.replace("/dt=", &format!("/fs={of}/dt="));
        assert_eq!(after[&moved].bytes, *bytes, "{moved}");
        assert_eq!(after[key].bytes, *bytes, "{key} stays");
    }
    assert_eq!(after[&format!("du/{of}.txt")].bytes, objects["du/latest.txt"]);
    assert_eq!(migrate(&whole).unwrap().runs.len(), 0, "a second time has nothing to do");
    assert_eq!(everything(&whole), after);
    for lost in [false, true] {
        for calls in 0.. {
            let store = store_of(&objects);
            let breaks = Breaks { store: &store, left: Cell::new(calls), lost };
            if migrate(&breaks).is_ok() {
                assert!(calls > 20, "{calls} calls");
                break;
            }
            for (key, bytes) in objects.iter().filter(|(key, _)| *key != "latest.json") {
                assert_eq!(store.get(key).unwrap().unwrap().bytes, *bytes, "{key} at {calls}");
            }
            migrate(&store).unwrap();
            assert_eq!(everything(&store), after, "after {calls} calls");
        }
    }
}

/// Checks on any store that everything is migrated, and that a second migration changes nothing.
pub(crate) fn everything_is_moved(store: &dyn Store) {
    let place = Place::new();
    let objects = old(&place, None);
    for (key, bytes) in &objects {
        assert_eq!(store.put(key, bytes, Condition::Absent).unwrap(), Put::Done);
    }
    let moved = migrate(store).unwrap();
    let (of, runs) = moved.runs.first_key_value().unwrap();
    assert_eq!((moved.runs.len(), *runs), (1, 2));
    let get = |key: &str| store.get(key).unwrap().unwrap_or_else(|| panic!("no {key}")).bytes;
    for (key, bytes) in objects.iter().filter(|(key, _)| key.contains("/dt=")) {
        assert_eq!(get(&key.replace("/dt=", &format!("/fs={of}/dt="))), *bytes, "{key}");
        assert_eq!(get(key), *bytes, "{key} stays");
    }
    let was: Value = serde_json::from_slice(&objects["latest.json"]).unwrap();
    let is: Value = serde_json::from_slice(&get(&format!("latest/{of}.json"))).unwrap();
    assert_eq!(is["run"], was["run"]);
    assert_eq!(get(&format!("du/{of}.txt")), objects["du/latest.txt"]);
    let keys = || store.list("", "").unwrap().keys;
    let all = keys();
    assert_eq!(migrate(store).unwrap().runs.len(), 0);
    assert_eq!(keys(), all);
}

#[test]
fn everything_is_moved_in_a_directory() {
    let dir = scratch();
    everything_is_moved(&Directory::new(dir.path().join("published")));
}

#[test]
fn a_run_without_an_id_gets_the_id_of_its_root() {
    let place = Place::new();
    let id = "fs-0123456789abcdef0";
    let store = store_of(&old(&place, Some(id)));
    let migrated = migrate(&store).unwrap();
    let all: Vec<(String, usize)> =
        migrated.runs.into_iter().map(|(of, runs)| (of.to_string(), runs)).collect();
    assert_eq!(all, [(id.to_owned(), 2)]);
}

#[test]
fn commands_on_an_earlier_layout_name_the_migration_command() {
    let place = Place::new();
    for (key, bytes) in old(&place, None) {
        let path = place.published().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let before = files(&place.published());
    let args: Vec<String> = place.args().into_iter().filter(|arg| arg != "--name=prod").collect();
    let read = |command: &str, code: i32| {
        let mut reader = efs_scan();
        reader.arg(command).arg("--from").arg(place.published());
        let output = watched(&mut reader, PATIENCE);
        assert_code(&output, code);
        output
    };
    let scan = watched(efs_scan().args(&args), PATIENCE);
    assert_code(&scan, 1);
    for output in [scan, read("status", 1), read("history", 1)] {
        let said = one_line(&output);
        assert!(said.contains("efs-scan publish --migrate"), "{said}");
    }
    assert_eq!(files(&place.published()), before);
    let mut command = efs_scan();
    command.args(["publish", "--migrate", "--quiet", "--to"]).arg(place.published());
    command.arg("--state-dir").arg(place.state());
    assert_code(&watched(&mut command, PATIENCE), 0);
    read("status", 0);
    assert_code(&watched(efs_scan().args(&args), PATIENCE), 0);
    let mut history = efs_scan();
    history.args(["history", "--format", "json", "--from"]).arg(place.published());
    let history: Value = serde_json::from_slice(&watched(&mut history, PATIENCE).stdout).unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 3);
    assert_eq!(history["not_comparable"], json!([]));
}
