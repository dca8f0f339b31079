"""
100 cameras of 1.5 Mbit/s for a minute (PLM_LOAD_SECONDS): what they cost the recorder in processor time and memory, and that nothing is left out. The feeder
makes frames by the clock in one thread; pictures look like VP8 and are not decoded.
"""
import os
import re
import struct
import sys
import time

import feeder
from feeder import CAMERA, CLOCK_BODY, HEADER, PACKET_BODY, Recorder, Server, frame

TRACKS, FPS, PACKETS = 100, 30, 6  # packets of a picture
SECONDS = int(os.environ.get("PLM_LOAD_SECONDS", "60"))
MAX_CORE, MAX_KB = 0.15, 1024


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def packets(track, n, now, seq, fill):
    """Picture n of a track as frames of a link."""
    out = []
    for k in range(PACKETS):
        seq[track] += 1
        begin = (b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xb0\x00" if n % FPS == 0 else b"\x11\x02\x00") if k == 0 else b""
        payload = bytes([0x90 if k == 0 else 0x80, 0x80, 0x80 | n >> 8 & 0x7F, n & 0xFF]) + begin + fill
        marker, ts = k == PACKETS - 1, n * (90000 // FPS)
        body = PACKET_BODY.pack(seq[track], ts, now, 12, len(payload), 0, 2, 0, marker, 0, 0, 0, 0, 0, 0, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        rtp = struct.pack(">BBHII", 0x80, (0x80 if marker else 0) | 96, seq[track] & 0xFFFF, ts, 1) + payload
        out.append(HEADER.pack(len(body) + len(rtp), 4, CAMERA, 0, 1, 7, track, 0) + body + rtp)
    return out


def main():
    with Recorder() as recorder:
        server, recording, pid = Server(recorder), feeder.new_id(), recorder.process.pid
        server.start(recording)
        track = struct.pack("<BBBBI", 1, 1, 1, 0, 0) + struct.pack("<B3xI", 2, 0) + bytes(88)
        for p in range(1, TRACKS + 1):
            server.worker.send(frame(2, track, CAMERA, 1, 7, p))
        seq, fill, sent, late = [0] * (TRACKS + 1), os.urandom(1000), 0, 0.0
        before, kb, began = cpu_s(pid), rss_kb(pid), time.monotonic()
        for n in range(SECONDS * FPS):
            wait = began + n / FPS - time.monotonic()
            late = max(late, -wait)
            time.sleep(max(0, wait))
            now, out = feeder.mono_us(), []
            for p in range(1, TRACKS + 1):
                if n % FPS == 0:
                    out.append(HEADER.pack(CLOCK_BODY.size, 5, CAMERA, 0, 1, 7, p, 0) +
                               CLOCK_BODY.pack(0, 0, 90000, n * (90000 // FPS), now, 1500000, 320, 176))
                out += packets(p, n, now, seq, fill)
            data = b"".join(out)
            sent += len(data)
            server.worker.send(data)
        took = time.monotonic() - began
        core, each = (cpu_s(pid) - before) / took, (rss_kb(pid) - kb) / TRACKS
        mbit = sent * 8 / took / 1e6 / TRACKS
        server.stop(recording, wait=None)
        server.wait(recording, "ready", 60)
        told = re.search(r"(\d+) packets, (\d+) lost, (\d+) frames, (\d+) broken.* (\d+) refused", recorder.log())
        print(f"{TRACKS} tracks of {mbit:.2f} Mbit/s for {took:.0f} s: {core:.3f} core, {each:.0f} kB a track, {told[0]}; the feeder was late by {late:.2f} s at worst")
        assert [int(told[i]) for i in (1, 2, 4, 5)] == [TRACKS * PACKETS * SECONDS * FPS, 0, 0, 0], told[0]
        assert len(recorder.manifest(recording)["files"]) == TRACKS
        if late > 0.5 or "asan" in feeder.PROGRAM:
            print("the machine was busy: its figures are none")
            return 77
        assert core <= MAX_CORE and each <= MAX_KB, (core, each)
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
