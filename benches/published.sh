# shellcheck shell=bash
# Makes published runs to measure readers on. Scripts source it after common.sh, and set $homes and
# $earlier, the number of daily runs before the one of a real scan, and build efs-scan and earlier-runs.
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

# publish_runs: makes homes and runs anew.
publish_runs() {
  rm -rf "$place"
  mkdir -p "$place"
  make_homes
  "$efs_scan" "$place/homes" --quiet --names "csv:$place/names.csv" --publish "$published" \
    --state-dir "$place/state" --output "$place/table.txt"
  "$target/release/earlier-runs" "$published" "$earlier"
}
