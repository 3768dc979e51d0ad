"""A small DNS of its own on loopback: zones signed here, served by knot, resolved by unbound; and servers that misbehave.

    with World() as world:
        world.zone(".", signed=True)
        world.zone("example", '@ IN CAA 0 issue "ca.example"', signed=True)
        world.serve()                       # knot
        resolver = world.unbound()          # has .port; validates from the root's key
"""
import base64
import datetime
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from free_port import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHIPPED = os.path.join(ROOT, "deploy", "unbound", "pinwatch.conf")
DAY = (-3600, 86400)
SOA = "@ 60 IN SOA ns hostmaster 1 43200 600 1209600 60\n"


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin")
    if found is None:
        skip(f"{name} is not installed")
    return found


try:
    import dns.dnssec
    import dns.name
    import dns.node
    import dns.rdataset
    import dns.rdatatype
    import dns.rrset
    import dns.zone
    from cryptography.hazmat.primitives.asymmetric import ec
    from dns.rdtypes.ANY.NSEC import NSEC
    from dns.rdtypes.ANY.NSEC import Bitmap
except ImportError as missing:
    skip(f"python3-dnspython or python3-cryptography is not installed ({missing})")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as six:
            six.bind(("::1", 0))
        return True
    except OSError:
        return False


# ---- zones


class Zone:
    """`text` is what stands in the zone beside SOA, unless that is given too. `signed`: False, or the seconds from now between which its
    signatures are valid; its DS then stands in the parent. `drops_signatures` leaves them out again. `is_delegated`: the parent's text has NS
    records for it. `address`: where knot is asked about it. `server`: the Server that answers for it instead of knot."""

    def __init__(self, name, text="", signed=False, drops_signatures=False, is_delegated=False, address="127.0.0.1", server=None):
        self.name, self.text, self.drops_signatures, self.is_delegated, self.address, self.server = name, text, drops_signatures, is_delegated, address, server
        self.signed = DAY if signed is True else signed
        self.key_signed = self.signed  # its DNSKEY: unbound 1.17 holds one that did not validate against the zone for 60 s, whatever its settings
        self.serial = 1
        self.origin = dns.name.from_text(name if name.endswith(".") else name + ".")
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)

    def ds(self):
        return dns.dnssec.make_ds(self.origin, self.dnskey, "SHA256").to_text()

    def file(self, children):
        text = self.text if " SOA" in self.text or "\tSOA" in self.text else SOA.replace(" 1 4", f" {self.serial} 4") + "@ 60 IN NS ns\nns 60 IN A 127.0.0.1\n" + self.text
        for child in children:
            place = child.origin.relativize(self.origin).to_text()
            if not child.is_delegated:
                text += f"{place} 60 IN NS ns.{place}\nns.{place} 60 IN A 127.0.0.1\n"
            if child.signed:
                text += f"{place} 60 IN DS {child.ds()}\n"
        if not self.signed:
            return "$ORIGIN %s\n$TTL 60\n%s" % (self.origin, text)
        zone = dns.zone.from_text("$TTL 60\n" + text, origin=self.origin, relativize=False, check_origin=False)
        self.sign(zone)
        return "\n".join(f"{name} {rdataset.ttl} IN {dns.rdatatype.to_text(rdataset.rdtype)} {rdata.to_text()}"
                         for name, node in sorted(zone.nodes.items()) for rdataset in node for rdata in rdataset) + "\n"

    def sign(self, zone):
        zone.get_rdataset(self.origin, "DNSKEY", create=True).add(self.dnskey, 60)
        cuts = [name for name, node in zone.nodes.items() if name != self.origin and node.get_rdataset(1, dns.rdatatype.NS)]
        own = sorted(name for name in zone.nodes if not any(name != cut and name.is_subdomain(cut) for cut in cuts))
        for place, name in enumerate(own):
            self.add_nsec(zone, name, own[(place + 1) % len(own)])
        for name in own:
            for rdataset in list(zone.nodes[name]):
                if name not in cuts or rdataset.rdtype in (dns.rdatatype.DS, dns.rdatatype.NSEC):
                    self.add_signature(zone, name, rdataset, self.key_signed if rdataset.rdtype == dns.rdatatype.DNSKEY else self.signed)

    @staticmethod
    def add_nsec(zone, name, following):
        types = sorted({int(rdataset.rdtype) for rdataset in zone.nodes[name]} | {int(dns.rdatatype.NSEC), int(dns.rdatatype.RRSIG)})
        windows = {}
        for number in types:
            bits = windows.setdefault(number // 256, bytearray(32))
            bits[number % 256 // 8] |= 0x80 >> number % 8
        bitmap = [(window, bytes(bits).rstrip(b"\0")) for window, bits in sorted(windows.items())]
        nsec = NSEC(1, dns.rdatatype.NSEC, following, Bitmap(bitmap))
        zone.nodes[name].get_rdataset(1, dns.rdatatype.NSEC, create=True).add(nsec, 60)

    def add_signature(self, zone, name, rdataset, valid):
        if self.drops_signatures:
            return
        begin, end = (datetime.datetime.utcfromtimestamp(int(time.time()) + seconds) for seconds in valid)
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        rrsig = dns.dnssec.sign(rrset, self.key, self.origin, self.dnskey, inception=begin, expiration=end)
        zone.nodes[name].get_rdataset(1, dns.rdatatype.RRSIG, rdataset.rdtype, create=True).add(rrsig, rdataset.ttl)


# ---- servers of our own


class Server:
    """Answers UDP and TCP on one loopback port, one thread per message: `answer(query)` gives bytes, or None for silence."""

    def __init__(self, answer, port=0):
        self.answer, self.queries = answer, 0
        self.port = port or free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        for work in (self.run_udp, self.run_tcp):
            threading.Thread(target=work, daemon=True).start()

    def run_udp(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            threading.Thread(target=self.reply, args=(query, lambda reply, to=peer: self.udp.sendto(reply, to), False), daemon=True).start()

    def run_tcp(self):
        while True:
            try:
                peer, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_peer, args=(peer,), daemon=True).start()

    def serve_peer(self, peer):
        with peer:
            try:
                while True:
                    size = struct.unpack(">H", peer.recv(2, socket.MSG_WAITALL))[0]
                    self.reply(peer.recv(size, socket.MSG_WAITALL), lambda reply: peer.sendall(struct.pack(">H", len(reply)) + reply), True)
            except (OSError, struct.error):
                return

    def reply(self, query, send, is_tcp):
        self.queries += 1
        reply = self.answer(query, is_tcp)
        try:
            if reply is not None:
                send(reply)
        except OSError:
            pass

    def close(self):
        self.udp.close()
        self.tcp.close()


def question_end(query):
    at = 12
    while query[at]:
        at += query[at] + 1
    return at + 5


def name_in(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    return ".".join(labels)


def reply_to(query, rcode=0, records=b"", count=0, flags=0x8480):
    """A message with the query's id and question, without OPT."""
    return query[:2] + struct.pack(">HHHHH", flags | (query[2] & 1) << 8 | rcode, 1, count, 0, 0) + query[12:question_end(query)] + records


def caa(value, tag=b"issue", flags=0, ttl=60):
    rdata = bytes([flags, len(tag)]) + tag + value
    return b"\xc0\x0c" + struct.pack(">HHIH", 257, 1, ttl, len(rdata)) + rdata


# ---- programs


class Program:
    def __init__(self, words, log, is_ready):
        self.words, self.log, self.is_ready = words, log, is_ready
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.log, encoding="utf-8", errors="replace") as text:
                    raise RuntimeError(f"{self.words[0]} does not serve:\n" + text.read()[-3000:])
            time.sleep(0.05)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class World:
    def __init__(self):
        self.zones, self.programs, self.servers = {}, [], []
        self.has_ipv6 = has_ipv6()
        self.folder = self.knot = None

    def __enter__(self):
        program("knotd")
        program("unbound")
        self.folder = tempfile.mkdtemp(prefix="dns-world-")
        self.port = free_port(self.has_ipv6)
        return self

    def __exit__(self, kind, value, trace):
        for running in self.programs:
            running.kill()
        for server in self.servers:
            server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def zone(self, name, text="", **more):
        self.zones[name] = Zone(name, text, **more)
        return self.zones[name]

    def server(self, answer):
        server = Server(answer)
        self.servers.append(server)
        return server

    def children(self, zone):
        def parent(child):
            return max((other for other in self.zones.values() if other is not child and child.origin.is_subdomain(other.origin)),
                       key=lambda other: len(other.origin), default=None)
        return [child for child in self.zones.values() if parent(child) is zone]

    # -- knot

    def write_zone(self, zone):
        with open(self.path(file_name(zone.name)), "w", encoding="latin-1") as file:
            file.write(zone.file(self.children(zone)))

    def served(self):
        return [zone for zone in self.zones.values() if zone.server is None]

    def serve(self):
        listen = [f"127.0.0.1@{self.port}"] + ([f"::1@{self.port}"] if self.has_ipv6 else [])
        for zone in self.served():
            self.write_zone(zone)
        zones = "".join(f"  - domain: \"{zone.origin}\"\n    file: {file_name(zone.name)}\n" for zone in self.served())
        with open(self.path("knot.conf"), "w", encoding="utf-8") as file:
            file.write(f"server:\n  rundir: {self.folder}\n  listen: [{', '.join(listen)}]\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                       f"database:\n  storage: {self.folder}\ncontrol:\n  listen: {self.path('knot.sock')}\n"
                       "log:\n  - target: stderr\n    any: warning\n"
                       f"template:\n  - id: default\n    storage: {self.folder}\n    journal-content: none\n    zonefile-sync: -1\n    zonefile-load: whole\n    semantic-checks: off\nzone:\n{zones}")
        last = self.served()[-1]
        self.knot = Program([program("knotd"), "-c", self.path("knot.conf")], self.path("knot.log"), lambda: self.is_served(last.origin, self.port))
        self.programs.append(self.knot)

    def serve_again(self, zone):
        """After its text or signatures changed."""
        zone.serial += 1
        self.write_zone(zone)
        subprocess.run([program("knotc"), "-c", self.path("knot.conf"), "zone-reload", zone.origin.to_text()], check=True, capture_output=True)

    @staticmethod
    def is_served(origin, port):
        query = struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + origin.to_wire() + struct.pack(">HH", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(1)
            udp.connect(("127.0.0.1", port))
            try:
                udp.send(query)
                reply = udp.recv(4096)
            except OSError:
                return False
        return reply[3] & 15 == 0 and reply[6:8] != b"\0\0"

    # -- unbound

    def unbound(self, *more):
        """With the settings that pinwatch ships, but for the port, the places of files, and where the zones are."""
        number = sum(running.words[0].endswith("unbound") for running in self.programs)
        folder, port = self.path(f"unbound-{number}"), free_port()
        os.makedirs(folder)
        with open(SHIPPED, encoding="utf-8") as file:
            shipped = file.read()
        root = self.zones["."]
        stubs = "".join(f"stub-zone:\n  name: \"{zone.origin}\"\n  stub-addr: {zone.address}@{zone.server.port if zone.server else self.port}\n"
                        for zone in self.zones.values())
        with open(os.path.join(folder, "unbound.conf"), "w", encoding="utf-8") as file:
            file.write(shipped + f"""
server:
    port: {port}
    directory: {folder}
    pidfile: {folder}/pid
    chroot: ""
    username: ""
    use-syslog: no
    logfile: ""
    num-threads: 1
    do-daemonize: no
    do-not-query-localhost: no
    trust-anchor: ". IN DNSKEY {root.dnskey.to_text()}"
    """ + "\n    ".join(more) + "\nremote-control:\n    control-enable: no\n" + stubs)
        running = Program([program("unbound"), "-d", "-c", os.path.join(folder, "unbound.conf")], os.path.join(folder, "log"),
                          lambda: self.is_answering(port))
        running.port = port
        self.programs.append(running)
        return running

    @staticmethod
    def is_answering(port):
        """It says something to a question that needs nobody else."""
        query = struct.pack(">HHHHHH", 4712, 0x0100, 1, 0, 0, 0) + b"\7version\4bind\0" + struct.pack(">HH", 16, 3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(1)
            udp.connect(("127.0.0.1", port))
            try:
                udp.send(query)
                return len(udp.recv(4096)) >= 12
            except OSError:
                return False


def file_name(zone_name):
    return (zone_name.strip(".") or "root") + ".zone"
