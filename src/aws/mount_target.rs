//! The mount target to ask without a mount: the one in this machine's availability zone, because
//! what crosses zones is slower and billed.

use std::time::Duration;

use aws_config::imds;
use aws_sdk_efs::types::{LifeCycleState, MountTargetDescription};

use super::error::{Asked, service_error};
use super::session::Session;
use super::{Aws, MountTarget};
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Where an instance learns its zone (EC2 user guide, "Instance metadata categories").
const ZONE: &str = "/latest/meta-data/placement/availability-zone-id";

/// Instance metadata are one hop away, or there are none.
const NEAR: Duration = Duration::from_secs(1);

impl Aws {
    /// The mount target of a file system that is nearest.
    ///
    /// # Errors
    /// Names the file system: EFS does not say, or it has none that can be used.
    pub fn mount_target(&self, id: &str) -> ServiceResult<MountTarget> {
        let permission = "elasticfilesystem:DescribeMountTargets";
        let asked = Asked::new("EFS DescribeMountTargets", id, permission);
        let session = self.session()?;
        let client = aws_sdk_efs::Client::new(&session.config);
        let call = client.describe_mount_targets().file_system_id(id);
        let answer = session.runtime.block_on(call.send());
        let answer = answer.map_err(|error| service_error(&asked, &error))?;
        let usable = |target: &&MountTargetDescription| {
            *target.life_cycle_state() == LifeCycleState::Available
        };
        let region = session.config.region().map_or("", |region| region.as_ref());
        let name = dns_name(id, region);
        let all = answer.mount_targets().iter().filter(usable);
        let all: Vec<MountTarget> = all.filter_map(|found| target(found, name.clone())).collect();
        let zone = if all.len() > 1 { session.zone() } else { None };
        let near = |target: &MountTarget| zone.as_ref().map(|zone| *zone == target.zone);
        let nearest = all.into_iter().map(|target| MountTarget { near: near(&target), ..target });
        // Of several in one zone, which there are none of, any.
        nearest.max_by_key(|target| target.near).ok_or_else(|| {
            let text = format!("{asked}: it has no mount target with an address that is available");
            ServiceError::new(Trouble::Missing, text)
        })
    }
}

fn target(found: &MountTargetDescription, name: String) -> Option<MountTarget> {
    let zone = found.availability_zone_id().unwrap_or_default().to_owned();
    Some(MountTarget { address: found.ip_address()?.to_owned(), name, zone, near: None })
}

/// As the EFS user guide has it ("Mounting file systems", the DNS name), and in China as
/// `dns_name_suffix` of efs-utils' configuration has it.
fn dns_name(id: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{id}.efs.{region}.{suffix}")
}

impl Session {
    /// The id of this machine's availability zone, if it is an instance.
    fn zone(&self) -> Option<String> {
        if std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|text| text == "true") {
            return None;
        }
        let client = imds::Client::builder().connect_timeout(NEAR).read_timeout(NEAR);
        let client = client.max_attempts(1).build();
        match self.runtime.block_on(client.get(ZONE)) {
            Ok(zone) => Some(zone.as_ref().to_owned()),
            Err(error) => {
                tracing::debug!(%error, "this machine's availability zone is not known");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::dns_name;

    #[test]
    fn file_systems_have_names_by_their_region() {
        assert_eq!(dns_name("fs-1", "eu-west-3"), "fs-1.efs.eu-west-3.amazonaws.com");
        assert_eq!(dns_name("fs-1", "cn-north-1"), "fs-1.efs.cn-north-1.amazonaws.com.cn");
    }
}
