//! `efs-scan generate`: the man page, completions and JSON Schema of the package. They are kept in
//! `deploy/generated`, and a test compares them.

use std::io::{self, Write};

use clap::CommandFactory;

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
            // Commands have few flags of their own: a section each, instead of a page each.
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
            // Into memory first: the generator panics on a broken pipe.
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "efs-scan", &mut text);
            out.write_all(&text)
        }
        Generate::Schema => out.write_all(json_schema().as_bytes()),
    }
}
