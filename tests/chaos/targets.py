"""The processes of a service as targets: found, killed, stopped and continued by descriptors, so that no reused number is ever hit."""
import collections
import os
import signal
import subprocess
import threading
import time

import service as run

DEATHS_BORNE = 3  # of one program in one life of the supervisor, which gives up at five


def open_process(process):
    """None when it has ended."""
    try:
        return os.pidfd_open(process.pid)
    except OSError:
        return None


def send(descriptor, number):
    """False when it had ended before."""
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    return True


def signal_all(found, number):
    opened = [(process, open_process(process)) for process in found]
    for _, descriptor in opened:
        if descriptor is not None:
            send(descriptor, number)
            os.close(descriptor)
    return len(found)


def read_link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def recovers(process):
    """A process of PostgreSQL that is in its recovery, or is too young to have said what it is."""
    said = read_text("/proc/%d/cmdline" % process.pid)
    return "startup" in said or ": " not in said


class Targets:
    def __init__(self, service):
        service.asker.keeps = False  # a session of ours would be among the targets
        self.service, self.deaths, self.counts = service, collections.Counter(), collections.Counter()
        self.shared, self.killed = {}, set()  # name of shared memory -> its postmaster
        self.timers = []
        self.finders = {"monitor": service.monitors, "reader": service.readers, "alerts": service.senders, "backend": service.backends,
                        "postmaster": lambda: [p for p in [service.postmaster()] if p], "helper": self.helpers,
                        "supervisor": lambda: [p for p in service.processes("pinwatch") if p.pid == service.process.pid]}

    def helpers(self):
        """PostgreSQL's own background processes. The one that recovers takes the server with it when it dies, and counts as that."""
        clients, postmaster = {p.pid for p in self.service.backends()}, self.service.postmaster()
        found = [p for p in self.service.processes("postgres") if p.pid not in clients and (postmaster is None or p.pid != postmaster.pid)]
        return [p for p in found if not self.is_spared("postmaster") or not recovers(p)]

    def find(self, kind, dice):
        """One process of this kind, or None."""
        found = sorted(self.finders[kind](), key=lambda process: process.pid)
        return dice.choice(found) if found else None

    def is_spared(self, kind):
        return kind in ("monitor", "alerts", "postmaster") and self.deaths[kind] >= DEATHS_BORNE

    def kill(self, kind, dice):
        process = None if self.is_spared(kind) else self.find(kind, dice)
        return process is not None and self.kill_process(process, kind)

    def kill_process(self, process, kind):
        self.deaths["postmaster"] += kind == "helper" and recovers(process)
        descriptor = open_process(process)
        if descriptor is None:
            return False
        is_sent = send(descriptor, signal.SIGKILL)
        os.close(descriptor)
        self.killed.add(process.pid)
        self.deaths[kind] += is_sent
        self.counts["killed " + kind] += is_sent
        return is_sent

    def stop(self, kind, dice, seconds):
        """Stops a process, or the whole service, and continues it after `seconds`, whatever happens meanwhile."""
        found = self.service.processes() if kind == "everything" else [p for p in [self.find(kind, dice)] if p]
        opened = [descriptor for descriptor in map(open_process, found) if descriptor is not None]
        stopped = [descriptor for descriptor in opened if send(descriptor, signal.SIGSTOP)]
        timer = threading.Timer(seconds, self.go_on, [opened])
        timer.start()
        self.timers.append(timer)
        self.counts["stopped " + kind] += bool(stopped)
        return bool(stopped)

    @staticmethod
    def go_on(opened):
        for descriptor in opened:
            send(descriptor, signal.SIGCONT)
            os.close(descriptor)

    def wait_continued(self):
        for timer in self.timers:
            timer.join()
        self.timers.clear()

    # ---- what is left behind

    def note_shared_memory(self):
        """What this cluster's processes share with each other, to look for when they are gone. An initdb that is killed leaves what it shared:
        nobody knows its name any more."""
        postmaster = self.service.postmaster()
        if postmaster is None or not read_link("/proc/%d/cwd" % postmaster.pid).endswith("/postgres"):
            return
        for line in read_text("/proc/%d/maps" % postmaster.pid).splitlines():
            fields = line.split()
            if len(fields) > 5 and fields[5].startswith("/dev/shm/PostgreSQL"):
                self.shared[fields[5]] = postmaster.pid
            elif len(fields) > 5 and fields[5].startswith("/SYSV"):
                self.shared[fields[4]] = postmaster.pid

    def live(self):
        """Every process that belongs to this service, also those that have lost their parent."""
        state, folder, found = self.service.state, self.service.folder, []
        for process in run.processes():
            is_ours = (process.session in self.service.sessions or read_link("/proc/%d/cwd" % process.pid).startswith(state)
                       or folder in read_text("/proc/%d/cmdline" % process.pid))
            found += [process] if is_ours and process.pid != os.getpid() else []
        return found

    def wait_gone(self, seconds):
        """Processes that are still there then."""
        end = time.monotonic() + seconds
        while self.live() and time.monotonic() < end:
            time.sleep(0.05)
        return ["%s (%d)" % (process.name, process.pid) for process in self.live()]

    def kill_everything(self):
        found = self.live()
        self.killed.update(process.pid for process in found)
        signal_all(found, signal.SIGKILL)

    def shared_left(self, is_last):
        """A PostgreSQL that is killed leaves its own for the next one to remove. It removes all but those of one that was killed before it had
        written into its 56 bytes whose they are: few, and counted."""
        segments = {line.split()[1] for line in read_text("/proc/sysvipc/shm").splitlines()[1:]}
        left = {name: pid for name, pid in self.shared.items() if name in segments or os.path.exists(name)}
        excused = [name for name, pid in left.items() if pid in self.killed]
        if is_last:
            self.counts["shared memory that a killed PostgreSQL left"] = len(excused)
            for name in excused:
                subprocess.run(["rm", name] if name.startswith("/") else ["ipcrm", "-m", name], check=True)
        is_excusable = not is_last or len(excused) <= max(2, self.counts["killed postmaster"] // 4)
        return sorted(name for name in left if name not in excused or not is_excusable)

    def files_left(self):
        """Files that a stopped service has no use for."""
        known = {"postgres", "postgres-passwords", "run", "secrets", "hooks.d", "pinwatch.pid", "place", "hook-files", "drill", "lists", "settings-in-force.yaml"}
        left = [name for name in os.listdir(self.service.state) if name not in known]
        left += ["run/" + name for name in os.listdir(self.service.state + "/run")]
        left += [name for name in os.listdir(self.service.state + "/postgres-passwords") if name.endswith(".new")]
        folder = self.service.state + "/hook-files"
        left += ["hook-files/" + name for name in (os.listdir(folder) if os.path.isdir(folder) else [])]
        left += ["postgres/" + name for name in os.listdir(self.service.state + "/postgres") if name == "postmaster.pid"]
        return left + ["tmp/" + name for name in os.listdir(self.service.environment["TMPDIR"])]

    def check_nothing_left(self, seconds=3, is_last=False):
        run.expect("no process is left behind", self.wait_gone(seconds), [])
        run.expect("no socket, lock or temporary file is left behind", self.files_left(), [])
        run.expect("no shared memory is left behind", self.shared_left(is_last), [])
