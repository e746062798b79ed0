"""Reads that change nothing: an educator's clock hours, and the list of exceptions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.kinds import EntryKind, ExceptionKind, ExceptionStatus
from contracts.program import Programs
from eventing.http import Page
from eventing.mongo import Database, faults
from services.clockhours.answers import ClockHoursView, EntryView, ExceptionView, HeldView, RenewalView
from services.clockhours.policy import root_of
from services.clockhours.state import Entry, HeldRow
from services.clockhours.store import Tx


async def clock_hours(database: Database, educator_id: str, programs: Programs, now: datetime) -> ClockHoursView:
    """All that the ledger knows of one educator, as of one moment; zeros for an id never seen."""
    async with Tx.reading(database, now) as tx:  # one snapshot of entries, held rows and exceptions
        await tx.load([educator_id])
        accounts = tx.joined([educator_id])
        root = root_of(educator_id, accounts)
        members = {root, *accounts}
        entries = await tx.entries(members)
        exceptions = await tx.exceptions_of(members)
    held = accounts[root].held if root in accounts else {}
    by_designation = minutes_by_designation(entries, programs)
    return ClockHoursView(
        educator_id=root,
        orientation_completed_at=_oriented_at(entries),
        total_minutes=sum(entry.minutes for entry in entries),
        by_designation=by_designation,
        renewal=tuple(
            RenewalView(
                designation=designation.id,
                required_minutes=designation.renewal_minutes,
                earned_minutes=by_designation[designation.id],
            )
            for designation in programs.designations
            if designation.renewal_minutes is not None
        ),
        entries=tuple(entry_view(entry) for entry in entries),
        held=tuple(held_view(held[id]) for id in sorted(held)),
        # What resolved is history, and on the list of staff: the record is the same for every order of arrival.
        exceptions=tuple(exception_view(e) for e in exceptions if e["status"] != ExceptionStatus.RESOLVED),
    )


def minutes_by_designation(entries: Sequence[Entry], programs: Programs) -> dict[str, int]:
    """The minutes of each designation of the loaded years, reversals taken off; in full under each of several."""
    minutes = {designation.id: 0 for designation in programs.designations}
    for entry in entries:
        for designation in entry.designations:
            minutes[designation] = minutes.get(designation, 0) + entry.minutes
    return minutes


def unreversed(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that stand, in granting order."""
    gone = {entry.reverses for entry in entries}
    return [entry for entry in entries if entry.reverses is None and entry.entry_id not in gone]


def _oriented_at(entries: Sequence[Entry]) -> datetime | None:
    return next((e.completed_at for e in unreversed(entries) if e.kind is EntryKind.ORIENTATION), None)


async def exceptions(
    database: Database,
    at: Page,
    *,
    status: ExceptionStatus | None,
    kind: ExceptionKind | None,
    educator_id: str | None,
    now: datetime,
) -> tuple[list[ExceptionView], Any]:
    """A page of the list, the oldest first, and where the next one begins. An educator's are those of all accounts."""
    query: dict[str, Any] = {}
    if status is not None:
        query["status"] = status.value
    if kind is not None:
        query["kind"] = kind.value
    if educator_id is not None:
        query["educator_id"] = {"$in": await _accounts_of(database, educator_id, now)}
    if (begins := at.moment) is not None:
        opened_at, id_ = begins
        query["opened_at"] = {"$gte": opened_at}  # says nothing more, but where in the index to begin
        query["$or"] = [{"opened_at": {"$gt": opened_at}}, {"opened_at": opened_at, "_id": {"$gt": id_}}]
    with faults():
        found = database["exceptions"].find(query).sort([("opened_at", 1), ("_id", 1)]).limit(at.to_read)
        rows = await found.to_list(None)
    rows, last = at.cut(rows)
    return [exception_view(row) for row in rows], last and [last["opened_at"].isoformat(), last["_id"]]


async def _accounts_of(database: Database, educator_id: str, now: datetime) -> list[str]:
    async with Tx.reading(database, now) as tx:
        await tx.load([educator_id])
        return sorted({educator_id, *tx.joined([educator_id])})


def entry_view(entry: Entry) -> EntryView:
    return EntryView(
        entry_id=entry.entry_id,
        kind=entry.kind,
        minutes=entry.minutes,
        micro_credential_id=entry.micro_credential_id,
        session_id=entry.session_id,
        designations=entry.designations,
        completed_at=entry.completed_at,
        registered_at=entry.registered_at,
        granted_at=entry.granted_at,
        reverses=entry.reverses,
        program_year=entry.program_year,
    )


def held_view(row: HeldRow) -> HeldView:
    return HeldView(micro_credential_id=row.micro_credential_id, minutes=row.minutes, missing=row.missing)


def exception_view(document: Mapping[str, Any]) -> ExceptionView:
    return ExceptionView(
        exception_id=document["_id"],
        kind=ExceptionKind(document["kind"]),
        educator_id=document["educator_id"],
        micro_credential_id=document["micro_credential_id"],
        session_id=document["session_id"],
        submission_id=document["submission_id"],
        attempt=document["attempt"],
        status=ExceptionStatus(document["status"]),
        opened_at=document["opened_at"],
        by=document.get("by"),
        reason=document.get("reason"),
    )
