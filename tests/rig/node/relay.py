#!/usr/bin/env python3
"""Pass connections on to the API server, which listens on loopback alone: `relay.py ADDRESS PORT SERVER_PORT`."""

import asyncio
import contextlib
import sys


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError), contextlib.closing(writer):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def main(address: str, port: int, server_port: int) -> None:
    """Serve until killed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", server_port)
        except OSError:
            writer.close()
        else:
            await asyncio.gather(pump(reader, to_server), pump(from_server, writer))

    listener = await asyncio.start_server(connected, address, port)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
