"""How many requests a key may send: a bucket each, filled at the rate, as deep as one second's worth."""

import math
from collections.abc import Callable


class Rates:
    """`per_second` requests a key, counted by system time in this process."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._rate, self._clock = per_second, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> int | None:
        """Count one request. None: within the rate; else the seconds after which to try again."""
        now = self._clock()
        left, since = self._buckets.get(key, (self._rate, now))
        left = min(self._rate, left + (now - since) * self._rate)
        if left < 1:
            self._buckets[key] = (left, now)
            return max(1, math.ceil((1 - left) / self._rate))
        self._buckets[key] = (left - 1, now)
        return None
