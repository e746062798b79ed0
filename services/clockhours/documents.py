"""How entries, exceptions and held rows are kept in MongoDB; accounts.py is how accounts are.

Moments that are facts are kept as text, to the microsecond: MongoDB's dates have milliseconds, and an award must not
move against a revocation by being stored. What this service decides (granted_at, since, opened_at) is in whole
milliseconds and kept as dates, to be sorted and searched. Ids may hold any character, so they are values, never names.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contracts.kinds import EntryKind, ExceptionKind, MissingStep
from contracts.kinds import ExceptionStatus as CaseStatus
from services.clockhours.state import Case, Entry, Ground, HeldRow

SCHEMA = 1
# Looked up: four times as quick as asking the enumeration.
KINDS = {kind.value: kind for kind in EntryKind}
STEPS = {step.value: step for step in MissingStep}
Document = dict[str, Any]


def text_of(moment: datetime) -> str:
    """A moment of UTC as text, to the microsecond: in this form texts sort as moments do."""
    return moment.isoformat(timespec="microseconds")


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- entries


def entry_document(entry: Entry) -> Document:
    """An entry for the ledger. `generation` and `reverses` are there where they say something: indexes ask for them."""
    document: Document = {
        "_id": entry.entry_id,
        "schema": SCHEMA,
        "educator_id": entry.educator_id,
        "kind": entry.kind.value,
        "subject": entry.subject,
        "minutes": entry.minutes,
        "micro_credential_id": entry.micro_credential_id,
        "session_id": entry.session_id,
        "designations": list(entry.designations),
        "completed_at": text_of(entry.completed_at),
        "registered_at": entry.registered_at and text_of(entry.registered_at),
        "granted_at": entry.granted_at,
        "program_year": entry.program_year,
        "ordinal": entry.ordinal,
    }
    if entry.generation is not None:
        document["generation"] = entry.generation
    if entry.reverses is not None:
        document["reverses"] = entry.reverses
    return document


def entry_of(document: Mapping[str, Any]) -> Entry:
    registered_at = document["registered_at"]
    return Entry(
        entry_id=document["_id"],
        educator_id=document["educator_id"],
        kind=KINDS[document["kind"]],
        subject=document["subject"],
        generation=document.get("generation"),
        minutes=document["minutes"],
        micro_credential_id=document["micro_credential_id"],
        session_id=document["session_id"],
        designations=tuple(document["designations"]),
        completed_at=moment_of(document["completed_at"]),
        registered_at=moment_of(registered_at) if registered_at else None,
        granted_at=document["granted_at"],
        reverses=document.get("reverses"),
        program_year=document["program_year"],
        ordinal=document["ordinal"],
    )


# -- exceptions and held rows


def ground_document(ground: Ground) -> Document:
    return {
        "kind": ground.kind.value,
        "educator_id": ground.educator_id,
        "micro_credential_id": ground.micro_credential_id,
        "session_id": ground.session_id,
        "submission_id": ground.submission_id,
        "attempt": ground.attempt,
        "other_educator_id": ground.other_educator_id,
        "entry_id": ground.entry_id,
    }


def ground_of(document: Mapping[str, Any]) -> Ground:
    return Ground(
        kind=ExceptionKind(document["kind"]),
        educator_id=document["educator_id"],
        micro_credential_id=document["micro_credential_id"],
        session_id=document["session_id"],
        submission_id=document["submission_id"],
        attempt=document["attempt"],
        other_educator_id=document["other_educator_id"],
        entry_id=document["entry_id"],
    )


def case_document(case: Case) -> Document:
    return {
        "_id": case.exception_id,
        **ground_document(case.ground),
        "status": case.status.value,
        "opened_at": case.opened_at,
    }


def case_of(document: Mapping[str, Any]) -> Case:
    status = CaseStatus(document["status"])
    return Case(document["_id"], ground_of(document), status, document["opened_at"])


def held_document(row: HeldRow) -> Document:
    return {
        "educator_id": row.educator_id,
        "micro_credential_id": row.micro_credential_id,
        "minutes": row.minutes,
        "missing": [step.value for step in row.missing],
        "since": row.since,
    }


def held_of(document: Mapping[str, Any]) -> HeldRow:
    return HeldRow(
        educator_id=document["educator_id"],
        micro_credential_id=document["micro_credential_id"],
        minutes=document["minutes"],
        missing=tuple([STEPS[step] for step in document["missing"]]),
        since=document["since"],
    )
