"""Reads the credential of a request, and refuses writes that a page of another site sends (CSRF)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ._problem import ambiguous_credential, cross_site

Headers = Iterable[tuple[str, str]]
"""The lines of the headers of a request, names in any case."""


class Presented(NamedTuple):
    """The credential of a request, not verified."""

    token: str | None
    is_cookie: bool


def read_credentials(method: str, headers: Headers, issuer: str, origins: frozenset[str]) -> Presented:
    """Raises `Problem` for two different credentials: the order never decides between them, because an attacker on a
    neighbouring subdomain could have added one. Also for a write from another site with a cookie of the issuer."""
    lines = [(name.lower(), value) for name, value in headers]
    tokens = _bearer_tokens(lines)
    # An issuer on https sets cookies that no other host can set (RFC 6265bis, section 4.1.3.2).
    prefix = "__Host-" if issuer.startswith("https:") else "counterfoil-"
    cookies, has_cookie = _cookies(lines, prefix)
    if has_cookie:
        _check_csrf(method, lines, origins)
    if len({*tokens, *cookies}) > 1:
        raise ambiguous_credential()
    if tokens:
        return Presented(tokens[0], False)
    return Presented(cookies[0] if cookies else None, bool(cookies))


def header(lines: Headers, name: str) -> str | None:
    """A header with all its lines joined; `None` if it is missing."""
    values = [value for found, value in lines if found.lower() == name]
    return ", ".join(values) if values else None


def _bearer_tokens(lines: Headers) -> list[str]:
    """An empty or malformed token is presented, and invalid. Other schemes than `Bearer` are ignored."""
    values = [value for name, value in lines if name == "authorization"]
    if len(set(values)) > 1:
        raise ambiguous_credential()
    return [value[6:].strip(" \t") for value in values if re.match(r"(?i)bearer( |$)", value)]


def _cookies(lines: Headers, prefix: str) -> tuple[list[str], bool]:
    """The credentials, and whether there is any cookie of the issuer."""
    values, is_present = [], False
    for line in (value for name, value in lines if name == "cookie"):
        for pair in line.split(";"):
            name, equals, value = pair.partition("=")
            # As browsers do: `strip()` alone also removes a no-break space, and gives a cookie of another host our name.
            name = name.strip(" \t")
            if not equals or name not in (f"{prefix}session", f"{prefix}access", f"{prefix}refresh"):
                continue
            is_present = True
            if name != f"{prefix}refresh":
                values.append(value.strip(" \t"))
    return values, is_present


def _check_csrf(method: str, lines: Headers, origins: frozenset[str]) -> None:
    """A trusted `Origin` passes. `Sec-Fetch-Site`, if present, decides: `same-origin` and `none` pass. Everything else is
    refused. Safe methods pass, except the handshake of a WebSocket or an event stream, which a page of another site could
    open as the user (RFC 6455, section 10.2)."""
    if method in ("HEAD", "OPTIONS") or (method == "GET" and not _is_handshake(lines)):
        return
    origin, site = header(lines, "origin"), header(lines, "sec-fetch-site")
    if (origin is not None and origin in origins) or site in ("same-origin", "none"):
        return
    if origin is None and site is None:
        raise cross_site("a request with a cookie needs the header `Origin`")
    raise cross_site("the request comes from a page of another site; `origins` must list its origin to allow it")


def _is_handshake(lines: Headers) -> bool:
    upgrade, accept = header(lines, "upgrade") or "", header(lines, "accept") or ""
    return bool(re.search(r"(?i)(^|,)\s*websocket(?![a-z0-9])", upgrade) or re.search(r"(?i)(^|,)\s*text/event-stream(?![a-z0-9])", accept))
