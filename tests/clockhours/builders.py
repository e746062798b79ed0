"""Words to tell a story in: facts as enrollment publishes them. Defaults, so that a test names only what matters."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from contracts import events, program
from contracts.clockhours import ClockHoursData
from contracts.enrollment import DecisionData
from contracts.event import EventData
from contracts.kinds import ConflictKind, Decision, EntryKind, ExceptionKind, MissingStep, SessionKind
from contracts.program import Programs
from services.clockhours import policy
from services.clockhours.learning import about
from services.clockhours.state import Account, Case, Entry, HeldRow, Outcome, Verdict
from services.clockhours.state import Decision as Outcomes
from services.clockhours.telling import event_of

ANA, BEN, CAM = "ana", "ben", "cam"
TRA1, TRA2, CLIM, TLA = "NEA_TRA1", "NEA_TRA2", "EX_CLIM1", "EX_TLA1"
O1, O2, W1, W2 = "O1", "O2", "W1", "W2"
S1, S2 = "S-1", "S-2"


def at(text: str) -> datetime:
    """A moment of UTC: "2024-03-02" (noon) or "2024-03-02T20:00"."""
    moment = datetime.fromisoformat(text if "T" in text else f"{text}T12:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


NOW = at("2024-06-01")


def years(*files: str) -> Programs:
    """The programme files of the repository."""
    folder = Path(__file__).parents[2] / "programs"
    return Programs(tuple(program.read(folder / f"{name}.toml") for name in files or ("2023-24", "2024-25")))


PROGRAMS = years()


def oriented(
    who: str, session: str = O1, *, minutes: int = 90, ended: str = "2024-01-10", opens: str | None = None
) -> events.OrientationCompleted:
    return events.OrientationCompleted(
        micro_credential_id=opens,
        educator_id=who,
        session_id=session,
        kind=SessionKind.ORIENTATION,
        minutes=minutes,
        attended_minutes=minutes,
        ended_at=at(ended),
    )


def attended(
    who: str, session: str = W1, *, opens: str | None = TRA1, minutes: int = 90, ended: str = "2024-02-10"
) -> events.WorkshopAttended:
    return events.WorkshopAttended(
        educator_id=who,
        session_id=session,
        kind=SessionKind.WORKSHOP,
        minutes=minutes,
        attended_minutes=minutes,
        ended_at=at(ended),
        micro_credential_id=opens,
    )


def corrected(
    fact: events.OrientationCompleted | events.WorkshopAttended, *, minutes: int
) -> events.AttendanceCorrected:
    """The same attendance with other minutes due."""
    return events.AttendanceCorrected.model_validate(fact.model_dump() | {"minutes": minutes})


def nea_registered(who: str, credential: str = TRA1, *, learner: str | None = None) -> events.MicroCredentialRegistered:
    return events.MicroCredentialRegistered(
        educator_id=who, micro_credential_id=credential, registered_at=at("2024-01-15"), learner_id=learner
    )


def registered(who: str, credential: str = TRA1, *, on: str = "2024-01-20") -> events.ClockHoursRegistered:
    return events.ClockHoursRegistered(educator_id=who, micro_credential_id=credential, registered_at=at(on))


def withdrawn(who: str, credential: str = TRA1, *, on: str = "2024-03-20") -> events.ClockHoursWithdrawn:
    return events.ClockHoursWithdrawn(
        educator_id=who, micro_credential_id=credential, withdrawn_at=at(on), reason="changed my mind"
    )


def submitted(
    who: str,
    credential: str = TRA1,
    submission: str = S1,
    *,
    attempt: int = 1,
    on: str = "2024-04-20",
    on_time: bool | None = True,
    learner: str | None = "L1",
) -> events.CredentialSubmitted:
    return events.CredentialSubmitted(
        educator_id=who,
        micro_credential_id=credential,
        submission_id=submission,
        attempt=attempt,
        submitted_at=at(on),
        on_time=on_time,
        learner_id=learner,
    )


def decided(
    who: str,
    decision: Decision,
    credential: str = TRA1,
    submission: str = S1,
    *,
    attempt: int = 1,
    on: str = "2024-05-10",
    learner: str | None = "L1",
) -> DecisionData:
    model: dict[Decision, type[DecisionData]] = {
        Decision.AWARDED: events.CredentialAwarded,
        Decision.DENIED: events.CredentialDenied,
    }
    return model.get(decision, events.CredentialReturned)(
        educator_id=who,
        micro_credential_id=credential,
        submission_id=submission,
        attempt=attempt,
        decision=decision,
        decided_at=at(on),
        learner_id=learner,
    )


def awarded(
    who: str,
    credential: str = TRA1,
    submission: str = S1,
    *,
    attempt: int = 1,
    on: str = "2024-05-10",
    learner: str | None = "L1",
) -> EventData:
    return decided(who, Decision.AWARDED, credential, submission, attempt=attempt, on=on, learner=learner)


def revoked(
    who: str, credential: str = TRA1, *, on: str = "2024-05-20", learner: str | None = "L1"
) -> events.CredentialRevoked:
    return events.CredentialRevoked(
        educator_id=who, micro_credential_id=credential, revoked_at=at(on), learner_id=learner
    )


def unlinked(who: str, learner: str = "L1") -> events.LearnerUnlinked:
    return events.LearnerUnlinked(educator_id=who, learner_id=learner)


def merged(account: str, *, into: str, number: int = 1) -> events.EducatorsMerged:
    return events.EducatorsMerged(
        educator_id=into, kept_educator_id=into, merged_educator_id=account, merge_number=number
    )


def unmerged(account: str, *, out_of: str, number: int = 2) -> events.EducatorsUnmerged:
    return events.EducatorsUnmerged(
        educator_id=out_of, kept_educator_id=out_of, merged_educator_id=account, merge_number=number
    )


def conflict(
    who: str, kind: ConflictKind, session: str | None = None, *, merging: str | None = None, holder: str | None = None
) -> events.ConflictOpened:
    return events.ConflictOpened(
        educator_id=who, kind=kind, session_id=session, merged_educator_id=merging, holder_educator_id=holder
    )


def no_conflict(opened: events.ConflictOpened) -> events.ConflictResolved:
    return events.ConflictResolved.model_validate(opened.model_dump())


def everything(who: str, credential: str = TRA1, session: str = W1, submission: str = S1) -> list[EventData]:
    """All that makes a micro-credential's hours due."""
    return [
        oriented(who),
        registered(who, credential),
        attended(who, session, opens=credential),
        submitted(who, credential, submission),
        awarded(who, credential, submission),
    ]


class Story:
    """What the service does with facts, without a database: decide, keep, and tell."""

    def __init__(self, programs: Programs = PROGRAMS, now: datetime = NOW) -> None:
        self.programs = programs
        self.now = now
        self.accounts: dict[str, Account] = {}
        self.entries: list[Entry] = []
        self.cases: dict[str, Case] = {}
        self.told: list[ClockHoursData] = []

    def tell(self, *facts: EventData | Verdict | None) -> list[ClockHoursData]:
        """Apply facts in order, and return what is published because of them."""
        before = len(self.told)
        for fact in facts:
            self._apply(fact)
        return self.told[before:]

    def judge(self, who: str) -> list[ClockHoursData]:
        """Judge one educator anew, as when the clock or the programme has moved."""
        before = len(self.told)
        self._keep(policy.decide(self._joined([who]), None, self.programs, self.now))
        return self.told[before:]

    def case(self, kind: ExceptionKind, who: str | None = None) -> Case | None:
        """The newest exception of a kind, whatever its status."""
        found = [c for c in self.cases.values() if c.ground.kind is kind and who in (None, c.ground.educator_id)]
        return found[-1] if found else None

    def open(self, who: str | None = None) -> list[ExceptionKind]:
        """The kinds of the open exceptions."""
        cases = [c for c in self.cases.values() if c.status == "open" and who in (None, c.ground.educator_id)]
        return sorted(case.ground.kind for case in cases)

    def live(self, who: str) -> list[Entry]:
        """The unreversed entries of an educator, in granting order."""
        entries = [e for id in self._joined([who]) for e in self.accounts[id].live.values()]
        return sorted(entries, key=lambda e: (e.granted_at, e.ordinal))

    def minutes(self, who: str) -> int:
        """The sum of all entries, reversals included."""
        group = self._joined([who])
        return sum(entry.minutes for entry in self.entries if entry.educator_id in group)

    def subjects(self, who: str) -> list[tuple[EntryKind, str]]:
        return sorted((entry.kind, entry.subject) for entry in self.live(who))

    def held(self, who: str) -> dict[str, HeldRow]:
        root = self.accounts.get(policy.root_of(who, self.accounts))
        return dict(root.held) if root else {}

    def missing(self, who: str, credential: str = TRA1) -> list[MissingStep]:
        return list(self.held(who)[credential].missing)

    def _apply(self, fact: EventData | Verdict | None) -> None:
        match fact:
            case None:
                raise AssertionError("say whom to judge")
            case Verdict():
                ids = [id for id, account in self.accounts.items() if fact.exception_id in account.cases]
            case _:
                ids = list(about(fact))
        self._keep(policy.decide(self._joined(ids), fact, self.programs, self.now))

    def _joined(self, ids: Iterable[str]) -> dict[str, Account]:
        roots = {policy.root_of(id, self.accounts) for id in ids}
        return {id: a for id, a in self.accounts.items() if policy.root_of(id, self.accounts) in roots}

    def _keep(self, decision: Outcomes) -> None:
        self.accounts |= decision.accounts
        for outcome in decision.outcomes:
            self._note(outcome)
            self.told.append(event_of(outcome))

    def _note(self, outcome: Outcome) -> None:
        if hasattr(outcome, "entry"):
            self.entries.append(outcome.entry)
        if hasattr(outcome, "case"):
            self.cases[outcome.case.exception_id] = outcome.case
