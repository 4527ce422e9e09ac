//! Reads what runs published to a directory, without times, to compare two ways to the same run.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

/// Returns the files of a directory, by their paths below it.
pub fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(root: &Path, below: &Path, to: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, to);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                to.insert(key, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(root, root, &mut found);
    found
}

/// Returns a report without its times.
pub fn timeless(mut report: Value) -> Value {
    for key in ["id", "started", "finished"] {
        report["run"][key] = json!("");
    }
    report
}

/// Returns the published tables as their readers see them, without times, and by keys without the run's
/// id. `rows` reads a table of directories. Shards, state and locks are left out.
pub fn tables(root: &Path, rows: impl Fn(&Path) -> String) -> BTreeMap<String, String> {
    let timeless_key = |key: &str| {
        let (folder, name) = key.rsplit_once('/').unwrap();
        let end = name.split_once('.').map_or("", |(_, end)| end.rsplit('.').next().unwrap());
        match folder.contains("dt=") {
            true => format!("{}/dt=/RUN.{end}", folder.split("/dt=").next().unwrap()),
            false => key.to_owned(),
        }
    };
    let is_of_run = |key: &str| {
        !key.starts_with("shards/") && !key.starts_with("state/") && !key.contains(".lock")
    };
    let all = files(root).into_iter().filter(|(key, _)| is_of_run(key));
    all.map(|(key, bytes)| {
        let contents = match key.rsplit('.').next() {
            Some("json") => {
                let mut value: Value = serde_json::from_slice(&bytes).unwrap();
                for key in ["report", "homes_table"] {
                    if value.get(key).is_some() {
                        value[key] = json!("");
                    }
                }
                timeless(value).to_string()
            }
            Some("parquet") if key.starts_with("dirs/") => rows(&root.join(&key)),
            // Its columns have the run's id and times.
            Some("parquet") => String::new(),
            _ => String::from_utf8(bytes).unwrap(),
        };
        (timeless_key(&key), contents)
    })
    .collect()
}
