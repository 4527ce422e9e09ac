//! Cost of storage per home, finding and rule, and of reclaimable data.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;
use std::time::Duration;

use efs_scan::aws::EfsSize;
use efs_scan::report::{Basis, Prices, Report, ScannedPart, Share};
use efs_scan::units::{MeteredBytes, Usd};
use efs_scan_testbed::*;
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use super::tables;

const GIB: f64 = (1_u64 << 30) as f64;

/// Homes with trash, caches, an environment and links between them, and a map of names without
/// 200007.
struct World {
    dir: TempDir,
}

impl World {
    fn new(config: &str) -> Self {
        let world = Self { dir: scratch() };
        let root = world.root();
        file(&root, "200005/.local/share/Trash/files/old", 300_000);
        file(&root, "200005/.local/share/Trash/files/kept", 100_000);
        file(&root, "200005/.cache/pip/a", 200_000);
        file(&root, "200005/env/pyvenv.cfg", 10);
        file(&root, "200005/env/lib/a.py", 50_000);
        file(&root, "200006/.local/share/Trash/files/both", 70_000);
        file(&root, "200006/notes", 5000);
        file(&root, "200007/.cache/pip/b", 40_000);
        file(&root, "200007/mlruns/0/metrics", 40_000);
        // In the trash, but not freed with it.
        let link = |from: &str, to: &str| {
            let to = root.join(to);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::hard_link(root.join(from), to).unwrap();
        };
        link("200005/.local/share/Trash/files/kept", "200005/kept");
        // Freed when both users have emptied their trash.
        link("200006/.local/share/Trash/files/both", "200005/.local/share/Trash/files/both");
        std::fs::write(world.dir.path().join("people.csv"), "200005,alice\n200006,bob\n").unwrap();
        std::fs::write(world.config(), config).unwrap();
        world
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("efs")
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("efs-scan.toml")
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = efs_scan();
        command.env("EFS_SCAN_CONFIG", self.config()).args(args);
        command.env("EFS_SCAN_STATE_DIR", self.dir.path().join("state"));
        watched(&mut command, Duration::from_secs(60))
    }

    fn scan(&self, args: &[&str]) -> String {
        let names = format!("--names=csv:{}", self.dir.path().join("people.csv").display());
        let root = self.root();
        let output = self.run(&[&[root.to_str().unwrap(), &names], args].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.scan(&["--format", "json"])).unwrap()
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Returns the cost of a share at 1 USD per GiB-month.
fn gib(share: &Value) -> f64 {
    share["metered_bytes"].as_f64().unwrap() / GIB
}

#[test]
fn costs_are_of_the_bytes_that_deleting_frees() {
    let world = World::new("[prices]\nstandard = 2.0\nsource = \"a test\"\n");
    let report = world.report();
    let money = &report["money"];
    assert_eq!((&money["rate"], &money["basis"]), (&2.0.into(), &"standard".into()));
    assert_eq!(money["source"], "a test");
    assert!(near(money["month"].as_f64().unwrap(), 2.0 * gib(&report["totals"])));
    let homes = report["homes"].as_array().unwrap();
    let (mut findings, mut rules) = (0, 0);
    for home in homes {
        let cost = home["cost_month"].as_f64().unwrap();
        assert!(near(cost, 2.0 * gib(&home["usage"])), "{home}");
        for (priced, count) in [("findings", &mut findings), ("rules", &mut rules)] {
            for one in home[priced].as_array().unwrap() {
                assert!(near(one["cost_month"].as_f64().unwrap(), 2.0 * gib(&one["frees"])));
                *count += 1;
            }
        }
    }
    assert!(findings >= 6 && rules >= 6, "{findings} {rules}");
    let orphans = &report["orphans"];
    assert_eq!(orphans["homes"], 1);
    assert!(near(orphans["cost_month"].as_f64().unwrap(), 2.0 * gib(&orphans["usage"])));
}

/// Bytes that `du` counts below a path, plus 2 KiB per inode.
fn metered(path: &Path) -> u64 {
    du(path) + 2048 * find(path).len() as u64
}

#[test]
fn trash_and_caches_can_be_reclaimed_and_what_is_linked_elsewhere_cannot() {
    let world = World::new("[prices]\nstandard = 1.0\n");
    let report = world.report();
    let root = world.root();
    let saves = |home: Option<&str>| {
        let all = home.map_or(&report["money"], |name| efs_scan_testbed::home(&report, name));
        let all = &all["reclaimable"];
        assert!(near(all["month"].as_f64().unwrap(), gib(&all["share"])));
        all["share"]["metered_bytes"].as_u64().unwrap()
    };
    let file = |path: &str| metered(&root.join(path));
    let (kept, both) = (
        file("200005/.local/share/Trash/files/kept"),
        file("200006/.local/share/Trash/files/both"),
    );
    let alice = file("200005/.local/share/Trash") - kept - both + file("200005/.cache");
    let bob = file("200006/.local/share/Trash") - both;
    let orphan = file("200007/.cache");
    assert_eq!(saves(Some("200005")), alice, "neither the environment nor what is linked");
    assert_eq!(saves(Some("200006")), bob);
    assert_eq!(saves(Some("200007")), orphan, "no output of runs");
    // Emptying all trash at once frees files linked between trash directories.
    assert_eq!(saves(None), alice + bob + orphan + both);
}

#[test]
fn without_a_price_there_are_no_amounts_anywhere() {
    let world = World::new("");
    let report = world.report();
    assert_eq!(report["money"], Value::Null);
    for home in report["homes"].as_array().unwrap() {
        assert_eq!((&home["cost_month"], &home["reclaimable"]), (&Value::Null, &Value::Null));
    }
    for args in [&[][..], &["--user", "alice"], &["--format", "prometheus"]] {
        let text = world.scan(args);
        assert!(!text.to_lowercase().contains("usd"), "{text}");
    }
    let csv = world.scan(&["--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head = reader.headers().unwrap().clone();
    let costs = ["cost_month_usd", "reclaimable_metered_bytes", "reclaimable_month_usd"];
    let at = costs.map(|name| head.iter().position(|cell| cell == name).unwrap());
    for row in reader.records() {
        let row = row.unwrap();
        assert!(at.iter().all(|at| row[*at].is_empty()), "{csv}");
    }
}

/// The printed configuration contains only prices that were set.
#[test]
fn config_prints_only_prices_that_were_set() {
    let world = World::new("");
    let printed = |world: &World| String::from_utf8(world.run(&["config"]).stdout).unwrap();
    assert!(!printed(&world).contains("prices"));
    std::fs::write(world.config(), "[prices]\narchive = 0.5\n").unwrap();
    let table: toml::Table = toml::from_str(&printed(&world)).unwrap();
    let want = "standard = 0.3\ninfrequent_access = 0.016\narchive = 0.5\n\
                infrequent_access_read = 0.01\narchive_read = 0.03\n\
                elastic_read = 0.03\nelastic_write = 0.06\nprovisioned = 6.0\nsource = 'configuration'";
    assert_eq!(table["prices"], toml::Value::Table(toml::from_str(want).unwrap()));
}

#[test]
fn table_and_page_show_the_cost_as_an_estimate() {
    // High enough for whole dollars: 300 KB cost about 3 USD.
    let world = World::new("[prices]\nstandard = 10000\nsource = \"a \\u001b test\"\n");
    let report = world.report();
    let amount = |value: &Value| format!("{:.2}", value.as_f64().unwrap());
    let total = &report["money"]["reclaimable"];
    let bytes = MeteredBytes(total["share"]["metered_bytes"].as_u64().unwrap()).human();
    let table = world.scan(&[]);
    let line = format!(
        "\nReclaimable: at most {bytes} metered, {} USD a month.\n",
        amount(&total["month"])
    );
    assert!(table.contains(&line), "{line}{table}");
    assert!(table.contains("\nCosts are estimates and upper bounds, as if all were in EFS Standard (prices: a \\x1b test).\n"), "{table}");
    let orphans = amount(&report["orphans"]["cost_month"]);
    assert!(table.contains(&format!(", {orphans} USD a month.\n")), "{table}");
    let head = table.lines().nth(2).unwrap();
    assert!(head.contains("METERED  USD/MONTH"), "{table}");
    let alice = home(&report, "200005");
    let line = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(line("200005 ").contains(&format!(" {} ", amount(&alice["cost_month"]))), "{table}");
    assert!(line("total of").contains(&format!(" {} ", amount(&report["money"]["month"]))));
    let found = &alice["findings"][0];
    // The line of a finding precedes those that name it as freed together with them.
    let found_line = table.lines().find(|line| line.contains(found["path"].as_str().unwrap()));
    assert!(found_line.unwrap().contains(&amount(&found["cost_month"])), "{table}");

    let page = world.scan(&["--user", "alice"]);
    let saves = &alice["reclaimable"];
    let bytes = MeteredBytes(saves["share"]["metered_bytes"].as_u64().unwrap()).human();
    let line = format!(
        "\n  costs {} USD a month; reclaimable: at most {bytes} metered, {} USD a month\n",
        amount(&alice["cost_month"]),
        amount(&saves["month"]),
    );
    assert!(page.contains(&line), "{line}{page}");
    let rules = page.split("By rule\n").nth(1).unwrap();
    assert!(rules.lines().next().unwrap().contains("USD/MONTH"), "{page}");
    for rule in alice["rules"].as_array().unwrap() {
        let name = format!("{} ", rule["rule"].as_str().unwrap());
        let line = rules.lines().find(|line| line.starts_with(&name)).unwrap();
        assert!(line.contains(&format!(" {}", amount(&rule["cost_month"]))), "{page}");
    }
}

#[test]
fn published_amounts_have_all_digits_and_status_rounds_them() {
    let world = World::new("[prices]\nstandard = 10000.1\n");
    let to = world.dir.path().join("runs");
    let to = to.to_str().unwrap().to_owned();
    let text = world.scan(&["--format", "json", "--name=prod", "--publish", &to]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let latest = std::fs::read(Path::new(&to).join("latest/prod.json")).unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    assert_eq!(latest["money"], report["money"]);
    let run = std::fs::read(Path::new(&to).join(latest["report"].as_str().unwrap())).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&run).unwrap(), report);
    let rows = |key: &str| tables::parquet(std::fs::read(Path::new(&to).join(key)).unwrap()).1;
    let number = |cell: &str| cell.parse::<f64>().unwrap();
    let homes = latest["homes_table"].as_str().unwrap();
    let findings = homes.replacen("homes/", "findings/", 1);
    for row in rows(homes) {
        let kind = row["kind"].as_str();
        let all = report["homes"].as_array().unwrap();
        let home = all.iter().find(|home| home["name"] == *row["home"] && home["kind"] == kind);
        let home = home.unwrap();
        assert_eq!(number(&row["cost_month_usd"]), home["cost_month"].as_f64().unwrap());
        let saves = &home["reclaimable"];
        let bytes = number(&row["reclaimable_metered_bytes"]);
        assert_eq!(bytes, saves["share"]["metered_bytes"].as_f64().unwrap());
        assert_eq!(number(&row["reclaimable_month_usd"]), saves["month"].as_f64().unwrap());
    }
    let found = rows(&findings);
    assert!(found.len() >= 6);
    for row in found {
        let home = home(&report, &row["home"]);
        let all = home["findings"].as_array().unwrap();
        let finding = all.iter().find(|finding| finding["path"] == *row["path"]).unwrap();
        assert_eq!(number(&row["cost_month_usd"]), finding["cost_month"].as_f64().unwrap());
    }
    let status = |args: &[&str]| {
        let output = world.run(&[&["status", "--from", &to], args].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let all = status(&[]);
    let reclaimable = |of: &Value| {
        let of = &of["reclaimable"];
        let bytes = MeteredBytes(of["share"]["metered_bytes"].as_u64().unwrap()).human();
        format!("at most {bytes} metered, {:.2} USD a month.\n", of["month"].as_f64().unwrap())
    };
    let line = format!("\nReclaimable: {}", reclaimable(&report["money"]));
    assert!(all.contains(&line) && all.contains("\nCosts are estimates"), "{line}{all}");
    assert!(all.contains("USD/MONTH"), "{all}");
    let alice = status(&["--user", "alice"]);
    let line = format!("\nReclaimable by alice: {}", reclaimable(home(&report, "200005")));
    assert!(alice.contains(&line) && alice.contains("\nCosts are estimates"), "{line}{alice}");
    let json: Value = serde_json::from_str(&status(&["--format", "json"])).unwrap();
    assert_eq!(json["money"], report["money"]);

    // Reports of earlier versions can be read.
    let mut old = latest;
    old.as_object_mut().unwrap().remove("money");
    for home in old["homes"].as_array_mut().unwrap() {
        home.as_object_mut().unwrap().remove("reclaimable");
        home["cost_month"] = Value::Null;
    }
    old["orphans"].as_object_mut().unwrap().remove("cost_month");
    std::fs::write(Path::new(&to).join("latest/prod.json"), old.to_string()).unwrap();
    assert!(!status(&[]).contains("USD"));
}

/// Returns the world's report without a price.
fn unpriced() -> Report {
    static REPORT: LazyLock<Report> =
        LazyLock::new(|| serde_json::from_value(World::new("").report()).unwrap());
    REPORT.clone()
}

#[test]
fn efs_sizes_take_precedence_over_the_standard_price() {
    let mut report = unpriced();
    let efs = EfsSize {
        value: MeteredBytes(10 << 30),
        standard: None,
        infrequent_access: None,
        archive: None,
        at: None,
    };
    let prices = Prices { standard: Usd(0.5), ..Prices::default() };
    report.reconcile(("fs-01234567".to_owned(), ScannedPart::Some), Some(efs), &prices);
    let money = report.money.clone().unwrap();
    assert_eq!((money.basis, money.rate), (Basis::Efs, Usd(0.5)));
    report.price_as_standard(&Prices { standard: Usd(7.0), ..prices });
    assert_eq!(report.money, Some(money));
    // EFS has reported no sizes yet, so there is no cost of the file system, and the price of
    // Standard applies.
    let mut report = unpriced();
    let nothing = EfsSize { value: MeteredBytes(0), ..efs };
    let prices = Prices { standard: Usd(7.0), ..Prices::default() };
    report.reconcile(("fs-01234567".to_owned(), ScannedPart::Whole), Some(nothing), &prices);
    assert_eq!(report.money, None);
    report.price_as_standard(&prices);
    assert_eq!(
        report.money.map(|money| (money.basis, money.rate)),
        Some((Basis::Standard, Usd(7.0)))
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn the_costs_of_homes_add_up_to_those_of_the_scanned_part(
        (standard, cold, archive) in (0_u64..1 << 50, 0_u64..1 << 50, 1_u64..1 << 50),
        price in 0.0_f64..10.0,
        sizes in prop::collection::vec(1_u64..1 << 45, 1..6),
    ) {
        let mut report = unpriced();
        let model = report.homes.get(0).unwrap();
        let metered = |bytes| MeteredBytes(bytes);
        report.homes = sizes.iter().map(|bytes| {
            let mut home = model.clone();
            home.usage.metered_bytes = metered(*bytes);
            home
        }).collect();
        report.totals.metered_bytes = metered(sizes.iter().sum());
        let efs = EfsSize {
            value: metered(standard + cold + archive),
            standard: Some(metered(standard)),
            infrequent_access: Some(metered(cold)),
            archive: Some(metered(archive)),
            at: None,
        };
        let prices = Prices { standard: Usd(price), ..Prices::default() };
        let sum = |report: &Report| report.homes.iter().map(|h| h.cost_month.unwrap().0).sum::<f64>();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1e-9);
        let mut part = report.clone();
        report.reconcile(("fs-01234567".to_owned(), ScannedPart::Whole), Some(efs), &prices);
        let bill = report.file_system.as_ref().unwrap().cost.as_ref().unwrap().month.0;
        let all = standard as f64 * price + cold as f64 * 0.016 + archive as f64 * 0.008;
        prop_assert!(close(bill, all / GIB));
        prop_assert!(close(sum(&report), bill));
        prop_assert!(close(report.money.as_ref().unwrap().month.0, bill));
        part.reconcile(("fs-01234567".to_owned(), ScannedPart::Some), Some(efs), &prices);
        let share = part.totals.metered_bytes.0 as f64 / efs.value.0 as f64;
        prop_assert!(close(sum(&part), bill * share));
        // Amounts survive JSON unchanged, as in the spool.
        let json = serde_json::to_vec(&report).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Report>(&json).unwrap(), report);
        let none = Share::default();
        prop_assert_eq!(part.money.unwrap().of(none.metered_bytes), Usd(0.0));
    }
}
