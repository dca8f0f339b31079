#!/usr/bin/env python3
"""Servers beside each other: CPU per packet of each, and its ratio to the first one's.

On a virtual machine one run differs from the next by a tenth. Here all servers share a CPU and their clients another, each has the load of
the scenario, and what is compared are slices of the same seconds: after three launches a ratio is known to within a hundredth.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile

import run

SCENARIOS = {name: (options, differs) for name, options, differs in run.FULL}


class Loaded:
    """A server under load, which is measured slice by slice."""

    def __init__(self, path, workers, args, cpus, stack):
        options, differs = SCENARIOS[args.scenario]
        port = run.free_port()
        data = stack.enter_context(tempfile.TemporaryDirectory())
        server = run.start_server(path, port, data, cpus[0], workers, differs.get("env", {}))
        stack.callback(server.wait)
        stack.callback(server.terminate)
        command = [args.bench, "--server", f"127.0.0.1:{port}", "--pid", str(server.pid), "--asks",
                   "--warm-up", "1", "--seconds", str(args.seconds), "--slices", str(args.slices + 1)]
        if cpus[1] is not None:
            command += ["--cpu", str(cpus[1])]
        self.client = subprocess.Popen(command + options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(self.client.wait)
        stack.callback(self.client.stdin.close)

    def begin(self):
        self.client.stdin.write("x")
        self.client.stdin.flush()

    def result(self):
        line = self.client.stdout.readline()
        if not line:
            sys.exit(f"plenum-bench ended with {self.client.wait()}")
        return json.loads(line)


def measure(servers):
    for server in servers:
        server.begin()
    return [server.result() for server in servers]


def launch(args, workers, cpus):
    """Slices of one launch, each a result for each server. The first one began before everybody had joined, and does not count."""
    with contextlib.ExitStack() as stack:
        servers = [Loaded(path, n, args, cpus, stack) for path, n in zip(args.servers, workers)]
        return [measure(servers) for _ in range(args.slices + 1)][1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True, help="plenum-bench")
    parser.add_argument("--scenario", default="4 × 4, 25 rooms", choices=SCENARIOS, metavar="NAME", help="as run.py calls it [%(default)s]")
    parser.add_argument("--workers", default="1", help="of each server, or of all: 1,2 [1]")
    parser.add_argument("--launches", type=int, default=3, help="[3]")
    parser.add_argument("--slices", type=int, default=5, help="of each launch [5]")
    parser.add_argument("--seconds", type=int, default=3, help="of each slice [3]")
    parser.add_argument("servers", nargs="+", help="plenum-server, two or more of them")
    args = parser.parse_args()
    workers = [int(n) for n in args.workers.split(",")]
    if len(workers) == 1:
        workers *= len(args.servers)
    if len(workers) != len(args.servers):
        parser.error("--workers: one number, or one for each server")
    allowed = sorted(os.sched_getaffinity(0))
    cpus = (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)
    launches = [launch(args, workers, cpus) for _ in range(args.launches)]
    print("| server | workers | CPU µs/packet | ratio | of each launch | loss % |\n|---|---|---|---|---|---|")
    for i, path in enumerate(args.servers):
        ratios = [statistics.mean(s[i]["server_us_per_packet"] / s[0]["server_us_per_packet"] for s in slices) for slices in launches]
        of_server = [s[i] for slices in launches for s in slices]
        took = statistics.median(r["server_us_per_packet"] for r in of_server)
        lost = max(r["loss_percent"] for r in of_server)
        print(f"| {path} | {workers[i]} | {took:.2f} | {statistics.mean(ratios):.3f} | {', '.join(f'{r:.3f}' for r in ratios)} | {lost:.3f} |")


if __name__ == "__main__":
    main()
