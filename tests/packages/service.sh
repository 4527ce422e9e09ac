#!/usr/bin/env bash
# The service under a systemd that runs: its sandbox, what it leaves, and what an upgrade and a
# removal do to the timer. Run by tests/packages/machine.
# shellcheck disable=SC2016 # `check` expands what it is given.
set -euo pipefail
cd /job

check() {
  if ! eval "$1"; then
    echo "does not hold: $1" >&2
    journalctl --no-pager --unit efs-scan --lines 20 >&2
    exit 1
  fi
}
said() { # what the program itself said since the last time
  journalctl --sync
  journalctl --no-pager --quiet --output cat --cursor-file cursor _SYSTEMD_UNIT=efs-scan.service \
    SYSLOG_IDENTIFIER=efs-scan
}

dpkg --install first.deb >installed.log 2>&1 || { cat installed.log; exit 1; }
check '! systemctl is-enabled --quiet efs-scan.timer'
check '! systemctl is-active --quiet efs-scan.timer'

# Nothing is mounted: fatal, told, and nothing published.
check '! systemctl start efs-scan.service 2>/dev/null'
check 'systemctl show --property ExecMainStatus efs-scan | grep -qx ExecMainStatus=1'
check 'said | grep -q "nothing is mounted"'
check '! test -e /var/lib/efs-scan/runs/latest.json'

mount -t tmpfs tmpfs /mnt/efs
chmod 755 /mnt/efs
for uid in 200005 200006 200007; do
  mkdir -m 700 "/mnt/efs/$uid" "/mnt/efs/$uid/private"
  head -c 100000 /dev/zero >"/mnt/efs/$uid/private/data"
  chmod 600 "/mnt/efs/$uid/private/data"
  chown -R "$uid:0" "/mnt/efs/$uid"
done
check 'systemctl show --property LimitNOFILE efs-scan | grep -qx LimitNOFILE=32768'
check 'systemctl start efs-scan.service'
said >line
echo "== journal"
cat line
echo "== end"
check 'test "$(wc -l <line)" = 1'
check 'grep -q "scanned /mnt/efs.*complete" line'
efs-scan status >shown
check 'test "$(grep -c ^20000 shown)" = 3'
check 'test "$(stat -c %a:%u /var/lib/efs-scan)" = 700:0'
check '! find /var/lib/efs-scan -type f -perm /077 | grep .'

# `nice` needs system calls that a tighter filter would refuse.
sed -i 's/^#nice = false/nice = true/' /etc/efs-scan.toml
check 'systemctl start efs-scan.service'
check 'test "$(said | wc -l)" = 1'

# In the same sandbox a shell, to see what it cannot do. The unit's own settings stay.
mkdir /run/systemd/system/efs-scan.service.d
cat >/run/systemd/system/efs-scan.service.d/probe.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=/bin/bash /job/probe.sh
BindReadOnlyPaths=/job/probe.sh
UNIT
systemctl daemon-reload
check 'systemctl start efs-scan.service'
check 'grep -q "^probed$" /var/lib/efs-scan/probe'
grep '^CAN' /var/lib/efs-scan/probe >can || true
check '! test -s can || ! cat can >&2'
rm -r /run/systemd/system/efs-scan.service.d /var/lib/efs-scan/probe
systemctl daemon-reload

# The same by cron's script, through this system's own log.
check 'test -z "$(/usr/lib/efs-scan/efs-scan-daily 2>&1)"'
journalctl --sync
check 'test "$(journalctl --quiet --output cat --identifier efs-scan _TRANSPORT=syslog | wc -l)" = 1'

# The timer of who enabled it goes on after an upgrade, and the removal ends it.
systemctl enable --now --quiet efs-scan.timer
check 'systemctl list-timers --no-pager | grep -q efs-scan.timer'
dpkg --force-confold --install second.deb >>installed.log 2>&1 || { cat installed.log; exit 1; }
check 'systemctl is-enabled --quiet efs-scan.timer && systemctl is-active --quiet efs-scan.timer'
check 'systemctl show --property NeedDaemonReload efs-scan.timer | grep -q =no'
dpkg --purge efs-scan >>installed.log 2>&1
check '! systemctl is-active --quiet efs-scan.timer'
check '! find /etc/systemd -name "efs-scan*" | grep .'
check 'test -s /var/lib/efs-scan/runs/latest.json'
