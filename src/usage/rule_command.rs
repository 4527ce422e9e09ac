//! Checks of a rule's command and words: people paste them into a shell.

use super::rule_file::{RuleSpec, SpecClass};
use crate::text::is_hostile;

/// Programs whose business is to remove or empty what they are given.
const REMOVERS: [&str; 9] =
    ["rm", "rmdir", "unlink", "find", "truncate", "mv", "shred", "srm", "rimraf"];

/// Programs that read their words as commands again, so a word's quotes are lost.
const READ_AGAIN: [&str; 5] = ["eval", "ssh", "watch", "parallel", "su"];

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];

const PLACEHOLDERS: [&str; 2] = ["{path}", "{parent}"];

/// Checks what a rule tells people to do.
///
/// # Errors
/// A sentence that says what is wrong with the rule.
pub(super) fn check(spec: &RuleSpec) -> Result<(), String> {
    let texts = [("command", &spec.command), ("advice", &spec.advice), ("note", &spec.note)];
    for (key, text) in texts {
        if text.as_ref().is_some_and(|text| text.contains(is_hostile)) {
            return Err(format!("`{key}` has a newline or another invisible character: remove it"));
        }
    }
    let Some(command) = &spec.command else { return Ok(()) };
    if command.trim().is_empty() {
        return Err("`command` is empty: leave the key out".to_owned());
    }
    let narrowed =
        !spec.contains.is_empty() || spec.starts_with.as_ref().is_some_and(|s| !s.is_empty());
    if let Some(path) = spec.paths.iter().find(|path| !narrowed && names_everything(path)) {
        return Err(format!("path `{path}` names everything: a `command` needs a name in it"));
    }
    for part in split(command)? {
        check_part(&part, spec.class)?;
    }
    Ok(())
}

/// True if a path's pattern, or one of its choices in braces, has no letter of its own.
fn names_everything(path: &str) -> bool {
    super::rules::expand_braces(path).iter().any(|path| {
        let mut in_set = false;
        !path.chars().any(|c| {
            in_set = (in_set || c == '[') && c != ']';
            !in_set && !matches!(c, '*' | '?' | '/' | ']' | '.')
        })
    })
}

/// A word of a command, as the shell divides it; its quotes are kept.
type Word = String;

/// Divides a command at the shell's operators, and these parts at blanks.
///
/// # Errors
/// If a placeholder stands where the quotes around the path do not hold, or is unknown.
fn split(command: &str) -> Result<Vec<Vec<Word>>, String> {
    let mut parts = vec![vec![Word::new()]];
    // The ends of the quotes and substitutions that are open.
    let mut open: Vec<char> = Vec::new();
    let mut before = ' ';
    let mut rest = command;
    while let Some(c) = rest.chars().next() {
        let placed = PLACEHOLDERS.iter().find(|name| rest.starts_with(**name));
        if let Some(name) = placed {
            if !open.is_empty() || matches!(before, '\\' | '$') {
                return Err(format!(
                    "{name} is quoted already: use it outside of quotes, `$` and backticks"
                ));
            }
        } else if c == '{' && open.is_empty() && before != '$' {
            check_known(rest)?;
        }
        let taken = placed.map_or(c.len_utf8(), |name| name.len());
        let text = &rest[..taken];
        rest = &rest[taken..];
        let escaped = before == '\\' && open.last() != Some(&'\'');
        let last = parts.last_mut().and_then(|part| part.last_mut());
        let begins = last.as_ref().is_none_or(|word| word.is_empty());
        if open.is_empty() && !escaped && c == '#' && begins {
            return match PLACEHOLDERS.iter().find(|name| rest.contains(**name)) {
                Some(name) => Err(format!("{name} in a comment: a path may have several lines")),
                None => Ok(parts),
            };
        }
        if open.is_empty() && !escaped && matches!(c, ';' | '&' | '|' | '(' | ')' | '<' | '>') {
            // A substitution is one word; a redirection begins another.
            match (c, before) {
                ('(', '$' | '<' | '>') => open.push(')'),
                ('<' | '>', _) => parts.last_mut().into_iter().for_each(|p| p.push(Word::new())),
                _ => parts.push(vec![Word::new()]),
            }
        } else if open.is_empty() && !escaped && c.is_whitespace() {
            parts.last_mut().into_iter().for_each(|part| part.push(Word::new()));
        } else {
            last.into_iter().for_each(|word| word.push_str(text));
            if !escaped {
                nest(&mut open, c, before, placed.is_some());
            }
        }
        before = if escaped { ' ' } else { c };
        if placed.is_some() {
            before = '}';
        }
    }
    if !open.is_empty() {
        return Err("a quote in its `command` is not closed".to_owned());
    }
    for part in &mut parts {
        part.retain(|word| !word.is_empty());
    }
    Ok(parts)
}

/// Notes that `c` opens or closes a quote or a substitution.
fn nest(open: &mut Vec<char>, c: char, before: char, placed: bool) {
    match (open.last().copied(), c) {
        (Some(end), c) if c == end => drop(open.pop()),
        (Some('\''), _) => {}
        (_, '\'') if open.last() == Some(&'"') => {}
        (_, '\'' | '"' | '`') => open.push(c),
        (_, '(') if before == '$' || open.last() == Some(&')') => open.push(')'),
        (_, '{') if before == '$' && !placed => open.push('}'),
        _ => {}
    }
}

/// Checks that what begins with a brace is no placeholder that nothing fills.
fn check_known(rest: &str) -> Result<(), String> {
    let Some((name, _)) = rest[1..].split_once('}') else { return Ok(()) };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_name {
        true => Err(format!("`{{{name}}}` is no placeholder; there are {{path}} and {{parent}}")),
        false => Ok(()),
    }
}

/// Checks one simple command.
fn check_part(words: &[Word], class: SpecClass) -> Result<(), String> {
    let placed = |word: &Word| PLACEHOLDERS.iter().any(|name| word.contains(name));
    let programs: Vec<_> = words.iter().map(|word| program(word)).collect();
    let shell = programs.iter().any(|name| SHELLS.contains(name));
    let as_script = words.windows(2).any(|pair| {
        let flag = &pair[0];
        shell && flag.starts_with('-') && flag.ends_with('c') && placed(&pair[1])
    });
    if let Some(name) = programs.iter().find(|name| READ_AGAIN.contains(name) || as_script)
        && words.iter().any(placed)
    {
        return Err(format!("`{name}` reads the path as a command again: run the tool itself"));
    }
    // A script in quotes is a word of its own.
    let within = |c: char| c.is_whitespace() || "'\"`$(){};&|".contains(c);
    let hidden = |word: &Word| word.split(within).any(|part| REMOVERS.contains(&program(part)));
    let Some(at) = words.iter().position(hidden) else { return Ok(()) };
    let remover = match program(&words[at]) {
        name if REMOVERS.contains(&name) => name,
        _ => "the script",
    };
    if matches!(class, SpecClass::Output | SpecClass::Hint) {
        return Err(format!(
            "`{remover}` removes what may be the only copy: for this class, give an `advice`"
        ));
    }
    if words.iter().any(|word| word.contains("{parent}")) {
        return Err(format!(
            "`{remover}` with {{parent}} can remove a home, or more than the finding: use {{path}}"
        ));
    }
    if !words.iter().any(|word| word == "{path}")
        || words.iter().any(|w| placed(w) && w != "{path}")
    {
        return Err(format!("`{remover}` needs {{path}} as a word of its own"));
    }
    let given = &words[at + 1..];
    let is_option = |word: &Word| word.starts_with('-') || word.parse::<u64>().is_ok();
    let other = match remover {
        "rm" | "rmdir" | "unlink" | "shred" | "srm" | "rimraf" | "truncate" => {
            given.iter().find(|word| *word != "{path}" && !is_option(word))
        }
        "find" => {
            let begins = |word: &&Word| !word.starts_with(['-', '(', '!', '\\']);
            given.iter().take_while(begins).find(|word| *word != "{path}")
        }
        _ => None,
    };
    match other {
        Some(word) => Err(format!("`{remover}` removes `{word}`, too: only {{path}} is a finding")),
        None => Ok(()),
    }
}

/// The name of a program that a word runs.
fn program(word: &str) -> &str {
    let word = word.trim_start_matches('\\');
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(class: SpecClass, command: &str) -> String {
        let rule = "id = 'x'\nclass = 'cache'\npaths = ['x']\n";
        let mut spec: RuleSpec = toml::from_str(rule).expect("the rule is well formed");
        spec.class = class;
        spec.command = Some(command.to_owned());
        spec.check().err().unwrap_or_default()
    }

    #[test]
    fn commands_that_remove_the_finding_are_accepted() {
        for command in [
            "rm -r {path}",
            "sudo rm -rf -- {path}",
            "/bin/rm -r {path} && echo \"it's gone\"",
            "find {path} -name '*.ckpt' -delete",
            "find {path} -type f -exec rm {} +",
            "find {path} -type f -exec rm {} \\;",
            "truncate -s 0 {path}",
            "sh -c 'rm -r \"$1\"' sh {path}",
            "test -e {path} && rm -r {path}",
            "tool --dir={parent} --home ${HOME} {path}",
            "tool $(id -u) {path} # the user's own",
            "TOOL_CACHE={path} tool clean > /dev/null 2>&1",
            "mv {path} /trash/",
        ] {
            assert_eq!(said(SpecClass::Cache, command), "", "{command}");
        }
        assert_eq!(said(SpecClass::Output, "tool archive {path}"), "");
    }

    #[test]
    fn a_placeholder_stands_where_its_quotes_hold() {
        for command in [
            "rm -r \"{path}\"",
            "rm -r '{path}'",
            "sh -c 'rm -r {path}'",
            "tool $(dirname {path})",
            "tool `dirname {path}`",
            "tool \"$(dirname {path})\"",
            "tool \"a\\\"{path}\"",
            "tool ${x:-{path}}",
            "tool \\{path}",
            "tool ${path}",
            "tool \"{parent}\"",
        ] {
            let said = said(SpecClass::Cache, command);
            assert!(said.contains("is quoted already"), "{command}: {said}");
        }
        for command in ["eval rm -r {path}", "ssh host rm -r {path}", "bash -ec {path}"] {
            let said = said(SpecClass::Cache, command);
            assert!(said.contains("reads the path as a command again"), "{command}: {said}");
        }
        assert!(said(SpecClass::Cache, "tool # {path}").contains("in a comment"));
        assert!(said(SpecClass::Cache, "tool {path} 'a").contains("is not closed"));
    }

    #[test]
    fn a_remover_removes_the_finding_and_nothing_else() {
        for command in [
            "rm -r ~/scratch",
            "rm -r {path}*",
            "rm -r {path}/..",
            "rm -r {path}/",
            "rm -r ..{path}",
            "rm -r {path} {path}*",
            "rm -r {path}; rm -r ~/scratch",
            "cd {path} && rm -rf *",
            "sudo -n /usr/bin/find ~ -delete",
            "ls {path} | xargs rm",
            "sh -c 'cd; rm -r x'",
        ] {
            let said = said(SpecClass::Cache, command);
            assert!(said.ends_with("needs {path} as a word of its own"), "{command}: {said}");
        }
        for command in ["rm -r {path} ~/scratch", "rm -r * {path}", "find {path} ~ -delete"] {
            let said = said(SpecClass::Cache, command);
            assert!(said.contains(", too: only {path}"), "{command}: {said}");
        }
        for remover in ["rm -r", "sudo rm -r", "rmdir", "find", "truncate -s 0", "mv", "shred"] {
            let said = said(SpecClass::Cache, &format!("{remover} {{parent}} {{path}}"));
            assert!(said.contains("with {parent} can remove a home"), "{remover}: {said}");
        }
        for class in [SpecClass::Output, SpecClass::Hint] {
            assert!(said(class, "rm -r {path}").contains("the only copy"));
        }
    }

    #[test]
    fn a_command_has_a_place_of_its_own() {
        let everything =
            ["*", "**/*", "*/*", "**/?*", "**/[a-z]*", "**/.*", "a/{b,c}/*", "{a,*}", "*/{x,[y]}"];
        let named = |path: &&str| !names_everything(path);
        let named: Vec<_> = everything.into_iter().filter(named).collect();
        assert_eq!(named, ["a/{b,c}/*"]);
    }
}
