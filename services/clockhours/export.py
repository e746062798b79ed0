"""The year's export for the state: one row a ledger entry, as CSV, streamed.

UTF-8 without a byte order mark, for programs read the header as it is (docs/decisions/0504-csv-without-a-mark.md);
`?bom=true` puts one in for Excel. RFC 4180: CRLF, quotes where needed. A text that a spreadsheet would take for a
formula gets an apostrophe in front, as spreadsheets themselves write it.
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.hours import shown
from contracts.kinds import EntryKind
from contracts.program import Programs
from eventing.mongo import Database, faults
from services.clockhours.documents import entry_of
from services.clockhours.policy import chain_end
from services.clockhours.state import Entry

COLUMNS = (
    "entry_id",
    "educator_id",
    "name",
    "certificate_number",
    "kind",
    "micro_credential_id",
    "session_id",
    "title",
    "hours",
    "designations",
    "completed_at",
    "registered_at",
    "granted_at",
    "reverses",
)
ROWS_AT_ONCE = 500
# What spreadsheets begin a formula with; the last ones are the full-width forms that some of them take as well.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


async def rows(database: Database, program_year: str, programs: Programs, *, bom: bool = False) -> AsyncIterator[str]:
    """The file, a few hundred rows at a time, by granted_at. Entries count for the kept id of a merge."""
    yield ("\ufeff" if bom else "") + _lines([COLUMNS])
    with faults():
        kept = await _kept(database)
        found = database["entries"].find({"program_year": program_year})
        found = found.sort([("granted_at", 1), ("ordinal", 1), ("_id", 1)]).batch_size(ROWS_AT_ONCE)
        chunk: list[Entry] = []
        async for document in found:
            chunk.append(entry_of(document))
            if len(chunk) == ROWS_AT_ONCE:
                yield await _chunk(database, chunk, kept, programs)
                chunk = []
        if chunk:
            yield await _chunk(database, chunk, kept, programs)


async def has_entries(database: Database, program_year: str) -> bool:
    with faults():
        return await database["entries"].find_one({"program_year": program_year}, {"_id": 1}) is not None


async def _kept(database: Database) -> dict[str, str]:
    """Who is merged, and whose account is kept."""
    # By the index of the merged alone: no other account is read, and accounts are long.
    found = database["educators"].find({"merged_into": {"$gt": ""}}, {"merged_into": 1})
    merged = {document["_id"]: document["merged_into"] async for document in found}
    return {id: chain_end(id, merged.get) for id in merged}


async def _chunk(database: Database, entries: Sequence[Entry], kept: Mapping[str, str], programs: Programs) -> str:
    people = {kept.get(entry.educator_id, entry.educator_id) for entry in entries}
    names = await _names(database, people, kept)
    sessions = await _by_id(database["sessions"], {entry.session_id for entry in entries if entry.session_id})
    titles = {id: session["title"] for id, session in sessions.items()}
    return _lines(
        _row(entry, educator_id, names.get(educator_id, {}), title_of(entry, titles, programs))
        for entry in entries
        for educator_id in [kept.get(entry.educator_id, entry.educator_id)]
    )


async def _names(database: Database, people: set[str], kept: Mapping[str, str]) -> dict[str, Any]:
    """Each by the name of the kept account; where that has none yet, of the first that has."""
    others = sorted((id for id, root in kept.items() if root in people), reverse=True)
    named = await _by_id(database["names"], people.union(others))
    return {kept[id]: named[id] for id in others if id in named} | {id: named[id] for id in people if id in named}


async def _by_id(collection: Any, ids: set[str]) -> dict[str, Any]:
    return {document["_id"]: document async for document in collection.find({"_id": {"$in": sorted(ids)}})}


def _row(entry: Entry, educator_id: str, name: Mapping[str, Any], title: str) -> Sequence[str]:
    return (
        entry.entry_id,
        harmless(educator_id),
        harmless(name.get("name")),
        harmless(name.get("certificate_number")),
        entry.kind.value,
        harmless(entry.micro_credential_id),
        harmless(entry.session_id),
        harmless(title),
        shown(entry.minutes),  # a number: minus is minus here
        harmless(";".join(entry.designations)),
        _moment(entry.completed_at),
        _moment(entry.registered_at),
        _moment(entry.granted_at),
        entry.reverses or "",
    )


def title_of(entry: Entry, sessions: Mapping[str, str], programs: Programs) -> str:
    """What the hours are for, in words: the catalogue's title of the entry's year, or the session's."""
    if entry.kind is EntryKind.MICRO_CREDENTIAL:
        listed = programs.catalogue_entry(entry.subject, programs.year(entry.program_year))
        return listed.title if listed else entry.subject
    plain = "WEA Orientation" if entry.kind is EntryKind.ORIENTATION else "WEA Workshop"
    return sessions.get(entry.session_id or "", plain)


def harmless(text: str | None) -> str:
    """A text cell that no spreadsheet runs."""
    if not text:
        return ""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _moment(moment: datetime | None) -> str:
    return moment.isoformat().replace("+00:00", "Z") if moment else ""


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
