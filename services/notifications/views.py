"""Reads that change nothing: messages, tasks, the stop switch, and what the progress page shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.hours import shown
from contracts.kinds import SessionKind
from contracts.program import Program, Programs
from eventing.http import Page
from eventing.mongo import Database, faults
from services.notifications import checklist, policy, seats, words
from services.notifications.checklist import Action, Checklist
from services.notifications.reasons import Drop, Failure, Task
from services.notifications.scene import Seat
from services.notifications.standing import Group
from services.notifications.state import Educator, Kind, Session, Status
from services.notifications.store import Tx, read_educators


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class MessageView(View):
    """One message in the list."""

    message_id: str
    kind: Kind
    educator_id: str | None = Field(description="Null: it goes to staff.")
    micro_credential_id: str | None
    session_id: str | None
    to: str | None
    subject: str
    status: Status
    created_at: datetime
    sent_at: datetime | None
    reason: str | None = Field(description="Why it was dropped, or failed.")
    meaning: str | None
    tries: int


class WholeMessage(MessageView):
    """One message as it was sent. The personal links are taken out: they are the educator's alone."""

    text: str | None
    html: str | None
    calendar: str | None
    due_at: datetime


class MessagesPage(View):
    items: tuple[MessageView, ...]
    next: str | None


class TaskView(View):
    """Something that staff should see to."""

    task_id: str
    kind: str
    meaning: str
    educator_id: str | None
    code: int | None
    status: str
    opened_at: datetime
    by: str | None = None
    reason: str | None = None


class TasksPage(View):
    items: tuple[TaskView, ...]
    next: str | None


class SwitchView(View):
    """Is all mail stopped, since when, by whom and why?"""

    stopped: bool
    since: datetime | None = None
    by: str | None = None
    reason: str | None = None


async def messages(
    database: Database, page: Page, *, educator_id: str | None, kind: Kind | None, status: Status | None
) -> tuple[list[MessageView], Any]:
    """The newest first. An educator's are those of all accounts that are this educator."""
    wanted: dict[str, Any] = {}
    if educator_id is not None:
        wanted["educator_id"] = {"$in": sorted(await _group_ids(database, educator_id))}
    if kind is not None:
        wanted["kind"] = kind.value
    if status is not None:
        wanted["status"] = status.value
    if (begins := page.moment) is not None:
        created_at, id_ = begins
        wanted["$or"] = [{"created_at": {"$lt": created_at}}, {"created_at": created_at, "_id": {"$gt": id_}}]
    with faults():
        found = database["messages"].find(wanted, {"text": 0, "html": 0, "calendar": 0})
        rows = await found.sort([("created_at", -1), ("_id", 1)]).limit(page.to_read).to_list(None)
    rows, last = page.cut(rows)
    return [message_view(row) for row in rows], last and [last["created_at"].isoformat(), last["_id"]]


async def _group_ids(database: Database, educator_id: str) -> set[str]:
    with faults():
        return set(await read_educators(database, [educator_id]))


def message_view(row: Mapping[str, Any]) -> MessageView:
    return MessageView(**_common(row))


def whole_message(row: Mapping[str, Any]) -> WholeMessage:
    parts: dict[str, Any] = {name: row.get(name) for name in ("text", "html", "calendar")}
    return WholeMessage(**_common(row), **parts, due_at=row["due_at"])


def _common(row: Mapping[str, Any]) -> dict[str, Any]:
    reason = row.get("reason")
    return {
        "message_id": row["_id"],
        "kind": row["kind"],
        "educator_id": row["educator_id"] or None,
        "micro_credential_id": row.get("micro_credential_id"),
        "session_id": row.get("session_id"),
        "to": row.get("to"),
        "subject": row.get("subject") or "",
        "status": row["status"],
        "created_at": row["created_at"],
        "sent_at": row.get("sent_at"),
        "reason": reason,
        "meaning": _meaning(reason),
        "tries": row.get("tries", 0),
    }


def _meaning(reason: str | None) -> str | None:
    if reason in set(Drop):
        return Drop(reason).meaning
    return Failure(reason).meaning if reason in set(Failure) else None


def task_view(row: Mapping[str, Any]) -> TaskView:
    return TaskView(
        task_id=row["_id"],
        kind=row["kind"],
        meaning=Task(row["kind"]).meaning,
        educator_id=row.get("educator_id") or None,
        code=row.get("code"),
        status=row["status"],
        opened_at=row["opened_at"],
        by=row.get("by"),
        reason=row.get("reason"),
    )


async def tasks(database: Database, page: Page, status: str | None) -> tuple[list[TaskView], Any]:
    """The oldest first."""
    wanted: dict[str, Any] = {"status": status} if status else {}
    if (begins := page.moment) is not None:
        opened_at, id_ = begins
        wanted["$or"] = [{"opened_at": {"$gt": opened_at}}, {"opened_at": opened_at, "_id": {"$gt": id_}}]
    with faults():
        found = database["tasks"].find(wanted)
        rows = await found.sort([("opened_at", 1), ("_id", 1)]).limit(page.to_read).to_list(None)
    rows, last = page.cut(rows)
    return [task_view(row) for row in rows], last and [last["opened_at"].isoformat(), last["_id"]]


async def switch(database: Database) -> SwitchView:
    with faults():
        found = await database["switch"].find_one({"_id": "mail"}) or {}
    return SwitchView(
        stopped=bool(found.get("stopped")), since=found.get("since"), by=found.get("by"), reason=found.get("reason")
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """What the progress page shows."""

    first_name: str
    program: Program
    orientation_on: str | None
    checklists: tuple[Checklist, ...]
    action: Action | None
    total: str
    designations: tuple[tuple[str, str, str | None], ...]
    unallocated: int
    coming: tuple[tuple[str, str, str | None, str | None], ...]
    seats: tuple[Seat, ...]
    educator_id: str
    as_of: str


async def progress(
    database: Database, educator: Educator, programs: Programs, portal_url: str, now: datetime
) -> Progress:
    """Everything of an account and of those merged into it."""
    async with Tx.reading(database, now) as tx:
        await tx.load([educator.id])
    group, sessions = tx.known.group(educator.id), tx.known.sessions
    program, eligible = programs.current(now), policy.eligible(group, programs, now)
    lists = tuple(checklist.of(id_, group, sessions, programs, now) for id_ in group.credentials if id_ in eligible)
    held = [(s, sessions.get(s.session_id)) for s in seats.seats(group).values() if not s.cancelled]
    ahead = [
        Seat(session, seat.sequence, False, seat.calendar_of or group.id)
        for seat, session in held
        if session is not None and not session.cancelled and session.ends_at > now
    ]
    ahead.sort(key=lambda seat: seat.session.starts_at)
    oriented, profile = group.orientation, group.profile
    return Progress(
        words.first_name(profile.name) if profile else "",
        program,
        words.local_day(oriented.ended_at, program.zone) if oriented else None,
        lists,
        _action(lists, group, [seat.session for seat in ahead], program, portal_url),
        words.clock_hours(group.total_minutes),
        tuple(designations(group, programs)),
        len(group.unallocated),
        tuple(coming(seat, program) for seat in ahead),
        tuple(ahead),
        group.id,
        f"{words.local_day(now, program.zone)}, {words.clock_time(now, program.zone)}",
    )


def _action(
    lists: tuple[Checklist, ...], group: Group, ahead: list[Session], program: Program, portal_url: str
) -> Action | None:
    found = (checklist.next_action(listed, portal_url) for listed in lists if not listed.granted)
    action = next((a for a in found if a is not None), None)
    reserved = any(session.kind is SessionKind.ORIENTATION for session in ahead)
    if action is None and group.orientation is None and not reserved:
        return Action("Reserve a seat in an Orientation", portal_url, program.contacts.clock_hours)
    return action


def designations(group: Group, programs: Programs) -> list[tuple[str, str, str | None]]:
    return [
        (
            d.title,
            shown(group.designation_minutes(d.id)),
            shown(d.renewal_minutes) if d.renewal_minutes else None,
        )
        for d in programs.designations
    ]


def coming(seat: Seat, program: Program) -> tuple[str, str, str | None, str | None]:
    session = seat.session
    when = words.span(session.starts_at, session.ends_at, program.zone)
    return words.shortened(session.title), when, session.location, session.registration_url
