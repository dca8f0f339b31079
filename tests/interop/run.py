#!/usr/bin/python3
"""One row of the interop table: one publisher, all receivers, through a server of its own.

usage: run.py --server PROGRAM --out FOLDER [--srtp PROFILE] [--hold SECONDS] [--ipv6] [--restart] [--receivers LIST] PUBLISHER

PUBLISHER is a stack of STACKS, with a codec for the extra rows: "chromium:VP9". Exit status 0: every cell good; 1: one is not;
77: a package is missing, the last line says which.
"""
import argparse
import collections
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error

import network
import peer

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 9000
GCM, GCM_256, CM = "AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES128_CM_SHA1_80"

# program, options, SRTP profiles that it has. aiortc 1.4 and GStreamer 1.22 know one; the browsers take what the server prefers.
STACKS = {
    "chromium": ("peer_browser.py", ["--browser", "chromium"], (GCM, GCM_256, CM)),
    "firefox": ("peer_browser.py", ["--browser", "firefox"], (GCM, GCM_256, CM)),
    "pion": ("peer_pion.py", ["--srtp", "gcm"], (GCM,)),
    "pion-cm": ("peer_pion.py", ["--srtp", "cm"], (CM,)),
    "aiortc": ("peer_aiortc.py", [], (CM,)),
    "gstreamer": ("peer_gstreamer.py", [], (CM,)),
}
TONES = {"chromium": 440, "firefox": 550, "pion": 660, "pion-cm": 770, "aiortc": 880, "gstreamer": 990}
LUMAS = {"chromium": 100, "firefox": 80, "pion": 60, "pion-cm": 120, "aiortc": 140, "gstreamer": 160}
# The rest of the offers say actpass.
ACTIVE = {"publish": ("aiortc", "pion-cm"), "receive": ("firefox", "gstreamer", "pion")}
# Who receives together.
TURNS = (("pion", "pion-cm", "aiortc", "gstreamer"), ("chromium", "firefox"))
DECODES = {
    "VP8": tuple(STACKS),
    "VP9": ("chromium", "firefox"),
    "H264": ("chromium", "pion", "pion-cm", "aiortc", "gstreamer"),
}
FOLLOWING = ("aiortc", "chromium")  # the rest pin the publisher's name
SLOW_S = 20  # a receiver that is not served by then has trouble; it waits for 30 s and more
RESTARTS = ("chromium", "firefox", "pion", "pion-cm")  # aiortc and webrtcbin cannot restart ICE


class Program:
    """A publisher or receiver that runs: its events as they come."""

    def __init__(self, args, stack, verb, url, codec, publisher):
        script, options, _ = STACKS[stack]
        command = ["/usr/bin/python3", os.path.join(HERE, script), verb, url, "--codec", codec, "--tone", str(TONES[publisher]),
                   "--luma", str(LUMAS[publisher]), "--hold", str(args.hold), "--seconds", str(30 + 1.5 * args.hold), *options]
        if stack in ACTIVE[verb]:
            command += ["--setup", "active"]
        if args.restart and stack in RESTARTS:
            command.append("--restart")
        self.stack, self.events, self.lines = stack, {}, []
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=self.read), threading.Thread(target=self.complain)]
        for thread in self.threads:
            thread.start()

    def read(self):
        for line in self.child.stdout:
            try:
                event = json.loads(line)
                self.events[event.pop("event")] = event
            except ValueError:
                self.lines.append(line.strip())

    def complain(self):
        self.lines.extend(line.strip() for line in self.child.stderr)

    def wait_for(self, event, seconds):
        end = time.monotonic() + seconds
        while event not in self.events and self.child.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        return self.events.get(event)

    def end(self, seconds=15):
        """@return its result, or None; raises Skip"""
        try:
            self.child.stdin.close()
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.lines.append("did not end")
            self.child.kill()
            self.child.wait()
        for thread in self.threads:
            thread.join(5)
        if self.child.returncode == 77:
            raise Skip(f"{self.stack}: {self.lines[-1] if self.lines else 'not installed'}")
        return self.events.get("result") if self.child.returncode == 0 else None

    def why(self):
        return "; ".join(self.lines[-3:]) or f"exit status {self.child.returncode}"


class Skip(Exception):
    pass


class Server:
    def __init__(self, args, folder):
        host = f"[{network.SERVER[1]}]" if args.ipv6 else network.SERVER[0]
        self.url = f"http://{host}:{PORT}"
        env = {"PATH": os.environ["PATH"], "PLENUM_HTTP_LISTEN": f"{host}:{PORT}", "PLENUM_RTC_LISTEN": f"{host}:{PORT}",
               "PLENUM_DATA_DIR": folder, "PLENUM_METRICS_DETAIL": "true", "PLENUM_RTC_SRTP_PREFER": args.srtp}
        self.profiles = {}
        self.log = os.path.join(folder, "server.log")
        with open(self.log, "wb") as log:
            self.child = network.start([args.server], env, log)
        self.wait_ready()
        self.stopping = threading.Event()
        self.noting = threading.Thread(target=self.note_profiles, daemon=True)
        self.noting.start()

    def wait_ready(self):
        for _ in range(100):
            try:
                peer.request("GET", self.url + "/healthz")
                return
            except (urllib.error.URLError, OSError):
                if self.child.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError("the server does not answer: " + self.said())

    def said(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def note_profiles(self):
        """Which SRTP profile each connection has: looked up often, for on a busy machine one may be over before anybody else runs."""
        pattern = r'^plenum_transport_rx_packets_total{transport="(\d+)".*state="connected",srtp="(\w+)"}'
        while not self.stopping.wait(0.3):
            try:
                self.profiles.update(re.findall(pattern, peer.request("GET", self.url + "/metrics")[2], re.M))
            except (urllib.error.URLError, OSError):
                pass  # others find out when it is gone

    def counted(self, name):
        return sum(map(int, re.findall(rf"^plenum_{name}_total(?:{{.*}})? (\d+)$", peer.request("GET", self.url + "/metrics")[2], re.M)))

    def look(self):
        """What the server counts now, of every connection, track and slot, but for zeros."""
        lines = [line for line in peer.request("GET", self.url + "/metrics")[2].splitlines() if not line.startswith("#")]
        return [line for line in lines if not line.endswith(" 0")]

    def stop(self):
        self.stopping.set()
        self.noting.join()
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(15)


def profile_of(args, stack):
    """The profile that this stack must end up with."""
    has = STACKS[stack][2]
    return args.srtp if args.srtp in has else has[0]


def profile_name(text):
    return {"gcm": GCM, "cm": CM}.get(text) or re.sub("^SRTP_", "", text).replace("HMAC_", "")


def faults(args, stack, codec, got):
    """What is wrong with a receiver's result."""
    wrong = []
    frames, packets = peer.enough(args.hold)
    if got["video_frames"] < frames:
        wrong.append(f"{got['video_frames']} frames")
    if got["audio_packets"] < packets:
        wrong.append(f"{got['audio_packets']} audio packets")
    if got["bytes"] < 5000:
        wrong.append(f"{got['bytes']} octets")
    if not got["content_ok"]:
        wrong.append(f"{got['tone_hz']} Hz, luma {got['luma']}")
    if (got["codec"] or "").upper() != codec:
        wrong.append(f"codec {got['codec']}")
    if (got["width"], got["height"]) != (peer.WIDTH, peer.HEIGHT):
        wrong.append(f"{got['width']}x{got['height']}")
    if got["srtp"] and profile_name(got["srtp"]) != profile_of(args, stack):
        wrong.append(f"SRTP {got['srtp']}")
    if args.restart and stack in RESTARTS and not got.get("restarted"):
        wrong.append("no ICE restart")
    return wrong


def receive_turn(args, server, turn, publisher, codec):
    running = []
    for stack in turn:
        name = "" if stack in FOLLOWING else "/" + publisher
        running.append(Program(args, stack, "receive", f"{server.url}/whep/table{name}", codec, publisher))
    for program in running:
        program.wait_for("connected", 150)
    cells, looks = {}, []
    for program in running:
        if not program.wait_for("result", SLOW_S + args.hold) and program.child.poll() is None and len(looks) < 2:
            looks.append((program.stack, server.look()))
        program.wait_for("result", 150 + 1.5 * args.hold)
        got = program.end()
        wrong = faults(args, program.stack, codec, got) if got else [program.why()]
        cells[program.stack] = (got or {}, wrong)
        for line in program.lines if wrong else []:
            print(f"  {program.stack}: {line}")
    if any(wrong for _, wrong in cells.values()):
        for stack, lines in looks:
            print(f"  the server while {stack} still waited:", *lines, sep="\n    ")
    return cells


def server_faults(args, server, stacks):
    """What is wrong with what the server says of them all."""
    wrong = []
    seen = collections.Counter(server.profiles.values())
    expected = collections.Counter(profile_of(args, stack) for stack in stacks)
    if seen != expected:
        wrong.append(f"SRTP at the server: {dict(seen)}, expected {dict(expected)}")
    restarts = sum(stack in RESTARTS for stack in stacks) if args.restart else 0
    if server.counted("ice_restarts") != restarts:
        wrong.append(f"ICE restarts at the server: {server.counted('ice_restarts')}, expected {restarts}")
    if server.counted("handshake_failures"):
        wrong.append(f"failed handshakes at the server: {server.counted('handshake_failures')}")
    return wrong


def row(args, server, publisher, codec):
    cells = {}
    source = Program(args, publisher, "publish", f"{server.url}/whip/table/{publisher}", codec, publisher)
    try:
        if not source.wait_for("connected", 120):
            source.end()
            return {}, ["did not connect: " + source.why()]
        for turn in TURNS:
            present = [stack for stack in turn if stack in DECODES[codec] and stack in args.receivers]
            cells.update(receive_turn(args, server, present, publisher, codec))
    finally:
        result = source.end()
    wrong = [] if result else [source.why()]
    if result and args.restart and publisher in RESTARTS and not result.get("restarted"):
        wrong.append(f"{publisher} did not restart ICE")
    return cells, wrong + server_faults(args, server, (publisher, *cells))


def table(args, publisher, codec, cells):
    lines = [f"| publishes {publisher} ({profile_of(args, publisher)}), {codec}{', IPv6' if args.ipv6 else ''}{', ICE restart' if args.restart else ''} "
             "| SRTP | offer | connected ms | audio packets | frames | size | octets | tone Hz | luma | |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for stack in args.receivers:
        if stack not in DECODES[codec]:
            lines.append(f"| {stack} |  |  |  |  |  |  |  |  |  | has no {codec} |")
            continue
        got, wrong = cells.get(stack, ({}, ["missing"]))
        setup = "active" if stack in ACTIVE["receive"] else "actpass"
        values = [profile_of(args, stack), setup, *(got.get(k, "") for k in ("connected_ms", "audio_packets", "video_frames")),
                  f"{got.get('width', '')}x{got.get('height', '')}", *(got.get(k, "") for k in ("bytes", "tone_hz", "luma"))]
        lines.append(f"| {stack} | " + " | ".join(map(str, values)) + f" | {'FAILED: ' + ', '.join(wrong) if wrong else 'good'} |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--srtp", choices=(GCM, GCM_256, CM), default=GCM, help="what the server prefers")
    parser.add_argument("--hold", type=int, default=0, help="receive for so many seconds")
    parser.add_argument("--ipv6", action="store_true")
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--receivers", type=lambda names: names.split(","), default=list(STACKS), help="separated by commas")
    parser.add_argument("publisher")
    return parser.parse_args()


def main():
    args = arguments()
    args.out = os.path.abspath(args.out)
    if not network.inside():
        built = subprocess.run([os.path.join(HERE, "pion", "build.sh"), args.out]).returncode
        if built:
            return built
    reason = network.enter()
    if reason:
        print("skipped:", reason)
        return 77
    publisher, _, codec = args.publisher.partition(":")
    codec = codec or "VP8"
    os.environ["PLM_PION"] = os.path.join(args.out, "pion")
    with tempfile.TemporaryDirectory(prefix="plenum-interop-") as folder:
        server = Server(args, folder)
        try:
            cells, wrong = row(args, server, publisher, codec)
        except Skip as missing:
            print("skipped:", missing)
            return 77
        finally:
            status = server.stop()
            log = server.said()
    text = table(args, publisher, codec, cells)
    print(text)
    name = args.publisher.replace(":", "-") + ("" if args.srtp == GCM else "-" + args.srtp) + ("-ipv6" if args.ipv6 else "") + ("-restart" if args.restart else "") + ("-hold" if args.hold else "")
    with open(os.path.join(args.out, f"interop-{name}.md"), "w", encoding="utf-8") as file:
        file.write(text)
    wrong += [f"{stack}: {', '.join(faulty)}" for stack, (_, faulty) in cells.items() if faulty]
    if status:
        wrong.append(f"the server ended with {status}")
    if wrong:
        print("\n".join(wrong))
        print(log)
    missing = set(DECODES[codec]) & set(args.receivers) - set(cells)
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
