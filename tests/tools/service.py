"""The real service for tests: `pinwatch init` and `run` in a temporary folder, on a private cluster, beside logs of test_log.py.

PostgreSQL refuses root, so a test that root starts is run again as another user (tests/as_user).
"""
import base64
import glob
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
if os.geteuid() == 0:
    sys.stdout.flush()
    os.execv(ROOT + "/tests/as_user", [ROOT + "/tests/as_user", sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])

import questions  # noqa: E402
import test_log  # noqa: E402

BUILD = os.environ.get("PINWATCH_BUILD") or os.environ.get("BUILD_FOLDER") or ROOT + "/build"
PINWATCH = os.path.join(BUILD, "pinwatch")
checks = 0


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def expect(sentence, got, wanted=True):
    global checks
    checks += 1
    if got != wanted:
        raise AssertionError("NOT TRUE: %s\n  got    %r\n  wanted %r" % (sentence, got, wanted))


class Receiver:
    """A webhook receiver on loopback; `seen` has (time, webhook-id, body as JSON), `answer` may give a status and a delay."""

    def __init__(self):
        outer = self
        self.seen = []
        self.answer = lambda: (204, 0)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.take(self)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None  # a killed sender hangs up
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_address[1]

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.seen.append((time.time(), handler.headers["webhook-id"], json.loads(body)))
        status, delay = self.answer()
        time.sleep(delay)
        handler.send_response(status)
        handler.send_header("content-length", "0")
        handler.end_headers()

    def about(self, rule):
        return [body for _, _, body in list(self.seen) if body["type"] == rule]


class Process:
    """One process as /proc shows it."""

    def __init__(self, pid):
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            before, _, after = file.read().rpartition(")")
        fields = after.split()
        self.pid, self.name, self.state = pid, before.partition("(")[2], fields[0]
        self.parent, self.session = int(fields[1]), int(fields[3])


def processes():
    found = []
    for name in os.listdir("/proc"):
        try:
            found += [Process(int(name))] if name.isdigit() else []
        except (OSError, ValueError, IndexError):
            pass  # it ended meanwhile
    return [process for process in found if process.state != "Z"]


class Service:
    """with Service(server, {...}) as service: settings written, cluster made, `pinwatch run` started and ready.

    server: a test_log.Server whose logs follow() puts into the settings, so that a test can set its watches before;
    state: where the state folder shall be.
    """

    def __init__(self, server=None, settings=None, state=None):
        if not os.access(PINWATCH, os.X_OK):
            skip(PINWATCH + " is not built")
        self.server, self.logs, self.resolvers = server, {}, []
        self.settings = {"poll_seconds_rfc6962": 1, "poll_seconds_static": 1, "has_drill": False, "follows_caa": False, "readers": 2, **(settings or {})}
        self.receiver = Receiver()
        self.process, self.sessions = None, set()
        self.folder = tempfile.mkdtemp(prefix="pinwatch-test-")
        self.state, self.config = state or self.folder + "/state", self.folder + "/pinwatch.yaml"
        self.log_path = self.folder + "/service.log"
        kept = ("PATH", "LANG", "LC_ALL", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TMPDIR")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.asker = questions.Asker(self.state + "/run", self.password_environment)
        self.environment.update(PINWATCH_SQL=os.environ.get("PINWATCH_SQL", ROOT + "/sql"), PINWATCH_CONFIG=self.config, HOME=self.folder)

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def prepare(self):
        os.mkdir(self.state, 0o700)
        self.pinwatch("init", "--settings-only", "--state", self.state, "--config", self.config)
        self.write_settings()
        with open(self.secret_path("hook"), "w", encoding="ascii") as out:
            out.write("whsec_" + base64.b64encode(bytes(32)).decode())
        os.chmod(self.secret_path("hook"), 0o600)

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit:
            self.show_log()
        if os.environ.get("PINWATCH_KEEP_LOG") and os.path.exists(self.log_path):
            shutil.copy(self.log_path, os.environ["PINWATCH_KEEP_LOG"])
        self.asker.close()
        self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def secret_path(self, name):
        os.makedirs(self.state + "/secrets", mode=0o700, exist_ok=True)
        return self.state + "/secrets/" + name

    # ---- settings

    def log_settings(self, name):
        log = self.server.logs[name]
        given = dict(self.logs[name])
        protocol = given.pop("protocol", "tiles" if log.static else "rfc")
        item = {"description": name, "url": self.server.url(name, protocol), "key": base64.b64encode(log.spki).decode(),
                "operator_name": "operator of " + name, "starts_at_zero": True}
        if log.static:
            item.update(monitoring_url=item["url"], origin=log.origin)
        return {**item, **given}

    def follow(self, *names, **more):
        """From now on these logs stand in the settings too; `more` is settings of theirs, protocol='rfc' the way to read them."""
        self.logs.update({name: more for name in names})
        self.write_settings()
        self.reload()

    def reload(self):
        mark = os.path.getsize(self.log_path)
        self.process.send_signal(signal.SIGHUP)
        self.wait(lambda: self.has_said("settings.reloaded", mark) or self.has_said("settings.refused", mark), 20, "SIGHUP is taken")

    def write_settings(self):
        lines = {"state_folder": self.state, "chrome_list_url": "", "chrome_list_signature_url": "", "apple_list_url": "",
                 **self.settings}
        with open(self.config, "w", encoding="utf-8") as out:
            out.write("".join("%s: %s\n" % (name, json.dumps(value)) for name, value in lines.items()))
            for list_name, items in (("logs", [self.log_settings(name) for name in self.logs]), ("resolvers", self.resolvers)):
                out.write("%s:%s\n" % (list_name, "" if items else " []"))
                for item in items:
                    lines = ["%s: %s" % (name, json.dumps(value)) for name, value in item.items()]
                    out.write("  - " + "\n    ".join(lines) + "\n")
        os.chmod(self.config, 0o600)

    # ---- life

    def start(self, seconds=60, **more):
        """`more` is for Popen: where standard error goes elsewhere, nobody waits for service.ready."""
        with open(self.log_path, "ab") as log:
            self.log_mark = log.tell()
            given = {"stdout": log, "stderr": log, "cwd": "/", "stdin": subprocess.DEVNULL, "env": self.environment, **more}
            self.process = subprocess.Popen([PINWATCH, "run", "--config", self.config], start_new_session=True, **given)
        self.sessions.add(self.process.pid)
        if seconds and "stderr" not in more:
            self.wait(lambda: self.has_said("service.ready", self.log_mark), seconds, "the service is ready")

    def stop(self, seconds=60):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def end_all(self):
        """Whatever happens, nothing of this service outlives the test. Nobody waits for a farewell: how it stops is shown where that is the question."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        end, left = time.monotonic() + 5, self.processes()
        while left and time.monotonic() < end + 10:
            for process in left:
                # PostgreSQL is asked to go, for it has shared memory to give back.
                is_polite = process.name == "postgres" and process.session in self.sessions and time.monotonic() < end
                self.kill(process, signal.SIGCONT)
                self.kill(process, signal.SIGQUIT if is_polite else signal.SIGKILL)
            time.sleep(0.05)
            left = self.processes()

    def processes(self, name=None):
        """Those of this service alone: its session, and what PostgreSQL's server has started."""
        found = processes()
        ours = [p for p in found if p.session in self.sessions]
        servers = {p.pid for p in ours if p.name == "postgres"}
        ours += [p for p in found if p.parent in servers and p.session not in self.sessions]
        return [p for p in ours if name is None or p.name.startswith(name[:15])]

    def monitors(self):
        return self.processes("pinwatch-monitor")

    def readers(self):
        return self.processes("pinwatch-reader")

    def senders(self):
        return self.processes("pinwatch-alerts")

    def postmaster(self):
        found = [p for p in self.processes("postgres") if p.session in self.sessions]
        numbers = {p.pid for p in found}  # a new back-end has no session of its own yet
        found = [p for p in found if p.parent not in numbers]
        return found[0] if found else None

    def backends(self):
        """PostgreSQL's processes for clients."""
        found = []
        for process in self.processes("postgres"):
            try:
                with open("/proc/%d/cmdline" % process.pid, encoding="utf-8", errors="replace") as file:
                    found += [process] if "pinwatch_" in file.read() else []
            except OSError:
                pass
        return found

    def kill(self, process, number=signal.SIGKILL):
        """False when it had ended before."""
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return False
        return True

    # ---- messages

    def text(self, begin=0):
        with open(self.log_path, "rb") as file:
            file.seek(begin)
            return file.read().decode("utf-8", "replace")

    def has_said(self, event, begin=0):
        return '"event":"%s"' % event in self.text(begin).replace('": "', '":"')

    def show_log(self):
        if os.path.exists(self.log_path):
            keep = os.environ.get("PINWATCH_TEST_LOG")  # a place for all of it
            if keep:
                shutil.copyfile(self.log_path, keep)
            grave = [line for line in self.text().splitlines() if '"level":"warning"' in line or '"level":"error"' in line]
            sys.stderr.write("---- the service's last warnings:\n%s\n---- the service said, at the end:\n%s" %
                             ("\n".join(grave[-20:]), self.text()[-8000:]))

    # ---- commands, data

    def pinwatch(self, *words, text=None, status=0):
        done = subprocess.run([PINWATCH, *words], input=text, capture_output=True, text=True, timeout=120, env=self.environment, cwd="/")
        if status is not None and done.returncode != status:
            raise AssertionError("pinwatch %s ended with %d: %s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
        return done

    def rows(self, *words):
        return [json.loads(line) for line in self.pinwatch(*words, "--json").stdout.splitlines()]

    def shown_log(self, name):
        """What `pinwatch logs` shows of one log; {} before it is known."""
        return ([row for row in self.rows("logs") if row["description"] == name] or [{}])[0]

    def apply(self, data):
        self.pinwatch("apply", "-", text=json.dumps(data))

    def watch_for(self, *watches, authority=None, **more):
        """Watches under one policy that expects this authority alone, told to the receiver."""
        policy = {"expected_issuers": {"ca_keys": [authority.key_hash.hex()]}, **more}
        self.apply({"policies": {"web": policy}, "watches": [{"watch": w, "policy": "web"} for w in watches],
                    "channels": {"receiver": {"kind": "webhook", "configuration": {"url": self.receiver.url}, "secret": "hook",
                                              "least_severity": "info"}}})

    def sql(self, text, is_checked=True):
        """Answer to the cluster's superuser: rows of fields."""
        return self.asker.sql(text, is_checked)

    def password_environment(self):
        with open(self.state + "/postgres-passwords/postgres", encoding="ascii") as file:
            return {**self.environment, "PGPASSWORD": file.read().strip()}

    def number(self, text, is_checked=True):
        rows = self.sql(text, is_checked)
        return int(rows[0][0]) if rows else -1

    def findings(self, rule):
        """[log_id in hex or '', state, evidence] of each."""
        rows = self.sql("SELECT coalesce(encode(log_id, 'hex'), ''), state, evidence FROM finding WHERE rule = '%s' ORDER BY finding_id" % rule)
        return [[row[0], row[1], json.loads("|".join(row[2:]))] for row in rows]

    def positions(self):
        """log id in hex → (size, root that the frontier gives)."""
        rows = self.sql("SELECT encode(log_id, 'hex'), size, encode(frontier, 'hex') FROM position", False)
        return {row[0]: (int(row[1]), root_of(int(row[1]), bytes.fromhex(row[2]))) for row in rows}

    def observed(self, name=None):
        """(log id in hex, index) of every observation, also those that would be there twice."""
        where = "" if name is None else " WHERE log_id = '\\x%s'" % self.server.logs[name].log_id.hex()
        return [(row[0], int(row[1])) for row in self.sql("SELECT encode(log_id, 'hex'), log_index FROM observation%s ORDER BY 1, 2" % where)]

    def is_read(self, *names):
        """Every named log is read to its end, with the right root."""
        positions = self.positions()
        logs = [self.server.logs[name] for name in names or self.logs]
        return all(positions.get(log.log_id.hex()) == (len(log.entries), log.tree.root(0, len(log.entries)).hex()) for log in logs)

    def wait_read(self, *names, seconds=60):
        self.wait(lambda: self.is_read(*names), seconds, "logs %s are read" % (names or tuple(self.logs),))

    def wait(self, condition, seconds=30, what="a condition"):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asked = time.monotonic()
            answer = condition()
            if answer:
                return answer
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError("the service ended with %d while waiting: %s" % (self.process.returncode, what))
            time.sleep(min(1, max(0.05, 2 * (time.monotonic() - asked))))  # a dear question is asked less often: logs are served beside it
        raise AssertionError("not within %d s: %s; positions: %r" % (seconds, what, {k[:8]: v[0] for k, v in self.positions().items()}))


def root_of(size, frontier):
    """Root of a tree from its perfect subtrees, largest first (RFC 6962 2.1)."""
    nodes = [frontier[at:at + 32] for at in range(0, len(frontier), 32)]
    if len(nodes) != bin(size).count("1"):
        return "a frontier of %d nodes" % len(nodes)
    root = nodes.pop() if nodes else test_log.sha256(b"")
    while nodes:
        root = test_log.node_hash(nodes.pop(), root)
    return root.hex()


def postgres_program(name):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name))
    return found[-1] if found else skip("PostgreSQL's %s is not installed" % name)


def main(test):
    """Runs a test: its return value is the line that says what was shown."""
    started = time.monotonic()
    try:
        said = test()
    except AssertionError as wrong:
        print(wrong)
        sys.exit(1)
    print("%s; %d statements hold, %.0f s" % (said, checks, time.monotonic() - started))
