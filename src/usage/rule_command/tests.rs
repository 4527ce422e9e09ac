use super::*;

fn said(class: SpecClass, command: &str) -> String {
    said_of(class, "paths = ['x']\n", command)
}

fn of_file(command: &str) -> String {
    said_of(SpecClass::Cache, "kind = 'file'\npaths = ['**/x']\n", command)
}

fn said_of(class: SpecClass, paths: &str, command: &str) -> String {
    let rule = &format!("id = 'x'\nclass = 'cache'\n{paths}");
    let mut spec: RuleSpec = toml::from_str(rule).expect("the rule is well formed");
    spec.class = class;
    spec.command = Some(command.to_owned());
    spec.check().err().unwrap_or_default()
}

#[test]
fn commands_of_plain_words_are_accepted() {
    for command in [
        "rm -r {path}",
        "rm -rf -- {path}",
        "/bin/rm -r {path}",
        "find {path} -delete",
        "find {path} -xdev -print -delete",
        "rm --recursive --force {path}",
        "tool --dir={path}/x --at {path}",
        "TOOL_CACHE={path} tool clean",
        "/opt/site/clean-up {path}",
        // A command that has no path and removes nothing is up to the site.
        "tool list | less; echo \"it's $HOME\"",
    ] {
        assert_eq!(said(SpecClass::Cache, command), "", "{command}");
    }
    assert_eq!(said(SpecClass::Output, "tool archive {path}"), "");
    for command in [
        "truncate -s 0 {path}",
        "truncate --size=0 {path}",
        "rm -f {path}",
        "unlink {path}",
        "shred -u {path}",
        "shred --remove=wipe {path}",
    ] {
        assert_eq!(of_file(command), "", "{command}");
    }
}

#[test]
fn what_a_shell_reads_otherwise_is_refused() {
    for command in [
        "rm -r \"{path}\"",
        "rm -r '{path}'",
        "sh -c 'rm -r {path}'",
        "tool $(dirname {path})",
        "tool `dirname {path}`",
        "tool \"a\\\"{path}\"",
        "tool ${x:-{path}}",
        "tool \\{path}",
        "tool ${path}",
        "tool # {path}",
        "tool {path} 'a",
        "rm -r ~/scratch",
        "rm -r {path}*",
        "rm -r {path}; rm -r ~/scratch",
        "cd {path} && rm -rf *",
        "/usr/bin/find ~ -delete",
        "ls {path} | xargs rm",
        "sh -c 'cd; rm -r x'",
        "find {path} -exec rm {} +",
        "tool {path}\twith a tab",
        "rm -r {path} é",
    ] {
        let said = said(SpecClass::Cache, command);
        assert!(
            said.contains("meaning for the shell") || said.contains("invisible"),
            "{command}: {said}"
        );
    }
    for command in [
        "eval rm -r {path}",
        "ssh host rm -r {path}",
        "bash -ec {path}",
        "su -c {path}",
        "env {path}/clean.sh",
        "timeout 5 {path}/clean.sh",
    ] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("reads a path as a command again"), "{command}: {said}");
    }
    for command in ["{path}/clean.sh", "A=1 {path}/clean.sh", "{path}=1 tool", "{path}/x=1 tool"] {
        assert!(said(SpecClass::Cache, command).contains("begin with a program"), "{command}");
    }
    for command in ["tool {Path}", "rm -r {home}", "tool {path} {x}", "tool {parent}"] {
        assert!(said(SpecClass::Cache, command).contains("is no placeholder"), "{command}");
    }
}

#[test]
fn a_command_has_the_rights_of_its_owner_only() {
    for command in [
        "sudo rm -rf {path}",
        "/usr/bin/sudo -n rm -rf {path}",
        "doas rm -rf {path}",
        "nice pkexec tool {path}",
        "runuser -u alice -- rm -rf {path}",
        "sudo tool clean",
        "tool list && sudo tool clean",
    ] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("runs it with other rights"), "{command}: {said}");
    }
    for command in ["/opt/sudo-free/clean {path}", "tool --no-sudo {path}"] {
        assert_eq!(said(SpecClass::Cache, command), "", "{command}");
    }
}

#[test]
fn a_remover_removes_the_finding_and_nothing_else() {
    for command in
        ["rm -r", "rm -r {path}/", "rm -r ..{path}", "rm -r {path} {path}/x", "A=1 rm -r"]
    {
        let said = said(SpecClass::Cache, command);
        assert!(said.ends_with("needs {path} as a word of its own"), "{command}: {said}");
    }
    for command in [
        "rm -r {path} scratch",
        "rm -r . {path}",
        "rm -r {path} 2024",
        "find . {path} -delete",
        "find {path} /x -delete",
        "rm -rf {path} -- -x",
        "rm -rf -- {path} -x",
    ] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains(", too: only {path}"), "{command}: {said}");
    }
    for command in ["rm -r {path}/..", "rsync -a --delete /x/ {path}/..", "tool ../x {path}"] {
        assert!(said(SpecClass::Cache, command).contains("leads out"), "{command}");
    }
    for options in
        ["{path} -name core", "-L {path}", "{path} -follow", "{path} -files0-from /x", "-H {path}"]
    {
        let said = said(SpecClass::Cache, &format!("find {options} -mtime 30 -delete"));
        assert!(said.contains("may lead elsewhere"), "{options}: {said}");
    }
    for command in ["truncate -s 0 {path} 5", "rm -rf {path} -", "rm -rf - {path}"] {
        let said = of_file(command);
        assert!(said.contains("only {path} is a finding"), "{command}: {said}");
    }
    for command in ["fish -c {path}", "source {path}", ". {path}", "tcsh -c {path}"] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("as a command again"), "{command}: {said}");
    }
    for command in ["{path}", "{path}/bin/clean", "{path} rm -r", "A=1 {path}", "A={path} {path}"] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("begin with a program"), "{command}: {said}");
    }
    for command in ["tool -c {path}", "tool -S {path}", "rbash -c {path}"] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("the path as a program"), "{command}: {said}");
    }
    for command in ["truncate -s 0 --reference=/x {path}", "truncate -s 0 -r /x {path}"] {
        let said = of_file(command);
        assert!(said.contains("acts on more than {path}"), "{command}: {said}");
    }
    for class in [SpecClass::Output, SpecClass::Hint] {
        assert!(said(class, "rm -r {path}").contains("the only copy"));
    }
}

#[test]
fn a_remover_frees_what_is_counted() {
    for command in [
        "mv {path} /trash/",
        "mv {path} thesis.tex",
        "rmdir {path}",
        "find {path} -print",
        "find {path}",
        "find {path} -mindepth 1 -delete",
        "rm -rf {path} --version",
        "rm -rf --vers {path}",
        "rm -rf --hel {path}",
        "rm {path}",
        "rm -f {path}",
        "rm -d {path}",
        "unlink {path}",
        "truncate -s 0 {path}",
        "shred -u {path}",
        "rm -ri {path}",
        "rm -rI {path}",
        "rm -rf --interactive=always {path}",
    ] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("must remove what is counted"), "{command}: {said}");
    }
    for command in [
        "truncate -s 5 {path}",
        "truncate -s +0 {path}",
        "truncate -s 0 -s 5 {path}",
        "truncate --size=5 {path}",
        "truncate {path}",
        "rm --help {path}",
        "rm -i {path}",
        "shred {path}",
    ] {
        let said = of_file(command);
        assert!(said.contains("must remove what is counted"), "{command}: {said}");
    }
    let said = said(SpecClass::Cache, "find -delete {path}");
    assert!(said.contains("takes {path} before its tests"), "{said}");
}

#[test]
fn a_command_has_a_place_of_its_own() {
    let everything = [
        "*",
        "**/*",
        "**/<word>",
        ".<number>",
        "*/*",
        "**/?*",
        "**/[a-z]*",
        "**/.*",
        "a/{b,c}/*",
        "{a,*}",
        "*/{x,[y]}",
    ];
    let named = |path: &&str| !names_everything(path);
    let named: Vec<_> = everything.into_iter().filter(named).collect();
    assert_eq!(named, ["a/{b,c}/*"]);
    for path in ["x", "**/x", "**/*.pyc", "*_old", "tmp*"] {
        assert!(!names_everything(path), "{path}");
    }
    for path in ["*t*", "?????s", "x*", "**/*x"] {
        assert!(names_everything(path), "{path}");
    }
}

/// People's directories have markers such as `README.md`, too.
#[test]
fn a_marker_alone_is_no_place() {
    let marked = "contains = ['README.md']\n";
    for place in [
        format!("paths = ['**/*']\n{marked}"),
        format!("paths = ['*']\n{marked}only_contains = ['README.md', '*']\n"),
        format!("{marked}only_contains = ['*']\n"),
        format!("{marked}only_contains = ['README.md', '[a-z]*']\n"),
        "paths = ['*']\nonly_contains = ['*']\n".to_owned(),
    ] {
        let said = said_of(SpecClass::Cache, &place, "rm -rf {path}");
        assert!(said.contains("names everything"), "{place}: {said}");
    }
    for place in [
        format!("paths = ['scratch']\n{marked}"),
        format!("{marked}only_contains = ['README.md', 'blobs']\n"),
        "paths = ['*']\nonly_contains = ['README.md', 'blobs']\n".to_owned(),
        "contains = ['CACHEDIR.TAG']\npaths = ['*']\nstarts_with = 'Signature: 8a47'\n".to_owned(),
    ] {
        assert_eq!(said_of(SpecClass::Cache, &place, "rm -rf {path}"), "", "{place}");
    }
}

/// Anybody may have put a program into the finding.
#[test]
fn no_program_of_the_finding_is_run() {
    for command in [
        "python3 {path}",
        "python3 -c {path}",
        "perl -e {path}",
        "python3.11 -B {path}/x.py",
        "python3 -W ignore {path}/x.py",
        "perl -I lib {path}/x.pl",
        "/usr/bin/perl -I{path} tool",
        "node --require {path}/x.js tool",
        "ruby -ne {path}",
        "awk -f {path}",
        "make -C {path} clean",
        "npm --prefix {path} run clean",
        "cargo run --manifest-path {path}/Cargo.toml",
        "tox -c {path}",
        "yarn --cwd {path} clean",
        "pnpm --dir={path} clean",
        "npm x {path}/tool",
        "git -C {path} gc",
        "A=1 nu {path}",
        "PATH={path} tool clean",
        "LD_PRELOAD={path}/x.so tool clean",
        "PYTHONPATH={path} python3 -m tool",
    ] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("runs what is at {path}"), "{command}: {said}");
    }
    for command in [
        "python3 -m tool clean {path}",
        "npm cache clean --force --cache {path}",
        "cargo clean --manifest-path {path}/Cargo.toml",
        "npm ci --cache {path}",
        "python3 /opt/site/clean.py {path}",
        "JULIA_DEPOT_PATH={path} julia /opt/site/gc.jl",
        "TOOL_PATH={path} tool clean",
    ] {
        assert_eq!(said(SpecClass::Cache, command), "", "{command}");
    }
    for command in ["echo rm -rf {path}", "test -d x rm -rf {path}", "flatpak rm -rf {path}"] {
        let said = said(SpecClass::Cache, command);
        assert!(said.contains("begin with the remover"), "{command}: {said}");
    }
}
