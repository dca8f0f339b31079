#!/usr/bin/python3
"""aiortc as publisher and receiver; see peer.py."""
import asyncio
import os
import sys

import peer

try:
    import aiortc_media
    import numpy
    from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)


def prefer(transceiver, codec):
    wanted = f"video/{codec}".lower()
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in codecs if c.mimeType.lower() in (wanted, "video/rtx")])


async def negotiate(pc, resource):
    await pc.setLocalDescription(await pc.createOffer())
    answer = await asyncio.get_running_loop().run_in_executor(None, resource.offer, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))


async def counted(pc, what):
    """Sum over the reports of one kind of stream: packets, octets."""
    total = {"audio": 0, "video": 0, "bytes": 0}
    for report in (await pc.getStats()).values():
        if report.type == what:
            direction = "packetsReceived" if what == "inbound-rtp" else "packetsSent"
            total[report.kind] += getattr(report, direction)
        if report.type == "transport":
            total["bytes"] = report.bytesReceived if what == "inbound-rtp" else report.bytesSent
    return total


async def publish(args, pc, resource):
    connected = asyncio.Event()
    begin = asyncio.get_running_loop().time()
    pc.on("connectionstatechange", lambda: pc.connectionState == "connected" and connected.set())
    pc.addTransceiver(aiortc_media.Tone(args.tone), direction="sendonly")
    prefer(pc.addTransceiver(aiortc_media.Picture(args.luma), direction="sendonly"), args.codec)
    await negotiate(pc, resource)
    await asyncio.wait_for(connected.wait(), 15)
    ms = round((asyncio.get_running_loop().time() - begin) * 1000)
    peer.emit("connected", connected_ms=ms)
    loop = asyncio.get_running_loop()
    while not await loop.run_in_executor(None, peer.input_ended):
        pass
    sent = await counted(pc, "outbound-rtp")
    peer.emit("result", connected_ms=ms, audio_packets=sent["audio"], video_packets=sent["video"], bytes=sent["bytes"])


class Ears:
    def __init__(self, got):
        self.got, self.samples = got, numpy.zeros(0)

    async def hear(self, track):
        await aiortc_media.hear(track, 0.5, lambda samples: setattr(self, "samples", samples))

    async def see(self, track):
        while True:
            frame = await track.recv()
            self.got.video_frames += 1
            self.got.width, self.got.height = frame.width, frame.height
            if self.got.video_frames % 5 == 0:
                self.got.luma = aiortc_media.luma(frame)


async def receive(args, pc, resource):
    got = peer.Received(args)
    ears, tasks = Ears(got), []

    def on_track(track):
        tasks.append(asyncio.ensure_future(ears.hear(track) if track.kind == "audio" else ears.see(track)))

    pc.on("connectionstatechange", lambda: pc.connectionState == "connected" and got.connected())
    pc.on("track", on_track)
    pc.addTransceiver("audio", direction="recvonly")
    prefer(pc.addTransceiver("video", direction="recvonly"), args.codec)
    await negotiate(pc, resource)
    got.codec = pc.getTransceivers()[1]._codecs[0].name
    while not got.enough() and not got.expired():
        await asyncio.sleep(0.1)
        got.tone_hz = peer.tone_of(ears.samples)
        counts = await counted(pc, "inbound-rtp")
        got.audio_packets, got.bytes = counts["audio"], counts["bytes"]
    for task in tasks:
        task.cancel()
    got.emit()


async def main():
    args = peer.arguments()
    pc, resource = RTCPeerConnection(), peer.Resource(args.url, args.setup)
    try:
        await (publish if args.verb == "publish" else receive)(args, pc, resource)
    finally:
        resource.delete()
        await pc.close()


try:
    asyncio.run(main())
except BaseException as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    os._exit(1)  # its decoder threads outlive a failure
sys.stdout.flush()
os._exit(0)
