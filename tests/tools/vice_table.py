"""How a vice of a log stands in a table: the protocols that have it, the requests that it spoils, what it does, what must be seen of it.

What it does is a function that gets one vice_server.Exchange and does with the socket what it likes; returning None it behaves. Requests are
"head" (get-sth, checkpoint), "entries" (get-entries, data tiles), "proof", "hashes" (hash tiles), "issuer". The log behind is
test_log.Log, so that a vice that is switched off leaves an honest log. What must be seen:

position: how far the log may be read meanwhile: "no" (no position is recorded), "end", or a number
state:    what `pinwatch logs` says
error:    words in its last error
finding:  the one rule about this log of which there is an open finding after more than an hour; None: none at all
"""
BOTH = ("rfc", "tiles")
HEAD, ENTRIES = ("head",), ("entries",)


def unread(error, finding, position="no", state="failing"):
    return {"position": position, "state": state, "error": error, "finding": finding}


FINE = {"position": "end", "state": "following", "error": None, "finding": None}
# What is not a tile at all is skipped after some minutes, its leaf hashes taken from the hash tile, and looked at again later.
SKIPPED = {"position": "end", "state": "following", "error": None, "finding": "entry.unreadable"}


def vice(protocols, kinds, act, seen):
    return {"protocols": protocols, "kinds": kinds, "act": act, "seen": seen}
