//! A store in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::service_error::ServiceResult;
use crate::store::{Condition, Listing, Object, Put, Store, Version};

/// Objects by key. An object's version is the number of its write.
#[derive(Debug, Default)]
pub(super) struct Memory(RefCell<(BTreeMap<String, Object>, usize)>);

impl Memory {
    pub(super) fn add(&self, key: &str, bytes: &[u8]) {
        let (objects, writes) = &mut *self.0.borrow_mut();
        *writes += 1;
        let version = Version(writes.to_string());
        objects.insert(key.to_owned(), Object { bytes: bytes.to_vec(), version });
    }
}

impl Store for Memory {
    fn name(&self, key: &str) -> String {
        format!("memory:{key}")
    }

    fn check(&self) -> ServiceResult<()> {
        Ok(())
    }

    fn get(&self, key: &str) -> ServiceResult<Option<Object>> {
        Ok(self.0.borrow().0.get(key).cloned())
    }

    fn put(&self, key: &str, bytes: &[u8], condition: Condition) -> ServiceResult<Put> {
        let now = self.get(key)?;
        if Condition::since(now.as_ref()) != condition {
            return Ok(Put::Conflict);
        }
        self.add(key, bytes);
        Ok(Put::Done)
    }

    fn list(&self, prefix: &str, after: &str) -> ServiceResult<Listing> {
        let objects = &self.0.borrow().0;
        let keys = objects.keys().filter(|key| key.starts_with(prefix) && key.as_str() > after);
        Ok(Listing { keys: keys.cloned().collect(), unlisted: Vec::new() })
    }
}
