"""
A recorder that stands still for some seconds, as its machine does when it is moved or swaps: what lies in sockets and rings meanwhile is recorded, nothing
of it as silence. What a server does not feed any more, since nobody asks for it, is a gap in the manifest.
"""
import concurrent.futures
import re
import signal
import sys
import threading
import time

import feeder
from feeder import Recorder, Server, feed_sound

BEFORE_S, STALL_S, LONG_S, AFTER_S = 1.5, 3.0, 7.0, 2.0
SILENCE = bytes([0xFC, 0xFF, 0xFE])


def numbered(n, size):
    """What the recorder takes for 20 ms of Opus, and finds again."""
    return bytes([0xFC]) + b"packet %5d;" % n + bytes(size - 14)


def stall(name, ring, people, size):
    """@param people as many as it takes to fill what the recorder has not read"""
    recording = feeder.new_id()
    payloads = [numbered(n, size) for n in range(int((BEFORE_S + STALL_S + AFTER_S) * 50))]
    with Recorder() as recorder:
        s = Server(recorder, ring)
        s.start(recording)

        timer = threading.Timer(BEFORE_S, stand_still, (recorder, STALL_S))
        timer.start()
        sent = feed_sound(s, 1, people, payloads)
        timer.join()
        time.sleep(0.5)
        s.stop(recording)
        s.close()
        expect_all(name, recorder, recording, sent)
    return name


def stand_still(recorder, seconds, times=None):
    """@param times gets when that began, and when it was over"""
    recorder.process.send_signal(signal.SIGSTOP)
    began = feeder.mono_us()
    time.sleep(seconds)
    if times is not None:
        times += began, feeder.mono_us()
    recorder.process.send_signal(signal.SIGCONT)


def expect_all(name, recorder, recording, sent):
    for f in recorder.manifest(recording)["files"]:
        with open(recorder.path(recording, f["file"]), "rb") as file:
            data = file.read()
        found = {int(n) for n in re.findall(rb"packet +(\d+);", data)}
        missing = [n for n in sent if n >= 3 and n not in found]
        assert not missing, f"{name}: {len(missing)} of {len(sent)} packets are missing: {missing[:5]}…, {data.count(SILENCE)} are silent"


def stall_for_long(name):
    """A server goes on feeding for 3 s after what it was asked last, which is each second."""
    recording, times = feeder.new_id(), []
    payloads = [numbered(n, 60) for n in range(int((BEFORE_S + LONG_S + AFTER_S) * 50))]
    with Recorder() as recorder:
        s = Server(recorder)
        base = feeder.mono_us()
        s.start(recording)
        timer = threading.Timer(BEFORE_S, stand_still, (recorder, LONG_S, times))
        timer.start()
        sent = feed_sound(s, 1, 1, payloads, demanded=True)
        timer.join()
        time.sleep(0.5)
        s.stop(recording)
        s.close()
        expect_all(name, recorder, recording, sent)
        assert len(payloads) - len(sent) > (LONG_S - 4) * 50, f"{len(sent)} of {len(payloads)} packets were fed"
        manifest = recorder.manifest(recording)
        assert [gap["reason"] for gap in manifest["gaps"]] == ["recorder"] and len(manifest["files"]) == 1, manifest
        began, over = times
        first, last = (base + manifest["gaps"][0][key] for key in ("from_us", "to_us"))
        assert began + 1.5e6 < first < began + 3.1e6 and over <= last < over + 2e6, (began, first, over, last)
    return name


def main():
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        small = [pool.submit(stall, *args) for args in (("by the socket", False, 1, 60), ("by a ring", True, 1, 60))]
        small.append(pool.submit(stall_for_long, "for longer than it is fed"))
        for future in small:
            print("ok", future.result())
    print("ok", stall("by a ring that is full", True, 20, 1200))
    return 0


if __name__ == "__main__":
    sys.exit(main())
