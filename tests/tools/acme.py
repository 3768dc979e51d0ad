"""The little of ACME (RFC 8555) that makes Pebble, a CA for tests, issue certificates."""
import base64
import hashlib
import json
import ssl
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

DER = serialization.Encoding.DER
END = b"-----END CERTIFICATE-----\n"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    """One account at the directory; the server's certificate is not looked at, it is ours."""

    def __init__(self, directory):
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.account, self.nonce = None, None
        self.places = json.loads(self.get(directory))
        self.account = self.post(self.places["newAccount"], {"termsOfServiceAgreed": True})[1]["Location"]

    def get(self, url):
        return urllib.request.urlopen(url, context=self.tls, timeout=60).read()

    def post(self, url, payload):
        """Body and headers; payload None is POST-as-GET (RFC 8555 6.3)."""
        if self.nonce is None:
            self.nonce = urllib.request.urlopen(self.places["newNonce"], context=self.tls, timeout=60).headers["Replay-Nonce"]
        numbers = self.key.public_key().public_numbers()
        jwk = {"crv": "P-256", "kty": "EC", "x": b64url(numbers.x.to_bytes(32, "big")), "y": b64url(numbers.y.to_bytes(32, "big"))}
        head = {"alg": "ES256", "nonce": self.nonce, "url": url, **({"kid": self.account} if self.account else {"jwk": jwk})}
        protected = b64url(json.dumps(head).encode())
        body = "" if payload is None else b64url(json.dumps(payload).encode())
        r, s = utils.decode_dss_signature(self.key.sign(("%s.%s" % (protected, body)).encode(), ec.ECDSA(hashes.SHA256())))
        signature = b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        request = urllib.request.Request(url, json.dumps({"protected": protected, "payload": body, "signature": signature}).encode(),
                                         {"Content-Type": "application/jose+json"})
        answer = urllib.request.urlopen(request, context=self.tls, timeout=60)
        self.nonce = answer.headers["Replay-Nonce"]
        return answer.read(), answer.headers

    def wait(self, url, wanted):
        for _ in range(300):
            found = json.loads(self.post(url, None)[0])
            if found["status"] in wanted:
                return found
            if found["status"] == "invalid":
                raise AssertionError("ACME: %s became invalid: %r" % (url, found))
            time.sleep(0.1)
        raise AssertionError("ACME: %s did not become %s" % (url, wanted))

    def issue(self, names):
        """[certificate, its issuers …] for DNS names; the server takes every challenge for met."""
        body, headers = self.post(self.places["newOrder"], {"identifiers": [{"type": "dns", "value": name} for name in names]})
        order, place = json.loads(body), headers["Location"]
        for authorization in order["authorizations"]:
            found = json.loads(self.post(authorization, None)[0])
            if found["status"] == "pending":
                self.post(next(one for one in found["challenges"] if one["type"] == "dns-01")["url"], {})
                self.wait(authorization, ("valid",))
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False).sign(key, hashes.SHA256())
        self.wait(place, ("ready", "valid"))
        self.post(order["finalize"], {"csr": b64url(request.public_bytes(DER))})
        chain = self.post(self.wait(place, ("valid",))["certificate"], None)[0]
        return [x509.load_pem_x509_certificate(part + END) for part in chain.split(END) if part.strip()]


def key_hash(certificate):
    return hashlib.sha256(certificate.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest()
