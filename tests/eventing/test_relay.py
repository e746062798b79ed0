"""The relay: in order per key, repeated rather than lost, and shared by replicas."""

import asyncio
from datetime import timedelta
from functools import partial
from random import Random
from secrets import token_hex
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import NotEnoughReplicasError, OutOfOrderSequenceNumber

from eventing.batch import Cause
from eventing.clock import system_now
from eventing.envelope import Event, encode
from eventing.kafka import KafkaSettings
from eventing.leases import LIFE, Shares
from eventing.mongo import Database, UpdateOne
from eventing.outbox import LANES, Claims, Outbox, relay_lane
from eventing.relay import Relay
from eventing.removal import Removal
from eventing.testing import batch_of
from eventing.transient import TransientError
from eventing.unit import UnitOfWork
from tests.eventing.conftest import COUNTED, HEARD, WHOLE, relaying
from tests.eventing.test_chain import topic_content
from tests.waiting import PATIENCE_SECONDS, until_true


async def publish(database: Database, key: str, *ids: str) -> None:
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        for id in ids:
            unit.publish(COUNTED, "toy.Counted", key, {"heard": id}, Cause(id, "/test"))
        await unit.write()


async def _empty(database: Database) -> bool:
    return bool(await database["outbox"].count_documents({}) == 0)


async def test_rows_are_published_in_order_per_key_and_then_gone(
    kafka_settings: KafkaSettings, database: Database
) -> None:
    for n in range(20):
        await publish(database, f"k{n % 3}", f"{n}a", f"{n}b")
    async with relaying(kafka_settings, database):
        events = await topic_content(kafka_settings, COUNTED.name, 40)
        await until_true(partial(_empty, database))
    for key in ("k0", "k1", "k2"):
        sequences = [event.sequence for event in events if event.key == key]
        assert sequences == list(range(1, len(sequences) + 1))


async def test_a_commit_wakes_the_relay_before_it_would_look_by_itself_whatever_it_is_doing(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in ("POLL_SECONDS", "ALONE_SECONDS"):
        monkeypatch.setattr(f"eventing.relay.{seconds}", 3600.0)
    look = Relay._rows

    async def while_it_looks(relay: Relay) -> list[dict[str, Any]]:
        rows = await look(relay)
        if any(row["key"] == "k" for row in rows):
            await publish(database, "later", "2")
        return rows

    monkeypatch.setattr(Relay, "_rows", while_it_looks)
    async with relaying(kafka_settings, database) as relay:
        await until_true(lambda: _has_lanes(relay))
        relay.wake()
        await publish(database, "k", "1")
        await topic_content(kafka_settings, COUNTED.name, 2)
        await until_true(partial(_empty, database))


async def test_what_waits_to_be_removed_holds_nothing_up_and_is_not_published_again(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_remove, remove = asyncio.Event(), Removal._remove

    async def held(removal: Removal) -> None:
        await asyncio.wait_for(may_remove.wait(), PATIENCE_SECONDS)
        await remove(removal)

    monkeypatch.setattr(Removal, "_remove", held)
    async with relaying(kafka_settings, database):
        for n in range(1, 4):
            await publish(database, "k", str(n))
            await topic_content(kafka_settings, COUNTED.name, n)
        assert len(await database["outbox"].find({}).to_list(None)) == 3
        may_remove.set()
        await until_true(partial(_empty, database))
        await publish(database, "k", "4")
        events = await topic_content(kafka_settings, COUNTED.name, 4)
    assert [event.sequence for event in events] == [1, 2, 3, 4]


async def test_a_relay_that_ends_removes_what_it_has_published(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventing.removal.GATHER_SECONDS", 3600.0)
    async with relaying(kafka_settings, database) as relay:
        await publish(database, "k", "1")
        await topic_content(kafka_settings, COUNTED.name, 1)
        await until_true(partial(_all_published, relay, database))
    assert await _empty(database)


async def test_only_so_much_is_published_that_is_not_removed(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash now would let us repeat is bounded; what is full is removed without waiting for more."""
    monkeypatch.setattr("eventing.relay.MOST_ROWS", 2)
    monkeypatch.setattr("eventing.removal.GATHER_SECONDS", 3600.0)
    await publish(database, "k", *(str(n) for n in range(6)))
    async with relaying(kafka_settings, database) as relay:
        await topic_content(kafka_settings, COUNTED.name, 6)
        await until_true(partial(_all_published, relay, database))
        assert len(relay._removal) < 2 * 2
    assert await _empty(database)


async def _all_published(relay: Relay, database: Database) -> bool:
    """What is left is published, and the relay knows of it: a record on its topic is not acknowledged yet."""
    return bool(len(relay._removal) == await database["outbox"].count_documents({}))


async def test_what_a_look_may_have_met_is_remembered_until_the_next_one(database: Database) -> None:
    await publish(database, "k", "1")
    [row] = await database["outbox"].find({}).to_list(None)
    removal = Removal(database, Outbox(), 10)
    removal.add([row])
    assert await removal.seen_yet() == 1
    await removal.last()  # while the look goes on
    assert row["_id"] in removal
    assert await removal.seen_yet() == 0
    assert row["_id"] not in removal


async def test_what_could_not_be_removed_is_removed_once_mongodb_is_back(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, away = Outbox.done, True

    def removes(outbox: Outbox, row: dict[str, Any]) -> Any:
        nonlocal away
        if away:
            away = False
            raise TransientError("AutoReconnect")
        return done(outbox, row)

    monkeypatch.setattr(Outbox, "done", removes)
    async with relaying(kafka_settings, database):
        await publish(database, "k", "1")
        await until_true(partial(_empty, database))
    assert len(await topic_content(kafka_settings, COUNTED.name, 1)) == 1
    assert not away


async def test_a_relay_that_ends_while_nothing_can_be_removed_gives_its_lanes_back(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_outbox: Outbox, _row: dict[str, Any]) -> Any:
        raise TransientError("AutoReconnect")

    monkeypatch.setattr(Outbox, "done", away)
    async with relaying(kafka_settings, database) as relay:
        await publish(database, "k", "1")
        await until_true(partial(_all_published, relay, database))
        assert await database["leases"].count_documents({"part_of": "relay/outbox"}) == LANES
    assert await database["leases"].count_documents({}) == 0


async def test_a_fault_that_has_passed_makes_the_next_one_wait_no_longer(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, attempts, away = AIOKafkaProducer.send_and_wait, list[int](), {b"1", b"2"}

    def no_pause(attempt: int) -> float:
        attempts.append(attempt)
        return 0.0

    async def fails_once_for_each(*given: Any, **more: Any) -> Any:
        if more["key"] in away:
            away.remove(more["key"])
            raise NotEnoughReplicasError
        return await send(*given, **more)

    monkeypatch.setattr("eventing.relay.pause", no_pause)
    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", fails_once_for_each)
    async with relaying(kafka_settings, database):
        for key in ("1", "2"):
            await publish(database, key, key)
            await until_true(partial(_empty, database))
    assert attempts == [1, 1]


async def test_what_was_acknowledged_before_its_key_failed_is_not_sent_again(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, away = AIOKafkaProducer.send_and_wait, [NotEnoughReplicasError]

    async def fails_once_at_the_second(*given: Any, **more: Any) -> Any:
        if b'"sequence":"2"' in given[2] and away:
            raise away.pop()
        return await send(*given, **more)

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", fails_once_at_the_second)
    await publish(database, "k", "1", "2", "3")
    async with relaying(kafka_settings, database):
        await until_true(partial(_empty, database))
        await publish(database, "k", "4")
        events = await topic_content(kafka_settings, COUNTED.name, 4)
    assert [event.sequence for event in events] == [1, 2, 3, 4]


async def test_only_a_commit_that_wrote_there_wakes(database: Database) -> None:
    woken = database.woken_by("outbox")
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        unit.bulk("counts", UpdateOne({"_id": "k"}, {"$set": {"n": 1}}, upsert=True))
        await unit.write()
    assert not woken.is_set()
    await publish(database, "k", "1")
    assert woken.is_set()


async def test_a_key_that_fails_stops_and_the_others_go_on(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(database, "good", "1", "2")
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        unit.publish(COUNTED, "toy.Counted", "bad", {"too": token_hex(3_000_000)}, Cause("3", "/test"))
        unit.publish(COUNTED, "toy.Counted", "bad", {"after": "it"}, Cause("4", "/test"))
        await unit.write()
    async with relaying(kafka_settings, database):
        events = await topic_content(kafka_settings, COUNTED.name, 2)
        left = await until_true(partial(_left, database, 2))
    assert {event.key for event in events} == {"good"}
    assert {row["key"] for row in left} == {"bad"}


async def _left(database: Database, count: int) -> list[Any]:
    rows = await database["outbox"].find({}).to_list(None)
    return rows if len(rows) == count else []


async def _has_lanes(relay: Relay) -> bool:
    return bool(relay._shares.mine)


async def test_replicas_share_the_lanes_evenly_without_overlap(database: Database) -> None:
    one, two = (Shares(database, "work", 16, instance) for instance in ("one", "two"))
    await one.renew()
    assert len(one.mine) == 16
    for _ in range(2):
        await two.renew()
        await one.renew()
        await one.give_back()
    await two.renew()
    assert (len(one.mine), len(two.mine)) == (8, 8)
    assert not one.mine & two.mine
    assert not one.alone
    await two.release()
    assert two.mine == frozenset()
    assert await database["leases"].count_documents({"part_of": "work", "owner": one.life}) == 8
    await one.renew()
    assert len(one.mine) == 16
    assert one.alone


async def test_nobody_takes_more_than_its_share_of_what_another_has_left(database: Database) -> None:
    one, two, three = shares = [Shares(database, "work", 12, instance) for instance in ("one", "two", "three")]
    for _ in range(3):
        for share in shares:
            await share.renew()
            await share.give_back()
    assert [len(share.mine) for share in shares] == [4, 4, 4]
    await three.release()
    assert len(await one.renew()) == 6
    assert len(await two.renew()) == 6


async def test_however_many_lanes_are_held_a_second_more_of_them_is_one_write(database: Database) -> None:
    """At rest nothing else is written: by lane, it was a gigabyte of oplog a day."""
    share = Shares(database, "work", 16, "one")
    await share.renew()
    before = await database["leases"].find({}).to_list(None)
    await share.renew()
    after = await database["leases"].find({}).to_list(None)
    assert (len(before), sum(row not in before for row in after)) == (17, 1)


async def test_who_was_taken_for_dead_begins_another_life_with_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, heir = (Shares(database, "work", 4, instance) for instance in ("frozen", "heir"))
    await frozen.renew()
    former = frozen.life
    with monkeypatch.context() as later:
        later.setattr("eventing.leases.system_now", lambda: system_now() + LIFE)
        assert len(await heir.renew()) == 4
    assert await frozen.renew() == frozenset()
    assert frozen.life != former
    await heir.release()
    assert len(await frozen.renew()) == 4


async def test_who_was_late_and_not_taken_for_dead_goes_on_in_the_same_life(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Shares(database, "work", 4, "late")
    await late.renew()
    former = late.life
    monkeypatch.setattr("eventing.leases.system_now", lambda: system_now() + LIFE)
    assert late.mine == frozenset()
    assert len(await late.renew()) == 4
    assert late.life == former


async def test_lanes_of_a_process_of_the_release_before_are_its_own_for_as_long_as_it_lives(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wrote the end of its lease on each lane, and had a name and no life."""
    until = system_now() + LIFE
    await database["leases"].insert_one({"_id": "work/member/old", "work": "work", "until": until})
    held = ({"_id": f"work/{n}", "part_of": "work", "part": n, "owner": "old", "until": until} for n in range(4))
    await database["leases"].insert_many(held)
    new = Shares(database, "work", 4, "new")
    assert await new.renew() == frozenset()
    monkeypatch.setattr("eventing.leases.system_now", lambda: system_now() + LIFE)
    assert len(await new.renew()) == 4


async def test_a_share_that_could_not_be_renewed_in_time_is_nobodys_before_another_may_have_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = Shares(database, "work", 4, "frozen")
    await frozen.renew()
    assert len(frozen.mine) == 4
    monkeypatch.setattr("eventing.leases.system_now", lambda: system_now() + LIFE)
    assert frozen.mine == frozenset()


async def test_a_lease_ends_as_it_was_written_however_long_the_writing_took(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Shares(database, "work", 4, "slow")
    times = iter([system_now()])
    monkeypatch.setattr("eventing.leases.system_now", lambda: next(times, system_now() + LIFE))
    await slow.renew()
    assert slow.mine == frozenset()


async def test_who_gives_back_too_late_takes_nothing_from_whoever_has_it_now(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, heir = (Shares(database, "work", 4, instance) for instance in ("late", "heir"))
    await late.renew()
    await heir.renew()
    assert len(await late.renew()) == 2  # and two are over
    monkeypatch.setattr("eventing.leases.system_now", lambda: system_now() + LIFE)
    assert len(await heir.renew()) == 4
    await late.give_back()
    assert await database["leases"].count_documents({"owner": heir.life}) == 4


async def test_a_process_that_ends_leaves_its_successor_of_the_same_name_alive(database: Database) -> None:
    former, successor = (Shares(database, "work", 4, "enrollment-1") for _ in range(2))
    await former.renew()
    await successor.renew()
    life = successor.life
    await former.release()
    assert len(await successor.renew()) == 4
    assert successor.life == life


async def test_what_is_over_is_not_given_back_while_it_is_counted_who_has_what(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one leaves: what was over is ours again, as we have just read, and must not go from under us."""
    stays, leaves = (Shares(database, "work", 4, instance) for instance in ("stays", "leaves"))
    await stays.renew()
    await leaves.renew()
    await stays.renew()
    await leaves.release()
    look, given_back = Shares._look, list[asyncio.Task[None]]()

    async def given_back_meanwhile(share: Shares) -> Any:
        seen = await look(share)
        given_back.append(asyncio.create_task(stays.give_back()))
        await asyncio.wait(given_back, timeout=0.2)
        return seen

    monkeypatch.setattr(Shares, "_look", given_back_meanwhile)
    assert len(await stays.renew()) == 4
    await asyncio.gather(*given_back)
    assert await database["leases"].count_documents({"owner": stays.life}) == 4


async def test_what_a_frozen_relay_holds_in_its_hand_is_left_to_whoever_has_its_lanes_now(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent late it would stand behind newer records, and a compacted topic would keep the older ones."""
    monkeypatch.setattr("eventing.leases.RENEW_SECONDS", 3600.0)
    send, sent, turned = AIOKafkaProducer.send_and_wait, [], asyncio.Event()
    publish_rows = Relay._publish

    async def frozen_after_the_first(*given: Any, **more: Any) -> Any:
        answer = await send(*given, **more)
        sent.append(answer)
        monkeypatch.setattr("eventing.leases.system_now", lambda: system_now() + LIFE)
        return answer

    async def told(relay: Relay, rows: list[dict[str, Any]]) -> bool:
        well = await publish_rows(relay, rows)
        turned.set()
        return well

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", frozen_after_the_first)
    monkeypatch.setattr(Relay, "_publish", told)
    await publish(database, "k", "1", "2", "3")
    async with relaying(kafka_settings, database):
        await asyncio.wait_for(turned.wait(), PATIENCE_SECONDS)
    assert len(sent) == 1


async def test_lanes_go_to_a_newcomer_only_when_nothing_is_on_its_way_under_them(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sends, may_land = AIOKafkaProducer.send_and_wait, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any, **more: Any) -> Any:
        sends.set()
        await asyncio.wait_for(may_land.wait(), PATIENCE_SECONDS)
        return await send(*given, **more)

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", slow)
    await asyncio.gather(*(publish(database, f"k{n}", str(n)) for n in range(40)))
    newcomer = Shares(database, "relay/outbox", LANES, "newcomer")
    async with relaying(kafka_settings, database) as relay:
        await asyncio.wait_for(sends.wait(), PATIENCE_SECONDS)
        await newcomer.renew()
        await relay._shares.renew()
        assert await newcomer.renew() == frozenset()
        may_land.set()
        await until_true(newcomer.renew)
    await newcomer.release()


async def test_a_relay_that_ends_gives_its_lanes_back_when_what_it_sent_has_landed(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, held_at_stop = AIOKafkaProducer.stop, []

    async def told(sender: AIOKafkaProducer) -> None:
        await stop(sender)
        held_at_stop.append(await database["leases"].count_documents({"part_of": "relay/outbox"}))

    monkeypatch.setattr(AIOKafkaProducer, "stop", told)
    async with relaying(kafka_settings, database):
        await publish(database, "k", "1")
        await until_true(partial(_empty, database))
    assert held_at_stop == [LANES]
    assert await database["leases"].count_documents({"part_of": "relay/outbox"}) == 0


async def test_a_dead_replicas_lanes_are_taken_when_its_lease_has_ended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, heir = (Shares(database, "work", 4, instance) for instance in ("dead", "heir"))
    await dead.renew()
    await heir.renew()
    assert heir.mine == frozenset()
    monkeypatch.setattr("eventing.leases.system_now", lambda: system_now() + LIFE * 2)
    await heir.renew()
    assert len(heir.mine) == 4


@pytest.mark.parametrize("seed", range(3))
async def test_no_lane_is_ever_held_by_two_whoever_is_late_restarted_or_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance, now = Random(seed), [system_now()]
    monkeypatch.setattr("eventing.leases.system_now", lambda: now[0])
    names = ("one", "two", "three")
    shares = {name: Shares(database, "work", 8, name) for name in names}

    def nobody_shares() -> bool:
        held = [part for share in shares.values() for part in share.mine]
        return len(held) == len(set(held))

    for _ in range(60):
        now[0] += timedelta(seconds=chance.choice([0.5, 1.0, 1.0, 2.0]))
        await asyncio.gather(*(shares[name].renew() for name in names if chance.random() < 0.6))
        assert nobody_shares()
        await asyncio.gather(*(shares[name].give_back() for name in names if chance.random() < 0.6))
        name = chance.choice(names)
        if chance.random() < 0.1:
            await shares[name].release()
        elif chance.random() < 0.1:
            shares[name] = Shares(database, "work", 8, name)
        assert nobody_shares()
    for _ in range(3):
        for share in shares.values():
            await share.renew()
            await share.give_back()
    assert sorted(part for share in shares.values() for part in share.mine) == list(range(8))


async def test_a_restarted_process_of_the_same_name_has_its_lanes_back_at_once(database: Database) -> None:
    await Shares(database, "work", 4, "enrollment-1").renew()
    again = Shares(database, "work", 4, "enrollment-1")
    await again.renew()
    assert len(again.mine) == 4


async def test_two_relays_publish_every_row_once_between_them(
    kafka_settings: KafkaSettings, database: Database
) -> None:
    first, second = (
        KafkaSettings(kafka_settings.bootstrap, kafka_settings.prefix, instance=name) for name in ("one", "two")
    )
    async with relaying(first, database), relaying(second, database):
        await asyncio.gather(*(publish(database, f"k{n}", str(n)) for n in range(40)))
        events = await topic_content(kafka_settings, COUNTED.name, 40)
        await until_true(partial(_empty, database))
    assert len({event.id for event in events}) == 40


async def test_rows_that_cannot_be_published_keep_no_others_from_their_turn(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition without a leader, a topic that is closed to us: there may be more such rows than one look takes."""
    monkeypatch.setattr("eventing.relay.MOST_ROWS", 10)
    send, away = AIOKafkaProducer.send_and_wait, True

    async def one_partition_away(*given: Any, **more: Any) -> Any:
        if away and more["key"].startswith(b"away"):
            raise NotEnoughReplicasError
        return await send(*given, **more)

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", one_partition_away)
    lane = relay_lane("away-0")
    aways = [key for key in (f"away-{n}" for n in range(400)) if relay_lane(key) == lane][:12]
    behind = next(key for key in (f"behind-{n}" for n in range(400)) if relay_lane(key) == lane)
    for key in [*aways, behind]:
        await publish(database, key, f"{key}/1", f"{key}/2")
    async with relaying(kafka_settings, database):
        assert {event.key for event in await topic_content(kafka_settings, COUNTED.name, 2)} == {behind}
        assert await database["outbox"].count_documents({"key": {"$in": aways}}) == 24
        away = False
        events = await topic_content(kafka_settings, COUNTED.name, 26)
        await until_true(partial(_empty, database))
    for key in (*aways, behind):
        assert [event.sequence for event in events if event.key == key] == [1, 2]


async def test_only_so_many_keys_are_passed_over_before_the_first_has_its_turn_again(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is named in the query that looks for the others."""
    monkeypatch.setattr("eventing.relay.MOST_ROWS", 2)
    monkeypatch.setattr("eventing.relay.MOST_PASSED_OVER", 3)
    monkeypatch.setattr("eventing.relay.pause", lambda _attempt: 0.0)
    tried = list[bytes]()

    async def away(*_given: Any, **more: Any) -> None:
        tried.append(more["key"])
        raise NotEnoughReplicasError

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", away)
    for n in range(12):
        await publish(database, f"k{n}", f"{n}")
    async with relaying(kafka_settings, database):
        await until_true(lambda: _came_again(tried))
    assert tried.index(tried[0], 1) == 4


async def _came_again(tried: list[bytes]) -> bool:
    return tried[0] in tried[1:] if tried else False


async def test_where_replicas_share_the_work_a_relay_finds_by_itself_what_another_process_wrote(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        KafkaSettings(kafka_settings.bootstrap, kafka_settings.prefix, instance=name) for name in ("one", "two")
    )
    another = Database(database.client, database.name)  # its commits wake nobody here
    async with relaying(first, database) as one, relaying(second, database) as two:
        await until_true(lambda: _both_share(one, two))
        monkeypatch.setattr("eventing.relay.ALONE_SECONDS", 3600.0)
        for n in range(2):  # the first may still be found by a look that was due before
            await publish(another, "k", str(n))
            await until_true(partial(_empty, database))


async def _both_share(one: Relay, two: Relay) -> bool:
    return len(one._shares.mine) == len(two._shares.mine) == LANES // 2


async def test_a_tombstone_is_published_without_a_value_its_attributes_in_headers(
    kafka_settings: KafkaSettings, database: Database
) -> None:
    async with UnitOfWork.begin(database, batch_of([]), system_now()) as unit:
        unit.publish(WHOLE, "toy.Whole", "k", None, Cause("1", "/test"))
        await unit.write()
    async with relaying(kafka_settings, database):
        [stone] = await topic_content(kafka_settings, WHOLE.name, 1)
    assert (stone.type, stone.key, stone.sequence, stone.data) == ("toy.Whole", "k", 1, None)


async def test_of_a_claim_that_is_published_only_the_claim_is_left(
    kafka_settings: KafkaSettings, database: Database
) -> None:
    """Its body and its key may be about a person; and what was accepted first is published first."""
    events = [Event(f"e-{n}", "/test", "toy.Heard", system_now(), {"n": n}, "k") for n in range(10)]
    rows = [
        {
            "_id": f"claim-{event.id}", "digest": "d", "topic": HEARD.name, "key": "k", "lane": relay_lane("k"),
            "order": 10 - n, "value": encode(event), "headers": [],
        }
        for n, event in enumerate(events)
    ]  # fmt: skip
    await database["claims"].insert_many(rows)
    relay = Relay(kafka_settings, database, Claims("claims"))
    task = asyncio.create_task(relay.run())
    try:
        published = await topic_content(kafka_settings, HEARD.name, 10)
        await until_true(partial(_nothing_waits, database))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [event.id for event in published] == [event.id for event in reversed(events)]
    left = await database["claims"].find({}).to_list(None)
    assert sorted(left, key=lambda row: str(row["_id"])) == [
        {"_id": f"claim-{event.id}", "digest": "d"} for event in events
    ]


async def _nothing_waits(database: Database) -> bool:
    return bool(await database["claims"].count_documents({"lane": {"$exists": True}}) == 0)


async def test_a_producer_that_failed_is_not_asked_again_but_replaced(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender may be dead for good, whatever it is given."""
    send, dead = AIOKafkaProducer.send_and_wait, list[AIOKafkaProducer]()

    async def dies(sender: AIOKafkaProducer, *given: Any, **more: Any) -> Any:
        if not dead or dead[0] is sender:
            dead[:] = [sender]
            raise OutOfOrderSequenceNumber
        return await send(sender, *given, **more)

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", dies)
    await publish(database, "k", "1", "2")
    async with relaying(kafka_settings, database):
        await until_true(partial(_empty, database))
    assert [event.sequence for event in await topic_content(kafka_settings, COUNTED.name, 2)] == [1, 2]


async def test_a_lane_that_was_lost_and_is_ours_again_is_published_from_what_the_outbox_holds_by_then(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off while Kafka takes its time, and back: what was read before, another has published, and later rows too."""
    monkeypatch.setattr("eventing.leases.RENEW_SECONDS", 3600.0)
    send, sent, turned = AIOKafkaProducer.send_and_wait, [], asyncio.Event()
    publish_rows = Relay._publish

    async def told(relay: Relay, rows: list[dict[str, Any]]) -> bool:
        well = await publish_rows(relay, rows)
        turned.set()
        return well

    monkeypatch.setattr(Relay, "_publish", told)
    await publish(database, "k", "1", "2", "3")
    async with relaying(kafka_settings, database) as relay:

        async def away_during_the_first(*given: Any, **more: Any) -> Any:
            answer = await send(*given, **more)
            sent.append(answer)
            if len(sent) == 1:
                another = Shares(database, "relay/outbox", LANES, "another")
                await database["leases"].update_many({}, {"$set": {"until": system_now() - LIFE}})
                assert len(await another.renew()) == LANES
                await database["outbox"].delete_many({})  # published by the other one
                await another.release()
                await relay._shares.renew()
                assert relay_lane("k") in relay._shares.mine
            return answer

        monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", away_during_the_first)
        await asyncio.wait_for(turned.wait(), PATIENCE_SECONDS)
    assert len(sent) == 1


async def test_lanes_whose_lease_ends_while_they_are_counted_are_nobodys(
    kafka_settings: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    async def noted(*given: Any, **_more: Any) -> None:
        sent.append(given)

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", noted)
    await publish(database, "k", "1")
    relay = Relay(kafka_settings, database)
    await relay._shares.renew()
    times = iter([system_now()])
    monkeypatch.setattr("eventing.leases.system_now", lambda: next(times, system_now() + LIFE))
    await relay._publish(await relay._rows())
    await relay._close()
    assert sent == []
