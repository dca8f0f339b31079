#!/usr/bin/python3
"""
Every cap, hit at the socket: the refusal that is documented, the counter that names the cap, and a call beside it that loses nothing.
Below the cap everything works and the counter stays.

cap                                     counter in /metrics                              where
rooms.max                               limits_hit_total{limit="rooms"}                  here: rooms
rooms.max_participants                  limits_hit_total{limit="participants"}           here: participants
rooms.max_viewers                       limits_hit_total{limit="viewers"}                here: viewers
rooms.make_rate, make_burst             limits_hit_total{limit="make_rate"}              test_sources.new_rooms
rooms.max_known                         limits_hit_total{limit="records"}                unit/signaling/test_records
who waits to be let in                  limits_hit_total{limit="waiting"}                unit/signaling/test_lobby
wrong guesses of a source, of a room    limits_hit_total{limit="guesses"}                test_sources.guesses
session.max                             websockets_refused_total                         here: sessions
session.message_rate, message_burst     limits_hit_total{limit="message_rate"}           here: message_rate
session.chat_rate, chat_burst           limits_hit_total{limit="chat_rate"}              here: chat_rate
session.sdp_rate, sdp_burst             limits_hit_total{limit="sdp_rate"}               here: sdp_rate
2 reports a second, 10 at once          limits_hit_total{limit="report_rate"}            here: report_rate
session.max_queue                       websockets_slow_total                            here: slow_reader
message of 64 kB, of 256 kB with SDP    limits_hit_total{limit="message_size"}           here: message_size
more than that                          websockets_rejected_total                        here: message_size
64 slots in our offer                   limits_hit_total{limit="slots"}                  here: slots
SDP: octets, lines, m-lines, rids …     limits_hit_total{limit="sdp"}                    here: descriptions
encodings of a track                    none: what is too much is not in the answer      here: encodings
header extensions                       none: those that we do not know are ignored      here: header_extensions
names of a WHEP address                 limits_hit_total{limit="names"}                  here: names
body, path of a request                 http_too_large_total                             here: requests; statuses in test_http.lengths
header of a request                     none: libwebsockets closes by itself             test_http.lengths
http.max_connections                    http_refused_total                               test_http.connection_cap
http.max_per_source                     http_refused_sources_total                       test_http.source_cap
sockets that do not join, or go silent  websockets_silent_total                          unit/signaling/test_ws_server
chat kept per room                      none: the oldest go                              unit/signaling/test_session
rtc.limits.transports                   limits_hit_total{limit="transports"}             here: transports
rtc.limits.transports, WHIP and WHEP    limits_hit_total{limit="resources"}              here: resources
rtc.limits.rooms                        limits_hit_total{limit="rooms"}                  here: media_rooms
rtc.limits.ssrcs_per_transport          drops_total{reason="rtp_ssrc_limit"}             here: ssrcs
256 SSRCs that SRTP opens               drops_total{reason="rtp_ssrc_limit"}             test_attack.ssrc_exhaustion
rtc.limits.tracks_per_room              drops_total{reason="track_limit"}                here: tracks
rtc.limits.stun_unauth_per_sec          drops_total{reason="stun_rate"}                  unit/media/test_engine
50 checks a second to one connection    drops_total{reason="stun_rate"}                  test_attack.stun_flood
rtc.limits.datagrams_per_turn           none: the rest waits for its turn                unit/media/test_engine
rtc.limits.packets_per_worker           packets_evicted_total                            here: packets
rtc.limits.nack_items_per_packet        drops_total{reason="nack_limit"}                 here: nack_items
rtc.limits.rtx_share_percent            drops_total{reason="rtx_share"}                  here: rtx_share
rtc.limits.feed_queue                   feed_dropped_total                               unit/media/test_feed_engine
size of a datagram                      drops_total{reason="too_large"}                  test_attack.not_even_rtp
"""
import contextlib
import json
import os
import re
import struct
import sys
import time
import urllib.error

from rawrtc import AUDIO_PT, RTX_PT, VIDEO_PT, Call, Peer, Server, parse_rtp, rtp, socket, wait_for
from ws_client import WebSocket, join

SOURCE = os.environ.get("PLM_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SDP = {"Content-Type": "application/sdp"}
KB = 1024


def limit(name):
    return f'plenum_limits_hit_total{{limit="{name}"}}'


def drop(name):
    return f'plenum_drops_total{{reason="{name}"}}'


@contextlib.contextmanager
def counts(server, sample, by=1):
    """The counter rises by just so much; 0: it stays."""
    before = server.metrics()[sample]
    yield
    wait_for(lambda: server.metrics()[sample] >= before + by, 5, f"{sample} + {by}")
    now = server.metrics()[sample]
    assert now == before + by, f"{sample}: {now - before}, not {by}"


@contextlib.contextmanager
def rises(server, sample, by=1):
    """The counter rises at least so much."""
    before = server.metrics()[sample]
    yield
    wait_for(lambda: server.metrics()[sample] >= before + by, 5, f"{sample} + {by} or more")


# ---- clients ----

def refused(reply, code, field=None):
    assert reply["type"] == "error" and reply["code"] == code and (field is None or reply.get("field") == field), reply


def post(server, path, body):
    """@return status, body, address of what was made"""
    try:
        status, headers, body = server.request("POST", path, body.encode(), SDP)
        return status, body, headers["Location"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), None


def made_and_gone(server, path, body):
    status, answer, where = post(server, path, body)
    assert status == 201, (status, answer)
    server.request("DELETE", where)
    return answer


def offer():
    with open(os.path.join(SOURCE, "tests/corpus/sdp/chromium_publish_offer.sdp"), encoding="utf-8", newline="") as f:
        return f.read()


# ---- rooms ----

def rooms(server, call):
    with counts(server, limit("rooms"), 0):
        a, b = join(server, "a"), join(server, "b")
    with counts(server, limit("rooms"), 2):
        late = WebSocket(server)
        refused(late.ask("join", room="c", name="Eve"), "full")
        assert post(server, "/whip/c/encoder", offer())[0] == 503
    a.works()
    a.leave()
    wait_for(lambda: late.ask("join", room="c", name="Eve")["type"] == "joined", 5, "a room less, a room more")
    late.leave()
    b.leave()
    wait_for(lambda: server.metrics()["plenum_rooms"] == 1, 5, "only the call's room is left")


def participants(server, call):
    with counts(server, limit("participants"), 0):
        second = join(server, "call")
    with counts(server, limit("participants"), 2):
        third = WebSocket(server)
        refused(third.ask("join", room="call", name="Eve"), "full")
        assert post(server, "/whip/call/encoder", offer())[0] == 503
    second.leave()
    assert third.ask("join", room="call", name="Eve")["type"] == "joined"
    third.leave()


def viewers(server, call):
    """The call has one, and no more are allowed; another room has its own."""
    whep = call.receiver.offer()
    with counts(server, limit("viewers")):
        status, body, _ = post(server, "/whep/call/alice", whep)
        assert status == 503 and json.loads(body)["code"] == "unavailable", (status, body)
    with counts(server, limit("viewers"), 0):
        made_and_gone(server, "/whep/other", whep)


# ---- sessions ----

def sessions(server, call):
    with counts(server, "plenum_websockets_refused_total", 0):
        all_ = [join(server, "s", f"n{i}") for i in range(4)]
    with counts(server, "plenum_websockets_refused_total"):
        late = WebSocket(server)
        assert late.receive() is None and late.close_code == 1013, late.close_code
    all_[0].works()
    all_.pop().leave()
    wait_for(lambda: server.metrics()["plenum_sessions"] == 3, 5, "a session less")
    join(server, "s").leave()
    for ws in all_:
        ws.leave()


def message_rate(server, call):
    ws, other = join(server, "m"), join(server, "m", "Bob")
    with counts(server, limit("message_rate"), 0):
        for _ in range(15):
            ws.works()
    with rises(server, limit("message_rate")):
        replies = [ws.ask("view", items=[]) for _ in range(20)]
        refused(replies[-1], "too_fast")
    other.works()
    with rises(server, limit("message_rate"), 50):  # five bursts at once: it is a flood
        for _ in range(150):
            with contextlib.suppress(ConnectionError):
                ws.send_text('{"type":"leave"}')
        while ws.receive() is not None:
            pass
        assert ws.close_code == 1008, ws.close_code
    other.works()
    other.leave()
    ws.close()


def chat_rate(server, call):
    ws = join(server, "t")
    with counts(server, limit("chat_rate"), 0):
        for _ in range(3):
            assert ws.ask("chat", text="x")["type"] == "done"
    with counts(server, limit("chat_rate")):
        refused(ws.ask("chat", text="x"), "too_fast")
    ws.works()
    time.sleep(2.1)  # the refused one has to be made up for as well
    with counts(server, limit("chat_rate"), 0):
        assert ws.ask("chat", text="x")["type"] == "done"
    ws.leave()


def report_rate(server, call):
    ws = WebSocket(server)
    me = ws.ask("join", room="q", name="Ada")["participant"]
    with counts(server, limit("report_rate"), 0):
        for _ in range(10):
            assert ws.ask("quality", participant=me)["type"] == "quality_report"
    with counts(server, limit("report_rate")):
        for _ in range(20):
            if ws.ask("quality", participant=me)["type"] == "error":
                break
        else:
            raise AssertionError("twenty more at once were answered")
    ws.works()
    ws.leave()


def sdp_rate(server, call):
    ws = join(server, "d")
    slots_ = {"pairs": 1, "audio_only": 0, "screens": 0}
    with counts(server, limit("sdp_rate"), 0):
        for _ in range(2):
            assert ws.ask("receive", **slots_)["type"] == "offered"
    with counts(server, limit("sdp_rate")):
        refused(ws.ask("receive", **slots_), "too_fast")
    ws.works()
    ws.leave()


def message_size(server, call):
    ws = join(server, "z")
    with counts(server, limit("message_size"), 0):
        assert ws.ask("view", size=64 * KB, items=[])["type"] == "done"
        refused(ws.ask("publish", size=264 * KB, sdp="x", tracks=[]), "bad_sdp")
    with counts(server, limit("message_size")), counts(server, "plenum_bad_messages_total"):
        refused(ws.ask("view", size=64 * KB + 1, items=[]), "bad_message")
    ws.works()
    with counts(server, "plenum_websockets_rejected_total"):
        with contextlib.suppress(ConnectionError):
            ws.send_text("x" * (264 * KB + 1))
        message = ws.receive()
        assert message is None and ws.close_code in (1009, None), (message, ws.close_code)
    ws.close()


def slots(server, call):
    ws = join(server, "o")
    with counts(server, limit("slots")):
        refused(ws.ask("receive", pairs=25, audio_only=8, screens=4), "full", "pairs")
    with counts(server, limit("slots"), 0):
        offered = ws.ask("receive", pairs=24, audio_only=8, screens=4)
        assert offered["type"] == "offered" and len(offered["slots"]) == 64, offered
    ws.leave()


# ---- descriptions and requests ----

def with_lines(n_media=None, rids=None, extra=()):
    """A publisher's offer with more of something."""
    text = offer()
    head, *media = re.split(r"(?=^m=)", text, flags=re.M)
    if rids:
        video = next(i for i, m in enumerate(media) if "a=simulcast" in m)
        media[video] = re.sub(r"a=(rid|simulcast):.*\r\n", "", media[video])
        media[video] += "".join(f"a=rid:r{i} send\r\n" for i in range(rids))
        media[video] += "a=simulcast:send " + ";".join(f"r{i}" for i in range(rids)) + "\r\n"
    if n_media:
        media += [f"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:x{i}\r\na=inactive\r\n"
                  for i in range(n_media - len(media))]
    media[0] += "".join(line + "\r\n" for line in extra)
    return head + "".join(media)


def descriptions(server, call):
    def padded(size):
        text = offer()
        return text + "a=x:".ljust(1000, "y").join(["", "\r\n"]) * ((size - len(text)) // 1002 + 1)

    for name, good, bad in (
            ("m-lines", with_lines(n_media=64), with_lines(n_media=65)),
            ("rids", with_lines(rids=8), with_lines(rids=9)),
            ("a line", with_lines(extra=["a=x:" + "y" * 8188]), with_lines(extra=["a=x:" + "y" * 8189])),
            ("octets", padded(240 * KB), padded(256 * KB))):
        with counts(server, limit("sdp"), 0):
            made_and_gone(server, "/whip/sdp", good)
        with counts(server, limit("sdp")):
            status, body, _ = post(server, "/whip/sdp", bad)
            assert status == 400 and json.loads(body)["code"] == "bad_request", (name, status, body)


def encodings(server, call):
    """More than four are offered: the first four are agreed on."""
    answer = made_and_gone(server, "/whip/sdp", with_lines(rids=6))
    assert re.findall(r"a=simulcast:recv (\S+)", answer) == ["r0;r1;r2;r3"], answer
    assert len(re.findall(r"a=rid:r\d recv", answer)) == 4, answer


def header_extensions(server, call):
    """Any number of strange ones with ids of two octets."""
    answer = made_and_gone(server, "/whip/sdp", with_lines(extra=[f"a=extmap:{i} urn:strange:{i}" for i in range(300, 600)]))
    assert "strange" not in answer and "a=extmap:" in answer


def names(server, call):
    whep = call.receiver.offer()
    some = [f"n{i}" for i in range(26)]
    with counts(server, limit("names"), 0):
        made_and_gone(server, "/whep/names/" + ",".join(some[:25]), whep)
    with counts(server, limit("names")):
        assert post(server, "/whep/names/" + ",".join(some), whep)[0] == 400


def requests(server, call):
    with counts(server, "plenum_http_too_large_total", 0):
        assert post(server, "/whip/" + "a" * 1018, "x" * KB)[0] == 400
        assert post(server, "/whip/a", "x" * KB * KB)[0] == 400
    with counts(server, "plenum_http_too_large_total", 2):
        assert post(server, "/whip/" + "a" * 1019, "x" * KB)[0] == 414
        assert post(server, "/whip/a", "x" * (KB * KB + 1))[0] == 413


# ---- connections ----

def transports(server, call):
    """Four in all, of which the call has two."""
    ws, late = join(server, "call"), join(server, "call", "Bob")
    slots_ = {"pairs": 1, "audio_only": 0, "screens": 0}
    with counts(server, limit("transports"), 0):
        assert ws.ask("receive", **slots_)["type"] == "offered"
        assert late.ask("receive", **slots_)["type"] == "offered"
    with counts(server, limit("transports"), 2):
        third = join(server, "call", "Cy")
        refused(third.ask("receive", **slots_), "full")
        assert post(server, "/whip/call/encoder", offer())[0] == 503
    third.works()
    ws.leave()
    assert third.ask("receive", **slots_)["type"] == "offered"
    third.leave()
    late.leave()


def resources(server, call):
    whep = call.receiver.offer()
    with counts(server, limit("resources"), 0):
        two = [post(server, "/whep/call", whep) for _ in range(2)]
        assert [status for status, _, _ in two] == [201, 201]
    with counts(server, limit("resources")):
        status, body, _ = post(server, "/whep/call", whep)
        assert status == 503 and json.loads(body)["code"] == "unavailable", (status, body)
    server.request("DELETE", two[0][2])
    made_and_gone(server, "/whep/call", whep)
    server.request("DELETE", two[1][2])


def media_rooms(server, call):
    second = join(server, "second")
    with counts(server, limit("rooms")):
        late = WebSocket(server)
        refused(late.ask("join", room="third", name="Eve"), "full")
    second.leave()
    wait_for(lambda: late.ask("join", room="third", name="Eve")["type"] == "joined", 5, "a room less, a room more")
    late.leave()
    wait_for(lambda: server.metrics()["plenum_rooms"] == 1, 5, "only the call's room is left")


def slow_reader(server, call):
    """Who does not read is dropped before the queue grows, and may come back; the others hear everything."""
    slow, quick = join(server, "slow", rcvbuf=4096), join(server, "slow", "Bob")
    with counts(server, "plenum_websockets_slow_total"):
        for n in range(4000):
            assert quick.ask("chat", text="x" * 4000)["type"] == "done"
            if n % 20 == 0 and server.metrics()["plenum_websockets_slow_total"]:
                break
    wait_for(lambda: server.metrics()["plenum_participants_detached"] == 1, 5, "the slow one may come back")
    quick.works()
    quick.leave()
    slow.close()
    wait_for(lambda: server.metrics()["plenum_participants_detached"] == 0, 10, "nobody came back")


# ---- media ----

def ssrcs(server, call):
    """Two for a connection."""
    p = Peer(server, "/whip/ssrcs/mallory").wait_connected()
    with counts(server, drop("rtp_ssrc_limit"), 0):
        rx = server.metrics()["plenum_rx_rtp_total"]
        p.send_rtp(rtp(p.audio_ssrc, 1, 0, AUDIO_PT, bytes(20), mid=b"0"))
        p.send_rtp(rtp(p.video_ssrc, 1, 0, VIDEO_PT, b"\x10" + bytes(20), mid=b"1"))
        p.send_rtp(rtp(p.audio_ssrc + 100, 1, 0, AUDIO_PT, bytes(20), mid=b"0"))  # takes the place of the first
        wait_for(lambda: server.metrics()["plenum_rx_rtp_total"] >= rx + 3, 5, "all three have come")
    with counts(server, drop("rtp_ssrc_limit"), 3):
        for seq in range(3):
            p.send_rtp(rtp(p.rtx_ssrc, seq, 0, RTX_PT, bytes(20), mid=b"1"))
    p.close()


def tracks(server, call):
    """Three in a room, of which the call has two: the third comes in, the fourth is left out."""
    with counts(server, drop("track_limit")):
        p = Peer(server, "/whip/call/mallory").wait_connected()
    assert server.metrics()["plenum_tracks"] == 3
    with counts(server, drop("rtp_unknown_ssrc"), 5):
        for seq in range(5):
            p.send_rtp(rtp(p.audio_ssrc, seq, 0, AUDIO_PT, bytes(20), mid=b"0"))
            p.send_rtp(rtp(p.video_ssrc, seq, 0, VIDEO_PT, b"\x10" + bytes(20), mid=b"1"))
    p.close()
    with counts(server, drop("track_limit"), 0):
        Peer(server, "/whip/another/mallory").wait_connected().close()


def video_slot(call):
    return call.numbers()[1][-1][0]


def nack(call, seqs):
    """@param seqs one item for each"""
    p = call.receiver
    items = b"".join(struct.pack(">HH", seq & 0xFFFF, 0) for seq in seqs)
    head = struct.pack(">BBHI", 0x80, 201, 1, p.audio_ssrc)
    p.send_rtcp(head + struct.pack(">BBHII", 0x81, 205, 2 + len(seqs), p.audio_ssrc, video_slot(call)) + items)


def nack_items(server, call):
    """Eight in a packet; of numbers that were never sent, so that nothing is sent again."""
    newest = call.numbers()[1][-1][1]
    strange = [newest + 20000 + i for i in range(9)]
    with counts(server, drop("nack_limit"), 0), counts(server, "plenum_nack_received_total", 8):
        nack(call, strange[:8])
    with counts(server, drop("nack_limit")):
        nack(call, strange)
    with counts(server, drop("nack_limit")):
        p = call.receiver
        p.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, p.audio_ssrc) +
                    struct.pack(">BBHIIHH", 0x81, 205, 3, p.audio_ssrc, video_slot(call), strange[0] & 0xFFFF, 0xFFFF))


def retransmitted(call):
    with call.receiver.lock:
        return [len(p) for p in call.receiver.rtp if p and parse_rtp(p)[2] == RTX_PT]


def rtx_share(server, call):
    """One per cent of what is sent, and 50 000 octets: far less than a receiver asks for here."""
    before = len(retransmitted(call))
    with counts(server, drop("rtx_share"), 0):
        nack(call, [seq for _, seq, _ in call.numbers()[1][-8:]])
        wait_for(lambda: len(retransmitted(call)) >= before + 8, 5, "what is asked for once comes again")
    time.sleep(1)
    before, begin = len(retransmitted(call)), time.monotonic()
    newest = [seq for _, seq, _ in call.numbers()[1][-8:]]
    with rises(server, drop("rtx_share"), 100):
        for _ in range(40):
            nack(call, newest)
    time.sleep(0.2)
    took = time.monotonic() - begin
    octets = sum(retransmitted(call)[before:])
    assert 20000 < octets < (int(took) + 2) * 52000, f"{octets} octets in {took:.1f} s"


def packets(server, call):
    """A thousand: publishers who fill them shorten what is kept for others, and nothing else."""
    before = server.metrics()[drop("no_buffer")]
    with rises(server, "plenum_packets_evicted_total"):
        for room in ("p1", "p2"):
            p = Peer(server, f"/whip/{room}/mallory").wait_connected()
            for seq in range(600):
                p.send_rtp(rtp(p.video_ssrc, seq, 0, VIDEO_PT, b"\x10" + bytes(20), mid=b"1"))
                if seq % 20 == 0:
                    time.sleep(0.005)
            if room == "p1":
                first = p
    assert server.metrics()["plenum_packets"] <= 1024
    assert server.metrics()[drop("no_buffer")] == before
    count = len(retransmitted(call))

    def sent_again():
        nack(call, [seq for _, seq, _ in call.numbers()[1][-2:]])
        return len(retransmitted(call)) >= count + 2

    # Asked again and again: the scenario before this one may have used up what may be retransmitted in this second.
    wait_for(sent_again, 5, "the newest packets are there to be sent again")
    first.close()
    p.close()


GROUPS = [
    ({"rooms_max": 3, "rooms_max_participants": 2, "rooms_max_viewers": 1, "rooms_linger_s": 0}, [rooms, participants, viewers]),
    ({"session_max": 4, "session_message_rate": 5, "session_message_burst": 30, "session_chat_rate": 1, "session_chat_burst": 3,
      "session_sdp_rate": 1, "session_sdp_burst": 2, "session_grace_s": 0, "rooms_linger_s": 0},
     [sessions, message_rate, chat_rate, report_rate, sdp_rate, message_size, slots, descriptions, encodings, header_extensions, names, requests]),
    ({"rtc_limits_transports": 4, "rtc_limits_rooms": 2, "session_max_queue": 16384, "session_message_rate": 10000,
      "session_message_burst": 100000, "session_chat_rate": 10000, "session_chat_burst": 100000, "session_grace_s": 2,
      "rooms_linger_s": 0}, [transports, resources, media_rooms, slow_reader]),
    ({"rtc_limits_ssrcs_per_transport": 2, "rtc_limits_tracks_per_room": 3, "rtc_limits_packets_per_worker": 1024,
      "rtc_limits_nack_items_per_packet": 8, "rtc_limits_rtx_share_percent": 1, "rooms_linger_s": 0},
     [ssrcs, tracks, nack_items, rtx_share, packets]),
]


def gauges(server):
    metrics = server.metrics()
    return [metrics[f"plenum_{name}"] for name in ("rooms", "participants", "viewers", "resources", "sessions", "media_connections",
                                                   "transports", "shards", "tracks", "slots", "packets", "tuples")]


def main():
    for settings, scenarios in GROUPS:
        scenarios = [s for s in scenarios if len(sys.argv) == 1 or s.__name__ in sys.argv[1:]]
        if not scenarios:
            continue
        server = Server(**settings)
        try:
            empty = gauges(server)
            call = Call(server, "call")
            for scenario in scenarios:
                begin = time.monotonic()
                scenario(server, call)
                call.verify()
                print(f"ok {scenario.__name__} ({time.monotonic() - begin:.2f} s)", flush=True)
            call.close()
            wait_for(lambda: gauges(server) == empty, 10, f"every gauge where it began: {gauges(server)}")
        except BaseException:
            print(server.log_tail(), file=sys.stderr)
            server.process.kill()
            raise
        assert server.stop() == 0


if __name__ == "__main__":
    main()
