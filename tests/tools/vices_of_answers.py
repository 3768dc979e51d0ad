"""Vices of any answer, whatever it says: not what was asked for, cut off, late, without end, or not HTTP."""
import email.utils
import gzip
import time
import zlib

from vice_table import BOTH, ENTRIES, FINE, HEAD, SKIPPED, unread, vice

HTML = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>\x01 \"quoted\" \\ \xff</body></html>\n"


def at(seconds):
    return lambda: email.utils.formatdate(time.time() + seconds, usegmt=True)


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
