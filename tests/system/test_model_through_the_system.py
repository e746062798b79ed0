"""Random histories sent to a running system, and every educator's clock hours compared with two plain models.

5,000 and more events (of families of three accounts: attendances, corrections, reservations, plans, registrations,
withdrawals, submissions, decisions, revocations, merges and undos), some sent twice, by HTTP one by one and in batches,
by webhook from eight senders at a time, and by Kafka; then staff accept and dismiss some cases. What must come of it
is computed by the clerk of tests/enrollment (what is true) and the clerk of tests/clockhours (what is due), neither of
which imports anything from services/.

What this proves: end to end, through both intakes, Kafka, and whatever way the services batch it, each educator has
just the entries that are due, once each, with values that are due; totals are their sums; held rows with what is
missing, and open cases, are just those of the models; a merged id answers with the kept record.

What it does not: which of several orientations was granted, and dates and minutes of one of several doubles or awards,
which arrival decides, are only held to be ones that the facts allow. A row or case for a micro-credential that only an
attendance without hours was ever said to be for may be there or not: that depends on what enrollment heard first. Who
is meant is never in doubt here (see tests/enrollment/test_identity.py), nobody is erased, and nothing is killed.

WEA_TEST_SEED repeats a run; the seed is printed.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import orjson

from contracts import program
from eventing.kafka import producer
from tests.clockhours.model import Line, Model, Problem
from tests.enrollment.histories import Family, Piece, family
from tests.enrollment.model import Clerk, Fact
from tests.system.conftest import System
from tests.system.outside import World, key_of
from tests.waiting import until

SEED = int(os.environ.get("WEA_TEST_SEED") or SystemRandom().randrange(2**32))
FAMILIES = int(os.environ.get("WEA_TEST_FAMILIES", "96"))  # fewer, for developing
EVENTS = 53
PROGRAMS = program.load(Path(__file__).parents[2] / "programs")
SENDERS = 8
PATIENCE = 300
PORTAL = "wea.portal.v1"


# -- sending


@dataclass
class Mail:
    """What goes out by each way in one phase, in an order; `copies` are among it."""

    http: list[Fact] = field(default_factory=list)
    kafka: list[Fact] = field(default_factory=list)
    webhooks: list[Fact] = field(default_factory=list)

    def add(self, piece: Piece, random: Random) -> None:
        """What is ordered goes by its account's own way; all else by any, and some of it twice, by any."""
        if piece.fact.is_nea:
            self.webhooks += [piece.fact] * (1 + (random.random() < 0.1))
            return
        own = self.http if sum(piece.account.encode()) % 2 else self.kafka
        for _ in range(1 + (random.random() < 0.1)):
            (own if piece.ordered else random.choice((self.http, self.kafka))).append(piece.fact)


def mail(families: Iterable[Family], phase: int, random: Random) -> Mail:
    """One phase of all families: shuffled, but for what must keep its order."""
    found = Mail()
    pieces = [piece for one in families for piece in one.phases[phase]]
    for piece in shuffled(pieces, random):
        found.add(piece, random)
    return found


def shuffled(pieces: list[Piece], random: Random) -> list[Piece]:
    places = list(range(len(pieces)))
    random.shuffle(places)
    where = iter(sorted(place for place, piece in zip(places, pieces, strict=True) if piece.ordered))
    placed = {next(where) if piece.ordered else place: piece for place, piece in zip(places, pieces, strict=True)}
    return [placed[place] for place in range(len(pieces))]


def cloudevent(fact: Fact) -> dict[str, Any]:
    time = fact.time.isoformat()
    about = {"specversion": "1.0", "id": fact.id, "source": fact.source, "type": fact.type, "time": time}
    return {**about, "data": dict(fact.data)}


def send(world: World, mail: Mail, random: Random) -> None:
    """All three ways at once."""
    with ThreadPoolExecutor(SENDERS + 2) as pool:
        ways = [pool.submit(_by_http, world, mail.http, random), pool.submit(_by_kafka, world, mail.kafka)]
        ways += [pool.submit(_by_webhook, world, fact) for fact in mail.webhooks]
        for way in ways:
            way.result()


def _by_http(world: World, facts: list[Fact], random: Random) -> None:
    while facts:
        some = random.choice((1, 5, 50, 200))
        world.api.portal(*map(cloudevent, facts[:some]))
        facts = facts[some:]


def _by_webhook(world: World, fact: Fact) -> None:
    world.api.nea(fact.id, {"type": fact.type, "timestamp": fact.time.isoformat(), "data": dict(fact.data)})


def _by_kafka(world: World, facts: list[Fact]) -> None:
    async def produce() -> None:
        sender = producer(world.kafka)
        await sender.start()
        try:
            headers = [("content-type", b"application/cloudevents+json")]
            for fact in facts:
                event = cloudevent(fact)
                key, value = key_of(event).encode(), orjson.dumps(event)
                await sender.send(world.kafka.physical(PORTAL), value, key=key, headers=headers)
            await sender.flush()
        finally:
            await sender.stop()

    asyncio.run(produce())


# -- waiting


def accounted(world: World) -> bool:
    """Whether each event that was ever accepted has an outcome."""
    return not books(world)["unaccounted"]


def accepted(world: World) -> int:
    """How many events were ever accepted."""
    return int(books(world)["accepted"])


def books(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.api.get("enrollment", "/admin/books", "operator")
    return found


def until_judged(world: World, ids: set[str]) -> None:
    """Until clockhours has seen all that enrollment tells of these educators."""
    until(lambda: not world.api.get("enrollment", "/admin/outbox", "operator")["items"], "all is told", PATIENCE)
    sent = _sequences(world, "enrollment", ids)
    until(lambda: _sequences(world, "clockhours", ids) == sent, "all that was told was judged", PATIENCE)


def _sequences(world: World, service: str, ids: set[str]) -> dict[str, int]:
    """The last sequence of wea.enrollment.v1, sent or seen, for each of these educators."""
    side = "sent" if service == "enrollment" else "seen"
    lanes = (lane for lane in world.api.items(service, "/admin/lanes", "operator") if lane["key"] in ids)
    return {lane["key"]: lane[side]["wea-enrollment-v1"] for lane in lanes if "wea-enrollment-v1" in lane[side]}


# -- comparing


def learner_id(called: Mapping[str, str]) -> str:
    return called.get("nea_member_id") or called["email"]


def models(families: Iterable[Family], random: Random) -> dict[str, tuple[Clerk, Model]]:
    """Both clerks of each family, who have heard all of it."""
    found = {}
    for one in families:
        clerk = Clerk(PROGRAMS, learner_id)
        for pieces in one.phases:
            for piece in shuffled(pieces, random):  # in whatever order: it must not matter
                clerk.hear(piece.fact)
        model = Model(PROGRAMS, lambda *about: "/".join(map(str, about)))
        for letter in clerk.letters():
            model.tell(letter)
        found[one.name] = (clerk, model)
    return found


def compare(answer: dict[str, Any], account: str, clerk: Clerk, model: Model, now: datetime) -> None:
    """One educator, as clockhours answers and as the clerks would have it."""
    root = clerk.root(account)
    assert answer["educator_id"] == root, account
    live = unreversed(answer["entries"])
    assert answer["total_minutes"] == sum(entry["minutes"] for entry in answer["entries"]), account
    assert answer["total_minutes"] == sum(entry["minutes"] for entry in live), account
    assert subjects(live) == Counter((line.kind, line.subject) for line in model.live(root)), account
    for entry in live:
        assert model.still_due(root, line(entry, root)), (account, entry)
        assert entry["kind"] != "micro_credential" or entry["minutes"] in catalogued(entry), (account, entry)
    certainly, perhaps = model.named(root), clerk.perhaps_named(account)
    doubtful = {name for _, name in perhaps} - {name for _, name in certainly}
    rows = {row["micro_credential_id"]: (row["minutes"], tuple(row["missing"])) for row in answer["held"]}
    assert without(rows, doubtful) == without(model.held(root, now), doubtful), account
    open_ = [problem(case) for case in answer["exceptions"] if case["status"] == "open"]
    expected = [anonymous(one) for one in model.open_problems(root)]
    assert certain(open_, perhaps - certainly) == certain(expected, perhaps - certainly), account


def unreversed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gone = {entry["reverses"] for entry in entries}
    return [entry for entry in entries if not entry["reverses"] and entry["entry_id"] not in gone]


def subjects(live: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((entry["kind"], subject(entry)) for entry in live)


def subject(entry: dict[str, Any]) -> str:
    match entry["kind"]:
        case "orientation":
            return ""
        case "workshop":
            return str(entry["session_id"])
        case _:
            return str(entry["micro_credential_id"])


def line(entry: dict[str, Any], root: str) -> Line:
    return Line(
        entry_id=entry["entry_id"],
        owner=root,
        kind=entry["kind"],
        subject=subject(entry),
        minutes=entry["minutes"],
        completed_at=datetime.fromisoformat(entry["completed_at"]),
        year=entry["program_year"],
        session=entry["session_id"],
        micro_credential=entry["micro_credential_id"],
    )


def catalogued(entry: dict[str, Any]) -> set[int]:
    """The minutes that the catalogues have for it."""
    listed = [year.catalogue.get(entry["micro_credential_id"]) for year in PROGRAMS.years]
    return {one.minutes for one in listed if one}


def problem(case: dict[str, Any]) -> Problem:
    ids = (case["micro_credential_id"], case["session_id"], case["submission_id"], case["attempt"])
    return (case["kind"], case["educator_id"], *ids)


def anonymous(one: Problem) -> Problem:
    """The list of cases does not say which account a refused merge was of."""
    kind, who, credential, about, submission, attempt = one
    return kind, who, credential, None if kind == "merge_conflict" else about, submission, attempt


def without(rows: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: row for name, row in rows.items() if name not in names}


def certain(problems: Iterable[Problem], doubtful: set[tuple[str, str]]) -> Counter[Problem]:
    return Counter(one for one in problems if not (one[0] == "not_in_catalogue" and (one[1], one[2]) in doubtful))


def compare_all(world: World, system: System, families: list[Family], found: dict[str, tuple[Clerk, Model]]) -> None:
    now = datetime.fromisoformat(system.status()["now"])
    for one in families:
        for account in one.accounts:
            answer = world.api.get("clockhours", f"/educators/{account}/clock-hours")
            compare(answer, account, *found[one.name], now)


# -- staff


def verdicts(world: World, families: list[Family], found: dict[str, tuple[Clerk, Model]], random: Random) -> None:
    """Staff accept every other late attempt and dismiss every fourth case; the clerks are told."""
    for one in random.sample(families, len(families) // 2):
        _, model = found[one.name]
        for root in model.groups():
            for case in world.api.get("clockhours", f"/educators/{root}/clock-hours")["exceptions"]:
                accept = case["kind"] == "late_attempt" and random.random() < 0.5
                if case["status"] == "open" and case["kind"] != "merge_conflict" and (accept or random.random() < 0.25):
                    said = {"by": "staff", "reason": "a test"}
                    verb = "accept" if accept else "dismiss"
                    world.api.post("clockhours", f"/exceptions/{case['exception_id']}/{verb}", said)
                    model.verdict(problem(case), accepted=accept)


def test_random_histories_through_the_system_end_as_the_models_have_it(system: System, world: World) -> None:
    print(f"WEA_TEST_SEED={SEED}")
    random = Random(SEED)
    run = f"{SEED:x}-{random.getrandbits(32) ^ SystemRandom().getrandbits(32):x}"  # a system may see a seed twice
    families = [family(f"{run}-{number}", random, EVENTS) for number in range(FAMILIES)]
    assert sum(one.count for one in families) >= min(5000, FAMILIES * EVENTS)

    until(lambda: accounted(world), "what came before is applied", PATIENCE)
    expected = accepted(world)
    for phase in range(len(families[0].phases)):
        send(world, mail(families, phase, random), random)
        expected += sum(len(one.phases[phase]) for one in families)
        until(lambda: accepted(world) >= expected and accounted(world), f"phase {phase} is applied", PATIENCE)  # noqa: B023

    ids = {account for one in families for account in one.accounts}
    until_judged(world, ids)
    found = models(families, random)
    compare_all(world, system, families, found)

    verdicts(world, families, found, random)
    compare_all(world, system, families, found)


def test_the_books_are_right_after_all_of_this(system: System) -> None:
    system.books_are_right()
