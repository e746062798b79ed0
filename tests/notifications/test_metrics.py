"""What /metrics shows of the mail is what its names say."""

from datetime import timedelta

from prometheus_client import REGISTRY

from services.notifications import metrics
from tests.notifications.builders import profile
from tests.notifications.conftest import Notifications


def overdue(why: str) -> float | None:
    return REGISTRY.get_sample_value("wea_notifications_overdue_messages", {"why": why})


async def test_messages_that_wait_longer_than_they_should_are_counted_and_whom_the_server_put_off_apart(
    notifications: Notifications,
) -> None:
    """A mail server that is away takes nothing; a mailbox that is full says so of itself alone."""
    await notifications.hear(profile("E-1"), profile("E-2"))
    await metrics.refresh(notifications.clock, notifications.database)
    assert (overdue("waiting"), overdue("put_off")) == (0, 0), "it has just become due"

    await notifications.database["messages"].update_one({"educator_id": "E-2"}, {"$set": {"put_off": 3}})
    notifications.clock.now += timedelta(hours=1)
    await metrics.refresh(notifications.clock, notifications.database)
    assert (overdue("waiting"), overdue("put_off")) == (1, 1)
