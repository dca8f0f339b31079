#!/usr/bin/python3
"""
Several workers on one port. Source ports are chosen so that participants lie on the workers they should, and so that a client's second
address reaches one that does not own its transport: media crosses between workers without a loss, either way.
"""
import re
import select
import sys
import threading
import time

from rawrtc import Call, Peer, Server, Stream, parse_rtp, socket, stun_request, wait_for

WORKERS = 2


def per_worker(server, name):
    """One series of /metrics, by worker."""
    found = re.findall(rf'^plenum_{name}{{worker="(\d+)"}} (\S+)$', server.get("/metrics"), re.M)
    return {int(worker): float(value) for worker, value in found}


def total(server, name):
    return sum(per_worker(server, name).values())


def socket_on(server, worker):
    """A socket whose datagrams the kernel gives to this worker: tried out with rubbish that the worker counts."""
    for _ in range(64):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind(("127.0.0.1", 0))
        before = rubbish(server)
        for _ in range(3):
            s.sendto(b"\xff", ("127.0.0.1", server.rtc))
        after = wait_for(lambda: (r := rubbish(server)) != before and sum(r.values()) >= sum(before.values()) + 3 and r, 5,
                         "rubbish is counted")
        if after[worker] == before[worker] + 3:
            return s
        s.close()
    raise AssertionError(f"no port of 64 reaches worker {worker}")


def rubbish(server):
    found = re.findall(r'^plenum_drops_total{worker="(\d+)",reason="unknown_tuple"} (\S+)$', server.get("/metrics"), re.M)
    return {int(worker): float(value) for worker, value in found}


def peer_on(server, worker, path, profile=b"SRTP_AES128_CM_SHA1_80"):
    p = Peer(server, path, profile=profile, start=False)
    p.socket.close()
    p.socket = socket_on(server, worker)
    p.start()
    return p.wait_connected()


class Across(Call):
    """A publisher and a receiver, each on a worker of choice."""

    def __init__(self, server, room, publisher_on, receiver_on):
        self.publisher = peer_on(server, publisher_on, f"/whip/{room}/alice", b"SRTP_AEAD_AES_128_GCM")
        self.receiver = peer_on(server, receiver_on, f"/whep/{room}/alice")
        self.stream = Stream(self.publisher)
        wait_for(lambda: all(len(n) > 30 for n in self.numbers()), 10, "audio and video flow")


class Resumed(Stream):
    """Goes on where another stream of the same peer ended."""

    def __init__(self, peer, former):
        self.former = former
        super().__init__(peer)

    def run(self):
        self.audio, self.video, self.frames = self.former.audio, self.former.video, self.former.frames
        begin = time.monotonic() - self.frames / 30
        while self.running:
            t = time.monotonic() - begin
            while self.audio < t * 50:
                self.send_audio()
            while self.frames < t * 30:
                self.send_frame(key=self.frames % 30 == 0)
            time.sleep(0.005)


def move(peer, s):
    """A nominating check from another address (a new network, a new pair): from then on the peer lives there. The old address is left."""
    peer.running = False
    peer.thread.join()
    for _ in range(50):
        s.sendto(stun_request(f"{peer.server_ufrag}:{peer.ufrag}", peer.server_pwd), peer.address)
        if select.select([s], [], [], 0.1)[0]:
            break
    else:
        raise AssertionError("no answer to a check that came to another worker")
    peer.socket, old = s, peer.socket
    # What was under way to the former address is still good.
    while select.select([old], [], [], 0.05)[0]:
        peer.take(old.recv(2048))
    old.close()
    peer.running = True
    peer.thread = threading.Thread(target=peer.run, daemon=True)
    peer.thread.start()


def media_crosses_workers(server):
    before = total(server, "link_packets_total")
    call = Across(server, "cross", 0, 1)
    assert per_worker(server, "transports") == {0: 1, 1: 1}, per_worker(server, "transports")
    assert per_worker(server, "shards") == {0: 1, 1: 1}, per_worker(server, "shards")
    assert per_worker(server, "remote_tracks") == {0: 0, 1: 2}, per_worker(server, "remote_tracks")
    time.sleep(1)
    crossed = total(server, "link_packets_total") - before
    assert crossed > 100, crossed
    assert total(server, "stray_datagrams_total") == 0
    call.close()


def media_stays_on_its_worker(server):
    """Nobody elsewhere asks for it: nothing crosses, although the room spans both workers."""
    far = peer_on(server, 1, "/whip/stay/bob")
    call = Across(server, "stay", 0, 0)
    time.sleep(0.5)
    before = total(server, "link_packets_total")
    time.sleep(1)
    assert total(server, "link_packets_total") == before
    call.close()
    far.close()


def a_publishers_second_address_is_on_the_wrong_worker(server):
    call = Across(server, "stray", 0, 1)
    before = total(server, "stray_datagrams_total")
    call.stream.stop()
    call.verify()
    move(call.publisher, socket_on(server, 1))
    rtcp = len(call.publisher.rtcp)
    call.stream = Resumed(call.publisher, call.stream)
    time.sleep(1.5)
    strays = total(server, "stray_datagrams_total") - before
    assert strays > 150, strays
    assert per_worker(server, "transports") == {0: 1, 1: 1}
    wait_for(lambda: len(call.publisher.rtcp) > rtcp, 5, "feedback follows to the new address")
    call.close()


def a_receivers_second_address_is_on_the_wrong_worker(server):
    call = Across(server, "moved", 0, 1)
    call.stream.stop()
    call.verify()
    move(call.receiver, socket_on(server, 0))
    call.stream = Resumed(call.publisher, call.stream)
    count = len(call.receiver.rtp)
    wait_for(lambda: len(call.receiver.rtp) > count + 200, 10, "media at the new address")
    call.close()


def speakers_outlive_their_home(server):
    """The shard that decides who is heard ends; another one takes over, and following receivers go on hearing."""
    home = peer_on(server, 0, "/whip/home/zoe")
    alice = peer_on(server, 1, "/whip/home/alice")
    bob = peer_on(server, 1, "/whep/home")
    stream = Stream(alice)
    audio = lambda: sum(1 for p in bob.rtp if p and parse_rtp(p)[4][:1] == b"A")
    wait_for(lambda: audio() > 30, 10, "audio flows")
    home.close()
    wait_for(lambda: per_worker(server, "shards") == {0: 0, 1: 1}, 5, "the home's shard ends")
    count = audio()
    wait_for(lambda: audio() > count + 100, 10, "audio flows under a new home")
    stream.stop()
    bob.close()
    alice.close()


def everything_ends(server):
    for gauge in ("transports", "transports_connected", "shards", "tracks", "remote_tracks", "slots", "links", "tuples",
                  "packets", "handshakes"):
        wait_for(lambda: total(server, gauge) == 0, 5, f"{gauge} back at 0: {per_worker(server, gauge)}")
    assert server.metrics().get('plenum_drops_total{reason="link_full"}', 0) == 0
    assert total(server, "tx_dropped_total") == 0


def main():
    server = Server(rtc_workers=WORKERS)
    scenarios = [media_crosses_workers, media_stays_on_its_worker, a_publishers_second_address_is_on_the_wrong_worker,
                 a_receivers_second_address_is_on_the_wrong_worker, speakers_outlive_their_home]
    try:
        for scenario in scenarios:
            scenario(server)
            everything_ends(server)
            print("ok:", scenario.__name__)
        print({name: per_worker(server, name) for name in ("link_packets_total", "stray_datagrams_total", "tx_rtp_total")})
    except BaseException:
        print(server.log_tail())
        raise
    finally:
        code = server.stop()
    assert code == 0, code


if __name__ == "__main__":
    sys.exit(main())
