"""A participant of the signalling, without media. Python's standard library only."""
import json
import socket
import struct


class WebSocket:
    """A client of the signalling, RFC 6455 by hand: octets as large and as fast as a test wants."""

    def __init__(self, server, rcvbuf=None, forwarded=None):
        """@param forwarded whose address a proxy says that this is"""
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", server.http))
        self.socket.sendall((f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{server.http}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             "Sec-WebSocket-Protocol: plenum.v1\r\n"
                             + (f"X-Forwarded-For: {forwarded}\r\n" if forwarded else "") + "\r\n").encode())
        self.got, self.id, self.close_code = b"", 0, None
        while b"\r\n\r\n" not in self.got:
            self.fill()
        head, self.got = self.got.split(b"\r\n\r\n", 1)
        assert b" 101 " in head, head

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.got += data

    def send_text(self, text):
        size = struct.pack(">BBQ", 0x81, 0xFF, len(text)) if len(text) > 65535 else struct.pack(">BBH", 0x81, 0xFE, len(text))
        self.socket.sendall(size + bytes(4) + text.encode())

    def take(self, n):
        while len(self.got) < n:
            self.fill()
        data, self.got = self.got[:n], self.got[n:]
        return data

    def receive(self):
        """@return the next message, None when the server closed"""
        try:
            while True:
                first, size = self.take(2)
                if size == 126:
                    size, = struct.unpack(">H", self.take(2))
                elif size == 127:
                    size, = struct.unpack(">Q", self.take(8))
                data = self.take(size)
                if first & 15 == 1:
                    return json.loads(data)
                if first & 15 == 8:
                    self.close_code, = struct.unpack(">H", data[:2])
                    return None
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return None

    def reply(self):
        while (message := self.receive()) is not None:
            if message.get("id") == self.id:
                return message
        raise AssertionError(f"closed with {self.close_code}")

    def ask(self, kind, size=0, **fields):
        """@param size octets that the message is padded to with blanks @return the reply"""
        self.id += 1
        self.send_text(json.dumps({"type": kind, "id": self.id, **fields}).ljust(size))
        return self.reply()

    def works(self):
        assert self.ask("view", items=[], follow=True)["type"] == "done"

    def leave(self):
        assert self.ask("leave")["type"] == "done"
        self.close()

    def close(self):
        self.socket.close()


def join(server, room, name="Ada", **options):
    ws = WebSocket(server, **options)
    joined = ws.ask("join", room=room, name=name)
    assert joined["type"] == "joined", joined
    return ws
