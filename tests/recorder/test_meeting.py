"""
A meeting of three with a join, a leave, a mute, a screen that is shared and a move to a breakout room. From the manifest alone this program, which knows
nothing else, works out who was where when; then looks whether that is what happened, and whether each file says the same. Further: a server that
does not come back, a limit, a deletion, a torn journal. Takes about 15 s; with PLM_TEST_LONG also the minute that a server may be away.
"""
import json
import os
import sys
import time

import feeder
import numbered
from check import Recorded, heard, picture_offsets
from feeder import CAMERA, MICROPHONE, SCREEN, SCREEN_AUDIO, Recorder, Server, Track, wait_for
from numbered import FPS, Media

LONG = os.environ.get("PLM_TEST_LONG") == "1"
MEDIA = {}


def where(manifest, participant, t):
    """@return the room somebody is in: 0 main, a breakout's number, None: not there"""
    for p in manifest["participants"]:
        if p["id"] == participant:
            for i in p["present"]:
                if i["from_us"] <= t * 1e6 < i["to_us"]:
                    return i["breakout"]
    return None


def muted(manifest, participant, source, t):
    return any(m["source"] == source and m["from_us"] <= t * 1e6 < m["to_us"]
               for p in manifest["participants"] if p["id"] == participant for m in p["muted"])


def shown(manifest, participant, pair, t):
    """@return has it a file with a picture then?"""
    return any(f["participant"] == participant and f["pair"] == pair and "video" in f and f["start_us"] <= t * 1e6 < f["start_us"] + f["duration_us"]
               for f in manifest["files"])


def meeting_of_three(recorder):
    i, s = feeder.new_id(), Server(recorder)
    s.start(i, name="Größe")
    began, at = time.monotonic(), {}
    tracks = {}

    def mark(what):
        at[what] = time.monotonic() - began

    def join(who, name):
        s.event(i, "joined", participant=who, name=name, role="speaker", breakout=0)
        tracks[who] = [Track(s, who, MICROPHONE, MEDIA["vp8"], began=began), Track(s, who, CAMERA, MEDIA["vp8" if who != 2 else "h264"], began=began)]
        for source in ("microphone", "camera"):
            s.event(i, "track", participant=who, source=source, active=True, muted=False)

    join(1, "Ada")
    join(2, "Bob")
    time.sleep(2)
    join(3, "Cyd")
    mark("cyd joined")
    time.sleep(1.5)
    tracks[1][0].silent = True
    tracks[1][0].announce(muted=True)
    s.event(i, "track", participant=1, source="microphone", active=True, muted=True)
    mark("ada muted")
    screen = [Track(s, 2, SCREEN, MEDIA["h264"], began=began), Track(s, 2, SCREEN_AUDIO, MEDIA["h264"], began=began)]
    mark("bob shares")
    time.sleep(2.5)
    tracks[1][0].silent = False
    tracks[1][0].announce(muted=False)
    s.event(i, "track", participant=1, source="microphone", active=True, muted=False)
    mark("ada unmuted")
    for t in screen:
        t.gone()
    mark("bob stops")
    time.sleep(0.7)
    for t in tracks[3]:
        t.gone()
    s.event(i, "moved", participant=3, breakout=2, title="Two")
    mark("cyd moved")
    time.sleep(1)
    s.event(i, "left", participant=2, reason="left")
    for t in tracks[2]:
        t.gone()
    mark("bob left")
    time.sleep(1)
    s.event(i, "moved", participant=3, breakout=0, title="")
    tracks[3] = [Track(s, 3, MICROPHONE, MEDIA["vp8"], began=began)]
    mark("cyd back")
    s.event(i, "chat", participant=1, name="Ada", text="bye", sent_ms=1)
    time.sleep(1.5)
    s.stop(i)
    end = time.monotonic() - began
    s.close()

    r = Recorded(recorder, i)
    r.all_play()
    m, d = r.manifest, 0.3
    assert m["name"] == "Größe" and [p["name"] for p in m["participants"]] == ["Ada", "Bob", "Cyd"], m
    assert where(m, 1, d) == where(m, 1, end - d) == 0
    assert where(m, 2, at["bob left"] - d) == 0 and where(m, 2, at["bob left"] + d) is None
    assert where(m, 3, at["cyd joined"] - d) is None and where(m, 3, at["cyd joined"] + d) == 0
    assert where(m, 3, at["cyd moved"] + d) == 2 and where(m, 3, at["cyd back"] + d) == 0
    assert not muted(m, 1, "microphone", at["ada muted"] - d) and muted(m, 1, "microphone", at["ada muted"] + d)
    assert not muted(m, 1, "microphone", at["ada unmuted"] + d)
    assert not shown(m, 2, "screen", at["bob shares"] - d) and shown(m, 2, "screen", at["bob stops"] - d) and not shown(m, 2, "screen", at["bob stops"] + d)
    assert shown(m, 3, "camera", at["cyd moved"] - d) and not shown(m, 3, "camera", at["cyd moved"] + d) and not shown(m, 3, "camera", end - d)
    assert shown(m, 1, "camera", end - d)
    assert [c["text"] for c in m["chat"]] == ["bye"] and m["gaps"] == [] and m["reason"] == "asked"
    assert abs(m["duration_us"] / 1e6 - end) < 0.5
    # What the files hold is what was said at that time.
    for who, pair in ((1, "camera"), (2, "camera"), (3, "camera"), (2, "screen")):
        offsets = picture_offsets(r.pictures(who, pair), began)
        late = sorted(abs(o) for o in offsets)
        assert len(late) > FPS and late[int(len(late) * 0.95)] < 0.08, (who, pair, len(late), late[-3:])
    tones = r.tones(1)
    quiet = [t for t in heard(tones, began) if at["ada muted"] + 0.4 < t - began < at["ada unmuted"] - 0.1]
    assert not quiet, quiet
    assert len([t for t in heard(tones, began) if t - began > at["ada unmuted"] + 0.3]) > 20
    for f in r.files:
        told = float(numbered.probe(r.path(f))["format"]["duration"])
        assert abs(told - f["duration_us"] / 1e6) < 0.15, (f, told)
    status, text = recorder.command("list", recorder.dir)
    assert status == 0 and i in text and "ready" in text, text
    return i


def one_is_deleted(recorder, i):
    s = Server(recorder)
    s.say(op="sync", ids=[])
    s.wait(i, "ready")
    s.say(op="delete", id=i)
    wait_for(lambda: s.states[i]["reason"] == "deleted" and not os.path.exists(os.path.join(recorder.dir, i)), 5, "it is gone")
    running = feeder.new_id()
    s.start(running)
    Track(s, 1, MICROPHONE, MEDIA["vp8"])
    time.sleep(1)
    s.say(op="delete", id=running)
    wait_for(lambda: s.states[running]["reason"] == "deleted" and not os.path.exists(os.path.join(recorder.dir, running)), 5, "it is gone")
    s.close()


def a_limit(recorder):
    i, s = feeder.new_id(), Server(recorder)
    s.start(i, limit_s=2)
    Track(s, 1, MICROPHONE, MEDIA["vp8"])
    s.wait(i, "ready")
    assert s.states[i]["reason"] == "limit"
    s.close()


def a_second_recorder_is_turned_away(recorder):
    status, text = recorder.command("serve", "--dir", recorder.dir, "--socket", recorder.socket + "2")
    assert status == 3 and "another recorder" in text, (status, text)


def a_server_that_stays_away(recorder):
    i, s = feeder.new_id(), Server(recorder)
    s.start(i)
    Track(s, 1, MICROPHONE, MEDIA["vp8"])
    time.sleep(3)
    s.close()
    time.sleep(57)
    assert not os.path.exists(recorder.path(i, "manifest.json"))
    wait_for(lambda: os.path.exists(recorder.path(i, "manifest.json")), 8, "it ends without its server")
    m = recorder.manifest(i)
    assert m["reason"] == "server_gone" and m["gaps"] == [] and 2.5 < m["duration_us"] / 1e6 < 3.6, json.dumps(m)


def main():
    for codec in ("vp8", "h264"):
        MEDIA[codec] = Media(16, codec)
    with Recorder(args=["--stay"]) as recorder:
        i = meeting_of_three(recorder)
        print("ok a meeting of three", flush=True)
        one_is_deleted(recorder, i)
        a_limit(recorder)
        a_second_recorder_is_turned_away(recorder)
        print("ok deletion, limit, lock", flush=True)
        if LONG:
            a_server_that_stays_away(recorder)
            print("ok a server that stays away", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
