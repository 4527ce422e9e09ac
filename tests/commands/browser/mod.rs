//! The HTML pages in headless Chromium, driven by playwright-core and checked by axe-core, which
//! `tests/commands/browser/install` puts below target/. Screenshots go to target/browser/looks.

mod grafana;

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::changes::pages::{fleet_page_of_growth, pages_of_growth};
use crate::pages::fleet::member;
use crate::pages::invented;
use efs_scan::history;
use efs_scan::outbox::publish;
use efs_scan::pages::{Fleet, Pages};
use efs_scan::report::{FileSystemKey, OwnerStatus, Report, SamePeople};
use efs_scan::store::Directory;
use efs_scan_testbed::*;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const SCRIPT: &str = "<script>alert(1)</script>";

/// Returns the path of the first of these programs that is there.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path)
        .flat_map(|place| names.iter().map(move |name| place.join(name)));
    places.find(|it| it.exists())
}

/// Returns Chromium and the directory of playwright-core; otherwise reports the test as skipped.
fn browser() -> Option<(PathBuf, PathBuf)> {
    let chromium = program(&["chromium", "chromium-browser"]);
    if !skip_unless(chromium.is_some(), "the report in a browser", "it needs chromium") {
        return None;
    }
    Some((chromium?, packages("the report in a browser")?))
}

/// Returns the directory of the packages for node; otherwise reports `what` as skipped.
fn packages(what: &str) -> Option<PathBuf> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match INSTALLED.get_or_init(install) {
        Ok(place) => Some(place.clone()),
        Err(why) => {
            skip_unless(false, what, why);
            None
        }
    }
}

/// Installs the packages, or says why it cannot.
fn install() -> Result<PathBuf, String> {
    let version = Command::new("node").arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let major = version.and_then(|text| text.strip_prefix('v')?.split('.').next()?.parse().ok());
    if program(&["npm"]).is_none() || major < Some(20) {
        return Err("it needs npm and node from 20 on".to_owned());
    }
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/browser/install");
    let mut install = Command::new(install);
    install.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    let output = watched(&mut install, Duration::from_secs(300));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let why = said.trim().lines().last().unwrap_or_default();
        return Err(format!("npm could not install: {why}"));
    }
    let place = String::from_utf8(output.stdout).unwrap();
    Ok(place.lines().last().unwrap().into())
}

/// Makes a run with homes of every kind, one with a hostile name and one with a very long name.
fn odd(started: Timestamp, day: f64) -> Report {
    let mut homes: Vec<_> = invented::report(40, started, day).homes.iter().collect();
    let home = &mut homes[2];
    home.owner.name = Some(SCRIPT.to_owned());
    home.findings[0].path = format!("{}/it's \"<b>\u{202e}\n/.cache", home.name);
    home.findings[0].command = Some(format!(
        "rm -rf {}",
        efs_scan::text::shell_word(format!("/mnt/efs/{}", home.findings[0].path).as_bytes())
    ));
    homes[3].owner.name = Some("person-with-a-very-long-name-".repeat(8));
    // The newest runs and an earlier one could not read all of it.
    if day > 28.0 || day == 12.0 {
        homes[4].coverage = efs_scan::report::Coverage::Partial;
    }
    homes[5].findings[0].path =
        format!("{}/{}", homes[5].name, "directory-in-a-directory/".repeat(20));
    invented::of_homes(homes, started)
}

/// Four file systems: one with hostile and very long names, one stale, one partial, and one broken.
fn fleet(started: Timestamp) -> Fleet {
    let old = started - SignedDuration::from_hours(80);
    let mut partial = invented::report(6, started, 3.0);
    partial.run.coverage = efs_scan::report::Coverage::Partial;
    let long = "shared-data-of-the-whole-company-in-region-eu-central-1-and-more";
    let members = vec![
        member("fs-0123456789abcdef0", Some("prod"), odd(started, 30.0)),
        member("stage", None, invented::report(12, old, 4.0)),
        member("fs-0fedcba9876543210", Some(long), partial),
        member("dev", None, invented::report(0, started, 0.0)),
    ];
    let broken = vec![FileSystemKey::new("mnt-efs-old").unwrap()];
    Fleet { members, broken, same_people: SamePeople::ByDomain }
}

struct World {
    place: tempfile::TempDir,
    newest: Report,
    /// Pages about what grew by their names, and what they were made of.
    grew: [(&'static str, PathBuf); 3],
    _of: crate::status::world::World,
}

impl World {
    /// Makes pages of 3, 40 and 1,000 homes and of one user, from published runs.
    fn new() -> Self {
        let place = scratch();
        // A whole second, because the browser's clock is set to it.
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let newest = now - SignedDuration::from_mins(30);
        let at = |day: i64| newest - SignedDuration::from_hours(24 * (30 - day));
        let few = |started, day| invented::report(3, started, day);
        let many = |started, day| invented::report(1000, started, day);
        let page = |name: &str, days: &[i64], make: &dyn Fn(Timestamp, f64) -> Report| {
            let store = Directory::new(place.path().join(name));
            for day in days {
                publish(&store, &make(at(*day), *day as f64)).unwrap();
            }
            let report = make(newest, 30.0);
            let history =
                history::read(&store, &report.file_system_key(), 90, report.run.finished).unwrap();
            assert_eq!(history.runs.len(), days.len());
            let pages = Pages::new(&report, &history, now);
            let file = |name: &str| place.path().join(format!("{name}.html"));
            std::fs::write(file(name), pages.overview().as_bytes()).unwrap();
            let user = pages.of_user(report.homes.get(2).unwrap().uid.unwrap()).unwrap();
            std::fs::write(file(&format!("{name}-user")), user.as_bytes()).unwrap();
            report
        };
        let days: Vec<i64> = (0..=30).collect();
        page("few", &days, &few);
        page("many", &[23, 30], &many);
        let newest = page("odd", &days, &odd);
        let page = fleet(newest.run.started).page(now);
        std::fs::write(place.path().join("fleet.html"), page.as_bytes()).unwrap();
        let (of, [all, user]) = pages_of_growth();
        let fleet = fleet_page_of_growth(&of);
        let grew = [("grew", all), ("grew-user", user), ("grew-fleet", fleet)];
        Self { place, newest, grew, _of: of }
    }

    fn look(&self, chromium: &Path, packages: &Path) -> Value {
        let page = |name: &str, axe: bool| {
            let file = self.place.path().join(format!("{name}.html"));
            json!({"name": name, "file": file, "axe": axe})
        };
        let mut pages = vec![
            page("odd", true),
            page("odd-user", true),
            page("fleet", true),
            page("few", false),
            page("many", false),
        ];
        let grew = self.grew.iter();
        pages.extend(grew.map(|(name, file)| json!({"name": name, "file": file, "axe": true})));
        let pictures = packages.join("looks");
        std::fs::create_dir_all(&pictures).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/browser/look.cjs");
        let mut node = Command::new("node");
        node.arg(script).args([packages, chromium, &pictures]).arg(Value::from(pages).to_string());
        let output = watched(&mut node, Duration::from_secs(300));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        println!("{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Checks that the browser logged, blocked and requested nothing.
fn quiet(seen: &Value, what: &str) {
    for kind in ["console", "errors", "requests", "refused"] {
        assert_eq!(seen[kind], json!([]), "{what}: {kind}");
    }
}

#[test]
fn the_pages_in_a_browser() {
    let Some((chromium, packages)) = browser() else { return };
    let world = World::new();
    let seen = world.look(&chromium, &packages);
    for (name, looks) in seen["looks"].as_object().unwrap() {
        looked(name, looks.as_array().unwrap());
    }
    let uses = &seen["uses"];
    quiet(uses, "using it");
    assert_eq!(uses["active"], 0, "nothing that acts came from a name");
    sorted(&uses["homes"], 40 + 1);
    sorted(&uses["findings"], 100);
    filtered(&uses["filters"], &world.newest);
    copied(&uses["copies"]);
    let themes = uses["themes"].as_array().unwrap();
    let names: Vec<&Value> = themes.iter().map(|theme| &theme[0]).collect();
    assert_eq!(names, ["Theme: auto", "Theme: light", "Theme: dark", "Theme: auto"]);
    assert_eq!(themes[0][1], themes[1][1]);
    assert_ne!(themes[1][1], themes[2][1]);

    let still = &seen["still"];
    quiet(still, "without a script");
    assert_eq!(still["rows"], 41);
    assert_eq!(still["commands"], commands(&world.newest));
    assert_eq!(
        (&still["buttons"], &still["tools"]),
        (&json!(0), &json!(0)),
        "none that do nothing"
    );
    assert_eq!((&still["curves"], &still["map"]), (&json!(1), &json!(1)));
    assert!(still["paper"].as_u64() > Some(20_000));
    for (name, page) in [
        ("grew", &["zoe 200005", "work/"][..]),
        ("grew-user", &["work/"]),
        ("grew-fleet", &["prod ", "zoe 200005", "work/"]),
    ] {
        opened(name, &seen["opens"][name], page);
        unopened(name, &seen["stillGrew"][name]);
    }
    let ages = json!([["60 min ago", false], ["47 h ago", true], ["9 days ago", true]]);
    assert_eq!(seen["ages"], ages);
}

fn looked(name: &str, looks: &[Value]) {
    assert_eq!(looks.len(), 4);
    for look in looks {
        let what = format!("{name}, {} at {}", look["colorScheme"], look["width"]);
        quiet(look, &what);
        assert!(look["wide"].as_u64() <= look["width"].as_u64(), "{what}: it scrolls sideways");
        if name.ends_with("fleet") {
            assert_eq!(look["links"], if name == "fleet" { 4 } else { 0 }, "{what}");
        } else if !name.ends_with("-user") {
            assert_eq!(look["maps"], 1, "{what}: one treemap is shown");
            let homes = match name {
                "few" => 3,
                "grew" => 4,
                _ => 40,
            };
            assert!(look["drawn"].as_u64() >= Some(homes), "{what}: {}", look["drawn"]);
        }
        if let Some(violations) = look.get("violations") {
            assert_eq!(texts(violations), Vec::<&str>::new(), "{what}");
            assert!(look["rules"].as_u64() > Some(15), "{what}: axe looked at something");
        }
    }
    assert_ne!(looks[0]["ground"], looks[2]["ground"], "{name}: the themes differ");
}

fn sorted(sorts: &Value, rows: usize) {
    let sorts = sorts.as_array().unwrap();
    assert!(sorts.len() >= 8, "{} times", sorts.len());
    for pair in sorts.chunks(2) {
        assert_ne!(pair[0]["said"], pair[1]["said"], "{}: both ways", pair[0]["name"]);
        for sort in pair {
            assert_eq!(sort["others"], 0);
            let cells = sort["cells"].as_array().unwrap();
            assert_eq!(cells.len(), rows);
            let down = sort["said"] == "descending";
            // Unknown values come last.
            let number = |cell: &Value| cell["value"].as_str()?.parse::<f64>().ok();
            if sort["kind"] == "number" {
                let known: Vec<Option<f64>> = cells.iter().map(number).collect();
                let unknown = known.iter().position(Option::is_none).unwrap_or(rows);
                assert!(known[unknown..].iter().all(Option::is_none), "{}", sort["name"]);
                let known: Vec<f64> = known.into_iter().flatten().collect();
                let ordered = |a: &f64, b: &f64| if down { a >= b } else { a <= b };
                assert!(known.is_sorted_by(ordered), "{}: {known:?}", sort["name"]);
            } else {
                let first = |at: usize| cells[at]["text"].as_str().unwrap().chars().next();
                let last = cells.iter().rposition(|cell| cell["text"] != "").unwrap();
                let key = |at: usize| first(at).filter(char::is_ascii_alphanumeric);
                if let (Some(a), Some(b)) = (key(0), key(last)) {
                    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
                    assert!(if down { a >= b } else { a <= b }, "{}: {a} {b}", sort["name"]);
                }
            }
        }
    }
}

fn filtered(filters: &Value, report: &Report) {
    let rows = |state: &str| texts(&filters[state]["rows"]);
    let over = report.over_quota().count();
    let is_orphan = |home: &efs_scan::report::HomeReport| home.owner.status == OwnerStatus::Orphan;
    let orphans = report.homes.iter().filter(is_orphan).count();
    let both = report.over_quota().filter(is_orphan).count();
    assert!(over > 0 && orphans > 0);
    assert_eq!(rows("before").len(), 41);
    assert_eq!(filters["before"]["status"], "40 homes");
    assert_eq!(rows("text").len(), 1);
    assert!(rows("text")[0].starts_with(SCRIPT), "{:?}", rows("text"));
    assert_eq!(filters["text"]["status"], "1 of 41 shown");
    assert_eq!(rows("nobody").len(), 0);
    assert_eq!(rows("over").len(), over);
    assert_eq!(rows("both").len(), both);
    assert_eq!(rows("orphans").len(), orphans);
    assert_eq!(filters["after"], filters["before"]);
}

/// Counts the findings with a command among the hundred that free most; others have advice in
/// words.
fn commands(report: &Report) -> usize {
    let mut findings: Vec<_> = report.homes.iter().flat_map(|home| home.findings).collect();
    findings.sort_by_key(|finding| (Reverse(finding.frees.allocated_bytes), finding.path.clone()));
    let commands = findings[..100].iter().filter(|finding| finding.command.is_some()).count();
    assert!((1..100).contains(&commands), "{commands}");
    commands
}

fn copied(copies: &Value) {
    let copies = copies.as_array().unwrap();
    assert_eq!(copies.len(), 5);
    for copy in copies {
        assert_eq!(copy["got"], copy["wanted"]);
        assert_eq!(copy["said"], "Copied");
    }
}

/// Checks the treemap of what grew: opened by the mouse, then by the keyboard, always at the largest place.
/// `path` are the places that open, or how they begin.
fn opened(name: &str, seen: &Value, path: &[&str]) {
    quiet(seen, name);
    let states = seen["states"].as_array().unwrap();
    let did: Vec<&str> = states.iter().map(|state| state["did"].as_str().unwrap()).collect();
    let mut once = vec!["begin"];
    once.extend(path.iter().map(|_| "open"));
    once.push("root");
    let twice = [&once[..], &once[..], &["narrow"]].concat();
    assert_eq!(did, twice, "{name}");
    let (mouse, keys) = (&states[..once.len()], &states[once.len()..2 * once.len()]);
    for (mouse, keys) in mouse.iter().zip(keys) {
        assert_eq!(
            (&mouse["crumbs"], &mouse["tiles"]),
            (&keys["crumbs"], &keys["tiles"]),
            "{name}"
        );
    }
    for (depth, state) in mouse[..=path.len()].iter().enumerate() {
        let crumbs = texts(&state["crumbs"]);
        assert_eq!(crumbs.len(), 1 + depth, "{name}: {crumbs:?}");
        let want = ["Everything"].iter().chain(path);
        for (crumb, want) in crumbs.iter().zip(want) {
            assert!(crumb.starts_with(want), "{name}: {crumbs:?}");
        }
        let tiles = state["tiles"].as_array().unwrap();
        let text = |tile: &Value| tile["text"].as_str().unwrap().to_owned();
        // The tiles are what is in the last crumb: they fill the area, by size.
        let areas: Vec<u64> = tiles.iter().map(|tile| tile["area"].as_u64().unwrap()).collect();
        let (sum, area) = (areas.iter().sum::<u64>(), state["area"].as_u64().unwrap());
        assert!(sum.abs_diff(area) < area / 50, "{name}: {sum} of {area}");
        assert!(areas.is_sorted_by(|a, b| a + a / 20 + 200 >= *b), "{name}: {areas:?}");
        match path.get(depth) {
            Some(next) => {
                assert!(text(&tiles[0]).starts_with(next), "{name}: {}", text(&tiles[0]));
                assert_eq!(tiles[0]["opens"], true);
            }
            None => {
                let all: Vec<String> = tiles.iter().map(text).collect();
                assert_eq!(all, ["run2 +420 MiB", "run3 +90 MiB"], "{name}");
                assert!(crumbs.last().unwrap().ends_with("work/ +510 MiB"), "{name}: {crumbs:?}");
            }
        }
        if depth > 0 {
            // The focus is on the way back, so the keyboard goes on from there.
            assert_eq!(state["focus"].as_str(), Some(crumbs[depth - 1]), "{name}");
        }
    }
    let root = mouse.last().unwrap();
    assert_eq!(
        (&root["crumbs"], &root["tiles"]),
        (&mouse[0]["crumbs"], &mouse[0]["tiles"]),
        "{name}"
    );
    let narrow = states.last().unwrap();
    assert_eq!(narrow["crumbs"], mouse[0]["crumbs"]);
    assert!(!narrow["tiles"].as_array().unwrap().is_empty(), "{name}");
}

/// Checks that the table says the same without a script.
fn unopened(name: &str, seen: &Value) {
    quiet(seen, name);
    assert_eq!(seen["maps"], 0, "{name}");
    let rows: Vec<Vec<&str>> = seen["rows"].as_array().unwrap().iter().map(texts).collect();
    let row = |place: &str, change: &str| {
        let is_it = |row: &&Vec<&str>| row[0] == place && row[1] == change;
        assert_eq!(rows.iter().filter(is_it).count(), 1, "{name}: {place} {change}: {rows:#?}");
    };
    row("run2", "+420 MiB");
    row("run3", "+90 MiB");
    assert!(rows.iter().any(|row| row[0] == SCRIPT && row[1] == "+40 MiB"), "{name}: {rows:#?}");
}
