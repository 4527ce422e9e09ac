//! The lines of a home as a tree, the largest changes first.

use std::cmp::Reverse;

use super::view::{HomeChanges, Line, What};

/// A place of the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    /// Number of places above it.
    pub(crate) depth: usize,
    /// Its path below the place above; empty for a part of that one.
    pub(crate) name: &'a [u8],
    /// `None` for a directory that is there for the lines in it.
    pub(crate) line: Option<&'a Line>,
}

impl HomeChanges {
    /// Returns the places, each directory before those in it.
    pub(crate) fn tree(&self) -> Vec<Node<'_>> {
        let lines: Vec<&Line> = self.lines.iter().collect();
        let mut nodes = Vec::with_capacity(lines.len());
        add(&lines, 0, 0, &mut nodes);
        nodes
    }
}

impl Line {
    /// The kind of change, as one word.
    pub(crate) fn what(&self) -> &'static str {
        match (self.what, self.sure) {
            (What::Grew, true) => "grew",
            (What::Grew, false) => "grew?",
            (What::Shrank, true) => "shrank",
            (What::Shrank, false) => "shrank?",
            (What::New, true) => "new",
            (What::New, false) => "new?",
            (What::Gone, true) => "gone",
            (What::Gone, false) => "gone?",
            (What::Moved | What::MovedHere | What::MovedAway, _) => "moved",
        }
    }

    /// The part of the directory that the line is about, if the directory has a place of its own.
    pub(crate) fn part(&self) -> &'static str {
        match self.has_lines && !self.path.is_empty() {
            true => "(elsewhere in it)",
            false => "(directly in it)",
        }
    }

    /// True if most of the change is in inodes with several links.
    pub(crate) fn is_mostly_linked(&self) -> bool {
        let linked = self.linked_metered_bytes;
        linked != 0 && linked.unsigned_abs() >= self.change.weight() / 2
    }
}

/// Adds the lines, which are in the order of the table and agree in the first `from` bytes of their
/// paths.
fn add<'a>(lines: &[&'a Line], from: usize, depth: usize, to: &mut Vec<Node<'a>>) {
    let rest = |line: &'a Line, from: usize| &line.bytes[from.min(line.bytes.len())..];
    let node = |line: &&'a Line, from: usize, depth: usize| Node {
        depth,
        name: rest(line, from),
        line: Some(line),
    };
    let component =
        |line: &'a Line| rest(line, from).split(|byte| *byte == b'/').next().unwrap_or_default();
    let mut groups: Vec<&[&'a Line]> =
        lines.chunk_by(|a, b| component(a) == component(b)).collect();
    let size = |group: &&[&Line]| {
        let sizes = group.iter().map(|line| line.change.metered_bytes);
        (Reverse(sizes.clone().map(i64::unsigned_abs).max()), sizes.sum::<i64>())
    };
    groups.sort_by_key(size);
    for group in groups {
        if let [line] = group {
            to.push(node(line, from, depth));
            continue;
        }
        let Some(end) = shared(group).filter(|end| *end > from) else {
            // The directory that all others are in.
            to.extend(group.iter().map(|line| node(line, from, depth)));
            continue;
        };
        to.push(Node { depth, name: &group[0].bytes[from..end], line: None });
        let (own, below): (Vec<&Line>, Vec<&Line>) =
            group.iter().partition(|line| line.bytes.len() == end);
        add(&below, end + 1, depth + 1, to);
        to.extend(own.iter().map(|line| node(line, end, depth + 1)));
    }
}

/// Length of the longest directory that all lines are in or about.
fn shared(lines: &[&Line]) -> Option<usize> {
    let first = &lines.first()?.bytes;
    let is_shared = |end: &usize| {
        let starts = |line: &&Line| {
            line.bytes.starts_with(&first[..*end])
                && matches!(line.bytes.get(*end), None | Some(b'/'))
        };
        lines.iter().all(starts)
    };
    let ends = first.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.chain([first.len()]).rfind(is_shared)
}
