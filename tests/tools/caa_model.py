"""An independent model of how CAA answers are recorded and certificates judged by them, written from docs/caa.md and not from the product: brute force
over instants. And worlds, drawn from a seed, to hold it and the product (caa_judge.c) against each other.

Times are milliseconds. A run is a Run; a history is a list of resolvers, each a list of owners (the name first), each a list of runs.
"""
import collections
import random
import subprocess

S, MINUTE, HOUR = 1000, 60000, 3600000
REUSE, LATE, CLOCKS = 8 * HOUR, HOUR, MINUTE
OWNERS = ("www.example.com", "example.com", "com")
GOOD, OTHER, NOBODY = "issue=good.example", "issue=other.example", "issue=;"
WILD, NOT_WILD = "issue=other.example,issuewild=good.example", "issue=good.example,issuewild=;"
PLAIN = "iodef=mailto:a@example.com"
SETS = (GOOD, OTHER, NOBODY, WILD, NOT_WILD, PLAIN, GOOD + "," + OTHER)
Run = collections.namedtuple("Run", "outcome set first last first_true last_true interval ttl")


def permits(records, is_wildcard, domains):
    """May a CA with these domains (None: nobody knows) issue under this set?"""
    pairs = [record.split("=", 1) for record in records.split(",")]
    wanted = "issuewild" if is_wildcard and any(tag == "issuewild" for tag, _ in pairs) else "issue"
    values = [value for tag, value in pairs if tag == wanted]
    return not values or any(value in (domains or ()) for value in values)


def gap(interval):
    """Twice the poll interval, which comes with a tenth of jitter and a second, in milliseconds."""
    return 2 * (interval * S + interval * S // 10 + S)


# ---------------------------------------------------------------- the verdict


class Trial:
    def __init__(self, history, is_wildcard, t, domains):
        self.history, self.is_wildcard, self.t, self.domains = history, is_wildcard, t, domains
        self.ttl = max([0] + [self.reaching_ttl(owner, i) for resolver in history for owner in resolver for i in range(len(owner))])
        self.begin = t - self.reach(self.ttl)
        self.check_begin = t - max(REUSE, self.ttl * S) - LATE  # when a CA may have looked at the earliest

    @staticmethod
    def reach(ttl):
        return max(REUSE, ttl * S) + ttl * S + LATE

    def reaching_ttl(self, owner, i):
        run = owner[i]
        is_answer = run.outcome in ("records", "empty") and run.first <= self.t
        return run.ttl if is_answer and min(self.span(owner, i)[1], self.t) >= self.t - self.reach(run.ttl) else 0

    @staticmethod
    def bridges(before, after):
        """Is the gap between two runs, or behind the last one, so short that only the one or the other can have stood in it?"""
        return after.first_true - before.last_true <= gap(before.interval)

    def span(self, owner, i):
        """The times at which run i may have been true."""
        run = owner[i]
        begin, end = run.first_true, run.last_true
        if i > 0 and self.bridges(owner[i - 1], run):
            begin = min(begin, owner[i - 1].last_true)
        if i + 1 == len(owner):
            end += gap(run.interval)
        elif self.bridges(run, owner[i + 1]):
            end = max(end, owner[i + 1].first_true)
        return begin, end

    def undisputed(self, owner, i):
        """The times at which run i, an empty one, and nothing else, may have been true."""
        begin, end = self.span(owner, i)
        if i > 0 and owner[i - 1].outcome != "empty":
            begin = owner[i].first_true
        if i + 1 < len(owner) and owner[i + 1].outcome != "empty":
            end = min(end, owner[i].last_true)
        return begin, end

    def instants(self):
        marks = {self.begin, self.t, self.check_begin}
        for resolver in self.history:
            for owner in resolver:
                for i, run in enumerate(owner):
                    begin, end = self.span(owner, i)
                    marks.update((run.first_true, run.last_true, begin, end, run.last_true + run.ttl * S, end + run.ttl * S))
        return sorted({m + d for m in marks for d in (-1, 0, 1) if self.begin <= m + d <= self.t})

    def may(self, run):
        return permits(run.set, self.is_wildcard, self.domains)

    def doubts(self, owner):
        """Runs first heard after T that may have stood before: (run, since)."""
        found = []
        for i, run in enumerate(owner):
            since = self.span(owner, i)[0]
            matters = (run.outcome == "empty" and i > 0) or (run.outcome == "records" and self.may(run))
            if run.first > self.t and matters and since <= self.t + CLOCKS:
                found.append((run, min(since, self.t)))
        return found

    def testimony(self, resolver):
        """What one resolver's answers say: a set of words."""
        said, instants = set(), self.instants()
        recorded = at_once = set(instants)      # every owner below may have been empty then (by what was recorded in the window)
        cached = {t for t in instants if t >= self.check_begin}  # and may have seemed so to a CA whose resolver had it in its cache
        for owner in resolver:
            counted = [(run, self.span(owner, i)) for i, run in enumerate(owner) if run.first <= self.t]
            later = self.doubts(owner)
            for run, (begin, end) in counted:
                lasted = run.ttl * S
                true_at = lambda t, run=run: run.first_true <= t <= run.last_true
                is_seen = any(true_at(t) for t in at_once) or any(run.first_true <= t <= run.last_true + lasted for t in cached)
                may_be_seen = any(begin <= t <= end for t in at_once) or any(begin <= t <= end + lasted for t in cached)
                if run.outcome in ("bogus", "failed") and is_seen:
                    said.add(run.outcome)
                if run.outcome == "records" and self.may(run):
                    said |= {"permitted"} if any(true_at(t) for t in recorded) else {"may"} if may_be_seen else set()
            for run, since in later:
                if run.outcome == "records" and any(t >= since for t in at_once | cached):
                    said.add("may")
            reached = at_once | cached
            if any(not any(begin <= t <= end for _, (begin, end) in counted) for t in reached):
                said.add("gap")
            if self.t in reached and not any(run.last_true >= self.t for run, _ in counted):
                said.add("open")
            empty = [(run, span) for run, span in counted if run.outcome == "empty"]
            undisputed = [self.undisputed(owner, i) for i, run in enumerate(owner) if run.outcome == "empty" and run.first <= self.t and run.last_true >= self.begin]
            since = min([s for run, s in later if run.outcome == "empty"] or [self.t + 1])
            may_be = lambda t, extra: t >= since or any(b <= t <= e + extra * run.ttl * S for run, (b, e) in empty)
            by_record = lambda t: any(b <= t <= e for b, e in undisputed)
            recorded, at_once, cached = {t for t in recorded if by_record(t)}, {t for t in at_once if may_be(t, 0)}, {t for t in cached if may_be(t, 1)}
            if not at_once and not cached:
                return said
        return said | ({"permitted"} if recorded else {"may"})

    def verdict(self, is_certain):
        said = [self.testimony(resolver) for resolver in self.history]
        if any("permitted" in words for words in said):
            return "consistent"
        if self.domains is None or any(words & {"may", "bogus"} for words in said) or not is_certain:
            return "unknown"
        return "inconsistent" if any(not words for words in said) else "unknown"

    def today(self):
        """By what was said last, of whoever is still heard."""
        newest = max([run.last for resolver in self.history for owner in resolver for run in owner] or [0])
        for resolver in self.history:
            for owner in resolver:
                run = max(owner, key=lambda r: r.last) if owner else None
                if run is None or run.outcome in ("failed", "bogus") or run.last + gap(run.interval) < newest:
                    break
                if run.outcome == "records":
                    if self.may(run) or self.domains is not None:
                        return "permits" if self.may(run) else "forbids"
                    break
            else:
                return "permits"
        return "unknown"


# ---------------------------------------------------------------- the product


class Product:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 16)

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)

    def order(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")

    def line(self):
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n").split("\t")

    def world(self, resolvers):
        self.order("world")
        for i in range(resolvers):
            self.order("resolver", "r%d" % i)
            for owner in OWNERS:
                self.order("owner", owner)

    def judge(self, is_wildcard, t, domains, is_certain=True):
        self.order("judge", int(is_wildcard), t, int(is_certain), "-" if domains is None else ",".join(domains))
        return self.line()

    def write_runs(self, history):
        self.world(len(history))
        for r, resolver in enumerate(history):
            for o, owner in enumerate(resolver):
                self.order("at", r, o)
                for run in owner:
                    self.order("run", *run)

    def hear(self, r, o, bounds, outcome, records, ttl, is_authenticated, at):
        """Returns how long the poller waits, in seconds."""
        self.order("at", r, o)
        self.order("hear", *bounds, outcome, records, ttl, int(is_authenticated), at)
        return int(self.line()[1])

    def runs(self, r, o):
        self.order("at", r, o)
        self.order("runs")
        found = []
        while True:
            line = self.line()
            if line == ["."]:
                return found
            found.append((Run(line[1], line[2], *map(int, line[4:])), bool(int(line[3]))))


# ---------------------------------------------------------------- histories at random

T = 1795262400000


def random_owner(rng, kind):
    """Runs one after the other from long ago until about T, most of them moments apart."""
    runs, at = [], T - rng.choice((3, 9, 10, 10, 20, 30, 60)) * HOUR - rng.randrange(HOUR)
    end = T + rng.choice((-20, -8, 2, 5, 30, 30, 30, 200)) * MINUTE
    outcomes = {"empty": ["empty"] * 9, "records": ["records"] * 9, "mixed": ["empty"] * 4 + ["records"] * 4}[kind]
    sets = rng.choice(((OTHER, NOBODY, WILD), SETS))
    while at < end and len(runs) < 12:
        outcome = rng.choice(outcomes * 4 + ["failed", "bogus"])
        interval, ttl = rng.choice((300, 300, 300, 1800, 3600)), rng.choice((60, 60, 300, 3600, 7200, 40000))
        if outcome in ("failed", "bogus"):
            interval, ttl = 300, 0
        last = min(end, at + rng.choice((0, 0, 1, 10, 60, 300, 2000, 2000)) * MINUTE + rng.randrange(MINUTE))
        if rng.random() < 0.1:
            last = T + rng.choice((-1, 0, 1, -600000, 59999))
            last = max(at, last)
        age, lag = (rng.choice((0, 0, 0, ttl)) * S, rng.choice((0, 0, 0, ttl)) * S) if ttl else (0, 0)
        before = runs[-1].last if runs else 0
        first_true = max(at - age, before)
        runs.append(Run(outcome, rng.choice(sets) if outcome == "records" else "-", at, last, first_true, max(first_true, last - lag), interval, ttl))
        at = last + rng.choice((S, interval * S, interval * S, 2 * interval * S, gap(interval), gap(interval) + 1, 3 * interval * S))
    return runs


def random_history(rng):
    history = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kinds = rng.choice((("records", "empty", "empty"), ("empty", "records", "empty"), ("mixed", "records", "empty"), ("empty", "empty", "empty"), ("mixed", "mixed", "mixed")))
        history.append([random_owner(rng, kind) for kind in kinds])
    return history


def compare_verdicts(product, seed, count):
    """Returns (how often each verdict came, sentences about what differs)."""
    counted, differences = collections.Counter(), []
    for number in range(count):
        rng = random.Random("verdict %s %d" % (seed, number))
        history, is_wildcard = random_history(rng), rng.random() < 0.3
        domains = rng.choice((("good.example",), ("good.example",), ("good.example",), ("fine.example", "good.example"), None))
        is_certain = rng.random() < 0.95
        product.write_runs(history)
        said = product.judge(is_wildcard, T, domains, is_certain)
        trial = Trial(history, is_wildcard, T, domains)
        wanted = (trial.verdict(is_certain), trial.today(), str(trial.begin))
        counted[wanted[0]] += 1
        if (said[0], said[1], said[5]) != wanted:
            differences.append("world %s/%d: the product says %s, the model %s %s: %s" % (seed, number, said, wanted, [sorted(trial.testimony(r)) for r in history], history))
    return counted, differences


# ---------------------------------------------------------------- a DNS that changes, a poller that looks, a CA that keeps the rules or does not

BOUNDS = (300, 3600)
DAY = 24 * HOUR
Fact = collections.namedtuple("Fact", "since records ttl")  # records None: the owner has none


class Zone:
    """What is true at each owner, for a few days before T and a day after."""

    def __init__(self, rng, ttls):
        self.facts = []
        sets = rng.choice(((OTHER, NOBODY), (OTHER, NOBODY, WILD), SETS))
        for owner in range(len(OWNERS)):
            at, facts = T - 6 * DAY, []
            pace = rng.choice((2, 8, 30, 1000)) * HOUR
            while at < T + DAY:
                is_empty = rng.random() < (0.5, 0.3, 0.9)[owner]
                facts.append(Fact(at, None if is_empty else rng.choice(sets), rng.choice(ttls)))
                at += max(3 * HOUR, int(rng.expovariate(1) * pace))  # nothing so short that it may be missed between two answers
            self.facts.append(facts)

    def at(self, owner, time):
        found = self.facts[owner][0]
        for fact in self.facts[owner]:
            if fact.since <= time:
                found = fact
        return found

    def seen(self, owner, time, age):
        """What a cache may hold that is that old, if nothing is younger: (fact, remaining TTL in ms)."""
        fact = self.at(owner, time - age)
        return (fact, fact.ttl * S - age) if age <= fact.ttl * S else (self.at(owner, time), self.at(owner, time).ttl * S)


class Cache:
    """A resolver's: asked by others, too, and made of several parts where a big one is."""

    def __init__(self, rng, zone, parts):
        self.rng, self.zone, self.held = rng, zone, [{} for _ in range(parts)]

    def ask(self, owner, time):
        held = self.rng.choice(self.held)
        fact, until = held.get(owner, (None, 0))
        if until <= time:
            asked = max(until, time - self.rng.choice((0, 0, self.rng.randrange(HOUR))), time - 60 * HOUR)
            fact = self.zone.at(owner, asked)
            until = asked + fact.ttl * S
            if until <= time:  # the others' answer has run out, too
                fact = self.zone.at(owner, time)
                until = time + fact.ttl * S
            held[owner] = (fact, until)
        return fact, (until - time) // S


class Poller:
    """Asks as the monitor does, through one resolver, for one owner; the product's own code takes the answers in."""

    def __init__(self, world, r, o):
        self.world, self.r, self.o, self.at, self.heard, self.is_due = world, r, o, 0, [], True
        self.at = world.begin + world.rng.randrange(3 * MINUTE)

    def poll(self):
        world, rng, at = self.world, self.world.rng, self.at
        if any(begin <= at < end for begin, end in world.outages):
            self.at = max(end for begin, end in world.outages if begin <= at < end) + rng.randrange(MINUTE)
            world.product.order("at", self.r, self.o)
            world.product.order("restart")
            return
        fact, ttl = world.caches[self.r].ask(self.o, at)
        failure = rng.choice(("failed", "failed", "bogus")) if any(r == self.r and b <= at < e for r, b, e in world.failures) else None
        outcome = failure or ("empty" if fact.records is None else "records")
        records, ttl = ("-", 0) if failure else (fact.records or "-", ttl)
        stamp = at + world.skew(at)
        wait = world.product.hear(self.r, self.o, BOUNDS, outcome, records, ttl, not failure and world.has_ad(self.r, at), stamp)
        self.heard.append((stamp, outcome, records, ttl))
        if rng.random() < world.restarts:
            world.product.order("restart")
        self.at = at + int(wait * S * rng.uniform(0.9, 1.1)) + min(wait * 100, 1000) + rng.randrange(2000)


class World:
    def __init__(self, product, rng, is_calm=False):
        self.product, self.rng = product, rng
        ttls = rng.choice(((60,), (300,), (60, 300, 3600), (3600,), (60, 3600, 43200)))
        self.zone, count = Zone(rng, ttls), rng.choice((1, 1, 2))
        self.begin = T - rng.choice((70, 70, 30, 12)) * HOUR
        self.parts = rng.choice((1, 1, 5))
        self.caches = [Cache(rng, self.zone, self.parts) for _ in range(count)]
        often = 0 if is_calm else rng.choice((0, 0, 1, 3))
        self.outages = [(at, at + rng.choice((1, 10, 60, 300)) * MINUTE) for at in (T - rng.randrange(60 * HOUR) for _ in range(often))]
        self.failures = [(rng.randrange(count), at, at + rng.choice((1, 10, 60)) * MINUTE) for at in (T - rng.randrange(60 * HOUR) for _ in range(often))]
        self.restarts = 0 if is_calm else rng.choice((0, 0, 0.02, 0.5))
        self.steps = [] if is_calm or rng.random() < 0.8 else [(T - rng.randrange(60 * HOUR), rng.choice((-1, 1)) * rng.choice((3, 50)) * MINUTE)]
        self.ad_changes = [] if rng.random() < 0.8 else [T - rng.randrange(60 * HOUR)]
        product.world(count)
        self.pollers = [Poller(self, r, o) for r in range(count) for o in range(len(OWNERS))]

    def skew(self, at):
        """How much our clock is ahead, for some hours."""
        return sum(ahead for begin, ahead in self.steps if begin <= at < begin + 3 * HOUR)

    def has_ad(self, r, at):
        return r == 0 and not any(change <= at for change in self.ad_changes)

    def run(self, end):
        while True:
            poller = min(self.pollers, key=lambda p: p.at)
            if poller.at > end:
                return
            poller.poll()

    def climb(self, see):
        """The relevant set by what each owner seems to say: (records or None, TTL of what decides)."""
        ttl = 0
        for owner in range(len(OWNERS)):
            fact = see(owner)
            ttl = max(ttl, fact.ttl)
            if fact.records is not None:
                return fact.records, fact.ttl
        return None, ttl

    def look(self, time):
        """What a CA sees whose own resolver caches, too."""
        def see(owner):
            return self.zone.seen(owner, time, self.rng.randrange(43200 * S) if self.rng.random() < 0.5 else self.rng.randrange(3600 * S))[0]
        return self.climb(see)


def lawful_issuance(world, is_wildcard, domains):
    """A CA that looks, is permitted, issues within the time that it may, and is logged within the hour: T; None where it is never permitted."""
    for _ in range(12):
        looked = T - world.rng.choice((0, HOUR, 5 * HOUR, 12 * HOUR)) - world.rng.randrange(HOUR)
        records, ttl = world.look(looked)
        if records is None or permits(records, is_wildcard, domains):
            reuse = max(REUSE, ttl * S)
            return min(T, looked + world.rng.choice((0, reuse, world.rng.randrange(reuse + 1))) + world.rng.randrange(LATE)), looked
    return None, None


def truth_in(world, is_wildcard, domains, begin, end):
    """Was a CA with these domains ever permitted, never, or both?"""
    marks = sorted({begin, end} | {f.since for owner in world.zone.facts for f in owner if begin <= f.since <= end})
    said = set()
    for mark in marks:
        records, _ = world.climb(lambda owner, mark=mark: world.zone.at(owner, mark))
        said.add(records is None or permits(records, is_wildcard, domains))
    return said


def check_runs(world):
    """What is recorded is what was heard, and claims no time that no answer supports: sentences about what is wrong."""
    wrong = []
    for poller in world.pollers:
        rows, place = world.product.runs(poller.r, poller.o), "resolver %d, owner %d" % (poller.r, poller.o)
        if len({(row.first, row.last) for row, _ in rows}) != len(rows):
            wrong.append("%s: two runs have the same times" % place)
        if any(b.first <= a.last for (a, _), (b, _) in zip(rows, rows[1:])):
            wrong.append("%s: a run begins before the one before it ended" % place)
        if [(o, s) for i, (_, o, s, _) in enumerate(poller.heard) if i == 0 or (o, s) != poller.heard[i - 1][1:3]] != \
                [(r.outcome, r.set) for i, (r, _) in enumerate(rows) if i == 0 or (r.outcome, r.set) != (rows[i - 1][0].outcome, rows[i - 1][0].set)]:
            wrong.append("%s: recorded is another sequence of answers than was heard" % place)
        for row, _ in rows:
            if row.first_true > row.last_true or row.last_true > row.last:
                wrong.append("%s: a run is true later than it was heard: %s" % (place, row))
            if not world.steps:
                wrong += ["%s: %s" % (place, sentence) for sentence in check_truth(world, poller, row)]
    return wrong


def check_truth(world, poller, row):
    if row.outcome not in ("records", "empty"):
        return []
    heard = [(at, ttl) for at, outcome, records, ttl in poller.heard if (outcome, records) == (row.outcome, row.set) and row.first <= at <= row.last]
    wrong = [] if heard and heard[0][0] == row.first and heard[-1][0] == row.last else ["no answer at an end of %s" % (row,)]
    if any(b - a > 2 * max(row.interval, 300) * S for (a, _), (b, _) in zip(heard, heard[1:])):
        wrong.append("answers further apart than twice the interval in %s" % (row,))
    if any(ttl > row.ttl for _, ttl in heard):
        wrong.append("a larger TTL than that of %s" % (row,))
    if world.parts == 1 and not world.restarts and not world.outages:
        # A set that stood at the owner until its facts ended, with the TTL that is known: what is claimed was so.
        records = None if row.outcome == "empty" else row.set
        for time in (row.first_true, row.last_true):
            near = [world.zone.at(poller.o, time + d) for d in (-2 * S, 0, 2 * S)]
            if {f.ttl for f in world.zone.facts[poller.o]} == {row.ttl} and not any(f.records == records for f in near):
                wrong.append("it was not true at %d: %s" % (time, row))
    return wrong


def try_world(product, seed, number):
    """One world: (kind, sentences about what is wrong)."""
    rng = random.Random("world %s %d" % (seed, number))
    world, is_wildcard, domains = World(product, rng, is_calm=rng.random() < 0.5), rng.random() < 0.3, ("good.example",)
    world.run(T + 3 * HOUR)
    wrong = check_runs(world)
    t, looked = lawful_issuance(world, is_wildcard, domains)
    if t is not None:
        said = product.judge(is_wildcard, t, domains)
        if said[0] == "inconsistent":
            wrong.append("a CA that looked at %d and issued at %d is accused: %s" % (looked, t, said))
    said = product.judge(is_wildcard, T, domains)
    reach = 11 * HOUR + 2 * 43200 * S
    around = truth_in(world, is_wildcard, domains, T - reach, T + 2 * HOUR)
    moves = [f.since for owner in world.zone.facts for f in owner if abs(f.since - T) < 2 * HOUR]  # what stood at T may never be known
    is_plain = not moves and world.parts == 1 and not world.outages and not world.failures and not world.steps and world.begin <= T - 70 * HOUR
    if said[0] == "consistent" and around == {False}:
        wrong.append("nothing permitted for a day, and it is called consistent: %s" % said)
    if is_plain and around == {False} and max(f.ttl for o in world.zone.facts for f in o) <= 3600 and said[0] != "inconsistent":
        wrong.append("all was asked for all the time, nothing permitted, and it is called %s" % said)
    return (said[0], "lawful" if t is not None else ""), ["world %s/%d: %s" % (seed, number, sentence) for sentence in wrong]


def try_worlds(product, seed, count):
    counted, wrong = collections.Counter(), []
    for number in range(count):
        kind, sentences = try_world(product, seed, number)
        counted[kind] += 1
        wrong += sentences
    return counted, wrong
