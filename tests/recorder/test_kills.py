"""
Recorder and server are killed at random moments, as a crash does it. Never is more than 2 s lost that was sent before, counted by what pictures and
tones say; every file plays after the next start; it is one recording with a gap. With PLM_TEST_LONG 50 times each.
"""
import concurrent.futures
import os
import random
import statistics
import sys
import time

import feeder
from check import Recorded, heard, picture_offsets
from feeder import CAMERA, MICROPHONE, Recorder, Server, Track, feed_sound
from numbered import FPS, STEP_S, Media

LONG = os.environ.get("PLM_TEST_LONG") == "1"
ROUNDS = 50 if LONG else 3
SEED = int(os.environ.get("PLM_TEST_SEED", str(random.randrange(1 << 30))))
LOSS_S = 2.0
GOP_S = 1.0
MEDIA = {}
READY, FINISHED = [], []  # seconds that killed recorders took to be ready again, and recordings that were stopped


class Meeting:
    """One participant with microphone and camera, or without, over servers that come and go."""

    def __init__(self, recorder, recording, codec, camera, loss):
        self.recorder, self.recording, self.codec, self.camera, self.loss = recorder, recording, codec, camera, loss
        self.began = time.monotonic()
        self.sent = {MICROPHONE: [], CAMERA: []}
        self.room = 0
        self.serve()

    def serve(self):
        self.room += 1
        self.server = Server(self.recorder)
        self.publish()

    def publish(self):
        s = self.server
        s.start(self.recording, room=self.room)
        s.event(self.recording, "joined", participant=1, name="Ada", role="speaker", breakout=0)
        s.say(op="sync", ids=[self.recording])
        self.up = time.monotonic()
        self.tracks = [Track(s, 1, MICROPHONE, MEDIA[self.codec], room=self.room, began=self.began, loss=self.loss, seed=self.room)]
        if self.camera:
            self.tracks.append(Track(s, 1, CAMERA, MEDIA[self.codec], room=self.room, began=self.began, loss=self.loss, seed=self.room))

    def end(self):
        """The server is gone, at once."""
        self.server.close()
        for t in self.tracks:
            self.sent[t.source] += t.sent
        self.down = time.monotonic()


def judge(meeting, recorded, kills, reasons):
    """@param kills [(killed at, feeding again at)], the last one is the end"""
    recorded.all_play()
    gaps = recorded.manifest["gaps"]
    assert [g["reason"] for g in gaps] == reasons, gaps
    for gap, (killed, again) in zip(gaps, kills):
        begins, ends = recorded.base + gap["from_us"] / 1e6, recorded.base + gap["to_us"] / 1e6
        assert killed - LOSS_S < begins < killed + 0.5 and begins < ends < again + 0.5, (gap, killed - begins, again - ends)
    tones = heard(recorded.tones(1), meeting.began)
    pictures = recorded.pictures(1)
    offsets = picture_offsets(pictures, meeting.began)
    assert len(offsets) == len(pictures), "pictures without a number"
    numbers = {n for _, n in pictures}
    lost = []
    from_s = meeting.first_up
    for killed, again in kills:
        # Sound: of each tenth of a second until 2 s before the end.
        if killed - from_s > LOSS_S + 0.5:
            until = max((t for t in tones if t < killed), default=0)
            assert until >= killed - LOSS_S, f"sound ends {killed - until:.2f} s before"
            lost.append(killed - until)
            steps = {int((t - meeting.began) / STEP_S) for t in tones}
            sent = range(int((from_s + 0.4 - meeting.began) / STEP_S) + 1, int((killed - LOSS_S - meeting.began) / STEP_S))
            silent = [n for n in sent if n not in steps]
            assert len(silent) <= meeting.loss * 3 * len(sent), f"{len(silent)} of {len(sent)} steps of the tone are missing"
        if meeting.camera and killed - from_s > LOSS_S + GOP_S + 0.5:
            sent = [n for due, n in meeting.sent[CAMERA] if from_s + GOP_S + 0.2 < due < killed - LOSS_S]
            missing = [n for n in sent if n not in numbers]
            assert not missing or meeting.loss, f"{len(missing)} of {len(sent)} pictures are missing: {missing[:10]}"
            last = max((meeting.began + n / FPS for n in numbers if meeting.began + n / FPS < killed), default=0)
            assert last >= killed - LOSS_S - (GOP_S if meeting.loss else 0), f"pictures end {killed - last:.2f} s before"
        from_s = again
    if not meeting.loss and offsets:
        late = sorted(abs(o) for o in offsets)
        assert late[int(len(late) * 0.95)] < 0.08, late[-5:]
    return max(lost, default=0)


def variant(index, rng):
    """@return name, codec, camera, loss, seconds before the kill"""
    kinds = [("h264", "h264", True, 0.0, None), ("vp8", "vp8", True, 0.0, None), ("camera off", "vp8", False, 0.0, None), ("5 % loss", "h264", True, 0.05, None),
             ("first second", "vp8", True, 0.0, rng.uniform(0.05, 1.0))]
    name, codec, camera, loss, at = kinds[index % len(kinds)]
    return name, codec, camera, loss, at if at is not None else rng.uniform(2.6, 6.5)


def one_round(index, what):
    rng = random.Random(SEED * 1000 + index * 7 + len(what))
    name, codec, camera, loss, at = variant(index, rng)
    recording = feeder.new_id()
    with Recorder() as recorder:
        m = Meeting(recorder, recording, codec, camera, loss)
        m.first_up = m.up
        time.sleep(at)
        killed = time.monotonic()
        if what == "recorder":
            recorder.kill()
            m.end()
            READY.append(recorder.start())
            m.serve()
        else:
            m.end()
            time.sleep(rng.uniform(0, 0.8))
            m.serve()
        again = m.up
        time.sleep(3.5)
        stopped = time.monotonic()
        m.server.stop(recording)
        FINISHED.append(time.monotonic() - stopped)
        m.end()
        recorded = Recorded(recorder, recording)
        lost = judge(m, recorded, [(killed, again), (stopped, stopped)], [what])
        status, text = recorder.command("verify", recorder.dir)
        assert status == 0, text
    return f"{what} killed after {at:.1f} s, {name}: {lost:.2f} s lost at most"


def finalising(index):
    """Killed while files are being finished: between any two of its writes."""
    rng = random.Random(SEED + index)
    recording = feeder.new_id()
    with Recorder() as recorder:
        m = Meeting(recorder, recording, ("h264", "vp8")[index % 2], True, 0.0)
        m.first_up = m.up
        time.sleep(3.2)
        stopped = time.monotonic()
        m.server.stop(recording, wait=None)
        time.sleep(rng.uniform(0, 0.03))
        recorder.kill()
        m.end()
        READY.append(recorder.start())
        s = Server(recorder)
        s.say(op="sync", ids=[])
        s.wait(recording, "ready")
        recorded = Recorded(recorder, recording)
        recorded.all_play()
        numbers = {n for _, n in recorded.pictures(1)}
        missing = [n for due, n in m.sent[CAMERA] if m.up + GOP_S + 0.2 < due < stopped - LOSS_S and n not in numbers]
        assert numbers and not missing, missing
        s.close()
    return "recorder killed while finishing"


def many():
    """Many meetings: killed, and once more amid the repairs, while the last ones wait for theirs and are written again."""
    ids, people, fed = [feeder.new_id() for _ in range(16)], 6, (2.0, 0.2, 2.5)
    with Recorder() as recorder:
        for run, seconds in enumerate(fed):
            if run:
                recorder.kill()
                s.close()
                recorder.start()
            s = Server(recorder)
            for room, recording in enumerate(ids, 1):
                s.start(recording, room=room, wait=None)
            for recording in ids:
                s.wait(recording, "on")
            feed_sound(s, len(ids), people, MEDIA["vp8"].sound[:int(seconds * 50)])
        for recording in ids:
            s.stop(recording, wait=None)
        for recording in ids:
            s.wait(recording, "ready", 60)
        s.close()
        status, text = recorder.command("verify", recorder.dir)
        assert status == 0, text
        for recording in ids:
            m = recorder.manifest(recording)
            assert [g["reason"] for g in m["gaps"]] == ["recorder"] * 2, m["gaps"]
            for person in range(1, people + 1):
                files = [f for f in m["files"] if f["participant"] == person]
                assert fed[-1] - 0.3 < files[-1]["duration_us"] / 1e6 < fed[-1] + 0.5, files
    return f"{len(ids)} meetings killed twice"


def main():
    for codec in ("vp8", "h264"):
        MEDIA[codec] = Media(16, codec)
    print(f"seed {SEED}")
    jobs = [(one_round, (i, what)) for i in range(ROUNDS) for what in ("recorder", "server")] + [(finalising, (i,)) for i in range(20 if LONG else 3)]
    jobs.append((many, ()))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for (f, args), future in [(job, pool.submit(job[0], *job[1])) for job in jobs]:
            try:
                print("ok", future.result(), flush=True)
            except Exception as error:  # told, and the others still run
                print("FAILED", f.__name__, args, repr(error)[:2000], flush=True)
                failed += 1
    print(f"{len(jobs) - failed} of {len(jobs)}")
    for what, seconds in (("recorders ready again", READY), ("recordings finished", FINISHED)):
        if seconds:
            print(f"{len(seconds)} {what} after {statistics.median(seconds):.2f} s at the median, {max(seconds):.2f} s at most")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
