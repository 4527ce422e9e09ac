#!/usr/bin/env bash
# Run in the service's sandbox in place of the program: writes what it can do and should not.
exec >/var/lib/efs-scan/probe 2>/dev/null

may() {
  local what=$1
  shift
  if "$@"; then echo "CAN $what"; fi
}
write() { : >"$1/efs-scan-probe"; }

for place in / /etc /usr /mnt/efs /mnt/efs/200005 /var/lib /var /root /home /run /srv /dev; do
  may "write in $place" write "$place"
done
may "give files away" chown 12345 /var/lib/efs-scan/probe
may "become somebody else" setpriv --reuid=12345 true
may "mount" mount -t tmpfs tmpfs /tmp
may "make a user namespace" unshare --user true
may "see another's process" test -e /proc/1/status
may "see the kernel's settings" test -e /proc/sys/kernel/hostname
may "read the kernel's log" dmesg
may "set the clock" date --set=@1000000000
may "use a disk" test -e /dev/sda -o -e /dev/vda -o -e /dev/mem
[[ $(grep ^CapEff /proc/self/status) == *0000000000000004 ]] || echo "CAN more than CAP_DAC_READ_SEARCH"
[[ $(grep ^CapBnd /proc/self/status) == *0000000000000004 ]] || echo "CAN regain capabilities"
[[ $(grep ^NoNewPrivs /proc/self/status) == *1 ]] || echo "CAN gain privileges"
[[ $(grep ^Seccomp: /proc/self/status) == *2 ]] || echo "CAN call everything"
# And what it must be able to do.
[[ $(wc -c </mnt/efs/200005/private/data) == 100000 ]] || echo "CANnot read a home of mode 700"
echo probed
