//! Writes the table of a walk.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::{About, DirsWriter};
use crate::sync::lock;
use crate::usage::Ledger;

/// Bytes of the file that are held before they are written.
const PIECE: usize = 64 << 10;

/// Writes the table of a walk that is complete. It may be written several times.
///
/// # Errors
/// Those of [`Ledger::each_row`], and of `to`.
pub fn write_scanned(ledger: &Ledger, about: &About, to: &mut dyn Write) -> io::Result<()> {
    let pieces = Pieces::default();
    let mut writer = DirsWriter::new(pieces.clone(), about)?;
    ledger.each_row(&mut |row| {
        writer.push(row)?;
        pieces.pass(PIECE, to)
    })?;
    writer.finish()?;
    pieces.pass(0, to)
}

/// What was written and not passed on yet. The library wants an output that any thread may use.
#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<u8>>>);

impl Pieces {
    /// Passes everything on if it is more than `least` bytes.
    fn pass(&self, least: usize, to: &mut dyn Write) -> io::Result<()> {
        let mut bytes = lock(&self.0);
        if bytes.len() > least {
            to.write_all(&bytes)?;
            bytes.clear();
        }
        Ok(())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
