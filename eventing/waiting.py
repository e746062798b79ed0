"""What operators are shown of the outboxes: the rows that wait for a relay."""

from collections.abc import Mapping, Sequence
from typing import Any

from eventing.clock import system_now
from eventing.http import Page, listing, unknown_cursor
from eventing.mongo import Database, faults
from eventing.outbox import Source


async def rows(database: Database, outboxes: Sequence[Source], at: Page) -> dict[str, Any]:
    """One page: one outbox after the other, each in the order in which it is published.

    Raises ProblemError 422 for a cursor of another list.
    """
    after = _place(outboxes, at.cursor)
    begun = next((number for number, source in enumerate(outboxes) if source.collection == after.get("outbox")), 0)
    found: list[dict[str, Any]] = []
    for source in outboxes[begun:]:
        wanted = database[source.collection].find({**source.waiting, **_beyond(source, after)}, {"value": 0})
        with faults():
            some = await wanted.sort(_order(source)).limit(at.to_read - len(found)).to_list(None)
        found += [{"outbox": source.collection, **row} for row in some]
        if len(found) == at.to_read:
            break
        after = {}
    shown, last = at.cut(found)
    order = {source.collection: dict(_order(source)) for source in outboxes}
    ended = last and {name: last[name] for name in ("outbox", *order[last["outbox"]])}
    return listing([_shown(row) for row in shown], ended)


def _place(outboxes: Sequence[Source], cursor: Any) -> Mapping[str, Any]:
    """Where the last page ended: the outbox, and what its row is sorted by."""
    if cursor is None:
        return {}
    if isinstance(cursor, dict) and all(map(_can_be_stored, cursor.values())):
        for source in outboxes:
            if cursor.keys() == {"outbox", *dict(_order(source))} and cursor["outbox"] == source.collection:
                return cursor
    raise unknown_cursor()


def _can_be_stored(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and value.bit_length() < 64)


def _order(source: Source) -> list[tuple[str, int]]:
    """As it is published. Rows of one key on several topics may stand at one place: by id each has its own."""
    return [*source.order, ("_id", 1)]


def _beyond(source: Source, after: Mapping[str, Any]) -> dict[str, Any]:
    """The condition that a row comes after that one, in the source's order."""
    if not after:
        return {}
    names = [name for name, _ in _order(source)]
    same = [{earlier: after[earlier] for earlier in names[:number]} for number in range(len(names))]
    return {"$or": [{**equal, name: {"$gt": after[name]}} for equal, name in zip(same, names, strict=True)]}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["_id"], "outbox": row["outbox"], "topic": row["topic"], "key": row["key"],
        "sequence": row.get("sequence"), "lane": row["lane"], "at": row["at"],
        "age_seconds": int((system_now() - row["at"]).total_seconds()),
    }  # fmt: skip
