"""Who sends a request, as the handlers of an application see it, and what a route requires of the caller."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ._options import texts
from ._problem import Problem, credential_required, forbidden, insufficient_scope, misconfigured

CredentialKind = Literal["access", "session", "forwarded"]
EndReason = Literal["session_ended", "revoked", "expired", "unavailable"]


@dataclass(frozen=True)
class Auth:
    """An authenticated caller. Only verification creates one. It contains no credential."""

    kind: CredentialKind
    """`access` for an access token, `session` for a session token, `forwarded` for an assertion of the proxy."""
    subject: str
    """The id of the user."""
    external_id: str | int | None
    """The application's own id of the user, if the issuer knows it."""
    username: str | None
    """To show. `subject` identifies the user."""
    session_id: str
    client_id: str | None
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    """What the credential is limited to; empty if it is not limited."""
    auth_time: int
    """When the user authenticated, in Unix seconds."""
    amr: tuple[str, ...]
    """How the user authenticated (RFC 8176)."""
    expires_at: int
    """In Unix seconds."""
    # Not shown: an application may have configured claims that do not belong into a log.
    claims: Mapping[str, Any] = field(repr=False)
    """All claims of the token, or all members of the introspection. They cannot be changed."""
    _ended: Callable[[], EndReason | None] = field(repr=False, compare=False)

    @property
    def ended(self) -> EndReason | None:
        """Why a request with the same credential would be refused now; `None` while nothing is known against it.

        For WebSockets and event streams, which look at it again and again: it asks nothing and waits for nothing. It notices a
        revocation by the feed only: with `follow=False`, or without a verifier key, it notices that the credential expires, and
        nothing else.
        """
        return self._ended()

    def has_role(self, role: str) -> bool:
        return role in self.roles

    def has_scope(self, scope: str) -> bool:
        return scope in self.scopes


def auth_of(kind: CredentialKind, claims: Mapping[str, Any], ended: Callable[[], EndReason | None]) -> Auth:
    """What verified claims say of the caller."""
    username = claims.get("preferred_username") if kind == "access" else claims.get("username")
    return Auth(
        kind, claims["sub"], claims.get("external_id"), username, claims["sid"], claims.get("client_id"),
        tuple(claims.get("roles", ())), tuple(claims.get("scope", "").split()), claims["auth_time"],
        tuple(claims["amr"]), claims["exp"], _freeze(claims), ended,
    )


def _freeze(value: Any) -> Any:
    """A cached token is shared by requests: none of them may change what the others see."""
    if isinstance(value, Mapping):
        return MappingProxyType({name: _freeze(member) for name, member in value.items()})
    return tuple(map(_freeze, value)) if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True)
class Requirements:
    """What a route requires: one of the roles, all scopes, and a login that is at most `max_age` seconds ago."""

    role: str | Sequence[str] | None = None
    scope: str | Sequence[str] | None = None
    max_age: float | None = None


NOT_AUTHENTICATED: Any = object()
"""In the place of an `Auth`: no middleware has authenticated the request."""


def missing_requirement(auth: Auth | None, required: Requirements = Requirements()) -> Problem | None:
    """Why the caller may not use the route. An older login than `max_age` counts as none."""
    if auth is None:
        return credential_required()
    if not isinstance(auth, Auth):
        return misconfigured()
    if required.max_age is not None and not time.time() - auth.auth_time <= required.max_age:
        return credential_required("a more recent login is required")
    if required.role is not None and not any(auth.has_role(name) for name in texts(required.role)):
        return forbidden("a role is required")
    for name in texts(required.scope or ()):
        if not auth.has_scope(name):
            return insufficient_scope(name)
    return None


def cache_headers(present: Iterable[str], auth: Auth | None) -> list[tuple[str, str]]:
    """What is added to a response: no shared cache may keep what is for one caller. `present` are the names it has."""
    is_open = auth is not None and all(name.lower() != "cache-control" for name in present)
    return [("vary", "Cookie, Authorization"), *([("cache-control", "private")] if is_open else [])]


def require(auth: Auth | None, required: Requirements) -> Auth:
    """The caller, if it may use the route. Raises `Problem`."""
    problem = missing_requirement(auth, required)
    if problem:
        raise problem
    assert auth is not None
    return auth
