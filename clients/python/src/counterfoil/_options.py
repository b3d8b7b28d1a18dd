"""The options of a verifier, checked once."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from ._clock import Clock
from ._text import is_verifier_key

log = logging.getLogger("counterfoil")

Algorithm = Literal["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
"""What an issuer signs with. A shared secret (HS256) cannot be used: who can verify could also sign."""

StalePolicy = Literal["deny", "introspect"]
"""What happens to a valid credential while the revocations are stale."""


@dataclass(frozen=True)
class Settings:
    """The options with all defaults. The verifier key is not shown."""

    issuer: str
    audiences: tuple[str, ...]
    algorithms: frozenset[str]
    verifier_key: str | None = field(repr=False)
    origins: frozenset[str]
    upstream: str
    stale: StalePolicy
    accept_stale: int
    follow: bool
    max_token_lifetime: int
    cache_size: int
    max_revocations: int
    clock: Clock

    def __post_init__(self) -> None:
        _check_server("issuer", self.issuer)
        _check_server("upstream", self.upstream)
        if not self.audiences or not all(isinstance(name, str) and name for name in self.audiences):
            raise ValueError("`audience` must be the URL of this application as the issuer knows it, or a list of them")
        if not self.algorithms or not self.algorithms <= set(get_args(Algorithm)):
            raise ValueError(f"`algorithms` must be a list of {', '.join(get_args(Algorithm))}")
        if self.verifier_key is not None and not is_verifier_key(self.verifier_key):
            raise ValueError("`verifier_key` must be the text that `counterfoil verifier add` prints")
        if self.stale not in get_args(StalePolicy):
            raise ValueError("`stale` must be 'deny' or 'introspect'")
        for origin in self.origins:
            if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+", origin):
                raise ValueError("`origins` must be origins as browsers send them, such as https://shop.example")
        for name, least in (("accept_stale", 0), ("max_token_lifetime", 1), ("cache_size", 1), ("max_revocations", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"`{name}` must be a whole number from {least}")


def texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _check_server(name: str, text: str) -> None:
    """Credentials and keys travel to this URL, so it must be https, or stay on this machine."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except (ValueError, AttributeError):
        raise ValueError(f"`{name}` must be a URL such as https://auth.example") from None
    if not host or (url.scheme != "https" and not (url.scheme == "http" and _is_loopback(host))):
        raise ValueError(f"`{name}` must be an https URL; plain HTTP is accepted on loopback only")
    if "@" in url.netloc or "?" in text or "#" in text or text.endswith("/") or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"`{name}` must not have a user name, a query, a fragment, a space or a slash at its end")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
