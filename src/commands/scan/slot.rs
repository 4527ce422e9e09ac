//! The key of a shard: what a shard and a merge find there.

use super::shard::MOST_SHARD;
use crate::shards::{Agreed, Keys, Opened, Unusable, open_object};
use crate::store::{Condition, Store, fetched};

/// The contents of a key that has no shard to merge.
pub(super) enum NoShard {
    /// A merge's marker: the run is made without this shard, and why.
    LeftOut(String),
    /// Nothing, or an object that cannot be merged: the reason, and the condition to write on. The shard may
    /// still come.
    Lacking(String, Condition),
    /// An object that could not be read here, and the reason.
    Unread(String),
}

impl NoShard {
    /// The contents of a key that nobody has written to.
    pub(super) fn missing(condition: Condition) -> Self {
        Self::Lacking("it is missing".to_owned(), condition)
    }

    /// Returns the reason why there is nothing to merge.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::LeftOut(why) | Self::Lacking(why, _) | Self::Unread(why) => why,
        }
    }
}

/// Opens the shard of a run, by its number.
pub(super) fn look(
    store: &dyn Store,
    keys: &Keys,
    agreed: &Agreed,
    shard: u32,
) -> Result<Box<Opened>, NoShard> {
    let condition = condition_of(store, &keys.shard(shard))?;
    open(store, keys, agreed, shard, condition)
}

/// Returns the condition that holds as long as nobody writes to a key.
pub(super) fn condition_of(store: &dyn Store, key: &str) -> Result<Condition, NoShard> {
    let object = store.head(key, 1).map_err(|error| NoShard::Unread(error.text))?;
    Ok(object.map_or(Condition::Absent, |object| Condition::Unchanged(object.version)))
}

/// Opens the shard at a key of which `condition` was known.
pub(super) fn open(
    store: &dyn Store,
    keys: &Keys,
    agreed: &Agreed,
    shard: u32,
    condition: Condition,
) -> Result<Box<Opened>, NoShard> {
    if condition == Condition::Absent {
        return Err(NoShard::missing(condition));
    }
    let key = keys.shard(shard);
    let file = fetched(store, &key, MOST_SHARD).map_err(|error| NoShard::Unread(error.text))?;
    let Some(file) = file else { return Err(NoShard::missing(condition)) };
    open_object(file, &agreed.digest, shard).map(Box::new).map_err(|problem| match problem {
        Unusable::LeftOut(why) => NoShard::LeftOut(why),
        // A temporary file of this machine may have failed, and the shard be whole.
        Unusable::Unreadable(_) => NoShard::Unread(format!("{}: {problem}", store.name(&key))),
        _ => NoShard::Lacking(problem.to_string(), condition),
    })
}
