"""Who may do what, what is hidden, and what needs a person: no I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.console.policy import (
    HIDDEN,
    May,
    attention,
    fingerprint,
    kept_key,
    masked,
    may,
    restored,
    shown_key,
)
from services.console.state import Group, Process, Queue, Role, Sight, Who
from services.console.steps import merge_outcome, tracks

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def person(*roles: Role) -> Who:
    return Who("someone", frozenset(roles))


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, {May.LOOK}),
        (Role.STAFF, {May.LOOK, May.SEE_PEOPLE, May.WORK, May.READ_AUDIT}),
        (Role.OPERATOR, {May.LOOK, May.MEND, May.READ_AUDIT}),
    ],
)
def test_each_role_may_do_its_own_and_nothing_else(role: Role, allowed: set[May]) -> None:
    assert {what for what in May if may(person(role), what)} == allowed


def test_an_operator_who_is_staff_too_sees_people() -> None:
    assert may(person(Role.OPERATOR, Role.STAFF), May.SEE_PEOPLE)


def test_personal_data_is_hidden_wherever_it_stands_and_what_is_absent_stays_absent() -> None:
    event = {"data": {"educator_id": "E-1", "name": "Rosa", "learner": {"email": "r@x.org", "nea_member_id": None}}}
    assert masked([event]) == [
        {"data": {"educator_id": "E-1", "name": HIDDEN, "learner": {"email": HIDDEN, "nea_member_id": None}}}
    ]


def test_an_edit_keeps_what_was_hidden_from_the_editor() -> None:
    original = {"name": "Rosa", "learner": {"email": "r@x.org"}, "minutes": 5, "roles": ["a", "b"]}
    edited = {"name": HIDDEN, "learner": {"email": HIDDEN}, "minutes": 90, "roles": [HIDDEN, "c"]}
    assert restored(edited, original) == {
        "name": "Rosa", "learner": {"email": "r@x.org"}, "minutes": 90, "roles": ["a", "c"],
    }  # fmt: skip


def test_an_intake_key_shows_neas_member_id_to_staff_alone() -> None:
    assert shown_key("nea:N-1", person(Role.STAFF)) == "nea:N-1"
    assert shown_key("nea:N-1", person(Role.OPERATOR)) == f"nea:{HIDDEN}"
    assert shown_key("E-1", person(Role.VIEWER)) == "E-1"


def test_a_kept_key_is_a_pseudonym_for_neas_member_ids_alone() -> None:
    assert kept_key("E-1", "secret") == "E-1"
    assert kept_key("nea:N-1", "secret").startswith("nea:")
    assert "N-1" not in kept_key("nea:N-1", "secret")
    assert kept_key("nea:N-1", "secret") != kept_key("nea:N-1", "another")


def test_gaps_on_one_topic_are_one_reason_and_the_same_bug_elsewhere_is_another() -> None:
    gap = {"code": "sequence_gap", "detail": "wea.enrollment.v1 17"}
    assert fingerprint("clockhours", gap) == fingerprint("clockhours", gap | {"detail": "wea.enrollment.v1 4"})
    assert fingerprint("clockhours", gap) != fingerprint("notifications", gap)
    assert fingerprint("clockhours", gap) != fingerprint("clockhours", {"code": "bug", "detail": "x.py:1 f"})


def ready(service: str, digest: str = "d", **gauges: float) -> Process:
    return Process(service, f"http://{service}", answers=True, ready=True, digest=digest, gauges=gauges)


def test_all_is_well_when_nothing_needs_a_person() -> None:
    group = Group("clockhours", "wea.enrollment.v1", 3, NOW - timedelta(seconds=5))
    waiting = {"exceptions": Queue("exceptions", 12), "unknown mail": Queue("unknown mail", 0)}
    assert attention(Sight(NOW, (ready("enrollment"),), (group,), queues=waiting), NOW) == []


@pytest.mark.parametrize(
    ("sight", "runbook"),
    [
        (Sight(NOW, (Process("enrollment", "u"),)), "service-not-ready"),
        (Sight(NOW, (Process("enrollment", "u", True, False, ("parking_storm",)),)), "parking-storm"),
        (Sight(NOW, (ready("enrollment", "a"), ready("clockhours", "b"))), "program-digest"),
        (Sight(NOW, kafka=False), "kafka-away"),
        (Sight(NOW, (ready("e", wea_mongodb_answers=0.0),)), "mongodb-away"),
        (Sight(NOW, (ready("e", wea_mongodb_answers=1.0), ready("e", wea_mongodb_answers=0.0))), "mongodb-away"),
        (Sight(NOW, (), (Group("g", "t", 1, NOW - timedelta(minutes=5)),)), "consumer-lag"),
        (Sight(NOW, (ready("e", wea_parked_lanes=1.0),)), "parked-records"),
        (Sight(NOW, (ready("e", wea_quarantined=2.0),), looked_at={"e": 1}), "quarantine"),
        (Sight(NOW, (ready("e", wea_outbox_oldest_seconds=90.0),)), "outbox-age"),
        (Sight(NOW, queues={"unknown mail": Queue("unknown mail", 1)}), "mail-unknown"),
    ],
)
def test_what_needs_a_person_is_said_with_its_runbook(sight: Sight, runbook: str) -> None:
    assert [one.runbook for one in attention(sight, NOW)] == [runbook]


def test_a_quarantine_that_people_have_looked_at_needs_nobody() -> None:
    assert attention(Sight(NOW, (ready("e", wea_quarantined=2.0),), looked_at={"e": 2}), NOW) == []


def entry(id: str, kind: str, completed: str, **more: str | None) -> dict[str, str | None]:
    return {"entry_id": id, "kind": kind, "completed_at": completed, "granted_at": completed, "reverses": None, **more}


def test_of_doubles_the_one_completed_earliest_stays() -> None:
    kept = [entry("a", "orientation", "2024-02-02"), entry("b", "workshop", "2024-02-03", session_id="W-1")]
    merged = [entry("c", "orientation", "2024-02-01"), entry("d", "workshop", "2024-02-03", session_id="W-2")]
    (double,) = merge_outcome(kept, merged)
    assert (double["stays"]["entry_id"], double["reversed"]["entry_id"]) == ("c", "a")


def test_a_reversed_entry_is_no_double() -> None:
    kept = [entry("a", "orientation", "2024-02-02"), entry("x", "orientation", "2024-02-02") | {"reverses": "a"}]
    assert merge_outcome(kept, [entry("c", "orientation", "2024-02-01")]) == []


def test_the_steps_show_as_missing_just_what_hours_wait_for() -> None:
    record = {
        "workshops": [{"session_id": "W", "micro_credential_id": None, "minutes": 90, "ended_at": "2024-03-01"}],
        "micro_credentials": [
            {
                "id": "TRA1", "title": "T", "registered_at": None, "clock_hours_registered_at": "2024-03-01",
                "submissions": [], "awarded_at": None, "revoked_at": None,
            }
        ],
    }  # fmt: skip
    held = [{"micro_credential_id": "TRA1", "minutes": 900, "missing": ["workshop", "on_time_submission", "award"]}]
    hours = {"orientation_completed_at": "2024-02-01", "entries": [], "held": held}
    (track,) = tracks(record, hours)
    assert track["state"] == "held"
    assert {step["step"]: step["state"] for step in track["steps"]} == {
        "Orientation": "done", "Registered with NEA": "open", "Registered for clock hours": "done",
        "Workshop": "missing", "Submitted on time": "missing", "Awarded": "missing", "Clock hours": "missing",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("registered_at", "submissions", "state", "detail"),
    [
        (None, [], "open", ""),
        (None, [{"submission_id": "S-1", "attempts": []}], "done", "as the submission implies"),
        ("2024-03-01", [{"submission_id": "S-1", "attempts": []}], "done", ""),
    ],
)
def test_a_submission_implies_the_registration_with_nea(
    registered_at: str | None, submissions: list[Any], state: str, detail: str
) -> None:
    credential = {"id": "TRA1", "title": "T", "registered_at": registered_at, "submissions": submissions}
    (track,) = tracks({"micro_credentials": [credential]}, {"entries": [], "held": []})
    (shown,) = [step for step in track["steps"] if step["step"] == "Registered with NEA"]
    assert (shown["state"], shown["detail"]) == (state, detail)
