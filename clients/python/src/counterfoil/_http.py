"""Requests to the issuer: no redirect, no proxy, a limit for the time and for the size of the answer."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_tls = ssl.create_default_context()


class HttpError(Exception):
    """There is no usable answer. The text is for the log of an operator; it has no secret."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def send(url: str, headers: Mapping[str, str], timeout: float, max_bytes: int, form: bytes | None = None) -> Answer:
    """Sends a GET, or a POST of a form. `timeout`, in seconds, is for the whole answer, however it arrives.

    Raises `HttpError`. A redirect is an answer like any other: it could lead the credential in the headers to another server.
    """
    end = time.monotonic() + timeout
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=timeout, context=_tls)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    # Its type is `type[HTTPResponse]`, and it is only called.
    connection.response_class = lambda sock, **options: _Response(sock, end, **options)  # type: ignore[assignment]
    all_headers = {"accept": "application/json", "connection": "close", **headers}
    if form is not None:
        all_headers["content-type"] = "application/x-www-form-urlencoded"
    try:
        connection.request("GET" if form is None else "POST", url[url.index(parts.netloc) + len(parts.netloc):], form, all_headers)
        with connection.getresponse() as response:
            body = response.read(max_bytes + 1)
            if len(body) > max_bytes:
                raise HttpError(f"the answer has more than {max_bytes} bytes")
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HttpError(f"the issuer cannot be asked: {error}") from error
    finally:
        connection.close()


class _Response(http.client.HTTPResponse):
    """Reads its head and its body until a moment: the time-out of a socket is for each piece that arrives."""

    def __init__(self, sock: socket.socket, end: float, **options: Any):
        super().__init__(sock, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Incoming(sock, end))


class _Incoming(io.RawIOBase):
    def __init__(self, sock: socket.socket, end: float):
        self._sock, self._end = sock, end
        # The connection closes its socket at the end of the head if the server does not keep it open.
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("it has not answered in time")
        self._sock.settimeout(left)
        return self._file.readinto(buffer) or 0

    def close(self) -> None:
        self._file.close()
        super().close()
