"""What must have been there, since something else tells of it: for whoever adds up the books."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from eventing.lanes import COLLECTION, slug
from eventing.mongo import Database

Row = dict[str, Any]


def missing(
    database: Database, collection: str, told_by: str, limit: int, *stages: Mapping[str, Any]
) -> AsyncIterator[Row]:
    """The rows of `told_by`, as the stages leave them, whose `_id` is that of no document of the collection."""
    there = {"from": collection, "localField": "_id", "foreignField": "_id", "as": "there"}
    absent = [{"$lookup": there}, {"$match": {"there": []}}, {"$limit": limit}]
    found: AsyncIterator[Row] = database[told_by].aggregate([*stages, *absent], allowDiskUse=True)
    return found


def missing_though_published(database: Database, collection: str, topic: str, limit: int) -> AsyncIterator[Row]:
    """The lanes of keys under which we published on a topic, and of which the collection has no document."""
    published = {"$match": {f"sent.{slug(topic)}": {"$gt": 0}}}
    return missing(database, collection, COLLECTION, limit, published)
