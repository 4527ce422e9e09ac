//! `efs-scan generate`: prints the man page, the completions and the JSON Schema.
//! `deploy/generated` has copies, which a test compares.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::changes;
use crate::cli::{Cli, Generate};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::report::json_schema;

/// Writes a part of the package to stdout.
pub(super) fn run(what: &Generate) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    generate(what, &mut bytes).map_err(Failure::fatal)?;
    Output::Stdout.write_form(&bytes).map_err(Failure::fatal)?;
    Ok(Exit::Complete)
}

fn generate(what: &Generate, out: &mut impl Write) -> io::Result<()> {
    let mut command = Cli::command();
    match what {
        Generate::Man => {
            // The other commands have few flags, so each gets a section instead of a page.
            let sections: Vec<clap::Command> = command
                .get_subcommands()
                .filter(|sub| sub.get_name() != "config")
                .cloned()
                .collect();
            clap_mangen::Man::new(command).render(out)?;
            for sub in sections {
                let title = sub.get_name().to_uppercase();
                let mut text = Vec::new();
                clap_mangen::Man::new(sub).render_options_section(&mut text)?;
                let text = String::from_utf8_lossy(&text);
                out.write_all(text.replace(".SH OPTIONS", &format!(".SH {title}")).as_bytes())?;
            }
            Ok(())
        }
        Generate::Completions { shell } => {
            // Generates in memory first, because the generator panics on a broken pipe.
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "efs-scan", &mut text);
            out.write_all(&text)
        }
        Generate::Schema => out.write_all(json_schema().as_bytes()),
        Generate::ChangesSchema => out.write_all(changes::json_schema().as_bytes()),
    }
}
