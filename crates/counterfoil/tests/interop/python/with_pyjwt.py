"""Verifies access tokens with PyJWT: https://pypi.org/project/PyJWT/"""

import time

import jwt


def verifier(issuer, audience, algorithms):
    """Returns a verifier for tokens of `issuer` for `audience`, signed with one of `algorithms`. Create it once."""
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", timeout=5)
    refreshed_at = float("-inf")
    rules = {
        "algorithms": algorithms,
        "issuer": issuer,
        "audience": audience,
        "options": {"require": ["exp", "iss", "aud", "sub"]},
    }

    def find_key(token):
        nonlocal refreshed_at
        kid = jwt.get_unverified_header(token).get("kid")
        key = keys.match_kid(keys.get_signing_keys(), kid)
        if key is None and time.monotonic() - refreshed_at >= 60:
            # At most once a minute, also after a failure: any client can invent a `kid`.
            refreshed_at = time.monotonic()
            key = keys.match_kid(keys.get_signing_keys(refresh=True), kid)
        if key is None:
            raise jwt.InvalidTokenError("signed with an unknown key")
        return key

    def verify(token):
        decoded = jwt.decode_complete(token, find_key(token), **rules)
        # The library does not check `typ`: without these lines it would accept tokens of another type.
        if decoded["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return decoded["payload"]

    return verify
