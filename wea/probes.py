"""Does it serve? The questions that the supervisor and `wea status` ask."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from wea.servers.ports import LOOPBACK


def answers_ready_now(url: str) -> bool:
    """Does the service at `url` answer /health/ready with 200?"""
    # Not httpx: importing it takes as long as the service's start.
    connection = HTTPConnection(urlsplit(url).netloc, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


async def answers_ready(url: str) -> bool:
    """The same, for whoever waits for several."""
    return await asyncio.to_thread(answers_ready_now, url)


async def greets(port: int) -> bool:
    """Does an SMTP server say 220 there?"""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            with closing(writer):
                greeting = await reader.readline()
    except (OSError, TimeoutError):
        return False
    return greeting.startswith(b"220")


async def health(urls: Mapping[str, str]) -> dict[str, str]:
    """Service to `ready` or `not ready`."""
    answers = await asyncio.gather(*(answers_ready(url) for url in urls.values()))
    return {name: "ready" if ready else "not ready" for name, ready in zip(urls, answers, strict=True)}


if __name__ == "__main__":  # the health check of a container: `python -m wea.probes URL`
    sys.exit(0 if answers_ready_now(sys.argv[1]) else 1)
