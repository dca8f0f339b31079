"""
One end of a WebRTC connection, down to the octets: UDP socket, ICE checks, DTLS, SRTP. For tests that must send what no honest
stack would. Needs Debian's own python3 (python3-aiortc brings pyOpenSSL and pylibsrtp).
"""
import hashlib
import hmac
import os
import re
import select
import socket
import struct
import subprocess
import tempfile
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib

if not os.environ.get("PLM_REEXECUTED"):
    try:
        import OpenSSL
        import pylibsrtp
    except ImportError:
        os.environ["PLM_REEXECUTED"] = "1"
        if os.path.exists("/usr/bin/python3"):
            os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
try:
    from OpenSSL import SSL, crypto
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    import pylibsrtp
except ImportError as missing:
    print(f"skipped: {missing} (Debian's python3-aiortc)")
    sys.exit(77)

import datetime

PROFILES = {
    b"SRTP_AES128_CM_SHA1_80": (16, 14, pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
    b"SRTP_AEAD_AES_128_GCM": (16, 12, pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
}
COOKIE = 0x2112A442
AUDIO_PT, VIDEO_PT, RTX_PT = 111, 96, 97
LEVEL_EXT, MID_EXT = 1, 4


class Server:
    """plenum-server on ports of its own, and its metrics."""

    def __init__(self, args=(), **settings):
        self.args = list(args)
        self.http = free_port(socket.SOCK_STREAM)
        self.rtc = free_port(socket.SOCK_DGRAM)
        self.dir = os.environ.get("PLM_TEST_DIR") or f"/tmp/plenum-test-{os.getpid()}"
        os.makedirs(self.dir, exist_ok=True)
        self.data = tempfile.mkdtemp(prefix="data-", dir=self.dir)  # its own: meetings outlive a server
        self.log_path = os.path.join(self.dir, "server.log")
        self.env = dict(os.environ, PLENUM_HTTP_LISTEN=f"127.0.0.1:{self.http}", PLENUM_RTC_LISTEN=f"127.0.0.1:{self.rtc}",
                        PLENUM_RTC_WORKERS="1", PLENUM_DATA_DIR=self.data,
                        PLENUM_RTC_SPREAD_ABOVE="0")  # tests with several workers are about what crosses between them
        self.env.update({name if name.startswith("LD_") else f"PLENUM_{name.upper()}": str(value)
                         for name, value in settings.items()})
        self.log = open(self.log_path, "wb")
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.environ["PLM_SERVER"], *self.args], env=self.env, stdout=self.log, stderr=self.log)
        wait_for(lambda: self.alive() and self.get("/healthz"), 20, "the server answers")

    def kill(self):
        """As a crash does it."""
        self.process.kill()
        self.process.wait()

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: " + self.log_tail())
        return True

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def request(self, method, path, body=None, headers=None):
        r = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=body, method=method, headers=headers or {})
        with urllib.request.urlopen(r, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()

    def get(self, path):
        try:
            return self.request("GET", path)[2]
        except (urllib.error.URLError, ConnectionError):
            return None

    def metrics(self):
        """Every series by its name and labels, workers summed up."""
        out = {}
        for line in self.get("/metrics").splitlines():
            m = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
            if not m:
                continue
            labels = [l for l in re.findall(r'(\w+="[^"]*")', m[2] or "") if not l.startswith("worker=")]
            key = m[1] + ("{" + ",".join(labels) + "}" if labels else "")
            out[key] = out.get(key, 0) + float(m[3])
        return out

    def drops(self, reason):
        return self.metrics().get(f'plenum_drops_total{{reason="{reason}"}}', 0)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    def stop(self):
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the server does not stop") from None
        self.log.close()
        return code


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def stun_request(username, password, nominate=True, extra=b"", kind=1, fingerprint=True):
    body = extra
    if username is not None:
        body += attribute(6, username.encode())
    body += attribute(0x24, struct.pack(">I", 0x6E0001FF)) + attribute(0x802A, os.urandom(8))
    if nominate:
        body += attribute(0x25, b"")
    head = struct.pack(">HHI", kind, len(body) + 24, COOKIE) + os.urandom(12)
    if password is not None:
        body += attribute(8, hmac.new(password.encode(), head + body, hashlib.sha1).digest())
    if fingerprint:
        head = head[:2] + struct.pack(">H", len(body) + 8) + head[4:]
        body += attribute(0x8028, struct.pack(">I", zlib.crc32(head + body) ^ 0x5354554E))
    return head[:2] + struct.pack(">H", len(body)) + head[4:] + body


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "raw")])
    now = datetime.datetime.utcnow()
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256()))
    return cert, key


class Dtls:
    """A DTLS client over datagrams."""

    def __init__(self, profile, cert, key):
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(crypto.X509.from_cryptography(cert))
        context.use_privatekey(crypto.PKey.from_cryptography_key(key))
        if profile:
            context.set_tlsext_use_srtp(profile)
        context.set_options(SSL.OP_NO_QUERY_MTU)
        self.connection = SSL.Connection(context)
        self.connection.set_ciphertext_mtu(1200)
        self.connection.set_connect_state()
        self.done, self.refused = False, None

    def advance(self, datagram=None):
        """@return datagrams to send"""
        if datagram:
            self.connection.bio_write(datagram)
        try:
            if not self.done:
                self.connection.do_handshake()
                self.done = True
            else:
                self.connection.recv(2048)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            pass
        except SSL.Error as error:
            self.refused = str(error)
        return self.flush()

    def repeat(self):
        """@return the last flight again, if OpenSSL says so; Debian's pyOpenSSL cannot ask it, and nothing is lost on loopback"""
        try:
            self.connection.DTLSv1_handle_timeout()
        except (SSL.Error, AttributeError):
            pass
        return self.flush()

    def flush(self):
        octets = b""
        try:
            while True:
                octets += self.connection.bio_read(65536)
        except SSL.WantReadError:
            pass
        out, now = [], b""
        while octets:
            size = 13 + struct.unpack(">H", octets[11:13])[0]
            if len(now) + size > 1200:
                out.append(now)
                now = b""
            now += octets[:size]
            octets = octets[size:]
        return out + [now] if now else out


class Framed:
    """Datagrams over TCP (RFC 4571), with as much of a UDP socket's face as a peer needs."""

    def __init__(self, address, rcvbuf=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(10)
        self.socket.connect(address)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lock, self.octets, self.ended = threading.Lock(), b"", False

    def fileno(self):
        return self.socket.fileno()

    def sendto(self, datagram, _address=None):
        with self.lock:
            self.socket.sendall(struct.pack(">H", len(datagram)) + datagram)

    def recv(self, _size, _flags=0):
        while True:
            if len(self.octets) >= 2:
                size = struct.unpack(">H", self.octets[:2])[0]
                if len(self.octets) >= 2 + size:
                    datagram, self.octets = self.octets[2:2 + size], self.octets[2 + size:]
                    return datagram
            more = self.socket.recv(65536, socket.MSG_DONTWAIT)
            if not more:
                self.ended = True
                raise BlockingIOError
            self.octets += more

    def recvfrom(self, size, flags=0):
        return self.recv(size, flags), None

    def close(self):
        self.socket.close()


class Peer:
    """A client of WHIP (publishes one audio and one video track) or WHEP (receives them)."""

    def __init__(self, server, path, profile=b"SRTP_AES128_CM_SHA1_80", ssrc=None, start=True):
        self.server, self.profile = server, profile
        self.publishes = path.startswith("/whip")
        self.audio_ssrc = ssrc or struct.unpack(">I", os.urandom(4))[0] | 1
        self.video_ssrc, self.rtx_ssrc = self.audio_ssrc + 1, self.audio_ssrc + 2
        self.cert, self.key = certificate()
        self.ufrag, self.pwd = os.urandom(4).hex(), os.urandom(16).hex()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.address = ("127.0.0.1", server.rtc)
        self.resource = None
        self.rtp, self.rtcp, self.stun, self.without_keys = [], [], 0, 0
        self.sent = []  # SRTP datagrams
        self.lock = threading.Lock()
        self.running = True
        self.connected = threading.Event()
        self.validated = threading.Event()
        self.tx = self.rx = None
        status, headers, answer = server.request("POST", path, self.offer().encode(), {"Content-Type": "application/sdp"})
        assert status == 201, status
        self.resource, self.answer = headers["Location"], answer
        self.server_ufrag = re.search(r"a=ice-ufrag:(\S+)", answer)[1]
        self.server_pwd = re.search(r"a=ice-pwd:(\S+)", answer)[1]
        self.dtls = Dtls(profile, self.cert, self.key)
        if start:
            self.start()

    def offer(self):
        direction = "sendonly" if self.publishes else "recvonly"
        fingerprint = self.cert.fingerprint(hashes.SHA256()).hex().upper()
        common = [f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.pwd}",
                  "a=fingerprint:sha-256 " + ":".join(re.findall("..", fingerprint)), "a=setup:actpass", "a=rtcp-mux",
                  f"a={direction}", f"a=extmap:{MID_EXT} urn:ietf:params:rtp-hdrext:sdes:mid", "c=IN IP4 0.0.0.0"]
        audio = [f"m=audio 9 UDP/TLS/RTP/SAVPF {AUDIO_PT}", "a=mid:0", f"a=rtpmap:{AUDIO_PT} opus/48000/2",
                 f"a=extmap:{LEVEL_EXT} urn:ietf:params:rtp-hdrext:ssrc-audio-level"] + common
        video = [f"m=video 9 UDP/TLS/RTP/SAVPF {VIDEO_PT} {RTX_PT}", "a=mid:1", f"a=rtpmap:{VIDEO_PT} VP8/90000",
                 f"a=rtcp-fb:{VIDEO_PT} nack", f"a=rtcp-fb:{VIDEO_PT} nack pli", f"a=rtpmap:{RTX_PT} rtx/90000",
                 f"a=fmtp:{RTX_PT} apt={VIDEO_PT}"] + common
        if self.publishes:
            audio += ["a=msid:s a", f"a=ssrc:{self.audio_ssrc} cname:raw"]
            video += ["a=msid:s v", f"a=ssrc-group:FID {self.video_ssrc} {self.rtx_ssrc}",
                      f"a=ssrc:{self.video_ssrc} cname:raw", f"a=ssrc:{self.rtx_ssrc} cname:raw"]
        head = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
        return "\r\n".join(head + self.order(audio) + self.order(video)) + "\r\n"

    @staticmethod
    def order(lines):
        """c= follows m=."""
        return lines[:1] + [l for l in lines if l.startswith("c=")] + [l for l in lines[1:] if not l.startswith("c=")]

    def start(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def check(self, **changes):
        self.last_check = stun_request(f"{self.server_ufrag}:{self.ufrag}", self.server_pwd, **changes)
        self.socket.sendto(self.last_check, self.address)

    def run(self):
        next_check = next_repeat = 0
        while self.running:
            now = time.monotonic()
            if now >= next_check:
                self.check()
                next_check = now + (0.05 if not self.validated.is_set() else 1)
            if self.validated.is_set() and not self.connected.is_set() and now >= next_repeat:
                for d in self.dtls.repeat() if next_repeat else self.dtls.advance():
                    self.socket.sendto(d, self.address)
                next_repeat = now + 0.2
            at = self.socket
            try:
                self.read(at)
            except (OSError, ValueError):
                if at is self.socket:
                    raise  # else a test took another one and closed this

    def read(self, at):
        if not select.select([at], [], [], 0.02)[0]:
            return
        for _ in range(200):
            try:
                data = self.receive(at)
            except BlockingIOError:
                return
            self.take(data)

    def receive(self, at):
        """
        A datagram of the server's; BlockingIOError: there is none. The port may have been that of a client of another test, whose server has not
        heard yet that it is gone.
        """
        while True:
            data, source = at.recvfrom(2048, socket.MSG_DONTWAIT)
            if source is None or source[1] == self.address[1]:
                return data

    def take(self, data):
        if data[0] < 4:
            self.stun += 1
            if data[0:2] == b"\x01\x01":
                self.validated.set()
        elif 20 <= data[0] <= 63:
            for d in self.dtls.advance(data):
                self.socket.sendto(d, self.address)
            if self.dtls.done and self.profile not in PROFILES:
                self.dtls.refused = "no profile in common"
            elif self.dtls.done and not self.connected.is_set():
                self.install_keys()
                self.connected.set()
        elif self.rx:
            try:
                if 192 <= data[1] <= 223:
                    plain = self.rx.unprotect_rtcp(data)
                    with self.lock:
                        self.rtcp.append((time.monotonic(), plain))
                else:
                    plain = self.rx.unprotect(data)
                    with self.lock:
                        self.rtp.append(plain)
            except pylibsrtp.Error as error:
                with self.lock:
                    self.rtp.append(b"")
                print("not opened:", error)
        else:
            self.without_keys += 1

    def install_keys(self):
        key, salt, profile = PROFILES[self.profile]
        raw = self.dtls.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        ours = raw[:key] + raw[2 * key:2 * key + salt]
        theirs = raw[key:2 * key] + raw[2 * key + salt:]
        self.tx = self.session(ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, profile)
        self.rx = self.session(theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND, profile)

    @staticmethod
    def session(key, direction, profile):
        policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
        policy.window_size = 1024
        return pylibsrtp.Session(policy=policy)

    def wait_connected(self):
        if not self.connected.wait(10):
            raise AssertionError("not connected: " + self.server.log_tail())
        return self

    def send_raw(self, data):
        self.socket.sendto(data, self.address)

    def send_rtp(self, packet):
        with self.lock:
            sealed = self.tx.protect(packet)
        self.sent.append(sealed)
        self.send_raw(sealed)

    def send_rtcp(self, packet):
        with self.lock:
            sealed = self.tx.protect_rtcp(packet)
        self.send_raw(sealed)
        return sealed

    def close(self, delete=True):
        self.running = False
        self.thread.join()
        if delete and self.resource:
            self.server.request("DELETE", self.resource)
        self.socket.close()


def rtp(ssrc, seq, ts, pt, payload, marker=False, mid=None, level=None):
    extensions = b""
    if level is not None:
        extensions += bytes([LEVEL_EXT << 4, 0x80 | level])
    if mid is not None:
        extensions += bytes([MID_EXT << 4 | len(mid) - 1]) + mid
    head = struct.pack(">BBHII", 0x90 if extensions else 0x80, pt | (0x80 if marker else 0), seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc)
    if extensions:
        extensions += bytes(-len(extensions) % 4)
        head += struct.pack(">HH", 0xBEDE, len(extensions) // 4) + extensions
    return head + payload


def parse_rtp(packet):
    """@return ssrc, sequence number, payload type, marker, payload"""
    first, second, seq, _, ssrc = struct.unpack(">BBHII", packet[:12])
    at = 12 + 4 * (first & 15)
    if first & 0x10:
        at += 4 + 4 * struct.unpack(">H", packet[at + 2:at + 4])[0]
    end = len(packet) - (packet[-1] if first & 0x20 else 0)
    return ssrc, seq, second & 127, second >> 7, packet[at:end]


class Stream(threading.Thread):
    """Publishes through a peer: audio 50 packets a second, video 30 frames of 3 packets; each payload is numbered."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.running = peer, True
        self.audio = self.video = self.frames = 0
        self.start()

    def run(self):
        begin = time.monotonic()
        while self.running:
            t = time.monotonic() - begin
            while self.audio < t * 50:
                self.send_audio()
            while self.frames < t * 30:
                self.send_frame(key=self.frames % 30 == 0)
            time.sleep(0.005)

    def send_audio(self):
        p = self.peer
        p.send_rtp(rtp(p.audio_ssrc, self.audio, self.audio * 960, AUDIO_PT, b"A" + struct.pack(">I", self.audio) + bytes(60),
                       mid=b"0", level=20))
        self.audio += 1

    def send_frame(self, key):
        p = self.peer
        for part in range(3):
            # RFC 7741: extension with a 15-bit picture id; then P of the frame's first octet says whether it is a key frame.
            descriptor = bytes([0x80 | (0x10 if part == 0 else 0), 0x80, 0x80 | self.frames >> 8 & 0x7F, self.frames & 0xFF])
            begin = b""
            if part == 0:
                begin = bytes([0x10, 2, 0]) + b"\x9d\x01\x2a" + struct.pack("<HH", 640, 360) if key else bytes([0x11, 2, 0])
            p.send_rtp(rtp(p.video_ssrc, self.video, self.frames * 3000, VIDEO_PT,
                           descriptor + begin + b"V" + struct.pack(">I", self.video) + bytes(500), marker=part == 2, mid=b"1"))
            self.video += 1
        self.frames += 1

    def stop(self):
        self.running = False
        self.join()


class Call:
    """One publisher, one receiver, and the proof that nothing between them is lost, changed or repeated."""

    def __init__(self, server, room):
        self.publisher = Peer(server, f"/whip/{room}/alice", profile=b"SRTP_AEAD_AES_128_GCM").wait_connected()
        self.receiver = Peer(server, f"/whep/{room}/alice").wait_connected()
        self.stream = Stream(self.publisher)
        wait_for(lambda: all(len(n) > 30 for n in self.numbers()), 10, "audio and video flow")

    def numbers(self):
        with self.receiver.lock:
            packets = list(self.receiver.rtp)
        audio, video = [], []
        for packet in packets:
            if not packet:
                raise AssertionError("a packet that the receiver cannot open")
            ssrc, seq, pt, _, payload = parse_rtp(packet)
            if pt == AUDIO_PT:
                if payload[:1] != b"A":
                    raise AssertionError(f"strange audio: {payload[:16].hex()}")
                audio.append((ssrc, seq, struct.unpack(">I", payload[1:5])[0]))
            elif pt == VIDEO_PT and payload:
                at = payload.find(b"V", 4)
                video.append((ssrc, seq, struct.unpack(">I", payload[at + 1:at + 5])[0]))
        return audio, video

    def verify(self):
        """Everything that was sent since the streams began to flow has come, once, in order, under one SSRC."""
        wanted = self.stream.audio - 1, self.stream.video - 1
        wait_for(lambda: all(n[-1][2] >= w for n, w in zip(self.numbers(), wanted)), 5, "the newest packets arrive")
        for kind, packets in zip(("audio", "video"), self.numbers()):
            for before, after in zip(packets, packets[1:]):
                expected = before[0], before[1] + 1 & 0xFFFF, before[2] + 1
                assert after == expected, f"{kind}: after {before} comes {after}"
        assert self.publisher.server.alive()

    def close(self):
        self.stream.stop()
        self.verify()
        self.receiver.close()
        self.publisher.close()
