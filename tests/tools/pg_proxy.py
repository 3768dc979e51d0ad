"""A proxy between libpq and PostgreSQL that breaks connections at chosen points of the conversation (protocol version 3).

    proxy = Proxy(("127.0.0.1", 5432))          # or the path of a server's socket; proxy.port is where clients connect
    fault = proxy.on("after", "record_range")   # the server has committed, and the client never hears of it
    ...                                         # fault.hits says how often it happened

Points: "before" a statement reaches the server; "after" the server has finished it (its ReadyForQuery is there) and before anything of
that is returned; "mid", when half of the answer has been returned. What happens then: "drop" ends both connections, "stall" leaves them
open and silent for good; a function is called, and the statement or its answer goes on if that returns true, else both connections end.
A statement is what a client sends up to its Sync; what is implicit (no BEGIN) commits at that Sync.
"""
import random
import re
import socket
import struct
import threading
import time

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
END = (OSError, EOFError, ValueError)


def read_exactly(file, size):
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


class Fault:
    """What happens to statements whose text matches; `chance` of each, at most `times`."""

    def __init__(self, where, pattern, action, user, times, chance, seed):
        self.where, self.pattern, self.action, self.user = where, re.compile(pattern), action, user
        self.times, self.chance, self.hits = times, chance, 0
        self.dice, self.lock = random.Random(seed), threading.Lock()

    def strikes(self, statement, user):
        with self.lock:
            wanted = (self.times is None or self.hits < self.times) and self.user in (None, user) and self.pattern.search(statement)
            if not wanted or self.dice.random() >= self.chance:
                return False
            self.hits += 1
            return True


class Conversation:
    """One client with its own connection to the server."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = proxy.connect()
        self.from_client, self.from_server = client.makefile("rb"), self.server.makefile("rb")
        self.user, self.text, self.is_over = "", "", threading.Event()
        self.unanswered = []    # statements that the server has, oldest first
        self.swallowing = False # answers to what the proxy itself asked
        for work in (self.pump_questions, self.pump_answers):
            threading.Thread(target=self.guarded, args=(work,), daemon=True).start()

    def guarded(self, work):
        try:
            work()
        except END:
            pass
        self.drop()

    def drop(self):
        self.is_over.set()
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.proxy.forget(self)

    def act(self, fault):
        if callable(fault.action) and fault.action():
            return
        if fault.action != "stall":
            raise EOFError
        self.is_over.wait()
        raise EOFError

    def find(self, where, statement):
        return next((f for f in list(self.proxy.faults) if f.where == where and f.strikes(statement, self.user)), None)

    def hold(self):
        while self.proxy.is_stalled and not self.is_over.is_set():
            time.sleep(0.02)

    # ---- client to server

    def pump_questions(self):
        while self.start_up():
            pass
        held = b""
        while True:
            kind = read_exactly(self.from_client, 1)
            size = read_exactly(self.from_client, 4)
            body = read_exactly(self.from_client, struct.unpack("!i", size)[0] - 4)
            held += kind + size + body
            if kind == b"P":
                self.text += body.split(b"\0")[1].decode("utf-8", "replace")
            elif kind == b"Q":
                self.text = body.rstrip(b"\0").decode("utf-8", "replace")
            if kind in b"SQXpHdcf" or len(held) > 1 << 20:
                self.forward(held, kind)
                held = b""

    def start_up(self):
        """True: the real start is still to come."""
        size = read_exactly(self.from_client, 4)
        body = read_exactly(self.from_client, struct.unpack("!i", size)[0] - 4)
        code = struct.unpack("!i", body[:4])[0]
        if code in (SSL_REQUEST, GSS_REQUEST):
            self.client.sendall(b"N")
            return True
        if code != CANCEL_REQUEST:
            words = body[4:].split(b"\0")
            self.user = dict(zip(words[::2], words[1::2])).get(b"user", b"").decode()
        self.hold()
        self.server.sendall(size + body)
        return False

    def forward(self, message, kind):
        is_whole = kind in b"SQ"
        if is_whole:
            self.proxy.statements.append((self.user, self.text))
            fault = self.find("before", self.text)
            if fault is not None:
                self.act(fault)
            self.unanswered.append(self.text)
            self.text = ""
        self.hold()
        self.server.sendall(message)

    # ---- server to client

    def pump_answers(self):
        held = b""
        while True:
            kind = read_exactly(self.from_server, 1)
            size = read_exactly(self.from_server, 4)
            message = kind + size + read_exactly(self.from_server, struct.unpack("!i", size)[0] - 4)
            if self.swallowing:
                self.swallowing = kind != b"Z"
                if self.swallowing:
                    continue
                message, held = self.kept + b"", b""
            held += message
            if kind == b"Z" and self.unanswered:
                held = self.answer(self.unanswered.pop(0), held)
            elif self.unanswered and len(held) < 1 << 20:
                continue  # held back until it is known to be complete
            self.hold()
            self.client.sendall(held)
            held = b""

    def answer(self, statement, message):
        """All that the server said to one statement, from its first byte to ReadyForQuery."""
        fault = self.find("after", statement)
        if fault is not None:
            self.act(fault)
        fault = self.find("mid", statement)
        if fault is not None:
            self.client.sendall(message[:len(message) // 2])
            message = message[len(message) // 2:]
            self.act(fault)
        if self.proxy.delay and self.is_over.wait(self.proxy.delay):
            raise EOFError
        if self.proxy.forgets and message[-1:] == b"I":
            self.kept, self.swallowing = message, True
            question = b"DISCARD ALL\0"
            self.server.sendall(b"Q" + struct.pack("!i", 4 + len(question)) + question)
            return b""
        return message


class Proxy:
    """Listens on loopback. `delay`: seconds before every answer; `is_stalled`: nothing moves, nobody hangs up; `refuses`: hangs up on whoever
    connects; `forgets`: after each transaction the session loses what it was told, as behind a pooler in transaction mode."""

    def __init__(self, target):
        self.target, self.faults, self.statements = target, [], []
        self.delay, self.is_stalled, self.refuses, self.forgets, self.is_closed = 0, False, False, False, False
        self.lock, self.conversations, self.accepted = threading.Lock(), set(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept_all, daemon=True).start()

    def connect(self):
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target, 10)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        return server

    def accept_all(self):
        while not self.is_closed:
            try:
                client, _ = self.listener.accept()
                self.accepted += 1
                if self.refuses:
                    client.close()
                    continue
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                conversation = Conversation(self, client)
                conversation.server.settimeout(None)
                with self.lock:
                    self.conversations.add(conversation)
            except OSError:
                if not self.is_closed:
                    client.close()  # the server does not listen

    def forget(self, conversation):
        with self.lock:
            self.conversations.discard(conversation)

    def on(self, where, pattern=".", action="drop", user=None, times=1, chance=1.0, seed=0):
        if where not in ("before", "after", "mid") or not (callable(action) or action in ("drop", "stall")):
            raise ValueError("no such fault: %s, %s" % (where, action))
        fault = Fault(where, pattern, action, user, times, chance, seed)
        self.faults.append(fault)
        return fault

    def heal(self):
        """No more faults; what had stalled is dropped."""
        self.faults.clear()
        was_stalled, self.is_stalled, self.refuses, self.delay, self.forgets = self.is_stalled, False, False, 0, False
        return was_stalled

    def drop_all(self):
        with self.lock:
            now = list(self.conversations)
        for conversation in now:
            conversation.drop()
        return len(now)

    def close(self):
        self.is_closed = True
        self.listener.close()
        self.drop_all()
