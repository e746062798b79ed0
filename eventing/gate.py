"""The gate that keeps a bad release from parking the world."""

import time
from collections.abc import Sequence

MOST_KEYS = 20  # that may park within a minute


class ParkingStormError(Exception):
    """Too many keys park at once: it is this release that is wrong, not the records. The consumer stops."""


class Gate:
    """Counts the keys that park: more than `limit` within `seconds` of system time closes it."""

    def __init__(self, limit: int = MOST_KEYS, seconds: float = 60.0) -> None:
        self.limit, self.seconds = limit, seconds
        self._when: dict[str, float] = {}

    def check(self, keys: Sequence[str]) -> None:
        """Raises ParkingStormError before anything of the storm is written."""
        if not keys:
            return
        now = time.monotonic()
        self._when = {key: at for key, at in self._when.items() if now - at < self.seconds} | dict.fromkeys(keys, now)
        if len(self._when) > self.limit:
            raise ParkingStormError(f"{len(self._when)} keys in {self.seconds:.0f} s")
