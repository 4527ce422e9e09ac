#!/usr/bin/env bash
# Measures how long `efs-scan status` takes on a large directory of published runs.
#
# Usage: benches/status.sh
#
# The script publishes a real scan of 5,000 small homes below the target directory, and makes nine daily
# runs before it of its report. Environment: RUNS (5 or more), HOMES (5000).
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=benches/published.sh
source "$(dirname "${BASH_SOURCE[0]}")/published.sh"

need cargo hyperfine awk xargs
homes=${HOMES:-5000}
earlier=9
build --bin efs-scan
build -p efs-scan-bench --bin earlier-runs
efs_scan=$target/release/efs-scan
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null

publish_runs

# Fail if the runs are not complete: a partial set would be faster to read.
shown=$("$efs_scan" status --from "$published")
if ! grep -q "^total of $homes " <<<"$shown" || grep -q "no run" <<<"$shown" ||
  ! grep -q "^Gone since the day before: " <<<"$shown" || ! grep -q "NEW$" <<<"$shown"; then
  echo "the runs were not published as they should be" >&2
  exit 1
fi

contender "table" "$efs_scan" status --from "$published"
contender "JSON" "$efs_scan" status --from "$published" --format json
measure
cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
printf '| %s, %s cores | %s | %s homes, %s runs | %.3f s table | %.3f s JSON |\n' \
  "${cpu:-$(uname -m)}" "$(nproc)" "$(date -u +%F)" "$homes" $((earlier + 1)) \
  "$(median 0 1)" "$(median 1 1)"
