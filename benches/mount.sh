#!/usr/bin/env bash
# Measures efs-scan beside its peers on a real NFSv4.1 mount with latency, and prints a Markdown table.
# Client and server run in user-mode Linux (tests/testbed/uml), which has one slow processor: the times
# mean something only because the delay dominates them; the counts are exact. The tree is mounted anew
# for each run, so the client has nothing of it in its caches.
#
# Usage: benches/mount.sh [DELAY_MS]
#
# DELAY_MS is each way, 10 by default. Environment: RUNS (1, since du takes more than a minute);
# DIRS (1000), FILES (10) in each; PEERS=installed uses only installed peers.
set -euo pipefail

# shellcheck disable=SC2034 # For common.sh.
least_runs=1
# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

delay=${1:-10}
dirs=${DIRS:-1000}
need cargo awk ldd
build
build -p efs-scan-bench
bin=$target/release
mnt=/mnt/efs

contender "efs-scan" "$bin/efs-scan" "$mnt"
contender "du -s" du -s "$mnt"
peers_on "$mnt"
contender "floor, 32 threads" "$bin/floor" --threads 32 "$mnt"
contender "floor, 64 threads" "$bin/floor" --threads 64 "$mnt"

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# The guest's programs are beside its job. It has a du of its own, of the host's release.
programs=()
for index in "${!commands[@]}"; do
  read -ra words <<<"${commands[index]}"
  if [[ ${words[0]} != du ]]; then
    path=$(type -P "${words[0]}")
    [[ " ${programs[*]} " == *" $path "* ]] || programs+=("$path")
    words[0]=/job/${path##*/}
  fi
  echo "${words[*]}" >>"$results/contenders"
done

cat >"$results/shape" <<SHAPE
runs=$runs delay=${delay}ms dirs=$dirs files=${FILES:-10}
SHAPE
cat >"$results/job" <<'JOB'
source /job/shape
export EFS_SCAN_CONFIG=/dev/null
mapfile -t commands </job/contenders
for command in "${commands[@]}"; do
  program=${command%% *}
  if ldd "$(type -P "$program")" | grep "not found" >&2; then
    echo "$program lacks libraries in the guest" >&2
    exit 1
  fi
  # Read the program before the measurement.
  "$program" --version >/dev/null 2>&1 || true
done
tree "$served" "$dirs" "$files"
serve
echo "kernel=$(uname -r)"
delay "$delay"
for ((round = 0; round < runs; round++)); do
  for index in "${!commands[@]}"; do
    read -ra words <<<"${commands[index]}"
    # A short run is repeated three times, because a brief disturbance counts for more in it.
    for turn in 1 2 3; do
      mounted
      began=$SECONDS
      measured "$index" "${words[@]}"
      say "round $((round + 1)) of $runs, $turn: ${words[0]##*/}"
      ((SECONDS - began < 10)) || break
    done
  done
done
JOB
UML_TIMEOUT=$((runs * 1800)) "$repository/tests/testbed/uml/run" "$results/job" "$results/shape" \
  "$results/contenders" "${programs[@]}" >"$results/facts"

# middle INDEX NAME: prints the median over the rounds; a kind of request that never came counts as 0.
middle() {
  sed -n "s/^$1\.$2=//p" "$results/facts" | sort -n | awk '
    { value[NR] = $1 }
    END { print NR ? (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 : 0 }'
}

for index in "${!names[@]}"; do
  [[ ${names[index]} != "du -s" ]] || du=$(middle "$index" seconds)
done
echo "$(machine), $(load)."
echo "User-mode Linux $(sed -n 's/^kernel=//p' "$results/facts"), knfsd, NFSv4.1, delay $delay ms each" \
  "way. $((dirs + 1)) directories, ${FILES:-10} files in each but the first. Mounted anew for each" \
  "run, median of $runs, and of $((3 * runs)) where a run takes less than 10 s."
echo
echo "| tool | seconds | times as fast as \`du\` | READDIR | GETATTR | ACCESS | LOOKUP | per directory |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
failed=()
for index in "${!names[@]}"; do
  seconds=$(middle "$index" seconds)
  counts=()
  trips=0
  for kind in READDIR GETATTR ACCESS LOOKUP; do
    count=$(middle "$index" "$kind")
    counts+=("$count")
    trips=$(awk -v a="$trips" -v b="$count" 'BEGIN { print a + b }')
  done
  # A tool that did not read every directory has failed.
  if [[ $(sed -n "s/^$index\.code=//p" "$results/facts" | sort -u) != 0 ]] ||
    awk -v read="${counts[0]}" -v dirs="$dirs" 'BEGIN { exit !(read < dirs) }'; then
    failed+=("${names[index]}")
  fi
  printf '| %s | %.2f | %s | %s | %s | %s | %s | %s |\n' "${names[index]}" "$seconds" \
    "$(ratio "$du" "$seconds")" "${counts[@]}" "$(ratio "$trips" "$((dirs + 1))")"
done
printf '\nNot installed here: %s.\n' "${absent[*]:-none}"
if ((${#failed[@]})); then
  printf 'Failed, hence not to be compared:'
  printf ' %s;' "${failed[@]}"
  echo
  exit 1
fi
