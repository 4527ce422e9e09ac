//! Packed forms of the parts of a report that occur in large numbers.

use jiff::Timestamp;

use super::model::*;
use super::money::Reclaimable;
use crate::aws::MemberKind;
use crate::packed::{Pack, PackNumbered, Packer, Unpacker, pack_enums, pack_structs};
use crate::units::MeteredBytes;

pack_structs! {
    HomeReport {
        name, name_base64, kind, uid, owner, directory_owner, coverage, errors, vanished, newest_mtime, usage,
        foreign, shared, charged_elsewhere, rules, freed_across_rules, findings, largest_files,
        largest_dirs, quota, cost_month, reclaimable
    }
    Owner { name, aliases, member, status, has_namesake | source, group }
    DirectoryOwner { uid, name }
    Usage {
        files, dirs, symlinks, other, apparent_bytes, allocated_bytes, metered_bytes, by_class, by_age
    }
    ByClass { trash, cache, environment, output, log, rest }
    ByAge { days_7, days_30, days_90, year_1, older, future }
    RuleReport {
        class, hint, places, usage, frees, cost_month | rule, command, advice, note
    }
    Together { with, places, frees }
    LargeFile { path, path_base64, allocated_bytes, apparent_bytes, mtime, links }
    LargeDir { path, path_base64, allocated_bytes }
    Quota { limit_bytes, used_percent, over }
    Reclaimable { share, month }
    TopLevel { name, name_base64, allocated_bytes }
}

pack_enums! {
    Coverage { Complete, Partial, Interrupted }
    OwnerStatus { Known, Orphan, Unknown }
    MemberKind { Profile, Space }
}

/// Most shares are empty, and the metered size of those from a scan follows from the other fields.
impl Pack for Share {
    fn pack(&self, to: &mut Packer<'_>) {
        let Self { inodes, allocated_bytes, metered_bytes } = self;
        let is_plain = *metered_bytes == MeteredBytes::of(*allocated_bytes, *inodes);
        let kind = match is_plain {
            true if *self == Self::default() => 0,
            true => 1,
            false => 2u8,
        };
        kind.pack(to);
        if kind > 0 {
            (*inodes, *allocated_bytes).pack(to);
        }
        if kind > 1 {
            metered_bytes.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let kind = u8::unpack(from);
        if kind == 0 {
            return Self::default();
        }
        let (inodes, allocated_bytes) = Pack::unpack(from);
        let metered_bytes = match kind {
            1 => MeteredBytes::of(allocated_bytes, inodes),
            _ => Pack::unpack(from),
        };
        Self { inodes, allocated_bytes, metered_bytes }
    }
}

impl Pack for Timestamp {
    fn pack(&self, to: &mut Packer<'_>) {
        to.time(self.as_second());
        to.signed(self.subsec_nanosecond().into());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (seconds, nanoseconds) = (from.time(), from.signed());
        let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
        Self::new(seconds, nanoseconds).unwrap_or_default()
    }
}

impl Pack for Finding {
    fn pack(&self, to: &mut Packer<'_>) {
        let Self { rule, class, hint, path, path_base64, usage, frees, together, across, .. } =
            self;
        let Self { cost_month, command, advice, .. } = self;
        to.numbered(rule);
        class.pack(to);
        hint.pack(to);
        path.pack(to);
        path_base64.pack(to);
        usage.pack(to);
        frees.pack(to);
        together.pack(to);
        across.pack(to);
        cost_month.pack(to);
        advice.pack_numbered(to);
        // Most commands differ only in the path.
        let around = command.as_ref().and_then(|command| command.split_once(path.as_str()));
        around.is_some().pack(to);
        match around {
            None => command.pack(to),
            Some((before, after)) => {
                to.numbered(before);
                to.numbered(after);
            }
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let mut finding = Self {
            rule: from.numbered(),
            class: Pack::unpack(from),
            hint: Pack::unpack(from),
            path: Pack::unpack(from),
            path_base64: Pack::unpack(from),
            usage: Pack::unpack(from),
            frees: Pack::unpack(from),
            together: Pack::unpack(from),
            across: Pack::unpack(from),
            cost_month: Pack::unpack(from),
            advice: PackNumbered::unpack_numbered(from),
            command: None,
        };
        finding.command = match bool::unpack(from) {
            false => Pack::unpack(from),
            true => {
                let before = from.numbered();
                let after = from.numbered();
                Some([before, finding.path.clone(), after].concat())
            }
        };
        finding
    }
}
