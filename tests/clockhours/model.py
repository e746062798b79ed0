"""Section 2 of the design said again, plainly and slowly, for comparing: no import from services/.

It keeps every fact ever told and reads all of them again for each question. Only what is granted is remembered from
step to step, for "of several orientations the first that was granted counts" and "a granted entry keeps its values".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from contracts import events
from contracts.enrollment import AttendanceData, ConflictData, DecisionData, MergeData
from contracts.event import EventData
from contracts.program import Program, Programs

Problem = tuple[str, str, str | None, str | None, str | None, int | None]
"""Kind, educator, micro-credential, session (or the other account of a conflict), submission, attempt."""


NAMING = (
    events.MicroCredentialRegistered,
    events.ClockHoursRegistered,
    events.ClockHoursWithdrawn,
    events.CredentialSubmitted,
    DecisionData,
)


@dataclass(frozen=True)
class Line:
    """An unreversed entry of the ledger."""

    entry_id: str
    owner: str
    kind: str
    subject: str
    minutes: int
    completed_at: datetime
    year: str
    session: str | None
    micro_credential: str | None
    designations: tuple[str, ...] = ()
    registered_at: datetime | None = None


def _of_conflict(fact: ConflictData) -> Problem:
    about = fact.session_id or fact.merged_educator_id or fact.holder_educator_id
    return fact.kind.value, fact.key, fact.micro_credential_id, about, None, None


class Model:
    """What an honest clerk with all the letters in one drawer would have in the books."""

    def __init__(self, programs: Programs, entry_id: Callable[[str, str, str, int], str]) -> None:
        self.programs = programs
        self.entry_id = entry_id
        self.ids: set[str] = set()
        self.lines: list[Line] = []
        self.reversals: dict[tuple[str, str, str], int] = {}
        self.accepted: set[tuple[str, str, str, int]] = set()  # by the account it was told under
        self.verdicts: set[Problem] = set()
        self.lasting: set[Problem] = set()
        self.balance: dict[str, int] = {}
        self._aliases: dict[str, str | None] = {}
        self._drawers: dict[str, list[EventData]] = {}  # a drawer for each account
        self._merges: list[MergeData] = []

    # -- events

    def tell(self, fact: EventData) -> None:
        before = self.groups()
        self._file(fact)
        self.ids.add(fact.key)
        if isinstance(fact, MergeData):
            self.ids |= {fact.merged_educator_id, fact.kept_educator_id}
        self._aliases.clear()
        if isinstance(fact, events.ConflictOpened):
            problem = _of_conflict(fact)
            self.verdicts.discard(problem)  # told again: staff look again
            if fact.kind in ("attendance_conflict", "merge_conflict"):
                self.lasting.add(problem)
        for root, members in self.groups().items():
            if fact.key in members or before.get(root) != members:  # nobody else's books can have changed
                self.settle(root)

    def verdict(self, problem: Problem, *, accepted: bool) -> None:
        self.verdicts.add(problem)
        if accepted:
            _, who, credential, _, submission, attempt = problem
            assert credential is not None
            assert submission is not None
            assert attempt is not None
            self.accepted.add((who, credential, submission, attempt))
        for root in self.groups():
            self.settle(root)

    # -- who is who

    def groups(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for id in sorted(self.ids):
            found.setdefault(self.root(id), []).append(id)
        return found

    def alias(self, id: str) -> str | None:
        if id not in self._aliases:
            self._aliases[id] = self._alias(id)
        return self._aliases[id]

    def _alias(self, id: str) -> str | None:
        merges = [merge for merge in self._merges if merge.merged_educator_id == id]
        if not merges:
            return None
        newest = max(merges, key=lambda m: m.merge_number)
        return newest.kept_educator_id if isinstance(newest, events.EducatorsMerged) else None

    def root(self, id: str) -> str:
        walked = [id]
        while (next_ := self.alias(walked[-1])) is not None:
            if next_ in walked:
                return min(walked[walked.index(next_) :])
            walked.append(next_)
        return walked[-1]

    def group(self, root: str) -> list[str]:
        return sorted(id for id in self.ids if self.root(id) == root)

    # -- facts of one account

    def of(self, id: str) -> list[EventData]:
        """The account's own letters, without what a staff unlink took back."""
        return self._drawers.get(id, [])

    def _file(self, letter: EventData) -> None:
        if isinstance(letter, MergeData):
            self._merges.append(letter)
        elif isinstance(letter, events.LearnerUnlinked):
            kept = [one for one in self.of(letter.key) if getattr(one, "learner_id", None) != letter.learner_id]
            self._drawers[letter.key] = kept
        else:
            self._drawers.setdefault(letter.key, []).append(letter)

    def attendances(self, id: str) -> dict[str, AttendanceData]:
        return {a.session_id: a for a in self.of(id) if isinstance(a, AttendanceData)}

    def attempts(self, ids: list[str]) -> dict[tuple[str, str, int], events.CredentialSubmitted]:
        """By micro-credential, submission and number. One attempt told of two learners: the later submitted_at."""
        found: dict[tuple[str, str, int], events.CredentialSubmitted] = {}
        for id in ids:
            own: dict[Any, events.CredentialSubmitted] = {}
            for a in self.of(id):
                if isinstance(a, events.CredentialSubmitted):
                    own[a.learner_id, a.micro_credential_id, a.submission_id, a.attempt] = a
            for a in own.values():
                key = (a.micro_credential_id, a.submission_id, a.attempt)
                other = found.get(key)
                rank = (a.submitted_at, a.on_time is not None, a.on_time is False)
                if other is None or rank > (other.submitted_at, other.on_time is not None, other.on_time is False):
                    found[key] = a
        return found

    def reviews(self, ids: list[str]) -> list[DecisionData]:
        """The last word on each attempt and instant."""
        found: dict[Any, DecisionData] = {}
        for id in ids:
            for d in self.of(id):
                if isinstance(d, DecisionData):
                    key = (id, d.learner_id, d.micro_credential_id, d.submission_id, d.attempt, d.decided_at)
                    found[key] = d
        return list(found.values())

    # -- judging one educator

    def settle(self, root: str) -> None:
        """Reverse what is not due, then grant what is."""
        ids = self.group(root)
        book = _Case(self, ids)
        mine = [line for line in self.lines if line.owner in ids]
        due = [line for line in mine if book.still_due(line)]
        best: dict[tuple[str, str], Line] = {}
        for line in due:
            key = (line.kind, line.subject)
            if key not in best or (line.completed_at, line.entry_id) < (best[key].completed_at, best[key].entry_id):
                best[key] = line
        for line in mine:
            if best.get((line.kind, line.subject)) is not line:
                self.lines.remove(line)
                self.balance[line.owner] -= line.minutes
                key3 = (line.owner, line.kind, line.subject)
                self.reversals[key3] = self.reversals.get(key3, 0) + 1
        for kind, subject, values in book.grants():
            if (kind, subject) not in best:
                number = self.reversals.get((root, kind, subject), 0)
                line = Line(self.entry_id(root, kind, subject, number), root, kind, subject, **values)
                self.lines.append(line)
                best[kind, subject] = line
                self.balance[root] = self.balance.get(root, 0) + line.minutes

    def live(self, root: str) -> set[Line]:
        return {line for line in self.lines if line.owner in self.group(root)}

    def total(self, root: str) -> int:
        return sum(self.balance.get(id, 0) for id in self.group(root))

    def held(self, root: str, now: datetime) -> dict[str, tuple[int, tuple[str, ...]]]:
        ids = self.group(root)
        granted = {line.subject for line in self.live(root) if line.kind == "micro_credential"}
        book = _Case(self, ids)
        return {id: row for id in book.begun() - granted if (row := book.row(id, now)) is not None}

    def still_due(self, root: str, line: Line) -> bool:
        """Whether an entry may stand, whenever it was granted."""
        return _Case(self, self.group(root)).still_due(line)

    def named(self, root: str) -> set[tuple[str, str]]:
        """Every micro-credential of which something was seen, with the account under which it was."""
        book = _Case(self, self.group(root))
        return {(id, name) for id in book.ids for name in book.named(id)}

    def open_problems(self, root: str) -> set[Problem]:
        book = _Case(self, self.group(root))
        lasting = {problem for problem in self.lasting if problem[1] in book.ids}
        return (set(book.problems()) | lasting) - self.verdicts


class _Case:
    """One educator, all letters on the desk."""

    def __init__(self, model: Model, ids: list[str]) -> None:
        self.model, self.ids, self.programs = model, ids, model.programs
        self.attended = [(id, a) for id in ids for a in model.attendances(id).values()]
        self.attempts = model.attempts(ids)
        self.reviews = model.reviews(ids)

    # steps

    def oriented(self) -> bool:
        return any(a.kind == "orientation" and a.minutes for _, a in self.attended)

    def workshop_for(self, credential: str) -> bool:
        return any(a.kind == "workshop" and a.minutes and a.micro_credential_id == credential for _, a in self.attended)

    def registration(self, credential: str) -> datetime | None:
        """When registered for clock hours; None if never, or if the newest of all accounts is a withdrawal."""
        newest = [last for (_, other), last in self._registrations.items() if other == credential]
        if not newest:
            return None
        at, in_force = max(newest)
        return at if in_force else None

    @cached_property
    def _registrations(self) -> dict[tuple[str, str], tuple[datetime, bool]]:
        """The last word of each account on each micro-credential's clock hours: when, and whether they stand."""
        last: dict[tuple[str, str], tuple[datetime, bool]] = {}
        for id in self.ids:
            for fact in self.model.of(id):
                if isinstance(fact, events.ClockHoursRegistered):
                    last[id, fact.micro_credential_id] = (fact.registered_at, True)
                elif isinstance(fact, events.ClockHoursWithdrawn):
                    last[id, fact.micro_credential_id] = (fact.withdrawn_at, False)
        return last

    # submissions

    def year(self, credential: str, submission: str) -> Program | None:
        first = self.attempts.get((credential, submission, 1))
        return self.programs.of(first.submitted_at) if first else None

    def met_deadline(self, credential: str, submission: str, number: int) -> bool | None:
        attempt = self.attempts.get((credential, submission, number))
        if attempt is None:
            return None
        if attempt.on_time is not None:
            return attempt.on_time
        year = self.year(credential, submission)
        if year is None:
            return None
        deadline = year.submission_deadline if number == 1 else year.revision_deadline
        return year.local_date(attempt.submitted_at) <= deadline

    def on_time(self, credential: str, submission: str, number: int) -> bool:
        for n in (1, number):
            accepted = any((id, credential, submission, n) in self.model.accepted for id in self.ids)
            seen = (credential, submission, n) in self.attempts
            if not (seen and (accepted or self.met_deadline(credential, submission, n) is True)):
                return False
        return True

    def counts(self, award: DecisionData) -> bool:
        if award.decision != "awarded":
            return False
        for id in self.ids:
            for fact in self.model.of(id):
                if not isinstance(fact, events.CredentialRevoked):
                    continue
                if fact.micro_credential_id == award.micro_credential_id and fact.revoked_at >= award.decided_at:
                    return False
        return True

    def good_awards(self, credential: str) -> list[DecisionData]:
        found = [
            r
            for r in self.reviews
            if r.micro_credential_id == credential
            and self.counts(r)
            and self.on_time(credential, r.submission_id, r.attempt)
        ]
        return sorted(found, key=lambda r: (r.decided_at, r.submission_id))

    # hours

    def still_due(self, line: Line) -> bool:
        if line.kind == "workshop" and any(
            a.session_id == line.session and a.kind == line.kind and a.minutes and a.ended_at < line.completed_at
            for _, a in self.attended
            if self.programs.of(a.ended_at)
        ):
            return False  # two accounts of one person attended it: the earlier one stays, whenever it was heard of
        if line.kind != "micro_credential":
            return any(
                (a.session_id, a.kind, a.minutes, a.ended_at)
                == (line.session, line.kind, line.minutes, line.completed_at)
                for _, a in self.attended
            )
        if not (self.oriented() and self.workshop_for(line.subject) and self.registration(line.subject)):
            return False
        return any(award.decided_at == line.completed_at for award in self.good_awards(line.subject))

    def grants(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        by_end = sorted(self.attended, key=lambda pair: (pair[1].ended_at, pair[1].session_id, pair[0]))
        seen: set[tuple[str, str]] = set()
        for _, a in by_end:
            year = self.programs.of(a.ended_at)
            subject = "" if a.kind == "orientation" else a.session_id
            if a.minutes and year and (a.kind, subject) not in seen:
                seen.add((a.kind, subject))
                yield (
                    a.kind.value,
                    subject,
                    {
                        "minutes": a.minutes,
                        "completed_at": a.ended_at,
                        "year": year.id,
                        "session": a.session_id,
                        "micro_credential": a.micro_credential_id if a.kind == "workshop" else None,
                    },
                )
        for credential in sorted(self.begun()):
            registered_at = self.registration(credential)
            if not (self.oriented() and self.workshop_for(credential) and registered_at):
                continue
            for award in self.good_awards(credential):
                year = self.year(credential, award.submission_id)
                entry = year.catalogue.get(credential) if year else None
                if year and entry and entry.eligible:
                    values = {
                        "minutes": entry.minutes,
                        "completed_at": award.decided_at,
                        "year": year.id,
                        "session": None,
                        "micro_credential": credential,
                        "designations": tuple(entry.designations),
                        "registered_at": registered_at,
                    }
                    yield "micro_credential", credential, values
                    break

    # held rows

    def named(self, id: str) -> set[str]:
        """What a registration, workshop, submission or decision of one account names."""
        found = {
            a.micro_credential_id
            for a in self.model.attendances(id).values()
            if a.kind == "workshop" and a.micro_credential_id is not None
        }
        return found | {fact.micro_credential_id for fact in self.model.of(id) if isinstance(fact, NAMING)}

    def begun(self) -> set[str]:
        return set().union(*(self.named(id) for id in self.ids)) if self.ids else set()

    def row(self, credential: str, now: datetime) -> tuple[int, tuple[str, ...]] | None:
        submissions = sorted({s for c, s, _ in self.attempts if c == credential})
        first = [
            (not self.on_time(credential, s, 1), self.attempts[credential, s, 1].submitted_at, s)
            for s in submissions
            if self.year(credential, s) is not None
        ]
        years = [self.year(credential, s) for *_, s in sorted(first)]
        years += [self.programs.current(now), *reversed(self.programs.years)]
        entries = [year.catalogue.get(credential) for year in years if year is not None]
        entry = next((e for e in entries if e is not None and e.eligible), None)
        return None if entry is None else (entry.minutes, self.missing(credential))

    def missing(self, credential: str) -> tuple[str, ...]:
        reviews = [r for r in self.reviews if r.micro_credential_id == credential]
        submissions = {s for c, s, _ in self.attempts if c == credential} | {r.submission_id for r in reviews}

        def suits(submission: str) -> bool:
            awards = [r for r in reviews if r.submission_id == submission and r.decision == "awarded"]
            awards = [r for r in awards if self.counts(r)] or awards
            return any(self.on_time(credential, submission, n) for n in ([r.attempt for r in awards] or [1]))

        missing = []
        if not self.oriented():
            missing.append("orientation")
        if not self.workshop_for(credential):
            missing.append("workshop")
        if self.registration(credential) is None:
            missing.append("clock_hours_registration")
        if not any(suits(s) for s in submissions):
            missing.append("on_time_submission")
        if not any(self.counts(r) for r in reviews):
            missing.append("award")
        return tuple(missing) or ("award",)

    # exceptions

    def problems(self) -> Iterator[Problem]:
        for id in self.ids:
            yield from self._told(id)
            yield from self._of_sessions(id)
            yield from self._of_submissions(id)
            yield from self._of_decisions(id)
            for credential in self.named(id):
                listed = [year for year in self.programs.years if credential in year.catalogue]
                governing = [self.year(credential, s) for c, s, n in self.attempts if c == credential and n == 1]
                if not listed or any(year and credential not in year.catalogue for year in governing):
                    yield "not_in_catalogue", id, credential, None, None, None

    def _told(self, id: str) -> Iterator[Problem]:
        open_: set[Problem] = set()
        for fact in self.model.of(id):
            if isinstance(fact, ConflictData):
                problem = _of_conflict(fact)
                if isinstance(fact, events.ConflictOpened):
                    open_.add(problem)
                else:
                    open_.discard(problem)
        yield from open_

    def _of_sessions(self, id: str) -> Iterator[Problem]:
        named = {a.session_id for _, a in self.attended if a.micro_credential_id is not None}
        for a in self.model.attendances(id).values():
            if a.minutes and a.kind == "workshop" and a.session_id not in named:
                yield "unallocated", id, None, a.session_id, None, None
            if a.minutes and self.programs.of(a.ended_at) is None:
                yield "no_program_year", id, None, a.session_id, None, None

    def _of_submissions(self, id: str) -> Iterator[Problem]:
        for credential, submission, number in self.model.attempts([id]):
            if self.met_deadline(credential, submission, number) is False:
                yield "late_attempt", id, credential, None, submission, number
            if number == 1 and self.year(credential, submission) is None:
                yield "no_program_year", id, credential, None, submission, 1

    def _of_decisions(self, id: str) -> Iterator[Problem]:
        for r in self.model.reviews([id]):
            awards = [
                other
                for other in self.reviews
                if other.decision == "awarded"
                and (other.micro_credential_id, other.submission_id) == (r.micro_credential_id, r.submission_id)
            ]
            if r.decision != "awarded":
                if any((a.attempt, a.decided_at) < (r.attempt, r.decided_at) for a in awards):
                    yield "decision_conflict", id, r.micro_credential_id, None, r.submission_id, r.attempt
            elif self.counts(r):
                year = self.year(r.micro_credential_id, r.submission_id)
                entry = year.catalogue.get(r.micro_credential_id) if year else None
                entry = entry or self.programs.catalogue_entry(r.micro_credential_id)
                if entry is not None and not entry.eligible:
                    yield "not_eligible", id, r.micro_credential_id, None, None, None
