"""The relay: publishes what units of work have written, in order per key, until Kafka has acknowledged it.

It may repeat itself: a row goes only after its acknowledgement, so what a crash leaves is published again, and readers
drop it by its sequence. Lanes are leased, so that replicas share the work; it wakes on each commit of rows by this
process and looks by itself as well, for rows that another process wrote. Removing what is published goes on beside
publishing: nobody waits for it.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from eventing import metrics, outbox
from eventing.clients import started
from eventing.envelope import STRUCTURED_HEADERS
from eventing.kafka import KafkaSettings, producer
from eventing.leases import Shares
from eventing.mongo import Database, faults
from eventing.points import reached
from eventing.removal import Removal
from eventing.shielded import shielded
from eventing.transient import TransientError, pause

log = structlog.get_logger(__name__)

MOST_ROWS = 1000
MOST_PASSED_OVER = 10_000  # keys
POLL_SECONDS = 0.1  # where other processes write rows of our lanes
ALONE_SECONDS = 1.0  # where every row is of a commit that wakes us; only what a predecessor left is found by looking
STOP_SECONDS = 5.0


class Relay:
    """Publishes the rows of one source, as long as it runs."""

    def __init__(self, kafka: KafkaSettings, database: Database, source: outbox.Source | None = None) -> None:
        self.source: outbox.Source = source or outbox.Outbox()
        self._kafka, self._database = kafka, database
        self._shares = Shares(database, f"relay/{self.source.collection}", outbox.LANES, kafka.instance)
        self._wake = database.woken_by(self.source.collection)
        self._producer: AIOKafkaProducer | None = None
        self._attempt = 0
        self._life = ""  # in which the rows in hand were read
        self._passed_over: set[str] = set()  # keys that failed, until all others have had their turn
        self._removal = Removal(database, self.source, MOST_ROWS)

    def wake(self) -> None:
        """Look now: rows were written outside a transaction of this process's."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled; on the way out give the lanes back."""
        beside = [asyncio.create_task(self._shares.keep()), asyncio.create_task(self._removal.run())]
        try:
            while True:
                await self._turn()
        finally:
            await self._close()  # what is on its way lands before another may have our lanes
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await self._removal.last()
            await self._shares.release()

    async def _turn(self) -> None:
        self._wake.clear()
        try:
            rows = await self._rows()
            well = not rows or await self._publish(rows)
            if len(rows) < MOST_ROWS or len(self._passed_over) > MOST_PASSED_OVER:
                self._passed_over.clear()
            if well:
                self._attempt = 0
                if len(rows) < MOST_ROWS:
                    await self._rest()
                return
        except (TransientError, KafkaError, OSError) as error:
            log.warning("relay_waits", source=self.source.collection, error=type(error).__name__)
        self._attempt += 1
        metrics.RELAY_FAILURES.labels(self.source.collection).inc()
        await self._close()  # a dead sender never recovers (OutOfOrderSequence): take a new one
        await asyncio.sleep(pause(self._attempt))

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ALONE_SECONDS if self._shares.alone and self._shares.mine else POLL_SECONDS):
                await self._wake.wait()

    async def _rows(self) -> list[dict[str, Any]]:
        """The next rows of our lanes that are not published."""
        await self._shares.give_back()  # nothing of ours is on its way now
        self._life, lanes = self._shares.life, self._shares.mine
        if not lanes:
            return []
        most = MOST_ROWS + await self._removal.seen_yet()
        with faults():
            # There may be more rows that cannot be published than one query reads; it would never find another row.
            others = {"key": {"$nin": list(self._passed_over)}} if self._passed_over else {}
            found = self._database[self.source.collection].find({"lane": {"$in": sorted(lanes)}} | others)
            rows = await found.sort(list(self.source.order)).limit(most).to_list(None)
        return [row for row in rows if row["_id"] not in self._removal][:MOST_ROWS]

    async def _publish(self, rows: list[dict[str, Any]]) -> bool:
        """Publish rows, key by key in order; a key that fails stops. Returns whether none did."""
        sender = await self._sender()
        reached("relay.read")
        by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_key[row["key"]].append(row)
        sent = await asyncio.gather(*(self._send(sender, key_rows) for key_rows in by_key.values()))
        self._passed_over.update(key for key, (_, well) in zip(by_key, sent, strict=True) if not well)
        if done := [row for key_rows, _ in sent for row in key_rows]:
            reached("relay.published")
            self._removal.add(done)
            metrics.RELAYED.labels(self.source.collection).inc(len(done))
        return all(well for _, well in sent)

    async def _send(self, sender: AIOKafkaProducer, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """One key's rows, each acknowledged before the next is sent. Returns those that were, and if none failed."""
        done: list[dict[str, Any]] = []
        for row in rows:
            if row["lane"] not in self._shares.mine or self._shares.life != self._life:
                # Another relay may be publishing this lane, or was meanwhile. Ours could now come after a later row of
                # the same key, and on a compacted topic it would be the one that stays.
                log.info("lane_lost", lane=row["lane"], left=len(rows) - len(done))
                break
            headers = [(name, bytes(value)) for name, value in row.get("headers", ())] or list(STRUCTURED_HEADERS)
            try:
                await sender.send_and_wait(
                    self._kafka.physical(row["topic"]), row["value"], key=row["key"].encode(), headers=headers
                )
            except (KafkaError, OSError) as error:
                log.warning("not_published", event_id=row["_id"], error=type(error).__name__)
                return done, False
            reached("relay.sent")
            done.append(row)
        return done, True

    async def _sender(self) -> AIOKafkaProducer:
        if self._producer is None:
            fresh = producer(self._kafka)
            self._producer = await started(fresh, fresh.stop)
        return self._producer

    async def _close(self) -> None:
        dead, self._producer = self._producer, None
        if dead is not None:
            try:
                await shielded(dead.stop(), seconds=STOP_SECONDS)
            except (KafkaError, OSError, TimeoutError) as error:
                log.info("producer_dropped", error=type(error).__name__)
