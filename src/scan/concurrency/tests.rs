//! Tests the controller against simulated file systems of all kinds, in virtual time.

use super::*;

/// A simulated file system.
struct Server {
    /// Seconds for an answer while there is no queue.
    latency: f64,
    /// The most answers a second.
    capacity: f64,
    /// Seconds of this machine's processors for each answer.
    cpu: f64,
    cores: usize,
    /// True if workers sleep for an answer, false if they only wait for a processor.
    sleeps: bool,
    /// The largest relative error of a window's mean.
    noise: f64,
    /// Share of answers that take three times as long, for any number of workers.
    stalls: f64,
    /// Sharpness of the limit: answers queue long before it with a low one, as where the server shares
    /// our processors.
    sharpness: f64,
}

impl Server {
    fn far(latency_ms: f64) -> Self {
        let capacity = f64::INFINITY;
        let latency = latency_ms / 1e3;
        Self {
            latency,
            capacity,
            cpu: 10e-6,
            cores: 2,
            sleeps: true,
            noise: 0.0,
            stalls: 0.0,
            sharpness: f64::INFINITY,
        }
    }

    /// Returns the answers per second for `n` workers, and the seconds that each takes.
    fn serve(&self, n: usize) -> (f64, f64) {
        let n = n as f64;
        let unloaded = n / (self.latency + self.cpu);
        let limit = self.capacity.min(self.cores as f64 / self.cpu);
        let rate = match self.sharpness.is_finite() {
            true => (unloaded.powf(-self.sharpness) + limit.powf(-self.sharpness))
                .powf(-1.0 / self.sharpness),
            false => unloaded.min(limit),
        };
        (rate, n / rate)
    }
}

/// A walk that never ends.
struct SimulatedWalk {
    controller: Concurrency,
    sample: Measurements,
    workers: usize,
    trips: f64,
    random: u64,
    trace: Vec<usize>,
}

const TICK: f64 = 0.010;

impl SimulatedWalk {
    fn new(bounds: Bounds) -> Self {
        let sample = Measurements { backlog: true, ..Measurements::default() };
        let (controller, workers) = (Concurrency::new(bounds, sample), bounds.start);
        Self { controller, sample, workers, trips: 0.0, random: 1, trace: Vec::new() }
    }

    fn run(&mut self, server: &Server, seconds: f64) -> &mut Self {
        for _ in 0..(seconds / TICK) as usize {
            let (rate, latency) = server.serve(self.workers);
            let stalled = self.random() < server.stalls;
            let (rate, latency) =
                if stalled { (rate / 3.0, latency * 3.0) } else { (rate, latency) };
            let latency = latency * (1.0 + server.noise * (self.random() - 0.5));
            self.trips += rate * TICK;
            let new = self.trips as u64 - self.sample.trips;
            self.sample.trips += new;
            self.sample.waited += Duration::from_secs_f64(new as f64 * latency);
            self.sample.waits += if server.sleeps { new } else { new / 20 };
            self.sample.cpu += Duration::from_secs_f64(rate * TICK * server.cpu);
            self.sample.now += Duration::from_secs_f64(TICK);
            self.workers = self.controller.sample(self.sample);
            self.trace.push(self.workers);
        }
        self
    }

    /// Returns a number from 0 to 1.
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) as f64 / f64::from(u32::MAX >> 1)
    }

    /// Returns the average number of workers in the last `seconds`.
    fn lately(&self, seconds: f64) -> f64 {
        let ticks = (seconds / TICK) as usize;
        let last = &self.trace[self.trace.len() - ticks..];
        last.iter().sum::<usize>() as f64 / ticks as f64
    }
}

fn bounds(most: usize) -> Bounds {
    Bounds { start: 2, most, least: 2, cores: 2, max_latency: None }
}

#[test]
fn without_obstacles_the_cap_is_reached_within_two_seconds() {
    for (latency_ms, most) in [(1.0, 64), (5.0, 64), (5.0, 256), (20.0, 256)] {
        for (noise, seed) in [0.0, 0.5, 1.0].into_iter().flat_map(|n| (1..9).map(move |s| (n, s))) {
            let server = Server { noise, stalls: noise / 5.0, ..Server::far(latency_ms) };
            let mut walk = SimulatedWalk { random: seed, ..SimulatedWalk::new(bounds(most)) };
            walk.run(&server, 2.0);
            assert!(walk.trace.contains(&most), "{latency_ms} ms, noise {noise}: {:?}", walk.trace);
            walk.run(&server, 30.0);
            let kept = (0.95 - noise / 2.0) * most as f64;
            assert!(walk.lately(20.0) > kept, "{latency_ms} ms, {noise}: {}", walk.lately(20.0));
        }
    }
}

#[test]
fn with_a_busy_processor_there_are_as_many_workers_as_cores() {
    let server = Server { cpu: 25e-6, sleeps: false, ..Server::far(0.0) };
    let mut walk = SimulatedWalk::new(bounds(256));
    walk.run(&server, 60.0);
    assert_eq!(walk.trace.iter().max(), Some(&2));
    // Other processes use the processors as well, and more workers get a larger share of them.
    let shared = Server { sleeps: false, ..Server::far(1.0) };
    let mut walk = SimulatedWalk::new(bounds(256));
    walk.run(&shared, 60.0);
    assert_eq!(walk.trace.iter().max(), Some(&2));
}

#[test]
fn a_server_at_its_limit_gets_few_more_workers() {
    for capacity in [400.0, 3_000.0, 20_000.0] {
        for noise in [0.0, 0.1, 0.3] {
            let server = Server { capacity, noise, ..Server::far(5.0) };
            let mut walk = SimulatedWalk::new(bounds(256));
            walk.run(&server, 30.0);
            let enough = capacity * server.latency;
            for _ in 0..20 {
                let lately = walk.run(&server, 30.0).lately(30.0);
                assert!(
                    (0.7 * enough..3.0 * enough + 2.0).contains(&lately),
                    "{capacity}/s, noise {noise}: {lately} where {enough} do"
                );
            }
        }
    }
}

#[test]
fn where_throughput_levels_off_slowly_little_of_it_is_lost() {
    for (capacity, sharpness) in [(48_000.0, 4.0), (48_000.0, 2.0), (20_000.0, 4.0)] {
        for (noise, seed) in [0.0, 0.1, 0.2].into_iter().flat_map(|n| (1..6).map(move |s| (n, s))) {
            let server = Server { capacity, sharpness, noise, ..Server::far(3.0) };
            let mut walk = SimulatedWalk { random: seed, ..SimulatedWalk::new(bounds(256)) };
            let best = server.serve(256).0;
            walk.run(&server, 5.0);
            let before = walk.trips;
            walk.run(&server, 60.0);
            let share = (walk.trips - before) / 60.0 / best;
            assert!(share > 0.9, "{capacity}/s, {sharpness}, noise {noise}: {share} of {best}");
        }
    }
}

#[test]
fn stalls_and_work_on_many_cores_do_not_take_workers_away_for_good() {
    let bounds = Bounds { start: 16, most: 64, least: 1, cores: 16, max_latency: None };
    let mut walk = SimulatedWalk::new(bounds);
    // Each worker has a core, and uses it three quarters of the time.
    let near = Server { cpu: 300e-6, cores: 16, noise: 0.1, ..Server::far(0.1) };
    for _ in 0..20 {
        walk.run(&near, 10.0).run(&Server::far(5.0), 0.35);
    }
    walk.run(&near, 20.0);
    assert!(walk.lately(5.0) > 12.0, "{}", walk.lately(5.0));
}

#[test]
fn the_number_of_workers_recovers_after_a_stall_or_a_long_silence() {
    let mut walk = SimulatedWalk::new(bounds(64));
    walk.run(&Server::far(5.0), 5.0);
    // Answers take a minute, and then none arrives for ten minutes.
    walk.run(&Server::far(60_000.0), 60.0);
    walk.run(&Server::far(1e12), 600.0);
    walk.run(&Server::far(5.0), 5.0);
    assert!(walk.lately(1.0) > 50.0, "{}", walk.lately(1.0));
}

#[test]
fn with_a_warm_cache_there_are_as_many_workers_as_cores_again() {
    let mut walk = SimulatedWalk::new(bounds(64));
    walk.run(&Server::far(5.0), 5.0);
    assert_eq!(walk.workers, 64);
    let cached = Server { cpu: 25e-6, sleeps: false, ..Server::far(0.0) };
    walk.run(&cached, 60.0);
    assert!(walk.lately(5.0) < 4.0, "{}", walk.lately(5.0));
}

#[test]
fn workers_decrease_if_our_load_slows_the_server() {
    let mut walk = SimulatedWalk::new(bounds(256));
    walk.run(&Server::far(5.0), 10.0);
    walk.run(&Server { capacity: 3_000.0, ..Server::far(5.0) }, 10.0);
    assert!(walk.lately(5.0) < 45.0, "{}", walk.lately(5.0));
    walk.run(&Server::far(5.0), 30.0);
    assert!(walk.lately(5.0) > 200.0, "they come back: {}", walk.lately(5.0));
    // A walk that begins in the caches and leaves them.
    let cached = Server { cpu: 25e-6, sleeps: false, ..Server::far(0.0) };
    let mut walk = SimulatedWalk::new(bounds(64));
    walk.run(&cached, 3.0).run(&Server::far(5.0), 2.0);
    assert!(walk.trace.contains(&64), "{}", walk.workers);
}

#[test]
fn workers_stay_if_the_server_is_slow_anyway() {
    let mut walk = SimulatedWalk::new(bounds(64));
    walk.run(&Server::far(1.0), 10.0).run(&Server::far(8.0), 20.0);
    assert!(walk.lately(15.0) > 55.0, "{}", walk.lately(15.0));
}

#[test]
fn workers_decrease_above_the_latency_limit() {
    for start in [2, 64] {
        let max_latency = Some(Duration::from_millis(8));
        let bounds = Bounds { start, most: 64, least: 1, cores: 2, max_latency };
        let mut walk = SimulatedWalk::new(bounds);
        // 24 workers reach 8 ms.
        let server = Server { capacity: 3_000.0, noise: 0.2, ..Server::far(5.0) };
        walk.run(&server, 20.0);
        let lately = walk.lately(10.0);
        assert!((10.0..=26.0).contains(&lately), "{lately}");
        walk.run(&Server::far(30.0), 10.0);
        assert_eq!(walk.workers, 1, "no number of workers makes it fast");
        walk.run(&Server::far(2.0), 30.0);
        assert!(walk.workers > 48, "they come back: {}", walk.workers);
    }
}

#[test]
fn workers_do_not_increase_without_work_for_them() {
    let mut walk = SimulatedWalk::new(bounds(64));
    walk.sample.backlog = false;
    walk.run(&Server::far(5.0), 5.0);
    assert_eq!(walk.workers, 2);
}
