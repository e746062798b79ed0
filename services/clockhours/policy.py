"""The programme's rules: what follows from a fact. Pure: no I/O, no clock, no random id.

`decide` learns the fact, then judges afresh all that it can move: what is no longer due is reversed, what is due is
granted, then held rows and exceptions are brought up to date. Deriving it from all that is known each time, and never
from what has just come, is what makes every order of arrival end alike.

learning.py is what a fact teaches, scope.py what it can move, evidence.py what an educator has done, hours.py what is
due, grounds.py why staff should look, judging.py what follows from all of that, ledger.py how an entry is made, kept.py
what an account keeps and nobody need read.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from contracts.event import EventData
from contracts.program import Programs
from services.clockhours.judging import Judgement
from services.clockhours.learning import about, learn
from services.clockhours.scope import Scope, scope_of
from services.clockhours.state import Account, Decision, Verdict

Accounts = Mapping[str, Account]


def decide(accounts: Accounts, fact: EventData | Verdict | None, programs: Programs, now: datetime) -> Decision:
    """Learn the fact and judge what it can move of every educator that it may concern.

    `accounts` are all that merges join to those which the fact is about, as they were before it; `now` (aware UTC)
    becomes granted_at, hours are never back-dated. A fact of None judges anew what is known: the clock or the
    programme has moved.
    """
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # what MongoDB keeps of it
    before = groups(accounts)
    work = Judgement(accounts, before, programs, now)
    scope: Scope | None = None
    match fact:
        case None:
            pass
        case Verdict():
            work.rule(fact)
        case _:
            own, *others = about(fact)
            known = accounts.get(own) or Account(own)
            learned = learn(known, fact)
            if learned is known:  # told again, or nothing that hours depend on
                return Decision(accounts, frozenset(), ())
            work.accounts |= {own: learned} | {id: Account(id) for id in others if id not in accounts}
            scope = scope_of(known, fact, work.accounts.values())
    joined_alike = scope is not None and len(work.accounts) == len(accounts)
    after = before if joined_alike else groups(work.accounts)
    for root in sorted(after):
        work.judge(root, after[root], scope)
    return Decision(
        accounts=work.accounts,
        # A root is written even where nothing of it changes: two decisions about one educator must meet somewhere.
        touched=frozenset(work.changed() | before.keys() | after.keys()),
        outcomes=tuple(work.outcomes),
    )


def groups(accounts: Accounts) -> dict[str, tuple[str, ...]]:
    """The accounts by the id under which they are read as one: the last of each chain of merges."""
    if len(accounts) == 1:  # nearly always
        ((id, account),) = accounts.items()
        if account.merged_into is None:
            return {id: (id,)}
    found: dict[str, list[str]] = {}
    for educator_id in sorted(accounts):
        found.setdefault(root_of(educator_id, accounts), []).append(educator_id)
    return {root: tuple(members) for root, members in found.items()}


def root_of(educator_id: str, accounts: Accounts) -> str:
    """The id under which an account is read: where its chain of merges ends."""
    return chain_end(educator_id, lambda id: accounts[id].merged_into if id in accounts else None)


def chain_end(educator_id: str, merged_into: Callable[[str], str | None]) -> str:
    """Where a chain of merges ends.

    Enrollment refuses circles, but its merges and undos reach us under different keys and so in no order: while an undo
    is still to come there may be one, and then the lowest id in it stands for all.
    """
    chain = [educator_id]
    while (into := merged_into(chain[-1])) is not None:
        if into in chain:
            return min(chain[chain.index(into) :])
        chain.append(into)
    return chain[-1]
