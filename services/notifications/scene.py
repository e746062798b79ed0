"""What a letter is written from, and what it is: the facts of one message, ready for its template. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.program import Program, Programs
from contracts.program_year import Contact
from services.notifications import checklist, words
from services.notifications.checklist import Action, Checklist
from services.notifications.standing import Group
from services.notifications.state import Kind, Message, Reservation, Session


class NothingToSayError(LookupError):
    """What the message is about is not known (any more)."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What a calendar file says."""

    session: Session
    sequence: int
    cancelled: bool
    calendar_of: str  # the account whose id makes its UID


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, ready for its template."""

    kind: Kind
    first_name: str
    program: Program
    about: Mapping[str, Any]
    contact: Contact
    action: Action | None = None
    checklists: tuple[Checklist, ...] = ()
    seat: Seat | None = None


@dataclass(frozen=True)
class Scene:
    """Everything that a letter is written from."""

    message: Message
    group: Group
    sessions: Mapping[str, Session]
    programs: Programs
    eligible: frozenset[str]
    portal_url: str
    now: datetime
    program: Program = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", self.programs.current(self.now))

    def title(self, credential_id: str | None) -> str:
        return checklist.title(credential_id, self.programs, self.program)

    def checklist(self, credential_id: str | None = None) -> Checklist:
        return checklist.of(
            credential_id or self.message.micro_credential_id or "", self.group, self.sessions, self.programs, self.now
        )

    def letter(self, contact: Contact, action: Action | None = None, *lists: Checklist, **about: Any) -> Letter:
        profile = self.group.profile
        if profile is None:
            raise NothingToSayError("no profile")
        name = words.first_name(profile.name)
        return Letter(self.message.kind, name, self.program, about, contact, action, lists)

    def next_step(self, listed: Checklist, **about: Any) -> Letter:
        """A letter with a checklist and the first open step as its action."""
        action = checklist.next_action(listed, self.portal_url)
        return self.letter(action.contact if action else self.program.contacts.program, action, listed, **about)


def seat_action(scene: Scene, session: Session, *, cancelled: bool) -> Action:
    contact = scene.program.contacts.clock_hours
    if cancelled:
        return Action("Choose another session", scene.portal_url, contact)
    if session.registration_url is None:
        return Action("See your course registration", scene.portal_url, contact)
    return Action("See the session's page", session.registration_url, contact)


def session_facts(scene: Scene, session: Session, seat: Reservation | None) -> dict[str, Any]:
    zone = scene.program.zone
    credential_id = seat.micro_credential_id if seat else None
    return {
        "session_title": words.shortened(session.title),
        "session_kind": session.kind.value,
        "when": words.span(session.starts_at, session.ends_at, zone),
        "where": session.location,
        "page": session.registration_url,
        "credential": scene.title(credential_id) if credential_id else None,
        "by_organizer": session.cancelled,
        "reason": session.reason,
    }
