"""Why hours were reversed, from what is known now. The ledger says that they were; an educator asks why. Pure."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from contracts.kinds import EntryKind, MissingStep
from services.notifications.standing import Group
from services.notifications.state import Entry, Registry, Session


class Why(StrEnum):
    REVOKED = "revoked"  # NEA took the micro-credential back
    WITHDRAWN = "withdrawn"  # the clock hours registration was withdrawn
    ATTENDANCE = "attendance"  # the attendance was corrected
    SESSION = "session"  # the session was cancelled, or planned anew as one of another kind
    STEP_UNDONE = "step_undone"  # a step that the hours rest on no longer holds
    DOUBLE = "double"  # counted twice, once in each of two accounts
    CHANGED = "changed"  # what they rest on was changed


def why(reversal: Entry, group: Group, session: Session | None) -> Why:
    """The most telling reason that the facts support. `session`: the one that the hours were for, as planned now."""
    if reversal.kind is EntryKind.MICRO_CREDENTIAL:
        return _why_credential(reversal, group)
    attended = {a.session_id for a in group.attendances}
    if reversal.session_id not in attended:
        off = session is not None and (session.cancelled or session.kind.value != reversal.kind.value)
        return Why.SESSION if off else Why.ATTENDANCE
    return Why.DOUBLE if _was_double(reversal, group) else Why.ATTENDANCE


def _why_credential(reversal: Entry, group: Group) -> Why:
    id_ = reversal.micro_credential_id or ""
    credential = group.credential(id_)
    if granted_anew(reversal, group) is not None:
        return Why.DOUBLE if _was_double(reversal, group) else Why.CHANGED
    if credential.award is None and any(
        v.micro_credential_id == id_ for m in group.members for v in m.revocations.values()
    ):
        return Why.REVOKED
    if credential.clock_hours_registration is None and _was_withdrawn(id_, group):
        return Why.WITHDRAWN
    held = credential.held
    if held is not None and {MissingStep.ORIENTATION, MissingStep.WORKSHOP} & set(held.missing):
        return Why.STEP_UNDONE
    return Why.CHANGED


def _was_double(reversal: Entry, group: Group) -> bool:
    """Of two accounts' entries for the same thing one stays as it was; what a correction brings is granted with it."""
    stays = granted_anew(reversal, group)
    return len(group.members) > 1 and stays is not None and stays.granted_at < reversal.granted_at


def _was_withdrawn(credential_id: str, group: Group) -> bool:
    return any(
        r.registry is Registry.CLOCK_HOURS and r.micro_credential_id == credential_id and r.withdrawn_at is not None
        for m in group.members
        for r in m.registrations.values()
    )


def granted_anew(reversal: Entry, group: Group) -> Entry | None:
    """The entry that stands for the same thing now, if there is one."""
    return next(_for_the_same(reversal, group.live_entries), None)


def given_back(reversal: Entry, group: Group) -> bool:
    """Was the very same granted again since? So it is when a merge is undone that had made a double of it.

    If that goes in its turn, that is told, and by its own reversal.
    """
    return any(
        entry.entry_id != reversal.reverses
        and entry.granted_at >= reversal.granted_at
        and (entry.minutes, entry.completed_at) == (-reversal.minutes, reversal.completed_at)
        for entry in _for_the_same(reversal, group.entries)
    )


def _for_the_same(reversal: Entry, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those of the same kind for the same thing: there is one orientation."""
    for entry in entries:
        if entry.kind is reversal.kind and (entry.kind is EntryKind.ORIENTATION or entry.subject == reversal.subject):
            yield entry
