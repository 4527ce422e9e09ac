//! READDIR, with limits exactly as in the RFC (RFC 8881, section 18.23).

use super::attrs::Wanted;
use super::calls::Handler;
use super::compound::State;
use super::config::{Cookies, TooLarge};
use super::protocol::Status;
use super::request::Readdir;
use super::tree::{Entry, Room};
use super::xdr::{Put as _, padding};

/// The verifier before the entries, and the list's end and `eof` after them.
const AROUND: usize = 8 + 4 + 4;

impl Handler<'_> {
    pub(super) fn readdir(
        &mut self,
        asked: &Readdir,
        state: &State,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let dir = self.file(state)?;
        if matches!(asked.cookie, 1 | 2) {
            self.violation(format_args!("READDIR from cookie {}", asked.cookie));
            return Err(Status::BAD_COOKIE);
        }
        if asked.cookie == 0 && asked.verifier != [0; 8] {
            self.violation("READDIR from the start with a verifier");
        }
        let config = &self.shared.config;
        let place = out.len();
        let end = state.place + 4 + state.limit;
        let left = end.saturating_sub(place);
        let most =
            config.max_readdir.map_or(asked.maxcount, |most| most.min(asked.maxcount)) as usize;
        let room = match config.too_large {
            TooLarge::Refuse => most,
            TooLarge::Shorten => most.min(left),
        };
        let mut directory = asked.dircount as usize;
        if directory == 0 {
            directory = usize::MAX;
        }
        self.wanted.ask(asked.attrs);
        let wanted = &self.wanted;
        out.put_u64(0);
        let (mut entries, mut failed) = (0_u64, None);
        let each = &mut |entry: &Entry<'_>| {
            let begin = out.len();
            out.put_u32(1);
            out.put_u64(entry.cookie);
            out.put_opaque(entry.name);
            match &entry.attrs {
                Ok(attrs) => wanted.put(out, attrs),
                Err(error) if wanted.takes_error() => Wanted::put_error(out, *error),
                Err(error) => {
                    failed = Some(*error);
                    return Room::Full;
                }
            }
            // Counted as Linux does: the cookie, and the name with its length.
            let named = 8 + 4 + entry.name.len() + padding(entry.name.len());
            if out.len() + 8 - place > room || (named > directory && entries > 0) {
                out.truncate(begin);
                return Room::Full;
            }
            directory = directory.saturating_sub(named);
            entries += 1;
            // A reply beyond its limit fails anyway, so stop adding to it.
            if out.len() > end { Room::Full } else { Room::Left }
        };
        let tree = &self.shared.tree;
        let listed = tree.readdir(dir, asked.cookie, asked.verifier, state.who, each)?;
        if let Some(error) = failed {
            return Err(error);
        }
        if room < AROUND || (entries == 0 && !listed.eof) {
            return Err(if room < most { state.too_large } else { Status::TOOSMALL });
        }
        let verifier = self.verifier(listed.verifier);
        if config.cookies == Cookies::OfPartition && asked.cookie != 0 && asked.verifier != verifier
        {
            return Err(Status::NOT_SAME);
        }
        out[place..place + 8].copy_from_slice(&verifier);
        out.put_u32(0);
        out.put_u32(u32::from(listed.eof));
        self.batch.entries += entries;
        Ok(())
    }

    /// The verifier that this partition sends for the tree's.
    fn verifier(&self, mut of_tree: [u8; 8]) -> [u8; 8] {
        if self.shared.config.cookies == Cookies::OfPartition {
            let number = self.partition.number.to_be_bytes();
            of_tree.iter_mut().zip(number).for_each(|(byte, other)| *byte ^= other);
        }
        of_tree
    }
}
