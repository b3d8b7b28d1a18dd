"""Verifies access tokens with joserfc: https://pypi.org/project/joserfc/"""

import json
from urllib.request import urlopen

from joserfc import jwt
from joserfc.errors import InvalidClaimError
from joserfc.jwk import KeySet


def verifier(issuer, audience, algorithms):
    """Returns a verifier for tokens of `issuer` for `audience`. Create a new one after each key rotation."""
    with urlopen(f"{issuer}/.well-known/jwks.json", timeout=5) as response:
        keys = KeySet.import_key_set(json.load(response))
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )

    def verify(token):
        decoded = jwt.decode(token, keys, algorithms=algorithms)
        # The library does not check `typ`: without these lines it would accept tokens of another type.
        if decoded.header.get("typ") != "at+jwt":
            raise InvalidClaimError("typ")
        claims.validate(decoded.claims)
        return decoded.claims

    return verify
