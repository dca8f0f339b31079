#!/usr/bin/python3
"""
Somebody who was removed keeps sending: RTP and RTCP sealed with keys that were good, and authentic STUN checks, from the address that was
theirs. Every packet is counted as coming from nobody, none is forwarded, no check is answered, nothing opens again. The others of the
meeting hear each other as before.
"""
import struct
import sys
import time

from rawrtc import AUDIO_PT, Peer, Server, parse_rtp, rtp, wait_for
from restarts import Client, Pump

PACKETS = 200


def speak(leg, word, n, level):
    """@param word four octets that say whose sound it is"""
    for _ in range(n):
        leg.count = getattr(leg, "count", 0) + 1
        leg.send_rtp(rtp(leg.audio_ssrc, leg.count, leg.count * 960, AUDIO_PT, word + bytes(60), mid=b"0", level=level))
        time.sleep(0.002)


class Ear(Peer):
    """Receives over WHEP whoever is loud."""

    def words(self):
        with self.lock:
            assert all(self.rtp), "a packet that cannot be opened"
            return [parse_rtp(packet)[4][:4] for packet in self.rtp]

    def heard(self, word):
        return self.words().count(word)


def main():
    server, pump = Server(), Pump()
    anna, eve = Client(server, pump, "Anna", room="room"), Client(server, pump, "Eve", room="room")
    ear = Ear(server, "/whep/room").wait_connected()
    for client in (anna, eve):
        client.start_publishing()
        assert client.publish.connected.wait(10), client.publish.state()

    def both_heard():
        speak(anna.publish, b"anna", 5, 30)
        speak(eve.publish, b"evil", 5, 20)
        return ear.heard(b"anna") > 5 and ear.heard(b"evil") > 5

    wait_for(both_heard, 10, "both are heard")
    before = server.metrics()
    leg = eve.publish
    assert leg.validated.is_set()
    anna.ask("kick", participant=eve.id)
    wait_for(lambda: server.metrics()["plenum_transports"] == before["plenum_transports"] - 1, 5, "her connection is closed")
    pump.remove(leg)  # from here on only what is sent below is sent; the socket stays open
    time.sleep(0.2)
    while True:
        try:
            leg.receive(leg.socket)
        except BlockingIOError:
            break

    heard, unknown, gauges = ear.heard(b"evil"), server.drops("unknown_tuple"), server.metrics()
    users = server.drops("stun_unknown_user")
    speak(leg, b"evil", PACKETS, 1)
    for _ in range(10):
        leg.send_rtcp(struct.pack(">BBHI", 0x80, 201, 1, leg.audio_ssrc))
        leg.check()
    before_anna = ear.heard(b"anna")
    speak(anna.publish, b"anna", 50, 30)
    wait_for(lambda: ear.heard(b"anna") == before_anna + 50, 5, "Anna is heard as before")
    wait_for(lambda: server.drops("unknown_tuple") == unknown + PACKETS + 10, 5, "each packet is counted as of nobody")
    wait_for(lambda: server.drops("stun_unknown_user") == users + 10, 5, "each check is counted as of nobody")
    assert ear.heard(b"evil") == heard, "the removed person is heard"
    try:
        raise AssertionError(f"answered: {leg.receive(leg.socket)!r}")
    except BlockingIOError:
        pass
    now = server.metrics()
    for name in ("plenum_transports", "plenum_tracks", "plenum_participants", "plenum_media_connections"):
        assert now[name] == gauges[name], (name, gauges[name], now[name])
    leg.socket.close()
    ear.close()
    anna.ask("leave")
    assert server.stop() == 0
    print(f"ok {PACKETS} packets of RTP, 10 of RTCP and 10 checks after the removal: counted, and nothing else")


if __name__ == "__main__":
    main()
    sys.exit(0)
