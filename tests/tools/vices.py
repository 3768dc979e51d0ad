"""Logs that lie or limp: a server without manners on raw sockets, and every vice under a name.

A vice is a function that gets one Exchange and does with the socket what it likes; returning None it behaves. Which requests it
spoils stands in the table VICES: "head" (get-sth, checkpoint), "entries" (get-entries, data tiles), "proof", "hashes" (hash tiles),
"issuer". The log behind is test_log.Log, so that a vice that is switched off leaves an honest log.
"""
import datetime
import email.utils
import gzip
import json
import mmap
import os
import re
import select
import socket
import socketserver
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import test_log

HTML = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>\x01 \"quoted\" \\ \xff</body></html>\n"


class Clock:
    """The page that PINWATCH_CLOCK names: wall and monotonic milliseconds. It runs like the real one, and jumps when told."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(16))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 16)
        self.path, self.ahead_ms, self.beat = path, 0, None
        self.lock, self.is_over, self.next_jump = threading.Lock(), False, 0
        self.write()
        threading.Thread(target=self.run, daemon=True).start()

    def write(self):
        with self.lock:
            self.page[:] = struct.pack("=qq", self.wall_ms(), int(time.monotonic() * 1000) + self.ahead_ms)

    def run(self):
        while not self.is_over:
            if self.beat is not None and time.monotonic() >= self.next_jump:
                self.ahead_ms += self.beat[0] * 1000
                self.next_jump = time.monotonic() + self.beat[1]
            self.write()
            time.sleep(0.02)

    def wall_ms(self):
        return int(time.time() * 1000) + self.ahead_ms

    def jump(self, seconds):
        self.ahead_ms += int(seconds * 1000)
        self.write()

    def hurry(self, seconds, each):
        """From now on a jump of `seconds` after `each` real seconds; nobody notices more than that much silence at once."""
        self.beat = (seconds, each)

    def calm(self):
        self.beat = None


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


# ---- vices of any answer

def page(x):
    return x.send(200, HTML, [("Content-Type", "text/html")])


def body_of(text):
    return lambda x: x.send(200, text)


def status_of(number, *headers):
    return lambda x: x.send(number, b"no", headers)


def later(number, words):
    """Refuses for good, and names a time to come back."""
    return lambda x: x.send(number, b"slow down", [("Retry-After", words() if callable(words) else words)])


def half(x):
    body = x.honest()
    return None if body is None else x.send(200, body[:len(body) // 2])


def cut(x):
    body = x.honest()
    return None if body is None else x.send(200, body[:len(body) // 2], length=len(body)) and x.close()


def reset(x):
    body = x.honest()
    return None if body is None else x.send(200, body[:len(body) // 2], length=len(body)) and x.close(is_rude=True)


def reset_at_once(x):
    return x.close(is_rude=True)


def close_at_once(x):
    return x.close()


def endless(x):
    x.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    return x.flood(b'{"entries": [' + b" " * 65523)


def endless_chunks(x):
    x.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    return x.flood(b"10000\r\n" + b"[" * 65536 + b"\r\n")


def endless_headers(x):
    x.raw(b"HTTP/1.1 200 OK\r\n")
    return x.flood(b"".join(b"X-%d: %s\r\n" % (i, b"y" * 900) for i in range(64)))


def endless_1xx(x):
    return x.flood(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * 100)


def endless_error(x):
    x.raw(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n")
    return x.flood(b"sorry " * 10000)


def drip(x):
    body = x.honest() or b"no"
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for i in range(len(body)):
        if x.server.is_over:
            break
        x.raw(body[i:i + 1])
        time.sleep(1)
    return True


def drip_headers(x):
    return x.flood(b"H", pause=1)


def hang(x):
    return x.hang()


def hang_in_headers(x):
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Type: appl")
    return x.hang()


def hang_in_body(x):
    body = x.honest() or b"no"
    x.send(200, body[:len(body) // 2], length=len(body))
    return x.hang()


def huge_length(x):
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
    return x.flood(b"x" * 65536, limit=1 << 22)


def broken_chunks(x):
    x.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n")
    return x.close()


def two_lengths(x):
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n12345")
    return x.close()


def no_http(x):
    x.raw(b"220 mail.example.org ESMTP\r\n" + HTML)
    return x.close()


def redirect(where):
    return lambda x: x.send(302, b"", [("Location", where(x) if callable(where) else where)])


def encoded(name):
    return lambda x: x.send(200, x.honest() or b"", [("Content-Encoding", name)])


def bomb(megabytes):
    """One gzip member that inflates to that much."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [squeeze.compress(bytes(1 << 20)) for _ in range(megabytes)]
    packed = b"".join(parts) + squeeze.flush()
    return lambda x: x.send(200, packed, [("Content-Encoding", "gzip")])


def gzipped(change):
    return lambda x: x.honest() is not None and x.send(200, change(x), [("Content-Encoding", "gzip")])


def plain_of(x):
    body = x.honest()
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


# ---- vices of JSON

def rewritten(change):
    """An RFC 6962 answer that was parsed, changed, and written again."""
    def act(x):
        body = x.honest()
        if body is None:
            return None
        changed = change(json.loads(body), x)
        return x.send(200, changed if isinstance(changed, bytes) else json.dumps(changed).encode())
    return act


def with_member(name, value):
    def change(data, unused):
        data[name] = value
        return data
    return rewritten(change)


def other_entries(change):
    return rewritten(lambda data, x: {"entries": change(data["entries"], x)})


def range_of(x):
    query = urllib.parse.parse_qs(urllib.parse.urlparse(x.path).query)
    return int(query["start"][0]), int(query["end"][0])


def shifted(x):
    """Entries of another index: everything one place off."""
    start, end = range_of(x)
    found = x.log.get_entries(max(0, start - 1), max(0, end - 1))
    return None if found is None else x.send(200, json.dumps(found).encode())


def more_than_asked(x):
    start, _ = range_of(x)
    found = x.log.get_entries(start, start + 5000)
    return None if found is None else x.send(200, json.dumps(found).encode())


def twice_each(data, unused):
    return b'{"entries":%b,"entries":[]}' % json.dumps(data["entries"]).encode()


# ---- vices of tiles

def is_partial(x):
    return ".p/" in x.path


def spoiled_tile(change):
    """The bytes of a tile without compression, changed."""
    def act(x):
        return None if x.honest() is None else x.send(200, change(plain_of(x)))
    return act


def other_tile(x):
    """The content of another place in the log."""
    shown = x.path.replace("/000", "/999")
    entries = x.log.entries
    body = b"".join(entry.tile_leaf(i + 7) for i, entry in enumerate(entries[7:263]))
    return x.send(200, body) if shown != x.path or is_partial(x) else None


def no_partials(x):
    return x.send(404, b"gone") if is_partial(x) else None


# ---- vices of heads

def first_only(act):
    return lambda x: act(x) if count_of(x) == 1 else None


def but_first(act):
    return lambda x: act(x) if count_of(x) > 2 else None


def every_other(act):
    return lambda x: act(x) if count_of(x) % 2 == 0 else None


def count_of(x):
    x.log.heads_served = getattr(x.log, "heads_served", 0) + 1
    return x.log.heads_served


def heads(change):
    """`change(log)` gives (size, timestamp, root, signing key) of the head to serve; None of it what the log would say."""
    def act(x):
        log = x.log
        size = len(log.entries)
        given = dict(size=size, timestamp=log.now_ms(), root=log.tree.root(0, size), key=log.key, origin=log.origin, log_id=log.log_id)
        given.update(change(log))
        return x.send(200, signed(log, **given))
    return act


def signed(log, size, timestamp, root, key, origin, log_id, before="", after="", between="", damage=None):
    kept, log.key = log.key, key
    try:
        signature = log.sign(struct.pack(">BBQQ", 0, 1, timestamp, size) + root)
    finally:
        log.key = kept
    if damage is not None:
        signature = damage(signature)
    if not log.static:
        return json.dumps({"tree_size": size, "timestamp": timestamp, "sha256_root_hash": test_log.b64(root),
                           "tree_head_signature": test_log.b64(signature)}).encode()
    key_id = test_log.sha256(origin.encode() + b"\n\x05" + log_id)[:4]
    line = "— %s %s\n" % (origin, test_log.b64(key_id + struct.pack(">Q", timestamp) + signature))
    return ("%s\n%d\n%s\n%s\n%s%s%s" % (origin, size, test_log.b64(root), between, before, line, after)).encode()


OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_ID = test_log.sha256(test_log.spki(OTHER_KEY.public_key()))
DAY_MS = 24 * 3600 * 1000


def witness_lines(count):
    return "".join("— witness%d.test %s\n" % (i, test_log.b64(bytes([i] * 4) + b"\x07" * 2428)) for i in range(count))


def at(seconds):
    return lambda: email.utils.formatdate(time.time() + seconds, usegmt=True)


# ---- the table: name -> (protocols, kinds of request, function, what must be seen)
#
# position: how far the log may be read meanwhile: "no" (no position is recorded), "end", or a number
# state:    what `pinwatch logs` says
# error:    words in its last error
# finding:  the one rule about this log of which there is an open finding after more than an hour; None: none at all

BOTH = ("rfc", "tiles")
HEAD, ENTRIES = ("head",), ("entries",)


def unread(error, finding, position="no", state="failing"):
    return {"position": position, "state": state, "error": error, "finding": finding}


FINE = {"position": "end", "state": "following", "error": None, "finding": None}

ANY_ANSWER = {  # vices that spoil heads and entries alike -> words of the last error for (head, entries)
    "html": (page, ("tree head|checkpoint", "entries|JSON|tile")),
    "empty": (body_of(b""), ("tree head|checkpoint", "JSON|entries|fewer")),
    "half": (half, ("tree head|checkpoint", "JSON|entries|gzip")),
    "cut": (cut, ("", "")),
    "reset": (reset, ("", "")),
    "reset-at-once": (reset_at_once, ("", "")),
    "close-at-once": (close_at_once, ("", "")),
    "endless": (endless, ("larger than the ceiling", "larger than the ceiling")),
    "endless-chunks": (endless_chunks, ("larger than the ceiling", "larger than the ceiling")),
    "endless-headers": (endless_headers, ("header", "header")),
    "endless-1xx": (endless_1xx, ("header", "header")),
    "endless-error": (endless_error, ("status 500", "status 500")),
    "drip": (drip, ("too slow|[Tt]ime", "too slow|[Tt]ime")),
    "hang": (hang, ("too slow|[Tt]ime", "too slow|[Tt]ime")),
    "hang-in-headers": (hang_in_headers, ("too slow|[Tt]ime", "too slow|[Tt]ime")),
    "hang-in-body": (hang_in_body, ("too slow|[Tt]ime", "too slow|[Tt]ime")),
    "huge-length": (huge_length, ("larger than the ceiling", "larger than the ceiling")),
    "broken-chunks": (broken_chunks, ("", "")),
    "two-lengths": (two_lengths, ("", "")),
    "no-http": (no_http, ("", "")),
    "deep": (body_of(b"[" * 16000), ("tree head|checkpoint", "JSON|tile|entr")),
    "status-204": (status_of(204), ("status 204", "status 204")),
    "status-304": (status_of(304), ("tree head|checkpoint", "JSON|entries|fewer")),
    "status-403": (status_of(403), ("status 403", "status 403")),
    "status-500": (status_of(500), ("status 500", "status 500")),
    "status-429-seconds": (later(429, "120"), ("status 429", "status 429")),
    "status-429-date": (later(429, at(120)), ("status 429", "status 429")),
    "status-503-absurd": (later(503, "99999999999999999999999"), ("status 503", "status 503")),
    "status-429-year-9999": (later(429, "Fri, 31 Dec 9999 23:59:59 GMT"), ("status 429", "status 429")),
    "status-503-negative": (later(503, "-5"), ("status 503", "status 503")),
    "status-503-past": (later(503, "Thu, 01 Jan 1970 00:00:00 GMT"), ("status 503", "status 503")),
    "status-429-rubbish": (later(429, "soon, \"really\" \x7f"), ("status 429", "status 429")),
    "brotli": (encoded("br"), ("tree head|checkpoint", None)),
}


def vice(protocols, kinds, act, seen):
    return {"protocols": protocols, "kinds": kinds, "act": act, "seen": seen}


GARBLED = unread("JSON|entries", "log.behind")
# What is not a tile at all is skipped after some minutes, its leaf hashes taken from the hash tile, and looked at again later.
SKIPPED = {"position": "end", "state": "following", "error": None, "finding": "entry.unreadable"}


def general_vices(turn):
    """Each vice of ANY_ANSWER once for heads and once for entries; `turn` 0 or 1 says which protocol gets which."""
    found = {}
    for number, (name, (act, (head_error, entries_error))) in enumerate(ANY_ANSWER.items()):
        protocols = BOTH if (number + turn) % 2 == 0 else BOTH[::-1]
        found["head-" + name] = vice(protocols[:1], HEAD, act, unread(head_error, "log.unreachable"))
        seen = unread(entries_error, "log.behind") if entries_error is not None else FINE
        if protocols[1] == "tiles" and name in ("html", "empty", "half", "deep", "status-304"):
            seen = SKIPPED
        found["entries-" + name] = vice(protocols[1:], ENTRIES, act, seen)
    return found


SPECIAL = {
    # ---- answers with entries, RFC 6962
    "not-json": vice(("rfc",), ENTRIES, body_of(b'{"entries": [{{{'), GARBLED),
    "entries-null": vice(("rfc",), ENTRIES, body_of(b'{"entries": null}'), GARBLED),
    "entries-object": vice(("rfc",), ENTRIES, body_of(b'{"entries": {"leaf_input": "AAAA"}}'), GARBLED),
    "duplicate-keys": vice(("rfc",), ENTRIES, rewritten(twice_each), GARBLED),
    "no-entries": vice(("rfc",), ENTRIES, other_entries(lambda found, x: []), unread("fewer entries", "log.behind")),
    "one-entry-each": vice(("rfc",), ENTRIES, other_entries(lambda found, x: found[:1]), {**FINE, "position": None, "state": None}),
    "more-than-asked": vice(("rfc",), ENTRIES, more_than_asked, FINE),
    "more-members": vice(("rfc",), ENTRIES, other_entries(lambda found, x: [{"x": [[[]]], **e, "y": None} for e in found]), FINE),
    "shifted": vice(("rfc",), ENTRIES, shifted, unread("root", "log.fork", state="forked", position=None)),  # the first answer is honest
    "leaf-no-base64": vice(("rfc",), ENTRIES, other_entries(lambda found, x: [{**e, "leaf_input": "*" + e["leaf_input"][1:]} for e in found]),
                           unread("base64|leaf", "log.behind")),
    "leaf-number": vice(("rfc",), ENTRIES, other_entries(lambda found, x: [{**e, "leaf_input": 17} for e in found]), GARBLED),
    "leaf-version-7": vice(("rfc",), ENTRIES, other_entries(lambda found, x: [{**e, "leaf_input": "BwcH" + e["leaf_input"][4:]} for e in found]),
                           unread("root", "log.fork", state="forked")),
    "extra-rubbish": vice(("rfc",), ENTRIES, other_entries(lambda found, x: [{**e, "extra_data": "????"} for e in found]), FINE),
    "bomb-json": vice(("rfc",), ENTRIES, bomb(200), unread("inflates|ceiling|gzip", "log.behind")),
    # ---- data tiles
    "bomb-tile": vice(("tiles",), ENTRIES, bomb(200), SKIPPED),
    "gzip-broken": vice(("tiles",), ENTRIES, gzipped(lambda x: x.honest()[:-9] + b"\0" * 9), SKIPPED),
    "gzip-twice": vice(("tiles",), ENTRIES, gzipped(lambda x: gzip.compress(x.honest())), SKIPPED),
    "gzip-and-more": vice(("tiles",), ENTRIES, gzipped(lambda x: x.honest() + b"more"), SKIPPED),
    "tile-too-long": vice(("tiles",), ENTRIES, spoiled_tile(lambda body: body + b"\0" * 77), FINE),
    "tile-too-short": vice(("tiles",), ENTRIES, spoiled_tile(lambda body: body[:-1]), SKIPPED),
    "other-tile": vice(("tiles",), ENTRIES, other_tile, unread("root", "log.fork", state="forked")),
    "partials-vanish": vice(("tiles",), ENTRIES, no_partials, unread("status 404", "log.behind", position=256)),
    "hash-tiles-missing": vice(("tiles",), ("hashes", "entries"), status_of(404), unread("status 404", "log.behind")),
    # ---- heads
    "head-other-key": vice(BOTH, HEAD, heads(lambda log: {"key": OTHER_KEY}), unread("signature", "log.bad-head")),
    "head-other-log": vice(("tiles",), HEAD, heads(lambda log: {"key": OTHER_KEY, "log_id": OTHER_ID}),
                           unread("no signature line", "log.bad-head")),
    "head-other-origin": vice(("tiles",), HEAD, heads(lambda log: {"origin": "another.test/log"}), unread("names another log", "log.bad-head")),
    "head-17-signatures": vice(("tiles",), HEAD, heads(lambda log: {"before": witness_lines(9), "after": witness_lines(8)}), FINE),
    "head-extension-lines": vice(("tiles",), HEAD, heads(lambda log: {"between": "extension 1\nextension 2\n\n"}),
                                 unread("three lines", "log.unreachable")),
    "head-damaged-signature": vice(BOTH, HEAD, heads(lambda log: {"damage": lambda s: s[:9]}), unread("signature", "log.bad-head")),
    "head-future": vice(BOTH, HEAD, heads(lambda log: {"timestamp": log.now_ms() + 9 * DAY_MS}), unread("ahead of our clock", "log.bad-head")),
    "head-size-text": vice(("rfc",), HEAD, with_member("tree_size", "300"), unread("four members", "log.unreachable")),
    "head-size-negative": vice(("rfc",), HEAD, with_member("tree_size", -1), unread("four members", "log.unreachable")),
    "head-size-float": vice(("rfc",), HEAD, with_member("tree_size", 3e2), unread("four members", "log.unreachable")),
    "head-twice-a-member": vice(("rfc",), HEAD, rewritten(lambda data, x: json.dumps(data)[:-1].encode() + b', "tree_size": 300}'),
                                unread("four members", "log.unreachable")),
    # A size that does not exist, signed once: what does exist is read as soon as an honest head comes, and the lie is kept.
    "head-far-too-large-once": vice(BOTH, HEAD, first_only(heads(lambda log: {"size": 1 << 50})), {**FINE, "finding": "log.fork"}),
    "head-other-root": vice(BOTH, HEAD, heads(lambda log: {"root": test_log.sha256(b"another tree")}),
                            unread("signed root", "log.fork", state="forked")),
    "head-other-root-once": vice(BOTH, HEAD, first_only(heads(lambda log: {"size": 290, "root": test_log.sha256(b"another tree")})),
                                 {**FINE, "finding": "log.fork"}),
    "head-frozen": vice(BOTH, HEAD, heads(lambda log: {"timestamp": log.begun_ms}), {"position": "end", "state": "stale", "error": None, "finding": "log.stale"}),
    "head-shrinks": vice(BOTH, HEAD, but_first(heads(lambda log: {"size": 150, "root": log.tree.root(0, 150)})),
                         {**FINE, "state": "forked", "finding": "log.fork"}),
    "head-mirror-lags": vice(BOTH, HEAD, every_other(heads(lambda log: {"size": 150, "root": log.tree.root(0, 150),
                                                                        "timestamp": log.begun_ms - 60000})), FINE),
    "head-two-roots": vice(BOTH, HEAD, every_other(heads(lambda log: {"root": test_log.sha256(b"another tree")})),
                           {"position": "end", "state": "forked", "error": None, "finding": "log.fork"}),
    # ---- proofs: these logs begin at their head
    "proof-html": vice(BOTH, ("proof", "hashes"), page, FINE),
    "proof-404": vice(BOTH, ("proof", "hashes"), status_of(404), FINE),
    "proof-wrong": vice(("rfc",), ("proof",), rewritten(lambda data, x: {**data, "audit_path": data["audit_path"][::-1]}),
                        unread("signed root", "log.behind")),
    "proof-tiles-wrong": vice(("tiles",), ("hashes",), spoiled_tile(lambda body: body[32:] + body[:32]), unread("signed root", "log.behind")),
    "proof-hang": vice(("rfc",), ("proof",), hang, unread("too slow|[Tt]ime", "log.behind")),
    "proof-endless": vice(("tiles",), ("hashes",), endless, FINE),
    "tiles-and-hashes-html": vice(("tiles",), ("hashes", "entries"), page, unread("", "log.behind")),
}


ISSUERS = {  # static logs name issuers by hash: what they serve as one
    "404": status_of(404),
    "html": page,
    "other-bytes": body_of(b"0" * 700),
    "endless": endless,
    "reset": reset,
    "hang": hang,
    "hang-too": hang_in_headers,
    "drip": drip_headers,
}


# ---- servers that are broken below HTTP

def authority(folder):
    """A CA, and certificates for localhost: paths of the CA, and of (good, expired, foreign name, self-signed) chains with keys."""
    now = datetime.datetime.utcnow()
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vices CA")])

    def make(name, key, issuer, issuer_key, days, is_ca=False):
        subject = ca_name if is_ca else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=30))
                .not_valid_after(now + datetime.timedelta(days=days))
                .add_extension(x509.BasicConstraints(is_ca, None), True)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(issuer_key, hashes.SHA256()))

    def save(name, *blobs):
        path = os.path.join(folder, name + ".pem")
        with open(path, "wb") as file:
            file.write(b"".join(blobs))
        return path

    def pem(certificate):
        return certificate.public_bytes(serialization.Encoding.PEM)

    paths = {"ca": save("ca", pem(make("Vices CA", ca_key, ca_name, ca_key, 30, is_ca=True)))}
    for kind, name, days, is_own in (("good", "localhost", 30, False), ("expired", "localhost", -1, False), ("foreign", "other.test", 30, False),
                                     ("self-signed", "localhost", 30, True)):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = make(name, key, subject if is_own else ca_name, key if is_own else ca_key, days)
        paths[kind] = save(kind, pem(made), key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                              serialization.NoEncryption()))
    return paths


def tls_context(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class Gate:
    """A port in front of a server: spoils connections in its own way until it is opened, then passes them on."""

    def __init__(self, mode, target_port):
        self.mode, self.target_port, self.is_open, self.is_over = mode, target_port, False, False
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        if mode == "refuse":
            return
        self.listener.listen(0 if mode == "never-accept" else 64)
        if mode == "never-accept":
            for _ in range(4):  # a full queue: whoever comes later gets no answer at all
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
                self.fillers.append(filler)
            return
        threading.Thread(target=self.run, daemon=True).start()

    def open(self):
        self.is_open = True
        if self.mode in ("refuse", "never-accept"):
            for filler in self.fillers:
                filler.close()
            self.listener.listen(64)
            threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.is_over:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            with connection:
                if self.is_open:
                    self.pass_on(connection)
                else:
                    getattr(self, self.mode.replace("-", "_"))(connection)
        except (OSError, ValueError):
            pass

    def pass_on(self, connection, limit=None):
        """Both ways; `limit`: breaks off after so many bytes of the server's."""
        with socket.create_connection(("127.0.0.1", self.target_port)) as target:
            passed = 0
            while True:
                ready, _, _ = select.select([connection, target], [], [])
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    passed += len(data) if end is target else 0
                    if limit is not None and passed > limit:
                        return
                    (connection if end is target else target).sendall(data)

    def hang_in_handshake(self, connection):
        while connection.recv(65536) and not self.is_over:
            pass

    def garbage_in_handshake(self, connection):
        connection.recv(65536)
        connection.sendall(os.urandom(4096))

    def alert_in_handshake(self, connection):
        connection.recv(65536)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")

    def old_version(self, connection):
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + bytes(32) + b"\x00\x00\x35\x00")
        connection.recv(65536)

    def plain_http(self, connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def reset_in_handshake(self, connection):
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def break_off_inside(self, connection):
        self.pass_on(connection, limit=2600)
