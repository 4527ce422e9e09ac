//! `dirs-tables OLD NEW ROWS`: writes two tables of directories, as scans of two days write them.
//!
//! The homes have a thousand directories each. From the old to the new one, a directory in twenty
//! grew, and in each tenth home one tree is new, one is gone and one was moved.

use std::fs::File;
use std::io::BufWriter;

use anyhow::Context as _;
use efs_scan::dirs::{About, DirRow, DirsWriter, Sums};
use efs_scan::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use efs_scan::usage::{Class, HomeKind};

/// Directories of a home.
const DIRS: usize = 1000;

/// Directories of a directory.
const FAN: usize = 6;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let mut arg = || args.next().context("usage: dirs-tables OLD NEW ROWS");
    let (old, new) = (arg()?, arg()?);
    let rows: usize = arg()?.to_string_lossy().parse()?;
    for (path, day) in [(old, 0), (new, 1)] {
        let about = About {
            file_system: "fs-0123456789abcdef0".to_owned(),
            root: b"/mnt/efs".to_vec(),
            dirs_min: MeteredBytes(1 << 20),
            coverage: "complete".to_owned(),
            ..About::default()
        };
        let file = BufWriter::new(File::create(&path)?);
        let mut writer = DirsWriter::new(file, &about)?;
        for home in 0..rows.div_ceil(DIRS) {
            for row in home_rows(home, day) {
                writer.push(&row)?;
            }
        }
        writer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    }
    Ok(())
}

/// A number that looks random, and is the same in each run.
fn scattered(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 16
}

fn home_rows(home: usize, day: u64) -> Vec<DirRow> {
    let mut rows: Vec<DirRow> = Vec::with_capacity(DIRS);
    for at in 0..DIRS {
        let seed = scattered((home * DIRS + at) as u64);
        let path = match at {
            0 => Vec::new(),
            _ => {
                let above = &rows[(at - 1) / FAN].path;
                let slash = if above.is_empty() { "" } else { "/" };
                let kind = ["run", "checkpoint-0000", "data", "lib", "v1."][at % 5];
                [above, format!("{slash}{kind}{at}").as_bytes()].concat()
            }
        };
        let grown = if seed.is_multiple_of(20) { day * (seed % (64 << 20)) } else { 0 };
        let allocated =
            AllocatedBytes(((1 << 20) + seed % (16 << 20) + grown).next_multiple_of(4096));
        let files = 1 + seed % 200;
        let own = Sums {
            files,
            dirs: 1,
            apparent: ApparentBytes(allocated.0 - seed % 4096),
            allocated,
            metered: MeteredBytes::of(allocated, files + 1),
        };
        rows.push(DirRow {
            kind: HomeKind::Uid,
            home: (200_000 + home).to_string().into_bytes(),
            path,
            uid: (200_000 + home) as u32,
            class: if at % 50 == 7 { Class::Cache } else { Class::Rest },
            rule: if at % 50 == 7 { "pip-cache".to_owned() } else { String::new() },
            is_finding: at % 50 == 7,
            own,
            subtree: own,
            newest: Some(1_790_000_000 + (seed % 8_000_000) as i64),
            ages: [MeteredBytes(0), MeteredBytes(0), own.metered, MeteredBytes(0), MeteredBytes(0)],
            ..DirRow::default()
        });
    }
    if home.is_multiple_of(10) {
        let gone = if day == 0 { "data2" } else { "v1.4" };
        let is_in = |path: &[u8], top: &str| {
            path.split(|byte| *byte == b'/').next() == Some(top.as_bytes())
        };
        rows.retain(|row| !is_in(&row.path, gone));
        for row in rows.iter_mut().filter(|row| day == 1 && is_in(&row.path, "run5")) {
            row.path.splice(..4, *b"archive5");
        }
    }
    // Those below come after those above.
    for at in (1..rows.len()).rev() {
        let above = rows[at].path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let (before, rest) = rows.split_at_mut(at);
        let row = &rest[0];
        if let Some(above) = before.iter_mut().find(|it| it.path == row.path[..above]) {
            above.subtree.add(&row.subtree);
            above.newest = above.newest.max(row.newest);
            above.ages[2] += row.ages[2];
        }
    }
    rows.sort_by(DirRow::cmp_place);
    rows
}
