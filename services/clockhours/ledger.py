"""How entries are made. Ids are derived, so that doing it again gives the same entry and never a second one.

Part of policy.py: pure. An entry is written once; what stops being due gets another entry that takes it back.
"""

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from contracts.kinds import EntryKind
from eventing.envelope import uuid5
from services.clockhours.state import Entry, Ground, Subject

ENTRIES = UUID("6f1c1a6e-5a0e-5d0b-9b1f-3f6d1f0a7c11")
REVERSALS = UUID("0b6f6b0e-6a52-5d4e-8a57-58f6a6a2c9d4")
EXCEPTIONS = UUID("9a4cf1b4-5a36-5b1f-8f0e-0a2f6f2a6be7")
ORIENTATION: Subject = (EntryKind.ORIENTATION, "")


def entry_id(educator_id: str, subject: Subject, generation: int) -> str:
    """Of what is granted to whom, for the how-manieth time. The parts are told apart whatever ids contain."""
    return uuid5(ENTRIES, _joined(educator_id, subject[0].value, subject[1], generation))


def exception_id(ground: Ground) -> str:
    """Of what the exception is about: the same cause is the same case, now and when it comes again."""
    about = (
        ground.micro_credential_id,
        ground.session_id,
        ground.submission_id,
        ground.attempt,
        ground.other_educator_id,
        ground.entry_id,
    )
    return uuid5(EXCEPTIONS, _joined(ground.kind.value, ground.educator_id, *about))


def reversal(entry: Entry, granted_at: datetime, ordinal: int) -> Entry:
    """The entry that takes another back: minus its minutes, under its id, granted when we granted it."""
    return replace(
        entry,
        entry_id=uuid5(REVERSALS, entry.entry_id),
        generation=None,
        minutes=-entry.minutes,
        granted_at=granted_at,
        reverses=entry.entry_id,
        ordinal=ordinal,
    )


def subject(kind: EntryKind, session_id: str | None, micro_credential_id: str | None) -> Subject:
    """What hours of this kind are granted for once."""
    match kind:
        case EntryKind.ORIENTATION:
            return ORIENTATION
        case EntryKind.WORKSHOP:
            return kind, session_id or ""
        case EntryKind.MICRO_CREDENTIAL:
            return kind, micro_credential_id or ""


def subject_of(entry: Entry) -> Subject:
    """What the entry is the one grant for."""
    return entry.kind, entry.subject


_as_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode  # made once: dumps makes it each time


def _joined(*parts: str | int | None) -> str:
    return _as_json(parts)
