"""Programs whose library calls can be made to fail, on a PostgreSQL of the test's own, beside two small logs and a receiver of alerts.

A program is started alone (Program), so that its exit code and words are seen, or as a whole service (`pinwatch run` from the folder of
programs). What failed is counted in the file "tally", what shall fail stands in the file "orders": see failing_calls.h.
"""
import base64
import hashlib
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import service as run  # noqa: E402
import own_database  # noqa: E402
import test_log  # noqa: E402
import broken_connections  # noqa: E402
import fake_clock  # noqa: E402
import fake_dns  # noqa: E402

FAMILIES = ("memory", "curl", "event", "openssl", "file", "socket", "process", "postgres", "inflate", "idn", "output", "clock", "random",
            "yaml", "json", "resolver")
PROGRAMS = ("pinwatch", "pinwatch-monitor", "pinwatch-reader", "pinwatch-alerts", "pinwatch-drill")
NAMES = 512
CHANGES_OF_ONE = 4  # of the CAA records of one domain: what changes six times a day is restless
TALLY_SIZE = 8 * (2 * len(FAMILIES) + 2) + NAMES * 56
# What no program may ever say or do.
CRASH = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|stack smashing|buffer overflow detected|free\(\): invalid|double free|"
                   r"corrupted|signal 11|signal 4,|signal 8,|Segmentation fault")
FATAL_SIGNALS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
# The clock is asked three times; when Linux refuses it for good, a program ends (base/clock.c).
ABORTS = (signal.SIGABRT,)


def with_tls(server, certificate):
    """An HTTP server of ours that from now on speaks TLS alone; who hangs up in the handshake holds up nobody."""
    server.socket = broken_connections.tls_context(certificate).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


class World:
    """with World() as world: a database with pinwatch's schema, two logs, one watch, one webhook; nothing runs.

    is_secure: logs and receiver speak TLS, under a CA of the test's own, which the settings name;
    is_private: no database is configured and none is there, nor a watch; has_drill: the service runs the drill;
    has_caa: CAA is polled from a resolver of the test's own, which says what change_caa() put there, at so many domains (`caa_zones`);
    has_pins: a release pins the key of some watched names, which other certificates for them miss.
    """

    def __init__(self, build=None, is_secure=False, is_private=False, has_drill=False, has_caa=False, caa_zones=1, has_pins=False):
        self.build = build or run.BUILD
        if not os.access(os.path.join(self.build, "failing", "pinwatch-alerts"), os.X_OK):
            run.skip("%s/failing/pinwatch-alerts was not built" % self.build)
        self.maker = test_log.Maker()
        self.stranger = test_log.Authority("Someone else")
        self.elsewhere = test_log.Maker(self.maker.authority)  # with a key of its own, which no release pins
        self.logs = {"rfc": test_log.Log([], batch=16), "tiles": test_log.Log([], static=True)}
        self.server = test_log.Server(**self.logs)
        self.cluster = None if is_private else own_database.Cluster().start()
        settings = {"readers": 1, "slot_megabytes": 4, "log_level": "info", "has_drill": has_drill}
        if not is_private:
            self.cluster.make_pinwatch()
            settings["database"] = "host=%s dbname=pinwatch" % self.cluster.folder
        self.dns, self.caa_at_first, self.caa_changes, self.has_pins = None, None, 0, has_pins
        self.caa_zones = ["example.com"] + ["zone%d.test" % number for number in range(1, caa_zones)]
        if has_caa:
            self.dns = fake_dns.Server({zone: self.caa_set(number) for zone, number in self.caa_now().items()}, ttl=1)
            settings.update(follows_caa=True, caa_poll_seconds_least=1, caa_poll_seconds_most=2)
        self.service = run.Service(self.server, settings)
        self.service.resolvers = [self.dns.setting] if has_caa else []
        if is_secure:
            self.secure()
        self.programs = self.service.folder + "/programs"
        self.planted = {name: {} for name in self.logs}  # index -> is it from the stranger?
        self.misses = {name: set() for name in self.logs}
        self.number = self.watched = 0
        self.came_before = {}  # idempotency key -> how often it had come when it was sent again
        self.orders = self.tally = self.evidence_keys = None

    def __enter__(self):
        try:
            os.mkdir(self.programs)
            for name in PROGRAMS:
                shutil.copy(os.path.join(self.build, "failing", name), self.programs)
            self.orders = self.shared("orders", 4096)
            self.tally = self.shared("tally", TALLY_SIZE)
            self.orders[0] = ord("-")
            self.service.prepare()
            self.service.logs = {name: {} for name in self.logs}
            self.service.write_settings()
            if self.cluster is not None:
                self.service.pinwatch("init")
                self.service.watch_for(".example.com", *("." + zone for zone in self.caa_zones[1:]), authority=self.maker.authority)
                if self.has_pins:
                    self.ship()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def secure(self):
        self.certificates = broken_connections.authority(self.service.folder)
        self.service.settings["ca_file"] = self.certificates["ca"]
        self.server.url = lambda name, protocol: "https://localhost:%d/%s/%s/" % (self.server.port, name, protocol)
        with_tls(self.server.server, self.certificates["good"])
        with_tls(self.service.receiver.server, self.certificates["good"])
        self.service.receiver.url = "https://localhost:%d/hook" % self.service.receiver.server.server_address[1]

    def shared(self, name, size):
        with open(self.programs + "/" + name, "w+b") as file:
            file.truncate(size)
            return mmap.mmap(file.fileno(), size)

    def __exit__(self, kind, value, trace):
        self.service.end_all()
        if self.dns is not None:
            self.dns.close()
        if self.cluster is not None:
            self.cluster.remove()
        if kind is not None and kind is not SystemExit:
            self.service.show_log()
        shutil.rmtree(self.service.folder, ignore_errors=True)

    # ---- what fails

    def fail(self, seed=0, one_in=0, family="", programs=PROGRAMS[1:], lines=()):
        """From now on: one call in `one_in` of the family ("": all), and what `lines` say to programs that start."""
        mask = sum(1 << PROGRAMS.index(name) for name in programs)
        number = FAMILIES.index(family) if family else len(FAMILIES)
        self.orders[128:160] = struct.pack("<4Q", seed, one_in, number, mask)
        text = "".join(line + "\n" for line in lines).encode()
        self.orders[160:160 + len(text) + 1] = text + b"\0"
        self.orders[0] = ord("+")

    def stop_failing(self):
        self.orders[0] = ord("-")

    def forget_failed(self):
        """What fails once in the whole folder ("FAMILY:N!") may fail again."""
        self.tally[8 * len(FAMILIES):16 * len(FAMILIES)] = bytes(8 * len(FAMILIES))

    def counted(self):
        """family -> (calls, failed ones) of all programs since the beginning."""
        words = struct.unpack("<%dQ" % (2 * len(FAMILIES)), self.tally[:16 * len(FAMILIES)])
        return {name: (words[i], words[len(FAMILIES) + i]) for i, name in enumerate(FAMILIES)}

    def failed(self):
        return sum(failed for _, failed in self.counted().values())

    def last_failed(self, count=30):
        at = 8 * (2 * len(FAMILIES) + 1)
        end = struct.unpack("<Q", self.tally[at:at + 8])[0]
        names = []
        for i in range(max(0, end - count), end):
            place = at + 8 + (i % NAMES) * 56
            names.append(self.tally[place:place + 56].split(b"\0")[0].decode("ascii", "replace"))
        return names

    # ---- CAA

    @staticmethod
    def caa_set(number):
        """Each is another one; none lets anybody issue but one CA, and none is worth a remark."""
        return [(0, "issue", "letsencrypt.org"), (0, "iodef", "mailto:set%05d@example.com" % number)]

    @staticmethod
    def caa_told(number):
        return '["0 iodef \\"mailto:set%05d@example.com\\"", "0 issue \\"letsencrypt.org\\""]' % number

    def caa_recorded(self, number):
        """The canonical form of that set, as the first good run recorded the first."""
        return self.caa_at_first.replace("set00000@", "set%05d@" % number)

    def caa_now(self):
        """Domain -> the number of its set: each changes a few times and is left then, before it counts as restless."""
        return {zone: min(max(self.caa_changes, place * CHANGES_OF_ONE), (place + 1) * CHANGES_OF_ONE) for place, zone in enumerate(self.caa_zones)}

    def caa_owners(self):
        return ", ".join("'%s'" % zone for zone in self.caa_zones)

    def is_caa_caught_up(self):
        if self.dns is None:
            return True
        rows = self.sql("SELECT owner, outcome, encode(records, 'escape') FROM caa_now WHERE owner IN (%s)" % self.caa_owners())
        first = [row for row in rows if row[0] == "example.com"]
        if first and self.caa_at_first is None and first[0][1] == "records":
            self.caa_at_first = first[0][2]
        waits = self.sql("SELECT count(*) FROM caa_case q JOIN certificate USING (certificate_id) WHERE NOT EXISTS "
                         "(SELECT FROM caa_verdict v WHERE v.certificate_id = q.certificate_id)")
        return self.caa_at_first is not None and waits == [["0"]] and sorted(rows) == sorted(
            [zone, "records", self.caa_recorded(number)] for zone, number in self.caa_now().items())

    def change_caa(self):
        """Another set, once the last one was recorded, so that each makes a finding of its own."""
        if self.dns is not None and self.is_caa_caught_up() and self.caa_changes < len(self.caa_zones) * CHANGES_OF_ONE:
            self.caa_changes += 1
            for zone, number in self.caa_now().items():
                self.dns.zone[zone] = self.caa_set(number)

    def what_is_wrong_with_caa(self):
        """The resolver always answers well: the domains have the sets that they were given, everything else none. Where the kernel refuses a socket call as it
        does when nobody listens, that it cannot be reached, or was silent, is what was heard."""
        heard = "NOT (outcome = 'failed' AND (why = 'timeout' OR why = 'unreachable' AND detail = 'the resolver cannot be reached'))"
        sets = {self.caa_recorded(n) for n in range(len(self.caa_zones) * CHANGES_OF_ONE + 1)} if self.caa_at_first else set()
        wrong = ["recorded of %s: %s %s %s" % tuple(row) for row in
                 self.sql("SELECT owner, outcome, why || detail, encode(records, 'escape') FROM caa_run WHERE owner IN (%s) AND %s" % (self.caa_owners(), heard))
                 if row[1] != "records" or (sets and row[3] not in sets)]
        wrong += ["recorded of %s: %s %s %s" % tuple(row) for row in self.sql(
            "SELECT owner, outcome, why, detail FROM caa_run WHERE owner NOT IN (%s) AND outcome <> 'empty' AND %s" % (self.caa_owners(), heard))]
        wrong += ["a verdict about %s: %s, %s" % tuple(row) for row in
                  self.sql("SELECT name, verdict, reason FROM caa_verdict WHERE verdict <> 'unknown'")]
        told = ["|".join(row) for row in self.sql("SELECT (evidence->'before')::text || (evidence->'after')::text FROM finding WHERE rule = 'caa.changed' ORDER BY 1")]
        right = [self.caa_told(n - 1) + self.caa_told(n) for n in range(1, self.caa_changes + 1)]
        if told != right[:len(told)] or len(told) < len(right) - 1:
            wrong.append("%d changes of the records are %d findings: %r" % (self.caa_changes, len(told), told))
        return wrong

    # ---- pins

    def ship(self):
        """One release, which pins the key of the certificates at example.com, and another one at pinned.example.com and below."""
        keys = [base64.b64encode(hashlib.sha256(key).digest()).decode() for key in (test_log.spki(self.maker.key.public_key()), b"another key")]
        content = "pin_sets:\n" + "".join("  - host: %s\n    match: exact-and-below\n    pins: [{\"pin\": \"sha256/%s\", \"position\": \"leaf\", \"role\": \"current\"}]\n" % pair
                                         for pair in zip(("example.com", "pinned.example.com"), keys))
        document = {"name": "planted", "content": content, "source": "planted.yaml", "format": "yaml", "sha256": "00" * 32}
        release = {"app": "Planted", "platform": "android", "version": "1", "share": 0.5, "pins": ["planted"]}
        self.sql("BEGIN; SELECT pin_documents_set(1, '%s', 'cli', 'ann', now()); SELECT releases_set(1, '%s', false, 'cli', 'ann', now()); COMMIT" % (
            json.dumps([document]), json.dumps([release])))

    def missing(self):
        """Places of the planted certificates that clients of the release refuse."""
        return sorted((self.logs[name].log_id.hex(), index) for name, places in self.misses.items() for index in places)

    def missed(self):
        """The same of the findings."""
        return sorted((row[0], int(row[1])) for row in self.sql(
            "SELECT encode(o.log_id, 'hex'), o.log_index FROM finding f JOIN observation o USING (certificate_id) WHERE f.rule = 'certificate.pin-miss'"))

    def judge_now(self):
        """What could not be judged for want of memory or of a library is put off for a quarter of an hour: not here."""
        if self.has_pins:
            self.sql("UPDATE pin_case SET due_at = clock_timestamp() WHERE due_at > clock_timestamp() + interval '1 minute'")

    def is_pinned_caught_up(self):
        return not self.has_pins or (self.missed() == self.missing() and self.sql("SELECT count(*) FROM pin_case") == [["0"]])

    def what_is_wrong_with_pins(self):
        """Each verdict is about a planted certificate, and says of it what its key deserves."""
        missed, missing = self.missed(), self.missing()
        wrong = ["a pin miss that is none: %r" % (place,) for place in set(missed) - set(missing)]
        wrong += ["told twice: %r" % missed] if len(set(missed)) != len(missed) else []
        judged = self.sql("SELECT encode(o.log_id, 'hex'), o.log_index, v.verdict, v.role FROM pin_verdict v JOIN observation o USING (certificate_id)")
        wrong += ["a certificate is judged twice: %r" % judged] if len({(row[0], row[1]) for row in judged}) != len(judged) else []
        wrong += ["%s entry %s: %s as %s" % tuple(row) for row in judged
                  if [row[2], row[3]] != (["refuses", ""] if (row[0], int(row[1])) in missing else ["accepts", "current"])]
        return wrong + ["%r are not judged, and nobody says it" % row for row in self.sql("SELECT rule, subject FROM finding WHERE rule LIKE 'pins.%'")]

    # ---- what happens in the world

    def plant(self, count=6):
        """New entries in both logs; every third is watched, every third of those by the stranger. With pins, every second watched one misses them."""
        for name, log in self.logs.items():
            for i in range(count):
                self.number += 1
                index = len(log.entries)
                is_watched = i % 3 == 1
                self.watched += is_watched
                is_strange = is_watched and self.watched % 3 == 0
                misses = self.has_pins and is_watched and self.watched % 2 == 0
                names = ["w%d.%sexample.com" % (self.number, "pinned." if misses else "") if is_watched else "h%d.example.net" % self.number]
                entry = (self.maker if is_watched else self.elsewhere).entry(names, precertificate=self.watched // 3 % 2 == 0, authority=self.stranger if is_strange else None)
                if is_watched:
                    self.planted[name][index] = is_strange
                    self.misses[name] |= {index} if misses else set()
                log.add(entry)

    def send_again(self, count=2):
        """The newest deliveries are due once more, whatever became of them."""
        for row in self.sql("UPDATE delivery SET state = 'queued', attempts = 0, next_attempt_at = clock_timestamp() - interval '1 s', "
                            "claimed_until = NULL, delivered_at = NULL, last_error = '' WHERE delivery_id IN (SELECT delivery_id FROM delivery "
                            "ORDER BY delivery_id DESC LIMIT %d) RETURNING idempotency_key" % count):
            self.came_before[row[0]] = self.came().count(row[0])

    def due_now(self):
        """What waits for its next try, or for the end of the claim of a sender that has ended, waits no longer."""
        self.sql("UPDATE delivery SET next_attempt_at = clock_timestamp() - interval '1 s', claimed_until = NULL WHERE state = 'queued'")
        self.judge_now()

    def came(self):
        """Idempotency keys of all that the receiver got."""
        return [key for _, key, _ in list(self.service.receiver.seen)]

    def planted_places(self):
        return sorted((self.logs[name].log_id.hex(), index) for name, places in self.planted.items() for index in places)

    def sql(self, text):
        return self.cluster.sql(text)

    def recorded_places(self):
        return [(row[0], int(row[1])) for row in self.sql("SELECT encode(log_id, 'hex'), log_index FROM observation ORDER BY 1, 2")]

    def what_is_wrong(self):
        """Sentences about what may at no time be so, whatever fails."""
        wrong = []
        places, planted = self.recorded_places(), set(self.planted_places())
        if len(set(places)) != len(places):
            wrong.append("an observation is recorded twice")
        if set(places) - planted:
            wrong.append("recorded, but not planted: %r" % sorted(set(places) - planted))
        strange = {(self.logs[name].log_id.hex(), index) for name, where in self.planted.items() for index, is_strange in where.items()
                   if is_strange}
        for rule, subject, evidence, log_id, index in self.sql(
                "SELECT f.rule, f.subject, f.evidence, coalesce(encode(o.log_id, 'hex'), ''), coalesce(o.log_index, -1) FROM finding f "
                "LEFT JOIN observation o USING (certificate_id)"):
            if (self.dns is not None and rule == "caa.changed") or (self.has_pins and rule == "certificate.pin-miss"):
                continue  # what_is_wrong_with_caa() and _pins() look at it
            lacking = self.evidence_keys - set(json.loads(evidence)) if self.evidence_keys else set()
            if lacking:
                wrong.append("evidence lacks %r: %s" % (lacking, evidence))
            if rule != "certificate.unexpected-issuer" or (log_id, int(index)) not in strange:
                wrong.append("a finding arose from our own trouble: %s about %s: %s" % (rule, subject, evidence))
        for row in self.sql("SELECT issuer_state, count(*) FROM certificate WHERE issuer_state = 'unverifiable' GROUP BY 1"):
            wrong.append("%s certificates are called unverifiable" % row[1])
        for row in self.sql("SELECT serial, issuer, names FROM certificate WHERE serial = '' OR issuer = '' OR jsonb_array_length(names) = 0"):
            wrong.append("a certificate is recorded without what it says: %r" % row)
        for row in self.sql("SELECT encode(log_id, 'hex'), state FROM head WHERE state NOT IN ('pending', 'verified')"):
            wrong.append("a head is recorded as %s" % row[1])
        wrong += ["an unreadable entry: %r" % row for row in self.sql("SELECT log_index, reason FROM unreadable_entry")]
        wrong += ["a delivery was given up: %r" % row for row in self.sql("SELECT alert_id, last_error FROM delivery WHERE state = 'dead'")]
        delivered, came = self.sql("SELECT idempotency_key FROM delivery WHERE state = 'delivered'"), self.came()
        wrong += ["called delivered, but did not come: %s" % row[0] for row in delivered if came.count(row[0]) <= self.came_before.get(row[0], 0)]
        wrong += self.what_is_wrong_with_caa() if self.dns is not None else []
        wrong += self.what_is_wrong_with_pins() if self.has_pins else []
        for _, key, body in list(self.service.receiver.seen):
            data = body.get("data", {})
            if data.get("rule") == "caa.changed" and data.get("facts", {}).get("before") and data["facts"].get("after"):
                continue
            lacking = [name for name in ("rule", "severity", "title", "sentence", "meaning", "steps", "finding_id", "channel", "facts", "pem",
                                         "is_test", "is_drill", "tenant_id", "alert_id") if data.get(name) in (None, "", [], {}) and name != "pem"]
            facts = data.get("facts", {})
            lacking += ["facts." + name for name in ("issuer", "names", "matched_names", "serial", "watches", "reasons", "cert_sha256")
                        if facts.get(name) in (None, "", [])]
            if lacking:
                wrong.append("an alert (%s) lacks %s: %s" % (key, lacking, json.dumps(body)[:600]))
        return wrong

    def is_caught_up(self):
        if self.recorded_places() != self.planted_places():
            return False
        rows = self.sql("SELECT encode(log_id, 'hex'), size FROM position")
        sizes = {row[0]: int(row[1]) for row in rows}
        if any(sizes.get(log.log_id.hex()) != len(log.entries) for log in self.logs.values()):
            return False
        wanted = sum(is_strange for places in self.planted.values() for is_strange in places.values())
        open_ones = self.sql("SELECT (SELECT count(*) FROM finding WHERE rule = 'certificate.unexpected-issuer'), "
                             "(SELECT count(*) FROM delivery WHERE state <> 'delivered'), (SELECT count(*) FROM delivery), "
                             "(SELECT count(*) FROM certificate WHERE issuer_state = 'pending')")[0]
        changes = int(self.sql("SELECT count(*) FROM finding WHERE rule = 'caa.changed'")[0][0])
        told = wanted + changes + len(self.missing())
        return ([int(n) for n in open_ones] == [wanted, 0, told, 0] and changes == self.caa_changes and self.is_caa_caught_up() and
                self.is_pinned_caught_up())

    def progress(self):
        caa = "" if self.dns is None else "set %d of CAA, recorded %r, " % (self.caa_changes, self.sql(
            "SELECT owner, outcome, why, records, last_answered_at FROM caa_now WHERE owner IN (%s)" % self.caa_owners()))
        return caa + "planted %d, recorded %d, positions %r, findings %r, deliveries %r, issuers %r" % (
            len(self.planted_places()), len(self.recorded_places()), self.sql("SELECT substr(encode(log_id, 'hex'), 1, 8), size FROM position"),
            self.sql("SELECT rule, count(*) FROM finding GROUP BY 1"), self.sql("SELECT state, attempts, last_error FROM delivery WHERE state <> 'delivered'"),
            self.sql("SELECT issuer_state, count(*) FROM certificate GROUP BY 1"))

    # ---- one program

    def environment(self, order=None):
        environment = dict(self.service.environment)
        environment["ASAN_OPTIONS"] = "detect_leaks=1:allocator_may_return_null=1:handle_abort=0"
        environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
        environment["LSAN_OPTIONS"] = "print_suppressions=0:suppressions=" + os.path.join(os.path.dirname(os.path.abspath(__file__)), "leaks-of-libraries")
        if order is not None:
            environment["PINWATCH_FAIL"] = order
        return environment

    def command(self, order, *words, text=None):
        """A command of the failing build, to its end."""
        return subprocess.run([self.programs + "/pinwatch", *words], input=text, capture_output=True, text=True, timeout=120,
                              env=self.environment(order), cwd="/", errors="replace")


class Program:
    """pinwatch-monitor or pinwatch-alerts, alone, under one order."""

    def __init__(self, world, name, order):
        self.world, self.name, self.path = world, name, world.service.folder + "/said"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([world.programs + "/" + name, "--config", world.service.config], stdout=out, stderr=out, cwd="/",
                                            stdin=subprocess.DEVNULL, env=world.environment(order), start_new_session=True)
        world.service.sessions.add(self.process.pid)

    def said(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, condition, seconds):
        """True when the condition came to hold, False when the program ended or the time was over before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def hears(self):
        """Does it take SIGTERM for a wish to stop by now, or hold it back until it does? One that has just begun is ended by it."""
        if self.process.poll() is not None:
            return True
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            masks = dict(line.split(":\t") for line in file if line.startswith(("SigBlk", "SigCgt")))
        return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks.values())

    def stop(self):
        """Its exit code."""
        self.wait(self.hears, 10)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "did not stop within 30 s"


def what_is_wrong_with_end(code, said, allowed):
    """A sentence about how a program ended, or None."""
    found = CRASH.search(said)
    if found:
        return "said %r: %s" % (found.group(0), said[max(0, found.start() - 300):found.start() + 3500])
    if code not in allowed:
        return "ended with %r: %s" % (code, said[-2500:])
    return None
