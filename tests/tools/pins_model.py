"""What clients with pins make of a certificate, from the documents of each platform and not from pinwatch's code, for comparison with it (replay/pins-model).

A document is a list of entries of one format; `Certificate.chain` is what is known above the leaf."""
import dataclasses

HOUR, DAY = 3600, 86400
MOST_EXACT = ("android", "trustkit", "yaml")  # one entry holds alone; elsewhere all that match unite
ACCEPTS, REFUSES, CANNOT_TELL, NOT_PINNED = "accepts", "refuses", "cannot-tell", "not-pinned"


@dataclasses.dataclass
class Pin:
    value: bytes
    position: str = "any"  # "leaf", "ca"
    is_certificate: bool = False
    role: str = ""


@dataclasses.dataclass
class Entry:
    host: str
    match: str = "exact"  # "below": and all below; "label": and one label below; "only-label": one label below, not itself
    pins: list = dataclasses.field(default_factory=list)
    expires: int = None
    is_pinned: bool = True
    is_enforced: bool = True
    port: int = 443

    def covers(self, host):
        below = host[:-len(self.host) - 1].count(".") + 1 if host.endswith("." + self.host) else 0
        return {"exact": host == self.host, "below": host == self.host or below > 0, "label": host == self.host or below == 1, "only-label": below == 1}[self.match]


@dataclasses.dataclass
class Certificate:
    names: list
    key: bytes                # SHA-256 of its public key
    final: bytes              # SHA-256 of the final certificate; None while nobody has seen it
    issuer: str               # whose signature it is
    not_after: int


class Chains:
    """What is known above the issuers: a list of key sets, one for each path, and whether the paths end at a root."""

    def __init__(self, keys):
        self.ways = {name: ([{key}], False) for name, key in keys.items()}

    def learn(self, name, ways):
        """From now on every path of this issuer is known."""
        own = next(iter(self.ways[name][0][0]))
        self.ways[name] = ([{own} | set(way) for way in ways], True)


def holding(entries, fmt, host):
    found = [e for e in entries if e.covers(host)]
    if fmt in MOST_EXACT and found:
        best = max(found, key=lambda e: (e.host == host, len(e.host)))
        return [e for e in found if e.host == best.host]
    return found


def state(entry, fmt, now):
    """Until when a pin set holds: a date of Android begins at midnight on each device."""
    if entry.expires is None:
        return "holds"
    if fmt == "android":
        return "over" if now >= entry.expires + 12 * HOUR else "fades" if now >= entry.expires - 14 * HOUR else "holds"
    return "over" if now >= entry.expires else "holds"


def leaf_says(pin, certificate):
    """True, False, or None: nobody can compare."""
    if pin.position == "ca":
        return False
    if pin.is_certificate:
        return None if certificate.final is None else pin.value == certificate.final
    return pin.value == certificate.key


def pins_say(pins, certificate, chains):
    """Does any of the pins match, whatever path a client builds?"""
    leaf = [leaf_says(pin, certificate) for pin in pins]
    if True in leaf:
        return ACCEPTS
    above = {pin.value for pin in pins if pin.position != "leaf" and not pin.is_certificate}
    may_be_bytes = None in leaf
    if not above:
        return CANNOT_TELL if may_be_bytes else REFUSES
    ways, is_whole = chains.ways[certificate.issuer]
    matched = [bool(above & way) for way in ways]
    if all(matched):
        return ACCEPTS
    if any(matched) or not is_whole or may_be_bytes:
        return CANNOT_TELL
    return REFUSES


def apple_says(entries, certificate, chains):
    """Both lists must be satisfied, where there are such."""
    pins = [pin for entry in entries for pin in entry.pins]
    parts = [[pin for pin in pins if pin.position == which] for which in ("leaf", "ca")]
    said = [pins_say(part, certificate, chains) for part in parts if part]
    return next((verdict for verdict in (REFUSES, CANNOT_TELL) if verdict in said), ACCEPTS)


def host_says(document, host, certificate, chains, now):
    """(verdict, is it enforced), None where no entry holds."""
    fmt, entries = document
    if fmt == "tlsa":  # a service each
        said = [entries_say(fmt, [e for e in entries if e.covers(host) and e.port == port], certificate, chains, now) for port in {e.port for e in entries}]
        return worst([one for one in said if one])
    return entries_say(fmt, holding(entries, fmt, host), certificate, chains, now)


def entries_say(fmt, entries, certificate, chains, now):
    if not entries:
        return None
    if fmt in MOST_EXACT and not entries[0].is_pinned:
        return NOT_PINNED, False
    alive = [e for e in entries if e.is_pinned and state(e, fmt, now) != "over"]
    if not alive:
        return NOT_PINNED, False
    is_enforced = any(e.is_enforced for e in alive)
    if fmt == "apple":
        verdict = apple_says(alive, certificate, chains)
    else:
        verdict = pins_say([pin for e in alive for pin in e.pins], certificate, chains)
    if verdict == REFUSES and any(state(e, fmt, now) == "fades" for e in alive):
        verdict = CANNOT_TELL
    return verdict, is_enforced


def badness(said):
    verdict, is_enforced = said
    grade = {NOT_PINNED: 0, ACCEPTS: 2, CANNOT_TELL: 4, REFUSES: 6}[verdict]
    return grade - (3 if verdict in (REFUSES, CANNOT_TELL) and not is_enforced else 0)


def worst(said):
    return max(said, key=badness, default=None)


def name_says(documents, name, certificate, chains, now):
    """A wildcard is for every host that somebody may have below it."""
    said = []
    for document in documents:
        hosts = [name]
        if name.startswith("*."):
            hosts += [e.host for e in document[1] if e.host.endswith(name[1:]) and "." not in e.host[:-len(name) + 1]]
        said += [one for one in (host_says(document, host, certificate, chains, now) for host in hosts) if one]
    return worst(said)


def is_live(release, now):
    return not release["retired"] and (release["out"] is None or release["out"] <= now) and (release["end"] is None or now < release["end"])


def rows_of(releases, documents, certificate, chains, now):
    """{(app, version, name): (verdict, is a mismatch enforced)} of one tenant."""
    rows = {}
    for (app, version), release in releases.items():
        for name in certificate.names if is_live(release, now) else ():
            said = name_says([documents[one] for one in release["pins"]], name, certificate, chains, now)
            if said:
                rows[app, version, name] = (said[0], said[1] and said[0] in (REFUSES, CANNOT_TELL))
    return rows


def severity_of(rows, is_news, is_unexpected):
    """None: nobody refuses it."""
    refused = [is_enforced for verdict, is_enforced in rows.values() if verdict == REFUSES]
    if not refused:
        return None
    if is_unexpected:
        return "critical" if any(refused) else "warning"
    return "warning" if any(refused) and is_news else "notice"


def is_below(host, parent, labels=None):
    return host.endswith("." + parent) and (labels is None or host[:-len(parent) - 1].count(".") + 1 == labels)


def is_watched(name, watches):
    """`watches` is of texts: "host", or ".domain" for it and all below. A wildcard is for whatever stands one label below it."""
    base = name[2:] if name.startswith("*.") else None
    for watch in watches:
        wanted = watch.lstrip(".")
        if watch.startswith(".") and ((base or name) == wanted or is_below(base or name, wanted)):
            return True
        if (base is None and name == wanted) or (base is not None and is_below(wanted, base, 1)):
            return True
    return False
