//! The page about all file systems: its content, also for hostile names.

use efs_scan::history::RunPoint;
use efs_scan::pages::{Fleet, FleetMember};
use efs_scan::report::{Coverage, FileSystemKey, HomeReport, Identity, Owner, Report, SamePeople};
use efs_scan::text::lossy;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::markup::check_markup;
use super::{invented, start};

/// A file system with the trend of a month.
pub(crate) fn member(key: &str, name: Option<&str>, report: Report) -> FleetMember {
    let key = FileSystemKey::new(key).unwrap();
    let mut report = report;
    let name = name.map(|name| FileSystemKey::new(name).unwrap());
    report.run.identity = Some(Identity { key: key.clone(), name, volume: None, path: None });
    let mut latest = Vec::new();
    efs_scan::published::Latest::write(&report, true, &mut latest).unwrap();
    let last = report.totals.allocated_bytes;
    let trend = (0..=30).map(|day: i64| {
        let started = report.run.started - SignedDuration::from_hours(24 * (30 - day));
        let part = 700 + 10 * day as u64;
        RunPoint {
            id: started.strftime("%Y%m%dT%H%M%S%.6fZ").to_string(),
            started,
            coverage: Coverage::Complete,
            total: Some(efs_scan::units::AllocatedBytes(last.0 / 1000 * part)),
        }
    });
    let trend = trend.collect();
    FleetMember { key, latest: serde_json::from_slice(&latest).unwrap(), trend, is_linked: true }
}

/// A time after the run.
fn later() -> jiff::Timestamp {
    start() + SignedDuration::from_hours(8)
}

/// A named home on one file system.
fn of(name: &str, uid: u32, source: &str, gib: u64) -> HomeReport {
    let mut home = invented::home(&uid.to_string(), gib * invented::GIB, start(), 1);
    home.uid = Some(uid);
    home.owner = Owner {
        name: Some(name.to_owned()),
        source: Some(source.to_owned()),
        group: Some("physics".to_owned()),
        ..Owner::default()
    };
    home
}

fn fleet(members: Vec<FleetMember>, same_people: SamePeople) -> Fleet {
    Fleet { members, broken: Vec::new(), same_people }
}

/// Returns the text of the row of a table that begins with `name`.
fn row(page: &str, table: &str, name: &str) -> String {
    let (_, table) = page.split_once(&format!("id=\"{table}\"")).unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    let rows = table.split("<tr>").skip(2).map(text);
    let rows: Vec<String> = rows.collect();
    let found: Vec<&String> = rows.iter().filter(|row| row.starts_with(name)).collect();
    assert_eq!(found.len(), 1, "{name}: {rows:#?}");
    found[0].clone()
}

/// Returns the text of markup, with a bar between elements.
fn text(markup: &str) -> String {
    let parts = markup.split('<').filter_map(|part| part.split_once('>').map(|part| part.1.trim()));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("|")
}

#[test]
fn each_file_system_has_a_line_and_people_and_groups_have_their_sums() {
    let now = later();
    let domain = "sagemaker:d-1";
    let prod = vec![of("ada", 1, domain, 20), of("bo", 2, domain, 3), of("cy", 3, "csv:people", 2)];
    let stage = vec![of("ada", 1, domain, 10), of("cy", 3, "csv:people", 5)];
    let mut stage = invented::of_homes(stage, start() - SignedDuration::from_hours(50));
    stage.run.coverage = Coverage::Partial;
    let members = vec![
        member("fs-0123456789abcdef0", Some("prod"), invented::of_homes(prod, start())),
        member("stage", None, stage),
    ];
    let mut fleet = fleet(members, SamePeople::ByDomain);
    fleet.members[1].is_linked = false;
    fleet.broken.push(FileSystemKey::new("dev").unwrap());
    let page = fleet.page(now).to_string();
    check_markup(&page);
    assert!(page.contains("<h1>Disk usage of 3 file systems</h1>"));
    let line = |name| row(&page, "file-systems-table", name);
    let prod = line("prod");
    assert!(prod.starts_with("prod|fs-0123456789abcdef0|stale|25 GiB|"), "{prod}");
    assert!(
        prod.ends_with("|3|7 h ago") && prod.contains("|+256.0 MiB|+1.7 GiB|+7.5 GiB|"),
        "{prod}"
    );
    assert!(page.contains("href=\"fs-0123456789abcdef0/latest.html\""));
    let stage = line("stage");
    assert!(
        stage.starts_with("stage|stale|partial|15 GiB|") && stage.ends_with("|2|2 days ago"),
        "{stage}"
    );
    assert!(!page.contains("href=\"stage"), "it has no page");
    assert!(line("dev").starts_with("dev|not readable|–"));
    // The marks of those that are not stale wait for the script.
    assert_eq!(page.matches("span class=\"mark bad\" hidden data-stale").count(), 1);
    let banners = text(page.split_once("<header>").unwrap().1.split_once("</header>").unwrap().0);
    for said in ["Stale.", "1 file system could not be read completely", "cannot be read of dev."] {
        assert!(banners.contains(said), "{said}: {banners}");
    }
    let person = |name| row(&page, "people-table", name);
    assert!(
        person("ada").starts_with("ada|30 GiB|")
            && person("ada").contains("|2|prod 20 GiB,|stage 10 GiB"),
        "{}",
        person("ada")
    );
    assert!(person("bo").ends_with("|1|prod"), "{}", person("bo"));
    let cys = |page: &str| page.matches("<bdi>cy</bdi>").count();
    assert_eq!(cys(&page), 2, "one on each file system, by the map of names");
    let physics = row(&page, "groups-table", "physics");
    assert!(physics.starts_with("physics|40 GiB|"), "{physics}");
    fleet.same_people = SamePeople::ByName;
    assert_eq!(cys(&fleet.page(now)), 1);
}

/// The growth of an old run is that of other days, and what cannot be read may have grown, too.
#[test]
fn the_change_of_all_is_approximate_if_one_is_old_or_not_readable() {
    let report = |hours: i64| {
        let home = vec![of("ada", 1, "csv:people", 20)];
        invented::of_homes(home, start() - SignedDuration::from_hours(hours))
    };
    let changes = |hours: i64, broken: &[&str]| {
        let members = vec![member("prod", None, report(0)), member("stage", None, report(hours))];
        let mut fleet = fleet(members, SamePeople::ByDomain);
        fleet.broken = broken.iter().map(|key| FileSystemKey::new(key).unwrap()).collect();
        let page = fleet.page(start() + SignedDuration::from_hours(1)).to_string();
        let (_, changes) = page.split_once("<dd class=\"changes\">").unwrap();
        text(changes.split_once("</dd>").unwrap().0)
    };
    assert!(!changes(2, &[]).contains("about"), "{}", changes(2, &[]));
    assert_eq!(changes(50, &[]).matches("about").count(), 3, "{}", changes(50, &[]));
    assert_eq!(changes(2, &["dev"]).matches("about").count(), 3);
}

#[test]
fn one_file_system_has_a_line_and_its_own_page_the_rest() {
    let only = member("prod", None, invented::report(3, start(), 0.0));
    let page = fleet(vec![only], SamePeople::ByDomain).page(later()).to_string();
    check_markup(&page);
    assert!(
        page.contains("<h1>Disk usage of prod</h1>") && page.contains("href=\"prod/latest.html\"")
    );
    assert!(!page.contains("id=\"people\"") && !page.contains("class=\"banner\""));
}

#[test]
fn of_many_people_the_largest_are_shown() {
    let members = ["a", "b"].map(|key| member(key, None, invented::report(300, start(), 0.0)));
    let mut fleet = fleet(members.into(), SamePeople::ByDomain);
    for (at, home) in fleet.members[1].latest.homes.iter_mut().enumerate() {
        home.owner.name = Some(format!("other-{at}"));
        home.owner.source = None;
    }
    let page = fleet.page(start()).to_string();
    check_markup(&page);
    assert!(page.contains("600 people and homes") && page.contains("100 more, who use less."));
}

/// Makes a page with `name` as every text.
fn page_of(name: &[u8]) -> String {
    let text = lossy(name).0;
    let mut members =
        ["prod", "stage"].map(|key| member(key, None, invented::report(3, start(), 0.0)));
    for member in &mut members {
        let latest = &mut member.latest;
        (latest.run.root, latest.run.root_base64) = lossy(name);
        latest.run.names = vec![text.clone()];
        (latest.homes[0].name, latest.homes[0].name_base64) = lossy(name);
        latest.homes[0].owner.name = None;
        latest.homes[1].owner.name = Some(text.clone());
        latest.homes[1].owner.source = Some(text.clone());
        latest.homes[1].owner.group = Some(text.clone());
    }
    fleet(members.into(), SamePeople::ByDomain).page(start()).to_string()
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    for name in super::hostile::NAMES {
        super::hostile::check(&page_of(name));
    }
    let page = page_of(super::hostile::NAMES[0]);
    assert_eq!(
        page.matches("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>").count(),
        5,
        "{page}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_name_breaks_the_page(name in proptest::collection::vec(any::<u8>(), 1..60)) {
        super::hostile::check(&page_of(&name));
    }
}

/// Of many runs, the trend is read of a few, among them those that changes are computed from.
#[test]
fn a_trend_has_the_runs_of_yesterday_last_week_and_last_month() {
    let place = efs_scan_testbed::scratch();
    let store = efs_scan::store::Directory::new(place.path().to_owned());
    let at = |hours: i64| start() - SignedDuration::from_hours(hours);
    let runs = (0..80).map(|half_day| invented::report(1, at(12 * half_day), 0.0));
    let runs: Vec<Report> = runs.collect();
    for report in runs.iter().rev() {
        efs_scan::outbox::publish(&store, report).unwrap();
    }
    let trend = |now| {
        let trend = efs_scan::history::trend(&store, &runs[0].file_system_key(), now).unwrap();
        trend.runs.iter().map(|run| run.started).collect::<Vec<_>>()
    };
    let found = trend(runs[0].run.finished);
    assert_eq!(found.len(), 12);
    for days in [0, 1, 7, 30] {
        assert!(found.contains(&at(24 * days)), "{days}: {found:?}");
    }
    // With fewer runs there are fewer, each once: of three half-days, the first and the last.
    assert_eq!(trend(at(12 * 77)), [at(12 * 79), at(12 * 77)]);
}
