//! Packed forms of basic types, structs and enums.

use std::collections::{BTreeMap, BTreeSet};

use super::{Pack, Packer, Unpacker};
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes, Usd};

/// Packs structs field by field; a missing field does not compile. Fields after the bar are texts
/// that many items share.
macro_rules! pack_structs {
    ($($type:ident { $($field:ident),* $(| $($text:ident),*)? })*) => {$(
        impl $crate::packed::Pack for $type {
            fn pack(&self, to: &mut $crate::packed::Packer<'_>) {
                $(self.$field.pack(to);)*
                $($(self.$text.pack_numbered(to);)*)?
            }

            fn unpack(from: &mut $crate::packed::Unpacker<'_>) -> Self {
                Self {
                    $($field: $crate::packed::Pack::unpack(from),)*
                    $($($text: $crate::packed::PackNumbered::unpack_numbered(from),)*)?
                }
            }
        }
    )*};
}

/// Packs enums as the position of the variant in this list; an unknown position is the first.
macro_rules! pack_enums {
    ($($type:ident { $first:ident $(, $variant:ident)* })*) => {$(
        impl $crate::packed::Pack for $type {
            fn pack(&self, to: &mut $crate::packed::Packer<'_>) {
                const ALL: &[$type] = &[$type::$first $(, $type::$variant)*];
                // A compile error here means that a variant is missing in the list.
                match self { Self::$first $(| Self::$variant)* => {} }
                let at = ALL.iter().position(|variant| variant == self);
                to.number(at.unwrap_or(0) as u64);
            }

            fn unpack(from: &mut $crate::packed::Unpacker<'_>) -> Self {
                const ALL: &[$type] = &[$type::$first $(, $type::$variant)*];
                let at = usize::try_from(from.number()).ok();
                at.and_then(|at| ALL.get(at)).copied().unwrap_or(Self::$first)
            }
        }
    )*};
}

pub(crate) use {pack_enums, pack_structs};

macro_rules! numbers {
    ($($type:ident: $of:expr, $make:expr;)*) => {$(
        impl Pack for $type {
            fn pack(&self, to: &mut Packer<'_>) {
                to.number($of(*self));
            }

            fn unpack(from: &mut Unpacker<'_>) -> Self {
                $make(from.number())
            }
        }
    )*};
}

numbers! {
    u64: |number| number, |number| number;
    u32: u64::from, |number| u32::try_from(number).unwrap_or(u32::MAX);
    u16: u64::from, |number| u16::try_from(number).unwrap_or(u16::MAX);
    u8: u64::from, |number| u8::try_from(number).unwrap_or(u8::MAX);
    bool: u64::from, |number| number == 1;
    AllocatedBytes: |AllocatedBytes(bytes)| bytes, AllocatedBytes;
    ApparentBytes: |ApparentBytes(bytes)| bytes, ApparentBytes;
    MeteredBytes: |MeteredBytes(bytes)| bytes, MeteredBytes;
    // Most numbers have few significant bits. Reversed, the zeros at their end take no space.
    f64: |number: f64| number.to_bits().reverse_bits(), |bits: u64| f64::from_bits(bits.reverse_bits());
    Usd: |Usd(amount)| f64::to_bits(amount).reverse_bits(), |bits: u64| Usd(f64::from_bits(bits.reverse_bits()));
}

/// A time in seconds since 1970.
impl Pack for i64 {
    fn pack(&self, to: &mut Packer<'_>) {
        to.time(*self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.time()
    }
}

impl Pack for String {
    fn pack(&self, to: &mut Packer<'_>) {
        to.text(self.as_bytes());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        // The bytes are from a string, so nothing is lost.
        String::from_utf8_lossy(from.text()).into_owned()
    }
}

impl Pack for Box<[u8]> {
    fn pack(&self, to: &mut Packer<'_>) {
        to.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        from.text().into()
    }
}

/// Packs texts that many items share.
pub(crate) trait PackNumbered {
    fn pack_numbered(&self, to: &mut Packer<'_>);
    fn unpack_numbered(from: &mut Unpacker<'_>) -> Self;
}

impl PackNumbered for String {
    fn pack_numbered(&self, to: &mut Packer<'_>) {
        to.numbered(self);
    }

    fn unpack_numbered(from: &mut Unpacker<'_>) -> Self {
        from.numbered()
    }
}

impl PackNumbered for Option<String> {
    fn pack_numbered(&self, to: &mut Packer<'_>) {
        self.is_some().pack(to);
        if let Some(text) = self {
            to.numbered(text);
        }
    }

    fn unpack_numbered(from: &mut Unpacker<'_>) -> Self {
        bool::unpack(from).then(|| from.numbered())
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut Packer<'_>) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        bool::unpack(from).then(|| T::unpack(from))
    }
}

impl<T: Pack> Pack for Box<T> {
    fn pack(&self, to: &mut Packer<'_>) {
        (**self).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        Box::new(T::unpack(from))
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, to: &mut Packer<'_>) {
        self.0.pack(to);
        self.1.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (A::unpack(from), B::unpack(from))
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn pack(&self, to: &mut Packer<'_>) {
        self.iter().for_each(|item| item.pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        std::array::from_fn(|_| T::unpack(from))
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, to: &mut Packer<'_>) {
        to.list(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (0..from.count()).map(|_| T::unpack(from)).collect()
    }
}

impl<T: Pack + Ord> Pack for BTreeSet<T> {
    fn pack(&self, to: &mut Packer<'_>) {
        to.number(self.len() as u64);
        self.iter().for_each(|item| item.pack(to));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (0..from.count()).map(|_| T::unpack(from)).collect()
    }
}

impl<K: Pack + Ord, V: Pack> Pack for BTreeMap<K, V> {
    fn pack(&self, to: &mut Packer<'_>) {
        to.number(self.len() as u64);
        for (key, value) in self {
            key.pack(to);
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        (0..from.count()).map(|_| (K::unpack(from), V::unpack(from))).collect()
    }
}
