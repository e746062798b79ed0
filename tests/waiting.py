"""Waiting for a condition: the only way in which a test waits."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Return once the condition holds; fail with `what` was waited for after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.02)
