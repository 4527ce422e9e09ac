//! Sources of what a tool has made: without contents, they are none.

use std::os::unix::fs::symlink;
use std::path::Path;

use efs_scan_testbed::*;

use super::ENGINES;
use super::proof::offered;

/// Makes a project of cargo with a build, and without sources.
fn project(root: &Path) {
    file(root, "h/rs/Cargo.toml", 10);
    file(root, "h/rs/target/CACHEDIR.TAG", 50);
    file(root, "h/rs/target/.rustc_info.json", 50);
    build(root, "h/rs/target/release");
}

fn build(root: &Path, path: &str) {
    for name in [".fingerprint/p-0f0f0f0f0f0f0f0f/lib-p", "deps/p-0f0f0f0f0f0f0f0f"] {
        file(root, format!("{path}/{name}"), 9000);
    }
}

/// Asserts if the finding at `h/PATH` has a command.
fn assert_offered(root: &Path, path: &str, has_command: bool, what: &str) {
    for engine in ENGINES {
        for threads in ["1", "4"] {
            let report = report(root, ["--engine", engine, "--threads", threads], 0);
            let (_, command) = offered(&report, path).unwrap();
            assert_eq!(command.is_some(), has_command, "{what} at {path} by {engine}");
        }
    }
}

type Make = fn(&Path);

/// A deployed program may be the last of its project, whose sources were removed or replaced by links.
#[test]
fn sources_without_contents_are_none() {
    let hollow: [(&str, Make); 8] = [
        ("an empty src", |rs| std::fs::create_dir(rs.join("src")).unwrap()),
        ("empty files", |rs| drop(file(rs, "src/main.rs", 0))),
        ("empty directories", |rs| std::fs::create_dir_all(rs.join("src/bin/a")).unwrap()),
        ("a link to a directory", |rs| symlink("other", rs.join("src")).unwrap()),
        ("a link to a file", |rs| symlink("other/main.rs", rs.join("main.rs")).unwrap()),
        ("an empty file", |rs| drop(file(rs, "lib.rs", 0))),
        ("what another tool made", |rs| {
            drop(file(rs, "src/__pycache__/gone.cpython-312.pyc", 500));
            drop(file(rs, "src/__pycache__/deep/x", 500));
        }),
        ("sources with an empty manifest", |rs| {
            file(rs, "src/main.rs", 10);
            file(rs, "Cargo.toml", 0);
        }),
    ];
    for (what, make) in hollow {
        let tree = scratch();
        project(tree.path());
        let rs = tree.path().join("h/rs");
        file(&rs, "other/main.rs", 10);
        make(&rs);
        assert_offered(tree.path(), "rs/target", false, what);
        // In a directory of other things, too.
        file(tree.path(), "h/rs/target/results/table.csv", 9000);
        assert_offered(tree.path(), "rs/target/release", false, what);
    }
    let tree = scratch();
    project(tree.path());
    for (path, what) in [("src/main.rs", "a file"), ("crates/a/deep/src/lib.rs", "further down")] {
        file(tree.path(), format!("h/rs/{path}"), 1);
        assert_offered(tree.path(), "rs/target", true, what);
        let top = path.split('/').next().unwrap();
        std::fs::remove_dir_all(tree.path().join("h/rs").join(top)).unwrap();
        assert_offered(tree.path(), "rs/target", false, what);
    }
    // In a workspace, they are in projects of their own.
    file(tree.path(), "h/rs/crates/b/Cargo.toml", 10);
    assert_offered(tree.path(), "rs/target", false, "a member without sources");
    file(tree.path(), "h/rs/crates/b/src/lib.rs", 10);
    assert_offered(tree.path(), "rs/target", true, "a workspace");
    std::fs::remove_dir_all(tree.path().join("h/rs/crates")).unwrap();
    // The sources of one project are not those of another one beside or below it.
    file(tree.path(), "h/other/src/main.rs", 10);
    file(tree.path(), "h/other/Cargo.toml", 10);
    assert_offered(tree.path(), "rs/target", false, "another project");
    file(tree.path(), "h/rs/src/inner/target/x", 0);
    assert_offered(tree.path(), "rs/target", false, "an empty file deep in src");
}

/// Not everything beside a build can make it again.
#[test]
fn only_files_of_the_language_and_commits_are_sources() {
    let made: [(&str, bool); 22] = [
        ("src/main.rs", true),
        ("src/bin/deep/a.rs", true),
        ("crates/a/src/lib.rs", true),
        ("lib.rs", true),
        (".git/objects/0f/3c5e", true),
        (".git/objects/pack/pack-1.pack", true),
        // `git init` makes these.
        (".git/HEAD", false),
        (".git/hooks/pre-commit.sample", false),
        (".git/objects/info/alternates", false),
        // In a worktree, which may be all that is left.
        (".git", false),
        // Fetches that were broken off leave these.
        (".git/objects/pack/tmp_pack_Ab12Cd", false),
        (".git/objects/0f/tmp_obj_Ab12Cd", false),
        ("src/.DS_Store", false),
        ("src/._main.rs", false),
        // Attributes and old versions, which file servers and editors keep.
        ("src/.AppleDouble/main.rs", false),
        ("src/.history/main_20240101.rs", false),
        ("src/bin/.ipynb_checkpoints/main.rs", false),
        ("crates/a/.git/objects/0f/3c5e", true),
        ("src/.nfs00000000012a4f3b00000017", false),
        ("src/.main.rs.swp", false),
        ("src/README.md", false),
        ("crates/a/Cargo.toml", false),
    ];
    for (path, has_command) in made {
        let tree = scratch();
        project(tree.path());
        file(tree.path(), format!("h/rs/{path}"), 10);
        assert_offered(tree.path(), "rs/target", has_command, path);
    }
}

/// Sources that a glob leaves out are not seen.
#[test]
fn sources_left_out_of_the_scan_are_none() {
    let tree = scratch();
    project(tree.path());
    file(tree.path(), "h/rs/src/main.rs", 10);
    assert_offered(tree.path(), "rs/target", true, "a project");
    let report = report(tree.path(), ["--exclude", "**/src"], 0);
    assert_eq!(offered(&report, "rs/target").unwrap().1, None);
}

/// Python compiles an empty file to some 140 bytes and its path.
#[test]
fn an_empty_package_makes_only_what_is_as_small() {
    let names = ["cpython-312.pyc", "cpython-312.opt-1.pyc", "f-12.py312.1.nbc", "pyc"];
    for (compiled, size, source, has_command) in [
        (names[0], 182, 0, true),
        (names[0], 301, 0, false),
        (names[1], 8000, 0, false),
        (names[2], 8000, 0, false),
        (names[3], 8000, 0, false),
        (names[0], 8000, 1000, true),
    ] {
        let tree = scratch();
        file(tree.path(), "h/p/__init__.py", source);
        file(tree.path(), "h/p/a.py", 1000);
        file(tree.path(), "h/p/__pycache__/a.cpython-312.pyc", 8000);
        file(tree.path(), format!("h/p/__pycache__/__init__.{compiled}"), size);
        assert_offered(tree.path(), "p/__pycache__", has_command, compiled);
    }
}

/// An editor or a full quota may leave a byte of a source.
#[test]
fn a_small_source_makes_no_large_file() {
    for (source, compiled, has_command) in [
        (1, 1 << 10, true),
        (1, 1100, false),
        (1, 500_000, false),
        (10_000, 81_024, true),
        (10_000, 81_025, false),
        (100_000, 500_000, true),
    ] {
        let tree = scratch();
        file(tree.path(), "h/p/model.py", source);
        file(tree.path(), "h/p/a.py", 100_000);
        file(tree.path(), "h/p/__pycache__/a.cpython-312.pyc", 9000);
        file(tree.path(), "h/p/__pycache__/model.cpython-312.pyc", compiled);
        let what = format!("{compiled} bytes of {source}");
        assert_offered(tree.path(), "p/__pycache__", has_command, &what);
    }
}

/// `crate-type = ["cdylib"]` and `["staticlib"]`: cargo links the library out of `deps`.
#[test]
fn libraries_for_other_languages_are_known_by_their_links() {
    for (profile, name) in [
        ("release", "libp.so"),
        ("debug", "libp.a"),
        ("wasm32-unknown-unknown/release", "p.wasm"),
        ("release/examples", "libp.so"),
    ] {
        let tree = scratch();
        project(tree.path());
        file(tree.path(), "h/rs/src/lib.rs", 10);
        let profile = format!("h/rs/target/{profile}");
        if !profile.ends_with("examples") {
            build(tree.path(), &profile);
        }
        let has_command = !profile.ends_with("examples");
        let library = file(tree.path(), format!("{profile}/deps/{name}"), 9000);
        let linked = tree.path().join(&profile).join(name);
        std::fs::hard_link(&library, &linked).unwrap();
        assert_offered(tree.path(), "rs/target", has_command, name);
        // A copy may be of something else.
        std::fs::remove_file(&linked).unwrap();
        std::fs::copy(&library, &linked).unwrap();
        assert_offered(tree.path(), "rs/target", false, name);
    }
}

/// A list of sources is a file, and its program was built by cargo.
#[test]
fn a_directory_is_no_list_of_a_programs_sources() {
    let makes: [(&str, Make, bool); 4] = [
        ("a directory", |path| std::fs::create_dir(path).unwrap(), false),
        ("a link", |path| symlink("deps", path).unwrap(), false),
        ("an empty file", |path| std::fs::write(path, "").unwrap(), false),
        ("a list", |path| std::fs::write(path, "p: src/main.rs").unwrap(), true),
    ];
    for (what, make, has_command) in makes {
        let tree = scratch();
        project(tree.path());
        file(tree.path(), "h/rs/src/main.rs", 10);
        file(tree.path(), "h/rs/target/release/results", 9000);
        make(&tree.path().join("h/rs/target/release/results.d"));
        assert_offered(tree.path(), "rs/target", has_command, what);
    }
}

/// Embedded workspaces have crates in `target`, of which each is a project of its own.
#[test]
fn sources_of_the_project_around_it_are_none() {
    let tree = scratch();
    project(tree.path());
    file(tree.path(), "h/rs/src/main.rs", 10);
    file(tree.path(), "h/rs/target/board/Cargo.toml", 10);
    for name in ["CACHEDIR.TAG", ".rustc_info.json"] {
        file(tree.path(), format!("h/rs/target/board/target/{name}"), 50);
    }
    build(tree.path(), "h/rs/target/board/target/release");
    assert_offered(tree.path(), "rs/target/board/target", false, "the sources around it");
    file(tree.path(), "h/rs/target/board/src/main.rs", 10);
    assert_offered(tree.path(), "rs/target/board/target", true, "sources of its own");
}

/// Pages of documentation have the sources in them, perhaps the last ones.
#[test]
fn documentation_needs_sources_too() {
    let tree = scratch();
    file(tree.path(), "h/rs/Cargo.toml", 10);
    for name in
        ["CACHEDIR.TAG", "doc/static.files/x.css", "doc/p/all.html", "doc/src/p/lib.rs.html"]
    {
        file(tree.path(), format!("h/rs/target/{name}"), 5000);
    }
    assert_offered(tree.path(), "rs/target", false, "documentation alone");
    file(tree.path(), "h/rs/src/lib.rs", 10);
    assert_offered(tree.path(), "rs/target", true, "documentation and sources");
}
