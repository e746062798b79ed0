"""A sender that is killed by SIGKILL at a given step: `python -m tests.notifications.doomed URI DATABASE PORT STEP`."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from eventing.mongo import connect
from services.notifications import settling, shifts
from services.notifications.links import Linker
from services.notifications.sender import Options, Sender, Turn, Wave
from services.notifications.settling import Settled
from services.notifications.shifts import Shift
from services.notifications.smtp import Server
from services.notifications.store import Tx
from services.notifications.writing import Writer
from tests.clocks import SetClock
from tests.notifications.builders import NOON, PROGRAMS

STEPS = ("held", "written down", "handed over", "settled but not committed", "settled")
PUBLIC, FROM = "https://notifications.example.org", "WEA micro-credentials <microcredentials@example.org>"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Doomed(Sender):
    """Dies at `step`."""

    step = ""

    async def _prepare(self, shift: Shift) -> Turn | None:
        prepared = await super()._prepare(shift)
        if prepared and self.step == "held":
            die()
        return prepared

    async def _write_down(self, shift: Shift, wave: Wave) -> Wave:
        written = await super()._write_down(shift, wave)
        if self.step == "written down":
            die()
        return written


async def main(uri: str, database: str, port: int, step: str) -> None:
    settle, write = settling.settle, Tx.write

    async def doomed_settle(shift: Shift, settled: Sequence[Settled], now: Any) -> None:
        if step == "handed over":
            die()
        await settle(shift, settled, now)
        if step == "settled":
            die()

    async def doomed_write(tx: Tx) -> None:
        await write(tx)
        if step == "settled but not committed":
            die()

    Doomed.step = step
    settles, writes = patch.object(settling, "settle", doomed_settle), patch.object(Tx, "write", doomed_write)
    forgotten = patch.object(shifts, "LIFE", timedelta(0))  # as soon as it is dead: nobody sends beside it
    with connect(uri, database) as opened, settles, writes, forgotten:
        writer = Writer(FROM, Linker(PUBLIC, b"secret"), PROGRAMS, "https://portal.example.org/courses")
        await Doomed(opened, Server("127.0.0.1", port, connections=4), writer, SetClock(NOON), Options()).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
