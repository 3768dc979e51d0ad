"""Every program of the service is killed, stopped and continued at random instants, and the whole of it is restarted, while logs grow, CAA records change and
certificates miss the pins of a release."""
import json
import os
import random
import signal
import time

import judged
import service as run
import targets
import world

KILLED = {"monitor": 30, "reader": 35, "alerts": 30, "backend": 30, "helper": 10, "postmaster": 20, "supervisor": 15}
STOPPED = {"monitor": 25, "reader": 25, "alerts": 20, "backend": 20, "helper": 5, "postmaster": 10, "supervisor": 15, "everything": 10}
RESTARTS = ("stop", "stop", "kill everything at once", "kill the supervisor and wait")
AT_WORK = 0.75  # share of acts that wait until everything runs; the others strike wherever it is
READER_LATE, LEASE_OVER = 23, 64  # seconds: longer than a reader's deadline, longer than a lease


def choice(dice, weights):
    return dice.choices(list(weights), list(weights.values()))[0]


class Storm:
    def __init__(self, service, seed, plan):
        self.service, self.seed, self.plan = service, seed, plan
        self.targets = targets.Targets(service)
        self.restarts = 0

    def actions(self):
        """The shuffled list of what is done; the same for the same seed."""
        listed = ["kill"] * self.plan["kills"] + ["stop"] * self.plan["stops"] + ["restart"] * self.plan["restarts"]
        listed += ["reload"] * (self.plan["kills"] // 20)
        random.Random(self.seed).shuffle(listed)
        return listed

    def run(self):
        end = time.monotonic() + (self.plan["seconds"] or float("inf"))
        done = 0
        for number, action in enumerate(self.actions()):
            if time.monotonic() >= end:
                break
            dice = random.Random("%s/%d" % (self.seed, number))  # so that what was found before does not change what comes
            if dice.random() < AT_WORK:
                self.await_work(20)
            time.sleep(min(dice.expovariate(1 / 0.8), 4))
            self.targets.note_shared_memory()
            {"kill": self.kill, "stop": self.stop, "restart": self.restart, "reload": self.reload}[action](dice)
            done += 1
            run.expect("the service goes on by itself", self.service.process.poll(), None)
        for target, seconds in self.plan["long_stops"]:
            self.stop_long(target, seconds)
        self.targets.wait_continued()
        return done

    def await_work(self, seconds):
        """Until every program runs: else a slow machine would be hit in its starts alone."""
        end = time.monotonic() + seconds
        while not (self.service.readers() and self.service.senders()) and time.monotonic() < end:
            time.sleep(0.05)

    def kill(self, dice):
        kinds = [choice(dice, KILLED) for _ in range(6)] + ["reader", "backend", "helper", "supervisor"]
        for kind in kinds:  # the first that is there and not spared
            if self.targets.kill(kind, dice):
                break
        if kind == "supervisor":
            self.service.process.wait()
            self.start()

    def stop(self, dice):
        kinds = [choice(dice, STOPPED) for _ in range(6)]
        seconds = 0.05 * 160 ** dice.random()  # 0.05 to 8, as many short as long ones
        for kind in kinds:
            if self.targets.stop(kind, dice, seconds):
                return

    def stop_long(self, kind, seconds):
        """Alone, so that what is stopped lives long enough."""
        self.targets.wait_continued()
        self.service.wait(lambda: self.service.monitors() and self.service.readers(), 60, "readers are there")
        self.targets.stop(kind, random.Random(self.seed), seconds)
        self.targets.wait_continued()

    def stop_by_command(self):
        """`pinwatch stop` knows the service by its pid file, which a start that is in its first moments has not written."""
        known = lambda: targets.read_text(self.service.state + "/pinwatch.pid").strip() == str(self.service.process.pid)  # noqa: E731
        self.service.wait(known, 20, "it is known")
        self.service.pinwatch("stop")
        run.expect("a stop by command ends well", self.service.process.wait(90), 0)

    def reload(self, dice):
        """The settings are read anew, wherever everybody is; a service that is not yet ready has just read them."""
        if self.service.has_said("service.ready", self.service.log_mark):
            self.service.process.send_signal(signal.SIGHUP)
            self.targets.counts["reloaded"] += 1

    def start(self):
        self.targets.deaths.clear()
        self.service.start(seconds=0)

    def restart(self, dice):
        how = RESTARTS[self.restarts % len(RESTARTS)]
        self.restarts += 1
        self.targets.counts[how] += 1
        self.targets.note_shared_memory()
        if how == "stop":
            self.targets.wait_continued()  # what is stopped cannot stop
            if dice.random() < 0.5:
                run.expect("a stop ends well", self.service.stop(90), 0)
            else:
                self.stop_by_command()
            self.targets.check_nothing_left()
        elif how == "kill everything at once":
            self.targets.kill_everything()
            self.service.process.wait()
        else:
            self.targets.wait_continued()
            self.service.process.kill()
            self.service.process.wait()
            run.expect("without its supervisor every program ends", self.targets.wait_gone(30), [])
        self.start()


def events(service):
    for line in service.text().splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                pass  # whoever was killed may have been writing


def check_events(service):
    said = list(events(service))
    run.expect("nothing was called a bug of ours", [e for e in said if e.get("family") == "bug"][:3], [])
    run.expect("no service gave up", [e for e in said if e["event"] == "service.deaths"], [])


def storm(seed, plan):
    """Runs one storm; what was shown, in words."""
    made = judged.World(seed)
    service = run.Service(made.server, {"readers": 3, **made.settings()})
    service.resolvers = [made.dns.setting]
    receiver = service.receiver = world.MoodyReceiver(seed)
    service.environment["TMPDIR"] = service.folder + "/tmp"
    os.mkdir(service.environment["TMPDIR"])
    with service:
        service.watch_for(*made.watches(), authority=made.maker.authority)
        made.ship(service)
        service.follow("rfc", "both", "tiles")
        made.await_first_records(service)
        made.start()
        began, tempest = time.monotonic(), Storm(service, seed, plan)
        done = tempest.run()
        passed = time.monotonic() - began
        made.end()
        receiver.is_kind = True
        service.wait(lambda: service.has_said("service.ready", service.log_mark), 90, "the service is ready again")
        settled = time.monotonic()
        service.wait_read(seconds=150)
        service.wait(lambda: made.is_settled(service), 120, "everything is recorded and delivered")
        settled = time.monotonic() - settled
        alerts = made.check_all(service, receiver)
        check_events(service)
        tempest.targets.note_shared_memory()
        run.expect("a last stop ends well", service.stop(90), 0)
        tempest.targets.check_nothing_left(is_last=True)
        counts = ", ".join("%s %d" % pair for pair in sorted(tempest.targets.counts.items()))
        return ("%d acts in %.0f s: %s; settled %.0f s later with %d certificates, %d of them judged by pins, %d changes of CAA records, %d unreadable, %d entries, "
                "%d findings told in %d messages" % (done, passed, counts, settled, len(made.places), len(made.verdicts), len(made.changed()), len(made.unreadable),
                                                     made.entry_count(), alerts, len(receiver.seen)))
