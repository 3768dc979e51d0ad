"""An independent reader of CT logs for the drill's tests: RFC 6962 and static-ct-api written down a second time, from the
documents and with Python's own libraries, so that a mistake in the C code is not confirmed by itself."""

import base64
import gzip
import hashlib
import json
import struct
import urllib.error
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def need(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def get(url, data=None):
    """(status, headers, body); the body as sent."""
    try:
        with OPENER.open(urllib.request.Request(url, data=data), timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def get_ok(url, data=None):
    status, headers, body = get(url, data)
    need(status == 200, f"{url}: status {status}: {body[:200]!r}")
    return gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body


def get_json(url, data=None):
    return json.loads(get_ok(url, data))


# RFC 6962 2.1, by its recursive definitions

def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def tree_hash(hashes_):
    if len(hashes_) == 0:
        return hashlib.sha256(b"").digest()
    if len(hashes_) == 1:
        return hashes_[0]
    k = split(len(hashes_))
    return node_hash(tree_hash(hashes_[:k]), tree_hash(hashes_[k:]))


def audit_path(m, hashes_):
    if len(hashes_) == 1:
        return []
    k = split(len(hashes_))
    if m < k:
        return audit_path(m, hashes_[:k]) + [tree_hash(hashes_[k:])]
    return audit_path(m - k, hashes_[k:]) + [tree_hash(hashes_[:k])]


def subproof(m, hashes_, complete):
    n = len(hashes_)
    if m == n:
        return [] if complete else [tree_hash(hashes_)]
    k = split(n)
    if m <= k:
        return subproof(m, hashes_[:k], complete) + [tree_hash(hashes_[k:])]
    return subproof(m - k, hashes_[k:], False) + [tree_hash(hashes_[:k])]


# encodings

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(self.at + count <= len(self.data), "truncated")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, width):
        return int.from_bytes(self.take(width), "big")

    def vector(self, width):
        return self.take(self.number(width))

    def end(self):
        return self.at == len(self.data)


class Entry:
    """TimestampedEntry and what hangs on it."""

    def __init__(self, cursor):
        begin = cursor.at
        self.timestamp = cursor.number(8)
        self.kind = cursor.number(2)
        need(self.kind in (0, 1), f"entry type {self.kind}")
        self.issuer_key_hash = cursor.take(32) if self.kind == 1 else None
        self.signed = cursor.vector(3)
        self.extensions = cursor.vector(2)
        self.timestamped = cursor.data[begin:cursor.at]
        self.precertificate, self.chain, self.fingerprints = None, [], []

    @property
    def leaf_input(self):
        return b"\0\0" + self.timestamped

    @property
    def der(self):
        return self.precertificate if self.kind == 1 else self.signed

    def leaf_index(self):
        need(len(self.extensions) == 8 and self.extensions[:3] == b"\0\0\5", f"extensions {self.extensions.hex()}")
        return int.from_bytes(self.extensions[3:], "big")


def entry_of_json(item):
    cursor = Cursor(base64.b64decode(item["leaf_input"], validate=True))
    need(cursor.take(2) == b"\0\0", "version or leaf type")
    entry = Entry(cursor)
    need(cursor.end(), "bytes behind the leaf")
    extra = Cursor(base64.b64decode(item["extra_data"], validate=True))
    if entry.kind == 1:
        entry.precertificate = extra.vector(3)
    chain = Cursor(extra.vector(3))
    need(extra.end(), "bytes behind extra_data")
    while not chain.end():
        entry.chain.append(chain.vector(3))
    entry.fingerprints = [hashlib.sha256(der).digest() for der in entry.chain]
    return entry


def entries_of_tile(data):
    cursor, entries = Cursor(data), []
    while not cursor.end():
        entry = Entry(cursor)
        if entry.kind == 1:
            entry.precertificate = cursor.vector(3)
        fingerprints = cursor.vector(2)
        need(len(fingerprints) % 32 == 0, "fingerprints")
        entry.fingerprints = [fingerprints[i:i + 32] for i in range(0, len(fingerprints), 32)]
        entries.append(entry)
    return entries


def check_signature(key_der, message, digitally_signed):
    cursor = Cursor(digitally_signed)
    need(cursor.take(2) == b"\4\3", "algorithms of DigitallySigned")
    signature = cursor.vector(2)
    need(cursor.end(), "bytes behind the signature")
    serialization.load_der_public_key(key_der).verify(signature, message, ec.ECDSA(hashes.SHA256()))


def check_certificate_signature(certificate, issuer_key):
    if isinstance(issuer_key, rsa.RSAPublicKey):
        issuer_key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA256())
    else:
        issuer_key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))


def head_message(timestamp, size, root):
    return b"\0\1" + struct.pack(">QQ", timestamp, size) + root


class Log:
    """One log as drill.json describes it."""

    def __init__(self, described):
        self.described = described
        self.is_static = described["protocol"] == "static-ct"
        self.url = described["monitoring_url"] or described["url"]
        self.key = base64.b64decode(described["key"])
        self.log_id = hashlib.sha256(self.key).digest()
        need(base64.b64encode(self.log_id).decode() == described["log_id"], "log_id is not the hash of the key")

    def v1(self, call):
        return f"{self.described['url']}ct/v1/{call}"

    def head(self):
        """(size, root, timestamp), signature checked."""
        return self.checkpoint() if self.is_static else self.sth()

    def sth(self):
        sth = get_json(self.v1("get-sth"))
        need(set(sth) == {"tree_size", "timestamp", "sha256_root_hash", "tree_head_signature"}, f"members {set(sth)}")
        root = base64.b64decode(sth["sha256_root_hash"], validate=True)
        check_signature(self.key, head_message(sth["timestamp"], sth["tree_size"], root),
                        base64.b64decode(sth["tree_head_signature"], validate=True))
        return sth["tree_size"], root, sth["timestamp"]

    def checkpoint(self):
        note = get_ok(self.url + "checkpoint").decode()
        text, signatures = note.rsplit("\n\n", 1)
        origin, size, root = (text + "\n").split("\n")[:3]
        need(text.count("\n") == 2, "a checkpoint has three lines")
        need(origin == self.described["origin"], f"origin {origin}")
        need(origin == self.described["url"].split("://", 1)[1].rstrip("/"), "origin is not the submission prefix")
        need(signatures.endswith("\n") and signatures.count("\n") == 1, "one signature line")
        mark, name, blob = signatures.rstrip("\n").split(" ")
        need(mark == "\u2014" and name == origin, "signature line")
        blob = base64.b64decode(blob, validate=True)
        need(blob[:4] == hashlib.sha256(origin.encode() + b"\n\5" + self.log_id).digest()[:4], "key id")
        timestamp = int.from_bytes(blob[4:12], "big")
        root = base64.b64decode(root, validate=True)
        check_signature(self.key, head_message(timestamp, int(size), root), blob[12:])
        return int(size), root, timestamp

    def entries(self, size):
        return self.tile_entries(size) if self.is_static else self.json_entries(size)

    def json_entries(self, size):
        entries = []
        while len(entries) < size:
            items = get_json(self.v1(f"get-entries?start={len(entries)}&end={size - 1}"))["entries"]
            need(items, "no entries")
            entries += [entry_of_json(item) for item in items]
        need(len(entries) == size, f"{len(entries)} entries of {size}")
        return entries

    def tile_entries(self, size):
        entries = []
        for number in range((size + 255) // 256):
            path = tile_path("data", number, min(256, size - number * 256))
            entries += entries_of_tile(get_ok(self.url + path))
        need(len(entries) == size, f"{len(entries)} entries of {size}")
        return entries

    def check_hash_tiles(self, leaves):
        """Every tile of every level against the leaf hashes; returns how many."""
        nodes, level, count = leaves, 0, 0
        while nodes:
            for number in range((len(nodes) + 255) // 256):
                wanted = nodes[number * 256:(number + 1) * 256]
                tile = get_ok(self.url + tile_path(str(level), number, len(wanted)))
                need(tile == b"".join(wanted), f"tile {level}/{number}")
                count += 1
            nodes = [tree_hash(nodes[i:i + 256]) for i in range(0, len(nodes) // 256 * 256, 256)]
            level += 1
        return count


def tile_path(level, number, width):
    digits = f"{number:03d}"
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{path}" + (f".p/{width}" if width < 256 else "")
