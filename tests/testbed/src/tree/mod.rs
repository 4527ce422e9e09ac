//! Makes a tree like the file system of a SageMaker Studio domain: homes named by uid, of very
//! unequal sizes, filled with files of people who train models. The same seed and sizes give the
//! same names, contents and ages (relative to the day on which the tree is made).

mod maker;
mod memory;
mod python;
mod rng;
mod training;
mod working;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{Mode, syncfs};

pub use maker::Counts;
use maker::{Content, Maker};
pub use memory::directory_in_memory;
use rng::Rng;

/// Uid of the first home. The next homes have the following uids, as SageMaker assigns them.
pub const FIRST_UID: u32 = 200_005;

/// Size of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Minimum number of directories.
    pub dirs: u64,
    /// Minimum number of other entries.
    pub files: u64,
    pub homes: u32,
    /// Selects one of many trees of this size.
    pub seed: u64,
}

type Rule = fn(&mut Maker, u64) -> Result<()>;

/// Fillers of a home, used in turn until it has its directories.
const RULES: [Rule; 11] = [
    python::project,
    working::repository,
    training::runs,
    working::node_app,
    python::conda,
    training::images,
    working::notebooks,
    training::models,
    working::trash,
    python::pip_cache,
    training::checkpoints,
];

/// Fills the empty directory `root`. Homes belong to their uids if the caller is root.
///
/// # Errors
/// If `root` is not an empty directory, or an entry cannot be made.
pub fn make(root: &Path, size: &Size) -> Result<Counts> {
    let shown = root.display();
    let mut entries = std::fs::read_dir(root).with_context(|| format!("list {shown}"))?;
    ensure!(entries.next().is_none(), "{shown} is not empty");
    let top = maker::open_dir(root).with_context(|| format!("open {shown}"))?;
    // Modes are part of the tree and must not depend on the caller.
    rustix::process::umask(Mode::from_raw_mode(0o022));

    let homes = make_homes(&top, size)?;
    let mut total = Counts { dirs: 1, ..Counts::default() };
    for home in homes {
        total.dirs += home.counts.dirs;
        total.files += home.counts.files;
        total.symlinks += home.counts.symlinks;
        total.hard_links += home.counts.hard_links;
    }
    Ok(total)
}

/// Waits until the tree is on disk. Some file systems change block counts before that.
///
/// # Errors
/// If `root` cannot be opened or the file system cannot be written.
pub fn settle(root: &Path) -> Result<()> {
    maker::open_dir(root).and_then(syncfs).with_context(|| format!("sync {}", root.display()))
}

fn make_homes(top: &OwnedFd, size: &Size) -> Result<Vec<Maker>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
    let as_root = rustix::process::geteuid().is_root();
    let mut homes: Vec<Maker> = Vec::new();
    for (index, share) in shares(size).into_iter().enumerate() {
        let uid = FIRST_UID + index as u32;
        let owner = as_root.then_some(uid);
        let base = maker::home(top, &uid.to_string(), owner)?;
        // A seed per home, so a home does not depend on the sizes of those before it.
        let rng = Rng::new(size.seed.wrapping_mul(1_000_003) ^ u64::from(uid));
        let mut home = Maker::new(base, rng, owner, now);
        home.counts.dirs = 1;
        let dirs = (size.dirs as f64 * share).ceil() as u64;
        let files = (size.files as f64 * share).ceil() as u64;
        fill(&mut home, index, dirs, files).with_context(|| format!("fill the home {uid}"))?;
        if let Some(neighbour) = homes.last().filter(|_| index % 3 == 2) {
            let name = format!("from-{}.csv", uid - 1);
            home.link(Some(&neighbour.base), "shared.csv", "", name)?;
        }
        homes.push(home);
    }
    for home in &mut homes {
        home.finish()?;
    }
    Ok(homes)
}

/// Returns each home's share of the tree, in the order of uids. The n-th largest home has about 1/n
/// of the largest, and sizes are unrelated to uids.
fn shares(size: &Size) -> Vec<f64> {
    let mut rng = Rng::new(size.seed);
    let mut weights: Vec<f64> = (1..=size.homes).map(|n| 1.0 / f64::from(n)).collect();
    for last in (1..weights.len()).rev() {
        weights.swap(last, rng.range(0, last as u64 + 1) as usize);
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn fill(home: &mut Maker, index: usize, dirs: u64, files: u64) -> Result<()> {
    home.file("", ".bashrc", Content::Text("export PATH\n"))?;
    home.file("", "shared.csv", Content::Filler(3000))?;
    // Limits each filler, so that small homes are mixed too.
    let portion = (dirs / 16).max(24);
    let mut turn = index;
    while home.counts.dirs < dirs {
        home.change_age();
        home.dir_limit = dirs.min(home.counts.dirs + portion);
        let round = (turn - index) / RULES.len();
        RULES[turn % RULES.len()](home, round as u64)?;
        turn += 1;
    }
    home.change_age();
    training::shards(home, files.saturating_sub(home.counts.others()))
}
