"""Programme time that a test sets."""

from datetime import datetime

from eventing.clock import Clock


class SetClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now

    def __call__(self) -> datetime:
        return self.now
