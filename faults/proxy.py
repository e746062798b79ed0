"""A TCP proxy that stands between the services and a server, and cuts where it hurts.

`python -m faults.proxy LISTEN TARGET FOLDER`. A file in the folder is an order, taken away when it is carried out:

    commit-lost    MongoDB: a commit is handed on, its answer is not
    commit-cut     MongoDB: a commit never arrives
    commit-held    MongoDB: a commit arrives when the file commit-held-now, put there meanwhile, is taken away
    produce-lost   Kafka: a produce request is handed on, its answer is not
    produce-cut    Kafka: half a produce request arrives
    cut            every connection ends, now
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

COMMIT = b"commitTransaction"
HELD_AT_MOST = 5.0
Look = Callable[[bytes], Awaitable[bytes]]
PRODUCE = b"\x00\x00"  # Kafka's api key, after the length


class Proxy:
    def __init__(self, port: int, target: int, folder: Path) -> None:
        self.port, self.target, self.folder = port, target, folder
        self.pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()

    async def serve(self) -> None:
        server = await asyncio.start_server(self.accept, "127.0.0.1", self.port, limit=1 << 20, backlog=512)
        async with server:
            while True:
                await asyncio.sleep(0.05)
                if self.ordered("cut"):
                    for pair in list(self.pairs):
                        end(*pair)

    def ordered(self, what: str) -> bool:
        try:
            (self.folder / what).unlink()
        except FileNotFoundError:
            return False
        return True

    async def held(self, file: str) -> None:
        """Wait until the file is gone again, not for ever."""
        (self.folder / file).touch()
        deadline = time.monotonic() + HELD_AT_MOST
        while (self.folder / file).exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=1 << 20)
        except OSError:
            writer.close()
            return
        pair = (writer, far_writer)
        self.pairs.add(pair)
        link = Link(self)
        try:
            await asyncio.gather(pipe(reader, far_writer, link.there), pipe(far_reader, writer, link.back))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.pairs.discard(pair)
            end(*pair)


class Link:
    """One connection: what goes there, and whether the answer comes back."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy, self.deaf = proxy, False

    async def there(self, chunk: bytes) -> bytes:
        if COMMIT in chunk:
            if self.proxy.ordered("commit-held"):
                await self.proxy.held("commit-held-now")
            if self.proxy.ordered("commit-cut"):
                raise ConnectionAbortedError
            self.deaf |= self.proxy.ordered("commit-lost")
        elif chunk[4:6] == PRODUCE and len(chunk) > 200:
            if self.proxy.ordered("produce-cut"):
                self.deaf = True
                return chunk[: len(chunk) // 2]
            self.deaf |= self.proxy.ordered("produce-lost")  # the answer may come after the next request
        return chunk

    async def back(self, chunk: bytes) -> bytes:
        if self.deaf:
            raise ConnectionAbortedError
        return chunk


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Look) -> None:
    while chunk := await reader.read(1 << 18):
        seen = await look(chunk)
        writer.write(seen)
        await writer.drain()
        if len(seen) < len(chunk):
            raise ConnectionAbortedError
    raise ConnectionAbortedError  # one side has ended: so does the other


def end(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        if writer.transport is not None:
            writer.transport.abort()


if __name__ == "__main__":
    import uvloop

    uvloop.run(Proxy(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])).serve())
