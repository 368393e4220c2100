"""A member of a chat room: waits for a line, answers it, and prints what it saw.

Usage: chat_client.py URL none|deflate LINE ANSWER       (Debian's python3-websockets)
"""
import asyncio
import ssl
import sys

import websockets

URL, COMPRESSION, LINE, ANSWER = sys.argv[1:]


def context():
    if not URL.startswith("wss:"):
        return None
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


async def wait_for(socket, line):
    while await socket.recv() != line:
        pass


async def main():
    compression = None if COMPRESSION == "none" else COMPRESSION
    async with websockets.connect(URL, ssl=context(), compression=compression) as socket:
        print("joined" + "".join(" with " + each.name for each in socket.extensions), flush=True)
        await wait_for(socket, LINE)
        await socket.send(ANSWER)
        await wait_for(socket, ANSWER)
    print("done")


asyncio.run(asyncio.wait_for(main(), 29))
