//! Writes the accounts of a shard.

use std::io::{self, Write};

use super::frames::{self, Tag};
use super::{books, trunk};
use crate::packed::{Pack, Packer, Texts, pack_structs};
use crate::sync::lock;
use crate::usage::ledger::Ledger;
use crate::usage::links::{LinkTotals, without_device};

/// Bytes of records in a frame.
const BATCH: usize = 64 << 10;

impl Ledger {
    /// Writes the accounts of a shard whose walk is complete, instead of [`finish`](Self::finish).
    /// Call it once.
    ///
    /// # Errors
    /// Those of `to`, and of temporary files. Then the shard is lost.
    pub fn write_shard(&self, to: &mut dyn Write) -> io::Result<()> {
        let homes = lock(&self.homes).clone();
        let dirs = lock(&self.trunk).clone();
        let findings: Vec<_> = dirs.iter().filter_map(|dir| dir.starts.get().cloned()).collect();
        // This changes homes and findings, so it comes first.
        let (totals, unsettled) = self.links.unsettled(&homes, &findings)?;
        let root = self.root_inode().map_or(0, |(dev, _)| dev);
        // Device numbers differ between machines.
        let device = |dev| if dev == root { 0 } else { dev };

        let problem = self.dirs_failure();
        let mut errors = None;
        self.errors(|all| errors = Some(all.clone()));
        frame(to, Tag::Sums, |to| {
            errors.unwrap_or_default().pack(to);
            totals.pack(to);
            self.dirs().map_or(0, |dirs| dirs.places()).pack(to);
            to.text(problem.unwrap_or_default().as_bytes());
        })?;
        for dir in &dirs {
            frame(to, Tag::Trunk, |to| trunk::pack(dir, device, to))?;
        }
        for home in &homes {
            frame(to, Tag::Home, |to| {
                to.text(&home.path);
                home.kind.pack(to);
                home.uid.pack(to);
                home.directory_owner.pack(to);
                home.read_books(|of_home| books::pack(of_home, device, &home.path, to));
            })?;
        }
        if let (Some(dirs), None) = (self.dirs(), problem) {
            dirs.carry_rows(&mut |key, value| {
                frame(to, Tag::Row, |frame| {
                    frame.text(key);
                    frame.text(value);
                })
            })?;
            let mut links = Batch::of(Tag::RowLinks);
            dirs.carry_links(&mut |link| links.push(&without_device(link, root), to))?;
            links.end(to)?;
        }
        let mut links = Batch::of(Tag::Links);
        let mut merge = unsettled.merge()?;
        while let Some(record) = merge.next()? {
            links.push(&without_device(record, root), to)?;
        }
        links.end(to)?;
        frames::write(to, Tag::End, &[])
    }
}

fn frame(to: &mut dyn Write, tag: Tag, pack: impl FnOnce(&mut Packer<'_>)) -> io::Result<()> {
    let mut texts = Texts::default();
    let mut packer = Packer::new(&mut texts);
    pack(&mut packer);
    frames::write(to, tag, packer.bytes())
}

/// Records of one size, on their way into frames.
struct Batch {
    tag: Tag,
    bytes: Vec<u8>,
}

impl Batch {
    fn of(tag: Tag) -> Self {
        Self { tag, bytes: Vec::new() }
    }

    fn push(&mut self, record: &[u8], to: &mut dyn Write) -> io::Result<()> {
        self.bytes.extend_from_slice(record);
        if self.bytes.len() >= BATCH { self.end(to) } else { Ok(()) }
    }

    fn end(&mut self, to: &mut dyn Write) -> io::Result<()> {
        if !self.bytes.is_empty() {
            frames::write(to, self.tag, &self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

pack_structs! {
    LinkTotals { unseen, rules, across_rules }
}
