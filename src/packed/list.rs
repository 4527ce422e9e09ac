//! A list of packed values.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Pack, Packer, Texts, Unpacker};

/// Size of a chunk: large enough for few allocations, and no large buffer is copied as it grows.
const CHUNK: usize = 1 << 20;

/// A list that packs its items and unpacks them one at a time; in JSON an ordinary list. There may
/// be hundreds of thousands of homes; each takes some KiB unpacked, and a few hundred bytes packed.
#[derive(Clone)]
pub struct PackedList<T> {
    chunks: Vec<Vec<u8>>,
    places: Vec<Place>,
    texts: Texts,
    of: PhantomData<T>,
}

/// Start of an item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    chunk: u32,
    at: u32,
}

impl<T> Default for PackedList<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), places: Vec::new(), texts: Texts::default(), of: PhantomData }
    }
}

impl<T: Pack> PackedList<T> {
    /// The number of items.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True if the list is empty.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: &T) {
        let place = self.add(item);
        self.places.push(place);
    }

    /// The item at this position.
    pub fn get(&self, at: usize) -> Option<T> {
        self.places.get(at).map(|place| self.unpacked(&self.chunks, *place))
    }

    /// All items, unpacked one at a time.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone + '_ {
        self.places.iter().map(|place| self.unpacked(&self.chunks, *place))
    }

    /// Changes every item, in any order.
    pub fn update(&mut self, mut change: impl FnMut(&mut T)) {
        let mut chunks = std::mem::take(&mut self.chunks);
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_unstable_by_key(|at| self.places[*at]);
        let mut reached = 0;
        for at in order {
            let place = self.places[at];
            // The previous chunks are not needed any more.
            let chunk = place.chunk as usize;
            chunks[reached..chunk].fill_with(Vec::new);
            reached = chunk;
            let mut item = self.unpacked(&chunks, place);
            change(&mut item);
            self.places[at] = self.add(&item);
        }
    }

    /// Changes one item. Its former bytes stay until the next [`update`](Self::update).
    pub fn change(&mut self, at: usize, change: impl FnOnce(&mut T)) {
        if let Some(mut item) = self.get(at) {
            change(&mut item);
            self.places[at] = self.add(&item);
        }
    }

    /// Returns the positions of the items in the order of their keys. Items with equal keys keep
    /// their order.
    pub(crate) fn order<K: Ord>(&self, key: impl FnMut(T) -> K) -> Vec<usize> {
        let keys: Vec<K> = self.iter().map(key).collect();
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
        order
    }

    /// Sorts the items by a key. The sort is stable.
    pub(crate) fn sort_by_key<K: Ord>(&mut self, key: impl FnMut(T) -> K) {
        let order = self.order(key);
        self.places = order.into_iter().map(|at| self.places[at]).collect();
    }

    fn add(&mut self, item: &T) -> Place {
        let mut packer = Packer::new(&mut self.texts);
        item.pack(&mut packer);
        let bytes = packer.bytes();
        let fits = |chunk: &Vec<u8>| chunk.len() + bytes.len() <= CHUNK;
        match self.chunks.last() {
            // Most lists are small, so the first chunk allocates only what it needs.
            None => self.chunks.push(Vec::new()),
            Some(last) if !fits(last) => self.chunks.push(Vec::with_capacity(CHUNK)),
            Some(_) => {}
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        // Both fit: a chunk with more than CHUNK bytes has a single item.
        let place = Place { chunk: last as u32, at: chunk.len() as u32 };
        chunk.extend_from_slice(bytes);
        place
    }

    fn unpacked(&self, chunks: &[Vec<u8>], place: Place) -> T {
        let bytes = &chunks[place.chunk as usize][place.at as usize..];
        T::unpack(&mut Unpacker::new(bytes, &self.texts))
    }
}

impl<T: Pack> FromIterator<T> for PackedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut all = Self::default();
        items.into_iter().for_each(|item| all.push(&item));
        all
    }
}

impl<T: Pack + PartialEq> PartialEq for PackedList<T> {
    fn eq(&self, other: &Self) -> bool {
        // The bytes may differ, because texts are numbered in the order in which they are packed.
        self.iter().eq(other.iter())
    }
}

impl<T: Pack + fmt::Debug> fmt::Debug for PackedList<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Pack + Serialize> Serialize for PackedList<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de, T: Pack + Deserialize<'de>> Deserialize<'de> for PackedList<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Pack + Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = PackedList<T>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = PackedList::default();
                while let Some(item) = list.next_element::<T>()? {
                    all.push(&item);
                }
                Ok(all)
            }
        }
        from.deserialize_seq(List(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for PackedList<T> {
    fn inline_schema() -> bool {
        <Vec<T>>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        <Vec<T>>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Vec<T>>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_packed_list_behaves_like_a_list(
            mut items in proptest::collection::vec(
                ("[ab]{0,3}", proptest::option::of(any::<u64>()), 0..4u32), 0..40,
            ),
            large in 0..40usize,
        ) {
            if let Some((text, ..)) = items.get_mut(large) {
                *text = "x".repeat(CHUNK - 20);
            }
            let as_pair = |(text, number, more): (String, Option<u64>, u32)| (text, (number, more));
            let mut items: Vec<_> = items.into_iter().map(as_pair).collect();
            let mut packed: PackedList<_> = items.iter().cloned().collect();
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), items.clone());
            items.sort_by_key(|(_, (number, _))| *number);
            packed.sort_by_key(|(_, (number, _))| number);
            packed.update(|(text, (_, more))| {
                text.push('é');
                *more += 1;
            });
            packed.change(1, |(text, _)| text.clear());
            items.iter_mut().for_each(|(text, (_, more))| {
                text.push('é');
                *more += 1;
            });
            items.iter_mut().skip(1).take(1).for_each(|(text, _)| text.clear());
            prop_assert_eq!((packed.len(), packed.is_empty()), (items.len(), items.is_empty()));
            for at in 0..=items.len() {
                prop_assert_eq!(packed.get(at), items.get(at).cloned());
            }
            prop_assert_eq!(format!("{packed:?}"), format!("{items:?}"));
            let json = serde_json::to_string(&packed).expect("a list");
            prop_assert_eq!(&json, &serde_json::to_string(&items).expect("a list"));
            let read: PackedList<(String, (Option<u64>, u32))> =
                serde_json::from_str(&json).expect("a list");
            prop_assert_eq!(read, packed);
        }
    }
}
