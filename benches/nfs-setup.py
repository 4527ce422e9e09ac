"""Measures how long the engine nfs takes until its first and its last session: `nfs-setup.py BINARY
URL THREADS CONNECTIONS [RUNS]`. THREADS is the number of requests in flight that needs so many
connections: as many as their sessions have slots. Prints medians, and the least and the most."""

import statistics
import subprocess
import sys
import time


def run(binary, url, threads):
    """The milliseconds from the start of a scan to each of its sessions."""
    options = ["--engine", "nfs", "--nfs-uid", "0", "--nfs-batch", "1", "--threads", threads]
    command = [binary, url, *options, "-vv", "--format", "json"]
    times, begun = [], None
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as scan:
        for line in scan.stderr:
            if b"scanning " in line:
                begun = time.monotonic()
            elif b"session: " in line:
                times.append((time.monotonic() - begun) * 1000)
    return times


def main():
    binary, url, threads, wanted = sys.argv[1:5]
    runs = int(sys.argv[5]) if len(sys.argv) > 5 else 7
    series = [run(binary, url, threads) for _ in range(runs)]
    if any(len(times) != int(wanted) for times in series):
        sys.exit(f"sessions: {[len(times) for times in series]}, not {wanted} each")
    for name, at in ("first", 0), (f"all {wanted}", -1):
        times = [one[at] for one in series]
        print(f"{name}: {statistics.median(times):.1f} ms ({min(times):.1f} to {max(times):.1f})")


main()
