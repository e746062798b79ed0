"""What of an educator a fact can move, so that only that is judged: a submission moves its micro-credential alone.

Part of policy.py: pure. Everything else was judged when it last moved and stands as it was left; what the clock and the
programme move is judged anew, all of it, by their timers (docs/decisions/0901-judge-what-a-fact-moves.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts import events
from contracts.enrollment import AttendanceData, DecisionData
from contracts.event import EventData
from contracts.kinds import EntryKind, SessionKind
from services.clockhours.state import Account, Ground, Subject


@dataclass(frozen=True, slots=True)
class Scope:
    """Micro-credentials and sessions of workshops that hang together: a session of one names no other."""

    micro_credentials: frozenset[str]
    sessions: frozenset[str] = frozenset()

    def holds(self, ground: Ground) -> bool:
        return ground.micro_credential_id in self.micro_credentials or ground.session_id in self.sessions

    @property
    def subjects(self) -> list[Subject]:
        """What hours can be granted for. An orientation is for everything, and so for no scope."""
        credentials = [(EntryKind.MICRO_CREDENTIAL, id) for id in self.micro_credentials]
        return credentials + [(EntryKind.WORKSHOP, id) for id in self.sessions]


def scope_of(account: Account, fact: EventData, joined: Iterable[Account]) -> Scope | None:
    """What the fact can move of the educator that these accounts are. None: everything."""
    match fact:
        case AttendanceData():
            known = account.attendances.get(fact.session_id)
            if fact.kind is SessionKind.ORIENTATION or (known is not None and known.kind is EntryKind.ORIENTATION):
                return None  # a step of every micro-credential
            named = {fact.micro_credential_id, known.micro_credential_id if known else None} - {None}
            return _closure({id for id in named if id is not None}, {fact.session_id}, tuple(joined))
        case (
            events.ClockHoursRegistered()
            | events.ClockHoursWithdrawn()
            | events.MicroCredentialRegistered()
            | events.CredentialSubmitted()
            | events.CredentialRevoked()
            | DecisionData()
        ):
            return _closure({fact.micro_credential_id}, set(), tuple(joined))
        case _:
            return None


def narrowed(account: Account, scope: Scope) -> Account:
    """The account with nothing in it but what is in scope."""
    ids, sessions = scope.micro_credentials, scope.sessions
    return account.but(
        attendances=account.attendances.only(sessions),
        clock_hours=account.clock_hours.only(ids),
        registrations=account.registrations.only(ids),
        attempts=account.attempts.only(ids),
        reviews=account.reviews.only(ids),
        revocations=account.revocations.only(ids),
        conflicts=frozenset(ground for ground in account.conflicts if scope.holds(ground)),
        cases={id: case for id, case in account.cases.items() if scope.holds(case.ground)},
        live=account.live.only(scope.subjects),
    )


def _closure(ids: set[str], sessions: set[str], accounts: tuple[Account, ...]) -> Scope | None:
    """With each micro-credential the sessions that name it, with each session what it names, in every account.

    An orientation is for none, whatever it was told with. None where a session was told of as an orientation too.
    """
    while True:
        attended = [attendance for one in accounts for attendance in one.attendances.naming(ids | sessions)]
        workshops = [(a.session_id, a.micro_credential_id) for a in attended if a.kind is EntryKind.WORKSHOP]
        found = {session for session, named in workshops if named in ids} - sessions
        sessions |= found
        named_too = {named for session, named in workshops if session in sessions and named is not None} - ids
        ids |= named_too
        if not found and not named_too:
            orientations = {a.session_id for a in attended if a.kind is EntryKind.ORIENTATION}
            return None if sessions & orientations else Scope(frozenset(ids), frozenset(sessions))
