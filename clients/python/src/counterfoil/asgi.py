"""ASGI applications, such as FastAPI and Starlette: `AuthMiddleware` authenticates, `Guard` protects a route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from ._auth import NOT_AUTHENTICATED, Auth, Requirements, cache_headers, require
from ._problem import Problem
from ._verifier import Forwarded, Verifier

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
KEY = "counterfoil.auth"


class AuthMiddleware:
    """Authenticates each request and WebSocket. It answers 400, 401, 403 and 503 itself, and problems that handlers raise."""

    def __init__(self, app: App, verifier: Verifier | Forwarded):
        self._app, self._verifier = app, verifier

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        is_started = False

        async def watched(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                private = cache_headers((name.decode("latin-1") for name, _ in own), auth)
                message["headers"] = [*own, *((name.encode(), value.encode()) for name, value in private)]
            is_started = is_started or message["type"] not in ("websocket.receive",)
            await send(message)

        try:
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
            # A handshake over HTTP/2 has no such header (RFC 8441), and is checked like one over HTTP/1.1.
            if scope["type"] == "websocket" and not any(name.lower() == "upgrade" for name, _ in headers):
                headers.append(("upgrade", "websocket"))
            auth = await self._verifier.authenticate_async(scope.get("method", "GET"), headers)
            await self._app({**scope, KEY: auth}, receive, watched)
        except Problem as problem:
            if is_started:
                raise
            await _answer(problem, scope, send)


class Guard:
    """A dependency of FastAPI: `Annotated[Auth, Depends(Guard(scope="orders:read"))]`. It needs the middleware."""

    def __init__(
        self, role: str | Sequence[str] | None = None, scope: str | Sequence[str] | None = None, max_age: float | None = None
    ):
        self._required = Requirements(role, scope, max_age)

    async def __call__(self, connection: HTTPConnection) -> Auth:
        return require(connection.scope.get(KEY, NOT_AUTHENTICATED), self._required)


async def _answer(problem: Problem, scope: Message, send: Send) -> None:
    prefix = ""
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            return await send({"type": "websocket.close", "code": 1013 if problem.status == 503 else 4401})
        prefix = "websocket."
    headers = [(name.encode(), value.encode("latin-1")) for name, value in problem.headers.items()]
    await send({"type": f"{prefix}http.response.start", "status": problem.status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": problem.body()})


try:
    from starlette.requests import HTTPConnection
except ImportError:  # The middleware alone needs no framework.
    HTTPConnection = Any  # type: ignore[assignment, misc]
