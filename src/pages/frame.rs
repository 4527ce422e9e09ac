//! Frame of every page: the head with its Content-Security-Policy, and banners that show how
//! complete and how old the figures are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::words::{ago, many, time};
use crate::published::{FILE_SYSTEM_META, OLD, RUN_META, is_future, is_old};
use crate::report::{Coverage, Report};
use crate::text::Shown;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The parts of a page.
pub(super) struct Frame<'a> {
    /// Names and contents of `<meta>` elements that a later publisher reads.
    pub(super) meta: &'a [(&'a str, &'a str)],
    pub(super) title: &'a str,
    /// What stands below the title.
    pub(super) head: Markup,
    pub(super) body: &'a Markup,
    /// The beginning of the footer.
    pub(super) by: String,
}

/// Makes a page of a run with this title and body, and with the coverage and errors of its homes.
pub(super) fn page(
    report: &Report,
    now: Timestamp,
    (coverage, errors): (Coverage, u64),
    (title, body): (&str, &Markup),
) -> Shown {
    let run = &report.run;
    let head = html! {
        p.run {
            "Scan finished " (time(run.finished)) ", "
            b data-ago=(run.finished) { (age(run.finished, now)) }
            ", " (coverage.name()) "."
        }
        (banners(report, now, coverage, errors))
    };
    let by = format!("efs-scan {}, run {}.", run.version, run.id);
    let of = report.file_system_key().to_string();
    let meta = [(RUN_META, &*run.id), (FILE_SYSTEM_META, &of)];
    Frame { meta: &meta, title, head, body, by }.page()
}

impl Frame<'_> {
    pub(super) fn page(&self) -> Shown {
        let Self { meta, title, head, body, by } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    @for (name, content) in *meta { meta name=(name) content=(content); }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    meta name="robots" content="noindex";
                    // Without this, browsers request an icon from the server.
                    link rel="icon" href="data:,";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { (title) }
                        (head)
                    }
                    main { (body) }
                    footer { p {
                        (by) " Sizes are allocated sizes, as " code { "du" } " counts them, in powers \
                        of 1024, unless stated otherwise. Owners decide about findings: efs-scan \
                        deletes nothing."
                    } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        Shown::lines(page.into_string())
    }
}

/// Returns a policy that allows no request, frame or form, and only this style and this script.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Formats the age of a run.
pub(super) fn age(finished: Timestamp, now: Timestamp) -> String {
    match is_future(finished, now) {
        true => "in the future".to_owned(),
        false => format!("{} ago", ago(now.duration_since(finished).as_secs())),
    }
}

fn banners(report: &Report, now: Timestamp, coverage: Coverage, errors: u64) -> Markup {
    let finished = report.run.finished;
    let (old, future) = (is_old(finished, now), is_future(finished, now));
    html! {
        @match coverage {
            Coverage::Complete => {},
            Coverage::Partial => p.banner { b { "Partial. " }
                "Not everything could be read (" (many(errors, "error", "errors")) "): sizes are \
                lower bounds, and some changes are not known." },
            Coverage::Interrupted => p.banner { b { "Interrupted. " }
                "The run ended before it had seen everything: homes and files that are missing here \
                may exist." },
        }
        // The script shows the banner once the figures are old.
        p.banner.stale hidden[!old] data-stale=(finished) { b { "Stale. " }
            "These figures are more than " (OLD.as_hours()) " hours old: the daily \
            scan may not be running, or this is a copy of an earlier page." }
        @if future {
            p.banner { b { "From the future. " } "The run finished after this page was made: a \
                clock is or was wrong, and runs from before that time do not show." }
        }
        @if !report.run.users.is_empty() {
            p.banner { b { "Some homes only. " } "The scan was restricted to some users." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OLD, SCRIPT};

    #[test]
    fn the_script_has_the_age_of_old_figures() {
        assert!(SCRIPT.contains(&format!("const stale = {} * 3600;", OLD.as_hours())));
    }
}
