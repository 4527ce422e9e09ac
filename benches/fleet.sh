#!/usr/bin/env bash
# Measures `efs-scan status` and the page about all file systems for many of them at one destination: a
# directory, and a bucket of the testbed with a delay.
#
# Usage: benches/fleet.sh
#
# The script publishes a real scan of 500 small homes, makes nine daily runs before it of its report, and
# copies them as if they were of many file systems. Environment: RUNS (5 or more), HOMES (500),
# FILE_SYSTEMS (50), DELAY_MS (30), EFS_SCAN (the program that is measured, if not the one that is built here),
# BEFORE (another one, measured beside it).
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=benches/published.sh
source "$(dirname "${BASH_SOURCE[0]}")/published.sh"

need cargo hyperfine awk xargs
homes=${HOMES:-500}
count=${FILE_SYSTEMS:-50}
delay=${DELAY_MS:-30}
earlier=9
[[ -n ${EFS_SCAN:-} ]] || build --bin efs-scan
build -p efs-scan-bench --bin bucket-server --bin peak --bin earlier-runs
efs_scan=${EFS_SCAN:-$target/release/efs-scan}
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null

publish_runs
fleet=$place/fleet
key=$(basename "$published"/latest/*.json .json)
mkdir -p "$fleet/latest" "$fleet/homes/parquet" "$fleet/runs"
for ((at = 1; at <= count; at++)); do
  other=$(printf 'share-%03d' "$at")
  sed "s/$key/$other/g" "$published/latest/$key.json" >"$fleet/latest/$other.json"
  cp -r "$published/homes/parquet/fs=$key" "$fleet/homes/parquet/fs=$other"
  cp -r "$published/runs/fs=$key" "$fleet/runs/fs=$other"
done

"$target/release/bucket-server" "$fleet" --delay-ms "$delay" >"$place/endpoint" 2>"$place/requests" &
server=$!
until [[ -s $place/endpoint ]]; do
  kill -0 "$server"
  sleep 0.1
done
AWS_ENDPOINT_URL=$(cat "$place/endpoint")
export AWS_ENDPOINT_URL AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test

# Fail if not all is there: less would be faster to read.
for from in "$fleet" s3://bench; do
  shown=$("$efs_scan" status --from "$from" --by file-system)
  if ! grep -q "^total of $count  *$((homes * count)) " <<<"$shown" || grep -q "STALE" <<<"$shown"; then
    echo "$from does not have $count file systems of $homes homes" >&2
    exit 1
  fi
done

for program in ${BEFORE:+"$BEFORE"} "$efs_scan"; do
  which=$([[ $program == "$efs_scan" ]] && echo now || echo before)
  contender "directory, $which" "$program" status --from "$fleet"
  contender "directory, \`--format json\`, $which" "$program" status --from "$fleet" --format json
  contender "S3, $delay ms for each answer, $which" "$program" status --from s3://bench
  contender "directory, \`report --html\`, $which" "$program" report --from "$fleet" --html "$place/index.html"
  contender "S3, \`report --html\`, $which" "$program" report --from s3://bench --html "$place/index.html"
done
measure

echo "$(machine), $(findmnt -n -o FSTYPE -T "$place"), $(load)."
echo "$count file systems of $homes homes, $((earlier + 1)) daily runs each. Warm caches, median of $runs interleaved runs."
echo
echo "| from | s | CPU s | peak MiB |"
echo "| --- | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  # shellcheck disable=SC2086 # No path here has spaces.
  kib=$("$target/release/peak" ${commands[index]})
  printf '| %s | %.2f | %.2f | %.0f |\n' "${names[index]}" "$(median "$index" 1)" \
    "$(median "$index" 2)" "$(ratio "$kib" 1024)"
done
echo
# The largest page: everybody has a home on every file system, and is one person.
echo 'same_people = true' >"$place/same.toml"
EFS_SCAN_CONFIG=$place/same.toml "$efs_scan" report --from "$fleet" --html "$place/same.html"
for page in index same; do
  echo "$page.html: $(stat -c %s "$place/$page.html") bytes, $(gzip -9 <"$place/$page.html" | wc -c) with gzip."
done
kill "$server"
wait "$server" || true
cat "$place/requests"
