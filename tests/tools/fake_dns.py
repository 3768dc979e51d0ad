"""A resolver on loopback for tests, independent of pinwatch: answers CAA questions from a table, over UDP and TCP, with the vices asked for.

    with fake_dns.Server({"example.com": [(0, "issue", "ca.example")]}) as dns:
        dns.zone["www.example.com"] = "servfail"

A value is a list of records (flags, tag, value), [] (no records), "cname:NAME" (an alias), or a vice: "servfail", "refused", "nxdomain", "bogus" (SERVFAIL unless CD is set), "drop".
Names that are not there have no records. `ttl` may be a number or a dictionary of names; cache=True counts TTLs down as a cache does.
"""
import random
import socket
import struct
import threading
import time

CAA, CNAME, SOA, OPT = 257, 5, 6, 41


def name_at(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1").lower())
        at += 1 + message[at]
    return ".".join(labels), at + 1


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".") if label) + b"\0"


class Server:
    def __init__(self, zone=None, ttl=60, validates=False, port=0):
        self.zone, self.ttl, self.validates = dict(zone or {}), ttl, validates
        self.all = None       # a vice for every name
        self.asked = []       # (time, name)
        self.lock = threading.Lock()
        self.ends = False
        self.cached = {}      # name → when its TTL ends, where has_cache
        self.has_cache = False
        for _ in range(50):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("127.0.0.1", port))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
                if port:
                    time.sleep(0.1)
        self.tcp.listen(16)
        self.udp.settimeout(0.2)
        self.tcp.settimeout(0.2)
        self.threads = [threading.Thread(target=loop, daemon=True) for loop in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.ends = True
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    @property
    def setting(self):
        return {"address": "127.0.0.1", "port": self.port, "is_validating": self.validates}

    @property
    def name(self):
        return "127.0.0.1:%d" % self.port

    def count(self, name=None, since=0.0):
        with self.lock:
            return sum(1 for at, asked in self.asked if at >= since and (name is None or asked == name))

    # ---- answers

    def ttl_of(self, name):
        ttl = self.ttl.get(name, 60) if isinstance(self.ttl, dict) else self.ttl
        if not self.has_cache:
            return ttl
        now = time.time()
        if self.cached.get(name, 0) <= now:
            self.cached[name] = now + ttl
        return max(0, int(self.cached[name] - now))

    def answer(self, message):
        number, flags, questions = struct.unpack(">HHH", message[:6])
        name, end = name_at(message, 12)
        kind = struct.unpack(">H", message[end:end + 2])[0]
        question = message[12:end + 4]
        has_edns = struct.unpack(">H", message[10:12])[0] > 0
        with self.lock:
            self.asked.append((time.time(), name))
        said = self.all if self.all is not None else self.zone.get(name, [])
        is_cd = bool(flags & 0x10)
        if said == "drop":
            return None
        rcode, records = {"servfail": (2, []), "nxdomain": (3, []), "refused": (5, []), "bogus": (0 if is_cd else 2, [])}.get(said if isinstance(said, str) else "", (0, said))
        ttl, alias = self.ttl_of(name), b""
        if isinstance(said, str) and said.startswith("cname:"):
            target = said[len("cname:"):]
            alias, records = self.alias(target, ttl), self.zone.get(target, [])
        records = records if kind == CAA else []
        owner = wire_name(target) if alias else b"\xc0\x0c"
        body = alias + b"".join(self.record(record, ttl, owner) for record in records)
        authority = b"" if records or rcode else wire_name(name.rpartition(".")[2]) + struct.pack(">HHIH", SOA, 1, ttl, 22) + b"\0\0" + struct.pack(">IIIII", 1, 60, 60, 60, ttl)
        head = 0x8080 | (flags & 0x0110) | (0x20 if self.validates and rcode == 0 and not is_cd else 0) | rcode
        extra = b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0) if has_edns else b""
        return struct.pack(">HHHHHH", number, head, 1, len(records) + (1 if alias else 0), 1 if authority else 0, 1 if extra else 0) + question + body + authority + extra

    @staticmethod
    def alias(target, ttl):
        data = wire_name(target)
        return b"\xc0\x0c" + struct.pack(">HHIH", CNAME, 1, ttl, len(data)) + data

    @staticmethod
    def record(record, ttl, owner=b"\xc0\x0c"):
        flags, tag, value = record
        data = bytes([flags, len(tag)]) + tag.encode() + (value if isinstance(value, bytes) else value.encode())
        return owner + struct.pack(">HHIH", CAA, 1, ttl, len(data)) + data

    # ---- ways in

    def serve_udp(self):
        while not self.ends:
            try:
                message, place = self.udp.recvfrom(65535)
            except socket.timeout:
                continue
            except OSError:
                return
            answer = self.answer(message)
            if answer is not None and len(answer) > 1232:
                answer = answer[:2] + bytes([answer[2] | 0x02]) + answer[3:6] + b"\0" * 6 + answer[12:name_at(answer, 12)[1] + 4]
            if answer is not None:
                self.udp.sendto(answer, place)

    def serve_tcp(self):
        while not self.ends:
            try:
                connection = self.tcp.accept()[0]
            except socket.timeout:
                continue
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                while True:
                    size = struct.unpack(">H", self.take(connection, 2))[0]
                    answer = self.answer(self.take(connection, size))
                    if answer is not None:
                        connection.sendall(struct.pack(">H", len(answer)) + answer)
            except (OSError, struct.error, EOFError):
                return

    @staticmethod
    def take(connection, size):
        data = b""
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


def shuffled(records):
    records = list(records)
    random.shuffle(records)
    return records
