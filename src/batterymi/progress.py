"""How far a long computation is: lines of a log with the share done and the time left, seldom enough to be read."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")
PERIOD_S = 30.0  # between lines


class Progress:
    """Steps of a computation, of which a line is logged every half minute, and at the end of a long one."""

    def __init__(self, what: str, total: int, *, period_s: float = PERIOD_S, says_end: bool = False) -> None:
        """Begin.

        Args:
            what: is counted, in the plural, as "partitions".
            total: how many there are.
            period_s: least time between two lines.
            says_end: whether the last step is logged even of a short computation.
        """
        self._what, self._total, self._period = what, total, period_s
        self._done, self._says_end = 0, says_end
        self._began = self._said = time.monotonic()

    def step(self, n: int = 1) -> None:
        """Count some steps that are done."""
        self.set_done(self._done + n)

    def set_done(self, done: int) -> None:
        """Say how many steps are done."""
        self._done = done
        now = time.monotonic()
        is_last = done >= self._total and (self._says_end or now - self._began >= self._period)
        if not done or not (is_last or now - self._said >= self._period):
            return
        self._said = now
        left = (now - self._began) * max(self._total - done, 0) / done
        share = f"{done} of {self._total} {self._what} ({done / max(self._total, 1):.0%})"
        logger.info("%s%s", share, "" if is_last else f", about {format_duration(left)} left")


def track(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield things one by one, and log how many are done.

    Args:
        things: to go through.
        what: they are, in the plural.
        total: how many there are.

    Yields:
        Each of them.
    """
    progress = Progress(what, total)
    for thing in things:
        yield thing
        progress.step()


def make_report(what: str) -> Callable[[int, int], None]:
    """Return a function that takes how many things are done, and of how many, and logs it seldom, and at the end.

    Args:
        what: the things are, in the plural.
    """
    started: list[Progress] = []

    def report(done: int, total: int) -> None:
        if not started:
            started.append(Progress(what, total, says_end=True))
        started[0].set_done(done)

    return report


def format_duration(seconds: float) -> str:
    """Return a duration as a person says it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
