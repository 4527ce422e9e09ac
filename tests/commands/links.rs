//! Checks links between the project's documents: the files exist, and so do the headings that the
//! links name.

use std::path::{Path, PathBuf};

const FOLDERS: [&str; 5] = ["", "benches", "deploy", "deploy/docs", "tests"];

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = FOLDERS.iter().map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let files = folders.flatten().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "md")).collect()
}

/// Returns the lines of a document without its code blocks.
fn prose(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced && !line.starts_with("    ")
    });
    lines.map(str::to_owned).collect()
}

/// Returns the targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).map(|rest| rest.split(')').next().unwrap())
}

/// Returns the fragments of a document's headings, as hosting services make them.
fn fragments(path: &Path) -> Vec<String> {
    let lines = prose(path).into_iter().filter(|line| line.starts_with('#'));
    let titles = lines.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    titles.map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let lines = prose(&document);
        for link in lines.iter().flat_map(|line| links(line)).filter(|link| !link.contains("://")) {
            seen += 1;
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            let found = target.exists()
                && (fragment.is_empty() || fragments(&target).iter().any(|it| it == fragment));
            if !found {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(seen > 0, "no link was looked at");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
