"""Named places on an event's way at which a test may kill this process. Without WEA_CRASH_AT they do nothing.

WEA_CRASH_AT names a folder. A file `INSTANCE@POINT` in it is an order: the process of that WEA_INSTANCE that reaches
the point next takes the order away and dies as by SIGKILL, in the middle of whatever it does. Refused in production
(settings.py).
"""

import os
import signal
from pathlib import Path

POINTS = (
    "intake.received",  # a group of requests is here, nothing is written
    "intake.inserted",  # what stood alone is claimed, and nobody was told
    "transaction.begun",  # of an intake, a batch, a timer, a settled mail
    "transaction.written",  # all is written, nothing is committed
    "transaction.committed",  # committed, and nobody was told
    "consumer.assigned",  # partitions are ours, their positions taken over, nothing read
    "consumer.received",  # records read from Kafka, nothing done
    "consumer.shown",  # a batch is done and Kafka was told how far
    "relay.read",  # rows read from the outbox, none sent
    "relay.sent",  # one row acknowledged by Kafka, still in the outbox
    "relay.published",  # all rows acknowledged, all still in the outbox
    "relay.removed",  # published and gone from the outbox
    "mail.recorded",  # `sending` is on record, the mail server knows nothing
    "mail.handed_over",  # the mail server has it, nobody else knows
)

_orders: tuple[Path, str] | None = None


def obey(folder: Path | None, instance: str | None) -> None:
    """From now on, die where the folder says so."""
    global _orders
    _orders = (folder, instance or "") if folder is not None else None


def reached(point: str) -> None:
    """Die here, if that was ordered."""
    if _orders is None:
        return
    folder, instance = _orders
    try:
        (folder / f"{instance}@{point}").unlink()
    except OSError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
