#!/usr/bin/python3
"""Chromium or Firefox (--browser) as publisher and receiver; see peer.py. The browser shows browser.html, served here on 127.0.0.1 (which
browsers take for a secure origin), and posts what happens; no driver is needed."""
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import peer

START_S = 90  # a browser's first start on a machine that is busy otherwise

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {"chromium": ("chromium",), "firefox": ("firefox-esr", "firefox")}
FILES = {"/": ("browser.html", "text/html"), "/browser.js": ("browser.js", "text/javascript")}

FIREFOX_PREFS = {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.cubeb.force_mock_context": True,  # WebAudio stands still on a machine without sound
    "media.gmp-manager.url": "",
    "media.gmp-provider.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "dom.min_background_timeout_value": 4,
}


def command(browser, program, profile, url):
    if browser == "firefox":
        with open(os.path.join(profile, "user.js"), "w", encoding="utf-8") as prefs:
            for name, value in FIREFOX_PREFS.items():
                prefs.write(f'user_pref("{name}", {json.dumps(value)});\n')
        return [program, "--headless", "--no-remote", "--profile", profile, url]
    return [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
            "--autoplay-policy=no-user-gesture-required", "--disable-features=LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns",
            f"--user-data-dir={profile}", url]


class Page:
    """Serves the page and keeps what it said."""

    def __init__(self, args):
        self.lock = threading.Condition()
        self.last, self.location, self.failed, self.restarted = {}, None, None, not args.restart
        self.loaded = threading.Event()
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", kind="text/plain"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                name, kind = FILES.get(urllib.parse.urlsplit(self.path).path, (None, None))
                if name is None:
                    return self.answer(404)
                page.loaded.set()
                with open(os.path.join(HERE, name), "rb") as file:
                    self.answer(200, file.read(), kind)

            def do_POST(self):
                page.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer(200)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        query = {"verb": args.verb, "url": args.url, "codec": args.codec, "tone": args.tone, "luma": args.luma, "setup": args.setup,
                 "restart": int(args.restart), "width": peer.WIDTH, "height": peer.HEIGHT, "fps": peer.FPS}
        self.url = f"http://127.0.0.1:{self.server.server_port}/?{urllib.parse.urlencode(query)}"

    def take(self, event):
        with self.lock:
            kind = event.pop("event")
            if kind == "progress":
                self.last = event
            elif kind == "resource":
                self.location = event["location"]
            elif kind == "restarted":
                self.restarted, self.last = True, {}
            elif kind == "failed":
                self.failed = event["reason"]
            elif kind == "connected":
                peer.emit("connected", **event)
            self.lock.notify_all()


def take(got, last):
    for name in ("connected_ms", "audio_packets", "video_frames", "bytes", "width", "height", "codec", "srtp", "tone_hz", "luma"):
        if name in last:
            setattr(got, name, last[name])


def receive(args, page, child):
    got = peer.Received(args)
    while not got.expired() and child.poll() is None:
        with page.lock:
            page.lock.wait(0.2)
            if page.failed:
                raise RuntimeError(page.failed)
            take(got, page.last)
            if page.restarted and got.enough():
                break
    got.emit(restarted=args.restart and page.restarted)


def publish(args, page, child):
    while not peer.input_ended():
        if page.failed or child.poll() is not None:
            raise RuntimeError(page.failed or "the browser ended")
    peer.emit("result", restarted=args.restart and page.restarted, **page.last)


def main():
    args = peer.arguments()
    program = next(filter(None, map(shutil.which, PROGRAMS[args.browser])), None)
    if not program:
        print(f"skipped: {args.browser} is not installed")
        return 77
    page = Page(args)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        env = dict(os.environ, HOME=profile, XDG_RUNTIME_DIR=profile)
        env.pop("DISPLAY", None)
        child = subprocess.Popen(command(args.browser, program, profile, page.url), env=env, start_new_session=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not page.loaded.wait(START_S):
                raise RuntimeError(f"{args.browser} did not load the page in {START_S} s")
            if args.verb == "publish":
                publish(args, page, child)
            else:
                receive(args, page, child)
            return 0
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if page.location:
                peer.request("DELETE", page.location)


sys.exit(main())
