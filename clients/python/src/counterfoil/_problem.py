"""Problem documents (RFC 9457): the errors of this package, with the response that each one gets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ._contract import ProblemCode


class Problem(Exception):
    """Why a request is refused. `status`, `headers` and `body()` are the response. It contains no credential."""

    def __init__(self, status: int, code: ProblemCode, title: str, detail: str, headers: Mapping[str, str] | None = None):
        super().__init__(detail)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.headers = {"content-type": "application/problem+json", "cache-control": "no-store", **(headers or {})}

    def body(self) -> bytes:
        """The document. Its `type` is `about:blank`: a service that is not the issuer has no pages about problems."""
        parts = {"type": "about:blank", "code": self.code, "title": self.title, "status": self.status}
        return json.dumps({**parts, "detail": self.detail}).encode()


def credential_required(detail: str = "a credential is required") -> Problem:
    return Problem(401, "credential_required", "Credential required", detail, {"www-authenticate": "Bearer"})


def invalid_token() -> Problem:
    """One answer for everything that can be wrong with a credential: an attacker cannot learn which check failed."""
    headers = {"www-authenticate": 'Bearer error="invalid_token"'}
    return Problem(401, "invalid_token", "Invalid token", "the credential is invalid", headers)


def ambiguous_credential() -> Problem:
    return Problem(400, "ambiguous_credential", "Ambiguous credential", "more than one credential was presented")


def cross_site(detail: str) -> Problem:
    return Problem(403, "cross_site", "Possible cross-site request", detail)


def stale() -> Problem:
    """The revocations are not known for long enough."""
    return Problem(503, "stale", "Unavailable", "the latest revocations are not known", {"retry-after": "1"})


def unavailable() -> Problem:
    """Nothing says whether the credential is valid."""
    return Problem(503, "unavailable", "Unavailable", "the credential cannot be checked at present", {"retry-after": "1"})


def forbidden(detail: str) -> Problem:
    return Problem(403, "forbidden", "Forbidden", detail)


def insufficient_scope(scope: str) -> Problem:
    named = f', scope="{scope}"' if re.fullmatch(r"[!#-\[\]-~]+", scope) else ""
    headers = {"www-authenticate": f'Bearer error="insufficient_scope"{named}'}
    return Problem(403, "insufficient_scope", "Insufficient scope", f"the scope {scope} is required", headers)


def misconfigured() -> Problem:
    """A handler asks who is calling, but nothing has authenticated the request. It fails closed."""
    detail = "this route is not behind the middleware that authenticates"
    return Problem(500, "misconfigured", "Misconfigured", detail)
