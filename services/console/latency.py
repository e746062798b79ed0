"""How long it took from a webhook of NEA's to the e-mail that it led to, by Kafka's times of both."""

from datetime import datetime, timedelta

from contracts.nea import SOURCE
from services.console import metrics
from services.console.state import Kept
from services.console.store import Store

MOST_STEPS = 12
LOOKED_AT_AGAIN = timedelta(seconds=20)  # a chain may be recorded here out of order: so long it may become whole


class Latency:
    """Measures each e-mail once, as long as this process runs."""

    def __init__(self, store: Store, since: datetime) -> None:
        self._store, self._since = store, since
        self._measured: dict[str, None] = {}

    async def measure(self, now: datetime) -> None:
        """Measure what was mailed since last time."""
        for mailed in await self._store.mailed_since(self._since - LOOKED_AT_AGAIN):
            if mailed.place not in self._measured and (webhook := await self.webhook_of(mailed)) is not None:
                self._measured[mailed.place] = None
                metrics.WEBHOOK_TO_MAIL.observe((mailed.at - webhook.at).total_seconds())
        self._since = now
        for place in list(self._measured)[:-5000]:
            del self._measured[place]

    async def webhook_of(self, one: Kept) -> Kept | None:
        """The webhook at the end of the chain of causes; None where another cause stands there, or none."""
        for _ in range(MOST_STEPS):
            if one.source == SOURCE:
                return one
            if one.causation_id is None:
                return None
            causes = await self._store.by_event([one.causation_id])
            found = next((cause for cause in causes if cause.source == one.causation_source), None)
            if found is None:
                return None
            one = found
        return None
