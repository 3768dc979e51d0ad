"""The world of chaos with pins and CAA: a release whose pins some planted certificates miss, and domains whose CAA records change once each."""
import base64
import hashlib
import json

import fake_dns
import service as run
import test_log
import world

PINNED = "pinned" + world.WATCHED
DOMAINS, CHANGING = 40, 0.3  # watched for their CAA records; share of turns in which one of them changes
POLL_SECONDS = (5, 10)


class World(world.World):
    def __init__(self, seed, **more):
        super().__init__(seed, **more)
        self.pinned = test_log.Maker(self.maker.authority)  # whose key the release pins
        self.verdicts = {}  # hash of the TBS -> (verdict, role)
        self.domains = ["caa%d.test" % number for number in range(DOMAINS)]
        self.unchanged = list(self.domains)
        self.may_change = False
        self.dns = fake_dns.Server({domain: self.records(domain, "first") for domain in self.domains}, ttl=1)

    @staticmethod
    def records(domain, which):
        """Worth no remark, and nobody gains or loses a right by the change."""
        return [(0, "issue", "letsencrypt.org"), (0, "iodef", "mailto:%s@%s" % (which, domain))]

    def settings(self):
        return {"follows_caa": True, "caa_poll_seconds_least": POLL_SECONDS[0], "caa_poll_seconds_most": POLL_SECONDS[1]}

    def watches(self):
        return [world.WATCHED] + ["." + domain for domain in self.domains]

    # ---- what happens

    def ship(self, service):
        key = base64.b64encode(hashlib.sha256(test_log.spki(self.pinned.key.public_key())).digest()).decode()
        content = "pin_sets:\n  - host: %s\n    match: exact-and-below\n    pins: [{\"pin\": \"sha256/%s\", \"position\": \"leaf\", \"role\": \"current\"}]\n" % (PINNED, key)
        document = {"name": "planted", "content": content, "source": "planted.yaml", "format": "yaml", "sha256": "00" * 32}
        release = {"app": "Planted", "platform": "android", "version": "1", "share": 0.5, "pins": ["planted"]}
        service.sql("BEGIN; SELECT pin_documents_set(1, '%s', 'cli', 'ann', now()); SELECT releases_set(1, '%s', false, 'cli', 'ann', now()); COMMIT" % (
            json.dumps([document]), json.dumps([release])))

    def await_first_records(self, service):
        """A change is one only where there was something before."""
        service.wait(lambda: service.number("SELECT count(*) FROM caa_now WHERE outcome = 'records'", False) == DOMAINS, 60, "the first CAA records are recorded")
        self.may_change = True

    def plant_pinned(self):
        misses = self.dice.random() < 0.5
        pair = (self.maker if misses else self.pinned).pair(["www%d.%s" % (len(self.places), PINNED)])
        key = test_log.sha256(pair[0].signed).hex()
        self.places[key] = [self.add(where, self.dice.choice(pair)) for where in self.some_logs()]
        self.verdicts[key] = ("refuses", "") if misses else ("accepts", "current")
        if misses:
            self.findings["certificate.pin-miss", key] = True

    def plant(self):
        if self.dice.random() < 0.3:
            self.plant_pinned()
        else:
            super().plant()

    def turn(self):
        super().turn()
        if self.may_change and self.unchanged and self.dice.random() < CHANGING:
            domain = self.unchanged.pop(self.dice.randrange(len(self.unchanged)))
            self.findings["caa.changed", "caa:" + domain] = True
            self.dns.zone[domain] = self.records(domain, "second")

    # ---- what must be true

    def changed(self):
        return sorted(set(self.domains) - set(self.unchanged))

    def is_settled(self, service):
        return (service.number("SELECT count(*) FROM pin_case", False) == 0 and
                service.number("SELECT count(*) FROM caa_change_told", False) == len(self.changed()) and super().is_settled(service))

    def check_pins(self, service):
        rows = service.sql("SELECT encode(tbs_sha256, 'hex'), verdict, role FROM pin_verdict JOIN certificate USING (certificate_id) WHERE until_at IS NULL")
        run.expect("every certificate for a pinned host is judged once, as its key deserves", sorted((a, (b, c)) for a, b, c in rows), sorted(self.verdicts.items()))
        run.expect("no verdict was taken back", service.number("SELECT count(*) FROM pin_verdict WHERE until_at IS NOT NULL"), 0)

    def check_caa(self, service):
        rows = service.sql("SELECT owner FROM caa_change ORDER BY owner")
        run.expect("every change of CAA records is recorded once, and no other", [row[0] for row in rows], self.changed())
        rows = service.sql("SELECT owner, outcome, why, detail FROM caa_now WHERE outcome <> 'empty' AND NOT (owner LIKE 'caa%.test' AND outcome = 'records')")
        run.expect("nothing is recorded that the resolver did not say", [row for row in rows if row[2] not in ("timeout", "unreachable")], [])

    def check_all(self, service, receiver):
        self.check_pins(service)
        self.check_caa(service)
        return super().check_all(service, receiver)
