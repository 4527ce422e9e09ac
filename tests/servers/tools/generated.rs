//! Commands that only remove, run on the example generated from their rule.

use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use efs_scan::usage::rule_file::RuleSpec;
use efs_scan_testbed::*;
use serde_json::Value;

use super::Row;
use super::case::{AWKWARD, copy};
use super::effect::{LEAST, Trial};
use super::examples::{self, Example, Kind};

/// Tries the command of each rule on copies of its first example.
pub(super) fn try_all(rules: &[&RuleSpec]) -> Vec<(String, Result<Row, String>)> {
    let made = scratch();
    let examples = examples::build(made.path());
    let one = |rule: &&RuleSpec| {
        let mine = |example: &&Example| example.rule == rule.id && example.kind == Kind::Match;
        let example = examples.iter().find(mine).unwrap();
        let tried = try_it(example, &made.path().join(&example.home));
        (rule.id.clone(), tried.map_err(|why| format!("{}: {why}", example.what)))
    };
    rules.iter().map(one).collect()
}

/// Runs the command in homes with awkward names and in one with a plain name.
fn try_it(example: &Example, from: &Path) -> Result<Row, String> {
    let top = scratch();
    let [efs, space, bin, cwd] = ["efs", "space", "bin", "cwd"].map(|name| top.path().join(name));
    for directory in [&efs, &space, &bin, &cwd] {
        std::fs::create_dir(directory).unwrap();
    }
    for program in ["rm", "truncate"] {
        symlink(Path::new("/usr/bin").join(program), bin.join(program)).unwrap();
    }
    let finds = example.finds.as_ref().unwrap();
    enlarge(&from.join(finds));
    let names = [AWKWARD[0], AWKWARD[1], "200005"];
    for name in names {
        copy(from, &efs.join(name));
    }
    let report = report(&efs, [] as [&str; 0], 0);
    let tried = names.map(|name| {
        let findings = home(&report, name)["findings"].as_array().unwrap();
        let path = format!("{name}/{finds}");
        let mine = |it: &&Value| it["rule"] == example.rule.as_str() && it["path"] == path.as_str();
        let Some(finding) = findings.iter().find(mine) else {
            return Err(format!("{path:?} is not found: {findings:#?}"));
        };
        assert_eq!(finding["class"], example.class.as_str());
        let trial = Trial {
            efs: &efs,
            world: top.path(),
            space: &space,
            bin: &bin,
            shell: "/bin/sh",
            tolerance: 0,
            records: &[],
        };
        let row = trial.run(finding, &efs.join(name), "this test")?;
        if row.said < LEAST { Err(format!("too small: {}", row.said)) } else { Ok(row) }
    });
    let [awkward, other, plain] = tried;
    awkward.and(other).and(plain)
}

/// Gives an example real bytes: extends its payload file after the head. A compiled file is no larger than
/// its source makes it.
fn enlarge(path: &Path) {
    let beside = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let beside = beside.map(|entry| entry.unwrap().path());
    for source in beside.filter(|path| path.extension().is_some_and(|it| it == "py")) {
        std::fs::File::options().write(true).open(source).unwrap().set_len(LEAST).unwrap();
    }
    let payload = if path.is_dir() { payload(path).unwrap() } else { path.to_owned() };
    let file = std::fs::File::options().write(true).open(payload).unwrap();
    file.write_all_at(&vec![b'x'; LEAST as usize], 4096).unwrap();
}

/// Finds the only file that is not a marker.
fn payload(directory: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => payload(&path),
        false => (path.metadata().unwrap().len() > 1000).then_some(path),
    })
}
