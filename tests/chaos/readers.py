"""Readers that are killed from outside blame no entry, and one that is lost in an entry ends with its owner."""
import os
import random
import signal
import time

import service as run
import targets
import test_log
import world

HANG = "pinwatch-test-hang.example.org"
SLOW = "pinwatch-test-slow.example.org"


def busy_seconds(process):
    fields = targets.read_text("/proc/%d/stat" % process.pid).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0


def readers_alone():
    """A reader that is lost in an entry when its owner is killed."""
    maker = test_log.Maker()
    server = test_log.Server(hang=test_log.Log([maker.entry([name]) for name in ("a.example.com", HANG, "b.example.com")], batch=1))
    with run.Service(server, {"readers": 2}) as service:
        service.watch_for(world.WATCHED, authority=maker.authority)
        service.follow("hang")
        busy = service.wait(lambda: [p for p in service.readers() if busy_seconds(p) > 1], 60, "a reader is lost in an entry")
        owner = service.monitors()[0]
        service.kill(owner, signal.SIGKILL)
        service.wait(lambda: owner.pid not in [p.pid for p in service.monitors()], 10, "its owner is dead")
        time.sleep(0.5)
        left = [p.pid for p in service.readers() if p.pid in [b.pid for b in busy]]
        run.expect("a busy reader does not outlive its owner", left, [])
        service.wait_read(seconds=150)
        run.expect("the entry is unreadable, the others are recorded", (service.observed(), service.number("SELECT count(*) FROM unreadable_entry")),
                   ([(server.logs["hang"].log_id.hex(), i) for i in (0, 2)], 1))
    return "a busy reader ended with its owner"


def hunted(seed, count, times):
    """The reader of an entry that stands alone in its batch is killed at work, again and again."""
    dice, maker = random.Random(seed), test_log.Maker()
    log = test_log.Log([maker.entry(["first.example.com"])], batch=1)
    with run.Service(test_log.Server(log=log), {"readers": 2}) as service:
        service.watch_for(world.WATCHED, authority=maker.authority)
        service.follow("log")
        service.wait_read(seconds=60)
        aims, mark = targets.Targets(service), len(service.text())
        for number in range(count):
            log.add(maker.entry(["www%d.example.com" % number, SLOW]))
            for _ in range(times):
                found = service.wait(lambda: [p for p in service.readers() if busy_seconds(p) > 0.15], 60, "a reader works")
                aims.kill_process(dice.choice(found), "reader")
                service.wait(lambda old=found: not {p.pid for p in service.readers()} & {p.pid for p in old}, 60, "it is dead")
            service.wait_read(seconds=60)
        lost = service.text(mark).count('"reader.lost"')
        # One that looked busy may have ended its work when the signal came.
        run.expect("readers were killed at work", lost >= count * times * 3 // 4)
        run.expect("no entry is blamed for what was done to its readers", service.sql("SELECT log_index, reason FROM unreadable_entry"), [])
        run.expect("and every one is recorded", [index for _, index in service.observed()], list(range(count + 1)))
        run.expect("nothing is found", service.sql("SELECT rule FROM finding"), [])
    return "%d readers killed at work on one of %d entries that stood alone" % (lost, count)


def readers(seed, is_long):
    said = [hunted(seed, 6, 8) if is_long else hunted(seed, 1, 4)]
    return "; ".join(said + ([readers_alone()] if is_long else []))
