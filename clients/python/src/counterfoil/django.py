"""Django: `AuthMiddleware` sets `request.counterfoil`, `guard` protects a view. The setting `COUNTERFOIL_VERIFIER` is the
`Verifier` of the application."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from ._auth import NOT_AUTHENTICATED, Requirements, missing_requirement
from ._problem import Problem
from ._verifier import Forwarded, Verifier


class AuthMiddleware:
    """It answers 400, 401, 403 and 503 itself, and problems that views raise."""

    def __init__(self, get_response: Callable[[Any], Any]):
        self._get_response = get_response
        self._verifier: Verifier | Forwarded = settings.COUNTERFOIL_VERIFIER

    def __call__(self, request: Any) -> Any:
        try:
            request.counterfoil = self._verifier.authenticate(request.method, list(request.headers.items()))
        except Problem as problem:
            return _response(problem)
        response = self._get_response(request)
        patch_vary_headers(response, ("Cookie", "Authorization"))
        # No shared cache may keep what is for one caller.
        if request.counterfoil and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True)
        return response

    def process_exception(self, request: Any, error: Exception) -> Any:
        return _response(error) if isinstance(error, Problem) else None


def guard(
    role: str | Sequence[str] | None = None, scope: str | Sequence[str] | None = None, max_age: float | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Protects a view: 401 without a valid credential, 403 without the role or the scope."""
    required = Requirements(role, scope, max_age)

    def refusal(request: Any) -> Any:
        problem = missing_requirement(getattr(request, "counterfoil", NOT_AUTHENTICATED), required)
        return _response(problem) if problem else None

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(view):

            @wraps(view)
            async def guarded_async(request: Any, *args: Any, **kwargs: Any) -> Any:
                return refusal(request) or await view(request, *args, **kwargs)

            return guarded_async

        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            return refusal(request) or view(request, *args, **kwargs)

        return guarded

    return decorate


def _response(problem: Problem) -> Any:
    return HttpResponse(problem.body(), status=problem.status, headers=problem.headers)
