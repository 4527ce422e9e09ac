//! `efs-scan status`: published runs, read back and compared.

mod asked;
mod compared;
mod ddl;
mod fleet;
mod hostile;
mod shown;
mod sums;
mod troubles;
pub(crate) mod world;

use std::os::unix::fs::MetadataExt;

use efs_scan_testbed::*;
use world::*;

#[test]
fn the_table_is_as_in_the_snapshot() {
    let probe = scratch();
    file(probe.path(), "file", 1);
    let blocks = |path: &str| probe.path().join(path).metadata().unwrap().blocks();
    let able = blocks(".") == 8 && blocks("file") == 8;
    if !skip_unless(able, "snapshot of status", "no blocks of 4 KiB as ext4 has") {
        return;
    }
    let world = World::new();
    world.publish(&["--quota", "250KiB"]);
    world.earlier(hours(24), |rows| {
        grow(rows, "200005", -8192);
        grow(rows, "200006", 4096);
        rows.retain(|row| row["home"] != "200008");
        row(rows, "200004").extend([
            ("home".to_owned(), "200001".to_owned()),
            ("uid".to_owned(), "200001".to_owned()),
            ("owner".to_owned(), "carol".to_owned()),
        ]);
    });
    world.earlier(hours(7 * 24), |rows| grow(rows, "200005", -70_000));
    let mut table = world.table(&[]).replace(world.root().to_str().unwrap(), "[ROOT]");
    let json = world.json();
    for run in ["run", "compared_day", "compared_week"] {
        let at: jiff::Timestamp = json[run]["started"].as_str().unwrap().parse().unwrap();
        let time = at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        assert!(table.contains(&time), "{table}");
        table = table.replace(&time, &format!("[{}]", run.to_uppercase()));
    }
    let (head, rest) = table.split_once("[RUN], ").unwrap();
    let rest = rest.split_once(" ago").unwrap().1;
    insta::assert_snapshot!("table", format!("{head}[RUN], [AGE] ago{rest}"));
}
