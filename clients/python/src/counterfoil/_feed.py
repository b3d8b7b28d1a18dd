"""Follows the revocation feed: polls it, publishes the entries, and knows until when this process may rely on them."""

from __future__ import annotations

import concurrent.futures
import json
import math
import random
import threading
import uuid
from concurrent.futures import Future
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ._clock import IssuerClock, Moment
from ._http import Answer, send
from ._keys import KeyStore
from ._options import Settings, log
from ._revocations import Entry, Revocations
from ._text import is_count, is_id, is_name, one_line, parse_object

# The issuer sends at most 16,384 entries at once, which take about 1.5 MB.
_MAX_BYTES = 16 * 1024 * 1024
# No issuer promises a longer lease: a wrong answer must not make this process fresh for ever.
_MAX_LEASE_MS = 3_600_000
# Times in seconds. The longest wait of a poll, so that a dead connection is noticed; the pauses after an answer, and after one
# that came early with nothing new; the pauses after failures, and after refusals that only an operator can end.
_MAX_WAIT, _MIN_INTERVAL, _EARLY_PAUSE = 30, 0.005, 0.1
_FIRST_BACKOFF, _MAX_BACKOFF, _MAX_BACKOFF_REFUSED, _MAX_RETRY_AFTER = 0.1, 0.6, 5, 60


class Freshness(NamedTuple):
    """Whether this process knows the latest revocations."""

    fresh: bool
    lag: float | None
    """How old the known revocations may be, in seconds; `None` before the first complete answer."""
    position: int | None
    entries: int
    polls: int
    failed_polls: int
    last_error: str | None
    """Why the last poll failed, for an operator."""


class _PollError(Exception):
    def __init__(self, message: str, is_refusal: bool = False, retry_after: float = 0):
        super().__init__(message)
        self.is_refusal, self.retry_after = is_refusal, retry_after


class _Lease(NamedTuple):
    sent: Moment
    length: float


class Feed:
    """One thread follows. Its writes are visible to the others in this order: entries, then the lease."""

    def __init__(self, settings: Settings, clock: IssuerClock, keys: KeyStore):
        self.revocations = Revocations()
        self._settings, self._clock, self._keys = settings, clock, keys
        # Drawn by this process: leases and acknowledgements belong to it.
        self._instance = uuid.uuid4().hex
        self._closed = threading.Event()
        self.ready: Future[None] = Future()
        """Done when the whole log was known for the first time, or when the feed is closed."""
        self.ready.set_running_or_notify_cancel()
        self._polls = self._failed = self._failures = self._pruned = 0
        self._last_error: str | None = None
        self._position: tuple[int, str] | None = None
        self._lease: _Lease | None = None
        self._was_fresh: bool | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="counterfoil-feed", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._lease = None
        self._set_ready()

    def wait_until_ready(self, timeout: float | None) -> bool:
        """Waits until the whole log is known."""
        concurrent.futures.wait([self.ready], timeout)
        return self.is_fresh(self._lease)

    @property
    def lease(self) -> _Lease | None:
        """To be read before the revocations are looked up, and checked after that."""
        return self._lease

    def is_fresh(self, lease: _Lease | None, extra: float = 0) -> bool:
        """Whether a credential may be accepted by what was published with `lease`. `extra` is added, in seconds."""
        # After a close, no lease that was read before it counts.
        if lease is None or self._closed.is_set():
            return False
        return self._settings.clock.elapsed_since(lease.sent) < lease.length + extra

    def freshness(self) -> Freshness:
        lease = self._lease
        lag = None if lease is None else max(0.0, self._settings.clock.elapsed_since(lease.sent))
        position = self._position[0] if self._position else None
        counts = (len(self.revocations), self._polls, self._failed)
        return Freshness(self.is_fresh(lease), lag, position, *counts, self._last_error)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                pause = self._poll()
                self._failures, self._last_error = 0, None
            except Exception as error:  # Whatever is wrong with an answer, the next poll may succeed.
                pause = self._fail(error)
            try:
                self._report()
            except Exception:  # A handler of the application's log that fails must not end the feed.
                pass
            self._closed.wait(pause)

    def _poll(self) -> float:
        """Sends one poll and publishes its answer. Returns the pause before the next one."""
        self._polls += 1
        clock, lease, poll = self._settings.clock, self._lease, self._polls
        # While something is amiss the issuer answers at once, so that this process is fresh as soon as possible.
        is_calm = lease is not None and self._failures == 0 and self.is_fresh(lease)
        wait = min(lease.length / 3, _MAX_WAIT) if lease and is_calm else 0.0
        sent = clock.read()
        answer = parse_answer(self._send(poll, wait, lease))
        # A delayed or repeated answer would renew a lease that the issuer does not know.
        if (answer.instance, answer.poll) != (self._instance, poll):
            raise _PollError("the answer is of another poll")
        is_complete = answer.next == answer.head
        if not is_complete and not answer.entries and (answer.next, answer.log) == self._position:
            raise _PollError("the answer makes no progress")
        self._publish(answer, sent if is_complete else None)
        is_empty = is_complete and not answer.entries and not answer.snapshot
        is_early = is_empty and clock.elapsed_since(sent) < wait / 4
        return _EARLY_PAUSE if is_early or answer.lease == 0 else _MIN_INTERVAL

    def _send(self, poll: int, wait: float, lease: _Lease | None) -> bytes:
        query: dict[str, Any] = {"instance": self._instance, "poll": poll, "wait": math.floor(wait * 1000)}
        if self._position:
            query["after"], query["log"] = self._position
        if self._settings.accept_stale:
            query["stale"] = self._settings.accept_stale
        timeout = wait + min(max((lease.length if lease else 3) / 3, 0.5), 1)
        url = f"{self._settings.upstream}/v1/feed?{urlencode(query)}"
        answer = send(url, {"authorization": f"Bearer {self._settings.verifier_key}"}, timeout, _MAX_BYTES)
        if answer.status != 200:
            raise _refused(answer)
        return answer.body

    def _publish(self, answer: FeedAnswer, complete: Moment | None) -> None:
        if self._closed.is_set():
            return
        self._clock.tell(answer.now)
        if self._clock.told >= self._pruned + 10:
            self._pruned = self._clock.told
            self.revocations.prune(self._pruned)
        self.revocations.merge(answer.entries)
        if len(self.revocations) > self._settings.max_revocations:
            raise _PollError(f"there are more than {self._settings.max_revocations} revocations (`max_revocations`)", True)
        self._position = (answer.next, answer.log)
        if complete:
            self._lease = _Lease(complete, answer.lease)
            self._set_ready()
        self._keys.announce(answer.keys)

    def _set_ready(self) -> None:
        try:
            self.ready.set_result(None)
        except concurrent.futures.InvalidStateError:
            pass  # It has been before.

    def _fail(self, error: Exception) -> float:
        self._failures += 1
        self._failed += 1
        self._last_error = one_line(str(error))
        is_refusal = isinstance(error, _PollError) and error.is_refusal
        retry_after = error.retry_after if isinstance(error, _PollError) else 0
        limit = _MAX_BACKOFF_REFUSED if is_refusal else _MAX_BACKOFF
        longest = min(_FIRST_BACKOFF * 2 ** min(self._failures - 1, 10), limit)
        return max(random.uniform(longest / 2, longest), retry_after * random.uniform(1, 1.25))

    def _report(self) -> None:
        if self._closed.is_set():
            return
        is_fresh = self.is_fresh(self._lease)
        if is_fresh and self._was_fresh is False:
            log.warning("the revocations are fresh again")
        if not is_fresh and self._was_fresh is not False and self._failures > 0:
            log.warning("the revocations are stale: %s", self._last_error)
            self._was_fresh = False
        if is_fresh:
            self._was_fresh = True


class FeedAnswer(NamedTuple):
    """One answer of `GET /v1/feed`. The lease is in seconds."""

    log: str
    instance: str
    poll: int
    now: int
    lease: float
    head: int
    next: int
    snapshot: bool
    keys: str
    entries: list[Entry]


def parse_answer(body: bytes) -> FeedAnswer:
    """Reads an answer; everything that is not as described raises `ValueError`."""
    value = parse_object(body)
    log_id, instance, poll, now, lease, head, after, snapshot, keys, entries = (
        value.get(name)
        for name in ("log", "instance", "poll", "now", "lease_ms", "head", "next", "snapshot", "keys", "entries")
    )
    if not (is_name(log_id) and isinstance(instance, str) and is_count(poll) and isinstance(keys, str)):
        raise ValueError("the answer of the feed is malformed: `log`, `instance`, `poll` or `keys`")
    if not (is_count(now) and is_count(lease) and lease <= _MAX_LEASE_MS):
        raise ValueError("the answer of the feed is malformed: `now` or `lease_ms`")
    if not (is_count(head) and is_count(after) and after <= head):
        raise ValueError("the answer of the feed is malformed: `head` or `next`")
    if not (isinstance(snapshot, bool) and isinstance(entries, list)):
        raise ValueError("the answer of the feed is malformed: `snapshot` or `entries`")
    parsed = [_parse_entry(entry) for entry in entries]
    return FeedAnswer(log_id, instance, poll, now, lease / 1000, head, after, snapshot, keys, parsed)


def _parse_entry(value: object) -> Entry:
    if isinstance(value, dict) and "until" in value:
        position, subject, until = value.get("position"), value.get("subject"), value["until"]
        if is_count(position) and (until is None or is_count(until)) and isinstance(subject, str) and _is_subject(subject):
            return Entry(position, subject, until)
    raise ValueError("the answer of the feed is malformed: an entry")


def _is_subject(text: str) -> bool:
    """A kind of subject that this version does not know could revoke anything: the answer cannot be used."""
    kind, _, name = text.partition(":")
    if kind in ("client", "key"):
        return is_name(name)
    return text == "everyone" or (kind in ("session", "user", "token") and is_id(name))


def _refused(answer: Answer) -> _PollError:
    try:
        detail = f": {json.loads(answer.body[:4096])['detail']}"
    except (ValueError, KeyError, TypeError):
        detail = ""  # The status alone says enough.
    seconds = answer.headers.get("retry-after", "")
    retry_after = min(int(seconds), _MAX_RETRY_AFTER) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else 0
    is_refusal = answer.status < 500 and answer.status not in (408, 425, 429)
    return _PollError(f"the issuer refused the poll with status {answer.status}{detail}", is_refusal, retry_after)
