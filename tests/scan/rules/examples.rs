//! Generates, from each built-in rule, trees that it must match and trees that it must not. New
//! rules are covered automatically. Each rule has at least one example of every [`Kind`].

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use efs_scan::usage::rule_file::{RuleKind, RuleSpec, built_in};

use efs_scan_testbed::*;

/// Relation of an example to its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The rule is about this.
    Match,
    /// Another name, or another place.
    NearName,
    /// The right name with other contents.
    NearContent,
    /// The right name, with the user's own files in it.
    UsersOwn,
}

/// A home that contains one example.
pub(crate) struct Example {
    pub(crate) kind: Kind,
    pub(crate) home: String,
    pub(crate) rule: String,
    /// The class that the rule's bytes count in.
    pub(crate) class: String,
    /// Description for messages.
    pub(crate) what: String,
    /// Path of the expected finding below the home; `None` if the rule must find nothing.
    pub(crate) finds: Option<String>,
}

/// Builds all examples as homes of `root`.
pub(crate) fn build(root: &Path) -> Vec<Example> {
    let mut examples = Vec::new();
    for spec in built_in().unwrap() {
        let mut add = |kind, what: String, finds: Option<&str>, make: &dyn Fn(&Path)| {
            let home = format!("h{:04}", examples.len());
            std::fs::create_dir(root.join(&home)).unwrap();
            make(&root.join(&home));
            examples.push(Example {
                kind,
                home,
                rule: spec.id.clone(),
                class: spec.class.class().name().to_owned(),
                what,
                finds: finds.map(str::to_owned),
            });
        };
        let patterns: Vec<String> = match spec.paths.is_empty() {
            true => vec!["**/any/where".to_owned()],
            false => spec.paths.iter().flat_map(|path| choices(path)).collect(),
        };
        for (at, pattern) in patterns.iter().enumerate() {
            let (tail, anywhere) = match pattern.strip_prefix("**/") {
                Some(tail) => (tail, true),
                None => (pattern.as_str(), false),
            };
            for path in literals(tail) {
                for marker in markers(&spec) {
                    let what = format!("{path} with {marker:?}");
                    add(Kind::Match, what, Some(&path), &|home| make(home, &spec, &path, marker));
                }
                let deep = format!("deep/er/{path}");
                let finds = anywhere.then_some(deep.as_str());
                let kind = if anywhere { Kind::Match } else { Kind::NearName };
                add(kind, deep.clone(), finds, &|home| {
                    make(home, &spec, &deep, markers(&spec)[0]);
                });
            }
            if !spec.paths.is_empty() {
                for path in near(tail) {
                    let marker = markers(&spec)[0];
                    add(Kind::NearName, path.clone(), None, &|home| {
                        make(home, &spec, &path, marker);
                    });
                }
            }
            let path = &literals(tail)[0];
            for marker in spec.contains.iter().filter(|_| spec.paths.is_empty()) {
                let other = format!("{marker}x");
                add(Kind::NearName, format!("{path} with {other}"), None, &|home| {
                    make(home, &spec, path, Some(&other));
                });
            }
            near_conditions(&spec, path, &mut add);
            if at == 0 {
                users_own(&spec, path, &mut add);
            }
            other_kinds(&spec, path, &mut add);
        }
    }
    examples
}

/// Returns the markers that a directory may have, one at a time; a single `None` for rules without
/// markers.
fn markers(spec: &RuleSpec) -> Vec<Option<&str>> {
    match spec.contains.is_empty() {
        true => vec![None],
        false => spec.contains.iter().map(|name| Some(name.as_str())).collect(),
    }
}

/// Expands `a/{b,c}` into `a/b` and `a/c`.
fn choices(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let whole = inside.split(',').map(|choice| format!("{before}{choice}{after}"));
    whole.flat_map(|choice| choices(&choice)).collect()
}

/// Returns names that a pattern without braces matches.
fn literals(pattern: &str) -> Vec<String> {
    let plain = pattern
        .replace("[0-9a-f]", "a")
        .replace("[0-9A-Z]", "7")
        .replace("[0-9]", "7")
        .replace('?', "q");
    let plain =
        plain.replace("[23]", "3").replace("[Cc]", "C").replace("<digest>", &"0f".repeat(32));
    let plain = plain.replace("<number>", "7").replace("<word>", "a_b-1");
    assert!(!plain.contains(['[', '\\', '{']), "teach this test about {pattern}");
    let long = plain.replace('*', "x1");
    // A star matches the empty string, unless it is the whole name.
    let short: Vec<_> =
        plain.split('/').map(|name| if name == "*" { "x2" } else { name }).collect();
    let short = short.join("/").replace('*', "");
    if short == long { vec![long] } else { vec![long, short] }
}

/// Returns near misses of a pattern: one component longer or shorter by a character, or a letter
/// instead of a digit.
fn near(pattern: &str) -> Vec<String> {
    let names: Vec<&str> = pattern.split('/').collect();
    let mut near = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let mut with = |other: String| {
            let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            names[at] = other;
            near.push(literals(&names.join("/"))[0].clone());
        };
        if !name.starts_with('*') {
            with(format!("no{name}"));
        }
        if !name.ends_with('*') {
            with(format!("{name}x"));
        }
        if name.contains("[0-9]") {
            with(name.replacen("[0-9]", "x", 1));
        }
        if name.contains("[0-9a-f]") {
            with(name.replacen("[0-9a-f]", "g", 1));
            with(name.replacen("[0-9a-f]", "", 1));
        }
        if name.contains("<number>") {
            with(name.replacen("<number>", "", 1));
            with(name.replacen("<number>", "7x", 1));
        }
        if name.contains('?') {
            with(name.replacen('?', "", 1));
        }
    }
    near
}

/// Creates what `spec` describes at `path`.
fn make(home: &Path, spec: &RuleSpec, path: &str, marker: Option<&str>) {
    if spec.kind == RuleKind::File {
        let made = file(home, path, 100);
        let size = spec.min_size().unwrap().unwrap_or(100);
        std::fs::write(&made, spec.starts_with.as_deref().unwrap_or("")).unwrap();
        std::fs::File::options().write(true).open(made).unwrap().set_len(size).unwrap();
        return;
    }
    file(home, format!("{path}/{}", own(spec)), 3000);
    let dir = home.join(path);
    if let Some(marker) = marker {
        let text = spec.starts_with.clone().unwrap_or("x".to_owned());
        match below_marker(spec, marker) {
            Some(made) => drop(file(home, format!("{path}/{made}"), 2)),
            None => std::fs::write(dir.join(marker), text + "\n").unwrap(),
        }
    }
    if let Some(beside) = spec.beside.first() {
        std::fs::write(dir.with_file_name(beside), "x").unwrap();
    }
    if let Some(source) = spec.made_from.first() {
        let name = format!("x{}", spec.sources.as_deref().unwrap());
        file(home, dir.with_file_name(source).join(name).strip_prefix(home).unwrap(), 10);
    }
    if let (Some(ending), true) = (&spec.sources, spec.made_from.is_empty()) {
        let source = own(spec).split('.').next().unwrap().to_owned() + ending;
        std::fs::write(dir.with_file_name(source), "x").unwrap();
    }
}

/// Returns a file that the tool makes in a marker that is a directory; `None` if the marker is a file.
fn below_marker(spec: &RuleSpec, marker: &str) -> Option<String> {
    let below = format!("{marker}/");
    let path = unconditional(spec).find(|path| path.starts_with(&below))?;
    let names = literals(path.strip_suffix("/**").unwrap_or(&path)).swap_remove(0);
    Some(if path.ends_with("/**") { names + "/made" } else { names })
}

/// Returns the paths of `owns` without braces, and without those that need something beside them or
/// in them, or a second link.
fn unconditional(spec: &RuleSpec) -> impl Iterator<Item = String> {
    let paths = spec.owns.iter().flat_map(|path| choices(&path.replace("/**/", "/any/")));
    paths.filter(|path| !path.contains([':', '+']) && !path.ends_with("<linked>"))
}

/// Returns the paths of `owns`, with a name for each pattern in them.
fn owned(spec: &RuleSpec) -> Vec<String> {
    let paths = unconditional(spec);
    let one = |path: String| match path.strip_suffix("/**") {
        Some(names) => format!("{}/**", literals(names)[0]),
        None => literals(&path)[0].clone(),
    };
    paths.map(one).collect()
}

/// Returns the directories below a finding in which the tool owns only some names, each with true
/// if a directory there may have any name.
fn dirs_among_owned(spec: &RuleSpec) -> BTreeMap<String, bool> {
    let mut dirs = BTreeMap::new();
    for path in unconditional(spec) {
        let names: Vec<&str> = path.trim_end_matches("/**").split('/').collect();
        for depth in 1..names.len() {
            let dir = literals(&names[..depth].join("/")).swap_remove(0);
            let first = dir.split('/').next().unwrap().to_owned();
            let may_be = |name: &String| literals(name).contains(&first);
            // A marker that is a file has nothing in it.
            let is_marker = spec.contains.contains(&first) && below_marker(spec, &first).is_none();
            let may_be_there =
                spec.only_contains.is_empty() || spec.only_contains.iter().any(may_be);
            if may_be_there && !is_marker {
                *dirs.entry(dir).or_default() |= names[depth] == "*";
            }
        }
    }
    dirs
}

/// Returns a file that the tool itself may put there.
fn own(spec: &RuleSpec) -> String {
    let owned = owned(spec);
    if let Some(path) = owned.iter().find(|path| path.ends_with("/**")) {
        return path.replace("/**", "/payload");
    }
    if let Some(path) = owned.iter().max_by_key(|path| path.matches('/').count()) {
        return path.clone();
    }
    let names = || spec.only_contains.iter().filter(|name| !spec.contains.contains(name));
    // Preferably in a directory, and in the last one, because a rule with a longer list comes after
    // one with a shorter list.
    let plain = names().rev().find(|name| !name.contains(['*', '[', '.', '<']));
    match plain.or(names().next()).map(|name| literals(name)[0].clone()) {
        Some(name) if name.contains('.') => name,
        Some(name) => format!("{name}/payload"),
        None => "payload".to_owned(),
    }
}

type Add<'a> = dyn FnMut(Kind, String, Option<&str>, &dyn Fn(&Path)) + 'a;

/// Adds examples with the right name, each of which violates one condition.
fn near_conditions(spec: &RuleSpec, path: &str, add: &mut Add<'_>) {
    let first = markers(spec)[0];
    for name in &spec.unless_contains {
        add(Kind::NearContent, format!("{path} contains {name}"), None, &|home| {
            make(home, spec, path, first);
            std::fs::write(home.join(path).join(name), "x").unwrap();
        });
    }
    for name in spec.unless_below.iter().flat_map(|path| choices(path)) {
        let below = name.replace('*', "x").replace("[0-9]", "7");
        add(Kind::NearContent, format!("{path} below {below}"), None, &|home| {
            make(home, spec, &format!("p/{below}/deep/{path}"), first);
        });
    }
    near_files(spec, path, add);
    if let Some(marker) = first.filter(|_| !spec.contains.is_empty()) {
        add(Kind::NearContent, format!("{path} does not contain {marker}"), None, &|home| {
            make(home, spec, path, None);
        });
        if !spec.paths.is_empty() {
            add(
                Kind::NearContent,
                format!("{path} contains {marker} further down"),
                None,
                &|home| {
                    make(home, spec, path, None);
                    file(home, format!("{path}/below/{marker}"), 10);
                },
            );
        }
    }
    if let Some(beside) = spec.beside.first() {
        add(
            Kind::NearContent,
            format!("{path} has {beside} in it, not beside it"),
            None,
            &|home| {
                make(home, spec, path, first);
                let dir = home.join(path);
                std::fs::rename(dir.with_file_name(beside), dir.join(beside)).unwrap();
            },
        );
    }
    if let (Some(marker), Some(text)) = (first, &spec.starts_with) {
        let not_quite = &text[..text.len() - 1];
        for other in [not_quite.to_owned(), format!("{not_quite}?"), format!(" {text}")] {
            add(Kind::NearContent, format!("{marker} holds {other}"), None, &|home| {
                make(home, spec, path, first);
                std::fs::write(home.join(path).join(marker), &other).unwrap();
            });
        }
        add(Kind::NearContent, format!("{marker} is a link"), None, &|home| {
            make(home, spec, path, first);
            let marker = home.join(path).join(marker);
            std::fs::rename(&marker, home.join("elsewhere")).unwrap();
            symlink(home.join("elsewhere"), marker).unwrap();
        });
    }
    if let Some(size) = spec.min_size().unwrap() {
        add(Kind::NearContent, format!("{path} is one byte short"), None, &|home| {
            make(home, spec, path, first);
            let short = std::fs::File::options().write(true).open(home.join(path));
            short.unwrap().set_len(size - 1).unwrap();
        });
    }
}

/// Adds examples with the right name that contain files which no tool created: beside the tool's,
/// and alone. The rule then does not apply, or offers no command that removes them.
fn users_own(spec: &RuleSpec, path: &str, add: &mut Add<'_>) {
    let first = markers(spec)[0];
    if spec.kind == RuleKind::File {
        // Other files of the user's with that name are in near_files. Here, it is a directory.
        add(Kind::UsersOwn, format!("{path} is a directory of the user's"), None, &|home| {
            file(home, format!("{path}/thesis.tex"), 3000);
        });
        return;
    }
    let finds = Some(path).filter(|_| spec.only_contains.is_empty());
    if spec.flat {
        add(Kind::UsersOwn, format!("{path} contains a directory"), finds, &|home| {
            make(home, spec, path, first);
            file(home, format!("{path}/{}/thesis.tex", own(spec).replace('.', "2.")), 3000);
        });
    }
    for (dir, any_directory) in dirs_among_owned(spec) {
        // If the tool's directories may have any name, only files show the difference.
        for users in
            ["thesis.tex", "mine/thesis.tex"].into_iter().take(2 - usize::from(any_directory))
        {
            add(Kind::UsersOwn, format!("{path} contains {dir}/{users}"), Some(path), &|home| {
                make(home, spec, path, first);
                file(home, format!("{path}/{dir}/{users}"), 3000);
            });
        }
    }
    for users in ["thesis.tex", "data/raw.csv", ".git/config", "200005/file", "libs/x", "-"] {
        add(Kind::UsersOwn, format!("{path} contains the user's {users}"), finds, &|home| {
            make(home, spec, path, first);
            file(home, format!("{path}/{users}"), 3000);
        });
        let finds = finds.filter(|_| spec.contains.is_empty());
        add(Kind::UsersOwn, format!("{path} contains only the user's {users}"), finds, &|home| {
            make(home, spec, path, None);
            std::fs::remove_dir_all(home.join(path)).unwrap();
            file(home, format!("{path}/{users}"), 3000);
        });
    }
}

/// Adds examples for a file rule: excluded names, excluding neighbours, and wrong contents.
fn near_files(spec: &RuleSpec, path: &str, add: &mut Add<'_>) {
    for name in &spec.unless_named {
        for name in literals(name) {
            add(Kind::NearContent, name.clone(), None, &|home| make(home, spec, &name, None));
        }
    }
    for name in &spec.unless_beside {
        let beside = name.replace('*', "x");
        add(Kind::NearContent, format!("{path} beside {beside}"), None, &|home| {
            make(home, spec, path, None);
            file(home, Path::new(path).with_file_name(&beside).to_str().unwrap(), 10);
        });
    }
    if let (RuleKind::File, Some(text)) = (spec.kind, &spec.starts_with) {
        for other in [format!("x{text}"), text[..text.len() - 1].to_owned()] {
            add(Kind::NearContent, format!("{path} begins with {other:?}"), None, &|home| {
                make(home, spec, path, None);
                let made = std::fs::File::options().write(true).open(home.join(path)).unwrap();
                std::os::unix::fs::FileExt::write_all_at(&made, b"xxxxxxxxxxxxxxxxxxxxxxx", 0)
                    .unwrap();
                std::os::unix::fs::FileExt::write_all_at(&made, other.as_bytes(), 0).unwrap();
            });
        }
    }
}

/// Adds other kinds of entries with the right name.
fn other_kinds(spec: &RuleSpec, path: &str, add: &mut Add<'_>) {
    if spec.paths.is_empty() {
        return;
    }
    match spec.kind {
        RuleKind::Dir => add(Kind::NearContent, format!("{path} is a file"), None, &|home| {
            file(home, path, 3000);
            for beside in &spec.beside {
                std::fs::write(home.join(path).with_file_name(beside), "x").unwrap();
            }
        }),
        RuleKind::File => add(Kind::NearContent, format!("{path} is a directory"), None, &|home| {
            file(home, format!("{path}/payload"), 3000);
        }),
    }
    add(Kind::NearContent, format!("{path} is a link"), None, &|home| {
        make(home, spec, path, markers(spec)[0]);
        let made = home.join(path);
        std::fs::rename(&made, home.join("elsewhere")).unwrap();
        symlink(home.join("elsewhere"), made).unwrap();
    });
}
