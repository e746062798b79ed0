"""Two transactions about one educator at the same moment, both held open: the second to write does it again."""

import pytest

from contracts.event import EventData
from eventing.batch import Batch, Cause
from eventing.transient import TransientError
from services.clockhours import transcript
from services.clockhours.learning import about
from services.clockhours.policy import decide
from services.clockhours.store import Tx
from tests.clockhours.builders import ANA, BEN, attended, awarded, everything, merged, oriented, revoked, submitted
from tests.clockhours.conftest import Clockhours


async def stage(tx: Tx, clockhours: Clockhours, fact: EventData) -> None:
    """Decide a fact in an open unit of work, as the handler does."""
    await tx.load(about(fact))
    decision = decide(tx.joined(about(fact)), fact, clockhours.programs, tx.now)
    tx.stage(decision, Cause(f"race-{fact.TYPE}-{fact.key}", "/test"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (merged(BEN, into=ANA), attended(BEN)),  # what comes for an account while it is merged
        (merged(BEN, into=ANA), attended(ANA)),
        (merged(BEN, into=ANA), merged("cam", into=BEN)),  # two links of a chain at once
        (merged(BEN, into=ANA), merged(ANA, into="cam")),
        (oriented(ANA, "O1"), oriented(ANA, "O2")),  # two first things of an educator never seen
    ],
)
async def test_of_two_decisions_about_one_educator_at_once_one_is_done_again(
    clockhours: Clockhours, one: EventData, other: EventData
) -> None:
    with pytest.raises(TransientError):
        async with Tx.begin(clockhours.database, Batch.none(), clockhours.clock()) as first:
            await stage(first, clockhours, one)
            async with Tx.begin(clockhours.database, Batch.none(), clockhours.clock()) as second:
                await stage(second, clockhours, other)
                await second.write()
            await first.write()

    async with Tx.begin(clockhours.database, Batch.none(), clockhours.clock()) as again:
        await stage(again, clockhours, one)
        await again.write()
    assert await clockhours.books() == []


async def test_a_fact_of_a_merged_account_and_one_of_the_kept_account_meet_at_the_root(clockhours: Clockhours) -> None:
    await clockhours.given(merged(BEN, into=ANA), *everything(ANA)[:3], submitted(BEN))
    with pytest.raises(TransientError):
        async with Tx.begin(clockhours.database, Batch.none(), clockhours.clock()) as first:
            await stage(first, clockhours, awarded(BEN))
            async with Tx.begin(clockhours.database, Batch.none(), clockhours.clock()) as second:
                await stage(second, clockhours, attended(ANA, "W7"))
                await second.write()
            await first.write()


async def test_a_reversal_while_a_transcript_is_issued_is_seen_by_one_of_the_two(clockhours: Clockhours) -> None:
    await clockhours.given(*everything(ANA))
    with pytest.raises(TransientError):
        async with Tx.begin(clockhours.database, Batch.none(), clockhours.clock()) as reversing:
            await stage(reversing, clockhours, revoked(ANA))
            await transcript.issue(clockhours.database, ANA, clockhours.programs, clockhours.clock())
            await reversing.write()

    await clockhours.when(revoked(ANA))
    assert len(await clockhours.exceptions(kind="transcript_superseded", status="open")) == 1
