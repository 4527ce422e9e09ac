use super::*;

const DAY: i64 = 86_400;

fn prices() -> Prices {
    Prices {
        elastic_read: Usd(0.25),
        elastic_write: Usd(0.5),
        provisioned: Usd(8.0),
        source: "a test".to_owned(),
        ..Prices::default()
    }
}

/// Two days in which these bytes a second were metered in the given periods, and thrice as much
/// was transferred.
fn days(rates: &[(i64, f64)]) -> EfsTraffic {
    let metered: Vec<(i64, f64)> =
        rates.iter().map(|(at, rate)| (at * PERIOD, rate * PERIOD as f64)).collect();
    EfsTraffic {
        total: metered.iter().map(|(at, bytes)| (*at, bytes * 3.0)).collect(),
        metered,
        permitted: (0..2 * DAY / PERIOD).map(|at| (at * PERIOD, 100.0 * MIB)).collect(),
        credits: vec![(0, 5e9), (PERIOD, 4e9)],
    }
}

fn of(mode: ThroughputMode, traffic: &EfsTraffic, gib: u64) -> Option<ThroughputEstimate> {
    let provisioned_mib = (mode == ThroughputMode::Provisioned).then_some(101.0);
    estimate(EfsThroughput { mode, provisioned_mib }, traffic, 2 * DAY, gib << 30, &prices())
}

fn near(it: f64, wanted: f64) {
    assert!((it - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{it} is not {wanted}");
}

#[test]
fn costs_match_a_manual_calculation() {
    // 64 MiB/s for 5 minutes are 18.75 GiB metered, and 56.25 GiB transferred in two days.
    let it = of(ThroughputMode::Elastic, &days(&[(3, 64.0 * MIB)]), 10).expect("an estimate");
    near(it.days, 2.0);
    assert_eq!(it.total_bytes, 3 * 300 * (64 << 20));
    near(it.mean, 64.0 * MIB / 576.0);
    near(it.peak, 64.0 * MIB);
    // 730 hours are 15.2083 times two days.
    near(it.elastic_month.low.0, 56.25 * 730.0 / 48.0 * 0.25);
    near(it.elastic_month.high.0, 56.25 * 730.0 / 48.0 * 0.5);
    // 10 GiB in Standard include the least: 1 MiB/s. The mean is below it.
    near(it.bursting_baseline, MIB);
    near(it.provisioned_month.low.0, 0.0);
    near(it.provisioned_month.high.0, 63.0 * 8.0);
    assert!(it.bursting_suffices && it.credits_low.is_none());
    // 1 TiB includes 50 MiB/s.
    let it = of(ThroughputMode::Elastic, &days(&[(3, 64.0 * MIB)]), 1024).expect("advice");
    near(it.bursting_baseline, 50.0 * MIB);
    near(it.provisioned_month.high.0, 14.0 * 8.0);
}

#[test]
fn bursting_suffices_up_to_its_baseline_its_bursts_and_its_credits() {
    let suffices = |rates: &[(i64, f64)], gib| {
        of(ThroughputMode::Elastic, &days(rates), gib).expect("advice").bursting_suffices
    };
    // 100 MiB/s is the largest burst below 1 TiB; 2 TiB have twice that.
    assert!(suffices(&[(3, 100.0 * MIB)], 10));
    assert!(!suffices(&[(3, 101.0 * MIB)], 10));
    assert!(suffices(&[(3, 200.0 * MIB)], 2048));
    // 1 MiB/s at all times is the least baseline.
    let always = |rate: f64| (0..576).map(|at| (at, rate)).collect::<Vec<_>>();
    assert!(suffices(&always(MIB), 10));
    assert!(!suffices(&always(1.1 * MIB), 10));
    // 500 GiB have 24.4 MiB/s, less than the mean of 6.5 hours at 100 MiB/s in two days: they take
    // 1.69 TiB of 2.1 TiB. 9 hours take 2.33 TiB.
    let burst = |periods: i64| (0..periods).map(|at| (at, 100.0 * MIB)).collect::<Vec<_>>();
    assert!(suffices(&burst(78), 500));
    assert!(!suffices(&burst(108), 500));
    near(deepest_draw(&[(0, 3.0), (PERIOD, 0.0), (3 * PERIOD, 3.0)], 0, 1.0), 600.0);
}

#[test]
fn it_says_where_to_look_and_when_there_is_nothing_to_see() {
    let look =
        |mode, rates: &[(i64, f64)], gib| of(mode, &days(rates), gib).expect("advice").look_at;
    let (elastic, bursting) = (ThroughputMode::Elastic, ThroughputMode::Bursting);
    let it = look(elastic, &[(3, 64.0 * MIB)], 10).expect("advice");
    assert!(it.contains("Bursting throughput") && it.contains("Archive needs Elastic"), "{it}");
    assert_eq!(look(elastic, &[(3, 0.01 * MIB)], 10), None);
    // 90 MiB/s at all times: 1,400 GiB a day.
    let always: Vec<(i64, f64)> = (0..576).map(|at| (at, 90.0 * MIB)).collect();
    let it = look(elastic, &always, 10).expect("advice");
    assert!(it.contains("would cost 712.00 USD a month"), "{it}");
    // 96 of 100 MiB/s for one of 576 periods.
    assert_eq!(look(bursting, &[(3, 90.0 * MIB)], 10), None);
    let it = look(bursting, &[(3, 96.0 * MIB)], 10).expect("advice");
    assert!(it.starts_with("people waited") && it.contains("for 0.2 %"), "{it}");
    let mut empty = days(&[(3, MIB)]);
    empty.credits[1].1 = 0.0;
    assert!(of(bursting, &empty, 10).expect("advice").look_at.is_some());
    // 101 MiB/s cost 800 USD.
    let it = look(ThroughputMode::Provisioned, &[(3, 64.0 * MIB)], 10).expect("advice");
    assert!(it.starts_with("800.00 USD a month are paid, and Bursting"), "{it}");
}

#[test]
fn less_than_a_day_of_figures_is_no_estimate() {
    let late = |from: i64| EfsTraffic {
        metered: vec![(from, 1e9)],
        total: vec![(from, 1e9)],
        ..EfsTraffic::default()
    };
    assert_eq!(of(ThroughputMode::Elastic, &late(DAY + 1), 10), None);
    assert_eq!(of(ThroughputMode::Elastic, &EfsTraffic::default(), 10), None);
    // Only the time since the first figure counts: a file system may be new.
    near(of(ThroughputMode::Elastic, &late(DAY), 10).expect("advice").days, 1.0);
}
