//! Checks of a rule's command, advice and note, which people paste into a shell.
//!
//! The words of a command that contain a path, or that remove something, must be plain: no shell
//! interprets them in any way. So nothing needs parsing. A site that needs more calls its own
//! script.

use super::rule_file::{RuleKind, RuleSpec, SpecClass};
use super::trie::{PLACEHOLDERS, expand_braces};
use crate::text::is_raw;

/// Programs that remove or empty their operands.
const REMOVERS: [&str; 9] =
    ["rm", "rmdir", "unlink", "find", "truncate", "mv", "shred", "srm", "rimraf"];

/// Programs that interpret their words as commands again, so a path loses its quotes, or run one of them,
/// so that a path may be run.
const READ_AGAIN: [&str; 30] = [
    "eval", "ssh", "watch", "parallel", "xargs", "su", "sh", "bash", "dash", "zsh", "ksh", "ash",
    "fish", "csh", "tcsh", "source", "busybox", "env", "exec", "command", "nohup", "time",
    "timeout", "nice", "ionice", "setsid", "stdbuf", "toybox", "chroot", "srun",
];

/// Programs that run what their first word, or an option before it, leads to.
const INTERPRETERS: [&str; 30] = [
    "python", "pypy", "perl", "ruby", "node", "nodejs", "deno", "bun", "php", "lua", "tclsh",
    "julia", "Rscript", "java", "awk", "gawk", "mawk", "sed", "nu", "pwsh", "make", "gmake",
    "ninja", "just", "rake", "ant", "scons", "tox", "nox", "invoke",
];

/// Tools that run programs of the project that one of these options names.
const PROJECT_TOOLS: [&str; 22] = [
    "npm", "npx", "pnpm", "yarn", "bun", "deno", "cargo", "go", "poetry", "pipenv", "uv", "hatch",
    "pdm", "composer", "bundle", "gradle", "mvn", "cmake", "meson", "dotnet", "bazel", "git",
];
const PROJECT_OPTIONS: [&str; 13] = [
    "-C",
    "-d",
    "-f",
    "-p",
    "--build",
    "--cwd",
    "--dir",
    "--directory",
    "--file",
    "--manifest-path",
    "--prefix",
    "--project",
    "--working-dir",
];

/// Variables that name places of programs, beside `LD_PRELOAD` and the like.
const RUN_FROM: [&str; 12] = [
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYLIB",
    "RUBYOPT",
    "NODE_PATH",
    "NODE_OPTIONS",
    "BASH_ENV",
    "CLASSPATH",
];

/// Programs that run a command as root or as somebody else. An owner can put a link where a finding was,
/// so only the owner's own rights may act on it.
const AS_ANOTHER: [&str; 10] = [
    "sudo",
    "sudoedit",
    "doas",
    "pkexec",
    "run0",
    "dzdo",
    "ksu",
    "runuser",
    "setpriv",
    "setuidgid",
];

/// Options of shells and other interpreters after which a word is a program.
const PROGRAM_OPTIONS: [&str; 5] = ["-c", "-e", "-E", "-S", "--eval"];

/// Tests and actions of `find` with which it removes all that the finding counts. `-L` and `-follow`
/// follow links, `-files0-from` reads other paths, tests such as `-mtime` leave a part, and `-mindepth`
/// leaves the directory itself.
const FIND: [&str; 3] = ["-xdev", "-print", "-delete"];

const PLACEHOLDER: &str = "{path}";

/// Checks the command, advice and note of a rule.
pub(super) fn check(spec: &RuleSpec) -> Result<(), String> {
    let texts = [("command", &spec.command), ("advice", &spec.advice), ("note", &spec.note)];
    for (key, text) in texts {
        if text.as_ref().is_some_and(|text| !is_raw(text)) {
            return Err(format!("`{key}` has a newline or another invisible character: remove it"));
        }
    }
    let Some(command) = &spec.command else { return Ok(()) };
    if command.trim().is_empty() {
        return Err("`command` is empty: leave the key out".to_owned());
    }
    check_place(spec)?;
    let mut parts = command.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    if let Some(part) = parts.find(|part| AS_ANOTHER.contains(part)) {
        return Err(format!(
            "`{part}` runs it with other rights: an owner could lead it elsewhere by a link, so a command \
             is for owners to run as themselves"
        ));
    }
    let words = plain_words(command)?;
    if let Some(word) = words.iter().find(|word| word.split('/').any(|part| part == "..")) {
        return Err(format!("`{word}` leads out of the finding: only {{path}} is one"));
    }
    let is_program = |word: &&str, programs: &[&str]| programs.contains(&program(word));
    // `.` is a program only as the first word.
    let reads_again = words.iter().find(|word| is_program(word, &READ_AGAIN));
    if let Some(word) = words.first().filter(|word| **word == ".").or(reads_again) {
        return Err(format!("`{word}` reads a path as a command again: run the tool itself"));
    }
    // Of a shell, which takes any other word before the program for the program.
    let is_setting = |word: &&&str| {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(of_name))
    };
    let first = words.iter().position(|word| !is_setting(&word)).unwrap_or(words.len());
    if words.get(first).is_some_and(|word| word.contains(PLACEHOLDER)) {
        return Err("it runs what is at {path}: begin with a program".to_owned());
    }
    check_run(&words[..first], &words[first..])?;
    let mut pairs = words.windows(2);
    if let Some(pair) =
        pairs.find(|pair| PROGRAM_OPTIONS.contains(&pair[0]) && pair[1] == PLACEHOLDER)
    {
        return Err(format!("`{}` may read the path as a program: run the tool itself", pair[0]));
    }
    match words.iter().position(|word| is_program(word, &REMOVERS)) {
        Some(at) if at > first => Err(format!(
            "`{}` decides what `{}` does: begin with the remover",
            words[first], words[at]
        )),
        Some(at) => check_remover(&words[at..], &words, spec),
        None => Ok(()),
    }
}

/// Checks that something of the tool's own tells the directories of a command from others: names in the path,
/// the complete listing, or the first bytes of a marker.
fn check_place(spec: &RuleSpec) -> Result<(), String> {
    let everything = |names: &[String]| names.iter().find(|name| names_everything(name)).cloned();
    if spec.starts_with.as_ref().is_some_and(|start| !start.is_empty()) {
        return Ok(());
    }
    let path = everything(&spec.paths);
    if path.is_none() && !spec.paths.is_empty() {
        return Ok(());
    }
    match (path, everything(&spec.only_contains)) {
        (_, None) if !spec.only_contains.is_empty() => Ok(()),
        (None, None) => Ok(()),
        (_, Some(name)) => Err(format!(
            "`{name}` in `only_contains` names everything: a `command` needs names of the tool's own"
        )),
        (Some(path), None) => {
            Err(format!("path `{path}` names everything: a `command` needs a name in it"))
        }
    }
}

/// Checks that a program, with the variables before it, runs nothing that is in the finding.
fn check_run(settings: &[&str], words: &[&str]) -> Result<(), String> {
    let leads_there = |word: &str| word.contains(PLACEHOLDER);
    for setting in settings.iter().filter(|setting| leads_there(setting)) {
        let name = setting.split('=').next().unwrap_or_default();
        if RUN_FROM.contains(&name) || name.starts_with("LD_") || name.starts_with("DYLD_") {
            return Err(format!("`{name}` runs what is at {{path}}: leave it out"));
        }
    }
    let Some((interpreter, words)) = words.split_first() else { return Ok(()) };
    // `cargo clean` runs nothing of the project.
    let is_harmless = program(interpreter) == "cargo" && words.first() == Some(&"clean");
    if PROJECT_TOOLS.contains(&program(interpreter)) && !is_harmless {
        let pairs = words.windows(2).map(|pair| (pair[0], pair[1]));
        let mut pairs = pairs.chain(words.iter().filter_map(|word| word.split_once('=')));
        let names_project =
            |(option, place): (&str, &str)| PROJECT_OPTIONS.contains(&option) && leads_there(place);
        let runs = |word: &&str| ["run", "x", "dlx"].contains(word);
        if pairs.any(names_project)
            || words.iter().any(runs) && words.iter().any(|word| leads_there(word))
        {
            return Err(format!("`{interpreter}` runs what is at {{path}}: run the tool itself"));
        }
    }
    let versionless =
        program(interpreter).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !INTERPRETERS.contains(&versionless) {
        return Ok(());
    }
    let of_program = match words.first() {
        Some(&"-m") => words.len().min(2),
        // A word after an option may be its value, and any word after that the program.
        Some(option) if option.starts_with('-') => words.len(),
        _ => words.len().min(1),
    };
    match words[..of_program].iter().any(|word| leads_there(word)) {
        true => Err(format!("`{interpreter}` runs what is at {{path}}: run the tool itself")),
        false => Ok(()),
    }
}

/// True if a pattern, or one of its choices in braces, has no name of its own: one letter among wildcards is
/// none. A placeholder stands for any name of its kind.
fn names_everything(path: &str) -> bool {
    expand_braces(path).iter().any(|path| {
        let placeholders = PLACEHOLDERS.iter().map(|(spelled, _)| *spelled);
        let path = placeholders.fold(path.clone(), |path, spelled| path.replace(spelled, "*"));
        let mut in_set = false;
        let is_own = |c: &char| {
            in_set = (in_set || *c == '[') && *c != ']';
            !in_set && !matches!(*c, '*' | '?' | '/' | ']' | '.')
        };
        let own = path.chars().filter(is_own).count();
        own == 0 || own == 1 && path.trim_start_matches("**/").contains(['*', '?', '['])
    })
}

/// Returns the words of a command that contains a path or removes something; empty for any other
/// command.
///
/// # Errors
/// If the shell would interpret part of the command.
fn plain_words(command: &str) -> Result<Vec<&str>, String> {
    let text = command.replace(PLACEHOLDER, "");
    if let Some(name) = unknown_placeholder(&text) {
        return Err(format!("`{{{name}}}` is no placeholder; there is {{path}}"));
    }
    let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    if text == command && !parts.any(|part| REMOVERS.contains(&part)) {
        return Ok(Vec::new());
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_./=:,+@%".contains(c);
    match text.chars().find(|c| !is_plain(*c)) {
        None => Ok(command.split(' ').filter(|word| !word.is_empty()).collect()),
        Some(c) => Err(format!(
            "`{c}` has a meaning for the shell: {{path}} is quoted already, so write plain words, or \
             call a script"
        )),
    }
}

/// Returns the name of an unknown placeholder in braces.
fn unknown_placeholder(text: &str) -> Option<&str> {
    let mut names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    names.find_map(|(name, _)| is_name(name).then_some(name))
}

/// Checks a remover with its words, as part of all `words` of a rule's command.
fn check_remover(given: &[&str], words: &[&str], spec: &RuleSpec) -> Result<(), String> {
    let remover = program(given[0]);
    if matches!(spec.class, SpecClass::Output | SpecClass::Hint) {
        return Err(format!(
            "`{remover}` removes what may be the only copy: for this class, give an `advice`"
        ));
    }
    if let Some(why) = frees_nothing(given, spec.kind) {
        return Err(why);
    }
    let place = given.iter().position(|word| *word == "{path}");
    let Some(place) =
        place.filter(|_| !words.iter().any(|w| *w != "{path}" && w.contains("{path}")))
    else {
        return Err(format!("`{remover}` needs {{path}} as a word of its own"));
    };
    // The tests of `find` follow the path.
    let after = &given[place + 1..];
    let operands = match remover {
        "find" if after.first().is_none_or(|word| word.starts_with('-')) => &given[1..place],
        _ => &given[1..],
    };
    let follows = |word: &&&str| word.starts_with('-') && !FIND.contains(*word);
    if remover == "find"
        && let Some(word) = given[1..].iter().find(follows)
    {
        return Err(format!(
            "`{word}` of `find` may lead elsewhere, or leave a part of what is counted: call a script"
        ));
    }
    if remover == "find" && given[1..place].iter().any(|word| word.starts_with('-')) {
        return Err("`find` takes {path} before its tests".to_owned());
    }
    let elsewhere = |word: &&&str| {
        remover == "truncate" && (word.starts_with("-r") || word.starts_with("--ref"))
    };
    if let Some(word) = given[1..].iter().find(elsewhere) {
        return Err(format!("`{word}` of `{remover}` acts on more than {{path}}: leave it out"));
    }
    // The `0` of `truncate -s 0`.
    let is_size = |at: usize, word: &str| {
        let after_option = at.checked_sub(1).is_some_and(|at| operands[at] == "-s");
        remover == "truncate" && after_option && word.parse::<u64>().is_ok()
    };
    // A lone dash is a file's name.
    let is_option = |at, word: &str| word.len() > 1 && word.starts_with('-') || is_size(at, word);
    let ends = operands.iter().position(|word| *word == "--").unwrap_or(operands.len());
    let is_operand =
        |(at, word): &(usize, &&str)| **word != "{path}" && (!is_option(*at, word) || *at > ends);
    match operands.iter().enumerate().find(is_operand).map(|(_, word)| word) {
        Some(word) => Err(format!("`{remover}` removes `{word}`, too: only {{path}} is a finding")),
        None => Ok(()),
    }
}

/// Says why a remover with its words does not free what its finding counts, a directory or a file, if it
/// does not.
fn frees_nothing(given: &[&str], kind: RuleKind) -> Option<String> {
    let (remover, given) = (program(given[0]), &given[1..]);
    let has = |words: &[&str]| given.iter().any(|word| words.contains(word));
    let begins = |start: &str| given.iter().any(|word| word.starts_with(start));
    let letters = |word: &&&str| word.starts_with('-') && !word.starts_with("--");
    let has_letter =
        |letter: &[char]| given.iter().filter(letters).any(|word| word.contains(letter));
    let of_dir = kind == RuleKind::Dir;
    let why = match remover {
        "rm" | "srm" if of_dir && !has_letter(&['r', 'R']) && !has(&["--recursive"]) => {
            "leaves directories without `-r`"
        }
        "rm" | "srm" if has_letter(&['i', 'I']) || begins("--i") => {
            "asks first, and takes the next line that is pasted for the answer"
        }
        "unlink" | "truncate" | "shred" if of_dir => "leaves directories",
        "shred" if !has_letter(&['u']) && !begins("--remove") => "removes nothing without `-u`",
        "rimraf" => "takes a name that is gone for a pattern, and removes what matches",
        "mv" => "moves the finding, which frees nothing",
        "rmdir" => "removes only what is empty",
        "find" if has(&["-mindepth"]) => "leaves the directory itself with `-mindepth`",
        "find" if !has(&["-delete"]) => "removes nothing without `-delete`",
        "truncate" if !empties(given) => "empties a file only with `-s 0`",
        // Programs take the beginning of an option for it.
        _ if given.iter().any(|word| {
            word.len() > 2 && ["--help", "--version"].iter().any(|text| text.starts_with(word))
        }) =>
        {
            "only prints a text"
        }
        _ => return None,
    };
    Some(format!("`{remover}` {why}: the command must remove what is counted, or call a script"))
}

/// True if the words of `truncate` set the size to 0 once.
fn empties(given: &[&str]) -> bool {
    let at_once = |word: &&&str| word.starts_with("-s") || word.starts_with("--s");
    let sizes: Vec<&&str> = given.iter().filter(at_once).collect();
    match *sizes {
        [&"-s"] => given.windows(2).any(|pair| pair == ["-s", "0"]),
        [size] => matches!(*size, "-s0" | "--size=0"),
        _ => false,
    }
}

/// Returns the name of the program in a word.
fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests;
