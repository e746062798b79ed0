"""Every metric of this service: name, unit, meaning. Those of the machinery are in eventing/metrics.py."""

from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from eventing.clock import Clock
from eventing.mongo import Database, faults

# messages by what became of them: sent, failed, unknown, dropped, or queued again.
MESSAGES = Counter("wea_notifications_messages_total", "Messages by what became of them", ["kind", "status"])
# seconds from handing messages over to the mail server's last answer, a wave at a time.
HANDED_OVER = Histogram("wea_notifications_handed_over_seconds", "Handing a wave of messages over")
# messages by state: waiting, being sent, and those that nobody got.
WAITING = Gauge("wea_notifications_waiting_messages", "Messages that wait, and those that failed", ["status"])
# what staff should see to.
TASKS = Gauge("wea_notifications_open_tasks", "Tasks that wait for staff")
# messages that have been due for long, up to 1,000: `waiting` for the mail server or for the mail to be started again,
# or `put_off` by the server one by one, which may be a full mailbox.
OVERDUE = Gauge("wea_notifications_overdue_messages", "Messages due for 15 minutes, by why they wait", ["why"])
OVERDUE_AFTER = timedelta(minutes=15)


async def refresh(clock: Clock, database: Database) -> None:
    """Read the gauges off the database."""
    due = {"status": "queued", "due_at": {"$lte": clock() - OVERDUE_AFTER}}
    with faults():
        for status in ("queued", "sending", "failed", "unknown"):
            WAITING.labels(status).set(await database["messages"].count_documents({"status": status}))
        # A thousand of those that are due, and of them how many wait why: with a mail server away there are any number.
        some = await database["messages"].find(due, {"put_off": 1}).limit(1000).to_list(None)
        put_off = sum((message.get("put_off") or 0) > 0 for message in some)
        OVERDUE.labels("put_off").set(put_off)
        OVERDUE.labels("waiting").set(len(some) - put_off)
        TASKS.set(await database["tasks"].count_documents({"status": "open"}))
