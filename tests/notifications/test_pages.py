"""What staff, operators and educators see and do over HTTP."""

import re
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from contracts import events
from contracts.event import EventData
from contracts.kinds import ConflictKind, EntryKind, ExceptionKind, SessionKind
from services.notifications.invitation import uid
from services.notifications.links import LIFE
from services.notifications.neighbours import Neighbours
from services.notifications.reasons import Drop
from services.notifications.timers import on_digest
from tests.notifications.builders import (
    ANA,
    DAY,
    HOUR,
    NOON,
    ROSA,
    TRA1,
    attended,
    called_off,
    case,
    erased,
    gave_up,
    granted,
    local,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    scheduled,
    submitted,
    unmerged,
)
from tests.notifications.conftest import PUBLIC, Notifications
from tests.notifications.mail_server import Delivered
from tests.paging import pages


def link_in(delivered: Delivered, what: str) -> str:
    """The path of a personal link in an e-mail."""
    text = delivered.mail.get_body(("plain",))
    assert text is not None
    found = re.search(rf"{PUBLIC}(/{what}/\S+)", text.get_content())
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("GET", "/messages", None, 401),
        ("GET", "/messages", "portal", 403),
        ("GET", "/messages", "staff", 200),
        ("GET", "/messages/none", "staff", 404),
        ("POST", "/messages/none/resend", "staff", 404),
        ("POST", "/messages/none/resend", "operator", 403),
        ("POST", "/mail/stop", "staff", 403),
        ("POST", "/mail/stop", "operator", 200),
        ("POST", "/tasks/none/resolve", "staff", 422),
        ("GET", "/tasks", "portal", 403),
        ("GET", "/messages?kind=invented", "staff", 422),
        ("GET", "/progress/unknown", None, 404),
        ("GET", "/unsubscribe/unknown", None, 404),
        ("POST", "/unsubscribe/unknown.signature", None, 404),
    ],
)
async def test_each_caller_gets_the_answer_of_its_role(
    notifications: Notifications, method: str, path: str, role: str | None, status: int
) -> None:
    async with notifications.asked_by(role) as caller:
        body = {"reason": "a test"} if method == "POST" else None
        assert (await caller.request(method, path, json=body)).status_code == status


async def test_messages_are_listed_by_educator_and_kind_and_each_is_on_one_page(notifications: Notifications) -> None:
    await notifications.hear(profile(), profile(ANA, "Ana Lee"), granted())
    await notifications.send()
    async with notifications.asked_by("staff") as staff:
        answer = (await staff.get("/messages", params={"educator_id": ROSA, "kind": "hours_granted"})).json()
        [message] = answer["items"]
        assert message["micro_credential_id"] == TRA1
        assert message["to"] == "e-rosa@example.org"
        assert (message["status"], message["educator_id"]) == ("sent", ROSA)
        assert message["sent_at"] is not None
    seen = [item["message_id"] for item in await items_of(notifications, "/messages", 1)]
    assert len(seen) == len(set(seen)) == 3


async def test_the_newest_message_is_first_and_a_filter_leaves_out_the_rest(notifications: Notifications) -> None:
    await notifications.hear(profile(), profile(ANA, "Ana Lee"))
    await notifications.send()
    notifications.clock.now += HOUR
    await notifications.hear(granted())

    async def listed(**params: str) -> list[tuple[str, str, str]]:
        async with notifications.asked_by("staff") as staff:
            items = (await staff.get("/messages", params=params)).json()["items"]
        return [(item["kind"], item["educator_id"], item["status"]) for item in items]

    hers, new = ("welcome", ROSA, "sent"), ("hours_granted", ROSA, "queued")
    everything = await listed()
    assert everything[0] == new
    assert sorted(everything[1:]) == [("welcome", ANA, "sent"), hers]
    assert await listed(limit="1") == [new]
    assert await listed(status="queued") == await listed(kind="hours_granted") == [new]
    assert await listed(status="sent") == await listed(kind="welcome") == everything[1:]
    assert await listed(educator_id=ROSA) == [new, hers]
    assert await listed(educator_id=ROSA, kind="welcome", status="queued") == []

    await notifications.hear(merged(ROSA, ANA))
    assert await listed(educator_id=ROSA) == await listed(educator_id=ANA) == everything, "of all accounts"


async def test_a_message_is_listed_with_what_it_is_about_and_when(notifications: Notifications) -> None:
    await notifications.hear(profile(), scheduled(), reserved())
    notifications.clock.now += HOUR
    await notifications.send()
    async with notifications.asked_by("staff") as staff:
        params = {"kind": "reservation_confirmed"}
        (item,) = (await staff.get("/messages", params=params)).json()["items"]
    assert item == {
        "message_id": item["message_id"],
        "kind": "reservation_confirmed",
        "educator_id": ROSA,
        "micro_credential_id": TRA1,
        "session_id": "W-1",
        "to": "e-rosa@example.org",
        "subject": item["subject"],
        "status": "sent",
        "created_at": "2024-04-02T19:00:00Z",
        "sent_at": "2024-04-02T20:00:00Z",
        "reason": None,
        "meaning": None,
        "tries": 1,
    }
    assert "Workshop" in item["subject"]


async def test_one_message_is_shown_as_it_was_sent_without_its_personal_link(notifications: Notifications) -> None:
    await notifications.hear(profile())
    await notifications.send()
    token = link_in(notifications.mail.delivered[0], "progress").rsplit("/", 1)[1]
    async with notifications.asked_by("staff") as staff:
        id_ = (await staff.get("/messages")).json()["items"][0]["message_id"]
        shown = (await staff.get(f"/messages/{id_}")).json()
    assert "Hello Rosa," in shown["text"]
    assert "<h1" in shown["html"]
    assert token not in str(shown)


async def test_a_reminder_is_shown_to_staff_without_the_link_that_stops_reminders_and_resent_with_it(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile(), nea_registered())
    await notifications.tick()
    await notifications.send()
    stop = notifications.linker.unsubscribe(ROSA)
    reminder = await notifications.message("steps_missing")
    async with notifications.asked_by("staff") as staff:
        assert stop not in (await staff.get(f"/messages/{reminder['_id']}")).text
        assert stop not in str(reminder)
        await notifications.hear(oriented())  # nothing is left to say: it goes out as it did
        await staff.post(f"/messages/{reminder['_id']}/resend", json={"reason": "she lost it"})
    await notifications.send()
    first, again = [d for d in notifications.mail.delivered if d.mail["List-Unsubscribe"]]
    for part in ("plain", "html"):
        bodies = [d.mail.get_body((part,)) for d in (first, again)]
        assert all(body is not None and stop in body.get_content() for body in bodies)


async def test_resending_sends_once_however_often_it_is_asked_for(notifications: Notifications) -> None:
    await notifications.hear(profile(), oriented())
    await notifications.send()
    notifications.clock.now += 30 * DAY
    message = await notifications.message("orientation_completed")
    async with notifications.asked_by("staff") as staff:
        for _ in range(3):
            answer = await staff.post(f"/messages/{message['_id']}/resend", json={"reason": "she lost it"})
            assert answer.status_code == 200
            await notifications.send()
    resent = [d for d in notifications.mail.delivered if "Orientation done" in str(d.mail["Subject"])]
    assert len(resent) == 2
    assert resent[0].mail["Message-ID"] != resent[1].mail["Message-ID"]


async def test_the_progress_page_shows_steps_and_hours_and_is_kept_by_nobody(notifications: Notifications) -> None:
    await notifications.hear(
        profile(), oriented(), granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1"), nea_registered()
    )
    await notifications.send()
    async with notifications.asked_by(None) as anyone:
        page = await anyone.get(link_in(notifications.mail.delivered[-1], "progress"))
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "Rosa, your clock hours" in page.text
    assert "Diaz" not in page.text
    assert "1.5 clock hours" in page.text
    assert "Registered with WEA for clock hours" in page.text
    assert "Friday, April 26, 2024" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    "facts",
    [
        [profile(email="new@example.org")],
        [merged(ANA, ROSA)],
        [merged(ANA, ROSA), unmerged(ANA, ROSA)],
        [erased()],
    ],
    ids=["the address changed", "merged away", "merged away and parted again", "erased"],
)
async def test_a_link_is_void_once(notifications: Notifications, facts: list[EventData]) -> None:
    await notifications.hear(profile(), profile(ANA))
    await notifications.send()
    path = next(link_in(d, "progress") for d in notifications.mail.delivered if d.to == "e-rosa@example.org")
    async with notifications.asked_by(None) as anyone:
        assert (await anyone.get(path)).status_code == 200
        await notifications.hear(*facts)
        assert (await anyone.get(path)).status_code == 410


@pytest.mark.parametrize(
    "facts",
    [[profile()], [unmerged(ROSA, ANA)], [profile(ANA, email="new@example.org")], [erased(ANA)]],
    ids=["the kept one has its own", "they are parted again", "that address changed", "that account is erased"],
)
async def test_a_link_that_went_to_a_merged_accounts_address_is_void_once(
    notifications: Notifications, facts: list[EventData]
) -> None:
    await notifications.hear(profile(ANA), merged(ROSA, ANA), oriented())
    await notifications.send()
    path = link_in(notifications.mail.delivered[-1], "progress")
    assert notifications.mail.delivered[-1].to == "e-ana@example.org"
    async with notifications.asked_by(None) as anyone:
        assert (await anyone.get(path)).status_code == 200
        await notifications.hear(*facts)
        assert (await anyone.get(path)).status_code == 410


async def test_a_link_is_void_after_ninety_days_of_programme_time(notifications: Notifications) -> None:
    await notifications.hear(profile())
    await notifications.send()
    path = link_in(notifications.mail.delivered[0], "progress")
    async with notifications.asked_by(None) as anyone:
        notifications.clock.now = NOON + LIFE - DAY
        assert (await anyone.get(path)).status_code == 200
        notifications.clock.now = NOON + LIFE
        assert (await anyone.get(path)).status_code == 410


async def test_a_reminder_can_be_stopped_by_one_click_and_other_messages_cannot(notifications: Notifications) -> None:
    await notifications.hear(profile(), nea_registered())
    await notifications.tick()
    await notifications.send()
    by_kind = {str(d.mail["Subject"]).split(":")[0]: d for d in notifications.mail.delivered}
    assert by_kind["Welcome, Rosa"].mail["List-Unsubscribe"] is None
    reminder = by_kind["A step is missing"].mail
    assert reminder["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = str(reminder["List-Unsubscribe"]).strip("<>")
    async with notifications.asked_by(None) as anyone:
        assert (await anyone.get(url)).status_code == 200  # a scanner follows it: nothing happens
        notifications.clock.now += 2 * DAY
        click = {"List-Unsubscribe": "One-Click"}
        assert (await anyone.post(url, data=click)).status_code == 200
        await notifications.tick()
        assert await notifications.database["messages"].count_documents({}) == 2
        assert (await anyone.post(f"{url}?again=true")).status_code == 200
        await notifications.tick()
        assert await notifications.database["messages"].count_documents({}) == 3


async def test_who_asks_without_wanting_the_page_is_answered_as_with_it(notifications: Notifications) -> None:
    """Scanners of mail ask for each link's HEAD, balancers for that of health."""
    await notifications.hear(profile(), nea_registered())
    await notifications.send()
    progress = link_in(notifications.mail.delivered[-1], "progress")
    async with notifications.asked_by(None) as anyone:
        for path in (progress, f"{progress}/sessions.ics", "/progress/unknown", "/health/live", "/health/ready"):
            asked, read = await anyone.head(path), await anyone.get(path)
            assert (asked.status_code, asked.headers["content-type"]) == (
                read.status_code,
                read.headers["content-type"],
            )


async def test_reminders_can_be_stopped_though_the_kept_account_has_no_profile_yet(
    notifications: Notifications,
) -> None:
    """The link is in a mail to the account that was merged away; the other one's profile comes later."""
    await notifications.hear(profile(ANA), nea_registered(ANA))
    await notifications.tick()
    await notifications.send()
    await notifications.hear(merged(ROSA, ANA))
    async with notifications.asked_by(None) as anyone:
        assert (await anyone.post(notifications.linker.unsubscribe(ANA))).status_code == 200
        notifications.clock.now += 2 * DAY
        await notifications.hear(profile(ROSA))
        await notifications.tick()
        assert await notifications.database["messages"].count_documents({"educator_id": ROSA}) == 0
        assert (await anyone.post(f"{notifications.linker.unsubscribe(ANA)}?again=true")).status_code == 200
        await notifications.tick()
        assert await notifications.database["messages"].count_documents({"educator_id": ROSA}) == 1
        await notifications.hear(erased(ROSA), erased(ANA))
        assert (await anyone.post(notifications.linker.unsubscribe(ANA))).status_code == 410


def calendars(notifications: Notifications) -> list[Calendar]:
    """The calendar files that were sent, in order."""
    found = []
    for delivered in notifications.mail.delivered:
        for part in delivered.mail.iter_attachments():
            content = part.get_content()
            calendar = Calendar.from_ical(content)
            assert isinstance(calendar, Calendar)
            found.append(calendar)
    return found


async def test_a_seat_keeps_its_uid_and_raises_its_sequence(notifications: Notifications) -> None:
    await notifications.hear(profile(), scheduled(), reserved())
    await notifications.send()
    await notifications.hear(scheduled(starts_at=NOON + 12 * DAY))
    await notifications.send()
    await notifications.hear(gave_up())
    await notifications.send()
    await notifications.hear(reserved())
    await notifications.send()
    await notifications.hear(called_off())
    await notifications.send()
    files = calendars(notifications)
    seats = [event for calendar in files for event in calendar.walk("VEVENT")]
    assert len({str(event["UID"]) for event in seats}) == 1
    assert [int(str(event["SEQUENCE"])) for event in seats] == [0, 1, 2, 3, 4]
    assert [str(calendar["METHOD"]) for calendar in files] == ["REQUEST", "REQUEST", "CANCEL", "REQUEST", "CANCEL"]
    assert [str(event["STATUS"]) for event in seats] == [
        "CONFIRMED",
        "CONFIRMED",
        "CANCELLED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert all(calendar.walk("VTIMEZONE") for calendar in files)
    assert seats[1].decoded("DTSTART") == NOON + 12 * DAY
    assert all("e-rosa@example.org" in str(event["ATTENDEE"]) for event in seats)


def sequences(notifications: Notifications, who: str) -> list[tuple[int, str]]:
    """Of the calendar files sent for an account's seat: SEQUENCE and STATUS, in order."""
    events = [event for calendar in calendars(notifications) for event in calendar.walk("VEVENT")]
    return [(int(str(e["SEQUENCE"])), str(e["STATUS"])) for e in events if str(e["UID"]) == uid(who, "W-1")]


async def test_a_seat_that_a_merge_brings_along_is_changed_and_taken_out_where_calendars_have_it(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile(), profile(ANA), scheduled(), reserved(ANA))
    await notifications.send()
    await notifications.hear(merged(ROSA, ANA), scheduled(starts_at=NOON + 12 * DAY))
    await notifications.send()
    async with notifications.asked_by(None) as anyone:
        page = link_in(notifications.mail.delivered[-1], "progress")
        shown = Calendar.from_ical((await anyone.get(f"{page}/sessions.ics")).text)
    assert [str(event["UID"]) for event in shown.walk("VEVENT")] == [uid(ANA, "W-1")]
    await notifications.hear(called_off())
    await notifications.send()
    assert sequences(notifications, ANA) == [(0, "CONFIRMED"), (1, "CONFIRMED"), (2, "CANCELLED")]
    assert sequences(notifications, ROSA) == []


async def test_a_seat_of_both_accounts_raises_its_sequence_when_their_merge_is_undone(
    notifications: Notifications,
) -> None:
    await notifications.hear(profile(), profile(ANA), scheduled(), reserved())
    for fact in (reserved(ANA), gave_up(ANA), reserved(ANA)):
        await notifications.hear(fact)
        await notifications.send()
    await notifications.hear(merged(ROSA, ANA), scheduled(starts_at=NOON + 12 * DAY))
    await notifications.send()
    await notifications.hear(unmerged(ROSA, ANA), scheduled(starts_at=NOON + 13 * DAY))
    await notifications.send()
    for who in (ROSA, ANA):
        numbers = [number for number, _ in sequences(notifications, who)]
        assert numbers == sorted(set(numbers)), who


async def test_staff_hear_of_an_identity_conflict_at_once_and_of_the_rest_once_a_day(
    notifications: Notifications,
) -> None:
    conflict = events.ConflictOpened(educator_id=ROSA, kind=ConflictKind.IDENTITY_CONFLICT, holder_educator_id=ANA)
    await notifications.hear(profile(), conflict, case(ExceptionKind.LATE_ATTEMPT))
    notifications.clock.now += HOUR
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            await on_digest(notifications.database, notifications.programs, Neighbours(client), notifications.clock())
    await notifications.send()
    to_staff = [d.mail for d in notifications.mail.delivered if d.to == "microcredentials@example.org"]
    assert sorted(str(mail["Subject"]) for mail in to_staff) == [
        "Micro-credentials today: 1 new exception",
        "Needs a look now: two profiles claim one NEA number",
    ]
    assert {event.kind for event in await notifications.published()} == {"welcome"}


async def items_of(notifications: Notifications, path: str, limit: int, **wanted: str) -> list[dict[str, Any]]:
    """All of a list, read so many at a time."""
    async with notifications.asked_by("staff") as staff:

        async def ask(**after: str) -> dict[str, Any]:
            page: dict[str, Any] = (await staff.get(path, params={"limit": str(limit), **wanted, **after})).json()
            return page

        return [item for page in await pages(ask) for item in page["items"]]


async def test_tasks_are_listed_by_when_they_were_opened_a_page_at_a_time(notifications: Notifications) -> None:
    tasks = [
        {"_id": id_, "kind": "address_refused", "status": status, "opened_at": NOON + days * DAY, "educator_id": ROSA}
        for id_, days, status in (("a", 3, "open"), ("b", 1, "open"), ("c", 2, "resolved"), ("d", 1, "open"))
    ]
    await notifications.database["tasks"].insert_many(tasks)
    for limit in (1, 2, 3):
        found = await items_of(notifications, "/tasks", limit)
        assert [(task["task_id"], task["educator_id"]) for task in found] == [(id_, ROSA) for id_ in "bdca"]
        found = await items_of(notifications, "/tasks", limit, status="open")
        assert [task["task_id"] for task in found] == ["b", "d", "a"]


async def test_messages_are_listed_from_the_newest_on_a_page_at_a_time_those_of_a_moment_by_id(
    notifications: Notifications,
) -> None:
    about = {"kind": "welcome", "educator_id": ROSA, "status": "dropped", "reason": "cause_gone"}
    messages = [
        {"_id": id_, "key": id_, "created_at": NOON + days * DAY, **about}
        for id_, days in (("a", 1), ("b", 3), ("c", 2), ("d", 3))
    ]
    await notifications.database["messages"].insert_many(messages)
    for limit in (1, 2, 3):
        found = await items_of(notifications, "/messages", limit)
        assert [message["message_id"] for message in found] == ["b", "d", "c", "a"]
    assert {message["meaning"] for message in found} == {Drop.CAUSE_GONE.meaning}


async def test_openapi_names_every_route(notifications: Notifications) -> None:
    async with notifications.asked_by(None) as anyone:
        document = (await anyone.get("/openapi.json")).json()
    wanted = {"/messages", "/messages/{message_id}/resend", "/progress/{token}", "/unsubscribe/{token}", "/mail/stop"}
    assert wanted <= document["paths"].keys()


async def test_who_holds_a_seat_is_not_asked_to_reserve_one(notifications: Notifications) -> None:
    orientation = scheduled("O-9", NOON + DAY, SessionKind.ORIENTATION)
    await notifications.hear(profile(), orientation, scheduled(), reserved(session="O-9", credential=None))

    async def page() -> str:
        await notifications.send()
        async with notifications.asked_by(None) as anyone:
            return (await anyone.get(link_in(notifications.mail.delivered[-1], "progress"))).text

    assert "Next:" not in await page()
    await notifications.hear(nea_registered(), registered())
    assert "Reserve a seat in a Workshop" in await page()
    await notifications.hear(reserved())
    shown = await page()
    assert "Your seat: April 3, 2024" in shown
    assert "Your seat: April 12, 2024" in shown
    assert "Submit to NEA" in shown
    assert "Reserve a seat" not in shown
    notifications.clock.now += 12 * DAY  # they were not there
    assert "Reserve a seat in an Orientation" in await page()


async def test_the_page_shows_the_seats_that_are_still_to_come_in_their_order(notifications: Notifications) -> None:
    sessions = {
        "W-off": ("Called off", 3),
        "W-late": ("A later one", 5),
        "W-gone": ("Given up", 4),
        "W-soon": ("Zen", 2),
    }
    for session, (title, days) in sessions.items():
        await notifications.hear(scheduled(session, NOON + days * DAY, title=title), reserved(session=session))
    await notifications.hear(profile(), called_off("W-off"), gave_up(session="W-gone"))
    await notifications.send()
    path = link_in(notifications.mail.delivered[-1], "progress")

    async def shown() -> list[str]:
        async with notifications.asked_by(None) as anyone:
            text = (await anyone.get(path)).text
        titles = [title for title, _ in sessions.values() if title in text]
        return sorted(titles, key=text.index)

    assert await shown() == ["Zen", "A later one"]
    notifications.clock.now += 2 * DAY + HOUR
    assert await shown() == ["Zen", "A later one"], "it is going on"
    notifications.clock.now += HOUR
    assert await shown() == ["A later one"]


async def test_the_page_shows_hours_by_designation_and_what_is_done_and_open(notifications: Notifications) -> None:
    for about, designations in ((TRA1, ("Equity",)), ("EX_CLIM1", ("STEM", "Equity"))):
        await notifications.hear(granted(about=about, minutes=450, designations=designations))
    await notifications.hear(profile(), attended(opens=None), oriented(at=local(4, 1, 20)))
    await notifications.send()
    async with notifications.asked_by(None) as anyone:
        text = (await anyone.get(link_in(notifications.mail.delivered[-1], "progress"))).text
    words = " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S).split())
    assert "15 clock hours" in words
    assert "STEM certificate renewal 7.5 15 Equity-based school practices 15 15 Leadership 0 –" in words
    assert "WEA Orientation, once for all: done on Monday, April 1, 2024." in words
    assert "One Workshop does not count for a micro-credential yet." in words


async def test_what_is_merged_is_shown_on_one_page(notifications: Notifications) -> None:
    await notifications.hear(profile(), profile(ANA), merged(ROSA, ANA), attended(ANA), submitted(ANA), registered())
    await notifications.send()
    path = next(
        link_in(d, "progress") for d in notifications.mail.delivered if "Workshop done" in str(d.mail["Subject"])
    )
    async with notifications.asked_by(None) as anyone:
        page: httpx.Response = await anyone.get(path)
    assert "Submitted to NEA" in page.text
    assert page.text.count("✓") == 4  # NEA's registration is implied by the submission
