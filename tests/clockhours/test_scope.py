"""Judging what a fact can move is judging everything: the same decision, for any history, in any order across keys."""

from random import Random

import pytest

from contracts.event import EventData
from services.clockhours import policy
from services.clockhours.learning import about
from services.clockhours.scope import scope_of
from services.clockhours.state import Account, Decision
from tests.clockhours.builders import ANA, NOW, PROGRAMS, TRA1, TRA2, W1, W2, attended, awarded, oriented
from tests.clockhours.histories import MOST, history, interleaved, with_repeats

HISTORIES, EVENTS = 100, 44


def joined(accounts: dict[str, Account], fact: EventData) -> dict[str, Account]:
    roots = {policy.root_of(id, accounts) for id in about(fact)}
    return {id: account for id, account in accounts.items() if policy.root_of(id, accounts) in roots}


def test_any_fact_of_any_history_is_decided_as_if_everything_were_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(8)
    scoped = 0
    for _ in range(HISTORIES):
        facts = history([random.randrange(MOST) for _ in range(EVENTS)])
        accounts: dict[str, Account] = {}
        for fact in with_repeats(interleaved(facts, random), random):
            known = joined(accounts, fact)
            decided = policy.decide(known, fact, PROGRAMS, NOW)
            with monkeypatch.context() as everything:
                everything.setattr(policy, "scope_of", lambda *_: None)
                assert decided == policy.decide(known, fact, PROGRAMS, NOW), fact
            scoped += scope_of(accounts.get(about(fact)[0], Account(about(fact)[0])), fact, known.values()) is not None
            accounts |= decided.accounts
    assert scoped > HISTORIES * EVENTS // 2  # seen to be worth it


def test_a_workshop_moved_to_another_micro_credential_moves_both() -> None:
    account = told(attended(ANA, W1, opens=TRA1)).accounts[ANA]
    scope = scope_of(account, attended(ANA, W1, opens=TRA2), [account])
    assert scope is not None
    assert (scope.micro_credentials, scope.sessions) == (frozenset({TRA1, TRA2}), frozenset({W1}))


def test_a_decision_moves_its_micro_credential_and_the_sessions_that_name_it() -> None:
    account = told(attended(ANA, W1, opens=TRA1), attended(ANA, W2, opens=TRA2)).accounts[ANA]
    scope = scope_of(account, awarded(ANA, TRA1), [account])
    assert scope is not None
    assert (scope.micro_credentials, scope.sessions) == (frozenset({TRA1}), frozenset({W1}))


def test_an_orientation_moves_everything() -> None:
    assert scope_of(Account(ANA), oriented(ANA), [Account(ANA)]) is None


def told(*facts: EventData) -> Decision:
    """What is left of these facts."""
    decision = Decision({}, frozenset(), ())
    for fact in facts:
        decision = policy.decide(decision.accounts, fact, PROGRAMS, NOW)
    return decision
