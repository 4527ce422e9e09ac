//! DNS names of EFS file systems: `[ZONE.]fs-ID.efs.REGION.SUFFIX` (EFS user guide, "Mounting file
//! systems"). A name with a zone resolves to the mount target of that zone.

use crate::scan::is_file_system_id;

/// DNS name of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EfsName {
    /// `fs-…`
    pub file_system: String,
    pub region: String,
    /// The name without a zone, which is the one in the server's certificate.
    pub certified: String,
}

impl EfsName {
    /// Parses a host name; `None` if it does not have this form.
    pub fn of(host: &str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let first = host.split('.').next()?;
        let certified = match is_file_system_id(first) {
            true => host.as_str(),
            false => host.split_once('.')?.1,
        };
        let mut labels = certified.split('.');
        let file_system = labels.next().filter(|label| is_file_system_id(label))?;
        labels.next().filter(|label| *label == "efs")?;
        let region = labels.next().filter(|label| label.contains('-'))?;
        // The suffix of the partition.
        (labels.clone().count() >= 2 && labels.all(|label| !label.is_empty())).then_some(())?;
        Some(Self {
            file_system: file_system.to_owned(),
            region: region.to_owned(),
            certified: certified.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_file_system_and_a_region_and_perhaps_a_zone() {
        let name = "fs-0123456789abcdef0.efs.eu-west-3.amazonaws.com";
        for host in [
            name.to_owned(),
            format!("{name}."),
            format!("eu-west-3a.{name}"),
            format!("euw3-az1.{name}"),
            name.to_ascii_uppercase(),
        ] {
            let found = EfsName::of(&host).expect(&host);
            assert_eq!(found.file_system, "fs-0123456789abcdef0");
            assert_eq!((&*found.region, &*found.certified), ("eu-west-3", name));
        }
        let china = EfsName::of("fs-01234567.efs.cn-north-1.amazonaws.com.cn").expect("a name");
        assert_eq!((&*china.file_system, &*china.region), ("fs-01234567", "cn-north-1"));
        for other in [
            "fs-0123456789abcdef0",
            "efs.eu-west-3.amazonaws.com",
            "a.b.fs-01234567.efs.eu-west-3.amazonaws.com",
            "fs-01234567.s3files.eu-west-3.amazonaws.com",
            "fs-01234567.efs.localhost",
            "fs-x.efs.eu-west-3.amazonaws.com",
            "10.0.0.1",
            "",
        ] {
            assert_eq!(EfsName::of(other), None, "{other}");
        }
    }
}
