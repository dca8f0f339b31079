#!/usr/bin/python3
"""
Makes the files that players are tried on: make_files.py FOLDER. Writes a list of them, as JSON, to its output: name, what it holds, how long it lasts.
"""
import json
import os
import sys

import samples
from samples import ID, Sample

SECONDS = 6
LATE_US = 2_000_000  # the picture comes so long after the sound


def late(pictures, by_us):
    return [Sample(s.codec, s.time_us + by_us, s.data, s.keyframe, config=s.config, size=s.size) for s in pictures if s.time_us + by_us < SECONDS * 1000000]


def held(pictures):
    """Nothing moves for 2 s in the middle: a picture is shown for long."""
    return [s for s in pictures if not 2_000_000 < s.time_us < 4_000_000 or s.keyframe]


def turned(codec):
    """The size changes in the middle, as of a phone that is turned."""
    upright = samples.pictures(codec, SECONDS / 2, (320, 180))
    across = samples.pictures(codec, SECONDS / 2, (180, 320))
    half = SECONDS * 500000
    return upright + [Sample(s.codec, s.time_us + half, s.data, s.keyframe, config=s.config, size=s.size) for s in across]


def cases():
    sound = samples.sound(SECONDS)
    for codec in ("vp8", "vp9", "h264", "av1"):
        pictures = samples.pictures(codec, SECONDS)
        yield f"{codec}", codec, pictures, sound, {"clock": 0}
        if codec in ("vp8", "vp9"):
            yield f"{codec} late", codec, late(pictures, LATE_US), sound, {"clock": LATE_US / 1e6}
    for codec in ("vp8", "h264"):
        yield f"{codec} turned", codec, turned(codec), sound, {}
        yield f"{codec} rotated", codec, samples.pictures(codec, SECONDS), sound, {"clock": 0, "rotation": 90}
    yield "vp9 alone", "vp9", samples.pictures("vp9", SECONDS), [], {"clock": 0}
    yield "vp9 held", "vp9", held(samples.pictures("vp9", SECONDS)), sound, {}
    yield "sound", "opus", [], sound, {}


def main(folder):
    files = []
    for n, (title, codec, pictures, sound, facts) in enumerate(cases(), 1):
        name = f"p{n}-camera-1.{'webm' if codec == 'vp8' else 'mp4'}"
        script = samples.script(name, samples.merge(pictures, sound), SECONDS * 1000000, rotation=facts.get("rotation", 0))
        events, _ = samples.feed(folder, script)
        last = events[-1]
        assert last["event"] == "finished" and last["usable"], last
        assert abs(last["duration_us"] - SECONDS * 1000000) < 50000, last
        files.append({"title": title, "name": f"{ID}/{name}", "codec": codec, "pictures": len(pictures), "packets": len(sound), "seconds": SECONDS, **facts})
    json.dump(files, sys.stdout)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    main(sys.argv[1])
