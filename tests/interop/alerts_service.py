"""A throw-away PostgreSQL with the schema of sql/, and pinwatch-alerts on it. For the tests alerts-* beside this file."""
import glob
import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PINWATCH_BUILD", os.path.join(ROOT, "build"))
PROGRAM = os.path.join(BUILD, "pinwatch-alerts")

BODY = {
    "watches": ["example.com"], "policy": "web", "verdict": "unexpected",
    "reasons": ["the issuer key belongs to Mallory CA, expected: letsencrypt.org"],
    "matched_names": ["www.example.com"],
    "names": [{"type": "dns", "value": "www.example.com", "from": "san"}, {"type": "ip", "value": "192.0.2.1", "from": "san"}],
    "subject": "CN=www.example.com", "issuer": "CN=R1,O=Mallory CA,C=ZZ", "serial": "04a1",
    "not_before": "2026-11-21T00:00:00Z", "not_after": "2027-02-19T00:00:00Z", "key_type": "EC P-256",
    "entry": "precertificate", "cert_sha256": "5f" * 32, "tbs_sha256": "a0" * 32, "spki_sha256": "77" * 32,
    "issuer_spki_sha256": "1b" * 32, "issuer_owner": "Mallory CA", "issuer_caa_domains": ["mallory.example"],
    "expected": {"caa_domains": ["letsencrypt.org"], "owners": [], "ca_keys": []},
    "logs": [{"log_id": "AAAA", "description": "Example log 2026", "url": "https://log.example/2026/", "index": 12345,
              "timestamp": 1795262400000, "kind": "precertificate"}],
    "oddities": [], "ca_problem_report": "problems@mallory.example",
}
PEM = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def postgres_folder():
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True):
        if os.path.exists(folder + "/initdb"):
            return folder
    skip("no PostgreSQL server is installed")


def literal(text):
    return "'" + text.replace("'", "''") + "'"


class Service:
    """with Service() as service: a cluster with schema, a state folder, and, after start(), pinwatch-alerts."""

    def __init__(self, settings=None, environment=None):
        if not os.access(PROGRAM, os.X_OK):
            skip(f"{PROGRAM} is not built")
        self.bin = postgres_folder()
        self.settings = settings or {}
        self.environment = environment or {}
        self.process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pinwatch-test-")
        os.chmod(self.folder, 0o755)
        self.cluster, self.socket = self.folder + "/pg", self.folder + "/run"
        self.state = self.folder + "/state"
        for folder in (self.cluster, self.socket):
            os.mkdir(folder, 0o700)
        for folder in ("", "/secrets", "/hooks.d"):
            os.mkdir(self.state + folder, 0o700)
        self.user = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            for folder in (self.cluster, self.socket):
                os.chown(folder, account.pw_uid, account.pw_gid)
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            os.chmod(self.socket, 0o755)
        self.call([f"{self.bin}/initdb", "-D", self.cluster, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                   "--no-sync"])
        self.start_database()
        self.sql("CREATE DATABASE pinwatch", database="postgres")
        for step in sorted(glob.glob(ROOT + "/sql/[0-9]*.sql")):
            self.call(["psql", "-q", "-X", "-1", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "postgres", "pinwatch"],
                      open(step).read())
            content = open(step, "rb").read()
            self.sql(f"INSERT INTO schema_step VALUES ({int(os.path.basename(step)[:4])}, 'test', "
                     f"'\\x{hashlib.sha256(content).hexdigest()}', clock_timestamp())")
        self.sql("ALTER ROLE pinwatch_alerts LOGIN; ALTER ROLE pinwatch_alerts SET search_path = pinwatch")
        lines = {"state_folder": self.state, "database": f"host={self.socket} dbname=pinwatch user=pinwatch_alerts",
                 "follows_public_logs": False, "log_level": "debug", **self.settings}
        with open(self.folder + "/pinwatch.yaml", "w") as out:
            out.write("".join(f"{name}: {json.dumps(value)}\n" for name, value in lines.items()))
        os.chmod(self.folder + "/pinwatch.yaml", 0o600)
        return self

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.stop_database()
        if kind and kind is not SystemExit and os.path.exists(self.folder + "/alerts.log"):
            sys.stderr.write(open(self.folder + "/alerts.log").read()[-6000:])
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, words, text=""):
        done = subprocess.run(self.user + words, input=text, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"{words[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_database(self):
        self.call([f"{self.bin}/pg_ctl", "-D", self.cluster, "-w", "-l", self.cluster + "/log", "-o",
                   f"-k {self.socket} -c listen_addresses='' -c fsync=off -c unix_socket_permissions=0777", "start"])

    def stop_database(self):
        subprocess.run(self.user + [f"{self.bin}/pg_ctl", "-D", self.cluster, "-m", "immediate", "stop"], capture_output=True,
                       cwd="/")

    def sql(self, text, database="pinwatch"):
        return self.call(["psql", "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", "postgres", database],
                         ("SET search_path = pinwatch;\n" if database == "pinwatch" else "") + text + ";\n").strip()

    def secret(self, name, value):
        path = f"{self.state}/secrets/{name}"
        with open(path, "w") as out:
            out.write(value + "\n")
        os.chmod(path, 0o600)

    def channel(self, name, kind, configuration, secret=None):
        self.sql("INSERT INTO channel (tenant_id, name, kind, configuration, secret_name, least_severity, set_by, set_who, set_at) "
                 f"VALUES (1, {literal(name)}, {literal(kind)}, {literal(json.dumps(configuration))}, "
                 f"{literal(secret) if secret else 'NULL'}, 'info', 'cli', 'test', clock_timestamp())")

    def alert(self, rule="certificate.unexpected-issuer", body=None, severity="critical", pem=PEM, finding=True):
        """Raises a finding as the monitor does; its id."""
        body = literal(json.dumps(BODY if body is None else body))
        number = self.sql(
            "INSERT INTO finding (tenant_id, rule, severity, subject, state, evidence, opened_at, last_seen_at) VALUES "
            f"(1, {literal(rule)}, {literal(severity)}, gen_random_uuid()::text, 'open', {body}, clock_timestamp(), "
            "clock_timestamp()) RETURNING finding_id") if finding else "NULL"
        self.sql(f"SELECT alert_queue(1, {number}, {literal(rule)}, {literal(severity)}, {body}, {literal(pem)}, "
                 "clock_timestamp())")
        return number

    def start(self):
        log = open(self.folder + "/alerts.log", "a")
        environment = {"PATH": os.environ["PATH"], "HOME": "/", **self.environment}
        self.process = subprocess.Popen([PROGRAM, "--config", self.folder + "/pinwatch.yaml"], stderr=log, stdout=log,
                                        env=environment)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def log(self):
        return [json.loads(line) for line in open(self.folder + "/alerts.log")]

    def deliveries(self, fields="channel, state, attempts, last_error"):
        text = self.sql(f"SELECT json_agg(d) FROM (SELECT {fields} FROM delivery ORDER BY delivery_id) d")
        return json.loads(text) if text else []

    def wait(self, condition, seconds=20, what="condition"):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = condition()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}; deliveries: {self.deliveries()}")

    def wait_delivered(self, count=1, seconds=20):
        self.wait(lambda: sum(d["state"] == "delivered" for d in self.deliveries()) >= count, seconds, f"{count} delivered")
