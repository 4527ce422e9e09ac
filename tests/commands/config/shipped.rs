//! The configuration file that the packages install.

use efs_scan_testbed::{run, scratch};
use toml::{Table, Value};

use super::settings::{FULL, SETTINGS};

const CONFIGURATION: &str = include_str!("../../../deploy/efs-scan.toml");

/// Returns the settings that the program reads from a configuration file.
fn effective(text: &str) -> Table {
    let tree = scratch();
    let file = tree.path().join("efs-scan.toml");
    std::fs::write(&file, text).unwrap();
    let output = run(["config", "--config", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    toml::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// The shipped file sets only the destination.
#[test]
fn the_configuration_as_shipped_publishes_to_a_directory() {
    let mut shipped = effective(CONFIGURATION);
    let publish = shipped.remove("publish").unwrap();
    assert_eq!(publish["to"].as_str(), Some("/var/lib/efs-scan/runs"));
    assert_eq!(shipped, effective(""));
}

#[test]
fn the_configuration_with_everything_uncommented_is_valid_and_has_every_setting() {
    let lines = CONFIGURATION.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') => {
            setting
        }
        _ => line,
    });
    let all = lines.collect::<Vec<_>>().join("\n");
    effective(&all);
    let all: Table = toml::from_str(&all).unwrap();
    for setting in SETTINGS {
        assert!(setting.of(&all).is_some(), "{} is not mentioned", setting.key);
    }
    let full: Table = toml::from_str(FULL).unwrap();
    for (key, value) in &full {
        let there = all.get(key).unwrap_or_else(|| panic!("{key} is not mentioned"));
        if let (Value::Table(full), Value::Table(there), false) = (value, there, key == "quota") {
            for key in full.keys() {
                assert!(there.contains_key(key), "{key} is not mentioned");
            }
        }
    }
    assert!(!all["quota"]["users"].as_table().unwrap().is_empty());
}
