//! Who uses what on Amazon EFS.
//!
//! # The map
//!
//! Every module, in the order in which data flows through it. Nothing flows back, and nothing uses
//! what stands above it in the code: `tests/commands/arrows.rs` lists which module may use which, lowest
//! first, and why.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | flags and commands, clap only |
//! | `config` | flags over environment over a TOML file, checked once |
//! | `commands` | one file a command: prepare, do, deliver |
//! | [`scan`] | engines list directories: `posix`, `portable` (jwalk), `nfs` (without a mount) |
//! | [`usage`] | entry, its home and rule, hard links, tallies |
//! | [`names`] | whom a home belongs to |
//! | [`report`] | the [`report::Report`] and its text forms, one file a form |
//! | [`pages`] | the HTML forms, of a report and its history |
//! | [`outbox`] | the spool, and what leaves it: objects, metrics, notices, pages |
//! | [`store`] | where objects lie: a directory or S3 |
//! | [`published`] | what is stored there, both ways; which run is the newest, and how old |
//! | `status` | the newest run, compared with the day and the week before |
//! | [`history`] | each home over the published runs: growth and forecast |
//! | [`remind`] | e-mail to owners, at most once a week |
//! | [`aws`] | AWS, one file a service; knows nothing of the modules above |
//!
//! Below all of these: [`units`] (bytes and money), [`text`] (names that strangers chose, made
//! safe to show), `columns` (terminal tables), [`state`] (the state directory and its lock),
//! [`stop`] (the request to end), [`service_error`] (why a store or a service did not do what it
//! was asked), `atomic` (files that appear whole), `bounded` (files
//! that may be too large to read), `guard` (what other users can change), `exit` (exit codes), `output` (stdout or a
//! file), `log`, `terminal` (what stderr shows), `sys` (calls to the system that need unsafe code) and
//! `sync`. `progress` shows what [`usage`] has so far. Above all of them `fuzzing`, which is in no
//! program: the entry points of the fuzz targets.
//!
//! An entry reaches S3 as a part of its home's line, like this: an engine lists a directory and
//! hands each entry to a [`usage::Listing`], which finds the entry's home and rule and adds it up
//! in private. When the listing ends, the [`usage::Ledger`] commits it to home, class and finding
//! in one step. When the walk ends, [`report::build`] makes one `Report` of the closed accounts and
//! the names, and the command adds EFS's own size, prices and the mount's round trips. The report
//! goes to the spool, whole; [`outbox`] writes it from there as objects with the keys of
//! [`published`], `latest.json` last, to a [`store::Store`]. Pages come after that: they are made
//! of what is published, this run and those before it, and put beside it.
//!
//! # Glossary
//!
//! - **Home**: a directory at the home depth below the root, usually named by a uid. What lies
//!   beside all homes is *outside homes*.
//! - **Owner**: the person, or the SageMaker space, that a uid belongs to. A home whose uid no source
//!   of names knows, though one should know everybody, is an **orphan home**. Where the directory
//!   belongs to another uid than its name says, the home has two owners.
//! - **Member**: a user profile or a space of SageMaker Studio, with a home or without one. A private
//!   space has the home of its owner. What a space keeps on an EBS volume is no part of EFS.
//! - **Apparent, allocated, metered size**: `st_size`; `st_blocks * 512`, what `du` counts; what EFS
//!   bills, allocated bytes and 2 KiB for each inode.
//! - **Rule**: says by name and content that a place is of a **class**: trash, cache, environment,
//!   output or log. What no rule names is *rest*, and so is what a rule only *hints* at.
//! - **Finding**: one place that a rule found. It **frees** the inodes whose links all lie in it.
//! - **Reclaimable**: what the trash and caches of a home free together.
//! - **Quota**: a limit on a home's allocated bytes.
//! - **Run**: one scan, with an id that sorts by time. Its **coverage** is complete, partial
//!   (something could not be read) or interrupted.
//! - **Engine**: how directories are listed. A **mount** is the kernel's way to the file system; the
//!   `nfs` engine needs none.
//! - **Worker**: a thread, or for the `nfs` engine a request in flight, that lists one directory at a
//!   time.
//! - **Destination**: where runs are published. The **spool** keeps runs that are not wholly published
//!   yet; it lies in the **state directory**.
//! - **Storage class**: EFS Standard, Infrequent Access or Archive. NFS does not show which one a file
//!   is in.

mod atomic;
pub mod aws;
mod bounded;
pub mod cli;
mod columns;
mod commands;
mod config;
mod exit;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod guard;
pub mod history;
mod log;
pub mod names;
pub mod outbox;
mod output;
mod packed;
pub mod pages;
mod progress;
pub mod published;
pub mod remind;
pub mod report;
pub mod scan;
pub mod service_error;
pub mod state;
mod status;
pub mod stop;
pub mod store;
mod sync;
mod sys;
mod terminal;
pub mod text;
pub mod units;
pub mod usage;

pub use commands::run;
pub use exit::Exit;
