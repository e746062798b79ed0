"""Proving the books: what the ledger holds against what is due, recomputed from what was told.

Reads only. `wea check` goes through all educators with it, a page at a time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from contracts import topics
from contracts.program import Programs
from eventing.missing import missing, missing_though_published
from eventing.mongo import Database, faults
from services.clockhours.answers import Book, BooksView
from services.clockhours.ledger import subject_of
from services.clockhours.policy import decide, groups
from services.clockhours.state import Account, Entry, Granted, Held, Reversed
from services.clockhours.store import Tx

MOST_LOST = 100
AT_ONCE = 200


async def check(
    database: Database, programs: Programs, now: datetime, *, after: str = "", most: int | None = None
) -> tuple[BooksView, str | None]:
    """Look at the educators by id, all of them or at most so many. Answers what is wrong, and where to go on."""
    view = BooksView(educators=0, entries=0, total_minutes=0, problems=(), next=None)
    if not after:
        view = view.model_copy(update={"problems": (*await _orphans(database), *await _unsent(database))})
    while True:
        ids, found = await _next_educators(database, programs, now, after, most or AT_ONCE)
        view = BooksView(
            educators=view.educators + found.educators,
            entries=view.entries + found.entries,
            total_minutes=view.total_minutes + found.total_minutes,
            problems=(*view.problems, *found.problems),
            next=None,
        )
        if len(ids) < (most or AT_ONCE):
            return view, None
        after = ids[-1]
        if most is not None:
            return view, after


async def _next_educators(
    database: Database, programs: Programs, now: datetime, after: str, most: int
) -> tuple[list[str], BooksView]:
    """The next educators, as of one moment."""
    async with Tx.reading(database, now) as tx:
        ids = await tx.educators_after(after, most=most)
        await tx.load(ids)
        joined = {min(group): group for id in ids if (group := tx.joined([id]))}
        ledger = {first: await tx.entries(group) for first, group in joined.items() if first > after}
    found = [one for first, entries in ledger.items() for one in problems(joined[first], entries, programs, now)]
    lines = [entry for entries in ledger.values() for entry in entries]
    total = sum(entry.minutes for entry in lines)
    return ids, BooksView(educators=len(ids), entries=len(lines), total_minutes=total, problems=tuple(found), next=None)


def problems(
    accounts: dict[str, Account], entries: Sequence[Entry], programs: Programs, now: datetime
) -> Iterator[Book]:
    """What is wrong with the accounts that are joined to one educator, and with their ledger."""
    known = {entry.entry_id: entry for entry in entries}
    reversed_ids = Counter(entry.reverses for entry in entries if entry.reverses is not None)
    for entry_id, count in reversed_ids.items():
        original = known.get(entry_id)
        if original is None:
            yield Book(educator_id=None, problem="reverses_nothing", about=entry_id)
        elif count > 1:
            yield Book(educator_id=original.educator_id, problem="reversed_twice", about=entry_id)
    for entry in entries:
        if entry.reverses in known and known[entry.reverses].minutes != -entry.minutes:
            yield Book(educator_id=entry.educator_id, problem="reversal_of_other_minutes", about=entry.entry_id)
    live = {e.entry_id: e for e in entries if e.reverses is None and e.entry_id not in reversed_ids}
    yield from _kept_otherwise(accounts, live)
    for root, members in groups(accounts).items():
        counted = Counter(subject_of(entry) for entry in live.values() if entry.educator_id in members)
        for (kind, subject), count in counted.items():
            if count > 1:
                yield Book(educator_id=root, problem="granted_twice", about=f"{kind} {subject}")
        mine = [entry for entry in entries if entry.educator_id in members]
        balance = sum(entry.minutes for entry in mine)
        if balance != sum(entry.minutes for entry in live.values() if entry.educator_id in members):
            yield Book(educator_id=root, problem="balance_is_no_sum", about=str(balance))
        for before, after in pairwise(mine):
            if after.granted_at < before.granted_at:
                yield Book(educator_id=root, problem="granted_at_falls", about=after.entry_id)
    yield from _judged_anew(accounts, programs, now)


def _kept_otherwise(accounts: dict[str, Account], live: dict[str, Entry]) -> Iterator[Book]:
    """The account's own list of unreversed entries is what decisions are made by: it must be the ledger's."""
    kept = {entry.entry_id: entry for account in accounts.values() for entry in account.live.values()}
    for entry_id in sorted(kept.keys() | live.keys()):
        if kept.get(entry_id) == live.get(entry_id):
            continue
        owner = (kept.get(entry_id) or live[entry_id]).educator_id
        yield Book(educator_id=owner, problem="account_and_ledger_differ", about=entry_id)


def _judged_anew(accounts: dict[str, Account], programs: Programs, now: datetime) -> Iterator[Book]:
    """Each due award has one live entry and none is without cause: judging again would change nothing."""
    for outcome in decide(accounts, None, programs, now).outcomes:
        match outcome:
            case Granted(entry):
                yield Book(educator_id=entry.educator_id, problem="due_and_not_granted", about=_subject(entry))
            case Reversed(entry):
                yield Book(educator_id=entry.educator_id, problem="granted_and_not_due", about=_subject(entry))
            case Held(row):
                yield Book(educator_id=row.educator_id, problem="held_row_is_old", about=row.micro_credential_id)
            case _:  # exceptions that are due by the clock open when their timer comes by
                pass


def _subject(entry: Entry) -> str:
    return f"{entry.kind} {entry.subject}".strip()


async def _orphans(database: Database) -> Iterable[Book]:
    """Educators who have entries, or of whom we have told, and of whom nothing is known any more."""
    by_educator = {"$group": {"_id": "$educator_id"}}
    with faults():
        granted = missing(database, "educators", "entries", MOST_LOST, by_educator)
        problem = {row["_id"]: "entries_without_account" async for row in granted}
        told = missing_though_published(database, "educators", topics.CLOCKHOURS.name, MOST_LOST)
        problem = {row["_id"]: "account_is_lost" async for row in told} | problem
    return [Book(educator_id=id_, problem=what, about=id_) for id_, what in problem.items()]


async def _unsent(database: Database) -> Iterable[Book]:
    """Events that the relay has not published. A few moments after the last event there are none."""
    with faults():
        rows = await database["outbox"].count_documents({})
    return [Book(educator_id=None, problem="outbox_not_empty", about=f"{rows} rows")] if rows else []
