//! Long-running apps of SageMaker Studio, and their owners.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::AppReminding;
use super::address::{Address, AddressBook};
use super::app_letter::UntoldApp;
use super::people::Why;
use crate::aws::App;
use crate::names::Spelling;
use crate::text::plural;
use crate::units::Usd;

/// The user profile that means everybody in RStudio's own app.
const NOBODY: &str = "domain-shared";

/// An app that has run longer than its threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LongRunning {
    pub(crate) app: App,
    /// The app's domain as a source of names: `sagemaker:DOMAIN`.
    pub(crate) source: String,
    /// The owner's uid, if it was requested.
    pub(crate) uid: Option<u32>,
    /// The owner's name from a source that precedes the domain.
    pub(crate) owner_name: Option<String>,
    /// True if somebody else's name differs from the owner's at most in its spelling.
    pub(crate) owner_has_namesake: bool,
    age: SignedDuration,
    cost: Cost,
}

/// Cost of an app since it was created.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cost {
    Usd(Usd),
    /// The instance type has no price.
    Unknown,
    /// The app shares the instance of another app, which has the amount.
    Shared,
}

impl LongRunning {
    /// Returns the user profile of the app, or the owner of its space.
    pub(crate) fn profile(&self) -> Option<&str> {
        let profile = self.app.profile.as_deref().or(self.app.space_owner.as_deref());
        profile.filter(|profile| *profile != NOBODY)
    }

    /// Describes the app: `JupyterLab default on ml.g5.xlarge in space train`.
    pub(super) fn what(&self) -> String {
        let App { kind, name, instance_type, space, .. } = &self.app;
        let on = instance_type.as_ref().map(|on| format!(" on {on}")).unwrap_or_default();
        let space = space.as_ref().map(|space| format!(" in space {space}")).unwrap_or_default();
        format!("{kind} {name}{on}{space}")
    }

    /// Describes age and cost: `since 9 days, about 31 USD`.
    pub(super) fn since(&self) -> String {
        let hours = self.age.as_hours();
        let age = match hours {
            48.. => format!("{} days", hours / 24),
            _ => format!("{hours} {}", plural(hours.unsigned_abs(), "hour", "hours")),
        };
        let cost = match self.cost {
            Cost::Usd(usd) if usd.0 >= 10.0 => format!(", about {:.0} USD", usd.0),
            Cost::Usd(usd) => format!(", about {}", usd.human()),
            Cost::Shared => ", on the same instance as another".to_owned(),
            Cost::Unknown => String::new(),
        };
        format!("since {age}{cost}")
    }

    /// True if the text contains an amount.
    pub(super) fn has_amount(&self) -> bool {
        matches!(self.cost, Cost::Usd(_))
    }
}

/// Selects the apps in service that run longer than the threshold of their instance type. Apps on
/// free instances are left out: JupyterServer, and other apps on the domain's own system.
pub(crate) fn long_running(
    apps: Vec<(String, App)>,
    settings: &AppReminding,
    now: Timestamp,
) -> Vec<LongRunning> {
    let mut found: Vec<LongRunning> = Vec::new();
    for (source, app) in apps {
        let instance = app.instance_type.as_deref().unwrap_or_default();
        let (Some(created), Some(most)) = (app.created, settings.thresholds.of(instance)) else {
            continue;
        };
        let age = now.duration_since(created);
        if app.status != "InService" || is_free(&app) || age <= most {
            continue;
        }
        let cost = settings.prices.cost(instance, age.as_secs_f64() / 3600.0);
        let cost = cost.map_or(Cost::Unknown, Cost::Usd);
        found.push(LongRunning {
            app,
            source,
            uid: None,
            owner_name: None,
            owner_has_namesake: false,
            age,
            cost,
        });
    }
    // The oldest come first, because the first app on an instance gets the amount.
    found.sort_by_key(|it| (std::cmp::Reverse(it.age), it.what()));
    let mut instances = HashMap::new();
    for it in found.iter_mut().filter(|it| it.app.kind == "KernelGateway") {
        let App { profile, space, instance_type, .. } = &it.app;
        let key = (it.source.clone(), profile.clone(), space.clone(), instance_type.clone());
        // A user's kernels on one instance type share one instance (Studio Classic, usage
        // metering).
        if instances.insert(key, ()).is_some() {
            it.cost = Cost::Shared;
        }
    }
    found
}

fn is_free(app: &App) -> bool {
    // Canvas is billed by the hour of its session, on any instance.
    let on_system = app.instance_type.as_deref() == Some("system") && app.kind != "Canvas";
    app.kind == "JupyterServer" || on_system
}

/// An address, and its owner's long-running apps.
#[derive(Clone, Debug)]
pub(super) struct AppOwner<'a> {
    pub(super) address: Address,
    /// The owner's name.
    pub(super) name: String,
    pub(super) apps: Vec<&'a LongRunning>,
}

/// All recipients of letters about apps, and the apps without a recipient.
#[derive(Debug, Default)]
pub(crate) struct SortedApps<'a> {
    /// By address in lower case.
    pub(super) owners: BTreeMap<String, AppOwner<'a>>,
    pub(super) untold: Vec<UntoldApp<'a>>,
}

/// Sorts the apps by recipient.
pub(crate) fn sort_apps<'a>(apps: &'a [LongRunning], book: &AddressBook<'_>) -> SortedApps<'a> {
    let mut sorted = SortedApps::default();
    for app in apps {
        match address(app, book) {
            Err(why) => sorted.untold.push(UntoldApp { app, why }),
            Ok((address, name)) => {
                let owner = sorted.owners.entry(address.key());
                let owner = owner.or_insert(AppOwner { address, name, apps: Vec::new() });
                owner.apps.push(app);
            }
        }
    }
    sorted
}

/// Returns the address for an app, and the name for its owner's salutation.
fn address(app: &LongRunning, book: &AddressBook<'_>) -> Result<(Address, String), Why> {
    let Some(profile) = app.profile() else {
        // The map of addresses may have a space without an owner.
        let space = app.app.space.as_deref().ok_or(Why::NoName)?;
        let address = book.mapped(None, Some(space), Spelling::Alike).ok_or(Why::Space)?;
        return Ok((address.clone(), space.to_owned()));
    };
    let called = app.owner_name.as_deref().unwrap_or(profile);
    let spelling = Spelling::of_person(app.owner_has_namesake);
    let mapped = book
        .mapped(app.uid, Some(called), spelling)
        .or_else(|| book.mapped(None, Some(profile), spelling));
    if let Some(address) = mapped {
        return Ok((address.clone(), called.to_owned()));
    }
    let made = book.made(called).ok_or(Why::NotMapped)?;
    Ok((made.ok_or(Why::BadName)?, called.to_owned()))
}
