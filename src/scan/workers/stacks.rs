//! Stacks of work, one for each core.

use std::collections::VecDeque;

/// Items that wait to be processed. A worker takes the newest item of its own stack, so it stays in
/// one part of the tree and frees memory that it has allocated itself. If its own stack is empty, it
/// takes the oldest item of the longest stack, which usually has the most below it.
pub(super) struct Stacks<T> {
    stacks: Box<[VecDeque<T>]>,
    len: usize,
}

impl<T> Stacks<T> {
    pub(super) fn new(number: usize) -> Self {
        let stacks = std::iter::repeat_with(VecDeque::new).take(number.max(1));
        Self { stacks: stacks.collect(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts items on the stack of a worker, the last on top.
    pub(super) fn push(&mut self, worker: usize, items: impl IntoIterator<Item = T>) {
        let own = &mut self.stacks[worker % self.stacks.len()];
        let before = own.len();
        own.extend(items);
        self.len += own.len() - before;
    }

    pub(super) fn pop(&mut self, worker: usize) -> Option<T> {
        let own = worker % self.stacks.len();
        let popped = self.stacks[own].pop_back().or_else(|| {
            let longest = self.stacks.iter_mut().max_by_key(|stack| stack.len());
            longest.and_then(VecDeque::pop_front)
        });
        self.len -= usize::from(popped.is_some());
        popped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_takes_its_newest_item_and_else_the_oldest_of_the_longest_stack() {
        let mut stacks = Stacks::new(3);
        stacks.push(0, [1, 2]);
        stacks.push(1, [3, 4, 5]);
        // Worker 3 shares the stack of worker 0.
        stacks.push(3, [6]);
        assert_eq!(stacks.len(), 6);
        let taken: Vec<_> = [0, 2, 1, 3, 1, 2, 2].map(|worker| stacks.pop(worker)).into();
        assert_eq!(taken, [Some(6), Some(3), Some(5), Some(2), Some(4), Some(1), None]);
        assert_eq!(stacks.len(), 0);
    }
}
