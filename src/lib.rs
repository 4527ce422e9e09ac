//! Who uses what on Amazon EFS.
//!
//! # The map
//!
//! Every module, in the order in which data flows through it. Nothing flows back.
//! `tests/commands/arrows.rs` lists the modules that each module may use, lowest first, with the
//! reasons.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | flags and commands, clap only |
//! | `config` | flags over environment over a TOML file, checked once |
//! | `commands` | one file a command: prepare, do, deliver |
//! | [`scan`] | engines list directories: `posix`, `portable` (jwalk), `nfs` (without a mount) |
//! | [`usage`] | entry, its home and rule, hard links, tallies |
//! | [`names`] | owners of homes |
//! | [`report`] | the [`report::Report`] and its text forms, one file a form |
//! | [`dirs`] | the table of directories: a Parquet file, written and read row by row |
//! | [`pages`] | the HTML forms, of a report and its history |
//! | [`outbox`] | the spool, and what is sent from it: objects, metrics, notices, pages |
//! | [`store`] | stores for objects: a directory or S3 |
//! | [`state`] | what outlives a run, and its lock: a directory, or objects of a store |
//! | [`published`] | the stored objects, written and read; the newest run and its age |
//! | `shards` | runs in shards: their plan, and the accounts of each at the destination |
//! | `status` | the newest run, compared with the day and the week before |
//! | `changes` | what grew between two runs, and where: two tables of directories side by side |
//! | [`history`] | each home over the published runs: growth and forecast |
//! | [`remind`] | e-mail to owners, at most once a week |
//! | [`aws`] | AWS, one file a service; knows nothing of the modules above |
//!
//! Below all of these: [`units`] (bytes and money), [`text`] (names that strangers chose, made safe
//! to show), `columns` (terminal tables), `parquet_file` (tables in files), [`stop`] (requests to
//! end), [`service_error`] (errors of stores and services), `atomic` (files that appear whole),
//! `bounded` (files that may be too large to read), `guard` (checks of what other users can
//! change), `exit` (exit codes), `output` (stdout or a file), `log`, `terminal` (what stderr
//! supports), `sys` (system calls that need unsafe code) and `sync`. `progress` shows the state of
//! [`usage`]. Above all of them is `fuzzing`, the entry points of the fuzz targets, which no
//! program contains.
//!
//! An entry reaches S3 as a part of its home's line, in these steps: an engine lists a directory
//! and passes each entry to a [`usage::Listing`], which finds the entry's home and rule and sums it
//! up in private. When the listing ends, the [`usage::Ledger`] adds it to home, class and finding
//! in one step. When the walk ends, [`report::build`] makes one `Report` of the closed accounts and
//! the names, and the command adds EFS's own size, prices and the mount's round trips. The whole
//! report goes to the spool. From there, [`outbox`] writes it to a [`store::Store`] as objects with
//! the keys of [`published`], `latest/KEY.json` last. Pages come after that: they are made from this
//! and earlier published runs, and stored beside them.
//!
//! # Glossary
//!
//! - **Home**: a directory at the home depth below the root, usually named by a uid. Everything
//!   else is *outside homes*.
//! - **Owner**: the person, or the SageMaker space, that a uid belongs to. An **orphan home** has a
//!   uid that no source of names knows, although one of them should know everybody. If the
//!   directory belongs to another uid than the one in its name, the home has two owners.
//! - **Member**: a user profile or a space of SageMaker Studio, with a home or without one. A
//!   private space uses the home of its owner. A space's EBS volume is not part of EFS.
//! - **Apparent, allocated, metered size**: `st_size`; `st_blocks * 512`, what `du` counts; what
//!   EFS bills, allocated bytes and 2 KiB for each inode.
//! - **Rule**: assigns a **class** to a place by its name and content: trash, cache, environment,
//!   output or log. Places without a rule, and places that a rule only *hints* at, are *rest*.
//! - **Finding**: one place that a rule found. It **frees** the inodes whose links all lie in it.
//! - **Reclaimable**: the inodes that the trash and caches of a home free together, at most: people may
//!   keep something of their own in these places.
//! - **Quota**: a limit on a home's allocated bytes.
//! - **Run**: one scan, with an id that sorts by time. Its **coverage** is complete, partial
//!   (something could not be read) or interrupted.
//! - **Engine**: a way to list directories. A **mount** is the kernel's access to the file system;
//!   the `nfs` engine needs none.
//! - **Worker**: a thread, or for the `nfs` engine a request in flight, that lists one directory at
//!   a time.
//! - **File system**: what a run belongs to. Its **key** is its EFS id, else the name that it was given,
//!   else made of the root's path; two roots never share one at a destination.
//! - **Destination**: the place to which runs are published. The **spool** keeps runs that are not
//!   completely published yet; it is in the **state directory**. Without a disk, the state is at the
//!   destination, its lock is a **lease**, and there is no spool.
//! - **Shard**: a part of a tree that one of several processes scans for one run. **Cuts** say which; the
//!   directories above them are the **trunk**, which every shard lists. A **merge** makes the run.
//! - **Storage class**: EFS Standard, Infrequent Access or Archive. NFS does not show a file's
//!   storage class.

mod atomic;
pub mod aws;
mod bounded;
mod changes;
pub mod cli;
mod columns;
mod commands;
mod config;
pub mod dirs;
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
mod parquet_file;
mod progress;
pub mod published;
pub mod remind;
pub mod report;
pub mod scan;
pub mod service_error;
mod shards;
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
