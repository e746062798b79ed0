"""What is decided by something's not being there, with the transaction of the one who brings it open beside it.

Each test opens one unit, lets it read and decide, commits the other meanwhile, and then lets the first write: it must
be turned back, and right when it is done again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from contracts import nea, topics
from eventing.transient import TransientError
from services.enrollment import gathering
from services.enrollment.store import Tx
from tests.enrollment.builders import (
    ANA,
    BEN,
    O1,
    TRA2,
    W1,
    Said,
    attended,
    cancelled,
    corrected,
    learner,
    merged,
    oriented,
    profile,
    reserved,
    scheduled,
    submitted,
    unmerged,
)
from tests.enrollment.conftest import INBOX, Enrollment
from tests.enrollment.test_review import attendees

MAIL = "shared@example.org"


async def open_while(
    enrollment: Enrollment, slow: Said, quick: Said, then: Callable[[], Awaitable[object]] | None = None
) -> None:
    """Decide `slow`, commit `quick`, write `slow`: turned back. Then do `slow` again, as the consumer does.

    `then` is run once `quick` is committed.
    """
    decided, go = asyncio.Event(), asyncio.Event()
    is_slow = True

    write = Tx.write

    async def held(tx: Tx) -> None:
        if is_slow:
            decided.set()
            await go.wait()
        await write(tx)

    first = enrollment.batch(slow)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tx, "write", held)
        task = asyncio.create_task(enrollment.consume(first))
        await decided.wait()
        is_slow = False
        await enrollment.when(quick, topic=INBOX if quick.source == nea.SOURCE else topics.PORTAL.name)
        if then is not None:
            await then()
        go.set()
        with pytest.raises(TransientError):
            await task
    await enrollment.consume(first)


async def kinds(enrollment: Enrollment) -> set[str]:
    return set(await enrollment.names())


@pytest.mark.parametrize("first", ["webhook", "profile"])
async def test_a_webhook_and_the_profile_it_waits_for_never_miss_each_other(enrollment: Enrollment, first: str) -> None:
    pair = [submitted(), profile(ANA, nea_member_id="N-1")]
    await open_while(enrollment, *(pair if first == "webhook" else reversed(pair)))
    assert await kinds(enrollment) == {"EducatorProfile", "CredentialSubmitted"}


@pytest.mark.parametrize("first", ["webhook", "profile"])
async def test_an_address_that_a_second_profile_takes_meanwhile_is_not_guessed_twice(
    enrollment: Enrollment, first: str
) -> None:
    await enrollment.given(profile(ANA, email=MAIL))
    pair = [submitted(whom=learner("N-1", MAIL)), profile(BEN, email=MAIL)]
    await open_while(enrollment, *(pair if first == "webhook" else reversed(pair)))
    # Whoever was first decides, but what was told is what is bound.
    bound = (await enrollment.database["learners"].find_one({})).get("bound_to")
    assert ("CredentialSubmitted" in await kinds(enrollment)) is (bound == ANA)


@pytest.mark.parametrize("first", ["attendance", "session"])
async def test_an_attendance_and_the_cancellation_of_its_session_never_miss_each_other(
    enrollment: Enrollment, first: str
) -> None:
    pair = [attended(), cancelled()]
    await open_while(enrollment, *(pair if first == "attendance" else reversed(pair)))
    assert "ConflictOpened" in await kinds(enrollment)


@pytest.mark.parametrize("first", ["correction", "session"])
async def test_a_correction_that_brings_hours_and_a_cancellation_that_takes_them_never_miss_each_other(
    enrollment: Enrollment, first: str
) -> None:
    await enrollment.given(scheduled(), attended(minutes=0))
    pair = [corrected(minutes=90), cancelled()]
    await open_while(enrollment, *(pair if first == "correction" else reversed(pair)))
    assert "ConflictOpened" in await kinds(enrollment)


@pytest.mark.parametrize("first", ["merge", "event"])
async def test_a_merge_and_an_event_of_the_merged_account_never_miss_each_other(
    enrollment: Enrollment, first: str
) -> None:
    await enrollment.given(reserved(ANA, opens=TRA2))
    pair = [merged(ANA, BEN), attended(BEN, W1, opens=None)]
    await open_while(enrollment, *(pair if first == "merge" else reversed(pair)))
    told = [one for one in await enrollment.published() if type(one).__name__ == "WorkshopAttended"]
    assert told[-1].micro_credential_id == TRA2


@pytest.mark.parametrize("first", ["attendance", "correction"])
async def test_facts_of_two_accounts_of_one_person_never_miss_each_other(enrollment: Enrollment, first: str) -> None:
    await enrollment.given(merged(ANA, BEN))
    pair = [attended(BEN, W1), corrected(ANA, W1, minutes=0)]
    await open_while(enrollment, *(pair if first == "attendance" else reversed(pair)))
    steps = dict((await enrollment.document("educators", BEN))["told"]["steps"])
    assert steps[W1]["minutes"] == 0


@pytest.mark.parametrize("first", ["merge", "event"])
async def test_an_event_of_the_kept_account_and_an_undo_never_miss_each_other(
    enrollment: Enrollment, first: str
) -> None:
    await enrollment.given(attended(BEN, W1), merged(ANA, BEN))
    pair = [unmerged(ANA, BEN), corrected(ANA, W1, minutes=0)]
    await open_while(enrollment, *(pair if first == "merge" else reversed(pair)))
    document = await enrollment.document("educators", BEN)
    steps = dict(document["told"]["steps"])
    assert steps[W1]["minutes"] == 90  # Ana's correction is not Ben's any more


async def test_two_accounts_that_claim_one_member_id_at_once_do_not_both_hold_it(enrollment: Enrollment) -> None:
    await open_while(enrollment, profile(ANA, nea_member_id="N-1"), profile(BEN, nea_member_id="N-1"))
    held = await enrollment.database["educators"].count_documents({"member_id": "N-1"})
    assert held == 1
    assert "ConflictOpened" in await kinds(enrollment)


async def test_two_merges_that_would_make_a_circle_together_are_not_both_done(enrollment: Enrollment) -> None:
    await open_while(enrollment, merged(ANA, BEN), merged(BEN, ANA))
    told = await enrollment.names()
    assert sorted(told) == ["ConflictOpened", "EducatorsMerged"]


async def test_two_who_attend_one_session_at_once_are_both_found_by_a_plan(enrollment: Enrollment) -> None:
    await open_while(enrollment, oriented(ANA), oriented(BEN))
    await enrollment.given()
    await enrollment.when(cancelled(O1))
    told = await enrollment.published()
    assert {one.key for one in told if type(one).__name__ == "AttendanceCorrected"} == {ANA, BEN}


async def test_a_fact_judged_by_the_former_plan_never_outlives_the_steps_that_judge_by_the_new_one(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrollment.given(scheduled(), attended(ANA), corrected(ANA, minutes=0))
    monkeypatch.setattr(gathering, "MOST_ATTENDED", 0)
    await open_while(enrollment, corrected(ANA, minutes=90), cancelled(), attendees(enrollment).run)
    assert await kinds(enrollment) == {"SessionCancelled", "ConflictOpened"}
