//! SageMaker Studio: domains, user profiles, spaces, apps, and lists of them in pages.

use serde_json::{Value, json};

use super::errors::Failure;
use super::http::Answer;
use super::route::Call;
use super::state::State;
use super::{ACCOUNT, REGION, Stub, wire};

/// An app of a profile or of a space.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// `JupyterLab`, `KernelGateway`, ...
    pub app_type: String,
    pub app_name: String,
    pub user_profile: Option<String>,
    pub space: Option<String>,
    pub instance_type: Option<String>,
    /// `InService`, `Pending`, `Deleted`, ...
    pub status: String,
    /// Seconds since the epoch.
    pub creation_time: f64,
}

impl App {
    /// Makes a running app of a profile, created now.
    pub fn of(profile: &str, app_type: &str, instance_type: &str) -> App {
        App {
            app_type: app_type.to_owned(),
            app_name: "default".to_owned(),
            user_profile: Some(profile.to_owned()),
            space: None,
            instance_type: Some(instance_type.to_owned()),
            status: "InService".to_owned(),
            creation_time: wire::now(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Domain,
    Profile,
    Space,
    App,
}

/// A listed resource. `number` is its position in listings, in order of creation.
struct Item {
    number: u64,
    kind: Kind,
    domain: String,
    name: String,
    /// Fields in a list.
    listed: Value,
    /// Additional fields in a description.
    described: Value,
    /// Tags, each with its key and value.
    tags: Vec<Value>,
}

/// Resources of SageMaker.
#[derive(Default)]
pub struct Domains {
    items: Vec<Item>,
    created: u64,
    clock: f64,
}

impl Domains {
    /// Returns a time later than all before, so a recreated profile has a new CreationTime.
    fn tick(&mut self) -> f64 {
        // Whole milliseconds: AWS never sends more digits.
        let next = ((self.clock * 1000.0).round() + 1.0) / 1000.0;
        self.clock = wire::now().max(next);
        self.clock
    }

    fn remove(&mut self, kind: Kind, domain: &str, name: &str) -> bool {
        let before = self.items.len();
        self.items.retain(|item| (item.kind, &*item.domain, &*item.name) != (kind, domain, name));
        self.items.len() < before
    }

    fn add(&mut self, mut item: Item) {
        self.remove(item.kind, &item.domain, &item.name);
        self.created += 1;
        item.number = self.created;
        self.items.push(item);
    }
}

impl Stub {
    pub fn domain(&self, id: &str, name: &str) {
        let mut state = self.state();
        let now = state.sagemaker.tick();
        state.sagemaker.add(Item {
            number: 0,
            kind: Kind::Domain,
            domain: id.to_owned(),
            name: id.to_owned(),
            listed: json!({
                "DomainArn": arn("domain", id),
                "DomainId": id,
                "DomainName": name,
                "Status": "InService",
                "CreationTime": now,
                "LastModifiedTime": now,
                "Url": format!("https://{id}.studio.{REGION}.sagemaker.aws"),
            }),
            described: json!({}),
            tags: Vec::new(),
        });
    }

    /// Creates a user profile, or creates it again.
    pub fn profile(&self, domain: &str, name: &str, uid: Option<u32>) {
        self.owner(Kind::Profile, domain, name, uid, json!({}));
    }

    /// Creates a shared space, or creates it again.
    pub fn space(&self, domain: &str, name: &str, uid: Option<u32>) {
        let described = json!({ "SpaceSharingSettings": { "SharingType": "Shared" } });
        self.owner(Kind::Space, domain, name, uid, described);
    }

    /// Creates a private space of a profile, or creates it again.
    pub fn private_space(&self, domain: &str, name: &str, uid: Option<u32>, profile: &str) {
        let described = json!({
            "SpaceSharingSettings": { "SharingType": "Private" },
            "OwnershipSettings": { "OwnerUserProfileName": profile },
        });
        self.owner(Kind::Space, domain, name, uid, described);
    }

    /// Creates a shared space that a profile owns, or creates it again.
    pub fn owned_space(&self, domain: &str, name: &str, profile: &str) {
        let described = json!({
            "SpaceSharingSettings": { "SharingType": "Shared" },
            "OwnershipSettings": { "OwnerUserProfileName": profile },
        });
        self.owner(Kind::Space, domain, name, None, described);
    }

    /// Gives a space a home on an EBS volume, or changes the volume's size.
    pub fn volume(&self, domain: &str, space: &str, gib: u32) {
        self.change(domain, space, |item| {
            let storage = json!({ "EbsStorageSettings": { "EbsVolumeSizeInGb": gib } });
            item.described["SpaceSettings"]["SpaceStorageSettings"] = storage;
        });
    }

    /// Tags a profile or space without changing the resource itself.
    pub fn tag(&self, domain: &str, name: &str, key: &str, value: &str) {
        for item in &mut self.state().sagemaker.items {
            let member = matches!(item.kind, Kind::Profile | Kind::Space);
            if member && (&*item.domain, &*item.name) == (domain, name) {
                item.tags.retain(|tag| tag["Key"] != key);
                item.tags.push(json!({ "Key": key, "Value": value }));
            }
        }
    }

    /// Attaches EFS file systems to a profile or space, beside one of FSx.
    pub fn attach(&self, domain: &str, name: &str, ids: &[&str]) {
        self.change(domain, name, |item| {
            let (settings, list, efs, fsx) = match item.kind {
                Kind::Space => {
                    let kinds = ("EFSFileSystem", "FSxLustreFileSystem");
                    ("SpaceSettings", "CustomFileSystems", kinds.0, kinds.1)
                }
                _ => {
                    let kinds = ("EFSFileSystemConfig", "FSxLustreFileSystemConfig");
                    ("UserSettings", "CustomFileSystemConfigs", kinds.0, kinds.1)
                }
            };
            let other = [json!({ fsx: { "FileSystemId": "fs-lustre" } })];
            let attached = ids.iter().map(|id| json!({ efs: { "FileSystemId": id } }));
            item.described[settings][list] = other.into_iter().chain(attached).collect();
        });
    }

    fn change(&self, domain: &str, name: &str, change: impl Fn(&mut Item)) {
        let domains = &mut self.state().sagemaker;
        let now = domains.tick();
        for item in &mut domains.items {
            let member = matches!(item.kind, Kind::Profile | Kind::Space);
            if member && (&*item.domain, &*item.name) == (domain, name) {
                change(item);
                item.listed["LastModifiedTime"] = json!(now);
            }
        }
    }

    /// Changes the status of a profile or space, such as from `InService` to `Deleting`.
    pub fn set_status(&self, domain: &str, name: &str, status: &str) {
        for item in &mut self.state().sagemaker.items {
            let owner = matches!(item.kind, Kind::Profile | Kind::Space);
            if owner && (&*item.domain, &*item.name) == (domain, name) {
                item.listed["Status"] = json!(status);
            }
        }
    }

    /// Deletes the profile. Returns true if it existed.
    pub fn delete_profile(&self, domain: &str, name: &str) -> bool {
        self.state().sagemaker.remove(Kind::Profile, domain, name)
    }

    /// Deletes the space. Returns true if it existed.
    pub fn delete_space(&self, domain: &str, name: &str) -> bool {
        self.state().sagemaker.remove(Kind::Space, domain, name)
    }

    /// Creates an app, or changes the one with this owner, type and name.
    pub fn app(&self, domain: &str, app: App) {
        let owner = app.user_profile.as_deref().or(app.space.as_deref()).unwrap_or_default();
        let mut listed = json!({
            "DomainId": domain,
            "AppType": app.app_type,
            "AppName": app.app_name,
            "Status": app.status,
            "CreationTime": app.creation_time,
        });
        if let Some(profile) = &app.user_profile {
            listed["UserProfileName"] = json!(profile);
        }
        if let Some(space) = &app.space {
            listed["SpaceName"] = json!(space);
        }
        if let Some(instance) = &app.instance_type {
            listed["ResourceSpec"] = json!({ "InstanceType": instance });
        }
        self.state().sagemaker.add(Item {
            number: 0,
            kind: Kind::App,
            domain: domain.to_owned(),
            name: format!("{owner}/{}/{}", app.app_type, app.app_name),
            listed,
            described: json!({}),
            tags: Vec::new(),
        });
    }

    fn owner(&self, kind: Kind, domain: &str, name: &str, uid: Option<u32>, mut described: Value) {
        let mut state = self.state();
        let now = state.sagemaker.tick();
        let (member, path) = match kind {
            Kind::Space => ("Space", "space"),
            _ => ("UserProfile", "user-profile"),
        };
        if let Some(uid) = uid {
            // AWS sends the uid as a string.
            described["HomeEfsFileSystemUid"] = json!(uid.to_string());
        }
        described[format!("{member}Arn")] = json!(arn(path, &format!("{domain}/{name}")));
        let mut listed = json!({
            "DomainId": domain,
            format!("{member}Name"): name,
            "Status": "InService",
            "CreationTime": now,
            "LastModifiedTime": now,
        });
        for settings in SUMMARIZED {
            if let Some(value) = described.get(settings) {
                listed[format!("{settings}Summary")] = value.clone();
            }
        }
        let (domain, name) = (domain.to_owned(), name.to_owned());
        let tags = Vec::new();
        state.sagemaker.add(Item { number: 0, kind, domain, name, listed, described, tags });
    }
}

/// Fields of descriptions that a listing of spaces repeats under other names.
const SUMMARIZED: [&str; 2] = ["SpaceSharingSettings", "OwnershipSettings"];

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}")
}

pub fn perform(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    let done = answer(state, call);
    // A name may have been deleted meanwhile; any other refused request is a mistake of the
    // program.
    if let Err(failure) = &done
        && failure.code != "ResourceNotFound"
    {
        let message = failure.message.clone();
        state.violation(call, message);
    }
    let body = done?.to_string();
    Ok(Answer::new(200, "application/x-amz-json-1.1", body))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "ValidationException", message)
}

fn answer(state: &State, call: &Call) -> Result<Value, Failure> {
    if call.http.header("content-type") != Some("application/x-amz-json-1.1") {
        return Err(Failure::new(400, "UnknownOperationException", "Content-Type"));
    }
    let parsed = serde_json::from_slice(&call.http.body);
    let input: Value =
        parsed.map_err(|error| Failure::new(400, "SerializationException", error.to_string()))?;
    for member in ["DomainId", "DomainIdEquals"] {
        let odd = |id: &str| !id.starts_with("d-") || id.len() < 3 || id.len() > 63;
        if let Some(id) = input[member].as_str().filter(|id| odd(id)) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{id}' at '{member}' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: d-(-*[a-z0-9]){{1,61}}"
            )));
        }
    }
    match &*call.operation {
        "ListDomains" => list(state, &input, Kind::Domain, "Domains"),
        "ListUserProfiles" => list(state, &input, Kind::Profile, "UserProfiles"),
        "ListSpaces" => list(state, &input, Kind::Space, "Spaces"),
        "ListApps" => list(state, &input, Kind::App, "Apps"),
        "ListTags" => tags(state, &input),
        "DescribeUserProfile" => describe(state, &input, Kind::Profile, "UserProfileName"),
        "DescribeSpace" => describe(state, &input, Kind::Space, "SpaceName"),
        other => {
            let message = format!("{other} is not in the stub");
            Err(Failure::new(400, "UnknownOperationException", message))
        }
    }
}

fn list(state: &State, input: &Value, kind: Kind, member: &str) -> Result<Value, Failure> {
    let most = match &input["MaxResults"] {
        Value::Null => 10,
        number => number.as_u64().filter(|number| (1..=100).contains(number)).ok_or_else(|| {
            invalid(format!(
                "1 validation error detected: Value '{number}' at 'maxResults' failed to satisfy \
                 constraint: Member must have value between 1 and 100"
            ))
        })?,
    };
    let most = usize::try_from(most).unwrap().min(state.page_size);
    let after: u64 = match input["NextToken"].as_str() {
        None => 0,
        Some(token) => wire::unhex(token)
            .and_then(|text| text.strip_prefix(member)?.parse().ok())
            .ok_or_else(|| invalid("Invalid NextToken"))?,
    };
    if input["SortOrder"].as_str().is_some_and(|order| order != "Ascending") {
        return Err(invalid("SortOrder is not in the stub"));
    }
    let equals = |name: &str, value: Option<&str>| {
        input[name].as_str().is_none_or(|wanted| value == Some(wanted))
    };
    let mut found = state.sagemaker.items.iter().filter(|item| {
        item.kind == kind
            && item.number > after
            && equals("DomainIdEquals", Some(&item.domain))
            && equals("UserProfileNameEquals", item.listed["UserProfileName"].as_str())
            && equals("SpaceNameEquals", item.listed["SpaceName"].as_str())
            && ["UserProfileNameContains", "SpaceNameContains"]
                .iter()
                .all(|name| input[name].as_str().is_none_or(|part| item.name.contains(part)))
    });
    let page: Vec<&Item> = found.by_ref().take(most).collect();
    let mut output = json!({ member: page.iter().map(|item| &item.listed).collect::<Vec<_>>() });
    // By number, not by position, so that deletions do not shift pages.
    if let (Some(last), Some(_)) = (page.last(), found.next()) {
        output["NextToken"] = json!(wire::hex(&format!("{member}{}", last.number)));
    }
    Ok(output)
}

/// Returns the tags of a profile or space, in pages like listings.
fn tags(state: &State, input: &Value) -> Result<Value, Failure> {
    let wanted = input["ResourceArn"].as_str();
    let wanted = wanted.ok_or_else(|| invalid("Missing required parameter ResourceArn"))?;
    if input["MaxResults"].as_u64().is_some_and(|number| number < 50) {
        return Err(invalid("1 validation error detected: 'maxResults' must be at least 50"));
    }
    let has_arn = |item: &&Item| {
        let arns = ["UserProfileArn", "SpaceArn"].map(|name| item.described[name].as_str());
        arns.contains(&Some(wanted))
    };
    let missing = || {
        let message = format!("{wanted} does not exist");
        Failure::new(400, "ResourceNotFound", message)
    };
    let item = state.sagemaker.items.iter().find(has_arn).ok_or_else(missing)?;
    let after = input["NextToken"].as_str().map_or(Ok(0), str::parse::<usize>);
    let after = after.map_err(|_| invalid("Invalid NextToken"))?;
    let page: Vec<&Value> = item.tags.iter().skip(after).take(state.page_size).collect();
    let mut output = json!({ "Tags": page });
    let next = after + page.len();
    if next < item.tags.len() {
        output["NextToken"] = json!(next.to_string());
    }
    Ok(output)
}

fn describe(state: &State, input: &Value, kind: Kind, member: &str) -> Result<Value, Failure> {
    let field = |name: &str| {
        input[name].as_str().ok_or_else(|| invalid(format!("Missing required parameter {name}")))
    };
    let (domain, name) = (field("DomainId")?, field(member)?);
    let mut items = state.sagemaker.items.iter();
    let found = items.find(|item| (item.kind, &*item.domain, &*item.name) == (kind, domain, name));
    let Some(item) = found else {
        let what = if kind == Kind::Space { "Space" } else { "UserProfile" };
        let message = format!("{what} {name} not found for domain {domain}.");
        return Err(Failure::new(400, "ResourceNotFound", message));
    };
    let mut output = item.listed.clone();
    for (name, value) in item.described.as_object().into_iter().flatten() {
        output[name] = value.clone();
    }
    if let Some(members) = output.as_object_mut() {
        members.retain(|name, _| !name.ends_with("Summary"));
    }
    Ok(output)
}
