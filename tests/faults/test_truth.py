"""The oracle of `make faults`, told stories whose end is known; and that it can tell right from wrong."""

from typing import Any

from faults.judging import Verdict, ledger, sequences
from faults.looking import Told
from faults.stage import ROOT
from faults.story import Story, stories
from faults.truth import Programme, Truth, truths

PROGRAMME = Programme(ROOT / "programs" / "2023-24.toml")
TRA1 = "NEA_TRA1"
SPRING = "2024-03-12T17:30:00-07:00"


def rosa(*, minutes: int = 90, submitted: str = "2024-04-26T23:59:59-07:00") -> Story:
    """Everything that 1080 minutes take."""
    told = Story("F0-0")
    told.portal("educator.updated", SPRING, name="Rosa", email=told.email, nea_member_id=told.member)
    for kind, session in (("orientation", "O"), ("workshop", "W")):
        named = {"micro_credential_id": TRA1} if kind == "workshop" else {}
        about = {"session_id": session, "kind": kind, "minutes": minutes, "ended_at": SPRING}
        told.portal("session.attended", SPRING, **about, **named)
    told.portal("clock_hours.registered", SPRING, micro_credential_id=TRA1, registered_at=SPRING)
    about = {"submission_id": "S", "attempt": 1}
    told.nea("submitted", submitted, TRA1, **about, submitted_at=submitted)
    decided = "2024-05-26T08:00:00-07:00"
    told.nea("reviewed", decided, TRA1, **about, decision="awarded", decided_at=decided)
    return told


def truth(story: Story) -> Truth:
    (one,) = truths(story.facts, PROGRAMME)
    return one


def test_the_whole_way_is_1080_minutes_in_whatever_order() -> None:
    told = rosa()
    assert truth(told).totals == {1080}
    told.facts.reverse()
    assert truth(told).totals == {1080}
    assert truth(told).held == {}


def test_each_missing_step_holds_the_credentials_hours_and_only_them() -> None:
    late = truth(rosa(submitted="2024-04-27T00:00:00-07:00"))
    assert (late.totals, late.held) == ({180}, {TRA1: ("on_time_submission",)})
    told = rosa()
    told.facts = [f for f in told.facts if f.type != "clock_hours.registered"]
    assert truth(told).held == {TRA1: ("clock_hours_registration",)}
    told = rosa()
    told.nea("revoked", "2024-05-27T09:00:00-07:00", TRA1, revoked_at="2024-05-27T09:00:00-07:00")
    assert (truth(told).totals, truth(told).held) == ({180}, {TRA1: ("award",)})


def test_an_attempt_that_was_awarded_late_stays_late_when_the_award_is_revoked() -> None:
    told = rosa()
    told.facts = [f for f in told.facts if f.type != "micro_credential.reviewed"]
    late = "2024-06-02T09:00:00-07:00"
    told.nea("submitted", late, TRA1, submission_id="S", attempt=2, submitted_at=late)
    told.nea("reviewed", late, TRA1, submission_id="S", attempt=2, decision="awarded", decided_at=late)
    assert truth(told).held == {TRA1: ("on_time_submission",)}
    told.nea("revoked", "2024-06-03T09:00:00-07:00", TRA1, revoked_at="2024-06-03T09:00:00-07:00")
    assert truth(told).held == {TRA1: ("on_time_submission", "award")}


def test_minutes_are_rounded_down_and_fewer_than_sixty_do_no_step() -> None:
    assert truth(rosa(minutes=75)).totals == {1020}
    none = truth(rosa(minutes=45))
    assert (none.totals, none.held) == ({0}, {TRA1: ("orientation", "workshop")})


def test_the_newest_correction_holds() -> None:
    told = rosa()
    for time, minutes in (("2024-05-02T12:00:00-07:00", 60), ("2024-05-01T12:00:00-07:00", 0)):
        told.portal("attendance.corrected", time, session_id="W", minutes=minutes, reason="counted")
    assert truth(told).totals == {1050}


def test_two_merged_accounts_are_one() -> None:
    kept, gone = rosa(), Story("F0-1")
    kept.facts, gone.facts = kept.facts[:2], kept.facts[2:]  # an orientation here, the rest there
    gone.facts = [type(f)(f.source, f.id, f.type, f.time, {**f.data, "educator_id": "F0-1"}) for f in gone.facts]
    kept.portal("educator.merged", SPRING, kept_educator_id="F0-0", merged_educator_id="F0-1")
    (one,) = truths([*kept.facts, *gone.facts], PROGRAMME)
    assert (one.members, one.totals) == (("F0-0", "F0-1"), {1080})


def test_stories_follow_from_the_seed_and_have_every_kind_of_event() -> None:
    assert [s.facts for s in stories(7, 0, 40)] == [s.facts for s in stories(7, 0, 40)]
    facts = [f for s in stories(7, 0, 2000) for f in s.facts]
    assert len({(f.source, f.id) for f in facts}) == len(facts)
    assert {f.type for f in facts} >= {"educator.merged", "session.cancelled", "micro_credential.revoked"}
    assert sum(bool(t.held) for t in truths(facts, PROGRAMME)) > 100


def books(*entries: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, Any] = {"granted_at": SPRING, "completed_at": SPRING, "designations": []}
    more["micro_credential_id"] = None
    rows = [{**more, "entry_id": str(n), "reverses": None, **entry} for n, entry in enumerate(entries)]
    return {"entries": rows, "total_minutes": sum(row["minutes"] for row in rows), "held": []}


def judged(*entries: dict[str, Any]) -> Verdict:
    told = Story("F0-0")
    told.portal("session.attended", SPRING, session_id="O", kind="orientation", minutes=90, ended_at=SPRING)
    verdict = Verdict()
    ledger(verdict, truth(told), books(*entries))
    return verdict


def test_the_judge_sees_what_is_lost_what_is_twice_and_what_has_no_cause() -> None:
    once = {"kind": "orientation", "session_id": "O", "minutes": 90}
    workshop = {"kind": "workshop", "session_id": "W", "minutes": 90}
    back = {**once, "minutes": -90, "reverses": "0"}
    assert judged(once).findings == []
    assert judged().lost
    assert judged(once, once).twice
    assert judged(once, workshop).twice
    assert judged(once, back, once).twice  # reversed and granted anew, with nothing that takes back
    assert judged({**once, "minutes": 60}).wrong


def test_one_cause_may_take_back_all_that_hung_on_it_but_each_of_it_once() -> None:
    """Without an orientation no micro-credential's hours stand: its correction to 0 takes back three entries here."""
    told = Story("F0-0")
    told.portal("session.attended", SPRING, session_id="O", kind="orientation", minutes=90, ended_at=SPRING)
    told.portal("attendance.corrected", SPRING, session_id="O", minutes=0, reason="counted again")
    granted: list[dict[str, Any]] = [{"kind": "orientation", "session_id": "O", "minutes": 90}]
    granted += [{"kind": "micro_credential", "micro_credential_id": id, "minutes": 900} for id in (TRA1, "NEA_RP1")]
    back = [{**entry, "minutes": -entry["minutes"], "reverses": str(n)} for n, entry in enumerate(granted)]
    verdict, again = Verdict(), Verdict()
    ledger(verdict, truth(told), books(*granted, *back))
    assert verdict.twice == []
    twice = [granted[0], {**back[0], "reverses": "6"}]
    ledger(again, truth(told), books(*granted, *back, *twice))
    assert again.twice == ["F0-0: ('orientation', 'O') taken back 2 times for 1 causes"]


def profiles(*numbers: int) -> Verdict:
    verdict = Verdict()
    sequences(
        verdict, "wea.educators.v1", [Told("rosa", f"e{n}", "/enrollment", "EducatorProfile", n, {}) for n in numbers]
    )
    return verdict


def test_the_judge_sees_an_older_record_that_compaction_would_keep() -> None:
    assert profiles(1, 2, 3).findings == []
    assert profiles(1, 2, 1, 2).findings == []  # a relay that was killed repeats itself
    assert profiles(1, 2, 1).wrong == ["wea.educators.v1: compaction keeps rosa as of 1, not of 2"]
