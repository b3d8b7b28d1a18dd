"""Verifies access tokens (RFC 9068) and the assertions of forward authentication: each claim has one type, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jwt import PyJWTError
from jwt.api_jws import PyJWS

from ._cache import BoundedMap
from ._clock import IssuerClock
from ._flow import Flow
from ._http import HttpError
from ._keys import KeyStore, VerifyingKey
from ._options import Settings
from ._problem import Problem, invalid_token, unavailable
from ._revocations import Query
from ._text import (
    decode_base64url, is_base64url, is_count, is_id, is_name, is_strings, is_text, parse_object,
)

LEEWAY = 60
"""For the difference of two clocks, in seconds. Revocations are kept for this much longer than tokens live."""
# Those of the issuer have some hundred bytes.
_MAX_LENGTH = 8 * 1024
_MAX_ASSERTION_LIFETIME, _ASSERTION_LEEWAY = 60, 30

_Check = Callable[[Any], bool]
_REQUIRED: dict[str, _Check] = {
    "iss": is_text, "aud": lambda value: is_text(value) or (is_strings(value) and len(value) > 0),
    "sub": lambda value: is_text(value) and value != "", "client_id": is_name, "iat": is_count, "exp": is_count,
    "jti": is_id, "sid": is_id, "auth_time": is_count, "amr": is_strings, "pos": is_count,
}
_OPTIONAL: dict[str, _Check] = {
    "nbf": is_count, "acr": is_text, "scope": is_text, "roles": is_strings, "preferred_username": is_text,
    "external_id": lambda value: is_text(value) or type(value) is int,
    # A sender-constrained token (RFC 7800): its proof is not checked here.
    "cnf": lambda _: False,
}
_ASSERTION: dict[str, _Check] = {
    name: _REQUIRED[name] for name in ("iss", "sub", "sid", "iat", "exp", "auth_time", "amr")
}


class VerifiedToken(NamedTuple):
    """A token whose signature and claims are valid. The times must be checked at each use."""

    claims: dict[str, Any]
    query: Query
    key: VerifyingKey


class TokenVerifier:
    def __init__(self, settings: Settings, clock: IssuerClock, is_followed: bool):
        self._settings, self._clock = settings, clock
        self._cache: BoundedMap[VerifiedToken] = BoundedMap(settings.cache_size)
        self.keys = KeyStore(settings, is_followed)
        self._jws = PyJWS(algorithms=list(settings.algorithms))

    def cached(self, token: str) -> VerifiedToken | None:
        """A token whose signature was verified before, by a key that is still one of the issuer's."""
        verified = self._cache.get(token)
        return verified if verified and self.keys.is_current(verified.key) else None

    def verify(self, token: str) -> Flow[VerifiedToken]:
        """Verifies the signature and reads the claims. Raises `Problem`."""
        try:
            claims, key = yield from self._read(token, "at+jwt")
            _check(claims, _REQUIRED, _OPTIONAL)
            self._check_issuance(claims)
        except (ValueError, PyJWTError):
            raise invalid_token() from None
        always = (f"session:{claims['sid']}", f"token:{claims['jti']}", f"key:{key.kid}")
        before = (f"user:{claims['sub']}", f"client:{claims['client_id']}", "everyone")
        verified = VerifiedToken(claims, Query(always, before, claims["pos"]), key)
        self.check_times(verified)
        self._cache.set(token, verified)
        return verified

    def check_times(self, verified: VerifiedToken) -> None:
        """Checks the times, by the clock of this moment. Raises `Problem`."""
        claims, now = verified.claims, self._clock.now()
        if now >= claims["exp"] + LEEWAY or max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
            raise invalid_token()

    def verify_assertion(self, token: str, audience: str, position: int) -> Flow[VerifiedToken]:
        """Verifies a `Remote-Assertion`. `position` is for one of an issuer of an earlier version, which signs none. Raises
        `Problem`."""
        try:
            claims, key = yield from self._read(token, "forward+jwt")
            _check(claims, _ASSERTION, {**_OPTIONAL, "username": is_text, "client_id": is_name, "pos": is_count})
        except (ValueError, PyJWTError):
            raise invalid_token() from None
        iat, exp, now = claims["iat"], claims["exp"], self._clock.now()
        is_in_time = iat <= exp <= iat + _MAX_ASSERTION_LIFETIME and iat - _ASSERTION_LEEWAY <= now < exp + _ASSERTION_LEEWAY
        if claims["iss"] != self._settings.issuer or claims.get("aud") != audience or not is_in_time:
            raise invalid_token()
        client = (f"client:{claims['client_id']}",) if "client_id" in claims else ()
        always = (f"session:{claims['sid']}", f"key:{key.kid}")
        before = (f"user:{claims['sub']}", *client, "everyone")
        return VerifiedToken(claims, Query(always, before, claims.get("pos", position)), key)

    def _read(self, token: str, type_: str) -> Flow[tuple[dict[str, Any], VerifyingKey]]:
        """The claims and the key. Raises `ValueError` or a `PyJWTError`, or `Problem` for an outage."""
        algorithm, kid = _read_header(token, self._settings.algorithms, type_)
        try:
            key = yield from self.keys.find(algorithm, kid)
        except HttpError:
            raise unavailable() from None
        if key is None:
            raise ValueError("the key is unknown")
        payload = self._jws.decode_complete(token, key.key, algorithms=[key.algorithm])["payload"]
        # No claim is read before this line.
        return parse_object(payload), key

    def _check_issuance(self, claims: Mapping[str, Any]) -> None:
        audiences = [claims["aud"]] if is_text(claims["aud"]) else claims["aud"]
        is_ours = claims["iss"] == self._settings.issuer and not set(audiences).isdisjoint(self._settings.audiences)
        if not is_ours or not 0 <= claims["exp"] - claims["iat"] <= self._settings.max_token_lifetime:
            raise ValueError("of another issuer, for another audience, or for too long")


def _read_header(token: str, allowed: frozenset[str], type_: str) -> tuple[str, str | None]:
    """What selects among keys, each of which is bound to one algorithm. `jwk`, `jku` and `x5u` are never used."""
    if len(token) > _MAX_LENGTH:
        raise ValueError("longer than 8 KiB")
    parts = token.split(".", 3)
    if len(parts) != 3 or not all(part and is_base64url(part) for part in parts):
        raise ValueError("no compact JWS")
    header = parse_object(decode_base64url(parts[0]))
    algorithm, kind, kid = header.get("alg"), header.get("typ"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in allowed:
        raise ValueError("the algorithm is not allowed")
    # A media type: without regard to case, with or without its prefix (RFC 7515, section 4.1.9).
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != type_:
        raise ValueError("wrong `typ`")
    if "crit" in header or "b64" in header or ("kid" in header and not is_name(kid)):
        raise ValueError("`crit`, `b64` or a malformed `kid`")
    return algorithm, kid


def _check(claims: Mapping[str, Any], required: Mapping[str, _Check], optional: Mapping[str, _Check]) -> None:
    for name, is_valid in required.items():
        if name not in claims or not is_valid(claims[name]):
            raise ValueError(f"the claim `{name}` is missing or not allowed")
    for name, is_valid in optional.items():
        if name in claims and not is_valid(claims[name]):
            raise ValueError(f"the claim `{name}` is not allowed")
