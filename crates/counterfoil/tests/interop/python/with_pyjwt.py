"""Verifies access tokens with PyJWT: https://pypi.org/project/PyJWT/"""

import time

import jwt


def verifier(issuer, audience, algorithms):
    """What verifies tokens of `issuer` for `audience`, signed with one of `algorithms`. Make it once."""
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", timeout=5)
    asked_at = float("-inf")
    rules = {
        "algorithms": algorithms,
        "issuer": issuer,
        "audience": audience,
        "options": {"require": ["exp", "iss", "aud", "sub"]},
    }

    def key_of(token):
        nonlocal asked_at
        kid = jwt.get_unverified_header(token).get("kid")
        key = keys.match_kid(keys.get_signing_keys(), kid)
        if key is None and time.monotonic() - asked_at >= 60:
            # Once a minute for all that is unknown, and also if it fails: anybody can make up a `kid`.
            asked_at = time.monotonic()
            key = keys.match_kid(keys.get_signing_keys(refresh=True), kid)
        if key is None:
            raise jwt.InvalidTokenError("signed with an unknown key")
        return key

    def verify(token):
        read = jwt.decode_complete(token, key_of(token), **rules)
        # The library does not look at it: without these lines, a token of another kind would pass.
        if read["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return read["payload"]

    return verify
