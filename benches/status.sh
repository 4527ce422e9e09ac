#!/usr/bin/env bash
# Measures how long `efs-scan status` takes on a large directory of published runs.
#
# Usage: benches/status.sh
#
# A real scan of 5,000 small homes is published below the target directory, and nine daily runs
# before it are made from its table. Environment: RUNS (5, or more), HOMES (5000).
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo hyperfine awk xargs
homes=${HOMES:-5000}
earlier=9
place=$target/bench-published
published=$place/to
if [[ $place =~ [[:space:]\"\'\\] ]]; then
  echo "hyperfine splits commands at spaces and quotes: use a target directory without them" >&2
  exit 2
fi
build --bin efs-scan
efs_scan=$target/release/efs-scan
# Not what this machine is configured to do.
export EFS_SCAN_CONFIG=/dev/null

# make_homes: a cache and trash in each home; every hundredth belongs to nobody known.
make_homes() {
  local uid root=$place/homes
  for ((uid = 200000; uid < 200000 + homes; uid++)); do
    printf '%s\n' "$root/$uid/.cache/pip" "$root/$uid/.local/share/Trash/files"
  done | xargs mkdir -p
  for ((uid = 200000; uid < 200000 + homes; uid++)); do
    printf '%*s' $((uid % 7 * 4096)) '' >"$root/$uid/.cache/pip/a"
    printf '%*s' $((uid % 3 * 4096)) '' >"$root/$uid/.local/share/Trash/files/b"
    if ((uid % 100)); then
      printf '%s,user-%s\n' "$uid" "$uid"
    fi
  done >"$place/names.csv"
}

# make_earlier: tables of the days before, with other sizes. Other objects of a run are not
# read by `status`.
make_earlier() {
  local table day at id
  table=$(echo "$published"/homes/dt=*/*.csv)
  for ((day = 1; day <= earlier; day++)); do
    at=$(($(date +%s) - day * 86400))
    id=$(date -u -d "@$at" +%Y%m%dT%H%M%S.000000Z)
    mkdir -p "$published/homes/dt=$(date -u -d "@$at" +%F)"
    # No cell has quotes: the names are made above.
    awk -F, -v OFS=, -v day="$day" -v id="$id" -v at="$(date -u -d "@$at" +%FT%TZ)" '
      NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
      NR > 1 {
        bytes = $column["allocated_bytes"] + 4096 * ((NR * day) % 5 - 2)
        $column["allocated_bytes"] = bytes > 0 ? bytes : 0
        $column["run_id"] = id
        $column["run_started"] = at
      }
      # Some homes are new, and one of each day is gone.
      NR == 1 || NR % 500 != day
      NR == 2 { sub(/^[0-9]+/, 300000 + day); print }
    ' "$table" >"$published/homes/dt=$(date -u -d "@$at" +%F)/$id.csv"
  done
}

rm -rf "$place"
mkdir -p "$place"
make_homes
"$efs_scan" "$place/homes" --quiet --names "csv:$place/names.csv" --publish "$published" \
  --state-dir "$place/state" --output "$place/table.txt"
make_earlier

# What is measured must be the whole of it.
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
