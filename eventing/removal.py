"""Taking published rows off their collection, beside publishing: nobody waits for it (decision 0904).

Until a row is removed whoever looks meets it; so its id is remembered until after its removal.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from eventing.mongo import Database, faults
from eventing.outbox import Source
from eventing.points import reached
from eventing.transient import RefusedError, TransientError, pause

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.2  # how long removals may wait for more: each costs a commit


class Removal:
    """Removes what one relay has published. More than `most` rows are never published and not removed."""

    def __init__(self, database: Database, source: Source, most: int) -> None:
        self._database, self._source, self._most = database, source, most
        self._published: dict[str, Mapping[str, Any]] = {}
        self._removed: set[str] = set()  # of them: no look that begins from now on meets these
        self._some, self._many, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def __contains__(self, id: str) -> bool:
        return id in self._published

    def __len__(self) -> int:
        """How many rows are published and not removed."""
        return len(self._published) - len(self._removed)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """These are published."""
        self._published.update({row["_id"]: row for row in rows})
        self._some.set()

    async def seen_yet(self) -> int:
        """How many published rows a look that begins now may meet. Waits while there are too many."""
        while len(self) >= self._most:
            self._many.set()
            self._room.clear()
            await self._room.wait()
        for id in self._removed:
            del self._published[id]
        self._removed.clear()
        return len(self._published)

    async def run(self) -> None:
        """Remove until cancelled, those of a moment by one write."""
        attempt = 0
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._many.wait()
            self._some.clear()
            self._many.clear()
            try:
                await self._remove()
                attempt = 0
            except (TransientError, RefusedError) as error:
                attempt += 1
                log.warning("not_removed_yet", source=self._source.collection, error=str(error))
                self._some.set()
                await asyncio.sleep(pause(attempt))

    async def last(self) -> None:
        """On the way out: what stays is published once more by whoever comes next."""
        try:
            await self._remove()
        except (TransientError, RefusedError) as error:
            log.info("left_to_be_published_again", rows=len(self), error=str(error))

    async def _remove(self) -> None:
        gone = {id: row for id, row in self._published.items() if id not in self._removed}
        if gone:
            with faults():
                operations = [self._source.done(row) for row in gone.values()]
                await self._database[self._source.collection].bulk_write(operations, ordered=False)
            reached("relay.removed")
            self._removed.update(gone)
            self._room.set()
