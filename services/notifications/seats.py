"""Seats in sessions: confirmed, changed, cancelled. Pure.

What was written last about a seat is part of what is known of it (`told_revision`), so that of two changes in a row
each is told once, and a calendar file always raises the SEQUENCE of the one before.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from contracts.kinds import SessionKind
from services.notifications.news import News
from services.notifications.standing import Group
from services.notifications.state import Educator, Kind, Message, Reservation, Session, told_key

KINDS = frozenset({Kind.RESERVATION_CONFIRMED, Kind.SESSION_CHANGED, Kind.SESSION_CANCELLED})


def of(group: Group, sessions: Mapping[str, Session], fresh: Iterable[Reservation], now: datetime) -> Iterator[News]:
    """What should be written about the group's seats. `fresh`: those that were reserved or given up lately."""
    lately = set(fresh)
    for seat in seats(group).values():
        session = sessions.get(seat.session_id)
        if session is None or session.ends_at <= now:
            continue
        news = _news(group.id, _as_told_to(group, seat), session, seat in lately, now)
        if news is not None:
            yield news


def seats(group: Group) -> dict[str, Reservation]:
    """One seat a session: of a double that merged accounts hold, the one that is kept."""
    found: dict[str, Reservation] = {}
    for _, seat in sorted(group.reservations, key=lambda pair: (pair[1].cancelled, pair[1].told_revision is None)):
        found.setdefault(seat.session_id, seat)
    return found


def _as_told_to(group: Group, seat: Reservation) -> Reservation:
    """A seat that was confirmed while a merge now undone lasted was confirmed to the other's address."""
    heard = told_key(Kind.RESERVATION_CONFIRMED, seat.session_id, seat.cause) in group.told
    return seat if heard or seat.cancelled else replace(seat, told_revision=None)


def held(
    group: Group, sessions: Mapping[str, Session], kind: SessionKind, credential_id: str | None = None
) -> list[Session]:
    """The sessions of this kind (for this micro-credential) that a seat is held in, and that take place."""
    return [
        session
        for seat in seats(group).values()
        if (session := sessions.get(seat.session_id)) is not None
        and not (seat.cancelled or session.cancelled)
        and session.kind is kind
        and (credential_id is None or seat.micro_credential_id == credential_id)
    ]


def _news(educator_id: str, seat: Reservation, session: Session, lately: bool, now: datetime) -> News | None:
    kind, cause, moment = None, seat.cause, seat.heard_at
    if seat.cancelled:
        if seat.told_revision is not None and not session.cancelled:
            kind = Kind.SESSION_CANCELLED
    elif seat.told_revision is None and lately:
        kind = Kind.RESERVATION_CONFIRMED
        if session.cancelled:  # before we could confirm the seat: without a word they would come in vain
            kind, cause = Kind.SESSION_CANCELLED, f"revision {session.revision}"
    elif session.revision > (seat.told_revision or 0) and session.heard_at is not None:
        kind = Kind.SESSION_CANCELLED if session.cancelled else Kind.SESSION_CHANGED
        cause, moment = f"revision {session.revision}", session.heard_at
    if kind is None:
        return None
    message = Message(
        kind,
        educator_id,
        seat.session_id,
        cause,
        now,
        seat.micro_credential_id,
        seat.session_id,
        facts={
            "revision": session.revision,
            "sequence": seat.sequence + 1,
            "calendar_of": seat.calendar_of or educator_id,
        },
    )
    return News(message, (moment,))


def holds(message: Message, group: Group, sessions: Mapping[str, Session], now: datetime) -> bool:
    """Is what a message about a seat says still so?"""
    seat = seats(group).get(message.subject)
    session = sessions.get(message.subject)
    if seat is None or session is None or session.ends_at <= now:
        return False
    match message.kind:
        case Kind.RESERVATION_CONFIRMED:
            return not seat.cancelled and seat.cause == message.cause and not session.cancelled
        case Kind.SESSION_CHANGED:
            return not seat.cancelled and not session.cancelled and session.revision == message.facts["revision"]
        case _:
            return session.cancelled or (seat.cancelled and seat.cause == message.cause)


def after_telling(member: Educator, messages: Iterable[Message]) -> Educator:
    """The account once these messages about seats are made."""
    told = dict(member.reservations)
    for message in messages:
        seat = told.get(message.subject)
        if seat is not None and message.kind in KINDS:
            facts = message.facts
            told[message.subject] = replace(
                seat,
                told_revision=int(facts["revision"]),
                sequence=max(seat.sequence, int(facts["sequence"])),
                calendar_of=seat.calendar_of if seat.sequence >= 0 else str(facts["calendar_of"]),
            )
    return replace(member, reservations=told)
