//! A destination with three file systems, written by two machines: one is stale and one is partial.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::*;

/// Two machines, each with a state directory, three roots, and a bucket.
struct Fleet {
    aws: Stub,
    scratch: TempDir,
}

const PEOPLE: &str = "name,uid,group\nada,200001,physics\nbo,200002,physics\ncy,200003,history\n\
                      dee,200004,\n";

/// Bytes by which every home of `prod` and `stage` grew each day.
const A_DAY: i64 = 1 << 20;

const EARLIER: i64 = 8;

/// The user of the second machine.
const NOBODY: u32 = 65534;

impl Fleet {
    /// Makes the homes, and publishes them from the first machine: `data` three days ago, `prod` and
    /// `stage` today and on the days before.
    fn new() -> Self {
        let fleet = Self { aws: Stub::start(), scratch: scratch() };
        fleet.aws.create_bucket("team");
        for (home, size) in [
            ("prod/200001", 12 << 20),
            ("prod/200002", 11 << 20),
            ("prod/200003", 10 << 20),
            ("prod/200004", 9 << 20),
            ("stage/200001", 14 << 20),
            ("stage/200003", 13 << 20),
            ("data/200002", 40 << 20),
        ] {
            file(fleet.path(), Path::new(home).join("file"), size);
        }
        std::fs::write(fleet.path().join("people.csv"), PEOPLE).unwrap();
        let config = format!(
            "names = [\"csv:{at}/people.csv\"]\nsame_people = true\n[prices]\nstandard = 1.0\n\
             [quota.groups]\nphysics = \"60MiB\"\n[publish]\nto = \"s3://team/efs\"\n",
            at = fleet.path().display()
        );
        std::fs::write(fleet.path().join("efs-scan.toml"), config).unwrap();
        // Another user runs the second machine, and needs access to its state.
        std::fs::set_permissions(fleet.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let second = fleet.path().join("second");
        std::fs::create_dir(&second).unwrap();
        if is_root() {
            std::os::unix::fs::chown(second, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        for name in ["data", "prod", "stage"] {
            let output = fleet.scan(&program(), name, "first");
            assert_eq!(code(&output), Some(0), "{name}: {}", stderr(&output));
        }
        fleet.move_back("data", SignedDuration::from_hours(72));
        for name in ["prod", "stage"] {
            (1..=EARLIER).for_each(|day| fleet.day_before(name, day));
        }
        fleet
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.aws.env(&mut command);
        command.env("EFS_SCAN_CONFIG", self.path().join("efs-scan.toml"));
        command
    }

    fn scan(&self, program: &Path, name: &str, machine: &str) -> Output {
        let mut command = self.command(program);
        self.settings(&mut command, name, machine);
        watched(&mut command, Duration::from_secs(60))
    }

    fn settings(&self, command: &mut Command, name: &str, machine: &str) {
        command.arg(self.path().join(name)).args(["--name", name, "--format", "du"]);
        command.arg("--state-dir").arg(self.path().join(machine));
    }

    /// Scans a root on the second machine, as a user who cannot read all of it. Returns false if
    /// this machine has no such user.
    fn scan_as_nobody(&self, name: &str) -> bool {
        let copy = self.path().join("efs-scan");
        std::fs::copy(program(), &copy).unwrap();
        let mut command = self.command(Path::new(if is_root() { "setpriv" } else { "env" }));
        if is_root() {
            command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
            command.args(["--clear-groups", "--inh-caps=-all"]);
        }
        command.arg(copy);
        self.settings(&mut command, name, "second");
        let passable = |dir: &Path| {
            std::fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
        };
        let able = !is_root() || self.path().ancestors().all(passable);
        if !skip_unless(able, "a partial run", "the build folder is closed to other users") {
            return false;
        }
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!(code(&output), Some(3), "{}", stderr(&output));
        true
    }

    fn object(&self, key: &str) -> String {
        String::from_utf8(self.aws.object("team", &format!("efs/{key}")).unwrap()).unwrap()
    }

    fn newest(&self, of: &str) -> Value {
        serde_json::from_str(&self.object(&format!("latest/{of}.json"))).unwrap()
    }

    /// Dates the only run of a file system back.
    fn move_back(&self, of: &str, by: SignedDuration) {
        let latest = self.newest(of);
        let time = |key: &str| latest["run"][key].as_str().unwrap().to_owned();
        let (started, finished) = (time("started"), time("finished"));
        let earlier = |text: &str| text.parse::<Timestamp>().unwrap() - by;
        let id = earlier(&started).strftime("%Y%m%dT%H%M%S%.6fZ").to_string();
        let day = |at: Timestamp| at.strftime("dt=%Y-%m-%d").to_string();
        let changed = |text: &str| {
            text.replace(&time("id"), &id)
                .replace(&started, &earlier(&started).to_string())
                .replace(&finished, &earlier(&finished).to_string())
                .replace(&day(started.parse().unwrap()), &day(earlier(&started)))
        };
        for key in self.aws.keys("team").iter().filter(|key| key.contains(of)) {
            let bytes = self.aws.object("team", key).unwrap();
            // The table of directories is no text, and nothing reads it here.
            let bytes = String::from_utf8(bytes)
                .map_or_else(|binary| binary.into_bytes(), |text| changed(&text).into_bytes());
            self.aws.delete_object("team", key);
            self.aws.put_object("team", &changed(key), bytes);
        }
    }

    /// Publishes a run of an earlier day, in which each home is smaller.
    fn day_before(&self, of: &str, days: i64) {
        let latest = self.newest(of);
        let [table, _] = csv_of(self.object(latest["report"].as_str().unwrap()).as_bytes());
        let started: Timestamp = latest["run"]["started"].as_str().unwrap().parse().unwrap();
        let at = started - SignedDuration::from_hours(24 * days);
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let head = reader.headers().unwrap().clone();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&head).unwrap();
        for row in reader.records().map(Result::unwrap) {
            let cells = head.iter().zip(row.iter()).map(|(name, cell)| match name {
                "allocated_bytes" if row[0].starts_with("2000") => {
                    (cell.parse::<i64>().unwrap() - days * A_DAY).to_string()
                }
                _ => cell.to_owned(),
            });
            writer.write_record(cells).unwrap();
        }
        let (day, id) = (at.strftime("%Y-%m-%d"), at.strftime("%Y%m%dT%H%M%S%.6fZ"));
        let key = format!("efs/homes/fs={of}/dt={day}/{id}.csv");
        self.aws.put_object("team", &key, writer.into_inner().unwrap());
    }

    /// Makes a part of a home of `stage` unreadable, and scans it on the second machine.
    fn make_stage_partial(&self) -> bool {
        let closed = self.path().join("stage/200003/closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
        self.scan_as_nobody("stage")
    }

    fn read(&self, args: &[&str]) -> String {
        let mut command = self.command(&program());
        command.env("LC_ALL", "C").args(args);
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.read(&[args, &["--format", "json"]].concat())).unwrap()
    }
}

/// Returns the words of the line that begins with `start`.
fn line(table: &str, start: &str) -> String {
    let found = table.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line `{start}`:\n{table}")).to_owned()
}

fn named<'a>(lines: &'a Value, name: &str) -> &'a Value {
    let mut all = lines.as_array().unwrap().iter();
    all.find(|line| line["name"] == name).unwrap_or_else(|| panic!("{name}: {lines}"))
}

/// Returns the allocated bytes of a home in the newest run.
fn size(fleet: &Fleet, of: &str, home: &str) -> i64 {
    let latest = fleet.newest(of);
    efs_scan_testbed::home(&latest, home)["allocated_bytes"].as_i64().unwrap()
}

#[test]
fn status_and_history_mark_stale_and_partial_file_systems() {
    let fleet = Fleet::new();
    if !fleet.make_stage_partial() {
        return;
    }
    let table = fleet.read(&["status"]);
    let at = |text: &str| table.find(text).unwrap_or_else(|| panic!("no {text}: {table}"));
    let (data, prod, stage) = (at("== data\n"), at("== prod\n"), at("== stage\n"));
    let all = at("== All file systems\n");
    assert!(table[data..prod].contains("!!! STALE: the newest run is 3 d old"), "{table}");
    assert!(!table[prod..stage].contains("STALE") && !table[prod..].contains("Gone"), "{table}");
    assert!(table[stage..all].contains(", PARTIAL: 1 error"), "{table}");
    assert!(line(&table[stage..all], "cy ").ends_with("PARTIAL"), "{table}");
    let sums = fleet.read(&["status", "--by", "file-system"]);
    assert!(line(&sums, "data ").ends_with("3 d  STALE"), "{sums}");
    assert!(line(&sums, "stage ").ends_with("PARTIAL"), "{sums}");
    assert!(line(&sums, "total of 3").contains(" 7 "), "{sums}");

    // Lines with figures of the stale run say so, and no others.
    let people = fleet.read(&["status", "--by", "person"]);
    assert!(line(&people, "bo ").ends_with("  STALE on data"), "{people}");
    assert!(line(&people, "cy ").ends_with("  PARTIAL on stage"), "{people}");
    assert!(line(&people, "ada ").ends_with("MiB"), "{people}");
    let json = fleet.json(&["status", "--by", "person"]);
    let cy = named(&json["people"], "cy");
    assert_eq!(
        (&cy["complete"], &cy["partial_on"]),
        (&false.into(), &serde_json::json!(["stage"]))
    );
    assert_eq!(named(&json["people"], "ada").get("partial_on"), None);
    let groups = fleet.read(&["status", "--by", "group"]);
    assert!(line(&groups, "physics ").ends_with("  STALE on data"), "{groups}");

    let json = fleet.json(&["history", "--by", "group"]);
    let of = |key: &str| {
        let mut all = json["file_systems"].as_array().unwrap().iter();
        all.find(|one| one["key"] == key).unwrap()
    };
    assert_eq!((&of("data")["stale"], &of("data")["runs"]), (&true.into(), &1.into()));
    assert_eq!(
        (&of("prod")["stale"], &of("stage")["coverage"]),
        (&false.into(), &"partial".into())
    );
    let by_group = fleet.read(&["history", "--by", "group"]);
    for part in
        ["!!! STALE: the newest run of data is 3 d old !!!", "newest run of stage is PARTIAL"]
    {
        assert!(by_group.contains(part), "{by_group}");
    }
    let history = line(&by_group, "history ");
    assert!(history.contains("PARTIAL, size of ") && history.contains("stage ?"), "{by_group}");
    // All days but the newest are known of the history's group.
    let history = named(&json["groups"], "history");
    let points = history["allocated_bytes"].as_array().unwrap();
    assert!(points.last().unwrap().is_null() && points[points.len() - 2].is_i64(), "{history}");
    assert_eq!(history["bytes_per_day_7"], 2 * A_DAY);
}

#[test]
fn sums_of_people_and_groups_are_those_of_their_homes_on_every_day() {
    let fleet = Fleet::new();
    let json = fleet.json(&["history", "--by", "person"]);
    let ada = named(&json["people"], "ada");
    let both = size(&fleet, "prod", "200001") + size(&fleet, "stage", "200001");
    let points = ada["allocated_bytes"].as_array().unwrap();
    assert_eq!(points.len() as i64, EARLIER + 1);
    for (point, days) in points.iter().rev().zip(0..) {
        assert_eq!(point.as_i64(), Some(both - 2 * days * A_DAY), "{days} days ago");
    }
    assert_eq!((&ada["homes"], &ada["bytes_per_day_7"]), (&2.into(), &(2 * A_DAY).into()));
    let places = ada["file_systems"].as_object().unwrap();
    assert_eq!(places.keys().collect::<Vec<_>>(), ["prod", "stage"]);
    // People with a home on the stale file system have a known size on one day only.
    let bo = named(&json["people"], "bo");
    let known = bo["allocated_bytes"].as_array().unwrap().iter().filter(|point| !point.is_null());
    assert_eq!((known.count(), &bo["bytes_per_day_7"]), (1, &Value::Null));

    let json =
        fleet.json(&["history", "--by", "group", "--file-system=prod", "--file-system=stage"]);
    let physics = named(&json["groups"], "physics");
    let sum = size(&fleet, "prod", "200001") + size(&fleet, "prod", "200002");
    let sum = sum + size(&fleet, "stage", "200001");
    let points = physics["allocated_bytes"].as_array().unwrap();
    assert_eq!(points.last().unwrap().as_i64(), Some(sum));
    assert_eq!(physics["bytes_per_day_7"], 3 * A_DAY);
    let newest =
        |line: &Value| line["allocated_bytes"].as_array().unwrap().last().unwrap().as_i64();
    let groups = json["groups"].as_array().unwrap();
    assert_eq!(newest(&json["total"]), groups.iter().map(newest).sum::<Option<i64>>());
    assert_eq!(groups.last().unwrap()["name"], "(outside homes)");
    assert_eq!(json["total"]["bytes_per_day_7"], 6 * A_DAY);

    let table = fleet.read(&["history", "--by", "file-system", "--budget", "1GiB"]);
    assert!(line(&table, "prod ").contains("+4 MiB"), "{table}");
    // The history of the file system by itself is the same.
    let alone = fleet.json(&["history", "--file-system", "prod"]);
    assert_eq!(alone["total"]["bytes_per_day_7"], 4 * A_DAY);
}

/// The quota counts on each file system, so the limit of several is their sum.
#[test]
fn a_group_reaches_its_quota_on_a_day() {
    let fleet = Fleet::new();
    let both = ["history", "--by", "group", "--file-system=prod", "--file-system=stage"];
    let json = fleet.json(&both);
    let physics = named(&json["groups"], "physics");
    assert_eq!(physics["limit_bytes"], 120 << 20);
    let size = physics["allocated_bytes"].as_array().unwrap().last().unwrap().as_i64().unwrap();
    let days = ((120 << 20) - size) as f64 / (3 * A_DAY) as f64;
    // The time of the line is that of the later run.
    let started: Timestamp =
        fleet.newest("stage")["run"]["started"].as_str().unwrap().parse().unwrap();
    let then = started + SignedDuration::from_secs_f64(days * 86_400.0);
    let then = then.strftime("%Y-%m-%d").to_string();
    assert_eq!(physics["forecast"], serde_json::json!({ "is": "on", "date": then }));
    let table = fleet.read(&both);
    assert!(line(&table, "GROUP").contains("QUOTA  FORECAST"), "{table}");
    assert!(line(&table, "physics").contains(&format!("120 MiB  {then}")), "{table}");
    // A group without a quota has no limit, and the budget of everything is not that of a group.
    let history = named(&json["groups"], "history");
    assert_eq!(history["forecast"]["is"], "no_limit");
    let json = fleet.json(&[&both[..], &["--budget", "1GiB"]].concat());
    assert_eq!(json["total"]["limit_bytes"], 1 << 30);
    assert_eq!(named(&json["groups"], "physics")["limit_bytes"], 120 << 20);
    // With one file system it is the quota as set; people have none of a group's.
    let json = fleet.json(&["history", "--by", "group", "--file-system=prod"]);
    assert_eq!(named(&json["groups"], "physics")["limit_bytes"], 60 << 20);
    let json = fleet.json(&["history", "--by", "person"]);
    assert_eq!(named(&json["people"], "ada")["forecast"]["is"], "no_limit");

    // Status has it for the newest runs, and marks it where it is passed.
    let table = fleet.read(&["status", "--by", "group"]);
    let used = size_of_group(&fleet) as f64 / (180 << 20) as f64;
    let percent = format!("{:.1} % of 180 MiB", (used * 1000.0).floor() / 10.0);
    assert!(line(&table, "physics").contains(&percent), "{percent}: {table}");
    let small = std::fs::read_to_string(fleet.path().join("efs-scan.toml")).unwrap();
    let small = small.replace("60MiB", "10MiB");
    std::fs::write(fleet.path().join("efs-scan.toml"), small).unwrap();
    assert_eq!(code(&fleet.scan(&program(), "prod", "first")), Some(0));
    let prod = fleet.read(&["status", "--by", "group", "--file-system", "prod"]);
    assert!(line(&prod, "physics").ends_with("OVER QUOTA"), "{prod}");
    assert_eq!(
        named(
            &fleet.json(&["history", "--by", "group", "--file-system=prod"])["groups"],
            "physics"
        )["forecast"]["is"],
        "already_over"
    );
}

fn size_of_group(fleet: &Fleet) -> i64 {
    [("prod", "200001"), ("prod", "200002"), ("stage", "200001"), ("data", "200002")]
        .map(|(of, home)| size(fleet, of, home))
        .iter()
        .sum()
}

/// Group and cost of each home in a run.
type Costs = Vec<(String, f64)>;

/// The means are computed from the tables of each day.
#[test]
fn each_month_has_the_mean_of_its_days() {
    let fleet = Fleet::new();
    let json = fleet.json(&["history", "--by", "group"]);
    let months = json["months"].as_array().unwrap();
    let mut want: BTreeMap<(String, String), f64> = BTreeMap::new();
    let mut days: BTreeMap<(String, String), Vec<Costs>> = BTreeMap::new();
    for key in fleet.aws.keys("team").iter().filter(|key| key.starts_with("efs/homes/")) {
        let part = |name: &str| {
            let at = key.find(name).unwrap() + name.len();
            key[at..].split('/').next().unwrap().to_owned()
        };
        let table = fleet.aws.object("team", key).unwrap();
        let rows = match key.ends_with(".parquet") {
            true => crate::tables::parquet(table).1,
            false => crate::tables::csv(&table),
        };
        let rows = rows.into_iter().map(|row| {
            let cell = |name: &str| &*row[name];
            let group = match (cell("kind"), cell("owner_group")) {
                ("outside", _) => "(outside homes)",
                (_, "") => "(no group)",
                (_, group) => group,
            };
            (group.to_owned(), cell("cost_month_usd").parse().unwrap())
        });
        let month = part("/dt=")[..7].to_owned();
        days.entry((part("/fs="), month)).or_default().push(rows.collect());
    }
    for ((_, month), runs) in &days {
        for (group, cost) in runs.iter().flatten() {
            *want.entry((month.clone(), group.clone())).or_default() += cost / runs.len() as f64;
        }
    }
    let mut found = BTreeMap::new();
    for month in months {
        for held in month["held"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let key = (text(&month["month"]), text(&held["name"]));
            found.insert(key, held["cost_month"].as_f64().unwrap());
        }
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>());
    for (key, cost) in &want {
        assert!((found[key] - cost).abs() < 1e-9, "{key:?}: {} {cost}", found[key]);
    }
    let table = fleet.read(&["history", "--by", "group", "--monthly"]);
    assert!(table.contains("\nMONTH") && table.contains("USD/MONTH\n"), "{table}");
    assert!(table.contains("  (no group)") && table.contains("  (outside homes)"), "{table}");
}

#[test]
fn conflicting_flags_are_refused() {
    let fleet = Fleet::new();
    for (args, part) in [
        (&["--by", "group", "--user", "ada"][..], "cannot be used with"),
        (&["--monthly"], "--by"),
        (&["--by", "group", "--format", "csv"], "leave out --by"),
    ] {
        let mut command = fleet.command(&program());
        let output = watched(command.arg("history").args(args), Duration::from_secs(60));
        assert_eq!(code(&output), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}
