"""Reports as clients send them, chains to put into them, and a sender that says what was answered."""
import base64
import datetime
import hashlib
import http.client
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def pem(certificate):
    return certificate.public_bytes(PEM).decode()


def der(certificate):
    return certificate.public_bytes(DER)


def spki(key):
    return key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pin(key):
    return base64.b64encode(hashlib.sha256(spki(key)).digest()).decode()


class Authority:
    """A root that issues; of_drill: the drill's intermediate, with its own keys."""

    def __init__(self, name="Corporate Proxy CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.utcnow()
        self.certificate = (x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name).public_key(self.key.public_key())
                            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=30))
                            .not_valid_after(now + datetime.timedelta(days=3000)).add_extension(x509.BasicConstraints(True, None), True).sign(self.key, hashes.SHA256()))
        self.chain = [self.certificate]

    @classmethod
    def of_drill(cls, folder):
        made = cls.__new__(cls)
        with open(folder + "/expected.key", "rb") as file:
            made.key = serialization.load_pem_private_key(file.read(), None)
        made.chain = []
        for name in ("expected.pem", "expected-root.pem"):
            with open(folder + "/" + name, "rb") as file:
                made.chain.append(x509.load_pem_x509_certificate(file.read()))
        made.certificate, made.name = made.chain[0], made.chain[0].subject
        return made

    def issue(self, host, days_ago=3):
        """A certificate that no log has: (certificate, its chain)."""
        begin = datetime.datetime.utcnow() - datetime.timedelta(days=days_ago)
        leaf = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])).issuer_name(self.name)
                .public_key(ec.generate_private_key(ec.SECP256R1()).public_key()).serial_number(x509.random_serial_number()).not_valid_before(begin)
                .not_valid_after(begin + datetime.timedelta(days=90)).add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False).sign(self.key, hashes.SHA256()))
        return [leaf] + self.chain


def trustkit(host, chain, pins, app="com.example.bank", version="1", enforced=True, **more):
    now = datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"app-bundle-id": app, "app-version": version, "app-platform": "IOS", "app-vendor-id": "599F9C00-92DC-4B5C-9464-7971F01F8370", "trustkit-version": "1.6.0",
            "hostname": host, "port": 443, "noted-hostname": host, "include-subdomains": False, "enforce-pinning": enforced, "validated-certificate-chain": [pem(c) for c in chain],
            "known-pins": ['pin-sha256="%s"' % p for p in pins], "validation-result": 1, "date-time": now, **more}


def hpkp(host, chain, pins):
    now = datetime.datetime.utcnow()
    text = lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    return {"date-time": text(now), "hostname": host, "port": 443, "effective-expiration-date": text(now + datetime.timedelta(days=30)), "include-subdomains": False,
            "noted-hostname": host, "served-certificate-chain": [pem(c) for c in chain], "validated-certificate-chain": [pem(c) for c in chain],
            "known-pins": ['pin-sha256="%s"' % p for p in pins]}


class Sender:
    def __init__(self, port):
        self.port = port

    def send(self, body, path="/reports", method="POST", timeout=30, **headers):
        """(status, sentence)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, raw, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode().strip()
        finally:
            connection.close()
