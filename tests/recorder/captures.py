#!/usr/bin/python3
"""
A browser's real packets, caught as the recorder gets them, played into recorder/stream.c with losses and other mischief. What changes in the middle of a
track is also played to a recorder, in its own time: which files come of it, and that no picture is missing in them.

usage: captures.py PLM-CAPTURE PLM-REPLAY-STREAM BROWSER CODEC[+ANOTHER][:MODE] SCENARIO     (see publish.mjs)
       BROWSER "numbered" is none: its feed is made of numbered media (numbered_feed.py)
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numbered_feed
import play_feed

HERE = os.path.dirname(os.path.abspath(__file__))
MISCHIEF = [
    "",
    "-w",
    "-c",
    "-d 5",
    "-o 10",
    "-l 1 -r 300",
    "-l 5 -r 600",
    "-l 1",
    "-l 5",
    "-k 200",
    "-k -200",
    "-w -o 10 -d 5 -l 1 -r 200 -k 200",
]

LONG = os.environ.get("PLM_TEST_LONG") == "1"  # a size that changes is in the short form, too
# Why files end, and how long nothing may be recorded between two.
FILES = {
    "turn": ([], 0.1),
    "rotation": (["rotation", "rotation"], 0.1),
    "codec": (["codec"], 0.1),
    "ssrc": ([], 0.1),
    "rejoin": (["left"], 3),
}


def check_files(feed, codec, scenario, output):
    """@param output of a replay of the feed as it came"""
    pictures = sum(int(n) for n in re.findall(r"^camera .* out (\d+),", output, re.M))
    files, text = play_feed.check(feed, pictures, *FILES[scenario])
    videos = [f["video"] for f in files if "video" in f]
    if scenario == "rotation":
        assert [v["rotation"] for v in videos] == [0, 90, 0], videos
    if scenario == "codec":
        assert [v["codec"] for v in videos] == codec.lower().split(":")[0].split("+"), videos
    return text


def publish(capture, feed, browser, codec, scenario):
    if browser == "numbered":
        numbered_feed.write(feed, codec.split("+"), scenario)
        return 0
    node = shutil.which("node")
    if not node:
        print("skipped: no node")
        return 77
    return subprocess.run([node, os.path.join(HERE, "publish.mjs"), capture, feed, browser, codec, scenario], timeout=120, check=False).returncode


def main():
    capture, replay, browser, codec, scenario = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        feed = os.path.join(folder, "feed")
        status = publish(capture, feed, browser, codec, scenario)
        if status:
            return status
        failed = 0
        for options in MISCHIEF:
            run = subprocess.run([replay, *options.split(), "-s", "7", feed], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
            failed += run.returncode != 0
            print(f"{browser} {codec} {scenario} [{options or 'as it came'}]", "failed" if run.returncode else "good")
            print("  " + "\n  ".join(run.stdout.splitlines()[-12:]))
            if not options:
                untouched = run.stdout
        if scenario in FILES and (LONG or scenario != "turn"):
            try:
                print(f"{browser} {codec} {scenario} [recorded] good\n  {check_files(feed, codec, scenario, untouched)}")
            except AssertionError as error:
                failed += 1
                print(f"{browser} {codec} {scenario} [recorded] failed\n  {error!r}")
        if failed and os.environ.get("PLM_WORK"):
            shutil.copy(feed, os.path.join(os.environ["PLM_WORK"], f"{browser}-{codec}-{scenario}.feed"))
    return 1 if failed else 0


sys.exit(main())
