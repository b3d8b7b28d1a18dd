"""The public keys of the issuer: one algorithm is bound to each key, and a token never chooses it."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ._clock import Moment
from ._flow import Flow, answer_of, start
from ._http import HttpError, send
from ._options import Settings, log
from ._text import encode_base64url, is_base64url, is_name, one_line, parse_object

_TIMEOUT, _MAX_BYTES, _MAX_KEYS = 5, 256 * 1024, 100
# How long no fetch follows one that did not bring the key that a token names, and the same without any keys; in seconds.
_COOLDOWN, _RETRY = 30, 1
# Without a feed that announces new keys: when they are fetched again, and how long they are used if that fails.
_REFRESH_AFTER, _MAX_AGE = 300, 7200
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}


class VerifyingKey(NamedTuple):
    kid: str
    algorithm: str
    key: Any


class KeyStore:
    """Fetches the keys in the background, and keeps them when a fetch fails."""

    def __init__(self, settings: Settings, is_followed: bool):
        self._settings, self._is_followed = settings, is_followed
        self._keys: dict[str, VerifyingKey] | None = None
        # The hash of the set in use, and the one that the feed announced last.
        self._hash = self._announced = ""
        self._fetched: Moment | None = None
        self._attempted: Moment | None = None
        self._fetching: Future[None] | None = None
        self._lock = threading.Lock()

    def is_current(self, key: VerifyingKey) -> bool:
        """Whether the key is one of the set in use: what an earlier set has verified does not count any more."""
        self._refresh()
        keys = self._keys
        return keys is not None and keys.get(key.kid) is key

    def find(self, algorithm: str, kid: str | None) -> Flow[VerifyingKey | None]:
        """The key for a token, or `None` if the issuer has no such key. Raises `HttpError` if there are no keys."""
        self._refresh()
        key = self._known(algorithm, kid)
        if key is not None:
            return key
        # A token with an invented id must not make a request each time.
        fetching = self._fetch("", _COOLDOWN if self._keys else _RETRY)
        if fetching is not None:
            try:
                yield from answer_of(fetching, _TIMEOUT)
            except HttpError:
                pass
        if self._keys is None:
            raise HttpError("the keys of the issuer could not be fetched")
        return self._known(algorithm, kid)

    def announce(self, announced: str) -> None:
        """Takes the hash that the feed announces, and waits for nothing. A new set is fetched at once, and used only if its hash
        is this. The feed announces the hash again with each answer, so a failed fetch is repeated."""
        if announced in ("", self._hash):
            return
        pause = _RETRY if announced == self._announced else 0
        self._announced = announced
        self._fetch(announced, pause)

    def _known(self, algorithm: str, kid: str | None) -> VerifyingKey | None:
        """The key with this id, or, without an id, the only key for the algorithm. It verifies no other algorithm."""
        keys = self._keys or {}
        if kid is not None:
            key = keys.get(kid)
            return key if key and key.algorithm == algorithm else None
        fitting = [key for key in keys.values() if key.algorithm == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _refresh(self) -> None:
        """Without a feed the keys are fetched from time to time, and an issuer that does not answer loses them in the end."""
        if self._is_followed or self._keys is None:
            return
        age = self._age(self._fetched)
        if age >= _REFRESH_AFTER:
            try:
                self._fetch("", _COOLDOWN)
            except HttpError:
                pass
        if age >= _MAX_AGE:
            self._keys = None

    def _age(self, moment: Moment | None) -> float:
        return float("inf") if moment is None else self._settings.clock.elapsed_since(moment)

    def _fetch(self, announced: str, pause: float) -> Future[None] | None:
        """The fetch in progress, or a new one if the last one is at least `pause` seconds ago."""
        with self._lock:
            if self._fetching is None and self._age(self._attempted) >= pause:
                self._attempted = self._settings.clock.read()
                self._fetching = start(lambda: self._run(announced))
            return self._fetching

    def _run(self, announced: str) -> None:
        try:
            self._load(announced)
        except HttpError as error:
            if announced:
                log.warning("the new keys of the issuer could not be fetched: %s", one_line(str(error)))
            raise
        finally:
            with self._lock:
                self._fetching = None
            # What was announced in the meantime.
            if self._announced not in (announced, self._hash):
                self._fetch(self._announced, 0)

    def _load(self, announced: str) -> None:
        # The URL is made of settings and of a hash only: nothing in a token leads to another server.
        query = f"?v={announced}" if announced and is_base64url(announced) else ""
        answer = send(f"{self._settings.upstream}/.well-known/jwks.json{query}", {}, _TIMEOUT, _MAX_BYTES)
        if answer.status != 200:
            raise HttpError(f"the keys of the issuer were answered with status {answer.status}")
        actual = encode_base64url(hashlib.sha256(answer.body).digest())
        if announced and actual != announced:
            raise HttpError("the key set has another hash than the feed announced")
        try:
            keys = read_keys(parse_object(answer.body), self._settings.algorithms)
        except ValueError as error:
            raise HttpError(f"the key set is malformed: {error}") from error
        if not keys:
            raise HttpError("the key set has no key for the allowed algorithms")
        if actual != self._hash or self._keys is None:
            self._keys = keys
        self._hash, self._fetched = actual, self._settings.clock.read()


def read_keys(key_set: dict[str, Any], allowed: frozenset[str]) -> dict[str, VerifyingKey]:
    """Reads a JWK set (RFC 7517, section 5). What cannot be used is left out: keys of other types and for other uses,
    keys without an id, because no revocation could name them, and two keys with one id."""
    entries = key_set.get("keys")
    if not isinstance(entries, list) or len(entries) > _MAX_KEYS:
        raise ValueError(f"`keys` must be a list of at most {_MAX_KEYS}")
    keys = [key for key in (_read_key(entry, allowed) for entry in entries) if key]
    ids = [key.kid for key in keys]
    return {key.kid: key for key in keys if ids.count(key.kid) == 1}


def _read_key(jwk: object, allowed: frozenset[str]) -> VerifyingKey | None:
    if not isinstance(jwk, dict) or not is_name(kid := jwk.get("kid")) or jwk.get("use", "sig") != "sig":
        return None
    operations = jwk.get("key_ops", ["verify"])
    algorithm = _algorithm_of(jwk, allowed)
    if algorithm is None or not isinstance(operations, list) or "verify" not in operations:
        return None
    # The members of a public key, and no other: never a private part, never a shared secret.
    names = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}[jwk["kty"]]
    parts = {name: jwk.get(name) for name in names}
    if not all(isinstance(part, str) and (name == "crv" or is_base64url(part)) for name, part in parts.items()):
        return None
    try:
        key = jwt.PyJWK({"kty": jwk["kty"], **parts}, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < 2048:
        return None
    return VerifyingKey(kid, algorithm, key)


def _algorithm_of(jwk: dict[str, Any], allowed: frozenset[str]) -> str | None:
    """The algorithm that the key names, or the only allowed one that fits its type."""
    kty, crv, named = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    if kty == "RSA":
        fitting = frozenset(name for name in allowed if name[:2] in ("RS", "PS"))
    elif isinstance(crv, str) and kty == ("OKP" if crv == "Ed25519" else "EC"):
        fitting = allowed & {_CURVES.get(crv, "")}
    else:
        return None
    if named is not None:
        # An issuer may write the name of RFC 9864.
        fitting = fitting & {"EdDSA" if named == "Ed25519" else str(named)}
    return next(iter(fitting)) if len(fitting) == 1 else None
