"""The verifier of one application: authenticates its requests, and follows the revocations of the issuer."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from ._auth import Auth, CredentialKind, EndReason, auth_of
from ._clock import Clock, IssuerClock
from ._feed import Feed, Freshness
from ._flow import Flow, Wait, run, run_async
from ._http import HttpError
from ._introspection import VALID_FOR, ActiveToken, Introspection, Reply
from ._options import Algorithm, Settings, StalePolicy, log, texts
from ._problem import Problem, invalid_token, unavailable
from ._problem import stale as stale_revocations
from ._request import Headers, header, read_credentials
from ._revocations import Query
from ._text import is_session_token
from ._tokens import LEEWAY, TokenVerifier, VerifiedToken

# For how many seconds after the start requests wait for the first answer of the feed.
_START_WAIT = 5


class Verifier:
    """Follows the revocation feed in a thread of its own until `close()`. All methods are for all threads."""

    def __init__(
        self, *, issuer: str, audience: str | Sequence[str], algorithms: Sequence[Algorithm],
        verifier_key: str | None = None, origins: Sequence[str] = (), upstream: str | None = None,
        stale: StalePolicy = "deny", danger_accept_stale: int = 0, follow: bool = True, max_token_lifetime: int = 3600,
        cache_size: int = 10_000, max_revocations: int = 1_000_000, clock: Clock | None = None,
    ):
        """`issuer` is byte for byte as configured there; `audience` is this application as the issuer knows it, or a list;
        `algorithms` are those with which the issuer signs. `verifier_key`, from `counterfoil verifier add`, lets the
        application follow the feed and introspect. `origins` are those of its pages, from which a browser may write.
        `upstream` is where this process reaches the issuer.

        `stale` is for valid credentials while the revocations are stale: `"deny"` (503) or `"introspect"` (asks the issuer).
        `danger_accept_stale` accepts for so many seconds after the lease has ended: a revoked one, too, while this process
        is cut off. Without `follow` there is no feed and no cache: each credential is introspected.

        Raises `ValueError` for an option that is not allowed.
        """
        self._settings = Settings(
            issuer, texts(audience), frozenset(algorithms or ()), verifier_key, frozenset(origins), upstream or issuer, stale,
            danger_accept_stale, follow, max_token_lifetime, cache_size, max_revocations, clock or Clock(),
        )
        if verifier_key is None:
            log.warning("without `verifier_key` a revoked access token is accepted until it expires")
        self._closed = False
        self._start()
        if hasattr(os, "register_at_fork"):
            # A child has no thread of its parent, and is an instance of its own: nothing of the lease may be taken over.
            restart = weakref.WeakMethod(self._start)
            os.register_at_fork(after_in_child=lambda: (method := restart()) and method())

    def _start(self) -> None:
        settings, has_key = self._settings, self._settings.verifier_key is not None
        is_followed = has_key and settings.follow
        self._started = time.monotonic()
        self._clock = IssuerClock(settings.clock)
        self._tokens = TokenVerifier(settings, self._clock, is_followed)
        self._introspection = Introspection(settings) if has_key else None
        self._feed = Feed(settings, self._clock, self._tokens.keys) if is_followed else None
        if self._feed and self._closed:
            self._feed.close()
        elif self._feed:
            self._feed.start()

    def authenticate(self, method: str, headers: Headers) -> Auth | None:
        """Authenticates a request, by `Authorization: Bearer` or by a cookie of the issuer. `None` without a credential, and
        for a cookie that is not valid.

        Raises `Problem` with status 400 for two different credentials, 401 for an invalid bearer token, 403 for a write from
        another site, and 503 if the credential cannot be checked.
        """
        return run(self._authenticate(method, headers))

    async def authenticate_async(self, method: str, headers: Headers) -> Auth | None:
        """The same, on an event loop of `asyncio`, which it does not block."""
        return await run_async(self._authenticate(method, headers))

    def verify(self, token: str) -> Auth:
        """Verifies an access token or a session token that came by another way than an HTTP header.

        Raises `Problem` with status 401 or 503.
        """
        return run(self._verify(token))

    async def verify_async(self, token: str) -> Auth:
        """The same, on an event loop of `asyncio`, which it does not block."""
        return await run_async(self._verify(token))

    def authenticate_forwarded(self, headers: Headers, audience: str) -> Auth | None:
        """Authenticates by the `Remote-Assertion` of a proxy; `None` without one. `Remote-User` alone is never read.

        Raises `Problem` with status 401 or 503.
        """
        return run(self._authenticate_forwarded(headers, audience))

    async def authenticate_forwarded_async(self, headers: Headers, audience: str) -> Auth | None:
        """The same, on an event loop of `asyncio`, which it does not block."""
        return await run_async(self._authenticate_forwarded(headers, audience))

    def forwarded(self, audience: str) -> Forwarded:
        """For a middleware, in the place of this verifier: it authenticates by the `Remote-Assertion` for `audience`, the origin
        of the application, and by nothing else."""
        return Forwarded(self, audience)

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Waits until all revocations are known. Without it, requests wait in the first five seconds."""
        return self._feed is None or self._feed.wait_until_ready(timeout)

    def freshness(self) -> Freshness | None:
        """How new the known revocations are; `None` for a verifier that follows no feed."""
        return self._feed.freshness() if self._feed else None

    def close(self) -> None:
        """Stops following the feed. Credentials are refused from now on."""
        self._closed = True
        if self._feed:
            self._feed.close()

    def _authenticate(self, method: str, headers: Headers) -> Flow[Auth | None]:
        presented = read_credentials(method, headers, self._settings.issuer, self._settings.origins)
        if presented.token is None:
            return None
        try:
            return (yield from self._verify(presented.token))
        except Problem as problem:
            # A browser cannot help that its cookie is no longer valid: it is as good as none.
            if presented.is_cookie and problem.status == 401:
                return None
            raise

    def _authenticate_forwarded(self, headers: Headers, audience: str) -> Flow[Auth | None]:
        token = header(headers, "remote-assertion")
        if not token:
            return None
        yield from self._wait_for_start()
        # If the issuer has signed no position, what is published from now on counts: the proxy has just asked.
        position = self._feed.freshness().position if self._feed else None
        verified = yield from self._tokens.verify_assertion(token, audience, position or 0)
        end = self._end(verified.query)
        if end:
            raise stale_revocations() if end == "unavailable" else invalid_token()
        return self._auth("forwarded", verified.claims, verified.query)

    def _verify(self, token: str) -> Flow[Auth]:
        if token.startswith("cfs_"):
            return (yield from self._verify_session(token))
        verified = self._tokens.cached(token)
        if verified is None:
            yield from self._wait_for_start()
            verified = yield from self._tokens.verify(token)
        auth = self._accept_token(verified)
        if auth is None:
            yield from self._wait_for_start()
            auth = self._accept_token(verified) or (yield from self._introspect_access(token, verified))
        return auth

    def _wait_for_start(self) -> Flow[None]:
        """Once the feed has answered, or the wait is over, this waits for nothing."""
        if self._feed and not self._feed.ready.done():
            yield Wait(self._feed.ready, max(0, self._started + _START_WAIT - time.monotonic()))

    def _end(self, query: Query) -> EndReason | None:
        """Whether the revocations allow the credential: the lease is read first, then they are, and the clock is last."""
        if self._feed is None:
            return None
        lease = self._feed.lease
        subject = self._feed.revocations.reason(query)
        if subject is not None:
            # After a user, token or key entry the session may continue: the client refreshes.
            return "revoked" if subject.startswith(("user:", "token:", "key:")) else "session_ended"
        return None if self._feed.is_fresh(lease, self._settings.accept_stale) else "unavailable"

    def _accept_token(self, verified: VerifiedToken) -> Auth | None:
        """`None` if only the issuer can say it. Raises `Problem` for a token that is refused in any case."""
        end = self._end(verified.query)
        if end is not None and end != "unavailable":
            raise invalid_token()
        self._tokens.check_times(verified)
        if end is not None or (self._feed is None and self._introspection):
            return None
        return self._auth("access", verified.claims, verified.query)

    def _introspect_access(self, token: str, verified: VerifiedToken) -> Flow[Auth]:
        """While the revocations are stale, or without a feed, an answer of the issuer serves one request."""
        active = yield from self._ask_once(token)
        claims = verified.claims
        if active is None or (active.claims["sub"], active.claims["sid"]) != (claims["sub"], claims["sid"]):
            raise invalid_token()
        self._tokens.check_times(verified)
        return self._auth("access", claims, verified.query)

    def _verify_session(self, token: str) -> Flow[Auth]:
        if self._introspection is None or not is_session_token(token):
            raise invalid_token()
        yield from self._wait_for_start()
        feed = self._feed
        is_fresh = feed is not None and feed.is_fresh(feed.lease, self._settings.accept_stale)
        flow = self._followed_session(token, self._introspection) if is_fresh else self._ask_once(token)
        active = yield from flow
        if active is None or active.token_type != "session" or not self._is_for_us(active):
            raise invalid_token()
        return self._auth("session", active.claims, active.query)

    def _followed_session(self, token: str, introspection: Introspection) -> Flow[ActiveToken | None]:
        """The session by a kept answer, or by a new one if that is too old, expired or revoked."""
        reply = introspection.kept(token)
        # A question that another request has sent may be older than a revocation: then a second one follows.
        for _ in range(2):
            if reply is None or (reply.token and self._session_end(reply.token) not in (None, "unavailable")):
                reply = yield from _answer(introspection, token, keep=True)
        end = self._session_end(reply.token) if reply and reply.token else "revoked"
        if end == "unavailable":
            raise stale_revocations()
        # No answer is accepted that the revocations contradict.
        return reply.token if reply and end is None else None

    def _session_end(self, active: ActiveToken) -> EndReason | None:
        return self._end(active.query) or ("expired" if self._clock.now() >= active.claims["exp"] else None)

    def _ask_once(self, token: str) -> Flow[ActiveToken | None]:
        if self._introspection is None or (self._feed and self._settings.stale == "deny"):
            raise stale_revocations()
        active, asked = yield from _answer(self._introspection, token, keep=False)
        if self._closed or self._settings.clock.elapsed_since(asked) >= VALID_FOR:
            raise stale_revocations()
        return active if active and self._end(active.query) in (None, "unavailable") else None

    def _is_for_us(self, active: ActiveToken) -> bool:
        return not set(texts(active.claims["aud"])).isdisjoint({self._settings.issuer, *self._settings.audiences})

    def _auth(self, kind: CredentialKind, claims: Mapping[str, Any], query: Query) -> Auth:
        limit = claims["exp"] + (LEEWAY if kind == "access" else 0)
        return auth_of(kind, claims, lambda: self._end(query) or ("expired" if self._clock.now() >= limit else None))


class Forwarded:
    """Authenticates the requests of an application behind forward authentication, as a `Verifier` does for others."""

    def __init__(self, verifier: Verifier, audience: str):
        self._verifier, self._audience = verifier, audience

    def authenticate(self, method: str, headers: Headers) -> Auth | None:
        return self._verifier.authenticate_forwarded(headers, self._audience)

    async def authenticate_async(self, method: str, headers: Headers) -> Auth | None:
        return await self._verifier.authenticate_forwarded_async(headers, self._audience)


def _answer(introspection: Introspection, token: str, keep: bool) -> Flow[Reply]:
    try:
        return (yield from introspection.ask(token, keep))
    except HttpError:
        raise unavailable() from None
