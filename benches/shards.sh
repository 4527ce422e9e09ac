#!/usr/bin/env bash
# Measures runs in shards: how even the shards are, how far their time is from linear, and what the merge
# takes. Prints a Markdown table.
#
# Usage: benches/shards.sh [DIRECTORIES [RATE]]
#
# The synthetic NFS server of tests/testbed serves the tree (10 files in each of 100,000 directories), and
# each client holds itself to RATE directory operations a second (1,000): one machine cannot serve eight
# clients at their full speed, so it is the split that is measured, not the client. An ordinary scan comes
# first, so that the shards are cut by its table of directories.
#
# Environment: BIN, a directory with the programs, which are built otherwise; SHARDS, the numbers of shards to
# measure (1 2 4 8), of which the first is what the others are compared with.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

dirs=${1:-100000} rate=${2:-1000}
need cargo awk jq
if [[ -z ${BIN:-} ]]; then
  build
  build -p efs-scan-bench
fi
bin=${BIN:-$target/release}
export EFS_SCAN_CONFIG=/dev/null

place=$(mktemp -d "$target/shards.XXXXXX")
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$place"' EXIT
"$bin/nfs-server" --dirs "$dirs" --files 10 --homes 50 --delay-ms 1 >"$place/url" 2>"$place/served" &
server=$!
until [[ -s $place/url ]]; do kill -0 "$server" && sleep 0.1; done
url=$(cat "$place/url")
scan=("$bin/efs-scan" --engine nfs "$url" --nfs-uid 0 --dirs-min 64KiB --name bench)

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }

"${scan[@]}" --quiet --publish "$place/to" --state-dir "$place/state" --format json >"$place/one"

echo "$(machine), $(load). $dirs directories, $rate operations a second for each client."
echo
echo "| shards | largest shard / mean | seconds to the merge | times as fast | of linear | merge s | merge peak MiB | shards MiB |"
echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
first='' least=''
for shards in ${SHARDS:-1 2 4 8}; do
  run=bench-$shards
  began=$(now) tasks=()
  for ((shard = 1; shard <= shards; shard++)); do
    "${scan[@]}" --shard "$shard/$shards" --run-id "$run" --publish "$place/to" --max-ops "$rate" \
      --log-format json 2>"$place/log.$shard" &
    tasks+=($!)
  done
  for task in "${tasks[@]}"; do wait "$task"; done
  took=$(since "$began")
  first=${first:-$took} least=${least:-$shards}
  folder=$place/to/shards/$run/fs=bench
  began=$(now)
  peak=$("$bin/peak" "$bin/efs-scan" merge --quiet --run-id "$run" --from "$place/to" --no-publish \
    --format json --output "$place/merged")
  merged=$(since "$began")
  cmp <(timeless "$place/one") <(timeless "$place/merged") >&2
  even=$(jq -n '[inputs | .fields.entries // .entries // empty] | max * length / add' "$place"/log.*)
  rm "$place"/log.*
  bytes=$(stat -c %s "$folder"/*.shard | awk '{ s += $1 } END { printf "%.1f", s / 1048576 }')
  awk -v n="$shards" -v s="$least" -v e="$even" -v t="$took" -v f="$first" -v m="$merged" -v p="$peak" -v b="$bytes" \
    'BEGIN { printf "| %d | %.2f | %s | %.2f | %.2f | %s | %.0f | %s |\n", n, e, t, f / t, f / t / n * s, m, p / 1024, b }'
done
