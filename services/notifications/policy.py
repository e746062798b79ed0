"""Which messages are due, and whether one still is when it would be sent: pure functions of (state, programme, now).

Messages follow from what is known, not from the order in which it came: whichever event completes what a message needs
makes it due. What was heard of, or happened, more than a week ago is never written about, so a replay sends nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.program import Programs
from services.notifications import news, reminders, seats
from services.notifications.reasons import Drop
from services.notifications.standing import Group
from services.notifications.state import Educator, Kind, Message, Session

FRESH = timedelta(days=7)

Sessions = Mapping[str, Session]


def due(group: Group, sessions: Sessions, programs: Programs, now: datetime) -> list[Message]:
    """The messages to be made now, each once. None before there is somebody to write to, none after erasure."""
    if group.erased or group.profile is None:
        return []
    made: dict[str, Message] = {}
    for found in _news(group, sessions, programs, now):
        message = found.message
        if message.key not in group.told and all(is_fresh(moment, now) for moment in found.moments):
            made.setdefault(message.key, replace(message, told=(message.key,)))
    return list(made.values())


def obstacle(message: Message, group: Group, sessions: Sessions, programs: Programs, now: datetime) -> Drop | None:
    """Why the message must not go out any more; None: send it."""
    if group.erased:
        return Drop.ERASED
    if message.kind.is_reminder and group.unsubscribed:
        return Drop.UNSUBSCRIBED
    if not is_fresh(message.due_at, now):
        return Drop.TOO_OLD
    if message.kind is Kind.WELCOME and message.educator_id != group.id:
        return Drop.CAUSE_GONE  # merged away before it went out: the kept account was welcomed
    return None if _holds(message, group, sessions, programs, now) else Drop.CAUSE_GONE


def is_fresh(moment: datetime, now: datetime) -> bool:
    return now - moment < FRESH


def after_telling(group: Group, messages: Iterable[Message]) -> list[Educator]:
    """The accounts once these messages are made. The one whose address they go to remembers them: it is told none of
    them again, merged or not, and an undone merge leaves the other to hear what it never had.
    """
    messages = tuple(messages)
    keys = frozenset(key for message in messages for key in message.told)
    heard = [replace(m, told=m.told | keys) if m is group.named else m for m in group.members]
    return [seats.after_telling(member, messages) for member in heard]


def eligible(group: Group, programs: Programs, now: datetime) -> frozenset[str]:
    """The micro-credentials of the group that can earn clock hours."""
    prefer = programs.current(now)
    listed = {id_: programs.catalogue_entry(id_, prefer) for id_ in group.credentials}
    return frozenset(id_ for id_, entry in listed.items() if entry is not None and entry.eligible)


def _news(group: Group, sessions: Sessions, programs: Programs, now: datetime) -> Iterator[news.News]:
    yield from news.of(group, eligible(group, programs, now), now)
    lately = (seat for _, seat in group.reservations if is_fresh(seat.heard_at, now))
    yield from seats.of(group, sessions, lately, now)


def _holds(message: Message, group: Group, sessions: Sessions, programs: Programs, now: datetime) -> bool:
    if message.kind in seats.KINDS:
        return seats.holds(message, group, sessions, now)
    if message.kind.is_reminder:
        open_now = reminders.open_items(group, sessions, programs, eligible(group, programs, now))
        return any(item.key == message.key and item.at <= now < item.until for item in open_now)
    facts = news.of(group, eligible(group, programs, now), now)
    return any(found.message.key == message.key for found in facts)
