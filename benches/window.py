#!/usr/bin/env python3
"""Measures how close the engine nfs comes to the best number of requests in flight, and prints a
Markdown table.

    benches/window.py BINARIES [--dirs N,...] [--delays MS,...] [--numbers N,...] [--runs N]
                      [--tree TREE] [--log FOLDER]

BINARIES is the folder with efs-scan, nfs-server and delay-proxy (`cargo build --release --workspace`).
For each number of directories and each delay it starts the synthetic server, and with --tree nfs-ganesha
behind a delaying proxy in its place (as root). Then it scans in rounds: with the automatic number twice,
and once with each fixed number. Rounds are interleaved, so that other load affects all of them alike.
--log keeps what the automatic scans say about their windows. Each run is a line on stderr.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

NUMBERS = "384,512,768,1024,1536,2048,3072"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


@contextlib.contextmanager
def running(*command):
    """Runs a server that prints its address first, and yields the address."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as it:
        try:
            yield it.stdout.readline().strip()
        finally:
            it.kill()


@contextlib.contextmanager
def synthetic(binaries, dirs, delay):
    shape = ["--dirs", str(dirs), "--files", "10", "--homes", "200", "--delay-ms", str(delay)]
    with running(os.path.join(binaries, "nfs-server"), *shape) as url:
        yield url


@contextlib.contextmanager
def ganesha(binaries, tree, delay):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        recovery, config, log = (os.path.join(folder, name) for name in ("recovery", "conf", "log"))
        os.mkdir(recovery)
        with open(config, "w") as it:
            it.write(
                f"NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1;"
                " Enable_NLM = false; Enable_RQUOTA = false; }\n"
                f'NFSV4 {{ Minor_Versions = 1; Graceless = true; RecoveryBackend = fs; RecoveryRoot = "{recovery}";'
                " Slot_Table_Size = 1024; Only_Numeric_Owners = true; }\n"
                "MDCACHE { Entries_HWMark = 3000000; }\n"
                f'EXPORT {{ Export_Id = 1; Path = "{tree}"; Pseudo = /tree; Access_Type = RO;'
                " Squash = none; SecType = sys; FSAL { Name = VFS; } }\n"
            )
        command = ["ganesha.nfsd", "-F", "-f", config, "-L", log, "-p", os.path.join(folder, "pid")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            try:
                while not (os.path.exists(log) and "NFS SERVER INITIALIZED" in open(log).read()):
                    if server.poll() is not None:
                        sys.exit("nfs-ganesha does not start")
                    time.sleep(0.2)
                proxy = os.path.join(binaries, "delay-proxy")
                with running(proxy, "--delay-ms", str(delay), f"127.0.0.1:{port}") as address:
                    yield f"nfs://{address}/tree"
            finally:
                server.kill()


def scan(binaries, url, number, log):
    """Seconds of a scan by its own report, its CPU seconds, and the number of directories."""
    command = [os.path.join(binaries, "efs-scan"), "--engine", "nfs", url, "--nfs-uid", "0"]
    command += ["--nfs-batch", "1", "--format", "json"]
    command += ["--quiet"] if not log else ["-vv"]
    if number:
        command += ["--threads", str(number)]
    environment = {**os.environ, "EFS_SCAN_CONFIG": "/dev/null"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        sys.exit(ran.stderr.decode())
    if log:
        with open(log, "wb") as it:
            it.write(ran.stderr)
    report = json.loads(ran.stdout)
    at = lambda name: datetime.datetime.fromisoformat(report["run"][name][:26].rstrip("Z"))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (at("finished") - at("started")).total_seconds(), cpu, report["totals"]["dirs"]


def case(options, name, url):
    numbers = [int(number) for number in options.numbers.split(",")]
    times = {number: [] for number in [0, *numbers]}
    cpu, found = [], None
    scan(options.binaries, url, 1024, None)
    for round in range(options.runs):
        for at, number in enumerate([0, *numbers[: len(numbers) // 2], 0, *numbers[len(numbers) // 2 :]]):
            keep = None
            if options.log and not number:
                keep = os.path.join(options.log, re.sub(r"\W+", "-", f"{name} {round} {at}"))
            seconds, used, dirs = scan(options.binaries, url, number, keep)
            if (found := found or dirs) != dirs:
                sys.exit(f"{dirs} directories, not {found}")
            times[number].append(seconds)
            print(f"{name}: {number or 'automatic'} {seconds:.3f} s, {used:.3f} CPU s", file=sys.stderr, flush=True)
            if not number:
                cpu.append(used)
    medians = {number: statistics.median(times[number]) for number in numbers}
    best = min(medians, key=medians.get)
    automatic = sorted(times[0])
    median = statistics.median(automatic)
    spread = lambda some: f"{(max(some) - min(some)) / statistics.median(some):.0%}"
    print(
        f"| {name} | {best:,} | {medians[best]:.2f} | {spread(times[best])} | {median:.2f}"
        f" | {automatic[0]:.2f} to {automatic[-1]:.2f} | {spread(automatic)} | {median / medians[best]:.2f}"
        f" | {statistics.median(cpu) / found * 1e6:.2f} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--dirs", default="100000,1000000")
    parser.add_argument("--delays", default="0,2,10")
    parser.add_argument("--numbers", default=NUMBERS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tree")
    parser.add_argument("--log")
    options = parser.parse_args()
    if options.log:
        os.makedirs(options.log, exist_ok=True)
    cpus = re.findall(r"^model name\s*: (.*)", open("/proc/cpuinfo").read(), re.M)
    load = open("/proc/loadavg").read().split()[:3]
    print(
        f"{datetime.date.today()}, {cpus[0] if cpus else platform.machine()}, {os.cpu_count()} cores,"
        f" load {' '.join(load)}. {options.runs} rounds.\n"
    )
    print(
        "| server | best number | its median s | its spread | automatic, median s | least to most"
        " | spread | ratio | CPU µs for each directory |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for delay in options.delays.split(","):
        if options.tree:
            with ganesha(options.binaries, os.path.abspath(options.tree), delay) as url:
                case(options, f"nfs-ganesha, {delay} ms", url)
            continue
        for dirs in options.dirs.split(","):
            with synthetic(options.binaries, int(dirs), delay) as url:
                case(options, f"{int(dirs):,} directories, {delay} ms", url)


main()
