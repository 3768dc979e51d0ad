"""What chaos happens to: growing logs with planted certificates, a moody receiver of alerts, and what must be true at the end."""
import base64
import collections
import hashlib
import hmac
import json
import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import service as run  # noqa: E402
import test_log  # noqa: E402

WATCHED, BROAD, NO_CERTIFICATE = ".example.com", "*.com", b"\x30\x03\x02\x01\x01"
MOODS = {"accepts": 70, "is slow": 12, "fails": 6, "is busy": 4, "hangs up after reading": 5, "resets before reading": 3}


class MoodyReceiver(run.Receiver):
    """A webhook receiver that checks every signature; `seen` has (webhook-id, body as bytes, mood) of all that it has read."""

    def __init__(self, seed):
        self.wrong, self.moods, self.dice, self.lock = [], collections.Counter(), random.Random(seed), threading.Lock()
        self.is_kind = False
        super().__init__()

    def mood(self):
        with self.lock:
            mood = "accepts" if self.is_kind else self.dice.choices(list(MOODS), list(MOODS.values()))[0]
            self.moods[mood] += 1
        return mood

    def take(self, handler):
        mood = self.mood()
        if mood == "resets before reading":
            return self.reset(handler)
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.check_signature(handler.headers, body)
        self.seen.append((handler.headers["webhook-id"], body, mood))
        if mood == "hangs up after reading":
            return self.reset(handler)
        if mood == "is slow":
            time.sleep(self.dice.choice((0.2, 0.5, 2.5)))
        handler.send_response({"fails": 503, "is busy": 429}.get(mood, 204))
        if mood == "is busy":
            handler.send_header("retry-after", "1")
        handler.send_header("content-length", "0")
        handler.end_headers()

    def reset(self, handler):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.close()

    def check_signature(self, headers, body):
        signed = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
        wanted = "v1," + base64.b64encode(hmac.new(bytes(32), signed, hashlib.sha256).digest()).decode()
        if headers["webhook-signature"] != wanted:
            self.wrong.append(headers["webhook-id"])


class World(threading.Thread):
    """The logs and what was planted in them; grows while it runs, by a seed of its own."""

    def __init__(self, seed, pause=(0.05, 0.6)):
        super().__init__(daemon=True)
        self.dice, self.pause, self.is_over = random.Random(seed), pause, False
        self.maker, self.mallory = test_log.Maker(), test_log.Authority("Mallory CA")
        self.server = test_log.Server(rfc=test_log.Log([], batch=32), both=test_log.Log([]), tiles=test_log.Log([], static=True))
        self.server.logs["both"].serves_both = True
        self.noise = [self.maker.entry(["host%d.example.org" % i], precertificate=i % 2 == 0) for i in range(40)]
        self.places = {}      # hash of the TBS -> [(log id in hex, index)]
        self.findings = {}    # (rule, hash of the TBS) of every finding that must be there
        self.unreadable = []  # (log id in hex, index)

    def add(self, name, entry):
        log = self.server.logs[name]
        log.add(entry)
        return log.log_id.hex(), len(log.entries) - 1

    def some_logs(self):
        return self.dice.sample(sorted(self.server.logs), self.dice.randint(1, 3))

    def plant(self):
        kind = self.dice.choices(("expected", "mis-issued", "broad", "unreadable"), (50, 35, 8, 7))[0]
        if kind == "unreadable":
            name = self.dice.choice(sorted(self.server.logs))
            self.unreadable.append(self.add(name, self.maker.raw(NO_CERTIFICATE)))
            return
        name = BROAD if kind == "broad" else "www%d%s" % (len(self.places), WATCHED)
        pair = self.maker.pair([name], self.mallory if kind == "mis-issued" else None)
        places = []
        for where in self.some_logs():  # now and then both halves in one log
            places += [self.add(where, entry) for entry in (self.dice.sample(pair, self.dice.choice((1, 1, 1, 2))))]
        key = test_log.sha256(pair[0].signed).hex()
        self.places[key] = places
        rule = {"mis-issued": "certificate.unexpected-issuer", "broad": "certificate.broad-name"}.get(kind)
        if rule:
            self.findings[rule, key] = True

    def add_noise(self, name):
        self.maker.timestamp += 1000
        model = self.dice.choice(self.noise)
        self.add(name, test_log.Entry(self.maker.timestamp, model.kind, model.signed, model.chain, model.precertificate, model.key_hash))

    def turn(self):
        for name in self.server.logs:
            for _ in range(self.dice.randint(0, 30)):
                self.add_noise(name)
        for _ in range(self.dice.randint(0, 4)):
            self.plant()

    def run(self):
        while not self.is_over:
            self.turn()
            time.sleep(self.dice.uniform(*self.pause))

    def end(self):
        self.is_over = True
        if self.ident:
            self.join()

    def entry_count(self):
        return sum(len(log.entries) for log in self.server.logs.values())

    # ---- what must be true

    def expected_findings(self):
        """(rule, what it is about) of every finding; those about entries are one for each log."""
        about_logs = {("entry.unreadable", log_id) for log_id, _ in self.unreadable}
        return sorted(set(self.findings) | about_logs)

    def is_settled(self, service):
        """Everything is where it must be; -1 and [] while the database is away."""
        return (service.is_read() and service.number("SELECT count(*) FROM certificate WHERE issuer_state = 'pending'", False) == 0
                and service.number("SELECT count(*) FROM delivery WHERE state = 'queued'", False) == 0
                and service.number("SELECT count(*) FROM certificate", False) >= len(self.places))

    def check_records(self, service):
        wanted = sorted(place for places in self.places.values() for place in places)
        run.expect("every planted entry is observed once, and nothing else", service.observed(), wanted)
        rows = [row[0] for row in service.sql("SELECT encode(tbs_sha256, 'hex') FROM certificate")]
        run.expect("every planted certificate is recorded once", sorted(rows), sorted(self.places))
        rows = service.sql("SELECT encode(log_id, 'hex'), log_index FROM unreadable_entry")
        run.expect("every unreadable entry is kept once, and no other", sorted((a, int(b)) for a, b in rows), sorted(self.unreadable))
        rows = service.sql("SELECT encode(tbs_sha256, 'hex'), count(*) FROM match JOIN certificate USING (certificate_id) GROUP BY 1")
        run.expect("every certificate matches its watch once", sorted(rows), sorted([key, "1"] for key in self.places))
        rows = service.sql("SELECT encode(tbs_sha256, 'hex'), count(*), count(DISTINCT (o.log_id, o.log_index)) FROM observation o "
                           "JOIN certificate USING (certificate_id) GROUP BY 1")
        run.expect("every observation is of its own certificate", sorted((a, int(b), int(c)) for a, b, c in rows),
                   sorted((key, len(places), len(places)) for key, places in self.places.items()))

    def check_findings(self, service):
        rows = service.sql("SELECT rule, coalesce(encode(tbs_sha256, 'hex'), encode(f.log_id, 'hex'), 'caa:' || (f.evidence->>'owner'), f.subject), f.state, f.occurrences "
                           "FROM finding f LEFT JOIN certificate USING (certificate_id) WHERE rule <> 'channel.failing'")
        run.expect("the findings are those that must be, once each", sorted((row[0], row[1]) for row in rows), self.expected_findings())
        run.expect("and open, for nobody has decided", {row[2] for row in rows} <= {"open"})
        many = [row for row in rows if row[1] in self.places and int(row[3]) > len(self.places[row[1]])]
        run.expect("no finding counts an entry twice", many, [])
        rows = service.sql("SELECT state, count(*) FROM finding WHERE rule = 'channel.failing' AND state <> 'resolved' GROUP BY 1")
        run.expect("no channel is called failing", rows, [])
        for log_id, state, evidence in service.findings("entry.unreadable"):
            indexes = sorted(index for place, index in self.unreadable if place == log_id)
            run.expect("the finding counts the unreadable entries once", (state, evidence["count"]), ("open", len(indexes)))
            run.expect("and lists them", sorted(evidence["indexes"]), indexes[:100] if len(indexes) <= 100 else sorted(evidence["indexes"]))

    def check_positions(self, service):
        rows = service.sql("SELECT encode(log_id, 'hex'), first_index, size, encode(frontier, 'hex'), head_size, encode(head_root, 'hex') FROM position")
        run.expect("every log has one position", sorted(row[0] for row in rows), sorted(log.log_id.hex() for log in self.server.logs.values()))
        for log_id, first, size, frontier, head_size, head_root in rows:
            log = [log for log in self.server.logs.values() if log.log_id.hex() == log_id][0]
            count, tree = len(log.entries), test_log.Tree()
            tree.leaves = [test_log.leaf_hash(entry.leaf(i if log.static else None)) for i, entry in enumerate(log.entries)]
            run.expect("it is the log's end, read from 0", (int(first), int(size)), (0, count))
            run.expect("its frontier has the root of the log's entries", run.root_of(count, bytes.fromhex(frontier)), tree.root(0, count).hex())
            run.expect("so has the head that proved it", head_root, tree.root(0, int(head_size)).hex())
        run.expect("no head contradicts", service.number("SELECT count(*) FROM head WHERE state = 'contradicts'"), 0)

    def check_alerts(self, service, receiver):
        ids, bodies = collections.defaultdict(set), collections.defaultdict(set)
        for webhook_id, body, _ in list(receiver.seen):
            told = json.loads(body)
            facts = told["data"]["facts"]
            about = facts.get("tbs_sha256") or ("caa:" + facts["owner"] if "owner" in facts else base64.b64decode(facts.get("log_id", "")).hex())
            if told["type"] != "channel.failing":
                ids[told["type"], about].add(webhook_id)
            bodies[webhook_id].add(body)
        run.expect("every finding was told, and nothing else", sorted(ids), self.expected_findings())
        run.expect("a repeated alert carries the same key", [about for about, keys in ids.items() if len(keys) != 1], [])
        run.expect("another alert carries another key", len(set().union(*ids.values())), len(ids))
        run.expect("a repeated alert says the same", [key for key, texts in bodies.items() if len(texts) != 1], [])
        run.expect("every signature is right", receiver.wrong, [])
        rows = service.sql("SELECT state, count(*) FROM delivery GROUP BY 1")
        run.expect("every alert is delivered, none was given up", [row[0] for row in rows], ["delivered"] if rows else [])
        return len(ids)

    def check_all(self, service, receiver):
        """Number of alerts that had to come."""
        self.check_positions(service)
        self.check_records(service)
        self.check_findings(service)
        return self.check_alerts(service, receiver)
