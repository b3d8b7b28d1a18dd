"""The active revocations, as this process holds them, and the check of one credential against them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Entry(NamedTuple):
    """One entry of the revocation log. `until` is `None` for a key."""

    position: int
    subject: str
    until: int | None


class Query(NamedTuple):
    """By what a credential can be revoked: `always` at any position, `before` at a position after its own."""

    always: tuple[str, ...]
    before: tuple[str, ...]
    position: int


class Revocations:
    """A set of revocations. An entry leaves it only when its `until` is over. One thread writes, all read."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, int | None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def merge(self, entries: Iterable[Entry]) -> None:
        """Entries of one subject become one, with the largest position and the largest `until`."""
        for position, subject, until in entries:
            held = self._entries.get(subject)
            if held:
                position = max(held[0], position)
                until = None if held[1] is None or until is None else max(held[1], until)
            self._entries[subject] = (position, until)

    def prune(self, now: int) -> None:
        """Removes the entries whose tokens have all expired at `now`, in Unix seconds."""
        for subject, (_, until) in list(self._entries.items()):
            if until is not None and until < now:
                del self._entries[subject]

    def reason(self, query: Query) -> str | None:
        """The subject that revokes the credential, if one does."""
        if not self._entries:
            return None
        for subject in query.always:
            if subject in self._entries:
                return subject
        for subject in query.before:
            held = self._entries.get(subject)
            if held and held[0] > query.position:
                return subject
        return None
