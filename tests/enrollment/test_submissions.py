"""What NEA says: attempts and their deadlines, decisions, revocations; and WEA's clock hours beside them."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts import events
from contracts.kinds import ConflictKind, Decision
from services.enrollment import learning, submissions
from services.enrollment.state import Outcome, View
from services.enrollment.telling import Announcement
from tests.enrollment.builders import (
    ANA,
    BEN,
    S1,
    TRA1,
    Said,
    Story,
    at,
    hours_registered,
    hours_withdrawn,
    learner,
    learner_id,
    merged,
    names,
    nea_registered,
    profile,
    registered,
    reviewed,
    revoked,
    submitted,
    unmerged,
)

SUBMIT_BY = at("2024-04-27T07:00")  # midnight in Los Angeles after April 26
REVISE_BY = at("2024-05-25T07:00")
HER = profile(ANA, nea_member_id="N-1")


def one(told: list[Announcement]) -> Any:
    (only,) = told
    return only


def test_a_submission_is_told_with_its_deadline_and_whether_it_was_on_time() -> None:
    assert one(Story(HER).hear(submitted(on="2024-04-20"))) == events.CredentialSubmitted(
        educator_id=ANA,
        micro_credential_id=TRA1,
        submission_id=S1,
        attempt=1,
        submitted_at=at("2024-04-20"),
        deadline=SUBMIT_BY,
        on_time=True,
        learner_id=learner_id(),
    )


@pytest.mark.parametrize(("on", "on_time"), [("2024-04-27T06:59:59.999999", True), ("2024-04-27T07:00", False)])
def test_on_time_means_before_midnight_local_after_the_deadline_day(on: str, on_time: bool) -> None:
    assert one(Story(HER).hear(submitted(on=on))).on_time is on_time


@pytest.mark.parametrize(("on", "on_time"), [("2024-05-25T06:59:59", True), ("2024-05-25T07:00", False)])
def test_a_later_attempt_is_judged_by_the_revision_deadline(on: str, on_time: bool) -> None:
    told = one(Story(HER, submitted()).hear(submitted(attempt=2, on=on)))
    assert (told.deadline, told.on_time) == (REVISE_BY, on_time)


def test_until_attempt_1_is_seen_a_later_one_is_unjudged_and_judged_when_it_comes() -> None:
    story = Story(HER)
    told = one(story.hear(submitted(attempt=2, on="2024-05-20")))
    assert (told.deadline, told.on_time) == (None, None)
    told = story.hear(submitted(attempt=1))
    assert {(t.attempt, t.on_time) for t in told} == {(1, True), (2, True)}  # type: ignore[union-attr]


def test_each_submission_stands_alone() -> None:
    story = Story(HER, submitted(submission="S-1"))
    assert one(story.hear(submitted(submission="S-2", attempt=2))).on_time is None


def test_the_year_that_holds_attempt_1_governs_and_without_one_nothing_is_judged() -> None:
    story = Story(HER, submitted(on="2030-01-01"))
    told = one(story.hear(submitted(attempt=2, on="2024-05-20")))
    assert (told.deadline, told.on_time) == (None, None)


def test_the_same_attempt_told_twice_the_newest_timestamp_holds() -> None:
    story = Story(HER, submitted(on="2024-04-20", said_at="2024-05-02"))
    assert story.hear(submitted(on="2024-04-30", said_at="2024-05-01")) == []
    assert story.outcome is Outcome.SUPERSEDED
    assert one(story.hear(submitted(on="2024-04-29", said_at="2024-05-03"))).on_time is False


def test_what_is_known_already_is_a_duplicate_even_when_it_is_said_to_be_older() -> None:
    story = Story(HER, submitted(said_at="2024-05-02"))
    assert story.hear(submitted(said_at="2024-05-01")) == []
    assert story.outcome is Outcome.DUPLICATE


def test_every_decision_is_told_by_its_kind() -> None:
    story = Story(HER, submitted())
    told = [
        *story.hear(reviewed("not_yet", on="2024-05-01")),
        *story.hear(reviewed("incomplete", on="2024-05-02")),
        *story.hear(reviewed("denied", on="2024-05-03")),
        *story.hear(reviewed("awarded", on="2024-05-04")),
    ]
    assert names(told) == ["CredentialReturned", "CredentialReturned", "CredentialDenied", "CredentialAwarded"]


def _decisions(view: View) -> list[Decision]:
    return [verdict.decision for verdict in view.learners[learner_id()].decisions.values()]


def test_a_decision_needs_no_submission() -> None:
    assert names(Story(HER).hear(reviewed())) == ["CredentialAwarded"]


def test_nea_repeating_itself_under_another_id_is_a_duplicate() -> None:
    story = Story(HER, reviewed())
    assert story.hear(reviewed()) == []
    assert story.outcome is Outcome.DUPLICATE


@pytest.mark.parametrize("said_at", ["2024-05-11", "2024-05-13"])
def test_of_two_decisions_of_the_same_moment_an_award_holds_whichever_was_said_last(said_at: str) -> None:
    told = Story(HER, reviewed("awarded", said_at="2024-05-12"), reviewed("denied", said_at=said_at)).told()
    assert _decisions(told) == [Decision.AWARDED]
    told = Story(HER, reviewed("denied", said_at=said_at), reviewed("awarded", said_at="2024-05-12")).told()
    assert _decisions(told) == [Decision.AWARDED]


def test_of_two_other_decisions_of_the_same_moment_the_one_that_was_said_last_holds() -> None:
    story = Story(HER, reviewed("denied", said_at="2024-05-11"))
    assert names(story.hear(reviewed("not_yet", said_at="2024-05-12"))) == ["CredentialReturned"]
    assert story.hear(reviewed("incomplete", said_at="2024-05-10")) == []


def test_a_revocation_is_told() -> None:
    told = one(Story(HER, reviewed()).hear(revoked()))
    assert (type(told).__name__, told.revoked_at) == ("CredentialRevoked", at("2024-05-20"))


def test_a_registration_with_nea_may_come_from_either_side() -> None:
    story = Story(HER)
    assert one(story.hear(registered())).learner_id is None
    assert one(story.hear(nea_registered())).learner_id == learner_id()


def test_beyond_fifty_attempts_of_a_micro_credential_staff_see_it() -> None:
    story = Story(HER)
    told_of_fifty = story.hear(*(submitted(attempt=number + 1) for number in range(50)))
    assert set(names(told_of_fifty)) == {"CredentialSubmitted"}
    told = one(story.hear(submitted(attempt=51)))
    assert (told.kind, told.attempt) == (ConflictKind.DECISION_CONFLICT, 51)


def test_beyond_fifty_attempts_of_a_learner_that_is_nobody_there_is_nobody_to_open_a_case_for() -> None:
    story = Story(*(submitted(attempt=number + 1) for number in range(50)))
    assert story.hear(submitted(attempt=51)) == []


@pytest.mark.parametrize(
    "say",
    [
        lambda number: reviewed(on=f"2024-05-10T12:00:{number:02}"),
        lambda number: revoked(on=f"2024-05-10T12:00:{number:02}"),
    ],
)
def test_beyond_fifty_decisions_or_revocations_too(say: Callable[[int], Said]) -> None:
    story = Story(HER, *(say(number) for number in range(50)))
    assert one(story.hear(say(50))).kind is ConflictKind.DECISION_CONFLICT


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        (reviewed, ConflictKind.DECISION_CONFLICT),
        (nea_registered, ConflictKind.DECISION_CONFLICT),
        (hours_registered, ConflictKind.ATTENDANCE_CONFLICT),
        (registered, ConflictKind.ATTENDANCE_CONFLICT),
    ],
)
def test_beyond_five_hundred_micro_credentials_staff_see_it(
    monkeypatch: pytest.MonkeyPatch, say: Callable[..., Said], kind: ConflictKind
) -> None:
    for module in (learning, submissions):
        monkeypatch.setattr(module, "MOST_CREDENTIALS", 5)
    story = Story(HER)
    assert "ConflictOpened" not in names(story.hear(*(say(credential=f"M-{number}") for number in range(5))))
    assert one(story.hear(say(credential="M-more"))).kind is kind


def test_clock_hours_registered_and_withdrawn_are_one_register() -> None:
    story = Story(hours_registered(said_at="2024-03-01"))
    assert names(story.hear(hours_withdrawn(said_at="2024-03-02"))) == ["ClockHoursWithdrawn"]
    assert story.hear(hours_registered(said_at="2024-03-01")) == []
    assert names(story.hear(hours_registered(said_at="2024-03-03"))) == ["ClockHoursRegistered"]


def test_hours_withdrawn_under_the_kept_id_are_withdrawn_for_the_merged_one_until_undone() -> None:
    story = Story(hours_registered(BEN, said_at="2024-03-01"), merged(ANA, BEN))
    told = story.hear(hours_withdrawn(ANA, said_at="2024-03-02"))
    assert [(type(t).__name__, t.educator_id) for t in told] == [  # type: ignore[union-attr]
        ("ClockHoursWithdrawn", ANA),
        ("ClockHoursWithdrawn", BEN),
    ]
    told = story.hear(unmerged(ANA, BEN))
    assert names(told) == ["EducatorsUnmerged", "ClockHoursRegistered"]


def test_attempts_are_judged_over_everything_known_of_the_person() -> None:
    by_mail = learner(member=None, email="ben@example.org")
    story = Story(HER, profile(BEN, email="ben@example.org"), merged(BEN, ANA))
    story.hear(submitted(attempt=2, on="2024-05-20"))  # under Ana's member id
    assert story.hear(submitted(attempt=1, whom=by_mail)) == []  # unmatched: the person holds a member id
    story.link(learner_id(None, "ben@example.org"), BEN)
    (attempt,) = story.told(ANA).learners[learner_id()].attempts.values()
    assert attempt.on_time is True
