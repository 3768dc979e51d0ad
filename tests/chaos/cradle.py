"""The first start is killed again and again before there is a service; a later one meets what a killed PostgreSQL left."""
import os
import random
import signal
import time

import service as run
import targets
import world

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
        aims.check_nothing_left(is_last=True)
    except BaseException:
        service.show_log()
        raise
    finally:
        service.__exit__(None, None, None)
    return "%d first starts killed" % count


def orphans(seed):
    """The server is killed while a process of it sleeps, which keeps its memory: the next server could not start beside it."""
    made = world.World(seed)
    with run.Service(made.server, {"readers": 2}) as service:
        old, sleeper, mark = service.postmaster(), service.backends()[0], len(service.text())
        service.kill(sleeper, signal.SIGSTOP)
        service.kill(old, signal.SIGKILL)
        service.wait(lambda: (service.postmaster() or old).pid != old.pid, 30, "another server")
        service.wait(lambda: service.number("SELECT 1", False) == 1, 60, "it answers")
        said = service.text(mark)
        run.expect("the sleeper was ended first, and that was said", (sleeper.pid in [p.pid for p in run.processes()], "postgres.orphans" in said), (False, True))
        run.expect("no start failed", ("still in use" in said, said.count('"child.died"')), (False, 1))
    return "a server that was killed beside a sleeping process is followed by another"


def cradle(seed, is_long):
    return "%s; %s" % (first_starts(seed, 25 if is_long else 2), orphans(seed))
