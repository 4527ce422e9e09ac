//! Letters about long-running apps.

use jiff::Timestamp;

use super::AppReminding;
use super::apps::{AppOwner, LongRunning};
use super::letter::{Letter, MAX_HOMES, MAX_SUBJECT, cut, lines, short};
use super::people::Why;
use super::template::Field;
use crate::text::Shown;

/// A long-running app without a recipient.
#[derive(Clone, Debug)]
pub(super) struct UntoldApp<'a> {
    pub(super) app: &'a LongRunning,
    pub(super) why: Why,
}

impl UntoldApp<'_> {
    /// Returns the app's key in the ledger, by which the administrator is told once a week.
    pub(super) fn key(&self) -> String {
        format!("app {}: {}", self.whole(), self.why.text())
    }

    /// Returns the app's line in the message to the administrator.
    pub(super) fn line(&self) -> String {
        format!("  {}: {}; {}", self.whole(), self.app.since(), self.why.text())
    }

    fn whole(&self) -> String {
        let profile = self.app.app.profile.as_deref();
        let whose = profile.map(|profile| format!(" of {profile}")).unwrap_or_default();
        short(format!("{}{whose} ({})", self.app.what(), self.app.source).as_bytes())
    }
}

/// Returns the letter to the owner of apps.
pub(super) fn letter(
    owner: &AppOwner<'_>,
    settings: &AppReminding,
    admin: &str,
    now: Timestamp,
) -> Letter {
    let value = |field| value(owner, settings, admin, now, field);
    Letter {
        subject: Shown::line(&cut(&settings.subject.fill(value), MAX_SUBJECT)),
        text: Shown::lines(settings.body.fill(value)),
    }
}

fn value(
    owner: &AppOwner<'_>,
    settings: &AppReminding,
    admin: &str,
    now: Timestamp,
    field: Field,
) -> String {
    let source = &settings.prices.source;
    match field {
        Field::Name => short(owner.name.as_bytes()),
        Field::Count => owner.apps.len().to_string(),
        Field::Date => now.strftime("%Y-%m-%d").to_string(),
        Field::Admin => admin.to_owned(),
        Field::Apps => {
            let line =
                |app: &&LongRunning| format!("  {}: {}", short(app.what().as_bytes()), app.since());
            lines(owner.apps.iter().map(line), MAX_HOMES)
        }
        Field::Prices => match owner.apps.iter().any(|app| app.has_amount()) {
            true => {
                format!("Amounts are estimates, by prices of {}.", short(source.as_bytes()))
            }
            false => "What they cost is not known here.".to_owned(),
        },
        // The other placeholders do not occur in templates about apps.
        _ => String::new(),
    }
}
