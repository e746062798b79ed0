"""Transcripts: what one says, under which number it is issued, and how typst sets it.

A GET may be repeated: while the content is what was last issued it answers with that issue. Changed content is a new
issue with a number of its own, which names the one that it replaces (docs/decisions/0503-transcripts.md).
"""

import asyncio
import importlib.resources
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import typst

from contracts.hours import shown
from contracts.program import Program, Programs
from eventing.batch import Batch
from eventing.http import ProblemError
from eventing.mongo import Database
from eventing.transient import repeat
from services.clockhours.answers import ContactView, TranscriptEntry, TranscriptView
from services.clockhours.export import title_of
from services.clockhours.policy import root_of
from services.clockhours.state import Account, Entry
from services.clockhours.store import Tx
from services.clockhours.views import unreversed

TEMPLATE = Path(__file__).with_name("transcript.typ")
FONT_PACKAGES = ("manimgx_fonts", "noto_cjk_sans_otc")  # Noto Sans by script; Chinese, Japanese and Korean


async def issue(database: Database, educator_id: str, programs: Programs, now: datetime) -> TranscriptView:
    """The educator's current transcript, issued anew if it says something else than the last one.

    Raises ProblemError 404 for an id never seen, 410 after erasure.
    """

    async def unit() -> TranscriptView:
        async with Tx.begin(database, Batch.none(), now) as tx:
            await tx.load([educator_id])
            accounts = tx.joined([educator_id])
            root = root_of(educator_id, accounts)
            members = sorted({root, *accounts})  # in one order whichever is asked for: of several names it is the same
            if root in accounts and accounts[root].erased:  # an erasure is told of each account of the person
                raise ProblemError(410, "erased", "The educator's personal data was erased.")
            names = [name for id in (root, *members) if (name := await tx.name(id)) is not None]
            if not names and not accounts:
                raise ProblemError(404, "not_found", "Nothing is known of this educator.")
            entries = unreversed(await tx.entries(members))
            titles = await tx.titles(entry.session_id for entry in entries if entry.session_id is not None)
            person = _Person(root, names[0] if names else {})
            content = _content(person, entries, titles, programs, now)
            last = await tx.last_transcript(members)
            if last is not None and last.get("digest") == _digest(content):
                return _numbered(content, last)
            # Whoever waited for its turn has an earlier time than the issue it follows on; the newest has the latest.
            issued_at = max(now, last["issued_at"]) if last else now
            issued = await tx.issue_transcript(
                root,
                _digest(content),
                replaces=last["_id"] if last else None,
                issued_at=issued_at,
                local_year=_local(issued_at, programs).year,
            )
            for account in _showing(accounts, root, entries):
                tx.mark(account)  # a reversal at the same time changes the same document, so one sees the other
            await tx.write()
            return _numbered(content, issued)

    return await repeat(unit)


@dataclass(frozen=True, slots=True)
class _Person:
    educator_id: str
    name: Mapping[str, Any]


def _content(
    person: _Person, entries: Iterable[Entry], titles: Mapping[str, str], programs: Programs, now: datetime
) -> TranscriptView:
    """What a transcript says, but for its number."""
    year = programs.current(now)
    lines = tuple(_line(entry, title_of(entry, titles, programs), year) for entry in entries)
    contact = year.contacts.clock_hours
    return TranscriptView(
        number="",
        issued_at=now,
        replaces=None,
        educator_id=person.educator_id,
        name=person.name.get("name"),
        certificate_number=person.name.get("certificate_number"),
        entries=tuple(sorted(lines, key=lambda line: (line.completed_at, line.entry_id))),
        total_minutes=sum(line.minutes for line in lines),
        total_hours=shown(sum(line.minutes for line in lines)),
        provider=year.association,
        contact=ContactView(name=contact.name, email=contact.email, url=contact.url),
    )


def _line(entry: Entry, title: str, year: Program) -> TranscriptEntry:
    return TranscriptEntry(
        entry_id=entry.entry_id,
        kind=entry.kind,
        title=title,
        micro_credential_id=entry.micro_credential_id,
        session_id=entry.session_id,
        completed_at=entry.completed_at,
        completed_on=year.local_date(entry.completed_at).isoformat(),
        minutes=entry.minutes,
        hours=shown(entry.minutes),
        designations=entry.designations,
    )


def _digest(content: TranscriptView) -> str:
    said = content.model_dump(mode="json", exclude={"number", "issued_at", "replaces"})
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _numbered(content: TranscriptView, issued: Mapping[str, Any]) -> TranscriptView:
    about = {"number": issued["_id"], "issued_at": issued["issued_at"], "replaces": issued["replaces"]}
    return content.model_copy(update=about)


def _local(now: datetime, programs: Programs) -> date:
    return programs.current(now).local_date(now)


def _showing(accounts: Mapping[str, Account], root: str, entries: Iterable[Entry]) -> Iterable[Account]:
    """The accounts whose entries the transcript shows, with that noted; the root in any case."""
    shown_ids: dict[str, set[str]] = {root: set()}
    for entry in entries:
        shown_ids.setdefault(entry.educator_id, set()).add(entry.entry_id)
    for id, entry_ids in shown_ids.items():
        account = accounts.get(id) or Account(id)
        yield replace(account, on_transcript=account.on_transcript | entry_ids)


# -- typesetting


async def pdf(transcript: TranscriptView, programs: Programs) -> bytes:
    """The transcript to print. Set in a thread: it takes a tenth of a second of a processor."""
    return await asyncio.to_thread(typeset, transcript, programs)


def typeset(transcript: TranscriptView, programs: Programs, *, form: Any = "pdf") -> bytes:
    """One page while it fits. Names are data, never markup; a letter that no font has is a box, and no fault."""
    year = programs.current(transcript.issued_at)
    issued = transcript.issued_at.astimezone(year.zone)
    data = transcript.model_dump(mode="json") | {
        "issued_on": f"{issued:%B} {issued.day}, {issued:%Y, %H:%M %Z}",
        "name": transcript.name or transcript.educator_id,
        "certificate_number": transcript.certificate_number or "—",
        "by_designation": _by_designation(transcript),
    }
    set_ = typst.compile(
        TEMPLATE.read_bytes(),
        format=form,
        font_paths=_fonts(),
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=int(transcript.issued_at.timestamp()),
    )
    return bytes(set_)


def _by_designation(transcript: TranscriptView) -> list[dict[str, str]]:
    minutes: Counter[str] = Counter()
    for entry in transcript.entries:
        minutes.update(dict.fromkeys(entry.designations, entry.minutes))
    return [{"designation": id, "hours": shown(minutes[id])} for id in sorted(minutes)]


@cache
def _fonts() -> typst.Fonts:
    """The fonts of typst and of our packages alone: the same page on every machine."""
    folders = [str(importlib.resources.files(package)) for package in FONT_PACKAGES]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)
