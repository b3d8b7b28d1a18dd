"""A map with a limit, for the threads of a process."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

V = TypeVar("V")


class BoundedMap(Generic[V]):
    """The entry that was added first leaves when it is full. Whole keys are compared: no two credentials share one."""

    def __init__(self, limit: int):
        self._limit = limit
        self._entries: dict[str, V] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> V | None:
        return self._entries.get(key)

    def set(self, key: str, value: V) -> None:
        with self._lock:
            if key not in self._entries and len(self._entries) >= self._limit:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value
