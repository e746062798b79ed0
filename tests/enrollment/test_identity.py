"""Who is meant: matching NEA's learners, holding member ids, links by staff."""

import hmac

from contracts import events
from contracts.kinds import ConflictKind
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.state import Outcome
from services.enrollment.telling import Announcement
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    Story,
    erased,
    learner,
    learner_id,
    merged,
    names,
    nea_registered,
    profile,
    reviewed,
    submitted,
    unmerged,
)

MAIL = "shared@example.org"


def bound(story: Story, member: str | None = "N-1", email: str | None = None) -> str | None:
    return story.world.learner(learner_id(member, email)).bound_to


def test_a_learner_is_the_profile_that_holds_the_member_id() -> None:
    story = Story(profile(ANA, nea_member_id="N-1"), profile(BEN, email=MAIL))
    story.hear(submitted(whom=learner("N-1", MAIL)))
    assert bound(story) == ANA


def test_a_member_id_is_the_same_with_a_blank_before_or_behind_it() -> None:
    """As one gets it that is copied into a form."""
    story = Story(profile(ANA, nea_member_id=" N-1 "))
    story.hear(submitted(whom=learner("N-1 ", MAIL)))
    assert bound(story) == ANA


def test_else_by_e_mail_trimmed_and_case_folded() -> None:
    story = Story(profile(ANA, email="Rosa@Example.org"))
    story.hear(submitted(whom=learner("N-1", " ROSA@example.ORG ")))
    assert bound(story) == ANA


def test_an_e_mail_that_two_profiles_have_is_never_guessed() -> None:
    story = Story(profile(ANA, email=MAIL), profile(BEN, email=MAIL))
    assert story.hear(submitted(whom=learner("N-1", MAIL))) == []
    assert story.outcome is Outcome.UNMATCHED


def test_a_profile_with_another_member_id_is_not_matched_by_e_mail() -> None:
    story = Story(profile(ANA, email=MAIL, nea_member_id="N-2"))
    assert story.hear(submitted(whom=learner("N-1", MAIL))) == []
    assert bound(story) is None


def test_an_unmatched_learner_is_taken_up_when_a_profile_comes() -> None:
    story = Story(nea_registered(), submitted(), reviewed())
    told = story.hear(profile(ANA, nea_member_id="N-1"))
    assert names(told) == [
        "EducatorProfile",
        "MicroCredentialRegistered",
        "CredentialSubmitted",
        "CredentialAwarded",
    ]


def test_any_change_of_a_profile_is_a_reason_to_try_again() -> None:
    first = profile(ANA, email=MAIL)
    story = Story(first, profile(BEN, email=MAIL), submitted(whom=learner("N-1", MAIL)))
    told = story.hear(first.later(email="ana@example.org"))  # now only Ben has the address
    assert [type(t).__name__ for t in told] == ["EducatorProfile", "CredentialSubmitted"]
    assert bound(story) == BEN


def test_a_member_id_given_up_within_the_person_is_a_reason_to_try_again_too() -> None:
    second = profile(BEN, nea_member_id="N-2")
    story = Story(profile(ANA, email=MAIL), second, merged(ANA, BEN))
    story.hear(submitted(whom=learner("N-1", MAIL)))
    assert bound(story) is None
    story.hear(second.later(nea_member_id=None))
    assert bound(story) == ANA


def test_merged_profiles_count_as_one_person() -> None:
    story = Story(profile(ANA, email=MAIL), profile(BEN, email=MAIL), submitted(whom=learner("N-1", MAIL)))
    assert names(story.hear(merged(ANA, BEN))) == ["EducatorsMerged", "CredentialSubmitted"]
    assert bound(story) == ANA


def test_of_one_person_s_accounts_the_one_with_the_address_is_bound_the_kept_one_before_others() -> None:
    first = Story(profile(ANA), profile(BEN, email=MAIL), merged(ANA, BEN), submitted(whom=learner("N-1", MAIL)))
    assert bound(first) == BEN  # after an undo it is still the account that NEA means
    both = Story(profile("E-zoe", email=MAIL), profile(BEN, email=MAIL), merged("E-zoe", BEN))
    both.hear(submitted(whom=learner("N-1", MAIL)))
    assert bound(both) == "E-zoe"


def test_an_unmatched_event_that_repeats_another_is_a_duplicate() -> None:
    story = Story(submitted())
    story.hear(submitted())
    assert story.outcomes == [Outcome.UNMATCHED, Outcome.DUPLICATE]


def test_a_match_does_not_move_when_the_profile_changes() -> None:
    first = profile(ANA, nea_member_id="N-1")
    story = Story(first, submitted())
    story.hear(first.later(nea_member_id="N-9"), profile(BEN, nea_member_id="N-1"))
    story.hear(reviewed())
    assert bound(story) == ANA


def test_a_profile_whose_member_id_another_holds_is_kept_without_it() -> None:
    story = Story(profile(ANA, nea_member_id="N-1"))
    told = story.hear(profile(BEN, nea_member_id="N-1"))
    assert told[0].nea_member_id is None  # type: ignore[union-attr]
    assert told[1] == events.ConflictOpened(
        educator_id=BEN, kind=ConflictKind.IDENTITY_CONFLICT, holder_educator_id=ANA
    )


def test_the_conflict_resolves_by_itself_when_the_holder_gives_the_member_id_up() -> None:
    first = profile(ANA, nea_member_id="N-1")
    story = Story(first, profile(BEN, nea_member_id="N-1"))
    told = story.hear(first.later(nea_member_id=None))
    assert names(told) == ["EducatorProfile", "EducatorProfile", "ConflictResolved"]
    assert story.told(BEN).profile.nea_member_id == "N-1"  # type: ignore[union-attr]


def test_the_conflict_resolves_when_the_claim_is_given_up() -> None:
    second = profile(BEN, nea_member_id="N-1")
    story = Story(profile(ANA, nea_member_id="N-1"), second)
    assert names(story.hear(second.later(nea_member_id=None))) == ["ConflictResolved"]


def rival_of(who: str, before: str, now: str) -> list[Announcement]:
    """What is told where it is another who holds what somebody claims."""
    case = events.ConflictOpened(educator_id=who, kind=ConflictKind.IDENTITY_CONFLICT, holder_educator_id=now)
    former = case.model_dump() | {"holder_educator_id": before}
    return [events.ConflictResolved.model_validate(former), case]


def test_a_conflict_with_another_holder_is_another_case_and_the_first_resolves() -> None:
    third = profile(CAM, nea_member_id="N-1")
    story = Story(profile(ANA, nea_member_id="N-1"), profile(BEN, nea_member_id="N-2"), third)
    assert story.hear(third.later(nea_member_id="N-2")) == rival_of(CAM, ANA, BEN)


def test_a_conflict_goes_on_with_who_holds_the_member_id_next() -> None:
    first = profile(ANA, nea_member_id="N-1")
    story = Story(first, profile(BEN, nea_member_id="N-1"), profile(CAM, nea_member_id="N-1"))
    told = story.hear(first.later(nea_member_id=None))
    assert told[-2:] == rival_of(CAM, ANA, BEN)


def test_a_holder_whose_profile_changes_otherwise_keeps_the_member_id_whoever_waits_for_it() -> None:
    older, first = profile(BEN, nea_member_id="N-1"), profile(ANA, nea_member_id="N-1")
    story = Story(first, older)
    assert names(story.hear(first.later(name="Ana R."))) == ["EducatorProfile"]
    assert (story.educator(ANA).member_id, story.educator(BEN).member_id) == ("N-1", None)


def test_of_several_that_wait_the_one_that_claimed_first_holds_it_next() -> None:
    first = profile(ANA, nea_member_id="N-1")
    second, third = profile(BEN, nea_member_id="N-1"), profile(CAM, nea_member_id="N-1")
    story = Story(first, third, second)
    story.hear(first.later(nea_member_id=None))
    assert story.educator(BEN).member_id == "N-1"
    assert story.told(CAM).conflicts != ()


def test_a_merge_with_the_holder_ends_the_conflict_and_its_undo_brings_it_back() -> None:
    story = Story(profile(ANA, nea_member_id="N-1"), profile(BEN, nea_member_id="N-1"))
    assert names(story.hear(merged(ANA, BEN))) == ["EducatorsMerged", "EducatorProfile", "ConflictResolved"]
    assert names(story.hear(unmerged(ANA, BEN))) == ["EducatorsUnmerged", "EducatorProfile", "ConflictOpened"]


def test_what_a_person_of_two_accounts_held_passes_on_when_she_is_erased_though_both_claimed_it() -> None:
    story = Story(*(profile(who, nea_member_id="N-1") for who in (ANA, BEN, CAM)), merged(ANA, BEN), submitted())
    told = story.hear(erased(ANA))
    assert story.educator(CAM).member_id == "N-1"
    assert names(told)[-2:] == ["EducatorProfile", "ConflictResolved"]


def test_a_link_by_staff_covers_earlier_and_later_events() -> None:
    story = Story(profile(ANA), submitted())
    assert names(story.link(learner_id(), ANA)) == ["CredentialSubmitted"]
    assert names(story.hear(reviewed())) == ["CredentialAwarded"]


def test_unlinking_takes_everything_back_and_does_not_match_again_by_itself() -> None:
    her = profile(ANA, nea_member_id="N-1")
    story = Story(her, submitted())
    assert story.unlink(learner_id()) == [events.LearnerUnlinked(educator_id=ANA, learner_id=learner_id())]
    assert names(story.hear(her.later(name="Ana R."))) == ["EducatorProfile"]
    assert story.hear(reviewed()) == []
    assert story.outcome is Outcome.UNMATCHED


def test_unlinked_from_one_educator_a_learner_may_be_another() -> None:
    her = profile(ANA, nea_member_id="N-1")
    story = Story(her, submitted())
    story.unlink(learner_id())
    story.hear(her.later(nea_member_id=None), profile(BEN, nea_member_id="N-1"))
    assert bound(story) == BEN


def test_staff_may_link_again_what_they_unlinked() -> None:
    story = Story(profile(ANA, nea_member_id="N-1"), submitted())
    story.unlink(learner_id())
    assert names(story.link(learner_id(), ANA)) == ["CredentialSubmitted"]


def test_an_older_profile_is_superseded_whatever_the_arrival() -> None:
    first = profile(ANA, name="Ana Ruiz")
    story = Story(first.later(name="Ana Ruiz-Diaz"))
    assert story.hear(first) == []
    assert story.outcome is Outcome.SUPERSEDED


def test_an_optional_field_that_is_absent_is_cleared() -> None:
    first = profile(ANA, district="Spokane")
    story = Story(first)
    (told,) = story.hear(profile(ANA))
    assert told.district is None  # type: ignore[union-attr]


def test_erasure_forgets_every_account_of_the_person_and_keeps_the_facts() -> None:
    story = Story(profile(ANA, nea_member_id="N-1"), profile(BEN), merged(ANA, BEN), submitted())
    told = story.hear(erased(ANA))
    assert names(told) == ["Tombstone", "EducatorErased", "Tombstone", "EducatorErased"]
    assert story.educator(ANA).profile is None
    assert story.educator(BEN).profile is None
    known = story.world.learner(learner_id())
    assert (known.member_id, known.emails) == (None, ())
    assert story.told(ANA).learners[learner_id()].attempts


def test_a_later_profile_of_an_erased_educator_is_ignored() -> None:
    story = Story(profile(ANA), erased(ANA))
    assert story.hear(profile(ANA)) == []
    assert story.educator(ANA).profile is None


def test_events_of_an_erased_educator_s_learner_still_count_without_a_name() -> None:
    story = Story(profile(ANA, email=MAIL), submitted(whom=learner("N-1", MAIL)), erased(ANA))
    assert names(story.hear(reviewed(whom=learner("N-1", MAIL)))) == ["CredentialAwarded"]
    assert story.world.learner(learner_id()).emails == ()


def test_erasing_one_of_two_with_an_address_makes_clear_who_is_meant() -> None:
    story = Story(profile(ANA, email=MAIL), profile(BEN, email=MAIL), submitted(whom=learner("N-1", MAIL)))
    assert names(story.hear(erased(ANA))) == ["Tombstone", "EducatorErased", "CredentialSubmitted"]
    assert bound(story) == BEN


def test_an_account_merged_into_an_erased_one_is_erased_too() -> None:
    story = Story(profile(ANA), erased(ANA), profile(BEN))
    assert names(story.hear(merged(ANA, BEN))) == ["EducatorsMerged", "Tombstone", "EducatorErased"]


def test_erasing_an_educator_never_heard_of_still_answers() -> None:
    assert names(Story().hear(erased(CAM))) == ["Tombstone", "EducatorErased"]


def test_a_pseudonym_is_of_the_identity_and_the_secret_alone_and_stays_what_is_stored() -> None:
    ours, another = Pseudonyms("ours"), Pseudonyms("another")
    for _ in range(2):
        for identity in ("nea:N-1", "email:rosa@example.org"):
            assert ours.of(identity) == hmac.digest(b"ours", identity.encode(), "sha256").hex()[:32]
            assert ours.of(identity) != another.of(identity)
