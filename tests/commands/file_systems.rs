//! `[[file_system]]`: several file systems in one configuration, their settings, and a scan of all.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use efs_scan_testbed::*;
use serde_json::Value;
use toml::Table;

/// Two file systems, and a configuration with both.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = scratch();
        file(dir.path(), "prod/200001/a", 100_000);
        file(dir.path(), "prod/200001/skipped/b", 100_000);
        file(dir.path(), "stage/x/200002/a", 50_000);
        std::fs::write(dir.path().join("people.csv"), "uid,name\n200001,ada\n200002,bo\n").unwrap();
        let world = Self { dir };
        world.configure(&world.both());
        world
    }

    fn both(&self) -> String {
        let at = self.dir.path().display();
        format!(
            "names = [\"csv:{at}/people.csv\"]\nstate_dir = \"{at}/state\"\n\
             [quota]\ndefault = \"1GiB\"\n[quota.users]\nada = \"2GiB\"\n\
             [prices]\nstandard = 1.0\n\
             [[file_system]]\nname = \"prod\"\nroot = \"{at}/prod\"\nexclude = [\"*/skipped\"]\n\
             [file_system.quota.users]\nada = \"10KiB\"\n\
             [[file_system]]\nname = \"stage\"\nroot = \"{at}/stage\"\nhome_depth = 2\n\
             [file_system.prices]\nstandard = 3.0\nsource = \"stage\"\n"
        )
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.dir.path().join("efs-scan.toml"), text).unwrap();
    }

    fn root(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = efs_scan();
        command.args(args).arg("--config").arg(self.root("efs-scan.toml"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        watched(&mut self.command(args), Duration::from_secs(60))
    }

    /// Returns the reports that a scan prints.
    fn reports(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(&[&["--format", "json"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let all = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        all.map(Result::unwrap).collect()
    }

    fn roots(&self, args: &[&str]) -> Vec<String> {
        let name = |report: &Value| {
            let root = Path::new(report["run"]["root"].as_str().unwrap());
            root.file_name().unwrap().to_str().unwrap().to_owned()
        };
        self.reports(args).iter().map(name).collect()
    }

    /// Returns the only line of an error.
    fn problem(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{}",
            stderr(&output)
        );
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        stderr(&output)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn home(report: &Value, name: &str) -> Value {
    let mut homes = report["homes"].as_array().unwrap().iter();
    homes.find(|home| home["name"] == name).unwrap_or_else(|| panic!("{name}: {report}")).clone()
}

#[test]
fn all_file_systems_are_scanned_with_their_own_settings() {
    let world = World::new();
    let reports = world.reports(&[]);
    assert_eq!(reports.len(), 2);
    let (prod, stage) = (&reports[0], &reports[1]);
    let limit = |report: &Value, name: &str| home(report, name)["quota"]["limit_bytes"].clone();
    assert_eq!(limit(prod, "200001"), 10 << 10);
    assert_eq!(limit(stage, "x/200002"), 1 << 30, "the default above");
    assert_eq!(home(stage, "x/200002")["owner"]["name"], "bo");
    assert_eq!(prod["left_out"]["excluded"][0]["entries"], 1);
    assert_eq!((&prod["money"]["rate"], &stage["money"]["rate"]), (&1.0.into(), &3.0.into()));
    assert_eq!(stage["money"]["source"], "stage");
    assert_ne!(prod["run"]["id"], stage["run"]["id"]);
}

#[test]
fn a_file_system_can_be_chosen_by_flag_variable_or_root() {
    let world = World::new();
    let (prod, stage) = (world.root("prod"), world.root("stage"));
    let (prod, stage) = (prod.to_str().unwrap(), stage.to_str().unwrap());
    assert_eq!(world.roots(&[]), ["prod", "stage"]);
    assert_eq!(world.roots(&["--file-system", stage]), ["stage"]);
    assert_eq!(world.roots(&["--file-system", "stage"]), ["stage"]);
    assert_eq!(world.roots(&["--file-system", stage, "--file-system", prod]), ["prod", "stage"]);
    // A ROOT in the configuration has its own settings; any other has the general ones.
    assert_eq!(world.reports(&[stage])[0]["run"]["home_depth"], 2);
    let other = world.reports(&[&format!("{stage}/x")]);
    assert_eq!((other.len(), &other[0]["run"]["home_depth"]), (1, &1.into()));
    let mut command = world.command(&["--format", "json"]);
    command.env("EFS_SCAN_FILE_SYSTEM", stage);
    let output = watched(&mut command, Duration::from_secs(60));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["run"]["root"], stage);
    assert!(world.problem(&["--file-system", "/nowhere"]).contains("the configuration has "));
    assert!(world.problem(&["--file-system", stage, prod]).contains("give only one of them"));
    world.configure("");
    assert!(world.problem(&["--file-system", stage]).contains("has no [[file_system]]"));
}

/// Flags override variables, which override the file; in the file, a table overrides the settings
/// above it.
#[test]
fn flags_and_variables_override_a_table() {
    let world = World::new();
    let stage = world.root("stage").display().to_string();
    let shown = |args: &[&str], depth: Option<&str>| {
        let mut command = world.command(&[&["config"], args].concat());
        command.envs(depth.map(|depth| ("EFS_SCAN_HOME_DEPTH", depth)));
        let output = watched(&mut command, Duration::from_secs(60));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let line = |args: &[&str], depth: Option<&str>, key: &str| {
        let text = shown(&[&["--file-system", &*stage], args].concat(), depth);
        let mut lines = text.lines().filter(|line| line.starts_with(&format!("{key} = ")));
        lines.next().unwrap_or_else(|| panic!("{key}: {text}")).to_owned()
    };
    let file = world.root("efs-scan.toml").display().to_string();
    let of_table = line(&[], None, "home_depth");
    assert_eq!(of_table, format!("home_depth = 2  # line 18 of {file}"));
    assert_eq!(line(&[], Some("3"), "home_depth"), "home_depth = 3  # EFS_SCAN_HOME_DEPTH");
    let flag = line(&["--home-depth", "4"], Some("3"), "home_depth");
    assert_eq!(flag, "home_depth = 4  # --home-depth");
    // A setting outside of the tables keeps its own line as its origin.
    assert_eq!(line(&[], None, "names").split("  # ").nth(1), Some(&*format!("line 1 of {file}")));
    // Printed settings have the same effect.
    for args in [&[][..], &["--file-system", &stage]] {
        let text = shown(args, None);
        toml::from_str::<Table>(&text).unwrap();
        let without_origins = |text: &str| {
            let lines =
                text.lines().skip(1).map(|line| line.split("  # ").next().unwrap().to_owned());
            lines.collect::<Vec<_>>()
        };
        let before = without_origins(&text);
        world.configure(&text);
        assert_eq!(without_origins(&shown(&[], None)), before);
        world.configure(&world.both());
    }
    let whole: Table = toml::from_str(&shown(&[], None)).unwrap();
    assert_eq!(whole["file_system"].as_array().unwrap().len(), 2);
    assert!(!whole.contains_key("root"));
}

#[test]
fn errors_are_reported_before_any_scan() {
    let world = World::new();
    let (both, prod) = (world.both(), world.root("prod").display().to_string());
    for (text, problem) in [
        (format!("root = \"/a\"\n{both}"), "`root` applies to a single file system"),
        (format!("home_at = '/home/me'\n{both}"), "`home_at` applies to a single file system"),
        (
            format!("remind.addresses.200005 = 'al@example.com'\n{both}"),
            "remind.addresses: `200005` may be somebody else in each [[file_system]]",
        ),
        (format!("{both}[[file_system]]\n"), "[[file_system]] number 3 has no root"),
        (format!("{both}[[file_system]]\nroot = \"{prod}\"\n"), "have the root `"),
        (format!("{both}[[file_system]]\nrooot = \"/c\"\n"), "unknown field `rooot`"),
        (format!("{both}[[file_system]]\nroot = \"/c\"\nthreads = 0\n"), "/c"),
        (format!("output = \"/tmp/o\"\n{both}"), "have the output `/tmp/o`"),
    ] {
        world.configure(&text);
        for args in [&[][..], &["config"], &["check"]] {
            let said = world.problem(args);
            assert!(said.contains(problem), "{args:?}: {said}");
        }
    }
    world.configure(&both);
    assert!(
        world.problem(&["--file-system-id", "fs-01234567"]).contains("have the file_system_id")
    );
}

#[test]
fn a_failure_does_not_prevent_other_scans() {
    let world = World::new();
    let gone = world.root("gone").display().to_string();
    let text = world.both();
    let (above, tables) = text.split_once("[[file_system]]").unwrap();
    world.configure(&format!("{above}[[file_system]]\nroot = \"{gone}\"\n[[file_system]]{tables}"));
    let output = world.run(&["--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "the worst: {}", stderr(&output));
    let all = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    assert_eq!(all.map(Result::unwrap).count(), 2, "{}", stderr(&output));
    let said = stderr(&output);
    let failed: Vec<_> = said.lines().filter(|line| line.contains(&gone)).collect();
    assert!(failed.len() == 1 && failed[0].starts_with("efs-scan: "), "{said}");
    // There is a line for each.
    assert_eq!(said.lines().filter(|line| line.contains(" scanned ")).count(), 2, "{said}");
    // A quota that only the first home exceeds, and no error on the second file system.
    world.configure(&text);
    assert_eq!(world.run(&["--fail-on-quota"]).status.code(), Some(4));
    let stage = world.root("stage").display().to_string();
    let args = ["--fail-on-quota", "--file-system", &stage];
    assert_eq!(world.run(&args).status.code(), Some(0));
}

#[test]
fn each_file_system_has_its_own_output_and_check() {
    let world = World::new();
    let text = world.both();
    let outputs = ["prod", "stage"].map(|name| world.root(&format!("{name}.json")));
    let mut text = text;
    for (name, output) in ["prod", "stage"].iter().zip(&outputs) {
        let root = format!("root = \"{}\"\n", world.root(name).display());
        text = text.replace(&root, &format!("{root}output = \"{}\"\n", output.display()));
    }
    world.configure(&text);
    let output = world.run(&["--format", "json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{}", stderr(&output));
    for (name, output) in ["prod", "stage"].iter().zip(&outputs) {
        let report: Value = serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
        assert_eq!(report["run"]["root"], world.root(name).display().to_string());
    }
    let checked = String::from_utf8(world.run(&["check"]).stdout).unwrap();
    let roots = checked.lines().filter(|line| line.contains("by the engine"));
    assert_eq!(roots.count(), 2, "{checked}");
}

#[test]
fn each_file_system_is_published_under_its_name() {
    let world = World::new();
    let to = world.root("published");
    let output = world.run(&["--publish", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for name in ["prod", "stage"] {
        let latest = std::fs::read(to.join(format!("latest/{name}.json"))).unwrap();
        let latest: Value = serde_json::from_slice(&latest).unwrap();
        assert_eq!(latest["run"]["root"], world.root(name).display().to_string());
        assert!(to.join(format!("homes/parquet/fs={name}")).is_dir());
    }
}

#[test]
fn several_can_be_scanned_at_a_time() {
    let world = World::new();
    let to = world.root("published").display().to_string();
    let mut text = world.both();
    for at in 0..6 {
        let root = world.root(&format!("more-{at}"));
        for home in 0..20 {
            file(&root, format!("{}/a", 300_000 + home), 5000);
        }
        text += &format!("[[file_system]]\nname = \"more-{at}\"\nroot = \"{}\"\n", root.display());
    }
    let gone = world.root("gone").display().to_string();
    text += &format!("[[file_system]]\nroot = \"{gone}\"\n");
    world.configure(&text);
    for parallel in ["1", "3", "100"] {
        let args = ["--format", "json", "--publish", &to, "--parallel", parallel];
        let output = world.run(&args);
        assert_eq!(output.status.code(), Some(1), "one is gone: {}", stderr(&output));
        // Reports do not overlap.
        let all = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let mut roots: Vec<String> =
            all.map(|report| report.unwrap()["run"]["root"].as_str().unwrap().to_owned()).collect();
        roots.sort();
        roots.dedup();
        assert_eq!(roots.len(), 8, "{parallel}: {}", stderr(&output));
        let latest = std::fs::read_dir(world.root("published/latest")).unwrap().count();
        assert_eq!(latest, 8, "{parallel}");
    }
    world.configure(&world.both());
    assert!(world.problem(&["--parallel", "0"]).contains("it must be 1 or more"));
}

#[test]
fn a_status_by_group_has_the_homes_of_all() {
    let world = World::new();
    let people = "uid,name,group\n200001,ada,physics\n200002,bo,physics\n200003,cy,\n";
    std::fs::write(world.root("people.csv"), people).unwrap();
    file(&world.root("stage"), "x/200003/a", 20_000);
    let to = world.root("published").display().to_string();
    let output = world.run(&["--quiet", "--publish", &to]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let status = |format: &str| {
        let output = world.run(&["status", "--from", &to, "--by", "group", "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let all: Value = serde_json::from_str(&status("json")).unwrap();
    let groups = all["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{all}");
    assert_eq!((&groups[0]["name"], &groups[0]["homes"]), (&"physics".into(), &2.into()));
    assert_eq!((&groups[1]["name"], &groups[1]["homes"]), (&"(no group)".into(), &1.into()));
    let places = groups[0]["file_systems"].as_object().unwrap();
    assert_eq!(places.keys().collect::<Vec<_>>(), ["prod", "stage"]);
    let sum: u64 = places.values().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!(groups[0]["allocated_bytes"], sum);
    // A GiB costs 1 USD on one file system, and 3 on the other.
    let cost = groups[0]["cost_month"].as_f64().unwrap();
    let of = |name: &str| places[name].as_f64().unwrap() / f64::from(1 << 30);
    assert!(cost > of("prod") + 3.0 * of("stage"), "metered bytes are more: {cost}");
    let table = status("table");
    assert!(table.starts_with("GROUP") && table.contains("\n(no group)"), "{table}");
}

/// Each page has the commands for where people see their home on that file system, as after a scan.
#[test]
fn published_pages_have_the_path_of_homes_on_their_own_file_system() {
    let world = World::new();
    for name in ["prod/200001", "stage/x/200002"] {
        file(world.dir.path(), format!("{name}/.local/share/Trash/files/a"), 3_000_000);
        if let Some(uid) =
            name.rsplit('/').next().and_then(|uid| uid.parse().ok()).filter(|_| is_root())
        {
            give(&world.root(name), uid);
        }
    }
    let to = world.root("published");
    let both = world.both().replace("\nroot = ", "\nhome_at = \"/home/me/efs\"\nroot = ");
    let (prod, stage) = both.split_once("name = \"stage\"").unwrap();
    let stage = stage.replace("/home/me/efs", "/home/me/other");
    let publish = format!("[publish]\nto = \"{}\"\nreport = true\n", to.display());
    world.configure(
        &format!("{prod}name = \"stage\"{stage}")
            .replace("[quota]\n", &format!("{publish}[quota]\n")),
    );
    let pages = || {
        let page = |path: &str| {
            let page = std::fs::read_to_string(to.join("report").join(path)).unwrap();
            let at = page.find("rm -rf ").unwrap_or_else(|| panic!("{path}: {page}"));
            page[at..].split('<').next().unwrap().to_owned()
        };
        [page("prod/users/200001.html"), page("stage/users/200002.html")]
    };
    let want =
        ["/home/me/efs", "/home/me/other"].map(|at| format!("rm -rf {at}/.local/share/Trash"));
    let output = world.run(&["--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(pages(), want);
    std::fs::remove_dir_all(to.join("report")).unwrap();
    for args in [&["report", "--publish"][..], &["report", "--publish", "--file-system", "prod"]] {
        let output = world.run(args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(pages(), want);
    }
}
