//! SageMaker: the six calls that this program needs, as awsJson 1.1.
//!
//! aws-sdk-sagemaker has 876,000 lines: a program that only lists profiles with it took 943 CPU
//! seconds and 5.4 GB of memory to build in release on 2 cores. So the shapes of the calls are
//! written here (SageMaker API reference, 2017-07-24).

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
use super::{App, Aws, Domain, Member, MemberKind};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Describe calls in flight at once; SageMaker throttles these early.
const CONCURRENT: usize = 8;

/// The most items that a page may hold.
const PAGE: u32 = 100;

/// The most bytes of a list, as JSON: a domain has some ten thousand members at most, of 500 bytes each.
const MAX_LISTED: usize = 64 << 20;

/// Time for a list with all its pages.
const LIST: Duration = Duration::from_secs(600);

const SERVICE: Service = Service {
    id: "SageMaker",
    signing: "sagemaker",
    host: "api.sagemaker",
    fips_host: "api-fips.sagemaker",
};

/// A client of SageMaker in the configured region. A call is an operation and its input.
#[derive(Debug)]
struct SageMaker(JsonClient<(&'static str, Value)>);

impl Aws {
    fn sagemaker(&self) -> ServiceResult<(&Runtime, SageMaker)> {
        let sdk = self.sdk()?;
        Ok((&sdk.runtime, SageMaker::new(&sdk.config)?))
    }

    /// Lists the domains of SageMaker Studio.
    ///
    /// # Errors
    /// Names the operation.
    pub fn domains(&self) -> ServiceResult<Vec<Domain>> {
        let (runtime, sagemaker) = self.sagemaker()?;
        runtime.block_on(sagemaker.domains())
    }

    /// Lists the user profiles and spaces of a domain; those in `known` are not asked for again.
    ///
    /// # Errors
    /// Names the operation. There is no incomplete list.
    pub fn members(&self, domain: &str, known: &[Member]) -> ServiceResult<Vec<Member>> {
        let (runtime, sagemaker) = self.sagemaker()?;
        runtime.block_on(sagemaker.members(domain, known))
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

    /// Asks for all pages of a list.
    async fn all(
        &self,
        operation: &'static str,
        field: &str,
        domain: Option<&str>,
    ) -> ServiceResult<Vec<Value>> {
        let mut found = Vec::new();
        let mut next: Option<Value> = None;
        let mut tokens = HashSet::new();
        let (begun, mut bytes) = (Instant::now(), 0);
        loop {
            let mut input = json!({ "MaxResults": PAGE });
            if let Some(domain) = domain {
                input["DomainIdEquals"] = domain.into();
            }
            if let Some(token) = &next {
                input["NextToken"] = token.clone();
            }
            let mut page = self.ask(operation, input).await?;
            match page[field].take() {
                Value::Array(items) => {
                    bytes += items.iter().map(|item| item.to_string().len()).sum::<usize>();
                    found.extend(items);
                }
                _ => return Err(unexpected(operation, field, &self.0.endpoint)),
            }
            match page["NextToken"].take() {
                // A server that repeats its token would never end the list.
                Value::String(token) if next.as_ref() == Some(&Value::from(token.as_str())) => {
                    return Ok(found);
                }
                // Nor would one that goes round in a ring, or has ever more.
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

    /// Lists the user profiles and spaces with their uids. Members in `known` with the same time
    /// of creation are not described again: a uid never changes.
    async fn members(&self, domain: &str, known: &[Member]) -> ServiceResult<Vec<Member>> {
        let key = |member: &Member| (member.kind, member.name.clone(), member.created.clone());
        let known: HashMap<_, _> = known.iter().map(|member| (key(member), member.uid)).collect();
        let mut listed = Vec::new();
        for (kind, operation, field, name) in [
            (MemberKind::Profile, "ListUserProfiles", "UserProfiles", "UserProfileName"),
            (MemberKind::Space, "ListSpaces", "Spaces", "SpaceName"),
        ] {
            for value in self.all(operation, field, Some(domain)).await? {
                let name = text(&value, name)
                    .ok_or_else(|| unexpected(operation, name, &self.0.endpoint))?;
                let created = value["CreationTime"].to_string();
                listed.push(Member { kind, name, created, uid: None });
            }
        }
        let described = stream::iter(listed.into_iter().map(|mut member| {
            let known = known.get(&key(&member)).copied().flatten();
            async move {
                member.uid = match known {
                    Some(uid) => Some(uid),
                    None => self.uid(domain, &member).await?,
                };
                Ok::<_, ServiceError>(member)
            }
        }));
        let mut members: Vec<Member> = described.buffer_unordered(CONCURRENT).try_collect().await?;
        members.sort();
        Ok(members)
    }

    async fn uid(&self, domain: &str, member: &Member) -> ServiceResult<Option<u32>> {
        let (operation, name) = match member.kind {
            MemberKind::Profile => ("DescribeUserProfile", "UserProfileName"),
            MemberKind::Space => ("DescribeSpace", "SpaceName"),
        };
        let input = json!({ "DomainId": domain, name: member.name });
        match self.ask(operation, input).await {
            Ok(answer) => Ok(match &answer["HomeEfsFileSystemUid"] {
                Value::String(uid) => uid.parse().ok(),
                uid => uid.as_u64().and_then(|uid| uid.try_into().ok()),
            }),
            // The member was deleted since it was listed.
            Err(error) if error.trouble == Trouble::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the apps in every state. An app in a private space runs for the space's owner.
    async fn apps(&self, domain: &str) -> ServiceResult<Vec<App>> {
        let spaces = self.all("ListSpaces", "Spaces", Some(domain)).await?;
        let owner = |space: &Value| {
            let owner = text(&space["OwnershipSettingsSummary"], "OwnerUserProfileName")?;
            let private = space["SpaceSharingSettingsSummary"]["SharingType"] == "Private";
            Some((text(space, "SpaceName")?, owner)).filter(|_| private)
        };
        let owners: HashMap<String, String> = spaces.iter().filter_map(owner).collect();
        let app = |value: &Value| {
            let space = text(value, "SpaceName");
            let owner = space.as_ref().and_then(|space| owners.get(space)).cloned();
            Some(App {
                kind: text(value, "AppType")?,
                name: text(value, "AppName")?,
                profile: text(value, "UserProfileName").or(owner),
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

/// The resource of a call, for errors: its domain and the profile or space.
fn named(input: &Map<String, Value>) -> String {
    let keys = ["DomainId", "DomainIdEquals", "UserProfileName", "SpaceName"];
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
