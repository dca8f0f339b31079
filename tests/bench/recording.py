#!/usr/bin/env python3
"""What recording costs the server: the same load without and with a feed to plenum-recorder, turn about, as a Markdown table.

Every run has a server of its own on one CPU; client and recorder are on another. In the runs with a feed every room is recorded from its first publisher on.
Figures are medians of the rounds; the goal is at most 5 % of CPU per packet more, and a 99th percentile of the latency within 20 %.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import run

KEY = "b" * 64
MEETINGS = ["--scenario", "meeting", "--size"]
FULL = [
    ("4 × 4, 25 rooms", MEETINGS + ["4", "--rooms", "25"]),
    ("10 × 10", MEETINGS + ["10"]),
    ("1 → 100", run.FAN_OUT + ["100"]),
]
SMOKE = [("3 × 3", MEETINGS + ["3"])]
CPU_GOAL, LATENCY_GOAL = 1.05, 1.20


def option(options, name, default):
    return int(options[options.index(name) + 1]) if name in options else default


def make_rooms(address, n):
    for i in range(n):
        body = json.dumps({"name": f"bench{i}", "settings": {"auto_record": True}}).encode()
        request = urllib.request.Request(f"http://{address}/api/v1/rooms", body, {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """The server's own figures until its load is gone."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.most, self.over = address, {}, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(1):
            with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=5) as reply:
                for line in reply.read().decode().splitlines():
                    if line.startswith(("plenum_recording", "plenum_feed")):
                        name, value = line.split("{")[0].split(" ")[0], float(line.rsplit(" ", 1)[1])
                        self.most[name] = max(self.most.get(name, 0), value)


class Recorder:
    """plenum-recorder on the client's CPU; the server finds it."""

    def __init__(self, program, data, cpu):
        os.makedirs(data, exist_ok=True)
        self.dir, self.socket = os.path.join(data, "recordings"), os.path.join(data, "recorder.sock")
        self.process = subprocess.Popen([program, "serve", "--dir", self.dir, "--socket", self.socket, "--log-level", "warn"], preexec_fn=run.pin(cpu))
        deadline = time.monotonic() + 20
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the recorder does not start")
            time.sleep(0.02)
        self.began, self.from_s = time.monotonic(), cpu_s(self.process.pid)

    def share(self):
        return (cpu_s(self.process.pid) - self.from_s) / (time.monotonic() - self.began)

    def end(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            sys.exit("the recorder did not end well")
        return sum(len([n for n in names if n.endswith((".webm", ".mp4"))]) for _, _, names in os.walk(self.dir))


def one(args, options, cpus, feed):
    """@return what plenum-bench found, with what the recorder took when there was a feed"""
    port, rooms = run.free_port(), option(options, "--rooms", 1)
    publishers = rooms * (option(options, "--size", 1) if "meeting" in options else 1)
    with tempfile.TemporaryDirectory(dir=args.dir) as data:
        recorder = Recorder(args.recorder, data, cpus[1]) if feed else None
        server = run.start_server(args.server, port, data, cpus[0], 1, {"PLENUM_API_KEY": KEY, "PLENUM_RECORDING_SUPERVISE": "false",
                                                                                     "PLENUM_RECORDING_ENABLED": "true" if feed else "false"})
        address = f"127.0.0.1:{port}"
        if feed:
            make_rooms(address, rooms)
        watch = Watch(address)
        command = [args.bench, "--server", address, "--pid", str(server.pid), "--seconds", str(args.seconds), "--warm-up", "2"]
        if cpus[0] is not None:
            command += ["--server-cpu", str(cpus[0]), "--cpu", str(cpus[1])]
        try:
            done = subprocess.run(command + options, stdout=subprocess.PIPE, text=True, check=False)
        finally:
            watch.over.set()
            watch.join()
            share = recorder.share() if recorder else 0
            server.terminate()
            code = server.wait(timeout=20)
            files = recorder.end() if recorder else 0
    if done.returncode != 0 or code != 0:
        sys.exit(f"plenum-bench ended with {done.returncode}, the server with {code}")
    if feed and (watch.most.get("plenum_recording_running", 0) != rooms or files < publishers):
        sys.exit(f"not everything was recorded: {files} files of {publishers} publishers, {watch.most}")
    return {**json.loads(done.stdout), "recorder_share": share, "dropped": watch.most.get("plenum_feed_dropped_total", 0)}


def measure(args, options, cpus):
    """@return results without, results with: the second of each round is the first of the next, so that a drift falls on both alike"""
    without, with_feed = [], []
    for i in range(args.rounds):
        for feed in (False, True) if i % 2 == 0 else (True, False):
            (with_feed if feed else without).append(one(args, options, cpus, feed))
    return without, with_feed


def median(results, key):
    return statistics.median(r[key] for r in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="plenum-server")
    parser.add_argument("--recorder", required=True, help="plenum-recorder")
    parser.add_argument("--bench", required=True, help="plenum-bench")
    parser.add_argument("--seconds", type=int, default=5, help="measured, per run [5]")
    parser.add_argument("--rounds", type=int, default=4, help="runs of each kind [4]")
    parser.add_argument("--dir", help="where recordings go [TMPDIR]")
    parser.add_argument("--smoke", action="store_true", help="one small round, to see that all works")
    parser.add_argument("--only", help="scenarios whose name contains this")
    args = parser.parse_args()
    if args.smoke:
        args.seconds, args.rounds = 1, 1
    allowed = sorted(os.sched_getaffinity(0))
    cpus = (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)
    print("| scenario | server CPU µs/packet without | with | ratio | latency p99 ms without | with | ratio | recorder CPU % | dropped by the feed | loss % |")
    print("|---" * 10 + "|", flush=True)
    missed = False
    for name, options in SMOKE if args.smoke else FULL:
        if args.only and args.only not in name:
            continue
        without, with_feed = measure(args, options, cpus)
        cpu = [median(r, "server_us_per_packet") for r in (without, with_feed)]
        p99 = [median(r, "latency_p99_us") / 1000 for r in (without, with_feed)]
        loss = max(r["loss_percent"] for r in without + with_feed)
        dropped = sum(r["dropped"] for r in with_feed)
        print(f"| {name} | {cpu[0]:.2f} | {cpu[1]:.2f} | {cpu[1] / cpu[0]:.3f} | {p99[0]:.2f} | {p99[1]:.2f} | {p99[1] / p99[0]:.2f} | "
              f"{median(with_feed, 'recorder_share') * 100:.1f} | {dropped:.0f} | {loss:.3f} |", flush=True)
        missed |= cpu[1] / cpu[0] > CPU_GOAL or p99[1] / p99[0] > LATENCY_GOAL or dropped > 0
    if missed and not args.smoke:
        print(f"missed: at most {CPU_GOAL} of the CPU per packet, {LATENCY_GOAL} of the latency, nothing dropped", file=sys.stderr)
    return missed and not args.smoke


if __name__ == "__main__":
    sys.exit(main())
