//! Hostile names and paths.

use efs_scan::pages::Pages;

use super::markup::check_markup;
use super::{invented, start};
use efs_scan::history::History;
use efs_scan::text::lossy;
use efs_scan_testbed::ODD_NAME;
use proptest::prelude::*;

pub(super) const NAMES: [&[u8]; 7] = [
    b"<script>alert(1)</script>",
    ODD_NAME,
    b"\"><img src=x onerror=alert(1)>",
    b"' onmouseover='alert(1)",
    b"</title></style></script><b>",
    b"&lt;b&gt;&#x3c;",
    "\u{202e}gnp.exe\r\n\x1b[2J".as_bytes(),
];

/// Renders the page of all homes and a page of one home, with `name` as every text.
pub(crate) fn pages_of(name: &[u8]) -> [String; 2] {
    let (text, base64) = lossy(name);
    let mut report = invented::report(3, start(), 0.0);
    let mut home = report.homes.get(0).unwrap();
    (home.name, home.name_base64) = (text.clone(), base64.clone());
    home.owner.name = Some(text.clone());
    let inside = lossy(&[name, b"/", name].concat());
    for finding in &mut home.findings {
        (finding.path, finding.path_base64) = inside.clone();
        finding.command = Some(format!("rm -rf {}", efs_scan::text::shell_word(name)));
        finding.rule.clone_from(&text);
    }
    for dir in &mut home.largest_dirs {
        (dir.path, dir.path_base64) = inside.clone();
    }
    for file in &mut home.largest_files {
        (file.path, file.path_base64) = inside.clone();
    }
    let uid = home.uid.unwrap();
    report.homes.change(0, |first| *first = home);
    (report.run.root, report.run.root_base64) = (text.clone(), base64);
    report.run.names = vec![text.clone()];
    report.run.engine.clone_from(&text);
    for rule in &mut report.rules {
        rule.rule.clone_from(&text);
        rule.note = Some(text.clone());
    }
    let history = History::default();
    let pages = Pages::new(&report, &history, start());
    [pages.overview(), pages.of_user(uid).unwrap()].map(|page| page.to_string())
}

/// Returns the texts of a page without the program's own.
pub(crate) fn check(page: &str) {
    check_markup(page);
    let style = super::markup::only(page, "style");
    let script = super::markup::only(page, "script");
    let page = page.replace(style, "").replace(script, "");
    let hostile = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!page.contains(hostile), "{:?}", page.chars().find(|c| hostile(*c)));
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    for name in NAMES {
        for page in pages_of(name) {
            check(&page);
        }
    }
    let [page, _] = pages_of(NAMES[0]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let [page, _] = pages_of(ODD_NAME);
    assert!(page.contains("a\\xff\\n,&lt;b&gt;&quot;</bdi>"));
    let [page, _] = pages_of(NAMES[6]);
    assert!(page.contains("\\u{202e}gnp.exe\\r\\n\\x1b[2J"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_name_breaks_a_page(name in proptest::collection::vec(any::<u8>(), 1..60)) {
        for page in pages_of(&name) {
            check(&page);
        }
    }
}
