"""What a message says: the facts that its template needs, from what is known when it is sent. Pure.

The words are in templates/; here is only what they speak of.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from contracts.hours import shown
from contracts.kinds import MissingStep
from contracts.program import Program
from services.notifications import checklist, reminder_letters, reversals, seats, words
from services.notifications.checklist import Action, Checklist
from services.notifications.scene import Letter, NothingToSayError, Scene, Seat, seat_action, session_facts
from services.notifications.standing import Credential
from services.notifications.state import Attempt, Entry, Kind


def write(scene: Scene) -> Letter:
    """Raises NothingToSayError."""
    return _WRITERS[scene.message.kind](scene)


def _welcome(scene: Scene) -> Letter:
    contact = scene.program.contacts.program
    action = Action("See sessions and register", scene.portal_url, contact)
    return scene.letter(contact, action, **_when_to_submit(scene))


def _when_to_submit(scene: Scene) -> dict[str, str | None]:
    """The next deadline that can be met, and where its year has yet to begin, its first day."""
    year = checklist.taking_submissions(scene.programs, scene.now)
    return {
        "opens": words.day(year.first_day) if year and scene.now < year.starts_at else None,
        "deadline": words.day(year.submission_deadline) if year else None,
    }


def _seat(scene: Scene) -> Letter:
    session = scene.sessions.get(scene.message.subject)
    seat = seats.seats(scene.group).get(scene.message.subject)
    if session is None or seat is None:
        raise NothingToSayError("session")
    facts = scene.message.facts
    cancelled = scene.message.kind is Kind.SESSION_CANCELLED
    letter = scene.letter(
        scene.program.contacts.clock_hours,
        seat_action(scene, session, cancelled=cancelled),
        **session_facts(scene, session, seat),
    )
    # A message that an older version queued names no account; it was the kept one.
    calendar = Seat(session, int(facts["sequence"]), cancelled, str(facts.get("calendar_of", scene.group.id)))
    return Letter(
        letter.kind, letter.first_name, letter.program, letter.about, letter.contact, letter.action, (), calendar
    )


def _orientation_completed(scene: Scene) -> Letter:
    open_lists = _open_lists(scene)
    if open_lists:
        return scene.next_step(open_lists[0], chosen=open_lists[0].title)
    nea = scene.program.contacts.nea_help_center
    action = Action("Choose a micro-credential", nea.url or scene.portal_url, nea)
    return scene.letter(nea, action, chosen=None, **_when_to_submit(scene))


def _open_lists(scene: Scene) -> list[Checklist]:
    lists = [scene.checklist(id_) for id_ in scene.group.credentials if id_ in scene.eligible]
    return [listed for listed in lists if not listed.granted]


def _workshop_attended(scene: Scene) -> Letter:
    listed = scene.checklist()
    workshop = next((a for a in scene.group.attendances if a.session_id == scene.message.session_id), None)
    ended_at = workshop.ended_at if workshop else scene.now
    return scene.next_step(listed, credential=listed.title, day=words.local_day(ended_at, scene.program.zone))


def _submitted(scene: Scene) -> Letter:
    listed = scene.checklist()
    submission_id, number = scene.message.cause.rsplit(" ", 1)
    found = [a for a in listed.credential.attempts if a.submission_id == submission_id and a.number == int(number)]
    if not found:
        raise NothingToSayError("attempt")
    attempt = found[0]
    program, deadline = _judged_by(attempt, listed.credential, scene)
    facts = {
        "credential": listed.title,
        "attempt": attempt.number,
        "submitted_on": words.local_day(attempt.submitted_at, program.zone),
        "submitted_at": words.clock_time(attempt.submitted_at, program.zone),
        "deadline": words.day(deadline),
        # A revision in time leaves what was late from the start late.
        "in_time": bool(attempt.on_time) and not listed.credential.late(submission_id),
    }
    if scene.message.kind is Kind.SUBMISSION_LATE:
        return scene.letter(scene.program.contacts.program, None, listed, **facts)
    letter = scene.next_step(listed, **facts)
    return letter if letter.action else scene.letter(scene.program.contacts.nea_help_center, None, listed, **facts)


def _judged_by(attempt: Attempt, credential: Credential, scene: Scene) -> tuple[Program, date]:
    """The year that governs an attempt's submission, and that of its deadlines which the attempt is judged by."""
    program = checklist.governing(credential, scene.programs, scene.now, attempt.submission_id)
    # A revision of what was late from the start is late by the first deadline.
    by_the_first = attempt.number == 1 or credential.late(attempt.submission_id)
    return program, program.submission_deadline if by_the_first else program.revision_deadline


def _reviewed(scene: Scene) -> Letter:
    listed = scene.checklist()
    found = [r for r in listed.credential.reviews if r.cause == scene.message.cause]
    if not found:
        raise NothingToSayError("review")
    review = found[-1]
    program = checklist.governing(listed.credential, scene.programs, scene.now, review.submission_id)
    nea = program.contacts.nea_help_center
    left = (program.revision_deadline - program.local_date(scene.now)).days
    closed = scene.now >= program.revision_closes
    url = listed.url or nea.url or scene.portal_url
    denied = scene.message.kind is Kind.SUBMISSION_DENIED
    action = (
        None if closed and not denied else Action("Open it at NEA" if denied else "Revise and submit again", url, nea)
    )
    return scene.letter(
        nea,
        action,
        listed,
        credential=listed.title,
        decision=review.decision.value,
        decided_on=words.local_day(review.decided_at, program.zone),
        deadline=words.day(program.revision_deadline),
        left=words.days_left(left),
        closed=closed,
    )


def _entry(scene: Scene) -> Entry:
    entry = next((e for e in scene.group.entries if e.entry_id == scene.message.cause), None)
    if entry is None:
        raise NothingToSayError("entry")
    return entry


def _balance(scene: Scene) -> dict[str, Any]:
    """The new total and the hours by designation, with what a renewal asks for."""
    rows = []
    for designation in scene.programs.designations:
        earned = scene.group.designation_minutes(designation.id)
        if earned or designation.renewal_minutes:
            needed = designation.renewal_minutes
            rows.append((designation.title, shown(earned), shown(needed) if needed else None))
    return {"total": words.clock_hours(scene.group.total_minutes), "designations": rows}


def _for(scene: Scene, entry: Entry) -> dict[str, Any]:
    """What an entry's hours are for."""
    session = scene.sessions.get(entry.session_id or "")
    return {
        "amount": words.clock_hours(abs(entry.minutes)),
        "for_kind": entry.kind.value,
        "credential": scene.title(entry.micro_credential_id) if entry.micro_credential_id else None,
        "session_title": words.shortened(session.title) if session else None,
        "completed_on": words.local_day(entry.completed_at, scene.program.zone),
    }


def _granted(scene: Scene) -> Letter:
    entry, contact = _entry(scene), scene.program.contacts.clock_hours
    titles = {d.id: d.title for d in scene.programs.designations}
    counts_for = words.listed([titles.get(d, d) for d in entry.designations])
    return scene.letter(contact, None, counts_for=counts_for, **_for(scene, entry), **_balance(scene))


def _held(scene: Scene) -> Letter:
    listed = scene.checklist()
    held = listed.credential.held
    if held is None:
        raise NothingToSayError("held")
    credential, late = listed.credential, None
    if MissingStep.ON_TIME_SUBMISSION in held.missing:  # a first attempt that nobody told us of is missing, not late
        awarded = credential.award.submission_id if credential.award else None
        found = (a for a in credential.attempts if a.on_time is False)
        late = max(found, key=lambda a: (a.submission_id == awarded, a.submitted_at), default=None)
    return scene.next_step(
        listed,
        credential=listed.title,
        amount=words.clock_hours(held.minutes),
        missing=[m.value for m in held.missing],
        deadline=words.day(_judged_by(late, credential, scene)[1]) if late else None,
    )


def _reversed(scene: Scene) -> Letter:
    entry = _entry(scene)
    why = reversals.why(entry, scene.group, scene.sessions.get(entry.session_id or ""))
    again = reversals.granted_anew(entry, scene.group)
    return scene.letter(
        scene.program.contacts.clock_hours,
        None,
        why=why.value,
        anew=words.clock_hours(again.minutes) if again else None,
        **_for(scene, entry),
        **_balance(scene),
    )


def _transcript_superseded(scene: Scene) -> Letter:
    contact = scene.program.contacts.clock_hours
    action = Action("Ask for a new transcript", f"mailto:{contact.email}", contact) if contact.email else None
    return scene.letter(contact, action, **_balance(scene))


_WRITERS: Mapping[Kind, Callable[[Scene], Letter]] = {
    Kind.WELCOME: _welcome,
    Kind.RESERVATION_CONFIRMED: _seat,
    Kind.SESSION_CHANGED: _seat,
    Kind.SESSION_CANCELLED: _seat,
    Kind.SESSION_REMINDER: reminder_letters.write,
    Kind.ORIENTATION_COMPLETED: _orientation_completed,
    Kind.WORKSHOP_ATTENDED: _workshop_attended,
    Kind.WORKSHOP_UNALLOCATED: reminder_letters.write,
    Kind.CLOCK_HOURS_REGISTRATION_MISSING: reminder_letters.write,
    Kind.NEA_REGISTRATION_MISSING: reminder_letters.write,
    Kind.STEPS_MISSING: reminder_letters.write,
    Kind.DEADLINE: reminder_letters.write,
    Kind.SUBMISSION_RECEIVED: _submitted,
    Kind.SUBMISSION_LATE: _submitted,
    Kind.SUBMISSION_RETURNED: _reviewed,
    Kind.SUBMISSION_DENIED: _reviewed,
    Kind.HOURS_GRANTED: _granted,
    Kind.HOURS_HELD: _held,
    Kind.HOURS_REVERSED: _reversed,
    Kind.TRANSCRIPT_SUPERSEDED: _transcript_superseded,
}
