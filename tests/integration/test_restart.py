#!/usr/bin/python3
"""
The server is killed in the middle of a meeting and started again. Everybody comes back by themselves under the id they had; who
leads, who waits and in which order, hands, chat, mutes, permissions and breakout places are what they were; media flows again.
What WHIP and WHEP made is gone (404), and a removed person stays out.
"""
import json
import sys
import time
import urllib.error

from rawrtc import AUDIO_PT, Peer, Server, rtp, wait_for
from restarts import Client, Pump
from ws_client import WebSocket


def knock(server, name):
    """@return the socket of somebody who waits, and their secret"""
    ws = WebSocket(server)
    ws.id += 1
    ws.send_text(json.dumps({"type": "join", "id": ws.id, "room": "School", "name": name, "password": "open sesame"}))
    waiting = ws.receive()
    assert waiting["type"] == "waiting", waiting
    return ws, waiting["secret"]


def without(reply, *names):
    return {name: value for name, value in reply.items() if name not in names}


def looks(client):
    """All that a client is told of its room when it comes back, as it looks to it now."""
    return without(client.joined, "id", "resumed", "ice_servers", "breakouts_end_at", "now")


def refresh(client):
    """The same from a running server: a second socket takes over."""
    old, client.ws = client.ws, WebSocket(client.server)
    client.joined = client.ask("resume", secret=client.secret)
    old.close()


def next_message(ws, kind):
    while (message := ws.receive()) is not None:
        if message["type"] == kind:
            return message
    raise AssertionError(f"no {kind}: the socket closed")


def audio(client):
    """A tenth of a second of sound."""
    leg = client.publish
    leg.count = getattr(leg, "count", 0)
    for _ in range(5):
        leg.send_rtp(rtp(leg.audio_ssrc, leg.count, leg.count * 960, AUDIO_PT, bytes(60), mid=b"0", level=20))
        leg.count += 1
    time.sleep(0.1)


def await_media(talker, listener, what):
    end = time.monotonic() + 15
    while not listener.receive.heard.is_set():
        assert time.monotonic() < end, f"{what}: nothing is heard"
        if talker.publish.connected.is_set():
            audio(talker)
        else:
            time.sleep(0.02)


def status_of(call):
    try:
        return call()[0]
    except urllib.error.HTTPError as error:
        return error.code


def main():
    server, pump = Server(), Pump()
    anna = Client(server, pump, "Anna", room="School")
    ben = Client(server, pump, "Ben", room="school")
    cleo = Client(server, pump, "Cleo", room="School")
    dora = Client(server, pump, "Dora", room="School", device="browser-of-dora")
    emil = Client(server, pump, "Emil", room="School")
    for client in (anna, ben):
        client.muted["camera"] = client is ben
        client.start_publishing()
    for client in (ben, cleo):
        client.start_receiving()
    await_media(anna, ben, "before")

    anna.ask("set_role", participant=cleo.id, role="viewer")
    anna.ask("set_role", participant=emil.id, role="moderator")
    anna.ask("permit", participants=[ben.id], source="screen", permitted=False)
    anna.ask("mute_others", participants=[ben.id], source="microphone")
    cleo.ask("hand", raised=True)
    ben.ask("hand", raised=True)
    ben.ask("chat", text="line one\nline two")
    ben.ask("chat", text="only for Anna", to=anna.id)
    ben.ask("rename", name="Benjamin")
    anna.ask("configure", settings={"lobby": True, "max_minutes": 90, "title": "Lesson"}, password="open sesame")
    anna.ask("kick", participant=dora.id)
    waiting = [knock(server, name) for name in ("Zoe", "Xi", "Yann")]
    anna.ask("breakout_open", rooms=[{"name": "Red"}, {"name": "Blue"}], force=True, may_choose=True, minutes=20,
             places=[{"participant": emil.id, "room": 2}])
    emil.ask("chat", text="alone in blue")
    emil.ask("hand", raised=True)
    whip = Peer(server, "/whip/Open/encoder").wait_connected()
    whep = Peer(server, "/whep/Open/encoder").wait_connected()
    assert status_of(lambda: server.request("PATCH", whip.resource, b"", {"Content-Type": "application/trickle-ice-sdpfrag"})) != 404

    time.sleep(0.5)  # what is lost is what the last tenth of a second brought
    people = [anna, ben, cleo, emil]
    for client in people:
        refresh(client)
    before = {client.name: looks(client) for client in people}
    tracks = {p["id"]: p["tracks"] for p in before["Anna"]["participants"]}
    assert tracks[ben.id] == [{"source": "microphone", "muted": True}, {"source": "camera", "muted": True}], tracks
    lobby = next_message(anna.ws, "lobby")
    assert [w["name"] for w in lobby["waiting"]] == ["Zoe", "Xi", "Yann"]
    time.sleep(0.3)

    server.kill()
    began = time.monotonic()
    for client in people:
        client.lose()
    server.start()
    up = time.monotonic()

    for path in (whip.resource, whep.resource):
        assert status_of(lambda: server.request("DELETE", path)) == 404, path
    ws, secret = waiting[2]
    again = WebSocket(server)
    again.id += 1
    again.send_text(json.dumps({"type": "resume", "id": again.id, "secret": secret}))
    assert again.receive()["type"] == "waiting"

    ben.muted["microphone"] = False  # as if the mute had not reached him: it holds all the same
    for client in reversed(people):
        client.come_back(began + 20)
        assert client.joined["resumed"] and client.joined["participant"] == client.id
        after = looks(client)
        for look in (before[client.name], after):  # media is made again by each; before that nobody sends anything
            for p in look["participants"]:
                p.pop("tracks")
        assert after == before[client.name], f"{client.name}\nbefore {before[client.name]}\nafter  {after}"
    refresh(anna)
    assert next_message(anna.ws, "lobby")["waiting"] == lobby["waiting"]
    await_media(anna, ben, "after")
    await_media(anna, cleo, "after")
    heard = time.monotonic()
    refresh(emil)
    refresh(anna)
    now = {p["id"]: p["tracks"] for p in anna.joined["participants"]}
    assert now == tracks, f"before {tracks}\nafter {now}"

    anna.ask("admit", waiting=[], admitted=True)
    joined = next_message(again, "joined")
    assert joined["participant"] == lobby["waiting"][2]["id"], joined
    ghost = WebSocket(server)
    assert ghost.ask("resume", secret=dora.secret)["code"] == "not_found"
    assert ghost.ask("join", room="School", name="Dora", password="open sesame", device="browser-of-dora")["code"] == "banned"
    assert ghost.ask("join", room="School", name="Mallory", password="wrong")["code"] == "password"

    anna.ask("leave")
    emil.ask("end")
    wait_for(lambda: server.metrics()["plenum_participants"] == 0, 5, "the meeting ends")
    assert server.stop() == 0
    print(f"restarted in {1000 * (up - began):.0f} ms; all four back with what they had, and heard, {1000 * (heard - began):.0f} ms after the kill")


if __name__ == "__main__":
    main()
    sys.exit(0)
