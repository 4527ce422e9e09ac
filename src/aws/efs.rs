//! EFS: DescribeFileSystems, DescribeLifecycleConfiguration and DescribeMountTargets.

use std::net::UdpSocket;
use std::time::Duration;

use aws_config::imds;
use aws_sdk_efs::Client;
use aws_sdk_efs::config::Builder;
use aws_sdk_efs::error::ProvideErrorMetadata;
use aws_sdk_efs::types::{
    self as efs, FileSystemDescription, LifeCycleState, MountTargetDescription,
};
use aws_types::SdkConfig;
use aws_types::region::Region;
use jiff::Timestamp;

use super::answer::MaxAnswer;
use super::endpoint;
use super::error::{ApiCall, service_error};
use super::session::Sdk;
use super::{
    Aws, EfsDescription, EfsLifecycle, EfsSize, EfsThroughput, MountTarget, ThroughputMode,
};
use crate::log;
use crate::service_error::{ServiceError, ServiceResult, Trouble};
use crate::units::MeteredBytes;

/// Path of this machine's zone (EC2 user guide, "Instance metadata categories").
const ZONE: &str = "/latest/meta-data/placement/availability-zone-id";

/// Time limit of the instance metadata service, which is one hop away or absent.
const METADATA: Duration = Duration::from_secs(1);

impl Aws {
    /// Reads the metered size and the throughput mode of a file system in the given region, or else
    /// in the configured one.
    ///
    /// # Errors
    /// Names the file system.
    pub fn file_system(&self, id: &str, region: Option<&str>) -> ServiceResult<EfsDescription> {
        let permission = "elasticfilesystem:DescribeFileSystems";
        let call = ApiCall::new("EFS DescribeFileSystems", id, permission);
        let sdk = self.sdk()?;
        let request = client(sdk, region).describe_file_systems().file_system_id(id);
        let answer = sdk.runtime.block_on(request.send());
        let answer = answer.map_err(|error| service_error(&call, &error))?;
        let found = answer.file_systems().iter().find(|found| found.file_system_id() == id);
        let size = found.and_then(|found| found.size_in_bytes()).ok_or_else(|| {
            ServiceError::new(Trouble::Missing, format!("{call}: the answer has no size of it"))
        })?;
        // AWS uses signed numbers for sizes.
        let metered = |bytes: i64| MeteredBytes(bytes.try_into().unwrap_or_default());
        let size = EfsSize {
            value: metered(size.value()),
            standard: size.value_in_standard().map(metered),
            infrequent_access: size.value_in_ia().map(metered),
            archive: size.value_in_archive().map(metered),
            at: size.timestamp().and_then(|time| Timestamp::from_second(time.secs()).ok()),
        };
        Ok(EfsDescription { size, throughput: found.and_then(throughput) })
    }

    /// Reads the lifecycle configuration of a file system.
    ///
    /// # Errors
    /// Names the file system.
    pub fn lifecycle(&self, id: &str, region: Option<&str>) -> ServiceResult<EfsLifecycle> {
        let permission = "elasticfilesystem:DescribeLifecycleConfiguration";
        let call = ApiCall::new("EFS DescribeLifecycleConfiguration", id, permission);
        let sdk = self.sdk()?;
        let request = client(sdk, region).describe_lifecycle_configuration().file_system_id(id);
        let answer = sdk.runtime.block_on(request.send());
        let answer = answer.map_err(|error| service_error(&call, &error))?;
        let policies = answer.lifecycle_policies();
        let ia = policies.iter().find_map(|policy| days(policy.transition_to_ia()?.as_str()));
        let archive =
            policies.iter().find_map(|policy| days(policy.transition_to_archive()?.as_str()));
        Ok(EfsLifecycle { to_ia_days: ia, to_archive_days: archive })
    }

    /// Returns the DNS name of a file system in the given region, or else in the configured one.
    /// The certificates of its mount targets are for this name.
    ///
    /// # Errors
    /// There is no region.
    pub fn file_system_name(&self, id: &str, region: Option<&str>) -> ServiceResult<String> {
        let config = in_region(&self.sdk()?.config, region);
        Ok(format!("{id}.efs.{}", endpoint::of_file_systems(&config)?))
    }

    /// Finds the nearest mount target of a file system: the one in this machine's availability zone
    /// if there is one, because traffic between zones is slower and billed. EFS only knows the file
    /// systems of this account; for another account's, the address is the DNS name, which resolves
    /// in a shared subnet.
    ///
    /// # Errors
    /// Names the file system. It is also an error if no mount target is available.
    pub fn mount_target(&self, id: &str, region: Option<&str>) -> ServiceResult<MountTarget> {
        let permission = "elasticfilesystem:DescribeMountTargets";
        let call = ApiCall::new("EFS DescribeMountTargets", id, permission);
        let sdk = self.sdk()?;
        let request = client(sdk, region).describe_mount_targets().file_system_id(id);
        let name = self.file_system_name(id, region)?;
        let answer = match sdk.runtime.block_on(request.send()) {
            Err(error) if error.code() == Some("FileSystemNotFound") => {
                let error = service_error(&call, &error).text;
                log::warn!(
                    "{error}; this is normal for another account's file system: trying {name}. If \
                     that does not resolve, give ROOT as nfs://ADDRESS/ of a mount target"
                );
                let address = name.clone();
                return Ok(MountTarget { address, name, zone: String::new(), near: None });
            }
            answer => answer.map_err(|error| service_error(&call, &error))?,
        };
        let usable = |target: &&MountTargetDescription| {
            *target.life_cycle_state() == LifeCycleState::Available
        };
        let all = answer.mount_targets().iter().filter(usable);
        let all: Vec<MountTarget> = all.filter_map(|found| target(found, name.clone())).collect();
        let zone = if all.is_empty() { None } else { sdk.zone() };
        let near = |target: &MountTarget| zone.as_ref().map(|zone| *zone == target.zone);
        let nearest = all.into_iter().map(|target| MountTarget { near: near(&target), ..target });
        // A file system has at most one mount target in each zone.
        nearest.max_by_key(|target| target.near).ok_or_else(|| {
            let text = format!("{call}: it has no mount target with an address that is available");
            ServiceError::new(Trouble::Missing, text)
        })
    }
}

/// Returns the throughput mode.
fn throughput(found: &FileSystemDescription) -> Option<EfsThroughput> {
    let mode = match found.throughput_mode()? {
        efs::ThroughputMode::Elastic => ThroughputMode::Elastic,
        efs::ThroughputMode::Bursting => ThroughputMode::Bursting,
        efs::ThroughputMode::Provisioned => ThroughputMode::Provisioned,
        _ => return None,
    };
    Some(EfsThroughput { mode, provisioned_mib: found.provisioned_throughput_in_mibps() })
}

/// Parses the number of days in `AFTER_30_DAYS` (EFS API reference, LifecyclePolicy).
fn days(rule: &str) -> Option<u32> {
    rule.strip_prefix("AFTER_")?.split('_').next()?.parse().ok()
}

/// Makes a client for the given region, or else for the configured one.
fn client(sdk: &Sdk, region: Option<&str>) -> Client {
    let config = in_region(&sdk.config, region);
    Client::from_conf(Builder::from(&config).interceptor(MaxAnswer).build())
}

/// Returns the configuration with another region.
pub(super) fn in_region(config: &SdkConfig, region: Option<&str>) -> SdkConfig {
    match region {
        None => config.clone(),
        Some(region) => config.to_builder().region(Region::new(region.to_owned())).build(),
    }
}

fn target(found: &MountTargetDescription, name: String) -> Option<MountTarget> {
    let zone = found.availability_zone_id().unwrap_or_default().to_owned();
    let addresses = [found.ip_address(), found.ipv6_address()];
    let addresses: Vec<&str> =
        addresses.into_iter().flatten().filter(|address| !address.is_empty()).collect();
    let routed = addresses.iter().find(|address| has_route(address));
    let address = routed.or(addresses.first())?.to_string();
    Some(MountTarget { address, name, zone, near: None })
}

/// True if this machine has a route to the address. Sends nothing.
fn has_route(address: &str) -> bool {
    let any = if address.contains(':') { "::" } else { "0.0.0.0" };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, 2049))).is_ok()
}

impl Sdk {
    /// Returns the id of this machine's availability zone, if it is an EC2 instance.
    fn zone(&self) -> Option<String> {
        if std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|text| text == "true") {
            return None;
        }
        let client = imds::Client::builder().connect_timeout(METADATA).read_timeout(METADATA);
        let client = client.max_attempts(1).build();
        match self.runtime.block_on(client.get(ZONE)) {
            Ok(zone) => Some(zone.as_ref().to_owned()),
            Err(error) => {
                log::debug!("this machine's availability zone is not known: {error}");
                None
            }
        }
    }
}
