"""
What is limited per source, at the socket: new rooms by every door that makes one, and guessing of tokens, passwords and numbers, per source
and per room. A source is an IPv4 address or the /64 of an IPv6 one, the one that a trusted proxy names.
"""
import json
import os
import time

import plenum
from ws_client import WebSocket

BURST = 4
FREE_GUESSES, ROOM_BURST, ROOM_SECONDS = 5, 30, 2  # signaling/guess.h
SDP = {"Content-Type": "application/sdp"}


class Server(plenum.Server):
    """By the names that the clients of rawrtc.py know."""

    @property
    def http(self):
        return self.port


def offer(kind):
    with open(os.path.join(plenum.SOURCE, f"tests/corpus/sdp/chromium_{kind}_offer.sdp"), encoding="utf-8") as file:
        return file.read()


def limit(server, name):
    return server.metric("plenum_limits_hit_total", limit=name)


def join(server, room, source, **fields):
    """@return the code of the refusal; None: it came in, and left again"""
    ws = WebSocket(server, forwarded=source)
    reply = ws.ask("join", room=room, name="Ada", **fields)
    if reply["type"] == "joined":
        ws.leave()
        return None
    ws.close()
    return reply["code"]


def post(server, kind, room, source, **headers):
    """@return status, and the code of the error"""
    status, got, body = server.request("POST", f"/{kind}/{room}", body=offer(kind), headers={**SDP, "X-Forwarded-For": source, **headers})
    return status, None if status == 201 else json.loads(body)["code"], got


def make(server, room, headers=None):
    body = json.dumps({"name": room})
    status, _, reply = server.request("POST", "/api/v1/rooms", body=body, headers={"Content-Type": "application/json", **(headers or {})})
    return status, json.loads(reply)["code"] if status != 201 else None


def new_rooms():
    """Each door counts, none of them is open for who made too many; others and rooms that exist are as before."""
    with Server({"PLENUM_ROOMS_MAKE_RATE": "1", "PLENUM_ROOMS_MAKE_BURST": str(BURST), "PLENUM_HTTP_TRUSTED_PROXIES": "127.0.0.1"}) as s:
        for n, source in enumerate(("192.0.2.1", "2001:db8:1:2::1")):
            assert join(s, f"a{n}", source) is None and join(s, f"b{n}", source) is None
            assert post(s, "whip", f"c{n}", source)[0] == 201 and post(s, "whep", f"d{n}", source)[0] == 201
        assert limit(s, "make_rate") == 0
        before = s.metric("plenum_rooms")
        for source in ("192.0.2.1", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "6.6.6.6, 192.0.2.1"):
            assert join(s, "more", source) == "too_fast", source
            for kind in ("whip", "whep"):
                status, code, headers = post(s, kind, "more", source)
                assert (status, code) == (429, "too_many_requests") and headers["retry-after"], (status, code)
        assert limit(s, "make_rate") == 12 and s.metric("plenum_rooms") == before
        assert join(s, "a1", "192.0.2.1") is None
        assert join(s, "more", "192.0.2.2") is None and join(s, "more2", "2001:db8:1:3::1") is None
        assert limit(s, "make_rate") == 12


def new_rooms_of_this_machine():
    """Without a key, pages of this machine make rooms, at a rate; with one whoever has it does, at none."""
    settings = {"PLENUM_ROOMS_MAKE_RATE": "1", "PLENUM_ROOMS_MAKE_BURST": str(BURST)}
    with Server(settings) as s:
        for n in range(BURST):
            assert make(s, f"r{n}") == (201, None)
        assert make(s, "more") == (429, "too_fast") and limit(s, "make_rate") == 1
        assert join(s, "more", None) == "too_fast"
        assert make(s, "r0") == (429, "too_fast")
    with Server({**settings, "PLENUM_API_KEY": "k" * 32}) as s:
        for n in range(3 * BURST):
            assert make(s, f"r{n}", {"Authorization": "Bearer " + "k" * 32}) == (201, None)
        assert limit(s, "make_rate") == 0


def through_a_proxy():
    """Who comes through a proxy on this machine is not of this machine, whatever they write; and a long header hides nobody."""
    long = ", ".join(["127.0.0.1"] * 200)
    for trusted in ("127.0.0.1", ""):
        with Server({"PLENUM_HTTP_TRUSTED_PROXIES": trusted, "PLENUM_ROOMS_MAKE_RATE": "1", "PLENUM_ROOMS_MAKE_BURST": str(BURST)}) as s:
            for headers in (
                {"X-Forwarded-For": f"{long}, 192.0.2.1"},
                {"X-Forwarded-For": long},
                {"X-Forwarded-For": "127.0.0.1"},
                {"X-Forwarded-For": "192.0.2.1, nonsense"},
                {"X-Real-IP": "192.0.2.1"},
                {"Forwarded": "for=192.0.2.1"},
                {"Via": "1.1 a"},
            ):
                for host in ("localhost", f"127.0.0.1:{s.port}"):
                    assert make(s, "taken", {"Host": host, **headers}) == (401, "unauthorized"), (trusted, host, headers)
            assert make(s, "mine", {"Host": "localhost"}) == (201, None)
            if not trusted:
                continue
            for n in range(BURST):
                assert join(s, f"r{n}", f"{long}, 192.0.2.1") is None
                assert post(s, "whip", f"w{n}", f"{long}, 192.0.2.2")[0] == 201
            assert join(s, "more", "192.0.2.1") == "too_fast" and join(s, "more", f"{long}, 192.0.2.1") == "too_fast"
            assert join(s, "more", "192.0.2.2") == "too_fast" and join(s, "other", "192.0.2.3") is None
            for n in range(BURST):
                assert join(s, f"u{n}", f"127.0.0.1, unknown{n}") is None  # all of them are one
            assert join(s, "more", "nonsense") == "too_fast" and join(s, "another", None) is None


def guesses():
    """Some are free, then the source waits, for whatever it guesses; then all sources wait, for that room alone."""
    with Server({"PLENUM_HTTP_TRUSTED_PROXIES": "127.0.0.1", "PLENUM_API_KEY": "k" * 32}) as s:
        key = {"Authorization": "Bearer " + "k" * 32, "Content-Type": "application/json"}
        body = json.dumps({"name": "closed", "password": "sesame"})
        assert s.request("POST", "/api/v1/rooms", body=body, headers=key)[0] == 201
        assert s.request("POST", "/api/v1/rooms", body=json.dumps({"name": "other"}), headers=key)[0] == 201

        begin = time.monotonic()
        assert join(s, "closed", "192.0.2.1", password="wrong") == "password"
        assert join(s, "000-0000-000", "192.0.2.1") == "password"
        assert join(s, "closed", "192.0.2.1", token="wrong") == "token"
        for kind in ("whip", "whep"):
            assert post(s, kind, "closed", "192.0.2.1", Authorization="Bearer wrong")[0] == 401
        assert limit(s, "guesses") == 0
        assert join(s, "closed", "192.0.2.1", password="sesame") == "too_fast"
        assert join(s, "other", "192.0.2.1", token="wrong") == "too_fast"
        assert join(s, "000-0000-000", "192.0.2.1") == "too_fast"
        for kind in ("whip", "whep"):
            assert post(s, kind, "closed", "192.0.2.1", Authorization="Bearer wrong")[0] == 429
        assert limit(s, "guesses") == 5
        assert join(s, "other", "192.0.2.1") is None  # no guess
        assert join(s, "closed", "192.0.2.2", password="sesame") is None

        # About this room four were wrong; one is forgotten every two seconds.
        n, least = 0, ROOM_BURST - (FREE_GUESSES - 1)
        while (code := join(s, "closed", f"2001:db8:0:{n:x}::1", token="wrong")) == "token":
            n += 1
        assert code == "too_fast" and least <= n <= least + 1 + (time.monotonic() - begin) / ROOM_SECONDS, (code, n)
        assert join(s, "other", "2001:db8:1::1", token="wrong") == "token"
        assert limit(s, "guesses") == 6


plenum.run([new_rooms, new_rooms_of_this_machine, through_a_proxy, guesses])
