"""What a reminder says: everything that is open and due, the most urgent first. Pure."""

from datetime import date
from typing import Any

from services.notifications import checklist, reminders, seats, words
from services.notifications.checklist import Action, Checklist
from services.notifications.scene import Letter, NothingToSayError, Scene, seat_action, session_facts
from services.notifications.state import Kind


def write(scene: Scene) -> Letter:
    """All that is open and due now; the message's own item comes first and gives it its subject."""
    now, told = scene.now, scene.message.told or (scene.message.key,)
    found = reminders.open_items(scene.group, scene.sessions, scene.programs, scene.eligible)
    items = {item.key: item for item in found if item.key in told}
    own = items.pop(scene.message.key, None)
    if own is None:
        raise NothingToSayError("open step")
    ids = dict.fromkeys(
        (*own.micro_credential_ids, *(id_ for item in items.values() for id_ in item.micro_credential_ids))
    )
    lists = tuple(scene.checklist(id_) for id_ in ids)
    facts: dict[str, Any] = {
        "credentials": [scene.title(id_) for id_ in own.micro_credential_ids],
        "also": [_also(scene, item) for item in sorted(items.values(), key=lambda i: reminders.URGENCY.index(i.kind))],
    }
    if own.session_id:
        facts |= _reminded_session(scene, own)
    if own.closes:
        facts |= _deadline_facts(own, own.closes, scene.program.local_date(now))
    action = _reminder_action(scene, own, lists)
    return scene.letter(action.contact, action, *lists, **facts)


def _reminded_session(scene: Scene, item: reminders.Item) -> dict[str, Any]:
    session = scene.sessions.get(item.session_id or "")
    attended = next((a for a in scene.group.attendances if a.session_id == item.session_id), None)
    facts = session_facts(scene, session, seats.seats(scene.group).get(session.session_id)) if session else {}
    day = words.local_day(attended.ended_at, scene.program.zone) if attended else None
    return {"session_title": None, **facts, "attended_on": day}


def _deadline_facts(item: reminders.Item, closes: date, today: date) -> dict[str, Any]:
    left = (closes - today).days
    return {
        "which": item.subject.split(" ", 1)[0],
        "deadline": words.day(closes),
        "short_deadline": words.short_day(closes),
        "days": left,
        "left": words.days_left(left),
    }


def _reminder_action(scene: Scene, item: reminders.Item, lists: tuple[Checklist, ...]) -> Action:
    contacts, nea = scene.program.contacts, scene.program.contacts.nea_help_center
    nea_url = (lists[0].url if lists else None) or nea.url or scene.portal_url
    match item.kind:
        case Kind.DEADLINE:
            return Action("Revise and submit" if item.subject.startswith("revision") else "Submit to NEA", nea_url, nea)
        case Kind.NEA_REGISTRATION_MISSING:
            return Action("Register with NEA", nea_url, nea)
        case Kind.CLOCK_HOURS_REGISTRATION_MISSING:
            return Action("Register for clock hours", scene.portal_url, contacts.clock_hours)
        case Kind.WORKSHOP_UNALLOCATED:
            contact = contacts.program
            url = f"mailto:{contact.email}" if contact.email else contact.url or scene.portal_url
            return Action("Tell us which one", url, contact)
        case Kind.SESSION_REMINDER:
            session = scene.sessions[item.session_id or ""]
            return seat_action(scene, session, cancelled=False)
        case _:
            action = checklist.next_action(lists[0], scene.portal_url)
            return action or Action("See your progress", scene.portal_url, contacts.program)


def _also(scene: Scene, item: reminders.Item) -> dict[str, Any]:
    """What else is open, for one line each."""
    session = scene.sessions.get(item.session_id or "")
    return {
        "kind": item.kind.value,
        "credential": words.listed([scene.title(id_) for id_ in item.micro_credential_ids]),
        "session_title": words.shortened(session.title) if session else None,
        "when": words.span(session.starts_at, session.ends_at, scene.program.zone) if session else None,
        "deadline": words.day(item.closes) if item.closes else None,
    }
