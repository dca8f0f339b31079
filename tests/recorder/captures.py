#!/usr/bin/python3
"""A browser's real packets, caught as the recorder gets them, played into recorder/stream.c with losses and other mischief.

usage: captures.py PLM-CAPTURE PLM-REPLAY-STREAM BROWSER CODEC[:MODE] SCENARIO     (see publish.mjs)
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MISCHIEF = [
    "",
    "-w",
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


def main():
    capture, replay, browser, codec, scenario = sys.argv[1:]
    node = shutil.which("node")
    if not node:
        print("skipped: no node")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        feed = os.path.join(folder, "feed")
        done = subprocess.run([node, os.path.join(HERE, "publish.mjs"), capture, feed, browser, codec, scenario], timeout=120)
        if done.returncode != 0:
            return done.returncode
        failed = 0
        for options in MISCHIEF:
            run = subprocess.run([replay, *options.split(), "-s", "7", feed], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
            failed += run.returncode != 0
            print(f"{browser} {codec} {scenario} [{options or 'as it came'}]", "failed" if run.returncode else "good")
            print("  " + "\n  ".join(run.stdout.splitlines()[-12:]))
        if failed and os.environ.get("PLM_WORK"):
            shutil.copy(feed, os.path.join(os.environ["PLM_WORK"], f"{browser}-{codec}-{scenario}.feed"))
    return 1 if failed else 0


sys.exit(main())
