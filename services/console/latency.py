"""How long it took from a webhook of NEA's to the e-mail that it led to, by Kafka's times of both."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from contracts.nea import SOURCE
from services.console import metrics
from services.console.state import Kept
from services.console.store import Store

MOST_STEPS = 12
LOOKED_AT_AGAIN = timedelta(seconds=20)  # how long a chain may take to be complete: its records may come out of order


class Latency:
    """Measures each e-mail once, as long as this process runs."""

    def __init__(self, store: Store, since: datetime) -> None:
        self._store, self._since = store, since
        self._measured: dict[str, None] = {}

    async def measure(self, now: datetime) -> None:
        """Measure what was mailed since last time."""
        found = await self._store.mailed_since(self._since - LOOKED_AT_AGAIN)
        mailed = {one.place: one for one in found if one.place not in self._measured}
        for place, webhook in (await self._webhooks(mailed)).items():
            self._measured[place] = None
            metrics.WEBHOOK_TO_MAIL.observe((mailed[place].at - webhook.at).total_seconds())
        self._since = now
        for place in list(self._measured)[:-5000]:
            del self._measured[place]

    async def _webhooks(self, mailed: Mapping[str, Kept]) -> dict[str, Kept]:
        """The webhook at the end of each one's chain of causes, all chains a step at a time.

        Those are left out where another cause stands there, or none.
        """
        found: dict[str, Kept] = {}
        at = dict(mailed)
        for _ in range(MOST_STEPS):
            if not at:
                break
            found |= {place: one for place, one in at.items() if one.source == SOURCE}
            left = {place: one for place, one in at.items() if place not in found}
            causes = await self._store.by_event({one.causation_id for one in left.values() if one.causation_id})
            by_id = {(cause.event_id, cause.source): cause for cause in causes}
            led_by = {place: (one.causation_id, one.causation_source) for place, one in left.items()}
            at = {place: by_id[id] for place, id in led_by.items() if id in by_id}
        return found
