"""Questions to a database through a psql that stays: to start one for each took longer than the answers, and tests ask again and again."""
import os
import re
import select
import subprocess
import tempfile
import threading
import time

# What leaves something behind in its session, or must not be asked twice, gets a session of its own.
IS_QUESTION = re.compile(r"\s*(SELECT|WITH)\b(?!.*\b(advisory|set_config|INSERT|UPDATE|DELETE|TEMP|LISTEN)\b)(?!.*;)", re.I | re.S)
END = "end of the answer 7c1f\n"
SECONDS = 60


class Psql:
    """One that answers statement by statement; at the first error it ends, as a script's would."""

    def __init__(self, environment, first):
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1"], cwd="/", env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.said)
        self.first = first

    def ask(self, text, seconds=SECONDS):
        """Its output, or None when it has ended."""
        os.set_blocking(self.process.stdout.fileno(), False)
        end, answer, mark = time.monotonic() + seconds, b"", ("\n" + END).encode()
        try:
            self.process.stdin.write((self.first + text + ";\n\\echo '" + END.strip() + "'\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        self.first = ""
        while not (b"\n" + answer).endswith(mark):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                self.close(0)
                raise subprocess.TimeoutExpired("psql", seconds)
            part = self.process.stdout.read(1 << 16)
            if not part:
                return None
            answer += part
        return answer[:-len(END)].decode()

    def close(self, seconds=1):
        """What it said of its end."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        with self.said as said:
            said.seek(0)
            return said.read().decode("utf-8", "replace")


class Asker:
    """folder: of the socket, environment: without what follows of it, asked for when a psql is started; first: what stands before all."""

    def __init__(self, folder, environment, first="SET search_path = pinwatch;\n"):
        self.folder, self.environment, self.first = folder, environment, first
        self.keeps = True
        self.idle, self.lock = [], threading.Lock()

    def sql(self, text, is_checked=True):
        """Rows of fields."""
        is_question = self.keeps and IS_QUESTION.match(text)
        with self.lock:
            kept = self.idle.pop() if is_question and self.idle else None
        answer = kept and kept.ask(text)
        if kept is not None and answer is None:
            kept.close()  # the database was started again meanwhile, or its session was ended
        if answer is None:
            kept, answer = self.anew(text, is_checked)
        if answer is None:
            return []
        if is_question:
            with self.lock:
                self.idle.append(kept)
        else:
            kept.close()
        return [line.split("|") for line in answer.splitlines()]

    def anew(self, text, is_checked):
        psql = Psql({**self.environment(), "PGHOST": self.folder, "PGUSER": "postgres", "PGDATABASE": "pinwatch", "PGCONNECT_TIMEOUT": "10"}, self.first)
        answer = psql.ask(text)
        if answer is None:
            said = psql.close(SECONDS)
            if is_checked:
                raise RuntimeError("psql: " + said)
        return psql, answer

    def close(self):
        with self.lock:
            for psql in self.idle:
                psql.close()
            self.idle = []
