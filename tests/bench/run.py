#!/usr/bin/env python3
"""Load on plenum-server, one scenario after the other, as a Markdown table.

The server runs on one CPU, the client on another; both floors are measured on the server's CPU just before each scenario. Every
scenario has a server of its own, so that memory is counted from the same start.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.json")
WORSE = 1.1  # of a recorded ratio: that is told

FAN_OUT = ["--scenario", "fanout", "--size"]
MEETINGS = ["--scenario", "meeting", "--size", "4", "--rooms", "25"]
CROWD = ["--scenario", "crowd", "--bitrate", "300", "--decrypt-one-of", "10", "--size"]
CM_80 = {"PLENUM_RTC_SRTP_PREFER": "AES128_CM_SHA1_80"}
# name, options of plenum-bench, and what differs: workers that share one CPU, variables of the server
FULL = [
    ("1 → 10", FAN_OUT + ["10"], {}),
    ("1 → 100", FAN_OUT + ["100"], {}),
    ("1 → 100, packets 0.5 ms apart", FAN_OUT + ["100", "--pace-us", "500"], {}),
    ("1 → 100, CM_80", FAN_OUT + ["100"], {"env": CM_80}),
    ("1 → 200", FAN_OUT + ["200"], {}),
    ("1 → 200, two workers on one CPU", FAN_OUT + ["200"], {"workers": 2}),
    ("4 × 4, 25 rooms", MEETINGS, {}),
    ("4 × 4, 25 rooms, two workers on one CPU", MEETINGS, {"workers": 2}),
    ("10 × 10", ["--scenario", "meeting", "--size", "10"], {}),
    ("audio, 1 → 300", ["--scenario", "audio-fanout", "--size", "300"], {}),
    ("audio, 20 × 20", ["--scenario", "audio", "--size", "20"], {}),
    ("silent, 1 → 200", ["--scenario", "silent", "--size", "200"], {}),
] + [(f"crowd of {n}", CROWD + [str(n)], {}) for n in (10, 50, 100, 200, 500)]
SMOKE = [
    ("crowd of 5", ["--scenario", "crowd", "--size", "5", "--seconds", "1"], {}),
    ("1 → 3", ["--scenario", "fanout", "--size", "3", "--seconds", "1"], {}),
    ("3 × 3", ["--scenario", "meeting", "--size", "3", "--seconds", "1"], {}),
    ("audio, 3 × 3", ["--scenario", "audio", "--size", "3", "--seconds", "1"], {}),
]
COLUMNS = [
    ("packets/s", "delivered_per_s", "{:,.0f}"),
    ("Mbit/s", "mbit_per_s", "{:.1f}"),
    ("server CPU µs/packet", "server_us_per_packet", "{:.2f}"),
    ("× EVP floor", "ratio_evp", "{:.2f}"),
    ("× ipsec-mb floor", "ratio_ipsecmb", "{:.2f}"),
    ("× floor of the load", "ratio_load", "{:.2f}"),
    ("loss %", "loss_percent", "{:.3f}"),
    ("latency p50 / p99 ms", ("latency_p50_us", "latency_p99_us"), "{:.2f} / {:.2f}"),
    ("media after p50 / p99 ms", ("media_p50_ms", "media_p99_ms"), "{:.0f} / {:.0f}"),
    ("connected after p50 / p99 ms", ("connect_p50_ms", "connect_p99_ms"), "{:.0f} / {:.0f}"),
    ("kB per transport", "pss_kb_per_transport", "{:.0f}"),
    ("CPU server / client %", ("server_cpu_share", "client_cpu_share"), "{:.0f} / {:.0f}"),
    ("floors µs", ("floor_evp_us", "floor_ipsecmb_us", "floor_load_us"), "{:.2f} / {:.2f} / {:.2f}"),
]
SCALE = {"latency_p50_us": 1e-3, "latency_p99_us": 1e-3, "server_cpu_share": 100, "client_cpu_share": 100}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pin(cpu):
    def apply():
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
    return apply


def start_server(path, port, data, cpu, workers, more):
    address = f"127.0.0.1:{port}"
    env = dict(os.environ, PLENUM_HTTP_LISTEN=address, PLENUM_RTC_LISTEN=address, PLENUM_RTC_WORKERS=str(workers),
               PLENUM_DATA_DIR=data, PLENUM_LOG_LEVEL="warn", PLENUM_ROOMS_MAX_VIEWERS="5000",
               PLENUM_ROOMS_MAX_PARTICIPANTS="1000", **more)
    server = subprocess.Popen([path], env=env, preexec_fn=pin(cpu))
    for _ in range(100):
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"http://{address}/healthz", timeout=1):
                return server
        except OSError:
            time.sleep(0.05)
    server.terminate()
    sys.exit("the server does not answer")


def run(args, options, cpus, differs):
    """One scenario. Workers share the one CPU unless they are those of --workers, which may use every CPU."""
    port, workers = free_port(), differs.get("workers")
    with tempfile.TemporaryDirectory() as data:
        cpu = cpus[0] if workers or args.workers == 1 else None
        server = start_server(args.server, port, data, cpu, workers or args.workers, differs.get("env", {}))
        command = [args.bench, "--server", f"127.0.0.1:{port}", "--pid", str(server.pid)]
        if not args.smoke:
            command += ["--seconds", str(args.seconds), "--warm-up", "2"]
        if cpus[0] is not None:
            command += ["--server-cpu", str(cpus[0]), "--cpu", str(cpus[1])]
        try:
            done = subprocess.run(command + options, stdout=subprocess.PIPE, text=True, check=False)
        finally:
            server.terminate()
            code = server.wait(timeout=20)
    if done.returncode != 0:
        sys.exit(f"plenum-bench ended with {done.returncode}")
    if code != 0:
        sys.exit(f"the server ended with {code}")
    return json.loads(done.stdout)


def cell(result, keys, form):
    keys = keys if isinstance(keys, tuple) else (keys,)
    return form.format(*(result[k] * SCALE.get(k, 1) for k in keys))


def faults(result):
    """What must not happen even on a busy machine."""
    if result["unmarked"] or result["undecryptable"]:
        yield "packets that are not what was sent"
    if result["loss_percent"] > 5:
        yield f"{result['loss_percent']} % lost"


def compared(results, file):
    """Lines on scenarios that cost more than when they were recorded, by the ratio to the floor of the same minute."""
    with open(file, encoding="utf-8") as f:
        recorded = json.load(f)
    for name, result in results.items():
        before, now = recorded.get(name), result["ratio_evp"]
        if before and now > before * WORSE:
            yield f"{name}: {now:.2f} times the EVP floor, {before:.2f} were recorded"


def record(results, file):
    recorded = {}
    if os.path.exists(file):
        with open(file, encoding="utf-8") as f:
            recorded = json.load(f)
    recorded.update({name: result["ratio_evp"] for name, result in results.items()})
    with open(file, "w", encoding="utf-8") as f:
        json.dump(recorded, f, indent=2, ensure_ascii=False)
        f.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="plenum-server")
    parser.add_argument("--bench", required=True, help="plenum-bench")
    parser.add_argument("--seconds", type=int, default=10, help="measured, per scenario")
    parser.add_argument("--smoke", action="store_true", help="a few small scenarios, to see that all works")
    parser.add_argument("--workers", type=int, default=1, help="of the server; more than one may use every CPU [1]")
    parser.add_argument("--only", help="scenarios whose name contains this")
    parser.add_argument("--record", action="store_true", help="keep the ratios, for later runs to be compared with")
    args = parser.parse_args()
    scenarios = [one for one in (SMOKE if args.smoke else FULL) if not args.only or args.only in one[0]]
    if not scenarios:
        parser.error(f"--only: none of these: {', '.join(name for name, _, _ in (SMOKE if args.smoke else FULL))}")
    allowed = sorted(os.sched_getaffinity(0))
    cpus = (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)
    print("| scenario | " + " | ".join(name for name, _, _ in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|", flush=True)
    failed, results = False, {}
    for name, options, differs in scenarios:
        result = results[name] = run(args, options, cpus, differs)
        print(f"| {name} | " + " | ".join(cell(result, keys, form) for _, keys, form in COLUMNS) + " |", flush=True)
        for fault in faults(result):
            print(f"{name}: {fault}", file=sys.stderr)
            failed = True
    if args.record:
        record(results, RECORDED)
    elif os.path.exists(RECORDED):
        print("\n".join(compared(results, RECORDED)))
    return failed


if __name__ == "__main__":
    sys.exit(main())
