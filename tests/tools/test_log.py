"""A small CT log in Python, independent of pinwatch's own code: both protocols, and vices for tests.

Facts: RFC 6962 2.1 (tree), 3.4 (leaf), 3.5 (head), 4 (messages); C2SP static-ct-api and tlog-tiles.
"""
import base64
import datetime
import gzip
import hashlib
import http.server
import json
import struct
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

POISON = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.3"), b"\x05\x00")


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def split(count):
    k = 1
    while k * 2 < count:
        k *= 2
    return k


class Tree:
    """Roots and proofs straight from the definitions, with the perfect subtrees remembered."""

    def __init__(self):
        self.leaves = []
        self.known = {}

    def root(self, begin, end):
        if end == begin:
            return sha256(b"")
        if end - begin == 1:
            return self.leaves[begin]
        if (begin, end) not in self.known:
            k = split(end - begin)
            self.known[begin, end] = node_hash(self.root(begin, begin + k), self.root(begin + k, end))
        return self.known[begin, end]

    def path(self, index, begin, end):
        if end - begin == 1:
            return []
        k = split(end - begin)
        if index < begin + k:
            return self.path(index, begin, begin + k) + [self.root(begin + k, end)]
        return self.path(index, begin + k, end) + [self.root(begin, begin + k)]

    def consistency(self, first, begin, end, is_known):
        if first == end - begin:
            return [] if is_known else [self.root(begin, end)]
        k = split(end - begin)
        if first <= k:
            return self.consistency(first, begin, begin + k, is_known) + [self.root(begin + k, end)]
        return self.consistency(first - k, begin + k, end, False) + [self.root(begin, begin + k)]


class Authority:
    def __init__(self, name="Test CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key.public_key(), [], is_ca=True)
        self.spki = spki(self.key.public_key())
        self.key_hash = sha256(self.spki)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)

    def sign(self, subject, public_key, names, is_ca=False, extra=(), serial=None, days=90):
        now = datetime.datetime(2026, 11, 1)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(serial or x509.random_serial_number()).not_valid_before(now)
                   .not_valid_after(now + datetime.timedelta(days=days)))
        if is_ca:
            builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())


def spki(public_key):
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Entry:
    def __init__(self, timestamp, kind, signed, chain, precertificate=b"", key_hash=b""):
        self.timestamp, self.kind, self.signed = timestamp, kind, signed
        self.chain, self.precertificate, self.key_hash = chain, precertificate, key_hash

    def timestamped(self, index=None):
        extensions = b"" if index is None else b"\x00\x00\x05" + index.to_bytes(5, "big")
        body = struct.pack(">QH", self.timestamp, self.kind) + self.key_hash + u24(self.signed)
        return body + struct.pack(">H", len(extensions)) + extensions

    def leaf(self, index=None):
        return b"\x00\x00" + self.timestamped(index)

    def extra_data(self):
        chain = u24(b"".join(u24(c) for c in self.chain))
        return (u24(self.precertificate) if self.kind == 1 else b"") + chain

    def tile_leaf(self, index=None):
        prints = b"".join(sha256(c) for c in self.chain)
        before = u24(self.precertificate) if self.kind == 1 else b""
        return self.timestamped(index) + before + struct.pack(">H", len(prints)) + prints


def u24(data):
    return len(data).to_bytes(3, "big") + data


class Maker:
    """Makes entries: certificates and precertificates of one authority."""

    def __init__(self, authority=None):
        self.authority = authority or Authority()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.timestamp = 1795000000000

    def entry(self, names, precertificate=False, authority=None):
        return self.pair(names, authority)[0 if precertificate else 1]

    def pair(self, names, authority=None):
        """One issuance as it is logged twice: precertificate and final certificate."""
        authority = authority or self.authority
        self.timestamp += 1000
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "nothing")])
        serial = x509.random_serial_number()
        poisoned = authority.sign(subject, self.key.public_key(), names, extra=[(POISON, True)], serial=serial)
        plain = authority.sign(subject, self.key.public_key(), names, serial=serial)
        der = [made.public_bytes(serialization.Encoding.DER) for made in (poisoned, plain)]
        return (Entry(self.timestamp, 1, plain.tbs_certificate_bytes, [authority.der], der[0], authority.key_hash),
                Entry(self.timestamp, 0, der[1], [authority.der]))

    def raw(self, data):
        self.timestamp += 1000
        return Entry(self.timestamp, 0, data, [self.authority.der])


class Log:
    """One log served under both protocols: /rfc/ and /tiles/. `vices` are attributes set by tests."""

    def __init__(self, entries, static=False, key=None, batch=1000):
        self.static, self.batch = static, batch
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.spki = spki(self.key.public_key())
        self.log_id = sha256(self.spki)
        self.entries = []
        self.tree = Tree()
        self.size = None
        self.origin = "log.test/static"
        self.has_proofs = True
        self.serves_both = False    # RFC 6962 log that also serves data tiles
        self.wrong_at = None        # serve another leaf at this index
        self.bad_signature = False
        self.head_age_ms = 0
        self.now_ms = lambda: int(time.time() * 1000)
        self.other_root = None      # signed in place of the tree's
        self.no_partials = False
        self.extra_signatures = 0
        self.gzip_tiles = True
        self.broken_tile = None     # cut this data tile in the middle
        self.throttle = []          # (status, headers) for the next answers with entries
        self.asked_at = []          # monotonic seconds of each request for entries
        self.requests = []
        self.issuers = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry):
        index = len(self.entries)
        for certificate in entry.chain:
            self.issuers[sha256(certificate).hex()] = certificate
        self.tree.leaves.append(leaf_hash(entry.leaf(index if self.static else None)))
        self.entries.append(entry)  # last: requests are answered meanwhile

    def replace(self, index, entry):
        """Another entry in place of one that was logged: another tree."""
        tree = Tree()
        tree.leaves = list(self.tree.leaves)
        tree.leaves[index] = leaf_hash(entry.leaf(index if self.static else None))
        self.entries[index] = entry
        self.tree = tree

    def sign(self, data):
        if isinstance(self.key, rsa.RSAPrivateKey):
            signature, algorithm = self.key.sign(data, padding.PKCS1v15(), hashes.SHA256()), 1
        else:
            signature, algorithm = self.key.sign(data, ec.ECDSA(hashes.SHA256())), 3
        if self.bad_signature:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return bytes([4, algorithm]) + struct.pack(">H", len(signature)) + signature

    def head(self):
        size = len(self.entries) if self.size is None else self.size
        timestamp = self.now_ms() - self.head_age_ms
        root = self.other_root or self.tree.root(0, size)
        return size, timestamp, root, self.sign(struct.pack(">BBQQ", 0, 1, timestamp, size) + root)

    def get_sth(self):
        size, timestamp, root, signature = self.head()
        return {"tree_size": size, "timestamp": timestamp, "sha256_root_hash": b64(root), "tree_head_signature": b64(signature)}

    def checkpoint(self):
        size, timestamp, root, signature = self.head()
        key_id = sha256(self.origin.encode() + b"\n\x05" + self.log_id)[:4]
        line = "— %s %s\n" % (self.origin, b64(key_id + struct.pack(">Q", timestamp) + signature))
        others = "".join("— witness%d.test %s\n" % (i, b64(bytes([i] * 4) + b"\x07" * 2428)) for i in range(self.extra_signatures))
        return "%s\n%d\n%s\n\n%s%s" % (self.origin, size, b64(root), others, line)

    def shown(self, index):
        return self.entries[0 if index == self.wrong_at and index != 0 else 1 if index == self.wrong_at else index]

    def get_entries(self, start, end):
        size = len(self.entries) if self.size is None else self.size
        if start >= size or end < start:
            return None
        end = min(end + 1, size, (start // self.batch + 1) * self.batch)
        return {"entries": [{"leaf_input": b64(self.shown(i).leaf()), "extra_data": b64(self.shown(i).extra_data())}
                            for i in range(start, end)]}

    def proof_by_hash(self, query):
        wanted = base64.b64decode(query["hash"][0])
        size = int(query["tree_size"][0])
        index = self.tree.leaves.index(wanted)
        return {"leaf_index": index, "audit_path": [b64(h) for h in self.tree.path(index, 0, size)]}

    def entry_and_proof(self, query):
        index, size = int(query["leaf_index"][0]), int(query["tree_size"][0])
        return {"leaf_input": b64(self.entries[index].leaf()), "extra_data": b64(self.entries[index].extra_data()),
                "audit_path": [b64(h) for h in self.tree.path(index, 0, size)]}

    def answer_rfc(self, path, query):
        if path == "get-sth":
            return self.get_sth()
        if path == "get-entries":
            return self.get_entries(int(query["start"][0]), int(query["end"][0]))
        if not self.has_proofs:
            return None
        if path == "get-sth-consistency":
            first, second = int(query["first"][0]), int(query["second"][0])
            return {"consistency": [b64(h) for h in self.tree.consistency(first, 0, second, True)]}
        if path == "get-proof-by-hash":
            return self.proof_by_hash(query)
        return self.entry_and_proof(query) if path == "get-entry-and-proof" else None

    def answer_tile(self, parts):
        size = len(self.entries) if self.size is None else self.size
        kind, rest = parts[0], "/".join(parts[1:])
        wanted = None
        if ".p/" in rest:
            rest, width = rest.split(".p/")
            wanted = int(width)
        number = int("".join(p.lstrip("x") for p in rest.split("/")))
        level = 0 if kind == "data" else int(kind)
        count = (size >> (8 * level)) - number * 256
        if count <= 0 or (wanted is None and count < 256) or (wanted is not None and (wanted > count or self.no_partials)):
            if not (wanted is None and self.no_partials and count > 0):
                return None
        width = min(256, count) if wanted is None else wanted
        first = number * 256
        if kind == "data":
            data = b"".join(self.shown(i).tile_leaf(i if self.static else None) for i in range(first, first + width))
            if self.broken_tile == number:
                data = data[:len(data) // 2]
            return gzip.compress(data) if self.gzip_tiles else data
        span = 1 << (8 * level)
        return b"".join(self.tree.root(i * span, (i + 1) * span) for i in range(first, first + width))

    def answer(self, path):
        url = urllib.parse.urlparse(path)
        parts = url.path.strip("/").split("/")
        self.requests.append(path)
        if self.serves_both and parts[:3] == ["rfc", "tile", "data"]:
            return self.answer_tile(parts[2:])
        if self.serves_both and parts[:2] == ["rfc", "issuer"]:
            return self.issuers.get(parts[2])
        if parts[:3] == ["rfc", "ct", "v1"]:
            found = self.answer_rfc(parts[3], urllib.parse.parse_qs(url.query))
            return None if found is None else json.dumps(found).encode()
        if parts == ["tiles", "checkpoint"]:
            return self.checkpoint().encode()
        if parts[:2] == ["tiles", "issuer"]:
            return self.issuers.get(parts[2])
        return self.answer_tile(parts[2:]) if parts[:2] == ["tiles", "tile"] else None


def b64(data):
    return base64.b64encode(data).decode()


class Server:
    """Serves logs on a free loopback port: http://127.0.0.1:PORT/<name>/rfc/ and …/tiles/."""

    def __init__(self, **logs):
        outer = self
        self.logs = logs

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name, _, path = self.path.lstrip("/").partition("/")
                log = outer.logs.get(name)
                carries_entries = "get-entries" in path or "tile/data" in path
                if log is not None and carries_entries:
                    log.asked_at.append(time.monotonic())
                if log is not None and carries_entries and log.throttle:
                    status, headers = log.throttle.pop(0)
                    return self.send(status, b"slow down", headers)
                try:
                    body = None if log is None else log.answer("/" + path)
                except (ValueError, KeyError, IndexError):
                    body = None
                return self.send(404, b"no such thing", {}) if body is None else self.send(200, body, {})

            def send(self, status, body, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None  # who was killed hangs up
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, name, protocol):
        return "http://127.0.0.1:%d/%s/%s/" % (self.port, name, protocol)
