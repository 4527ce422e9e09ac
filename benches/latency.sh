#!/usr/bin/env bash
# Measures efs-scan beside its peers where every answer takes a round trip, as on EFS, and prints a
# Markdown table. The tree is computed (see tests/testbed/src/fuse/slow) and mounted anew for each run,
# so the kernel has nothing of it in its caches.
#
# Usage: benches/latency.sh [RTT_US]
#
# RTT_US is 5000 by default. Environment: RUNS (3 or more; du takes half a minute), DIRS (2000),
# FILES (10) in each; PEERS=installed uses only installed peers; NCDU2 is the path of an ncdu 2.
# WORKERS="32 64 128" compares the automatic number of workers with fixed ones instead of the peers.
set -euo pipefail

# shellcheck disable=SC2034 # For common.sh.
least_runs=3
# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

rtt=${1:-5000}
dirs=${DIRS:-2000}
files=${FILES:-10}
need cargo awk du
build
build -p efs-scan-bench
use_slow_tree
bin=$target/release
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null

contender "efs-scan" "$bin/efs-scan" "$mnt"
if [[ -n ${WORKERS:-} ]]; then
  reference=efs-scan
  for workers in $WORKERS; do
    contender "efs-scan, $workers workers" "$bin/efs-scan" "$mnt" --threads "$workers"
  done
else
  reference="du -s"
  contender "du -s" du -s "$mnt"
  peers_on "$mnt"
  contender "floor, 64 threads" "$bin/floor" --threads 64 "$mnt"
fi

# run INDEX: writes one line "seconds round-trips peak-in-flight" to $results/INDEX. A tool that did not
# open every directory has failed.
run() {
  local words report=$results/report seconds trips peak
  read -ra words <<<"${commands[$1]}"
  "$bin/slow-tree" --report "$report" --rtt-us "$rtt" --dirs "$dirs" --files "$files" "$mnt" \
    -- "${words[@]}" </dev/null >/dev/null 2>"$results/said" || return
  seconds=$(figure seconds "$report") && trips=$(figure round_trips "$report") &&
    peak=$(figure peak_in_flight "$report") || return
  if (($(figure opendirs "$report") < dirs)); then
    echo "opened $(figure opendirs "$report") of $dirs directories" >>"$results/said"
    return 1
  fi
  echo "$seconds $trips $peak" >>"$results/$1"
}

failed=()
for ((round = 1; round <= runs; round++)); do
  for index in "${!commands[@]}"; do
    if ! run "$index"; then
      failed+=("${names[index]}")
      tail -n 3 "$results/said" >&2
      unset "commands[index]"
    fi
  done
  echo "round $round of $runs, $(load)" >&2
done

for index in "${!commands[@]}"; do
  if [[ ${names[index]} == "$reference" ]]; then
    base=$(median "$index" 1)
  fi
done
echo "$(machine), $(load)."
echo "slow-tree: $rtt µs a round trip, $dirs directories with $files files each. Nothing cached," \
  "median of $runs interleaved runs."
echo
echo "| tool | version | median s | times faster than \`$reference\` | round trips | most in flight |"
echo "| --- | --- | ---: | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  time=$(median "$index" 1)
  printf '| %s | %s | %.2f | %.1f | %.0f | %.0f |\n' "${names[index]}" \
    "$(version "${commands[index]}")" "$time" "$(ratio "$base" "$time")" \
    "$(median "$index" 2)" "$(median "$index" 3)"
done
printf '\nNot installed here: %s.\n' "${absent[*]:-none}"
if ((${#failed[@]})); then
  printf 'Failed, hence not timed:'
  printf ' %s;' "${failed[@]}"
  echo
  exit 1
fi
