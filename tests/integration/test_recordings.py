#!/usr/bin/python3
"""
Files of recordings over HTTP: ranges and conditions as RFC 9110 has them, who may and who may not, paths that lead elsewhere, a large
file that is read slowly while the loop goes on, and what is deleted meanwhile.
"""
import http.client
import json
import os
import random
import socket
import time

from plenum import PROGRAM, Server
from seeded import add_recording
from ws_client import WebSocket

KEY = "0123456789abcdef" * 4
AUTH = {"Authorization": f"Bearer {KEY}"}
FILE = "p1-camera-1.mp4"
LARGE = 48 * 1024 * 1024


def make(server, room, **body):
    status, _, reply = server.request("POST", "/api/v1/rooms", json.dumps({"name": room, "owner": True, **body}), {**AUTH, "Content-Type": "application/json"})
    assert status == 201, reply
    return json.loads(reply)


def token(server, room, **grants):
    status, _, reply = server.request("POST", f"/api/v1/rooms/{room}/tokens", json.dumps(grants), {**AUTH, "Content-Type": "application/json"})
    assert status == 201, reply
    return json.loads(reply)["token"]


def get(server, path, headers=None, method="GET"):
    return server.request(method, f"/api/v1{path}", headers={**AUTH, **(headers or {})})


def join(server, room, **fields):
    ws = WebSocket(server)
    joined = ws.ask("join", room=room, name="Ada", **fields)
    assert joined["type"] == "joined", joined
    return ws


def whole_and_parts(server, id, content):
    path = f"/recordings/{id}/files/{FILE}"
    n = len(content)
    status, headers, body = get(server, path)
    assert (status, body) == (200, content)
    assert headers["content-type"] == "video/mp4" and headers["accept-ranges"] == "bytes", headers
    assert headers["content-disposition"].startswith('attachment; filename="20') and headers["content-disposition"].endswith(f'-{FILE}"')
    assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"] == "private, no-cache"
    etag, modified = headers["etag"], headers["last-modified"]
    status, headers, body = get(server, path, method="HEAD")
    assert (status, body, headers["content-length"], headers["etag"]) == (200, b"", str(n), etag)
    for spec, first, last in (("0-0", 0, 0), ("0-", 0, n - 1), ("-1", n - 1, n - 1), ("100-299999", 100, 299999), (f"-{n + 5}", 0, n - 1),
                              ("65535-65536", 65535, 65536), (f"{n - 1}-{n + 9}", n - 1, n - 1)):
        status, headers, body = get(server, path, {"Range": f"bytes={spec}"})
        assert status == 206 and headers["content-range"] == f"bytes {first}-{last}/{n}", (spec, status, headers)
        assert body == content[first:last + 1] and headers["content-length"] == str(last - first + 1), spec
    rng = random.Random(7)
    for _ in range(40):
        first = rng.randrange(n)
        last = rng.randrange(first, n)
        status, _, body = get(server, path, {"Range": f"bytes={first}-{last}"})
        assert (status, body) == (206, content[first:last + 1]), (first, last)
    for spec in (f"{n}-", f"{n + 5}-{n + 9}", "-0"):
        status, headers, body = get(server, path, {"Range": f"bytes={spec}"})
        assert status == 416 and headers["content-range"] == f"bytes */{n}", (spec, status)
        assert json.loads(body)["code"] == "range_not_satisfiable"
    for piece, spec, last in ((1000, "0-", 999), (1000, "0-499", 499), (n, "0-", n - 1), (n + 9, "0-", n - 1)):
        status, headers, body = get(server, f"{path}?piece={piece}", {"Range": f"bytes={spec}"})
        assert (status, headers["content-range"], body) == (206, f"bytes 0-{last}/{n}", content[:last + 1]), (piece, spec, status, headers)
    for piece, status in ((1000, 200), (0, 400), ("x", 400)):  # without a range all is sent
        assert get(server, f"{path}?piece={piece}")[0] == status, piece
    for spec in ("bytes=5-4", "bytes=", "lines=1-2", "bytes=0-1,4-5", "bytes=x"):
        assert get(server, path, {"Range": spec})[0] == 200, spec
    for condition, status in ((etag, 206), (modified, 206), ('"other"', 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200), (f"W/{etag}", 200)):
        assert get(server, path, {"Range": "bytes=1-2", "If-Range": condition})[0] == status, condition
    for headers, expected in (({"If-None-Match": etag}, 304), ({"If-None-Match": f'"x", {etag}'}, 304), ({"If-None-Match": '"x"'}, 200),
                              ({"If-Modified-Since": modified}, 304), ({"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 200),
                              ({"If-None-Match": '"x"', "If-Modified-Since": modified}, 200), ({"If-Match": etag}, 200), ({"If-Match": '"x"'}, 412),
                              ({"If-None-Match": etag, "Range": "bytes=0-1"}, 304)):
        status, _, body = get(server, path, headers)
        assert status == expected, (headers, status)
        assert status != 304 or body == b""


def one_connection_many_requests(server, id, content):
    """Keep-alive goes on after every kind of answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    path = f"/api/v1/recordings/{id}/files/{FILE}"
    for headers, status, body in (({"Range": "bytes=0-9"}, 206, content[:10]), ({}, 200, content), ({"Range": "bytes=99999999-"}, 416, None),
                                  ({"Range": "bytes=-3"}, 206, content[-3:])):
        connection.request("GET", path, headers={**AUTH, **headers})
        reply = connection.getresponse()
        got = reply.read()
        assert reply.status == status and (body is None or got == body), (headers, reply.status)
    connection.close()


def who_may(server, id, other):
    """The same answer for what is not there and for what is not for you."""
    file = f"/api/v1/recordings/{id}/files/{FILE}"
    unknown = f"/api/v1/recordings/{'0' * 32}/files/{FILE}"
    leads = token(server, "Board", role="moderator")
    records = token(server, "Board", role="viewer", record=True)
    viewer = token(server, "Board", role="viewer")
    stranger = token(server, "Other", role="moderator", record=True)
    for bearer, expected in ((KEY, 200), (leads, 200), (records, 200), (viewer, 404), (stranger, 404), ("nonsense", 404), ("", 404)):
        headers = {"Authorization": f"Bearer {bearer}"}
        for path in (file, f"/api/v1/recordings/{id}"):
            status, _, body = server.request("GET", path, headers=headers)
            assert status == expected, (bearer[:12], path, status)
        if expected == 404:
            assert server.request("GET", unknown, headers=headers)[2] == server.request("GET", file, headers=headers)[2]
            assert server.request("DELETE", f"/api/v1/recordings/{id}", headers=headers)[0] == 404
            assert server.request("POST", f"/api/v1/recordings/{id}/stop", headers={**headers, "Content-Length": "0"})[0] == 404
    assert server.request("GET", file)[0] == 401 and server.request("GET", unknown)[0] == 401
    for bearer, expected in ((records, 200), (leads, 200), (viewer, 401), (stranger, 401)):
        status, _, body = server.request("GET", "/api/v1/rooms/Board/recordings", headers={"Authorization": f"Bearer {bearer}"})
        assert status == expected, (bearer, status)
        if status == 200:  # not those of the room that had this name before
            assert [r["id"] for r in json.loads(body)["recordings"]] == [id]
    listed = json.loads(get(server, "/rooms/Board/recordings")[2])["recordings"]
    assert {r["id"] for r in listed} == {id, other}
    assert server.request("GET", f"/api/v1/recordings/{other}", headers={"Authorization": f"Bearer {leads}"})[0] == 404


def tokens_of_the_meeting(server, id):
    ws = join(server, "Board", token=token(server, "Board", role="moderator"))
    page = ws.ask("recordings")
    assert page["type"] == "recordings_page" and [r["id"] for r in page["recordings"]] == [id], page
    secret = page["recordings"][0]["token"]
    path = f"/api/v1/recordings/{id}"
    assert server.request("GET", f"{path}?token={secret}")[0] == 200
    assert server.request("GET", f"{path}/files/{FILE}?token={secret}")[0] == 200
    assert server.request("GET", f"{path}/files/manifest.json?token={secret}")[1]["content-type"] == "application/json"
    assert server.request("DELETE", f"{path}?token={secret}")[0] == 404  # it opens and changes nothing
    assert server.request("GET", f"/api/v1/rooms/Board/recordings?token={secret}")[0] == 401
    assert server.request("GET", f"{path}/files/{FILE}?token={secret[:-1]}{'0' if secret[-1] != '0' else '1'}")[0] == 404
    guest = join(server, "Board")
    assert guest.ask("recordings")["code"] == "forbidden"
    guest.close()
    second = token(server, "Board", role="moderator", identity="second")
    other = WebSocket(server)
    joined = other.ask("join", room="Board", name="Bob", token=second)
    secret = other.ask("recordings")["recordings"][0]["token"]
    assert server.request("GET", f"{path}?token={secret}")[0] == 200
    assert ws.ask("kick", participant=joined["participant"])["type"] == "done"
    assert server.request("GET", f"{path}?token={secret}")[0] == 404  # a removal takes this too
    ws.close()


def refused(server, path):
    """Some of these addresses are none for libwebsockets, which closes."""
    try:
        return get(server, path)[0] in (400, 404)
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return True


def paths(server, id, data):
    """Nothing but a recording's own files, whatever is asked for and whatever lies there."""
    folder = os.path.join(data, "recordings", id)
    os.symlink("/etc/passwd", os.path.join(folder, "p2-camera-1.mp4"))
    os.mkfifo(os.path.join(folder, "p3-camera-1.mp4"))
    os.mkdir(os.path.join(folder, "p4-camera-1.mp4"))
    for name, octets in (("p5-camera-1.mp4.part", b"x"), ("secret.txt", b"x"), ("p1-camera-1.mp4.bak", b"x")):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(octets)
    for name in ("p2-camera-1.mp4", "p3-camera-1.mp4", "p4-camera-1.mp4", "p5-camera-1.mp4.part", "secret.txt", "p1-camera-1.mp4.bak", "p9-camera-1.mp4",
                 "..%2f..%2fplenum.db", "..%2fplenum.db", "%2fetc%2fpasswd", "p1-camera-1.mp4%00", "p1-camera-1.mp4%2f", "", "P1-camera-1.mp4"):
        assert refused(server, f"/recordings/{id}/files/{name}"), name
    for name in ("..", "%2e%2e", "..%2f..", id.upper(), id[:-1], f"{id}0", f"{id}%00"):
        assert refused(server, f"/recordings/{name}/files/manifest.json"), name
    os.rename(folder, folder + "-away")
    os.symlink(folder + "-away", folder)  # a folder that is a link is none
    assert get(server, f"/recordings/{id}/files/{FILE}")[0] == 404
    os.unlink(folder)
    os.rename(folder + "-away", folder)
    assert get(server, f"/recordings/{id}/files/{FILE}")[0] == 200


def not_ready(server, running):
    assert get(server, f"/recordings/{running}/files/{FILE}")[0] == 404
    shown = json.loads(get(server, f"/recordings/{running}")[2])
    assert shown["state"] == "closing" and "manifest" not in shown, shown  # its meeting is gone


def slow_reader(server, id, content):
    """A peer that takes nothing costs one piece; others and the loop go on; then it gets every octet."""
    before = server.metric("plenum_downloads_octets_total")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        s.connect(("127.0.0.1", server.port))
        s.settimeout(20)
        s.sendall(f"GET /api/v1/recordings/{id}/files/p2-screen-1.webm HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n".encode())
        time.sleep(1)
        rss = int(next(line for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmRSS")).split()[1])
        worst = 0.0
        for _ in range(50):
            begun = time.monotonic()
            assert get(server, f"/recordings/{id}")[0] == 200
            worst = max(worst, time.monotonic() - begun)
        octets = server.metric("plenum_downloads_octets_total") - before
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        got = bytearray()
        while piece := s.recv(1 << 20):
            got += piece
        head, body = bytes(got).split(b"\r\n\r\n", 1)
        assert b" 200 " in head and b"video/webm" in head and body == content
    after = int(next(line for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmHWM")).split()[1])
    assert octets < LARGE / 4, f"{octets} octets were read for a peer that took few"
    with open(PROGRAM, "rb") as f:
        if b"__asan_init" not in f.read():  # which keeps for a while what was freed
            assert after - rss < 8192, f"{after - rss} kB for one download"
    print(f"slow reader: other requests took at most {worst * 1000:.1f} ms, memory {after - rss} kB more at its peak")


def slow_readers_and_a_fast_one(server, id, content):
    """However many peers take nothing, the next one has the file at once: more of them than jobs may be in the pool."""
    path = f"/api/v1/recordings/{id}/files/p2-screen-1.webm"
    slow = []
    try:
        for _ in range(8):
            s = socket.socket()
            slow.append(s)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            s.connect(("127.0.0.1", server.port))
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n".encode())
        time.sleep(1)
        assert server.metric("plenum_downloads") == 8
        begun = time.monotonic()
        assert server.request("GET", path, headers=AUTH)[2] == content
        took = time.monotonic() - begun
        assert server.metric("plenum_downloads") == 8  # they still wait
        assert took < 10, f"{took:.1f} s"
    finally:
        for s in slow:
            s.close()
    deadline = time.monotonic() + 10
    while server.metric("plenum_downloads") and time.monotonic() < deadline:
        time.sleep(0.05)
    print(f"beside eight that take nothing: {len(content) >> 20} MB in {took:.2f} s")


def deleted_meanwhile(server, id, data):
    """What is deleted is served no more, also to whom it was being sent."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        s.connect(("127.0.0.1", server.port))
        s.settimeout(20)
        s.sendall(f"GET /api/v1/recordings/{id}/files/p2-screen-1.webm HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        time.sleep(0.5)
        assert get(server, f"/recordings/{id}", method="DELETE")[0] == 204
        got = 0
        try:
            while piece := s.recv(1 << 20):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < LARGE, got
    for path in (f"/recordings/{id}", f"/recordings/{id}/files/{FILE}"):
        assert get(server, path)[0] == 404
    assert get(server, f"/recordings/{id}", method="DELETE")[0] == 404
    assert all(r["id"] != id for r in json.loads(get(server, "/recordings")[2])["recordings"])
    assert os.path.exists(os.path.join(data, "recordings", id, FILE))  # its folder is the recorder's to remove


def main():
    rng = random.Random(1)
    content, large = rng.randbytes(300_001), rng.randbytes(LARGE)
    server = Server(env={"PLENUM_API_KEY": KEY, "PLENUM_RECORDING_ENABLED": "false"})
    data = server.env["PLENUM_DATA_DIR"]
    server.http = server.port
    with server:
        make(server, "Board")
        make(server, "Other")
        server.stop()
        id = add_recording(data, "Board", {FILE: content, "p2-screen-1.webm": large})
        former = add_recording(data, "Board", {FILE: content}, made_at=12345)
        running = add_recording(data, "Board", {FILE: content}, made_at=12345, state="on", reason="")
        server.__enter__()
        not_ready(server, running)
        assert get(server, f"/recordings/{running}", method="DELETE")[0] == 204
        whole_and_parts(server, id, content)
        one_connection_many_requests(server, id, content)
        who_may(server, id, former)
        tokens_of_the_meeting(server, id)
        paths(server, id, data)
        slow_reader(server, id, large)
        slow_readers_and_a_fast_one(server, id, large)
        deleted_meanwhile(server, id, data)
        assert server.metric("plenum_downloads") == 0
        server.stop()
        server.__enter__()  # and after a restart
        assert get(server, f"/recordings/{id}")[0] == 404
        assert get(server, f"/recordings/{former}")[0] == 200


if __name__ == "__main__":
    main()
