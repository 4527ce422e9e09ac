//! Checks that `watch-memory` measures memory and descriptors and passes on the exit code.

use std::process::Command;

#[test]
fn memory_and_descriptors_are_seen() {
    let script = "exec 7</dev/null 8</dev/null; ulimit -n 100; sleep 1; echo out; exit 9";
    let output = Command::new(env!("CARGO_BIN_EXE_watch-memory"))
        .args(["sh", "-c", script])
        .output()
        .expect("watch-memory");
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(output.stdout, b"out\n");
    let said = String::from_utf8(output.stderr).expect("text");
    let line = said.trim_end().strip_prefix("watch-memory: ").expect("its line");
    let value = |name: &str| -> f64 {
        let mut words = line.split(' ').filter_map(|word| word.split_once('='));
        let value = words.find(|(key, _)| *key == name).expect("its number").1;
        value.parse().expect("a number")
    };
    assert!(value("seconds") >= 1.0, "{line}");
    assert!(value("peak_mib") > 0.5, "{line}");
    assert!(value("first_quarter_mib") > 0.2, "{line}");
    assert!(value("last_quarter_mib") > 0.2, "{line}");
    // The standard three, and the two that the script opened.
    assert!(value("descriptors") >= 5.0, "{line}");
    assert_eq!(value("descriptor_limit"), 100.0, "{line}");
}
