"""The mail sink keeps each message as it came, whole."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_SECONDS
from wea.probes import greets
from wea.servers.ports import free_port
from wea.sink import serve


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[int]:
    port = free_port()
    task = asyncio.create_task(serve("127.0.0.1", port, tmp_path))
    while not await greets(port):
        await asyncio.sleep(0.01)
    yield port
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def send(port: int, subject: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "wea@example.org", "rosa@example.org", subject
    message.set_content("Your hours were granted: 1.5 ✓\n.a line with a dot\n")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(message)


async def test_each_message_is_one_eml_file_in_order_of_arrival(sink: int, tmp_path: Path) -> None:
    for subject in ("first", "second"):
        await asyncio.to_thread(send, sink, subject)

    kept = [message_from_bytes(file.read_bytes()) for file in sorted(tmp_path.glob("*.eml"))]
    assert [message["Subject"] for message in kept] == ["first", "second"]
    assert kept[0]["Delivered-To"] == "rosa@example.org"
    body = kept[0].get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().splitlines() == ["Your hours were granted: 1.5 ✓", ".a line with a dot"]


async def test_a_message_that_cannot_be_kept_is_not_accepted(sink: int, tmp_path: Path) -> None:
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await asyncio.to_thread(send, sink, "lost")
    assert refused.value.smtp_code == 452


async def test_a_server_that_does_not_greet_is_left_again() -> None:
    left = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        assert not await greets(server.sockets[0].getsockname()[1])
        await asyncio.wait_for(left.wait(), PATIENCE_SECONDS)
