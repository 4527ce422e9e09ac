//! `efs-scan publish`: sends the runs in the spool.

use super::heed::Phase;
use super::state_dir;
use super::state_place::{Choice, Chosen, choose, has_state};
use crate::aws::Aws;
use crate::cli::PublishArgs;
use crate::config::{Loaded, Readers};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::outbox::{migrate, send_waiting};
use crate::state::{StateDir, shown};
use crate::stop::Stop;
use crate::text::plural;

pub(super) fn run(
    args: &PublishArgs,
    loaded: Loaded,
    stop: &Stop,
    phase: &Phase,
) -> Result<Exit, Failure> {
    phase.heeds_stop();
    let readers = loaded.readers().map_err(Failure::usage)?;
    if args.migrate {
        migrate_to(args, &readers, phase)?;
        // A machine that migrates a destination need not be the one that scans.
        if !readers.state_dir.exists() {
            return Ok(Exit::Complete);
        }
    }
    let choice = Choice {
        asked: readers.state,
        to: readers.published.as_ref().filter(|_| !readers.buckets.unconditional),
        state_dir: &readers.state_dir,
        is_shared: readers.state_dir_shared,
    };
    // What the directory kept before still waits there.
    if let (Chosen::Destination(why), false) = (choose(choice), has_state(choice)) {
        log::warn!("no run waits here: the state is kept at the destination ({why})");
        return Ok(Exit::Complete);
    }
    let state_dir = state_dir(&readers.state_dir, readers.state_dir_shared)?;
    let state = StateDir::open(&state_dir).map_err(Failure::usage)?;
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let parts = state.parts().map_err(Failure::usage)?;
    let (mut runs, mut waiting, mut problems) = (0, 0, 0);
    let mut held = None;
    for part in parts {
        let spool = shown(&part.path("spool"));
        phase.begin(format!("publishing; unsent runs wait in {}", spool.display()));
        let _lock = match part.lock("publishing") {
            Ok(lock) => lock,
            // The scan that holds the lock sends these runs when it ends. The other parts do not
            // wait for it.
            Err(error) => {
                held.get_or_insert(error);
                continue;
            }
        };
        let sent = send_waiting(&part, &aws, stop);
        runs += sent.runs;
        waiting += sent.waiting;
        problems += sent.problems.len();
    }
    if let Some(error) = held {
        return Err(Failure::fatal(error));
    }
    Ok(match (stop.is_set(), waiting) {
        (_, 0) if problems == 0 => {
            log::summary!(runs = runs, "published");
            Exit::Complete
        }
        (true, 1..) => Exit::Interrupted,
        _ => Exit::Unpublished,
    })
}

/// Migrates a destination to the present layout.
fn migrate_to(args: &PublishArgs, readers: &Readers, phase: &Phase) -> Result<(), Failure> {
    let to = readers.source(args.to.as_deref()).map_err(Failure::usage)?;
    phase.begin(format!("moving {to} to the present layout; the same command continues"));
    let aws = Aws::new(readers.patience, readers.buckets.clone());
    let migrated = to.open(&aws).and_then(|store| migrate(&*store));
    let migrated = migrated.map_err(|error| Failure::fatal(error.text))?;
    if migrated.runs.is_empty() && migrated.tables.is_empty() {
        log::info!("{to} has nothing to move");
    }
    for (of, runs) in &migrated.runs {
        log::info!("{to}: {runs} {} of {of}", plural(*runs as u64, "run", "runs"));
    }
    for (of, tables) in &migrated.tables {
        let runs = tables.runs;
        log::info!("{to}: Parquet tables of {runs} {} of {of}", plural(runs as u64, "run", "runs"));
        for id in &tables.left {
            let why = "its report is gone or broken";
            log::warn!("{to}: the tables of the run {id} of {of} stay CSV: {why}");
        }
    }
    Ok(())
}
