"""Judging one educator: the difference between what is due and what stands becomes entries, rows and exceptions.

Part of policy.py: pure. In this order: reversals, grants, held rows, exceptions.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from contracts.kinds import EntryKind, ExceptionKind
from contracts.kinds import ExceptionStatus as CaseStatus
from contracts.program import Programs
from services.clockhours import ledger
from services.clockhours.evidence import Evidence
from services.clockhours.grounds import grounds
from services.clockhours.hours import Due, due, no_longer_due
from services.clockhours.reasons import STAYS_UNTIL_DISMISSED
from services.clockhours.scope import Scope
from services.clockhours.state import (
    Account,
    Case,
    Closed,
    Entry,
    Granted,
    Ground,
    Held,
    HeldRow,
    Opened,
    Outcome,
    Reversed,
    Subject,
    Verdict,
)


class Judgement:
    """One decision in the making: the accounts as they become, and the outcomes so far."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        joined: Mapping[str, tuple[str, ...]],
        programs: Programs,
        now: datetime,
    ) -> None:
        self.before = accounts
        self.before_of = {id: members for members in joined.values() for id in members}
        self.accounts = dict(accounts)
        self.programs = programs
        self.now = now
        self.outcomes: list[Outcome] = []

    def changed(self) -> set[str]:
        return {id for id, account in self.accounts.items() if self.before.get(id) is not account}

    def rule(self, verdict: Verdict) -> None:
        """Put down what staff decided about an open exception."""
        for account in self.accounts.values():
            case = account.cases.get(verdict.exception_id)
            if case is not None:
                decided = replace(case, status=verdict.status)
                self._keep(decided)
                self.outcomes.append(Closed(decided))

    def judge(self, root: str, members: tuple[str, ...], scope: Scope | None) -> None:
        """Bring the ledger, the held rows and the exceptions of one educator up to what is due, within the scope."""
        evidence = Evidence((self.accounts[id] for id in members), self.programs, scope)
        gone = no_longer_due(evidence)
        for entry in gone:
            self._reverse(entry, members)
        left = {entry.entry_id for entry in gone}
        live = {of for a in evidence.accounts for of, entry in a.live.items() if entry.entry_id not in left}
        for one in due(evidence, live):
            self._grant(one, root, members)
            live.add(one.subject)
        held = self._held_rows(evidence, live, root, members, scope)
        for id in members:
            self._replace_held_rows(id, held if id == root else {})
        self._update_exceptions(evidence, members, held.values(), scope)

    # -- the ledger

    def _reverse(self, entry: Entry, members: tuple[str, ...]) -> None:
        """Take an entry back, under the id that it was written under."""
        granted_at, ordinal = self._next(members)
        reversal = ledger.reversal(entry, granted_at, ordinal)
        account = self.accounts[entry.educator_id]
        subject = ledger.subject_of(entry)
        self.accounts[entry.educator_id] = account.but(
            live=account.live.without(subject),
            reversals={**account.reversals, subject: account.reversals.get(subject, 0) + 1},
            last_granted_at=granted_at,
            last_ordinal=ordinal,
        )
        self.outcomes.append(Reversed(reversal))
        if entry.entry_id in account.on_transcript:
            self._open(
                Ground(
                    ExceptionKind.TRANSCRIPT_SUPERSEDED,
                    entry.educator_id,
                    entry.micro_credential_id,
                    entry.session_id,
                    entry_id=entry.entry_id,
                )
            )

    def _grant(self, due: Due, root: str, members: tuple[str, ...]) -> None:
        """Write down hours that are due, under the id by which the educator is known now."""
        granted_at, ordinal = self._next(members)
        account, subject = self.accounts[root], due.subject
        generation = account.reversals.get(subject, 0)
        entry = Entry(
            entry_id=ledger.entry_id(root, subject, generation),
            educator_id=root,
            kind=due.kind,
            subject=subject[1],
            generation=generation,
            minutes=due.minutes,
            micro_credential_id=due.micro_credential_id,
            session_id=due.session_id,
            designations=due.designations,
            completed_at=due.completed_at,
            registered_at=due.registered_at,
            granted_at=granted_at,
            reverses=None,
            program_year=due.program_year,
            ordinal=ordinal,
        )
        self.accounts[root] = account.but(
            live=account.live.put(subject, entry), last_granted_at=granted_at, last_ordinal=ordinal
        )
        self.outcomes.append(Granted(entry))

    def _next(self, members: tuple[str, ...]) -> tuple[datetime, int]:
        """When the educator's next entry is granted, and its place: never before what was granted already."""
        accounts = [self.accounts[id] for id in members]
        granted = [account.last_granted_at for account in accounts if account.last_granted_at is not None]
        return max([self.now, *granted]), 1 + max(account.last_ordinal for account in accounts)

    # -- held rows

    def _held_rows(
        self,
        evidence: Evidence,
        granted: Collection[Subject],
        root: str,
        members: tuple[str, ...],
        scope: Scope | None,
    ) -> dict[str, HeldRow]:
        """The micro-credentials that the educator has begun, that can earn hours and have none yet."""
        rows: dict[str, HeldRow] = {}
        if scope is not None:
            rows = {id: row for id, row in self.accounts[root].held.items() if id not in scope.micro_credentials}
        for id, credential in sorted(evidence.credentials.items()):
            if not credential.seen or (EntryKind.MICRO_CREDENTIAL, id) in granted:
                continue
            listed = evidence.listing(credential, self.now)
            if listed is not None:
                rows[id] = HeldRow(
                    root, id, listed.minutes, evidence.missing(credential), self._held_since(id, members)
                )
        return rows

    def _held_since(self, micro_credential_id: str, members: tuple[str, ...]) -> datetime:
        """Since when the hours are held. A merge of accounts, or its undoing, does not start the wait again."""
        known = [
            row.since
            for id in members
            for joined in self.before_of.get(id, ())
            if (row := self.before[joined].held.get(micro_credential_id)) is not None
        ]
        return min(known, default=self.now)

    def _replace_held_rows(self, id: str, rows: Mapping[str, HeldRow]) -> None:
        """Replace the held rows of one account, and tell what changed. A grant tells by itself that its row is gone."""
        account = self.accounts[id]
        if account.held == rows:
            return
        self.accounts[id] = account.but(held=rows)
        granted = {o.entry.subject for o in self.outcomes if isinstance(o, Granted) and o.entry.educator_id == id}
        for micro_credential_id in sorted(account.held.keys() | rows.keys()):
            old, new = account.held.get(micro_credential_id), rows.get(micro_credential_id)
            if new is old:
                continue
            if new is None and old is not None:
                if micro_credential_id not in granted:
                    self.outcomes.append(Held(replace(old, missing=())))
            elif new is not None and (old is None or (old.missing, old.minutes) != (new.missing, new.minutes)):
                self.outcomes.append(Held(new))

    # -- exceptions

    def _update_exceptions(
        self, evidence: Evidence, members: tuple[str, ...], held: Iterable[HeldRow], scope: Scope | None
    ) -> None:
        """Open an exception for each cause that has none, and resolve those whose cause is gone."""
        causes = set(grounds(evidence, held, self.now))
        cases = [
            case
            for id in members
            for case in self.accounts[id].cases.values()
            # Every held row is looked at each time: what is held too long, the clock alone decides.
            if scope is None or scope.holds(case.ground) or case.ground.kind is ExceptionKind.HELD_TOO_LONG
        ]
        for case in sorted(cases, key=lambda case: case.exception_id):
            stays = case.status is not CaseStatus.OPEN or case.ground.kind in STAYS_UNTIL_DISMISSED
            if not stays and case.ground not in causes:
                self._resolve(case)
        for ground in sorted(causes - {case.ground for case in cases}, key=ledger.exception_id):
            self._open(ground)

    def _open(self, ground: Ground) -> None:
        case = Case(ledger.exception_id(ground), ground, CaseStatus.OPEN, self.now)
        if case.exception_id not in self.accounts[ground.educator_id].cases:
            self._keep(case)
            self.outcomes.append(Opened(case))

    def _resolve(self, case: Case) -> None:
        """Forget a case whose cause is gone: the list has it as resolved, and a cause that comes again re-opens it."""
        account = self.accounts[case.ground.educator_id]
        rest = {id: other for id, other in account.cases.items() if id != case.exception_id}
        self.accounts[case.ground.educator_id] = account.but(cases=rest)
        self.outcomes.append(Closed(replace(case, status=CaseStatus.RESOLVED)))

    def _keep(self, case: Case) -> None:
        account = self.accounts[case.ground.educator_id]
        self.accounts[case.ground.educator_id] = account.but(cases={**account.cases, case.exception_id: case})
