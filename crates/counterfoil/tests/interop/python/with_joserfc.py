"""Verifies access tokens with joserfc: https://pypi.org/project/joserfc/"""

import json
from urllib.request import urlopen

from joserfc import jwt
from joserfc.errors import InvalidClaimError
from joserfc.jwk import KeySet


def verifier(issuer, audience, algorithms):
    """What verifies tokens of `issuer` for `audience`, signed with one of `algorithms`. Make it anew for new keys."""
    with urlopen(f"{issuer}/.well-known/jwks.json", timeout=5) as answer:
        keys = KeySet.import_key_set(json.load(answer))
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )

    def verify(token):
        read = jwt.decode(token, keys, algorithms=algorithms)
        # The library does not look at it: without these lines, a token of another kind would pass.
        if read.header.get("typ") != "at+jwt":
            raise InvalidClaimError("typ")
        claims.validate(read.claims)
        return read.claims

    return verify
