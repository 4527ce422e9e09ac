#!/usr/bin/env bash
# Measures the engine nfs and prints Markdown tables: requests per directory on nfs-ganesha, directories
# a second with latency, several event loops, the same tree on a kernel mount, and the times that this means
# on EFS.
#
# Usage: benches/nfs-engine.sh [PART]...
#
# PART is ganesha, rate, loops, mount or table; without one, all of them run. Environment: TREE (a tree of
# 100,000 directories, made if not given), RUNS (3), DIRS (4000), FILES (10) and DELAY (5ms each way) for
# the mount, MOST (200000) directories a second for the table; BUILD=no uses existing binaries.
set -euo pipefail

# shellcheck disable=SC2034 # For common.sh.
least_runs=1
RUNS=${RUNS:-3}
# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo awk
build
build -p efs-scan-bench
bin=$target/release
export EFS_SCAN_CONFIG=/dev/null
# Ganesha accepts 100 operations in a request, two for each directory, although it grants 1,024.
several=48
# Directories a second, as part "rate" measures them.
most=${MOST:-200000}
results=$(mktemp -d)
server=
# shellcheck disable=SC2317 # The trap calls it.
stop() {
  if [[ $server ]]; then
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$results"
}
trap stop EXIT

# middle FILE COLUMN: prints the median of a column.
middle() {
  awk -v column="$2" '{ print $column }' "$1" | sort -n | awk '
    { value[NR] = $1 }
    END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# free_port: prints a port that is free now.
free_port() {
  python3 -c 'import socket; it = socket.socket(); it.bind(("127.0.0.1", 0)); print(it.getsockname()[1])'
}

# scan NAME COMMAND...: appends a line "seconds peak_mib directories" to $results/NAME.
scan() {
  local name=$1
  "$bin/watch-memory" "${@:2}" --quiet --format json >"$results/report" 2>"$results/said" || {
    cat "$results/said" >&2
    return 1
  }
  echo "$(seconds) $(figure peak_mib "$results/said") $(directories)" >>"$results/$name"
}

# seconds: prints the duration of the scan, from its own report.
seconds() {
  python3 -c '
import datetime, json, sys
run = json.load(open(sys.argv[1]))["run"]
at = lambda name: datetime.datetime.fromisoformat(run[name][:26].rstrip("Z"))
print((at("finished") - at("started")).total_seconds())' "$results/report"
}

directories() {
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["totals"]["dirs"])' "$results/report"
}

ganesha() {
  need ganesha.nfsd python3
  use_tree ${TREE:+"$TREE"}
  local port proxy batch name calls
  port=$(free_port)
  mkdir -p "$results/recovery"
  cat >"$results/ganesha.conf" <<CONF
NFS_CORE_PARAM { Protocols = 4; NFS_Port = $port; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; }
NFSV4 { Minor_Versions = 1; Graceless = true; RecoveryBackend = fs; RecoveryRoot = "$results/recovery"; Slot_Table_Size = 1024; Only_Numeric_Owners = true; }
MDCACHE { Entries_HWMark = 3000000; }
EXPORT { Export_Id = 1; Path = "$tree"; Pseudo = /tree; Access_Type = RO; Squash = none; SecType = sys; FSAL { Name = VFS; } }
CONF
  ganesha.nfsd -F -f "$results/ganesha.conf" -L "$results/ganesha.log" -p "$results/ganesha.pid" &
  server=$!
  until grep -q "NFS SERVER INITIALIZED" "$results/ganesha.log" 2>/dev/null; do
    kill -0 "$server" && sleep 0.2
  done
  echo "### Requests for each directory"
  echo
  echo "$(machine), $(load). nfs-ganesha $(ganesha.nfsd -v | sed -nE 's/.*V([0-9.]+).*/\1/p' | head -n 1)" \
    "on this machine, everything in its cache, median of $runs."
  echo
  echo "| requests | directories | requests | for each directory | seconds | peak MiB |"
  echo "| --- | ---: | ---: | ---: | ---: | ---: |"
  # Fills the server's cache.
  scan warm "$bin/efs-scan" --engine nfs "nfs://127.0.0.1:$port/tree" --nfs-uid 0 --nfs-batch 1
  for ((round = 0; round < runs; round++)); do
    for batch in 1 "$several"; do
      scan "ganesha-$batch" "$bin/efs-scan" --engine nfs "nfs://127.0.0.1:$port/tree" --nfs-uid 0 \
        --nfs-batch "$batch"
    done
  done
  for batch in 1 "$several"; do
    # Counted in a run of its own by a proxy, which costs time.
    proxy=$(free_port)
    python3 "$bench_dir/count-calls.py" "$proxy" "$port" >"$results/calls" &
    proxying=$!
    sleep 0.5
    scan "counted-$batch" "$bin/efs-scan" --engine nfs "nfs://127.0.0.1:$proxy/tree" --nfs-uid 0 \
      --nfs-batch "$batch"
    kill "$proxying"
    wait "$proxying" || true
    calls=$(cat "$results/calls")
    name="one directory each"
    [[ $batch == 1 ]] || name="--nfs-batch $batch"
    dirs=$(middle "$results/ganesha-$batch" 3)
    printf '| %s | %d | %d | %.3f | %.2f | %.1f |\n' "$name" "$dirs" "$calls" \
      "$(awk -v a="$calls" -v b="$dirs" 'BEGIN { print a / b }')" \
      "$(middle "$results/ganesha-$batch" 1)" "$(middle "$results/ganesha-$batch" 2)"
  done
  echo
  kill -KILL "$server"
  wait "$server" 2>/dev/null || true
  server=
}

rate() {
  local flights url dirs way name
  echo "### Directories a second, 2 ms away"
  echo
  echo "$(machine), $(load). The synthetic server of tests/testbed/src/nfs_server beside it on the same cores," \
    "10 files in each directory, attribution and rules on, median of $runs."
  echo
  echo "| in flight | directories | seconds | directories a second | peak MiB |"
  echo "| --- | ---: | ---: | ---: | ---: |"
  for flights in 1 64 1024 4096 auto batch; do
    case $flights in
      1) dirs=2000 ;;
      64) dirs=100000 ;;
      *) dirs=1000000 ;;
    esac
    rm -f "$results/url"
    "$bin/nfs-server" --dirs "$dirs" --files 10 --homes 200 --delay-ms 2 >"$results/url" 2>"$results/served" &
    server=$!
    until [[ -s $results/url ]]; do kill -0 "$server" && sleep 0.1; done
    url=$(cat "$results/url")
    way=(--threads "$flights" --nfs-batch 1)
    name=$flights
    case $flights in
      auto)
        way=()
        name="at defaults"
        ;;
      batch)
        way=(--nfs-batch 24)
        name="--nfs-batch 24"
        ;;
    esac
    for ((round = 0; round < runs; round++)); do
      scan "rate-$flights" "$bin/efs-scan" --engine nfs "$url" --nfs-uid 0 "${way[@]}"
    done
    kill "$server"
    wait "$server" || true
    server=
    grep violation "$results/served" >&2 || true
    printf '| %s | %d | %.2f | %d | %.1f |\n' "$name" "$dirs" "$(middle "$results/rate-$flights" 1)" \
      "$(awk -v a="$dirs" -v b="$(middle "$results/rate-$flights" 1)" 'BEGIN { print int(a / b) }')" \
      "$(middle "$results/rate-$flights" 2)"
  done
  echo
}

loops() {
  local dirs=1000000 url loops
  echo "### Event loops, 2 ms away"
  echo
  echo "$(machine), $(load). As above, at the defaults but for the number of loops. The server shares the" \
    "processors with the client, so seconds say little here; the client's CPU time says what a loop costs."
  echo
  echo "| loops | seconds | CPU µs for each directory | peak MiB |"
  echo "| ---: | ---: | ---: | ---: |"
  "$bin/nfs-server" --dirs "$dirs" --files 10 --homes 200 --delay-ms 2 >"$results/url" 2>"$results/served" &
  server=$!
  until [[ -s $results/url ]]; do kill -0 "$server" && sleep 0.1; done
  url=$(cat "$results/url")
  for ((round = 0; round < runs; round++)); do
    for loops in 1 2 4 8; do
      scan "loops-$loops" "$bin/efs-scan" --engine nfs "$url" --nfs-uid 0 --nfs-loops "$loops"
      figure cpu_seconds "$results/said" >>"$results/cpu-$loops"
    done
  done
  kill "$server"
  wait "$server" || true
  server=
  for loops in 1 2 4 8; do
    printf '| %s | %.2f | %.2f | %.1f |\n' "$loops" "$(middle "$results/loops-$loops" 1)" \
      "$(awk -v dirs="$dirs" -v cpu="$(middle "$results/cpu-$loops" 1)" 'BEGIN { print cpu / dirs * 1e6 }')" \
      "$(middle "$results/loops-$loops" 2)"
  done
  echo
}

mount() {
  local dirs=${DIRS:-4000} files=${FILES:-10} delay=${DELAY:-5ms}
  cat >"$results/shape" <<SHAPE
runs=$runs delay=$delay dirs=$dirs files=$files
SHAPE
  cat >"$results/job" <<'JOB'
source /job/shape
export EFS_SCAN_CONFIG=/dev/null
tree "$served" "$dirs" "$files"
serve
/job/efs-scan --version >/dev/null
delay "$delay"
# one NAME COMMAND...: prints "NAME seconds requests", as the server counted them.
one() {
  local before began ended
  before=$(calls)
  began=$EPOCHREALTIME
  "${@:2}" >/run/out 2>/run/err || { cat /run/err >&2; exit 1; }
  ended=$EPOCHREALTIME
  echo "$1 $(awk -v a="$began" -v b="$ended" 'BEGIN { print b - a }') $(($(calls) - before))"
  say "$1"
}
for ((round = 0; round < runs; round++)); do
  one nfs /job/efs-scan nfs://127.0.0.1/ --nfs-uid 0 --nfs-batch 1 --quiet --format json
  mounted nocto
  one mount /job/efs-scan "$mount" --threads 64 --quiet --format json
  unmounted
done
# du takes a minute for two thousand directories, so it runs only up to that.
if ((dirs <= 2000)); then
  mounted
  one du du -s "$mount"
fi
JOB
  UML_TIMEOUT=1200 "$repository/tests/testbed/uml/run" "$results/job" "$results/shape" "$bin/efs-scan" >"$results/facts"
  echo "### Beside the kernel's mount"
  echo
  echo "$(machine), $(load). User-mode Linux, knfsd, $delay each way, $((dirs + 1)) directories of $files files," \
    "median of $runs, mounting not counted; du once and not above 2,000. Requests as the server counted them."
  echo
  echo "| | seconds | times as fast as the mount | requests | for each directory |"
  echo "| --- | ---: | ---: | ---: | ---: |"
  local key name
  for key in mount nfs du; do
    grep "^$key " "$results/facts" >"$results/mount-$key" || continue
    case $key in
      nfs) name="efs-scan without a mount" ;;
      mount) name="efs-scan on the mount, nocto, 64 threads" ;;
      du) name="du -s on the mount" ;;
    esac
    printf '| %s | %.2f | %s | %d | %s |\n' "$name" "$(middle "$results/mount-$key" 2)" \
      "$(ratio "$(middle "$results/mount-mount" 2)" "$(middle "$results/mount-$key" 2)")" \
      "$(middle "$results/mount-$key" 3)" "$(ratio "$(middle "$results/mount-$key" 3)" "$((dirs + 1))")"
  done
  echo
}

table() {
  # Operations per directory, as counted: 3 and 2 on a mount (tests/servers/mount), 1 without.
  echo "### What that means on EFS"
  echo
  echo "**Computed, not measured**: how long a scan asks for, where nothing limits it but the file" \
    "system's documented read operations a second (AWS's performance page, 2026; all but One Zone are" \
    "of regional file systems), of which nobody else takes any, and requests in flight: 64 on a" \
    "mount, which at 1 ms each is 64,000 a second. Three operations for each" \
    "directory on a default mount, two with nocto, one without a mount, which on 2 cores was" \
    "taken to keep up to $most directories a second."
  echo
  awk -v most="$most" '
    function least(a, b) { return a + 0 < b + 0 ? a : b }
    function takes(operations, rate, seconds) {
      seconds = operations / rate
      return seconds < 120 ? sprintf("%.0f s", seconds) : sprintf("%.0f min", seconds / 60)
    }
    BEGIN {
      print "| directories | read operations a second | mount | mount, nocto | nfs engine |"
      print "| ---: | --- | ---: | ---: | ---: |"
      count = split("35,000 (One Zone, or Bursting);55,000 (Provisioned);900,000 to 2,500,000 (Elastic)", rates, ";")
      for (millions = 1; millions <= 100; millions *= 10)
        for (at = 1; at <= count; at++) {
          rate = rates[at]
          sub(/ .*/, "", rate)
          gsub(/,/, "", rate)
          rate += 0
          mounted = least(rate, 64000)
          print "| " millions ",000,000 | " rates[at] " | " takes(3e6 * millions, mounted) " | " \
            takes(2e6 * millions, mounted) " | " takes(1e6 * millions, least(rate, most)) " |"
        }
    }'
}

parts=("$@")
((${#parts[@]})) || parts=(ganesha rate loops mount table)
for part in "${parts[@]}"; do
  case $part in
    ganesha | rate | loops | mount | table) "$part" ;;
    *)
      echo "Usage: benches/nfs-engine.sh [ganesha|rate|loops|mount|table]..." >&2
      exit 2
      ;;
  esac
done
