#!/usr/bin/python3
"""Two publishers and a receiver by aiortc meet through examples/embed: who hears which tone, who sees which grey.

usage: embed_meeting.py <embed> <workers>

With more than one worker the first publisher's datagrams go through a relay that spreads them over several source ports, so that most of
its tuples reach workers that do not own its transport; rooms then span workers, too.
"""
import asyncio
import os
import re
import subprocess
import sys
import time
import traceback

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
try:
    import aiortc_media
    import peer
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from rawrtc import stun_request
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

DEADLINE_S = 40


class Session:
    """One connection to embed's signalling."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address):
        return cls(*await asyncio.open_connection(*address))

    async def ask(self, line, body=""):
        self.writer.write((line + "\n" + body).encode())
        while True:
            words = (await asyncio.wait_for(self.reader.readline(), 10)).decode().split()
            assert words and words[0] != "ERROR", words
            if words[0] in ("ANSWER", "STATS"):
                return (await self.reader.readexactly(int(words[1]))).decode()

    async def negotiate(self, pc, verb, who, change=lambda answer: answer):
        await pc.setLocalDescription(await pc.createOffer())
        sdp = pc.localDescription.sdp
        answer = await self.ask(f"{verb} meeting {who} {len(sdp.encode())}", sdp)
        await pc.setRemoteDescription(RTCSessionDescription(sdp=change(answer), type="answer"))

    async def stats(self):
        sums = {}
        for line in (await self.ask("STATS")).splitlines():
            name, value = line.split()
            sums[name] = int(value)
            sums[name.split(".", 1)[1]] = sums.get(name.split(".", 1)[1], 0) + int(value)
        return sums


class Relay:
    """
    Spreads one client's datagrams over several source ports, by turns. Its checks leave by the first; the others make checks of their own,
    with the client's credentials: one and the same check from many addresses would be a captured one.
    """

    PORTS = 8

    async def open(self, server, username, password):
        loop = asyncio.get_running_loop()
        self.client, self.turn = None, 0
        self.username, self.password = username, password

        def endpoint(received, remote=None):
            class Protocol(asyncio.DatagramProtocol):
                def datagram_received(self, data, addr):
                    received(data, addr)

            local = None if remote else ("127.0.0.1", 0)
            return loop.create_datagram_endpoint(Protocol, local_addr=local, remote_addr=remote)

        self.inner, _ = await endpoint(self.from_client)
        self.outer = [(await endpoint(self.from_server, server))[0] for _ in range(self.PORTS)]
        return self.inner.get_extra_info("sockname")

    def from_client(self, data, addr):
        self.client = addr
        if data[0] < 4:
            self.outer[0].sendto(data)
            for transport in self.outer[1:]:
                transport.sendto(stun_request(self.username, self.password, nominate=False))
        elif 20 <= data[0] < 64:
            self.outer[0].sendto(data)
        else:
            self.turn += 1
            self.outer[self.turn % self.PORTS].sendto(data)

    def from_server(self, data, _addr):
        if self.client:
            self.inner.sendto(data, self.client)


class Publisher:
    def __init__(self, name, hertz, grey):
        self.name, self.pc = name, RTCPeerConnection()
        self.pc.addTrack(aiortc_media.Tone(hertz))
        self.pc.addTrack(aiortc_media.Picture(grey))

    async def start(self, address, relay=None):
        self.session = await Session.open(address)

        async def through_relay(answer):
            host, port = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+)", answer, re.I).groups()
            ours, theirs = (re.search(r"a=ice-ufrag:(\S+)", sdp).group(1) for sdp in (answer, self.pc.localDescription.sdp))
            password = re.search(r"a=ice-pwd:(\S+)", answer).group(1)
            _, via = await relay.open((host, int(port)), f"{ours}:{theirs}", password)
            return re.sub(rf"(a=candidate:\S+ 1 \S+ \d+ {re.escape(host)}) {port}", rf"\1 {via}", answer)

        if relay:
            await self.pc.setLocalDescription(await self.pc.createOffer())
            sdp = self.pc.localDescription.sdp
            answer = await self.session.ask(f"PUBLISH meeting {self.name} {len(sdp.encode())}", sdp)
            answer = await through_relay(answer)
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        else:
            await self.session.negotiate(self.pc, "PUBLISH", self.name)


class Receiver:
    def __init__(self, name, pairs):
        self.name, self.pc = name, RTCPeerConnection()
        self.heard, self.seen, self.tasks = {}, {}, []
        self.pc.on("track", self.on_track)
        for _ in range(pairs):
            self.pc.addTransceiver("audio", direction="recvonly")
            self.pc.addTransceiver("video", direction="recvonly")

    def on_track(self, track):
        self.tasks.append(asyncio.ensure_future(self.hear(track) if track.kind == "audio" else self.see(track)))

    async def hear(self, track):
        def on_samples(samples):
            hertz = peer.tone_of(samples)
            if hertz:
                self.heard[track.id] = round(hertz / 10) * 10

        await aiortc_media.hear(track, 0.5, on_samples)

    async def see(self, track):
        while True:
            self.seen[track.id] = round(aiortc_media.luma(await track.recv()) / 10) * 10

    async def start(self, address):
        self.session = await Session.open(address)
        await self.session.negotiate(self.pc, "RECEIVE", self.name)

    async def expect(self, tones, greys):
        """Just these for a second; on a busy machine what was under way comes later."""
        loop = asyncio.get_running_loop()
        end = loop.time() + DEADLINE_S
        while loop.time() < end:
            self.heard.clear()
            self.seen.clear()
            await asyncio.sleep(1)
            if set(self.heard.values()) == tones and set(self.seen.values()) == greys:
                return
        raise AssertionError(f"{self.name}: heard {self.heard}, saw {self.seen}, expected {tones} and {greys}")

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await self.pc.close()


async def spread_over_workers(address, workers):
    """Receivers until every worker carries one."""
    receivers = []
    for n in range(16):
        receiver = Receiver(f"carol{n}", 2)
        receivers.append(receiver)
        await receiver.start(address)
        await receiver.expect({440, 880}, {60, 180})
        stats = await receiver.session.stats()
        if all(stats[f"{w}.transports"] > 0 for w in range(workers)):
            return receivers
    raise AssertionError("sixteen ports hit the same worker")


async def publish(address, name, hertz, grey, relay=None):
    publisher = Publisher(name, hertz, grey)
    await publisher.start(address, relay)
    return publisher


async def publish_astray(address, *who):
    """One of whose ports some lead to a worker that it is not on. Of eight none does, once in 256 times."""
    for _ in range(4):
        publisher = await publish(address, *who, Relay())
        await asyncio.sleep(1)
        if (await publisher.session.stats())["stray_datagrams_total"] > 0:
            return publisher
        publisher.session.writer.close()
        await publisher.pc.close()
        await asyncio.sleep(1)
    raise AssertionError("eight ports lead to the same worker, four times")


async def meet(address, workers):
    alice = await (publish if workers == 1 else publish_astray)(address, "alice", 440, 60)
    bob = await publish(address, "bob", 880, 180)
    receivers = await spread_over_workers(address, workers)
    await asyncio.sleep(2)
    stats = await receivers[0].session.stats()
    print({k: v for k, v in stats.items() if "." not in k and v})
    assert stats["transports_connected"] == 2 + len(receivers)
    assert stats["tx_dropped_total"] == 0
    if workers > 1:
        end = time.monotonic() + DEADLINE_S  # with one port of eight astray it takes a while
        while min(stats[name] for name in ("stray_datagrams_total", "link_packets_total")) <= 50:
            assert time.monotonic() < end, stats
            await asyncio.sleep(0.5)
            stats = await receivers[0].session.stats()
    else:
        assert stats["stray_datagrams_total"] == 0 and stats["link_packets_total"] == 0

    # who leaves is heard no more, and a connection's end is enough to leave
    bob.session.writer.close()
    await bob.pc.close()
    await asyncio.sleep(1)
    for receiver in receivers:
        await receiver.expect({440}, {60})
    for receiver in receivers:
        await receiver.stop()
        receiver.session.writer.close()
    await alice.pc.close()
    alice.session.writer.close()
    last = await Session.open(address)
    for _ in range(50):
        stats = await last.stats()
        if stats["transports"] == 0:
            break
        await asyncio.sleep(0.1)
    for gauge in ("transports", "shards", "tracks", "remote_tracks", "slots", "links", "tuples", "packets", "handshakes"):
        assert stats[gauge] == 0, (gauge, stats[gauge])
    last.writer.close()


def main():
    program, workers = sys.argv[1], int(sys.argv[2])
    embed = subprocess.Popen(
        [program, "-s", "127.0.0.1:0", "-m", "127.0.0.1:0", "-w", str(workers)], stdout=subprocess.PIPE, text=True)
    try:
        host, port = embed.stdout.readline().split()[-1].rsplit(":", 1)
        asyncio.run(asyncio.wait_for(meet((host, int(port)), workers), 120))
        good = True
    except BaseException:
        traceback.print_exc()
        good = False
    embed.terminate()
    code = embed.wait(10)
    print("embed ended with", code)
    sys.stdout.flush()
    os._exit(0 if good and code == 0 else 1)  # aiortc's decoder threads outlive a failure


if __name__ == "__main__":
    main()
