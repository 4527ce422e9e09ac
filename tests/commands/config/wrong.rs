//! Messages about wrong configuration files.

use super::Configured;

/// A file, and the beginning of the message about it.
const WRONG: &[(&str, &str)] = &[
    ("root = '/x'\nrooot = 1\n", "FILE: line 2: unknown field `rooot`"),
    ("# x\n\n[quota]\nuser = 1\n", "FILE: line 4: unknown field `user`"),
    ("[rules]\n\nadded = []\n", "FILE: line 3: unknown field `added`"),
    ("[rules.more]\n", "FILE: line 1: unknown field `more`"),
    ("\nhome_depth = -1\n", "FILE: line 2: invalid value"),
    ("limit = 'all'\n", "FILE: line 1: invalid type"),
    ("exclude = 'a'\n", "FILE: line 1: invalid type"),
    ("\n\nformat = 'xml'\n", "FILE: line 3: unknown variant `xml`"),
    ("format = 'NCDU'\n", "FILE: line 1: unknown variant `NCDU`"),
    ("root = '/x'\nroot = '/y'\n", "FILE: line 2: duplicate key"),
    ("root = '/x'\n= 1\n", "FILE: line 2: "),
    // Detected at the end of the file.
    ("root = '''\n", "FILE: line 2: "),
    ("rules.off = ['pip-cache', 'nope']\n", "FILE: rules.off names `nope`"),
    ("names = ['ldap']\n", "`ldap` is not a source of names"),
    ("exclude = ['{']\n", "--exclude `{`: "),
    ("threads = 0\n", "--threads must be `auto` or from 1 to 4096"),
    ("threads = 'all'\n", "FILE: line 1: threads: `auto` or a number of workers"),
    ("\npatience = 0\n", "FILE: line 2: patience: a time from 1s to 24h, like 90s or 5m"),
    ("patience = 'soon'\n", "FILE: line 1: patience: a time from 1s to 24h"),
    ("max_threads = 0\n", "--max-threads must be from 1 to 4096"),
    ("max_ops = 0\n", "--max-ops must be from 1 to 10000000"),
    ("link_memory = 'much'\n", "--link-memory: `much` is not a size"),
    ("max_latency = -1.0\n", "--max-latency must be more than 0"),
    ("max_latency = nan\n", "--max-latency must be more than 0"),
    (
        "cloudwatch.namespace = 'N'\ncloudwatch.users = ['', 'a']\n",
        "--cloudwatch-users: a name is empty",
    ),
    (
        "cloudwatch.namespace = 'N'\ncloudwatch.groups = ['a', '']\n",
        "--cloudwatch-groups: a name is empty",
    ),
    ("publish.report = true\n", "--publish-report needs --publish"),
    ("publish.kms_key_id = 'k'\n", "--publish-kms-key-id needs --publish-sse=aws:kms"),
    ("publish.region = 'a.b'\n", "--publish-region `a.b` is not a region"),
    ("publish.sse = 'none'\n", "--publish-sse `none` is none of"),
    ("publish.acl = 'public-read'\n", "--publish-acl `public-read` would let others read it"),
    ("publish.storage_class = 'GLACIER'\n", "--publish-storage-class `GLACIER` stores"),
    (
        "publish.to = 's3://arn:aws:s3:::team'\n",
        "--publish `s3://arn:aws:s3:::team`: it is not the ARN of",
    ),
    ("root = 'nfs://h/a/../b'\nnfs_uid = 0\n", "`nfs://h/a/../b`: `..` is not allowed"),
    (
        "root = '/mnt/efs'\nengine = 'nfs'\n",
        "--engine nfs: ROOT /mnt/efs is not nfs://HOST[:PORT]/path, fs-ID",
    ),
    ("engine = 'nfs'\n", "--engine nfs: it needs ROOT as nfs://HOST[:PORT]/path"),
    ("root = 'nfs://h/'\nengine = 'posix'\n", "nfs://h/: a URL needs --engine nfs"),
    ("root = 'nfs://h/'\nnfs_uid = 0\nnfs_batch = 0\n", "--nfs-batch must be from 1 to 10000"),
    ("root = 'nfs://h/'\nnfs_uid = 0\nnfs_loops = 65\n", "--nfs-loops must be from 1 to 64"),
    ("tls = 'yes'\n", "FILE: line 1: invalid type"),
    ("tls = true\n", "--tls: it needs --engine nfs, or ROOT as nfs://HOST[:PORT]/path, fs-ID"),
    ("iam = true\n", "--iam: it needs --engine nfs, or ROOT as nfs://HOST"),
    ("access_point = 'fsap-01234567'\n", "--access-point: it needs --engine nfs"),
    (
        "root = 'fs-01234567'\nnfs_uid = 0\niam = true\n",
        "--iam: it needs --tls: it is part of the client's certificate",
    ),
    #[cfg(feature = "tls")]
    (
        "root = 'nfs://h/'\nnfs_uid = 0\ntls = true\niam = true\n",
        "--iam: it needs a file system of EFS: give ROOT as fs-ID, or --file-system-id",
    ),
    #[cfg(feature = "tls")]
    (
        "root = 'fs-01234567'\nnfs_uid = 0\ntls = true\naccess_point = 'fsap-x'\n",
        "--access-point `fsap-x`: expected an id like fsap-0123456789abcdef0",
    ),
    (
        "root = 'fs-01234567'\nnfs_uid = 0\nfile_system_id = 'fs-76543210'\n",
        "--file-system-id fs-76543210: ROOT is in fs-01234567",
    ),
    ("root = 'fs-01234567:/a/../b'\nnfs_uid = 0\n", "`fs-01234567:/a/../b`: `..` is not allowed"),
    ("tls = true\nengine = 'posix'\n", "--tls: it needs --engine nfs"),
    #[cfg(not(feature = "tls"))]
    (
        "root = 'nfs://h/'\nnfs_uid = 0\ntls = true\n",
        "--tls: this efs-scan was built without the feature `tls`",
    ),
    (
        "root = 'nfs://h/'\nnfs_uid = 0\nrequire_mount = true\n",
        "--require-mount: nfs://h/ is scanned without a mount",
    ),
    #[cfg(feature = "portable")]
    (
        "max_ops = 1\nengine = 'portable'\n",
        "--max-ops and --max-latency need --engine posix or nfs",
    ),
    ("cloudwatch.users = 1\n", "FILE: line 1: users and groups: true, false or a list"),
    ("cloudwatch.groups = 1\n", "FILE: line 1: users and groups: true, false or a list"),
    ("prices.standard = -0.1\n", "prices.standard: -0.1 must be from 0 to 1000000 USD"),
    ("prices.archive = 1e7\n", "prices.archive: 10000000 must be from 0 to 1000000 USD"),
    ("prices.infrequent_access = nan\n", "prices.infrequent_access: NaN must be from 0"),
    ("quota.default = '0'\n", "quota of every home: it must be more than 0"),
    ("[remind]\nto = 'x'\n", "FILE: line 2: unknown field `to`"),
    ("remind.from = 'me'\n", "remind.from: `me` is neither name@example.com nor Name <"),
    (
        "remind.from = \"x@y.zz\\r\\nBcc: a@b.cc\"\n",
        "remind.from: `x@y.zz\\r\\nBcc: a@b.cc` is neither",
    ),
    ("remind.admin = 'Me <me@x.yz>'\n", "remind.admin: `Me <me@x.yz>` is not an address like"),
    ("remind.address = '{user}@x.yz'\n", "remind.address: `{user}@x.yz` is no template like"),
    ("remind.trash = 'much'\n", "remind.trash: `much` is not a size"),
    ("home_at = '~/efs'\n", "home_at: ~/efs is not an absolute path"),
    ("remind.addresses.al = 'al'\n", "remind.addresses: al: `al` is not an address like"),
    ("remind.body = 'Hi {nme}'\n", "remind.body: `{nme}` is no placeholder; there are {name}, "),
    ("remind.body = 'Hi }'\n", "remind.body: a lone `}`: write `}}`"),
    ("remind.subject = '{homes}'\n", "remind.subject: `{homes}` has several lines"),
    ("remind.subject = \"a\\nb\"\n", "remind.subject: a subject is one line of text"),
    ("quota.users.alice = 'lots'\n", "quota of alice: `lots` is not a size"),
];

/// Invalid rules, each with the rest of its message.
const WRONG_RULES: &[(&str, &str)] = &[
    (
        "id = 'a'\npaths = ['x']\ncommand = 'rm {path}'\nadvice = 'ask first'",
        "it has a `command` or an `advice`, not both",
    ),
    ("id = 'a'\npaths = ['x']\nadvice = 'look at {path}'", "{path} is for a `command`"),
    ("id = 'X'\npaths = ['a']", "id `X` must be made of"),
    ("id = 'good'\npaths = ['a']", "id `good` is taken"),
    ("id = 'x'", "it needs `paths`"),
    ("id = 'x'\nkind = 'file'\ncontains = ['a']", "it needs `paths`"),
    ("id = 'x'\ncontains = ['a']\nbeside = ['b']", "`beside` and `unless_below` need `paths`"),
    (
        "id = 'x'\ncontains = ['a']\nunless_below = ['b']",
        "`beside` and `unless_below` need `paths`",
    ),
    ("id = 'x'\npaths = ['/a']", "path `/a` must be relative"),
    ("id = 'x'\npaths = ['a/**/b']", "path `a/**/b` must be relative"),
    ("id = 'x'\npaths = ['../a']", "path `../a` must be relative"),
    ("id = 'x'\npaths = ['a/']", "path `a/` must be relative"),
    ("id = 'x'\npaths = ['a{b']", "path `a{b` has an unbalanced brace"),
    ("id = 'x'\npaths = ['a[']", "path `a[`: "),
    ("id = 'x'\npaths = ['a']\nkind = 'file'", "path `a` of a file rule"),
    ("id = 'x'\npaths = ['**/a']\nkind = 'file'\nbeside = ['b']", "`beside` and `contains`"),
    ("id = 'x'\npaths = ['**/a']\nkind = 'file'\nmin_size = 'b'", "`b` is not a size"),
    ("id = 'x'\npaths = ['a']\nmin_size = '1'", "`min_size` is for files"),
    ("id = 'x'\npaths = ['a']\ncontains = ['b/c']", "`b/c` must be a plain file name"),
    ("id = 'x'\npaths = ['a']\nbeside = ['']", "`` must be a plain file name"),
    ("id = 'x'\npaths = ['a']\nstarts_with = 'b'", "`starts_with` needs `contains`"),
    ("id = 'x'\npaths = ['a']\ncommand = ' '", "`command` is empty"),
    ("id = 'x'\npaths = ['a']\ncommand = \"rm {path}\\nid\"", "`command` has a newline"),
    ("id = 'x'\npaths = ['a']\nadvice = \"a\\u202eb\"", "`advice` has a newline or another"),
    ("id = 'x'\npaths = ['a']\nnote = \"a\\u001bb\"", "`note` has a newline or another"),
    ("id = 'x'\npaths = ['**/*']\ncommand = 'rm -r {path}'", "path `**/*` names everything"),
    ("id = 'x'\npaths = ['a', '*']\ncommand = 'tool {path}'", "path `*` names everything"),
    ("id = 'x'\npaths = ['a']\ncommand = 'rm -r ~/scratch'", "`~` has a meaning for"),
    ("id = 'x'\npaths = ['a']\ncommand = 'rm -r {path}*'", "`*` has a meaning for"),
    ("id = 'x'\npaths = ['a']\ncommand = 'rm -r {path}/..'", "`{path}/..` leads out"),
    ("id = 'x'\npaths = ['a']\ncommand = 'rm -r {path} b'", "`rm` removes `b`, too"),
    ("id = 'x'\npaths = ['a']\ncommand = 'rm {Path}'", "`{Path}` is no placeholder; there is"),
    ("id = 'x'\npaths = ['a']\ncommand = 'tool {home}'", "`{home}` is no placeholder"),
    ("id = 'x'\npaths = ['a']\ncommand = 'rm \"{path}\"'", "`\"` has a meaning for"),
    ("id = 'x'\npaths = ['a']\ncommand = 'x $(y {path})'", "`$` has a meaning for"),
];

fn assert_said(text: &str, problem: &str) {
    let said = Configured::new(text).problem();
    let want = problem.replace("FILE", "efs-scan.toml");
    assert!(said.starts_with(&format!("efs-scan: {want}")), "{said}\n{want}\n{text}");
}

#[test]
fn errors_name_file_and_line() {
    for (text, problem) in WRONG {
        assert_said(text, problem);
    }
}

#[test]
fn a_bad_rule_is_named_by_its_own_line() {
    let good = "[[rules.add]]\nid = 'good'\nclass = 'cache'\npaths = ['x']\n\n";
    for (keys, problem) in WRONG_RULES {
        let id = keys.split('\'').nth(1).unwrap();
        let text = format!("{good}[[rules.add]]\nclass = 'cache'\n{keys}\n");
        assert_said(&text, &format!("FILE:6: rule `{id}`: {problem}"));
    }
    for (key, problem) in [("path = 'y'", "unknown field `path`"), ("class = 'x'", "duplicate key")]
    {
        let text = format!("{good}[[rules.add]]\nid = 'x'\nclass = 'cache'\n{key}\n");
        assert_said(&text, &format!("FILE: line 9: {problem}"));
    }
}

#[test]
fn results_and_hints_must_not_have_a_command_that_removes() {
    for class in ["output", "hint"] {
        let rule =
            format!("id = 'x'\nclass = '{class}'\npaths = ['a']\ncommand = 'rm -r {{path}}'");
        let problem = "`rm` removes what may be the only copy: for this class, give an `advice`";
        assert_said(&format!("[[rules.add]]\n{rule}\n"), &format!("FILE:1: rule `x`: {problem}"));
    }
}
