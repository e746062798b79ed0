"""Whoever is asked for a reason does not wait for ever for it, nor read whatever comes."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from eventing import bodies
from eventing.bodies import MOST_BYTES, Bounded, Message
from eventing.http import KeyFirst, Reasoned, install_problems

API = FastAPI()
API.router.route_class = KeyFirst
install_problems(API)
API.add_middleware(Bounded)


@API.post("/act")
async def act(body: Reasoned) -> dict[str, str]:
    return {"heard": body.reason}


@API.get("/acts")
async def acts() -> list[str]:
    return []


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(API), base_url="http://x")


async def parts(size: int) -> Any:
    for _ in range(size // 1000):
        yield b" " * 1000


async def test_a_body_that_comes_is_heard_as_it_came() -> None:
    async with client() as asking:
        answer = await asking.post("/act", json={"reason": "mended"})
    assert (answer.status_code, answer.json()) == (200, {"heard": "mended"})


async def test_a_reason_that_is_given_twice_is_refused_for_nobody_can_tell_which_is_meant() -> None:
    twice = b'{"reason": "mended", "reason": "a mistake"}'
    async with client() as asking:
        answer = await asking.post("/act", content=twice, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["reason"] for error in answer.json()["errors"]] == ["A key is repeated"]


async def test_whoever_asks_for_the_head_alone_is_answered_as_with_the_rest() -> None:
    """What may be read may be asked for by HEAD (RFC 9110, 9.1); balancers and scanners of links do."""
    async with client() as asking:
        for path, status in (("/acts", 200), ("/nothing", 404), ("/act", 405)):
            asked, read = await asking.head(path), await asking.get(path)
            assert (asked.status_code, asked.headers) == (status, read.headers)


@pytest.mark.parametrize("told", [True, False])
async def test_too_much_is_413_whether_it_is_told_beforehand_or_not(told: bool) -> None:
    async with client() as asking:
        answer = await asking.post("/act", content=b" " * (MOST_BYTES + 1) if told else parts(MOST_BYTES + 2000))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_is_too_slow_is_answered_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    sent: list[Message] = []
    came: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Message:
        if not came:
            await asyncio.Event().wait()
        return came.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    await Bounded(API)({"type": "http", "method": "POST", "path": "/act", "headers": []}, receive, send)
    assert sent[0]["status"] == 408
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
