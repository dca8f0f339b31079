#!/usr/bin/python3
"""
What the signalling of one join costs, by the size of the room: clients of the real server's WebSocket, without media, join one room one after the
other. Prints a table; with --check it fails when a figure of a join grows faster than the room does.

"joiner" is what the last one who joins is sent, "each other" what one of those present is sent for a join, "all others" all of them together; "main loop" is
the time that the server's main thread takes for a join, handshake included. Between joins there is time for each to be news of its own: in a large room
those who join together are told together.
"""
import argparse
import asyncio
import base64
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from plenum import Server  # noqa: E402

SAMPLE = 10  # joins that a row is of


class Client:
    """Counts the messages that come; answers nothing."""

    def __init__(self):
        self.messages = self.octets = 0
        self.joined = asyncio.Event()

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write((f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                           f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: plenum.v1\r\n\r\n").encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        self.task = asyncio.create_task(self.read())

    async def read(self):
        try:
            while True:
                first, size = await self.reader.readexactly(2)
                if size == 126:
                    size = int.from_bytes(await self.reader.readexactly(2), "big")
                elif size == 127:
                    size = int.from_bytes(await self.reader.readexactly(8), "big")
                data = await self.reader.readexactly(size)
                if first & 15 == 9:  # a ping, to be answered
                    self.writer.write(bytes([0x8A, 0x80 | len(data)]) + bytes(4) + data)
                if first & 15 != 1:
                    continue
                self.messages += 1
                self.octets += size
                if b'"type":"joined"' in data[:40] or b'"type": "joined"' in data[:40]:
                    self.joined.set()
                assert b'"type":"error"' not in data[:40], data
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass

    def say(self, text):
        self.writer.write(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode())  # shorter than 126 octets

    def leave(self):
        self.say('{"type":"leave","id":2}')
        self.writer.close()

    async def join(self, room, name):
        self.say(f'{{"type":"join","id":1,"room":"{room}","name":"{name}"}}')
        await asyncio.wait_for(self.joined.wait(), 20)


def cpu_ms(pid):
    """Of the main thread."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as main:
        return int(main.read().split()[0]) / 1e6


async def measure(server, sizes):
    people, rows = [], []

    async def enter():
        client = Client()
        await client.open(server.port)
        await client.join("Hall", f"Person {len(people)}")
        people.append(client)

    for size in sizes:
        while len(people) < size:
            await enter()
        await asyncio.sleep(1)  # what is gathered for the others is told
        idle = cpu_ms(server.process.pid)
        await asyncio.sleep(1)
        rest = cpu_ms(server.process.pid)
        old, before = list(people), [(c.messages, c.octets) for c in people]
        began = time.monotonic()
        for _ in range(SAMPLE):
            await enter()
            await asyncio.sleep(0.3)  # so that each is news of its own
        took, after = time.monotonic() - began, cpu_ms(server.process.pid)
        others_m = sum(c.messages - m for c, (m, _) in zip(old, before)) / len(old) / SAMPLE
        others_o = sum(c.octets - o for c, (_, o) in zip(old, before)) / len(old) / SAMPLE
        new = people[-SAMPLE:]
        loop = max(0.0, after - rest - (rest - idle) * took) / SAMPLE
        rows.append((size, new[-1].messages, new[-1].octets, others_m, others_o, others_m * size, others_o * size, loop))
        for client in new:
            client.leave()
            people.remove(client)
        await asyncio.sleep(0.5)
    for client in people:
        client.writer.close()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,50,100,200,500")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    sizes = [int(size) for size in re.split(",", args.sizes)]
    with Server(env={"PLENUM_ROOMS_MAX_PARTICIPANTS": "1000"}) as server:
        rows = asyncio.run(measure(server, sizes))
    print("people  joiner: messages  octets   each other: messages  octets   all others: messages  octets   main loop, ms")
    for size, jm, jo, om, oo, am, ao, loop in rows:
        print(f"{size:6}  {jm:16} {jo:7}   {om:20.2f} {oo:7.0f}   {am:20.0f} {ao:7.0f}   {loop:14.2f}")
    if args.check:
        (n, _, first, om, oo, _, _, _), (last_n, _, last, last_om, last_oo, _, _, _) = rows[0], rows[-1]
        assert last_om <= om * 1.5 and last_oo <= oo * 1.5, "what each other is sent of a join does not depend on the room"
        assert last <= first * last_n / n, "what the joiner is sent grows no faster than the room"


if __name__ == "__main__":
    main()
