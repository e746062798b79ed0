"""What is read from the database is all that a decision can ask for: batches there end as decisions in memory do."""

import random

import pytest

from eventing.clock import system_now
from services.enrollment.documents import unpack
from services.enrollment.gathering import Needs
from services.enrollment.state import Educator, Learner
from services.enrollment.store import Tx
from services.enrollment.telling import Tombstone
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    O1,
    TRA1,
    TRA2,
    W1,
    W2,
    Said,
    Story,
    attended,
    cancelled,
    corrected,
    erased,
    hours_registered,
    hours_withdrawn,
    learner,
    learner_id,
    merged,
    nea_registered,
    oriented,
    profile,
    reserved,
    reviewed,
    revoked,
    scheduled,
    submitted,
    unmerged,
    unreserved,
)
from tests.enrollment.conftest import Enrollment

PEOPLE = (ANA, BEN, CAM, "E-dot.$x")
MAILS = ("a@example.org", "b@example.org", "c@example.org")
MEMBERS = ("N-1", "N-2", "N-3", None)


def anything(chance: random.Random) -> Said:
    """Some fact about few people, so that they get in each other's way."""
    who, other = chance.choice(PEOPLE), chance.choice(PEOPLE)
    session, credential = chance.choice((W1, W2)), chance.choice((TRA1, TRA2))
    member, mail = chance.choice(MEMBERS), chance.choice(MAILS)
    whom = learner(member, chance.choice((mail, None)) if member else mail)
    made = (
        lambda: profile(who, email=mail, nea_member_id=member),
        lambda: profile(who, email=mail, nea_member_id=member),
        lambda: profile(who, email=mail, nea_member_id=None),
        lambda: merged(who, other),
        lambda: unmerged(who, other),
        lambda: erased(who) if chance.random() < 0.2 else merged(who, other),
        lambda: attended(who, session, opens=chance.choice((TRA1, None)), minutes=chance.choice((90, 0))),
        lambda: oriented(who, O1),
        lambda: corrected(who, session, minutes=chance.choice((0, 60, 90))),
        lambda: corrected(who, session, minutes=90, opens=chance.choice((TRA2, None))),
        lambda: reserved(who, session, opens=credential),
        lambda: unreserved(who, session),
        lambda: scheduled(session, kind=chance.choice(("workshop", "orientation"))),
        lambda: cancelled(session),
        lambda: hours_registered(who, credential),
        lambda: hours_withdrawn(who, credential),
        lambda: nea_registered(whom=whom, credential=credential),
        lambda: submitted(whom=whom, credential=credential, attempt=chance.randint(1, 2)),
        lambda: reviewed(whom=whom, credential=credential),
        lambda: revoked(whom=whom, credential=credential),
    )
    return chance.choice(made)()


@pytest.mark.parametrize("seed", range(8))
async def test_batches_on_mongod_end_as_decisions_in_memory_do(enrollment: Enrollment, seed: int) -> None:
    chance = random.Random(seed)
    facts = [anything(chance) for _ in range(120)]
    story = Story()
    told = story.hear(*facts)
    while facts:
        size = chance.randint(1, 12)
        await enrollment.when(*facts[:size])
        facts = facts[size:]

    rows = await enrollment.database["educators"].find({}).to_list(None)
    for row in rows:
        assert unpack(Educator, {**row, "id": row["_id"]}) == story.educator(row["_id"])
    assert {row["_id"] for row in rows} >= story.world.educators.keys()
    known = await enrollment.database["learners"].find({}).to_list(None)
    assert {row["_id"]: unpack(Learner, {**row, "id": row["_id"]}) for row in known} == story.world.learners
    published = [event for event in await enrollment.published() if event is not None]
    expected = [event for event in told if not isinstance(event, Tombstone)]
    assert sorted(map(str, published)) == sorted(map(str, expected))
    assert await enrollment.database["parked"].count_documents({}) == 0


async def test_of_an_address_that_hundreds_have_neither_they_nor_their_learners_are_read(
    enrollment: Enrollment,
) -> None:
    everyone = [profile(f"E-{number}", email="office@example.org") for number in range(300)]
    await enrollment.given(*everyone)
    await enrollment.given(*(submitted(whom=learner(f"N-{number}", "office@example.org")) for number in range(300)))
    needs = Needs()
    needs.of(everyone[0].later(name="Ana").fact)
    async with Tx.reading(enrollment.database, system_now()) as tx:
        await tx.gather(needs)
    assert (set(tx.world.educators), set(tx.world.learners)) == ({"E-0"}, set())


async def test_when_a_batch_leaves_an_address_to_one_of_hundreds_it_is_that_one(enrollment: Enrollment) -> None:
    everyone = [profile(f"E-{number}", email="office@example.org") for number in range(300)]
    await enrollment.given(*everyone, submitted(whom=learner("N-1", "office@example.org")))
    await enrollment.given(*(one.later(email=f"{one.key}@example.org") for one in everyone[:150]))
    assert (await enrollment.document("learners", learner_id())).get("bound_to") is None
    await enrollment.when(*(one.later(email=f"{one.key}@example.org") for one in everyone[150:299]))
    assert (await enrollment.document("learners", learner_id()))["bound_to"] == "E-299"


async def test_all_addresses_of_a_learner_are_looked_up_not_only_the_one_that_a_profile_brings(
    enrollment: Enrollment,
) -> None:
    shared, own = "shared@example.org", "own@example.org"
    await enrollment.given(profile(BEN, email=shared), profile(CAM, email=shared))
    await enrollment.given(submitted(whom=learner("N-1", shared)))
    await enrollment.given(reviewed(whom=learner("N-1", own)))
    await enrollment.when(profile(ANA, email=own))
    assert await enrollment.names() == ["EducatorProfile"]  # three people may be meant


async def test_an_address_that_comes_with_a_later_webhook_says_whose_an_unmatched_learner_is(
    enrollment: Enrollment,
) -> None:
    await enrollment.given(profile(ANA, email="own@example.org"), submitted(whom=learner("N-1")))
    assert (await enrollment.document("learners", learner_id())).get("bound_to") is None
    await enrollment.when(reviewed(whom=learner("N-1", "own@example.org")))
    assert (await enrollment.document("learners", learner_id()))["bound_to"] == ANA


async def test_an_address_that_only_one_person_has_is_theirs_however_many_accounts_they_had(
    enrollment: Enrollment,
) -> None:
    accounts = (ANA, BEN, CAM, "E-4")
    await enrollment.given(*(profile(who, email="own@example.org") for who in accounts))
    await enrollment.given(*(merged(ANA, who) for who in accounts[1:]))
    await enrollment.when(submitted(whom=learner("N-1", "own@example.org")))
    assert (await enrollment.document("learners", learner_id()))["bound_to"] == ANA


async def test_of_several_addresses_that_one_batch_tells_of_a_learner_each_is_looked_up(enrollment: Enrollment) -> None:
    await enrollment.given(profile(ANA, email="own@example.org"))
    told = submitted(whom=learner("N-1", "own@example.org")), reviewed(whom=learner("N-1", "other@example.org"))
    await enrollment.when(*told)
    assert (await enrollment.document("learners", learner_id()))["bound_to"] == ANA


@pytest.mark.parametrize("made_clear", [merged(ANA, BEN), erased(BEN)])
async def test_who_is_meant_is_asked_anew_when_a_merge_or_an_erasure_makes_it_clear(
    enrollment: Enrollment, made_clear: Said
) -> None:
    await enrollment.given(profile(ANA, email="own@example.org"), profile(BEN, email="own@example.org"))
    await enrollment.given(submitted(whom=learner("N-1", "own@example.org")))
    assert (await enrollment.document("learners", learner_id())).get("bound_to") is None
    await enrollment.when(made_clear)
    assert (await enrollment.document("learners", learner_id()))["bound_to"] == ANA
