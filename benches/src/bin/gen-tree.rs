//! `gen-tree DIR`: makes the tree that efs-scan is measured on.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use efs_scan_testbed::tree::{Size, make, settle};

/// Fills DIR, which must be empty or absent, with a tree like a SageMaker Studio file system.
#[derive(Parser)]
struct Cli {
    dir: PathBuf,
    /// Minimum number of directories
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    dirs: u64,
    /// Minimum number of other entries
    #[arg(long, value_name = "N", default_value_t = 950_000)]
    files: u64,
    /// Homes at the top of the tree
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    homes: u32,
    /// Another seed makes another tree of the same size
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    std::fs::create_dir_all(&cli.dir).with_context(|| format!("make {}", cli.dir.display()))?;
    let size = Size { dirs: cli.dirs, files: cli.files, homes: cli.homes, seed: cli.seed };
    let counts = make(&cli.dir, &size)?;
    settle(&cli.dir)?;
    println!(
        "dirs={} others={} files={} symlinks={} hard_links={}",
        counts.dirs,
        counts.others(),
        counts.files,
        counts.symlinks,
        counts.hard_links
    );
    Ok(())
}
