#!/usr/bin/env bash
# Measures how long `efs-scan history` takes over a year of published runs, and its memory.
#
# Usage: benches/history.sh
#
# The script publishes a real scan of 5,000 small homes below the target directory, and makes daily runs
# before it of its report, with tables in Parquet. Environment: RUNS (5 or more), HOMES (5000), DAYS (365).
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=benches/published.sh
source "$(dirname "${BASH_SOURCE[0]}")/published.sh"

need cargo hyperfine awk xargs
homes=${HOMES:-5000}
days=${DAYS:-365}
earlier=$((days - 1))
build --bin efs-scan
build -p efs-scan-bench --bin peak --bin earlier-runs
efs_scan=$target/release/efs-scan
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null

publish_runs

# Fail if the runs are not complete: a partial set would be faster to read.
shown=$("$efs_scan" history --from "$published" --days "$days" 2>&1)
if ! grep -q "  $days runs from .*, all complete$" <<<"$shown" ||
  ! grep -q "^total of $homes " <<<"$shown" || grep -qE "WARN|^Runs: " <<<"$shown"; then
  head -20 <<<"$shown" >&2
  echo "the runs were not published as they should be" >&2
  exit 1
fi

for form in table csv json; do
  contender "$form" "$efs_scan" history --from "$published" --days "$days" --format "$form"
done
contender "table, 90 days" "$efs_scan" history --from "$published"
measure

echo "$(machine), $(findmnt -n -o FSTYPE -T "$place"), $(load)."
echo "$homes homes, $days daily runs, $(du -shL "$published/homes" | cut -f1)B of tables." \
  "Warm caches, median of $runs interleaved runs."
echo
echo "| form | s | CPU s | peak MiB |"
echo "| --- | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  # shellcheck disable=SC2086 # No path here has spaces.
  kib=$("$target/release/peak" ${commands[index]})
  printf '| %s | %.2f | %.2f | %.0f |\n' "${names[index]}" "$(median "$index" 1)" \
    "$(median "$index" 2)" "$(ratio "$kib" 1024)"
done
