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
    file(tree.path(), "h/rs/src/main.rs", 10);
    let tag = "Signature: 8a477f597d28d172789f06886806bc55";
    std::fs::create_dir_all(tree.path().join("h/rs/target")).unwrap();
    std::fs::write(tree.path().join("h/rs/target/CACHEDIR.TAG"), tag).unwrap();
    file(tree.path(), "h/rs/target/.rustc_info.json", 50);
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

/// `cargo doc` makes directories with the names of crates.
#[test]
fn documentation_is_known_by_what_is_in_it() {
    let made = ["doc/static.files/x.css", "doc/p/all.html", "doc/p/index.html", "doc/src/p/x"];
    for users in ["doc/thesis/chapter", "doc/thesis"] {
        let tree = project();
        made.iter().for_each(|path| drop(file(tree.path(), format!("h/rs/target/{path}"), 1)));
        std::fs::create_dir(tree.path().join("h/rs/target/tmp")).unwrap();
        assert_found(tree.path(), &[("", Some((CARGO, true)))]);
        file(tree.path(), format!("h/rs/target/{users}"), 9000);
        assert_found(tree.path(), &[("", Some((CARGO, false)))]);
        // In a target directory of other things, documentation has its own command.
        file(tree.path(), "h/rs/target/results/table.csv", 9000);
        assert_found(
            tree.path(),
            &[("", Some(("cachedir-tag", false))), ("doc", Some(("cargo-doc", false)))],
        );
    }
}

/// A crate of an earlier version may be the only copy of a release.
#[test]
fn packages_and_what_other_programs_left_stay() {
    for users in ["package/p-0.1.0.crate", "wheels/p-0.1.0.whl", "nextest/default/junit.xml"] {
        let tree = project();
        file(tree.path(), "h/rs/target/doc/static.files/x.css", 9000);
        file(tree.path(), format!("h/rs/target/{users}"), 9000);
        let rest = users.split('/').next().unwrap();
        let found = [
            ("", Some(("cachedir-tag", false))),
            ("release", Some((PROFILE, true))),
            ("doc", Some(("cargo-doc", true))),
            (rest, None),
        ];
        assert_found(tree.path(), &found);
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
        // `std::env::current_exe()?.with_extension("sqlite")` in a test.
        "deps/train-0f0f0f0f0f0f0f0f.sqlite",
        "deps/train-0f0f0f0f0f0f0f0f.results.csv",
        "examples/demo-0f0f0f0f0f0f0f0f.db",
        "libvendor.so",
        "deps/libvendor.a",
        "examples/model.wasm",
        "deps/data/train",
        "build/chapter/x",
        "incremental/notes",
        ".fingerprint/of-mine",
    ] {
        let tree = project();
        for own in ["p-0f0f0f0f0f0f0f0f.p.0f0f0f0f-cgu.0.rcgu.o", "p-0f0f0f0f0f0f0f0f.dwp"] {
            file(tree.path(), format!("h/rs/target/release/deps/{own}"), 50);
        }
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

/// On a server, only the built program may be left of a project.
#[test]
fn a_build_without_its_sources_has_no_command() {
    let tree = project();
    let root = tree.path();
    let src = root.join("h/rs/src");
    let places = |has_command| [("", Some((CARGO, has_command))), ("doc", None), ("release", None)];
    assert_found(root, &places(true));
    for sources in ["crates/a/lib.rs", "lib.rs", "main.rs", ".git/objects/0f/3c5e", "src/bin/a.rs"]
    {
        std::fs::remove_dir_all(&src).unwrap_or_default();
        let made = file(root, format!("h/rs/{sources}"), 10);
        assert_found(root, &places(true));
        match made.parent() == Some(&root.join("h/rs")) {
            true => std::fs::remove_file(made).unwrap(),
            false => {
                std::fs::remove_dir_all(root.join("h/rs").join(sources.split('/').next().unwrap()))
                    .unwrap()
            }
        }
        assert_found(root, &places(false));
    }
    for other in ["static/index.html", "README.md", "target/release/deps/src-0f0f0f0f0f0f0f0f.d"] {
        file(root, format!("h/rs/{other}"), 10);
    }
    assert_found(root, &places(false));
    let report = report(root, [] as [&str; 0], 0);
    let advice = &home(&report, "h")["findings"][0]["advice"];
    assert!(advice.as_str().unwrap().contains("the last copy of a program"), "{advice}");
    // In a directory of other things, too.
    file(root, "h/rs/target/results/table.csv", 9000);
    file(root, "h/rs/target/doc/static.files/x.css", 9000);
    let parts = |has_command| {
        let parts = [("release", "cargo-profile"), ("doc", "cargo-doc")];
        parts.map(|(path, rule)| (path, Some((rule, has_command))))
    };
    assert_found(root, &parts(false));
    file(root, "h/rs/src/main.rs", 10);
    assert_found(root, &parts(true));
    // Another project's build below this one's.
    for path in ["CACHEDIR.TAG", ".rustc_info.json", "release/.fingerprint/p-0f0f0f0f0f0f0f0f/x"] {
        file(root, format!("h/rs/target/old/target/{path}"), 10);
    }
    assert_found(root, &[("old/target/release", Some(("cargo-profile", false)))]);
    // Sources elsewhere are another project's.
    std::fs::rename(&src, root.join("h/src")).unwrap();
    assert_found(root, &parts(false));
}

/// What lies between a tool's own names and its digests is its own only as the tool names it.
#[test]
fn names_among_parts_of_digests_are_the_users() {
    let digest = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
    let places = [
        (".cache/pip", "http-v2/0/f/0/f/0", format!("{digest}.body")),
        (".cache/pip", "http/0/f/0/f/0", digest.to_owned()),
        (".cache/pip", "wheels/0f/0f/0f", format!("{digest}/a.whl")),
        (".cache/pypoetry/cache", "repositories/PyPI/_http/0/f/0/f/0", digest.to_owned()),
        (".cache/pypoetry/cache", "repositories/mine/0f/0f/0f/0f/0f/0f/0f/0f", digest.to_owned()),
        (".npm/_cacache", "content-v2/sha512/0f/0f", digest.to_owned()),
        (".npm/_cacache", "index-v5/0f/0f", digest.to_owned()),
        (".nv/ComputeCache", "0/f", "e0943aa8a566c2".to_owned()),
        ("p/.mypy_cache", "3.12/torch/nn", "modules.data.json".to_owned()),
        ("p/.mypy_cache", "3.12/torch/nn", "modules.meta_ex.ff".to_owned()),
        ("p/.mypy_cache", "3.12", "cache.db".to_owned()),
        ("p/.ruff_cache", "0.14.0", "10113137925412354187".to_owned()),
    ];
    let tree = scratch();
    let mut expected = Vec::new();
    for (place, inside, own) in places {
        let parts: Vec<&str> = inside.split('/').collect();
        let users = (0..=parts.len()).map(|depth| format!("{}/notes", parts[..depth].join("/")));
        for users in users.map(Some).chain([None]) {
            let home = format!("h{}", expected.len());
            file(tree.path(), format!("{home}/{place}/{inside}/{own}"), 5000);
            if let Some(users) = &users {
                file(tree.path(), format!("{home}/{place}/{users}"), 5000);
            }
            expected.push((home, place, users));
        }
    }
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        for (name, place, users) in &expected {
            let mut findings = home(&report, name)["findings"].as_array().unwrap().iter();
            let finding = findings.find(|finding| finding["path"] == format!("{name}/{place}"));
            let has_command = finding.unwrap()["command"].is_string();
            assert_eq!(has_command, users.is_none(), "{place}: {users:?}, {engine}");
        }
    }
}

/// A copy of what cargo built, without its records: any program may be in it, but not where cargo built.
#[test]
fn a_directory_without_records_is_a_copy_only_where_cargo_has_none() {
    let tree = scratch();
    for path in ["Cargo.toml", "src/main.rs", "target/CACHEDIR.TAG"] {
        file(tree.path(), format!("h/rs/{path}"), 50);
    }
    file(tree.path(), "h/rs/target/debug/results_2024", 9000);
    assert_found(tree.path(), &[("", Some((CARGO, true)))]);
    file(tree.path(), "h/rs/target/.rustc_info.json", 50);
    assert_found(tree.path(), &[("", Some((CARGO, false)))]);
}

/// cargo writes both, and asks for sources only where it has built.
#[test]
fn records_need_what_cargo_writes_with_them() {
    let tree = project();
    assert_found(tree.path(), &[("", Some((CARGO, true)))]);
    std::fs::remove_file(tree.path().join("h/rs/target/.rustc_info.json")).unwrap();
    assert_found(tree.path(), &[("", Some((CARGO, false)))]);
}

/// Each tool owns its own names only.
#[test]
fn a_tool_does_not_own_the_names_of_another() {
    for (place, own, other) in [
        (".pytest_cache", "v/cache/nodeids", "2.0/a.data.json"),
        (".ruff_cache", "0.14.0/123", "3.5/a.data.json"),
        (".mypy_cache", "3.12/a.data.json", "0.14.0/123"),
    ] {
        let tree = scratch();
        let has_command = || {
            let report = report(tree.path(), [] as [&str; 0], 0);
            offered(&report, &format!("p/{place}")).unwrap().1.is_some()
        };
        file(tree.path(), format!("h/p/{place}/{own}"), 5000);
        assert!(has_command(), "{place}");
        file(tree.path(), format!("h/p/{place}/{other}"), 5000);
        assert!(!has_command(), "{place}");
    }
}
