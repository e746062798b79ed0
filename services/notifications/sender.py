"""Sends what is queued: hold some, write them down as being sent, hand them over, record what became of them.

`sending` is recorded before the mail server hears of a message, and what became of it after: a process that dies in
between leaves an unknown outcome, and only then. Many senders share the queue. While some are handed over, the next are
being written: MongoDB, the mail server and this process are busy at the same time.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from eventing.clock import Clock, system_now
from eventing.mongo import Database, UpdateOne, faults
from eventing.points import reached
from eventing.shielded import shielded
from eventing.transient import RefusedError, TransientError, pause
from services.notifications import holding, links, metrics, settling
from services.notifications.decisions import Known
from services.notifications.rates import Rates
from services.notifications.reasons import Drop, Failure
from services.notifications.settling import Settled
from services.notifications.shifts import OverError, Shift
from services.notifications.smtp import Answer, Pool, Server
from services.notifications.state import Status
from services.notifications.writing import Later, Ready, Writer

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
LOOK_FOR_DEAD_SECONDS = 1.0
STOPS_WITHIN_SECONDS = 8.0
MANY = 6  # tries, after which a pause is a second or so

Wave = Sequence[tuple[dict[str, Any], Ready]]


@dataclass(frozen=True, slots=True)
class Options:
    """How a sender behaves; system time throughout."""

    instance: str | None = None
    domain_rate: float = 300.0
    retry_seconds: float = 20.0


@dataclass(slots=True)
class Turn:
    """Messages that we hold: what is ready to go, and what is not to."""

    ready: list[tuple[dict[str, Any], Ready]] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)


class Sender:
    """One process's sender. `run` until cancelled."""

    def __init__(self, database: Database, server: Server, writer: Writer, clock: Clock, options: Options) -> None:
        self._database, self._server, self._writer = database, server, writer
        self._clock, self._options = clock, options
        self._rates = Rates(options.domain_rate)
        self._wake = database.woken_by("messages")
        clock.on_change(self._wake.set)
        self._away = 0  # tries in a row that found no mail server
        self._faults = 0  # of MongoDB, in a row

    async def run(self) -> None:
        """Shift after shift. One ends when another process believed us dead, and when MongoDB is away for long."""
        async with Pool(self._server) as pool:
            while True:
                try:
                    await self._shift(pool)
                except* OverError:
                    log.warning("shift_over")
                except* (TransientError, RefusedError) as fault:
                    # What we held is free with the shift's end; what was being sent is resolved in the next.
                    log.warning("shift_over", error=str(fault.exceptions[0]))
                await asyncio.sleep(pause(MANY))

    async def _shift(self, pool: Pool) -> None:
        shift = await Shift.begin(self._database, self._options.instance)
        prepared: asyncio.Queue[Turn] = asyncio.Queue(maxsize=1)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(shift.keep())
                tasks.create_task(self._look_for_dead(shift))
                tasks.create_task(self._prepare_for_ever(shift, prepared))
                tasks.create_task(self._send_for_ever(shift, prepared, pool))
        finally:
            await asyncio.shield(_ended(shift))

    async def _look_for_dead(self, shift: Shift) -> None:
        while True:
            try:
                await shift.take_over(lambda lost: settling.resolve_lost(self._database, lost, self._clock()))
            except (TransientError, RefusedError) as error:
                log.warning("take_over_waits", error=str(error))
            await asyncio.sleep(LOOK_FOR_DEAD_SECONDS)

    async def _prepare_for_ever(self, shift: Shift, prepared: asyncio.Queue[Turn]) -> None:
        while True:
            self._wake.clear()
            try:
                turn = await self._prepare(shift)
                self._faults = 0
            except (TransientError, RefusedError) as error:
                turn = None
                await self._wait_after(error)
            if turn is not None:
                await prepared.put(turn)
            else:
                await self._rest()

    async def _wait_after(self, error: TransientError | RefusedError) -> None:
        self._faults += 1
        log.warning("sender_waits", error=str(error))
        await asyncio.sleep(pause(self._faults))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _prepare(self, shift: Shift) -> Turn | None:
        """Hold some messages and write them, or find why not. None: there are none, or all mail is stopped."""
        held = await holding.hold(shift, self._clock())
        if not held:
            return None
        known, suppressed = await holding.read(shift, held, self._writer.linker)
        turn = Turn()
        for document in held:
            outcome = self._write(document, known, suppressed)
            if isinstance(outcome, Ready):
                turn.ready.append((document, outcome))
            else:
                turn.settled.append(outcome)
            await asyncio.sleep(0)  # writing keeps the loop busy: let other tasks run in between
        return turn

    def _write(self, document: dict[str, Any], known: Known, suppressed: frozenset[str]) -> Ready | Settled:
        try:
            outcome = self._writer.write(document, known, suppressed, self._clock())
        except Exception:
            # A fault in our code or a template: this message fails, all others go out.
            log.exception("message_not_written", message_id=document["_id"], kind=document["kind"])
            outcome = Failure.CANNOT_BE_WRITTEN
        match outcome:
            case Ready():
                wait = self._rates.wait(outcome.envelope.domain, time.monotonic())
                if wait == 0:
                    return outcome
                return Settled(document, Status.QUEUED, try_at=system_now() + timedelta(seconds=wait))
            case Later(due_at):
                return Settled(document, Status.QUEUED, due_at=due_at)
            case Drop():
                return Settled(document, Status.DROPPED, outcome)
            case Failure():
                return Settled(document, Status.FAILED, outcome)

    async def _send_for_ever(self, shift: Shift, prepared: asyncio.Queue[Turn], pool: Pool) -> None:
        # Two for each connection. With more, more outcomes would be unknown if we died; with fewer, the transactions
        # would cost more than the sending.
        most = 2 * self._server.connections
        while True:
            turn = await prepared.get()
            if turn.settled:
                await settling.settle(shift, turn.settled, self._clock())
            ready = turn.ready
            while ready:
                # A server that was away is asked with one: each try writes a message and its link anew.
                many = 1 if self._away else most
                wave, ready = ready[:many], ready[many:]
                # Whoever stops us waits for what is being handed over: cut off, its outcome would be unknown.
                await shielded(self._send_wave(shift, pool, wave), cancelled_seconds=STOPS_WITHIN_SECONDS)
                if ready and self._away:
                    await holding.give_back(shift, [document["_id"] for document, _ in ready])
                    break  # they are written anew, as things stand then

    async def _send_wave(self, shift: Shift, pool: Pool, wave: Wave) -> None:
        """Write these down as being sent, hand them over, record what became of them."""
        sending = await self._write_down(shift, wave)
        if not sending:
            return
        reached("mail.recorded")
        began = time.monotonic()
        answers = await asyncio.gather(*(_handed_over(pool, ready) for _, ready in sending))
        metrics.HANDED_OVER.observe(time.monotonic() - began)
        settled = [
            settling.after(
                document, answer, self._options.retry_seconds, system_now(), self._writer.linker.digest(ready.to)
            )
            for (document, ready), answer in zip(sending, answers, strict=True)
        ]
        await settling.settle(shift, settled, self._clock())
        await self._pause_where_away(answers)

    async def _write_down(self, shift: Shift, wave: Wave) -> Wave:
        """Record `sending`, and answer what may be handed over: nothing once all mail is stopped."""
        ids = [document["_id"] for document, _ in wave]
        try:
            async with holding.or_given_back(shift, ids):
                if not await holding.stopped(self._database):
                    return await self._record_sending(shift, wave)
                await holding.give_back(shift, ids)
        except (TransientError, RefusedError) as error:
            await self._wait_after(error)
        return []

    async def _record_sending(self, shift: Shift, wave: Wave) -> Wave:
        """Record `sending`, the words and the link. What an erasure took from us meanwhile is left out."""
        now = self._clock()
        messages = [
            UpdateOne(
                {"_id": document["_id"], "owner": shift.id, "status": Status.QUEUED.value}, _sending(document, ready)
            )
            for document, ready in wave
        ]
        tokens = [links.kept(r.token, r.educator, now) for _, r in wave if r.token and r.educator]
        with faults():
            # Written side by side: nothing is sent before both are there.
            links_kept = self._database["tokens"].bulk_write(tokens, ordered=False) if tokens else asyncio.sleep(0)
            result, _ = await asyncio.gather(self._database["messages"].bulk_write(messages, ordered=False), links_kept)
            if result.matched_count == len(wave):
                return wave
            mine = {"owner": shift.id, "status": Status.SENDING.value, "_id": {"$in": [d["_id"] for d, _ in wave]}}
            ours = {document["_id"] async for document in self._database["messages"].find(mine, {"_id": 1})}
        return [(document, ready) for document, ready in wave if document["_id"] in ours]

    async def _pause_where_away(self, answers: Sequence[Answer]) -> None:
        """A server that is not there, or sends everyone away, is left alone for a little while."""
        if not answers or not all(answer.server_away for answer in answers):
            self._away = 0
            return
        self._away += 1
        log.warning("mail_server_away", code=answers[0].code, tries=self._away)
        await asyncio.sleep(pause(self._away + 3))


async def _handed_over(pool: Pool, ready: Ready) -> Answer:
    answer = await pool.send(ready.envelope)
    reached("mail.handed_over")
    return answer


def _sending(document: dict[str, Any], ready: Ready) -> dict[str, Any]:
    to = ready.educator.id if ready.educator else document["educator_id"]
    words = {"subject": ready.rendered.subject, "text": ready.rendered.text, "html": ready.rendered.html}
    about = {"to": ready.to, "calendar": ready.calendar, "message_id": ready.envelope.id, "sending_at": system_now()}
    # After a merge it may go to another account than its own: an erasure of that one must find the address here too.
    about["addressee"] = None if to == document["educator_id"] else to
    return {"$set": {"status": Status.SENDING.value, **words, **about}, "$inc": {"tries": 1}}


async def _ended(shift: Shift) -> None:
    try:
        await shift.end()
    except (TransientError, RefusedError):
        log.info("shift_left_to_end", sender=shift.id)
