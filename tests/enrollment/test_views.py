"""GET /educators/{id}: what the record of one person says, over all accounts and all that NEA said."""

from dataclasses import replace
from typing import Any

import pytest

from services.enrollment import views
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    O1,
    PROGRAMS,
    S1,
    TRA1,
    TRA2,
    W1,
    W2,
    Story,
    at,
    attended,
    cancelled,
    erased,
    hours_registered,
    hours_withdrawn,
    learner,
    learner_id,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    reviewed,
    revoked,
    submitted,
    unreserved,
    years,
)

HER = profile(ANA, nea_member_id="N-1")


def record(story: Story, educator_id: str = ANA) -> dict[str, Any]:
    return views.educator_record(story.world.group(educator_id), PROGRAMS)


def credential(story: Story, id: str = TRA1) -> dict[str, Any]:
    (found,) = (one for one in record(story)["micro_credentials"] if one["id"] == id)
    shown: dict[str, Any] = found
    return shown


def rows(attendances: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(row["session_id"], row["minutes"], row["attended_minutes"]) for row in attendances]


def test_attendances_are_in_the_order_of_their_ends_those_without_hours_too() -> None:
    shown = record(
        Story(
            oriented(session="O-short", minutes=30, ended="2024-01-05"),
            oriented(),
            attended(session=W1, minutes=75),
            attended(session=W2, opens=TRA2, ended="2024-02-05"),
        )
    )
    assert rows(shown["orientations"]) == [("O-short", 0, 30), (O1, 90, 90)]
    assert shown["orientation_completed_at"] == at("2024-01-10"), "the first that did its step"
    assert rows(shown["workshops"]) == [(W2, 90, 90), (W1, 60, 75)]
    assert [row["micro_credential_id"] for row in shown["workshops"]] == [TRA2, TRA1]


def test_sessions_that_ended_together_are_by_their_ids_each_with_its_kind() -> None:
    workshops = record(Story(attended(session=W2), attended(BEN, W1, minutes=60), merged(ANA, BEN)))["workshops"]
    assert [(row["session_id"], row["kind"]) for row in workshops] == [(W1, "workshop"), (W2, "workshop")]


def test_of_two_attendances_with_hours_the_one_that_ended_first_is_shown() -> None:
    story = Story(attended(minutes=90), attended(BEN, minutes=60, ended="2024-02-09"), merged(ANA, BEN))
    assert rows(record(story)["workshops"]) == [(W1, 60, 60)]


def test_each_conflict_is_shown_with_the_account_that_has_it() -> None:
    story = Story(HER, profile(BEN, nea_member_id="N-1"), attended(CAM), cancelled(), merged(ANA, CAM))
    assert record(story)["conflicts"] == [{"educator_id": CAM, "kind": "session_conflict", "session_id": W1}]
    assert record(story, BEN)["conflicts"] == [{"educator_id": BEN, "kind": "identity_conflict", "session_id": None}]


@pytest.mark.parametrize("ended", ["2024-02-09", "2024-02-10", "2024-02-11"])
def test_of_a_session_that_both_accounts_attended_the_attendance_with_hours_is_shown(ended: str) -> None:
    story = Story(attended(minutes=90), attended(BEN, minutes=30, ended=ended), merged(ANA, BEN))
    assert rows(record(story)["workshops"]) == [(W1, 90, 90)]


def test_reservations_are_those_that_the_newest_word_of_any_account_leaves() -> None:
    story = Story(reserved(session=W2), reserved(BEN, W1, opens=TRA2), reserved(session="W-3"), merged(ANA, BEN))
    story.hear(unreserved(session="W-3"))
    assert record(story)["reservations"] == [
        {"session_id": W1, "micro_credential_id": TRA2},
        {"session_id": W2, "micro_credential_id": TRA1},
    ]
    story.hear(unreserved(ANA, W1))
    assert [row["session_id"] for row in record(story)["reservations"]] == [W2], "cancelled under the kept id"


def test_every_micro_credential_that_anything_was_said_of_is_listed_by_its_id() -> None:
    story = Story(
        HER,
        attended(opens="M-1"),
        registered(credential="M-2"),
        hours_registered(credential="M-3"),
        nea_registered(credential="M-4"),
        submitted(credential="M-5"),
        reviewed(credential="M-6"),
        revoked(credential="M-7"),
    )
    assert [one["id"] for one in record(story)["micro_credentials"]] == [f"M-{n}" for n in range(1, 8)]
    assert {one["title"] for one in record(story)["micro_credentials"]} == {None}, "none is in the catalogue"
    assert credential(Story(registered()))["title"] == PROGRAMS.years[0].catalogue[TRA1].title


def test_registered_with_nea_is_whatever_of_both_was_said_last() -> None:
    portal, nea = registered(), nea_registered(on="2024-02-03")
    assert credential(Story(HER, portal))["registered_at"] == at("2024-02-01")
    assert credential(Story(HER, nea))["registered_at"] == at("2024-02-03")
    assert credential(Story(HER, portal, nea))["registered_at"] == at("2024-02-03")
    assert credential(Story(HER, portal, nea, portal.later(48)))["registered_at"] == at("2024-02-01")


def test_clock_hours_withdrawn_under_the_kept_id_are_not_registered() -> None:
    story = Story(hours_registered(BEN, said_at="2024-02-01"), merged(ANA, BEN))
    assert credential(story)["clock_hours_registered_at"] == at("2024-02-01")
    story.hear(hours_withdrawn(ANA, said_at="2024-02-20"))
    assert credential(story)["clock_hours_registered_at"] is None


def test_awarded_at_is_the_first_award_after_every_revocation_of_that_micro_credential() -> None:
    story = Story(HER, reviewed(on="2024-05-12"), reviewed(submission="S-2", on="2024-05-10"))
    story.hear(reviewed("denied", submission="S-3", on="2024-05-01"))
    story.hear(reviewed(credential=TRA2, on="2024-05-01"), revoked(credential=TRA2, on="2024-05-29"))
    assert (credential(story)["awarded_at"], credential(story)["revoked_at"]) == (at("2024-05-10"), None)

    story.hear(revoked(on="2024-05-11"))
    assert (credential(story)["awarded_at"], credential(story)["revoked_at"]) == (at("2024-05-12"), at("2024-05-11"))

    story.hear(reviewed(submission="S-4", on="2024-05-14"), revoked(on="2024-05-12"))
    assert credential(story)["awarded_at"] == at("2024-05-14"), "what was decided as it was revoked does not count"

    story.hear(reviewed("denied", submission="S-4", on="2024-05-14"))
    assert credential(story)["awarded_at"] == at("2024-05-14"), "an award holds against a denial of the same moment"
    story.hear(revoked(on="2024-05-20"), revoked(on="2024-05-09"))
    shown = credential(story)
    assert (shown["awarded_at"], shown["revoked_at"]) == (at("2024-05-14"), at("2024-05-20")), "none counts any more"


def test_submissions_are_those_of_the_micro_credential_each_attempt_with_its_decisions() -> None:
    story = Story(
        HER,
        submitted(credential=TRA2, submission="S-other"),
        reviewed(credential=TRA2, submission="S-other"),
        submitted(submission="S-2", attempt=2, on="2024-05-25T06:59"),
        submitted(submission="S-2", on="2024-04-26"),
        reviewed("not_yet", submission="S-2", on="2024-05-02"),
        reviewed("incomplete", submission="S-2", on="2024-05-01"),
        reviewed(submission=S1, on="2024-05-10"),
    )
    assert credential(story)["submissions"] == [
        {"submission_id": S1, "attempts": [attempt(1, decided=[("awarded", "2024-05-10")])]},
        {
            "submission_id": "S-2",
            "attempts": [
                attempt(
                    1,
                    submitted_at=at("2024-04-26"),
                    deadline=at("2024-04-27T07:00"),
                    on_time=True,
                    decided=[("incomplete", "2024-05-01"), ("not_yet", "2024-05-02")],
                ),
                attempt(2, submitted_at=at("2024-05-25T06:59"), deadline=at("2024-05-25T07:00"), on_time=True),
            ],
        },
    ]


def test_a_decision_is_shown_with_the_address_of_the_credential() -> None:
    award, address = reviewed(), "https://nea.example.org/c/1"
    story = Story(HER, replace(award, data=award.data | {"credential_url": address}))
    (only,) = credential(story)["submissions"][0]["attempts"]
    assert [decision["credential_url"] for decision in only["decisions"]] == [address]


def attempt(number: int, *, decided: list[tuple[str, str]] | None = None, **judged: Any) -> dict[str, Any]:
    decisions = [{"decision": d, "decided_at": at(on), "credential_url": None} for d, on in decided or []]
    last: dict[str, Any] = decisions[-1] if decisions else {}
    unknown = {"submitted_at": None, "deadline": None, "on_time": None}
    said = {"decision": last.get("decision"), "decided_at": last.get("decided_at"), "decisions": decisions}
    return {"attempt": number, **unknown, **judged, **said}


def test_the_profile_is_the_kept_accounts_as_soon_as_it_has_one_and_so_is_being_erased() -> None:
    story = Story(profile(BEN), attended(ANA), erased(CAM), merged(ANA, BEN), merged(ANA, CAM))
    shown = record(story)
    assert (shown["educator_id"], shown["erased"], shown["aliases"]) == (ANA, False, [BEN, CAM])
    assert shown["profile"]["email"] == f"{BEN}@example.org"
    story.hear(profile(ANA))
    assert record(story)["profile"]["email"] == f"{ANA}@example.org"


def test_before_that_she_is_who_the_transcript_and_the_mail_say_of_those_merged_the_first_by_id() -> None:
    story = Story(attended(ANA), profile(BEN), profile(CAM), merged(CAM, BEN), merged(ANA, CAM))
    assert record(story)["profile"]["email"] == f"{BEN}@example.org"


def test_a_learner_is_shown_with_all_that_nea_said_of_it() -> None:
    facts = [
        nea_registered(whom=learner("N-9", "old@example.org"), credential="M-1"),
        submitted(whom=learner("N-9"), credential="M-2"),
        reviewed(whom=learner("N-9", "new@example.org"), credential="M-3"),
        revoked(whom=learner("N-9"), credential="M-4"),
    ]
    story, id_ = Story(*facts), learner_id("N-9")
    unmatched = {
        "id": id_,
        "intake_key": "nea:N-9",
        "nea_member_id": "N-9",
        "email": "new@example.org",
        "educator_id": None,
        "micro_credential_ids": ["M-1", "M-2", "M-3", "M-4"],
        "facts": 4,
        "first_at": facts[0].time,
        "last_at": facts[-1].time,
        "candidates": [ANA, BEN],
    }
    assert views.learner_row(story.world.learner(id_), [BEN, ANA]) == unmatched
    story.link(id_, ANA)
    assert views.learner_row(story.world.learner(id_)) == unmatched | {"educator_id": ANA, "candidates": []}


def test_an_account_is_found_with_what_tells_it_from_others() -> None:
    story = Story(profile(BEN, name="Ben Ito", nea_member_id="N-2", certificate_number="WA-2"), merged(ANA, BEN))
    assert views.found_educator(story.educator(BEN)) == {
        "educator_id": BEN,
        "name": "Ben Ito",
        "email": f"{BEN}@example.org",
        "nea_member_id": "N-2",
        "certificate_number": "WA-2",
        "alias_of": ANA,
        "erased": False,
    }
    nobody = dict.fromkeys(("name", "email", "nea_member_id", "certificate_number", "alias_of"))
    assert views.found_educator(story.educator(ANA)) == {"educator_id": ANA, "erased": False} | nobody
    story.hear(erased(ANA))
    assert views.found_educator(story.educator(ANA)) == {"educator_id": ANA, "erased": True} | nobody


def test_the_programme_says_when_both_deadlines_end_and_which_years_are_loaded() -> None:
    programs = years("2023-24", "2024-25")
    shown = views.program_year(programs.years[0], programs)
    assert (shown["submission_closes"], shown["revision_closes"]) == (at("2024-04-27T07:00"), at("2024-05-25T07:00"))
    assert (shown["id"], shown["years"]) == ("2023-24", ["2023-24", "2024-25"])
    assert "micro_credentials" not in shown


def test_the_catalogue_of_a_stack_and_a_designation_has_what_is_in_both() -> None:
    def ids(stack: str | None = None, designation: str | None = None) -> set[str]:
        return {entry["id"] for entry in views.catalogue(PROGRAMS.years[0], stack, designation)}

    early, equity = ids("early-career"), ids(None, "Equity")
    assert TRA1 in early & equity
    assert early - equity
    assert equity - early
    assert early | equity < ids()
    assert ids("early-career", "Equity") == early & equity
