"""The instants that chance rarely hits: before a statement reaches the database, and after it is committed but before anybody knows.

At each of them the program that asked is killed, or the server's process that answers, or both at once with everything else.
"""
import os
import random
import signal
import time

import own_database
import service as run
import storm
import targets
import world

LIVES = 3  # deaths of one program in one life of the supervisor, which gives up at five
# What each program says to the database, and how often it comes by itself: (user, pattern).
NAMED = {
    "commit of a range": ("pinwatch_monitor", "record_range"),
    "proven issuer": ("pinwatch_monitor", "issuer_proven"),
    "lease": ("pinwatch_monitor", "leases_take"),
    "claim of deliveries": ("pinwatch_alerts", "deliveries_claim"),
    "delivered": ("pinwatch_alerts", "delivery_done"),
    "delivery again": ("pinwatch_alerts", "delivery_again"),
    "takeover of claims": ("pinwatch_alerts", "deliveries_take_over"),
    "saved logs": ("pinwatch_monitor", "logs_save"),
    "status of logs": ("pinwatch_monitor", "status_save"),
    "end of a condition": ("pinwatch_monitor", "tell_log_event"),
    "place of a log": ("pinwatch_monitor", "FROM position"),
    "watches": ("pinwatch_monitor", "FROM watch"),
    "partitions": ("pinwatch_monitor", "ensure_partitions"),
    "start of a session of the monitor": ("pinwatch_monitor", "set_config"),
    "start of a session of alerts": ("pinwatch_alerts", "set_config"),
    "waiting for news": ("pinwatch_alerts", "LISTEN"),
}
SHORT = ("commit of a range", "proven issuer", "claim of deliveries", "delivered")
SHORT_COUNT = 6
COMES_AT_START = ("takeover of claims", "saved logs", "place of a log", "watches", "partitions", "start of a session of the monitor",
                  "start of a session of alerts", "waiting for news")


class OnProxy(own_database.OwnService):
    """With a folder of its own for temporary files, and a receiver that is moody."""

    def __init__(self, made, seed, **more):
        super().__init__(made.server, {"readers": 2}, **more)
        self.receiver = world.MoodyReceiver(seed)
        self.environment["TMPDIR"] = self.folder + "/tmp"
        os.mkdir(self.environment["TMPDIR"])

    def is_ready(self):
        return self.has_said("service.ready", self.log_mark)


class Instants:
    def __init__(self, service, seed):
        self.service, self.dice = service, random.Random(seed)
        self.killed, self.deaths = 0, {}

    def victim(self, user):
        """The program that speaks as this user."""
        found = self.service.monitors() if user == "pinwatch_monitor" else self.service.senders()
        return found[:1]

    def kill_asker(self, user):
        """Dead when this returns, so that nobody hears the answer."""
        for process in self.victim(user):
            self.service.kill(process)
            while os.path.exists("/proc/%d" % process.pid) and process.pid in [p.pid for p in self.victim(user)]:
                time.sleep(0.005)
            self.killed += 1
        return True  # the statement goes on: the server does not know that the asker is dead

    def kill_server(self, user):
        """The process of the server that works for this user; PostgreSQL then ends all others and recovers."""
        rows = self.service.sql("SELECT pid FROM pg_stat_activity WHERE usename = '%s' AND pid <> pg_backend_pid()" % user, False)
        for row in rows[:1]:
            os.kill(int(row[0]), signal.SIGKILL)
            self.killed += 1
        return False

    def at(self, name, where, how):
        user, pattern = NAMED[name]
        strike = {"asker": self.kill_asker, "server": self.kill_server}[how]
        if how == "asker":
            self.spare(user)
        fault = self.service.proxy.on(where, pattern, lambda: strike(user), user=user)
        if name in COMES_AT_START:
            self.spare(user)
            for process in self.victim(user):
                self.service.kill(process)  # the next one says it
        self.service.wait(lambda: fault.hits == 1, 90, "%s, %s, is hit" % (name, where))
        self.service.wait(lambda: self.victim(user), 60, "its program is there again")
        self.service.proxy.faults.remove(fault)

    def spare(self, user):
        """A new life of the supervisor before it would rightly give up."""
        self.deaths[user] = self.deaths.get(user, 0) + 1
        if self.deaths[user] > LIVES:
            self.deaths = {user: 1}
            run.expect("a stop ends well", self.service.stop(90), 0)
            self.service.start()

    def run(self, names, count=None):
        listed = [(name, where, how) for name in names for where in ("before", "after") for how in ("asker", "server")]
        self.dice.shuffle(listed)
        del listed[count if count is not None else len(listed):]
        for name, where, how in listed:
            self.at(name, where, how)
        return len(listed)


def instants(seed, is_long):
    made = world.World(seed, (0.05, 0.3))
    with OnProxy(made, seed) as service:
        service.watch_for(world.WATCHED, authority=made.maker.authority)
        service.follow("rfc", "both", "tiles")
        made.start()
        struck = Instants(service, seed)
        count = struck.run(NAMED) if is_long else struck.run(SHORT, SHORT_COUNT)
        run.expect("programs were killed at named instants", min(count, struck.killed) > 0)
        settle(made, service)
        alerts = made.check_all(service, service.receiver)
        storm.check_events(service)
        run.expect("a last stop ends well", service.stop(90), 0)
        run.expect("no process is left behind", targets.Targets(service).wait_gone(3), [])
        return "%d named instants, %d processes killed there: %d certificates, %d findings told" % (count, struck.killed, len(made.places), alerts)


def settle(made, service):
    made.end()
    service.receiver.is_kind = True
    service.wait(service.is_ready, 90, "the service is ready again")
    service.wait_read(seconds=150)
    service.wait(lambda: made.is_settled(service), 120, "everything is recorded and delivered")


# ---- the making of the schema


def init_killed(cluster, service, where, number):
    """Kills `pinwatch init` at its n-th statement; False when it has no so many."""
    cluster.sql("DROP DATABASE pinwatch WITH (FORCE)", "postgres")
    cluster.sql("CREATE DATABASE pinwatch OWNER pinwatch_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", "postgres")
    seen, asker = [0], []

    def strike():
        seen[0] += 1
        if seen[0] == number:
            asker[0].kill()
            asker[0].wait()
        return True

    fault = service.proxy.on(where, ".", strike, times=None)
    asker.append(run.subprocess.Popen([run.PINWATCH, "init", "--schema-only", "--config", service.config], env=service.environment, cwd="/",
                                      stdout=run.subprocess.DEVNULL, stderr=run.subprocess.DEVNULL))
    asker[0].wait(60)
    service.proxy.faults.remove(fault)
    service.pinwatch("init", "--schema-only")
    rows = cluster.sql("SELECT count(*), max(number) FROM schema_step")
    run.expect("every step is there once after a kill %s statement %d" % (where, number), rows[0][0], rows[0][1])
    return seen[0] >= number


def births(seed, is_long):
    made, dice, killed = world.World(seed), random.Random(seed), 0
    service = OnProxy(made, seed)
    try:
        service.prepare()
        last = 1
        while is_long and init_killed(service.cluster, service, "before", last):
            last += 1
        wanted = range(1, last) if is_long else dice.sample(range(2, 18), 3)
        for number in wanted:
            killed += init_killed(service.cluster, service, "after", number)
    finally:
        service.__exit__(None, None, None)
    return "init killed at %d statements" % (killed + last - 1)
