#!/usr/bin/env bash
# Measures what the table of directories costs: bytes of a row, instructions beside a scan without
# it, time, and peak memory. Prints a Markdown table.
#
# Usage: benches/dirs.sh [TREE]
#
# Without TREE, the script makes a tree of about a million entries below the target directory, once.
# Environment: RUNS (5 or more). With valgrind, instructions in user space are counted: they do not
# depend on what else the machine does.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo hyperfine findmnt awk
build
build -p efs-scan-bench
use_tree "$@"
bin=$target/release
export EFS_SCAN_CONFIG=/dev/null

place=$(mktemp -d "$target/dirs.XXXXXX")
scan=("$bin/efs-scan" "$tree" --quiet --format json --output "$place/report")
contender "without" "${scan[@]}"
contender "1 MiB (the default)" "${scan[@]}" --dirs "$place/1"
contender "0 (every directory)" "${scan[@]}" --dirs "$place/2" --dirs-min 0

# instructions COMMAND...: prints millions of instructions in user space, with one worker.
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" --threads 1 2>&1 |
    awk '/Collected/ { printf "%.0f\n", $4 / 1e6 }'
}

# rows FILE: prints the number of rows, which the end of a Parquet file tells.
rows() {
  python3 -c '
import sys
from pyarrow.parquet import ParquetFile
print(ParquetFile(sys.argv[1]).metadata.num_rows)' "$1" 2>/dev/null || echo "-"
}

peak=() count=()
for index in "${!commands[@]}"; do
  read -ra words <<<"${commands[index]}"
  peak[index]=$("$bin/peak" "${words[@]}")
  count[index]=-
  if type -P valgrind >/dev/null; then count[index]=$(instructions "${words[@]}"); fi
done
measure
# Replaces the trap that `measure` sets.
trap 'rm -rf "$results" "$place"' EXIT

heading
echo "| rows from | median s | CPU s | M instructions | peak MiB | rows | bytes | bytes a row |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  number=- bytes=- each=-
  if ((index > 0)); then
    number=$(rows "$place/$index")
    bytes=$(stat -c %s "$place/$index")
    [[ $number == - ]] || each=$(ratio "$bytes" "$number")
  fi
  printf '| %s | %.2f | %.2f | %s | %s | %s | %s | %s |\n' "${names[index]}" \
    "$(median "$index" 1)" "$(median "$index" 2)" "${count[index]}" \
    "$(ratio "${peak[index]}" 1024)" "$number" "$bytes" "$each"
done
