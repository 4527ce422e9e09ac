//! Homes that grew fast: in the notice, in the metrics and in the report.

use std::collections::BTreeMap;

use super::*;
use crate::tables::of_earlier_version;
use jiff::{SignedDuration, Timestamp};

const CLOUDWATCH: [&str; 3] = ["--cloudwatch", "--file-system-id", FILE_SYSTEM];

/// A world, and a topic.
struct Growing {
    world: World,
    topic: String,
}

impl Growing {
    fn new() -> Self {
        let world = World::new();
        let topic = world.aws.topic("growth");
        Self { world, topic }
    }

    /// Scans with everything, and returns the growth in the report and what was said.
    fn scan(&self, args: &[&str]) -> (Value, String) {
        let topic = ["--notify-topic", &self.topic];
        let all = TO.iter().chain(&CLOUDWATCH).chain(&topic).chain(args);
        let output = self.world.scan(all);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        (printed(&output)["growth"].clone(), stderr(&output))
    }

    fn messages(&self) -> usize {
        self.world.aws.messages().len()
    }

    fn text(&self) -> (String, String) {
        let message = self.world.aws.messages().pop().unwrap();
        (message.subject.unwrap(), message.text)
    }

    /// The last value of a metric among those after the first `from`.
    fn metric(&self, name: &str, from: usize) -> Option<f64> {
        let metrics = self.world.aws.metrics().split_off(from);
        metrics.iter().rfind(|metric| metric.name == name).map(|metric| metric.value)
    }

    /// Makes the runs so far those of an earlier version, whose tables are text that can be changed.
    fn as_text(&self) {
        let aws = &self.world.aws;
        let mut objects = BTreeMap::new();
        for key in aws.keys("team") {
            let bytes = aws.object("team", &key).unwrap();
            aws.delete_object("team", &key);
            objects.insert(key.strip_prefix("efs/").unwrap().to_owned(), bytes);
        }
        let are_text = |key: &String| key.ends_with(".csv");
        let changed: Vec<_> = objects
            .iter()
            .filter(|(key, _)| are_text(key))
            .map(|(k, b)| (k.clone(), b.clone()))
            .collect();
        let mut objects = of_earlier_version(objects);
        objects.extend(changed);
        for (key, bytes) in objects {
            aws.put_object("team", &format!("efs/{key}"), bytes);
        }
    }

    /// Makes everything that happened so far so much older.
    fn wait(&self, hours: i64) {
        self.as_text();
        let aws = &self.world.aws;
        let keys = aws.keys("team");
        let tables = keys.iter().filter(|key| key.starts_with("efs/homes/"));
        let ids = tables.map(|key| key.rsplit('/').next().unwrap().replace(".csv", ""));
        let ids: Vec<(String, String)> = ids
            .map(|id| {
                let at = Timestamp::strptime("%Y%m%dT%H%M%S%.fZ%z", format!("{id}+0000")).unwrap();
                (id, earlier(at, hours).strftime("%Y%m%dT%H%M%S%.6fZ").to_string())
            })
            .collect();
        let day = |id: &str| format!("dt={}-{}-{}", &id[..4], &id[4..6], &id[6..8]);
        let changed = |text: &str| {
            ids.iter().fold(text.to_owned(), |text, (old, new)| {
                text.replace(&format!("{}/{old}", day(old)), &format!("{}/{new}", day(new)))
                    .replace(old, new)
            })
        };
        for key in keys {
            let bytes = aws.object("team", &key).unwrap();
            let bytes = String::from_utf8(bytes)
                .map_or_else(|table| table.into_bytes(), |text| changed(&text).into_bytes());
            aws.delete_object("team", &key);
            aws.put_object("team", &changed(&key), bytes);
        }
        let state = self.world.state().join("over-quota.json");
        let Ok(text) = std::fs::read_to_string(&state) else { return };
        let mut last: Value = serde_json::from_str(&changed(&text)).unwrap();
        let told = last[&self.topic]["grown"].as_object_mut();
        for at in told.into_iter().flat_map(|told| told.values_mut()) {
            *at = earlier(at.as_str().unwrap().parse().unwrap(), hours).to_string().into();
        }
        std::fs::write(state, last.to_string()).unwrap();
    }

    /// Changes the table of homes of every run so far.
    fn edit(&self, change: impl Fn(&str) -> String) {
        self.as_text();
        let keys = self.world.aws.keys("team");
        for key in keys.iter().filter(|key| key.starts_with("efs/homes/")) {
            let text = String::from_utf8(self.world.aws.object("team", key).unwrap()).unwrap();
            self.world.aws.put_object("team", key, change(&text).into_bytes());
        }
    }
}

fn earlier(at: Timestamp, hours: i64) -> Timestamp {
    at - SignedDuration::from_hours(hours)
}

#[test]
fn a_home_that_grew_is_named_once_a_day_with_the_place() {
    let it = Growing::new();
    let alarm = ["--growth-alarm", "4MB"];
    file(&it.world.root(), "200006/work/run1", 2_000_000);
    let (growth, said) = it.scan(&alarm);
    assert!(said.contains("growth is not known: no run of 12 to 60 hours before"), "{said}");
    assert!(growth["unknown"].is_string() && growth["max_bytes"].is_null(), "{growth}");
    assert_eq!((it.metric("MaxGrowthBytes", 0), it.metric("HomesGrown", 0)), (None, None));
    assert_eq!(it.messages(), 0, "nothing is known to have grown");

    it.wait(24);
    file(&it.world.root(), "200006/work/run2/model", 5_000_000);
    file(&it.world.root(), "200005/small", 100_000);
    let (growth, said) = it.scan(&alarm);
    assert!(!said.contains("not known"), "{said}");
    assert_eq!(growth["homes"].as_array().unwrap().len(), 1, "{growth}");
    let home = &growth["homes"][0];
    assert_eq!((&home["name"], &home["place"]["path"]), (&"200006".into(), &"work/run2".into()));
    assert!(home["day_bytes"].as_u64().unwrap() >= 5_000_000, "{home}");
    assert_eq!(growth["since"]["days"], 1);
    assert_eq!(it.metric("HomesGrown", 0), Some(1.0));
    assert_eq!(it.metric("MaxGrowthBytes", 0), growth["max_bytes"].as_f64());
    let (subject, text) = it.text();
    assert_eq!(subject, "efs-scan: prod: nobody is over quota; 1 home grew fast");
    let line =
        text.lines().find(|line| line.contains("bob (200006)")).unwrap_or_else(|| panic!("{text}"));
    assert!(
        line.contains("+4.8 MiB in a day, to 8.6 MiB; most in work/run2, +4.8 MiB, new  NEW"),
        "{line}"
    );

    // The same growth is no news for the scans of the next hours, and counts until a day is over.
    let sent = it.world.aws.metrics().len();
    it.scan(&alarm);
    assert_eq!(it.messages(), 1);
    assert_eq!(it.metric("HomesGrown", sent), Some(1.0));

    it.wait(24);
    let sent = it.world.aws.metrics().len();
    it.scan(&alarm);
    assert_eq!((it.messages(), it.metric("HomesGrown", sent)), (1, Some(0.0)));
    // It is news again when it grows again.
    file(&it.world.root(), "200006/work/run3/model", 6_000_000);
    it.scan(&alarm);
    let (_, text) = it.text();
    assert_eq!(it.messages(), 2);
    assert!(text.contains("most in work/run3") && text.contains("NEW"), "{text}");
    assert!(it.world.aws.violations().is_empty(), "{:?}", it.world.aws.violations());
}

#[test]
fn what_cannot_be_compared_is_said_and_is_no_alarm() {
    let it = Growing::new();
    let alarm = ["--growth-alarm", "1MB", "--growth-factor", "2"];
    it.scan(&alarm);
    it.wait(48);
    // Two days ago: the growth of a day is half of it.
    file(&it.world.root(), "200005/work/a", 1_600_000);
    // From 1 KB to 41 KB is no alarm.
    file(&it.world.root(), "200007/d", 40_000);
    let (growth, _) = it.scan(&alarm);
    assert_eq!(
        (&growth["since"]["days"], growth["homes"].as_array().unwrap().len()),
        (&2.into(), 0)
    );
    let (growth, _) = it.scan(&[&alarm[..], &["--growth-factor-min", "1KiB"]].concat());
    assert_eq!(growth["homes"][0]["name"], "200007", "{growth}");
    assert_eq!(it.messages(), 1);

    // A home that the earlier run did not read is not compared, and neither is the largest growth known.
    it.edit(|text| {
        text.replace(",alice,", ",alice ,").replace(
            "200005,uid,200005,alice ,known,complete",
            "200005,uid,200005,alice ,known,partial",
        )
    });
    it.wait(-24);
    file(&it.world.root(), "200005/work/b", 9_000_000);
    file(&it.world.root(), "200006/work/b", 9_000_000);
    let sent = it.world.aws.metrics().len();
    let (growth, _) = it.scan(&alarm);
    assert_eq!(growth["not_compared"], 1, "{growth}");
    assert_eq!(growth["homes"].as_array().unwrap().len(), 1, "{growth}");
    assert_eq!(growth["homes"][0]["name"], "200006");
    assert_eq!((it.metric("MaxGrowthBytes", sent), it.metric("HomesGrown", sent)), (None, None));
    assert!(it.text().1.contains("Growth of 1 home is not known"), "{}", it.text().1);

    // A run of other homes, or an old one, is no run of the day before.
    it.wait(24);
    let (growth, said) = it.scan(&[&alarm[..], &["--exclude", "200007"]].concat());
    assert!(growth["unknown"].as_str().unwrap().contains("scanned something else"), "{growth}");
    assert!(said.contains("growth is not known"), "{said}");
    it.wait(24 * 30);
    let (growth, _) = it.scan(&alarm);
    assert!(growth["unknown"].as_str().unwrap().contains("12 to 60 hours"), "{growth}");
}

/// Without a spool, the run's own table of directories is made once more for the comparison.
#[test]
fn without_a_disk_the_place_is_named_too() {
    let it = Growing::new();
    let flags = ["--growth-alarm", "4MB", "--state", "destination"];
    it.scan(&flags);
    it.wait(24);
    file(&it.world.root(), "200006/work/run2/model", 5_000_000);
    let (growth, said) = it.scan(&flags);
    assert_eq!(growth["homes"][0]["place"]["path"], "work", "{growth} {said}");
    assert!(it.text().1.contains("most in work,"), "{}", it.text().1);
    assert!(!it.world.state().exists());
    it.scan(&flags);
    assert_eq!(it.messages(), 1, "it was said");
}
