//! A scan of a computed tree by one event loop, in virtual time. All times are in seconds.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::climb::Answers;
use super::RequestWindow;

/// A scan, a server, and a machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    /// 200 in the root and ten in each of the others, level by level, as in the benchmarks' tree.
    pub(super) dirs: u64,
    /// Time from request to reply of an idle server.
    pub(super) delay: f64,
    /// The server's time for each request, and its largest relative error.
    pub(super) service: f64,
    pub(super) noise: f64,
    /// From when until when the server takes longer for each request, and how long.
    pub(super) slow: Option<(f64, f64, f64)>,
    /// Our processor time for each directory, and for each turn of the loop.
    pub(super) each: f64,
    pub(super) turn: f64,
    /// Share of turns in which another program gets the processor, and the mean time it has it.
    pub(super) stalls: f64,
    pub(super) stall: f64,
    /// Share of the time in which other programs make everything take twice as long.
    pub(super) others: f64,
}

/// Mean length of such a time.
const OTHERS: f64 = 0.15;

/// Share of a directory's time that is spent on its reply.
const REPLY: f64 = 0.7;

/// Ticks of the computed server, which sends replies together, for delays of a millisecond or more.
const TICK: f64 = 1e-4;

/// Longest time to wake up after a wait.
const LATE: f64 = 60e-6;

impl Scan {
    /// A scan of the computed server on the same two processors. The costs are those of an AMD EPYC
    /// on 2026-11-29: 250,000 directories a second by both processors.
    pub(super) fn computed(dirs: u64, delay_ms: f64) -> Self {
        Self {
            dirs,
            delay: delay_ms / 1e3,
            service: 2.5e-6,
            noise: 0.0,
            slow: None,
            each: 4e-6,
            turn: 30e-6,
            stalls: 0.01,
            stall: 2e-3,
            others: 0.0,
        }
    }

    /// Runs the scan. Its random numbers begin with `seed`.
    pub(super) fn run(&self, window: &mut RequestWindow, seed: u64) -> Scanned {
        // The other programs do the same in every scan.
        let (mut random, mut of_others) = (Random(seed), Random(seed + 1000));
        let start = window.begun;
        let levels = self.levels();
        let mut answers = Answers::default();
        let (mut now, mut waited, mut server_free) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut queue = vec![(0_usize, 0_u64)];
        // When each reply arrives and was requested, and its directory.
        let mut replies: VecDeque<(f64, f64, (usize, u64))> = VecDeque::new();
        let mut trace = Vec::new();
        let (mut slowness, mut until) = (1.0, 0.0);
        while !queue.is_empty() || !replies.is_empty() {
            while now >= until && self.others > 0.0 {
                slowness = 3.0 - slowness;
                let rest = if slowness > 1.0 { 1.0 } else { 1.0 / self.others - 1.0 };
                until -= OTHERS * rest * of_others.next().max(1e-3).ln();
            }
            let each = self.each * slowness;
            let mut busy = self.turn * slowness * (0.5 + random.next());
            while let Some((_, sent, (level, place))) =
                replies.pop_front_if(|(came, ..)| *came <= now)
            {
                answers.count += 1;
                waited += now + busy - sent;
                busy += each * REPLY;
                let fanout = if level == 0 { 200 } else { 10 };
                let below = place * fanout..((place + 1) * fanout).min(levels[level + 1]);
                queue.extend(below.map(|place| (level + 1, place)));
            }
            now += busy;
            if random.next() < self.stalls {
                now += 2.0 * self.stall * random.next();
            }
            answers.now = Duration::from_secs_f64(now);
            answers.waited = Duration::from_secs_f64(waited);
            window.adjust(start + answers.now, answers, replies.len(), queue.len());
            let limit = window.allowed(queue.len());
            let more = queue.len().min(limit.saturating_sub(replies.len()));
            let sent: Vec<_> = queue.drain(queue.len() - more..).collect();
            let began = now;
            now += each * (1.0 - REPLY) * more as f64;
            for (number, dir) in sent.into_iter().rev().enumerate() {
                let at = began + each * (1.0 - REPLY) * number as f64;
                server_free = server_free.max(now) + slowness * self.service(now, &mut random);
                let due = server_free + self.delay;
                let due = if self.delay < 1e-3 { due } else { (due / TICK).ceil() * TICK };
                replies.push_back((due, at, dir));
            }
            trace.push((now, replies.len()));
            if let Some((due, ..)) = replies.front()
                && *due > now
            {
                now = due + LATE * random.next();
            }
        }
        Scanned { seconds: now, trace }
    }

    /// Returns the number of directories of each level, and a last level without any.
    fn levels(&self) -> Vec<u64> {
        let (mut levels, mut next, mut left) = (vec![1], 200, self.dirs - 1);
        while left > 0 {
            levels.push(left.min(next));
            left -= left.min(next);
            next *= 10;
        }
        levels.push(0);
        levels
    }

    fn service(&self, now: f64, random: &mut Random) -> f64 {
        let service = match self.slow {
            Some((from, until, service)) if (from..until).contains(&now) => service,
            _ => self.service,
        };
        service * (1.0 + 2.0 * self.noise * (random.next() - 0.5))
    }
}

/// Random numbers from 0 to 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(u32::MAX >> 1)
    }
}

/// The outcome of a scan.
pub(super) struct Scanned {
    pub(super) seconds: f64,
    /// Times, and the requests in flight from then on.
    trace: Vec<(f64, usize)>,
}

impl Scanned {
    /// Returns the mean number of requests in flight in the last `seconds`.
    pub(super) fn mean_in_flight(&self, seconds: f64) -> f64 {
        self.between(self.seconds - seconds, self.seconds)
    }

    pub(super) fn between(&self, from: f64, until: f64) -> f64 {
        let (mut sum, mut time) = (0.0, 0.0);
        for pair in self.trace.windows(2) {
            if pair[0].0 >= from && pair[1].0 <= until {
                sum += (pair[1].0 - pair[0].0) * pair[0].1 as f64;
                time += pair[1].0 - pair[0].0;
            }
        }
        sum / time
    }
}
