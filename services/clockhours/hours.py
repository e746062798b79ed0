"""Which clock hours are due, and which entries of the ledger are no longer.

Part of policy.py: pure. Whole minutes, 60 to a clock hour (WAC 181-85-030).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from contracts.kinds import EntryKind
from services.clockhours.evidence import Credential, Evidence
from services.clockhours.ledger import ORIENTATION, subject, subject_of
from services.clockhours.state import Attendance, Entry, Subject


@dataclass(frozen=True, slots=True)
class Due:
    """Hours that are due and not granted yet, with the values that their entry will keep."""

    kind: EntryKind
    minutes: int
    completed_at: datetime
    program_year: str
    micro_credential_id: str | None = None
    session_id: str | None = None
    designations: tuple[str, ...] = ()
    registered_at: datetime | None = None

    @property
    def subject(self) -> Subject:
        return subject(self.kind, self.session_id, self.micro_credential_id)


def no_longer_due(evidence: Evidence) -> list[Entry]:
    """The entries to reverse, in granting order.

    Those that nothing grants any more; and of doubles, which a merge brings together, all but the one completed
    earliest (then the lower entry_id), be it granted already or not. An entry for which hours stay due is else left as
    it is, never swapped or topped up.
    """
    live = [entry for account in evidence.accounts for entry in account.live.values()]
    live.sort(key=lambda entry: (entry.granted_at, entry.ordinal, entry.educator_id))
    stays: dict[Subject, Entry] = {}
    for entry in live:
        if _still_due(entry, evidence):
            other = stays.get(subject_of(entry))
            stays[subject_of(entry)] = entry if other is None else min(entry, other, key=_completed)
    return [entry for entry in live if stays.get(subject_of(entry)) is not entry]


def due(evidence: Evidence, granted: Collection[Subject]) -> Iterator[Due]:
    """The hours to grant: due and not among `granted`. Orientation first, each kind by when it was completed."""
    if ORIENTATION not in granted:
        attended = evidence.attendances(EntryKind.ORIENTATION)
        yield from islice(_of_sessions(attended, evidence), 1)  # once per educator: the earliest that qualifies
    seen: set[str] = set()
    for attendance in evidence.attendances(EntryKind.WORKSHOP):
        # Accounts that a merge has joined may both have attended it.
        if (EntryKind.WORKSHOP, attendance.session_id) not in granted and attendance.session_id not in seen:
            found = list(_of_sessions([attendance], evidence))
            seen.update(attendance.session_id for _ in found)
            yield from found
    waiting = (c for id, c in evidence.credentials.items() if (EntryKind.MICRO_CREDENTIAL, id) not in granted)
    earned = [one for credential in waiting if (one := _of_credential(credential, evidence)) is not None]
    yield from sorted(earned, key=lambda one: (one.completed_at, one.subject))


def _completed(entry: Entry) -> tuple[datetime, str]:
    return entry.completed_at, entry.entry_id


def _still_due(entry: Entry, evidence: Evidence) -> bool:
    """Whether what an entry was granted for still holds; its values (year, designations) are its own by now."""
    if entry.kind is EntryKind.WORKSHOP and not evidence.ended_first(entry.session_id, entry.completed_at):
        return False
    if entry.kind is not EntryKind.MICRO_CREDENTIAL:
        return evidence.still_due(entry.kind, entry.session_id, entry.minutes, entry.completed_at)
    credential = evidence.credentials.get(entry.subject)
    if credential is None or not evidence.prepared(credential):
        return False
    # The award that completed it must be one that counts: a later award after a revocation is another completion.
    return any(award.decided_at == entry.completed_at for award in evidence.awards(credential))


def _of_sessions(attended: list[Attendance], evidence: Evidence) -> Iterator[Due]:
    """Hours for attendances. A session is governed by the year of its end; where none is loaded, staff are told."""
    for attendance in attended:
        year = evidence.programs.of(attendance.ended_at)
        if year is not None:
            workshop = attendance.kind is EntryKind.WORKSHOP
            yield Due(
                kind=attendance.kind,
                minutes=attendance.minutes,
                completed_at=attendance.ended_at,
                program_year=year.id,
                # An orientation is for none, whatever it was told with.
                micro_credential_id=attendance.micro_credential_id if workshop else None,
                session_id=attendance.session_id,
            )


def _of_credential(credential: Credential, evidence: Evidence) -> Due | None:
    """Hours for a micro-credential, when all of it is done; by the values of the year of its first attempt."""
    if not evidence.prepared(credential):
        return None
    for award in evidence.awards(credential):
        year = award.submission.year
        listed = year.catalogue.get(credential.micro_credential_id) if year else None
        if year is not None and listed is not None and listed.eligible:
            return Due(
                kind=EntryKind.MICRO_CREDENTIAL,
                minutes=listed.minutes,
                completed_at=award.decided_at,
                program_year=year.id,
                micro_credential_id=credential.micro_credential_id,
                designations=tuple(listed.designations),
                registered_at=credential.registered_at,
            )
    return None
