"""Merge: "an alias: entries and facts keep the id they were written under and are read as a union"."""

from datetime import timedelta
from itertools import permutations

import pytest

from contracts import events
from contracts.kinds import EntryKind, ExceptionKind, ExceptionStatus, MissingStep
from services.clockhours import policy
from services.clockhours.state import Account, Verdict
from tests.clockhours.builders import (
    ANA,
    BEN,
    CAM,
    O1,
    O2,
    S2,
    TRA1,
    W1,
    W2,
    Story,
    at,
    attended,
    awarded,
    everything,
    merged,
    oriented,
    registered,
    submitted,
    unmerged,
    withdrawn,
)


def test_facts_of_both_accounts_make_one_educator() -> None:
    story = Story()
    story.tell(oriented(ANA), registered(ANA), attended(BEN), submitted(BEN), awarded(BEN))
    assert story.minutes(BEN) == 90

    story.tell(merged(BEN, into=ANA))
    assert story.minutes(ANA) == story.minutes(BEN) == 1080, "reading a merged id answers with the kept record"
    assert story.live(ANA)[-1].educator_id == ANA, "what is granted after the merge stands under the kept id"


def test_the_merge_may_come_before_between_and_after_what_it_joins() -> None:
    facts = [oriented(ANA), registered(ANA), attended(BEN), submitted(BEN), merged(BEN, into=ANA)]
    for order in permutations(facts):
        story = Story()
        story.tell(*order, awarded(BEN))
        assert story.minutes(ANA) == 1080
        assert story.held(ANA) == {}
        assert story.held(BEN) == {}


def test_of_doubles_the_one_completed_earliest_stays_and_the_other_is_reversed() -> None:
    story = Story()
    story.tell(oriented(ANA, O1, ended="2024-02-01"), oriented(BEN, O2, ended="2024-01-10"))
    story.tell(attended(ANA, W1, ended="2024-02-10"), attended(BEN, W1, ended="2024-02-10"))

    told = story.tell(merged(BEN, into=ANA))
    reversed_ = [event for event in told if isinstance(event, events.ClockHoursReversed)]
    assert [(event.kind, event.session_id) for event in reversed_][:1] == [("orientation", O1)]
    assert len(reversed_) == 2
    assert story.minutes(ANA) == 180
    ids = sorted(e.entry_id for e in story.entries if e.kind is EntryKind.WORKSHOP and e.reverses is None)
    (workshop,) = [entry for entry in story.live(ANA) if entry.kind is EntryKind.WORKSHOP]
    assert workshop.entry_id == ids[0], "completed in the same instant: the lower entry_id stays"


@pytest.mark.parametrize("first", [ANA, BEN])
def test_of_doubles_that_come_after_the_merge_the_one_completed_earliest_stays_too(first: str) -> None:
    """Else the ledger would hang on which came first, and contradict enrollment's record."""
    doubles = {ANA: attended(ANA, W1, ended="2024-02-10"), BEN: attended(BEN, W1, ended="2024-02-09", minutes=60)}
    story = Story()
    story.tell(oriented(ANA, O1), merged(BEN, into=ANA))
    story.tell(doubles.pop(first))
    story.tell(*doubles.values())
    (workshop,) = [entry for entry in story.live(ANA) if entry.kind is EntryKind.WORKSHOP]
    assert (workshop.minutes, workshop.completed_at) == (60, at("2024-02-09"))
    assert story.minutes(ANA) == 150


def test_doubles_of_a_micro_credential_leave_one() -> None:
    story = Story()
    story.tell(*everything(ANA, session=W1), *everything(BEN, session=W2, submission=S2))
    assert story.minutes(ANA) == story.minutes(BEN) == 1080

    story.tell(merged(BEN, into=ANA))
    assert story.minutes(ANA) == 90 + 2 * 90 + 900


def test_undoing_re_evaluates_both_each_with_what_came_under_its_own_id() -> None:
    story = Story()
    story.tell(*everything(ANA, session=W1), *everything(BEN, session=W2, submission=S2))
    story.tell(merged(BEN, into=ANA), unmerged(BEN, out_of=ANA))

    assert story.minutes(ANA) == story.minutes(BEN) == 1080
    assert story.subjects(ANA) == [
        (EntryKind.MICRO_CREDENTIAL, TRA1),
        (EntryKind.ORIENTATION, ""),
        (EntryKind.WORKSHOP, W1),
    ]


def test_what_was_granted_to_the_merged_educator_goes_where_its_facts_came_from() -> None:
    story = Story()
    story.tell(merged(BEN, into=ANA), *everything(BEN))
    assert {entry.educator_id for entry in story.live(ANA)} == {ANA}

    story.tell(unmerged(BEN, out_of=ANA))
    assert story.minutes(ANA) == 0
    assert story.minutes(BEN) == 1080
    assert {entry.educator_id for entry in story.live(BEN)} == {BEN}


def test_undoing_takes_back_what_the_other_account_completed_though_both_attended_the_session() -> None:
    story = Story()
    story.tell(attended(ANA, W1, ended="2024-10-02"), merged(BEN, into=ANA), attended(BEN, W1, ended="2024-02-10"))
    story.tell(merged(CAM, into=ANA), unmerged(BEN, out_of=ANA))
    assert [(e.completed_at, e.program_year) for e in story.live(ANA)] == [(at("2024-10-02"), "2024-25")]

    other = Story()
    other.tell(merged(BEN, into=ANA), attended(BEN, W1, ended="2024-02-10"), attended(ANA, W1, ended="2024-10-02"))
    assert [(e.completed_at, e.program_year) for e in other.live(ANA)] == [(at("2024-02-10"), "2023-24")]
    other.tell(unmerged(BEN, out_of=ANA))
    assert [(e.completed_at, e.program_year) for e in other.live(ANA)] == [(at("2024-10-02"), "2024-25")]
    assert [(e.completed_at, e.program_year) for e in other.live(BEN)] == [(at("2024-02-10"), "2023-24")]


def test_chains_resolve_to_the_last() -> None:
    for order in permutations([merged(CAM, into=BEN), merged(BEN, into=ANA), attended(CAM)]):
        story = Story()
        story.tell(oriented(ANA), registered(BEN), *order, submitted(CAM), awarded(CAM))
        assert story.minutes(ANA) == story.minutes(BEN) == story.minutes(CAM) == 1080
        assert set(policy.groups(story.accounts)) == {ANA}


def test_of_a_merge_and_its_undo_the_higher_number_holds_in_whatever_order_they_come() -> None:
    for order in permutations([merged(BEN, into=ANA, number=1), unmerged(BEN, out_of=ANA, number=2)]):
        story = Story()
        story.tell(*everything(BEN), *order)
        assert story.minutes(ANA) == 0
        assert story.minutes(BEN) == 1080


def test_a_circle_while_an_undo_is_still_to_come_is_read_as_one_educator_and_ends_well() -> None:
    story = Story()
    story.tell(*everything(BEN), merged(BEN, into=ANA, number=1), merged(ANA, into=BEN, number=1))
    assert story.minutes(ANA) == story.minutes(BEN) == 1080

    story.tell(unmerged(BEN, out_of=ANA, number=2))
    assert set(policy.groups(story.accounts)) == {BEN}
    assert story.minutes(BEN) == 1080


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_withdrawal_under_the_kept_id_counts_for_what_was_registered_under_the_merged_one(
    order: tuple[int, ...],
) -> None:
    facts = [registered(BEN, on="2024-01-20"), withdrawn(ANA, on="2024-03-20"), merged(BEN, into=ANA)]
    story = Story()
    story.tell(*(facts[n] for n in order), oriented(ANA), attended(ANA), submitted(ANA), awarded(ANA))
    assert story.missing(ANA) == [MissingStep.CLOCK_HOURS_REGISTRATION]


def test_registered_and_withdrawn_on_the_same_instant_under_two_ids_is_registered() -> None:
    for order in permutations([registered(BEN, on="2024-03-20"), withdrawn(ANA, on="2024-03-20")]):
        story = Story()
        story.tell(*order, merged(BEN, into=ANA))
        assert MissingStep.CLOCK_HOURS_REGISTRATION not in story.missing(ANA)


def test_the_merged_accounts_held_rows_are_gone_and_the_wait_does_not_begin_anew() -> None:
    story = Story()
    story.tell(registered(BEN))
    began = story.now
    story.now += timedelta(days=5)

    told = story.tell(merged(BEN, into=ANA))
    held = [event for event in told if isinstance(event, events.ClockHoursHeld)]
    assert {(event.educator_id, bool(event.missing)) for event in held} == {(ANA, True), (BEN, False)}
    assert story.held(ANA)[TRA1].since == began

    story.now += timedelta(days=5)
    story.tell(unmerged(BEN, out_of=ANA))
    assert story.accounts[ANA].held == {}
    assert story.accounts[BEN].held[TRA1].since == began


def test_an_accepted_late_attempt_stays_accepted_through_merge_and_undo() -> None:
    story = Story()
    facts = [*everything(BEN)[:3], submitted(BEN, on_time=False, on="2024-05-01"), awarded(BEN)]
    story.tell(*facts)
    case = story.case(ExceptionKind.LATE_ATTEMPT)
    assert case is not None
    story.tell(Verdict(case.exception_id, ExceptionStatus.ACCEPTED))
    assert story.minutes(BEN) == 1080

    story.tell(merged(BEN, into=ANA))
    assert story.minutes(ANA) == 1080
    story.tell(unmerged(BEN, out_of=ANA))
    assert story.minutes(BEN) == 1080
    assert story.open() == []


def test_a_decision_touches_the_root_even_where_nothing_of_it_changes() -> None:
    accounts = {
        ANA: Account(ANA),
        BEN: Account(BEN, merged_into=ANA, merge_number=1),
        CAM: Account(CAM, merged_into=ANA, merge_number=1),
    }
    story = Story()
    story.accounts = dict(accounts)
    decision = policy.decide(accounts, attended(BEN, opens=None), story.programs, story.now)
    assert decision.touched == {ANA, BEN}


def test_an_erased_account_is_known_as_such_and_judged_on() -> None:
    story = Story()
    story.tell(oriented(ANA), events.EducatorErased(educator_id=ANA), attended(ANA))
    assert story.accounts[ANA].erased
    assert story.minutes(ANA) == 180


def test_what_staff_accepted_for_one_account_leaves_the_other_when_the_merge_is_undone() -> None:
    """The same attempt told of two learners, one of each account: the other stays open."""
    story = Story()
    story.tell(
        submitted(CAM, on="2024-05-01", on_time=False, learner="L1"),
        merged(CAM, into=BEN),
        submitted(BEN, on="2024-09-10", on_time=False, learner="L2"),
    )
    case = story.case(ExceptionKind.LATE_ATTEMPT, CAM)
    assert case is not None
    story.tell(Verdict(case.exception_id, ExceptionStatus.ACCEPTED))
    assert MissingStep.ON_TIME_SUBMISSION not in story.missing(BEN)

    story.tell(unmerged(CAM, out_of=BEN))
    assert MissingStep.ON_TIME_SUBMISSION not in story.missing(CAM)
    assert MissingStep.ON_TIME_SUBMISSION in story.missing(BEN)
    assert story.open(BEN) == [ExceptionKind.LATE_ATTEMPT]
