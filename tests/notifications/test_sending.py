"""From a fact to an e-mail: states, the mail server's answers, and what is published of them."""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import parseaddr
from functools import partial
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from contracts import events
from contracts.kinds import EntryKind, ExceptionKind
from eventing import parking, transient
from eventing.clock import system_now
from eventing.parking import Handlers
from eventing.transient import TransientError
from services.notifications.handlers import on_educators
from services.notifications.sender import Sender
from services.notifications.settings import Settings
from services.notifications.store import Tx
from services.notifications.writing import Writer
from tests.notifications.builders import (
    ANA,
    DAY,
    HOUR,
    NOON,
    ROSA,
    attended,
    awarded,
    case,
    erased,
    granted,
    held,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    reversal,
    scheduled,
    unmerged,
)
from tests.notifications.conftest import PORTAL, READER, Notifications
from tests.notifications.mail_server import How
from tests.waiting import until_true

ADDRESS = "e-rosa@example.org"


async def test_welcome_hours_granted_and_hours_held_go_out_and_are_published(notifications: Notifications) -> None:
    await notifications.hear(
        profile(), granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1"), awarded(), held("workshop")
    )
    notifications.clock.now += 0.01 * HOUR
    await notifications.send()

    assert await notifications.states() == {"welcome": "sent", "hours_granted": "sent", "hours_held": "sent"}
    subjects = sorted(str(delivered.mail["Subject"]) for delivered in notifications.mail.delivered)
    assert [subject.split(":")[0] for subject in subjects] == [
        "1.5 clock hours granted",
        "Awarded, but the hours wait",
        "Welcome, Rosa",
    ]
    told = await notifications.published()
    assert sorted((event.kind, event.status) for event in told) == [
        ("hours_granted", "sent"),
        ("hours_held", "sent"),
        ("welcome", "sent"),
    ]
    assert {event.educator_id for event in told} == {ROSA}


async def test_what_educators_of_one_batch_are_told_alike_has_each_ones_own_address_and_cause(
    notifications: Notifications,
) -> None:
    """The key of a message is alike for all who hear the same; before it is sent, its row shows whose it is."""
    await notifications.hear(profile(), profile(ANA))
    facts = notifications.records(*(held("workshop", who=who) for who in (ROSA, ANA)), awarded(), awarded(ANA))
    await notifications.apply(facts)
    rows = await notifications.database["messages"].find({"kind": "hours_held"}).to_list(None)
    assert {row["educator_id"]: row["to"] for row in rows} == {ROSA: ADDRESS, ANA: "e-ana@example.org"}
    causes = {(record.key, record.event.id) for record in facts}
    assert {(row["educator_id"], row["led_by"]["id"]) for row in rows} <= causes


async def test_reminders_of_one_scan_have_each_ones_own_address(notifications: Notifications) -> None:
    await notifications.hear(*(profile(who) for who in (ROSA, ANA)))
    await notifications.hear(*(registered(who, at=notifications.clock() - 3 * DAY) for who in (ROSA, ANA)))
    await notifications.tick()
    rows = await notifications.database["messages"].find({"kind": "steps_missing"}).to_list(None)
    assert {row["educator_id"]: row["to"] for row in rows} == {ROSA: ADDRESS, ANA: "e-ana@example.org"}


async def test_who_cannot_be_looked_at_keeps_nobody_else_from_being_reminded(notifications: Notifications) -> None:
    """As after a release was taken back: what it stored of her, this one does not know."""
    who = (ROSA, ANA, "E-last")
    await notifications.hear(*(profile(each) for each in who))
    await notifications.hear(*(registered(each, at=notifications.clock() - 3 * DAY) for each in who))
    educators, messages = notifications.database["educators"], notifications.database["messages"]
    [row] = (await educators.find_one({"_id": ANA}))["registrations"]

    async def reminded() -> set[str]:
        await notifications.tick()
        return {row["educator_id"] async for row in messages.find({"kind": "steps_missing"})}

    await educators.update_one({"_id": ANA}, {"$set": {"registrations": [{**row, "registry": "of tomorrow"}]}})
    failures = partial(REGISTRY.get_sample_value, "wea_timer_failures_total", {"timer": "reminders"})
    before = failures() or 0
    assert await reminded() == {ROSA, "E-last"}
    assert failures() == before + 1
    await educators.update_one({"_id": ANA}, {"$set": {"registrations": [row]}})
    assert await reminded() == {ROSA, "E-last"}
    notifications.clock.now += HOUR
    assert await reminded() == {*who}


async def test_nobody_is_put_off_while_the_database_is_away(notifications: Notifications) -> None:
    await notifications.hear(profile(), registered(at=notifications.clock() - 3 * DAY))
    really, tries = Tx.write, count()

    async def write(tx: Tx) -> None:
        if next(tries) < 8:  # as often as 200 can be halved
            raise TransientError("away")
        await really(tx)

    with patch.object(Tx, "write", write), pytest.raises(TransientError):
        await notifications.tick()
    await notifications.tick()
    assert await notifications.message("steps_missing")


async def test_an_email_has_text_html_and_a_progress_link_of_its_own(notifications: Notifications) -> None:
    await notifications.hear(profile())
    await notifications.send()
    mail = notifications.mail.delivered[0].mail
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Hello Rosa," in text.get_content()
    assert "/progress/" in text.get_content()
    assert "/progress/" in html.get_content()
    assert parseaddr(str(mail["To"]))[1] == ADDRESS
    assert mail["List-Unsubscribe"] is None
    kept = await notifications.message("welcome")
    token = text.get_content().split("/progress/")[1].split()[0]
    assert token not in str(kept)
    assert token not in str(await notifications.database["tokens"].find({}).to_list(None))


async def test_the_same_records_again_make_no_second_message(notifications: Notifications) -> None:
    records = notifications.records(profile(), granted())
    await notifications.apply(records)
    await notifications.apply(notifications.again(records))
    await notifications.send()
    assert len(notifications.mail.delivered) == 2


@pytest.mark.parametrize("how", [How.SAYS_421, How.SAYS_450, How.SAYS_451_LATER])
async def test_a_server_that_says_later_gets_it_later(notifications: Notifications, how: How) -> None:
    notifications.mail.will(ADDRESS, how, how)
    await notifications.hear(profile())
    await notifications.send()
    assert await notifications.states() == {"welcome": "sent"}
    assert len(notifications.mail.delivered) == 1


async def test_a_server_that_says_later_for_48_hours_gets_it_no_more(notifications: Notifications) -> None:
    await notifications.hear(profile())
    long_ago = notifications.clock.now.replace(year=2020)
    await notifications.database["messages"].update_many({}, {"$set": {"first_put_off_at": long_ago}})
    notifications.mail.will(ADDRESS, How.SAYS_450)
    await notifications.send()
    message = await notifications.message("welcome")
    assert (message["status"], message["reason"]) == ("failed", "not_taken_in_time")
    [told] = await notifications.published()
    assert isinstance(told, events.NotificationFailed)


async def test_waiting_for_a_server_that_was_away_does_not_count_as_being_put_off_by_it(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile())
    await notifications.database["messages"].update_one({}, {"$set": {"tries": 12}})  # a minute without a mail server
    notifications.mail.will(ADDRESS, How.SAYS_450)
    async with notifications.sending(retry_seconds=20.0):
        await until_true(partial(was_put_off, notifications))
    waits = (await notifications.message("welcome"))["try_at"] - system_now()
    assert waits < timedelta(seconds=21)


async def was_put_off(notifications: Notifications) -> bool:
    return (await notifications.message("welcome")).get("code") == 450


async def test_an_address_that_is_refused_gets_nothing_more_and_staff_a_task(notifications: Notifications) -> None:
    notifications.mail.will(ADDRESS, How.SAYS_550)
    await notifications.hear(profile())
    await notifications.send()
    await notifications.hear(granted())
    await notifications.send()
    assert await notifications.states() == {"welcome": "failed", "hours_granted": "dropped"}
    assert (await notifications.message("hours_granted"))["reason"] == "address_suppressed"
    async with notifications.asked_by("staff") as staff:
        [task] = (await staff.get("/tasks")).json()["items"]
        assert (task["kind"], task["status"], task["code"]) == ("address_refused", "open", 550)
        body = {"by": "Kim", "reason": "the mailbox is there again"}
        answer = await staff.post(f"/tasks/{task['task_id']}/resolve", json=body)
        assert answer.json()["status"] == "resolved"
    await notifications.send()
    assert await notifications.states() == {"welcome": "sent", "hours_granted": "sent"}


async def test_what_a_wrong_address_refused_goes_to_the_right_one_if_it_still_holds_and_is_not_old(
    notifications: Notifications,
) -> None:
    notifications.mail.will(ADDRESS, How.SAYS_550)
    await notifications.hear(profile())
    await notifications.send()
    notifications.clock.now += 4 * DAY
    gone = granted(entry="gone")
    await notifications.hear(gone, granted())
    await notifications.send()
    notifications.clock.now += 4 * DAY
    await notifications.hear(reversal(gone, NOON + 8 * DAY), profile(email="rosa@example.com"))
    notifications.clock.now += HOUR
    await notifications.send()
    went = await notifications.database["messages"].find({"status": "sent"}).sort("created_at", 1).to_list(None)
    assert [row["cause"] for row in went] == [granted().entry_id, reversal(gone).entry_id]
    assert {row["to"] for row in went} == {"rosa@example.com"}
    assert (await notifications.message("welcome"))["reason"] == "address_refused", "as it was: it is too old"


async def test_a_task_that_is_open_again_is_seen_to_by_nobody_yet(notifications: Notifications) -> None:
    async with notifications.asked_by("staff") as staff:
        for fact in (profile(), granted()):
            await notifications.hear(fact)
            notifications.mail.will(ADDRESS, How.SAYS_550)
            await notifications.send()
            [task] = (await staff.get("/tasks")).json()["items"]
            assert (task["status"], task["by"], task["reason"]) == ("open", None, None)
            await staff.post(f"/tasks/{task['task_id']}/resolve", json={"by": "Kim", "reason": "it is there again"})


async def test_the_right_address_has_its_own_time_to_take_what_the_wrong_one_put_off_and_then_refused(
    notifications: Notifications,
) -> None:
    notifications.mail.will(ADDRESS, How.SAYS_550)
    await notifications.hear(profile())
    await notifications.send()
    long_ago = {"first_put_off_at": system_now() - 3 * DAY, "put_off": 5}
    await notifications.database["messages"].update_one({}, {"$set": long_ago})
    notifications.mail.will("rosa@example.com", How.SAYS_450)
    await notifications.hear(profile(email="rosa@example.com"))
    await notifications.send()
    welcome = await notifications.message("welcome")
    assert (welcome["status"], welcome["put_off"]) == ("sent", 1)


async def test_a_message_that_is_refused_itself_fails_and_the_address_stays_good(notifications: Notifications) -> None:
    notifications.mail.will(ADDRESS, How.SAYS_554_LATER)
    await notifications.hear(profile(), granted())
    await notifications.send()
    assert sorted((await notifications.states()).values()) == ["failed", "sent"]


async def test_a_server_that_answers_after_30_seconds_has_taken_it_and_gets_it_once(
    notifications: Notifications,
) -> None:
    """In a tenth of the time: it answers after 3 s, and we wait 6, as we wait 60 in production unless told."""
    assert Settings().smtp_timeout == 60
    notifications.timeout, notifications.mail.late_seconds = 6, 3
    notifications.mail.will(ADDRESS, How.IS_LATE)
    await notifications.hear(profile())
    await notifications.send()
    assert await notifications.states() == {"welcome": "sent"}
    assert (await notifications.message("welcome"))["lost"] == 0
    assert len(notifications.mail.delivered) == 1


@pytest.mark.parametrize("how", [How.DROPS, How.IS_LATE])
async def test_an_award_whose_outcome_is_unknown_is_repeated_once(notifications: Notifications, how: How) -> None:
    """Lost without a word, or answered after the time that we wait: 2 s and 0.5 here, 60 in production."""
    await notifications.hear(profile())
    await notifications.send()
    notifications.mail.delivered.clear()
    notifications.timeout = 0.5
    notifications.mail.will(ADDRESS, how, how, how)
    await notifications.hear(granted())
    async with notifications.sending():
        while (await notifications.states())["hours_granted"] not in ("sent", "unknown"):
            await notifications.database["messages"].update_many({}, {"$set": {"try_at": notifications.clock()}})
            await asyncio.sleep(0.05)
    assert (await notifications.states())["hours_granted"] == "unknown"
    first, second = notifications.mail.delivered
    assert first.mail["Message-ID"] == second.mail["Message-ID"]


async def test_a_reminder_whose_outcome_is_unknown_is_not_repeated(notifications: Notifications) -> None:
    await notifications.hear(profile(), registered(at=notifications.clock() - 3 * DAY))
    await notifications.send()
    notifications.mail.delivered.clear()
    notifications.mail.will(ADDRESS, How.DROPS)
    await notifications.tick()
    await notifications.send()
    assert (await notifications.states())["steps_missing"] == "unknown"
    assert len(notifications.mail.delivered) == 1


async def test_a_mail_server_that_is_away_delays_everything_and_loses_nothing(notifications: Notifications) -> None:
    port, notifications.mail.port = notifications.mail.port, 1
    await notifications.hear(profile(), granted())
    async with notifications.sending():
        await asyncio.sleep(0.5)
    assert set((await notifications.states()).values()) == {"queued"}
    notifications.mail.port = port
    await notifications.send()
    assert set((await notifications.states()).values()) == {"sent"}


async def test_a_mail_server_that_is_away_is_asked_with_one_message_at_a_time(notifications: Notifications) -> None:
    """Each try of a message writes it and a link for it, which is kept for months."""
    port, notifications.mail.port = notifications.mail.port, 1
    await notifications.hear(*(profile(f"E-{n}") for n in range(40)))
    first_wave, written = 8, notifications.database["tokens"]
    async with notifications.sending():
        await asyncio.sleep(4)
    assert 0 < await written.count_documents({}) < first_wave + 10
    notifications.mail.port = port
    await notifications.send()
    assert len(notifications.mail.delivered) == 40


async def test_a_dead_senders_messages_are_taken_over(notifications: Notifications) -> None:
    """As after SIGKILL: its name stands on one that was being sent, and on one that was only held."""
    others = granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1")
    await notifications.hear(profile(), others, registered(at=notifications.clock() - 3 * DAY))
    await notifications.tick()
    owner = await notifications.database.owner()
    past = notifications.clock().replace(year=2020)
    await notifications.database["senders"].insert_one({"_id": "dead", "session": owner.id, "until": past})
    messages = notifications.database["messages"]
    await messages.update_one({"kind": "welcome"}, {"$set": {"owner": "dead"}})
    being_sent = {"$set": {"owner": "dead", "status": "sending", "tries": 1}}
    await messages.update_many({"kind": {"$in": ["hours_granted", "steps_missing"]}}, being_sent)
    async with notifications.sending():
        while {"queued", "sending"} & set((await notifications.states()).values()):
            await messages.update_many({"lost": 1}, {"$set": {"try_at": past}})
            await asyncio.sleep(0.05)
    assert await notifications.states() == {"welcome": "sent", "hours_granted": "sent", "steps_missing": "unknown"}


async def test_what_a_dead_sender_wrote_after_it_was_taken_over_is_found_too(notifications: Notifications) -> None:
    """A write on its way when its process was killed arrives when MongoDB gets to it: nobody has that name any more."""
    others = granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1")
    await notifications.hear(profile(), others)
    messages = notifications.database["messages"]
    async with notifications.sending():
        while {"queued", "sending"} & set((await notifications.states()).values()):
            await asyncio.sleep(0.05)
        await messages.update_one({"kind": "welcome"}, {"$set": {"owner": "long gone", "status": "queued"}})
        late = {"$set": {"owner": "gone too", "status": "sending", "tries": 1, "lost": 0}}
        await messages.update_one({"kind": "hours_granted"}, late)
        await until_true(partial(all_sent, notifications))
    assert len(notifications.mail.delivered) == 4


async def all_sent(notifications: Notifications) -> bool:
    past = notifications.clock().replace(year=2020)
    await notifications.database["messages"].update_many({"lost": 1}, {"$set": {"try_at": past}})
    return set((await notifications.states()).values()) == {"sent"}


@pytest.mark.parametrize("step", ["update_many", "find", "bulk_write"])
async def test_a_fault_of_mongodb_while_messages_are_held_strands_none(notifications: Notifications, step: str) -> None:
    """Each step of the queue's fails once, after its work is done. Nothing was handed over: nothing is unknown."""
    await notifications.hear(profile(), registered(at=notifications.clock() - 3 * DAY))
    await notifications.tick()
    with failing_once(notifications.database["messages"], step) as failed:
        await notifications.send()
    assert failed.is_set()
    assert await notifications.states() == {"welcome": "sent", "steps_missing": "sent"}
    assert len(notifications.mail.delivered) == 2


async def test_what_was_held_when_mongodb_went_away_for_long_is_sent_when_it_is_back(
    notifications: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot even be given back: 50 tries are some minutes of an outage."""
    monkeypatch.setattr(transient, "pause", lambda attempt: 0.0)
    await notifications.hear(profile())
    with away(notifications.database["messages"], "update_many", tries=50):
        await notifications.send()
    assert await notifications.states() == {"welcome": "sent"}


@contextmanager
def away(collection: Any, step: str, tries: int) -> Iterator[None]:
    """After the first such call by whoever sends, so many fail without being done."""
    kind, calls = type(collection), count()
    really = getattr(kind, step)

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        if self.name != collection.name or "session" in named or (number := next(calls)) > tries:
            return really(self, *arguments, **named)
        return _Broken(really(self, *arguments, **named) if number == 0 else asyncio.sleep(0))

    with patch.object(kind, step, call):
        yield


async def test_erasure_takes_address_and_words_out_of_what_was_sent_and_drops_what_waits(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile())
    await notifications.send()
    await notifications.hear(granted(), erased())
    await notifications.send()
    assert await notifications.states() == {"welcome": "sent", "hours_granted": "dropped"}
    kept = await notifications.database["messages"].find({}).to_list(None)
    assert "rosa@" not in str(kept).lower()
    assert "Hello" not in str(kept)
    assert len(notifications.mail.delivered) == 1


async def test_an_erasure_takes_whose_an_address_was_that_refuses_mail_and_nothing_from_anybody_else(
    notifications: Notifications,
) -> None:
    async def refuses() -> list[str | None]:
        return [row["educator_id"] async for row in notifications.database["suppressed"].find({})]

    notifications.mail.will("e-ana@example.org", How.SAYS_550)
    await notifications.hear(profile(), profile(ANA, "Ana Lee"))
    await notifications.send()
    await notifications.hear(granted(ANA), erased())
    of_ana = await notifications.database["messages"].find({"educator_id": ANA}).sort("kind", 1).to_list(None)
    assert [(row["kind"], row["status"], row["to"]) for row in of_ana] == [
        ("hours_granted", "queued", "e-ana@example.org"),
        ("welcome", "failed", "e-ana@example.org"),
    ]
    assert await refuses() == [ANA]
    await notifications.hear(erased(ANA))
    assert await refuses() == [None]


async def test_a_tombstone_empties_a_profile_that_was_parked(notifications: Notifications) -> None:
    named = {"educator_id": ROSA, "name": "Rosa", "email": None}
    for data in (named, None):
        record = notifications.written.record("wea.educators.v1", ROSA, events.EducatorProfile.TYPE, data)
        await notifications.apply([record])
    rows = await notifications.database["parked"].find({}).to_list(None)
    assert [row["value"] for row in rows] == [None, None]
    context = (notifications.database, notifications.programs, PORTAL)
    read = Handlers({"wea.educators.v1": on_educators}, context, notifications.clock, READER)
    assert (await parking.retry(notifications.database, ROSA, read)).left == 0


async def test_erasure_finds_its_address_on_what_was_sent_to_it_for_an_account_that_was_merged_away_then(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile(name="Rosa Diaz"), profile(ANA, "Ana Lee"), oriented(ANA))
    await notifications.hear(merged(ROSA, ANA))
    await notifications.send()
    await notifications.hear(unmerged(ROSA, ANA))
    sent = await notifications.message("orientation_completed")
    assert (sent["educator_id"], sent["to"]) == (ANA, ADDRESS)
    await notifications.hear(erased())
    kept = await notifications.database["messages"].find({}).to_list(None)
    assert "Rosa" not in str(kept)
    assert ADDRESS not in str(kept)
    async with notifications.asked_by("staff") as staff:
        await staff.post(f"/messages/{sent['_id']}/resend", json={"reason": "it is hers"})
    await notifications.send()
    assert (await notifications.message("orientation_completed"))["to"] == "e-ana@example.org"
    await notifications.hear(erased(ANA))
    assert "Ana" not in str(await notifications.database["messages"].find({}).to_list(None))


async def test_erasure_finds_its_address_on_what_went_to_it_before_the_kept_account_had_one(
    notifications: Notifications,
) -> None:
    await notifications.hear(merged(ROSA, ANA), profile(ANA, "Ana Lee"), oriented())
    await notifications.send()
    assert (await notifications.message("orientation_completed"))["to"] == "e-ana@example.org"
    await notifications.hear(granted())
    await notifications.hear(unmerged(ROSA, ANA), erased(ANA))
    kept = await notifications.database["messages"].find({}).to_list(None)
    assert {row["status"] for row in kept} == {"sent", "queued"}
    assert "Ana" not in str(kept)
    assert "e-ana@" not in str(kept)


async def test_two_senders_share_the_queue_and_send_each_message_once(notifications: Notifications) -> None:
    await notifications.hear(*(profile(f"E-{n}") for n in range(60)))
    async with notifications.sending(), notifications.sending():
        await notifications.until_settled()
    assert len(notifications.mail.delivered) == 60
    assert len({delivered.to for delivered in notifications.mail.delivered}) == 60


async def test_a_domain_gets_no_more_than_its_rate(notifications: Notifications) -> None:
    await notifications.hear(*(profile(f"E-{n}") for n in range(6)))
    began = asyncio.get_running_loop().time()
    await notifications.send(domain_rate=4.0)
    assert len(notifications.mail.delivered) == 6
    assert asyncio.get_running_loop().time() - began > 0.4


async def test_all_mail_can_be_stopped_and_started(notifications: Notifications) -> None:
    await notifications.hear(profile())
    async with notifications.asked_by("operator") as operator:
        assert (await operator.post("/mail/stop", json={"reason": "wrong templates"})).json()["stopped"] is True
        async with notifications.sending():
            await asyncio.sleep(0.5)
        assert notifications.mail.delivered == []
        await operator.post("/mail/start", json={"reason": "mended"})
    await notifications.send()
    assert len(notifications.mail.delivered) == 1


async def test_a_reminder_of_yesterday_that_is_dropped_makes_no_second_one_today(notifications: Notifications) -> None:
    """Mail was stopped overnight: today's reminder was made before yesterday's was dropped."""
    async with notifications.asked_by("operator") as operator:
        await operator.post("/mail/stop", json={"reason": "a wrong text"})
        await notifications.hear(profile(), oriented(), nea_registered(at=NOON - 2 * DAY))
        await notifications.tick()
        await notifications.hear(attended(opens=None))
        for hours in (24, 1):
            notifications.clock.now += hours * HOUR
            await notifications.tick()
        await operator.post("/mail/start", json={"reason": "mended"})
    for _ in range(2):
        await notifications.send()
        await notifications.tick()
    reminders = [d.mail for d in notifications.mail.delivered if d.mail["List-Unsubscribe"]]
    assert [str(mail["Subject"]) for mail in reminders] == ["For which micro-credential was your Workshop?"]
    notifications.clock.now += DAY
    await notifications.tick()
    await notifications.send()
    assert len([d for d in notifications.mail.delivered if d.mail["List-Unsubscribe"]]) == 2


async def test_a_transcript_that_is_out_of_date_is_told_though_its_moment_is_finer_than_what_is_kept(
    notifications: Notifications,
) -> None:
    notifications.clock.now += timedelta(microseconds=123_456)
    kind = ExceptionKind.TRANSCRIPT_SUPERSEDED
    await notifications.hear(profile(), case(kind, id="X-1"), case(kind, id="X-2"))
    await notifications.send()
    subjects = [str(d.mail["Subject"]) for d in notifications.mail.delivered]
    assert subjects.count("Your transcript of clock hours is out of date") == 1


async def test_a_seat_and_its_session_may_come_in_any_order(notifications: Notifications) -> None:
    await notifications.hear(profile(), reserved(), scheduled(), reserved(session="W-2"), scheduled("W-2"))
    await notifications.send()
    seats = [d.mail for d in notifications.mail.delivered if str(d.mail["Subject"]).startswith("Your seat")]
    assert len(seats) == 2
    assert all(part.get_content_type() in ("application/ics",) for mail in seats for part in mail.iter_attachments())


async def test_an_unusable_address_fails_alone(notifications: Notifications) -> None:
    await notifications.hear(profile("E-1", email='"a b"@example.org'), profile("E-2", email="rosa@bücher.example"))
    await notifications.hear(profile("E-3", email="x" * 290 + "@"), profile("E-4", email="jörg@example.org"))
    await notifications.send()
    found = await notifications.database["messages"].find({}).to_list(None)
    assert {row["educator_id"]: row["status"] for row in found} == {
        "E-1": "sent",
        "E-2": "sent",
        "E-3": "failed",
        "E-4": "sent",
    }
    assert {delivered.to for delivered in notifications.mail.delivered} == {
        '"a b"@example.org',
        "rosa@xn--bcher-kva.example",
        "jörg@example.org",
    }


async def test_what_fails_again_after_staff_resend_it_is_told_again_and_holds_up_nobody(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile(email="x" * 290 + "@"))
    await notifications.send()
    await resend(notifications, "welcome")
    await notifications.hear(profile(ANA))
    await notifications.send()
    told = await notifications.published.events()
    assert sorted(event.type.split(".")[2] for event in told) == ["NotificationFailed"] * 2 + ["NotificationSent"]
    assert len({event.id for event in told}) == 3


async def test_what_was_lost_and_then_refused_is_told_twice(notifications: Notifications) -> None:
    """As after SIGKILL while it was being sent: what becomes of it then is another event."""
    await notifications.hear(profile(), registered(at=notifications.clock() - 3 * DAY))
    await notifications.send()
    await notifications.tick()
    being_sent = {"$set": {"owner": "dead", "status": "sending", "tries": 1}}
    await notifications.database["messages"].update_one({"kind": "steps_missing"}, being_sent)
    await notifications.send()
    assert (await notifications.states())["steps_missing"] == "unknown"
    await resend(notifications, "steps_missing")
    notifications.mail.will(ADDRESS, How.SAYS_550)
    await notifications.send()
    assert (await notifications.states())["steps_missing"] == "failed"
    told = [event for event in await notifications.published() if event.kind == "steps_missing"]
    assert [event.status for event in told] == ["unknown", "failed"]


async def resend(notifications: Notifications, kind: str) -> None:
    id_ = (await notifications.message(kind))["_id"]
    async with notifications.asked_by("staff") as staff:
        answer = await staff.post(f"/messages/{id_}/resend", json={"reason": "try again"})
    assert answer.status_code == 200


async def test_nothing_that_people_typed_gets_into_the_headers_or_becomes_markup(notifications: Notifications) -> None:
    name = "<b>Bad</b>\u2028Bcc:\u202evictim@example.org Rosa"
    title = "{{ 7 * 7 }} <script>alert(1)</script> " + "x" * 250
    await notifications.hear(profile(name=name), scheduled(title=title), reserved())
    await notifications.send()
    for delivered in notifications.mail.delivered:
        mail = delivered.mail
        assert mail["Bcc"] is None
        assert sorted(set(mail.keys()) - _EXPECTED) == []
        html = mail.get_body(("html",))
        assert html is not None
        assert "<script>" not in html.get_content()
        assert "<b>Bad" not in html.get_content()
        assert "49 " not in str(mail["Subject"])


_EXPECTED = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
}


@pytest.mark.parametrize("seat_commits_first", [True, False])
async def test_a_seat_and_a_plan_decided_at_the_same_time_do_not_miss_each_other(
    notifications: Notifications, seat_commits_first: bool
) -> None:
    """Both transactions are open, and neither sees the other's fact: one of them must be done again."""
    await notifications.hear(profile())
    seat, plan = notifications.records(reserved()), notifications.records(scheduled())
    first, second = (seat, plan) if seat_commits_first else (plan, seat)
    second_read, first_done = asyncio.Event(), asyncio.Event()
    with holding(second_read, first_done):
        late = asyncio.create_task(notifications.apply(second))
        await second_read.wait()
    await notifications.apply(first)
    first_done.set()
    with pytest.raises(TransientError):
        await late
    await notifications.apply(second)
    await notifications.send()
    assert (await notifications.states())["reservation_confirmed"] == "sent"


@contextmanager
def holding(read: asyncio.Event, go_on: asyncio.Event) -> Iterator[None]:
    """The next unit of work reads all that it needs, and waits before it writes."""
    write = Tx.write

    async def held(tx: Tx) -> None:
        read.set()
        await go_on.wait()
        await write(tx)

    with patch.object(Tx, "write", held):
        yield


@contextmanager
def failing_once(collection: Any, step: str) -> Iterator[asyncio.Event]:
    """The first such call by whoever sends is done, and answered by a connection that breaks."""
    kind, failed = type(collection), asyncio.Event()
    really = getattr(kind, step)

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        answer = really(self, *arguments, **named)
        if self.name != collection.name or failed.is_set() or "session" in named:
            return answer
        if step == "find" and arguments[0].get("owner") is None:
            return answer
        failed.set()
        return _Broken(answer)

    with patch.object(kind, step, call):
        yield failed


class _Broken:
    """Waits for the real answer and raises in its place; a cursor is broken from the start."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def sort(self, *_: Any) -> "_Broken":
        return self

    async def to_list(self, *_: Any) -> None:
        raise AutoReconnect

    def __await__(self) -> Generator[Any, None, None]:
        yield from self._answer.__await__()
        raise AutoReconnect


async def test_a_process_started_again_under_its_name_waits_for_nobody(notifications: Notifications) -> None:
    await notifications.hear(profile())
    owner, ahead = await notifications.database.owner(), notifications.clock().replace(year=2100)
    before = {"_id": "before", "session": owner.id, "instance": "notifications-1", "until": ahead}
    await notifications.database["senders"].insert_one(before)
    await notifications.database["messages"].update_many({}, {"$set": {"owner": "before"}})
    await notifications.send(instance="notifications-1")
    assert await notifications.states() == {"welcome": "sent"}
    assert await notifications.database["senders"].count_documents({"_id": "before"}) == 0


async def test_what_an_erasure_took_while_it_was_being_written_is_not_handed_over(
    notifications: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Sender._record_sending

    async def erased_first(sender: Sender, shift: Any, wave: Any) -> Any:
        await notifications.hear(erased())
        return await recorded(sender, shift, wave)

    monkeypatch.setattr(Sender, "_record_sending", erased_first)
    await notifications.hear(profile())
    await notifications.send()
    assert await notifications.states() == {"welcome": "dropped"}
    assert notifications.mail.delivered == []


async def test_a_message_that_our_code_cannot_write_fails_and_all_others_go_out(
    notifications: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Writer.write

    def fails(writer: Writer, document: Any, *known: Any) -> Any:
        if document["kind"] == "welcome":
            raise RuntimeError("a bug of ours")
        return write(writer, document, *known)

    monkeypatch.setattr(Writer, "write", fails)
    await notifications.hear(profile(), granted())
    await notifications.send()
    assert await notifications.states() == {"welcome": "failed", "hours_granted": "sent"}


async def test_nothing_goes_out_before_it_is_due(notifications: Notifications) -> None:
    """Hours held and granted within a moment would be told of twice."""
    await notifications.hear(profile(), awarded(), held("workshop"))
    await notifications.send()
    assert await notifications.states() == {"welcome": "sent", "hours_held": "queued"}
