"""Forwards connections to a server on this machine and prints, on SIGTERM, how many RPC calls they
carried: `count-calls.py PORT SERVER-PORT`."""

import asyncio
import signal
import sys

calls = 0


async def there(reader, writer):
    """Forwards calls and counts them, one per record (RFC 5531, section 11)."""
    global calls
    while True:
        mark = await reader.readexactly(4)
        number = int.from_bytes(mark, "big")
        body = await reader.readexactly(number & 0x7FFFFFFF)
        calls += number >> 31
        writer.write(mark + body)
        await writer.drain()


async def back(reader, writer):
    while data := await reader.read(1 << 20):
        writer.write(data)
        await writer.drain()


async def connection(reader, writer):
    server = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    both = asyncio.gather(there(reader, server[1]), back(server[0], writer))
    try:
        await both
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    server[1].close()
    writer.close()


async def main():
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await asyncio.start_server(connection, "127.0.0.1", int(sys.argv[1]))
    await ended.wait()
    print(calls, flush=True)
    sys.exit()


asyncio.run(main())
