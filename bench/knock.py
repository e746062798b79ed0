"""Sends signed webhooks over kept-alive connections as fast as they are answered, and says how that went.

    python -m bench.knock '{"port": 1, "connections": 64, "seconds": 5}'

Plain asyncio on sockets: a client library would take longer for a request than the servers do.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque

import orjson
import uvloop

from bench.doors import SECRET
from services.enrollment.nea import Signatures, sign

HEADERS = (
    "POST /webhooks/nea HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
    "webhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: v1,{signature}\r\n\r\n"
)


def webhooks(count: int, salt: str) -> deque[bytes]:
    """Requests ready to be sent, each with an id of its own."""
    (secret,) = Signatures([SECRET])._secrets
    at = int(time.time())
    made: deque[bytes] = deque()
    for number in range(count):
        id = f"bench-{salt}-{number}"
        learner = {"nea_member_id": f"N-{number % 1000}", "email": f"educator{number % 1000}@example.org"}
        data = {
            "learner": learner, "micro_credential_id": "NEA_TRA1", "submission_id": f"S-{number}", "attempt": 1,
            "submitted_at": "2024-04-20T18:03:10Z",
        }  # fmt: skip
        body = orjson.dumps({"type": "micro_credential.submitted", "timestamp": "2024-04-20T18:03:11Z", "data": data})
        signature = sign(secret, b".".join((id.encode(), str(at).encode(), body))).decode()
        made.append(HEADERS.format(length=len(body), id=id, at=at, signature=signature).encode() + body)
    return made


class Connection(asyncio.Protocol):
    """One request after the other; a response is whole when its head has come and as much body as it says."""

    def __init__(self, requests: deque[bytes], until: float, took: list[float], answers: Counter[str]) -> None:
        self._requests, self._until, self._took, self._answers = requests, until, took, answers
        self.over = asyncio.get_running_loop().create_future()
        self._had = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        self._had += data
        head, end, body = self._had.partition(b"\r\n\r\n")
        if not end:
            return
        at = head.lower().find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self._took.append(time.perf_counter() - self._sent)
        self._answers[head[9:12].decode()] += 1
        self._had = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def _next(self) -> None:
        self._sent = time.perf_counter()
        if self._sent > self._until or not self._requests:
            self._transport.close()
        else:
            self._transport.write(self._requests.popleft())


async def knock(port: int, connections: int, seconds: float, count: int, salt: str) -> dict[str, object]:
    requests = webhooks(count, salt)
    took: list[float] = []
    answers: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: Connection(requests, began + seconds, took, answers), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.over for _, connection in opened))
    lasted = time.perf_counter() - began
    return {"per_second": round(len(took) / lasted, 1), "answers": dict(answers), **quantiles(took)}


def quantiles(took: list[float]) -> dict[str, float]:
    """p50, p99, p99.9 in milliseconds."""
    ordered = sorted(took)
    last = len(ordered) - 1
    return {
        name: round(1000 * ordered[round(last * q)], 1) for name, q in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(knock(**json.loads(sys.argv[1])))))
