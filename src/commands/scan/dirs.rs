//! The table of directories of a scan: into the spool, and into a file.

use std::fs::File;
use std::io::{self, Seek, Write};

use crate::atomic;
use crate::config::Config;
use crate::dirs::{About, write_scanned};
use crate::log;
use crate::outbox::{Kept, Publisher};
use crate::output::Output;
use crate::report::{Coverage, Report};
use crate::usage::Ledger;

/// The table of directories, which is made again each time that it is written, unless it is kept in a
/// file.
pub(super) struct Dirs<'a> {
    ledger: &'a Ledger,
    /// Id of the run.
    run: String,
    about: About,
    /// True if it is published with the run.
    pub(super) is_published: bool,
    is_interrupted: bool,
    /// The table as it is published, in a file without a name, where there is no spool for it.
    made: Option<File>,
}

impl<'a> Dirs<'a> {
    pub(super) fn of(config: &Config, ledger: &'a Ledger, report: &Report) -> Self {
        let run = &report.run;
        let is_interrupted = run.coverage == Coverage::Interrupted;
        Self {
            ledger,
            run: run.id.clone(),
            about: About {
                run: None,
                file_system: report.file_system_key().to_string(),
                root: run.root_bytes().to_vec(),
                dirs_min: config.dirs_min,
                coverage: run.coverage.name().to_owned(),
            },
            // Directories that were being read when the walk was interrupted have no sums.
            is_published: config.publishing.dirs && !is_interrupted,
            is_interrupted,
            made: None,
        }
    }

    /// Writes the table as it is published.
    pub(super) fn fill(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Some(mut made) = self.made.as_ref() {
            made.rewind()?;
            return io::copy(&mut made, to).map(|_| ());
        }
        let about = About { run: Some(self.run.clone()), ..self.about.clone() };
        write_scanned(self.ledger, &about, to)
    }

    /// Returns the table if there is no spool for it, to compare it with others.
    pub(super) fn made(&self) -> Option<File> {
        let mut made = self.made.as_ref()?;
        made.rewind().ok()?;
        made.try_clone().ok()
    }

    /// Writes the table to a file without a name.
    fn make(&self) -> io::Result<File> {
        let mut file = tempfile::tempfile_in(atomic::temporary_directory())?;
        self.fill(&mut file)?;
        Ok(file)
    }

    /// Puts the run into the spool, with its table before it. The report says if it has to do without.
    pub(super) fn keep(&mut self, publisher: &Publisher, report: &mut Report) -> Kept {
        let failure = self.ledger.dirs_failure().filter(|_| self.is_published).map(str::to_owned);
        let has_table = self.is_published && failure.is_none();
        let unkept = match has_table {
            true => publisher.keep_dirs(&self.run, &|to| self.fill(to)).err(),
            false => None,
        };
        report.dirs_problem = failure.clone().or(unkept.clone());
        let kept = publisher.keep(report);
        let problem = match kept {
            Kept::Spooled | Kept::LeftOut => unkept,
            // This process publishes both, and the report has to say if there is no table.
            Kept::Unkept | Kept::Direct if has_table => match self.make() {
                Ok(file) => {
                    self.made = Some(file);
                    None
                }
                Err(error) => Some(format!("cannot make the table of directories: {error}")),
            },
            Kept::Unkept | Kept::Direct => None,
        };
        if let Some(problem) = &problem {
            log::error!("{problem}; the run is published without its table of directories");
        }
        report.dirs_problem = failure.or(problem);
        kept
    }

    /// Writes the table to a file that a flag names. Without a run's id, it is the same file each time
    /// that a tree which nobody changes is scanned.
    pub(super) fn write(&self, output: Output) -> Result<(), String> {
        if self.is_interrupted {
            log::warn!("--dirs: an interrupted scan has no table of directories");
            return Ok(());
        }
        output.stream(|to| write_scanned(self.ledger, &self.about, to))
    }
}
