"""Echoes messages, each in three fragments. Prints its port.

Usage: echo_server.py none|deflate       (Debian's python3-websockets)
"""
import asyncio
import sys

import websockets


async def echo(socket):
    async for message in socket:
        third = len(message) // 3
        await socket.send([message[:third], message[third : 2 * third], message[2 * third :]])


async def main():
    compression = "deflate" if sys.argv[1] == "deflate" else None
    async with websockets.serve(echo, "127.0.0.1", 0, compression=compression) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
