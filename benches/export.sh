#!/usr/bin/env bash
# Measures what `--format ncdu` costs beside the report of the same tree, and beside the exports of
# ncdu and gdu, and prints a Markdown table.
#
# Usage: benches/export.sh [TREE]
#
# Without TREE, the script makes a tree of about a million entries below the target directory, once.
# Environment: RUNS (5 or more); NCDU2 is the path of an ncdu 2.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo hyperfine findmnt awk
build
build -p efs-scan-bench
use_tree "$@"
bin=$target/release
export EFS_SCAN_CONFIG=/dev/null

# The results are on a disk, beside the temporary files of an export.
place=$(mktemp -d "$target/export.XXXXXX")
contender "efs-scan, report" "$bin/efs-scan" "$tree" --quiet --format json --output "$place/0"
contender "efs-scan, export" "$bin/efs-scan" "$tree" --quiet --format ncdu --output "$place/1"
files=("$place/0" "$place/1")
ncdu_peers --ignore-config -x -0 -o "$place/ncdu" "$tree"
for ((index = ${#files[@]}; index < ${#commands[@]}; index++)); do
  commands[index]=${commands[index]/"$place/ncdu"/"$place/ncdu-$index"}
  files+=("$place/ncdu-$index")
done
if type -P gdu >/dev/null; then
  contender gdu gdu -n -p -o "$place/gdu" "$tree"
  files+=("$place/gdu")
fi

# scratch COMMAND...: runs the command and prints the peak size of its unnamed files in bytes.
scratch() {
  local pid most=0 sum link
  "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sum=0
    for link in "/proc/$pid/fd/"*; do
      if [[ $(readlink "$link" 2>/dev/null || true) == *"(deleted)" ]]; then
        sum=$((sum + $(stat -Lc %s "$link" 2>/dev/null || echo 0)))
      fi
    done
    most=$((sum > most ? sum : most))
    sleep 0.02
  done
  wait "$pid"
  echo "$most"
}

peak=()
for index in "${!commands[@]}"; do
  read -ra words <<<"${commands[index]}"
  peak[index]=$("$bin/peak" "${words[@]}")
done
read -ra words <<<"${commands[1]}"
temporary=$(scratch "${words[@]}")
sizes=()
for index in "${!commands[@]}"; do
  sizes[index]=$(stat -c %s "${files[index]}")
done
measure
# Replaces the trap that `measure` sets.
trap 'rm -rf "$results" "$place"' EXIT

heading
echo "| | version | median s | CPU s | peak MiB | result MB |"
echo "| --- | --- | ---: | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  printf '| %s | %s | %.2f | %.2f | %s | %s |\n' "${names[index]}" \
    "$(version "${commands[index]}")" "$(median "$index" 1)" "$(median "$index" 2)" \
    "$(ratio "${peak[index]}" 1024)" "$(ratio "${sizes[index]}" 1000000)"
done
printf '\nNot installed here: %s.\n' "${absent[*]:-none}"
printf '\nTemporary files of the export: %s MB.\n' "$(ratio "$temporary" 1000000)"
