//! Directories of any name that a tool's structure identifies: conditions of `owns`.

use std::path::Path;

use efs_scan_testbed::*;

use super::ENGINES;
use super::proof::offered;

const CARGO: &str = "cargo-target";
const PROFILE: &str = "cargo-profile";

/// Makes what cargo leaves in the directory of a profile.
fn profile(root: &Path, path: &str) {
    file(root, format!("{path}/.cargo-lock"), 0);
    for name in [
        ".fingerprint/p-0f0f0f0f0f0f0f0f/lib-p",
        "build/p-0f0f0f0f0f0f0f0f/out/generated.rs",
        "deps/p-0f0f0f0f0f0f0f0f",
        "deps/libp-0f0f0f0f0f0f0f0f.rmeta",
        "incremental/p-2i3r4svmmgxzb/s-hombegalek-00k2rvl-81f7aghy/dep-graph.bin",
        "incremental/p-2i3r4svmmgxzb/s-hombegalek-00k2rvl.lock",
    ] {
        file(root, format!("{path}/{name}"), 9000);
    }
    let built = root.join(path).join("deps/p-0f0f0f0f0f0f0f0f");
    std::fs::hard_link(built, root.join(path).join("p")).unwrap();
    file(root, format!("{path}/p.d"), 50);
    std::fs::create_dir_all(root.join(path).join("examples")).unwrap();
}

fn project() -> tempfile::TempDir {
    let tree = scratch();
    file(tree.path(), "h/rs/Cargo.toml", 10);
    let tag = "Signature: 8a477f597d28d172789f06886806bc55";
    std::fs::create_dir_all(tree.path().join("h/rs/target")).unwrap();
    std::fs::write(tree.path().join("h/rs/target/CACHEDIR.TAG"), tag).unwrap();
    profile(tree.path(), "h/rs/target/release");
    tree
}

/// Asserts the rule of the findings at paths below `h/rs/target`, and if they have a command.
fn assert_found(root: &Path, expected: &[(&str, Option<(&str, bool)>)]) {
    for engine in ENGINES {
        let report = report(root, ["--engine", engine, "--top", "50"], 0);
        for (path, want) in expected {
            let path = format!("rs/target/{path}");
            let found = offered(&report, path.trim_end_matches('/'));
            let found = found.map(|(rule, command)| (rule, command.is_some()));
            let found = found.as_ref().map(|(rule, has_command)| (&**rule, *has_command));
            assert_eq!(found, *want, "{path} by {engine}");
        }
    }
}

/// `[profile.dist]` in Cargo.toml makes `target/dist`.
#[test]
fn a_build_profile_of_any_name_has_a_command() {
    let tree = project();
    profile(tree.path(), "h/rs/target/dist");
    let platform = "h/rs/target/thumbv7em-none-eabihf";
    file(tree.path(), format!("{platform}/CACHEDIR.TAG"), 50);
    profile(tree.path(), &format!("{platform}/dist"));
    let mut expected = vec![
        ("", Some(("cachedir-tag", false))),
        ("dist", Some((PROFILE, true))),
        ("release", Some((PROFILE, true))),
        ("thumbv7em-none-eabihf/dist", Some((PROFILE, true))),
    ];
    assert_found(tree.path(), &expected);
    // The user's own beside it changes nothing, and in it it withholds the command.
    file(tree.path(), "h/rs/target/results/deps/table.csv", 9000);
    file(tree.path(), "h/rs/target/dist/results", 9000);
    expected.push(("results", None));
    expected[1] = ("dist", Some((PROFILE, false)));
    assert_found(tree.path(), &expected);
}

#[test]
fn a_profile_for_another_platform_does_not_withhold_the_command() {
    let tree = project();
    let platform = "h/rs/target/x86_64-unknown-linux-musl";
    file(tree.path(), format!("{platform}/CACHEDIR.TAG"), 50);
    profile(tree.path(), &format!("{platform}/dist"));
    assert_found(tree.path(), &[("", Some((CARGO, true)))]);
    file(tree.path(), format!("{platform}/thesis/build/chapter"), 9000);
    assert_found(tree.path(), &[("", Some((CARGO, false)))]);
}

/// `cargo doc` and `cargo package` make directories with the names of crates.
#[test]
fn documentation_and_packages_are_known_by_what_is_in_them() {
    let made = [
        "doc/static.files/x.css",
        "doc/p/all.html",
        "doc/p/index.html",
        "doc/src/p/x",
        "package/p-0.1.0/Cargo.toml.orig",
        "package/p-0.1.0/src/lib.rs",
        "package/p-0.1.0.crate",
        "package/tmp-crate/p-0.1.0.crate",
    ];
    for users in ["doc/thesis/chapter", "doc/thesis", "package/data-2024/table", "package/notes"] {
        let tree = project();
        let made = made.iter().chain(&["tmp/", "doc/empty/"]);
        for path in made {
            let path = tree.path().join("h/rs/target").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match path.to_str().unwrap().ends_with('/') {
                true => std::fs::create_dir_all(path).unwrap(),
                false => std::fs::write(path, "x").unwrap(),
            }
        }
        std::fs::remove_dir(tree.path().join("h/rs/target/doc/empty")).unwrap();
        assert_found(tree.path(), &[("", Some((CARGO, true)))]);
        file(tree.path(), format!("h/rs/target/{users}"), 9000);
        assert_found(tree.path(), &[("", Some((CARGO, false)))]);
        // In a target directory of other things, documentation has its own command.
        file(tree.path(), "h/rs/target/results/table.csv", 9000);
        // Nothing lies beside the temporary directory of tests.
        let of_doc = Some(("cargo-doc", !users.starts_with("doc")));
        assert_found(tree.path(), &[("", Some(("cachedir-tag", false))), ("doc", of_doc)]);
    }
}

/// A program has a list of its sources beside it, also after a restore that lost its second link.
#[test]
fn what_lies_beside_programs_must_be_built_by_cargo() {
    for users in [
        "experiment_results",
        "experiment_results/run",
        "examples/results",
        "a/b",
        "deps/train.csv",
        "deps/data/train",
        "build/chapter/x",
        "incremental/notes",
        ".fingerprint/of-mine",
    ] {
        let tree = project();
        for restored in ["server", "examples/demo"] {
            file(tree.path(), format!("h/rs/target/release/{restored}"), 9000);
            file(tree.path(), format!("h/rs/target/release/{restored}.d"), 50);
        }
        assert_found(tree.path(), &[("", Some((CARGO, true)))]);
        file(tree.path(), format!("h/rs/target/release/{users}"), 9000);
        assert_found(tree.path(), &[("", Some((CARGO, false)))]);
    }
    let tree = project();
    std::fs::create_dir(tree.path().join("h/rs/target/release/results")).unwrap();
    assert_found(tree.path(), &[("", Some((CARGO, false)))]);
}
