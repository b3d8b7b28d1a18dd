"""An issuer whose answers a test chooses: hostile tokens, key sets and answers of the feed."""

import base64
import hashlib
import json
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from counterfoil import Problem, Verifier
from counterfoil._clock import Clock

KEY = f"cfv_test.{'k' * 43}"
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def ident(letter):
    return letter * 21 + "A"


def b64(value):
    data = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_key(algorithm):
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    return ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else rsa.generate_private_key(65537, 2048)


def jwk_of(key, algorithm, **members):
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**{name: value for name, value in jwk.items() if name != "key_ops"}, **members}


def until(condition, what, limit=20):
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.01)
    return value


class JumpingClock(Clock):
    """Its wall clock can be set."""

    offset = 0.0

    def wall(self):
        return super().wall() + self.offset


class FakeIssuer:
    def __init__(self, algorithm="ES256"):
        self.algorithm, self.key = algorithm, new_key(algorithm)
        self.jwks = {"keys": [jwk_of(self.key, algorithm, kid="one", alg=algorithm, use="sig")]}
        self.log, self.head, self.lease_ms, self.entries = ident("L"), 1000, 3000, []
        self.requests, self.changed = [], threading.Condition()
        self.on_feed, self.on_keys, self.on_introspect = lambda answer: answer, None, lambda token: {"active": False}
        self.now = lambda: int(time.time())
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.answer(self)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def claims(self, **changes):
        now = self.now()
        claims = {
            "iss": self.url, "aud": "https://shop.example", "sub": ident("u"), "client_id": "default", "iat": now, "exp": now + 900,
            "jti": ident("j"), "sid": ident("s"), "auth_time": now, "amr": ["pwd"], "scope": "orders:read", "roles": ["clerk"],
            "preferred_username": "ada", "pos": self.head, **changes,
        }
        return {name: value for name, value in claims.items() if value is not Ellipsis}

    def token(self, claims=None, header=None, key=None, algorithm=None):
        """Signs exactly what it is given; a claim or a member that is `...` is left out."""
        algorithm = algorithm or self.algorithm
        header = {"alg": algorithm, "typ": "at+jwt", "kid": "one", **(header or {})}
        header = {name: value for name, value in header.items() if value is not Ellipsis}
        text = f"{b64(header)}.{b64(self.claims() if claims is None else claims)}"
        signature = jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key or self.key)
        return f"{text}.{b64(signature)}"

    def revoke(self, subject, until=0):
        with self.changed:
            self.head += 1
            self.entries.append({"position": self.head, "subject": subject, "until": until and until or self.now() + 1000})
            self.changed.notify_all()

    def answer(self, handler):
        url = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = handler.rfile.read(int(handler.headers.get("content-length", 0))).decode()
        self.requests.append((url.path, query))
        headers, status, answer = {}, 200, {}
        if url.path == "/v1/feed":
            answer = self.feed(query)
        elif url.path == "/.well-known/jwks.json":
            status, headers, answer = self.on_keys() if self.on_keys else (200, {}, json.dumps(self.jwks))
        elif url.path == "/oauth/introspect":
            answer = self.on_introspect(parse_qs(body)["token"][0])
        else:
            status = 404
        if answer is None:
            return  # The connection closes without an answer.
        data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            pass

    def feed(self, query):
        after = int(query["after"]) if query.get("log") == self.log else None
        with self.changed:
            if after is not None and after == self.head:
                self.changed.wait(min(int(query.get("wait", 0)), self.lease_ms / 3) / 1000)
            entries = [entry for entry in self.entries if after is None or entry["position"] > after]
        keys = b64(hashlib.sha256(json.dumps(self.jwks).encode()).digest())
        return self.on_feed({
            "log": self.log, "instance": query["instance"], "poll": int(query["poll"]), "now": self.now(), "head": self.head,
            "lease_ms": self.lease_ms, "next": self.head, "snapshot": after is None, "keys": keys, "entries": entries,
        })


class IssuerTest(unittest.TestCase):
    """A test with a fake issuer and a verifier that follows it."""

    algorithms = ["ES256"]

    def setUp(self):
        self.issuer = FakeIssuer()
        self.addCleanup(self.issuer.close)

    def verifier(self, issuer=None, **options):
        all_options = {
            "issuer": (issuer or self.issuer).url, "audience": "https://shop.example", "algorithms": self.algorithms,
            "verifier_key": KEY, **options,
        }
        verifier = Verifier(**all_options)
        self.addCleanup(verifier.close)
        if all_options["verifier_key"] and options.get("follow", True):
            self.assertTrue(verifier.wait_until_ready(20))
        return verifier

    def status(self, verifier, token):
        try:
            verifier.verify(token)
        except Problem as problem:
            return problem.status
        return 200

    def becomes(self, verifier, token, wanted):
        until(lambda: self.status(verifier, token) == wanted, f"status {wanted}")
