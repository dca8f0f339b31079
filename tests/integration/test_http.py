"""HTTP at the socket of a running server: methods, lengths, paths, headers, metrics, TLS, start-up errors."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import plenum

PAGE = "<!doctype html><title>page</title>"
SDP = {"Content-Type": "application/sdp"}


def offer():
    """A publisher's offer as Chromium writes it."""
    with open(os.path.join(plenum.SOURCE, "tests/corpus/sdp/chromium_publish_offer.sdp"), encoding="utf-8") as file:
        return file.read()


def make_page(folder):
    root = os.path.join(folder, "page")
    os.makedirs(os.path.join(root, "assets"))
    os.makedirs(os.path.join(root, ".hidden"))
    for path, text in (
        ("index.html", PAGE),
        ("assets/app-1a2b.js", "x" * 300000),
        ("assets/style.css", "p{}"),
        (".hidden/secret.txt", "secret"),
    ):
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(folder, "outside.txt"), "w", encoding="utf-8") as file:
        file.write("outside")
    os.symlink("../outside.txt", os.path.join(root, "link.txt"))
    os.symlink("..", os.path.join(root, "up"))
    return root


def code_of(body):
    error = json.loads(body)
    assert set(error) == {"code", "message"}, error
    return error["code"]


def wait_until(holds):
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def page_and_files():
    status, headers, body = server.request("GET", "/")
    assert status == 200 and body.decode() == PAGE, (status, body)
    assert headers["content-type"] == "text/html; charset=utf-8", headers
    assert headers["cache-control"] == "no-cache", headers
    assert headers["x-content-type-options"] == "nosniff", headers
    assert headers["referrer-policy"] == "no-referrer", headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "object-src 'none'" in policy and "unsafe" not in policy, policy
    assert "camera=(self)" in headers["permissions-policy"], headers

    for path in ("/room", "/Room%20with%20space", "/a.b"):
        assert server.request("GET", path)[2].decode() == PAGE, path
    status, headers, body = server.request("GET", "/assets/app-1a2b.js")
    assert status == 200 and len(body) == 300000 and "immutable" in headers["cache-control"], headers
    assert headers["content-type"].startswith("text/javascript"), headers
    assert server.request("GET", "/assets/style.css")[1]["content-type"].startswith("text/css")

    tag = server.request("GET", "/")[1]["etag"]
    status, headers, body = server.request("GET", "/", headers={"If-None-Match": tag})
    assert status == 304 and body == b"" and headers["etag"] == tag, (status, headers)
    status, headers, body = server.request("HEAD", "/")
    assert status == 200 and body == b"" and headers["content-length"] == str(len(PAGE)), (status, headers)


def nothing_outside_the_folder():
    for path in (
        "/missing.js",
        "/assets/missing.css",
        "/assets/",
        "/a/b",
        "/link.txt",
        "/up/outside.txt",
        "/.hidden/secret.txt",
        "/../outside.txt",
        "/assets/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/assets/%2e%2e/%2e%2e/outside.txt",
        "/....//outside.txt",
        "//etc/passwd",
    ):
        got = server.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert b"outside\n" not in got and b"secret" not in got and b"root:" not in got, (path, got)
        assert re.match(rb"HTTP/1\.[01] (4\d\d)|^$", got), (path, got[:200])


def methods():
    for method, path, allow in (
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
        ("PUT", "/metrics", "GET, HEAD, OPTIONS"),
        ("GET", "/whip/room", "POST, OPTIONS"),
        ("PATCH", "/whep/room/name", "POST, OPTIONS"),
        ("GET", "/whip/resource/0123456789abcdef0123456789abcdef", "PATCH, DELETE, OPTIONS"),
    ):
        body = b"x" if method in ("POST", "PUT", "PATCH") else None
        status, headers, reply = server.request(method, path, body=body)
        assert status == 405 and headers["allow"] == allow, (method, path, status, headers)
        assert code_of(reply) == "method_not_allowed"
    got = server.raw(b"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n")
    assert got == b"" or re.match(rb"HTTP/1\.[01] 4", got), got


def lengths():
    head = "POST /whip/room HTTP/1.1\r\nHost: a\r\nContent-Type: application/sdp\r\n"
    got = server.raw((head + "\r\n").encode())
    assert got.startswith(b"HTTP/1.1 411") and b"connection: close" in got, got
    got = server.raw((head + "Transfer-Encoding: chunked\r\n\r\n3\r\nv=0\r\n0\r\n\r\n").encode())
    assert got.startswith(b"HTTP/1.1 411"), got
    got = server.raw((head + f"Content-Length: {1024 * 1024 + 1}\r\n\r\n").encode() + b"x" * 300000)
    assert got.startswith(b"HTTP/1.1 413"), got
    for length in ("-1", "1x", "99999999999999999999999"):
        got = server.raw((head + f"Content-Length: {length}\r\n\r\nx").encode())
        assert got == b"" or re.match(rb"HTTP/1\.[01] 4(00|13)", got), (length, got)
    got = server.raw((head + "Content-Length: 0\r\n\r\n").encode())
    assert got.startswith(b"HTTP/1.1 400"), got

    # A client that sends all of a body that is too large still reads the answer.
    status, _, reply = server.request("POST", "/whip/room", body=b"x" * 3000000, headers=SDP)
    assert status == 413 and code_of(reply) == "too_large", status
    status, _, reply = server.request("GET", "/" + "a" * 1100)
    assert status == 414 and code_of(reply) == "path_too_long", status
    got = server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + b"a" * 9000 + b"\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200"), got[:100]
    got = server.raw(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"Cookie: " + b"a" * 60000 + b"\r\n\r\n")
    assert not got.startswith(b"HTTP/1.1 200"), got[:100]


def keep_alive():
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    assert server.raw(one * 3).count(b"HTTP/1.1 200") == 3
    bad = b"POST /whip/room HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: application/sdp\r\n\r\nv=0"
    got = server.raw(bad + one)
    assert got.startswith(b"HTTP/1.1 400") and b"HTTP/1.1 200" in got, got


def cors():
    origin = {"Origin": "https://app.example"}
    asked = dict(origin, **{"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    status, headers, body = server.request("OPTIONS", "/whip/room/name", headers=asked)
    assert status == 204 and body == b"", status
    assert headers["access-control-allow-origin"] == "*", headers
    assert headers["access-control-allow-methods"] == "POST, OPTIONS", headers
    assert "content-type" in headers["access-control-allow-headers"], headers
    assert "if-match" in headers["access-control-allow-headers"], headers
    assert headers["accept-post"] == "application/sdp", headers
    status, headers, _ = server.request("POST", "/whip/room", body="v=0", headers=dict(origin, **SDP))
    assert status == 400 and headers["access-control-allow-origin"] == "*", headers
    for name in ("location", "etag", "link"):
        assert name in headers["access-control-expose-headers"], headers
    assert "access-control-allow-origin" not in server.request("GET", "/healthz", headers=origin)[1]

    with plenum.Server({"PLENUM_HTTP_CORS_ORIGINS": "https://app.example"}) as other:
        headers = other.request("OPTIONS", "/whip/room", headers=origin)[1]
        assert headers["access-control-allow-origin"] == "https://app.example" and headers["vary"] == "origin", headers
        for wrong in ("https://app.example.evil", "https://app", "null"):
            headers = other.request("OPTIONS", "/whip/room", headers={"Origin": wrong})[1]
            assert "access-control-allow-origin" not in headers, (wrong, headers)


def whip_resource():
    status, headers, answer = server.request("POST", "/whip/room/Bob%20M%C3%BCller", body=offer(), headers=SDP)
    assert status == 201, (status, answer)
    assert headers["content-type"] == "application/sdp" and answer.startswith(b"v=0\r\n"), headers
    assert re.fullmatch(r"/whip/resource/[0-9a-f]{32}", headers["location"]), headers
    assert headers["accept-patch"] == "application/trickle-ice-sdpfrag", headers
    assert headers["link"].count('rel="ice-server"') == 2, headers
    assert re.search(
        r'<turn:turn\.example:3478>; rel="ice-server"; username="\d{10}"; '
        r'credential="[A-Za-z0-9+/]{27}="; credential-type="password"',
        headers["link"],
    ), headers
    where, tag = headers["location"], headers["etag"]
    assert server.metric("plenum_resources") == 1 and server.metric("plenum_participants") == 1

    fragment = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": tag}
    candidate = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
    status, headers, body = server.request("PATCH", where, body=candidate, headers=dict(fragment, **{"If-Match": "*"}))
    assert status == 200 and b"a=ice-ufrag:" in body and headers["etag"] != tag, (status, headers, body)
    status, _, body = server.request("PATCH", where, body=candidate, headers=fragment)
    assert status == 412 and code_of(body) == "precondition_failed", (status, body)
    status, _, body = server.request("PATCH", where, body="x", headers={"Content-Type": "text/plain", "If-Match": tag})
    assert status == 415, (status, body)

    status, _, body = server.request("DELETE", where)
    assert status == 200 and body == b"", (status, body)
    assert server.request("DELETE", where)[0] == 404
    assert server.metric("plenum_resources") == 0 and server.metric("plenum_participants") == 0


def whip_refusals():
    for path, body, headers, want in (
        ("/whip", "v=0", SDP, 404),
        ("/whip/", "v=0", SDP, 404),
        ("/whip/room/a/b", "v=0", SDP, 404),
        ("/whep/room/" + ",".join("abcdefghijklmnopqrstuvwxyz"), "v=0", SDP, 400),
        ("/whep/room/a,,b", "v=0", SDP, 400),
        ("/whip/room/a%ff", offer(), SDP, 400),
        ("/whip/room/" + "a" * 600, offer(), SDP, 400),
        ("/whip/room", "v=0", {}, 415),
        ("/whip/room", "v=0", {"Content-Type": "application/sdpx"}, 415),
        ("/whip/room", "not sdp", SDP, 400),
    ):
        status, _, reply = server.request("POST", path, body=body, headers=headers)
        assert status == want, (path, status, reply)
        assert code_of(reply) == {400: "bad_request", 404: "not_found", 415: "unsupported_media_type"}[want], reply
    gone = "/whip/resource/" + "0" * 32
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
    assert server.request("PATCH", gone, body="a=x\r\n", headers=fragment)[0] == 404


def upgrade(path="/ws", protocol="plenum.v1", origin=None, to="websocket"):
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    if protocol:
        head += f"Sec-WebSocket-Protocol: {protocol}\r\n"
    if origin:
        head += f"Origin: {origin}\r\n"
    return server.raw((head + "\r\n").encode())


def websocket_doors():
    own = f"http://127.0.0.1:{server.port}"
    for good in ({}, {"origin": own}, {"origin": "https://friend.example"}, {"protocol": "other, plenum.v1"}):
        assert upgrade(**good).startswith(b"HTTP/1.1 101"), good
    for bad in (
        {"path": "/"},
        {"path": "/wsx"},
        {"protocol": None},
        {"protocol": "plenum.v2"},
        {"origin": "https://friend.example.evil"},
        {"origin": "https://friend"},
        {"origin": own + "1"},
        {"origin": "null"},
        {"to": "h2c"},
    ):
        got = upgrade(**bad)
        assert b" 101 " not in got and re.match(rb"HTTP/1\.[01] 403", got), (bad, got)
    assert b"HTTP/2" not in server.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


def metrics():
    status, headers, body = server.request("GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4"), headers
    families, samples = {}, set()
    for line in body.decode().splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in families, line
            families[name] = kind
            current = name
            continue
        found = re.fullmatch(r'([a-z_0-9]+)(\{(?:[a-z_]+="[^"\\\n]*",?)*\})? (\S+)', line)
        assert found, line
        float(found[3])
        base = re.sub(r"_(bucket|sum|count)$", "", found[1]) if families[current] == "histogram" else found[1]
        assert base == current, (line, current)
        assert (found[1], found[2]) not in samples, line
        samples.add((found[1], found[2]))
        if families[current] == "counter":
            assert current.endswith("_total"), line
    for name in ("plenum_rx_datagrams_total", "plenum_drops_total", "plenum_transports", "plenum_link_packets_total"):
        assert name in families, name
    assert families["plenum_loop_lag_seconds"] == "histogram"
    time.sleep(0.3)
    assert server.metric("plenum_loop_lag_seconds_count") > 0
    before = server.metric("plenum_http_requests_total")
    assert server.metric("plenum_http_requests_total") == before + 1

    # What nobody asked for is a counted drop.
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.sendto(b"\xffgarbage", ("127.0.0.1", server.port))
    wait_until(lambda: server.metric("plenum_drops_total", reason="unknown_tuple") >= 1)

    with plenum.Server({"PLENUM_METRICS_ENABLED": "false"}) as other:
        assert other.request("GET", "/metrics")[0] == 404
    with plenum.Server({"PLENUM_METRICS_DETAIL": "true"}) as other:
        other.request("POST", "/whip/room/name", body=offer(), headers=SDP)
        assert "plenum_slot_packets_total" in other.request("GET", "/metrics")[2].decode()
        other.metrics()


def health():
    status, headers, body = server.request("GET", "/healthz")
    state = json.loads(body)
    assert status == 200 and state["status"] == "ok" and state["version"], state
    assert headers["cache-control"] == "no-store", headers


def connection_cap():
    with plenum.Server({"PLENUM_HTTP_MAX_CONNECTIONS": "4"}) as other:
        idle = [socket.create_connection(("127.0.0.1", other.port)) for _ in range(4)]
        time.sleep(0.2)
        assert other.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == b""
        for s in idle:
            s.close()
        time.sleep(0.2)
        assert other.metric("plenum_http_refused_total") == 1


def source_cap():
    """One source at its cap is refused, others are not; what it closes it may open again. A proxy has no cap."""
    settings = {"PLENUM_HTTP_MAX_PER_SOURCE": "4"}
    ask = b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n"

    def from_elsewhere(port):
        with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)) as s:
            s.sendall(ask)
            return s.recv(100)

    with plenum.Server(settings) as other:
        idle = [socket.create_connection(("127.0.0.1", other.port)) for _ in range(4)]
        time.sleep(0.2)
        for _ in range(3):
            assert other.raw(ask) == b""
        assert from_elsewhere(other.port).startswith(b"HTTP/1.0 200"), from_elsewhere(other.port)
        for _ in range(2):
            idle.pop().close()
        time.sleep(0.2)
        assert other.metric("plenum_http_refused_sources_total") == 3
        assert other.metric("plenum_http_refused_total") == 0
        for _ in range(20):  # counted off each time
            assert other.raw(ask).startswith(b"HTTP/1.")
            time.sleep(0.05)
        for s in idle:
            s.close()
    with plenum.Server({**settings, "PLENUM_HTTP_TRUSTED_PROXIES": "127.0.0.1"}) as other:
        idle = [socket.create_connection(("127.0.0.1", other.port)) for _ in range(8)]
        assert other.raw(ask).startswith(b"HTTP/1.")
        assert other.metric("plenum_http_refused_sources_total") == 0
        for s in idle:
            s.close()


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def no_descriptors():
    """Connections wait while no descriptor is left, which costs nothing; then they are taken again."""
    ask = b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n"
    limited = ["sh", "-c", 'ulimit -n 150 && exec "$@"', "sh"]
    with plenum.Server(prefix=limited) as other:
        assert "warn main: 150 files may be open" in other.log(), other.log()
        idle = [socket.create_connection(("127.0.0.1", other.port)) for _ in range(200)]
        wait_until(lambda: "connections wait: " in other.log())
        before = processor_seconds(other.process.pid)
        time.sleep(2)
        spent = processor_seconds(other.process.pid) - before
        assert spent < 0.2, spent
        assert other.log().count("connections wait: ") == 1
        late = socket.create_connection(("127.0.0.1", other.port), timeout=10)
        late.sendall(ask)
        for s in idle:
            s.close()
        assert late.recv(100).startswith(b"HTTP/1.0 200")
        late.close()
        assert other.raw(ask).startswith(b"HTTP/1.0 200")
    enough = {"PLENUM_HTTP_MAX_CONNECTIONS": "20", "PLENUM_RTC_LIMITS_TCP_STREAMS": "20"}
    with plenum.Server(enough, prefix=["sh", "-c", 'ulimit -n 300 && exec "$@"', "sh"]) as other:
        assert "files may be open" not in other.log()


EC = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]


def make_certificate(certificate, key, kind=EC):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *kind, "-nodes"]
        + ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )


def served_certificate(port):
    return ssl.get_server_certificate(("127.0.0.1", port)).strip()


def served_chain(port):
    """All certificates that the server shows, by subject."""
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts"], input=b"", capture_output=True, check=False
    )
    return re.findall(r"^ *\d+ s:(.*)$", shown.stdout.decode(), re.M)


def begin_handshake(port):
    """Of its first message half is sent. @return what sends the rest, and returns the certificate that is shown"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing)
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        hello = outgoing.read()
    connection.sendall(hello[: len(hello) // 2])

    def end():
        connection.sendall(hello[len(hello) // 2 :])
        with connection:
            while True:
                try:
                    session.do_handshake()
                    return ssl.DER_cert_to_PEM_cert(session.getpeercert(True)).strip()
                except ssl.SSLWantReadError:
                    octets = connection.recv(65536)
                    assert octets, "the handshake was cut off"
                    incoming.write(octets)

    return end


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def tls():
    folder = tempfile.mkdtemp(prefix="plenum-test-")
    certificate, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
    make_certificate(certificate, key)
    try:
        with plenum.Server({"PLENUM_HTTP_TLS_CERTIFICATE": certificate, "PLENUM_HTTP_TLS_KEY": key}) as other:
            context = ssl.create_default_context(cafile=certificate)
            context.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", other.port), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
                    assert s.version() in ("TLSv1.2", "TLSv1.3") and s.selected_alpn_protocol() != "h2"
                    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    assert s.recv(1000).startswith(b"HTTP/1.1 200")
            assert b"200" not in other.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")

            def reload(text):
                seen = other.log().count(text)
                other.process.send_signal(signal.SIGHUP)
                wait_until(lambda: other.log().count(text) > seen)

            old = served_certificate(other.port)
            with open(key, "w", encoding="utf-8") as file:
                file.write("half written")
            reload("certificate not reloaded: http.tls.key")
            assert served_certificate(other.port) == old
            for kind in (EC, ["rsa:2048"], ["rsa:2048"], EC):
                make_certificate(certificate, key, kind)
                reload("reloaded the log")
                assert served_certificate(other.port) == text_of(certificate) != old, kind
                old = text_of(certificate)
                assert len(served_chain(other.port)) == 1
            end = begin_handshake(other.port)
            assert served_certificate(other.port) == old  # by now the server has what was sent
            for _ in range(2):
                make_certificate(certificate, key)
                reload("reloaded the log")
            assert end() == text_of(certificate)
            issuer = os.path.join(folder, "issuer.pem")
            make_certificate(issuer, os.path.join(folder, "issuer-key.pem"), EC)
            with open(certificate, "a", encoding="utf-8") as file:
                file.write(text_of(issuer))
            reload("reloaded the log")
            assert len(served_chain(other.port)) == 2
        for env, text in (
            ({"PLENUM_HTTP_TLS_CERTIFICATE": "/nonexistent", "PLENUM_HTTP_TLS_KEY": key}, "http.tls.certificate: /nonexi"),
            ({"PLENUM_HTTP_TLS_CERTIFICATE": certificate}, "http.tls.key: missing"),
            ({"PLENUM_HTTP_TLS_CERTIFICATE": key, "PLENUM_HTTP_TLS_KEY": key}, f"http.tls.certificate: {key}: no certificate"),
            ({"PLENUM_HTTP_TLS_CERTIFICATE": certificate, "PLENUM_HTTP_TLS_KEY": certificate}, "http.tls.key: "),
        ):
            assert text in start_error(env), env
    finally:
        shutil.rmtree(folder)


def start_error(env=None, args=()):
    """What the server says when it must not start."""
    try:
        with plenum.Server(env, args):
            pass
    except RuntimeError as error:
        return str(error)
    raise AssertionError(f"it started with {env} {args}")


def start_errors():
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        port = tcp.getsockname()[1]
        text = start_error({"PLENUM_HTTP_LISTEN": f"127.0.0.1:{port}"})
        assert f"cannot listen on 127.0.0.1:{port} (TCP): Address already in use" in text, text
        assert "http.listen" in text, text
    text = start_error({"PLENUM_RTC_LISTEN": f"127.0.0.1:{server.port}"})
    assert f"cannot listen on 127.0.0.1:{server.port} (UDP)" in text and "rtc.listen" in text, text
    text = start_error({"PLENUM_HTTP_LISTEN": "192.0.2.77:1234"})
    assert "this machine has no such address" in text, text
    text = start_error({"PLENUM_RTC_WORKERS": "99"})
    assert "PLENUM_RTC_WORKERS (rtc.workers): 99 is not within 0..32" in text, text
    text = start_error({"PLENUM_RTC_WORKER": "1"})
    assert "PLENUM_RTC_WORKER: no such setting" in text, text
    text = start_error({"PLENUM_DATA_DIR": "/proc/nothing"})
    assert "data.dir: /proc/nothing" in text, text
    text = start_error(args=["--config", "/nonexistent.yaml"])
    assert "/nonexistent.yaml: No such file" in text, text


def command_line():
    def call(*args, env=None):
        return subprocess.run([plenum.PROGRAM, *args], capture_output=True, text=True, env=env or {}, check=False)

    shipped = os.path.join(plenum.SOURCE, "configs", "plenum.yaml")
    done = call("--config", shipped, "--check")
    assert done.returncode == 0 and "good" in done.stdout, done
    assert re.match(r"plenum-server \d+\.\d+\.\d+\n$", call("--version").stdout)
    assert "--config FILE" in call("--help").stdout
    done = call("--print-config", env={"PLENUM_RTC_WORKERS": "3", "PLENUM_ICE_TURN_SECRET": "hush"})
    assert "workers: 3" in done.stdout and "hush" not in done.stdout, done
    for wrong in (["--nonsense"], ["--config"], ["--capture-room", "tea", "--check"]):
        done = call(*wrong)
        assert done.returncode == 2 and done.stderr.startswith("plenum-server: --"), done
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write('rtc:\n  listen: ["foo"]\n')
        file.flush()
        done = call("--config", file.name, "--check")
        assert done.returncode == 1 and 'rtc.listen[0]: not an address: "foo"' in done.stderr, done


def judged_alike():
    """What a server does not start with, --check does not call good."""
    url, secret = {"PLENUM_WEBHOOKS_URL": "http://127.0.0.1:1/"}, {"PLENUM_WEBHOOKS_SECRET": "x"}
    for env, text in (
        ({"PLENUM_API_KEY": "short"}, "api.key: shorter than 32 characters"),
        (url, "webhooks.secret: not set"),
        ({"PLENUM_WEBHOOKS_URL": "ftp://x", **secret}, "webhooks.url: not an http or https address"),
        ({"PLENUM_HTTP_TLS_CERTIFICATE": "/nonexistent", "PLENUM_HTTP_TLS_KEY": "/nonexistent"}, "http.tls.certificate: /nonexistent"),
        ({"PLENUM_RECORDING_ENABLED": "true", "PLENUM_RECORDING_PROGRAM": "/nonexistent"}, "recording.program: /nonexistent"),
    ):
        done = subprocess.run([plenum.PROGRAM, "--check"], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 1 and text in done.stderr and not done.stdout, (env, done)
        assert text in start_error(env), env
    good = {"PLENUM_API_KEY": "k" * 32, **url, **secret}
    done = subprocess.run([plenum.PROGRAM, "--check"], capture_output=True, text=True, env=good, check=False)
    assert done.returncode == 0 and "good" in done.stdout, done


def reload_and_stop():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("log:\n  level: info\n")
        file.flush()
        with plenum.Server(args=["--config", file.name]) as other:
            other.request("GET", "/healthz")
            assert "/healthz -> 200" not in other.log()
            file.seek(0)
            file.truncate()
            file.write("log:\n  format: json\n  tags:\n    http: debug\n")
            file.flush()
            other.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "reloaded the log" in other.log())
            other.request("GET", "/healthz")
            line = other.log().splitlines()[-1]
            assert json.loads(line)["text"] == "/healthz -> 200", line
            file.seek(0)
            file.write("nonsense: 1\n")
            file.flush()
            other.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "not reloaded" in other.log())
            assert other.request("GET", "/healthz")[0] == 200


folder = tempfile.mkdtemp(prefix="plenum-test-")
settings = {
    "PLENUM_HTTP_ORIGINS": "https://friend.example",
    "PLENUM_ICE_SERVERS": "stun:stun.example,turn:turn.example:3478",
    "PLENUM_ICE_TURN_SECRET": "secret",
}
try:
    with plenum.Server(settings, web_root=make_page(folder)) as server:
        plenum.run(
            [
                page_and_files,
                nothing_outside_the_folder,
                methods,
                lengths,
                keep_alive,
                cors,
                whip_resource,
                whip_refusals,
                websocket_doors,
                metrics,
                health,
                connection_cap,
                source_cap,
                no_descriptors,
                tls,
                start_errors,
                command_line,
                judged_alike,
                reload_and_stop,
            ]
        )
finally:
    shutil.rmtree(folder)
