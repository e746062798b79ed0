"""Exceptions: "cases for staff. One resolves by itself when its cause no longer holds, but for" three kinds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts import events
from contracts.event import EventData
from contracts.kinds import ConflictKind, ExceptionKind, ExceptionStatus
from services.clockhours import policy
from services.clockhours.reasons import EXCEPTIONS, MISSING
from services.clockhours.state import Verdict
from tests.clockhours.builders import (
    ANA,
    BEN,
    TRA1,
    W1,
    Story,
    attended,
    conflict,
    corrected,
    everything,
    merged,
    nea_registered,
    no_conflict,
    registered,
    revoked,
    submitted,
    unmerged,
)


def test_every_kind_and_every_step_has_its_line_of_meaning() -> None:
    assert set(EXCEPTIONS) == set(ExceptionKind)
    assert set(MISSING) == set(events.ClockHoursHeld.model_fields["missing"].annotation.__args__[0])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "kind", [ConflictKind.SESSION_CONFLICT, ConflictKind.IDENTITY_CONFLICT, ConflictKind.NO_PROGRAM_YEAR]
)
def test_what_enrollment_opens_it_resolves(kind: ConflictKind) -> None:
    story = Story()
    opened = conflict(ANA, kind, W1, holder=BEN if kind is ConflictKind.IDENTITY_CONFLICT else None)
    (told,) = story.tell(opened)
    assert isinstance(told, events.ExceptionOpened)
    assert (told.kind, told.session_id, told.status) == (kind.value, W1, "open")

    (told,) = story.tell(no_conflict(opened))
    assert isinstance(told, events.ExceptionResolved)
    assert told.status == "resolved"


@pytest.mark.parametrize("kind", [ConflictKind.ATTENDANCE_CONFLICT, ConflictKind.MERGE_CONFLICT])
def test_attendance_and_merge_conflicts_stay_until_staff_dismiss_them(kind: ConflictKind) -> None:
    story = Story()
    opened = conflict(ANA, kind, W1, merging=BEN if kind is ConflictKind.MERGE_CONFLICT else None)
    story.tell(opened, no_conflict(opened))
    assert story.open(ANA) == [ExceptionKind(kind)]

    case = story.case(ExceptionKind(kind))
    assert case is not None
    story.tell(Verdict(case.exception_id, ExceptionStatus.DISMISSED))
    assert story.open(ANA) == []
    story.judge(ANA)
    assert story.open(ANA) == [], "a verdict stands"

    story.tell(opened)
    assert story.open(ANA) == [ExceptionKind(kind)], "it has happened again: staff look again"


def test_the_same_conflict_told_twice_is_one_case() -> None:
    story = Story()
    opened = conflict(ANA, ConflictKind.ATTENDANCE_CONFLICT, W1)
    assert len(story.tell(opened, opened)) == 1
    assert len(story.tell(conflict(ANA, ConflictKind.ATTENDANCE_CONFLICT, "W7"))) == 1


def test_each_workshop_that_names_none_is_a_case_of_its_own() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=None), attended(ANA, "W2", opens=None))
    assert {case.ground.session_id for case in story.cases.values()} == {W1, "W2"}


def test_a_session_in_no_loaded_year_is_one_case_though_enrollment_tells_it_too() -> None:
    story = Story()
    story.tell(attended(ANA, W1, ended="2019-05-01"), conflict(ANA, ConflictKind.NO_PROGRAM_YEAR, W1))
    story.tell(attended(ANA, "W2", ended="2019-05-01"), conflict(ANA, ConflictKind.SESSION_CONFLICT, "W2"))
    found = sorted((case.ground.kind, case.ground.session_id) for case in story.cases.values() if case.status == "open")
    assert found == [("no_program_year", W1), ("no_program_year", "W2"), ("session_conflict", "W2")]


def test_cases_are_told_apart_by_kind_by_educator_and_by_every_id() -> None:
    whole = events.ConflictOpened(
        educator_id=ANA,
        kind=ConflictKind.SESSION_CONFLICT,
        session_id=W1,
        micro_credential_id=TRA1,
        merged_educator_id=BEN,
        submission_id="S-1",
        attempt=1,
    )
    others = (
        {"educator_id": BEN},
        {"kind": ConflictKind.ATTENDANCE_CONFLICT},
        {"session_id": "W7"},
        {"micro_credential_id": None},
        {"merged_educator_id": "cam"},
        {"merged_educator_id": None, "holder_educator_id": "dan"},
        {"submission_id": "S-2"},
        {"attempt": 2},
    )
    story = Story()
    (told,) = story.tell(whole)
    assert isinstance(told, events.ExceptionOpened)
    assert (told.micro_credential_id, told.submission_id, told.attempt) == (TRA1, "S-1", 1)
    for other in others:
        assert len(story.tell(events.ConflictOpened.model_validate(whole.model_dump() | other))) == 1, other
    assert len(story.cases) == 1 + len(others)


def test_a_cause_that_comes_again_opens_the_same_exception_again() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=None))
    first = story.case(ExceptionKind.UNALLOCATED)
    story.tell(attended(ANA, W1, opens=TRA1))
    assert story.open(ANA) == []

    story.tell(attended(ANA, W1, opens=None))
    again = story.case(ExceptionKind.UNALLOCATED)
    assert first is not None
    assert again is not None
    assert again.exception_id == first.exception_id
    assert story.open(ANA) == [ExceptionKind.UNALLOCATED]


def test_dismissing_a_late_attempt_leaves_the_hours_held() -> None:
    story = Story()
    story.tell(*everything(ANA)[:3], submitted(ANA, on_time=False, on="2024-05-01"), everything(ANA)[4])
    case = story.case(ExceptionKind.LATE_ATTEMPT)
    assert case is not None

    (told,) = story.tell(Verdict(case.exception_id, ExceptionStatus.DISMISSED))
    assert isinstance(told, events.ExceptionResolved)
    assert told.status == "dismissed"
    assert story.missing(ANA) == ["on_time_submission"]


def test_an_accepted_attempt_stays_accepted_though_it_is_told_again() -> None:
    story = Story()
    late = submitted(ANA, on_time=False, on="2024-05-01")
    story.tell(*everything(ANA)[:3], late, everything(ANA)[4])
    case = story.case(ExceptionKind.LATE_ATTEMPT)
    assert case is not None
    story.tell(Verdict(case.exception_id, ExceptionStatus.ACCEPTED))
    assert story.tell(late) == []
    assert story.minutes(ANA) == 1080


def test_a_late_attempt_is_told_of_with_its_submission_and_attempt_and_may_be_of_a_learners_later_one() -> None:
    story = Story()
    story.tell(submitted(ANA), submitted(ANA, attempt=2, on="2024-06-01", on_time=False))
    case = story.case(ExceptionKind.LATE_ATTEMPT)
    assert case is not None
    assert (case.ground.micro_credential_id, case.ground.submission_id, case.ground.attempt) == (TRA1, "S-1", 2)


# -- held too long


def test_hours_held_for_longer_than_the_programme_says_are_a_case_for_staff() -> None:
    story = Story()
    story.tell(registered(ANA))
    story.now += timedelta(days=14)
    assert story.judge(ANA) == [], "14 days are not longer than held_alert_days"

    story.now += timedelta(milliseconds=1)
    (told,) = story.judge(ANA)
    assert isinstance(told, events.ExceptionOpened)
    assert (told.kind, told.educator_id, told.micro_credential_id) == ("held_too_long", ANA, TRA1)

    story.tell(*everything(ANA))
    assert story.open(ANA) == [], "it resolves when the hours are held no longer"


def test_held_too_long_belongs_to_the_kept_educator() -> None:
    story = Story()
    story.tell(registered(BEN))
    story.now += timedelta(days=15)
    story.judge(BEN)
    assert story.open(BEN) == [ExceptionKind.HELD_TOO_LONG]

    story.tell(merged(BEN, into=ANA))
    assert story.open(BEN) == []
    assert story.open(ANA) == [ExceptionKind.HELD_TOO_LONG]

    story.tell(unmerged(BEN, out_of=ANA))
    assert story.open(ANA) == []
    assert story.open(BEN) == [ExceptionKind.HELD_TOO_LONG]


# -- transcripts


def issued(story: Story, who: str) -> None:
    """A transcript shows all unreversed entries."""
    account = story.accounts[who]
    story.accounts[who] = replace(
        account, on_transcript=account.on_transcript | {entry.entry_id for entry in account.live.values()}
    )


def test_reversing_an_entry_on_an_issued_transcript_opens_transcript_superseded_once_and_for_good() -> None:
    story = Story()
    story.tell(*everything(ANA))
    issued(story, ANA)

    told = story.tell(revoked(ANA))
    opened = [event for event in told if isinstance(event, events.ExceptionOpened)]
    assert [(event.kind, event.micro_credential_id) for event in opened] == [("transcript_superseded", TRA1)]
    story.judge(ANA)
    assert story.open(ANA) == [ExceptionKind.TRANSCRIPT_SUPERSEDED]


def test_each_reversed_entry_of_a_transcript_is_a_case_of_its_own() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=None), attended(ANA, "W2", opens=None))
    issued(story, ANA)
    for session in (W1, "W2"):
        story.tell(corrected(attended(ANA, session, opens=None), minutes=0))
    cases = [c for c in story.cases.values() if c.ground.kind is ExceptionKind.TRANSCRIPT_SUPERSEDED]
    assert {case.ground.session_id for case in cases} == {W1, "W2"}

    issued(story, ANA)
    story.tell(attended(ANA, W1, opens=None))
    issued(story, ANA)
    story.tell(corrected(attended(ANA, W1, opens=None), minutes=0))
    cases = [c for c in story.cases.values() if c.ground.kind is ExceptionKind.TRANSCRIPT_SUPERSEDED]
    assert len(cases) == 3, "granted anew, shown again, reversed again"


def test_reversing_an_entry_that_no_transcript_shows_opens_nothing() -> None:
    story = Story()
    story.tell(*everything(ANA), revoked(ANA))
    assert story.open(ANA) == []


# -- whose they are


def test_an_exception_belongs_to_the_account_under_which_its_fact_came() -> None:
    story = Story()
    story.tell(merged(BEN, into=ANA), attended(BEN, W1, opens=None), nea_registered(BEN, "NEA_NEW"))
    assert story.open(BEN) == [ExceptionKind.NOT_IN_CATALOGUE, ExceptionKind.UNALLOCATED]
    assert story.open(ANA) == []


def test_a_workshop_that_one_account_leaves_open_and_the_other_names_is_allocated_in_the_union() -> None:
    story = Story()
    story.tell(attended(ANA, W1, opens=None), attended(BEN, W1, opens=TRA1), merged(BEN, into=ANA))
    assert story.open() == []
    assert "workshop" not in story.missing(ANA)


def test_judging_again_what_is_judged_changes_nothing() -> None:
    story = Story()
    story.tell(*everything(ANA), attended(ANA, "W9", opens=None), submitted(ANA, "NEA_NEW", "S-9", on_time=False))
    assert story.judge(ANA) == []
    decision = policy.decide({ANA: story.accounts[ANA]}, None, story.programs, story.now)
    assert decision.accounts[ANA] is story.accounts[ANA]


@pytest.mark.parametrize(
    "fact",
    [
        *everything(ANA),
        nea_registered(ANA),
        revoked(ANA, on="2024-04-01"),
        conflict(ANA, ConflictKind.SESSION_CONFLICT, W1),
        merged(BEN, into=ANA),
    ],
)
def test_what_is_told_again_is_neither_judged_nor_written(fact: EventData) -> None:
    story = Story()
    story.tell(*everything(ANA), fact)
    decision = policy.decide(story.accounts, fact, story.programs, story.now)
    assert (decision.touched, decision.outcomes) == (frozenset(), ())
