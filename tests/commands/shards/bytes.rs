//! A merge publishes the bytes that one scan publishes: reports, tables and pages.

use sha2::{Digest, Sha256};

use super::*;

/// Bytes of the digest at the end of the object of a shard.
const DIGEST: usize = 32;

/// Changes JSON in a file, with what follows after its first line if it is an object of a shard.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().unwrap() != "shard" {
        let mut json = serde_json::from_slice(&bytes).unwrap();
        change(&mut json);
        return std::fs::write(path, serde_json::to_vec(&json).unwrap()).unwrap();
    }
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let mut head = serde_json::from_slice(&bytes[..end]).unwrap();
    change(&mut head);
    let mut object = serde_json::to_vec(&head).unwrap();
    object.extend(&bytes[end..bytes.len() - DIGEST]);
    let digest = Sha256::digest(&object);
    object.extend(&digest[..]);
    std::fs::write(path, object).unwrap();
}

/// Returns the published files, without the state.
fn published(to: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_state = |key: &str| {
        key.starts_with("shards/") || key.starts_with("state/") || key.contains(".lock")
    };
    files(to).into_iter().filter(|(key, _)| !is_state(key)).collect()
}

/// A page without the time at which it was made, and without ages at that time.
fn timeless_page(page: &[u8]) -> String {
    const AGED: &str = "data-ago=\"";
    let page = String::from_utf8(page.to_vec()).unwrap();
    let mut parts = page.split(AGED);
    let mut timeless = parts.next().unwrap().to_owned();
    for part in parts {
        let (since, from) = part.split_once("\">").unwrap();
        timeless += &format!("{AGED}{since}\">{}", &from[from.find('<').unwrap()..]);
    }
    // The page of all file systems has the time, and an age to sort by.
    for (before, after) in
        [("content=\"", "\"><meta name=\"viewport\""), ("data-v=\"", "\"><span data-ago=\"")]
    {
        if let Some(end) = timeless.find(after) {
            let start = timeless[..end].rfind(before).unwrap() + before.len();
            timeless.replace_range(start..end, "");
        }
    }
    timeless
}

fn pretty(report: &Value) -> String {
    serde_json::to_string_pretty(report).unwrap()
}

fn same_lines(got: &str, want: &str, what: &str) {
    for (got, want) in got.split(['\n', '>']).zip(want.split(['\n', '>'])) {
        assert_eq!(got, want, "{what}");
    }
    assert_eq!(got.len(), want.len(), "{what}");
}

/// The plan gets the start and the id of the one scan, and the shards its end. So nothing but the pages has
/// another time.
#[test]
fn a_merge_publishes_the_bytes_of_one_scan() {
    for more in [&[][..], &["--home-depth=2"], &["--home-depth=0"], &["--exclude=*/a/.cache"]] {
        let place = Place::new();
        let with = [&["--publish-report=true"][..], more].concat();
        let one = place.scan(&with);
        let folder = place.to("to").join("shards/a/fs=prod");
        let shard = |number: u32| assert_code(&place.shard(&format!("{number}/3"), more), 0);
        shard(1);
        std::fs::remove_file(folder.join("00001.shard")).unwrap();
        change(&folder.join("plan.json"), |plan| {
            for key in ["id", "started", "finished"] {
                plan["request"]["run"][key] = one["run"][key].clone();
            }
        });
        for number in 1..=3 {
            shard(number);
            change(&folder.join(format!("{number:05}.shard")), |head| {
                head["finished"] = one["run"]["finished"].clone();
            });
        }
        let merged = place.merge(&with);
        assert_code(&merged, 0);
        same_lines(&pretty(&json_of(&merged)), &pretty(&one), "the report");
        let (got, want) = (published(&place.to("to")), published(&place.to("one")));
        assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>());
        for end in [".html", ".parquet", ".json"] {
            let mut kinds = want.keys().filter(|key| key.ends_with(end));
            assert!(kinds.next().is_some(), "nothing published ends with {end}");
        }
        for (key, bytes) in &want {
            match key.ends_with(".html") {
                true => same_lines(&timeless_page(&got[key]), &timeless_page(bytes), key),
                false => assert!(got[key] == *bytes, "{key} differs: {more:?}"),
            }
        }
    }
}
