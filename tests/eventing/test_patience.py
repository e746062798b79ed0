"""Slow clients hold no connection for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from typing import Any

import pytest
import uvicorn

from eventing import patience
from eventing.patience import BODY_IS_HERE, PatientProtocol


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if other := {"/body": told, "/echo": echo, "/key": asked}.get(scope["path"]):
        await other(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


async def told(scope: Any, receive: Any, send: Any) -> None:
    """Whether the body was said to be here when the application began."""
    said = b"here" if scope.get("extensions") is BODY_IS_HERE else b"away"
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": said})


async def echo(_: Any, receive: Any, send: Any) -> None:
    said, more = b"", True
    while more:
        message = await receive()
        said, more = said + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


async def asked(scope: Any, receive: Any, send: Any) -> None:
    """Which key the application finds in the headers, once all of the request is there."""
    while (await receive())["more_body"]:
        pass
    said = dict(scope["headers"]).get(b"authorization", b"none")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(patience, "HEADER_SECONDS", 0.3)
    server = uvicorn.Server(uvicorn.Config(hello, port=0, http=PatientProtocol, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def talk(port: int, *parts: bytes) -> bytes:
    """Send these parts; read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_half_a_request_is_answered_408_and_closed(port: int) -> None:
    answer = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("head", [b"FOO / HTTP/1.1", b"GET / HTTP/1.1\r\nContent-Length: -1"])
async def test_what_is_no_http_is_answered_400_as_a_problem(port: int, head: bytes) -> None:
    answer = await talk(port, head + b"\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


HEADERS = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"POST /key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
LINES = [b"X-Many: " + b"y" * 8000 + b"\r\n"] * 4000  # 32 MB
ONE_LINE = [b"X-Long: ", *[b"y" * 8000] * 4000]


async def pushed(port: int, *parts: bytes) -> tuple[int, bytes]:
    """Send until the server has had enough, and close. Returns how much went out, and what was answered meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent, answer = 0, b""
    with suppress(ConnectionError, TimeoutError), closing(writer):
        for part in parts:
            writer.write(part)
            await asyncio.wait_for(writer.drain(), 5)
            sent += len(part)
        answer = await asyncio.wait_for(reader.read(65_536), 5)
    return sent, answer


@pytest.mark.parametrize("endless", [LINES, ONE_LINE], ids=["many lines", "one line"])
@pytest.mark.parametrize(
    "head", [HEADERS, CHUNKED, CHUNKED.replace(b"/key", b"/")], ids=["headers", "trailers", "late"]
)
async def test_headers_without_end_are_cut_off(port: int, head: bytes, endless: list[bytes]) -> None:
    sent, _ = await pushed(port, head, *endless)
    assert sent < 12_000_000, "the rest is not even taken in"


async def test_blank_lines_without_end_are_cut_off(port: int, caplog: pytest.LogCaptureFixture) -> None:
    sent, _ = await pushed(port, *[b"\r\n" * 4000] * 4000)
    assert sent < 12_000_000
    assert not caplog.records, "asyncio would say that our protocol failed"


async def test_too_many_headers_are_answered_413_as_a_problem(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADER_SECONDS", 10.0)
    monkeypatch.setattr(patience, "MOST_BYTES", 1000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with closing(writer):
        writer.write(HEADERS)
        for _ in range(100):  # each when the one before was read, so that nothing unread is left to reset the answer
            writer.write(b"X-Many: " + b"y" * 100 + b"\r\n")
            with suppress(TimeoutError):
                answer = await asyncio.wait_for(reader.read(), 0.02)
                break
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


async def test_trailers_are_no_headers(port: int) -> None:
    _, answer = await pushed(port, CHUNKED + b"Authorization: mine\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"none")


@pytest.mark.parametrize("offer", ["Upgrade: h2c", "upgrade:websocket"])
async def test_an_offer_to_speak_another_protocol_is_passed_over(port: int, offer: str) -> None:
    """As Java's client sends it: first the head, then the body; and the next request on the same connection."""
    head = f"POST /body HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n{offer}\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        for _ in range(2):
            writer.write(head + b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"100 Continue\r\n\r\n"), 5)
            writer.write(b"body")
            assert (await asyncio.wait_for(reader.readuntil(b"away"), 5)).startswith(b"HTTP/1.1 200 ")
        writer.write(head + b"Content-Length: 4\r\n\r\nbody")
        assert (await asyncio.wait_for(reader.readuntil(b"here"), 5)).startswith(b"HTTP/1.1 200 ")


async def test_a_body_may_say_upgrade(port: int) -> None:
    said = b"a\r\nUpgrade: h2c\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (2 * len(said)))
        writer.write(b"Expect: 100-continue\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"100 Continue\r\n\r\n"), 5)
        writer.write(said)
        writer.write(said)
        assert await asyncio.wait_for(reader.readuntil(said + said), 5)


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        (b"Content-Length: 1\r\nUpgrade: h2c", b"0\r\n\r\n0"),
        (b"Content-Length: 19\r\n\r", b"\nmy\r\nUpgrade: h2c\r\n!"),
    ],
    ids=["in the offer", "before the body"],
)
async def test_a_head_that_comes_in_pieces_says_the_same(port: int, head: bytes, rest: bytes) -> None:
    """Or what is in front of us and we would not agree on where the body ends, and the next request begins."""
    said = b"0" if b"h2c" in head else rest[1:]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"hi"), 5)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + head)
        await asyncio.sleep(0.1)
        writer.write(rest)
        assert await asyncio.wait_for(reader.readuntil(b"content-length: %d\r\n\r\n" % len(said)), 5)
        assert await asyncio.wait_for(reader.readexactly(len(said)), 5) == said


async def test_a_connection_on_which_nothing_comes_is_closed(port: int) -> None:
    assert await talk(port) == b""


async def test_a_second_request_on_a_connection_has_its_own_time(port: int) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await talk(port, whole, b"GET / HTTP/1.1\r\nHost")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_a_request_in_time_is_left_alone(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEADER_SECONDS", 2.0)  # long enough for a machine that is busy
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(2.2)  # the time that it had is over, and it was in time
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 ")


async def test_the_body_is_said_to_be_here_only_when_all_of_it_is(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    writer.write(head + b"\r\nab")
    assert (await asyncio.wait_for(reader.readuntil(b"here"), 5)).startswith(b"HTTP/1.1 200 ")
    writer.write(head + b"Expect: 100-continue\r\n\r\na")
    await asyncio.wait_for(reader.readuntil(b"100 Continue\r\n\r\n"), 5)  # the application has begun
    writer.write(b"b")
    assert (await asyncio.wait_for(reader.readuntil(b"away"), 5)).startswith(b"HTTP/1.1 200 ")
    writer.close()
