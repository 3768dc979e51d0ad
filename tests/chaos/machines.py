"""Two machines on one database: leases and fencing numbers keep them apart, also when one of them sleeps through the end of its lease."""
import random
import signal
import threading
import time

import instants
import service as run
import storm
import targets
import world

LEASE = 60  # seconds


class Machine(instants.OnProxy):
    """One machine; the cluster is its first one's."""

    def __init__(self, made, seed, receiver=None, cluster=None):
        super().__init__(made, seed, cluster=cluster)
        self.is_first = cluster is None
        self.receiver = receiver or self.receiver

    def __exit__(self, kind, value, trace):
        if self.is_first:
            return super().__exit__(kind, value, trace)
        self.proxy.close()
        return run.Service.__exit__(self, kind, value, trace)


class Pair:
    def __init__(self, first, second, is_long):
        self.machines, self.is_long = (first, second), is_long

    def holders(self):
        """How many logs each machine holds by a lease that has not run out."""
        rows = self.machines[0].sql("SELECT holder FROM lease WHERE expires_at > clock_timestamp()", False)
        return [sum(self.place(machine) in row[0] for row in rows) for machine in self.machines]

    @staticmethod
    def place(machine):
        return targets.read_text(machine.state + "/place").strip() or "no place"

    def expire(self, machine):
        """The lease runs out: by waiting for it, or (short form) by moving its end."""
        if self.is_long:
            time.sleep(LEASE + 3)
            return
        self.machines[0].sql("UPDATE lease SET expires_at = clock_timestamp() WHERE holder LIKE '%%%s%%'" % self.place(machine))

    def wait_holder(self, machine, what):
        count = len(machine.logs)
        wanted = [count if m is machine else 0 for m in self.machines]
        machine.wait(lambda: self.holders() == wanted, 90, what)

    def positions(self):
        return {key: size for key, (size, _) in self.machines[0].positions().items()}

    def fencing(self):
        return {row[0]: int(row[1]) for row in self.machines[0].sql("SELECT encode(log_id, 'hex'), fencing FROM lease")}

    def late_commit(self, sleeper, other):
        """A commit under way is held up until the lease is over and the other machine has gone on; then it arrives."""
        held, may_go = threading.Event(), threading.Event()
        before, numbers = self.positions(), self.fencing()

        def hold():
            for monitor in sleeper.monitors():
                sleeper.kill(monitor, signal.SIGSTOP)
            held.set()
            may_go.wait(300)
            return True

        mark = sleeper.mark()
        fault = sleeper.proxy.on("before", "record_range", hold)
        sleeper.wait(held.is_set, 60, "a commit is under way")
        self.expire(sleeper)
        self.wait_holder(other, "the other machine takes over")
        other.wait(lambda: all(size > before[key] for key, size in self.positions().items()), 60, "and reads on")
        passed = self.positions()
        may_go.set()
        time.sleep(0.5)  # the late commit reaches the database while its sender still sleeps
        for monitor in sleeper.monitors():
            sleeper.kill(monitor, signal.SIGCONT)
        sleeper.wait(lambda: "its lease is held by" in sleeper.text(mark), 60, "the late commit is refused, and that is said")
        sleeper.proxy.faults.remove(fault)
        now = self.positions()
        run.expect("no position goes back", [key for key in passed if now[key] < passed[key]], [])
        run.expect("every fencing number grew", [key for key, number in self.fencing().items() if number <= numbers[key]], [])
        run.expect("the late machine holds nothing", self.holders()[self.machines.index(sleeper)], 0)

    def lost_machine(self, lost, other):
        """Everything of one machine dies at once, while it holds all leases and claims."""
        self.wait_holder(lost, "it holds all logs")
        targets.Targets(lost).kill_everything()
        lost.process.wait()
        self.expire(lost)
        if not self.is_long:
            self.machines[0].sql("UPDATE delivery SET claimed_until = clock_timestamp() WHERE claimed_by LIKE '%%%s%%'" % self.place(lost))
        self.wait_holder(other, "the other machine takes over")
        before = self.positions()
        other.wait(lambda: all(size > before[key] for key, size in self.positions().items()), 60, "and reads on")
        lost.start()

    def shaken(self, dice, seconds):
        """Programs of both die and sleep at random."""
        aims, count = [targets.Targets(machine) for machine in self.machines], 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(dice.expovariate(1 / 0.7))
            aim = dice.choice(aims)
            if dice.random() < 0.3:
                count += aim.stop(dice.choice(("monitor", "alerts", "reader", "everything")), dice, dice.uniform(0.05, 5))
            else:
                count += aim.kill(dice.choice(("monitor", "alerts", "reader", "reader")), dice)
        for aim in aims:
            aim.wait_continued()
        return count


def settle(made, pair):
    """The leases of a machine that was killed run out by themselves."""
    first = pair.machines[0]
    made.end()
    first.receiver.is_kind = True
    first.wait_read(seconds=150)
    first.wait(lambda: made.is_settled(first), 240, "everything is recorded and delivered")


def machines(seed, is_long):
    made, dice = world.World(seed, (0.1, 0.4)), random.Random(seed)
    with Machine(made, seed) as first, Machine(made, seed, first.receiver, first.cluster) as second:
        pair = Pair(first, second, is_long)
        first.watch_for(world.WATCHED, authority=made.maker.authority)
        made.start()
        first.follow("rfc", "both", "tiles")
        pair.wait_holder(first, "the first machine holds all logs")
        second.follow("rfc", "both", "tiles")
        first.wait(lambda: len(pair.positions()) == 3, 60, "all logs are read")
        for sleeper, other in ((first, second), (second, first))[:2 if is_long else 1]:
            pair.late_commit(sleeper, other)
        holder = first if is_long else second
        pair.lost_machine(holder, second if is_long else first)
        count = pair.shaken(dice, 60 if is_long else 5)
        settle(made, pair)
        alerts = made.check_all(first, first.receiver)
        for machine in pair.machines:
            storm.check_events(machine)
            run.expect("a last stop ends well", machine.stop(90), 0)
            run.expect("no process is left behind", targets.Targets(machine).wait_gone(3), [])
        return "two machines: %d late commits refused, one machine lost, %d acts: %d certificates, %d findings told" % (
            2 if is_long else 1, count, len(made.places), alerts)
