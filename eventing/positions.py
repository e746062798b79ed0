"""Positions: where each partition stands, moved in the transaction that applies its records.

Kafka's committed offsets only show lag. On assignment the consumer seeks to the position, so a database restored from
an older backup re-reads just what it lacks, and a batch that is not next is dropped whole.
"""

from collections.abc import Iterable
from typing import Any

from eventing.batch import Batch, Partition
from eventing.mongo import Binary, Database, Operation, Owner, UpdateOne, faults

COLLECTION = "positions"


class StaleError(Exception):
    """Another consumer has moved on from where this batch began: nothing of it may be written."""


def position_id(partition: Partition) -> str:
    return f"{partition[0]}-{partition[1]}"


def moves(batch: Batch) -> list[Operation]:
    """The writes that move each partition of the batch from where it began to its end.

    One that matches nothing finds the partition elsewhere: the batch is stale.
    """
    return [
        UpdateOne({"_id": position_id(partition), "next": batch.began[partition]}, {"$set": {"next": end}})
        for partition, end in batch.ends.items()
    ]


async def take_over(database: Database, partitions: Iterable[Partition], owner: Owner) -> dict[Partition, int]:
    """Own these partitions from now on, killing what a former owner left open. Returns where each stands."""
    wanted = list(partitions)
    with faults():
        former = database[COLLECTION].find({"_id": {"$in": [position_id(p) for p in wanted]}})
        owners: list[Binary] = [d["owner"] async for d in former if d.get("owner") not in (None, owner.id)]
        await database.kill(owners)
        if wanted:
            claims = [
                UpdateOne(
                    {"_id": position_id(p)}, {"$set": {"owner": owner.id}, "$setOnInsert": {"next": 0}}, upsert=True
                )
                for p in wanted
            ]
            await database[COLLECTION].bulk_write(claims, ordered=False)
        return await read(database, wanted)


async def read(database: Database, partitions: Iterable[Partition]) -> dict[Partition, int]:
    by_id = {position_id(p): p for p in partitions}
    with faults():
        documents: list[dict[str, Any]] = await database[COLLECTION].find({"_id": {"$in": list(by_id)}}).to_list(None)
    return {by_id[document["_id"]]: document["next"] for document in documents}


async def rewind(database: Database, partition: Partition, to: int) -> None:
    """Only for a topic that was made anew: what is read again is known by its sequence or its claim."""
    with faults():
        await database[COLLECTION].update_one({"_id": position_id(partition)}, {"$set": {"next": to}})
