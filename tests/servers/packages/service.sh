#!/usr/bin/env bash
# The service under a systemd that runs: its sandbox, what it leaves, and what an upgrade and a
# removal do to the timer. Run by tests/servers/packages/machine.
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
check 'said | grep -q "it is not a mount point"'
check '! test -e /var/lib/efs-scan/runs/latest'

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

drop_in() { # the unit with these lines, and its own settings beside them; without lines as it is
  rm -rf /run/systemd/system/efs-scan.service.d
  if (($#)); then
    mkdir /run/systemd/system/efs-scan.service.d
    printf '%s\n' '[Service]' "$@" >/run/systemd/system/efs-scan.service.d/test.conf
  fi
  systemctl daemon-reload
}

# In the same sandbox a shell, to see what it cannot do, and what it can.
drop_in ExecStart= 'ExecStart=/bin/bash /job/probe.sh /var/lib/efs-scan/probe' \
  BindReadOnlyPaths=/job/probe.sh
check 'systemctl start efs-scan.service'
mv /var/lib/efs-scan/probe inside
check 'grep -q "^probed$" inside'
check '! grep -E "^(CAN|DOES NOT) " inside >&2'
# What the machine forbids as well, or has not, says nothing about the unit: told, to be listed.
bash probe.sh /job/outside
check 'grep -q "^probed$" outside'
echo "== unproven"
sed -nE 's/^(CANNOT|DOES NOT) //p' outside
echo "== end"

# The program itself speaks HTTP out of the sandbox, to a stand-in for CloudWatch.
cat >/run/systemd/system/endpoint.socket <<'UNIT'
[Socket]
ListenStream=127.0.0.1:4566
Accept=yes
UNIT
cat >/run/systemd/system/endpoint@.service <<'UNIT'
[Service]
ExecStart=/bin/bash /job/endpoint.sh
StandardInput=socket
StandardOutput=socket
StandardError=journal
UNIT
drop_in Environment=AWS_ENDPOINT_URL=http://127.0.0.1:4566 Environment=AWS_REGION=eu-west-1 \
  Environment=AWS_ACCESS_KEY_ID=test Environment=AWS_SECRET_ACCESS_KEY=test \
  Environment=EFS_SCAN_CLOUDWATCH=EfsScan Environment=EFS_SCAN_FILE_SYSTEM_ID=fs-12345678
systemctl start endpoint.socket
said >/dev/null
check 'systemctl start efs-scan.service'
check 'said >line; test "$(wc -l <line)" = 1 && grep -q published=1 line'
check 'grep -q "^POST .*PutMetricData" /run/asked'

# A root inside the mount, as the unit's comment says.
mkdir -m 755 /mnt/efs/team
mv /mnt/efs/20000? /mnt/efs/team
EFS_SCAN_ROOT=/mnt/efs/team
drop_in "Environment=EFS_SCAN_ROOT=$EFS_SCAN_ROOT"
check '! systemctl start efs-scan.service 2>/dev/null'
mapfile -t lines < <(sed -n 's/^#     Exec/Exec/p' /usr/lib/systemd/system/efs-scan.service)
drop_in "Environment=EFS_SCAN_ROOT=$EFS_SCAN_ROOT" "${lines[@]}"
check 'test "${#lines[@]}" = 3 && systemctl start efs-scan.service'
efs-scan status --file-system mnt-efs-team >shown
check 'test "$(grep -c ^20000 shown)" = 3'
umount /mnt/efs
check '! systemctl start efs-scan.service 2>/dev/null'
mount -t tmpfs tmpfs /mnt/efs
drop_in

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
check 'test -s /var/lib/efs-scan/runs/latest/mnt-efs.json'
