"""Verifies access tokens with PyJWT: https://pypi.org/project/PyJWT/"""

import jwt


def verifier(issuer, audience, algorithms):
    """What verifies tokens of `issuer` for `audience`, signed with one of `algorithms`. Make it once."""
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")
    rules = {
        "algorithms": algorithms,
        "issuer": issuer,
        "audience": audience,
        "options": {"require": ["exp", "iss", "aud", "sub"]},
    }

    def verify(token):
        key = keys.get_signing_key_from_jwt(token)
        read = jwt.decode_complete(token, key, **rules)
        # The library does not look at it: without these lines, a token of another kind would pass.
        if read["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return read["payload"]

    return verify
