"""Micro-credential hours: "the catalogue's minutes (default 900), when ALL hold, in ANY order of arrival"."""

from itertools import permutations

import pytest

from contracts import events
from contracts.kinds import Decision, EntryKind, ExceptionKind, ExceptionStatus, MissingStep
from services.clockhours.state import Verdict
from tests.clockhours.builders import (
    ANA,
    CLIM,
    PROGRAMS,
    S1,
    S2,
    TLA,
    TRA1,
    TRA2,
    W1,
    W2,
    Story,
    at,
    attended,
    awarded,
    corrected,
    decided,
    everything,
    nea_registered,
    oriented,
    registered,
    revoked,
    submitted,
    unlinked,
    withdrawn,
    years,
)

CREDENTIAL = EntryKind.MICRO_CREDENTIAL


def test_the_hours_are_granted_with_the_values_of_catalogue_award_and_registration() -> None:
    story = Story()
    told = story.tell(*everything(ANA, CLIM))[-1]

    assert isinstance(told, events.ClockHoursAwarded)
    assert (told.kind, told.micro_credential_id, told.minutes) == ("micro_credential", CLIM, 1200)
    assert told.designations == ("STEM", "Equity")
    assert told.completed_at == at("2024-05-10"), "the award's decided_at"
    assert told.registered_at == at("2024-01-20"), "with WEA, for clock hours"
    assert told.session_id is None
    assert told.program_year == "2023-24"


def test_every_order_of_arrival_ends_in_the_same_hours() -> None:
    for order in permutations(everything(ANA)):
        story = Story()
        story.tell(*order)
        assert story.minutes(ANA) == 1080, [type(fact).__name__ for fact in order]
        assert story.held(ANA) == {}
        assert story.open(ANA) == []


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        (0, [MissingStep.ORIENTATION]),
        (1, [MissingStep.CLOCK_HOURS_REGISTRATION]),
        (2, [MissingStep.WORKSHOP]),
        (3, [MissingStep.ON_TIME_SUBMISSION]),
        (4, [MissingStep.AWARD]),
    ],
)
def test_what_is_missing_holds_the_hours_and_is_named(left_out: int, missing: list[MissingStep]) -> None:
    story = Story()
    facts = everything(ANA)
    late = facts.pop(left_out)

    story.tell(*facts)
    assert story.missing(ANA) == missing
    assert story.held(ANA)[TRA1].minutes == 900

    story.tell(late)
    assert story.held(ANA) == {}
    assert (CREDENTIAL, TRA1) in story.subjects(ANA)


def test_registration_with_nea_is_no_condition() -> None:
    story = Story()
    story.tell(*everything(ANA))
    assert story.tell(nea_registered(ANA)) == []


def test_registration_for_clock_hours_is_for_that_same_micro_credential() -> None:
    story = Story()
    story.tell(*everything(ANA, TRA1)[:1], *everything(ANA, TRA1)[2:], registered(ANA, TRA2))
    assert story.missing(ANA, TRA1) == [MissingStep.CLOCK_HOURS_REGISTRATION]


def test_a_workshop_opens_the_way_for_its_own_micro_credential_alone() -> None:
    story = Story()
    story.tell(*everything(ANA, TRA1))
    story.tell(registered(ANA, TRA2), submitted(ANA, TRA2, S2), awarded(ANA, TRA2, S2))
    assert story.missing(ANA, TRA2) == [MissingStep.WORKSHOP]

    story.tell(attended(ANA, W2, opens=TRA2))
    assert story.minutes(ANA) == 90 + 2 * (90 + 900)


def test_a_withdrawal_reverses_the_hours_and_a_new_registration_grants_them_anew() -> None:
    story = Story()
    story.tell(*everything(ANA))

    story.tell(withdrawn(ANA))
    assert story.minutes(ANA) == 180
    assert story.missing(ANA) == [MissingStep.CLOCK_HOURS_REGISTRATION]

    story.tell(registered(ANA, on="2024-04-01"))
    assert [entry.minutes for entry in story.entries][2:] == [900, -900, 900]
    assert story.live(ANA)[-1].registered_at == at("2024-04-01")


# -- on time


def test_a_late_first_attempt_holds_the_hours_until_staff_accept_it() -> None:
    story = Story()
    facts = [*everything(ANA)[:3], submitted(ANA, on="2024-04-27T12:00", on_time=False), awarded(ANA)]
    story.tell(*facts)
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]
    assert story.open(ANA) == [ExceptionKind.LATE_ATTEMPT]

    case = story.case(ExceptionKind.LATE_ATTEMPT)
    assert case is not None
    assert (case.ground.submission_id, case.ground.attempt) == (S1, 1)
    resolved, granted = story.tell(Verdict(case.exception_id, ExceptionStatus.ACCEPTED))

    assert isinstance(resolved, events.ExceptionResolved)
    assert resolved.status == "accepted"
    assert isinstance(granted, events.ClockHoursAwarded)
    assert granted.minutes == 900


def test_a_later_attempt_that_was_awarded_must_meet_the_revision_deadline() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], submitted(ANA, on_time=None), awarded(ANA, attempt=2, on="2024-06-01"))
    story.tell(submitted(ANA, attempt=2, on="2024-05-25T07:00", on_time=None))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION], "05-25 00:00 in Washington is too late"
    assert story.open(ANA) == [ExceptionKind.LATE_ATTEMPT]

    story.tell(submitted(ANA, attempt=2, on="2024-05-25T06:59:59.999999", on_time=None))  # the newest webhook holds
    assert story.held(ANA) == {}
    assert story.open(ANA) == [], "its cause is gone: the exception resolves by itself"


def test_an_attempt_not_seen_yet_is_missing_not_late() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], awarded(ANA, attempt=2), submitted(ANA, attempt=2, on="2024-05-20", on_time=None))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]
    assert story.open(ANA) == []

    story.tell(submitted(ANA, attempt=1, on="2024-04-20"))
    assert story.held(ANA) == {}, "attempt 2 is judged when attempt 1 comes"


def test_an_attempt_that_enrollment_cannot_judge_is_judged_by_the_programme_that_is_loaded_here() -> None:
    story = Story()
    facts = [*everything(ANA)[:3], submitted(ANA, on="2024-04-27T07:00", on_time=None), awarded(ANA)]
    story.tell(*facts)
    assert story.open(ANA) == [ExceptionKind.LATE_ATTEMPT], "04-27 00:00 in Washington is too late"

    story.tell(submitted(ANA, on="2024-04-27T06:59:59.999999", on_time=None))
    assert story.held(ANA) == {}


def test_any_one_submission_suffices() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], submitted(ANA, on_time=False, on="2024-05-01"), awarded(ANA))
    story.tell(submitted(ANA, submission=S2, on="2024-04-26"), awarded(ANA, submission=S2, on="2024-05-15"))
    assert story.live(ANA)[-1].completed_at == at("2024-05-15")


def test_one_submission_on_time_and_another_awarded_are_not_enough() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], submitted(ANA, submission=S2))
    story.tell(submitted(ANA, on_time=False, on="2024-05-01"), awarded(ANA))
    assert story.missing(ANA) == [MissingStep.AWARD]


def test_of_several_awards_the_earliest_completes_whatever_came_first() -> None:
    facts = [
        submitted(ANA, submission=S1),
        awarded(ANA, submission=S1, on="2024-05-12"),
        submitted(ANA, submission=S2),
        awarded(ANA, submission=S2, on="2024-05-11"),
    ]
    for order in permutations(facts):
        story = Story()
        story.tell(*order, *everything(ANA)[:3])
        assert story.live(ANA)[-1].completed_at == at("2024-05-11")


# -- the governing year


def test_the_year_of_attempt_1_gives_minutes_and_year_whenever_the_rest_falls() -> None:
    story = Story()
    facts = [
        oriented(ANA, ended="2024-10-10"),
        registered(ANA, on="2024-10-20"),
        attended(ANA, ended="2024-11-10"),
        submitted(ANA, on="2024-04-20"),
        awarded(ANA, on="2024-12-01"),
    ]
    story.tell(*facts)
    entry = story.live(ANA)[-1]
    assert (entry.kind, entry.program_year) == (CREDENTIAL, "2023-24")
    assert entry.completed_at == at("2024-12-01")


def test_a_first_attempt_in_no_loaded_year_holds_the_hours_and_is_a_case_for_staff() -> None:
    story = Story(programs=years("2023-24"))
    story.tell(*everything(ANA)[:3], submitted(ANA, on="2025-04-20", on_time=None), awarded(ANA, on="2025-05-10"))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]
    assert story.open(ANA) == [ExceptionKind.NO_PROGRAM_YEAR]

    story.programs = PROGRAMS  # the next year's file was loaded
    story.judge(ANA)
    assert story.open(ANA) == []
    assert story.live(ANA)[-1].program_year == "2024-25"


def test_what_enrollment_judged_by_a_year_that_is_not_loaded_here_waits_for_it() -> None:
    story = Story(programs=years("2023-24"))
    story.tell(*everything(ANA)[:3], submitted(ANA, on="2025-04-20", on_time=True), awarded(ANA, on="2025-05-10"))
    assert story.missing(ANA) == [MissingStep.AWARD]
    assert story.minutes(ANA) == 180


def test_a_granted_entry_keeps_its_values_when_the_programme_changes() -> None:
    story = Story()
    story.tell(*everything(ANA))
    story.programs = years("2024-25")  # the year that granted is not loaded any more

    assert [type(event).__name__ for event in story.judge(ANA)] == ["ExceptionOpened"] * 3  # no_program_year
    assert story.minutes(ANA) == 1080


# -- decisions


def test_not_yet_and_denied_grant_nothing_and_block_nothing() -> None:
    story = Story()
    story.tell(*everything(ANA)[:4], decided(ANA, Decision.NOT_YET, on="2024-05-01"))
    story.tell(submitted(ANA, submission=S2), decided(ANA, Decision.DENIED, submission=S2, on="2024-05-02"))
    assert story.missing(ANA) == [MissingStep.AWARD]

    story.tell(submitted(ANA, attempt=2, on="2024-05-20"), awarded(ANA, attempt=2, on="2024-06-10"))
    assert story.held(ANA) == {}
    assert story.open(ANA) == []


@pytest.mark.parametrize("decision", [Decision.NOT_YET, Decision.INCOMPLETE, Decision.DENIED])
def test_what_sorts_after_an_award_changes_nothing_and_opens_decision_conflict(decision: Decision) -> None:
    for facts in permutations([decided(ANA, decision, on="2024-05-11"), awarded(ANA, on="2024-05-10")]):
        story = Story()
        story.tell(*everything(ANA)[:4], *facts)
        assert story.minutes(ANA) == 1080
        assert story.open(ANA) == [ExceptionKind.DECISION_CONFLICT]


def test_a_decision_of_the_awards_own_instant_does_not_sort_after_it() -> None:
    story = Story()
    story.tell(*everything(ANA), decided(ANA, Decision.DENIED, on="2024-05-10", learner="L2"))
    assert story.minutes(ANA) == 1080
    assert story.open(ANA) == []


def test_what_sorts_before_an_award_is_no_conflict_though_it_arrives_later() -> None:
    story = Story()
    story.tell(*everything(ANA), submitted(ANA, attempt=2, on="2024-05-20"), awarded(ANA, attempt=2, on="2024-06-01"))
    story.tell(decided(ANA, Decision.NOT_YET, attempt=1, on="2024-05-09"))
    assert story.open(ANA) == []


def test_of_two_decisions_on_one_attempt_in_one_instant_the_last_word_of_enrollment_holds() -> None:
    story = Story()
    story.tell(*everything(ANA), decided(ANA, Decision.DENIED, on="2024-05-10"))
    assert story.missing(ANA) == [MissingStep.AWARD]
    assert story.open(ANA) == []


def test_a_revocation_reverses_the_hours_and_leaves_orientation_and_workshop_alone() -> None:
    story = Story()
    story.tell(*everything(ANA))
    (reversed_, held) = story.tell(revoked(ANA, on="2024-05-20"))

    assert isinstance(reversed_, events.ClockHoursReversed)
    assert isinstance(held, events.ClockHoursHeld)
    assert held.missing == (MissingStep.AWARD,)
    assert story.minutes(ANA) == 180


def test_an_award_counts_if_it_was_decided_after_every_revocation() -> None:
    facts = [
        awarded(ANA, on="2024-05-10"),
        revoked(ANA, on="2024-05-20"),
        submitted(ANA, attempt=2, on="2024-05-22"),
        awarded(ANA, attempt=2, on="2024-06-01"),
    ]
    for order in permutations(facts):
        story = Story()
        story.tell(*everything(ANA)[:4], *order)
        assert story.live(ANA)[-1].completed_at == at("2024-06-01"), "the revoked award is not its completion"
        assert story.minutes(ANA) == 1080


def test_an_older_revocation_told_later_takes_nothing_from_the_newer_one() -> None:
    story = Story()
    story.tell(*everything(ANA), revoked(ANA, on="2024-05-20"), revoked(ANA, on="2024-03-01"))
    assert story.missing(ANA) == [MissingStep.AWARD]


def test_hours_that_come_due_together_are_granted_in_the_order_of_their_completion() -> None:
    story = Story()
    _, *rest = everything(ANA, TRA1, session=W2)
    _, *others = everything(ANA, CLIM, session=W1, submission=S2)
    story.tell(*rest, *others[:-1], awarded(ANA, CLIM, S2, on="2024-05-09"))
    story.tell(oriented(ANA))
    granted = [entry for entry in story.live(ANA) if entry.kind is CREDENTIAL]
    assert [entry.micro_credential_id for entry in granted] == [CLIM, TRA1]


def test_an_award_decided_in_the_instant_of_a_revocation_does_not_count() -> None:
    story = Story()
    story.tell(*everything(ANA), revoked(ANA, on="2024-05-10"))
    assert story.missing(ANA) == [MissingStep.AWARD]


# -- the catalogue


def test_what_no_year_lists_grants_nothing_makes_no_row_and_is_a_case_for_staff() -> None:
    story = Story()
    story.tell(*everything(ANA, "NEA_NEW"))
    assert story.held(ANA) == {}
    assert story.minutes(ANA) == 180
    assert story.open(ANA) == [ExceptionKind.NOT_IN_CATALOGUE]


def test_what_the_governing_year_does_not_list_is_a_case_though_another_year_lists_it() -> None:
    story = Story()
    story.tell(*everything(ANA, "EX_AI1"))  # of 2024-25, submitted in 2023-24
    case = story.case(ExceptionKind.NOT_IN_CATALOGUE)
    assert case is not None
    assert (case.status, case.ground.micro_credential_id) == ("open", "EX_AI1")
    assert story.minutes(ANA) == 180

    story.tell(submitted(ANA, "EX_AI1", on="2025-01-20"), awarded(ANA, "EX_AI1", on="2025-02-10"))
    assert story.minutes(ANA) == 180 + 750
    assert story.open(ANA) == []


def test_what_the_governing_year_lists_without_clock_hours_earns_none_though_another_year_would() -> None:
    old, new = PROGRAMS.years
    entries = [e.model_copy(update={"eligible": False}) if e.id == TRA1 else e for e in old.micro_credentials]
    content = old.model_dump() | {"micro_credentials": [e.model_dump() for e in entries]}
    story = Story(programs=type(PROGRAMS)((type(old).model_validate(content), new)))
    story.tell(*everything(ANA))
    assert story.open(ANA) == [ExceptionKind.NOT_ELIGIBLE]
    assert story.minutes(ANA) == 180


def test_what_is_added_to_the_catalogue_is_granted_when_judged_anew_and_its_exception_resolves() -> None:
    story = Story()
    story.tell(*everything(ANA, "NEA_NEW"))
    listed = PROGRAMS.years[0].catalogue[TRA1].model_copy(update={"id": "NEA_NEW", "minutes": 600})
    with_it = PROGRAMS.years[0].model_copy(update={"micro_credentials": (*PROGRAMS.years[0].micro_credentials, listed)})
    story.programs = type(PROGRAMS)((type(with_it).model_validate(with_it.model_dump()), PROGRAMS.years[1]))

    told = story.judge(ANA)
    assert [type(event).__name__ for event in told] == ["ClockHoursAwarded", "ExceptionResolved"]
    assert story.minutes(ANA) == 780


def test_what_is_listed_without_clock_hours_is_a_case_only_once_it_is_awarded() -> None:
    story = Story()
    story.tell(*everything(ANA, TLA)[:4])
    assert (story.open(ANA), story.held(ANA)) == ([], {})

    story.tell(awarded(ANA, TLA))
    case = story.case(ExceptionKind.NOT_ELIGIBLE)
    assert case is not None
    assert (case.status, case.ground.micro_credential_id) == ("open", TLA)
    assert story.minutes(ANA) == 180

    story.tell(revoked(ANA, TLA))
    assert story.open(ANA) == []


def test_an_award_of_what_earns_none_is_a_case_though_its_first_attempt_was_not_seen() -> None:
    story = Story()
    story.tell(awarded(ANA, TLA))
    assert story.open(ANA) == [ExceptionKind.NOT_ELIGIBLE]


# -- learners


def test_unlinking_a_learner_takes_its_effects_back() -> None:
    story = Story()
    story.tell(*everything(ANA), nea_registered(ANA, TRA2, learner="L1"))

    story.tell(unlinked(ANA, "L1"))
    assert story.minutes(ANA) == 180
    assert set(story.held(ANA)) == {TRA1}, "TRA2 was named by that learner alone"
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION, MissingStep.AWARD]

    story.tell(submitted(ANA, learner="L2"), awarded(ANA, learner="L2"))
    assert story.minutes(ANA) == 1080


def test_attempts_of_one_submission_may_come_under_two_learners() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], submitted(ANA, learner="L1"))
    story.tell(submitted(ANA, attempt=2, on="2024-05-20", learner="L2"), awarded(ANA, attempt=2, learner="L2"))
    assert story.minutes(ANA) == 1080


def test_unlinking_a_learner_takes_its_revocations_back_and_no_other_learners() -> None:
    story = Story()
    story.tell(*everything(ANA), revoked(ANA, learner="L2"), revoked(ANA, TRA2, learner="L3"))
    assert story.missing(ANA) == [MissingStep.AWARD]

    story.tell(unlinked(ANA, "L3"))
    assert story.missing(ANA) == [MissingStep.AWARD]
    story.tell(unlinked(ANA, "L2"))
    assert story.minutes(ANA) == 1080


def test_of_one_attempt_told_of_two_learners_the_later_submitted_at_holds() -> None:
    late = submitted(ANA, on="2024-04-28", on_time=False, learner="L2")
    for order in permutations([submitted(ANA, learner="L1"), late]):
        story = Story()
        story.tell(*everything(ANA)[:3], *order, awarded(ANA))
        assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]


def test_of_one_attempt_told_of_two_learners_at_the_same_time_the_judged_one_holds_and_late_before_on_time() -> None:
    unjudged, good, late = (
        submitted(ANA, on="2024-04-28", on_time=on_time, learner=learner)
        for on_time, learner in ((None, "L1"), (True, "L2"), (False, "L3"))
    )
    for order in permutations([unjudged, good]):
        story = Story()
        story.tell(*everything(ANA)[:3], *order, awarded(ANA))
        assert story.held(ANA) == {}
    for order in permutations([good, late]):
        story = Story()
        story.tell(*everything(ANA)[:3], *order, awarded(ANA))
        assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]


def test_a_late_awarded_attempt_is_missing_an_on_time_submission_revoked_or_not() -> None:
    story = Story()
    story.tell(*everything(ANA)[:4], submitted(ANA, attempt=2, on="2024-05-30", on_time=False))
    story.tell(awarded(ANA, attempt=2, on="2024-06-10"))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION]

    story.tell(revoked(ANA, on="2024-06-11"))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION, MissingStep.AWARD]


def test_the_awarded_attempt_is_the_one_whose_award_counts() -> None:
    story = Story()
    story.tell(*everything(ANA), revoked(ANA, on="2024-05-20"))
    story.tell(submitted(ANA, attempt=2, on="2024-05-30", on_time=False), awarded(ANA, attempt=2, on="2024-06-10"))
    assert story.missing(ANA) == [MissingStep.ON_TIME_SUBMISSION], "attempt 1 was on time, but its award is revoked"


def test_losing_the_orientation_or_the_workshop_reverses_the_hours_too() -> None:
    story = Story()
    story.tell(*everything(ANA))
    story.tell(corrected(oriented(ANA), minutes=0))
    assert story.missing(ANA) == [MissingStep.ORIENTATION]
    assert story.minutes(ANA) == 90

    story.tell(corrected(attended(ANA), minutes=0))
    assert story.missing(ANA) == [MissingStep.ORIENTATION, MissingStep.WORKSHOP]
    assert story.minutes(ANA) == 0
