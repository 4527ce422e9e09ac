//! SageMaker: the seven calls that this program needs, in awsJson 1.1.
//!
//! aws-sdk-sagemaker has 876,000 lines: a program that only lists profiles with it took 943 CPU
//! seconds and 5.4 GB of memory to build in release on 2 cores. So this file contains the shapes of
//! the calls (SageMaker API reference, 2017-07-24).

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::endpoint::Service;
use super::error::{ApiCall, service_error};
use super::json::{JsonClient, Retry};
use super::{App, Aws, Domain, Member, MemberKind, Tag};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Number of concurrent calls for members; SageMaker throttles these early.
const CONCURRENT: usize = 8;

/// Largest number of items in a page.
const PAGE: u32 = 100;

/// Size limit of a list as JSON: a domain has at most some ten thousand members of 500 bytes each.
const MAX_LISTED: usize = 64 << 20;

/// Time limit for a list with all its pages.
const LIST: Duration = Duration::from_secs(600);

const SERVICE: Service = Service {
    id: "SageMaker",
    signing: "sagemaker",
    host: "api.sagemaker",
    fips_host: "api-fips.sagemaker",
};

/// SageMaker client in the configured region. A call is an operation and its input.
#[derive(Debug)]
struct SageMaker(JsonClient<(&'static str, Value)>);

impl Aws {
    fn sagemaker(&self) -> ServiceResult<(&Runtime, SageMaker)> {
        let sdk = self.sdk()?;
        Ok((&sdk.runtime, SageMaker::new(&sdk.config)?))
    }

    /// Lists the SageMaker Studio domains.
    ///
    /// # Errors
    /// Names the operation.
    pub fn domains(&self) -> ServiceResult<Vec<Domain>> {
        let (runtime, sagemaker) = self.sagemaker()?;
        runtime.block_on(sagemaker.domains())
    }

    /// Lists the user profiles and spaces of a domain. Members in `known` that have not changed are
    /// not described again.
    ///
    /// # Errors
    /// Names the operation. Incomplete lists are not returned.
    pub fn members(&self, domain: &str, known: &[Member]) -> ServiceResult<Vec<Member>> {
        let (runtime, sagemaker) = self.sagemaker()?;
        runtime.block_on(sagemaker.members(domain, known))
    }

    /// Reads the tag `key` of each user profile among `members`. If a request fails, no member
    /// changes.
    ///
    /// # Errors
    /// Names the operation.
    pub fn tag_profiles(&self, members: &mut [Member], key: &str) -> ServiceResult<()> {
        let (runtime, sagemaker) = self.sagemaker()?;
        runtime.block_on(sagemaker.tag_profiles(members, key))
    }

    /// Looks up the uid of a user profile; `None` if it has none yet, or was deleted.
    ///
    /// # Errors
    /// Names the operation.
    pub fn profile_uid(&self, domain: &str, profile: &str) -> ServiceResult<Option<u32>> {
        let (runtime, sagemaker) = self.sagemaker()?;
        let profile = listed_member(MemberKind::Profile, profile.to_owned(), &Value::Null);
        let described = runtime.block_on(sagemaker.describe(domain, profile))?;
        Ok(described.and_then(|member| member.uid))
    }

    /// Lists the apps of a domain.
    ///
    /// # Errors
    /// Names the operation.
    pub fn apps(&self, domain: &str) -> ServiceResult<Vec<App>> {
        let (runtime, sagemaker) = self.sagemaker()?;
        runtime.block_on(sagemaker.apps(domain))
    }
}

impl SageMaker {
    fn new(config: &SdkConfig) -> ServiceResult<Self> {
        JsonClient::new(config, SERVICE, Retry::Passing, request).map(Self)
    }

    async fn ask(&self, operation: &'static str, input: Value) -> ServiceResult<Value> {
        let resource = input.as_object().map(named).unwrap_or_default();
        self.0.call.invoke((operation, input)).await.map_err(|error| {
            let name = format!("SageMaker {operation}");
            let permission = format!("sagemaker:{operation}");
            service_error(&ApiCall::new(&name, &resource, &permission), &error)
        })
    }

    /// Requests all pages of a list of a domain's resources, or of all domains.
    async fn all(
        &self,
        operation: &'static str,
        field: &str,
        domain: Option<&str>,
    ) -> ServiceResult<Vec<Value>> {
        let input = domain.map_or_else(|| json!({}), |domain| json!({ "DomainIdEquals": domain }));
        self.pages(operation, field, input).await
    }

    /// Requests all pages of a list.
    async fn pages(
        &self,
        operation: &'static str,
        field: &str,
        mut input: Value,
    ) -> ServiceResult<Vec<Value>> {
        input["MaxResults"] = PAGE.into();
        let mut found = Vec::new();
        let mut next: Option<Value> = None;
        let mut tokens = HashSet::new();
        let (begun, mut bytes) = (Instant::now(), 0);
        loop {
            if let Some(token) = &next {
                input["NextToken"] = token.clone();
            }
            let mut page = self.ask(operation, input.clone()).await?;
            match page[field].take() {
                Value::Array(items) => {
                    bytes += items.iter().map(|item| item.to_string().len()).sum::<usize>();
                    found.extend(items);
                }
                _ => return Err(unexpected(operation, field, &self.0.endpoint)),
            }
            match page["NextToken"].take() {
                // A server that repeats its token would make the list endless.
                Value::String(token) if next.as_ref() == Some(&Value::from(token.as_str())) => {
                    return Ok(found);
                }
                // The same holds for a cycle of tokens and for a list that keeps growing.
                Value::String(token)
                    if bytes > MAX_LISTED
                        || begun.elapsed() > LIST
                        || !tokens.insert(token.clone()) =>
                {
                    let text = format!("{operation}: the list does not end");
                    return Err(ServiceError::new(Trouble::Unreachable, text));
                }
                Value::String(token) => {
                    bytes += token.len();
                    next = Some(token.into());
                }
                _ => return Ok(found),
            }
        }
    }

    async fn domains(&self) -> ServiceResult<Vec<Domain>> {
        let domain = |value: &Value| {
            Some(Domain { id: text(value, "DomainId")?, name: text(value, "DomainName")? })
        };
        let found = self.all("ListDomains", "Domains", None).await?;
        Ok(found.iter().filter_map(domain).collect())
    }

    /// Lists the user profiles and spaces. A member in `known` with the same times of creation and
    /// of change is not described again: its uid never changes, so `known` completes the listed
    /// values.
    async fn members(&self, domain: &str, known: &[Member]) -> ServiceResult<Vec<Member>> {
        let key = |member: &Member| (member.kind, member.name.clone(), member.created.clone());
        let known: HashMap<_, _> = known.iter().map(|member| (key(member), member)).collect();
        let mut listed = Vec::new();
        for (kind, operation, field, name) in [
            (MemberKind::Profile, "ListUserProfiles", "UserProfiles", "UserProfileName"),
            (MemberKind::Space, "ListSpaces", "Spaces", "SpaceName"),
        ] {
            for value in self.all(operation, field, Some(domain)).await? {
                let name = text(&value, name)
                    .ok_or_else(|| unexpected(operation, name, &self.0.endpoint))?;
                listed.push(listed_member(kind, name, &value));
            }
        }
        let described = stream::iter(listed.into_iter().map(|mut member| {
            let known = known.get(&key(&member)).copied();
            member.tag = known.and_then(|known| known.tag.clone());
            async move {
                match known.filter(|known| is_described(known, &member)) {
                    Some(known) => {
                        member.uid = known.uid;
                        member.ebs_gib = member.ebs_gib.or(known.ebs_gib);
                        member.file_systems.clone_from(&known.file_systems);
                        member.arn.clone_from(&known.arn);
                        Ok(Some(member))
                    }
                    None => self.describe(domain, member).await,
                }
            }
        }));
        let found: Vec<Option<Member>> =
            described.buffer_unordered(CONCURRENT).try_collect().await?;
        let mut members: Vec<Member> = found.into_iter().flatten().collect();
        members.sort();
        Ok(members)
    }

    async fn tag_profiles(&self, members: &mut [Member], key: &str) -> ServiceResult<()> {
        let profiles: Vec<(usize, String)> = (members.iter().enumerate())
            .filter(|(_, member)| member.kind == MemberKind::Profile)
            .filter_map(|(at, member)| Some((at, member.arn.clone()?)))
            .collect();
        let asked = stream::iter(profiles.into_iter().map(|(at, arn)| async move {
            let tags = self.pages("ListTags", "Tags", json!({ "ResourceArn": arn })).await;
            match tags {
                Ok(tags) => {
                    let tag = tags.iter().find(|tag| tag["Key"] == key);
                    Ok((at, tag.and_then(|tag| text(tag, "Value"))))
                }
                // It was deleted after it was listed.
                Err(error) if error.trouble == Trouble::Missing => Ok((at, None)),
                Err(error) => Err(error),
            }
        }));
        let found: Vec<_> = asked.buffer_unordered(CONCURRENT).try_collect().await?;
        for (at, value) in found {
            members[at].tag = value.map(|value| Tag { key: key.to_owned(), value });
        }
        Ok(())
    }

    /// Completes a listed member; `None` if it was deleted since.
    async fn describe(&self, domain: &str, mut member: Member) -> ServiceResult<Option<Member>> {
        let (operation, name) = match member.kind {
            MemberKind::Profile => ("DescribeUserProfile", "UserProfileName"),
            MemberKind::Space => ("DescribeSpace", "SpaceName"),
        };
        let input = json!({ "DomainId": domain, name: member.name });
        let answer = match self.ask(operation, input).await {
            Ok(answer) => answer,
            Err(error) if error.trouble == Trouble::Missing => return Ok(None),
            Err(error) => return Err(error),
        };
        member.arn = text(&answer, "UserProfileArn").or_else(|| text(&answer, "SpaceArn"));
        member.uid = match &answer["HomeEfsFileSystemUid"] {
            Value::String(uid) => uid.parse().ok(),
            uid => uid.as_u64().and_then(|uid| uid.try_into().ok()),
        };
        let attached = match member.kind {
            MemberKind::Profile => {
                let configs = &answer["UserSettings"]["CustomFileSystemConfigs"];
                file_systems(configs, "EFSFileSystemConfig")
            }
            MemberKind::Space => {
                member.ebs_gib = ebs_gib(&answer["SpaceSettings"]).or(member.ebs_gib);
                let owner = text(&answer["OwnershipSettings"], "OwnerUserProfileName");
                member.owner = member.owner.or(owner);
                file_systems(&answer["SpaceSettings"]["CustomFileSystems"], "EFSFileSystem")
            }
        };
        member.file_systems = Some(attached);
        Ok(Some(member))
    }

    /// Lists the apps in all states. An app in a private space runs for the space's owner.
    async fn apps(&self, domain: &str) -> ServiceResult<Vec<App>> {
        let spaces = self.all("ListSpaces", "Spaces", Some(domain)).await?;
        let owner = |space: &Value| {
            let private = space["SpaceSharingSettingsSummary"]["SharingType"] == "Private";
            Some((text(space, "SpaceName")?, (listed_owner(space)?, private)))
        };
        let owners: HashMap<String, (String, bool)> = spaces.iter().filter_map(owner).collect();
        let app = |value: &Value| {
            let space = text(value, "SpaceName");
            let owner = space.as_ref().and_then(|space| owners.get(space));
            let private = owner.filter(|(_, private)| *private).map(|(owner, _)| owner.clone());
            Some(App {
                kind: text(value, "AppType")?,
                name: text(value, "AppName")?,
                profile: text(value, "UserProfileName").or(private),
                space_owner: owner.map(|(owner, _)| owner.clone()),
                space,
                instance_type: text(&value["ResourceSpec"], "InstanceType"),
                status: text(value, "Status")?,
                created: value["CreationTime"]
                    .as_f64()
                    .and_then(|seconds| Timestamp::from_second(seconds as i64).ok()),
            })
        };
        let found = self.all("ListApps", "Apps", Some(domain)).await?;
        Ok(found.iter().filter_map(app).collect())
    }
}

/// Makes a member from an item of a list.
fn listed_member(kind: MemberKind, name: String, value: &Value) -> Member {
    let modified = Some(&value["LastModifiedTime"]).filter(|time| !time.is_null());
    Member {
        kind,
        name,
        created: value["CreationTime"].to_string(),
        uid: None,
        modified: modified.map(Value::to_string),
        owner: listed_owner(value),
        ebs_gib: ebs_gib(&value["SpaceSettingsSummary"]),
        file_systems: None,
        arn: None,
        tag: None,
    }
}

/// True if `known` is the current description of `listed`. A space without a time of change is
/// always described, because its volume may grow.
fn is_described(known: &Member, listed: &Member) -> bool {
    let unchanged = match listed.kind {
        MemberKind::Space => listed.modified.is_some() && known.modified == listed.modified,
        MemberKind::Profile => known.modified == listed.modified,
    };
    let is_whole = known.uid.is_some() && known.file_systems.is_some() && known.arn.is_some();
    is_whole && unchanged
}

fn listed_owner(space: &Value) -> Option<String> {
    text(&space["OwnershipSettingsSummary"], "OwnerUserProfileName")
}

/// Size of the EBS volume in the settings of a space, or in their summary.
fn ebs_gib(settings: &Value) -> Option<u32> {
    let ebs = &settings["SpaceStorageSettings"]["EbsStorageSettings"];
    ebs["EbsVolumeSizeInGb"].as_u64().and_then(|size| size.try_into().ok())
}

/// Distinct ids of the EFS file systems in a list of file systems of several kinds.
fn file_systems(list: &Value, efs: &str) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    let mut ids: Vec<String> = all.filter_map(|one| text(&one[efs], "FileSystemId")).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Resource of a call for error messages: its domain and the profile or space.
fn named(input: &Map<String, Value>) -> String {
    let keys = ["DomainId", "DomainIdEquals", "UserProfileName", "SpaceName", "ResourceArn"];
    let some = keys.iter().filter_map(|key| input.get(*key)?.as_str());
    some.collect::<Vec<_>>().join(" ")
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

fn unexpected(operation: &str, field: &str, endpoint: &str) -> ServiceError {
    let text = format!("SageMaker {operation}: {endpoint} answers without {field}");
    ServiceError::new(Trouble::Unreachable, text)
}

fn request((operation, input): (&'static str, Value)) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(serde_json::to_vec(&input)?));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    request.headers_mut().insert("x-amz-target", format!("SageMaker.{operation}"));
    Ok(request)
}
