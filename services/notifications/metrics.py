"""Every metric of this service: name, unit, meaning. Those of the machinery are in eventing/metrics.py."""

from prometheus_client import Counter, Gauge, Histogram

from eventing.mongo import Database, faults

# messages by what became of them: sent, failed, unknown, dropped, or queued again.
MESSAGES = Counter("wea_notifications_messages_total", "Messages by what became of them", ["kind", "status"])
# seconds from handing messages over to the mail server's last answer, a wave at a time.
HANDED_OVER = Histogram("wea_notifications_handed_over_seconds", "Handing a wave of messages over")
# messages by state: waiting, being sent, and those that nobody got.
WAITING = Gauge("wea_notifications_waiting_messages", "Messages that wait, and those that failed", ["status"])
# what staff should see to.
TASKS = Gauge("wea_notifications_open_tasks", "Tasks that wait for staff")


async def refresh(database: Database) -> None:
    """Read the gauges off the database."""
    with faults():
        for status in ("queued", "sending", "failed", "unknown"):
            WAITING.labels(status).set(await database["messages"].count_documents({"status": status}))
        TASKS.set(await database["tasks"].count_documents({"status": "open"}))
