//! Packs a home and unpacks it. Every field is listed below: one that is forgotten does not compile.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::MemberKind;
use crate::packed::{Packer, Unpacker};
use crate::report::model::*;
use crate::report::money::Reclaimable;
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes, Usd};
use crate::usage::Class;

/// Texts that many homes have, numbered: names of rules, their commands and advice.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, u64>,
    all: Vec<Arc<str>>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let (number, text) = (self.all.len() as u64, Arc::<str>::from(text));
        self.all.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    fn text(&self, number: u64) -> String {
        let at = usize::try_from(number).ok();
        at.and_then(|at| self.all.get(at)).map(|text| text.to_string()).unwrap_or_default()
    }
}

pub(super) fn pack(home: &HomeReport, texts: &mut Texts) -> Box<[u8]> {
    let mut to = To { bytes: Packer::default(), base: "", texts };
    home.name.pack(&mut to);
    to.base = &home.name;
    home.pack(&mut to);
    to.bytes.finish()
}

pub(super) fn unpack(bytes: &[u8], texts: &Texts) -> HomeReport {
    let mut from = From { bytes: Unpacker::new(bytes), base: String::new(), texts };
    from.base = String::unpack(&mut from);
    HomeReport::unpack(&mut from)
}

struct To<'a> {
    bytes: Packer,
    /// The name of the home, with which most texts begin.
    base: &'a str,
    texts: &'a mut Texts,
}

struct From<'a> {
    bytes: Unpacker<'a>,
    base: String,
    texts: &'a Texts,
}

trait Pack {
    fn pack(&self, to: &mut To<'_>);
    fn unpack(from: &mut From<'_>) -> Self;
}

/// Texts that are the same in many homes.
trait PackNumbered {
    fn pack_numbered(&self, to: &mut To<'_>);
    fn unpack_numbered(from: &mut From<'_>) -> Self;
}

/// Structs, field by field. Fields behind the bar are texts that many homes have.
macro_rules! structs {
    ($($type:ident { $($field:ident),* $(| $($text:ident),*)? })*) => {$(
        impl Pack for $type {
            fn pack(&self, to: &mut To<'_>) {
                $(self.$field.pack(to);)*
                $($(self.$text.pack_numbered(to);)*)?
            }

            fn unpack(from: &mut From<'_>) -> Self {
                Self {
                    $($field: Pack::unpack(from),)*
                    $($($text: PackNumbered::unpack_numbered(from),)*)?
                }
            }
        }
    )*};
}

structs! {
    HomeReport {
        name, name_base64, kind, uid, owner, directory_owner, coverage, errors, vanished, newest_mtime, usage,
        foreign, shared, charged_elsewhere, rules, freed_across_rules, findings, largest_files,
        largest_dirs, quota, cost_month, reclaimable
    }
    Owner { name, aliases, member, status | source, group }
    DirectoryOwner { uid, name }
    Usage {
        files, dirs, symlinks, other, apparent_bytes, allocated_bytes, metered_bytes, by_class, by_age
    }
    ByClass { trash, cache, environment, output, log, rest }
    ByAge { days_7, days_30, days_90, year_1, older, future }
    RuleReport {
        class, hint, places, usage, frees, cost_month | rule, command, advice, note
    }
    Together { with, frees }
    LargeFile { path, path_base64, allocated_bytes, apparent_bytes, mtime, links }
    LargeDir { path, path_base64, allocated_bytes }
    Quota { limit_bytes, used_percent, over }
    Reclaimable { share, month }
}

/// Enums, by the position of the variant in this list; the first stands for none of them.
macro_rules! enums {
    ($($type:ident { $first:ident $(, $variant:ident)* })*) => {$(
        impl Pack for $type {
            fn pack(&self, to: &mut To<'_>) {
                const ALL: &[$type] = &[$type::$first $(, $type::$variant)*];
                // An error here says that a variant is missing in the list.
                match self { Self::$first $(| Self::$variant)* => {} }
                let at = ALL.iter().position(|variant| variant == self);
                to.bytes.number(at.unwrap_or(0) as u64);
            }

            fn unpack(from: &mut From<'_>) -> Self {
                const ALL: &[$type] = &[$type::$first $(, $type::$variant)*];
                let at = usize::try_from(from.bytes.number()).ok();
                at.and_then(|at| ALL.get(at)).copied().unwrap_or(Self::$first)
            }
        }
    )*};
}

enums! {
    HomeKind { Uid, Named, Outside }
    Coverage { Complete, Partial, Interrupted }
    OwnerStatus { Known, Orphan, Unknown }
    MemberKind { Profile, Space }
    Class { Rest, Trash, Cache, Environment, Output, Log }
}

macro_rules! numbers {
    ($($type:ident: $of:expr, $make:expr;)*) => {$(
        impl Pack for $type {
            fn pack(&self, to: &mut To<'_>) {
                to.bytes.number($of(*self));
            }

            fn unpack(from: &mut From<'_>) -> Self {
                $make(from.bytes.number())
            }
        }
    )*};
}

numbers! {
    u64: |number| number, |number| number;
    u32: u64::from, |number| u32::try_from(number).unwrap_or(u32::MAX);
    bool: u64::from, |number| number == 1;
    AllocatedBytes: |AllocatedBytes(bytes)| bytes, AllocatedBytes;
    ApparentBytes: |ApparentBytes(bytes)| bytes, ApparentBytes;
    MeteredBytes: |MeteredBytes(bytes)| bytes, MeteredBytes;
    // Most numbers have few digits, and zeros at their end as bits.
    f64: |number: f64| number.to_bits().reverse_bits(), |bits: u64| f64::from_bits(bits.reverse_bits());
}

impl Pack for Usd {
    fn pack(&self, to: &mut To<'_>) {
        self.0.pack(to);
    }

    fn unpack(from: &mut From<'_>) -> Self {
        Self(f64::unpack(from))
    }
}

/// Most shares are of nothing.
impl Pack for Share {
    fn pack(&self, to: &mut To<'_>) {
        let Self { inodes, allocated_bytes, metered_bytes } = self;
        let is_some = *self != Self::default();
        is_some.pack(to);
        if is_some {
            inodes.pack(to);
            allocated_bytes.pack(to);
            metered_bytes.pack(to);
        }
    }

    fn unpack(from: &mut From<'_>) -> Self {
        match bool::unpack(from) {
            false => Self::default(),
            true => Self {
                inodes: Pack::unpack(from),
                allocated_bytes: Pack::unpack(from),
                metered_bytes: Pack::unpack(from),
            },
        }
    }
}

impl Pack for Timestamp {
    fn pack(&self, to: &mut To<'_>) {
        to.bytes.signed(self.as_second());
        to.bytes.signed(self.subsec_nanosecond().into());
    }

    fn unpack(from: &mut From<'_>) -> Self {
        let (seconds, nanoseconds) = (from.bytes.signed(), from.bytes.signed());
        let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
        Self::new(seconds, nanoseconds).unwrap_or_default()
    }
}

/// A text that begins with the name of its home is packed without it.
impl Pack for String {
    fn pack(&self, to: &mut To<'_>) {
        let rest = self.strip_prefix(to.base).filter(|_| !to.base.is_empty());
        rest.is_some().pack(to);
        to.bytes.bytes(rest.unwrap_or(self).as_bytes());
    }

    fn unpack(from: &mut From<'_>) -> Self {
        let has_base = bool::unpack(from);
        let bytes = from.bytes.bytes();
        // They were a text, so nothing is lost.
        let text = String::from_utf8_lossy(bytes);
        if has_base { [&*from.base, &*text].concat() } else { text.into_owned() }
    }
}

impl PackNumbered for String {
    fn pack_numbered(&self, to: &mut To<'_>) {
        let number = to.texts.number(self);
        to.bytes.number(number);
    }

    fn unpack_numbered(from: &mut From<'_>) -> Self {
        let number = from.bytes.number();
        from.texts.text(number)
    }
}

impl PackNumbered for Option<String> {
    fn pack_numbered(&self, to: &mut To<'_>) {
        self.is_some().pack(to);
        if let Some(text) = self {
            text.pack_numbered(to);
        }
    }

    fn unpack_numbered(from: &mut From<'_>) -> Self {
        bool::unpack(from).then(|| String::unpack_numbered(from))
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut To<'_>) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut From<'_>) -> Self {
        bool::unpack(from).then(|| T::unpack(from))
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, to: &mut To<'_>) {
        to.bytes.number(self.len() as u64);
        self.iter().for_each(|item| item.pack(to));
    }

    fn unpack(from: &mut From<'_>) -> Self {
        (0..from.bytes.number()).map(|_| T::unpack(from)).collect()
    }
}

impl Pack for Finding {
    fn pack(&self, to: &mut To<'_>) {
        let Self {
            rule, class, hint, path, path_base64, usage, frees, together, cost_month, ..
        } = self;
        let Self { command, advice, .. } = self;
        rule.pack_numbered(to);
        class.pack(to);
        hint.pack(to);
        path.pack(to);
        path_base64.pack(to);
        usage.pack(to);
        frees.pack(to);
        together.pack(to);
        cost_month.pack(to);
        advice.pack_numbered(to);
        // Most commands are the same but for the path.
        let around = command.as_ref().and_then(|command| command.split_once(path.as_str()));
        around.is_some().pack(to);
        match around {
            None => command.pack(to),
            Some((before, after)) => {
                before.to_owned().pack_numbered(to);
                after.to_owned().pack_numbered(to);
            }
        }
    }

    fn unpack(from: &mut From<'_>) -> Self {
        let mut finding = Self {
            rule: PackNumbered::unpack_numbered(from),
            class: Pack::unpack(from),
            hint: Pack::unpack(from),
            path: Pack::unpack(from),
            path_base64: Pack::unpack(from),
            usage: Pack::unpack(from),
            frees: Pack::unpack(from),
            together: Pack::unpack(from),
            cost_month: Pack::unpack(from),
            advice: PackNumbered::unpack_numbered(from),
            command: None,
        };
        finding.command = match bool::unpack(from) {
            false => Pack::unpack(from),
            true => {
                let before = String::unpack_numbered(from);
                let after = String::unpack_numbered(from);
                Some([before, finding.path.clone(), after].concat())
            }
        };
        finding
    }
}
