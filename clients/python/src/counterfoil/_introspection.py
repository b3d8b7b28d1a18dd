"""Asks the issuer about tokens (RFC 7662), and keeps its answers for as long as the protocol allows."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ._cache import BoundedMap
from ._clock import Moment
from ._flow import Flow, answer_of, start
from ._http import HttpError, send
from ._options import Settings
from ._revocations import Query
from ._text import is_count, is_id, is_name, is_strings, is_text, parse_object

_TIMEOUT, _MAX_BYTES = 3, 64 * 1024
# How long an active answer is kept by a process that follows the feed, and an inactive one; in seconds.
_KEEP_ACTIVE, _KEEP_INACTIVE = 30, 5
VALID_FOR = 1
"""For how many seconds after the question an answer that is not kept may serve its request."""
# How many questions may be open. Further ones fail at once.
_MAX_OPEN = 64


class ActiveToken(NamedTuple):
    """What the issuer says of an active token."""

    token_type: str
    claims: dict[str, Any]
    query: Query


class Reply(NamedTuple):
    """The answer to one question: `None` says that the token is not active."""

    token: ActiveToken | None
    asked: Moment


class Introspection:
    def __init__(self, settings: Settings):
        self._settings = settings
        # By the SHA-256 of the token: a copy of this memory contains no session token.
        self._kept: BoundedMap[Reply] = BoundedMap(settings.cache_size)
        self._asking: dict[str, Future[Reply]] = {}
        self._open, self._lock = 0, threading.Lock()

    def kept(self, token: str) -> Reply | None:
        """The kept answer, if it is recent enough. Only for a process that checks it against the revocations."""
        reply = self._kept.get(_hash_of(token))
        if reply is None:
            return None
        limit = _KEEP_ACTIVE if reply.token else _KEEP_INACTIVE
        return reply if self._settings.clock.elapsed_since(reply.asked) < limit else None

    def ask(self, token: str, keep: bool) -> Flow[Reply]:
        """Asks. With `keep` the answer is kept, and all requests with one token share one question.

        Raises `HttpError` if there is no answer.
        """
        return (yield from answer_of(self._begin(token, keep), _TIMEOUT))

    def _begin(self, token: str, keep: bool) -> Future[Reply]:
        name = _hash_of(token)
        with self._lock:
            # For an answer that is not kept, a question that was sent before the request came is too old.
            if keep and name in self._asking:
                return self._asking[name]
            if self._open >= _MAX_OPEN:
                raise HttpError("too many requests wait for the issuer")
            future = start(lambda: self._run(token, name, keep))
            self._open += 1
            if keep:
                self._asking[name] = future
            return future

    def _run(self, token: str, name: str, keep: bool) -> Reply:
        try:
            reply = self._send(token)
            if keep:
                self._kept.set(name, reply)
            return reply
        finally:
            with self._lock:
                self._open -= 1
                if keep:
                    del self._asking[name]

    def _send(self, token: str) -> Reply:
        asked = self._settings.clock.read()
        headers = {"authorization": f"Bearer {self._settings.verifier_key}"}
        form = urlencode({"token": token}).encode()
        answer = send(f"{self._settings.upstream}/oauth/introspect", headers, _TIMEOUT, _MAX_BYTES, form)
        if answer.status != 200:
            raise HttpError(f"the introspection was answered with status {answer.status}")
        try:
            return Reply(_read(parse_object(answer.body)), asked)
        except ValueError as error:
            raise HttpError("the answer of the introspection is malformed") from error


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _read(answer: dict[str, Any]) -> ActiveToken | None:
    if answer.get("active") is False:
        return None
    sub, client, sid, jti, aud, pos = (answer.get(name) for name in ("sub", "client_id", "sid", "jti", "aud", "pos"))
    if not (
        answer.get("active") is True and is_text(sub) and sub and is_name(client) and is_id(sid) and is_count(pos)
        and is_count(answer.get("exp")) and is_count(answer.get("auth_time")) and is_strings(answer.get("amr"))
        and (is_text(aud) or is_strings(aud)) and (jti is None or is_id(jti)) and is_strings(answer.get("roles", []))
        and is_text(answer.get("scope", "")) and is_text(answer.get("username", ""))
    ):
        raise ValueError("malformed")
    token_type = answer.get("token_type")
    # A refresh token is active until it is used, and must not open anything.
    if token_type not in ("session", "access"):
        return None
    always = (f"session:{sid}", f"token:{jti}") if jti else (f"session:{sid}",)
    return ActiveToken(token_type, answer, Query(always, (f"user:{sub}", f"client:{client}", "everyone"), pos))
