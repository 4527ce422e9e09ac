#!/usr/bin/env bash
# Scans trees that are too large to make, watches the scanner's memory and open files meanwhile, and
# prints a row of a Markdown table for each tree. The trees are computed and answer at once (see
# tests/testbed/src/fuse/slow).
#
# Usage: benches/scale.sh [DIRS FILES]     (1000000 directories with 10 files each)
#        benches/scale.sh --wide-files N   one directory with N files
#        benches/scale.sh --wide-dirs N    one directory with N empty directories
#        benches/scale.sh --linked N       N hard-linked files, each in two homes
#        benches/scale.sh all              the first, and the others with 5000000 (10000000 linked)
#
# The kernel keeps about 1 KiB for each inode as long as memory is free. Where others need the memory,
# run this in a cgroup with a limit of, say, 2 GiB (`systemd-run --scope -p MemoryMax=2G ...`).
# Environment: SCAN_FLAGS, more flags for efs-scan.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo awk
build
build -p efs-scan-bench
use_slow_tree
bin=$target/release
read -ra flags <<<"${SCAN_FLAGS:-}"
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null

# total NAME: prints a total of the report. Totals come before the homes, which have the same keys.
total() {
  sed -n '/"totals"/,$p' "$results/report" | sed -nE "s/^ *\"$1\": ([0-9]+),?/\1/p" | head -n 1
}

# row LABEL OPTIONS...: scans the tree that slow-tree computes with these options, and prints its row.
row() {
  local said=$results/said report=$results/slow-tree dirs files seen cells name
  if ! "$bin/slow-tree" --report "$report" "${@:2}" "$mnt" -- "$bin/watch-memory" \
    "$bin/efs-scan" "$mnt" --quiet --format json "${flags[@]}" >"$results/report" 2>"$said"; then
    cat "$said" >&2
    return 1
  fi
  dirs=$(figure dirs "$report")
  files=$(figure files "$report")
  seen="$(total dirs) $(total files)"
  if [[ $seen != "$dirs $files" ]]; then
    echo "$1: $dirs directories and $files files were there, $seen were counted" >&2
    return 1
  fi
  cells="| $1 | $((dirs + files))"
  for name in seconds peak_mib first_quarter_mib last_quarter_mib descriptors descriptor_limit; do
    cells+=" | $(figure "$name" "$said")"
  done
  echo "$cells |"
}

even() { row "$1 directories of $2 files" --dirs "$1" --files "$2"; }
wide_files() { row "one directory of $1 files" --wide-files "$1"; }
# Two homes of 111111 directories each, in whole levels: otherwise the second would be smaller.
linked() { row "$1 files, each in two homes" --linked --homes 2 --dirs 222223 --files "$(($1 / 111111))"; }
wide_dirs() { row "one directory of $1 directories" --wide-dirs "$1"; }

echo "$(machine), $(load). efs-scan ${flags[*]:-at its defaults}."
echo
echo "| tree | entries | s | peak MiB | mean MiB, first quarter | last quarter" \
  "| most descriptors | limit |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
case ${1:-} in
  all)
    even 1000000 10
    wide_files 5000000
    wide_dirs 5000000
    linked 10000000
    ;;
  --wide-files) wide_files "${2:?how many}" ;;
  --wide-dirs) wide_dirs "${2:?how many}" ;;
  --linked) linked "${2:?how many}" ;;
  *) even "${1:-1000000}" "${2:-10}" ;;
esac
