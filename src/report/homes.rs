//! The homes of a report. There may be hundreds of thousands, and a [`HomeReport`] with its findings
//! takes some KiB, so they are kept packed, in a few hundred bytes each, and unpacked one at a time.

mod pack;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::model::HomeReport;
use pack::Texts;

/// Homes in the order of the report; in JSON a list of [`HomeReport`].
#[derive(Clone, Default)]
pub struct Homes {
    packed: Vec<Box<[u8]>>,
    /// Texts that many homes have.
    texts: Texts,
}

impl Homes {
    /// The number of homes.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Adds a home behind the others.
    pub fn push(&mut self, home: &HomeReport) {
        self.packed.push(pack::pack(home, &mut self.texts));
    }

    /// The home at this position.
    pub fn get(&self, at: usize) -> Option<HomeReport> {
        self.packed.get(at).map(|home| pack::unpack(home, &self.texts))
    }

    /// All homes, unpacked one at a time.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = HomeReport> + Clone + '_ {
        self.packed.iter().map(|home| pack::unpack(home, &self.texts))
    }

    /// Changes every home.
    pub fn update(&mut self, mut change: impl FnMut(&mut HomeReport)) {
        for packed in &mut self.packed {
            let mut home = pack::unpack(packed, &self.texts);
            change(&mut home);
            *packed = pack::pack(&home, &mut self.texts);
        }
    }

    /// Changes one home.
    pub fn change(&mut self, at: usize, change: impl FnOnce(&mut HomeReport)) {
        if let Some(mut home) = self.get(at) {
            change(&mut home);
            self.packed[at] = pack::pack(&home, &mut self.texts);
        }
    }

    /// The positions of the homes in the order of their keys; equal ones stay as they are.
    pub(crate) fn order<K: Ord>(&self, key: impl FnMut(HomeReport) -> K) -> Vec<usize> {
        let keys: Vec<K> = self.iter().map(key).collect();
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
        order
    }

    /// Sorts the homes; equal ones stay as they are.
    pub(super) fn sort_by_key<K: Ord>(&mut self, key: impl FnMut(HomeReport) -> K) {
        let order = self.order(key);
        self.packed = order.into_iter().map(|at| std::mem::take(&mut self.packed[at])).collect();
    }
}

impl FromIterator<HomeReport> for Homes {
    fn from_iter<I: IntoIterator<Item = HomeReport>>(homes: I) -> Self {
        let mut all = Self::default();
        homes.into_iter().for_each(|home| all.push(&home));
        all
    }
}

impl PartialEq for Homes {
    fn eq(&self, other: &Self) -> bool {
        // The bytes may differ, because texts are numbered as they come.
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Homes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Homes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Homes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Homes;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list of homes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Homes, A::Error> {
                let mut all = Homes::default();
                while let Some(home) = list.next_element::<HomeReport>()? {
                    all.push(&home);
                }
                Ok(all)
            }
        }
        from.deserialize_seq(List)
    }
}

impl JsonSchema for Homes {
    fn inline_schema() -> bool {
        <Vec<HomeReport>>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        <Vec<HomeReport>>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Vec<HomeReport>>::json_schema(generator)
    }
}
