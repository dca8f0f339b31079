"""What was recorded against what was sent: by numbers in the pictures and steps of the tone, on one clock."""
import os
import shutil
import tempfile

import numbered
from numbered import FPS, STEP_S, STEPS


class Recorded:
    """All files of a recording that ended, on the clock of time.monotonic()."""

    def __init__(self, recorder, recording):
        self.manifest = recorder.manifest(recording)
        self.journal = recorder.journal(recording)
        self.base = self.journal[0]["mono_us"] / 1e6
        self.files = self.manifest["files"]
        self.folder = os.path.dirname(recorder.path(recording, "x"))
        left = [n for n in os.listdir(self.folder) if n.endswith(".part")]
        named = {f["file"] for f in self.files}
        assert not [n for n in left if n[:-5] in named], left

    def path(self, f):
        return os.path.join(self.folder, f["file"])

    def all_play(self):
        for f in self.files:
            wrong = numbered.decodes(self.path(f))
            assert not wrong, (f, wrong)
            streams = {s["codec_type"]: s for s in numbered.probe(self.path(f))["streams"]}
            assert ("video" in streams) == ("video" in f) and ("audio" in streams) == ("audio" in f), (f, streams)

    def pictures(self, participant, pair="camera"):
        """[(monotonic time, number)]"""
        out = []
        for f in self.files:
            if f["participant"] == participant and f["pair"] == pair and "video" in f:
                start = self.base + f["start_us"] / 1e6
                out += [(start + t, n) for t, n in numbered.pictures(self.path(f))]
        return out

    def tones(self, participant, pair="camera"):
        out = []
        for f in self.files:
            if f["participant"] == participant and f["pair"] == pair and "audio" in f:
                start = self.base + f["start_us"] / 1e6
                out += [(start + t, step) for t, step in numbered.tones(self.path(f))]
        return out


def picture_offsets(pictures, began):
    """How far from when it was sent each picture stands; without the first of a file, which is stretched to its start."""
    return [t - began - n / FPS for t, n in pictures if n is not None]


def heard(tones, began, window_s=0.05):
    """Middles of the windows whose tone is the one that was sent then. At a step either is right."""
    out = []
    for t, step in tones:
        if step is None:
            continue
        middle = t + window_s / 2
        right = {int((middle + d - began) / STEP_S) % STEPS for d in (-0.045, 0, 0.045)}
        if step in right:
            out.append(middle)
    return out


def copy_of(folder):
    """So that what is looked at cannot change."""
    to = tempfile.mkdtemp(prefix="plenum-recorded-")
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return to
