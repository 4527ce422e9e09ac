//! Bars in tables, drawn as SVG because a strict Content-Security-Policy refuses `style`
//! attributes. Each bar repeats the figure beside it, so screen readers skip it.

use std::fmt::Write;

use maud::{Markup, html};

use crate::report::{ByClass, Quota};
use crate::usage::Class;

/// Draws a bar of the classes. Its length is the whole relative to `longest`.
pub(super) fn classes(by_class: &ByClass, longest: u64) -> Markup {
    let scale = 100.0 / longest.max(1) as f64;
    let mut at = 0.0;
    let shares = by_class.shares();
    let parts: Vec<(Class, f64, f64)> = Class::ALL
        .into_iter()
        .zip(shares)
        .map(|(class, share)| {
            let from = at;
            at += share.allocated_bytes.0 as f64 * scale;
            (class, from, at - from)
        })
        .filter(|(_, _, wide)| *wide >= 0.05)
        .collect();
    html! {
        svg.bar viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" {
            @for (class, from, wide) in parts { path class=(class.name()) d=(block(from, wide)) {} }
        }
    }
}

/// Draws a bar of the used part of a quota. The colour changes at 80 % and above 100 %.
pub(super) fn quota(quota: &Quota) -> Markup {
    let used = quota.used_percent.clamp(0.0, 100.0);
    let class = match quota.used_percent {
        percent if quota.over || percent > 100.0 => "over",
        percent if percent >= 80.0 => "near",
        _ => "within",
    };
    html! {
        svg.bar.quota viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" {
            path class=(class) d=(block(0.0, used)) {}
        }
    }
}

/// Shows a table cell with a quota and its used part.
pub(super) fn quota_cell(of: Option<&Quota>) -> Markup {
    html! { @match of {
        None => td.n { "–" },
        Some(of) => td.n.bars data-v=(of.used_percent) {
            (format!("{:.0} %", of.used_percent)) " of " (of.limit_bytes.human())
            (quota(of))
        },
    } }
}

fn block(from: f64, wide: f64) -> String {
    let mut out = String::new();
    let round = |value: f64| (value * 10.0).round() / 10.0;
    // Writing to a String cannot fail.
    let _ = write!(out, "M{} 0h{}v1h-{}z", round(from), round(wide), round(wide));
    out
}
