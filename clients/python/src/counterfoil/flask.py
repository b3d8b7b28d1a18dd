"""Flask: `init_app` adds the middleware, `guard` protects a view, `current_auth()` is the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, request

from ._auth import NOT_AUTHENTICATED, Auth, Requirements, require
from ._problem import Problem
from ._verifier import Forwarded, Verifier
from .wsgi import KEY, AuthMiddleware


def init_app(app: Flask, verifier: Verifier | Forwarded) -> None:
    """Authenticates each request of `app`, and answers problems that views raise."""
    app.wsgi_app = AuthMiddleware(app.wsgi_app, verifier)  # type: ignore[method-assign]
    app.register_error_handler(Problem, lambda problem: Response(problem.body(), problem.status, problem.headers))


def current_auth() -> Auth | None:
    """Who sends the request; `None` without a valid credential. Raises `Problem` without the middleware."""
    auth: Auth | None = request.environ.get(KEY, NOT_AUTHENTICATED)
    return require(auth, Requirements()) if auth is NOT_AUTHENTICATED else auth


def guard(
    role: str | Sequence[str] | None = None, scope: str | Sequence[str] | None = None, max_age: float | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Protects a view: 401 without a valid credential, 403 without the role or the scope."""
    required = Requirements(role, scope, max_age)

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            require(request.environ.get(KEY, NOT_AUTHENTICATED), required)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return guarded

    return decorate
