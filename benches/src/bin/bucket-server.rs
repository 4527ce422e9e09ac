//! `bucket-server`: serves the files of a directory as the objects of a bucket, over the testbed's S3,
//! with a settable delay.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use efs_scan_testbed::aws::{Fault, Stub, What};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Serves the files of a directory as the objects of the bucket `bench`. The first line on stdout is
/// the endpoint; SIGINT or SIGTERM ends it, with one line on stderr.
#[derive(Parser)]
struct Cli {
    /// Directory of the files
    directory: PathBuf,
    /// Time from a request to its answer
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay_ms: u64,
}

fn main() -> Result<()> {
    let Cli { directory, delay_ms } = Cli::parse();
    let server = Stub::start();
    server.create_bucket("bench");
    put(&server, &directory, "")?;
    if delay_ms > 0 {
        let delay = What::Delay(Duration::from_millis(delay_ms));
        server.fault(Fault::new("S3", "*", delay).always());
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    println!("{}", server.url());
    signals.forever().next();
    let (requests, most) = (server.requests().len(), server.max_in_flight("S3"));
    eprintln!("bucket-server: requests={requests} most_at_once={most}");
    Ok(())
}

fn put(server: &Stub, directory: &Path, prefix: &str) -> Result<()> {
    for entry in directory.read_dir().with_context(|| directory.display().to_string())? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => put(server, &entry.path(), &format!("{key}/"))?,
            false => server.put_object("bench", &key, std::fs::read(entry.path())?),
        }
    }
    Ok(())
}
