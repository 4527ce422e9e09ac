# shellcheck shell=bash
# Makes published runs to measure readers on. Scripts source it after common.sh, and set $homes and
# $earlier, the number of daily runs before the one of a real scan.
# shellcheck disable=SC2154 # $target is set by common.sh, the others by who sources this.

place=$target/bench-published
published=$place/to
if [[ $place =~ [[:space:]\"\'\\] ]]; then
  echo "hyperfine splits commands at spaces and quotes: use a target directory without them" >&2
  exit 2
fi

# make_homes: makes homes with a cache and trash; every hundredth is an orphan home.
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

# make_earlier: makes the tables of earlier days, with other sizes, and the beginnings of their reports;
# readers read no more of a report.
make_earlier() {
  local table report tables reports day at id
  report=$(echo "$published"/runs/fs=*/dt=*/*.json)
  reports=$(dirname "$(dirname "$report")")
  # In the form of earlier versions, which awk can change.
  table=$place/homes.csv
  tables=$published/homes/$(basename "$reports")
  "$efs_scan" "$place/homes" --quiet --names "csv:$place/names.csv" --format csv \
    --state-dir "$place/state" --output "$table"
  for ((day = 1; day <= earlier; day++)); do
    at=$(($(date +%s) - day * 86400))
    id=$(date -u -d "@$at" +%Y%m%dT%H%M%S.000000Z)
    mkdir -p "$tables/dt=$(date -u -d "@$at" +%F)"
    # No cell has quotes, since the names are those made above.
    awk -F, -v OFS=, -v day="$day" -v id="$id" -v at="$(date -u -d "@$at" +%FT%TZ)" '
      NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
      NR > 1 {
        bytes = $column["allocated_bytes"] + 4096 * ((NR * day) % 5 - 2)
        $column["allocated_bytes"] = bytes > 0 ? bytes : 0
        $column["run_id"] = id
        $column["run_started"] = at
      }
      # On each day some homes are new, and one is gone.
      NR == 1 || NR % 500 != day || /^\(outside homes\),/
      NR == 2 { sub(/^[0-9]+/, 300000 + day); print }
    ' "$table" >"$tables/dt=$(date -u -d "@$at" +%F)/$id.csv"
    mkdir -p "$reports/dt=$(date -u -d "@$at" +%F)"
    head -c 20000 "$report" >"$reports/dt=$(date -u -d "@$at" +%F)/$id.json"
  done
}

# publish_runs: makes homes and runs anew.
publish_runs() {
  rm -rf "$place"
  mkdir -p "$place"
  make_homes
  "$efs_scan" "$place/homes" --quiet --names "csv:$place/names.csv" --publish "$published" \
    --state-dir "$place/state" --output "$place/table.txt"
  make_earlier
}
