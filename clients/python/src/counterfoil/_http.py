"""Requests to the issuer: no redirect, no proxy, a limit for the time and for the size of the answer."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple


class HttpError(Exception):
    """There is no usable answer. The text is for the log of an operator; it has no secret."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None  # It could lead the credential in the headers to another server.


_opener = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(context=ssl.create_default_context()), _NoRedirect(),
    urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor(),
):
    _opener.add_handler(_handler)


def send(url: str, headers: Mapping[str, str], timeout: float, max_bytes: int, form: bytes | None = None) -> Answer:
    """Sends a GET, or a POST of a form. `timeout`, in seconds, is for the whole answer.

    Raises `HttpError`.
    """
    end = time.monotonic() + timeout
    request = urllib.request.Request(url, form, {"accept": "application/json", **headers})
    try:
        try:
            response = _opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            body = bytearray()
            while chunk := response.read1(65536):
                body += chunk
                if len(body) > max_bytes:
                    raise HttpError(f"the answer has more than {max_bytes} bytes")
                if time.monotonic() > end:
                    raise HttpError("the issuer has not answered in time")
            headers_of = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers_of, bytes(body))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HttpError(f"the issuer cannot be asked: {error}") from error
