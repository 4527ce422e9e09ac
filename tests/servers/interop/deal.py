"""Deals TCP connections out in turn: `deal.py PORT HOST...`, to port 2049 of each host. Prints a line
for each connection.

In the guest, whose Python is the smallest that Debian has: no modules beside the built-in ones.
"""

import _socket
import os
import sys


def connection(*of):
    it = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, *of)
    it.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return it


def copy(a, b):
    """Until either side closes."""
    while data := a.recv(1 << 16):
        b.sendall(data)
    for it in a, b:
        try:
            it.shutdown(_socket.SHUT_RDWR)
        except OSError:
            pass  # The other process did it.


def main():
    hosts = sys.argv[2:]
    listener = connection()
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(64)
    number = 0
    while True:
        client, server = connection(listener._accept()[0]), connection()
        server.connect((hosts[number % len(hosts)], 2049))
        number += 1
        print(number, flush=True)
        for a, b in (client, server), (server, client):
            if os.fork() == 0:
                copy(a, b)
                os._exit(0)
        client.close()
        server.close()


main()
