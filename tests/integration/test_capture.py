#!/usr/bin/python3
"""
What a running server knows of how pictures fared: over REST, second by second, for who may ask; and what --capture writes of one room: headers
and decisions, and not an octet of what was said or shown.
"""
import json
import os
import re
import struct
import subprocess
import sys
import urllib.error

from rawrtc import Call, Server, wait_for

KEY = "k" * 40
SECTION, INTERFACE, PACKET, CUSTOM = 0x0A0D0D0A, 1, 6, 0x0BAD


def blocks(data):
    """Each block of a pcapng file of this machine's byte order: type and body."""
    at = 0
    while at < len(data):
        kind, total = struct.unpack_from("=II", data, at)
        assert total >= 12 and total % 4 == 0 and at + total <= len(data), f"a block of {total} octets at {at}"
        assert struct.unpack_from("=I", data, at + total - 4) == (total,)
        yield kind, data[at + 8:at + total - 4]
        at += total


class Capture:
    """What a file holds: names of interfaces, RTP and RTCP by interface, and logs."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.names, self.rtp, self.rtcp, self.logs = [], [], [], []
        for kind, body in blocks(self.data):
            if kind == SECTION:
                assert struct.unpack_from("=IHH", body) == (0x1A2B3C4D, 1, 0)
            elif kind == INTERFACE:
                length, = struct.unpack_from("=H", body, 10)
                self.names.append(body[12:12 + length].decode())
            elif kind == PACKET:
                self.packet(body)
            elif kind == CUSTOM:
                self.logs.append(body[4:5])

    def packet(self, body):
        interface, _, _, seen, full = struct.unpack_from("=IIIII", body)
        octets = body[20:20 + seen]
        outgoing = struct.unpack_from("=I", body, 20 + (seen + 3 & ~3) + 4) == (2,)
        assert octets[0] == 0x45 and octets[9] == 17, "IP, and UDP in it"
        assert struct.unpack_from(">H", octets, 2)[0] == full
        payload = octets[28:]
        if 192 <= payload[1] <= 223:
            assert seen == full
            self.rtcp.append((interface, outgoing))
            return
        header = 12 + 4 * (payload[0] & 15)
        if payload[0] & 0x10:
            header += 4 + 4 * struct.unpack_from(">H", payload, header + 2)[0]
        assert len(payload) == header, f"{len(payload)} octets of a header of {header}"
        self.rtp.append((interface, outgoing, full - seen))


def ask(server, path, key=KEY):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        status, _, body = server.request("GET", f"/api/v1/{path}", headers=headers)
    except urllib.error.HTTPError as refused:
        return refused.code, None
    return status, json.loads(body)


def check_quality(server):
    def known():
        status, answer = ask(server, "rooms/Lab/quality")
        return status == 200 and len(answer["participants"]) == 2 and answer

    wait_for(known, 15, "media has told of both legs")
    people = known()["participants"]
    sender = next(p for p in people if p["sent"])
    receiver = next(p for p in people if p["received"])
    assert sender["name"] == "alice" and sender["present"] and sender["received"] is None
    # 30 frames of three packets of half a kilobyte
    for line in (sender["sent"], receiver["received"]):
        assert 300 < line["kbps"] < 500, line
        assert line["lost"] == 0 and line["packets"] >= 80 * line["seconds"], line
    _, detail = ask(server, f"rooms/Lab/participants/{receiver['participant']}/quality")
    slot, = [s for s in detail["slots"] if s["seconds"]]
    last = slot["seconds"][-1]
    assert last["participant"] == sender["participant"] and last["source"] == "camera", last
    assert last["state"] == "forwarding" and 85 <= last["packets"] <= 95, last
    assert len(detail["received_seconds"]) >= 3
    assert ask(server, "rooms/Lab/quality", key=None)[0] == 401
    assert ask(server, "rooms/nowhere/quality")[0] == 404


def main():
    path = f"/tmp/plenum-capture-{os.getpid()}"
    server = Server(api_key=KEY, args=["--capture", path, "--capture-room", "LAB", "--capture-megabytes", "4"])
    try:
        seen, other = Call(server, "Lab"), Call(server, "elsewhere")
        check_quality(server)
        audio, video = seen.stream.audio, seen.stream.video
        seen.close()
        other.close()
        assert server.stop() == 0
        capture = Capture(path)
        assert len(capture.names) == 2, capture.names
        assert all(re.fullmatch(r"transport \d+ room \d+ participant \d+", name) for name in capture.names)
        taken = [p for p in capture.rtp if not p[1]]
        given = [p for p in capture.rtp if p[1]]
        assert len(taken) >= audio + video and len({p[0] for p in taken}) == 1, len(taken)
        assert len(given) >= 0.9 * (audio + video) and len({p[0] for p in given}) == 1, len(given)
        assert all(p[2] > 20 for p in taken), "whose payload was left out"
        assert capture.rtcp and b"A" in capture.logs and b"E" in capture.logs and b"L" not in capture.logs
        assert oct(os.stat(path).st_mode & 0o777) == "0o600"
        if os.environ.get("PLM_SIM"):
            print(subprocess.run([os.environ["PLM_SIM"], "replay", path], check=True, capture_output=True, text=True).stdout)
    finally:
        if server.process.poll() is None:
            server.stop()
        if os.path.exists(path):
            os.remove(path)
    refused = subprocess.run([os.environ["PLM_SERVER"], "--capture", "/nowhere/file"], env=server.env, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 1 and "No such file" in refused.stderr + refused.stdout, refused.stderr


if __name__ == "__main__":
    main()
    sys.exit(0)
