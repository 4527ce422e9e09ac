//! Quotas of homes and of groups.

use std::collections::BTreeSet;

use super::model::Quota;
use crate::names::{NameMap, Spelling};
use crate::text::is_uid;
use crate::units::{AllocatedBytes, human};

/// Limits on allocated bytes by owner or uid and by group, and a default for homes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// For every home without a quota of its own.
    pub default: Option<AllocatedBytes>,
    /// By name, or by uid in digits.
    pub users: NameMap<AllocatedBytes>,
    /// By the name of a group: all homes of its people together.
    pub groups: NameMap<AllocatedBytes>,
}

impl Quotas {
    /// The quota of a home that uses `used`. The first of `names` (owner, home) that has a quota
    /// takes precedence over the uid.
    pub fn of(
        &self,
        uid: Option<u32>,
        names: &[&str],
        used: AllocatedBytes,
        spelling: Spelling,
    ) -> Option<Quota> {
        // A uid is not a name: a person named like another person's uid does not get that quota.
        let names = names.iter().filter(|name| !is_uid(name));
        let quota = |name: &&&str| self.users.get(name, spelling);
        let by_name = names.into_iter().find_map(|name| quota(&name));
        let by_uid = || uid.and_then(|uid| self.users.get(&uid.to_string(), Spelling::Exact));
        let limit = by_name.or_else(by_uid).copied().or(self.default)?;
        Some(Quota::reached(limit, used))
    }

    /// The quota of a group whose homes use `used` together. A name that is one of `twins` has only
    /// the quota with the same spelling.
    pub fn of_group(
        &self,
        name: &str,
        used: AllocatedBytes,
        twins: &BTreeSet<&str>,
    ) -> Option<Quota> {
        let limit = self.groups.get(name, Spelling::of(name, twins))?;
        Some(Quota::reached(*limit, used))
    }
}

impl Quota {
    /// A quota of which `used` is used.
    pub(crate) fn reached(limit: AllocatedBytes, used: AllocatedBytes) -> Self {
        // Tenths of a percent. The configuration refuses a limit of 0.
        let tenths = u128::from(used.0) * 1000 / u128::from(limit.0.max(1));
        Self { limit_bytes: limit, used_percent: tenths as f64 / 10.0, over: used > limit }
    }

    /// `45.0 % of 10 GiB`.
    pub fn human(&self) -> String {
        format!("{:.1} % of {}", self.used_percent, human(self.limit_bytes.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_quota_overrides_the_default() {
        let quotas = Quotas {
            default: Some(AllocatedBytes(1000)),
            users: [("alice", 2000), ("200006", 500)]
                .map(|(who, limit)| (who.to_owned(), AllocatedBytes(limit)))
                .into_iter()
                .collect(),
            ..Quotas::default()
        };
        let used = |uid, name, bytes| {
            let used = AllocatedBytes(bytes);
            let quota = quotas.of(Some(uid), name, used, Spelling::Alike).expect("a quota");
            (quota.used_percent, quota.over)
        };
        assert_eq!(used(200_005, &["alice", "200005"], 1999), (99.9, false));
        assert_eq!(used(200_005, &["Alice"], 1999), (99.9, false));
        assert_eq!(used(200_006, &[], 501), (100.2, true));
        assert_eq!(used(200_007, &["200007"], 1000), (100.0, false));
        // A person whose name is another person's uid.
        assert_eq!(used(200_099, &["200006"], 1000), (100.0, false));
        assert_eq!(used(200_006, &["200099"], 501), (100.2, true));
        let none = Quotas::default().of(Some(1), &[], AllocatedBytes(1), Spelling::Alike);
        assert_eq!(none, None);
        // If there is another Alice, each has only the quota with the exact spelling of her name.
        let limit = |name, spelling| {
            quotas.of(None, &[name], AllocatedBytes(1), spelling).map(|quota| quota.limit_bytes.0)
        };
        assert_eq!(limit("Alice", Spelling::Alike), Some(2000));
        assert_eq!(limit("Alice", Spelling::Exact), Some(1000));
    }
}
