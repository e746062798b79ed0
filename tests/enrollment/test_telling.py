"""What is told carries all that was said; and a draft's traces are kept."""

from dataclasses import asdict
from typing import Any

from contracts import events
from contracts.kinds import ConflictKind
from services.enrollment.policy import decide, link, unlink
from services.enrollment.state import Outcome
from services.enrollment.telling import Tombstone
from services.enrollment.world import World
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    TRA1,
    W1,
    W2,
    Said,
    Story,
    at,
    attended,
    cancelled,
    erased,
    hours_withdrawn,
    learner,
    learner_id,
    names,
    profile,
    reserved,
    reviewed,
    revoked,
    submitted,
)

NEA_KNOWS = profile(ANA, nea_member_id="N-1")
L1 = learner_id("N-1")


def with_data(fact: Said, **more: Any) -> Said:
    return fact.later(0, **more)


def test_a_profile_is_told_whole() -> None:
    known: dict[str, Any] = {
        "nea_member_id": "N-1",
        "certificate_number": "C-1",
        "roles": ["teacher", "mentor"],
        "district": "Yakima",
    }
    (told,) = Story().hear(profile(ANA, **known))
    assert isinstance(told, events.EducatorProfile)
    assert told.model_dump(mode="json") == {
        "educator_id": ANA,
        "name": "Ana Ruiz",
        "email": f"{ANA}@example.org",
        **known,
    }


def test_an_erasure_s_tombstone_is_under_the_educator_s_id() -> None:
    assert Story(profile(ANA)).hear(erased(ANA)) == [Tombstone(ANA), events.EducatorErased(educator_id=ANA)]


def test_a_reservation_is_told_with_what_it_is_for() -> None:
    (told,) = Story().hear(reserved(ANA, W1, opens=TRA1))
    assert told == events.SessionReserved(educator_id=ANA, session_id=W1, micro_credential_id=TRA1)


def test_a_withdrawal_is_told_with_its_reason() -> None:
    (told,) = Story().hear(hours_withdrawn())
    assert told == events.ClockHoursWithdrawn(
        educator_id=ANA, micro_credential_id=TRA1, withdrawn_at=at("2024-02-20"), reason="Changed her mind"
    )


def test_of_a_learner_matched_late_a_revocation_is_told_before_the_award_that_it_takes_back() -> None:
    """Told after it, hours would be granted, and taken back, that were never due."""
    story = Story(submitted(), reviewed(on="2024-05-10"), revoked(on="2024-05-20"))
    assert names(story.hear(NEA_KNOWS))[1:] == ["CredentialSubmitted", "CredentialRevoked", "CredentialAwarded"]


def test_of_a_learner_matched_late_the_earliest_award_is_told_first() -> None:
    """The first that counts completes: neither which one NEA happened to send first decides here, nor their names."""
    story = Story(submitted(), reviewed(on="2024-05-12"), reviewed(submission="S-2", on="2024-05-10"))
    *_, first, second = story.hear(NEA_KNOWS)
    assert isinstance(first, events.CredentialAwarded)
    assert isinstance(second, events.CredentialAwarded)
    assert (first.decided_at, second.decided_at) == (at("2024-05-10"), at("2024-05-12"))


def test_a_revocation_is_told_with_its_reason_and_a_decision_with_the_credential_s_address() -> None:
    story = Story(NEA_KNOWS)
    (told,) = story.hear(with_data(revoked(), reason="copied"))
    assert isinstance(told, events.CredentialRevoked)
    assert told.reason == "copied"
    (told,) = story.hear(with_data(reviewed(), credential_url="https://example.org/c/1"))
    assert isinstance(told, events.CredentialAwarded)
    assert told.credential_url == "https://example.org/c/1"


def test_conflicts_are_told_by_kind_and_session_whatever_came_first() -> None:
    story = Story(attended(ANA, W2), attended(ANA, W1, ended="2019-01-01"), cancelled(W2), cancelled(W1))
    conflicts = [(conflict.kind, conflict.session_id) for conflict in story.told().conflicts]
    assert conflicts == [
        (ConflictKind.NO_PROGRAM_YEAR, W1),
        (ConflictKind.SESSION_CONFLICT, W1),
        (ConflictKind.SESSION_CONFLICT, W2),
    ]


def test_each_link_and_unlink_is_counted_so_that_each_has_event_ids_of_its_own() -> None:
    story = Story(profile(ANA), submitted())
    counts = [story.world.learner(L1).bindings]
    for _ in range(2):
        story.link(L1, ANA)
        counts.append(story.world.learner(L1).bindings)
        story.unlink(L1)
        counts.append(story.world.learner(L1).bindings)
    assert counts == [0, 1, 2, 3, 4]


def test_a_link_lifts_the_bar_to_this_educator_and_to_no_other() -> None:
    story = Story(submitted())
    for who in (BEN, ANA):
        story.link(L1, who)
        story.unlink(L1)
    assert story.world.learner(L1).barred == (BEN, ANA)
    story.link(L1, ANA)
    assert story.world.learner(L1).barred == (BEN,)


def test_linking_and_unlinking_are_applied_and_an_unlink_of_nobody_s_changes_nothing() -> None:
    story = Story(profile(ANA), attended(ANA), submitted())
    linked = link(story.world, L1, ANA, story.programs)
    assert linked.outcome is Outcome.APPLIED
    story.world.absorb(linked.changes)
    unlinked = unlink(story.world, L1, story.programs)
    assert unlinked.outcome is Outcome.APPLIED
    story.world.absorb(unlinked.changes)
    again = unlink(story.world, L1, story.programs)
    assert (again.outcome, again.announcements, again.changes.learners) == (Outcome.SUPERSEDED, (), {})


def test_an_address_that_changes_is_one_to_be_found_by() -> None:
    story = Story(profile(ANA, email="old@example.org"), profile(ANA, email="new@example.org"))
    story.hear(submitted(whom=learner(None, "new@example.org")))
    assert story.world.learner(learner_id(None, "new@example.org")).bound_to == ANA


def test_the_account_that_claimed_a_member_id_first_holds_it_next_whatever_its_name() -> None:
    story = Story(
        profile(ANA, nea_member_id="N-1"), profile(CAM, nea_member_id="N-1"), profile(BEN, nea_member_id="N-1")
    )
    story.hear(profile(ANA))
    assert (story.educator(CAM).member_id, story.educator(BEN).rival_id) == ("N-1", CAM)


def test_what_several_decisions_touched_and_locked_is_kept_together() -> None:
    world = World()
    for name in ("a", "b"):
        draft = world.draft()
        draft.touched.add(name)
        draft.locked.add(f"nea:{name}")
        world.absorb(draft)
    assert (world.touched, world.locked) == ({"a", "b"}, {"nea:a", "nea:b"})


def test_a_decision_leaves_the_world_as_it_was() -> None:
    story = Story(attended(ANA))
    before = asdict(story.educator(ANA))
    decide(story.world, attended(ANA, W2).fact, story.programs)
    assert asdict(story.educator(ANA)) == before
