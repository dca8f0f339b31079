#!/usr/bin/python3
"""
Files as a crash leaves them: cut at random places, and each is repaired to its last whole fragment and decoded without a complaint; and a writer that is
killed at random moments loses what had not become a fragment, no more.
"""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import samples

LONG = os.environ.get("PLM_TEST_LONG") == "1"
CUTS = 100
KILLS = 30 if LONG else 2
SECONDS = 6


def fragments_of_mp4(data):
    """@return where the head and each fragment end"""
    ends, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        at += size
        if kind in (b"moov", b"mdat"):
            ends.append(at)
    return ends


def fragments_of_webm(data):
    ends, at = [], data.find(b"\x1f\x43\xb6\x75")
    while at >= 0 and data[at:at + 4] == b"\x1f\x43\xb6\x75":
        ends.append(at)
        at += 12 + (struct.unpack_from(">Q", data, at + 4)[0] & ((1 << 56) - 1))
    return ends + [at]


def make_unfinished(folder, name, merged):
    """The file as it is while it is written: its writer is killed when all of it is on the disk. @return its octets"""
    records = samples.journal(name) + samples.script(name, merged, close=False)
    feeder = subprocess.Popen([os.environ["PLM_FEED"], folder, samples.ID], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    feeder.stdin.write(records)
    feeder.stdin.close()
    events = (json.loads(line)["event"] for line in feeder.stdout)
    assert next(e for e in events if e != "journaled") == "fed"
    time.sleep(1.5)  # the last fragment is cut by time
    feeder.send_signal(signal.SIGKILL)
    feeder.wait()
    feeder.stdout.close()
    path = os.path.join(folder, samples.ID, name + ".part")
    with open(path, "rb") as f:
        return path, f.read()


def repair(folder, part, data):
    with open(part, "wb") as f:
        f.write(data)
    whole = part[:-len(".part")]
    for stale in (whole, os.path.join(os.path.dirname(part), "manifest.json")):
        if os.path.exists(stale):
            os.unlink(stale)
    status, told = samples.command("repair", folder)
    assert status == 0, told
    return whole if os.path.exists(whole) else None


def cut(chance, codec, merged, times):
    folder = tempfile.mkdtemp(prefix="plenum-cuts-")
    name = f"p1-camera-1.{'webm' if codec == 'vp8' else 'mp4'}"
    try:
        part, data = make_unfinished(folder, name, merged)
        ends = (fragments_of_webm if codec == "vp8" else fragments_of_mp4)(data)
        assert ends[-1] == len(data) and len(ends) > SECONDS, (ends, len(data))
        whole = repair(folder, part, data)
        assert samples.packets(whole) == (sum(s.codec != "opus" for s in merged), sum(s.codec == "opus" for s in merged))
        last = (-1, -1)
        places = [0, 7, ends[0] // 2, ends[0], ends[1] - 1, ends[1]] + [chance.randrange(len(data)) for _ in range(times - 6)]
        for place in sorted(places):
            whole = repair(folder, part, data[:place])
            if place < ends[1]:
                assert whole is None, f"{place} octets cannot hold a fragment"
                continue
            counts = samples.packets(whole)
            assert counts >= last, (place, counts, last)
            if counts != last or LONG:  # decoded once for each number of fragments
                complaint = samples.decodes(whole)
                assert not complaint, (place, complaint)
            n = sum(end <= place for end in ends) - 1
            assert counts[1] >= (n - 1) * 49 or codec == "vp8", (place, n, counts)
            last = counts
        return len(places)
    finally:
        shutil.rmtree(folder)


def kill(chance, codec, merged):
    """@return how much was lost of what the writer had been given, in seconds"""
    folder = tempfile.mkdtemp(prefix="plenum-kill-")
    name = f"p1-camera-1.{'webm' if codec == 'vp8' else 'mp4'}"
    try:
        feeder = subprocess.Popen([os.environ["PLM_FEED"], folder, samples.ID, "--pace"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        feeder.stdin.write(samples.journal(name) + samples.opening(name, merged))
        given, began, lasts = 0, time.monotonic(), chance.uniform(1.2, 4)
        for s in merged:
            wait = began + s.time_us / 1e6 - time.monotonic()
            if wait > 0:
                feeder.stdin.flush()
                time.sleep(wait)
            if time.monotonic() - began > lasts:
                break
            feeder.stdin.write(samples.sample(s))
            given = s.time_us
        feeder.send_signal(signal.SIGKILL)
        feeder.wait()
        status, told = samples.command("repair", folder)
        assert status == 0, told
        assert samples.command("verify", folder)[0] == 0
        path = os.path.join(folder, samples.ID, name)
        assert not samples.decodes(path)
        kept = float(samples.probe(path, "format=duration")["format"]["duration"])
        return given / 1e6 - kept
    finally:
        shutil.rmtree(folder)


def main():
    seed = int(os.environ.get("PLM_SEED", "0")) or random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    sound = samples.sound(SECONDS)
    all_kinds = {codec: samples.merge(samples.pictures(codec, SECONDS), sound) for codec in ("h264", "vp8")}
    for codec, merged in all_kinds.items():
        n = cut(chance, codec, merged, CUTS // 2)
        print(f"{codec}: {n} of {n} cuts repaired")
    lost = [kill(chance, codec, merged) for codec, merged in all_kinds.items() for _ in range(KILLS // 2)]
    print("lost by kills:", ", ".join(f"{s:.2f} s" for s in lost))
    assert max(lost) < 1.25, lost  # a fragment, and what was on its way


if __name__ == "__main__":
    main()
    sys.exit(0)
