"""WSGI applications: `AuthMiddleware` authenticates each request and puts the caller into `environ`."""

from __future__ import annotations

import http
from collections.abc import Callable, Iterable
from typing import Any

from ._auth import cache_headers
from ._problem import Problem
from ._verifier import Forwarded, Verifier

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
KEY = "counterfoil.auth"


class AuthMiddleware:
    """It answers 400, 401, 403 and 503 itself. `environ["counterfoil.auth"]` is an `Auth`, or `None`."""

    def __init__(self, app: App, verifier: Verifier | Forwarded):
        self._app, self._verifier = app, verifier

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            auth = self._verifier.authenticate(environ["REQUEST_METHOD"], headers_of(environ))
        except Problem as problem:
            status = f"{problem.status} {http.HTTPStatus(problem.status).phrase}"
            start_response(status, list(problem.headers.items()))
            return [problem.body()]
        environ[KEY] = auth

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, *cache_headers((name for name, _ in headers), auth)], *rest)

        return self._app(environ, start)


def headers_of(environ: Environ) -> list[tuple[str, str]]:
    """The headers of a request. A server joins repeated lines: two bearer tokens become one, which is invalid."""
    return [(key[5:].replace("_", "-"), value) for key, value in environ.items() if key.startswith("HTTP_")]
