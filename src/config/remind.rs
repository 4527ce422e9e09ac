//! The table `[remind]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::remind::{
    About, Address, AddressMap, AddressTemplate, Addresses, AppReminding, Dashes, InstancePrices,
    PriceTable, Reminding, Template, Thresholds, check_sender,
};
use crate::text::uid_of_name;
use crate::units::{AllocatedBytes, parse_size};

const DEFAULT_SUBJECT: &str = "Your storage on EFS: {size} in use";
const DEFAULT_BODY: &str = include_str!("remind.txt");
const DEFAULT_APPS_SUBJECT: &str = "Your apps on SageMaker Studio: {count} running for long";
const DEFAULT_APPS_BODY: &str = include_str!("remind_apps.txt");

/// Settings of reminders as they are written in the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RemindSettings {
    from: Option<String>,
    admin: Option<String>,
    address: Option<String>,
    dash_to_dot: Option<bool>,
    address_file: Option<PathBuf>,
    trash: Option<String>,
    subject: Option<String>,
    body: Option<String>,
    apps_subject: Option<String>,
    apps_body: Option<String>,
    apps_copy: Option<bool>,
    /// How long apps may run, by instance type. If the table exists, even empty, people are
    /// reminded.
    apps: Option<BTreeMap<String, String>>,
    /// USD per hour by instance type.
    prices: Option<PriceTable>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    addresses: BTreeMap<String, String>,
}

impl RemindSettings {
    /// Checks the settings, even if no reminders are sent. `None` if settings for sending are
    /// missing.
    pub(super) fn check(&self) -> Result<Option<Reminding>, String> {
        let named = |name: &str, problem: String| format!("remind.{name}: {problem}");
        let dashes = match self.dash_to_dot.unwrap_or_default() {
            true => Dashes::Dots,
            false => Dashes::Keep,
        };
        let template = self.address.as_deref().map(|text| AddressTemplate::new(text, dashes));
        let template = template.transpose().map_err(|problem| named("address", problem))?;
        let map = AddressMap::new(&self.addresses).map_err(|p| named("addresses", p))?;
        let addresses = Addresses { map, file: self.address_file.clone(), template };
        let trash = self.trash.as_deref().map(parse_size).transpose();
        let trash = trash.map_err(|problem| named("trash", problem))?.map(AllocatedBytes);
        let subject = self.subject.as_deref().unwrap_or(DEFAULT_SUBJECT);
        let subject = Template::subject(subject, About::Homes)
            .map_err(|problem| named("subject", problem))?;
        let body = self.body.as_deref().unwrap_or(DEFAULT_BODY);
        let body = Template::body(body, About::Homes).map_err(|problem| named("body", problem))?;
        let apps = self.apps()?;
        let from = self.from.as_deref().map(check_sender).transpose();
        let from = from.map_err(|problem| named("from", problem))?;
        let admin = self.admin.as_deref().map(Address::new).transpose();
        let admin = admin.map_err(|problem| named("admin", problem))?;
        let (Some(from), Some(admin), false) = (from, admin, addresses.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Reminding { from, admin, addresses, trash, subject, body, apps }))
    }

    /// Checks the settings of reminders of apps.
    fn apps(&self) -> Result<AppReminding, String> {
        let named = |name: &str, problem: String| format!("remind.{name}: {problem}");
        let subject = self.apps_subject.as_deref().unwrap_or(DEFAULT_APPS_SUBJECT);
        let subject = Template::subject(subject, About::Apps);
        let body = self.apps_body.as_deref().unwrap_or(DEFAULT_APPS_BODY);
        let body = Template::body(body, About::Apps);
        let thresholds =
            self.apps.as_ref().map_or_else(|| Ok(Thresholds::default()), Thresholds::new);
        let prices = InstancePrices::with(self.prices.clone().unwrap_or_default());
        Ok(AppReminding {
            is_on: self.apps.is_some(),
            thresholds: thresholds.map_err(|problem| named("apps", problem))?,
            prices: prices.map_err(|problem| named("prices", problem))?,
            copy: self.apps_copy.unwrap_or_default(),
            subject: subject.map_err(|problem| named("apps_subject", problem))?,
            body: body.map_err(|problem| named("apps_body", problem))?,
        })
    }

    /// Returns the first uid among the people with an address.
    pub(super) fn uid_with_address(&self) -> Option<&str> {
        self.addresses.keys().map(String::as_str).find(|key| uid_of_name(key.as_bytes()).is_some())
    }

    /// Checks the settings for sending reminders.
    pub(super) fn reminding(&self) -> Result<Reminding, String> {
        self.check()?.ok_or_else(|| {
            "reminders need [remind] with `from`, `admin`, and one of `address`, `address_file` \
             and [remind.addresses]"
                .to_owned()
        })
    }
}
