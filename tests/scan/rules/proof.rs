//! Conditions that keep a command from removing files that the tool did not create.

use std::path::Path;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use efs_scan::usage::Class;
use efs_scan::usage::rule_file::{RuleKind, built_in};
use efs_scan_testbed::*;
use serde_json::Value;

use super::ENGINES;

/// Returns `(rule, command)` of the finding at `path` of the home `h`.
pub(super) fn offered(report: &Value, path: &str) -> Option<(String, Option<String>)> {
    let findings = home(report, "h")["findings"].as_array().unwrap().iter();
    let mut at = findings.filter(|finding| finding["path"] == format!("h/{path}"));
    let finding = at.next()?;
    let command = finding["command"].as_str().map(str::to_owned);
    assert_ne!(command.is_some(), finding["advice"].is_string(), "{finding:#}");
    Some((finding["rule"].as_str().unwrap().to_owned(), command))
}

#[test]
fn every_rule_states_its_proof() {
    for spec in built_in().unwrap() {
        let id = &spec.id;
        let content = !(spec.contains.is_empty() && spec.only_contains.is_empty());
        let of_file = spec.kind == RuleKind::File
            && (spec.starts_with.is_some() || !spec.unless_beside.is_empty());
        assert!(content || of_file || spec.proof.is_some(), "{id}: what proves it?");
        assert!(spec.command.is_some() != spec.advice.is_some(), "{id}: a command or an advice");
        assert!(spec.doc.is_some(), "{id}: where does its tool say so?");
        if spec.class.class() == Class::Output || spec.class.is_hint() {
            assert_eq!(spec.command, None, "{id}: perhaps the only copy");
        }
        if spec.kind == RuleKind::Dir && spec.command.is_some() {
            let by_content = !(spec.only_contains.is_empty() && spec.owns.is_empty());
            assert!(by_content, "{id}: it removes what is not its own");
        }
    }
}

/// A place that the tool owns entirely has a command; with one more name in it, it has advice.
#[test]
fn a_command_is_offered_only_if_the_tool_owns_everything() {
    let places = [
        (".cupy/kernel_cache", "0f0f0f0f0f0f0f0f.cubin", "thesis.cubin"),
        (".cache/pip", "http-v2/0/f/0/f/0/0f0f0f0f0f0f0f0f.body", "requirements.txt"),
        (".cache/go-build", "0f/0f0f0f0f0f0f0f0f-a", "notes"),
        (".nv/ComputeCache", "a/b/e0943aa8a566c2", "kernels"),
        (".cache/vllm", "torch_compile_cache/0f0f0f0f0f/b", "d"),
        (
            ".vscode-server/cli/servers",
            "Stable-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f/a",
            "Stable-mine",
        ),
        (".npm/_cacache", "content-v2/sha512/0f/0f/0f0f0f0f0f0f0f0f", "notes.md"),
        (".triton/cache", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f/a", "kernels.py"),
        (".cargo/registry/cache", "index.crates.io-0f0f0f0f0f0f0f0f/a", "my-registry"),
        (".vscode-server/bin", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f/a", "my-script"),
        (".cache/pypoetry/artifacts", "0f/0f/0f/0f0f0f0f0f0f0f0f/a", "wheels-of-mine"),
    ];
    for (path, own, other) in places {
        let tree = scratch();
        file(tree.path(), format!("h/{path}/{own}"), 5000);
        let before = offered(&report(tree.path(), [] as [&str; 0], 0), path).unwrap();
        assert!(before.1.is_some(), "{path}");
        file(tree.path(), format!("h/{path}/{other}/x"), 5000);
        for engine in ENGINES {
            let report = report(tree.path(), ["--engine", engine], 0);
            assert_eq!(offered(&report, path), Some((before.0.clone(), None)), "{other}, {engine}");
        }
    }
}

/// Environments and modules may contain links to the owner's programs, scripts and data, which no
/// listing can distinguish from the tool's.
#[test]
fn environments_and_modules_have_advice_only() {
    let tree = scratch();
    for (path, rule) in [
        ("env/pyvenv.cfg", "virtualenv"),
        ("envs/e/conda-meta/history", "conda-envs"),
        ("p/node_modules/.package-lock.json", "node-modules"),
        ("go/pkg/mod/cache/download/x", "go-modules"),
    ] {
        let place = path.split_inclusive('/').take(2).collect::<String>();
        let place = match rule {
            "virtualenv" => "env",
            "go-modules" => "go/pkg/mod",
            _ => place.trim_end_matches('/'),
        };
        file(tree.path(), "h/p/package.json", 10);
        file(tree.path(), format!("h/{path}"), 5000);
        let report = report(tree.path(), [] as [&str; 0], 0);
        assert_eq!(offered(&report, place), Some((rule.to_owned(), None)));
    }
}

/// Results in an environment or a cache are separate findings, and no other finding's command
/// removes them.
#[test]
fn a_place_with_results_in_it_is_not_removed() {
    let results = [
        ("lib/wandb/run-1", "wandb-run", "files/model"),
        ("lib/mlruns", "mlflow-runs", "0/model"),
        ("lib/.ipynb_checkpoints", "jupyter-checkpoints", "thesis.ipynb"),
        ("lib/checkpoint-10", "trainer-checkpoints", "trainer_state.json"),
        ("lib/.dvc/cache", "versioned-data", "files/x"),
    ];
    for (path, rule, name) in results {
        let tree = scratch();
        for (place, marker) in [("env", "pyvenv.cfg"), ("envs/e", "conda-meta/history")] {
            file(tree.path(), format!("h/{place}/{marker}"), 10);
            file(tree.path(), format!("h/{place}/{path}/{name}"), 5000);
        }
        for engine in ENGINES {
            let report = report(tree.path(), ["--engine", engine], 0);
            for place in ["env", "envs/e"] {
                let found = offered(&report, &format!("{place}/{path}"));
                assert_eq!(found, Some((rule.to_owned(), None)), "{place}");
                assert_eq!(offered(&report, place).unwrap().1, None, "{path} in {place}");
            }
        }
    }
}

/// A prefix into which other programs are installed as well is never an environment with a command.
#[test]
fn a_prefix_is_not_removed_as_an_environment() {
    for (path, rule) in [
        (".local", "prefix-virtualenv"),
        ("usr", "prefix-virtualenv"),
        ("deep/usr/local", "prefix-virtualenv"),
        ("opt", "prefix-virtualenv"),
        ("software", "virtualenv"),
    ] {
        for names in [&["bin/mine"][..], &["bin/mine", "share/data"]] {
            let tree = scratch();
            file(tree.path(), format!("h/{path}/pyvenv.cfg"), 10);
            for name in names {
                file(tree.path(), format!("h/{path}/{name}"), 5000);
            }
            let (found, command) = offered(&report(tree.path(), [] as [&str; 0], 0), path).unwrap();
            assert_eq!(found, rule, "{path}");
            assert_eq!(command, None, "{path}");
        }
    }
}

/// These places may contain foreign files beside a tool's, under any names.
#[test]
fn places_with_foreign_files_have_no_command() {
    let places = [
        ("prefix", "prefix/conda-meta/history", "conda-prefix"),
        ("torchinductor_me", "torchinductor_me/fxgraph/x", "torch-inductor"),
        ("p/dask-worker-space", "p/dask-worker-space/worker-1/x", "dask-spill"),
        (".nextflow/assets", ".nextflow/assets/me/mine/main.nf", "nextflow-pipelines"),
    ];
    let tree = scratch();
    for (_, path, _) in places {
        file(tree.path(), format!("h/{path}"), 5000);
    }
    let report = report(tree.path(), [] as [&str; 0], 0);
    for (path, _, rule) in places {
        assert_eq!(offered(&report, path), Some((rule.to_owned(), None)));
    }
}

/// `cargo clean` would also remove a build directory elsewhere.
#[test]
fn a_build_directory_elsewhere_is_kept() {
    let tree = scratch();
    file(tree.path(), "h/rs/Cargo.toml", 10);
    file(tree.path(), "h/rs/src/main.rs", 10);
    file(tree.path(), "h/rs/.cargo/config.toml", 10);
    std::fs::write(
        tree.path().join("h/rs/.cargo/config.toml"),
        format!("[build]\nbuild-dir = {:?}\n", tree.path().join("h/results")),
    )
    .unwrap();
    file(tree.path(), "h/results/only", 5000);
    file(tree.path(), "h/rs/target/CACHEDIR.TAG", 10);
    file(tree.path(), "h/rs/target/debug/deps/a-0f0f0f0f0f0f0f0f", 5000);
    let report = report(tree.path(), [] as [&str; 0], 0);
    let command = offered(&report, "rs/target").unwrap().1.unwrap();
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    assert!(!tree.path().join("h/rs/target").exists());
    assert!(tree.path().join("h/results/only").exists());
}

/// The outcome for a log must not depend on how its directory is divided among threads.
#[test]
fn the_outcome_is_the_same_for_any_number_of_threads() {
    let tree = scratch();
    let log = |path: &str| {
        let made = file(tree.path(), path, 10);
        std::fs::File::options().write(true).open(made).unwrap().set_len(101 << 20).unwrap();
    };
    for (directory, names) in [("few", 900), ("many", 6000), ("kafka", 6000), ("topic", 900)] {
        for at in 0..names {
            file(tree.path(), format!("h/{directory}/{at}-and-a-name-of-some-length"), 1);
        }
        for at in 0..5 {
            log(&format!("h/{directory}/run-{at}.log"));
        }
    }
    file(tree.path(), "h/kafka/0.index", 1);
    file(tree.path(), "h/topic/0.index", 1);
    for at in 0..3000 {
        file(tree.path(), format!("h/p/__pycache__/m{at}.cpython-312.pyc"), 1);
        file(tree.path(), format!("h/.cache/pypoetry/artifacts/{at}"), 1);
    }
    for at in 0..300 {
        file(tree.path(), format!("h/q/__pycache__/a_module_{at}.cpython-312.pyc"), 1);
        file(tree.path(), format!("h/q/a_module_{at}.py"), 1);
    }
    for engine in ENGINES {
        for threads in ["1", "2", "64"] {
            for _ in 0..2 {
                let report = report(tree.path(), ["--engine", engine, "--threads", threads], 0);
                let at = |path: &str| offered(&report, path).map(|(_, command)| command.is_some());
                let what = format!("{engine}, {threads}");
                for n in 0..5 {
                    assert_eq!(at(&format!("few/run-{n}.log")), Some(false), "{what}");
                    // With so many names no listing knows all of them, so it is not a finding.
                    for directory in ["many", "kafka", "topic"] {
                        assert_eq!(at(&format!("{directory}/run-{n}.log")), None, "{what}");
                    }
                }
                assert_eq!(at("q/__pycache__"), Some(true), "{what}");
                assert_eq!(at("p/__pycache__"), Some(false), "{what}");
                assert_eq!(at(".cache/pypoetry/artifacts"), Some(false), "{what}");
            }
        }
    }
}

/// git's objects are read-only, so `rm -r` on a terminal would ask about each of them.
#[test]
fn no_command_asks_about_files_that_the_tool_makes_read_only() {
    const TRASHED: &str = ".local/share/Trash/files/p/.git";
    let tree = scratch();
    for place in [".cargo/registry/cache/x-0f0f0f0f0f0f0f0f", TRASHED] {
        let object = file(tree.path(), format!("h/{place}/objects/00/object"), 5000);
        std::fs::set_permissions(object, Permissions::from_mode(0o444)).unwrap();
    }
    std::fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
    let owner = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let as_owner = |command: &str, arguments: &[&str]| {
        let mut process = Command::new("setpriv");
        process.args(owner).arg(command).args(arguments).stdin(Stdio::null());
        process.output()
    };
    let home = tree.path().join("h");
    let chowned = Command::new("chown").args(["-R", "65534:65534"]).arg(&home).status();
    let able = chowned.is_ok_and(|status| status.success())
        && as_owner("test", &["-w", home.to_str().unwrap()]).is_ok_and(|it| it.status.success())
        && Command::new("script").arg("--version").output().is_ok();
    if !skip_unless(able, "commands on read-only files", "it needs root, setpriv and script") {
        return;
    }
    let report = report(tree.path(), [] as [&str; 0], 0);
    for place in [".cargo/registry/cache", ".local/share/Trash"] {
        let command = offered(&report, place).unwrap().1.unwrap();
        // On a terminal, with nobody to answer.
        let output = as_owner("script", &["-qec", &command, "/dev/null"]).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!home.join(place).exists(), "`{command}` said {said}");
    }
}

/// Every name is compared with the tool's own, so a cache of any size keeps its command.
#[test]
fn a_large_cache_keeps_its_command() {
    let tree = scratch();
    for at in 0..1500 {
        file(tree.path(), format!("h/.cupy/kernel_cache/{at:a>40x}0.cubin"), 10);
        file(tree.path(), format!("h/.cache/go-build/0f/{at:a>64x}0-a"), 10);
    }
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        for path in [".cupy/kernel_cache", ".cache/go-build"] {
            assert!(offered(&report, path).unwrap().1.is_some(), "{path}");
        }
    }
    file(tree.path(), "h/.cupy/kernel_cache/thesis.tex", 10);
    file(tree.path(), "h/.cache/go-build/0f/thesis.tex", 10);
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        for path in [".cupy/kernel_cache", ".cache/go-build"] {
            assert_eq!(offered(&report, path).unwrap().1, None, "{path}");
        }
    }
}

/// A library has a second link among the dependencies, and a table that a program wrote has not.
#[test]
fn results_beside_a_program_withhold_the_command() {
    let tree = scratch();
    let target = "h/rs/target";
    file(tree.path(), "h/rs/Cargo.toml", 10);
    file(tree.path(), "h/rs/src/lib.rs", 10);
    file(tree.path(), format!("{target}/CACHEDIR.TAG"), 10);
    let built =
        file(tree.path(), format!("{target}/release/deps/libserver-0f0f0f0f0f0f0f0f.rlib"), 5000);
    std::fs::hard_link(built, tree.path().join(target).join("release/libserver.rlib")).unwrap();
    file(tree.path(), format!("{target}/release/libserver.d"), 10);
    // A home that was restored file by file has lost the second link of its programs.
    file(tree.path(), format!("{target}/release/server"), 5000);
    file(tree.path(), format!("{target}/release/server.d"), 10);
    let offer = || offered(&report(tree.path(), [] as [&str; 0], 0), "rs/target").unwrap().1;
    assert!(offer().is_some());
    file(tree.path(), format!("{target}/release/experiment_results.csv"), 5000);
    assert_eq!(offer(), None);
}

/// Other files in a package cache of conda belong to the user.
#[test]
fn a_package_cache_with_other_things_is_none() {
    let tree = scratch();
    for root in ["h/m3", "h/own"] {
        file(tree.path(), format!("{root}/conda-meta/history"), 10);
        file(tree.path(), format!("{root}/pkgs/urls.txt"), 10);
        file(tree.path(), format!("{root}/pkgs/zlib-1.3.1-h4ab18f5_1/lib/libz.so"), 5000);
        file(tree.path(), format!("{root}/pkgs/zlib-1.3.1-h4ab18f5_1.conda"), 5000);
    }
    file(tree.path(), "h/own/pkgs/results.parquet", 5000);
    // So many packages that their names are not compared.
    for at in 0..1_100 {
        file(tree.path(), format!("h/m3/pkgs/p{at}-1.0-0.conda"), 1);
    }
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        assert!(offered(&report, "m3/pkgs").is_some_and(|(rule, _)| rule == "conda-pkgs"));
        assert!(offered(&report, "own/pkgs").is_none_or(|(rule, _)| rule != "conda-pkgs"));
    }
}

/// File managers leave names of their own in a trash. Beside the user's own, it is none.
#[test]
fn a_trash_has_the_names_of_file_managers_only() {
    for (name, is_trash) in
        [("directorysizes.AB12CD", true), (".DS_Store", true), ("note.txt", false)]
    {
        let tree = scratch();
        file(tree.path(), "h/.local/share/Trash/files/a", 5000);
        file(tree.path(), "h/.local/share/Trash/info/a.trashinfo", 50);
        file(tree.path(), format!("h/.local/share/Trash/{name}"), 10);
        let report = report(tree.path(), [] as [&str; 0], 0);
        let offer = offered(&report, ".local/share/Trash");
        assert_eq!(offer.is_some_and(|(_, command)| command.is_some()), is_trash, "{name}");
    }
}

/// The kernel's NFS client may leave a file anywhere, which nobody else has made.
#[test]
fn a_file_that_was_removed_while_open_changes_no_rule() {
    let tree = scratch();
    file(tree.path(), "h/p/__pycache__/a.cpython-312.pyc", 5000);
    file(tree.path(), "h/p/__pycache__/.nfs00000000012a4f3b00000017", 50);
    let report = report(tree.path(), [] as [&str; 0], 0);
    let (rule, command) = offered(&report, "p/__pycache__").unwrap();
    assert_eq!((&*rule, command), ("python-byproducts", None));
}

/// Returns a digest of what decides which commands are offered (FNV-1a).
fn digest_of_checks() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = std::fs::read_dir(root.join("src/usage/rules")).unwrap();
    let mut files: Vec<_> = rules.map(|file| file.unwrap().path()).collect();
    let others = [
        "commands/scan/walk.rs",
        "report/withheld.rs",
        "scan/acl.rs",
        "usage/above.rs",
        "usage/dir.rs",
        "usage/entry.rs",
        "usage/ledger.rs",
        "usage/listing.rs",
        "usage/listing/findings.rs",
        "usage/owned.rs",
        "usage/rule_command.rs",
        "usage/rules.rs",
        "usage/seen.rs",
        "usage/sources.rs",
        "usage/trie.rs",
        "usage/whose.rs",
    ];
    files.extend(others.map(|file| root.join("src").join(file)));
    files.retain(|file| file.extension().is_some_and(|end| end == "toml" || end == "rs"));
    files.sort();
    let texts: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    // Comments and line breaks decide nothing.
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim_start);
    let lines = lines.filter(|line| !line.starts_with("//") && !line.starts_with("# "));
    let bytes = lines.flat_map(|line| line.bytes()).filter(|byte| !byte.is_ascii_whitespace());
    let digest = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{} {digest:016x}\n", efs_scan::report::COMMAND_CHECKS)
}

/// A run that an older program published keeps its commands if it passed as many checks. So a change of
/// a rule or a check needs a decision.
#[test]
fn a_change_of_a_rule_or_check_is_recorded() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scan/rules/checks.txt");
    let digest = digest_of_checks();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&recorded, &digest).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(recorded).unwrap(),
        digest,
        "rules or checks have changed: if a command that was offered is offered no more, raise \
         COMMAND_CHECKS (src/report/withheld.rs); then run this test with UPDATE=1"
    );
}
