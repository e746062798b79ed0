"""Sentences of the programme's rules, from outside: events in over HTTP and Kafka, the ledger and the record out."""

from typing import Any

import pytest

from tests.system.conftest import System
from tests.system.outside import TIME, TRA1, Educator, World, kinds
from tests.waiting import until

RP1 = "NEA_RP1"
LATE = "2024-04-27T00:00:00-07:00"
IN_TIME = "2024-04-26T23:59:59-07:00"


def open_kinds(world: World, rosa: Educator) -> set[str]:
    return {case["kind"] for case in world.hours(rosa)["exceptions"] if case["status"] == "open"}


def until_open(world: World, rosa: Educator, *kinds_: str) -> None:
    until(lambda: open_kinds(world, rosa) == set(kinds_), f"{rosa.id} has just {kinds_} open")


def prepared() -> tuple[Educator, list[dict[str, Any]]]:
    """An educator who has done all but submit."""
    rosa = Educator()
    return rosa, [rosa.profile(), rosa.oriented(), rosa.trained(), rosa.registered()]


# -- sessions


@pytest.mark.parametrize(("attended", "credit"), [(120, 90), (90, 90), (89, 60), (60, 60), (59, 0), (30, 0)], ids=str)
def test_minutes_attended_lower_the_credit_rounded_down_and_never_raise_it(
    world: World, attended: int, credit: int
) -> None:
    rosa, marker = Educator(), Educator()
    world.send(rosa.profile(), rosa.trained(minutes=attended), marker.trained())
    world.until_total(marker, 90)
    world.until_total(rosa, credit)


def test_orientation_counts_once_and_the_first_that_was_granted_stays(world: World) -> None:
    rosa = Educator()
    world.send(rosa.oriented(minutes=60, session=f"O2-{rosa.id}"))
    world.until_total(rosa, 60)
    world.send(rosa.oriented(minutes=90), rosa.trained())
    assert kinds(world.until_total(rosa, 150)) == [("orientation", 60), ("workshop", 90)]


def test_when_the_counted_orientation_is_reversed_the_next_that_qualifies_is_granted(world: World) -> None:
    rosa = Educator()
    world.send(rosa.oriented(session=f"O1-{rosa.id}"))
    world.until_total(rosa, 90)
    world.send(rosa.oriented(minutes=60, session=f"O2-{rosa.id}"), rosa.corrected(f"O1-{rosa.id}", 0))
    record = world.until_total(rosa, 60)
    assert kinds(record) == [("orientation", -90), ("orientation", 60), ("orientation", 90)]


def test_a_second_attendance_with_other_content_changes_nothing_and_opens_a_case(world: World) -> None:
    rosa = Educator()
    world.send(rosa.trained(minutes=90))
    world.until_total(rosa, 90)
    world.send(rosa.trained(minutes=60))
    until_open(world, rosa, "attendance_conflict")
    assert world.hours(rosa)["total_minutes"] == 90


def test_a_correction_that_comes_before_its_attendance_waits_for_it(world: World) -> None:
    rosa = Educator()
    world.send(rosa.corrected(f"W-{rosa.id}", 60), rosa.trained(minutes=90))
    world.until_total(rosa, 60)


def test_the_newest_correction_holds_whatever_the_order_of_arrival(world: World) -> None:
    rosa = Educator()
    world.send(rosa.trained(), rosa.corrected(f"W-{rosa.id}", 60, "2024-04-22T10:00:00-07:00"))
    world.until_total(rosa, 60)
    world.send(rosa.corrected(f"W-{rosa.id}", 0, "2024-04-21T10:00:00-07:00"), rosa.oriented())
    world.until_total(rosa, 150)


def test_a_workshop_that_names_none_opens_the_way_for_what_the_reservation_names(world: World) -> None:
    rosa = Educator()
    reserved = rosa.event("session.reserved", session_id=f"W-{rosa.id}", micro_credential_id=TRA1)
    world.send(rosa.profile(), rosa.trained(opens=None), rosa.oriented(), rosa.registered())
    world.send(rosa.submitted(), rosa.awarded())
    world.until_total(rosa, 180)
    until_open(world, rosa, "unallocated")
    world.send(reserved)
    world.until_total(rosa, 1080)
    until_open(world, rosa)


def test_a_cancelled_reservation_names_nothing(world: World) -> None:
    rosa = Educator()
    reserved = rosa.event("session.reserved", session_id=f"W-{rosa.id}", micro_credential_id=TRA1)
    cancelled = rosa.event("reservation.cancelled", "2024-04-20T11:00:00-07:00", session_id=f"W-{rosa.id}")
    world.send(cancelled, reserved, rosa.trained(opens=None))
    world.until_total(rosa, 90)
    until_open(world, rosa, "unallocated")


def test_a_correction_to_null_clears_the_micro_credential_and_the_reservation_does_not_apply(world: World) -> None:
    rosa = Educator()
    reserved = rosa.event("session.reserved", session_id=f"W-{rosa.id}", micro_credential_id=TRA1)
    world.send(reserved, rosa.trained(), rosa.corrected(f"W-{rosa.id}", 90, micro_credential_id=None))
    world.until_total(rosa, 90)
    until_open(world, rosa, "unallocated")


def test_naming_another_micro_credential_later_takes_the_way_from_the_first(world: World) -> None:
    rosa, events = prepared()
    world.send(*events, rosa.submitted(), rosa.awarded())
    world.until_total(rosa, 1080)
    world.send(rosa.corrected(f"W-{rosa.id}", 90, micro_credential_id=RP1))
    record = world.until_total(rosa, 180)
    assert ("micro_credential", -900) in kinds(record)
    assert world.missing(rosa) == ["workshop"]


def test_a_session_cancelled_takes_its_hours_back_and_planned_anew_gives_them_again(world: World) -> None:
    rosa = Educator()
    session = f"W-{rosa.id}"

    def planned(time: str, kind: str = "workshop") -> dict[str, Any]:
        about = {"session_id": session, "kind": kind, "title": "W", "starts_at": TIME, "ends_at": LATE}
        return {**rosa.event("session.scheduled", time), "data": about}

    cancelled = {**rosa.event("session.cancelled", "2024-04-22T10:00:00-07:00"), "data": {"session_id": session}}
    world.send(rosa.trained())
    world.until_total(rosa, 90)
    world.send(planned("2024-04-21T10:00:00-07:00"), cancelled)
    world.until_total(rosa, 0)
    until_open(world, rosa, "session_conflict")
    world.send(planned("2024-04-23T10:00:00-07:00"))
    world.until_total(rosa, 90)
    until_open(world, rosa)
    world.send(planned("2024-04-24T10:00:00-07:00", kind="orientation"))
    world.until_total(rosa, 0)
    until_open(world, rosa, "session_conflict")


def test_a_reservation_is_never_a_step(world: World) -> None:
    rosa, marker = Educator(), Educator()
    world.send(rosa.event("session.reserved", session_id="W", micro_credential_id=TRA1), marker.oriented())
    world.until_total(marker, 90)
    record = world.hours(rosa)
    assert (record["total_minutes"], record["held"]) == (0, [])


# -- submissions and decisions


def test_the_submission_deadline_is_the_end_of_the_local_day(world: World) -> None:
    in_time, late = prepared(), prepared()
    for (rosa, events), at in ((in_time, IN_TIME), (late, LATE)):
        world.send(*events, rosa.submitted(at), rosa.awarded())
    world.until_total(in_time[0], 1080)
    world.until_missing(late[0], ["on_time_submission"])
    until_open(world, late[0], "late_attempt")


def test_an_attempt_that_staff_accept_counts_as_on_time_and_the_opposite_verdict_is_refused(world: World) -> None:
    rosa, events = prepared()
    world.send(*events, rosa.submitted(LATE), rosa.awarded())
    until_open(world, rosa, "late_attempt")
    (case,) = world.hours(rosa)["exceptions"]
    verdict = {"by": "staff", "reason": "the site was down"}
    path = f"/exceptions/{case['exception_id']}"
    for _ in range(2):
        world.api.post("clockhours", f"{path}/accept", verdict)
    world.until_total(rosa, 1080)
    url = world.api.url("clockhours") + f"{path}/dismiss"
    assert world.api.client.post(url, json=verdict, headers=world.api.key("staff")).status_code == 409


def test_a_later_attempt_is_judged_by_the_revision_deadline(world: World) -> None:
    for at, total in (("2024-05-24T23:59:00-07:00", 1080), ("2024-05-25T00:00:00-07:00", 180)):
        rosa, events = prepared()
        world.send(*events, rosa.submitted(), rosa.submitted(at, attempt=2), rosa.awarded("2024-06-01T09:00:00Z", 2))
        world.until_total(rosa, total)
        until_open(world, rosa, *([] if total == 1080 else ["late_attempt"]))


def test_until_attempt_1_is_seen_a_later_one_is_unjudged_and_its_hours_are_held(world: World) -> None:
    rosa, events = prepared()
    world.send(*events, rosa.submitted("2024-05-20T09:00:00-07:00", 2), rosa.awarded("2024-06-01T09:00:00Z", 2))
    world.until_missing(rosa, ["on_time_submission"])
    assert world.record(rosa)["micro_credentials"][0]["submissions"][0]["attempts"][0]["on_time"] is None
    world.send(rosa.submitted())
    world.until_total(rosa, 1080)


def test_the_same_attempt_told_twice_the_newest_webhook_timestamp_holds(world: World) -> None:
    rosa, events = prepared()
    about: dict[str, Any] = {"submission_id": f"S-{rosa.id}", "attempt": 1}
    newer = rosa.webhook("submitted", "2024-04-28T10:00:00Z", **about, submitted_at=LATE)
    older = rosa.webhook("submitted", "2024-04-27T10:00:00Z", **about, submitted_at=IN_TIME)
    world.send(*events, newer, older, rosa.awarded())
    world.until_missing(rosa, ["on_time_submission"])
    world.send(rosa.webhook("submitted", "2024-04-29T10:00:00Z", **about, submitted_at=IN_TIME))
    world.until_total(rosa, 1080)
    until_open(world, rosa)


def test_a_denial_does_not_block_another_submissions_award(world: World) -> None:
    rosa, events = prepared()
    denied = rosa.webhook(
        "reviewed", submission_id="S-x", attempt=1, decision="denied", decided_at="2024-05-09T09:00:00Z"
    )
    world.send(*events, rosa.submitted(submission="S-x"), denied, rosa.submitted(), rosa.awarded())
    world.until_total(rosa, 1080)


def test_a_decision_that_sorts_after_an_award_changes_nothing_and_opens_a_case(world: World) -> None:
    rosa, events = prepared()
    after: dict[str, Any] = {"submission_id": f"S-{rosa.id}", "attempt": 1, "decision": "not_yet"}
    after["decided_at"] = "2024-05-03T09:00:00Z"
    world.send(*events, rosa.submitted(), rosa.webhook("reviewed", **after), rosa.awarded())
    world.until_total(rosa, 1080)
    until_open(world, rosa, "decision_conflict")


def test_a_revocation_reverses_and_an_award_after_it_grants_anew(world: World) -> None:
    rosa, events = prepared()
    world.send(*events, rosa.submitted(), rosa.awarded())
    world.until_total(rosa, 1080)
    world.send(rosa.webhook("revoked", revoked_at="2024-05-10T09:00:00Z"))
    world.until_total(rosa, 180)
    world.until_missing(rosa, ["award"])
    world.send(rosa.awarded("2024-05-12T09:00:00Z"))
    record = world.until_total(rosa, 1080)
    assert [m for kind, m in kinds(record) if kind == "micro_credential"] == [-900, 900, 900]
    reversal = next(entry for entry in record["entries"] if entry["minutes"] == -900)
    reversed_ = next(entry for entry in record["entries"] if entry["entry_id"] == reversal["reverses"])
    assert (reversal["completed_at"], reversal["designations"]) == (
        reversed_["completed_at"],
        reversed_["designations"],
    )


def test_withdrawn_clock_hours_are_reversed_and_registering_again_grants(world: World) -> None:
    rosa, events = prepared()
    world.send(*events, rosa.submitted(), rosa.awarded())
    world.until_total(rosa, 1080)
    gone = {"micro_credential_id": TRA1, "withdrawn_at": LATE, "reason": "asked"}
    world.send(rosa.event("clock_hours.withdrawn", "2024-05-20T10:00:00-07:00", **gone))
    world.until_total(rosa, 180)
    world.until_missing(rosa, ["clock_hours_registration"])
    again = {"micro_credential_id": TRA1, "registered_at": "2024-05-21T10:00:00-07:00"}
    world.send(rosa.event("clock_hours.registered", "2024-05-21T10:00:00-07:00", **again))
    world.until_total(rosa, 1080)


def test_an_older_registration_does_not_overwrite_a_newer_withdrawal(world: World) -> None:
    rosa = Educator()
    gone = {"micro_credential_id": TRA1, "withdrawn_at": LATE, "reason": "asked"}
    world.send(rosa.event("clock_hours.withdrawn", "2024-05-20T10:00:00-07:00", **gone), rosa.registered())
    world.until_missing(rosa, ["orientation", "workshop", "clock_hours_registration", "on_time_submission", "award"])


def test_what_is_not_in_the_catalogue_grants_nothing_and_opens_a_case(world: World) -> None:
    rosa = Educator()
    world.send(rosa.registered("NOT_LISTED"))
    until_open(world, rosa, "not_in_catalogue")
    assert world.hours(rosa)["held"] == []


def test_a_date_that_no_loaded_year_holds_opens_no_program_year(world: World) -> None:
    rosa, events = prepared()
    world.send(*events, rosa.submitted("2031-04-20T10:00:00Z"), rosa.awarded("2031-05-01T10:00:00Z"))
    until_open(world, rosa, "no_program_year")
    world.until_total(rosa, 180)


def test_a_session_in_no_loaded_year_grants_nothing(world: World) -> None:
    rosa = Educator()
    world.send(rosa.oriented(at="2031-04-20T10:00:00Z"))
    until_open(world, rosa, "no_program_year")
    assert world.hours(rosa)["total_minutes"] == 0


# -- who is meant


def test_a_learner_is_matched_by_email_where_just_one_live_profile_has_it(world: World) -> None:
    rosa = Educator()
    world.send(rosa.submitted(), rosa.profile(nea_member_id=None, email=rosa.email.upper()))
    world.until_missing(rosa, ["orientation", "workshop", "clock_hours_registration", "award"])


def test_a_learner_whom_two_profiles_could_be_stays_unmatched_until_staff_link_it(world: World) -> None:
    rosa, ana = Educator(), Educator()
    world.send(rosa.profile(nea_member_id=None), ana.profile(nea_member_id=None, email=rosa.email))
    world.until_known(rosa, ana)
    world.send(rosa.submitted())

    def waiting() -> list[dict[str, Any]]:
        return [row for row in world.api.items("enrollment", "/unmatched") if row["email"] == rosa.email]

    until(lambda: len(waiting()) == 1, "it is unmatched")
    learner = waiting()[0]["id"]
    link = {"educator_id": ana.id, "reason": "asked NEA"}
    for _ in range(2):
        world.api.post("enrollment", f"/unmatched/{learner}/link", link)
    until(lambda: bool(world.record(ana)["micro_credentials"]), "it is Ana's")
    assert waiting() == []
    world.api.post("enrollment", f"/links/{learner}/unlink", {"reason": "a mistake"})
    until(lambda: not world.record(ana)["micro_credentials"] and bool(waiting()), "it is taken back")


def test_a_profile_that_claims_a_held_member_id_is_kept_without_it_and_opens_a_case(world: World) -> None:
    rosa, ana = Educator(), Educator()
    world.send(rosa.profile())
    world.until_known(rosa)
    world.send(ana.profile(nea_member_id=rosa.member))
    until_open(world, ana, "identity_conflict")
    assert world.record(ana)["profile"]["nea_member_id"] is None
    world.send(rosa.event("educator.updated", "2024-05-01T10:00:00Z", name=rosa.name, email=rosa.email))
    until_open(world, ana)


# -- merges and erasure


def merged(kept: Educator, gone: Educator, kind: str = "merged") -> dict[str, Any]:
    ids = {"kept_educator_id": kept.id, "merged_educator_id": gone.id}
    return {**kept.event(f"educator.{kind}"), "data": ids}


def test_a_merge_reads_both_as_one_and_its_undo_parts_them_again(world: World) -> None:
    kept, gone = Educator(), Educator()
    world.send(kept.profile(), kept.oriented(session="O"), gone.profile(), gone.oriented(session="O2"), gone.trained())
    world.until_total(kept, 90)
    world.until_total(gone, 180)
    world.send(merged(kept, gone))
    record = world.until_total(kept, 180)
    assert sum(1 for kind, minutes in kinds(record) if (kind, minutes) == ("orientation", -90)) == 1
    assert world.hours(gone)["educator_id"] == kept.id
    world.send(gone.trained(session="W-late"))
    world.until_total(kept, 270)
    world.send(merged(kept, gone, "unmerged"))
    world.until_total(kept, 90)
    world.until_total(gone, 270)


def test_steps_of_two_merged_accounts_make_hours_together(world: World) -> None:
    kept, gone = Educator(), Educator()
    world.send(kept.profile(), kept.oriented(), kept.trained(), gone.profile(), gone.registered())
    world.send(gone.submitted(), gone.awarded(), merged(kept, gone))
    world.until_total(kept, 1080)
    assert world.record(gone)["educator_id"] == kept.id
    assert world.record(kept)["aliases"] == [gone.id]


def test_a_merge_that_makes_a_circle_is_refused_and_opens_a_case(world: World) -> None:
    one, two = Educator(), Educator()
    world.send(one.oriented(), two.trained(), merged(one, two), merged(two, one))
    until_open(world, one, "merge_conflict")
    world.until_total(one, 180)


def test_erasure_leaves_the_ledger_and_takes_the_person(world: World) -> None:
    rosa = Educator()
    world.send(*rosa.whole_story())
    world.until_total(rosa, 1080)
    world.send(rosa.event("educator.erased"), rosa.profile(name="Back Again"))
    until(lambda: world.record(rosa)["erased"], "she is erased")
    assert world.record(rosa)["profile"] is None
    assert world.hours(rosa)["total_minutes"] == 1080
    for path in (f"/educators/{rosa.id}/transcript", f"/educators/{rosa.id}/transcript.pdf"):
        url = world.api.url("clockhours") + path
        until(lambda: world.api.client.get(url, headers=world.api.key("staff")).status_code == 410, path)  # noqa: B023


def test_the_books_are_right_after_all_of_this(system: System) -> None:
    """Runs last in this file: everything above is in the books."""
    system.books_are_right()
