//! Changes of homes sum to the change of the total.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::{World, hours};
use efs_scan_testbed::file;

/// Sizes of a home now and a day before, in KiB; at least one is present.
type Held = (Option<u16>, Option<u16>);

fn held() -> impl Strategy<Value = Held> {
    let kib = || 0_u16..300;
    prop_oneof![
        (kib(), kib()).prop_map(|(now, before)| (Some(now), Some(before))),
        kib().prop_map(|now| (Some(now), None)),
        kib().prop_map(|before| (None, Some(before))),
    ]
}

fn homes() -> impl Strategy<Value = BTreeMap<String, Held>> {
    let name = prop_oneof![
        (200_000_u32..200_012).prop_map(|uid| uid.to_string()),
        prop::sample::select(vec!["=cmd", "a,b", "say \"hi\"", "two\nlines", "\\n", "名前", "-rf"])
            .prop_map(str::to_owned),
    ];
    prop::collection::btree_map(name, held(), 0..7)
}

/// Sums a number over all items.
fn sum(items: &Value, number: impl Fn(&Value) -> Option<i64>) -> i64 {
    items.as_array().unwrap().iter().filter_map(number).sum()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn changes_and_new_homes_less_gone_ones_are_the_change_of_the_total(homes in homes()) {
        let world = World::empty();
        for (name, (now, before)) in &homes {
            let kib = now.or(*before).unwrap_or_default();
            file(&world.root().join(name), "f", usize::from(kib) * 1024);
        }
        // All homes, so the program itself writes the earlier run's lines.
        world.publish(&[]);
        let lines: BTreeMap<String, Option<u16>> = homes
            .iter()
            .map(|(name, (_, before))| (name.clone(), *before))
            .collect();
        world.earlier(hours(24), |rows| {
            rows.retain_mut(|row| match lines.get(&name_of(&row["home"])) {
                Some(Some(before)) => {
                    let bytes = u64::from(*before) * 1024;
                    row.insert("allocated_bytes".to_owned(), bytes.to_string());
                    true
                }
                Some(None) => false,
                // `(outside homes)`.
                None => true,
            });
        });
        for (name, (now, _)) in &homes {
            if now.is_none() {
                std::fs::remove_dir_all(world.root().join(name)).unwrap();
            }
        }
        world.publish(&[]);
        let json = world.json();
        let grown = sum(&json["homes"], |home| home["change"]["day"]["bytes"].as_i64());
        let new = sum(&json["homes"], |home| {
            home["new"].as_bool().unwrap().then(|| home["allocated_bytes"].as_i64()).flatten()
        });
        let gone = sum(&json["gone"], |home| home["allocated_bytes"].as_i64());
        let total = &json["total_change"]["day"];
        prop_assert_eq!(&total["exact"], &Value::Bool(true));
        prop_assert_eq!(total["bytes"].as_i64(), Some(grown + new - gone), "{}", json);
        // No home is counted as the wrong kind.
        let count = |held: fn(&Held) -> bool| homes.values().filter(|home| held(home)).count();
        let news = sum(&json["homes"], |home| Some(i64::from(home["new"].as_bool().unwrap())));
        prop_assert_eq!(news, i64::try_from(count(|held| held.1.is_none())).unwrap());
        let gones = json["gone"].as_array().unwrap().len();
        prop_assert_eq!(gones, count(|held| held.0.is_none()));
    }
}

/// Returns the name in a cell of the table.
fn name_of(cell: &str) -> String {
    String::from_utf8(efs_scan::report::bytes_of_cell(cell)).unwrap()
}
