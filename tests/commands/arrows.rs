//! Checks the direction of the arrows between the modules of `src`: which module may use which, and
//! why.
//!
//! The table is in order, lowest first. A module uses only modules above it in the table, so there
//! can be no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module, the modules it may use, and the reason.
type Row = (&'static str, &'static str, &'static str);

const ARROWS: &[Row] = &[
    // Below everything: these modules know nothing of storage, homes or runs.
    ("exit", "", "exit codes and the line that goes with one"),
    ("sys", "", "the one file with unsafe code"),
    ("terminal", "", "kinds of output that stderr supports"),
    ("service_error", "", "errors of stores and services"),
    ("sync", "", "locking in spite of poison; work on several threads"),
    ("units", "", "bytes and money"),
    ("packed", "units", "values packed into bytes, including sizes and money"),
    ("text", "", "names that strangers chose, made safe to show"),
    ("log", "terminal text", "makes values in a line safe; the terminal may support colours"),
    ("guard", "text", "checks of what other users can change; advice with a command for a path"),
    ("atomic", "sync", "files that appear whole; the unfinished ones of this process"),
    ("bounded", "", "files that may be too large to read"),
    ("output", "atomic exit log sys text", "destination of a result, opened before the scan"),
    ("columns", "units", "terminal tables with sizes in cells"),
    ("parquet_file", "sync text", "tables in Parquet files; errors quote strangers' files"),
    ("stop", "exit", "the second signal ends the program with its exit code"),
    (
        "aws",
        "log service_error sync text units",
        "a leaf; sizes are metered bytes, and errors have one type",
    ),
    ("store", "atomic aws guard log service_error text", "a directory or a bucket"),
    (
        "state",
        "atomic bounded guard log service_error store sync text",
        "files of a directory that appear whole, or objects of a store",
    ),
    // Entries and their sums.
    ("usage", "log packed sync text units", "independent of engines: entries and their sums"),
    ("scan", "bounded log stop sync usage", "engines pass entries to the accounts"),
    ("progress", "terminal units usage", "shows the current sums of the accounts"),
    (
        "names",
        "aws bounded log service_error state text",
        "asks SageMaker for people, and keeps its last answer",
    ),
    // One report, its forms, and their destinations.
    (
        "report",
        "aws columns names packed scan text units usage",
        "made from the accounts, the names, EFS's own size and the mount's counters",
    ),
    (
        "dirs",
        "parquet_file report text units usage",
        "the table of directories, made from the accounts, with names of homes as in the report",
    ),
    (
        "changes",
        "columns dirs report text units usage",
        "two tables of directories side by side; a price is the report's",
    ),
    (
        "published",
        "parquet_file report service_error store text units",
        "the forms of a report that are stored, both ways",
    ),
    (
        "outbox",
        "aws exit log output published report service_error state stop store text units",
        "from the spool in the state directory to stores, CloudWatch and SNS",
    ),
    (
        "shards",
        "report service_error store text units usage",
        "plan and accounts of shards at a destination, each checked when it is read",
    ),
    // Readers of what is published.
    (
        "status",
        "aws changes columns published report service_error store text units",
        "the newest run with changes, and SageMaker apps",
    ),
    (
        "history",
        "columns log published report service_error store text units",
        "the runs of many days",
    ),
    (
        "pages",
        "aws changes history published report text units usage",
        "HTML of a report, its history, and what grew",
    ),
    (
        "remind",
        "aws exit log names report service_error state stop text units",
        "e-mail about a report through SES, recorded in the state directory",
    ),
    // Settings, and the commands that they start.
    (
        "config",
        "bounded guard log names outbox remind report scan shards state store text units usage",
        "one definition of a setting, for flag, variable and file; fills each part's struct",
    ),
    (
        "cli",
        "config log state sys",
        "flags, which are the settings of a scan; unsets empty variables first",
    ),
    (
        "commands",
        "atomic aws changes cli config dirs exit guard history log names outbox output pages progress published remind report scan service_error shards state status stop store sync sys text units usage",
        "connects the parts; no module uses a command",
    ),
    (
        "fuzzing",
        "changes dirs history outbox pages published remind report service_error status store text units",
        "entry points of fuzz targets, which read and show damaged input",
    ),
];

#[test]
fn modules_use_only_what_the_table_lets_them_use() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let used = arrows(&src);
    let mut problems = Vec::new();
    let mut above = BTreeSet::new();
    for (module, allowed, reason) in ARROWS {
        assert!(!reason.is_empty(), "{module}: say why");
        let allowed: BTreeSet<&str> = allowed.split_whitespace().collect();
        for other in &allowed {
            if !above.contains(other) {
                problems.push(format!("{module} -> {other}: {other} stands below {module}"));
            }
        }
        let found = used.get(*module).cloned().unwrap_or_default();
        for (other, file) in &found {
            if !allowed.contains(other.as_str()) {
                let file = file.strip_prefix(&src).unwrap_or(file).display();
                problems
                    .push(format!("{module} -> {other} in {file}: the table does not allow it"));
            }
        }
        for other in allowed.iter().filter(|other| !found.contains_key(**other)) {
            problems.push(format!("{module} -> {other}: allowed, and not used"));
        }
        above.insert(*module);
    }
    for module in used.keys().filter(|module| !above.contains(module.as_str())) {
        problems.push(format!("{module} is not in the table"));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Returns for each top-level module the others that it names, each with a file that names it.
fn arrows(src: &Path) -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let mut files = Vec::new();
    collect(src, &mut files);
    let modules: BTreeSet<String> = files.iter().map(|file| module_of(src, file)).collect();
    assert!(modules.len() > 20, "only {modules:?} found below {}", src.display());
    let mut used: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for file in files {
        let module = module_of(src, &file);
        let text = std::fs::read_to_string(&file).unwrap();
        let code: Vec<&str> =
            text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        let to = used.entry(module.clone()).or_default();
        for name in names(&code.join("\n")) {
            if name != module && modules.contains(&name) {
                to.insert(name, file.clone());
            }
        }
    }
    used
}

/// Returns the modules named after `crate::`, including those in `use crate::{a, b::C}`.
fn names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, after) in code.match_indices("crate::").map(|(at, it)| (at, &code[at + it.len()..])) {
        let Some(list) = after.strip_prefix('{') else {
            names.push(word(after));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && (c.is_alphanumeric() || c == '_') => {
                    names.push(word(&list[at..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Returns the top-level module that a file belongs to. `lib.rs` and `main.rs` are above all
/// modules.
fn module_of(src: &Path, file: &Path) -> String {
    let below = file.strip_prefix(src).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs")
            && !["lib.rs", "main.rs"].iter().any(|name| path.ends_with(name))
        {
            files.push(path);
        }
    }
}

/// Names of output streams, each with the only files that may use it: messages go through the log,
/// which accepts only safe text; the progress bar has only numbers; results go through `output.rs`.
/// Other files may check if a stream is a terminal.
const STREAMS: [(&str, &[&str]); 5] = [
    ("tracing", &["log.rs"]),
    ("io::stderr()", &["log.rs", "progress.rs", "terminal.rs", "commands/mod.rs"]),
    ("io::stdout()", &["output.rs"]),
    ("eprint", &[]),
    ("println!", &[]),
];

#[test]
fn messages_and_results_each_have_a_single_way_out() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
        for line in lines {
            for (stream, allowed) in STREAMS {
                let here = allowed.iter().any(|name| file == src.join(name));
                assert!(here || !line.contains(stream), "{}: {line}", file.display());
            }
        }
    }
}
