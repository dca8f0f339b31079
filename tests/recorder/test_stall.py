"""
A recorder that stands still for some seconds, as its machine does when it is moved or swaps: what lies in sockets and rings meanwhile is recorded, nothing
of it as silence.
"""
import concurrent.futures
import re
import signal
import sys
import threading
import time

import feeder
from feeder import Recorder, Server, feed_sound

BEFORE_S, STALL_S, AFTER_S = 1.5, 3.0, 2.0
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

        def stand_still():
            recorder.process.send_signal(signal.SIGSTOP)
            time.sleep(STALL_S)
            recorder.process.send_signal(signal.SIGCONT)

        timer = threading.Timer(BEFORE_S, stand_still)
        timer.start()
        feed_sound(s, 1, people, payloads)
        timer.join()
        time.sleep(0.5)
        s.stop(recording)
        s.close()
        for f in recorder.manifest(recording)["files"]:
            with open(recorder.path(recording, f["file"]), "rb") as file:
                data = file.read()
            found = {int(n) for n in re.findall(rb"packet +(\d+);", data)}
            missing = [n for n in range(3, len(payloads)) if n not in found]
            assert not missing, f"{name}: {len(missing)} of {len(payloads)} packets are missing: {missing[:5]}…, {data.count(SILENCE)} are silent"
    return name


def main():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        small = [pool.submit(stall, *args) for args in (("by the socket", False, 1, 60), ("by a ring", True, 1, 60))]
        for future in small:
            print("ok", future.result())
    print("ok", stall("by a ring that is full", True, 20, 1200))
    return 0


if __name__ == "__main__":
    sys.exit(main())
