"""Vices of what a log says: entries, tiles, heads and proofs, changed after an honest log made them."""
import gzip
import json
import struct
import urllib.parse

from cryptography.hazmat.primitives.asymmetric import ec

import test_log
from vice_table import BOTH, ENTRIES, FINE, HEAD, SKIPPED, unread, vice
from vices_of_answers import body_of, bomb, endless, gzipped, hang, page, plain_of, status_of


# ---- of JSON

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


# ---- of tiles

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


# ---- of heads

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


GARBLED = unread("JSON|entries", "log.behind")

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
