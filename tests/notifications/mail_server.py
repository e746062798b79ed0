"""A mail server that answers as a test tells it to: the one part of the world that is not real here."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum


class How(StrEnum):
    """What the server does with one message to an address."""

    TAKES = "250"
    SAYS_421 = "421 at RCPT, and closes"
    SAYS_450 = "450 at RCPT"
    SAYS_550 = "550 at RCPT"
    SAYS_451_LATER = "451 after the message"
    SAYS_554_LATER = "554 after the message"
    DROPS = "takes the message and drops the connection without a word"
    IS_LATE = "takes the message and answers after `late_seconds`"


@dataclass(frozen=True)
class Delivered:
    """A message that the server has, whatever it answered."""

    to: str
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        read = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read


@dataclass
class MailServer:
    port: int = 0
    delivered: list[Delivered] = field(default_factory=list)
    plan: dict[str, deque[How]] = field(default_factory=lambda: defaultdict(deque))
    late_seconds: float = 2.0
    asked: list[str] = field(default_factory=list)

    def will(self, address: str, *how: How) -> None:
        """Answer so, one after the other, to the next messages for this address; then take everything."""
        self.plan[address].extend(how)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")

        say("220 test")
        to = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                say("250-test\r\n250-SMTPUTF8\r\n250 8BITMIME")
            elif verb == b"RCPT":
                to = line.decode().split("<", 1)[1].rsplit(">", 1)[0]
                self.asked.append(to)
                how = self.plan[to][0] if self.plan[to] else How.TAKES
                if how in (How.SAYS_421, How.SAYS_450, How.SAYS_550):
                    self.plan[to].popleft()
                    say(f"{how[:3]} 4.0.0 as told")
                    if how is How.SAYS_421:
                        return
                else:
                    say("250 fine")
            elif verb == b"DATA":
                say("354 go on")
                if not await self._message(reader, say, to):
                    return
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 fine")

    async def _message(self, reader: asyncio.StreamReader, say: object, to: str) -> bool:
        content = b""
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return False
            content += line[1:] if line.startswith(b".") else line
        how = self.plan[to].popleft() if self.plan[to] else How.TAKES
        if how in (How.SAYS_451_LATER, How.SAYS_554_LATER):
            say(f"{how[:3]} as told")  # type: ignore[operator]
            return True
        self.delivered.append(Delivered(to, content))
        if how is How.DROPS:
            return False
        if how is How.IS_LATE:
            await asyncio.sleep(self.late_seconds)
        say("250 taken")  # type: ignore[operator]
        return True


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
