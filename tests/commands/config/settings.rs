//! All settings, and a file that sets everything.

use toml::{Table, Value};

/// A setting with three values, one for each place it can come from.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) variable: &'static str,
    /// Text before the value on the command line; empty for a positional argument.
    pub(crate) flag: &'static str,
    /// Values in TOML, for the file, the environment and a flag.
    pub(crate) values: [&'static str; 3],
}

/// Settings that exist in the file, in the environment and as a flag.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("root", "ROOT", "", ["'/a'", "'/b'", "'/c'"]),
    setting("parallel", "PARALLEL", "--parallel=", ["1", "2", "3"]),
    setting("home_depth", "HOME_DEPTH", "--home-depth=", ["2", "3", "4"]),
    setting("home_at", "HOME_AT", "--home-at=", ["'/a'", "'/b c'", "'/d'"]),
    setting("format", "FORMAT", "--format=", ["'json'", "'csv'", "'du'"]),
    setting("output", "OUTPUT", "--output=", ["'/a'", "'b c'", "'d'"]),
    setting("sort", "SORT", "--sort=", ["'name'", "'quota'", "'files'"]),
    setting("limit", "LIMIT", "--limit=", ["1", "2", "3"]),
    setting("top", "TOP", "--top=", ["1", "2", "0"]),
    setting("exclude", "EXCLUDE", "--exclude=", ["['a', 'b']", "['c']", "['d,e']"]),
    setting("name", "NAME", "--name=", ["'prod'", "'stage'", "'dev'"]),
    setting("names", "NAMES", "--names=", ["['csv:a', 'passwd']", "['csv:b']", "['csv:c']"]),
    setting("group_tag", "GROUP_TAG", "--group-tag=", ["'a'", "'b c'", "'d:e'"]),
    setting("passwd_groups", "PASSWD_GROUPS", "--passwd-groups=", ["true", "false", "true"]),
    setting("quota.default", "QUOTA", "--quota=", ["'1GiB'", "'2GB'", "'3'"]),
    setting("fail_on_quota", "FAIL_ON_QUOTA", "--fail-on-quota=", ["true", "false", "true"]),
    setting("require_mount", "REQUIRE_MOUNT", "--require-mount=", ["true", "false", "true"]),
    setting("cross_mounts", "CROSS_MOUNTS", "--cross-mounts=", ["false", "true", "false"]),
    setting("threads", "THREADS", "--threads=", ["1", "'auto'", "3"]),
    setting("max_threads", "MAX_THREADS", "--max-threads=", ["1", "2", "3"]),
    setting("max_ops", "MAX_OPS", "--max-ops=", ["1", "20000", "3"]),
    setting("max_latency", "MAX_LATENCY", "--max-latency=", ["1.5", "2.5", "0.5"]),
    setting("link_memory", "LINK_MEMORY", "--link-memory=", ["'1MiB'", "'2GB'", "'0'"]),
    setting("nice", "NICE", "--nice=", ["true", "false", "true"]),
    setting("nfs_uid", "NFS_UID", "--nfs-uid=", ["0", "1", "200005"]),
    setting("nfs_batch", "NFS_BATCH", "--nfs-batch=", ["1", "2", "3"]),
    setting("nfs_loops", "NFS_LOOPS", "--nfs-loops=", ["1", "2", "3"]),
    setting("tls", "TLS", "--tls=", ["false", "true", "false"]),
    setting("iam", "IAM", "--iam=", ["false", "true", "false"]),
    setting(
        "access_point",
        "ACCESS_POINT",
        "--access-point=",
        ["''", "'fsap-76543210'", "'fsap-0123456789abcdef0'"],
    ),
    setting("engine", "ENGINE", "--engine=", ["'portable'", "'posix'", "'portable'"]),
    setting(
        "portable_as_root",
        "PORTABLE_AS_ROOT",
        "--portable-as-root=",
        ["false", "true", "false"],
    ),
    setting("publish.to", "PUBLISH", "--publish=", ["'/a'", "'s3://b-c/d'", "'e f'"]),
    setting(
        "publish.interrupted",
        "PUBLISH_INTERRUPTED",
        "--publish-interrupted=",
        ["false", "true", "false"],
    ),
    setting("publish.report", "PUBLISH_REPORT", "--publish-report=", ["true", "false", "true"]),
    setting("publish.dirs", "PUBLISH_DIRS", "--publish-dirs=", ["false", "true", "false"]),
    setting("publish.dirs_min", "DIRS_MIN", "--dirs-min=", ["'0'", "'64MiB'", "'1GiB'"]),
    setting(
        "publish.region",
        "PUBLISH_REGION",
        "--publish-region=",
        ["'eu-west-1'", "'cn-north-1'", "'us-gov-west-1'"],
    ),
    setting("publish.sse", "PUBLISH_SSE", "--publish-sse=", ["'AES256'", "'aws:kms'", "'AES256'"]),
    setting(
        "publish.kms_key_id",
        "PUBLISH_KMS_KEY_ID",
        "--publish-kms-key-id=",
        ["'alias/a'", "'b'", "'arn:aws:kms:r:1:key/c'"],
    ),
    setting(
        "publish.acl",
        "PUBLISH_ACL",
        "--publish-acl=",
        ["'private'", "'bucket-owner-full-control'", "'bucket-owner-read'"],
    ),
    setting(
        "publish.storage_class",
        "PUBLISH_STORAGE_CLASS",
        "--publish-storage-class=",
        ["'STANDARD_IA'", "'GLACIER_IR'", "'COLD'"],
    ),
    setting(
        "publish.requester_pays",
        "PUBLISH_REQUESTER_PAYS",
        "--publish-requester-pays=",
        ["true", "false", "true"],
    ),
    setting(
        "publish.unconditional",
        "UNCONDITIONAL",
        "--unconditional=",
        ["true", "false", "true"],
    ),
    setting("cloudwatch.namespace", "CLOUDWATCH", "--cloudwatch=", ["'A'", "'B/c'", "'D'"]),
    setting(
        "cloudwatch.users",
        "CLOUDWATCH_USERS",
        "--cloudwatch-users=",
        ["['a b', 'c']", "true", "false"],
    ),
    setting(
        "cloudwatch.groups",
        "CLOUDWATCH_GROUPS",
        "--cloudwatch-groups=",
        ["['a b', 'c']", "true", "false"],
    ),
    setting(
        "notify.topic",
        "NOTIFY_TOPIC",
        "--notify-topic=",
        ["'arn:aws:sns:r:1:a'", "'arn:aws:sns:r:1:b'", "'arn:aws:sns:r:1:c'"],
    ),
    setting("notify.always", "NOTIFY_ALWAYS", "--notify-always=", ["true", "false", "true"]),
    setting("growth.alarm", "GROWTH_ALARM", "--growth-alarm=", ["'1GiB'", "'2GB'", "'3'"]),
    setting("growth.factor", "GROWTH_FACTOR", "--growth-factor=", ["2.5", "1.5", "3.5"]),
    setting(
        "growth.factor_min",
        "GROWTH_FACTOR_MIN",
        "--growth-factor-min=",
        ["'1GiB'", "'2GB'", "'3'"],
    ),
    setting("state", "STATE", "--state=", ["'directory'", "'destination'", "'auto'"]),
    setting("state_dir", "STATE_DIR", "--state-dir=", ["'/a'", "'b'", "'/c d'"]),
    setting(
        "state_dir_shared",
        "STATE_DIR_SHARED",
        "--state-dir-shared=",
        ["true", "false", "true"],
    ),
    setting("patience", "PATIENCE", "--patience=", ["'90s'", "'120s'", "'30s'"]),
    setting(
        "file_system_id",
        "FILE_SYSTEM_ID",
        "--file-system-id=",
        ["'fs-01234567'", "'fs-0123456789abcdef0'", "'fs-89abcdef'"],
    ),
    setting("log_format", "LOG_FORMAT", "--log-format=", ["'json'", "'text'", "'json'"]),
];

/// Keys of the file that have no variable, and the reasons. deploy/docs/settings.md lists the same.
pub(crate) const WITHOUT_VARIABLE: &[(&str, &str)] = &[
    ("quota.users", "a table: each line names a user"),
    ("quota.groups", "a table: each line names a group"),
    (
        "remind",
        "letters and addresses: `efs-scan remind` needs several at once, and texts of many lines",
    ),
    ("prices", "figures that belong together, with their source"),
    ("same_people", "a fact about all domains, for what is made of several file systems"),
    ("rules", "tables, with globs and commands"),
];

const fn setting(
    key: &'static str,
    variable: &'static str,
    flag: &'static str,
    values: [&'static str; 3],
) -> Setting {
    Setting { key, variable, flag, values }
}

impl Setting {
    pub(crate) fn value(&self, at: usize) -> Value {
        let text = format!("x = {}", self.values[at]);
        toml::from_str::<Table>(&text).unwrap()["x"].clone()
    }

    /// Returns the value in the form for the environment or a flag.
    pub(crate) fn plain(&self, at: usize) -> String {
        match self.value(at) {
            Value::String(text) => text,
            Value::Array(items) => items[0].as_str().unwrap().to_owned(),
            other => other.to_string(),
        }
    }

    /// Returns other settings that the setting requires.
    pub(crate) fn beside(&self) -> &'static str {
        match self.key {
            "cloudwatch.users" | "cloudwatch.groups" => "namespace = 'N'\n",
            "publish.report" => "to = '/t'\n",
            "publish.kms_key_id" => "sse = 'aws:kms'\n",
            "state" => "[publish]\nto = '/t'\n",
            "tls" => "root = 'nfs://h/'\nnfs_uid = 0\n",
            "iam" | "access_point" => "root = 'fs-01234567'\nnfs_uid = 0\ntls = true\n",
            "notify.always" => "topic = 'arn:aws:sns:r:1:t'\n",
            _ => "",
        }
    }

    pub(crate) fn of<'a>(&self, settings: &'a Table) -> Option<&'a Value> {
        match self.key.split_once('.') {
            Some((table, key)) => settings.get(table)?.get(key),
            None => settings.get(self.key),
        }
    }
}

/// A file with every setting.
pub(crate) const FULL: &str = r#"
root = "/srv/efs \"x\""
parallel = 2
home_depth = 2
home_at = "/home/me/my efs"
format = "csv"
output = "/var/lib/x"
sort = "trash"
limit = 0
top = 10000
exclude = ["a b", "**/*.tmp", "näme"]
names = ["csv:/etc/people, all.csv", "passwd"]
group_tag = "team"
passwd_groups = true
fail_on_quota = true
require_mount = true
cross_mounts = true
portable_as_root = true
threads = 4096
max_threads = 4096
max_ops = 10000000
max_latency = 0.25
link_memory = "96 MiB"
nice = true
nfs_uid = 0
nfs_batch = 10000
nfs_loops = 64
tls = false
iam = false
access_point = ""
engine = "posix"
log_format = "json"
state = "destination"
state_dir = "/var/lib/e"
state_dir_shared = true
patience = "300s"
file_system_id = "fs-0123456789abcdef0"
name = "prod"
same_people = true
[publish]
dirs = false
dirs_min = "64MiB"
to = "s3://team-efs/a b"
interrupted = true
report = true
region = "eu-west-1"
sse = "aws:kms"
kms_key_id = "alias/efs"
acl = "bucket-owner-full-control"
storage_class = "STANDARD_IA"
requester_pays = true
unconditional = false
[cloudwatch]
namespace = "Team/Efs"
users = ["a.b c", "alice"]
groups = ["physics"]
[notify]
topic = "arn:aws:sns:eu-west-1:123456789012:quota"
always = true
[growth]
alarm = "100GiB"
factor = 2.5
factor_min = "64MiB"
[prices]
standard = 0.33
infrequent_access = 0.02
archive = 0.01
infrequent_access_read = 0.02
archive_read = 0.04
elastic_read = 0.04
elastic_write = 0.07
provisioned = 6.6
source = "eu-west-1, today"
[remind]
from = "EFS storage <efs@example.com>"
admin = "storage@example.com"
address = "{name}@example.com"
dash_to_dot = true
address_file = "/etc/addresses, all.csv"
trash = "10 GiB"
subject = "{name}: {size}"
body = "{{braces}}\n{reasons}\n"
apps_subject = "{name}: {count}"
apps_body = "{{braces}}\n{apps}\n{prices}\n"
apps_copy = true
[remind.apps]
"ml.t3.*" = "2w"
"*" = "never"
[remind.prices]
source = "elsewhere, 2026-11"
"ml.t3.medium" = 1.5
"ml.g5.xlarge" = 2.5
[remind.addresses]
alice = "a.smith@example.com"
200006 = "o'brien+efs@example.org"
[quota]
default = "1.5 TiB"
[quota.users]
alice = "50GiB"
200006 = "7"
"a.b c" = "1kB"
[quota.groups]
physics = "5TiB"
"R&D, east" = "1GB"
[rules]
off = ["pip-cache", "trash"]
[[rules.add]]
id = "whole"
class = "log"
paths = ["**/a/{b,c}", "d/*"]
beside = ["e"]
contains = ["f"]
unless_contains = ["g", "h"]
starts_with = "\u0001\n'\"\\"
command = "rm -r {path}"
note = "Mind."
doc = "https://example.org/"
[[rules.add]]
id = "file"
class = "log"
kind = "file"
paths = ["**/*.x"]
min_size = "1 MiB"
"#;
