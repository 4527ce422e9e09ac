#!/usr/bin/env bash
# Measures time and peak memory of a scan's forms, of what is published of it and of reading that back,
# by the number of homes. Each has a cache, trash and seven entries.
#
# Usage: benches/homes.sh [HOMES...]   (10000 50000 200000)
#        tests/aws-servers benches/homes.sh ...   (publishes to a bucket of moto, too)
#
# The homes are made below PLACE, by default the target directory, and left there; 200,000 take 1.6
# million inodes. A tmpfs holds them (mount it with nr_inodes=0). The aim is 256 MiB for the scan and
# its publication, and time that grows no faster than the number of homes. EFS_SCAN is the program that
# is measured, if not the one that is built here.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=benches/published.sh
source "$(dirname "${BASH_SOURCE[0]}")/published.sh"

need cargo awk xargs curl
[[ -n ${EFS_SCAN:-} ]] || build --bin efs-scan
build -p efs-scan-bench
efs_scan=${EFS_SCAN:-$target/release/efs-scan}
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null
bucket=
if [[ -n ${EFS_SCAN_TEST_MOTO:-} ]]; then
  export AWS_ENDPOINT_URL=$EFS_SCAN_TEST_MOTO AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test
  export AWS_SECRET_ACCESS_KEY=test
  bucket=bench-homes-$$
  curl --silent --fail --output /dev/null -X PUT "$EFS_SCAN_TEST_MOTO/$bucket"
fi
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# cell NAME COMMAND...: measures a command and prints its row.
cell() {
  local name=$1
  shift
  if ! "$target/release/watch-memory" "$@" >"$results/out" 2>"$results/said"; then
    cat "$results/said" >&2
    return 1
  fi
  echo "| $homes | $name | $(figure seconds "$results/said") | $(figure peak_mib "$results/said") |"
}

echo "$(machine), $(load)."
echo
echo "| homes | command | seconds | peak MiB |"
echo "| ---: | --- | ---: | ---: |"
(($#)) || set -- 10000 50000 200000
for homes; do
  place=${PLACE:-$target}/bench-homes-$homes
  published=$place/to
  if [[ ! -e $place/names.csv ]]; then
    rm -rf "$place"
    mkdir -p "$place"
    make_homes
  fi
  rm -rf "$published" "$place/state" "$place/state-s3" "$place/users"
  scan=("$efs_scan" "$place/homes" --quiet --names "csv:$place/names.csv")
  for form in du table json csv prometheus; do
    cell "scan, \`$form\`" "${scan[@]}" --no-publish --format "$form" --output "$place/form"
  done
  cell "scan, published to a directory" "${scan[@]}" --publish "$published" \
    --state-dir "$place/state" --output "$place/form"
  if [[ -n $bucket ]]; then
    cell "scan, published to S3" "${scan[@]}" --publish "s3://$bucket/$homes" \
      --state-dir "$place/state-s3" --output "$place/form"
    cell "\`status\` from S3" "$efs_scan" status --from "s3://$bucket/$homes"
  fi
  cell "\`status\`" "$efs_scan" status --from "$published"
  if ! grep -q "^total of $homes " "$results/out"; then
    echo "not all of the $homes homes are published" >&2
    exit 1
  fi
  cell "\`history\`" "$efs_scan" history --from "$published"
  cell "\`report --html\`" "$efs_scan" report --from "$published" --html "$place/form"
  cell "\`report --users\`" "$efs_scan" report --from "$published" --users "$place/users"
  rm -rf "$place/users" "$place/form"
done
