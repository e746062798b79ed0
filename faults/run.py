"""`make faults`: traffic and misfortunes for some minutes, then judgement. Exit 1 where anything was lost or twice."""

import argparse
import asyncio
import contextlib
import json
import platform
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

from faults.disks import may_mount
from faults.fate import Diary, Fate
from faults.judging import Verdict, judge
from faults.looking import Reader
from faults.misfortunes import ALL, menu
from faults.sending import Sender
from faults.servers import Servers
from faults.stage import ROOT, Stage, new_folder
from faults.story import PORTAL, Fact, crowd, stories
from faults.truth import Programme, truths

RECORDS = ROOT / "docs" / "reliability"
CLAIMS_ASKED = 500
HOURS_ASKED = 300  # educators asked for one by one; the others are read from the year's export
BATCH = 500  # events
REST_SECONDS = 180
GROUP = 10  # educators whose stories are shuffled into each other


@dataclass
class Run:
    """One run: what is asked for, and what came out."""

    seed: int
    seconds: float
    rate: float  # educators a second
    pause: tuple[float, float] = (0.2, 1.2)  # between misfortunes
    only: tuple[str, ...] = ()  # misfortunes, by name; all unless told
    environment: dict[str, str] = field(default_factory=dict)
    servers: int = 1  # of each kind
    small_disks: bool = False
    before: str | None = None  # a commit to roll from
    patience: int = REST_SECONDS  # until all must be at rest
    crowd: int = 100  # educators of a burst
    recovered: list[float] = field(default_factory=list)
    probes_lost: int = 0

    async def play(self, stage: Stage) -> tuple[Sender, Diary, Verdict]:
        rng = Random(self.seed)
        sender, reader = Sender(stage, Random(f"{self.seed}/ways")), Reader(stage)
        fate = Fate(stage, rng, menu(stage))
        self.next, self.crowded, self.sending = 0, 0, set[asyncio.Task[None]]()
        fate.burst = lambda: self._burst(sender)
        try:
            traffic = asyncio.create_task(self._traffic(sender))
            await self._strike(fate, sender, reader)
            traffic.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await traffic
            tell("letting it come to rest")
            for order in [*stage.orders.glob("*"), *stage.folder.glob("*-proxy/*")]:
                order.unlink(missing_ok=True)
            stage.resume_all()
            await asyncio.gather(*self.sending)
            checked = await stage.wea("check", "--wait", str(self.patience), "--json", check=False)
            await mailed(reader)
            verdict = await self._judge(stage, sender, reader)
            verdict.wrong += [f"wea check: {problem}" for problem in problems(checked)]
            return sender, fate.diary, verdict
        finally:
            await sender.close()
            await reader.close()

    async def _traffic(self, sender: Sender) -> None:
        while True:
            began = time.monotonic()
            if len(self.sending) < 60:
                self._tell_of(GROUP, sender)
            await asyncio.sleep(max(0.0, GROUP / self.rate - (time.monotonic() - began)))

    def _tell_of(self, count: int, sender: Sender) -> None:
        told = stories(self.seed, self.next, count)
        self.next += count
        facts = [fact for story in told for fact in story.facts]
        rng = Random(f"{self.seed}/{self.next}/order")
        rng.shuffle(facts)
        self._soon(self._send(sender, facts, rng))

    async def _send(self, sender: Sender, facts: list[Fact], rng: Random) -> None:
        """In small handfuls, some at once and some after a while."""
        while facts:
            size = rng.choice((1, 2, 4, 8, 16, 40))
            await sender.send(facts[:size])
            facts = facts[size:]
            await asyncio.sleep(rng.random() * 0.2)

    def _soon(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    async def _burst(self, sender: Sender) -> None:
        """More than ten times the usual traffic at once: a crowd, in batches as large as the intake takes."""
        told = crowd(self.seed, self.crowded, self.crowd)
        self.crowded += self.crowd
        facts = [fact for story in told for fact in story.facts]
        Random(f"{self.seed}/{self.crowded}/crowd").shuffle(facts)
        for at in range(0, len(facts), BATCH):
            self._soon(sender.batch(facts[at : at + BATCH]))

    async def _strike(self, fate: Fate, sender: Sender, reader: Reader) -> None:
        until, number, asked = time.monotonic() + self.seconds, 0, set[asyncio.Task[None]]()
        await asyncio.sleep(min(3.0, self.seconds / 4))
        while time.monotonic() < until:
            began = time.monotonic()
            name = await fate.strike(fate.rng.choice(self.only) if self.only else None)
            if len(asked) < 3:
                number += 1
                probe = asyncio.create_task(self._recover(f"R{self.seed}-{number}", began, sender, reader))
                asked.add(probe)
                probe.add_done_callback(asked.discard)
            if fate.diary.done.total() % 20 == 0:
                done = f"{fate.diary.done.total()} misfortunes, {fate.diary.killed} kills"
                tell(f"{len(sender.memory.facts)} events accepted, {done}; last: {name}")
            await asyncio.sleep(fate.rng.uniform(*self.pause))
        fate.stage.resume_all()
        await asyncio.gather(*asked)

    async def _recover(self, educator: str, struck: float, sender: Sender, reader: Reader) -> None:
        """Send an orientation after a misfortune, and see how long after it the hours are in the ledger."""
        about = {"educator_id": educator, "session_id": f"O-{educator}", "kind": "orientation", "minutes": 90}
        about["ended_at"] = "2024-03-12T17:30:00-07:00"
        await sender.event(Fact(PORTAL, f"{educator}-0", "session.attended", "2024-04-03T09:00:00-07:00", about))
        for _ in range(1200):
            with contextlib.suppress(RuntimeError):
                if (await reader.hours(educator))["total_minutes"] == 90:
                    self.recovered.append(time.monotonic() - struck)
                    return
            await asyncio.sleep(0.1)
        self.probes_lost += 1

    async def _judge(self, stage: Stage, sender: Sender, reader: Reader) -> Verdict:
        programme = Programme(ROOT / "programs" / "2023-24.toml")
        must = list(truths(sender.memory.facts, programme))
        keys = sorted((fact.source, fact.id) for fact in sender.memory.facts)
        asked = Random(self.seed).sample(keys, min(CLAIMS_ASKED, len(keys)))
        tell(f"looking at {len(must)} educators and the topics")
        chosen = {truth.educator for truth in Random(self.seed).sample(must, min(HOURS_ASKED, len(must)))}
        seen = await reader.everything(must, chosen, asked)
        return judge(sender.memory, must, seen)


def problems(checked: str) -> list[str]:
    """What `wea check --json` has found, or what it says where it could not check."""
    try:
        return list(json.loads(checked)["problems"])
    except ValueError:
        return [checked.strip()[-300:] or "says nothing"]


async def mailed(reader: Reader) -> None:
    """Until no message is on its way; what is due later, reminders, stays queued."""
    for _ in range(240):
        if not await reader.items("notifications", "/messages", "staff", status="sending"):
            waiting = await reader.items("notifications", "/messages", "staff", status="queued", kind="hours_granted")
            if not waiting:
                return
        await asyncio.sleep(0.5)


def tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p99, p99.9 and the longest, in seconds."""
    if not values:
        return {}
    ranked = sorted(values)

    def at(share: float) -> float:
        return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 4)

    return {"n": len(ranked), "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999), "max": round(ranked[-1], 4)}


def record(run: Run, sender: Sender, diary: Diary, verdict: Verdict, seconds: float) -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = ("aiokafka", "faststream", "motor", "pymongo", "fastapi", "uvicorn", "pydantic", "aiosmtplib")
    return {
        "seed": run.seed,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "servers": run.servers,
        "small_disks": run.small_disks,
        "before": run.before,
        "seconds": round(seconds),
        "events": len(sender.memory.facts),
        "requests": sender.memory.requests,
        "requests_repeated": sender.memory.repeats,
        "misfortunes": dict(diary.done),
        "kills": dict(diary.kills),
        "points": dict(diary.points),
        "lost": len(verdict.lost),
        "twice": len(verdict.twice),
        "wrong": len(verdict.wrong),
        "findings": verdict.findings[:50],
        "counts": dict(verdict.counts),
        "recovery_seconds": [round(one, 2) for one in sorted(run.recovered)],
        "probes_not_seen": run.probes_lost,
        "answered": quantiles(sender.memory.answered),
        "acknowledged": quantiles(sender.memory.acknowledged),
        "versions": {"python": platform.python_version(), "kafka": "4.3.1"} | {name: version(name) for name in names},
    }


async def played(run: Run, folder: Path) -> tuple[dict[str, Any], Diary]:
    servers = Servers(folder, run.servers, run.small_disks)
    stage, began = Stage(folder, servers, environment=run.environment, before=run.before), time.monotonic()
    me = asyncio.current_task()
    if me is not None:  # being told to stop, end what was started
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    try:
        await stage.up(tell)
        tell(f"seed {run.seed}: {run.seconds:.0f} s of traffic and misfortunes")
        sender, diary, verdict = await run.play(stage)
        return record(run, sender, diary, verdict, time.monotonic() - began), diary
    finally:
        await stage.down()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", type=float, metavar="MINUTES", help="instead of the short form of three minutes")
    parser.add_argument("--seconds", type=float, default=170.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    parser.add_argument("--rate", type=float, default=12.0, help="educators a second; about nine events each")
    parser.add_argument("--only", action="append", choices=list(ALL), default=[], help="just this; may be repeated")
    parser.add_argument("--three", action="store_true", help="three brokers and a replica set of three")
    parser.add_argument("--small-disks", action="store_true", help="each server on a small tmpfs; needs root")
    parser.add_argument("--before", metavar="COMMIT", help="processes of that version come and go among ours")
    parser.add_argument("--keep", action="store_true", help="keep the folder: logs, databases, mail")
    parser.add_argument("--record", action="store_true", help="keep the record for docs/reliability.md")
    given = parser.parse_args()
    if given.small_disks and not may_mount():
        parser.error("--small-disks needs root, who may mount")
    run = Run(
        given.seed, given.long * 60 if given.long else given.seconds, given.rate, only=tuple(given.only),
        servers=3 if given.three else 1, small_disks=given.small_disks, before=given.before,
    )  # fmt: skip
    folder = new_folder()
    found, diary = asyncio.run(played(run, folder))
    (folder / "diary.txt").write_text("\n".join(diary.lines))
    if given.record:
        RECORDS.mkdir(exist_ok=True)
        (RECORDS / f"run-{given.seed}.json").write_text(json.dumps(found, indent=1) + "\n")
    shown = {name: value for name, value in found.items() if name not in ("findings", "versions", "recovery_seconds")}
    print(json.dumps(shown, indent=1))
    for finding in found["findings"]:
        print(f"  {finding}")
    bad = found["lost"] + found["twice"] + found["wrong"] + found["probes_not_seen"]
    if bad or given.keep:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print("NOT RIGHT" if bad else f"nothing lost, nothing twice: {found['events']} events, {diary.killed} kills")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
