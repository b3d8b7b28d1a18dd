"""How often the verifier of the documents asks an issuer that has gone away, while strangers show it made-up keys."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

import with_pyjwt

private = ec.generate_private_key(ec.SECP256R1())
public = {**jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "known", "alg": "ES256"}
asked = 0


class Issuer(BaseHTTPRequestHandler):
    """Gives its keys once, and is out of order from then on."""

    def do_GET(self):
        global asked
        asked += 1
        self.send_response(200 if asked == 1 else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [public]}).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Issuer)
threading.Thread(target=server.serve_forever, daemon=True).start()
issuer = f"http://127.0.0.1:{server.server_port}"
verify = with_pyjwt.verifier(issuer, "api", ["ES256"])


def accepts(kid):
    claims = {"iss": issuer, "aud": "api", "sub": "ada", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, private, algorithm="ES256", headers={"typ": "at+jwt", "kid": kid})
    try:
        return verify(token)["sub"] == "ada"
    except jwt.PyJWTError:
        return False


known = [accepts("known")]
# What the library itself waits for after the last answer is over.
clock = time.monotonic
time.monotonic = lambda: clock() + 31
strangers = [accepts(f"stranger-{number}") for number in range(20)]
known.append(accepts("known"))
print(json.dumps({"known": known, "strangers": strangers, "asked": asked}))
