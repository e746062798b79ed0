"""Requests to enrollment as the portal and NEA make them, each sent at its time."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from standardwebhooks.webhooks import Webhook

from eventing.clock import system_now

ACCEPTED = b"202"
BATCH = 500  # the most that a batch may have


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def webhook(secret: str, sent: Mapping[str, Any]) -> bytes:
    """`sent` is as tests/system/outside.py builds it: `id` and `body`."""
    body, now = orjson.dumps(sent["body"]), system_now()
    headers = {
        "content-type": "application/json", "webhook-id": sent["id"], "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(sent["id"], now, body.decode()),
    }  # fmt: skip
    return request("/webhooks/nea", headers, body)


def portal_event(key: str, event: Mapping[str, Any]) -> bytes:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/cloudevents+json"}
    return request("/portal/events", headers, orjson.dumps(event))


def batches(key: str, events: Sequence[Mapping[str, Any]]) -> Iterable[bytes]:
    """Portal events, as many in a request as may be."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/cloudevents-batch+json"}
    for first in range(0, len(events), BATCH):
        yield request("/portal/events", headers, orjson.dumps(events[first : first + BATCH]))


async def send(port: int, requests: Sequence[bytes], per_second: float, connections: int = 16) -> list[float]:
    """Send each at its time, however long others take; returns when each was due, seconds since 1970.

    What is due while all connections are busy goes out late and counts from when it was due: a slow system gets no
    pause for its slowness.
    """
    began = time.time() + 0.1
    due = [began + number / per_second for number in range(len(requests))]
    left = iter(zip(due, requests, strict=True))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for at, content in left:
            await asyncio.sleep(max(0.0, at - time.time()))
            writer.write(content)
            status = await _answered(reader)
            if status != ACCEPTED:
                raise RuntimeError(f"answered {status!r}")
        writer.close()

    await asyncio.gather(*(one() for _ in range(min(connections, len(requests)))))
    return due


async def _answered(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, after = head.partition(b"content-length: ")
    if found:
        await reader.readexactly(int(after.split(b"\r\n", 1)[0]))
    return head[9:12]
