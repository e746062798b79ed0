"""One event, decided: what is known after it, and which messages it makes. Pure.

`Known` holds the accounts that merges join, whole groups of them, and the sessions that they name. A handler keeps the
new one only if nothing failed, so a record that parks leaves no trace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeGuard

from contracts import events
from contracts.events import EventData
from contracts.kinds import ConflictKind
from contracts.program import Programs
from eventing.envelope import Event
from services.notifications import learning, policy, reminders
from services.notifications.standing import Group, groups
from services.notifications.state import Educator, Kind, Message, Session


@dataclass(frozen=True, slots=True)
class Known:
    """`changed`: accounts to write. `emptied`: those whose messages must be forgotten. `sessions_changed`: likewise."""

    educators: Mapping[str, Educator] = field(default_factory=dict)
    sessions: Mapping[str, Session] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    changed: frozenset[str] = frozenset()
    sessions_changed: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()
    merged: frozenset[str] = frozenset()  # accounts with an alias: few, so groups are found quickly

    @classmethod
    def of(cls, educators: Mapping[str, Educator], sessions: Mapping[str, Session]) -> "Known":
        return cls(educators, sessions, merged=frozenset(e.id for e in educators.values() if e.alias_of))

    def group(self, educator_id: str) -> Group:
        """The account with all that merges join to it."""
        near = {educator_id: self.educators[educator_id], **{id_: self.educators[id_] for id_ in self.merged}}
        near |= {e.alias_of: self.educators[e.alias_of] for e in near.values() if e.alias_of}
        return groups(near)[educator_id]

    def having(self, *educators: Educator) -> "Known":
        """With these accounts as they are now, to be written."""
        ids = frozenset(educator.id for educator in educators)
        merged = frozenset(educator.id for educator in educators if educator.alias_of)
        return replace(
            self,
            educators={**self.educators, **{e.id: e for e in educators}},
            changed=self.changed | ids,
            merged=(self.merged - ids) | merged,
        )


def fact_of(event: Event) -> EventData | None:
    """The event's data; None for a tombstone. Raises UnknownType or ValidationError, which parks."""
    return None if event.data is None else events.read(event.type, event.data)


def ids_in(event: Event) -> set[str]:
    """The accounts that an event is about, without reading it closely: what must be loaded."""
    data = event.data or {}
    named = (event.key, data.get("educator_id"), data.get("kept_educator_id"), data.get("merged_educator_id"))
    return {id_ for id_ in named if isinstance(id_, str)}


def session_in(event: Event) -> str | None:
    """The session that an educator's event names."""
    named = (event.data or {}).get("session_id")
    return named if isinstance(named, str) else None


def seat_in(event: Event) -> str | None:
    """The session in which an event makes or gives up a seat."""
    about_seats = (events.SessionReserved.TYPE, events.ReservationCancelled.TYPE)
    return session_in(event) if event.type in about_seats else None


def decide(known: Known, event: Event, programs: Programs, now: datetime) -> Known:
    """Learn an educator's fact and make the messages that are due because of it."""
    fact = fact_of(event)
    if fact is None or isinstance(fact, events.EducatorErased):
        return _erased(known, event.key)
    if isinstance(fact, events.EducatorsMerged | events.EducatorsUnmerged):
        return _merged(known, fact, programs, now)
    before = known.educators.get(event.key) or Educator(event.key)
    known = known.having(learning.learn(before, fact, event.id, event.time, now))
    if _is_urgent(fact) and policy.is_fresh(event.time, now):
        known = replace(known, messages=(*known.messages, _alert(fact, event, now)))
    return tell(known, [event.key], programs, now)


def decide_session(known: Known, event: Event, holders: Iterable[str], programs: Programs, now: datetime) -> Known:
    """Learn a session as planned and tell those who hold a seat in it."""
    fact = fact_of(event)
    if not isinstance(fact, events.SessionScheduled | events.SessionCancelled):
        raise events.UnknownType(event.type)
    session = learning.learn_session(known.sessions.get(fact.session_id), fact, event.time)
    if session is None:
        return known
    known = replace(
        known,
        sessions={**known.sessions, session.session_id: session},
        sessions_changed=known.sessions_changed | {session.session_id},
    )
    return tell(known, holders, programs, now)


def tell(known: Known, educator_ids: Iterable[str], programs: Programs, now: datetime) -> Known:
    """Make the messages that are due to the groups of these accounts."""
    for group in _distinct(known, educator_ids):
        made = policy.due(group, known.sessions, programs, now)
        # The kept account is written whatever comes of it: so a merge going on elsewhere meets us there.
        members = policy.after_telling(group, made) if made else [group.root]
        known = replace(known.having(*members), messages=(*known.messages, *made))
    return known


def remind(known: Known, educator_id: str, programs: Programs, now: datetime) -> Known:
    """Make the reminder that is due, if one is."""
    group = known.group(educator_id)
    message = reminders.due(group, known.sessions, programs, policy.eligible(group, programs, now), now)
    if message is None:
        return known.having(group.root)
    members = reminders.after_reminding(group, message)
    return replace(known.having(*members), messages=(*known.messages, message))


def next_look(known: Known, educator_id: str, programs: Programs, now: datetime) -> datetime | None:
    """When to look at this account's reminders again; a merged one is looked at under the kept one."""
    group = known.group(educator_id)
    if group.id != educator_id:
        return None
    return reminders.next_look(group, known.sessions, programs, policy.eligible(group, programs, now), now)


def _erased(known: Known, educator_id: str) -> Known:
    before = known.educators.get(educator_id) or Educator(educator_id)
    known = replace(known.having(learning.erase(before)), emptied=known.emptied | {educator_id})
    return known.having(known.group(educator_id).root)


def _merged(
    known: Known, fact: events.EducatorsMerged | events.EducatorsUnmerged, programs: Programs, now: datetime
) -> Known:
    ids = (fact.kept_educator_id, fact.merged_educator_id)
    kept, merged = (known.educators.get(id_) or Educator(id_) for id_ in ids)
    alias = fact.kept_educator_id if isinstance(fact, events.EducatorsMerged) else None
    known = known.having(kept, learning.merge(merged, alias, fact.merge_number))
    return tell(known, ids, programs, now)


def _is_urgent(fact: EventData) -> TypeGuard[events.ConflictOpened]:
    """What NEA says may reach the wrong person: staff should know at once."""
    return isinstance(fact, events.ConflictOpened) and fact.kind is ConflictKind.IDENTITY_CONFLICT


def _alert(fact: events.ConflictOpened, event: Event, now: datetime) -> Message:
    facts: dict[str, str | int] = {"alert": str(fact.kind)}
    if fact.holder_educator_id:
        facts["holder"] = fact.holder_educator_id
    return Message(Kind.STAFF_ALERT, event.key, str(fact.kind), event.id, now, facts=facts)


def _distinct(known: Known, educator_ids: Iterable[str]) -> list[Group]:
    formed = [known.group(id_) for id_ in educator_ids]
    return list({group.id: group for group in formed}.values())
