"""The partitions that this process reads, how far it is on each, and the MongoDB session under which it owns them.

What counts is in the database (positions.py); this is what one process knows of it, and what it makes its batches from.
"""

from collections.abc import Sequence
from functools import partial
from typing import cast

import structlog

from eventing import positions
from eventing.batch import Batch, Failure, Partition, Record
from eventing.mongo import Database, Owner
from eventing.reader import Reader
from eventing.transient import TransientError, repeat

log = structlog.get_logger(__name__)

NOT_OURS = 1 << 62  # stands in for the next offset of a partition that we do not own: every record lies before it


class Ownership:
    """One consumer's partitions. `next`: the offset that comes next on each of them."""

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader
        self.next: dict[Partition, int] = {}

    async def begin(self) -> None:
        """Own under a session of this process's. Raises TransientError."""
        self._reader.owner = await self._database.owner()

    async def take(self, partitions: Sequence[Partition]) -> None:
        """Own just these, from where the database stands; however long MongoDB is away."""
        self.next = await repeat(partial(positions.take_over, self._database, partitions, self._owner), tries=None)

    def give(self) -> None:
        """Own none: a batch in hand is not tried again."""
        self.next = {}

    def batch(self, records: Sequence[Record | Failure]) -> Batch:
        """A batch of these records, without those that were applied already or whose partition is not ours any more."""
        fresh = tuple(r for r in records if r.offset >= self.next.get((r.topic, r.partition), NOT_OURS))
        held = {(record.topic, record.partition) for record in fresh}
        return Batch(fresh, {partition: self.next[partition] for partition in held}, reader=self._reader)

    def holds(self, batch: Batch) -> bool:
        return all(partition in self.next for partition in batch.began)

    def applied(self, batch: Batch) -> None:
        self.next.update(batch.ends)

    def stand_after(self, batch: Batch) -> dict[Partition, int]:
        """Where the batch's partitions stand now that it was tried, of those that are still ours."""
        return {partition: at for partition, at in self.next.items() if partition in batch.began}

    async def reread(self, batch: Batch) -> None:
        """The batch was not next: stand where the database stands."""
        ours = self.next  # `give` and `take` put another dict in its place, so while we wait we can undo neither
        mine = [partition for partition in batch.began if partition in ours]
        ours.update(await repeat(partial(positions.read, self._database, mine), tries=None))

    async def rewind(self, partition: Partition) -> None:
        """Read a topic that was made anew from its beginning."""
        await repeat(partial(positions.rewind, self._database, partition, 0), tries=None)
        self.next[partition] = 0

    async def renew(self) -> None:
        """Own the partitions under a new session: after a fault, ours may have been killed."""
        try:
            former, self._reader.owner = self._reader.owner, await self._database.owner()
            if former is not None:
                # Killed but not ended: the driver would give an ended session's id to somebody else, and whoever takes
                # our partitions over would then kill that one.
                await self._database.kill([former.id])
            if self.next:
                standing = await positions.take_over(self._database, list(self.next), self._owner)
                if standing != self.next:
                    log.info("positions_differ", held=len(self.next))
        except TransientError:
            log.warning("still_away")

    @property
    def _owner(self) -> Owner:
        return cast(Owner, self._reader.owner)
