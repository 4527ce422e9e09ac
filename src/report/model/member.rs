//! The part of the report that is about the people and spaces of SageMaker Studio.

use super::*;
use crate::aws::Member;
use crate::units::VolumeBytes;

/// A user profile or a space in SageMaker Studio, with a home or without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StudioMember {
    /// The source of names that has the member, as written: `sagemaker:DOMAIN`.
    pub source: String,
    /// User profile or space.
    pub kind: MemberKind,
    /// The name, which is unique among members of this kind in the domain.
    pub name: String,
    /// The uid of its home. A private space has the uid of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The user profile that a space belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Size of the space's EBS volume, which is not part of the file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebs_bytes: Option<VolumeBytes>,
    /// Ids of the attached EFS file systems, without the domain's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_systems: Vec<String>,
}

impl StudioMember {
    pub(in crate::report) fn new(source: String, member: &Member) -> Self {
        Self {
            source,
            kind: member.kind,
            name: member.name.clone(),
            uid: member.uid,
            owner: member.owner.clone(),
            // EBS counts in GiB, and the API calls them GB.
            ebs_bytes: member.ebs_gib.map(|gib| VolumeBytes(u64::from(gib) << 30)),
            file_systems: member.file_systems.clone().unwrap_or_default(),
        }
    }
}
