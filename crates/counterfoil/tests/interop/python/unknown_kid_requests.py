"""Counts the key fetches of the documented verifier when tokens name unknown keys and the issuer is unavailable."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

import with_pyjwt

private = ec.generate_private_key(ec.SECP256R1())
public = {**jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "known", "alg": "ES256"}
fetches = 0


class Issuer(BaseHTTPRequestHandler):
    """Serves its keys once, and answers 503 from then on."""

    def do_GET(self):
        global fetches
        fetches += 1
        self.send_response(200 if fetches == 1 else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [public]}).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Issuer)
threading.Thread(target=server.serve_forever, daemon=True).start()
issuer = f"http://127.0.0.1:{server.server_port}"
verify = with_pyjwt.verifier(issuer, "api", ["ES256"])


def accepts(kid):
    """Whether the verifier accepts a valid token whose header names this key."""
    claims = {"iss": issuer, "aud": "api", "sub": "ada", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, private, algorithm="ES256", headers={"typ": "at+jwt", "kid": kid})
    try:
        return verify(token)["sub"] == "ada"
    except jwt.PyJWTError:
        return False


known = [accepts("known")]
# Moves the clock past the library's own cool-down.
clock = time.monotonic
time.monotonic = lambda: clock() + 31
unknown = [accepts(f"unknown-{number}") for number in range(20)]
known.append(accepts("known"))
print(json.dumps({"known": known, "unknown": unknown, "fetches": fetches}))
