//! Places that several rules match: the first wins, and nothing counts twice.

use std::collections::BTreeSet;

use efs_scan_testbed::*;

use super::{ENGINES, assert_nothing_counts_twice, found};

/// Files below a home, and the expected findings.
type Tree = (&'static [&'static str], &'static [&'static str]);

const OVERLAPS: &[Tree] = &[
    // An earlier rule's usage is not part of a later rule's.
    (
        &[".cache/pip/a", ".cache/uv/b", ".cache/c"],
        &["pip-cache .cache/pip", "uv-cache .cache/uv", "other-cache .cache"],
    ),
    // A later rule finds nothing inside an earlier rule's finding.
    (
        &[".cache/uv/env/pyvenv.cfg", ".cache/uv/env/__pycache__/a", ".cache/uv/core.1"],
        &["uv-cache .cache/uv", "other-cache .cache"],
    ),
    (
        &[
            "p/package.json",
            "p/node_modules/a/__pycache__/b",
            "p/node_modules/a/package.json",
            "p/node_modules/a/node_modules/c",
        ],
        &["node-modules p/node_modules"],
    ),
    // An earlier rule finds something there, at any depth.
    (
        &["p/env/pyvenv.cfg", "p/env/lib/mlruns/b", "p/env/lib/mlruns/env/pyvenv.cfg"],
        &["mlflow-runs p/env/lib/mlruns", "virtualenv p/env"],
    ),
    (
        &[".local/pyvenv.cfg", ".local/lib/python3.12/site-packages/a", ".local/bin/b"],
        &["pip-user-site .local/lib/python3.12/site-packages", "prefix-virtualenv .local"],
    ),
    (
        &[".cache/huggingface/hub/a", ".cache/huggingface/lerobot/b", ".cache/huggingface/token"],
        &[
            "huggingface-hub .cache/huggingface/hub",
            "lerobot-data .cache/huggingface/lerobot",
            "other-cache .cache",
        ],
    ),
    // A trash directory recognised by its place, containing one as the specification describes it.
    (&[".Trash/1000/files/a", ".Trash/b"], &["trash .Trash/1000", "home-trash .Trash"]),
    // Findings inside the trash count as trash.
    (
        &[
            ".local/share/Trash/files/node_modules/a",
            ".local/share/Trash/files/package.json",
            ".local/share/Trash/files/env/pyvenv.cfg",
        ],
        &["trash .local/share/Trash"],
    ),
    // An installation and its environments are removed separately.
    (
        &[
            "conda/conda-meta/history",
            "conda/pkgs/urls.txt",
            "conda/envs/a/conda-meta/history",
            "conda/lib/x.pyc",
        ],
        &["conda-install conda", "conda-pkgs conda/pkgs", "conda-envs conda/envs/a"],
    ),
    // An environment directly in the home does not make the home an environment.
    (&["pyvenv.cfg", ".cache/a", "thesis"], &["other-cache .cache"]),
    (&["conda-meta/history", "requirements.txt", "thesis"], &[]),
    (&["pyvenv.cfg", "lib/a"], &[]),
    // A project in which an environment was created is not an environment either.
    (&["p/conda-meta/history", "p/environment.yml"], &["mixed-environment p"]),
    (&["p/pyvenv.cfg", "p/bin/python", "p/data/raw.csv"], &["mixed-environment p"]),
    (
        &["p/pyvenv.cfg", "p/src/__pycache__/a.pyc", "p/env/pyvenv.cfg", "p/env/lib/b"],
        &["mixed-environment p", "python-byproducts p/src/__pycache__", "virtualenv p/env"],
    ),
    // Tools are uninstalled, not removed.
    (
        &[".local/share/uv/tools/ruff/pyvenv.cfg", ".local/share/pipx/venvs/black/pyvenv.cfg"],
        &[
            "installed-tools .local/share/pipx/venvs/black",
            "installed-tools .local/share/uv/tools/ruff",
        ],
    ),
    (
        &[".cache/go-build/fuzz/m/c1", ".cache/go-build/00/a-d"],
        &["go-cache .cache/go-build", "go-fuzz-corpus .cache/go-build/fuzz", "other-cache .cache"],
    ),
    // Programs that install their modules with them.
    (
        &[
            ".nvm/x/lib/node_modules/npm/package.json",
            ".nvm/x/lib/node_modules/npm/node_modules/a",
            ".foo-server/bin/package.json",
            ".foo-server/bin/node_modules/a",
        ],
        &[],
    ),
];

#[test]
fn the_first_rule_wins_and_nothing_counts_twice() {
    let tree = scratch();
    for (at, (files, _)) in OVERLAPS.iter().enumerate() {
        for path in *files {
            // Large enough for rules with a minimum size.
            file(tree.path(), format!("h{at}/{path}"), 70_000);
        }
    }
    for engine in ENGINES {
        let report = report(tree.path(), ["--engine", engine], 0);
        for (at, (files, findings)) in OVERLAPS.iter().enumerate() {
            let name = format!("h{at}");
            let want: BTreeSet<_> = findings.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(found(&report, &name), want, "{files:?} by {engine}");
            assert_nothing_counts_twice(home(&report, &name));
        }
    }
}
