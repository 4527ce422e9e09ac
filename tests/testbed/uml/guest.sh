# shellcheck shell=bash
# Functions for jobs in the guest: trees, an NFSv4.1 server and its mount, delay, and counters.
#
# The guest has one processor, and a system call costs about ten times as much as on the host: trust
# counts, and times only if the network delay dominates them.
set -euo pipefail

served=/tmp/efs
mount=/mnt/efs
mkdir -p "$served"

# tree DIR DIRECTORIES FILES [BYTES]: makes homes with ten directories each, FILES files in each
# directory and home. A file has BYTES (1,000) bytes plus the number of its home. DIRECTORIES
# includes the homes.
tree() {
  python3 -S -E - "$@" <<'PYTHON'
import os, sys
top, count, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
size = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
os.makedirs(top, exist_ok=True)
where = home = None
for number in range(count):
    if number % 11 == 0:
        home = number // 11
        where = f"{top}/{200005 + home}"
    else:
        where = f"{top}/{200005 + home}/d{number % 11}"
    os.mkdir(where)
    for file in range(files):
        with open(f"{where}/file{file}", "wb", buffering=0) as it:
            it.write(b"x" * (size + home))
PYTHON
}

# many DIR FILES: makes a directory of FILES empty files, with one mknod each, not open and close.
many() {
  python3 -S -E - "$@" <<'PYTHON'
import os, sys
os.makedirs(sys.argv[1])
top = os.open(sys.argv[1], os.O_RDONLY)
for number in range(int(sys.argv[2])):
    os.mknod(f"file-{number:07}", 0o100644, dir_fd=top)
PYTHON
}

# serve: exports $served. -N 3 and no rpcbind: version 4 needs neither.
serve() {
  modprobe nfsd
  modprobe nfs
  modprobe nfsv4
  modprobe sch_netem
  mount -t nfsd nfsd /proc/fs/nfsd
  # /etc is read-only here, and exportfs reads it first.
  echo "$served 127.0.0.1(rw,no_root_squash,fsid=0,no_subtree_check,insecure,async)" >/run/exports
  mount --bind /run/exports /etc/exports
  exportfs -ra
  rpc.mountd -N 3 -V 4
  # As EFS offers. With the guest's little memory the default is half of it.
  echo 1048576 >/proc/fs/nfsd/max_block_size
  rpc.nfsd -N 3 -V 4.1 64
}

# mounted [OPTIONS]: mounts the export as the EFS mount helper does. Unmounts it first, which empties
# the caches.
mounted() {
  unmounted
  mount -t nfs4 -o "vers=4.1,nolock,noresvport,rsize=1048576,wsize=1048576,hard,timeo=600${1:+,$1}" \
    127.0.0.1:/ "$mount"
}

unmounted() {
  if mountpoint -q "$mount"; then
    umount "$mount"
  fi
}

# delay TIME: sets the network delay, each way, such as `5ms`; 0ms removes it.
delay() {
  tc qdisc del dev lo root 2>/dev/null || true
  if [[ $1 != 0ms ]]; then
    tc qdisc add dev lo root netem delay "$1" limit 100000
  fi
}

# calls: prints the number of requests that the server has received.
calls() { awk '$1 == "rpc" { print $2 }' /proc/net/rpc/nfsd; }

# counters: prints "NAME OPERATIONS" for each kind of request that the mount has made, and
# "connections" with their number.
counters() {
  awk -v mount="$mount" '
    $1 == "device" { here = $5 == mount }
    here && $1 == "xprt:" { connections++ }
    here && $1 ~ /^[A-Z_]+:$/ && $2 > 0 { print substr($1, 1, length($1) - 1), $2 }
    END { print "connections", connections }' /proc/self/mountstats
}

# measured NAME COMMAND...: runs COMMAND (output in /run/NAME.out and .err) and prints its cost:
# NAME.code, NAME.seconds, NAME.GETATTR and so on, and their sum NAME.requests.
measured() {
  local name=$1 code=0 began ended
  shift
  counters >/run/before
  began=$EPOCHREALTIME
  "$@" >"/run/$name.out" 2>"/run/$name.err" || code=$?
  ended=$EPOCHREALTIME
  counters >/run/after
  echo "$name.code=$code"
  awk -v name="$name" -v began="$began" -v ended="$ended" '
    FNR == NR { before[$1] = $2; next }
    $1 == "connections" { print name ".connections=" $2; next }
    $2 > before[$1] { print name "." $1 "=" $2 - before[$1]; all += $2 - before[$1] }
    END { printf "%s.requests=%d\n%s.seconds=%.3f\n", name, all, name, ended - began }
  ' /run/before /run/after
  if ((code)); then
    sed "s/^/$name: /" "/run/$name.err" >&2
  fi
}

# say WORDS...: reports progress on standard error.
say() {
  printf '%5.1f s  %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*" >&2
}
