#!/usr/bin/python3
"""
Who waits in the lobby, and who was removed, gets nothing by HTTP either: every operation of server/openapi.json and every door of WHIP and
WHEP is tried with all that such a person holds (their token, the secret of their place, both in every form, nothing at all) and with what
they may guess (the room, its number, ids of people, names, resources). No answer but a refusal, no name of anybody inside, no message in
the room, no transport; and the same tries with the key of the API succeed, so that it is the rule which refuses.
"""
import itertools
import json
import os
import sys
import urllib.error
import urllib.request

from rawrtc import Peer, Server, wait_for
from restarts import Client, Pump
from ws_client import WebSocket

KEY = "0123456789abcdef" * 4
ROOM = "vault"
REFUSED = (401, 403, 404)
BODIES = {
    "createRoom": {"name": "cellar"},
    "changeRoom": {"settings": {"lobby": False}},
    "sendMessage": {"text": "from outside"},
    "createToken": {"role": "moderator"},
    "changeParticipant": {"role": "viewer"},
    "muteParticipant": {"source": "microphone"},
    "sendPrivateMessage": {"text": "from outside"},
    "revokeToken": {"id": "0123456789abcdef"},
    "createKey": {"name": "mine"},
}
# It tells the version and what the server offers to everybody, and nothing of rooms.
OPEN = {"getServer"}


def operations():
    folder = os.environ.get("PLM_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    with open(os.path.join(folder, "server", "openapi.json"), encoding="utf-8") as f:
        paths = json.load(f)["paths"]
    return [(operation["operationId"], method.upper(), path)
            for path, methods in paths.items() for method, operation in methods.items() if "operationId" in operation]


SOURCES = (f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))


def ask(server, method, path, bearer=None, body=None, kind="application/json"):
    """As if from an address of its own each time: guessing from one is slowed before a door could say no. @return status, text"""
    headers = {"X-Forwarded-For": next(SOURCES)}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    if body is not None:
        headers["Content-Type"] = kind
    try:
        status, _, text = server.request(method, path, body.encode() if body is not None else None, headers)
        return status, text
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def admin(server, method, path, body=None):
    status, text = ask(server, method, "/api/v1" + path, KEY, None if body is None else json.dumps(body))
    assert status < 300, (method, path, status, text)
    return json.loads(text) if text else None


def refused(server, what, method, path, bearer, body=None, kind="application/json", slowed=False):
    """@param slowed the room may be tired of wrong tokens, wherever they come from"""
    status, text = ask(server, method, path, bearer, body, kind)
    assert status in REFUSED or (slowed and status == 429), (what, method, path, bearer, status, text)
    for name in ("Anna", "Ben"):
        assert name not in text, (what, method, path, text)


def knock(server, name, token):
    ws = WebSocket(server)
    ws.id += 1
    ws.send_text(json.dumps({"type": "join", "id": ws.id, "room": ROOM, "name": name, "token": token}))
    waiting = ws.receive()
    assert waiting["type"] == "waiting", waiting
    return ws, waiting["secret"]


def try_rest(server, what, bearers, inside):
    rooms, people = [ROOM, inside["code"], "001-0002-003"], [inside["anna"], inside["ben"], 1, 999999]
    tried = 0
    for operation, method, path in operations():
        if operation in OPEN:
            continue
        body = json.dumps(BODIES[operation]) if operation in BODIES else None
        for room in rooms:
            for person in people:
                filled = (path.replace("{room}", room).replace("{participant}", str(person)).replace("{key}", "server")
                          .replace("{recording}", inside["recording"]).replace("{file}", "manifest.json"))
                for bearer in bearers:
                    refused(server, what, method, "/api/v1" + filled, bearer, body)
                    tried += 1
                if "{participant}" not in path:
                    break
            if "{room}" not in path:
                break
    return tried


def try_whip_and_whep(server, what, bearers, offers, resources):
    tried = 0
    for bearer in bearers:  # true tokens come first: guesses may be slowed, they are answered
        for path in (f"/whip/{ROOM}/Eve", f"/whip/{ROOM}", f"/whip/{ROOM}/Anna", f"/whep/{ROOM}", f"/whep/{ROOM}/Anna", f"/whep/{ROOM}/Anna,Ben"):
            refused(server, what, "POST", path, bearer, offers[path.startswith("/whep")], "application/sdp", slowed=not bearer or "eyJ" not in bearer)
            tried += 1
        for resource in resources:
            refused(server, what, "PATCH", resource, bearer, "a=ice-ufrag:evil\r\na=ice-pwd:" + "e" * 24 + "\r\n", "application/trickle-ice-sdpfrag")
            refused(server, what, "DELETE", resource, bearer)
            tried += 2
    return tried


def guesses(resource):
    """Addresses of the form of a resource's, with other ids."""
    head, _, last = resource.rpartition("/")
    one_more = "".join("0123456789abcdef"[(int(digit, 16) + 1) % 16] for digit in last)
    return [f"{head}/{last[:-1]}{'0' if last[-1] != '0' else '1'}", f"{head}/{one_more}", f"{head}/{'0' * len(last)}"]


def read_all(ws):
    """What a client was told until now."""
    kinds = []
    ws.socket.settimeout(0.5)
    try:
        while (message := ws.receive()) is not None:
            kinds.append(message)
    except TimeoutError:
        pass
    ws.socket.settimeout(10)
    return kinds


def main():
    server, pump = Server(api_key=KEY, recording_enabled="false", http_trusted_proxies="127.0.0.1"), Pump()
    admin(server, "POST", "/rooms", {"name": ROOM, "owner": True})
    token = lambda role, **more: admin(server, "POST", f"/rooms/{ROOM}/tokens", {"role": role, "seconds": 600, **more})["token"]
    anna = Client(server, pump, "Anna", room=ROOM, token=token("moderator", skip_lobby=True))
    ben = Client(server, pump, "Ben", room=ROOM, token=token("speaker"))
    moderator, other = token("moderator", name="Mallory"), token("speaker", name="Oscar")
    mallory = Client(server, pump, "Mallory", room=ROOM, token=moderator)
    oscar = Client(server, pump, "Oscar", room=ROOM, token=other)
    code = admin(server, "GET", f"/rooms/{ROOM}")["code"]
    assert ask(server, "GET", f"/api/v1/rooms/{ROOM}/participants", moderator)[0] == 200, "a moderator's token looks, until they are removed"

    inside = {"code": code, "anna": anna.id, "ben": ben.id, "recording": "0" * 32}
    camera = Peer(server, "/whip/open/camera", start=False)  # of another room, for its offer and the form of its address
    offers = {False: camera.offer(), True: Peer(server, "/whep/open", start=False).offer()}
    anna.ask("configure", settings={"lobby": True})
    waits = token("speaker", name="Eve")
    eve, secret = knock(server, "Eve", waits)
    for removed in (mallory, oscar):
        anna.ask("kick", participant=removed.id)
    wait_for(lambda: len(admin(server, "GET", f"/rooms/{ROOM}/participants")["participants"]) == 2, 5, "two are inside")
    for ws in (anna.ws, ben.ws):
        read_all(ws)
    before = server.metrics()

    nothing = [None, "", "null", "0"]
    held_by_eve = [waits, secret, f"{secret}.{secret}"] + nothing
    held_by_removed = [moderator, other, mallory.secret, oscar.secret, f"{mallory.id}.{mallory.secret}"] + nothing
    resources = guesses(camera.resource)
    tried = 0
    for what, bearers in (("waits", held_by_eve), ("removed", held_by_removed)):
        tried += try_rest(server, what, bearers, inside)
        tried += try_whip_and_whep(server, what, bearers, offers, resources)

    after = server.metrics()
    for gauge in ("plenum_transports", "plenum_participants", "plenum_media_connections", "plenum_rooms"):
        assert before[gauge] == after[gauge], (gauge, before[gauge], after[gauge])
    assert read_all(eve) == [], "who waits was told something"
    for client in (anna, ben):
        told = [m for m in read_all(client.ws) if m["type"] in ("message", "chat", "role", "mute", "muted", "room_changed", "roster", "tracks")]
        assert told == [], told
    assert camera.resource and ask(server, "PATCH", camera.resource, None, "", "application/trickle-ice-sdpfrag")[0] != 404, "the other's resource is untouched"

    # The same doors open for those who may: the tries were well formed.
    admin(server, "POST", f"/rooms/{ROOM}/messages", BODIES["sendMessage"])
    admin(server, "PATCH", f"/rooms/{ROOM}/participants/{ben.id}", BODIES["changeParticipant"])
    assert len(admin(server, "GET", f"/rooms/{ROOM}/participants")["participants"]) == 2
    anna.ask("configure", settings={"lobby": False})
    # The tries may have used up what the room takes of wrong tokens: one is forgotten every two seconds.
    wait_for(lambda: ask(server, "POST", f"/whep/{ROOM}", token("viewer"), offers[True], "application/sdp")[0] == 201, 10, "a viewer is let in")
    pump.running = False
    server.stop()
    print(f"ok {tried} tries, all refused")


if __name__ == "__main__":
    main()
    sys.exit(0)
