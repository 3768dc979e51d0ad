"""A server of logs without manners, on raw sockets: whatever a vice wants to do with a request, it can (see vice_table.py)."""
import re
import select
import socket
import socketserver
import ssl
import struct
import threading
import time


class HungUp(Exception):
    pass


class Exchange:
    """One request to a log, and the socket that it came on."""

    def __init__(self, server, connection, log, path):
        self.server, self.socket, self.log, self.path = server, connection, log, path
        self.kind = kind_of(path)
        self.is_kept = True

    def honest(self):
        try:
            return self.log.answer("/" + self.path)
        except (ValueError, KeyError, IndexError):
            return None

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (OSError, ValueError) as gone:
            raise HungUp from gone
        return True

    def send(self, status, body, headers=(), length=None):
        lines = ["HTTP/1.1 %d %s" % (status, "OK" if status == 200 else "No")]
        lines += ["%s: %s" % pair for pair in headers]
        lines.append("Content-Length: %d" % (len(body) if length is None else length))
        return self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def answer(self):
        body = self.honest()
        return self.send(404, b"no such thing") if body is None else self.send(200, body)

    def close(self, is_rude=False):
        if is_rude:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_kept = False
        return True

    def hang(self):
        """Until the other side gives up."""
        while not self.server.is_over:
            ready, _, _ = select.select([self.socket], [], [], 1)
            if ready and not self.socket.recv(4096):
                break
        raise HungUp

    def flood(self, chunk, pause=0.0, limit=1 << 40):
        sent = 0
        while not self.server.is_over and sent < limit:
            self.raw(chunk)
            sent += len(chunk)
            time.sleep(pause)
        raise HungUp


def kind_of(path):
    if re.search(r"get-sth$|get-sth\?|/checkpoint$", path):
        return "head"
    if "get-entries" in path or "tile/data" in path:
        return "entries"
    if "proof" in path or "consistency" in path:
        return "proof"
    return "issuer" if "/issuer/" in path else "hashes"


def read_request(stream):
    """Path of the next request; None at the end."""
    first = stream.readline(65536).split()
    while True:
        line = stream.readline(65536)
        if line in (b"\r\n", b"\n", b""):
            break
    return first[1].decode("ascii", "replace").lstrip("/") if len(first) == 3 and line != b"" else None


class ViceServer:
    """Serves logs as test_log.Server does; `vices[name]` is (kinds, function) for a log that misbehaves now."""

    def __init__(self, context=None, **logs):
        outer = self
        self.logs, self.vices, self.is_over = logs, {}, False
        self.hits, self.context, self.scheme = {}, context, "http" if context is None else "https"

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    outer.serve(self.request)
                except (HungUp, OSError, ValueError, ssl.SSLError):
                    pass

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 256
            allow_reuse_address = True

            def handle_error(self, *unused):
                pass

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, connection):
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            while not self.is_over:
                path = read_request(stream)
                if path is None or not self.one(connection, path):
                    return

    def one(self, connection, path):
        name, _, rest = path.partition("/")
        log = self.logs.get(name)
        if log is None:
            self.hits[name] = self.hits.get(name, 0) + 1
            connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
            return True
        exchange = Exchange(self, connection, log, rest)
        if exchange.kind == "entries":
            log.asked_at.append(time.monotonic())
        kinds, act = self.vices.get(name, ((), None))
        if not (exchange.kind in kinds and act(exchange)):
            exchange.answer()
        return exchange.is_kept

    def url(self, name, protocol):
        return "%s://%s:%d/%s/%s/" % (self.scheme, "127.0.0.1" if self.context is None else "localhost", self.port, name, protocol)
