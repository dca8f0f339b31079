#!/usr/bin/python3
"""
Disks that fail: a small one that gets full, one that takes nothing for two seconds, one that returns errors. What was written plays; nothing is tried again on
an output that failed; a stall loses nothing.
"""
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import samples

SECONDS = 8
MIB = 1 << 20


def files_of(events, kind):
    return {e["name"]: e for e in events if e["event"] == kind and e["name"].startswith("p")}


def plays(folder, name):
    path = os.path.join(folder, samples.ID, name)
    complaint = samples.decodes(path)
    assert not complaint, complaint
    return float(samples.probe(path, "format=duration")["format"]["duration"])


def full(merged):
    """Twelve tracks on a disk of 6 MiB."""
    folder = tempfile.mkdtemp(prefix="plenum-full-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], check=True)
    try:
        names = [f"p{i + 1}-camera-1.mp4" for i in range(12)]
        records = samples.journal(*names) + samples.script("p1-camera-1.mp4", merged)
        events, _ = samples.feed(folder, records, "--copies", "12", "--reserve", str(MIB))
        failed, levels = files_of(events, "failed"), [e["level"] for e in events if e["event"] == "disk"]
        assert set(failed) == set(names) and levels[-1] == 3, events
        assert all(e["error"] == -errno.ENOSPC for e in failed.values()), failed
        assert all(e["usable"] for e in failed.values()), failed
        seconds = [plays(folder, name) for name in names]
        assert min(seconds) > 1 and max(seconds) - min(seconds) < 2.1, seconds
        assert not os.path.exists(os.path.join(folder, ".reserve"))
        print(f"full: 12 files end at {min(seconds):.2f} to {max(seconds):.2f} s and play")
        status, told = samples.command("repair", folder)
        assert status == 0 and samples.command("verify", folder)[0] == 0, told
    finally:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def stalled(merged, preload):
    """Three stalls of two seconds."""
    folder = tempfile.mkdtemp(prefix="plenum-stalled-")
    stall = os.path.join(folder, "stall")
    over = threading.Event()

    def disturb():
        for _ in range(2):
            if over.wait(1):
                return
            with open(stall, "w", encoding="ascii"):
                pass
            time.sleep(2)
            os.unlink(stall)

    disturber = threading.Thread(target=disturb)
    try:
        disturber.start()
        events, figures = samples.feed(folder, samples.script("p1-camera-1.mp4", merged), "--pace", environment={"LD_PRELOAD": preload, "PLM_STALL": stall})
        assert figures["full"] == 0 and figures["late_us_max"] > 1_500_000, figures
        assert list(files_of(events, "finished")) == ["p1-camera-1.mp4"], events
        whole = sum(s.codec != "opus" for s in merged), sum(s.codec == "opus" for s in merged)
        assert samples.packets(os.path.join(folder, samples.ID, "p1-camera-1.mp4")) == whole
        print(f"stalled: nothing lost, a sample waited {figures['late_us_max'] / 1e6:.1f} s, {figures['queued_max'] >> 10} KiB in the queue at most")
    finally:
        over.set()
        disturber.join()
        shutil.rmtree(folder)


def broken(merged, preload, error):
    """The second part of the file cannot be written; there is room for finishing in the first."""
    folder = tempfile.mkdtemp(prefix="plenum-broken-")
    name = "p1-camera-1.mp4"
    try:
        environment = {"LD_PRELOAD": preload, "PLM_REFUSE": str(error), "PLM_REFUSE_FROM": "250000"}
        events, _ = samples.feed(folder, samples.journal(name) + samples.script(name, merged), environment=environment)
        failed = files_of(events, "failed")
        assert failed[name]["error"] == -error and failed[name]["usable"], events
        status, told = samples.command("repair", folder)
        assert status == 0 and samples.command("verify", folder)[0] == 0, told
        seconds = plays(folder, name)
        assert abs(seconds * 1e6 - failed[name]["duration_us"]) < 100000 and seconds > 1, (seconds, failed)
        print(f"{errno.errorcode[error]}: ends at {seconds:.2f} s and plays")
    finally:
        shutil.rmtree(folder)


def may_mount():
    return os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).unshare(0x00020000) == 0  # CLONE_NEWNS


def main():
    preload = os.environ.get("PLM_FAILING_DISK", "")
    merged = samples.merge(samples.pictures("h264", SECONDS), samples.sound(SECONDS))
    if not os.path.exists(preload):
        print("skipped: PLM_FAILING_DISK names no library")
        sys.exit(77)
    stalled(merged, preload)
    broken(merged, preload, errno.EIO)
    broken(merged, preload, errno.EROFS)
    if not may_mount():
        print("skipped: no right to mount a small disk")
        sys.exit(77)
    full(merged)


if __name__ == "__main__":
    main()
    sys.exit(0)
