"""Which records belong to an educator, and what led to what."""

from datetime import timedelta

from contracts import topics
from eventing.clock import system_now
from tests.console.conftest import World

SUBMITTED = "org.washingtonea.CredentialSubmitted.v1"
HELD = "org.washingtonea.ClockHoursHeld.v1"
SENT = "org.washingtonea.NotificationSent.v1"


async def timeline(world: World, id: str) -> list[str]:
    found = (await world.program("staff-key").get(f"/api/educators/{id}/timeline")).json()
    return [one["type"] for one in found["items"]]


async def test_neas_event_belongs_to_whom_enrollments_answer_is_about(world: World) -> None:
    webhook = world.record(
        topics.INBOX.name, "nea:N-1", "micro_credential.submitted", {}, sequenced=False, source="/webhooks/nea"
    )
    other = world.record(
        topics.INBOX.name, "nea:N-2", "micro_credential.submitted", {}, sequenced=False, source="/webhooks/nea"
    )
    told = world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED, cause=webhook, source="/enrollment")
    await world.hear(webhook, other, told)
    assert sorted(await timeline(world, "E-1")) == sorted([SUBMITTED, "micro_credential.submitted"])


async def test_neas_event_from_before_the_profile_belongs_to_whom_its_learner_is_linked_to(world: World) -> None:
    webhook = world.record(
        topics.INBOX.name, "nea:N-1", "micro_credential.submitted", {}, sequenced=False, source="/webhooks/nea"
    )
    profile = world.record(topics.INBOX.name, "E-1", "educator.updated", {}, sequenced=False, source="/portal")
    told = world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED, cause=profile, source="/enrollment")
    await world.hear(webhook, profile, told)
    linked = {"items": [{"id": "L1", "intake_key": "nea:N-1", "educator_id": "E-1"}], "next": None}
    world.services.tell("GET", "enrollment", "/links", linked)
    assert "micro_credential.submitted" in await timeline(world, "E-1")


async def test_an_event_of_another_source_with_the_same_id_is_not_the_cause(world: World) -> None:
    impostor = world.record(
        topics.PORTAL.name, "E-9", "session.attended", {}, sequenced=False, id="same", source="/else"
    )
    webhook = world.record(
        topics.INBOX.name,
        "nea:N-1",
        "micro_credential.submitted",
        {},
        sequenced=False,
        id="same",
        source="/webhooks/nea",
    )
    told = world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED, cause=webhook, source="/enrollment")
    await world.hear(impostor, webhook, told)
    assert "session.attended" not in await timeline(world, "E-1")


async def test_merged_accounts_are_one_timeline(world: World) -> None:
    world.services.tell("GET", "enrollment", "/educators/E-1", {"educator_id": "E-1", "aliases": ["E-2"]})
    await world.hear(
        world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED), world.record(topics.CLOCKHOURS.name, "E-2", HELD)
    )
    assert sorted(await timeline(world, "E-1")) == sorted([SUBMITTED, HELD])


async def test_a_timeline_is_read_page_by_page_without_a_record_twice_or_missing(world: World) -> None:
    now = system_now()
    # five of them at one moment: the place decides between them
    records = [world.record(topics.CLOCKHOURS.name, "E-1", HELD, at=now - timedelta(seconds=n // 5)) for n in range(12)]
    await world.hear(*records)
    read = await world.pages("/api/educators/E-1/timeline", limit=5)
    places = [one["place"] for page in read for one in page["items"]]
    assert sorted(places) == sorted(one.place for one in records)
    assert len(places) == len(set(places))


async def test_one_record_is_shown_with_its_whole_chain_up_and_down(world: World) -> None:
    webhook = world.record(
        topics.INBOX.name, "nea:N-1", "micro_credential.submitted", {}, sequenced=False, source="/webhooks/nea"
    )
    told = world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED, cause=webhook, source="/enrollment")
    held = world.record(topics.CLOCKHOURS.name, "E-1", HELD, cause=told, source="/clockhours")
    sent = world.record(topics.NOTIFICATIONS.name, "E-1", SENT, cause=held, source="/notifications")
    await world.hear(webhook, told, held, sent)
    page = (await world.program("staff-key").get(f"/api/streams/{told.place}")).json()
    assert {one["place"] for one in page["chain"]} == {webhook.place, told.place, held.place, sent.place}
    columns = {box["place"]: box["x"] for box in page["graph"]["boxes"]}
    assert columns[webhook.place] < columns[told.place] < columns[held.place] < columns[sent.place]
    assert len(page["graph"]["lines"]) == 3


async def test_how_long_a_webhook_took_to_become_an_email_is_measured_once(world: World) -> None:
    from prometheus_client import REGISTRY

    from services.console.latency import Latency

    webhook = world.record(
        topics.INBOX.name, "nea:N-1", "micro_credential.submitted", {}, sequenced=False, source="/webhooks/nea"
    )
    told = world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED, cause=webhook, source="/enrollment")
    sent = world.record(topics.NOTIFICATIONS.name, "E-1", SENT, cause=told, source="/notifications")
    count = REGISTRY.get_sample_value("wea_webhook_to_mail_seconds_count") or 0
    latency = Latency(world.store, system_now() - timedelta(minutes=1))
    await world.hear(webhook, told)
    await world.hear(sent)
    for _ in range(2):
        await latency.measure(system_now())
    assert REGISTRY.get_sample_value("wea_webhook_to_mail_seconds_count") == count + 1


async def test_an_old_cause_on_a_page_hides_no_record_between(world: World) -> None:
    now = system_now()
    old = world.record(
        topics.INBOX.name, "nea:N-1", "micro_credential.submitted", {}, sequenced=False, source="/webhooks/nea",
        at=now - timedelta(days=30),
    )  # fmt: skip
    told = world.record(topics.ENROLLMENT.name, "E-1", SUBMITTED, cause=old, source="/enrollment", at=now)
    between = [
        world.record(topics.CLOCKHOURS.name, "E-1", HELD, at=now - timedelta(days=n), source="/clockhours")
        for n in range(1, 6)
    ]
    await world.hear(old, told, *between)
    staff, places, after = world.program("staff-key"), set[str](), None
    for _ in range(9):
        params = {"limit": "2"} | ({"after": after} if after else {})
        page = (await staff.get("/api/educators/E-1/timeline", params=params)).json()
        places |= {one["place"] for one in page["items"]}
        if (after := page["next"]) is None:
            break
    assert places == {one.place for one in (old, told, *between)}


async def test_what_another_sources_event_of_the_same_id_led_to_is_not_in_the_chain(world: World) -> None:
    ours, theirs = (
        world.record(topics.PORTAL.name, key, "session.attended", {}, sequenced=False, id="1", source=source)
        for key, source in (("E-1", "/portal"), ("E-9", "/else"))
    )
    led = [
        world.record(topics.ENROLLMENT.name, one.key, SUBMITTED, cause=one, source="/enrollment")
        for one in (ours, theirs)
    ]
    await world.hear(ours, theirs, *led)
    page = (await world.program("staff-key").get(f"/api/streams/{ours.place}")).json()
    assert {one["place"] for one in page["chain"]} == {ours.place, led[0].place}
