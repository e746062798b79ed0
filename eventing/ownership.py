"""What is ours: the partitions that this process reads, how far it is on each, and the session that owns them.

What counts is in the database (positions.py). This is what one process knows of it, and makes its batches from.
"""

from collections.abc import Sequence
from functools import partial
from typing import cast

import structlog

from eventing import positions
from eventing.batch import Batch, Failure, Partition, Record
from eventing.mongo import Database, Owner
from eventing.transient import TransientError, repeat

log = structlog.get_logger(__name__)

NOT_OURS = 1 << 62  # no offset is as high


class Ownership:
    """One consumer's partitions. `next`: the offset that comes next on each of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.next: dict[Partition, int] = {}

    async def begin(self) -> None:
        """Own under a session of this process's. Raises TransientError."""
        self._database.reading = await self._database.owner()

    async def take(self, partitions: Sequence[Partition]) -> None:
        """Own just these, from where the database stands; however long MongoDB is away."""
        self.next = await repeat(partial(positions.take_over, self._database, partitions, self._owner), tries=None)

    def give(self) -> None:
        """Own none: a batch in hand is not tried again."""
        self.next = {}

    def batch(self, records: Sequence[Record | Failure]) -> Batch:
        """What of these records is next. Records of partitions that are gone, or that were applied, are left out."""
        fresh = tuple(r for r in records if r.offset >= self.next.get((r.topic, r.partition), NOT_OURS))
        held = {(record.topic, record.partition) for record in fresh}
        return Batch(fresh, {partition: self.next[partition] for partition in held})

    def holds(self, batch: Batch) -> bool:
        return all(partition in self.next for partition in batch.began)

    def applied(self, batch: Batch) -> None:
        self.next.update(batch.ends)

    def stand_after(self, batch: Batch) -> dict[Partition, int]:
        """Where the batch's partitions stand now that it was tried, of those that are still ours."""
        return {partition: at for partition, at in self.next.items() if partition in batch.began}

    async def reread(self, batch: Batch) -> None:
        """The batch was not next: stand where the database stands."""
        ours = self.next  # what is given away meanwhile stays so: `give` and `take` put another in its place
        mine = [partition for partition in batch.began if partition in ours]
        ours.update(await repeat(partial(positions.read, self._database, mine), tries=None))

    async def rewind(self, partition: Partition) -> None:
        """Read a topic that was made anew from its beginning."""
        await repeat(partial(positions.rewind, self._database, partition, 0), tries=None)
        self.next[partition] = 0

    async def renew(self) -> None:
        """Go on with another session: after a fault, ours may have been killed."""
        try:
            former, self._database.reading = self._database.reading, await self._database.owner()
            if former is not None:
                # Not ended: its id would go back to the driver's pool, and whoever takes over kills that id.
                await self._database.kill([former.id])
            if self.next:
                standing = await positions.take_over(self._database, list(self.next), self._owner)
                if standing != self.next:
                    log.info("positions_differ", held=len(self.next))
        except TransientError:
            log.warning("still_away")

    @property
    def _owner(self) -> Owner:
        return cast(Owner, self._database.reading)
