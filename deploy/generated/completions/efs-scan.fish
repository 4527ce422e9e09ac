# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_efs_scan_global_optspecs
    string join \n file-system= parallel= shard= run-id= user= home-depth= home-at= format= o/output= dirs= sort= limit= top= exclude= names= group-tag= passwd-groups= quota= fail-on-quota= publish= no-publish take-over publish-interrupted= publish-report= publish-dirs= dirs-min= publish-region= publish-sse= publish-kms-key-id= publish-acl= publish-storage-class= publish-requester-pays= unconditional= cloudwatch= cloudwatch-users= cloudwatch-groups= notify-topic= notify-always= growth-alarm= growth-factor= growth-factor-min= state= state-dir= state-dir-shared= patience= file-system-id= name= require-mount= cross-mounts= threads= max-threads= max-ops= max-latency= link-memory= nice= nfs-uid= nfs-batch= nfs-loops= tls= iam= access-point= engine= portable-as-root= config= q/quiet v/verbose log-format= h/help V/version
end

function __fish_efs_scan_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_efs_scan_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_efs_scan_using_subcommand
    set -l cmd (__fish_efs_scan_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c efs-scan -n "__fish_efs_scan_needs_command" -l file-system -d 'Scan only the [[file_system]] of the configuration with this name, root or id (repeatable) [default: all of them, one after the other]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l parallel -d 'With several [[file_system]]: scan N of them at a time [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l shard -d 'Scan one of N shards, where several machines read one file system: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and `efs-scan merge` makes the run of all of them' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l run-id -d 'Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes\' CronJobs have the minute of their start [default: the scheduler\'s, with --shard auto]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l user -d 'Scan only the home of this user or uid, in detail (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l home-depth -d 'Depth of the homes below ROOT; 0 makes ROOT one home [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l home-at -d 'Path at which people see their home, for the commands in reminders and on the pages of users [default: the path below ROOT]' -r -F
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l format -d 'Form of the output [default: table]' -r -f -a "table\t'For people'
json\t'Everything, by a versioned schema'
csv\t'One line for each home'
du\t'As `du -h -d1 ROOT/` prints it'
prometheus\t'Metrics for Prometheus, as node_exporter reads them from a file'
ncdu\t'Every entry, as `ncdu -o` exports it; ncdu and gdu load it with -f'"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -s o -l output -d 'Write the result to this file, all at once when it is complete; `-` is stdout' -r -F
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l dirs -d 'Write a table of the directories to this file: Parquet, with a row for each home, each finding and each directory of at least --dirs-min' -r -F
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l sort -d 'Order of the homes [default: size]' -r -f -a "size\t'Allocated bytes'
trash\t'Trash'
cache\t'Caches'
files\t'Number of files'
name\t'Name'
quota\t'Percent of the quota'"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l limit -d 'Show at most N homes in the table' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l top -d 'Name the N largest files and directories [default: 10, with --user 25]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l exclude -d 'Leave out paths that match, relative to ROOT, without opening them (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l names -d 'Source of names: passwd, csv:FILE with uid,name[,group] columns, or sagemaker:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) [default: passwd]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l group-tag -d 'Tag of SageMaker\'s user profiles whose value is the group that pays for the person' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l passwd-groups -d 'With names from passwd: take a person\'s primary group for the group that pays' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l quota -d 'Quota of every home that the configuration does not name, in allocated bytes: 50GiB' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l fail-on-quota -d 'Exit with 4 if a home or a group is over its quota' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish -d 'Publish the run to s3://BUCKET/PREFIX or to a directory' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-interrupted -d 'Publish interrupted runs, too' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-report -d 'Publish HTML pages, too, as `efs-scan report --publish` does' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-dirs -d 'Publish a table of the directories, too [default: true]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l dirs-min -d 'Metered size from which on a directory has a row in that table; 0 is every directory [default: 1MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-region -d 'Region of the bucket [default: this machine\'s, or else the one that S3 answers]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-sse -d 'Encryption of what is published: aws:kms, aws:kms:dsse or AES256 [default: the bucket\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-kms-key-id -d 'Key of that encryption: an id, an ARN or an alias [default: AWS\'s own for S3]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-acl -d 'ACL of what is published: bucket-owner-full-control for another account\'s bucket' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-storage-class -d 'Storage class of what is published, such as STANDARD_IA [default: STANDARD]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l publish-requester-pays -d 'Pay for requests to a bucket that lets the requester pay' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l unconditional -d 'Publish to a store that takes no conditional writes: two monitors that publish there at the same time may then replace a newer run with an older one' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l cloudwatch -d 'Send the totals to CloudWatch as metrics with the dimension FileSystemId: 12 metrics, at most 3.60 USD a month [default namespace: EfsScan]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l cloudwatch-users -d 'Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month: 500 users cost up to 600 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l cloudwatch-groups -d 'Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month: 20 groups cost up to 18 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l notify-topic -d 'Send a notice to this SNS topic when the list of homes over quota changes' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l notify-always -d 'Send the notice after every run' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l growth-alarm -d 'Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes: 100GiB' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l growth-factor -d 'The same for homes that are so many times as large as the day before: 2.0' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l growth-factor-min -d 'With --growth-factor: only homes that grew by at least this [default: 1GiB]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l state -d 'Where to keep what outlives a run. `auto` takes the directory, and the destination where that cannot be written or in a container without a volume for it [default: auto]' -r -f -a "auto\t'In the state directory; at the destination where that cannot be written, and in a container without a volume for it'
directory\t'In the state directory'
destination\t'At the destination of the runs, in the directory `state`'"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l state-dir -d 'State directory: runs that are not published yet, names, a lock [default: /var/lib/efs-scan]' -r -F
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l state-dir-shared -d 'Let others write to the state directory, such as a volume that containers share: a directory of this user\'s own is made in it. Who can write there is trusted with what waits in it' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l patience -d 'Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer: 90s, 5m. Then the run goes on without them [default: 60s]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l file-system-id -d 'Id of the EFS file system at ROOT, for its metered size and cost [default: from the mount]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l name -d 'Name of the file system in what is published, of letters, digits, `.`, `_` and `-`: with its id for people to read, without one to tell it from others at the destination [default: the id, or one made of ROOT]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l require-mount -d 'Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l cross-mounts -d 'Enter other file systems that are mounted below ROOT' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l threads -d 'Number of workers, or auto for as many as are worth it, found out during the scan [default: auto]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l max-threads -d 'Maximum number of workers with auto; an NFS mount has at most 64 for each connection [default: 256]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l max-ops -d 'At most N directory operations per second: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l max-latency -d 'Use fewer workers while the file system takes longer than MS milliseconds to answer' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l link-memory -d 'Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp [default: 64MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l nice -d 'Run in the idle classes of processor and disk: only when no other process wants them' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l nfs-uid -d 'With --engine nfs: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default [default: the effective uid]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l nfs-batch -d 'With --engine nfs: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one: before 6.5, such requests corrupt their memory [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l nfs-loops -d 'With --engine nfs: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one [default: as many as processors, at most 8, once one has too much to do]' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l tls -d 'With --engine nfs: TLS from the first byte, as EFS\'s mount targets speak it. The certificate must be for ROOT\'s host, or for the DNS name of the file system that ROOT or --file-system-id names' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l iam -d 'With --tls: prove the IAM identity of this machine\'s AWS credentials to EFS, as the mount option iam does [default: if there are credentials]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l access-point -d 'With --tls: the EFS access point to go through. ROOT\'s path begins at its root directory, and its user takes the place of --nfs-uid' -r
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l engine -d 'Engine that lists the directories [default: posix on Linux, nfs if ROOT is a URL or an EFS file system]' -r -f -a "posix\t'getdents64 and statx relative to descriptors (Linux)'
nfs\t'NFSv4.1 without a mount: ROOT is nfs://HOST/path (Linux)'
portable\t'jwalk, for other systems and as a second opinion; not as root on a tree that others write to'"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l portable-as-root -d 'Let --engine portable run as root. It opens directories by path: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l no-publish -d 'Publish nothing, whatever the configuration says'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -l take-over -d 'Publish as the file system of this name although the newest run there is of another root: it is the same file system, mounted elsewhere or moved. Needed once'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -s V -l version -d 'Print version'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "status" -d 'Show the newest published run: who uses how much, and what changed'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "status_all" -d 'Show the newest published run: who uses how much, and what changed'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "status-all" -d 'Show the newest published run: who uses how much, and what changed'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "report" -d 'Make HTML pages of the newest published run: one about all homes, and one for each user'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "history" -d 'Show each home over the published runs: its size, its growth, and when it reaches its quota'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "changes" -d 'Show what grew between two runs, and in which directories'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "publish" -d 'Send the runs that are not published yet'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "merge" -d 'Make a run of the shards that `efs-scan --shard` scanned, and publish it'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "remind" -d 'Remind owners who are over quota or have much trash, by e-mail'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "config" -d 'Print the effective configuration as TOML'
complete -c efs-scan -n "__fish_efs_scan_needs_command" -a "check" -d 'Try what a configured run would do, and say in a line each what works; change nothing'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l file-system -d 'Only this file system, by its key or name (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l user -d 'Show only this user or uid (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l format -d 'Form of the output' -r -f -a "table\t'For people'
json\t'Everything'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l by -d 'Of several file systems, show the sums only: of each, or of each person or group across all of them' -r -f -a "file-system\t'A line for each file system'
person\t'A line for each person, with the homes of all file systems'
group\t'A line for each group that pays, with the homes of all file systems'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l apps -d 'Add the SageMaker apps of each user and each space'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -l fail-if-stale -d 'Exit with 6 if the newest run is older than 36 h'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l file-system -d 'Only this file system, by its key or name (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l user -d 'Show only this user or uid (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l format -d 'Form of the output' -r -f -a "table\t'For people'
json\t'Everything'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l by -d 'Of several file systems, show the sums only: of each, or of each person or group across all of them' -r -f -a "file-system\t'A line for each file system'
person\t'A line for each person, with the homes of all file systems'
group\t'A line for each group that pays, with the homes of all file systems'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l apps -d 'Add the SageMaker apps of each user and each space'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -l fail-if-stale -d 'Exit with 6 if the newest run is older than 36 h'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status_all" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l file-system -d 'Only this file system, by its key or name (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l user -d 'Show only this user or uid (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l format -d 'Form of the output' -r -f -a "table\t'For people'
json\t'Everything'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l by -d 'Of several file systems, show the sums only: of each, or of each person or group across all of them' -r -f -a "file-system\t'A line for each file system'
person\t'A line for each person, with the homes of all file systems'
group\t'A line for each group that pays, with the homes of all file systems'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l apps -d 'Add the SageMaker apps of each user and each space'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -l fail-if-stale -d 'Exit with 6 if the newest run is older than 36 h'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand status-all" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l html -d 'Write the page about all homes, or about several file systems, to this self-contained file' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l users -d 'Write a page for each user to DIR/UID.html, about that user\'s homes only' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l file-system -d 'Only this file system, by its key or name (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l user -d 'Make pages of this user\'s or uid\'s homes only, and none about all homes (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l days -d 'Show the changes of the last N days' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -l publish -d 'Publish the pages at the destination: report/index.html, and of each file system report/KEY/latest.html and report/KEY/users/UID.html'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l file-system -d 'Only this file system, by its key or name (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l user -d 'Show only this user or uid (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l days -d 'Show the last N days; growth over 30 days needs as many' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l budget -d 'Forecast when this size is reached: by all homes together, or with --user by each of these, instead of its quota' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l by -d 'Of all file systems together, show each of them, or each person or group across all of them' -r -f -a "file-system\t'A line for each file system'
person\t'A line for each person, with the homes of all file systems'
group\t'A line for each group that pays, with the homes of all file systems'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l format -d 'Form of the output' -r -f -a "table\t'For people'
csv\t'One line for each home and run'
json\t'Everything'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -l monthly -d 'Show what each line of --by held in each month, as the mean of its days, and what that cost'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l file-system -d 'Which file system, by its key or name, if several are published' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l user -d 'Show only this user or uid (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l since -d 'The run to begin with: the one nearest to so long before the last one (7d, 12h, 2w, yesterday), the first one from a day on (2026-11-24), or the one with this id' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l until -d 'The run to end with: the one nearest to so long ago, the last one up to a day, or the one with this id [default: the newest]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l path -d 'Explain only this directory, below the root, or with --user below the home' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l min -d 'Show no place that changed by less; what is not shown is summed up' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l limit -d 'Show at most so many places of a home; fewer, if these explain 95 % of what changed' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l format -d 'Form of the output' -r -f -a "table\t'For people'
json\t'Everything'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand changes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l to -d 'The destination that --migrate moves [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l state -d 'Where the scan keeps its state: in the directory, where runs wait to be sent, or at the destination, where none waits [default: auto]' -r -f -a "auto\t'In the state directory; at the destination where that cannot be written, and in a container without a volume for it'
directory\t'In the state directory'
destination\t'At the destination of the runs, in the directory `state`'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l state-dir -d 'State directory of the scan [default: /var/lib/efs-scan]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l migrate -d 'First move a destination that an earlier version wrote, with one file system, to the present layout, and make the Parquet tables of runs that have CSV tables. It loses nothing, and may be repeated'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -l state-dir-shared -d 'Let others write to the state directory, as with a scan'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand publish" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l from -d 'Destination of the shards, to which the run is published unless --publish names another one [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l wait -d 'Wait so long for shards that are not there yet, and for their plan: 90s, 30m. A run without them is partial [default: 0s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l file-system -d 'Scan only the [[file_system]] of the configuration with this name, root or id (repeatable) [default: all of them, one after the other]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l parallel -d 'With several [[file_system]]: scan N of them at a time [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l shard -d 'Scan one of N shards, where several machines read one file system: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and `efs-scan merge` makes the run of all of them' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l run-id -d 'Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes\' CronJobs have the minute of their start [default: the scheduler\'s, with --shard auto]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l user -d 'Scan only the home of this user or uid, in detail (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l home-depth -d 'Depth of the homes below ROOT; 0 makes ROOT one home [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l home-at -d 'Path at which people see their home, for the commands in reminders and on the pages of users [default: the path below ROOT]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l format -d 'Form of the output [default: table]' -r -f -a "table\t'For people'
json\t'Everything, by a versioned schema'
csv\t'One line for each home'
du\t'As `du -h -d1 ROOT/` prints it'
prometheus\t'Metrics for Prometheus, as node_exporter reads them from a file'
ncdu\t'Every entry, as `ncdu -o` exports it; ncdu and gdu load it with -f'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -s o -l output -d 'Write the result to this file, all at once when it is complete; `-` is stdout' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l dirs -d 'Write a table of the directories to this file: Parquet, with a row for each home, each finding and each directory of at least --dirs-min' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l sort -d 'Order of the homes [default: size]' -r -f -a "size\t'Allocated bytes'
trash\t'Trash'
cache\t'Caches'
files\t'Number of files'
name\t'Name'
quota\t'Percent of the quota'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l limit -d 'Show at most N homes in the table' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l top -d 'Name the N largest files and directories [default: 10, with --user 25]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l exclude -d 'Leave out paths that match, relative to ROOT, without opening them (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l names -d 'Source of names: passwd, csv:FILE with uid,name[,group] columns, or sagemaker:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) [default: passwd]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l group-tag -d 'Tag of SageMaker\'s user profiles whose value is the group that pays for the person' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l passwd-groups -d 'With names from passwd: take a person\'s primary group for the group that pays' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l quota -d 'Quota of every home that the configuration does not name, in allocated bytes: 50GiB' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l fail-on-quota -d 'Exit with 4 if a home or a group is over its quota' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish -d 'Publish the run to s3://BUCKET/PREFIX or to a directory' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-interrupted -d 'Publish interrupted runs, too' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-report -d 'Publish HTML pages, too, as `efs-scan report --publish` does' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-dirs -d 'Publish a table of the directories, too [default: true]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l dirs-min -d 'Metered size from which on a directory has a row in that table; 0 is every directory [default: 1MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-region -d 'Region of the bucket [default: this machine\'s, or else the one that S3 answers]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-sse -d 'Encryption of what is published: aws:kms, aws:kms:dsse or AES256 [default: the bucket\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-kms-key-id -d 'Key of that encryption: an id, an ARN or an alias [default: AWS\'s own for S3]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-acl -d 'ACL of what is published: bucket-owner-full-control for another account\'s bucket' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-storage-class -d 'Storage class of what is published, such as STANDARD_IA [default: STANDARD]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l publish-requester-pays -d 'Pay for requests to a bucket that lets the requester pay' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l unconditional -d 'Publish to a store that takes no conditional writes: two monitors that publish there at the same time may then replace a newer run with an older one' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l cloudwatch -d 'Send the totals to CloudWatch as metrics with the dimension FileSystemId: 12 metrics, at most 3.60 USD a month [default namespace: EfsScan]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l cloudwatch-users -d 'Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month: 500 users cost up to 600 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l cloudwatch-groups -d 'Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month: 20 groups cost up to 18 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l notify-topic -d 'Send a notice to this SNS topic when the list of homes over quota changes' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l notify-always -d 'Send the notice after every run' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l growth-alarm -d 'Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes: 100GiB' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l growth-factor -d 'The same for homes that are so many times as large as the day before: 2.0' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l growth-factor-min -d 'With --growth-factor: only homes that grew by at least this [default: 1GiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l state -d 'Where to keep what outlives a run. `auto` takes the directory, and the destination where that cannot be written or in a container without a volume for it [default: auto]' -r -f -a "auto\t'In the state directory; at the destination where that cannot be written, and in a container without a volume for it'
directory\t'In the state directory'
destination\t'At the destination of the runs, in the directory `state`'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l state-dir -d 'State directory: runs that are not published yet, names, a lock [default: /var/lib/efs-scan]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l state-dir-shared -d 'Let others write to the state directory, such as a volume that containers share: a directory of this user\'s own is made in it. Who can write there is trusted with what waits in it' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l patience -d 'Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer: 90s, 5m. Then the run goes on without them [default: 60s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l file-system-id -d 'Id of the EFS file system at ROOT, for its metered size and cost [default: from the mount]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l name -d 'Name of the file system in what is published, of letters, digits, `.`, `_` and `-`: with its id for people to read, without one to tell it from others at the destination [default: the id, or one made of ROOT]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l require-mount -d 'Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l cross-mounts -d 'Enter other file systems that are mounted below ROOT' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l threads -d 'Number of workers, or auto for as many as are worth it, found out during the scan [default: auto]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l max-threads -d 'Maximum number of workers with auto; an NFS mount has at most 64 for each connection [default: 256]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l max-ops -d 'At most N directory operations per second: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l max-latency -d 'Use fewer workers while the file system takes longer than MS milliseconds to answer' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l link-memory -d 'Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp [default: 64MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l nice -d 'Run in the idle classes of processor and disk: only when no other process wants them' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l nfs-uid -d 'With --engine nfs: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default [default: the effective uid]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l nfs-batch -d 'With --engine nfs: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one: before 6.5, such requests corrupt their memory [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l nfs-loops -d 'With --engine nfs: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one [default: as many as processors, at most 8, once one has too much to do]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l tls -d 'With --engine nfs: TLS from the first byte, as EFS\'s mount targets speak it. The certificate must be for ROOT\'s host, or for the DNS name of the file system that ROOT or --file-system-id names' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l iam -d 'With --tls: prove the IAM identity of this machine\'s AWS credentials to EFS, as the mount option iam does [default: if there are credentials]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l access-point -d 'With --tls: the EFS access point to go through. ROOT\'s path begins at its root directory, and its user takes the place of --nfs-uid' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l engine -d 'Engine that lists the directories [default: posix on Linux, nfs if ROOT is a URL or an EFS file system]' -r -f -a "posix\t'getdents64 and statx relative to descriptors (Linux)'
nfs\t'NFSv4.1 without a mount: ROOT is nfs://HOST/path (Linux)'
portable\t'jwalk, for other systems and as a second opinion; not as root on a tree that others write to'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l portable-as-root -d 'Let --engine portable run as root. It opens directories by path: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l no-publish -d 'Publish nothing, whatever the configuration says'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -l take-over -d 'Publish as the file system of this name although the newest run there is of another root: it is the same file system, mounted elsewhere or moved. Needed once'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l from -d 'Destination of the runs: s3://BUCKET/PREFIX or a directory [default: the configuration\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l file-system -d 'Only this file system, by its key or name (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l user -d 'Remind only the owner of this user\'s or uid\'s homes (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l only -d 'Remind of homes or of apps only [default: homes, and apps if the configuration has [remind.apps]]' -r -f -a "homes\t'Homes over quota or with much trash'
apps\t'Apps that run for long'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l state -d 'Where to keep who was reminded and when: in the state directory, or at the destination of the runs [default: auto, as with a scan]' -r -f -a "auto\t'In the state directory; at the destination where that cannot be written, and in a container without a volume for it'
directory\t'In the state directory'
destination\t'At the destination of the runs, in the directory `state`'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l state-dir -d 'State directory, which keeps who was reminded and when [default: /var/lib/efs-scan]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l dry-run -d 'Print the messages, their recipients and the reasons; send nothing and change nothing'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -l state-dir-shared -d 'Let others write to the state directory, as with a scan'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand remind" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l file-system -d 'Scan only the [[file_system]] of the configuration with this name, root or id (repeatable) [default: all of them, one after the other]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l parallel -d 'With several [[file_system]]: scan N of them at a time [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l shard -d 'Scan one of N shards, where several machines read one file system: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and `efs-scan merge` makes the run of all of them' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l run-id -d 'Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes\' CronJobs have the minute of their start [default: the scheduler\'s, with --shard auto]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l user -d 'Scan only the home of this user or uid, in detail (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l home-depth -d 'Depth of the homes below ROOT; 0 makes ROOT one home [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l home-at -d 'Path at which people see their home, for the commands in reminders and on the pages of users [default: the path below ROOT]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l format -d 'Form of the output [default: table]' -r -f -a "table\t'For people'
json\t'Everything, by a versioned schema'
csv\t'One line for each home'
du\t'As `du -h -d1 ROOT/` prints it'
prometheus\t'Metrics for Prometheus, as node_exporter reads them from a file'
ncdu\t'Every entry, as `ncdu -o` exports it; ncdu and gdu load it with -f'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -s o -l output -d 'Write the result to this file, all at once when it is complete; `-` is stdout' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l dirs -d 'Write a table of the directories to this file: Parquet, with a row for each home, each finding and each directory of at least --dirs-min' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l sort -d 'Order of the homes [default: size]' -r -f -a "size\t'Allocated bytes'
trash\t'Trash'
cache\t'Caches'
files\t'Number of files'
name\t'Name'
quota\t'Percent of the quota'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l limit -d 'Show at most N homes in the table' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l top -d 'Name the N largest files and directories [default: 10, with --user 25]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l exclude -d 'Leave out paths that match, relative to ROOT, without opening them (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l names -d 'Source of names: passwd, csv:FILE with uid,name[,group] columns, or sagemaker:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) [default: passwd]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l group-tag -d 'Tag of SageMaker\'s user profiles whose value is the group that pays for the person' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l passwd-groups -d 'With names from passwd: take a person\'s primary group for the group that pays' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l quota -d 'Quota of every home that the configuration does not name, in allocated bytes: 50GiB' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l fail-on-quota -d 'Exit with 4 if a home or a group is over its quota' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish -d 'Publish the run to s3://BUCKET/PREFIX or to a directory' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-interrupted -d 'Publish interrupted runs, too' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-report -d 'Publish HTML pages, too, as `efs-scan report --publish` does' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-dirs -d 'Publish a table of the directories, too [default: true]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l dirs-min -d 'Metered size from which on a directory has a row in that table; 0 is every directory [default: 1MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-region -d 'Region of the bucket [default: this machine\'s, or else the one that S3 answers]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-sse -d 'Encryption of what is published: aws:kms, aws:kms:dsse or AES256 [default: the bucket\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-kms-key-id -d 'Key of that encryption: an id, an ARN or an alias [default: AWS\'s own for S3]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-acl -d 'ACL of what is published: bucket-owner-full-control for another account\'s bucket' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-storage-class -d 'Storage class of what is published, such as STANDARD_IA [default: STANDARD]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l publish-requester-pays -d 'Pay for requests to a bucket that lets the requester pay' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l unconditional -d 'Publish to a store that takes no conditional writes: two monitors that publish there at the same time may then replace a newer run with an older one' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l cloudwatch -d 'Send the totals to CloudWatch as metrics with the dimension FileSystemId: 12 metrics, at most 3.60 USD a month [default namespace: EfsScan]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l cloudwatch-users -d 'Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month: 500 users cost up to 600 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l cloudwatch-groups -d 'Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month: 20 groups cost up to 18 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l notify-topic -d 'Send a notice to this SNS topic when the list of homes over quota changes' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l notify-always -d 'Send the notice after every run' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l growth-alarm -d 'Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes: 100GiB' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l growth-factor -d 'The same for homes that are so many times as large as the day before: 2.0' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l growth-factor-min -d 'With --growth-factor: only homes that grew by at least this [default: 1GiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l state -d 'Where to keep what outlives a run. `auto` takes the directory, and the destination where that cannot be written or in a container without a volume for it [default: auto]' -r -f -a "auto\t'In the state directory; at the destination where that cannot be written, and in a container without a volume for it'
directory\t'In the state directory'
destination\t'At the destination of the runs, in the directory `state`'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l state-dir -d 'State directory: runs that are not published yet, names, a lock [default: /var/lib/efs-scan]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l state-dir-shared -d 'Let others write to the state directory, such as a volume that containers share: a directory of this user\'s own is made in it. Who can write there is trusted with what waits in it' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l patience -d 'Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer: 90s, 5m. Then the run goes on without them [default: 60s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l file-system-id -d 'Id of the EFS file system at ROOT, for its metered size and cost [default: from the mount]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l name -d 'Name of the file system in what is published, of letters, digits, `.`, `_` and `-`: with its id for people to read, without one to tell it from others at the destination [default: the id, or one made of ROOT]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l require-mount -d 'Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l cross-mounts -d 'Enter other file systems that are mounted below ROOT' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l threads -d 'Number of workers, or auto for as many as are worth it, found out during the scan [default: auto]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l max-threads -d 'Maximum number of workers with auto; an NFS mount has at most 64 for each connection [default: 256]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l max-ops -d 'At most N directory operations per second: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l max-latency -d 'Use fewer workers while the file system takes longer than MS milliseconds to answer' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l link-memory -d 'Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp [default: 64MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l nice -d 'Run in the idle classes of processor and disk: only when no other process wants them' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l nfs-uid -d 'With --engine nfs: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default [default: the effective uid]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l nfs-batch -d 'With --engine nfs: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one: before 6.5, such requests corrupt their memory [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l nfs-loops -d 'With --engine nfs: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one [default: as many as processors, at most 8, once one has too much to do]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l tls -d 'With --engine nfs: TLS from the first byte, as EFS\'s mount targets speak it. The certificate must be for ROOT\'s host, or for the DNS name of the file system that ROOT or --file-system-id names' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l iam -d 'With --tls: prove the IAM identity of this machine\'s AWS credentials to EFS, as the mount option iam does [default: if there are credentials]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l access-point -d 'With --tls: the EFS access point to go through. ROOT\'s path begins at its root directory, and its user takes the place of --nfs-uid' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l engine -d 'Engine that lists the directories [default: posix on Linux, nfs if ROOT is a URL or an EFS file system]' -r -f -a "posix\t'getdents64 and statx relative to descriptors (Linux)'
nfs\t'NFSv4.1 without a mount: ROOT is nfs://HOST/path (Linux)'
portable\t'jwalk, for other systems and as a second opinion; not as root on a tree that others write to'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l portable-as-root -d 'Let --engine portable run as root. It opens directories by path: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l no-publish -d 'Publish nothing, whatever the configuration says'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -l take-over -d 'Publish as the file system of this name although the newest run there is of another root: it is the same file system, mounted elsewhere or moved. Needed once'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l file-system -d 'Scan only the [[file_system]] of the configuration with this name, root or id (repeatable) [default: all of them, one after the other]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l parallel -d 'With several [[file_system]]: scan N of them at a time [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l shard -d 'Scan one of N shards, where several machines read one file system: K/N, or auto for the one that AWS Batch, Kubernetes or Slurm says. Its accounts go to --publish, and `efs-scan merge` makes the run of all of them' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l run-id -d 'Name that the shards of a run and their merge share. auto is the last part of JOB_NAME, where Jobs of Kubernetes\' CronJobs have the minute of their start [default: the scheduler\'s, with --shard auto]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l user -d 'Scan only the home of this user or uid, in detail (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l home-depth -d 'Depth of the homes below ROOT; 0 makes ROOT one home [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l home-at -d 'Path at which people see their home, for the commands in reminders and on the pages of users [default: the path below ROOT]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l format -d 'Form of the output [default: table]' -r -f -a "table\t'For people'
json\t'Everything, by a versioned schema'
csv\t'One line for each home'
du\t'As `du -h -d1 ROOT/` prints it'
prometheus\t'Metrics for Prometheus, as node_exporter reads them from a file'
ncdu\t'Every entry, as `ncdu -o` exports it; ncdu and gdu load it with -f'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -s o -l output -d 'Write the result to this file, all at once when it is complete; `-` is stdout' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l dirs -d 'Write a table of the directories to this file: Parquet, with a row for each home, each finding and each directory of at least --dirs-min' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l sort -d 'Order of the homes [default: size]' -r -f -a "size\t'Allocated bytes'
trash\t'Trash'
cache\t'Caches'
files\t'Number of files'
name\t'Name'
quota\t'Percent of the quota'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l limit -d 'Show at most N homes in the table' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l top -d 'Name the N largest files and directories [default: 10, with --user 25]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l exclude -d 'Leave out paths that match, relative to ROOT, without opening them (repeatable)' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l names -d 'Source of names: passwd, csv:FILE with uid,name[,group] columns, or sagemaker:DOMAIN for the user profiles and spaces of a domain, by id or name (repeatable, in order) [default: passwd]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l group-tag -d 'Tag of SageMaker\'s user profiles whose value is the group that pays for the person' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l passwd-groups -d 'With names from passwd: take a person\'s primary group for the group that pays' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l quota -d 'Quota of every home that the configuration does not name, in allocated bytes: 50GiB' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l fail-on-quota -d 'Exit with 4 if a home or a group is over its quota' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish -d 'Publish the run to s3://BUCKET/PREFIX or to a directory' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-interrupted -d 'Publish interrupted runs, too' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-report -d 'Publish HTML pages, too, as `efs-scan report --publish` does' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-dirs -d 'Publish a table of the directories, too [default: true]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l dirs-min -d 'Metered size from which on a directory has a row in that table; 0 is every directory [default: 1MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-region -d 'Region of the bucket [default: this machine\'s, or else the one that S3 answers]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-sse -d 'Encryption of what is published: aws:kms, aws:kms:dsse or AES256 [default: the bucket\'s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-kms-key-id -d 'Key of that encryption: an id, an ARN or an alias [default: AWS\'s own for S3]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-acl -d 'ACL of what is published: bucket-owner-full-control for another account\'s bucket' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-storage-class -d 'Storage class of what is published, such as STANDARD_IA [default: STANDARD]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l publish-requester-pays -d 'Pay for requests to a bucket that lets the requester pay' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l unconditional -d 'Publish to a store that takes no conditional writes: two monitors that publish there at the same time may then replace a newer run with an older one' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l cloudwatch -d 'Send the totals to CloudWatch as metrics with the dimension FileSystemId: 12 metrics, at most 3.60 USD a month [default namespace: EfsScan]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l cloudwatch-users -d 'Add four metrics for each user, or for some (alice,bob), with the dimension User. A metric costs up to 0.30 USD a month: 500 users cost up to 600 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l cloudwatch-groups -d 'Add three metrics for each group, or for some (physics,biology), with the dimension Group. A metric costs up to 0.30 USD a month: 20 groups cost up to 18 USD a month' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l notify-topic -d 'Send a notice to this SNS topic when the list of homes over quota changes' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l notify-always -d 'Send the notice after every run' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l growth-alarm -d 'Name homes that grew by more than this in a day in the notice, with the place that grew most, and count them in the metrics HomesGrown and MaxGrowthBytes: 100GiB' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l growth-factor -d 'The same for homes that are so many times as large as the day before: 2.0' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l growth-factor-min -d 'With --growth-factor: only homes that grew by at least this [default: 1GiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l state -d 'Where to keep what outlives a run. `auto` takes the directory, and the destination where that cannot be written or in a container without a volume for it [default: auto]' -r -f -a "auto\t'In the state directory; at the destination where that cannot be written, and in a container without a volume for it'
directory\t'In the state directory'
destination\t'At the destination of the runs, in the directory `state`'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l state-dir -d 'State directory: runs that are not published yet, names, a lock [default: /var/lib/efs-scan]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l state-dir-shared -d 'Let others write to the state directory, such as a volume that containers share: a directory of this user\'s own is made in it. Who can write there is trusted with what waits in it' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l patience -d 'Time to wait for AWS, in all, where names, destination, CloudWatch and SNS do not answer: 90s, 5m. Then the run goes on without them [default: 60s]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l file-system-id -d 'Id of the EFS file system at ROOT, for its metered size and cost [default: from the mount]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l name -d 'Name of the file system in what is published, of letters, digits, `.`, `_` and `-`: with its id for people to read, without one to tell it from others at the destination [default: the id, or one made of ROOT]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l require-mount -d 'Fail if ROOT is not a mount point, so that a file system that is not mounted is not published as empty' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l cross-mounts -d 'Enter other file systems that are mounted below ROOT' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l threads -d 'Number of workers, or auto for as many as are worth it, found out during the scan [default: auto]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l max-threads -d 'Maximum number of workers with auto; an NFS mount has at most 64 for each connection [default: 256]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l max-ops -d 'At most N directory operations per second: reading names is one, opening a directory is one, or two on NFS without nocto. On NFS, all requests of the mount count, and their mean over some seconds is at most N' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l max-latency -d 'Use fewer workers while the file system takes longer than MS milliseconds to answer' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l link-memory -d 'Memory for hard links whose other names were not seen yet; what is beyond goes to a temporary file in TMPDIR, or else in /var/tmp [default: 64MiB]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l nice -d 'Run in the idle classes of processor and disk: only when no other process wants them' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l nfs-uid -d 'With --engine nfs: the uid to present to the server, which trusts it. Homes of mode 700 need 0, which is never the default [default: the effective uid]. The group is 0 for uid 0 and 65534 (nogroup) for others; by default it is the effective group' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l nfs-batch -d 'With --engine nfs: up to N directories in one request, while more directories wait than requests are in flight. Servers that may be Linux get one: before 6.5, such requests corrupt their memory [default: 1]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l nfs-loops -d 'With --engine nfs: N event loops in threads of their own, which share the requests in flight. A scan with --max-ops or --max-latency has one [default: as many as processors, at most 8, once one has too much to do]' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l tls -d 'With --engine nfs: TLS from the first byte, as EFS\'s mount targets speak it. The certificate must be for ROOT\'s host, or for the DNS name of the file system that ROOT or --file-system-id names' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l iam -d 'With --tls: prove the IAM identity of this machine\'s AWS credentials to EFS, as the mount option iam does [default: if there are credentials]' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l access-point -d 'With --tls: the EFS access point to go through. ROOT\'s path begins at its root directory, and its user takes the place of --nfs-uid' -r
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l engine -d 'Engine that lists the directories [default: posix on Linux, nfs if ROOT is a URL or an EFS file system]' -r -f -a "posix\t'getdents64 and statx relative to descriptors (Linux)'
nfs\t'NFSv4.1 without a mount: ROOT is nfs://HOST/path (Linux)'
portable\t'jwalk, for other systems and as a second opinion; not as root on a tree that others write to'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l portable-as-root -d 'Let --engine portable run as root. It opens directories by path: whoever can write to the tree can lead it out of the tree with a link, so say this of a tree that nobody else changes' -r -f -a "true\t''
false\t''"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l config -d 'Configuration file [default: /etc/efs-scan.toml, if it exists]' -r -F
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l log-format -d 'Form of the messages on stderr' -r -f -a "text\t'Lines for people'
json\t'One JSON object each, for log collectors'"
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l no-publish -d 'Publish nothing, whatever the configuration says'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -l take-over -d 'Publish as the file system of this name although the newest run there is of another root: it is the same file system, mounted elsewhere or moved. Needed once'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -s q -l quiet -d 'Print only errors on stderr'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -s v -l verbose -d 'Print more on stderr; twice for everything'
complete -c efs-scan -n "__fish_efs_scan_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
