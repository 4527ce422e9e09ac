//! Texts that many items share.

use std::collections::HashMap;
use std::sync::Arc;

/// Numbers for texts that many items share: names of rules, their commands and advice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    numbers: HashMap<Arc<str>, u64>,
    all: Vec<Arc<str>>,
}

impl Texts {
    pub(super) fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let (number, text) = (self.all.len() as u64, Arc::<str>::from(text));
        self.all.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn text(&self, number: u64) -> String {
        let at = usize::try_from(number).ok();
        at.and_then(|at| self.all.get(at)).map(|text| text.to_string()).unwrap_or_default()
    }
}
