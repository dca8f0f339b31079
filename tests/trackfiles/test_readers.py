#!/usr/bin/python3
"""
Track files are accepted by ffprobe and ffmpeg without a word, by mediainfo and by mp4box.js, with every sample, for as long as they were recorded.
"""
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

import make_files
import samples

CODEC = {"vp9": "vp09", "h264": "avc3.42", "av1": "av01.0", "opus": "Opus"}


def check_ffmpeg(file, path):
    told = samples.probe(path, "format=duration:format_tags=title,comment,creation_time:stream=codec_type,start_time,nb_read_packets")
    assert abs(float(told["format"]["duration"]) - file["seconds"]) < 0.1, told
    tags = {k.lower(): v for k, v in told["format"]["tags"].items()}
    assert tags["title"] == "Ada Lovelace" and tags["comment"] == "Hall" and tags["creation_time"].startswith("2026-09-21T14:13:20"), tags
    counts = {s["codec_type"]: int(s["nb_read_packets"]) for s in told["streams"]}
    assert counts == {k: n for k, n in (("video", file["pictures"]), ("audio", file["packets"])) if n}, (file, counts)
    for stream in told["streams"]:
        late = file["codec"] == "vp8" and stream["codec_type"] == "video"
        assert late or float(stream["start_time"]) == 0, told
    complaint = samples.decodes(path)
    assert not complaint, complaint


def check_mediainfo(file, path):
    done = subprocess.run(["mediainfo", "--Output=JSON", path], stdout=subprocess.PIPE, check=True, timeout=60)
    tracks = {t["@type"]: t for t in json.loads(done.stdout)["media"]["track"]}
    general = tracks["General"]
    assert abs(float(general["Duration"]) - file["seconds"]) < 0.1 and "IsTruncated" not in general.get("extra", {}), general
    assert "ConformanceErrors" not in general.get("extra", {}), general
    assert ("Video" in tracks) == bool(file["pictures"]) and ("Audio" in tracks) == bool(file["packets"]), tracks
    if file.get("rotation") and file["codec"] != "vp8":
        assert float(tracks["Video"]["Rotation"]) == file["rotation"], tracks["Video"]


def check_mp4box(file, told):
    assert told["errors"] == [] and told["progressive"] is not None and not told["fragmented"], told
    assert abs(told["seconds"] - file["seconds"]) < 0.1, told
    want = [(CODEC[file["codec"]], file["pictures"])] if file["pictures"] else []
    want += [("Opus", file["packets"])] if file["packets"] else []
    have = [(t["codec"], t["samples"]) for t in told["tracks"]]
    assert [n for _, n in have] == [n for _, n in want] and all(h.startswith(w) for (h, _), (w, _) in zip(have, want)), (have, want)


def main():
    folder = tempfile.mkdtemp(prefix="plenum-readers-")
    try:
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            make_files.main(folder)
        files = json.loads(told.getvalue())
        for file in files:
            path = os.path.join(folder, file["name"])
            check_ffmpeg(file, path)
            check_mediainfo(file, path)
        mp4 = [f for f in files if f["name"].endswith(".mp4")]
        here = os.path.dirname(os.path.abspath(__file__))
        done = subprocess.run(["node", os.path.join(here, "mp4box.mjs"), *(os.path.join(folder, f["name"]) for f in mp4)], stdout=subprocess.PIPE, check=True, timeout=60)
        for file, told in zip(mp4, json.loads(done.stdout)):
            check_mp4box(file, told)
        status, _ = samples.command("list", folder)
        assert status == 0
        print(f"{len(files)} files read by ffmpeg and mediainfo, {len(mp4)} by mp4box.js")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
    sys.exit(0)
