#compdef efs-scan

autoload -U is-at-least

_efs-scan() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'*--file-system=[Scan only the \[\[file_system\]\] of the configuration with this name, root or id (repeatable) \[default\: all of them, one after the other\]]:NAME:_default' \
'--parallel=[With several \[\[file_system\]\]\: scan N of them at a time \[default\: 1\]]:N:_default' \
'--shard=[Scan one of N shards, where several machines read one file system\: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and \`efs-scan merge\` makes the run of all of them]:K/N|auto:_default' \
'--run-id=[Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes'\'' CronJobs have the minute of their start \[default\: the scheduler'\''s, with --shard auto\]]:ID:_default' \
'*--user=[Scan only the home of this user or uid, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--home-at=[Path at which people see their home, for the commands in reminders and on the pages of users \[default\: the path below ROOT\]]:PATH:_files' \
'--format=[Form of the output \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"One line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"
prometheus\:"Metrics for Prometheus, as node_exporter reads them from a file"
ncdu\:"Every entry, as \`ncdu -o\` exports it; ncdu and gdu load it with -f"))' \
'-o+[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--output=[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--dirs=[Write a table of the directories to this file\: Parquet, with a row for each home, each finding and each directory of at least --dirs-min]:FILE:_files' \
'--sort=[Order of the homes \[default\: size\]]:SORT:((size\:"Allocated bytes"
trash\:"Trash"
cache\:"Caches"
files\:"Number of files"
name\:"Name"
quota\:"Percent of the quota"))' \
'--limit=[Show at most N homes in the table]:N:_default' \
'--top=[Name the N largest files and directories \[default\: 10, with --user 25\]]:N:_default' \
'*--exclude=[Leave out paths that match, relative to ROOT, without opening them (repeatable)]:GLOB:_default' \
'*--names=[Source of names\: passwd, csv\:FILE with uid,name\[,group\] columns, or sagemaker\:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--group-tag=[Tag of SageMaker'\''s user profiles whose value is the group that pays for the person]:KEY:_default' \
'--passwd-groups=[With names from passwd\: take a person'\''s primary group for the group that pays]::BOOL:(true false)' \
'--quota=[Quota of every home that the configuration does not name, in allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home or a group is over its quota]::BOOL:(true false)' \
'--publish=[Publish the run to s3\://BUCKET/PREFIX or to a directory]:DEST:_default' \
'--publish-interrupted=[Publish interrupted runs, too]::BOOL:(true false)' \
'--publish-report=[Publish HTML pages, too, as \`efs-scan report --publish\` does]::BOOL:(true false)' \
'--publish-dirs=[Publish a table of the directories, too \[default\: true\]]::BOOL:(true false)' \
'--dirs-min=[Metered size from which on a directory has a row in that table; 0 is every directory \[default\: 1MiB\]]:SIZE:_default' \
'--publish-region=[Region of the bucket \[default\: this machine'\''s, or else the one that S3 answers\]]:REGION:_default' \
'--publish-sse=[Encryption of what is published\: aws\:kms, aws\:kms\:dsse or AES256 \[default\: the bucket'\''s\]]:KIND:_default' \
'--publish-kms-key-id=[Key of that encryption\: an id, an ARN or an alias \[default\: AWS'\''s own for S3\]]:KEY:_default' \
'--publish-acl=[ACL of what is published\: bucket-owner-full-control for another account'\''s bucket]:ACL:_default' \
'--publish-storage-class=[Storage class of what is published, such as STANDARD_IA \[default\: STANDARD\]]:CLASS:_default' \
'--publish-requester-pays=[Pay for requests to a bucket that lets the requester pay]::BOOL:(true false)' \
'--unconditional=[Publish to a store that takes no conditional writes\: two monitors that publish there at the same time may then replace a newer run with an older one]::BOOL:(true false)' \
'--cloudwatch=[Send the totals to CloudWatch as metrics with the dimension FileSystemId\: 12 metrics, at most 3.60 USD a month \[default namespace\: EfsScan\]]::NAMESPACE:_default' \
'--cloudwatch-users=[Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month\: 500 users cost up to 600 USD a month]::BOOL|NAMES:_default' \
'--cloudwatch-groups=[Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month\: 20 groups cost up to 18 USD a month]::BOOL|NAMES:_default' \
'--notify-topic=[Send a notice to this SNS topic when the list of homes over quota changes]:ARN:_default' \
'--notify-always=[Send the notice after every run]::BOOL:(true false)' \
'--growth-alarm=[Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes\: 100GiB]:SIZE:_default' \
'--growth-factor=[The same for homes that are so many times as large as the day before\: 2.0]:N:_default' \
'--growth-factor-min=[With --growth-factor\: only homes that grew by at least this \[default\: 1GiB\]]:SIZE:_default' \
'--state=[Where to keep what outlives a run. \`auto\` takes the directory, and the destination where that cannot be written or in a container without a volume for it \[default\: auto\]]:WHERE:((auto\:"In the state directory; at the destination where that cannot be written, and in a container without a volume for it"
directory\:"In the state directory"
destination\:"At the destination of the runs, in the directory \`state\`"))' \
'--state-dir=[State directory\: runs that are not published yet, names, a lock \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--state-dir-shared=[Let others write to the state directory, such as a volume that containers share\: a directory of this user'\''s own is made in it. Who can write there is trusted with what waits in it]::BOOL:(true false)' \
'--patience=[Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer\: 90s, 5m. Then the run goes on without them \[default\: 60s\]]:TIME:_default' \
'--file-system-id=[Id of the EFS file system at ROOT, for its metered size and cost \[default\: from the mount\]]:ID:_default' \
'--name=[Name of the file system in what is published, of letters, digits, \`.\`, \`_\` and \`-\`\: with its id for people to read, without one to tell it from others at the destination \[default\: the id, or one made of ROOT\]]:NAME:_default' \
'--require-mount=[Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems that are mounted below ROOT]::BOOL:(true false)' \
'--threads=[Number of workers, or auto for as many as are worth it, found out during the scan \[default\: auto\]]:N|auto:_default' \
'--max-threads=[Maximum number of workers with auto; an NFS mount has at most 64 for each connection \[default\: 256\]]:N:_default' \
'--max-ops=[At most N directory operations per second\: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N]:N:_default' \
'--max-latency=[Use fewer workers while the file system takes longer than MS milliseconds to answer]:MS:_default' \
'--link-memory=[Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp \[default\: 64MiB\]]:SIZE:_default' \
'--nice=[Run in the idle classes of processor and disk\: only when no other process wants them]::BOOL:(true false)' \
'--nfs-uid=[With --engine nfs\: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default \[default\: the effective uid\]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group]:UID:_default' \
'--nfs-batch=[With --engine nfs\: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one\: before 6.5, such requests corrupt their memory \[default\: 1\]]:N:_default' \
'--nfs-loops=[With --engine nfs\: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one \[default\: as many as processors, at most 8, once one has too much to do\]]:N:_default' \
'--tls=[With --engine nfs\: TLS from the first byte, as EFS'\''s mount targets speak it. The certificate must be for ROOT'\''s host, or for the DNS name of the file system that ROOT or --file-system-id names]::BOOL:(true false)' \
'--iam=[With --tls\: prove the IAM identity of this machine'\''s AWS credentials to EFS, as the mount option iam does \[default\: if there are credentials\]]::BOOL:(true false)' \
'--access-point=[With --tls\: the EFS access point to go through. ROOT'\''s path begins at its root directory, and its user takes the place of --nfs-uid]:ID:_default' \
'--engine=[Engine that lists the directories \[default\: posix on Linux, nfs if ROOT is a URL or an EFS file system\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
nfs\:"NFSv4.1 without a mount\: ROOT is nfs\://HOST/path (Linux)"
portable\:"jwalk, for other systems and as a second opinion; not as root on a tree that others write to"))' \
'--portable-as-root=[Let --engine portable run as root. It opens directories by path\: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes]::BOOL:(true false)' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(--publish --cloudwatch --notify-topic)--no-publish[Publish nothing, whatever the configuration says]' \
'--take-over[Publish as the file system of this name although the newest run there is of another root\: it is the same file system, mounted elsewhere or moved. Needed once]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::root -- Mount point of the file system \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
":: :_efs-scan_commands" \
"*::: :->efs-scan" \
&& ret=0
    case $state in
    (efs-scan)
        words=($line[2] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:efs-scan-command-$line[2]:"
        case $line[2] in
            (status)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'*--file-system=[Only this file system, by its key or name (repeatable)]:KEY:_default' \
'*--user=[Show only this user or uid (repeatable)]:NAME|UID:_default' \
'--format=[Form of the output]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--by=[Of several file systems, show the sums only\: of each, or of each person or group across all of them]:BY:((file-system\:"A line for each file system"
person\:"A line for each person, with the homes of all file systems"
group\:"A line for each group that pays, with the homes of all file systems"))' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--apps[Add the SageMaker apps of each user and each space]' \
'--fail-if-stale[Exit with 6 if the newest run is older than 36 h]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(status_all)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'*--file-system=[Only this file system, by its key or name (repeatable)]:KEY:_default' \
'*--user=[Show only this user or uid (repeatable)]:NAME|UID:_default' \
'--format=[Form of the output]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--by=[Of several file systems, show the sums only\: of each, or of each person or group across all of them]:BY:((file-system\:"A line for each file system"
person\:"A line for each person, with the homes of all file systems"
group\:"A line for each group that pays, with the homes of all file systems"))' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--apps[Add the SageMaker apps of each user and each space]' \
'--fail-if-stale[Exit with 6 if the newest run is older than 36 h]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(status-all)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'*--file-system=[Only this file system, by its key or name (repeatable)]:KEY:_default' \
'*--user=[Show only this user or uid (repeatable)]:NAME|UID:_default' \
'--format=[Form of the output]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--by=[Of several file systems, show the sums only\: of each, or of each person or group across all of them]:BY:((file-system\:"A line for each file system"
person\:"A line for each person, with the homes of all file systems"
group\:"A line for each group that pays, with the homes of all file systems"))' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--apps[Add the SageMaker apps of each user and each space]' \
'--fail-if-stale[Exit with 6 if the newest run is older than 36 h]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(report)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'--html=[Write the page about all homes, or about several file systems, to this self-contained file]:FILE:_files' \
'--users=[Write a page for each user to DIR/UID.html, about that user'\''s homes only]:DIR:_files' \
'*--file-system=[Only this file system, by its key or name (repeatable)]:KEY:_default' \
'*--user=[Make pages of this user'\''s or uid'\''s homes only, and none about all homes (repeatable)]:NAME|UID:_default' \
'--days=[Show the changes of the last N days]:N:_default' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--publish[Publish the pages at the destination\: report/index.html, and of each file system report/KEY/latest.html and report/KEY/users/UID.html]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(history)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'*--file-system=[Only this file system, by its key or name (repeatable)]:KEY:_default' \
'*--user=[Show only this user or uid (repeatable)]:NAME|UID:_default' \
'--days=[Show the last N days; growth over 30 days needs as many]:N:_default' \
'--budget=[Forecast when this size is reached\: by all homes together, or with --user by each of these, instead of its quota]:SIZE:_default' \
'(--user)--by=[Of all file systems together, show each of them, or each person or group across all of them]:BY:((file-system\:"A line for each file system"
person\:"A line for each person, with the homes of all file systems"
group\:"A line for each group that pays, with the homes of all file systems"))' \
'--format=[Form of the output]:FORMAT:((table\:"For people"
csv\:"One line for each home and run"
json\:"Everything"))' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--monthly[Show what each line of --by held in each month, as the mean of its days, and what that cost]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(changes)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'--file-system=[Which file system, by its key or name, if several are published]:KEY:_default' \
'*--user=[Show only this user or uid (repeatable)]:NAME|UID:_default' \
'--since=[The run to begin with\: the one nearest to so long before the last one (7d, 12h, 2w, yesterday), the first one from a day on (2026-11-24), or the one with this id]:WHEN:_default' \
'--until=[The run to end with\: the one nearest to so long ago, the last one up to a day, or the one with this id \[default\: the newest\]]:WHEN:_default' \
'--path=[Explain only this directory, below the root, or with --user below the home]:PATH:_files' \
'--min=[Show no place that changed by less; what is not shown is summed up]:SIZE:_default' \
'--limit=[Show at most so many places of a home; fewer, if these explain 95 % of what changed]:N:_default' \
'--format=[Form of the output]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::files -- Two tables of directories that `efs-scan --dirs` wrote, in place of published ones\: the older one first:_files' \
&& ret=0
;;
(publish)
_arguments "${_arguments_options[@]}" : \
'--to=[The destination that --migrate moves \[default\: the configuration'\''s\]]:DEST:_default' \
'--state=[Where the scan keeps its state\: in the directory, where runs wait to be sent, or at the destination, where none waits \[default\: auto\]]:WHERE:((auto\:"In the state directory; at the destination where that cannot be written, and in a container without a volume for it"
directory\:"In the state directory"
destination\:"At the destination of the runs, in the directory \`state\`"))' \
'--state-dir=[State directory of the scan \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--migrate[First move a destination that an earlier version wrote, with one file system, to the present layout, and make the Parquet tables of runs that have CSV tables. It loses nothing, and may be repeated]' \
'--state-dir-shared[Let others write to the state directory, as with a scan]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(merge)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the shards, to which the run is published unless --publish names another one \[default\: the configuration'\''s\]]:DEST:_default' \
'--wait=[Wait so long for shards that are not there yet, and for their plan\: 90s, 30m. A run without them is partial \[default\: 0s\]]:TIME:_default' \
'*--file-system=[Scan only the \[\[file_system\]\] of the configuration with this name, root or id (repeatable) \[default\: all of them, one after the other\]]:NAME:_default' \
'--parallel=[With several \[\[file_system\]\]\: scan N of them at a time \[default\: 1\]]:N:_default' \
'--shard=[Scan one of N shards, where several machines read one file system\: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and \`efs-scan merge\` makes the run of all of them]:K/N|auto:_default' \
'--run-id=[Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes'\'' CronJobs have the minute of their start \[default\: the scheduler'\''s, with --shard auto\]]:ID:_default' \
'*--user=[Scan only the home of this user or uid, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--home-at=[Path at which people see their home, for the commands in reminders and on the pages of users \[default\: the path below ROOT\]]:PATH:_files' \
'--format=[Form of the output \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"One line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"
prometheus\:"Metrics for Prometheus, as node_exporter reads them from a file"
ncdu\:"Every entry, as \`ncdu -o\` exports it; ncdu and gdu load it with -f"))' \
'-o+[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--output=[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--dirs=[Write a table of the directories to this file\: Parquet, with a row for each home, each finding and each directory of at least --dirs-min]:FILE:_files' \
'--sort=[Order of the homes \[default\: size\]]:SORT:((size\:"Allocated bytes"
trash\:"Trash"
cache\:"Caches"
files\:"Number of files"
name\:"Name"
quota\:"Percent of the quota"))' \
'--limit=[Show at most N homes in the table]:N:_default' \
'--top=[Name the N largest files and directories \[default\: 10, with --user 25\]]:N:_default' \
'*--exclude=[Leave out paths that match, relative to ROOT, without opening them (repeatable)]:GLOB:_default' \
'*--names=[Source of names\: passwd, csv\:FILE with uid,name\[,group\] columns, or sagemaker\:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--group-tag=[Tag of SageMaker'\''s user profiles whose value is the group that pays for the person]:KEY:_default' \
'--passwd-groups=[With names from passwd\: take a person'\''s primary group for the group that pays]::BOOL:(true false)' \
'--quota=[Quota of every home that the configuration does not name, in allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home or a group is over its quota]::BOOL:(true false)' \
'--publish=[Publish the run to s3\://BUCKET/PREFIX or to a directory]:DEST:_default' \
'--publish-interrupted=[Publish interrupted runs, too]::BOOL:(true false)' \
'--publish-report=[Publish HTML pages, too, as \`efs-scan report --publish\` does]::BOOL:(true false)' \
'--publish-dirs=[Publish a table of the directories, too \[default\: true\]]::BOOL:(true false)' \
'--dirs-min=[Metered size from which on a directory has a row in that table; 0 is every directory \[default\: 1MiB\]]:SIZE:_default' \
'--publish-region=[Region of the bucket \[default\: this machine'\''s, or else the one that S3 answers\]]:REGION:_default' \
'--publish-sse=[Encryption of what is published\: aws\:kms, aws\:kms\:dsse or AES256 \[default\: the bucket'\''s\]]:KIND:_default' \
'--publish-kms-key-id=[Key of that encryption\: an id, an ARN or an alias \[default\: AWS'\''s own for S3\]]:KEY:_default' \
'--publish-acl=[ACL of what is published\: bucket-owner-full-control for another account'\''s bucket]:ACL:_default' \
'--publish-storage-class=[Storage class of what is published, such as STANDARD_IA \[default\: STANDARD\]]:CLASS:_default' \
'--publish-requester-pays=[Pay for requests to a bucket that lets the requester pay]::BOOL:(true false)' \
'--unconditional=[Publish to a store that takes no conditional writes\: two monitors that publish there at the same time may then replace a newer run with an older one]::BOOL:(true false)' \
'--cloudwatch=[Send the totals to CloudWatch as metrics with the dimension FileSystemId\: 12 metrics, at most 3.60 USD a month \[default namespace\: EfsScan\]]::NAMESPACE:_default' \
'--cloudwatch-users=[Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month\: 500 users cost up to 600 USD a month]::BOOL|NAMES:_default' \
'--cloudwatch-groups=[Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month\: 20 groups cost up to 18 USD a month]::BOOL|NAMES:_default' \
'--notify-topic=[Send a notice to this SNS topic when the list of homes over quota changes]:ARN:_default' \
'--notify-always=[Send the notice after every run]::BOOL:(true false)' \
'--growth-alarm=[Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes\: 100GiB]:SIZE:_default' \
'--growth-factor=[The same for homes that are so many times as large as the day before\: 2.0]:N:_default' \
'--growth-factor-min=[With --growth-factor\: only homes that grew by at least this \[default\: 1GiB\]]:SIZE:_default' \
'--state=[Where to keep what outlives a run. \`auto\` takes the directory, and the destination where that cannot be written or in a container without a volume for it \[default\: auto\]]:WHERE:((auto\:"In the state directory; at the destination where that cannot be written, and in a container without a volume for it"
directory\:"In the state directory"
destination\:"At the destination of the runs, in the directory \`state\`"))' \
'--state-dir=[State directory\: runs that are not published yet, names, a lock \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--state-dir-shared=[Let others write to the state directory, such as a volume that containers share\: a directory of this user'\''s own is made in it. Who can write there is trusted with what waits in it]::BOOL:(true false)' \
'--patience=[Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer\: 90s, 5m. Then the run goes on without them \[default\: 60s\]]:TIME:_default' \
'--file-system-id=[Id of the EFS file system at ROOT, for its metered size and cost \[default\: from the mount\]]:ID:_default' \
'--name=[Name of the file system in what is published, of letters, digits, \`.\`, \`_\` and \`-\`\: with its id for people to read, without one to tell it from others at the destination \[default\: the id, or one made of ROOT\]]:NAME:_default' \
'--require-mount=[Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems that are mounted below ROOT]::BOOL:(true false)' \
'--threads=[Number of workers, or auto for as many as are worth it, found out during the scan \[default\: auto\]]:N|auto:_default' \
'--max-threads=[Maximum number of workers with auto; an NFS mount has at most 64 for each connection \[default\: 256\]]:N:_default' \
'--max-ops=[At most N directory operations per second\: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N]:N:_default' \
'--max-latency=[Use fewer workers while the file system takes longer than MS milliseconds to answer]:MS:_default' \
'--link-memory=[Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp \[default\: 64MiB\]]:SIZE:_default' \
'--nice=[Run in the idle classes of processor and disk\: only when no other process wants them]::BOOL:(true false)' \
'--nfs-uid=[With --engine nfs\: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default \[default\: the effective uid\]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group]:UID:_default' \
'--nfs-batch=[With --engine nfs\: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one\: before 6.5, such requests corrupt their memory \[default\: 1\]]:N:_default' \
'--nfs-loops=[With --engine nfs\: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one \[default\: as many as processors, at most 8, once one has too much to do\]]:N:_default' \
'--tls=[With --engine nfs\: TLS from the first byte, as EFS'\''s mount targets speak it. The certificate must be for ROOT'\''s host, or for the DNS name of the file system that ROOT or --file-system-id names]::BOOL:(true false)' \
'--iam=[With --tls\: prove the IAM identity of this machine'\''s AWS credentials to EFS, as the mount option iam does \[default\: if there are credentials\]]::BOOL:(true false)' \
'--access-point=[With --tls\: the EFS access point to go through. ROOT'\''s path begins at its root directory, and its user takes the place of --nfs-uid]:ID:_default' \
'--engine=[Engine that lists the directories \[default\: posix on Linux, nfs if ROOT is a URL or an EFS file system\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
nfs\:"NFSv4.1 without a mount\: ROOT is nfs\://HOST/path (Linux)"
portable\:"jwalk, for other systems and as a second opinion; not as root on a tree that others write to"))' \
'--portable-as-root=[Let --engine portable run as root. It opens directories by path\: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes]::BOOL:(true false)' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(--publish --cloudwatch --notify-topic)--no-publish[Publish nothing, whatever the configuration says]' \
'--take-over[Publish as the file system of this name although the newest run there is of another root\: it is the same file system, mounted elsewhere or moved. Needed once]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::root -- Mount point of the file system \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
&& ret=0
;;
(remind)
_arguments "${_arguments_options[@]}" : \
'--from=[Destination of the runs\: s3\://BUCKET/PREFIX or a directory \[default\: the configuration'\''s\]]:DEST:_default' \
'*--file-system=[Only this file system, by its key or name (repeatable)]:KEY:_default' \
'*--user=[Remind only the owner of this user'\''s or uid'\''s homes (repeatable)]:NAME|UID:_default' \
'--only=[Remind of homes or of apps only \[default\: homes, and apps if the configuration has \[remind.apps\]\]]:WHAT:((homes\:"Homes over quota or with much trash"
apps\:"Apps that run for long"))' \
'--state=[Where to keep who was reminded and when\: in the state directory, or at the destination of the runs \[default\: auto, as with a scan\]]:WHERE:((auto\:"In the state directory; at the destination where that cannot be written, and in a container without a volume for it"
directory\:"In the state directory"
destination\:"At the destination of the runs, in the directory \`state\`"))' \
'--state-dir=[State directory, which keeps who was reminded and when \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--dry-run[Print the messages, their recipients and the reasons; send nothing and change nothing]' \
'--state-dir-shared[Let others write to the state directory, as with a scan]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(config)
_arguments "${_arguments_options[@]}" : \
'*--file-system=[Scan only the \[\[file_system\]\] of the configuration with this name, root or id (repeatable) \[default\: all of them, one after the other\]]:NAME:_default' \
'--parallel=[With several \[\[file_system\]\]\: scan N of them at a time \[default\: 1\]]:N:_default' \
'--shard=[Scan one of N shards, where several machines read one file system\: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and \`efs-scan merge\` makes the run of all of them]:K/N|auto:_default' \
'--run-id=[Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes'\'' CronJobs have the minute of their start \[default\: the scheduler'\''s, with --shard auto\]]:ID:_default' \
'*--user=[Scan only the home of this user or uid, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--home-at=[Path at which people see their home, for the commands in reminders and on the pages of users \[default\: the path below ROOT\]]:PATH:_files' \
'--format=[Form of the output \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"One line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"
prometheus\:"Metrics for Prometheus, as node_exporter reads them from a file"
ncdu\:"Every entry, as \`ncdu -o\` exports it; ncdu and gdu load it with -f"))' \
'-o+[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--output=[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--dirs=[Write a table of the directories to this file\: Parquet, with a row for each home, each finding and each directory of at least --dirs-min]:FILE:_files' \
'--sort=[Order of the homes \[default\: size\]]:SORT:((size\:"Allocated bytes"
trash\:"Trash"
cache\:"Caches"
files\:"Number of files"
name\:"Name"
quota\:"Percent of the quota"))' \
'--limit=[Show at most N homes in the table]:N:_default' \
'--top=[Name the N largest files and directories \[default\: 10, with --user 25\]]:N:_default' \
'*--exclude=[Leave out paths that match, relative to ROOT, without opening them (repeatable)]:GLOB:_default' \
'*--names=[Source of names\: passwd, csv\:FILE with uid,name\[,group\] columns, or sagemaker\:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--group-tag=[Tag of SageMaker'\''s user profiles whose value is the group that pays for the person]:KEY:_default' \
'--passwd-groups=[With names from passwd\: take a person'\''s primary group for the group that pays]::BOOL:(true false)' \
'--quota=[Quota of every home that the configuration does not name, in allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home or a group is over its quota]::BOOL:(true false)' \
'--publish=[Publish the run to s3\://BUCKET/PREFIX or to a directory]:DEST:_default' \
'--publish-interrupted=[Publish interrupted runs, too]::BOOL:(true false)' \
'--publish-report=[Publish HTML pages, too, as \`efs-scan report --publish\` does]::BOOL:(true false)' \
'--publish-dirs=[Publish a table of the directories, too \[default\: true\]]::BOOL:(true false)' \
'--dirs-min=[Metered size from which on a directory has a row in that table; 0 is every directory \[default\: 1MiB\]]:SIZE:_default' \
'--publish-region=[Region of the bucket \[default\: this machine'\''s, or else the one that S3 answers\]]:REGION:_default' \
'--publish-sse=[Encryption of what is published\: aws\:kms, aws\:kms\:dsse or AES256 \[default\: the bucket'\''s\]]:KIND:_default' \
'--publish-kms-key-id=[Key of that encryption\: an id, an ARN or an alias \[default\: AWS'\''s own for S3\]]:KEY:_default' \
'--publish-acl=[ACL of what is published\: bucket-owner-full-control for another account'\''s bucket]:ACL:_default' \
'--publish-storage-class=[Storage class of what is published, such as STANDARD_IA \[default\: STANDARD\]]:CLASS:_default' \
'--publish-requester-pays=[Pay for requests to a bucket that lets the requester pay]::BOOL:(true false)' \
'--unconditional=[Publish to a store that takes no conditional writes\: two monitors that publish there at the same time may then replace a newer run with an older one]::BOOL:(true false)' \
'--cloudwatch=[Send the totals to CloudWatch as metrics with the dimension FileSystemId\: 12 metrics, at most 3.60 USD a month \[default namespace\: EfsScan\]]::NAMESPACE:_default' \
'--cloudwatch-users=[Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month\: 500 users cost up to 600 USD a month]::BOOL|NAMES:_default' \
'--cloudwatch-groups=[Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month\: 20 groups cost up to 18 USD a month]::BOOL|NAMES:_default' \
'--notify-topic=[Send a notice to this SNS topic when the list of homes over quota changes]:ARN:_default' \
'--notify-always=[Send the notice after every run]::BOOL:(true false)' \
'--growth-alarm=[Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes\: 100GiB]:SIZE:_default' \
'--growth-factor=[The same for homes that are so many times as large as the day before\: 2.0]:N:_default' \
'--growth-factor-min=[With --growth-factor\: only homes that grew by at least this \[default\: 1GiB\]]:SIZE:_default' \
'--state=[Where to keep what outlives a run. \`auto\` takes the directory, and the destination where that cannot be written or in a container without a volume for it \[default\: auto\]]:WHERE:((auto\:"In the state directory; at the destination where that cannot be written, and in a container without a volume for it"
directory\:"In the state directory"
destination\:"At the destination of the runs, in the directory \`state\`"))' \
'--state-dir=[State directory\: runs that are not published yet, names, a lock \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--state-dir-shared=[Let others write to the state directory, such as a volume that containers share\: a directory of this user'\''s own is made in it. Who can write there is trusted with what waits in it]::BOOL:(true false)' \
'--patience=[Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer\: 90s, 5m. Then the run goes on without them \[default\: 60s\]]:TIME:_default' \
'--file-system-id=[Id of the EFS file system at ROOT, for its metered size and cost \[default\: from the mount\]]:ID:_default' \
'--name=[Name of the file system in what is published, of letters, digits, \`.\`, \`_\` and \`-\`\: with its id for people to read, without one to tell it from others at the destination \[default\: the id, or one made of ROOT\]]:NAME:_default' \
'--require-mount=[Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems that are mounted below ROOT]::BOOL:(true false)' \
'--threads=[Number of workers, or auto for as many as are worth it, found out during the scan \[default\: auto\]]:N|auto:_default' \
'--max-threads=[Maximum number of workers with auto; an NFS mount has at most 64 for each connection \[default\: 256\]]:N:_default' \
'--max-ops=[At most N directory operations per second\: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N]:N:_default' \
'--max-latency=[Use fewer workers while the file system takes longer than MS milliseconds to answer]:MS:_default' \
'--link-memory=[Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp \[default\: 64MiB\]]:SIZE:_default' \
'--nice=[Run in the idle classes of processor and disk\: only when no other process wants them]::BOOL:(true false)' \
'--nfs-uid=[With --engine nfs\: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default \[default\: the effective uid\]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group]:UID:_default' \
'--nfs-batch=[With --engine nfs\: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one\: before 6.5, such requests corrupt their memory \[default\: 1\]]:N:_default' \
'--nfs-loops=[With --engine nfs\: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one \[default\: as many as processors, at most 8, once one has too much to do\]]:N:_default' \
'--tls=[With --engine nfs\: TLS from the first byte, as EFS'\''s mount targets speak it. The certificate must be for ROOT'\''s host, or for the DNS name of the file system that ROOT or --file-system-id names]::BOOL:(true false)' \
'--iam=[With --tls\: prove the IAM identity of this machine'\''s AWS credentials to EFS, as the mount option iam does \[default\: if there are credentials\]]::BOOL:(true false)' \
'--access-point=[With --tls\: the EFS access point to go through. ROOT'\''s path begins at its root directory, and its user takes the place of --nfs-uid]:ID:_default' \
'--engine=[Engine that lists the directories \[default\: posix on Linux, nfs if ROOT is a URL or an EFS file system\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
nfs\:"NFSv4.1 without a mount\: ROOT is nfs\://HOST/path (Linux)"
portable\:"jwalk, for other systems and as a second opinion; not as root on a tree that others write to"))' \
'--portable-as-root=[Let --engine portable run as root. It opens directories by path\: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes]::BOOL:(true false)' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(--publish --cloudwatch --notify-topic)--no-publish[Publish nothing, whatever the configuration says]' \
'--take-over[Publish as the file system of this name although the newest run there is of another root\: it is the same file system, mounted elsewhere or moved. Needed once]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::root -- Mount point of the file system \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'*--file-system=[Scan only the \[\[file_system\]\] of the configuration with this name, root or id (repeatable) \[default\: all of them, one after the other\]]:NAME:_default' \
'--parallel=[With several \[\[file_system\]\]\: scan N of them at a time \[default\: 1\]]:N:_default' \
'--shard=[Scan one of N shards, where several machines read one file system\: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and \`efs-scan merge\` makes the run of all of them]:K/N|auto:_default' \
'--run-id=[Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes'\'' CronJobs have the minute of their start \[default\: the scheduler'\''s, with --shard auto\]]:ID:_default' \
'*--user=[Scan only the home of this user or uid, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--home-at=[Path at which people see their home, for the commands in reminders and on the pages of users \[default\: the path below ROOT\]]:PATH:_files' \
'--format=[Form of the output \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"One line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"
prometheus\:"Metrics for Prometheus, as node_exporter reads them from a file"
ncdu\:"Every entry, as \`ncdu -o\` exports it; ncdu and gdu load it with -f"))' \
'-o+[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--output=[Write the result to this file, all at once when it is complete; \`-\` is stdout]:FILE:_files' \
'--dirs=[Write a table of the directories to this file\: Parquet, with a row for each home, each finding and each directory of at least --dirs-min]:FILE:_files' \
'--sort=[Order of the homes \[default\: size\]]:SORT:((size\:"Allocated bytes"
trash\:"Trash"
cache\:"Caches"
files\:"Number of files"
name\:"Name"
quota\:"Percent of the quota"))' \
'--limit=[Show at most N homes in the table]:N:_default' \
'--top=[Name the N largest files and directories \[default\: 10, with --user 25\]]:N:_default' \
'*--exclude=[Leave out paths that match, relative to ROOT, without opening them (repeatable)]:GLOB:_default' \
'*--names=[Source of names\: passwd, csv\:FILE with uid,name\[,group\] columns, or sagemaker\:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--group-tag=[Tag of SageMaker'\''s user profiles whose value is the group that pays for the person]:KEY:_default' \
'--passwd-groups=[With names from passwd\: take a person'\''s primary group for the group that pays]::BOOL:(true false)' \
'--quota=[Quota of every home that the configuration does not name, in allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home or a group is over its quota]::BOOL:(true false)' \
'--publish=[Publish the run to s3\://BUCKET/PREFIX or to a directory]:DEST:_default' \
'--publish-interrupted=[Publish interrupted runs, too]::BOOL:(true false)' \
'--publish-report=[Publish HTML pages, too, as \`efs-scan report --publish\` does]::BOOL:(true false)' \
'--publish-dirs=[Publish a table of the directories, too \[default\: true\]]::BOOL:(true false)' \
'--dirs-min=[Metered size from which on a directory has a row in that table; 0 is every directory \[default\: 1MiB\]]:SIZE:_default' \
'--publish-region=[Region of the bucket \[default\: this machine'\''s, or else the one that S3 answers\]]:REGION:_default' \
'--publish-sse=[Encryption of what is published\: aws\:kms, aws\:kms\:dsse or AES256 \[default\: the bucket'\''s\]]:KIND:_default' \
'--publish-kms-key-id=[Key of that encryption\: an id, an ARN or an alias \[default\: AWS'\''s own for S3\]]:KEY:_default' \
'--publish-acl=[ACL of what is published\: bucket-owner-full-control for another account'\''s bucket]:ACL:_default' \
'--publish-storage-class=[Storage class of what is published, such as STANDARD_IA \[default\: STANDARD\]]:CLASS:_default' \
'--publish-requester-pays=[Pay for requests to a bucket that lets the requester pay]::BOOL:(true false)' \
'--unconditional=[Publish to a store that takes no conditional writes\: two monitors that publish there at the same time may then replace a newer run with an older one]::BOOL:(true false)' \
'--cloudwatch=[Send the totals to CloudWatch as metrics with the dimension FileSystemId\: 12 metrics, at most 3.60 USD a month \[default namespace\: EfsScan\]]::NAMESPACE:_default' \
'--cloudwatch-users=[Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month\: 500 users cost up to 600 USD a month]::BOOL|NAMES:_default' \
'--cloudwatch-groups=[Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month\: 20 groups cost up to 18 USD a month]::BOOL|NAMES:_default' \
'--notify-topic=[Send a notice to this SNS topic when the list of homes over quota changes]:ARN:_default' \
'--notify-always=[Send the notice after every run]::BOOL:(true false)' \
'--growth-alarm=[Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes\: 100GiB]:SIZE:_default' \
'--growth-factor=[The same for homes that are so many times as large as the day before\: 2.0]:N:_default' \
'--growth-factor-min=[With --growth-factor\: only homes that grew by at least this \[default\: 1GiB\]]:SIZE:_default' \
'--state=[Where to keep what outlives a run. \`auto\` takes the directory, and the destination where that cannot be written or in a container without a volume for it \[default\: auto\]]:WHERE:((auto\:"In the state directory; at the destination where that cannot be written, and in a container without a volume for it"
directory\:"In the state directory"
destination\:"At the destination of the runs, in the directory \`state\`"))' \
'--state-dir=[State directory\: runs that are not published yet, names, a lock \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--state-dir-shared=[Let others write to the state directory, such as a volume that containers share\: a directory of this user'\''s own is made in it. Who can write there is trusted with what waits in it]::BOOL:(true false)' \
'--patience=[Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer\: 90s, 5m. Then the run goes on without them \[default\: 60s\]]:TIME:_default' \
'--file-system-id=[Id of the EFS file system at ROOT, for its metered size and cost \[default\: from the mount\]]:ID:_default' \
'--name=[Name of the file system in what is published, of letters, digits, \`.\`, \`_\` and \`-\`\: with its id for people to read, without one to tell it from others at the destination \[default\: the id, or one made of ROOT\]]:NAME:_default' \
'--require-mount=[Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems that are mounted below ROOT]::BOOL:(true false)' \
'--threads=[Number of workers, or auto for as many as are worth it, found out during the scan \[default\: auto\]]:N|auto:_default' \
'--max-threads=[Maximum number of workers with auto; an NFS mount has at most 64 for each connection \[default\: 256\]]:N:_default' \
'--max-ops=[At most N directory operations per second\: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N]:N:_default' \
'--max-latency=[Use fewer workers while the file system takes longer than MS milliseconds to answer]:MS:_default' \
'--link-memory=[Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp \[default\: 64MiB\]]:SIZE:_default' \
'--nice=[Run in the idle classes of processor and disk\: only when no other process wants them]::BOOL:(true false)' \
'--nfs-uid=[With --engine nfs\: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default \[default\: the effective uid\]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group]:UID:_default' \
'--nfs-batch=[With --engine nfs\: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one\: before 6.5, such requests corrupt their memory \[default\: 1\]]:N:_default' \
'--nfs-loops=[With --engine nfs\: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one \[default\: as many as processors, at most 8, once one has too much to do\]]:N:_default' \
'--tls=[With --engine nfs\: TLS from the first byte, as EFS'\''s mount targets speak it. The certificate must be for ROOT'\''s host, or for the DNS name of the file system that ROOT or --file-system-id names]::BOOL:(true false)' \
'--iam=[With --tls\: prove the IAM identity of this machine'\''s AWS credentials to EFS, as the mount option iam does \[default\: if there are credentials\]]::BOOL:(true false)' \
'--access-point=[With --tls\: the EFS access point to go through. ROOT'\''s path begins at its root directory, and its user takes the place of --nfs-uid]:ID:_default' \
'--engine=[Engine that lists the directories \[default\: posix on Linux, nfs if ROOT is a URL or an EFS file system\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
nfs\:"NFSv4.1 without a mount\: ROOT is nfs\://HOST/path (Linux)"
portable\:"jwalk, for other systems and as a second opinion; not as root on a tree that others write to"))' \
'--portable-as-root=[Let --engine portable run as root. It opens directories by path\: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes]::BOOL:(true false)' \
'--config=[Configuration file \[default\: /etc/efs-scan.toml, if it exists\]]:FILE:_files' \
'--log-format=[Form of the messages on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(--publish --cloudwatch --notify-topic)--no-publish[Publish nothing, whatever the configuration says]' \
'--take-over[Publish as the file system of this name although the newest run there is of another root\: it is the same file system, mounted elsewhere or moved. Needed once]' \
'(-v --verbose)-q[Print only errors on stderr]' \
'(-v --verbose)--quiet[Print only errors on stderr]' \
'*-v[Print more on stderr; twice for everything]' \
'*--verbose[Print more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::root -- Mount point of the file system \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
&& ret=0
;;
        esac
    ;;
esac
}

(( $+functions[_efs-scan_commands] )) ||
_efs-scan_commands() {
    local commands; commands=(
'status:Show the newest published run\: who uses how much, and what changed' \
'status_all:Show the newest published run\: who uses how much, and what changed' \
'status-all:Show the newest published run\: who uses how much, and what changed' \
'report:Make HTML pages of the newest published run\: one about all homes, and one for each user' \
'history:Show each home over the published runs\: its size, its growth, and when it reaches its quota' \
'changes:Show what grew between two runs, and in which directories' \
'publish:Send the runs that are not published yet' \
'merge:Make a run of the shards that \`efs-scan --shard\` scanned, and publish it' \
'remind:Remind owners who are over quota or have much trash, by e-mail' \
'config:Print the effective configuration as TOML' \
'check:Try what a configured run would do, and say in a line each what works; change nothing' \
    )
    _describe -t commands 'efs-scan commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__changes_commands] )) ||
_efs-scan__subcmd__changes_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan changes commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__check_commands] )) ||
_efs-scan__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan check commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__config_commands] )) ||
_efs-scan__subcmd__config_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan config commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__history_commands] )) ||
_efs-scan__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan history commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__merge_commands] )) ||
_efs-scan__subcmd__merge_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan merge commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__publish_commands] )) ||
_efs-scan__subcmd__publish_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan publish commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__remind_commands] )) ||
_efs-scan__subcmd__remind_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan remind commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__report_commands] )) ||
_efs-scan__subcmd__report_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan report commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__status_commands] )) ||
_efs-scan__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan status commands' commands "$@"
}

if [ "$funcstack[1]" = "_efs-scan" ]; then
    _efs-scan "$@"
else
    compdef _efs-scan efs-scan
fi
