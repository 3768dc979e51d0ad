"""A PostgreSQL of the test's own, and the service on it through a proxy: for attacks on the database that the private cluster cannot show."""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pg_proxy  # noqa: E402
import questions  # noqa: E402
import service as run  # noqa: E402
import test_log  # noqa: E402

ROLES = ("pinwatch_owner", "pinwatch_monitor", "pinwatch_alerts", "pinwatch_cli", "pinwatch_report", "pinwatch_receiver")
PR_SET_PDEATHSIG = 1
EVENT = re.compile(r'"event": ?"([^"]+)"')


def die_with_test():
    """For preexec_fn: the server ends at once when the test does, however. The kernel means the thread, so only the main one asks for it."""
    prctl = ctypes.CDLL(None).prctl
    return (lambda: prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)) if threading.current_thread() is threading.main_thread() else None


class Cluster:
    """A cluster in a temporary folder, on a socket there; who connects needs no password unless `hba` says so."""

    def __init__(self, options="", folder=None, copy_of=None, encoding="UTF8"):
        self.folder = folder or tempfile.mkdtemp(prefix="pw-pg-")
        self.data, self.options, self.process = self.folder + "/data", options, None
        self.log_path = self.folder + "/log"
        self.environment = {"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "10"}
        self.asker = questions.Asker(self.folder, lambda: self.environment)
        if copy_of is not None:
            self.tool("pg_basebackup", "-h", copy_of.folder, "-U", "postgres", "-D", self.data, "-R", "-X", "stream", "-c", "fast")
        else:
            self.tool("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", encoding, "--locale=C", "-N")

    def tool(self, name, *words):
        done = subprocess.run([run.postgres_program(name), *words], capture_output=True, text=True, timeout=120, cwd="/",
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
        if done.returncode != 0:
            raise RuntimeError("%s %s: %s" % (name, " ".join(words), done.stderr))
        return done.stdout

    @property
    def socket(self):
        return self.folder + "/.s.PGSQL.5432"

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([run.postgres_program("postgres"), "-D", self.data, "-k", self.folder, "-c", "listen_addresses=",
                                             "-c", "max_connections=30", *self.options.split()], stdout=log, stderr=log, cwd="/",
                                            env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, start_new_session=True,
                                            preexec_fn=die_with_test())
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if subprocess.run([run.postgres_program("pg_isready"), "-q", "-h", self.folder], cwd="/", check=False).returncode == 0:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            raise RuntimeError("PostgreSQL does not start: " + log.read()[-2000:])

    def stop(self, how="fast"):
        if self.process is not None and self.process.poll() is None:
            self.tool("pg_ctl", "-D", self.data, "-m", how, "-w", "stop")
            self.process.wait(60)

    def restart(self, how="fast"):
        self.stop(how)
        self.start()

    def make_pinwatch(self):
        """What docs/schema.md asks of an administrator."""
        self.sql("".join("CREATE ROLE %s LOGIN;\n" % role for role in ROLES), "postgres")
        self.sql("CREATE DATABASE pinwatch OWNER pinwatch_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", "postgres")

    def sql(self, text, database="pinwatch", user="postgres", is_checked=True):
        if (database, user) == ("pinwatch", "postgres"):
            return self.asker.sql(text, is_checked)
        done = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", user, "-d", database],
                              input=("SET search_path = pinwatch;\n" if database == "pinwatch" else "") + text + ";\n", capture_output=True, text=True,
                              timeout=60, cwd="/", env=self.environment)
        if done.returncode != 0 and is_checked:
            raise RuntimeError("psql: " + done.stderr)
        return [line.split("|") for line in done.stdout.splitlines()] if done.returncode == 0 else []

    def session(self, text):
        """A psql that stays in its transaction until its input is closed."""
        person = subprocess.Popen(["psql", "-qAtX", "-h", self.folder, "-U", "postgres", "-d", "pinwatch"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", env={"PATH": os.environ["PATH"]})
        person.stdin.write("BEGIN;\nSET search_path = pinwatch;\n%s;\n\\echo held\n" % text)
        person.stdin.flush()
        while True:
            line = person.stdout.readline()
            if line.strip() == "held":
                return person
            if not line or "ERROR" in line:
                raise RuntimeError("psql: " + line)

    def remove(self):
        self.asker.close()
        try:
            self.stop("immediate")
        except (RuntimeError, subprocess.TimeoutExpired):
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class OwnService(run.Service):
    """The service on a cluster of its own, all its connections through self.proxy."""

    def __init__(self, server=None, settings=None, cluster=None, conninfo=""):
        self.cluster = cluster or Cluster().start()
        if cluster is None:
            self.cluster.make_pinwatch()
        self.proxy = pg_proxy.Proxy(self.cluster.socket)
        self.more = conninfo
        super().__init__(server, {"database": self.conninfo(), **(settings or {})})

    def conninfo(self):
        return "host=127.0.0.1 port=%d dbname=pinwatch sslmode=disable gssencmode=disable %s" % (self.proxy.port, self.more)

    def prepare(self):
        super().prepare()
        self.pinwatch("init")

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.proxy.close()
        self.cluster.remove()

    def sql(self, text, is_checked=True):
        return self.cluster.sql(text, is_checked=is_checked)

    # ---- what was said

    def events(self, begin=0):
        """Event → how often since that place in the messages."""
        counted = {}
        for name in EVENT.findall(self.text(begin)):
            counted[name] = counted.get(name, 0) + 1
        return counted

    def is_back(self, program):
        """The last that this program said of the database is that it is back."""
        text = "".join(line for line in self.text().splitlines() if program in line)
        return text.rfind("database.back") >= text.rfind("database.away")

    def mark(self):
        return os.path.getsize(self.log_path)

    def timed(self, *words):
        """Exit code, seconds and what was said of a command that must not hang."""
        begin = time.monotonic()
        done = self.pinwatch(*words, status=None)
        return done.returncode, time.monotonic() - begin, done.stdout + done.stderr


class Ticker:
    """Counts lines of messages per minute from its birth; what was delivered is no complaint."""

    def __init__(self, service):
        self.service, self.begin, self.place = service, time.monotonic(), service.mark()

    def per_minute(self):
        text = self.service.text(self.place)
        lines = text.count("\n") - text.count("alert.delivered")
        return lines * 60 / max(time.monotonic() - self.begin, 5)


class Grower(threading.Thread):
    """Two logs (both protocols) grow by watched certificates, every tenth mis-issued; with a service: what it must have made of them."""

    def __init__(self, pause=0.05):
        super().__init__(daemon=True)
        self.maker, self.mallory = test_log.Maker(), test_log.Authority("Mallory CA")
        self.server = test_log.Server(rfc=test_log.Log([]), tiles=test_log.Log([], static=True))
        self.pause, self.count, self.is_over = pause, 0, False

    def begin(self, service):
        service.watch_for(".example.com", authority=self.maker.authority)
        service.follow("rfc", "tiles")
        self.start()
        service.wait(lambda: position(service) > 10, 60, "certificates are recorded")

    def run(self):
        while not self.is_over:
            self.count += 1
            entry = self.maker.entry(["www%d.example.com" % self.count], precertificate=True,
                                     authority=None if self.count % 10 else self.mallory)
            for log in self.server.logs.values():
                log.add(entry)
            time.sleep(self.pause)

    def check(self, service, what, seconds=90):
        """After a quiet moment everything is there once, verified, and was told at least once under one key."""
        self.is_over = True
        self.join()
        service.wait_read(seconds=seconds)
        wrong = self.count // 10
        run.expect("every entry is observed once after " + what, len(service.observed()), 2 * self.count)
        run.expect("nothing is there twice after " + what, len(set(service.observed())), 2 * self.count)
        run.expect("every certificate is recorded once after " + what, service.number("SELECT count(*) FROM certificate"), self.count)
        rule = "certificate.unexpected-issuer"
        run.expect("every mis-issuance is one finding after " + what,
                   service.number("SELECT count(*) FROM finding WHERE rule = '%s'" % rule), wrong)
        run.expect("and one alert after " + what, service.number("SELECT count(*) FROM alert WHERE rule = '%s'" % rule), wrong)
        service.wait(lambda: service.number("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == 0, seconds,
                     "every alert is delivered after " + what)
        keys = {}
        for _, key, body in list(service.receiver.seen):
            if body["type"] == rule:
                keys.setdefault(body["data"]["facts"]["tbs_sha256"], set()).add(key)
        run.expect("every mis-issuance was told after " + what, len(keys), wrong)
        run.expect("each under one key, however often, after " + what, max(map(len, keys.values()), default=1), 1)
        return self.repeats(service)

    def repeats(self, service):
        """How many messages were told again."""
        seen = [key for _, key, _ in list(service.receiver.seen)]
        return len(seen) - len(set(seen))


def position(service):
    return sum(size for size, _ in service.positions().values())


def goes_on(service, what, seconds=60):
    before = position(service)
    service.wait(lambda: position(service) > before, seconds, "the service goes on after " + what)
