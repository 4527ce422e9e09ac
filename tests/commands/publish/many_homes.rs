//! Memory per home: a home takes a few hundred bytes, whatever is made of it.

use std::path::Path;

use efs_scan_testbed::*;

/// Numbers of homes in the two trees. Both peaks include the program's own memory.
const FEW: u64 = 1_000;
const MANY: u64 = 6_000;

/// The most bytes per home, including the directories of homes that wait to be read. A home takes
/// about 4 KiB in the report's JSON.
const FOR_EACH: u64 = 2_500;

fn make(root: &Path, homes: u64) {
    for uid in 200_000..200_000 + homes {
        let home = root.join(uid.to_string());
        for (directory, name) in [(".cache/pip", "a"), (".local/share/Trash/files", "b")] {
            std::fs::create_dir_all(home.join(directory)).unwrap();
            std::fs::write(home.join(directory).join(name), "text").unwrap();
        }
    }
}

#[test]
fn a_home_takes_little_memory_in_every_form() {
    let place = scratch();
    let root = |homes: u64| place.path().join(format!("of-{homes}"));
    make(&root(FEW), FEW);
    make(&root(MANY), MANY);
    let peak_of = |homes: u64, args: &[&str]| {
        let mut scan = efs_scan();
        scan.arg(root(homes)).arg("--quiet").args(args);
        peak(&scan) * 1024
    };
    let to = |homes: u64, name: &str| format!("{}/{name}-{homes}", place.path().display());
    let publish = |homes: u64| {
        let (published, state) = (to(homes, "published"), to(homes, "state"));
        peak_of(homes, &["--name=prod", "--publish", &published, "--state-dir", &state])
    };
    let format = |homes: u64, format: &str| peak_of(homes, &["--no-publish", "--format", format]);
    for form in ["publish", "json", "csv", "du"] {
        let of = |homes| if form == "publish" { publish(homes) } else { format(homes, form) };
        let (few, many) = (of(FEW), of(MANY));
        let each = many.saturating_sub(few) / (MANY - FEW);
        assert!(each < FOR_EACH, "{form}: {each} bytes for each home: {few} and {many} in all");
    }
    let published = std::fs::read(format!("{}/latest/prod.json", to(MANY, "published"))).unwrap();
    let latest: efs_scan::published::Latest = serde_json::from_slice(&published).unwrap();
    assert_eq!(latest.homes.len() as u64, MANY + 1);
}
