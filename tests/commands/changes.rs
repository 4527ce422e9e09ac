//! `efs-scan changes`: what grew between two published runs, or two files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use efs_scan::dirs::{About, DirRow, DirsWriter, Sums};
use efs_scan::report::HomeKind;
use efs_scan::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use efs_scan_testbed::*;
use serde_json::Value;

use crate::status::world::*;

pub(crate) mod pages;
mod partial;

use pages::pages_of_growth;

const MIB: u64 = 1 << 20;

/// What lies directly in a directory, in MiB, by its path.
type Dirs = &'static [(&'static [u8], u64)];

/// A table of homes by name with directories by path: what lies directly in each, in MiB.
fn table(homes: &[(&[u8], Dirs)]) -> Vec<DirRow> {
    rows_of(&homes.iter().map(|(home, dirs)| (*home, dirs.to_vec())).collect::<Vec<_>>())
}

#[allow(clippy::type_complexity)]
fn rows_of(homes: &[(&[u8], Vec<(&[u8], u64)>)]) -> Vec<DirRow> {
    let mut rows = Vec::new();
    for (home, dirs) in homes {
        let mut of: Vec<DirRow> = Vec::new();
        for (path, mib) in dirs {
            let allocated = AllocatedBytes(mib * MIB);
            let own = Sums {
                files: 1,
                dirs: 1,
                apparent: ApparentBytes(mib * MIB),
                allocated,
                metered: MeteredBytes::of(allocated, 2),
            };
            of.push(DirRow {
                kind: HomeKind::Uid,
                home: home.to_vec(),
                path: path.to_vec(),
                uid: 200_005,
                own,
                subtree: own,
                newest: Some(1_700_000_000 + *mib as i64),
                ..DirRow::default()
            });
        }
        of.sort_by(DirRow::cmp_place);
        for at in 0..of.len() {
            let below: Vec<Sums> =
                of.iter().filter(|row| of[at].contains(row)).map(|row| row.own).collect();
            below.iter().for_each(|own| of[at].subtree.add(own));
        }
        rows.extend(of);
    }
    rows.sort_by(DirRow::cmp_place);
    rows
}

fn write(path: &Path, run: Option<&str>, coverage: &str, rows: &[DirRow]) {
    let about = About {
        run: run.map(str::to_owned),
        file_system: "prod".to_owned(),
        root: b"/mnt/efs".to_vec(),
        dirs_min: MeteredBytes(MIB),
        coverage: coverage.to_owned(),
    };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = DirsWriter::new(file, &about).unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    writer.finish().unwrap();
}

/// Publishes a table of directories beside the table of homes of this run.
fn publish(world: &World, run: &str, coverage: &str, rows: &[DirRow]) {
    let homes = ["homes/parquet/fs=prod", "homes/fs=prod"].map(|folder| world.to().join(folder));
    let names = [format!("{run}.parquet"), format!("{run}.csv")];
    let mut tables = homes
        .iter()
        .zip(names)
        .map(|(homes, name)| homes.join(format!("dt={}", day(run))).join(name));
    assert!(tables.any(|table| table.exists()));
    write(&place(world, run), Some(run), coverage, rows);
}

fn day(run: &str) -> String {
    format!("{}-{}-{}", &run[..4], &run[4..6], &run[6..8])
}

fn place(world: &World, run: &str) -> PathBuf {
    world.to().join(format!("dirs/fs=prod/dt={}/{run}.parquet", day(run)))
}

fn newest(world: &World) -> String {
    world.latest()["run"]["id"].as_str().unwrap().to_owned()
}

fn changes<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Output {
    let mut command = efs_scan();
    command.arg("changes").args(args);
    watched(&mut command, Duration::from_secs(60))
}

fn of_world(world: &World, args: &[&str]) -> Output {
    let to = world.to();
    changes([OsStr::new("--from"), to.as_os_str()].into_iter().chain(args.iter().map(OsStr::new)))
}

fn text(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The rows of the table below its head, without runs of blanks.
fn lines(text: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.trim_start().starts_with("CHANGE")).skip(1);
    rows.take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

const BEFORE: &[(&[u8], Dirs)] = &[
    (b"200005", &[(b"", 1), (b"work", 5), (b"work/run1", 100), (b"data", 40)]),
    (b"200006", &[(b"", 1), (b"x", 10)]),
];

const AFTER: &[(&[u8], Dirs)] = &[
    (
        b"200005",
        &[(b"", 1), (b"work", 5), (b"work/run1", 160), (b"work/run2", 30), (b"old/data", 40)],
    ),
    (b"200006", &[(b"", 1), (b"x", 10)]),
];

/// A world with the newest run, one of the day before and one of the week before; all have tables.
fn world() -> World {
    let world = World::new();
    let week = world.earlier(hours(7 * 24), |_| {});
    let day = world.earlier(hours(24), |_| {});
    publish(&world, &week, "complete", &table(&[(b"200006", &[(b"", 1)])]));
    publish(&world, &day, "complete", &table(BEFORE));
    publish(&world, &newest(&world), "complete", &table(AFTER));
    world
}

#[test]
fn what_grew_since_the_day_before_is_a_tree() {
    let world = world();
    let shown = text(&of_world(&world, &[]), 0);
    assert_eq!(
        lines(&shown),
        [
            "+90 MiB +1 200005 (zoe)",
            "work/",
            "+60 MiB grew run1",
            "+30 MiB +1 new run2",
            "= moved old/data, from data: 40 MiB",
        ],
        "{shown}"
    );
    assert!(shown.contains("+90 MiB, +1 file; 1 home changed, 1 did not."), "{shown}");
    assert!(shown.contains("moved is probable"), "{shown}");
    let json: Value =
        serde_json::from_str(&text(&of_world(&world, &["--format", "json"]), 0)).unwrap();
    assert_eq!(json["schema"], "efs-scan/changes/1");
    let home = &json["homes"][0];
    let sum: i64 = home["lines"].as_array().unwrap().iter().map(change).sum();
    assert_eq!(sum + change(&home["rest"]), change(home));
    assert_eq!(change(home), 90 << 20);
    assert_eq!(home["owner"], "zoe");
}

fn change(of: &Value) -> i64 {
    of["change"]["allocated_bytes"].as_i64().unwrap()
}

#[test]
fn the_status_names_the_place_that_grew_most() {
    let world = world();
    let shown = world.table(&[]);
    let line = "Grew most since the day before: zoe: work/run1, +60 MiB.";
    assert!(shown.contains(line), "{shown}");
    let grew = |json: &Value| {
        let homes = json["homes"].as_array().unwrap();
        let zoe = homes.iter().find(|home| home["name"] == "200005").unwrap();
        zoe["grew_most"]["path"].clone()
    };
    assert_eq!(grew(&world.json()), "work/run1");
    std::fs::write(place(&world, &newest(&world)), "no table").unwrap();
    let shown = text(&world.status::<&str>([]), 3);
    assert!(!shown.contains("Grew most"), "{shown}");
    assert!(shown.contains("Where homes grew most is left out: "), "{shown}");
    let json = text(&world.status(["--format", "json"]), 3);
    assert_eq!(grew(&serde_json::from_str(&json).unwrap()), Value::Null);
}

#[test]
fn the_status_of_several_file_systems_names_such_places_too() {
    let world = world();
    let root = world.scratch.path().join("stage");
    file(&root, "200005/data", 5_000_000);
    let mut command = efs_scan();
    command.env("EFS_SCAN_STATE_DIR", world.scratch.path().join("state")).arg(root);
    command.args(["--name=stage", "--quiet", "--publish"]).arg(world.to());
    assert_eq!(watched(&mut command, Duration::from_secs(60)).status.code(), Some(0));
    let line = "Grew most since the day before: zoe: work/run1, +60 MiB.";
    let shown = world.table(&[]);
    assert!(shown.contains("== stage") && shown.contains(line), "{shown}");
    // A first run has nothing to compare with, which is no trouble.
    assert!(!shown.contains("left out"), "{shown}");
    // Larger tables than a few seconds allow are not read, and that is said.
    let table = std::fs::File::create(place(&world, &newest(&world))).unwrap();
    table.set_len(17 << 20).unwrap();
    let shown = world.table(&[]);
    assert!(!shown.contains(line), "{shown}");
    let said = "Where homes grew most is left out: ";
    let said = &shown[shown.find(said).unwrap_or_else(|| panic!("{shown}"))..];
    assert!(said.lines().next().unwrap().contains("it has more than 16 MiB"), "{said}");
}

#[test]
fn mails_name_the_places_that_grew_most_in_own_homes() {
    let (world, _) = pages_of_growth();
    let config = world.scratch.path().join("remind.toml");
    let settings = "[remind]\nfrom = 'e@example.com'\nadmin = 'a@example.com'\n\
                address = '{name}@example.com'\ntrash = '1KiB'\n";
    std::fs::write(&config, settings).unwrap();
    // Bob has trash.
    let of_bob = |code: i32| {
        let mut command = efs_scan();
        command.args(["remind", "--dry-run", "--config"]).arg(&config);
        let output = watched(command.arg("--from").arg(world.to()), Duration::from_secs(60));
        let said = text(&output, code);
        let at = said.find("The places that grew most:").unwrap_or_else(|| panic!("{said}"));
        let lines = said[at..].lines().skip(2).take_while(|line| !line.is_empty());
        let lines = lines.filter(|line| *line != "  (not known)");
        // Without the day.
        let line = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            [&words[..2], &words[4..]].concat().join(" ")
        };
        lines.map(line).collect::<Vec<_>>()
    };
    assert_eq!(of_bob(0), ["+30 MiB 200006/data, new"]);
    // A file in the same directory before and now, and four new directories: the three largest are named.
    let more: &[(&[u8], Dirs)] =
        &[(b"200006", &[(b"", 1), (b"secret-of-bob", 177), (b"a", 20), (b"b", 60), (b"c", 3)])];
    publish(&world, &newest(&world), "complete", &table(more));
    let want = ["+100 MiB 200006/secret-of-bob", "+60 MiB 200006/b, new", "+20 MiB 200006/a, new"];
    assert_eq!(of_bob(0), want);
    // Without one of the tables they are sent, too.
    std::fs::write(place(&world, &newest(&world)), "no table").unwrap();
    assert_eq!(of_bob(3), [""; 0]);
}

#[test]
fn runs_users_and_paths_are_chosen() {
    let world = world();
    let week = text(&of_world(&world, &["--since", "7d"]), 0);
    assert!(week.contains("2 homes changed"), "{week}");
    let bob = text(&of_world(&world, &["--since", "7d", "--user", "bob"]), 0);
    assert_eq!(lines(&bob), ["+10 MiB +1 200006 (bob)", "+10 MiB +1 new x"], "{bob}");
    for path in ["200005/work", "/mnt/efs/200005/work/"] {
        let work = text(&of_world(&world, &["--path", path]), 0);
        assert_eq!(lines(&work).len(), 4, "{work}");
        assert!(work.contains("+90 MiB"), "{work}");
    }
    let of_user = text(&of_world(&world, &["--user", "zoe", "--path", "work/run2"]), 0);
    assert!(of_user.contains("+30 MiB"), "{of_user}");
    let min = text(&of_world(&world, &["--min", "50MiB"]), 0);
    assert!(
        min.contains("run1") && !min.contains("run2") && min.contains(" more places)"),
        "{min}"
    );
    for limit in ["1", "2"] {
        let json = text(&of_world(&world, &["--limit", limit, "--format", "json"]), 0);
        let json: Value = serde_json::from_str(&json).unwrap();
        let home = &json["homes"][0];
        let lines = home["lines"].as_array().unwrap();
        assert!(lines.len() <= limit.parse().unwrap(), "{json}");
        let sum: i64 = lines.iter().map(change).sum();
        assert_eq!(sum + change(&home["rest"]), 90 << 20, "{json}");
    }
    for (args, said) in [
        (&["--user", "nobody"][..], "no home for nobody in these runs"),
        (&["--path", "200005/nowhere"], "--path: it has no row in either table"),
        (&["--since", "soon"], "--since: `soon` is no time"),
        (&["--since", "20200101T000000.000000Z"], "3 runs there have a table of directories, from"),
        (&["--min", "much"], "--min: `much` is not a size"),
    ] {
        let output = of_world(&world, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn runs_without_a_table_are_said() {
    let world = World::new();
    // The newest run may have one already.
    let _ = std::fs::remove_dir_all(world.to().join("dirs"));
    let output = of_world(&world, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("no run of prod has a table of directories"), "{said}");
    publish(&world, &newest(&world), "complete", &table(AFTER));
    let output = of_world(&world, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    let want = format!("only the run {} has a table of directories", newest(&world));
    assert!(said.contains("no earlier run to compare with") && said.contains(&want), "{said}");
}

#[test]
fn a_run_from_the_future_is_left_out_and_named() {
    let world = world();
    let future = "29990101T000000.000000Z";
    write(&place(&world, future), Some(future), "complete", &table(BEFORE));
    let output = of_world(&world, &[]);
    assert!(text(&output, 0).contains("+90 MiB"));
    let said = stderr(&output);
    assert!(said.contains("left out") && said.contains("is from the future"), "{said}");
    let output = of_world(&world, &["--since", "9999-12-31"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn two_files_are_compared() {
    let dir = scratch();
    let [old, new] = ["old", "new"].map(|name| dir.path().join(name));
    write(&old, None, "complete", &table(BEFORE));
    write(&new, None, "complete", &table(AFTER));
    let shown = text(&changes([&old, &new]), 0);
    assert_eq!(lines(&shown)[0], "+90 MiB +1 200005");
    let all: [&OsStr; 4] = [old.as_ref(), new.as_ref(), "--user".as_ref(), "200006".as_ref()];
    assert!(text(&changes(all), 0).contains("0 homes changed, 1 did not"));
    let missing = changes([&old, &dir.path().join("none")]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("none: No such file"), "{}", stderr(&missing));
    assert_eq!(changes([&old]).status.code(), Some(2));
}

#[test]
fn hostile_names_do_nothing() {
    let dir = scratch();
    let [old, new] = ["old", "new"].map(|name| dir.path().join(name));
    let home: &[u8] = b"a\xff\n,<b>\"\x1b[2J";
    let name: &[u8] = "x\n\u{202e}\x1b[31m".as_bytes();
    write(&old, None, "complete", &rows_of(&[(home, vec![(b"", 1), (b"m", 3)])]));
    let moved = [name, b"/m\xff"].concat();
    write(&new, None, "complete", &rows_of(&[(home, vec![(b"", 1), (name, 50), (&moved, 3)])]));
    let shown = text(&changes([&old, &new]), 0);
    assert!(!shown.contains(['\x1b', '\u{202e}']), "{shown:?}");
    assert!(shown.contains(r"a\xff\n,<b>") && shown.contains(r"x\n\u{202e}\x1b[31m"), "{shown}");
    let json: [&OsStr; 4] = [old.as_ref(), new.as_ref(), "--format".as_ref(), "json".as_ref()];
    let json = text(&changes(json), 0);
    assert!(!json.contains(['\x1b', '\u{202e}']), "{json:?}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["homes"][0]["name_base64"], BASE64_STANDARD.encode(home));
    let by_path = [
        old.as_os_str(),
        new.as_os_str(),
        "--path".as_ref(),
        OsStr::from_bytes(&[home, b"/", name].concat()),
    ]
    .map(OsStr::to_owned);
    assert!(text(&changes(by_path), 0).contains("+5"));
}
