"""Timers: work that is due by the clock. One replica at a time runs each; a change of programme time wakes it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from eventing import metrics
from eventing.clock import Clock
from eventing.leases import Shares
from eventing.mongo import Database
from eventing.transient import RefusedError, TransientError

log = structlog.get_logger(__name__)

Run = Callable[[], Awaitable[bool]]


class Timer:
    """Runs `run` every `seconds` of system time where this process holds the lease.

    `run` answers whether there is more to do at once. It must be safe to repeat and to run twice.
    """

    def __init__(
        self, name: str, seconds: float, run: Run, *, database: Database, clock: Clock, instance: str | None = None
    ) -> None:
        self._name, self._seconds, self._run = name, seconds, run
        self._share = Shares(database, f"timer/{name}", 1, instance)
        self._failures = metrics.TIMER_FAILURES.labels(name)  # from 0 on: an alert sees the first one rise
        self._wake = asyncio.Event()
        clock.on_change(self._wake.set)

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        keeping = asyncio.create_task(self._share.keep())
        try:
            while True:
                # Also where we hold no lease: a wake that nobody takes back would keep us from ever resting again.
                self._wake.clear()
                more = bool(self._share.mine) and await self._once()
                if not more:
                    await self._rest()
        finally:
            keeping.cancel()
            await self._share.release()

    async def _once(self) -> bool:
        try:
            return await self._run()
        except TransientError as error:
            log.warning("timer_waits", timer=self._name, error=str(error))
        except RefusedError:
            self._failures.inc()
            log.exception("timer_refused", timer=self._name)
        except Exception:
            self._failures.inc()
            log.exception("timer_failed", timer=self._name)
        return False

    async def _rest(self) -> None:
        seconds = self._seconds if self._share.mine else min(self._seconds, 0.5)
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
