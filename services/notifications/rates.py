"""How fast one recipient domain gets mail: a bucket a domain, on system time."""

from collections import OrderedDict
from dataclasses import dataclass

MOST_DOMAINS = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """Up to `per_second` messages a second to each domain, with a second's worth at once."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, domain: str, now: float) -> float:
        """Seconds until this domain may get another; 0: now, and it is counted."""
        bucket = self._buckets.get(domain)
        if bucket is None:
            bucket = self._buckets[domain] = _Bucket(self._most, now)
        self._buckets.move_to_end(domain)
        bucket.left = min(self._most, bucket.left + max(0.0, now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.left < 1.0:
            return (1.0 - bucket.left) / self._per_second
        bucket.left -= 1.0
        if len(self._buckets) > MOST_DOMAINS:
            self._buckets.popitem(last=False)
        return 0.0
