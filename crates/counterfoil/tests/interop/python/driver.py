"""Verifies and signs tokens for the tests. Reads one JSON request a line and writes one JSON response a line."""

import base64
import json
import secrets
import sys

import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

import with_joserfc
import with_pyjwt

LIBRARIES = {"pyjwt": with_pyjwt.verifier, "joserfc": with_joserfc.verifier}
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def verify(library, token, issuer, audience, alg, secret=None):
    """Verifies a token with the keys that its issuer publishes, or with a secret, and returns its claims."""
    if secret is None:
        return LIBRARIES[library](issuer, audience, [alg])(token)
    key = base64.urlsafe_b64decode(secret + "==")
    if library == "pyjwt":
        return jwt.decode(token, key, algorithms=[alg], issuer=issuer, audience=audience)
    return joserfc.jwt.decode(token, OctKey.import_key(key), algorithms=[alg]).claims


def sign(library, alg, claims, kid):
    """Signs claims with a new key. Returns the token, and the key as a JWK, a PEM or a secret."""
    header = {"alg": alg, "typ": "at+jwt", "kid": kid}
    if alg.startswith("HS"):
        secret = secrets.token_bytes(int(alg[2:]) // 8)
        key = secret if library == "pyjwt" else OctKey.import_key(secret)
        text = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
        return {"token": encode(library, header, claims, key), "secret": text}
    if library == "pyjwt":
        key = generate_private_key(alg)
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {"token": encode(library, header, claims, key), "pem": pem.decode()}
    key = generate_joserfc_key(alg)
    jwk = {**key.as_dict(private=False), "alg": alg, "kid": kid, "use": "sig"}
    return {"token": encode(library, header, claims, key), "jwk": jwk, "private": key.as_dict(private=True)}


def encode(library, header, claims, key):
    """Encodes a token with the library."""
    if library == "pyjwt":
        return jwt.encode(claims, key, algorithm=header["alg"], headers=header)
    return joserfc.jwt.encode(header, claims, key, algorithms=[header["alg"]])


def generate_private_key(alg):
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg])
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def generate_joserfc_key(alg):
    if alg in CURVES:
        return ECKey.generate_key({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg])
    if alg in ("EdDSA", "Ed25519"):
        return OKPKey.generate_key("Ed25519")
    return RSAKey.generate_key(2048)


for line in sys.stdin:
    request = json.loads(line)
    operation = {"verify": verify, "sign": sign}[request.pop("operation")]
    try:
        response = {"result": operation(**request)}
    except Exception as error:  # Any error of the library is a rejection; the test reads its text.
        response = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(response), flush=True)
