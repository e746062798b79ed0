"""Merges: aliases, judged at their arrival."""

from contracts import events
from contracts.kinds import ConflictKind
from services.enrollment.policy import decide
from services.enrollment.state import Outcome
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    TRA2,
    W1,
    Story,
    attended,
    corrected,
    erased,
    learner,
    learner_id,
    merged,
    names,
    profile,
    reserved,
    submitted,
    unmerged,
)


def refused(kept: str, merged_id: str) -> list[events.ConflictOpened]:
    return [events.ConflictOpened(educator_id=kept, kind=ConflictKind.MERGE_CONFLICT, merged_educator_id=merged_id)]


def test_a_merge_makes_an_alias_and_is_told_under_the_kept_id() -> None:
    story = Story()
    assert story.hear(merged(ANA, BEN)) == [
        events.EducatorsMerged(educator_id=ANA, kept_educator_id=ANA, merged_educator_id=BEN, merge_number=1)
    ]
    assert story.world.root_of(BEN) == ANA


def test_chains_resolve_to_the_last() -> None:
    story = Story(merged(BEN, CAM), merged(ANA, BEN))
    assert story.world.root_of(CAM) == ANA


def test_a_merge_with_itself_is_refused() -> None:
    assert Story().hear(merged(ANA, ANA)) == refused(ANA, ANA)


def test_a_merge_of_an_account_already_merged_is_refused() -> None:
    assert Story(merged(ANA, BEN)).hear(merged(CAM, BEN)) == refused(CAM, BEN)


def test_a_merge_that_would_make_a_circle_is_refused() -> None:
    story = Story(merged(ANA, BEN), merged(BEN, CAM))
    assert story.hear(merged(CAM, ANA)) == refused(CAM, ANA)


def test_an_undo_counts_on_and_lets_the_account_be_merged_again() -> None:
    story = Story(merged(ANA, BEN))
    numbers = [
        told.merge_number  # type: ignore[union-attr]
        for fact in (unmerged(ANA, BEN), merged(CAM, BEN), unmerged(CAM, BEN))
        for told in story.hear(fact)
    ]
    assert numbers == [2, 3, 4]


def test_an_undo_of_what_is_not_merged_changes_nothing() -> None:
    story = Story(merged(ANA, BEN))
    assert story.hear(unmerged(CAM, BEN)) == []
    assert story.outcome is Outcome.SUPERSEDED
    assert story.world.root_of(BEN) == ANA


def test_a_correction_under_the_kept_id_changes_the_attendance_under_the_merged_one() -> None:
    story = Story(attended(BEN), merged(ANA, BEN))
    (told,) = story.hear(corrected(ANA, minutes=0))
    assert (type(told).__name__, told.educator_id) == ("AttendanceCorrected", BEN)  # type: ignore[union-attr]
    assert names(story.hear(unmerged(ANA, BEN))) == ["EducatorsUnmerged", "WorkshopAttended"]


def test_a_reservation_under_one_account_names_the_micro_credential_of_the_other_s_attendance() -> None:
    story = Story(attended(BEN, opens=None), reserved(ANA, opens=TRA2))
    story.hear(merged(ANA, BEN))
    assert story.told(BEN).steps[W1].micro_credential_id == TRA2
    story.hear(unmerged(ANA, BEN))
    assert story.told(BEN).steps[W1].micro_credential_id is None


def test_the_same_session_under_both_accounts_is_told_for_each() -> None:
    story = Story(attended(BEN), merged(ANA, BEN))
    (told,) = story.hear(attended(ANA))
    assert told.educator_id == ANA  # type: ignore[union-attr]


def test_an_undo_looks_again_for_who_is_meant_under_both_accounts() -> None:
    """The other's member id stood in the way of an address, as long as both were one person."""
    by_address = [(ANA, BEN), (BEN, ANA)]
    for having, other in by_address:
        story = Story(
            profile(having, email="a@example.org"), profile(other, email="b@example.org", nea_member_id="N-2")
        )
        story.hear(merged(ANA, BEN), submitted(whom=learner(None, "a@example.org")))
        assert story.outcome is Outcome.UNMATCHED
        assert names(story.hear(unmerged(ANA, BEN))) == ["EducatorsUnmerged", "CredentialSubmitted"]
        assert story.world.learner(learner_id(None, "a@example.org")).bound_to == having


def test_who_merges_into_an_erased_person_gives_the_member_id_to_who_waits_for_it() -> None:
    story = Story(profile(BEN, nea_member_id="N-1"), profile(CAM, nea_member_id="N-1"), profile(ANA), erased(ANA))
    published = story.hear(merged(ANA, BEN))
    assert story.educator(CAM).member_id == "N-1"
    assert "ConflictResolved" in names(published)


def test_erasing_a_person_of_two_accounts_gives_each_ones_member_id_to_who_waits_for_it() -> None:
    story = Story(profile(ANA, nea_member_id="N-1"), profile(CAM, nea_member_id="N-1"), merged(ANA, BEN))
    published = story.hear(erased(ANA))
    assert names(published).count("ConflictResolved") == 1
    assert story.told(CAM).conflicts == ()


def test_erasure_forgets_a_learner_that_nobody_else_can_be() -> None:
    address = learner(None, "a@example.org")
    story = Story(profile(ANA, email="a@example.org", nea_member_id="N-1"), submitted(whom=address), erased(ANA))
    known = story.world.learner(learner_id(None, "a@example.org"))
    assert (known.bound_to, known.emails, known.forgotten) == (None, (), True)


def test_erasure_leaves_alone_a_learner_who_may_be_somebody_else() -> None:
    address = learner(None, "a@example.org")
    two = [profile(who, email="a@example.org", nea_member_id=f"N-{who}") for who in (ANA, BEN)]
    story = Story(*two, submitted(whom=address), erased(ANA))
    known = story.world.learner(learner_id(None, "a@example.org"))
    assert (known.bound_to, known.emails, known.forgotten) == (None, ("a@example.org",), False)


def test_erasure_forgets_the_educator_s_own_learner_whoever_shares_the_address() -> None:
    two = [profile(who, email="a@example.org", nea_member_id=f"N-{who}") for who in (ANA, BEN)]
    story = Story(*two, submitted(whom=learner(f"N-{ANA}", "a@example.org")), erased(ANA))
    known = story.world.learner(learner_id(f"N-{ANA}"))
    assert (known.bound_to, known.member_id, known.emails, known.forgotten) == (ANA, None, (), True)


def test_the_document_of_the_kept_account_changes_with_every_fact_of_the_merged_one() -> None:
    story = Story(merged(ANA, BEN))
    assert {ANA, BEN} <= decide(story.world, attended(BEN).fact, story.programs).changes.touched
