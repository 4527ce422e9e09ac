//! `nfs-server`: serves a computed tree over NFSv4.1 on the loopback interface with a settable
//! delay, and prints the clients' requests at the end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use efs_scan_testbed::computed::{ROOT, Tree};
use efs_scan_testbed::nfs_server::raw::{Load, Shape};
use efs_scan_testbed::nfs_server::{Computed, Config, Server, Slots};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Serves a read-only tree that is computed, not stored. The first line on stdout is the address,
/// as a URL; SIGINT or SIGTERM ends it, with one line on stderr.
#[derive(Parser)]
struct Cli {
    /// Port on 127.0.0.1 [default: a free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Directories, including the root
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least(1))]
    dirs: u64,
    /// Files in each directory but the root
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least(0))]
    files: u64,
    /// Directories in each home and in each directory below
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least(2))]
    fanout: u64,
    /// Directories in the root
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least(1))]
    homes: u64,
    /// Time from a request to its reply
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    delay_ms: f64,
    /// Limit of requests a second; more have to wait
    #[arg(long, value_name = "N")]
    per_second: Option<u32>,
    /// Slots granted to a session
    #[arg(long, value_name = "N", default_value_t = 1024)]
    slots: u32,
    /// Maximum operations in a request
    #[arg(long, value_name = "N", default_value_t = 50)]
    ops: u32,
    /// Servers that share the tree and nothing else; connections are dealt out in turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    partitions: u32,
    /// Instead of waiting for a signal, load the server for this long and print its READDIRs a
    /// second
    #[arg(long, value_name = "SECONDS")]
    load: Option<f64>,
    /// Requests in flight for --load
    #[arg(long, value_name = "N", default_value_t = 4096)]
    in_flight: u32,
    /// Connections for --load
    #[arg(long, value_name = "N", default_value_t = 4)]
    connections: u32,
}

fn at_least(least: u64) -> clap::builder::RangedU64ValueParser {
    // Products of two such numbers are still inode numbers.
    clap::value_parser!(u64).range(least..1 << 31)
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let tree = Tree::even(cli.dirs, cli.files, cli.homes, cli.fanout);
    let size = format!("dirs={} files={}", tree.dirs(), tree.files());
    let delay = Duration::try_from_secs_f64(cli.delay_ms / 1000.0).context("--delay-ms")?;
    let config = Config {
        port: cli.port,
        delay,
        requests_per_second: cli.per_second,
        slots: Slots::AtMost(cli.slots),
        partitions: cli.partitions,
        max_operations: cli.ops,
        ..Config::default()
    };
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let server = Server::start(config, Arc::new(Computed::new(tree)))
        .with_context(|| format!("listen on port {}", cli.port))?;
    println!("nfs://{}/", server.address());
    match cli.load {
        Some(seconds) => {
            let shape = Shape {
                connections: cli.connections,
                in_flight: cli.in_flight,
                time: Duration::try_from_secs_f64(seconds).context("--load")?,
                first: ROOT,
                step: cli.files + 1,
                dirs: cli.dirs,
            };
            let load = Load::put_on(server.address(), &shape).context("load the server")?;
            let rate = load.rate();
            println!("readdirs_per_second={rate:.0} replies={} bytes={}", load.replies, load.bytes);
            ensure!(load.failed == 0, "{} requests failed", load.failed);
        }
        None => {
            signals.forever().next();
        }
    }
    eprintln!("nfs-server: {size} {}", server.counts());
    for violation in server.violations() {
        eprintln!("nfs-server: violation: {violation}");
    }
    Ok(())
}
