"""SIGKILL between each step of sending: awards and deadlines once or twice, reminders once at most."""

import asyncio
import sys
from collections import Counter

import pytest

from contracts.kinds import EntryKind
from tests.notifications.builders import ANA, DAY, ROSA, granted, profile, registered
from tests.notifications.conftest import Notifications
from tests.notifications.doomed import STEPS
from tests.waiting import PATIENCE_SECONDS

AWARD, REMINDER = "clock hours granted", "A step is missing"


@pytest.mark.parametrize("step", STEPS)
async def test_a_sender_killed_at_any_step_loses_no_award_and_repeats_no_reminder(
    notifications: Notifications, mongo: str, step: str
) -> None:
    await notifications.hear(
        profile(),
        granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1"),
        profile(ANA),
        registered(ANA, at=notifications.clock() - 3 * DAY),
    )
    await notifications.tick()
    arguments = [mongo, notifications.database.name, str(notifications.mail.port), step]
    doomed = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.notifications.doomed", *arguments)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await doomed.wait() == -9

    messages = notifications.database["messages"]
    async with notifications.sending(), asyncio.timeout(PATIENCE_SECONDS):
        while await messages.count_documents({"status": {"$in": ["queued", "sending"]}}):
            await messages.update_many({"lost": 1}, {"$set": {"try_at": notifications.clock()}})
            await asyncio.sleep(0.05)

    counts = Counter(
        "award" if AWARD in str(d.mail["Subject"]) else "reminder" if REMINDER in str(d.mail["Subject"]) else "welcome"
        for d in notifications.mail.delivered
    )
    print(f"killed when {step}: {dict(counts)}")
    assert counts["award"] in (1, 2)
    assert counts["reminder"] <= 1
    assert counts["welcome"] in (2, 3, 4)
    states = {row["educator_id"] + row["kind"]: row["status"] async for row in messages.find({})}
    assert states[f"{ROSA}hours_granted"] == "sent"
    told = [event for event in await notifications.published() if event.kind == "hours_granted"]
    assert [event.status for event in told] == ["sent"]
