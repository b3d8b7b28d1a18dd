"""The forms of ids, credentials and JSON. Only the canonical text is accepted, so that one credential has one text."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, TypeGuard

MAX_COUNT = 2**53 - 1
# Base64url of 16 bytes: the last character has four bits that must be zero.
_ID = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_SESSION_TOKEN = re.compile(r"cfs_[A-Za-z0-9_-]{21}[AQgw]\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_VERIFIER_KEY = re.compile(r"cfv_[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[!-~]{1,128}")
# All unused bits are zero (RFC 7515, section 2).
_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?")


def is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_name(value: object) -> TypeGuard[str]:
    """Whether it may be the id of a client application or of a key."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def is_session_token(text: str) -> bool:
    return _SESSION_TOKEN.fullmatch(text) is not None


def is_verifier_key(text: object) -> bool:
    return isinstance(text, str) and _VERIFIER_KEY.fullmatch(text) is not None


def is_base64url(text: str) -> bool:
    return _BASE64URL.fullmatch(text) is not None


def decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a whole number from zero to 2^53 - 1. `True` is none, although Python counts with it."""
    return type(value) is int and 0 <= value <= MAX_COUNT


def is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def is_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(element, str) for element in value)


def one_line(text: str) -> str:
    """Text of another program for a log: no line break, and not long."""
    return re.sub(r"[^ -~]", "?", text)[:200]


def parse_object(data: bytes) -> dict[str, Any]:
    """Parses one JSON object in UTF-8. A duplicate member is refused: two parsers could see two values.

    Raises `ValueError` for anything else.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    if "__proto__" in members:
        # As in the other packages, so that all services of an issuer accept the same tokens.
        raise ValueError("the member `__proto__` is not allowed")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
