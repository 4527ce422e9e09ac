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
'*--user=[Scan the home of this user or uid only, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--format=[Form of the result \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"A line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"
prometheus\:"Metrics for Prometheus, as node_exporter reads them from a file"
ncdu\:"Every entry, as \`ncdu -o\` exports it; ncdu and gdu load it with -f"))' \
'-o+[Write the result to this file, all at once when it is complete]:FILE:_files' \
'--output=[Write the result to this file, all at once when it is complete]:FILE:_files' \
'--sort=[Order of the homes \[default\: size\]]:SORT:((size\:"Allocated bytes"
trash\:"Trash"
cache\:"Caches"
files\:"Number of files"
name\:"Name"
quota\:"Percent of the quota"))' \
'--limit=[Show at most so many homes in the table]:N:_default' \
'--top=[Name so many of the largest files and directories \[default\: 10, with --user 25\]]:N:_default' \
'*--exclude=[Leave out what matches, relative to ROOT; it is not opened (repeatable)]:GLOB:_default' \
'*--names=[Where names come from\: passwd, csv\:FILE with uid,name lines, or sagemaker\:DOMAIN for the user profiles and spaces of a domain by id or name (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--quota=[Quota of every home that the configuration gives none, by allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home is over its quota]::BOOL:(true false)' \
'--publish=[Publish the run to s3\://BUCKET/PREFIX or to a directory]:DEST:_default' \
'--publish-interrupted=[Publish a run that was interrupted too]::BOOL:(true false)' \
'--publish-report=[Publish pages to look at, too, as \`efs-scan report --publish\` does]::BOOL:(true false)' \
'--cloudwatch=[Put the totals as metrics to CloudWatch, by dimension FileSystemId\: 12 metrics, at most 3.60 USD a month \[default namespace\: EfsScan\]]::NAMESPACE:_default' \
'--cloudwatch-users=[Add four metrics for each user, or for some (alice,bob), by dimension User. A custom metric costs up to 0.30 USD a month\: 500 users are up to 600 USD a month]::BOOL|NAMES:_default' \
'--notify-topic=[Send a message to this SNS topic when other homes are over quota than before]:ARN:_default' \
'--notify-always=[Send the message after every run]::BOOL:(true false)' \
'--state-dir=[What is kept between runs\: runs that could not be published, names, a lock \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--file-system-id=[The EFS file system at ROOT, for its metered size and cost \[default\: by the mount\]]:ID:_default' \
'--require-mount=[Fail if ROOT is no mount point, so that a file system that was not mounted is not published as empty]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems mounted below ROOT]::BOOL:(true false)' \
'--threads=[Workers\: a number, or auto for as many as are worth it, found out during the scan \[default\: auto\]]:N|auto:_default' \
'--max-threads=[The most workers that auto may come to, and 64 for each connection of an NFS mount \[default\: 256\]]:N:_default' \
'--max-ops=[At most N directory operations a second\: reading names is one, opening a directory is one, and two on NFS without nocto. On NFS all that the mount asks of the server counts, and is held to N as a mean over some seconds]:N:_default' \
'--max-latency=[Fewer workers while the file system takes longer than MS milliseconds for an answer]:MS:_default' \
'--nice=[Use processor and disk only when nobody else wants them]::BOOL:(true false)' \
'--nfs-uid=[With --engine nfs\: the uid to present to the server, which believes it; homes of mode 700 need 0, and that must be said \[default\: the effective uid\]. With it goes group 0 where UID is 0, else 65534 (nogroup), and by default the effective group]:UID:_default' \
'--nfs-batch=[With --engine nfs\: up to N directories in one request, where more of them wait than requests are in flight. Not with a server that may be Linux'\''s before 6.5, which such requests corrupt \[default\: 1\]]:N:_default' \
'--tls=[With --engine nfs\: TLS from the first byte, as EFS'\''s mount targets speak it; the certificate must be for ROOT'\''s host, or with --file-system-id for its DNS name]::BOOL:(true false)' \
'--engine=[How entries are found \[default\: posix on Linux, and nfs where ROOT is a URL\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
nfs\:"NFSv4.1 of our own, without a mount\: ROOT is nfs\://HOST/path (Linux)"
portable\:"jwalk, for other systems and as a second opinion"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(--publish --cloudwatch --notify-topic)--no-publish[Publish nothing, whatever the configuration says]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
'::root -- Where the file system is mounted \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
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
'--from=[Where runs are published\: s3\://BUCKET/PREFIX or a directory \[default\: where the configuration publishes to\]]:DEST:_default' \
'*--user=[Show this user or uid only (repeatable)]:NAME|UID:_default' \
'--format=[Form of the result]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--apps[Add what runs for each user and in each space, by SageMaker]' \
'--fail-if-stale[Exit with 6 if the newest run is older than 36 h]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(status_all)
_arguments "${_arguments_options[@]}" : \
'--from=[Where runs are published\: s3\://BUCKET/PREFIX or a directory \[default\: where the configuration publishes to\]]:DEST:_default' \
'*--user=[Show this user or uid only (repeatable)]:NAME|UID:_default' \
'--format=[Form of the result]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--apps[Add what runs for each user and in each space, by SageMaker]' \
'--fail-if-stale[Exit with 6 if the newest run is older than 36 h]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(status-all)
_arguments "${_arguments_options[@]}" : \
'--from=[Where runs are published\: s3\://BUCKET/PREFIX or a directory \[default\: where the configuration publishes to\]]:DEST:_default' \
'*--user=[Show this user or uid only (repeatable)]:NAME|UID:_default' \
'--format=[Form of the result]:FORMAT:((table\:"For people"
json\:"Everything"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--apps[Add what runs for each user and in each space, by SageMaker]' \
'--fail-if-stale[Exit with 6 if the newest run is older than 36 h]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(report)
_arguments "${_arguments_options[@]}" : \
'--from=[Where runs are published\: s3\://BUCKET/PREFIX or a directory \[default\: where the configuration publishes to\]]:DEST:_default' \
'--html=[Write the page about everybody to this file, which needs nothing else]:FILE:_files' \
'--users=[Write a page for each user to DIR/UID.html, with nothing of anybody else'\''s]:DIR:_files' \
'--days=[Show what changed over this many days]:N:_default' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--publish[Publish these pages beside the runs\: report/latest.html and report/users/UID.html]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(history)
_arguments "${_arguments_options[@]}" : \
'--from=[Where runs are published\: s3\://BUCKET/PREFIX or a directory \[default\: where the configuration publishes to\]]:DEST:_default' \
'*--user=[Show this user or uid only (repeatable)]:NAME|UID:_default' \
'--days=[How many days back; growth over 30 days needs as many]:N:_default' \
'--budget=[Forecast when so much is reached\: by all homes together, or with --user by each of these in place of its quota]:SIZE:_default' \
'--format=[Form of the result]:FORMAT:((table\:"For people"
csv\:"A line for each home and run"
json\:"Everything"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(publish)
_arguments "${_arguments_options[@]}" : \
'--state-dir=[The state directory that the scan used \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(remind)
_arguments "${_arguments_options[@]}" : \
'--from=[Where runs are published\: s3\://BUCKET/PREFIX or a directory \[default\: where the configuration publishes to\]]:DEST:_default' \
'--state-dir=[Where it is kept who was reminded when \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'--dry-run[Print the messages, to whom and why; send nothing and change nothing]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(config)
_arguments "${_arguments_options[@]}" : \
'*--user=[Scan the home of this user or uid only, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--format=[Form of the result \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"A line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"
prometheus\:"Metrics for Prometheus, as node_exporter reads them from a file"
ncdu\:"Every entry, as \`ncdu -o\` exports it; ncdu and gdu load it with -f"))' \
'-o+[Write the result to this file, all at once when it is complete]:FILE:_files' \
'--output=[Write the result to this file, all at once when it is complete]:FILE:_files' \
'--sort=[Order of the homes \[default\: size\]]:SORT:((size\:"Allocated bytes"
trash\:"Trash"
cache\:"Caches"
files\:"Number of files"
name\:"Name"
quota\:"Percent of the quota"))' \
'--limit=[Show at most so many homes in the table]:N:_default' \
'--top=[Name so many of the largest files and directories \[default\: 10, with --user 25\]]:N:_default' \
'*--exclude=[Leave out what matches, relative to ROOT; it is not opened (repeatable)]:GLOB:_default' \
'*--names=[Where names come from\: passwd, csv\:FILE with uid,name lines, or sagemaker\:DOMAIN for the user profiles and spaces of a domain by id or name (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--quota=[Quota of every home that the configuration gives none, by allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home is over its quota]::BOOL:(true false)' \
'--publish=[Publish the run to s3\://BUCKET/PREFIX or to a directory]:DEST:_default' \
'--publish-interrupted=[Publish a run that was interrupted too]::BOOL:(true false)' \
'--publish-report=[Publish pages to look at, too, as \`efs-scan report --publish\` does]::BOOL:(true false)' \
'--cloudwatch=[Put the totals as metrics to CloudWatch, by dimension FileSystemId\: 12 metrics, at most 3.60 USD a month \[default namespace\: EfsScan\]]::NAMESPACE:_default' \
'--cloudwatch-users=[Add four metrics for each user, or for some (alice,bob), by dimension User. A custom metric costs up to 0.30 USD a month\: 500 users are up to 600 USD a month]::BOOL|NAMES:_default' \
'--notify-topic=[Send a message to this SNS topic when other homes are over quota than before]:ARN:_default' \
'--notify-always=[Send the message after every run]::BOOL:(true false)' \
'--state-dir=[What is kept between runs\: runs that could not be published, names, a lock \[default\: /var/lib/efs-scan\]]:DIR:_files' \
'--file-system-id=[The EFS file system at ROOT, for its metered size and cost \[default\: by the mount\]]:ID:_default' \
'--require-mount=[Fail if ROOT is no mount point, so that a file system that was not mounted is not published as empty]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems mounted below ROOT]::BOOL:(true false)' \
'--threads=[Workers\: a number, or auto for as many as are worth it, found out during the scan \[default\: auto\]]:N|auto:_default' \
'--max-threads=[The most workers that auto may come to, and 64 for each connection of an NFS mount \[default\: 256\]]:N:_default' \
'--max-ops=[At most N directory operations a second\: reading names is one, opening a directory is one, and two on NFS without nocto. On NFS all that the mount asks of the server counts, and is held to N as a mean over some seconds]:N:_default' \
'--max-latency=[Fewer workers while the file system takes longer than MS milliseconds for an answer]:MS:_default' \
'--nice=[Use processor and disk only when nobody else wants them]::BOOL:(true false)' \
'--nfs-uid=[With --engine nfs\: the uid to present to the server, which believes it; homes of mode 700 need 0, and that must be said \[default\: the effective uid\]. With it goes group 0 where UID is 0, else 65534 (nogroup), and by default the effective group]:UID:_default' \
'--nfs-batch=[With --engine nfs\: up to N directories in one request, where more of them wait than requests are in flight. Not with a server that may be Linux'\''s before 6.5, which such requests corrupt \[default\: 1\]]:N:_default' \
'--tls=[With --engine nfs\: TLS from the first byte, as EFS'\''s mount targets speak it; the certificate must be for ROOT'\''s host, or with --file-system-id for its DNS name]::BOOL:(true false)' \
'--engine=[How entries are found \[default\: posix on Linux, and nfs where ROOT is a URL\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
nfs\:"NFSv4.1 of our own, without a mount\: ROOT is nfs\://HOST/path (Linux)"
portable\:"jwalk, for other systems and as a second opinion"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(--publish --cloudwatch --notify-topic)--no-publish[Publish nothing, whatever the configuration says]' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::root -- Where the file system is mounted \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
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
'report:Make HTML pages of the newest published run\: one about everybody, and one for each user' \
'history:Show what became of each home over the published runs, how fast it grows, and when its quota is reached' \
'publish:Send what could not be published before' \
'remind:Remind those who are over quota or have much trash, by e-mail' \
'config:Print the effective configuration as TOML' \
    )
    _describe -t commands 'efs-scan commands' commands "$@"
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
