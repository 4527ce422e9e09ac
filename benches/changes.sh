#!/usr/bin/env bash
# Measures how long `efs-scan changes` takes over two tables of directories, and its memory.
#
# Usage: benches/changes.sh
#
# Environment: RUNS (5 or more), ROWS (1000000) of each table.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo hyperfine awk
rows=${ROWS:-1000000}
build --bin efs-scan
build -p efs-scan-bench --bin peak --bin dirs-tables
efs_scan=$target/release/efs-scan
# Ignore this machine's configuration.
export EFS_SCAN_CONFIG=/dev/null

place=$(mktemp -d "$target/changes.XXXXXX")
trap 'rm -rf "$place"' EXIT
"$target/release/dirs-tables" "$place/old" "$place/new" "$rows"

# Fail if nothing is explained: it would be faster.
if ! "$efs_scan" changes "$place/old" "$place/new" | grep -q 'moved  .* from '; then
  echo "the tables were not compared as they should be" >&2
  exit 1
fi

for form in table json; do
  contender "$form" "$efs_scan" changes "$place/old" "$place/new" --format "$form"
done
contender "one home" "$efs_scan" changes "$place/old" "$place/new" --path 200000
measure

echo "$(machine), $(findmnt -n -o FSTYPE -T "$place"), $(load)."
echo "Two tables of $rows rows, $(du -shL "$place/new" | cut -f1)B each." \
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
