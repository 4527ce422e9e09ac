//! The table of directories: published with its run, kept in the spool with it, and read by others.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use efs_scan::dirs::DirsReader;
use efs_scan::published::Latest;
use serde_json::Value;

use super::place::*;
use efs_scan_testbed::*;

/// Returns the only table of directories that is published.
fn table(place: &Place) -> PathBuf {
    let published = files(&place.published());
    let mut keys = published.into_keys().filter(|key| key.starts_with("dirs/"));
    let key = keys.next().expect("a table");
    assert_eq!(keys.next(), None);
    place.published().join(key)
}

fn run_of(table: &Path) -> (Option<String>, u64) {
    let mut reader = DirsReader::open(File::open(table).unwrap()).unwrap();
    let mut rows = 0;
    while reader.next_row().unwrap().is_some() {
        rows += 1;
    }
    assert_eq!(reader.about().file_system, "prod");
    (reader.about().run.clone(), rows)
}

#[test]
fn a_run_is_published_with_its_directories_unless_that_is_switched_off() {
    let place = Place::new();
    place.scan(&["--publish-dirs=false"], 0);
    assert!(!files(&place.published()).keys().any(|key| key.starts_with("dirs/")));
    place.scan(&[], 0);
    let id = place.latest_id().unwrap();
    // Three homes with the one that stands for what is outside, and two findings.
    assert_eq!(run_of(&table(&place)), (Some(id), 5));
}

#[test]
fn the_table_waits_with_its_run() {
    let place = Place::new();
    std::fs::create_dir_all(place.published()).unwrap();
    let obstacle = file(&place.published(), "runs", 3);
    place.scan(&["--dirs-min=0"], 5);
    let waiting = place.waiting();
    let spooled = [".dirs.parquet", ".run.json"].map(|end| format!("{}{end}", waiting[0]));
    assert_eq!(place.spooled(), spooled);
    std::fs::remove_file(obstacle).unwrap();
    place.resend(0);
    assert_eq!(place.spooled(), Vec::<String>::new());
    let (id, rows) = run_of(&table(&place));
    assert_eq!(id.as_ref(), waiting.first());
    assert_eq!(rows, 8);
}

#[test]
fn a_table_without_its_run_does_not_stay_in_the_spool() {
    let place = Place::new();
    place.scan(&["--publish-dirs=false"], 0);
    // As after a crash between the two.
    file(&place.state(), "spool/20260101T000000.000000Z.dirs.parquet", 10);
    place.scan(&["--publish-dirs=false"], 0);
    assert_eq!(place.spooled(), Vec::<String>::new());
}

/// Python with the readers, as tests/aws-servers installs it.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/aws-servers/bin/python");
    let mut import = Command::new(&python);
    import.args(["-c", "import duckdb, polars, pyarrow"]);
    let able = import.output().is_ok_and(|output| output.status.success());
    skip_unless(able, "Parquet in other readers", "tests/aws-servers installs them")
        .then_some(python)
}

const READ: &str = r#"
import sys, duckdb, polars, pyarrow.parquet
table, homes = sys.argv[1:]
sums = {}
for row in pyarrow.parquet.read_table(table).to_pylist():
    home = (row["kind"], row["home"])
    sums[home] = sums.get(home, 0) + row["own_metered_bytes"] + row["rest_metered_bytes"]
    if row["path_bytes"] is not None:
        assert row["path_bytes"].decode(errors="replace") == row["path"], row
query = f"""SELECT kind, home, sum(own_metered_bytes + rest_metered_bytes)::BIGINT,
    max(metered_bytes) FILTER (path = '') FROM '{table}' GROUP BY ALL"""
for kind, home, metered, whole in duckdb.sql(query).fetchall():
    assert sums[kind, home] == metered == whole, (home, metered, whole)
frame = polars.scan_parquet(table).filter(polars.col("path") == "").collect()
assert {(r["kind"], r["home"]): r["metered_bytes"] for r in frame.iter_rows(named=True)} == sums
# The table of homes says the same, under the same names.
for kind, home, metered in duckdb.sql(f"SELECT kind, home, metered_bytes FROM '{homes}'").fetchall():
    assert sums[kind, home] == metered, (kind, home, metered)
print(len(sums), "homes")
"#;

#[test]
fn other_readers_read_what_the_report_says() {
    let Some(python) = python() else { return };
    let place = Place::new();
    for name in [&b"a\xff\n,<b>\""[..], "näme 目录".as_bytes()] {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(name);
        file(&place.root().join(name).join(name), "file", 9000);
    }
    place.scan(&["--dirs-min=0"], 0);
    let latest = std::fs::read(place.published().join("latest/prod.json")).unwrap();
    let latest: Latest = serde_json::from_slice(&latest).unwrap();
    let homes = place.published().join(latest.homes_table);
    let mut read = Command::new(python);
    let output = watched(read.args(["-c", READ]).arg(table(&place)).arg(homes), PATIENCE);
    assert_code(&output, 0);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "5 homes\n");
}

const QUERY: &str = r#"
import glob, json, os, sys, duckdb
os.chdir(sys.argv[1])
answers = {}
for path in sorted(glob.glob(sys.argv[3] + "/*.sql")):
    connection = duckdb.connect()
    connection.execute(open(sys.argv[2]).read())
    query = connection.execute(open(path).read())
    columns = [column[0] for column in query.description]
    answers[os.path.basename(path)] = [dict(zip(columns, row)) for row in query.fetchall()]
print(json.dumps(answers, default=str))
"#;

/// Athena's queries as they are, over the views of deploy/duckdb.sql.
#[test]
fn the_saved_queries_answer_in_duckdb_what_the_report_says() {
    let Some(python) = python() else { return };
    let place = Place::new();
    for name in [&b"a\xff\n,<b>\""[..], "näme 目录".as_bytes()] {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(name);
        file(&place.root().join(name).join(name), "file", 9000);
        file(&place.root().join(name), ".cache/pip/http/file", 9000);
    }
    place.scan(&["--dirs-min=0"], 0);
    let latest = std::fs::read(place.published().join("latest/prod.json")).unwrap();
    let latest: Latest = serde_json::from_slice(&latest).unwrap();
    let report = std::fs::read(place.published().join(&latest.report)).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let mut query = Command::new(python);
    query.args(["-c", QUERY]).arg(place.published());
    query.arg(deploy.join("duckdb.sql")).arg(deploy.join("terraform/queries"));
    let output = watched(&mut query, PATIENCE);
    assert_code(&output, 0);
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.as_object().unwrap().len(), 9, "{answers}");

    let rows = |query: &str| answers[query].as_array().unwrap().clone();
    let sum = |query: &str, column: &str| {
        rows(query).iter().map(|row| row[column].as_u64().unwrap()).sum::<u64>()
    };
    let whole = report["totals"]["allocated_bytes"].as_u64().unwrap();
    assert_eq!(sum("showback.sql", "mean_allocated_bytes"), whole);
    // A row for each home.
    let named = |rows: &[Value], name: &str, bytes: &str| {
        let mut named: Vec<(String, u64)> = rows
            .iter()
            .map(|row| (row[name].as_str().unwrap().to_owned(), row[bytes].as_u64().unwrap()))
            .collect();
        named.sort();
        named
    };
    let homes = report["homes"].as_array().unwrap().iter();
    let mut homes: Vec<Value> = homes.filter(|home| home["kind"] != "outside").cloned().collect();
    for home in &mut homes {
        home["allocated_bytes"] = home["usage"]["allocated_bytes"].clone();
    }
    let held = named(&rows("growth-30-days.sql"), "home", "bytes_now");
    assert_eq!(held, named(&homes, "name", "allocated_bytes"));
    let classes = &report["totals"]["by_class"];
    let cached =
        ["cache", "trash"].map(|class| classes[class]["allocated_bytes"].as_u64().unwrap());
    // No file here has a link elsewhere, so everything is freed.
    assert_eq!(sum("caches-by-rule.sql", "frees_allocated_bytes"), cached.iter().sum::<u64>());
    let grown = rows("grown-7-days.sql");
    assert!(!grown.is_empty() && grown.iter().all(|row| row["growth_bytes"] == 0), "{grown:?}");
    assert!(!rows("most-files.sql").is_empty());
}
