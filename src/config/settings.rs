//! The settings. Each is declared once: its flag, its variable, its key in the file, and its
//! default.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, FromArgMatches};
use serde::{Deserialize, Serialize};

use super::file_systems::FileSystemSettings;
use super::growth::GrowthSettings;
use super::patience::Patience;
use super::prices::PriceSettings;
use super::publishing::{CloudWatchSettings, NotifySettings, PublishSettings};
use super::quota::QuotaSettings;
use super::remind::RemindSettings;
use super::rules::RuleSettings;
use crate::log::LogFormat;
use crate::report::{Format, SortKey};
use crate::scan::{EngineKind, Threads};
use crate::shards::AskedShard;
use crate::state::KeepIn;

/// The default root.
pub(super) const DEFAULT_ROOT: &str = "/mnt/efs";

/// The default state directory.
pub(crate) const DEFAULT_STATE_DIR: &str = "/var/lib/efs-scan";

/// Keys that `efs-scan config` prints last, in this order. The others have the order of the flags.
const LAST_KEYS: [&str; 9] = [
    "state",
    "state_dir",
    "state_dir_shared",
    "patience",
    "file_system_id",
    "name",
    "quota",
    "remind",
    "rules",
];

/// The settings in force: the file's, with flags and variables over them.
///
/// The doc comments are the help. The id of an argument is the setting's key in the file, with the
/// table's before a dot. A field that clap skips has no flag, one that serde skips has no key.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Mount point of the file system [default: the configuration's, else /mnt/efs]
    #[arg(env = "EFS_SCAN_ROOT")]
    pub(crate) root: Option<PathBuf>,

    /// Scan only the [[file_system]] of the configuration with this name, root or id (repeatable)
    /// [default: all of them, one after the other]
    #[arg(
        id = "file_systems",
        long = "file-system",
        value_name = "NAME",
        env = "EFS_SCAN_FILE_SYSTEM",
        value_delimiter = ','
    )]
    #[serde(skip)]
    pub(super) asked: Vec<String>,

    /// With several [[file_system]]: scan N of them at a time [default: 1]
    #[arg(long, value_name = "N", env = "EFS_SCAN_PARALLEL")]
    pub(crate) parallel: Option<usize>,

    /// Scan one of N shards, where several machines read one file system: K/N, or auto for the one that
    /// AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and `efs-scan merge` makes the
    /// run of all of them
    #[arg(long, value_name = "K/N|auto", env = "EFS_SCAN_SHARD")]
    #[serde(skip)]
    pub(crate) shard: Option<AskedShard>,

    /// Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of
    /// Kubernetes' CronJobs have the minute of their start [default: the scheduler's, with --shard auto]
    #[arg(long, value_name = "ID", env = "EFS_SCAN_RUN_ID")]
    #[serde(skip)]
    pub(crate) run_id: Option<String>,

    /// Scan only the home of this user or uid, in detail (repeatable)
    #[arg(long = "user", value_name = "NAME|UID")]
    #[serde(skip)]
    pub(crate) users: Vec<String>,

    /// Depth of the homes below ROOT; 0 makes ROOT one home [default: 1]
    #[arg(long, value_name = "N", env = "EFS_SCAN_HOME_DEPTH")]
    #[serde(default = "one")]
    pub(crate) home_depth: u32,

    /// Path at which people see their home, for the commands in reminders and on the pages of users
    /// [default: the path below ROOT]
    #[arg(long, value_name = "PATH", env = "EFS_SCAN_HOME_AT")]
    pub(crate) home_at: Option<PathBuf>,

    /// Form of the output [default: table]
    #[arg(long, value_enum, env = "EFS_SCAN_FORMAT")]
    #[serde(default)]
    pub(crate) format: Format,

    /// Write the result to this file, all at once when it is complete; `-` is stdout
    #[arg(short, long, value_name = "FILE", env = "EFS_SCAN_OUTPUT")]
    pub(crate) output: Option<PathBuf>,

    /// Write a table of the directories to this file: Parquet, with a row for each home, each finding and
    /// each directory of at least --dirs-min
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) dirs: Option<PathBuf>,

    /// Order of the homes [default: size]
    #[arg(long, value_enum, env = "EFS_SCAN_SORT")]
    #[serde(default)]
    pub(crate) sort: SortKey,

    /// Show at most N homes in the table
    #[arg(long, value_name = "N", env = "EFS_SCAN_LIMIT")]
    pub(crate) limit: Option<usize>,

    /// Name the N largest files and directories [default: 10, with --user 25]
    #[arg(long, value_name = "N", env = "EFS_SCAN_TOP")]
    pub(crate) top: Option<usize>,

    /// Leave out paths that match, relative to ROOT, without opening them (repeatable)
    #[arg(long, value_name = "GLOB", env = "EFS_SCAN_EXCLUDE", value_delimiter = '\n')]
    #[serde(default)]
    pub(crate) exclude: Vec<String>,

    /// Source of names: passwd, csv:FILE with uid,name[,group] columns, or sagemaker:DOMAIN for the user
    /// profiles and spaces of a domain, by id or name (repeatable, in order) [default: passwd]
    #[arg(long, value_name = "SOURCE", env = "EFS_SCAN_NAMES", value_delimiter = ',')]
    #[serde(default = "passwd")]
    pub(crate) names: Vec<String>,

    /// Tag of SageMaker's user profiles whose value is the group that pays for the person
    #[arg(long, value_name = "KEY", env = "EFS_SCAN_GROUP_TAG")]
    pub(crate) group_tag: Option<String>,

    /// With names from passwd: take a person's primary group for the group that pays
    #[arg(long, env = "EFS_SCAN_PASSWD_GROUPS", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) passwd_groups: bool,

    #[command(flatten)]
    #[serde(default)]
    pub(crate) quota: QuotaSettings,

    /// Exit with 4 if a home or a group is over its quota
    #[arg(long, env = "EFS_SCAN_FAIL_ON_QUOTA", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) fail_on_quota: bool,

    #[command(flatten)]
    #[serde(default)]
    pub(crate) publish: PublishSettings,

    #[command(flatten)]
    #[serde(default)]
    pub(crate) cloudwatch: CloudWatchSettings,

    #[command(flatten)]
    #[serde(default)]
    pub(crate) notify: NotifySettings,

    #[command(flatten)]
    #[serde(default)]
    pub(crate) growth: GrowthSettings,

    #[arg(skip)]
    #[serde(default)]
    pub(crate) prices: PriceSettings,

    #[arg(skip)]
    #[serde(default)]
    pub(crate) remind: RemindSettings,

    #[arg(skip)]
    #[serde(default)]
    pub(crate) rules: RuleSettings,

    /// Where to keep what outlives a run. `auto` takes the directory, and the destination where that cannot
    /// be written or in a container without a volume for it [default: auto]
    #[arg(long, value_enum, value_name = "WHERE", env = "EFS_SCAN_STATE")]
    #[serde(default)]
    pub(crate) state: KeepIn,

    /// State directory: runs that are not published yet, names, a lock [default: /var/lib/efs-scan]
    #[arg(long, value_name = "DIR", env = "EFS_SCAN_STATE_DIR")]
    #[serde(default = "state_dir")]
    pub(crate) state_dir: PathBuf,

    /// Let others write to the state directory, such as a volume that containers share: a directory of
    /// this user's own is made in it. Who can write there is trusted with what waits in it
    #[arg(long, env = "EFS_SCAN_STATE_DIR_SHARED", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) state_dir_shared: bool,

    /// Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer: 90s,
    /// 5m. Then the run goes on without them [default: 60s]
    #[arg(long, value_name = "TIME", env = "EFS_SCAN_PATIENCE")]
    #[serde(default)]
    pub(crate) patience: Patience,

    /// Id of the EFS file system at ROOT, for its metered size and cost [default: from the mount]
    #[arg(long, value_name = "ID", env = "EFS_SCAN_FILE_SYSTEM_ID")]
    pub(crate) file_system_id: Option<String>,

    /// Name of the file system in what is published, of letters, digits, `.`, `_` and `-`: with its id
    /// for people to read, without one to tell it from others at the destination [default: the id, or
    /// one made of ROOT]
    #[arg(long, value_name = "NAME", env = "EFS_SCAN_NAME")]
    pub(crate) name: Option<String>,

    /// Fail if ROOT is not a mount point, so that a file system that is not mounted is not
    /// published as empty
    #[arg(long, env = "EFS_SCAN_REQUIRE_MOUNT", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) require_mount: bool,

    /// Enter other file systems that are mounted below ROOT
    #[arg(long, env = "EFS_SCAN_CROSS_MOUNTS", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) cross_mounts: bool,

    /// Number of workers, or auto for as many as are worth it, found out during the scan [default:
    /// auto]
    #[arg(long, value_name = "N|auto", env = "EFS_SCAN_THREADS")]
    #[serde(default)]
    pub(crate) threads: Threads,

    /// Maximum number of workers with auto; an NFS mount has at most 64 for each connection
    /// [default: 256]
    #[arg(long, value_name = "N", env = "EFS_SCAN_MAX_THREADS")]
    pub(crate) max_threads: Option<usize>,

    /// At most N directory operations per second: reading names is one, opening a directory is one,
    /// or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over
    /// some seconds is at most N
    #[arg(long, value_name = "N", env = "EFS_SCAN_MAX_OPS")]
    pub(crate) max_ops: Option<u32>,

    /// Use fewer workers while the file system takes longer than MS milliseconds to answer
    #[arg(long, value_name = "MS", env = "EFS_SCAN_MAX_LATENCY")]
    pub(crate) max_latency: Option<f64>,

    /// Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary
    /// file in TMPDIR, or else in /var/tmp [default: 64MiB]
    #[arg(long, value_name = "SIZE", env = "EFS_SCAN_LINK_MEMORY")]
    pub(crate) link_memory: Option<String>,

    /// Run in the idle classes of processor and disk: only when no other process wants them
    #[arg(long, env = "EFS_SCAN_NICE", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) nice: bool,

    /// With --engine nfs: the uid to present to the server, which trusts it. Homes of mode 700 need
    /// 0, which is never the default [default: the effective uid]. The group is 0 for uid 0 and
    /// 65534 (nogroup) for others; by default it is the effective group
    #[arg(long, value_name = "UID", env = "EFS_SCAN_NFS_UID")]
    pub(crate) nfs_uid: Option<u32>,

    /// With --engine nfs: up to N directories in one request, while more directories wait than
    /// requests are in flight. Servers that may be Linux get one: before 6.5, such requests corrupt
    /// their memory [default: 1]
    #[arg(long, value_name = "N", env = "EFS_SCAN_NFS_BATCH")]
    pub(crate) nfs_batch: Option<usize>,

    /// With --engine nfs: N event loops in threads of their own, which share the requests in flight.
    /// A scan with --max-ops or --max-latency has one [default: as many as processors, at most 8,
    /// once one has too much to do]
    #[arg(long, value_name = "N", env = "EFS_SCAN_NFS_LOOPS")]
    pub(crate) nfs_loops: Option<usize>,

    /// With --engine nfs: TLS from the first byte, as EFS's mount targets speak it. The certificate
    /// must be for ROOT's host, or for the DNS name of the file system that ROOT or --file-system-id
    /// names
    #[arg(long, env = "EFS_SCAN_TLS", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) tls: bool,

    /// With --tls: prove the IAM identity of this machine's AWS credentials to EFS, as the mount
    /// option iam does [default: if there are credentials]
    #[arg(long, env = "EFS_SCAN_IAM", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) iam: Option<bool>,

    /// With --tls: the EFS access point to go through. ROOT's path begins at its root directory, and
    /// its user takes the place of --nfs-uid
    #[arg(long, value_name = "ID", env = "EFS_SCAN_ACCESS_POINT")]
    pub(crate) access_point: Option<String>,

    /// Engine that lists the directories [default: posix on Linux, nfs if ROOT is a URL or an EFS file system]
    #[arg(long, value_enum, env = "EFS_SCAN_ENGINE")]
    pub(crate) engine: Option<EngineKind>,

    /// Let --engine portable run as root. It opens directories by path: whoever can write to the
    /// tree can lead it out of the tree with a link, so say this of a tree that nobody else changes
    #[arg(long, env = "EFS_SCAN_PORTABLE_AS_ROOT", value_name = "BOOL", action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(default)]
    pub(crate) portable_as_root: bool,

    /// True if people of one name are the same in every domain: see [`SamePeople`](crate::report::SamePeople).
    #[arg(skip)]
    #[serde(default)]
    pub(crate) same_people: bool,

    /// Form of the messages on stderr. Its flag is in `CommonArgs`.
    #[arg(skip)]
    #[serde(default)]
    pub(crate) log_format: LogFormat,

    #[arg(skip)]
    #[serde(default, rename = "file_system", skip_serializing_if = "Vec::is_empty")]
    pub(super) file_systems: Vec<FileSystemSettings>,

    #[arg(skip)]
    #[serde(skip)]
    pub(crate) given: Given,
}

/// Settings from flags, where a flag means more than a variable or the file, which are for the
/// daily scan of all homes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The flag that asks for publishing, without its dashes.
    pub(crate) publishing: Option<&'static str>,
    /// True if a flag names the state directory.
    pub(crate) state_dir: bool,
}

fn one() -> u32 {
    1
}

fn passwd() -> Vec<String> {
    vec!["passwd".to_owned()]
}

fn state_dir() -> PathBuf {
    PathBuf::from(DEFAULT_STATE_DIR)
}

impl Settings {
    /// Lays a layer over the settings: the variables over the file, or the flags over both.
    pub(super) fn put(&mut self, layer: &ArgMatches) -> Result<(), clap::Error> {
        let below = self.cloudwatch.namespace.take();
        self.update_from_arg_matches(layer)?;
        self.cloudwatch.resolve_namespace(below);
        Ok(())
    }

    /// Lays the flags of a scan over the settings, and notes those that only have a meaning as a
    /// flag.
    pub(super) fn put_flags(&mut self, flags: &ArgMatches) -> Result<(), clap::Error> {
        self.put(flags)?;
        let given = |id: &str| flags.value_source(id) == Some(ValueSource::CommandLine);
        let publishing = [
            ("publish.to", "publish"),
            ("cloudwatch.namespace", "cloudwatch"),
            ("notify.topic", "notify-topic"),
        ];
        self.given = Given {
            publishing: publishing.into_iter().find(|(id, _)| given(id)).map(|(_, flag)| flag),
            state_dir: given("state_dir"),
        };
        Ok(())
    }

    /// Sources of names of all file systems together.
    pub(super) fn all_names(&self) -> Vec<String> {
        let mut all = self.names.clone();
        for name in self.file_systems.iter().flat_map(FileSystemSettings::names) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    /// The root, or its default.
    pub(super) fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new(DEFAULT_ROOT))
    }

    /// The settings as in a file, with all defaults but those that depend on the system.
    pub(super) fn to_table(&self) -> Result<toml::Table, toml::ser::Error> {
        let mut settings = self.clone();
        if self.file_systems.is_empty() {
            settings.root = Some(self.root().to_owned());
        }
        settings.prices = self.prices.with_defaults();
        let mut keys = toml::Table::try_from(settings)?;
        if self.publish.no_publish {
            keys.retain(|key, _| !matches!(key, "publish" | "cloudwatch" | "notify" | "growth"));
        }
        keys.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
        for key in LAST_KEYS {
            if let Some(value) = keys.remove(key) {
                keys.insert(key.to_owned(), value);
            }
        }
        Ok(keys)
    }
}
