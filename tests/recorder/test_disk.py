"""
Disks that fail under a recorder that records, and a wall clock that jumps. The room is told why it pauses, what was written plays to its last fragment, it goes
on by itself in new files, and the journal has the gap. A stall of 2 s and a jump of an hour change nothing.
"""
import concurrent.futures
import ctypes
import datetime
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time

import feeder
from check import Recorded, heard, picture_offsets
from feeder import CAMERA, MICROPHONE, Recorder, Server, Track, wait_for
from numbered import FPS, Media

MIB = 1 << 20
DISK = 128 * MIB       # the recorder keeps 64 of it back; below 6.4 it stops, from 14 on it goes on
LOSS_S, GOP_S = 2.0, 1.0
SYNCED_S = 6  # everything older is on the disk
MEDIA = {}


class Meeting:
    """Ada, with microphone and camera."""

    def __init__(self, recorder, codec, wait="on"):
        self.recorder, self.recording, self.codec = recorder, feeder.new_id(), codec
        self.began, self.room, self.sent, self.chats = time.monotonic(), 0, {MICROPHONE: [], CAMERA: []}, []
        self.serve(wait=wait)

    def serve(self, unix_shift_s=0, wait="on"):
        self.server = Server(self.recorder)
        self.begin(unix_shift_s, wait)
        self.server.event(self.recording, "joined", participant=1, name="Ada", role="speaker", breakout=0)

    def begin(self, unix_shift_s=0, wait="on"):
        self.room += 1
        s, self.asked = self.server, time.monotonic()
        s.say(op="start", id=self.recording, room=self.room, key="room-key", name="A room", mono_us=int(self.asked * 1e6),
              unix_ms=time.time_ns() // 1000000 + unix_shift_s * 1000, limit_s=3600)
        s.wait(self.recording, wait)
        s.say_again()
        s.say(op="sync", ids=[self.recording])
        self.up = time.monotonic()
        self.tracks = [Track(s, 1, source, MEDIA[self.codec], room=self.room, began=self.began) for source in (MICROPHONE, CAMERA)]

    def come_back(self):
        """The same run of the server finds another recorder."""
        self.server.connect()
        self.begin()

    def chat(self):
        self.chats.append(f"Number {len(self.chats)}")
        self.server.event(self.recording, "chat", participant=1, name="Ada", text=self.chats[-1], sent_ms=0)

    def gone(self):
        self.server.close()
        for t in self.tracks:
            self.sent[t.source] += t.sent

    def wait(self, state, reason, seconds=15):
        """@return when it was told"""
        def told():
            s = self.server.states.get(self.recording, {})
            return s.get("state") == state and s.get("reason", "") == reason
        wait_for(told, seconds, f"{state}, {reason}; it is {self.server.states.get(self.recording)}")
        return time.monotonic()

    def stop(self):
        stopped = time.monotonic()
        self.server.stop(self.recording)
        self.gone()
        status, text = self.recorder.command("verify", self.recorder.dir)
        assert status == 0, text
        return stopped


def judge(meeting, spells, gaps):
    """
    What was sent within each spell but its first moments and last two seconds is there, where it belongs.
    @param spells [(from, until)]
    """
    recorded = Recorded(meeting.recorder, meeting.recording)
    recorded.all_play()
    assert [c["text"] for c in recorded.manifest["chat"]] == meeting.chats, recorded.manifest["chat"]
    assert [g["reason"] for g in recorded.manifest["gaps"]] == gaps, recorded.manifest["gaps"]
    pictures, tones = recorded.pictures(1), heard(recorded.tones(1), meeting.began)
    offsets = picture_offsets(pictures, meeting.began)
    assert len(offsets) == len(pictures), "pictures without a number"
    late = sorted(abs(o) for o in offsets)
    assert late[int(len(late) * 0.95)] < 0.08, late[-5:]
    numbers = {n for _, n in pictures}
    for start, end in spells:
        missing = [n for due, n in meeting.sent[CAMERA] if start + GOP_S + 0.3 < due < end - LOSS_S and n not in numbers]
        assert not missing, f"{len(missing)} pictures are missing: {missing[:10]}"
        inside = [t for t in tones if start < t < end]
        assert inside and inside[-1] > end - LOSS_S, f"sound ends {end - max(inside, default=start):.2f} s before"
        longest = max((b - a for a, b in zip(inside, inside[1:])), default=0)
        assert longest < 0.3, f"{longest:.2f} s of sound are missing"
    return recorded


def check_files(recorded, paused, again):
    """None goes on: what began before ended before, what is there after began after."""
    spans = [(recorded.base + f["start_us"] / 1e6, recorded.base + (f["start_us"] + f["duration_us"]) / 1e6) for f in recorded.files]
    assert all(end < paused + 0.1 or start > again - 0.1 for start, end in spans), (spans, paused, again)
    assert any(start < paused for start, _ in spans) and any(end > again for _, end in spans), spans
    gap = recorded.manifest["gaps"][0]
    assert abs(recorded.base + gap["from_us"] / 1e6 - paused) < 0.3 and abs(recorded.base + gap["to_us"] / 1e6 - again) < 0.3, gap


def room_left(folder):
    v = os.statvfs(folder)
    return v.f_bavail * v.f_frsize


def leave(folder, octets):
    """Take all of the disk but so much."""
    fd = os.open(os.path.join(folder, "ballast"), os.O_CREAT | os.O_WRONLY)
    take = room_left(folder) - octets
    os.posix_fallocate(fd, os.fstat(fd).st_size, take - take % 4096)
    os.close(fd)


def full(by_level, preload):
    """Below the level "stop"; or down to ENOSPC, where nobody could look how much room there is. Either way there is room to finish."""
    switch = os.path.join(tempfile.mkdtemp(prefix="plenum-blind-"), "error")
    disk = tempfile.mkdtemp(prefix="plenum-small-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk], check=True)
    try:
        env = {} if by_level else {"LD_PRELOAD": preload, "PLM_BLIND": switch}
        with Recorder(folder=os.path.join(disk, "recordings"), env=env) as recorder:
            m = Meeting(recorder, "h264" if by_level else "vp8")
            reserve = os.path.join(recorder.dir, ".reserve")
            assert os.path.getsize(reserve) == 64 * MIB
            time.sleep(4)
            if not by_level:
                say(switch, str(errno.EIO))
            taken = time.monotonic()
            leave(disk, 5 * MIB if by_level else 0)
            paused = m.wait("paused", "disk_full")
            assert paused - taken < 6, paused - taken
            wait_for(lambda: m.server.disk == "stop", 3, "the server knows of the disk")
            assert os.path.exists(reserve) == by_level
            if by_level:
                assert "No space left" not in recorder.log()
            else:  # told with the file, which is finished first
                wait_for(lambda: "No space left" in recorder.log(), 10, "the write is named that failed")
            if not by_level:
                os.unlink(switch)
            folder = os.path.join(recorder.dir, m.recording)
            wait_for(lambda: not any(n.endswith(".part") for n in os.listdir(folder)), 10, "files are finished on the full disk")
            os.unlink(os.path.join(disk, "ballast"))
            again = m.wait("on", "", 25)
            time.sleep(4)
            stopped = m.stop()
            recorded = judge(m, [(m.up, taken), (again, stopped)], ["disk"])
            check_files(recorded, paused, again)
            return f"full: told after {paused - taken:.1f} s by {'the level' if by_level else 'a write'}, on again {again - paused:.1f} s later"
    finally:
        subprocess.run(["umount", disk], check=True)
        os.rmdir(disk)
        shutil.rmtree(os.path.dirname(switch))


def say_to(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def say(path, text):
    say_to(path + ".new", text)
    os.rename(path + ".new", path)


def failing(preload, error):
    """Each write and each new file fails for a while."""
    switch = os.path.join(tempfile.mkdtemp(prefix="plenum-failing-"), "error")
    with Recorder(env={"LD_PRELOAD": preload, "PLM_FAIL": switch}) as recorder:
        m = Meeting(recorder, "h264")
        time.sleep(4)
        failed = time.monotonic()
        m.chat()
        wait_for(lambda: not m.server.unwritten, 3, "what was said is written")
        say(switch, str(error))
        m.chat()
        paused = m.wait("paused", "disk_error")
        m.chat()
        time.sleep(1)
        assert len(m.server.unwritten) == 2
        os.unlink(switch)
        os.rmdir(os.path.dirname(switch))
        again = m.wait("on", "", 25)
        wait_for(lambda: not m.server.unwritten, 3, "what was said is written")
        time.sleep(4)
        stopped = m.stop()
        recorded = judge(m, [(m.up, failed), (again, stopped)], ["disk"])
        check_files(recorded, paused, again)
        return f"{errno.errorcode[error]}: told after {paused - failed:.1f} s, on again {again - paused:.1f} s later"


def failing_at_first(preload):
    """It takes nothing when the recording begins: not even a folder."""
    switch = os.path.join(tempfile.mkdtemp(prefix="plenum-failing-"), "error")
    with Recorder(env={"LD_PRELOAD": preload, "PLM_FAIL": switch}) as recorder:
        say(switch, str(errno.EROFS))
        m = Meeting(recorder, "h264", wait="paused")
        m.chat()
        paused = m.wait("paused", "disk_error")
        time.sleep(1)
        os.unlink(switch)
        os.rmdir(os.path.dirname(switch))
        again = m.wait("on", "", 25)
        time.sleep(3.5)
        stopped = m.stop()
        judge(m, [(again, stopped)], ["disk"])
        return f"failing at first: told after {paused - m.up:.1f} s, on again {again - paused:.1f} s later"


def shell(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read_only():
    """
    The kernel makes a file system read-only after an error in it: what it had not stored yet is lost, and nothing is stored until it is mounted anew, for
    which the recorder has to go. What was synced before is repaired, what was said meanwhile is said again, and the recording goes on.
    """
    image, disk = tempfile.mkstemp(prefix="plenum-ext4-")[1], tempfile.mkdtemp(prefix="plenum-ext4-")
    os.truncate(image, 256 * MIB)
    shell("mkfs.ext4", "-q", image)
    mount = ("mount", "-o", "loop,errors=remount-ro", image, disk)
    shell(*mount)
    try:
        with Recorder(folder=os.path.join(disk, "recordings")) as recorder:
            m = Meeting(recorder, "vp8")
            first = m.up
            time.sleep(SYNCED_S + LOSS_S + 3)
            device = os.path.basename(subprocess.run(["findmnt", "-no", "SOURCE", disk], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
            failed = time.monotonic()
            say_to(f"/sys/fs/ext4/{device}/trigger_fs_error", "1")
            m.chat()
            paused = m.wait("paused", "disk_error")
            m.chat()
            assert "Read-only file system" in recorder.log()
            recorder.kill()
            m.gone()
            shell("umount", disk)
            subprocess.run(["e2fsck", "-fy", image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            shell(*mount)
            recorder.start()
            m.come_back()
            again = m.up
            time.sleep(4)
            stopped = m.stop()
            judge(m, [(first, failed - SYNCED_S), (again, stopped)], ["recorder"])
            return f"read-only: told after {paused - failed:.1f} s, mounted anew and on again {again - paused:.1f} s later"
    finally:
        shell("umount", disk)
        os.rmdir(disk)
        os.unlink(image)


def stalled(preload):
    switch = os.path.join(tempfile.mkdtemp(prefix="plenum-stalled-"), "stall")
    with Recorder(env={"LD_PRELOAD": preload, "PLM_STALL": switch}) as recorder:
        m = Meeting(recorder, "vp8")
        for _ in range(2):
            time.sleep(2.5)
            say(switch, "")
            time.sleep(2)
            os.unlink(switch)
        os.rmdir(os.path.dirname(switch))
        time.sleep(3)
        stopped = m.stop()
        # All of it: what was sent just before the end, too.
        recorded = judge(m, [(m.up, stopped + LOSS_S - 0.3)], [])
        return "stalled twice for 2 s: nothing lost"


def clock(preload, shift_s):
    """The wall's clock jumps for both, then the server is another one, which counts from there."""
    switch = os.path.join(tempfile.mkdtemp(prefix="plenum-clock-"), "shift")
    with Recorder(env={"LD_PRELOAD": preload, "PLM_CLOCK_SHIFT": switch}) as recorder:
        m = Meeting(recorder, "h264")
        first, begins = m.up, m.asked
        time.sleep(3.5)
        say(switch, str(shift_s))
        time.sleep(3.5)
        m.gone()
        down = time.monotonic()
        m.serve(shift_s)
        again = m.up
        time.sleep(3.5)
        stopped = m.stop()
        os.unlink(switch)
        os.rmdir(os.path.dirname(switch))
        recorded = judge(m, [(first, down), (again, stopped)], ["server"])
        whole = recorded.manifest["duration_us"] / 1e6
        assert abs(whole - (stopped - begins)) < 0.5, (whole, stopped - begins)
        stamps = [datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp() for line in recorder.log().splitlines()]
        steps = [b - a for a, b in zip(stamps, stamps[1:])]
        assert any(abs(step - shift_s) < 60 for step in steps), "the recorder's clock did not jump"
        return f"clock jumped {shift_s:+d} s: {whole:.2f} s recorded in {stopped - begins:.2f} s, on after {first - begins:.2f} s"


def may_mount():
    return os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).unshare(0x00020000) == 0  # CLONE_NEWNS


def main():
    for codec in ("vp8", "h264"):
        MEDIA[codec] = Media(40, codec)
    preload = os.environ.get("PLM_FAILING_DISK", "")
    jobs = []
    if os.path.exists(preload):
        jobs += [(failing, preload, errno.EIO), (failing, preload, errno.EROFS), (failing_at_first, preload), (stalled, preload), (clock, preload, 3600), (clock, preload, -3600)]
    if may_mount():
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        jobs += [(full, by_level, preload) for by_level in (True, False) if by_level or os.path.exists(preload)]
        jobs += [(read_only,)] if os.path.exists("/dev/loop-control") and shutil.which("mkfs.ext4") else []
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(jobs) or 1) as pool:
        for (f, *args), future in [(job, pool.submit(*job)) for job in jobs]:
            try:
                print("ok", future.result(), flush=True)
            except Exception as error:  # told, and the others still run
                print("FAILED", f.__name__, args, repr(error)[:2000], flush=True)
                failed += 1
    if failed:
        return 1
    if len(jobs) < 9:
        print("skipped in part: PLM_FAILING_DISK names no library, or there is no right to mount a small disk, no loop device, no mkfs.ext4")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
