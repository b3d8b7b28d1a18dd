"""Waits for the issuer, once for threads and once for event loops.

A flow is a generator: it decides, and yields what it waits for. The work itself is done by threads of this package, so a slow
issuer takes neither the executor of an event loop nor one of its threads.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from ._http import HttpError

T = TypeVar("T")


class Wait(NamedTuple):
    future: Future[Any]
    limit: float
    """In seconds. After it the flow continues in any case."""


Flow = Generator[Wait, None, T]


def run(flow: Flow[T]) -> T:
    """Runs a flow in a thread that may wait."""
    while True:
        try:
            future, limit = next(flow)
        except StopIteration as done:
            value: T = done.value
            return value
        concurrent.futures.wait([future], limit)


async def run_async(flow: Flow[T]) -> T:
    """The same on an event loop, which is not blocked and needs no thread for it."""
    while True:
        try:
            future, limit = next(flow)
        except StopIteration as done:
            value: T = done.value
            return value
        wrapped = asyncio.wrap_future(future)
        # The flow itself reads the error; asyncio would log one that is not read.
        wrapped.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        await asyncio.wait([wrapped], timeout=limit)


def answer_of(future: Future[T], limit: float) -> Flow[T]:
    """Waits for a request that was sent with `start`. Raises `HttpError` if there is no answer in time."""
    if not future.done():
        yield Wait(future, limit)
    if not future.done():
        raise HttpError("the issuer has not answered in time")
    if error := future.exception():
        # One object must not be raised by several threads.
        raise HttpError(str(error))
    return future.result()


def start(request: Callable[[], T]) -> Future[T]:
    """Calls `request` in a thread of its own. All its errors become an `HttpError`. Callers limit how many are open."""
    future: Future[T] = Future()
    # So a caller that is cancelled does not cancel it for the others.
    future.set_running_or_notify_cancel()

    def call() -> None:
        try:
            result = request()
        except Exception as error:
            future.set_exception(error if isinstance(error, HttpError) else HttpError(f"{type(error).__name__}: {error}"))
        else:
            future.set_result(result)

    try:
        threading.Thread(target=call, name="counterfoil-request", daemon=True).start()
    except RuntimeError as error:
        raise HttpError(f"no request can be sent: {error}") from error
    return future
