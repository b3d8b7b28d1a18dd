"""Time: a reading of both clocks, and how much time has passed since one."""

from __future__ import annotations

import time
from typing import NamedTuple


class Moment(NamedTuple):
    """Both clocks at one moment, in seconds."""

    wall: float
    monotonic: float


class Clock:
    """The two clocks of a process. Tests replace them."""

    def wall(self) -> float:
        """Unix seconds. It can be set, forward and back."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only grow, on Linux also while the machine is suspended."""
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boot is None else time.clock_gettime(boot)

    def read(self) -> Moment:
        return Moment(self.wall(), self.monotonic())

    def elapsed_since(self, moment: Moment) -> float:
        """The larger of the two differences: a wall clock that is set forward only ends a lease early."""
        return max(self.monotonic() - moment.monotonic, self.wall() - moment.wall)


class IssuerClock:
    """The later of two times: that of this machine, and the last one that the issuer told plus what has passed since.

    So a machine whose clock is late accepts no token that has expired.
    """

    def __init__(self, clock: Clock):
        self._clock = clock
        self._offset = float("-inf")
        self.told = 0
        """The latest time that the issuer told, in Unix seconds. What is removed by it never comes back."""

    def tell(self, unix_seconds: int) -> None:
        self.told = max(self.told, unix_seconds)
        self._offset = max(self._offset, unix_seconds - self._clock.monotonic())

    def now(self) -> float:
        return max(self._clock.wall(), self._offset + self._clock.monotonic())
