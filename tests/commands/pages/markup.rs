//! The HTML file: well-formed, self-contained, and within its size limit.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use efs_scan::pages::Pages;
use efs_scan::published::run_of_page;
use sha2::{Digest, Sha256};

use super::{grown, start};

/// Elements without an end tag (HTML standard, "void elements").
const VOID: [&str; 5] = ["meta", "link", "input", "wbr", "br"];

/// Returns the text between `<name>` and `</name>`, which occur once.
pub(crate) fn only<'a>(page: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    assert_eq!(page.matches(&format!("<{name}")).count(), 1, "<{name}> is there once");
    let (_, after) = page.split_once(&open).unwrap();
    after.split_once(&close).unwrap().0
}

/// Checks that every element ends where it should, and that no attribute contains styles or
/// scripts.
pub(crate) fn check_markup(page: &str) {
    let (style, script) = (only(page, "style"), only(page, "script"));
    let page = page.replace(style, "").replace(script, "");
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "<{tag}>");
        // Outside quotes: a value may look like an attribute.
        let outside = tag.split('"').step_by(2).flat_map(|part| part.split(' ')).skip(1);
        for name in outside.map(|attribute| attribute.trim_end_matches('=')) {
            let active = name == "style" || name == "src" || name == "srcset" || name == "srcdoc";
            assert!(!active && !name.starts_with("on"), "<{tag}>");
            assert!(name != "href" || is_harmless(tag), "<{tag}>");
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

/// True for the icon that needs no request, and for a link to the page of a file system beside the page.
fn is_harmless(tag: &str) -> bool {
    let page = tag.strip_prefix("a href=\"").and_then(|tag| tag.strip_suffix("/latest.html\""));
    let is_key = |key| efs_scan::report::FileSystemKey::new(key).is_ok();
    tag == "link rel=\"icon\" href=\"data:,\"" || page.is_some_and(is_key)
}

/// Checks that the page requests nothing, and that its Content-Security-Policy holds.
fn check_alone(page: &str) {
    let (style, script) = (only(page, "style"), only(page, "script"));
    for address in ["http:", "https:", "//", "ws:", "@import", "url("] {
        for text in [style, &page.replace(style, "").replace(script, "")] {
            assert!(!text.contains(address), "{address}");
        }
    }
    for call in
        ["fetch(", "XMLHttp", "import(", "innerHTML", "outerHTML", "insertAdjacent", "eval("]
    {
        assert!(!script.contains(call), "{call}");
    }
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    );
    let content = policy.replace('\'', "&#39;");
    let meta =
        |policy: &str| format!("http-equiv=\"Content-Security-Policy\" content=\"{policy}\"");
    let there = page.find(&meta(&policy)).or_else(|| page.find(&meta(&content)));
    // Before anything that it applies to.
    assert!(there.unwrap() < page.find("<style>").unwrap());
}

#[test]
fn pages_are_well_formed_and_stand_alone() {
    for homes in [0, 1, 3, 40] {
        let (report, history) = grown(homes, 30);
        let pages = Pages::new(&report, &history, start());
        let users = pages.uids().into_iter().map(|uid| pages.of_user(uid).unwrap());
        let all = std::iter::once(pages.overview()).chain(users);
        let all: Vec<String> = all.map(|page| page.to_string()).collect();
        assert_eq!(all.len(), homes + 1);
        for page in all {
            check_markup(&page);
            check_alone(&page);
            assert_eq!(run_of_page(page.as_bytes()), Some(&*report.run.id));
        }
    }
}

#[test]
fn a_thousand_homes_are_under_2_mb() {
    let (report, history) = grown(1000, 90);
    let page = Pages::new(&report, &history, start()).overview();
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    check_markup(&page);
    // In one pass over the page, which takes an unoptimised program long enough.
    let named: HashSet<&str> =
        page.split("<bdi>").skip(1).filter_map(|after| after.split("</bdi>").next()).collect();
    for home in report.homes.iter() {
        assert!(named.contains(&*home.name), "{}", home.name);
    }
}
