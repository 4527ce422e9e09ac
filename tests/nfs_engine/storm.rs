//! Random combinations of faults: in every case, the totals are the tree's, or the report names
//! what is missing.

use std::time::Duration;

use efs_scan::scan::{Ended, Loops};
use efs_scan_testbed::nfs_server::{Config, Dealing, Fault, Naming, Slots};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::walk::{engine, plain, serve, sums_but, walk};

/// A server and its faults.
#[derive(Clone, Debug)]
struct Storm {
    seed: u64,
    per_mille: u32,
    slots: u32,
    max_operations: u32,
    max_readdir: Option<u32>,
    jitter: Duration,
    batch: usize,
    partitions: u32,
    dealing: Dealing,
    naming: Naming,
    loops: usize,
}

fn storms() -> impl Strategy<Value = Storm> {
    let small = proptest::option::of(500..5000_u32);
    let dealing = prop_oneof![Just(Dealing::InTurn), Just(Dealing::Random)];
    let naming =
        prop_oneof![Just(Naming::Distinct), Just(Naming::SameOwner), Just(Naming::SameNumbers)];
    let server = (1..20_u32, 4..50_u32, small, 0..3_u64);
    let partitions = (1..=4_u32, dealing, naming);
    (any::<u64>(), 1..15_u32, server, (1..30_usize, 1..5_usize), partitions).prop_map(
        |(seed, per_mille, server, (batch, loops), (partitions, dealing, naming))| {
            let (slots, max_operations, max_readdir, jitter) = server;
            let jitter = Duration::from_millis(jitter);
            Storm {
                seed,
                per_mille,
                slots,
                max_operations,
                max_readdir,
                jitter,
                batch,
                partitions,
                dealing,
                naming,
                loops,
            }
        },
    )
}

fn check(storm: &Storm) -> Result<(), TestCaseError> {
    let model = plain();
    let config = Config {
        seed: storm.seed,
        slots: Slots::AtMost(storm.slots),
        max_operations: storm.max_operations,
        max_readdir: storm.max_readdir,
        jitter: storm.jitter,
        partitions: storm.partitions,
        dealing: storm.dealing,
        naming: storm.naming,
        ..Config::default()
    };
    let server = serve(config, &model);
    server.faults(Fault::storm(storm.per_mille));
    let mut engine = engine(&server);
    engine.batch = storm.batch;
    engine.loops = Loops::Fixed(storm.loops);
    let outcome = match walk(&engine) {
        Ok(outcome) => outcome,
        Err(error) => return Err(TestCaseError::fail(format!("{error}; {}", server.counts()))),
    };
    prop_assert_eq!(server.violations(), Vec::<String>::new());
    prop_assert_eq!(outcome.ended, Ended::Complete);
    prop_assert_eq!(outcome.vanished, 0);
    // Entries below a missing directory may be there in part; all others are there.
    let missing: Vec<&str> = outcome.errors.iter().map(|(path, ..)| &**path).collect();
    let (all, rest) = (sums_but(&model, &[]), sums_but(&model, &missing));
    for (at, sum) in outcome.sums.into_iter().enumerate() {
        prop_assert!(rest[at] <= sum && sum <= all[at], "{:?}: {:?}", outcome, all);
    }
    prop_assert_eq!(outcome.count, outcome.errors.len() as u64);
    Ok(())
}

/// Returns a small number of cases; set PROPTEST_CASES for more.
fn cases_wanted() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES");
    wanted.map_or(10, |number| number.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases_wanted(),
        max_shrink_iters: 20,
        // The failing case is printed; add it as a test of its own.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn nothing_is_lost_or_duplicated_in_any_storm(storm in storms()) {
        check(&storm)?;
    }
}

#[test]
fn a_light_storm_is_overcome_without_loss() {
    for seed in 0..6 {
        let model = plain();
        let server = serve(Config { seed, ..Config::default() }, &model);
        server.faults(Fault::storm(3));
        let outcome = walk(&engine(&server)).unwrap();
        super::walk::assert_whole(&server, &model, &outcome);
        assert!(server.faults_fired() > 0, "seed {seed}");
    }
}
