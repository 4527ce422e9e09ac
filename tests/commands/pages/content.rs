//! The pages show what the report says, and users' pages no more than users may see.

use efs_scan::history::History;
use efs_scan::pages::Pages;
use efs_scan::report::{Coverage, OwnerStatus, Quota, Report};
use efs_scan::units::AllocatedBytes;
use efs_scan::usage::Class;
use jiff::SignedDuration;

use super::{grown, history, invented, start};

/// Returns the text of a page without markup.
fn text(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0;
    let mut out = String::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let (tag, after) = after.split_once('>').unwrap();
        // Inline elements do not separate words.
        let inline = ["bdi", "/bdi", "wbr", "b", "/b", "b ", "span", "/span", "small", "/small"];
        if !inline.iter().any(|name| tag.split(' ').next() == Some(name)) {
            out.push('\n');
        }
        rest = after;
    }
    out + rest
}

fn page(report: &Report, history: &History) -> String {
    Pages::new(report, history, report.run.finished).overview().to_string()
}

#[test]
fn the_figures_match_the_report() {
    let (report, history) = grown(40, 30);
    let page = page(&report, &history);
    let text = text(&page);
    let total = report.totals.allocated_bytes;
    let day = history.runs.len() - 2;
    let grew = total.0 - history.runs[day].total.unwrap().0;
    let money = report.money.as_ref().unwrap();
    let orphans = report.orphans.unwrap();
    for figure in [
        total.human(),
        format!("1 day +{}", AllocatedBytes(grew).human()),
        format!("{:.2} USD a month", money.month.0),
        money.reclaimable.share.allocated_bytes.human(),
        format!("{} over quota", report.over_quota().count()),
        format!("{} homes with {}", orphans.homes, orphans.usage.allocated_bytes.human()),
        report.file_system.as_ref().unwrap().efs.unwrap().value.human(),
    ] {
        assert!(text.contains(&figure), "{figure}");
    }
    for home in report.homes.iter() {
        let row = format!("data-v=\"{}\">", home.usage.allocated_bytes.0);
        assert!(page.contains(&row), "{}", home.name);
    }
    let mut findings: Vec<_> = report.homes.iter().flat_map(|home| home.findings).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.frees.allocated_bytes));
    for finding in &findings[..100] {
        let how = finding.command.as_ref().or(finding.advice.as_ref()).unwrap();
        assert!(text.contains(&finding.path) && text.contains(how), "{}", finding.path);
    }
    assert!(!text.contains(&findings[100].path), "the 101st");
    for home in report.homes.iter().filter(|home| home.owner.status == OwnerStatus::Orphan) {
        assert!(text.contains(&format!("{} orphan", home.name)), "{}", home.name);
    }
}

#[test]
fn unknown_figures_are_not_shown() {
    let at = |days: i64| start() - SignedDuration::from_hours(24 * days);
    let mut runs: Vec<Report> =
        (0..=8).rev().map(|day| invented::report(3, at(day), 8.0 - day as f64)).collect();
    // The newest run could not read one home, so that home looks much smaller.
    let newest = runs.last_mut().unwrap();
    newest.run.coverage = Coverage::Partial;
    newest.errors.count = 7;
    newest.homes.change(0, |home| home.coverage = Coverage::Partial);
    let newest = newest.clone();
    let history = history(&runs);
    let page = page(&newest, &history);
    let text = text(&page);
    assert!(text.contains("Partial. Not everything could be read (7 errors)"), "{text}");
    assert!(text.contains("change is not known"), "{text}");
    assert!(text.contains("1 of 9 runs not complete"), "{text}");
    let row = page.split("<tr").find(|row| row.contains("<bdi>ada</bdi>") && row.contains("bars"));
    let row = row.unwrap();
    assert!(row.contains(">partial</span>"), "{row}");
    assert_eq!(row.matches("<td class=\"n\">–</td>").count(), 2, "{row}");

    let mut report = newest;
    report.run.coverage = Coverage::Interrupted;
    report.orphans = None;
    report.money = None;
    report.file_system = None;
    report.homes.update(|home| {
        home.quota = None;
        home.cost_month = None;
        home.reclaimable = None;
        home.findings.iter_mut().for_each(|finding| finding.cost_month = None);
    });
    for group in &mut report.groups {
        (group.quota, group.cost_month) = (None, None);
    }
    let page = Pages::new(&report, &History::default(), start()).overview();
    let text = self::text(&page);
    for said in [
        "Interrupted. The run ended before",
        "not known",
        "no quota is set",
        "No earlier run is published to compare with",
        "no source of names claims to know everybody",
    ] {
        assert!(text.contains(said), "{said}");
    }
    assert!(!text.contains("USD") && !text.contains("Quota"), "{text}");
}

#[test]
fn gone_homes_and_left_out_runs_are_named() {
    let (mut report, mut history) = grown(4, 9);
    let stay = report.homes.iter().enumerate().filter(|(at, _)| *at != 3);
    report.homes = stay.map(|(_, home)| home).collect();
    history.homes[3].gone = true;
    *history.homes[3].points.last_mut().unwrap() = None;
    history.not_comparable = vec!["20261101T020000.000000Z".to_owned()];
    history.unreadable = vec!["20261102T020000.000000Z".to_owned(); 2];
    let text = text(&page(&report, &history));
    let size = history.homes[3].points[8].unwrap().human();
    assert!(text.contains(&format!("200022 (dmitri), {size} on 2026-11-23")), "{text}");
    assert!(text.contains("1 earlier run of another scope left out"));
    assert!(text.contains("2 earlier runs left out because they could not be read"));
}

#[test]
fn a_run_of_a_moment_ago_is_not_yesterdays() {
    let (report, mut history) = grown(3, 1);
    history.runs[0].started = history.runs[1].started - SignedDuration::from_hours(11);
    assert!(text(&page(&report, &history)).contains("change is not known"));
    history.runs[0].started = history.runs[1].started - SignedDuration::from_hours(13);
    assert!(text(&page(&report, &history)).contains("1 day +"));
}

#[test]
fn reclaimable_is_the_same_with_and_without_prices() {
    let (mut report, history) = grown(3, 1);
    let whole = |report: &Report| {
        let reclaimable: u64 = report
            .rules
            .iter()
            .filter(|rule| !rule.hint && matches!(rule.class, Class::Trash | Class::Cache))
            .map(|rule| rule.frees.allocated_bytes.0)
            .sum();
        AllocatedBytes(reclaimable).human()
    };
    // Links elsewhere keep half of the bytes from being freed.
    for rule in &mut report.rules {
        rule.frees.allocated_bytes.0 /= 2;
    }
    let frees = whole(&report);
    assert!(text(&page(&report, &history)).contains(&format!("Reclaimable, at most\n\n{frees}\n")));
    report.money = None;
    assert!(text(&page(&report, &history)).contains(&format!("Reclaimable, at most\n\n{frees}\n")));
}

/// The bytes above the quota may be in directories that this run did not read: the bar says little, and the
/// forecast a lot.
#[test]
fn a_home_that_was_over_its_quota_before_it_was_read_in_part_says_so() {
    let (mut report, mut history) = grown(3, 10);
    let limit_bytes = AllocatedBytes(1 << 20);
    let says = |report: &Report, history: &History| {
        text(&page(report, history)).contains("by an earlier run")
    };
    report.homes.change(0, |home| {
        home.quota = Some(Quota { limit_bytes, used_percent: 100.0, over: false });
    });
    // A home that is just full is no such home.
    history.homes[0].points.iter_mut().flatten().for_each(|size| *size = limit_bytes);
    assert!(!says(&report, &history));
    report.homes.change(0, |home| {
        home.coverage = Coverage::Partial;
        home.quota = Some(Quota { limit_bytes, used_percent: 12.0, over: false });
    });
    assert!(says(&report, &history));
}

#[test]
fn only_commands_are_offered_for_copying() {
    let (report, history) = grown(3, 1);
    let page = page(&report, &history);
    let advice = "run `hf cache ls`, then `hf cache rm` for what is not needed";
    assert!(page.contains(&format!("<span>{advice}</span>")), "advice is missing");
    let copied: Vec<&str> = page.split("<code class=\"cmd\">").skip(1).collect();
    assert!(copied.iter().any(|text| text.starts_with("pip cache purge<")));
    assert!(!copied.iter().any(|text| text.starts_with(advice)));
}

#[test]
fn commands_for_users_have_the_path_at_which_they_see_their_home() {
    let (report, history) = grown(3, 1);
    let first = report.homes.get(0).unwrap();
    let uid = first.uid.unwrap();
    let root = format!("rm -rf {}/{}/", report.run.root, first.name);
    let pages = Pages::new(&report, &history, start());
    assert!(pages.of_user(uid).unwrap().contains(&root));
    let pages = pages.seen_at(Some("/home/me/efs dir".as_ref()));
    let page = pages.of_user(uid).unwrap();
    assert!(page.contains("rm -rf '/home/me/efs dir/.local/share/Trash'"), "{page}");
    // Two domains show their homes at one path.
    let of = format!("your home on <bdi>{}</bdi>", report.file_system_key());
    assert!(page.contains(&of), "{page}");
    assert!(!page.contains(&root));
    // Administrators see paths of this machine.
    assert!(pages.overview().contains(&root));
}

#[test]
fn old_figures_say_so() {
    let (report, history) = grown(3, 2);
    let at = |hours: i64| report.run.finished + SignedDuration::from_hours(hours);
    let stale = |now| {
        let page = Pages::new(&report, &history, now).overview();
        let banner = page.split("<p class=\"banner stale\"").nth(1).unwrap();
        !banner.split('>').next().unwrap().contains("hidden")
    };
    assert!(!stale(at(35)));
    assert!(stale(at(37)));
    let page = Pages::new(&report, &history, at(37)).overview();
    assert!(page.contains("37 h ago"));
}

#[test]
fn a_page_of_a_run_from_the_future_says_so() {
    let (report, history) = grown(1, 1);
    let says = |minutes: i64| {
        let now = report.run.finished - SignedDuration::from_mins(minutes);
        Pages::new(&report, &history, now).overview().contains("From the future.")
    };
    assert!(!says(0) && !says(5), "clocks differ by minutes");
    assert!(says(6));
}

#[test]
fn a_page_of_a_user_holds_nothing_of_others() {
    let (mut report, history) = grown(40, 30);
    // A file linked into another user's home is shown by its path there.
    let other = report.homes.get(1).unwrap().largest_files[0].clone();
    report.homes.change(0, |home| home.largest_files.push(other));
    let pages = Pages::new(&report, &history, start());
    for home in report.homes.iter() {
        let Some(uid) = home.uid else { continue };
        let page = pages.of_user(uid).unwrap();
        let (_, body) = page.split_once("</style>").unwrap();
        let (body, _) = body.split_once("<script>").unwrap();
        for finding in &home.findings {
            assert!(text(&page).contains(&finding.path), "{}", finding.path);
        }
        assert!(body.contains(&home.usage.allocated_bytes.human()));
        for other in report.homes.iter().filter(|other| other.uid != home.uid) {
            let name = other.owner.name.as_deref().unwrap_or(&other.name);
            let is_word = |at: usize| {
                let end = at + name.len();
                let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-');
                !part(body[..at].chars().next_back()) && !part(body[end..].chars().next())
            };
            let named = body.match_indices(name).any(|(at, _)| is_word(at));
            assert!(!named, "{name} on the page of {uid}");
            assert!(!body.contains(&other.name), "{} on the page of {uid}", other.name);
        }
        // Totals over all homes are not shown to users.
        for total in [report.totals.allocated_bytes.human(), report.totals.files.to_string()] {
            assert!(!body.contains(&total), "{total} on the page of {uid}");
        }
    }
    assert_eq!(pages.of_user(1), None);
}
