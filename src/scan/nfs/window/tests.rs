//! Tests the window alone, and with a simulated event loop and server in virtual time.

mod simulation;

use super::*;
use simulation::Scan;

fn window(threads: Threads) -> RequestWindow {
    let pacing = Pacing { threads, max_threads: None, max_ops: None, max_latency: None };
    RequestWindow::new(&pacing, &Arc::new(Stop::default()))
}

#[test]
fn a_busy_server_halves_the_window_and_it_grows_back() {
    let mut window = window(Threads::Auto);
    let now = Instant::now();
    assert_eq!(window.limit(now, 0, 1), INITIAL);
    // Two replies in the same interval count once.
    window.server_busy(now);
    window.server_busy(now + BUSY_INTERVAL / 2);
    assert_eq!(window.limit(now, 0, 1), INITIAL / 2);
    window.server_busy(now + 2 * BUSY_INTERVAL);
    assert_eq!(window.limit(now + 2 * BUSY_INTERVAL, 0, 1), INITIAL / 4);
    let mut later = now + 10 * BUSY_INTERVAL;
    for _ in 0..10 {
        later += window.tick();
        window.limit(later, 0, 1);
    }
    assert!(window.cap > INITIAL, "{}", window.cap);
}

#[test]
fn a_fixed_number_does_not_change() {
    let mut window = window(Threads::Fixed(100));
    window.server_busy(Instant::now());
    assert_eq!(window.limit(Instant::now(), 0, 1), 100);
}

#[test]
fn a_long_queue_limits_the_window() {
    let mut window = window(Threads::Fixed(MAX_IN_FLIGHT));
    assert_eq!(window.limit(Instant::now(), 0, CROWDED), MAX_IN_FLIGHT);
    assert_eq!(window.limit(Instant::now(), 0, CROWDED + 1), MAX_WHEN_CROWDED);
    assert_eq!(window.limit(Instant::now(), 0, 0), MAX_IN_FLIGHT);
}

/// Returns the shortest time of a scan with a fixed number of requests in flight.
fn best_of_fixed(scan: &Scan) -> f64 {
    let numbers = [256, 1024, 4096].into_iter();
    let times = numbers.map(|number| scan.run(&mut window(Threads::Fixed(number)), 1).seconds);
    times.fold(f64::INFINITY, f64::min)
}

/// The mount's controller took 1.2 to 2.0 times as long here: see `climb`.
#[test]
fn a_scan_takes_as_long_as_with_the_best_number() {
    for delay_ms in [0.0, 2.0, 10.0] {
        let scan = Scan::computed(100_000, delay_ms);
        let best = best_of_fixed(&scan);
        let times: Vec<f64> =
            (1..6).map(|seed| scan.run(&mut window(Threads::Auto), seed).seconds / best).collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        assert!(mean < 1.06, "{delay_ms} ms: {times:.3?} times the best");
        assert!(times.iter().all(|time| *time < 1.15), "{delay_ms} ms: {times:.3?}");
    }
}

#[test]
fn a_server_at_its_limit_gets_few_more_requests() {
    for per_second in [400.0, 3_000.0, 17_000.0] {
        for noise in [0.0, 0.6] {
            let dirs = per_second as u64 * 20;
            let server = Scan { service: 1.0 / per_second, noise, ..Scan::computed(dirs, 5.0) };
            let best = best_of_fixed(&server);
            let enough = per_second * server.delay;
            for seed in 1..3 {
                let ran = server.run(&mut window(Threads::Auto), seed);
                let (mean, ratio) = (ran.mean_in_flight(5.0), ran.seconds / best);
                let case = format!("{per_second}/s, noise {noise}, {enough} do");
                assert!(mean < 3.0 * enough + 16.0, "{case}: {mean} requests in flight");
                assert!(ratio < 1.05, "{case}: {ratio:.3} times the best");
            }
        }
    }
}

#[test]
fn a_server_that_becomes_slow_gets_fewer_requests_until_it_has_recovered() {
    let slow = Some((1.0, 4.0, 60e-6));
    let scan = Scan { slow, ..Scan::computed(1_200_000, 2.0) };
    let ran = scan.run(&mut window(Threads::Auto), 1);
    let (before, during) = (ran.between(0.5, 1.0), ran.between(3.0, 4.0));
    let after = ran.between(ran.seconds - 1.2, ran.seconds - 0.2);
    assert!(during < before / 2.0, "{before}, then {during}");
    assert!(after > 700.0, "{before}, then {during}, then {after}");
}

#[test]
fn a_limit_on_the_round_trip_is_kept() {
    // 24 requests in flight reach 8 ms.
    let server = Scan { service: 1.0 / 3_000.0, noise: 0.2, ..Scan::computed(60_000, 5.0) };
    let max_latency = Some(Duration::from_millis(8));
    let pacing = Pacing { threads: Threads::Auto, max_threads: None, max_ops: None, max_latency };
    let ran = server.run(&mut RequestWindow::new(&pacing, &Arc::new(Stop::default())), 1);
    let lately = ran.mean_in_flight(10.0);
    assert!((10.0..=26.0).contains(&lately), "{lately}");
    let slow = Scan { delay: 0.030, ..Scan::computed(600, 0.0) };
    let ran = slow.run(&mut RequestWindow::new(&pacing, &Arc::new(Stop::default())), 1);
    assert!(ran.mean_in_flight(5.0) < 2.0, "{}", ran.mean_in_flight(5.0));
}

/// Single windows misled the controller here: the means were 1.26, 1.13 and 1.05 times the best.
#[test]
fn other_programs_do_not_mislead() {
    for (scan, factor) in [
        (Scan::computed(400_000, 0.0), 1.12),
        (Scan::computed(400_000, 2.0), 1.12),
        (Scan { service: 1.0 / 12_000.0, noise: 0.6, ..Scan::computed(80_000, 2.0) }, 1.05),
    ] {
        let scan = Scan { others: 0.3, ..scan };
        let mean = |threads| {
            (1..=8).map(|seed| scan.run(&mut window(threads), seed).seconds).sum::<f64>() / 8.0
        };
        let best = [64, 1024, 3072].map(|number| mean(Threads::Fixed(number)));
        let best = best.into_iter().fold(f64::INFINITY, f64::min);
        let times = mean(Threads::Auto) / best;
        assert!(times < factor, "{scan:?}: {times:.3} times the best");
    }
}
