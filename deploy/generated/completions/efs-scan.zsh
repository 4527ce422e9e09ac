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
du\:"As \`du -h -d1 ROOT/\` prints it"))' \
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
'*--names=[Where names come from\: passwd, or csv\:FILE with uid,name lines (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--quota=[Quota of every home that the configuration gives none, by allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home is over its quota]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems mounted below ROOT]::BOOL:(true false)' \
'--threads=[Workers \[default\: cores on a local file system, 64 on NFS and FUSE\]]:N:_default' \
'--engine=[How entries are found \[default\: posix on Linux\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
portable\:"jwalk, for other systems and as a second opinion"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
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
            (config)
_arguments "${_arguments_options[@]}" : \
'*--user=[Scan the home of this user or uid only, in detail (repeatable)]:NAME|UID:_default' \
'--home-depth=[Depth of the homes below ROOT; 0 makes ROOT one home \[default\: 1\]]:N:_default' \
'--format=[Form of the result \[default\: table\]]:FORMAT:((table\:"For people"
json\:"Everything, by a versioned schema"
csv\:"A line for each home"
du\:"As \`du -h -d1 ROOT/\` prints it"))' \
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
'*--names=[Where names come from\: passwd, or csv\:FILE with uid,name lines (repeatable, in order) \[default\: passwd\]]:SOURCE:_default' \
'--quota=[Quota of every home that the configuration gives none, by allocated bytes\: 50GiB]:SIZE:_default' \
'--fail-on-quota=[Exit with 4 if a home is over its quota]::BOOL:(true false)' \
'--cross-mounts=[Enter other file systems mounted below ROOT]::BOOL:(true false)' \
'--threads=[Workers \[default\: cores on a local file system, 64 on NFS and FUSE\]]:N:_default' \
'--engine=[How entries are found \[default\: posix on Linux\]]:ENGINE:((posix\:"getdents64 and statx relative to descriptors (Linux)"
portable\:"jwalk, for other systems and as a second opinion"))' \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::root -- Where the file system is mounted \[default\: the configuration'\''s, else /mnt/efs\]:_files' \
&& ret=0
;;
(generate)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_efs-scan__subcmd__generate_commands" \
"*::: :->generate" \
&& ret=0

    case $state in
    (generate)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:efs-scan-generate-command-$line[1]:"
        case $line[1] in
            (man)
_arguments "${_arguments_options[@]}" : \
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
(completions)
_arguments "${_arguments_options[@]}" : \
'--config=[Configuration file; /etc/efs-scan.toml is read if it exists]:FILE:_files' \
'--log-format=[Form of what is said on stderr]:FORM:((text\:"Lines for people"
json\:"One JSON object each, for log collectors"))' \
'(-v --verbose)-q[Say nothing on stderr but errors]' \
'(-v --verbose)--quiet[Say nothing on stderr but errors]' \
'*-v[Say more on stderr; twice for everything]' \
'*--verbose[Say more on stderr; twice for everything]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':shell -- The shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(schema)
_arguments "${_arguments_options[@]}" : \
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
(help)
_arguments "${_arguments_options[@]}" : \
":: :_efs-scan__subcmd__generate__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:efs-scan-generate-help-command-$line[1]:"
        case $line[1] in
            (man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(schema)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_efs-scan__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:efs-scan-help-command-$line[1]:"
        case $line[1] in
            (config)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(generate)
_arguments "${_arguments_options[@]}" : \
":: :_efs-scan__subcmd__help__subcmd__generate_commands" \
"*::: :->generate" \
&& ret=0

    case $state in
    (generate)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:efs-scan-help-generate-command-$line[1]:"
        case $line[1] in
            (man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(schema)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_efs-scan_commands] )) ||
_efs-scan_commands() {
    local commands; commands=(
'config:Print the effective configuration as TOML' \
'generate:Print what the package is built with' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'efs-scan commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__config_commands] )) ||
_efs-scan__subcmd__config_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan config commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate_commands] )) ||
_efs-scan__subcmd__generate_commands() {
    local commands; commands=(
'man:The man page' \
'completions:Completions of a shell' \
'schema:The JSON Schema of the report' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'efs-scan generate commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__completions_commands] )) ||
_efs-scan__subcmd__generate__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate completions commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__help_commands] )) ||
_efs-scan__subcmd__generate__subcmd__help_commands() {
    local commands; commands=(
'man:The man page' \
'completions:Completions of a shell' \
'schema:The JSON Schema of the report' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'efs-scan generate help commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__help__subcmd__completions_commands] )) ||
_efs-scan__subcmd__generate__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate help completions commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__help__subcmd__help_commands] )) ||
_efs-scan__subcmd__generate__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate help help commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__help__subcmd__man_commands] )) ||
_efs-scan__subcmd__generate__subcmd__help__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate help man commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__help__subcmd__schema_commands] )) ||
_efs-scan__subcmd__generate__subcmd__help__subcmd__schema_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate help schema commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__man_commands] )) ||
_efs-scan__subcmd__generate__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate man commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__generate__subcmd__schema_commands] )) ||
_efs-scan__subcmd__generate__subcmd__schema_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan generate schema commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help_commands] )) ||
_efs-scan__subcmd__help_commands() {
    local commands; commands=(
'config:Print the effective configuration as TOML' \
'generate:Print what the package is built with' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'efs-scan help commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help__subcmd__config_commands] )) ||
_efs-scan__subcmd__help__subcmd__config_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan help config commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help__subcmd__generate_commands] )) ||
_efs-scan__subcmd__help__subcmd__generate_commands() {
    local commands; commands=(
'man:The man page' \
'completions:Completions of a shell' \
'schema:The JSON Schema of the report' \
    )
    _describe -t commands 'efs-scan help generate commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help__subcmd__generate__subcmd__completions_commands] )) ||
_efs-scan__subcmd__help__subcmd__generate__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan help generate completions commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help__subcmd__generate__subcmd__man_commands] )) ||
_efs-scan__subcmd__help__subcmd__generate__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan help generate man commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help__subcmd__generate__subcmd__schema_commands] )) ||
_efs-scan__subcmd__help__subcmd__generate__subcmd__schema_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan help generate schema commands' commands "$@"
}
(( $+functions[_efs-scan__subcmd__help__subcmd__help_commands] )) ||
_efs-scan__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'efs-scan help help commands' commands "$@"
}

if [ "$funcstack[1]" = "_efs-scan" ]; then
    _efs-scan "$@"
else
    compdef _efs-scan efs-scan
fi
