#!/usr/bin/env bash
# A user's way with the package in a chroot: install, scan, change the configuration, upgrade,
# remove, purge. No systemd runs here, as when an image is built. Run by tests/servers/packages/machine.
# shellcheck disable=SC2016 # `check` expands what it is given.
set -euo pipefail
cd /job
export PAGER=cat LC_ALL=C.UTF-8

check() {
  if ! eval "$1"; then
    echo "does not hold: $1" >&2
    exit 1
  fi
}

dpkg --install first.deb >installed.log 2>&1 || { cat installed.log; exit 1; }
# The paths that dpkg has and that are no directories of others.
echo "== files"
dpkg --listfiles efs-scan | while read -r path; do [[ -d $path ]] || echo "$path"; done | sort
echo "== end"
echo "== copyright"
cat /usr/share/doc/efs-scan/copyright
echo "== end"
check '! systemctl is-enabled --quiet efs-scan.timer'
# With the man page and the program at their places: any output is a failure.
check 'test -z "$(systemd-analyze verify /usr/lib/systemd/system/efs-scan.{service,timer} 2>&1)"'

# A tmpfs: an overlay gives files devices of their own, which one file system has not.
mkdir -p /tmp/homes/200005
head -c 100000 /dev/zero >/tmp/homes/200005/data
efs-scan /tmp/homes >table 2>line
check 'test "$(wc -l <line)" = 1'
check 'grep -q ^200005 table'
check 'test -s /var/lib/efs-scan/runs/latest/*.json'
efs-scan status >shown
check 'grep -q ^200005 shown'
check 'man --where efs-scan | grep -q /usr/share/man/man1/efs-scan.1.gz'
check 'man efs-scan 2>/dev/null | grep -q -- --require-mount'
check 'bash -c "source /usr/share/bash-completion/completions/efs-scan && complete -p efs-scan" >/dev/null'
# The daily job finds that nothing is mounted, and says so and the code.
check '! /usr/lib/efs-scan/efs-scan-daily >daily 2>&1'
check 'grep -q "exit code 1" daily'

echo '# of the admin' >>/etc/efs-scan.toml
systemctl enable --quiet efs-scan.timer
# Without a question, as apt does it unattended: what was changed stays.
dpkg --force-confold --install second.deb >>installed.log 2>&1 || { cat installed.log; exit 1; }
check 'dpkg-query --show efs-scan | grep -q -- "-2$"'
check 'grep -q "# of the admin" /etc/efs-scan.toml'
check 'systemctl is-enabled --quiet efs-scan.timer'

find /var/lib/efs-scan | sort >state
check 'grep -q runs/fs= state'
dpkg --remove efs-scan
check '! test -e /usr/bin/efs-scan'
check 'grep -q "# of the admin" /etc/efs-scan.toml'
check '! find /etc/systemd -name "efs-scan*" | grep .'
check 'find /var/lib/efs-scan | sort | cmp - state'
dpkg --purge efs-scan
check '! test -e /etc/efs-scan.toml'
check 'find /var/lib/efs-scan | sort | cmp - state'
