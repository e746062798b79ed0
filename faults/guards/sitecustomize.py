"""Takes one guard away. Python imports this at its start where the folder is on PYTHONPATH (controls.py puts it there).

WEA_FAULTS_WITHOUT names the guards, by commas. No code of the project knows of it. Each function below is what the
system would be without that guard, and nothing else.
"""

import asyncio
import os
import sys
from typing import Any


def _unique_index() -> None:
    """No unique index but MongoDB's own on `_id`: "twice" is possible if the code above fails."""
    from eventing import mongo

    ensure = mongo.Database.ensure

    async def without(self: Any, indexes: Any) -> None:
        plain = {name: [mongo.Index(one.keys, False, one.partial) for one in of] for name, of in indexes.items()}
        await ensure(self, plain)

    mongo.Database.ensure = without  # type: ignore[method-assign]


def _position_condition() -> None:
    """A batch counts wherever the position stands."""
    from eventing import positions
    from eventing.mongo import UpdateOne

    def moves(batch: Any) -> Any:
        return [
            UpdateOne({"_id": positions.position_id(part)}, {"$set": {"next": end}}) for part, end in batch.ends.items()
        ]

    positions.moves = moves


def _sequence_check() -> None:
    """Repeats and gaps are applied as they come."""
    from eventing.incoming import Incoming
    from eventing.reasons import BEHIND

    def obstacle(self: Any, record: Any, lane: Any) -> Any:
        return BEHIND if lane.blocked(record) else self.batch.forced.get(record.place)

    Incoming._obstacle = obstacle  # type: ignore[method-assign]


def _lane_check() -> None:
    """What comes after a parked record does not wait for it."""
    from eventing.lanes import Lane

    def blocked(self: Any, record: Any) -> bool:
        return False

    Lane.blocked = blocked  # type: ignore[method-assign]


def _majority_write() -> None:
    """A write is done when the server has it in memory."""
    from pymongo.write_concern import WriteConcern

    from eventing import mongo

    mongo.WriteConcern = lambda *_: WriteConcern(w=1, j=False)  # type: ignore[attr-defined,assignment]


def _lock() -> None:
    """Who decides by an identity's not being there does not change the identity's document."""
    from services.enrollment.store import IDENTITIES, Tx

    bulk = Tx.bulk

    def without(self: Any, collection: str, *operations: Any) -> None:
        if collection != IDENTITIES:
            bulk(self, collection, *operations)

    Tx.bulk = without  # type: ignore[method-assign]


def _retry_in_place() -> None:
    """A batch that met a fault that passes is given up, and the next one taken."""
    from eventing.applying import Applying
    from eventing.transient import TransientError

    once = Applying._once

    async def given_up(self: Any, batch: Any) -> None:
        try:
            await once(self, batch)
        except TransientError:
            self._ownership.applied(batch)

    Applying._once = given_up  # type: ignore[method-assign]


def _acknowledgement() -> None:
    """The relay takes a row for published once it is handed to the producer."""
    from eventing.envelope import STRUCTURED_HEADERS
    from eventing.relay import Relay

    async def send(self: Any, sender: Any, rows: Any) -> Any:
        for row in rows:
            headers = [(name, bytes(value)) for name, value in row.get("headers", ())] or list(STRUCTURED_HEADERS)
            where = self._kafka.physical(row["topic"])
            sent = await sender.send(where, row["value"], key=row["key"].encode(), headers=headers)
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())
        return rows, True

    Relay._send = send  # type: ignore[method-assign]


def _one_transaction() -> None:
    """The outbox is written beside the transaction, not in it."""
    from eventing import outbox
    from eventing.mongo import Database

    writing = Database.writing

    def apart(self: Any, staged: Any, session: Any) -> Any:
        rows = staged.pop(outbox.COLLECTION, [])
        if rows:
            task = asyncio.create_task(self[outbox.COLLECTION].bulk_write(rows, ordered=False))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return writing(self, staged, session)

    Database.writing = apart  # type: ignore[method-assign]


GUARDS = {
    "unique index": _unique_index,
    "position condition": _position_condition,
    "sequence check": _sequence_check,
    "lane check": _lane_check,
    "majority write": _majority_write,
    "lock": _lock,
    "retry in place": _retry_in_place,
    "acknowledgement": _acknowledgement,
    "one transaction": _one_transaction,
}


if any(argument.startswith("services.") or "pytest" in argument for argument in sys.orig_argv):
    for guard in filter(None, os.environ.get("WEA_FAULTS_WITHOUT", "").split(",")):
        GUARDS[guard]()
