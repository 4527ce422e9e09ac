#!/usr/bin/env bash
# Writes what can be done where it runs: in the service's sandbox in place of the program, and
# outside of it, where everything must be possible for the sandbox to have a part in what is not.
#
#     probe.sh FILE
#
# FILE gets lines "CAN what" and "CANNOT what", of what the service must not do, and "DOES what" and
# "DOES NOT what", of what it must.
exec >"$1" 2>/dev/null
out=$1

may() { # what the service must not do
  local what=$1
  shift
  if "$@"; then echo "CAN $what"; else echo "CANNOT $what"; fi
}
must() {
  local what=$1
  shift
  if "$@"; then echo "DOES $what"; else echo "DOES NOT $what"; fi
}
write() { : >"$1/efs-scan-probe" && rm "$1/efs-scan-probe"; }
give_away() { chown 12345 "$out" && chown 0 "$out"; }
mount_something() { mount -t tmpfs tmpfs /mnt && umount /mnt; }
# A field of this process's status that is not VALUE.
differs() { [[ $(grep "^$1:" /proc/self/status) != *"$2" ]]; }
# A system call that needs no capability, by its number on x86_64 or else on aarch64.
call() {
  local x86_64=$1 aarch64=$2 number
  shift 2
  [[ $(uname -m) == x86_64 ]] && number=$x86_64 || number=$aarch64
  perl -e '$_ += 0 for @ARGV; exit(syscall(shift, @ARGV) == -1)' "$number" "$@"
}
# To a time that there is not: whoever may call, is told so (EINVAL), and the clock stays.
ask_for_a_wrong_time() {
  local number=112
  [[ $(uname -m) == x86_64 ]] && number=227
  perl -e 'syscall($ARGV[0] + 0, 0, pack("q2", 0, -1)); exit($! != 22)' "$number"
}
# A connected datagram socket says no word to anybody.
speak() { (exec 3<>"/dev/udp/$1/9"); }

for place in / /etc /usr /mnt/efs /mnt/efs/200005 /var/lib /var /root /home /run /srv /dev; do
  may "write in $place" write "$place"
done
may "give files away" give_away
may "become somebody else" setpriv --reuid=12345 true
may "mount" mount_something
may "make a user namespace" unshare --user true
may "see another's process" test -e /proc/1/status
may "see the kernel's settings" test -e /proc/sys/kernel/hostname
may "read the kernel's log" dmesg
may "set the clock" ask_for_a_wrong_time
may "use a terminal of the machine" test -e /dev/console
may "change its personality" call 135 92 262144
may "be traced" call 101 117 0 0 0 0
may "have memory that is both written and run" call 9 222 0 4096 7 34 -1 0
may "speak netlink" call 41 198 16 3 0
may "hold more than CAP_DAC_READ_SEARCH" differs CapEff 0000000000000004
may "regain capabilities" differs CapBnd 0000000000000004
may "gain privileges" differs NoNewPrivs 1
must "read a home of mode 700" test "$(wc -c </mnt/efs/200005/private/data)" = 100000
must "speak IPv4" speak 127.0.0.1
must "speak IPv6" speak ::1
must "speak to unix sockets" logger --socket-errors=on --tag probe probed
echo probed
