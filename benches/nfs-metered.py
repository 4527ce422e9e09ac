#!/usr/bin/env python3
"""Measures what EFS would meter for a scan without a mount, and prints a Markdown table.

    benches/nfs-metered.py BINARY TREE [BATCH]...

Serves TREE with nfs-ganesha on this machine (as root), and puts a proxy before it that counts requests
and bytes of requests and replies. With Elastic throughput EFS meters each request as 4 KiB, or as its own
and its reply's size if that is larger. The counts depend neither on the machine nor on the build.
BATCH are values of --nfs-batch (1, 8, 24 and 48 by default).
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

LEAST = 4096
# USD per GB that is read with Elastic throughput, us-east-1.
PRICE = 0.03


class Meter:
    """Counts the calls that go through a port to a server."""

    def __init__(self, server):
        self.server = server
        self.calls = self.metered = self.sent = self.received = 0

    async def records(self, reader, writer, count):
        """Forwards record by record (RFC 5531, section 11)."""
        record = bytearray()
        try:
            while True:
                mark = await reader.readexactly(4)
                number = int.from_bytes(mark, "big")
                body = await reader.readexactly(number & 0x7FFFFFFF)
                record += mark + body
                writer.write(mark + body)
                await writer.drain()
                if number >> 31:
                    count(record[4:8], len(record))
                    record = bytearray()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def connection(self, reader, writer):
        there = await asyncio.open_connection("127.0.0.1", self.server)
        waiting = {}

        def call(xid, size):
            waiting[bytes(xid)] = size
            self.calls += 1
            self.sent += size

        def reply(xid, size):
            self.received += size
            self.metered += max(LEAST, waiting.pop(bytes(xid)) + size)

        await asyncio.gather(
            self.records(reader, there[1], call), self.records(there[0], writer, reply)
        )


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def ganesha(directory, tree, port):
    config = os.path.join(directory, "ganesha.conf")
    log = os.path.join(directory, "ganesha.log")
    recovery = os.path.join(directory, "recovery")
    os.mkdir(recovery)
    with open(config, "w") as it:
        it.write(
            f"NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1;"
            " Enable_NLM = false; Enable_RQUOTA = false; }\n"
            "NFSV4 { Minor_Versions = 1; Graceless = true; RecoveryBackend = fs;"
            f' RecoveryRoot = "{recovery}"; Slot_Table_Size = 64; Only_Numeric_Owners = true; }}\n'
            "MDCACHE { Entries_HWMark = 3000000; }\n"
            f'EXPORT {{ Export_Id = 1; Path = "{tree}"; Pseudo = /tree; Access_Type = RO;'
            " Squash = none; SecType = sys; FSAL { Name = VFS; } }\n"
        )
    command = ["ganesha.nfsd", "-F", "-f", config, "-L", log]
    command += ["-p", os.path.join(directory, "pid")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        time.sleep(0.1)
        if os.path.exists(log) and re.search("NFS SERVER INITIALIZED", open(log).read()):
            return server
    server.kill()
    sys.exit("ganesha does not start: " + open(log).read()[-2000:])


async def scan(binary, server, batch):
    meter = Meter(server)
    listening = await asyncio.start_server(meter.connection, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    command = [binary, f"nfs://127.0.0.1:{port}/tree", "--nfs-uid", "0", "--quiet"]
    command += ["--format", "json", "--nfs-batch", batch]
    environment = dict(os.environ, EFS_SCAN_CONFIG="/dev/null")
    it = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, env=environment, limit=1 << 30
    )
    out, _ = await it.communicate()
    if it.returncode != 0:
        sys.exit(f"the scan ended with {it.returncode}")
    listening.close()
    totals = json.loads(out)["totals"]
    return meter, totals["dirs"], totals["files"]


def main():
    binary, tree, *batches = sys.argv[1:]
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        server = ganesha(directory, os.path.realpath(tree), port)
        try:
            for batch in batches or ["1", "8", "24", "48"]:
                meter, dirs, files = asyncio.run(scan(binary, port, batch))
                rows.append((batch, meter))
        finally:
            server.kill()
            server.wait()
    print(f"{dirs:,} directories and {files:,} files.\n")
    print(
        "| `--nfs-batch` | requests | MB in requests | MB in replies | MB metered |"
        " KiB for each directory | of one each | USD for 1,000,000 directories |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for batch, meter in rows:
        each = meter.metered / dirs
        print(
            f"| {batch} | {meter.calls:,} | {meter.sent / 1e6:.1f} | {meter.received / 1e6:.1f} "
            f"| {meter.metered / 1e6:.1f} | {each / 1024:.2f} "
            f"| {meter.metered / rows[0][1].metered:.2f} | {each * 1e6 / (1 << 30) * PRICE:.2f} |"
        )


main()
