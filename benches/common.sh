# shellcheck shell=bash
# What the measuring scripts share; they source it after `set -euo pipefail`.
#
# Environment: RUNS (rounds, 5), CARGO_TARGET_DIR (target).

bench_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$bench_dir")
target=${CARGO_TARGET_DIR:-$repository/target}
runs=${RUNS:-5}
if ((runs < 5)); then
  echo "RUNS=$runs: a median of fewer than 5 runs says nothing on a shared machine" >&2
  exit 2
fi

names=()
commands=()

# contender NAME COMMAND...: one more row of the table.
contender() {
  names+=("$1")
  commands+=("${*:2}")
}

# need PROGRAM...: says at once what is missing, not after minutes of building.
need() {
  local program
  for program in "$@"; do
    if ! command -v "$program" >/dev/null; then
      echo "$program is needed and not installed" >&2
      exit 2
    fi
  done
}

# build CARGO-ARGUMENTS...: release binaries below $target/release.
build() {
  (cd "$repository" && cargo build --quiet --release --target-dir "$target" "$@")
}

# use_tree [TREE]: sets $tree, and makes the default tree if it is not there yet. It is made
# under another name first, so that an interrupted run does not leave half a tree to measure.
use_tree() {
  tree=${1:-$target/bench-tree}
  if [[ ! -d $tree ]]; then
    if (($#)); then
      echo "$tree is not a directory" >&2
      exit 2
    fi
    rm -rf "$tree.partial"
    "$target/release/gen-tree" "$tree.partial" >&2
    mv "$tree.partial" "$tree"
  fi
  if [[ $tree =~ [[:space:]\"\'\\] ]]; then
    echo "hyperfine splits commands at spaces and quotes: use a tree without them" >&2
    exit 2
  fi
}

# measure: runs every contender once a round, so that what else the machine does falls on all of
# them alike, and leaves one line "time cpu" per run in $results/INDEX. Two warm-up runs of the
# first contender fill the kernel's caches, which all share.
measure() {
  results=$(mktemp -d)
  trap 'rm -rf "$results"' EXIT
  local round index
  for ((round = -2; round < runs; round++)); do
    for index in "${!commands[@]}"; do
      if ((round < 0 && index > 0)); then
        break
      fi
      hyperfine -N --style none --runs 1 --export-csv "$results/csv" "${commands[index]}" >&2
      if ((round >= 0)); then
        awk -F, 'NR == 2 { print $2, $5 + $6 }' "$results/csv" >>"$results/$index"
      fi
    done
    echo "round $((round + 3)) of $((runs + 2)), load $(cut -d' ' -f1 /proc/loadavg)" >&2
  done
}

# median INDEX COLUMN: of the contender's runs; column 1 is wall time, 2 user and system time.
median() {
  sort -n -k "$2,$2" "$results/$1" | awk -v column="$2" '
    { value[NR] = $column }
    END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# ratio A B: with two decimals.
ratio() {
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# heading: on what and when the figures below were taken.
heading() {
  local cpu
  cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
  echo "$(date -u +%F), ${cpu:-$(uname -m)}, $(nproc) cores, Linux $(uname -r)," \
    "$(findmnt -n -o FSTYPE -T "$tree"), load $(cut -d' ' -f1-3 /proc/loadavg)."
  echo "Tree: $("$target/release/floor" "$tree"). Warm caches, median of $runs interleaved runs."
  echo
}
