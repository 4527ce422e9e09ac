//! Reads whole files with a limit on their size. Users may make a sparse file of gigabytes at no
//! cost, and a device has no end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Size limit of a file, and advice for a larger one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    bytes: u64,
    advice: &'static str,
}

impl Bound {
    pub(crate) const fn mib(mib: u64, advice: &'static str) -> Self {
        Self { bytes: mib << 20, advice }
    }

    /// Refuses `size` bytes if they exceed the bound.
    ///
    /// # Errors
    /// Names the bound and gives the advice.
    pub(crate) fn check(self, size: u64) -> io::Result<()> {
        if size <= self.bytes {
            return Ok(());
        }
        let problem = format!("it is larger than {} MiB: {}", self.bytes >> 20, self.advice);
        Err(io::Error::new(io::ErrorKind::FileTooLarge, problem))
    }
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read, is larger than `bound`, or does not fit into memory.
pub(crate) fn read(path: &Path, bound: Bound) -> io::Result<Vec<u8>> {
    read_file(&File::open(path)?, bound)
}

/// Returns a reader of an open file. The reader ends at `bound` even if the file grows.
///
/// # Errors
/// If the file is larger than `bound`.
pub(crate) fn take(file: File, bound: Bound) -> io::Result<impl Read> {
    bound.check(file.metadata()?.len())?;
    Ok(file.take(bound.bytes))
}

/// Reads an open file to its end.
///
/// # Errors
/// As for [`read`].
pub(crate) fn read_file(file: &File, bound: Bound) -> io::Result<Vec<u8>> {
    // A pipe or a device reports no size, and a file may grow while it is read.
    bound.check(file.metadata()?.len())?;
    let mut bytes = Vec::new();
    // Grows with what arrives, and fails if memory runs out.
    file.take(bound.bytes + 1).read_to_end(&mut bytes)?;
    bound.check(bytes.len() as u64)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_refused_beyond() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for (size, is_read) in
            [(0, true), (1 << 20, true), ((1 << 20) + 1, false), (3 << 30, false)]
        {
            file.as_file().set_len(size).expect("a sparse file");
            match read(file.path(), Bound::mib(1, "move it away")) {
                Ok(bytes) => assert!(is_read && bytes.len() as u64 == size, "{size}"),
                Err(error) => {
                    assert!(!is_read, "{size}");
                    assert_eq!(error.to_string(), "it is larger than 1 MiB: move it away");
                }
            }
        }
        let endless = read(Path::new("/dev/zero"), Bound::mib(1, "move it away"));
        assert_eq!(endless.map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
    }
}
