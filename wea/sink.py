"""The mail sink: an SMTP server that delivers nothing and keeps each message as one .eml file.

`python -m wea.sink --port 1025 --folder MAIL`. A message is there whole or not at all: it is
written beside the folder's files and renamed, and only then is the sender told 250.
"""

import argparse
import asyncio
import contextlib
import signal
import time
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST = 10 * 1024 * 1024


class Sink:
    """The handler of aiosmtpd: what happens with a message after DATA."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        # The sortable name keeps the order of arrival for whoever lists the folder.
        name = f"{time.time_ns():020d}-{next(self._numbers):04d}.eml"
        delivered = "".join(f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
        head = f"Return-Path: <{envelope.mail_from or ''}>\r\n{delivered}"
        try:
            scratch = self.folder / f".{name}.new"
            scratch.write_bytes(head.encode("utf-8", "surrogateescape") + (envelope.original_content or b""))
            scratch.rename(self.folder / name)
        except OSError as error:
            return f"452 4.3.1 not kept: {error.strerror}"
        return f"250 2.0.0 kept as {name}"


async def serve(host: str, port: int, folder: Path) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    sink = Sink(folder)

    def session() -> Any:
        return SMTP(sink, data_size_limit=LARGEST, enable_SMTPUTF8=True, ident="WEA mail sink")

    server = await loop.create_server(session, host, port)
    async with server:
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m wea.sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.host, given.port, given.folder))


if __name__ == "__main__":
    main()
