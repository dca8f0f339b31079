#!/usr/bin/python3
"""
Two hundred people in one meeting, ten of whom speak; the server is killed and started, and all of them come back within two seconds.
How long until each hears somebody again (95 % within 8 s), and was the main loop ever late by more than 50 ms meanwhile.
"""
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from rawrtc import AUDIO_PT, Server, rtp, wait_for
from restarts import Client, Machine, Pump, check_lateness

CROWD, SPEAKERS = 200, 10
WITHIN_S, P95_S = 2.0, 8.0


class Voices(threading.Thread):
    """Sound of all who speak, 50 packets a second each."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.clients, self.sent = clients, {}
        self.start()

    def run(self):
        while True:
            time.sleep(0.02)
            for client in self.clients:
                leg = client.publish
                if not leg or not leg.connected.is_set():
                    continue
                n = self.sent[leg] = self.sent.get(leg, 0) + 1
                try:
                    leg.send_rtp(rtp(leg.audio_ssrc, n, n * 960, AUDIO_PT, bytes(60), mid=b"0", level=20))
                except OSError:
                    pass  # closed just now


def come_back(client, began):
    time.sleep(max(0.0, began + random.uniform(0, WITHIN_S) - time.monotonic()))
    tried = time.monotonic()
    client.come_back(began + 20)
    assert client.joined["resumed"] and client.joined["participant"] == client.id, client.joined
    assert client.receive.heard.wait(25), f"{client.name} hears nothing: {client.receive.state()}"
    now = time.monotonic()
    return now - began, now - tried


def main():
    random.seed(7)
    server, pump = Server(session_max_queue=1048576), Pump()
    clients = []
    for i in range(CROWD):
        client = Client(server, pump, f"Person {i}", room="Hall")
        if i < SPEAKERS:
            client.start_publishing()
        client.start_receiving(pairs=2)
        clients.append(client)
    Voices(clients[:SPEAKERS])
    for client in clients:
        assert client.receive.heard.wait(60), f"{client.name} hears nothing at first"
    time.sleep(0.5)

    server.kill()
    for client in clients:
        client.lose()
    server.start()
    with Machine() as machine:
        began = time.monotonic()
        with ThreadPoolExecutor(CROWD) as pool:
            took = list(pool.map(lambda c: come_back(c, began), clients))
    metrics = server.metrics()
    assert metrics["plenum_participants"] == CROWD and metrics["plenum_participants_detached"] == 0, metrics
    assert metrics["plenum_resumes_total"] == CROWD
    from_start, from_try = sorted(t[0] for t in took), sorted(t[1] for t in took)
    at = int(0.95 * CROWD) - 1
    print(f"{CROWD} people back with media: median {from_start[CROWD // 2]:.2f} s, p95 {from_start[at]:.2f} s, last {from_start[-1]:.2f} s "
          f"after the first came; each from its own attempt: median {from_try[CROWD // 2]:.2f} s, p95 {from_try[at]:.2f} s")
    if check_lateness(server, machine):
        assert from_start[at] <= P95_S
    wait_for(lambda: server.metrics()["plenum_store_queue"] == 0, 5, "everything is written")
    assert server.stop() == 0


if __name__ == "__main__":
    main()
    sys.exit(0)
