#!/usr/bin/env python3
"""What recording costs the server: the same load without and with a feed to plenum-recorder, turn about in one run, as a Markdown table.

The server is on one CPU, client and recorder are on another. Every room's recording is started and stopped again and again while the load goes on; measured is
from the moment when all recordings are on, or all files finished. Each slice with a feed is compared with the mean of its two neighbours without, so that what
the machine does meanwhile falls on both alike; figures are medians of those. The goal is at most 5 % of CPU per packet more, and a 99th percentile of the latency
within 20 %.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
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


def ask(address, method, path, body=None):
    request = urllib.request.Request(f"http://{address}/api/v1{path}", body and json.dumps(body).encode(), {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
                                     method=method)
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.loads(reply.read() or b"null")


def metrics(address):
    """@return those of recording and feed, summed over what they are told apart by"""
    sums = {}
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(("plenum_recording", "plenum_feed")):
                name = line.split("{")[0].split(" ")[0]
                sums[name] = sums.get(name, 0) + float(line.rsplit(" ", 1)[1])
    return sums


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def go_first(pid, priority):
    """All threads of it go before everything on the machine that has a lower priority or none."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setscheduler(int(thread), os.SCHED_FIFO, os.sched_param(priority))


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

    def end(self):
        self.process.terminate()
        if self.process.wait(60) != 0:
            sys.exit("the recorder did not end well")
        return sum(len([n for n in names if n.endswith((".webm", ".mp4"))]) for _, _, names in os.walk(self.dir))


class Rooms:
    """Their recordings, on or over."""

    def __init__(self, address, n):
        self.address, self.names = address, [f"bench{i}" for i in range(n)]
        for name in self.names:
            ask(address, "POST", "/rooms", {"name": name})

    def states(self, known):
        return [ask(self.address, "GET", f"/recordings/{rec}")["state"] for rec in known]

    def wait(self, known, state):
        deadline = time.monotonic() + 30
        while set(self.states(known)) != {state}:
            if time.monotonic() > deadline:
                sys.exit(f"recordings are not {state}: {self.states(known)}")
            time.sleep(0.2)

    def start(self):
        known = [ask(self.address, "POST", f"/rooms/{name}/recordings")["id"] for name in self.names]
        self.wait(known, "on")
        return known

    def stop(self, known):
        for rec in known:
            ask(self.address, "POST", f"/recordings/{rec}/stop")
        self.wait(known, "ready")


def slices(args, client, rooms, recorder):
    """@return a dictionary for each slice: what plenum-bench found, and what the recorder took; every second is recorded"""
    found = []
    for i in range(2 * args.rounds + 1):
        known = rooms.start() if i % 2 else []
        began, from_s = time.monotonic(), cpu_s(recorder.process.pid)
        client.stdin.write("\n")
        client.stdin.flush()
        line = client.stdout.readline()
        if not line:
            sys.exit("plenum-bench ended early")
        share = (cpu_s(recorder.process.pid) - from_s) / (time.monotonic() - began)
        if known and set(rooms.states(known)) != {"on"}:
            sys.exit(f"not everything was recorded: {rooms.states(known)}")
        found.append({**json.loads(line), "recorder_share": share})
        if known:
            rooms.stop(known)
    return found


def measure(args, options, cpus):
    """@return slices, counters of the server at the end"""
    port, n = run.free_port(), option(options, "--rooms", 1)
    publishers = n * (option(options, "--size", 1) if "meeting" in options else 1)
    with tempfile.TemporaryDirectory(dir=args.dir) as data:
        recorder = Recorder(args.recorder, data, cpus[1])
        server = run.start_server(args.server, port, data, cpus[0], 1, {"PLENUM_API_KEY": KEY, "PLENUM_RECORDING_SUPERVISE": "false", "PLENUM_RECORDING_ENABLED": "true"})
        address = f"127.0.0.1:{port}"
        command = [args.bench, "--server", address, "--pid", str(server.pid), "--seconds", str(args.seconds), "--warm-up", "1", "--asks", "--slices", str(2 * args.rounds + 1)]
        if cpus[0] is not None:
            command += ["--server-cpu", str(cpus[0]), "--cpu", str(cpus[1])]
        rooms = Rooms(address, n)
        client = subprocess.Popen(command + options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if args.real_time:
            go_first(server.pid, 2)
            go_first(client.pid, 2)
            go_first(recorder.process.pid, 1)
        try:
            found = slices(args, client, rooms, recorder)
            counters = metrics(address)
            status = client.wait(timeout=60)
        finally:
            client.kill()
            server.terminate()
            code = server.wait(timeout=20)
            files = recorder.end()
    if status != 0 or code != 0:
        sys.exit(f"plenum-bench ended with {status}, the server with {code}")
    if files < publishers * args.rounds:
        sys.exit(f"not everything was recorded: {files} files of {publishers} publishers in {args.rounds} rounds")
    return found, counters


def compare(found, key):
    """@return medians without, with, of the ratios; between which of the ratios their true median is with 95 % confidence"""
    values = [f[key] for f in found]
    ratios = sorted(2 * values[i] / (values[i - 1] + values[i + 1]) for i in range(1, len(values), 2))
    # How many of n fall short of the median is binomial: n / 2, give or take 1.96 times its deviation of half the root of n.
    outside = max(0, math.floor((len(ratios) - 1.96 * math.sqrt(len(ratios))) / 2))
    return statistics.median(values[::2]), statistics.median(values[1::2]), statistics.median(ratios), (ratios[outside], ratios[-1 - outside])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="plenum-server")
    parser.add_argument("--recorder", required=True, help="plenum-recorder")
    parser.add_argument("--bench", required=True, help="plenum-bench")
    parser.add_argument("--seconds", type=int, default=3, help="measured, per slice [3]")
    parser.add_argument("--rounds", type=int, default=8, help="slices with a feed [8]")
    parser.add_argument("--real-time", action="store_true", help="server and client go before everything else, then the recorder: for root, on a machine that has other work")
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
        found, counters = measure(args, options, cpus)
        cpu, p99 = compare(found, "server_us_per_packet"), compare(found, "latency_p99_us")
        loss, dropped = max(f["loss_percent"] for f in found), counters.get("plenum_feed_dropped_total", 0)
        share = statistics.median(f["recorder_share"] for f in found[1::2])
        print(f"| {name} | {cpu[0]:.2f} | {cpu[1]:.2f} | {cpu[2]:.3f} ({cpu[3][0]:.3f}–{cpu[3][1]:.3f}) | {p99[0] / 1000:.2f} | {p99[1] / 1000:.2f} | {p99[2]:.2f} ({p99[3][0]:.2f}–{p99[3][1]:.2f}) | "
              f"{share * 100:.1f} | {dropped:.0f} | {loss:.3f} |", flush=True)
        missed |= cpu[2] > CPU_GOAL or p99[2] > LATENCY_GOAL or dropped > 0
    if missed and not args.smoke:
        print(f"missed: at most {CPU_GOAL} of the CPU per packet, {LATENCY_GOAL} of the latency, nothing dropped", file=sys.stderr)
    return missed and not args.smoke


if __name__ == "__main__":
    sys.exit(main())
