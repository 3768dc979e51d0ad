"""The first start is killed again and again before there is a service; and programs in the middle of something outlive nobody."""
import os
import random
import signal
import time

import service as run
import targets
import test_log
import world

HANG = "pinwatch-test-hang.example.org"
BEGIN_MS, END_MS = 5, 2500  # of a first start: initdb, roles, schema, programs


def first_starts(seed, count):
    """Kills the supervisor alone, or everything, at random instants of the first start, and starts it again at once."""
    made, dice = world.World(seed), random.Random(seed)
    for _ in range(3):
        made.turn()
    service = run.Service(made.server, {"readers": 2})
    receiver = service.receiver = world.MoodyReceiver(seed)
    receiver.is_kind = True
    service.environment["TMPDIR"] = service.folder + "/tmp"
    os.mkdir(service.environment["TMPDIR"])
    try:
        service.prepare()
        aims = targets.Targets(service)
        for number in range(count):
            service.start(seconds=0)
            time.sleep(dice.uniform(BEGIN_MS, END_MS * (number + 1) / count) / 1000)
            run.expect("a start goes on by itself", service.process.poll(), None)
            aims.note_shared_memory()
            if dice.random() < 0.6:
                service.process.kill()
            else:
                aims.kill_everything()
            service.process.wait()
        service.start(seconds=120)
        service.watch_for(world.WATCHED, authority=made.maker.authority)
        service.follow("rfc", "both", "tiles")
        service.wait_read(seconds=60)
        service.wait(lambda: made.is_settled(service), 60, "everything is recorded and delivered")
        made.check_all(service, receiver)
        aims.note_shared_memory()
        run.expect("a stop ends well", service.stop(90), 0)
        aims.check_nothing_left()
    except BaseException:
        service.show_log()
        raise
    finally:
        service.__exit__(None, None, None)
    return "%d first starts killed" % count


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


def cradle(seed, is_long):
    said = [first_starts(seed, 25 if is_long else 2)]
    return "; ".join(said + ([readers_alone()] if is_long else []))
