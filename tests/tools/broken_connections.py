"""Servers that are broken below HTTP: certificates that nobody should trust, and ports that spoil their connections."""
import datetime
import os
import select
import socket
import ssl
import struct
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def authority(folder):
    """A CA, and certificates for localhost: paths of the CA, and of (good, expired, foreign name, self-signed) chains with keys."""
    now = datetime.datetime.utcnow()
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vices CA")])

    def make(name, key, issuer, issuer_key, days, is_ca=False):
        subject = ca_name if is_ca else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=30))
                .not_valid_after(now + datetime.timedelta(days=days))
                .add_extension(x509.BasicConstraints(is_ca, None), True)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(issuer_key, hashes.SHA256()))

    def save(name, *blobs):
        path = os.path.join(folder, name + ".pem")
        with open(path, "wb") as file:
            file.write(b"".join(blobs))
        return path

    def pem(certificate):
        return certificate.public_bytes(serialization.Encoding.PEM)

    paths = {"ca": save("ca", pem(make("Vices CA", ca_key, ca_name, ca_key, 30, is_ca=True)))}
    for kind, name, days, is_own in (("good", "localhost", 30, False), ("expired", "localhost", -1, False), ("foreign", "other.test", 30, False),
                                     ("self-signed", "localhost", 30, True)):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = make(name, key, subject if is_own else ca_name, key if is_own else ca_key, days)
        paths[kind] = save(kind, pem(made), key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                              serialization.NoEncryption()))
    return paths


def tls_context(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class Gate:
    """A port in front of a server: spoils connections in its own way until it is opened, then passes them on."""

    def __init__(self, mode, target_port):
        self.mode, self.target_port, self.is_open, self.is_over = mode, target_port, False, False
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        if mode == "refuse":
            return
        self.listener.listen(0 if mode == "never-accept" else 64)
        if mode == "never-accept":
            for _ in range(4):  # a full queue: whoever comes later gets no answer at all
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
                self.fillers.append(filler)
            return
        threading.Thread(target=self.run, daemon=True).start()

    def open(self):
        self.is_open = True
        if self.mode in ("refuse", "never-accept"):
            for filler in self.fillers:
                filler.close()
            self.listener.listen(64)
            threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.is_over:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            with connection:
                if self.is_open:
                    self.pass_on(connection)
                else:
                    getattr(self, self.mode.replace("-", "_"))(connection)
        except (OSError, ValueError):
            pass

    def pass_on(self, connection, limit=None):
        """Both ways; `limit`: breaks off after so many bytes of the server's."""
        with socket.create_connection(("127.0.0.1", self.target_port)) as target:
            passed = 0
            while True:
                ready, _, _ = select.select([connection, target], [], [])
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    passed += len(data) if end is target else 0
                    if limit is not None and passed > limit:
                        return
                    (connection if end is target else target).sendall(data)

    def hang_in_handshake(self, connection):
        while connection.recv(65536) and not self.is_over:
            pass

    def garbage_in_handshake(self, connection):
        connection.recv(65536)
        connection.sendall(os.urandom(4096))

    def alert_in_handshake(self, connection):
        connection.recv(65536)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")

    def old_version(self, connection):
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + bytes(32) + b"\x00\x00\x35\x00")
        connection.recv(65536)

    def plain_http(self, connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def reset_in_handshake(self, connection):
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def break_off_inside(self, connection):
        self.pass_on(connection, limit=2600)
