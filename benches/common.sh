# shellcheck shell=bash
# Shared functions of the measuring scripts, which source this file after `set -euo pipefail`.
#
# Environment: RUNS (rounds, default 5), CARGO_TARGET_DIR (default target), BUILD (no: the programs in
# target/release are taken as they are), NCDU2 (an ncdu 2, of which Debian has none). A script may set
# least_runs before to allow fewer rounds.

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

# contender NAME COMMAND...: adds a row to the table.
contender() {
  names+=("$1")
  commands+=("${*:2}")
}

# peer PACKAGE PROGRAM ARGUMENTS...: adds a contender that cargo can install.
peer() {
  local package=$1 program=$2 path
  path=$(PATH=$peers/bin:$PATH type -P "$program" || true)
  if [[ -z $path && ${PEERS:-} != installed ]] &&
    cargo install --quiet --locked --root "$peers" "$package" >&2; then
    path=$peers/bin/$program
  fi
  system_peer "$program" "${path:-$program}" "${@:3}"
}

# system_peer NAME PROGRAM ARGUMENTS...: adds a contender if the program is installed.
system_peer() {
  if type -P "$2" >/dev/null; then
    contender "$@"
  else
    absent+=("$1")
  fi
}

# peers_on TREE: adds the other disk-usage tools at their defaults; flags only keep them from opening
# their interactive screens.
peers_on() {
  peer du-dust dust "$1"
  peer dua-cli dua "$1"
  peer diskus diskus "$1"
  peer parallel-disk-usage pdu "$1"
  system_peer gdu gdu -n -p "$1"
  ncdu_peers -0 -o /dev/null "$1"
}

# ncdu2: prints the path of an ncdu 2: $NCDU2, or else an installed one. Fails if there is none.
ncdu2() {
  local name path
  for name in ${NCDU2:+"$NCDU2"} ncdu2 ncdu; do
    path=$(type -P "$name" || true)
    if [[ $path && $(version "$path") == 2.* ]]; then
      echo "$path"
      return
    fi
  done
  if [[ ${NCDU2:-} ]]; then
    echo "NCDU2=$NCDU2 is no ncdu 2" >&2
  fi
  return 1
}

# ncdu_peers ARGUMENTS...: adds the installed ncdu, and an ncdu 2 with a thread for each core, because
# it has one by default.
ncdu_peers() {
  local two
  if two=$(ncdu2); then
    contender "ncdu -t $(nproc)" "$two" -t "$(nproc)" "$@"
  else
    absent+=("ncdu 2")
  fi
  if [[ $(type -P ncdu || true) != "${two:-none}" ]]; then
    system_peer ncdu ncdu "$@"
  fi
}

# timeless FILE: prints a report without its times, ages, which count from them, and what a merge of shards does
# not know.
timeless() { jq -S 'del(.run.id, .run.started, .run.finished, .nfs, (.. | .by_age?))' "$1"; }

# version COMMAND: prints the program's version: the first number with a dot in its output.
version() {
  local program=${1%% *} said
  said=$("$program" --version 2>/dev/null </dev/null || true)
  [[ $said =~ [0-9]+(\.[0-9]+)+ ]] && echo "${BASH_REMATCH[0]}" || echo "-"
}

# need PROGRAM...: fails if a program is missing, before minutes of building.
need() {
  local program
  for program in "$@"; do
    if ! command -v "$program" >/dev/null; then
      echo "$program is needed and not installed" >&2
      exit 2
    fi
  done
}

# build CARGO-ARGUMENTS...: builds release binaries in $target/release, unless BUILD=no.
build() {
  [[ ${BUILD:-} == no ]] || (cd "$repository" && cargo build --quiet --release --target-dir "$target" "$@")
}

# use_tree [TREE]: sets $tree, and makes the default tree if it does not exist. The tree gets its name
# last, so an interrupted run does not leave half a tree to measure.
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

# measure: runs every contender once per round, so other load on the machine affects all of them
# alike, and writes one line "time cpu" per run to $results/INDEX. Two warm-up runs of the first
# contender fill the kernel's caches, which all contenders share.
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

# median INDEX COLUMN: prints the median of the contender's runs; column 1 is wall time, 2 user and
# system time.
median() {
  sort -n -k "$2,$2" "$results/$1" | awk -v column="$2" '
    { value[NR] = $column }
    END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# ratio A B: prints A / B with two decimals.
ratio() {
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

# machine: prints date, processor and kernel of the measurement.
machine() {
  local cpu
  cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
  echo "$(date -u +%F), ${cpu:-$(uname -m)}, $(nproc) cores, Linux $(uname -r)"
}

# load: prints the load of the machine, other users' included.
load() {
  echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
}

# heading: prints date, machine, file system, load and tree of the measurement.
heading() {
  echo "$(machine), $(findmnt -n -o FSTYPE -T "$tree"), $(load)."
  echo "Tree: $("$target/release/floor" "$tree"). Warm caches, median of $runs interleaved runs."
  echo
}

# use_slow_tree: sets $mnt, the mount point of slow-tree, and makes $results.
use_slow_tree() {
  if [[ ! -e /dev/fuse || $(id -u) != 0 ]]; then
    echo "/dev/fuse is needed to mount, and root to look into homes" >&2
    exit 2
  fi
  results=$(mktemp -d)
  mnt=$results/mnt
  mkdir "$mnt"
  # A killed server leaves its mount behind. Do not delete through a mount.
  trap 'umount -l "$mnt" 2>/dev/null || true; rmdir "$mnt" && rm -rf "$results"' EXIT
}

# figure NAME FILE: prints a number from the line name=value... of slow-tree or of watch-memory. A
# missing line is an error, not an empty cell.
figure() {
  sed -nE "s/^(slow-tree|watch-memory): (.* )?$1=([^ ]+).*/\3/p" "$2" | grep .
}
