//! What grew, on the pages: everybody's, a user's and the one about several file systems.

use super::*;
use crate::pages::invented;

const SCRIPT: &[u8] = b"<script>alert(1)</script>";

/// Makes pages of a world in which places with hostile names grew, and one was moved from bob to zoe:
/// the page about everybody and that of zoe.
pub(crate) fn pages_of_growth() -> (World, [PathBuf; 2]) {
    let world = World::new();
    let day = world.earlier(hours(24), |_| {});
    let before: Vec<(&[u8], u64)> = vec![(b"", 1), (b"work", 5), (b"work/run1", 100), (b"old", 9)];
    let bob: Vec<(&[u8], u64)> = vec![(b"", 1), (b"secret-of-bob", 77)];
    publish(&world, &day, "complete", &rows_of(&[(b"200005", before.clone()), (b"200006", bob)]));
    let mut after = before;
    after.retain(|(path, _)| *path != b"old");
    after.extend([(&b"work/run2"[..], 300), (b"work/run2/deep", 120), (b"work/run3", 90)]);
    after.push((b"gift", 77));
    after.extend([(&b"\"><img src=x onerror=alert(1)>"[..], 60), (ODD_NAME, 50), (SCRIPT, 40)]);
    let bob: Vec<(&[u8], u64)> = vec![(b"", 1), (b"data", 30)];
    let homes: [(&[u8], _); 2] = [(b"200005", after), (b"200006", bob)];
    publish(&world, &newest(&world), "complete", &rows_of(&homes));
    let all = world.scratch.path().join("all.html");
    let users = world.scratch.path().join("users");
    let mut command = efs_scan();
    command.arg("report").arg("--from").arg(world.to()).arg("--html").arg(&all);
    let output = watched(command.arg("--users").arg(&users), Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    (world, [all, users.join("200005.html")])
}

#[test]
fn pages_show_what_grew_and_a_user_sees_own_paths_only() {
    let (world, pages) = pages_of_growth();
    let [all, zoe] = pages.map(|page| std::fs::read_to_string(page).unwrap());
    for page in [&all, &zoe] {
        crate::pages::hostile::check(page);
        assert!(page.contains(">What grew</h"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/"), "{page}");
        assert!(page.contains("+300 MiB") || page.contains("+420 MiB"), "{page}");
    }
    assert!(all.contains("secret-of-bob") && all.contains(">zoe<"));
    assert!(!zoe.contains("secret") && !zoe.contains("bob") && !zoe.contains("200006"), "{zoe}");
    assert!(zoe.contains(", from elsewhere"), "{zoe}");
    // The figures of the lines add up to the home's.
    let grew = |page: &str| -> i64 {
        let of = |row: &str| row.split('"').next().unwrap().parse::<i64>().unwrap();
        page.split("data-grew=\"").skip(2).map(of).sum()
    };
    assert_eq!(grew(&zoe), (300 + 120 + 90 + 77 + 60 + 50 + 40) << 20);
    // A table that cannot be read is said, and the pages are made without it.
    std::fs::write(place(&world, &newest(&world)), "no table").unwrap();
    let mut command = efs_scan();
    command.arg("report").arg("--from").arg(world.to()).args(["--html", "-"]);
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("What grew is not known: "), "{page}");
}

/// Adds a second file system to the world, in which bob grew since the day before, and makes the page about
/// both.
pub(crate) fn fleet_page_of_growth(world: &World) -> PathBuf {
    let root = world.scratch.path().join("stage");
    file(&root, "200006/data", 5_000_000);
    let mut command = efs_scan();
    command.env("EFS_SCAN_STATE_DIR", world.scratch.path().join("state")).arg(root);
    command.args(["--name=stage", "--quiet", "--publish"]).arg(world.to());
    assert_eq!(watched(&mut command, Duration::from_secs(60)).status.code(), Some(0));
    let latest = std::fs::read(world.to().join("latest/stage.json")).unwrap();
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    let run = latest["run"]["id"].as_str().unwrap();
    let started: jiff::Timestamp = latest["run"]["started"].as_str().unwrap().parse().unwrap();
    let at = |table: &str, run: &str, end: &str| {
        world.to().join(format!("{table}/fs=stage/dt={}/{run}.{end}", day(run)))
    };
    // A copy of the run is that of the day before.
    let old = (started - jiff::SignedDuration::from_hours(24)).strftime("%Y%m%dT%H%M%S%.6fZ");
    let old = old.to_string();
    for (table, end) in [("homes/parquet", "parquet"), ("runs", "json")] {
        let copy = at(table, &old, end);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(at(table, run, end), copy).unwrap();
    }
    let before = table(&[(b"200006", &[(b"", 1), (b"data", 3), (SCRIPT, 2)])]);
    let after = table(&[(b"200006", &[(b"", 1), (b"data", 500), (SCRIPT, 9)])]);
    write(&at("dirs", &old, "parquet"), Some(&old), "complete", &before);
    write(&at("dirs", run, "parquet"), Some(run), "complete", &after);
    let page = world.scratch.path().join("fleet.html");
    let output = report(world, &page);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    page
}

fn report(world: &World, page: &Path) -> Output {
    let mut command = efs_scan();
    command.arg("report").arg("--from").arg(world.to()).arg("--html").arg(page);
    watched(&mut command, Duration::from_secs(60))
}

#[test]
fn the_page_about_several_file_systems_shows_what_grew_on_each() {
    let (world, _) = pages_of_growth();
    let file = fleet_page_of_growth(&world);
    let page = std::fs::read_to_string(&file).unwrap();
    crate::pages::hostile::check(&page);
    let section = |page: &str| {
        let section = page.split_once("id=\"grew\"").expect("a section").1;
        section.split_once("</section>").unwrap().0.to_owned()
    };
    let grew = section(&page);
    // Each row's depth and growth.
    let rows: Vec<(u32, i64)> = (grew.split("<tr data-depth=\"").skip(1))
        .map(|row| {
            let number = |text: &str| text.split('"').next().unwrap().parse::<i64>().unwrap();
            let growth = number(row.split_once("data-grew=\"").unwrap().1);
            (number(row) as u32, growth)
        })
        .collect();
    assert_eq!(rows.iter().filter(|row| row.0 == 0).count(), 2, "{grew}");
    let of_stage = 497 + 7;
    let of_prod = 300 + 120 + 90 + 77 + 60 + 50 + 40 + 30;
    let sum: i64 = rows.iter().map(|row| row.1).sum();
    assert_eq!(sum, (of_stage + of_prod) << 20, "{grew}");
    // The largest growth comes first.
    let (prod, stage) = (grew.find("\">prod ").unwrap(), grew.find("\">stage ").unwrap());
    assert!(prod < stage && grew.contains("data"), "{grew}");
    assert!(grew.contains("newest run of 2 file systems"), "{grew}");
    // A table that cannot be read is said, and the other file system is there.
    std::fs::write(place(&world, &newest(&world)), "no table").unwrap();
    assert_eq!(report(&world, &file).status.code(), Some(3));
    let grew = section(&std::fs::read_to_string(&file).unwrap());
    assert!(grew.contains("What grew on prod is not known: "), "{grew}");
    assert!(grew.contains("+504 MiB"), "{grew}");
    // A first run has nothing to compare with.
    std::fs::remove_file(place(&world, &newest(&world))).unwrap();
    assert_eq!(report(&world, &file).status.code(), Some(0));
    let grew = section(&std::fs::read_to_string(&file).unwrap());
    assert!(grew.contains("Without an earlier run to compare with: prod."), "{grew}");
}

/// The section about what grew is bounded: with it, the largest page stays below 2 MB.
#[test]
fn the_page_of_a_thousand_homes_that_all_grew_is_under_2_mb() {
    let place = scratch();
    let store = efs_scan::store::Directory::new(place.path().to_owned());
    let (report, history) = crate::pages::grown(1000, 90);
    let before = report.run.started - jiff::SignedDuration::from_hours(24);
    let of = report.file_system_key();
    for (report, by) in [(&invented::report(1000, before, 89.0), 1), (&report, 7)] {
        efs_scan::outbox::publish(&store, report).unwrap();
        let run = &report.run.id;
        let long =
            |at: usize| format!("project-with-a-long-name-{at}/checkpoints-of-an-experiment");
        let paths: Vec<String> = (0..8).map(long).collect();
        let mut rows = Vec::new();
        for home in report.homes.iter().filter(|home| home.kind != HomeKind::Outside) {
            let mut dirs: Vec<(&[u8], u64)> = vec![(b"", 1)];
            dirs.extend(
                paths
                    .iter()
                    .enumerate()
                    .map(|(at, path)| (path.as_bytes(), (at as u64 % 7 + 1) * by + at as u64)),
            );
            rows.extend(rows_of(&[(home.name.as_bytes(), dirs)]));
        }
        rows.sort_by(DirRow::cmp_place);
        let table = place.path().join(format!("dirs/fs={of}/dt={}/{run}.parquet", day(run)));
        write(&table, Some(run), "complete", &rows);
    }
    let mut command = efs_scan();
    command.arg("report").arg("--from").arg(place.path()).args(["--html", "-"]);
    let output = watched(&mut command, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    let section = page.split_once("id=\"grew\"").expect("a section").1;
    let section = section.split_once("</section>").unwrap().0;
    let rows = section.matches("<tr data-depth").count();
    assert!((300..1000).contains(&rows), "{rows} rows");
    assert!(section.contains("homes more: +"), "{section}");
    // That page has the trends of two runs, this one those of 91.
    let without = efs_scan::pages::Pages::new(&report, &history, report.run.finished).overview();
    let bytes = without.len() + section.len();
    assert!(bytes < 2_000_000, "{} with {} about growth", without.len(), section.len());
}
