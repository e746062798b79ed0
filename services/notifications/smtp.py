"""The mail server: pooled connections, and what each answer means for one message."""

import asyncio
import ssl
import time
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTP

from services.notifications.mail import Envelope

QUIT_SECONDS = 1.0
IDLE_SECONDS = 20.0  # a server may close a connection that says nothing for longer


class Fate(StrEnum):
    """What became of one message."""

    TAKEN = "taken"
    PUT_OFF = "put_off"  # 4xx, or nothing was handed over: try again later
    REFUSED_ADDRESS = "refused_address"  # 5xx to RCPT: nothing for this address, now or later
    REFUSED_CONTENT = "refused_content"  # 5xx to the message
    UNUSABLE_ADDRESS = "unusable_address"  # the server cannot take such an address
    UNKNOWN = "unknown"  # the connection was lost after DATA: it may be there or not


@dataclass(frozen=True, slots=True)
class Answer:
    """`code` is the server's, 0 where it gave none. `server_away`: it is no use to try others now.

    `about_message`: the server has seen whom it is for, so a refusal is of this message, not of us.
    """

    fate: Fate
    code: int = 0
    server_away: bool = False
    about_message: bool = True


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes, and how."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = ""
    timeout: float = 60.0
    connections: int = 8


class Pool:
    """At most `connections` at once; idle ones are kept for a while."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: deque[tuple[SMTP, float]] = deque()
        self._slots = asyncio.Semaphore(server.connections)

    async def __aenter__(self) -> "Pool":
        return self

    async def __aexit__(self, *__: type[BaseException] | BaseException | TracebackType | None) -> None:
        while self._free:
            connection = self._free.pop()[0]
            try:
                await connection.quit(timeout=QUIT_SECONDS)
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                _close(connection)

    async def send(self, envelope: Envelope) -> Answer:
        """Hand one message over. Never raises what a mail server can cause."""
        async with self._slots:
            try:
                connection = await self._connection()
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                return Answer(Fate.PUT_OFF, getattr(error, "code", 0), server_away=True, about_message=False)
            try:
                answer = await _hand_over(connection, envelope)
            except BaseException:
                _close(connection)
                raise
            await self._give_back(connection, answer)
            return answer

    async def _connection(self) -> SMTP:
        while self._free:
            connection, since = self._free.pop()
            if connection.is_connected and time.monotonic() - since < IDLE_SECONDS:
                return connection
            _close(connection)
        server = self._server
        connection = SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.timeout,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            username=server.user or None,
            password=server.password or None,
            tls_context=ssl.create_default_context() if server.tls != "none" else None,
            local_hostname="localhost" if server.host in ("127.0.0.1", "localhost", "::1") else None,
        )
        try:
            await connection.connect()
            if connection.is_ehlo_or_helo_needed:  # so that we know what it can, before the first message
                await connection.ehlo()
        except BaseException:
            _close(connection)
            raise
        return connection

    async def _give_back(self, connection: SMTP, answer: Answer) -> None:
        if answer.server_away or answer.fate is Fate.UNKNOWN or answer.code == 421 or not connection.is_connected:
            _close(connection)
            return
        if answer.fate is not Fate.TAKEN:
            try:
                await connection.rset()
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                _close(connection)
                return
        self._free.append((connection, time.monotonic()))


async def _hand_over(connection: SMTP, envelope: Envelope) -> Answer:
    """MAIL, RCPT, DATA. What is lost before DATA was never there; afterwards nobody knows."""
    if envelope.needs_utf8 and not connection.supports_extension("smtputf8"):
        return Answer(Fate.UNUSABLE_ADDRESS)
    options, encoding = (["SMTPUTF8"], "utf-8") if envelope.needs_utf8 else ([], "ascii")
    try:
        await connection.mail(envelope.sender, options=options, encoding=encoding)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        # Whatever is wrong with our own address or login is not the educator's fault: try again later.
        return Answer(Fate.PUT_OFF, getattr(error, "code", 0), server_away=True, about_message=False)
    try:
        await connection.rcpt(envelope.recipient, encoding=encoding)
    except aiosmtplib.SMTPRecipientRefused as error:
        return Answer(Fate.REFUSED_ADDRESS if error.code >= 500 else Fate.PUT_OFF, error.code, error.code == 421)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Answer(Fate.PUT_OFF, getattr(error, "code", 0), server_away=True)
    try:
        await connection.data(envelope.content)
    except aiosmtplib.SMTPDataError as error:
        return Answer(Fate.REFUSED_CONTENT if error.code >= 500 else Fate.PUT_OFF, error.code, error.code == 421)
    except aiosmtplib.SMTPResponseException as error:
        # The server's last word before it closed: it did not take the message.
        return Answer(Fate.PUT_OFF if error.code < 500 else Fate.REFUSED_CONTENT, error.code, server_away=True)
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        return Answer(Fate.UNKNOWN)
    return Answer(Fate.TAKEN, 250)


def _close(connection: SMTP) -> None:
    connection.close()
