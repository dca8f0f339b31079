"""A plenum-server of one's own, on free ports of the loopback interface, for the tests. Python's standard library only."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("PLM_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PROGRAM = os.environ.get("PLM_SERVER", os.path.join(SOURCE, "build", "dev", "bin", "plenum-server"))


def skip(reason):
    """End as a skipped test."""
    print(reason)
    sys.exit(77)


def free_port():
    """A port that is free for TCP and UDP just now."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Server:
    """Use as a context manager; env overrides settings, for example PLENUM_RTC_WORKERS="2". prefix: a command that runs the program."""

    def __init__(self, env=None, args=(), web_root=None, prefix=()):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="plenum-test-")
        self.args = list(args)
        self.prefix = list(prefix)
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PLENUM_HTTP_LISTEN": f"127.0.0.1:{self.port}",
            "PLENUM_RTC_LISTEN": f"127.0.0.1:{self.port}",
            "PLENUM_DATA_DIR": os.path.join(self.folder, "data"),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        if web_root:
            self.env["PLENUM_HTTP_WEB_ROOT"] = web_root
        self.env.update(env or {})
        self.log_path = os.path.join(self.folder, "log")
        self.process = None

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*self.prefix, PROGRAM, *self.args], env=self.env, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 20
        while "is ready" not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log()}")
            time.sleep(0.02)
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(self.log()[-4000:])
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def stop(self):
        """SIGTERM, and wait. A server that does not end, or ends with an error, is a failure."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server does not end:\n{self.log()[-4000:]}") from None
        if status != 0:
            raise AssertionError(f"the server ended with status {status}:\n{self.log()[-6000:]}")

    def request(self, method, path, body=None, headers=None):
        """One request on a connection of its own. @return (status, headers with lower-case names, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            found = {}
            for name, value in reply.getheaders():
                found.setdefault(name.lower(), []).append(value)
            return reply.status, {name: ", ".join(values) for name, values in found.items()}, reply.read()
        finally:
            connection.close()

    def raw(self, data, timeout=10):
        """Send octets as they are. @return all that comes until the peer closes or nothing comes for a second"""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            got = b""
            s.settimeout(1)
            try:
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        return got
                    got += piece
            except (TimeoutError, ConnectionResetError):
                return got

    def metrics(self):
        """All samples of /metrics by their text: {'plenum_rooms': 0.0, 'plenum_rx_rtp_total{worker="0"}': 12.0, …}"""
        status, _, body = self.request("GET", "/metrics")
        assert status == 200, status
        samples = {}
        for line in body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum of a family's samples that have these labels."""
        total = 0.0
        for sample, value in self.metrics().items():
            family, _, rest = sample.partition("{")
            found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', rest))
            if family == name and all(found.get(key) == want for key, want in labels.items()):
                total += value
        return total


def run(tests):
    """Run functions without arguments; the first failure ends the program with its trace."""
    for test in tests:
        start = time.monotonic()
        test()
        print(f"ok {test.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
