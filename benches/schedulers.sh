#!/usr/bin/env bash
# Measures the three schedulers of `floor` on one tree: at one thread per core and at 64 threads,
# on the bare file system and with simulated round trips.
#
# Usage: benches/schedulers.sh [TREE]
#
# Environment: RUNS (5 or more); DELAY_US (1000), the simulated round trip of the last part.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo hyperfine findmnt awk
build -p efs-scan-bench
use_tree "$@"

floor=$target/release/floor
delay=${DELAY_US:-1000}
schedulers=(stack rayon deque)
for setting in "$(nproc) 0" "64 0" "64 $delay"; do
  read -r threads delay <<<"$setting"
  for scheduler in "${schedulers[@]}"; do
    contender "$scheduler | $threads | $delay" \
      "$floor" --scheduler "$scheduler" --threads "$threads" --delay-us "$delay" "$tree"
  done
done
measure

heading
echo "| scheduler | threads | delay µs | median s | ratio to stack | CPU s | ratio to stack |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  # The first contender of each setting is the stack.
  first=$((index - index % ${#schedulers[@]}))
  printf '| %s | %.3f | %s | %.3f | %s |\n' "${names[index]}" \
    "$(median "$index" 1)" "$(ratio "$(median "$index" 1)" "$(median "$first" 1)")" \
    "$(median "$index" 2)" "$(ratio "$(median "$index" 2)" "$(median "$first" 2)")"
done
