"""Talks to a server that echoes, and checks each answer.

Usage: echo_client.py URL none|takeover|no-takeover       (Debian's python3-websockets)
"""
import asyncio
import os
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

URL, DEFLATE = sys.argv[1:]
SIZES = [0, 1, 125, 126, 1000, 65535, 65536, 300_000]


def extensions():
    if DEFLATE == "none":
        return []
    fresh = DEFLATE == "no-takeover"
    return [ClientPerMessageDeflateFactory(server_no_context_takeover=fresh,
                                           client_no_context_takeover=fresh,
                                           client_max_window_bits=True)]


async def echo(socket, message):
    await socket.send(message)
    answer = await socket.recv()
    whole = message if isinstance(message, (str, bytes)) else type(message[0])().join(message)
    assert answer == whole, f"{len(answer)} of {len(whole)}"


async def main():
    async with websockets.connect(URL, compression=None, extensions=extensions()) as socket:
        assert len(socket.extensions) == (DEFLATE != "none")
        for size in SIZES:
            await echo(socket, "häß€𝄞"[size % 5:] * (size // 5))
            await echo(socket, os.urandom(size))
            await echo(socket, bytes(size))
        await echo(socket, ["a" * 10, "", "b" * 70_000, "c"])
        await echo(socket, [os.urandom(5_000), bytes(50_000)])
        await (await socket.ping(b"still there?"))
        await socket.close(4000, "bye")
        assert socket.close_code == 4000, socket.close_code
    print("done")


asyncio.run(asyncio.wait_for(main(), 25))
