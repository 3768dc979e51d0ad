"""A resolver whose records of example.com change all the time, each set once: what it said when, to hold the recorded history against."""
import threading
import time

import fake_dns

OWNER = "example.com"


class Changer:
    def __init__(self, each, ttl=1):
        self.dns, self.each, self.said, self.is_over = fake_dns.Server({}, ttl=ttl), each, [], False
        self.lock = threading.Lock()
        self.change()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.end()
        self.dns.close()

    def run(self):
        while not self.is_over:
            time.sleep(0.05)
            if time.time() - self.said[-1][0] >= self.each:
                self.change()

    def end(self):
        self.is_over = True
        if self.thread.is_alive():
            self.thread.join()

    def change(self):
        self.said.append((time.time(), "s%d.example" % len(self.said)))
        self.dns.zone[OWNER] = [(0, "issue", self.said[-1][1])]

    @property
    def now(self):
        return self.said[-1][1]

    def answered(self, until):
        """The sets that were asked for until then, in order; what was said while it changed counts for neither."""
        with self.dns.lock:
            times = [at for at, name in self.dns.asked if name == OWNER]
        spans = [(begin, end, name) for (begin, name), (end, _) in zip(self.said, self.said[1:] + [(until + 1, "")])]
        return [name for begin, end, name in spans if any(begin + 0.1 < at < min(end - 0.1, until) for at in times)]


def recorded(service):
    """The sets of example.com in the order in which they were said."""
    rows = service.sql("SELECT DISTINCT substring(encode(records, 'escape') from 's[0-9]+[.]example$') FROM caa_run WHERE owner = '%s' AND outcome = 'records'" % OWNER)
    return sorted((row[0] for row in rows), key=lambda name: int(name[1:].partition(".")[0]))


def changes(service):
    """[before, after] of each change that was recorded, in order, and how many findings there are about them."""
    rows = service.sql("SELECT substring(encode(before_records, 'escape') from 's[0-9]+[.]example$'), substring(encode(after_records, 'escape') from 's[0-9]+[.]example$'),"
                       " times, (SELECT count(*) FROM caa_change_told t WHERE t.change_id = c.change_id) FROM caa_change c WHERE owner = '%s' ORDER BY change_id" % OWNER)
    return [tuple(row) for row in rows]


def chain_of(names):
    """What changes() has where each set that was recorded followed the one before and was told once."""
    return [(before, after, "1", "1") for before, after in zip(names, names[1:])]
