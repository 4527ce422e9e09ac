#!/usr/bin/env bash
# Measures the merge of many shards with every directory in their tables: time and memory. Prints a Markdown
# table.
#
# Usage: benches/merge.sh [DIRECTORIES [SHARDS]]
#
# The synthetic NFS server of tests/testbed serves DIRECTORIES (10,000,000), with a file in each, in 1,000
# homes. They are scanned once as a whole, whose table cuts the shards, and once in SHARDS (16). Takes some
# 2 minutes and 500 MB of disk at the default.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

dirs=${1:-10000000} shards=${2:-16}
need cargo jq
build --bin efs-scan
build -p efs-scan-bench
bin=$target/release
export EFS_SCAN_CONFIG=/dev/null

place=$(mktemp -d "$target/merge.XXXXXX")
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$place"' EXIT
"$bin/nfs-server" --dirs "$dirs" --files 1 --homes 1000 --delay-ms 0 >"$place/url" 2>"$place/served" &
server=$!
until [[ -s $place/url ]]; do kill -0 "$server" && sleep 0.1; done
scan=("$bin/efs-scan" --engine nfs "$(cat "$place/url")" --nfs-uid 0 --dirs-min 0 --name bench --quiet)

"${scan[@]}" --publish "$place/to" --state-dir "$place/state" --format json >"$place/one"
for ((shard = 1; shard <= shards; shard++)); do
  "${scan[@]}" --shard "$shard/$shards" --run-id bench --publish "$place/to" >/dev/null
done
kib=$(du -sk "$place/to/shards" | cut -f1)
before=$(find "$place/to/dirs" -name '*.parquet')
TIMEFORMAT='%R %U %S'
{ time "$bin/peak" "$bin/efs-scan" merge --quiet --state-dir "$place/state" --run-id bench --from "$place/to" \
  --format json --output "$place/merged" >"$place/peak"; } 2>"$place/times"

cmp <(timeless "$place/one") <(timeless "$place/merged") >&2
after=$(find "$place/to/dirs" -name '*.parquet' -newer "$place/one")
[[ $after && $after != "$before" ]] || { echo "the merge published no table of directories" >&2 && exit 1; }

echo "$(machine), $(load)."
echo
echo "| directories | shards | MiB of shards | s | CPU s | peak MiB |"
echo "| ---: | ---: | ---: | ---: | ---: | ---: |"
read -r real user system <"$place/times"
awk -v d="$dirs" -v n="$shards" -v k="$kib" -v r="$real" -v u="$user" -v s="$system" -v p="$(cat "$place/peak")" \
  'BEGIN { printf "| %d | %d | %.0f | %.1f | %.1f | %.0f |\n", d, n, k / 1024, r, u + s, p / 1024 }'
