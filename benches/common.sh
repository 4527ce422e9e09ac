# shellcheck shell=bash
# What the measuring scripts share; they source it after `set -euo pipefail`.
#
# Environment: RUNS (rounds, 5), CARGO_TARGET_DIR (target). A script that sets least_runs before is
# content with fewer.

bench_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$bench_dir")
target=${CARGO_TARGET_DIR:-$repository/target}
least_runs=${least_runs:-5}
runs=${RUNS:-$least_runs}
if ((runs < least_runs)); then
  echo "RUNS=$runs: a median of fewer than $least_runs runs says nothing on a shared machine" >&2
  exit 2
fi

peers=$target/peers
names=()
commands=()
absent=()

# contender NAME COMMAND...: one more row of the table.
contender() {
  names+=("$1")
  commands+=("${*:2}")
}

# peer PACKAGE PROGRAM ARGUMENTS...: a contender that cargo can install.
peer() {
  local package=$1 program=$2 path
  path=$(PATH=$peers/bin:$PATH type -P "$program" || true)
  if [[ -z $path && ${PEERS:-} != installed ]] &&
    cargo install --quiet --locked --root "$peers" "$package" >&2; then
    path=$peers/bin/$program
  fi
  system_peer "$program" "${path:-$program}" "${@:3}"
}

# system_peer NAME PROGRAM ARGUMENTS...: a contender if the program is there.
system_peer() {
  if type -P "$2" >/dev/null; then
    contender "$@"
  else
    absent+=("$1")
  fi
}

# peers_on TREE: the other disk-usage tools at their defaults; flags only where one would open its
# window.
peers_on() {
  peer du-dust dust "$1"
  peer dua-cli dua "$1"
  peer diskus diskus "$1"
  peer parallel-disk-usage pdu "$1"
  system_peer gdu gdu -n -p "$1"
  system_peer ncdu ncdu -0 -o /dev/null "$1"
}

# version COMMAND: the first number with a point in what the program says of itself.
version() {
  local program=${1%% *} said
  said=$("$program" --version 2>/dev/null </dev/null || true)
  [[ $said =~ [0-9]+(\.[0-9]+)+ ]] && echo "${BASH_REMATCH[0]}" || echo "-"
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

# machine: on what and when the figures below were taken, but for the file system.
machine() {
  local cpu
  cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
  echo "$(date -u +%F), ${cpu:-$(uname -m)}, $(nproc) cores, Linux $(uname -r)"
}

# load: of the machine, by others too.
load() {
  echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
}

# heading: on what and when the figures below were taken.
heading() {
  echo "$(machine), $(findmnt -n -o FSTYPE -T "$tree"), $(load)."
  echo "Tree: $("$target/release/floor" "$tree"). Warm caches, median of $runs interleaved runs."
  echo
}

# use_slow_tree: sets $mnt, where slow-tree mounts, and makes $results.
use_slow_tree() {
  if [[ ! -e /dev/fuse || $(id -u) != 0 ]]; then
    echo "/dev/fuse is needed to mount, and root to look into homes" >&2
    exit 2
  fi
  results=$(mktemp -d)
  mnt=$results/mnt
  mkdir "$mnt"
  # A killed server leaves its mount. What is still mounted is not removed.
  trap 'umount -l "$mnt" 2>/dev/null || true; rmdir "$mnt" && rm -rf "$results"' EXIT
}

# figure NAME FILE: a number from the line name=value... of slow-tree or of watch-memory. A line
# that is not there is an error, not an empty cell.
figure() {
  sed -nE "s/^(slow-tree|watch-memory): (.* )?$1=([^ ]+).*/\3/p" "$2" | grep .
}
