//! EFS's DescribeFileSystems.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::errors::Failure;
use super::http::Answer;
use super::route::Call;
use super::state::State;
use super::{ACCOUNT, REGION, Stub, wire};

/// Size of a file system in EFS's description.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    pub value: u64,
    pub standard: u64,
    pub ia: u64,
    pub archive: u64,
    /// Time of the measurement, in seconds since the epoch.
    pub at_epoch_seconds: f64,
}

/// File systems by their ids.
#[derive(Default)]
pub struct FileSystems {
    systems: BTreeMap<String, (f64, Sizes)>,
    /// Address, availability zone and state of each mount target.
    targets: BTreeMap<String, Vec<[&'static str; 3]>>,
    /// Lifecycle policies: names of transitions with their rules.
    lifecycles: BTreeMap<String, Vec<[&'static str; 2]>>,
    /// Throughput modes, and MiB/s of provisioned throughput.
    modes: BTreeMap<String, (&'static str, Option<f64>)>,
}

impl Stub {
    /// Creates a file system, or changes its sizes.
    pub fn file_system(&self, id: &str, sizes: Sizes) {
        let mut state = self.state();
        state.efs.systems.entry(id.to_owned()).or_insert((wire::now(), sizes)).1 = sizes;
    }

    /// Sets the lifecycle policies: `["TransitionToIA", "AFTER_30_DAYS"]`.
    pub fn lifecycle(&self, id: &str, policies: &[[&'static str; 2]]) {
        self.state().efs.lifecycles.insert(id.to_owned(), policies.to_vec());
    }

    /// Sets the throughput mode, with MiB/s for `provisioned`. File systems begin as `elastic`.
    pub fn throughput_mode(&self, id: &str, mode: &'static str, mib: Option<f64>) {
        self.state().efs.modes.insert(id.to_owned(), (mode, mib));
    }

    pub fn delete_file_system(&self, id: &str) {
        self.state().efs.systems.remove(id);
    }
}

impl Stub {
    /// Adds a mount target: its address, availability zone and state.
    pub fn mount_target(&self, id: &str, target: [&'static str; 3]) {
        self.state().efs.targets.entry(id.to_owned()).or_default().push(target);
    }
}

pub fn perform(state: &mut State, call: &Call) -> Result<Answer, Failure> {
    if call.operation == "DescribeMountTargets" {
        return mount_targets(state, call);
    }
    if call.operation == "DescribeLifecycleConfiguration" {
        if !state.efs.systems.contains_key(&call.target) {
            let message = format!("File system '{}' does not exist.", call.target);
            return Err(Failure::new(404, "FileSystemNotFound", message));
        }
        let policies = state.efs.lifecycles.get(&call.target).into_iter().flatten();
        let policies: Vec<Value> = policies.map(|[name, rule]| json!({ *name: rule })).collect();
        let body = json!({ "LifecyclePolicies": policies });
        return Ok(Answer::new(200, "application/json", body.to_string()));
    }
    if call.operation != "DescribeFileSystems" {
        state
            .violation(call, format!("{} {} is not in the stub", call.http.method, call.http.path));
        return Err(Failure::new(404, "UnknownOperationException", "not in the stub"));
    }
    let systems = &state.efs.systems;
    let asked = call.target.rsplit('/').next().filter(|id| !id.is_empty());
    let describe = |(id, system): (&String, &(f64, Sizes))| {
        let mode = state.efs.modes.get(id).copied();
        describe(id, system, mode.unwrap_or(("elastic", None)))
    };
    let found: Vec<Value> = match asked {
        Some(id) => systems.get_key_value(id).into_iter().map(describe).collect(),
        None => systems.iter().map(describe).collect(),
    };
    if let (Some(id), true) = (asked, found.is_empty()) {
        let message = format!("File system '{id}' does not exist.");
        return Err(Failure::new(404, "FileSystemNotFound", message));
    }
    let body = json!({ "FileSystems": found, "Marker": null, "NextMarker": null });
    Ok(Answer::new(200, "application/json", body.to_string()))
}

fn mount_targets(state: &State, call: &Call) -> Result<Answer, Failure> {
    let id = &call.target;
    if !state.efs.systems.contains_key(id) {
        let message = format!("File system '{id}' does not exist.");
        return Err(Failure::new(404, "FileSystemNotFound", message));
    }
    let targets = state.efs.targets.get(id).into_iter().flatten();
    let described: Vec<Value> = targets
        .enumerate()
        .map(|(at, [address, zone, state])| {
            json!({
                "OwnerId": ACCOUNT,
                "MountTargetId": format!("fsmt-{at:08x}"),
                "FileSystemId": id,
                "SubnetId": format!("subnet-{at:08x}"),
                "LifeCycleState": state,
                (if address.contains(':') { "Ipv6Address" } else { "IpAddress" }): address,
                "NetworkInterfaceId": format!("eni-{at:08x}"),
                "AvailabilityZoneId": zone,
                "VpcId": "vpc-00000000",
            })
        })
        .collect();
    let body = json!({ "MountTargets": described, "Marker": null, "NextMarker": null });
    Ok(Answer::new(200, "application/json", body.to_string()))
}

fn describe(id: &str, (created, sizes): &(f64, Sizes), (mode, mib): (&str, Option<f64>)) -> Value {
    json!({
        "OwnerId": ACCOUNT,
        "CreationToken": format!("token-{id}"),
        "FileSystemId": id,
        "FileSystemArn": format!("arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/{id}"),
        "CreationTime": created,
        "LifeCycleState": "available",
        "Name": "homes",
        "NumberOfMountTargets": 1,
        "SizeInBytes": {
            "Value": sizes.value,
            "Timestamp": sizes.at_epoch_seconds,
            "ValueInIA": sizes.ia,
            "ValueInStandard": sizes.standard,
            "ValueInArchive": sizes.archive,
        },
        "PerformanceMode": "generalPurpose",
        "Encrypted": true,
        "ThroughputMode": mode,
        "ProvisionedThroughputInMibps": mib,
        "Tags": [{ "Key": "Name", "Value": "homes" }],
        "FileSystemProtection": { "ReplicationOverwriteProtection": "ENABLED" },
    })
}
