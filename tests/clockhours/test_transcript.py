"""Transcripts: "each issue is recorded, the next one names what it replaces"; one page, names in any script."""

import io
import re
from datetime import timedelta

import pypdf
import pytest

from contracts import events
from contracts.hours import shown
from contracts.kinds import EntryKind
from services.clockhours.answers import ContactView, TranscriptEntry, TranscriptView
from services.clockhours.transcript import typeset
from tests.clockhours.builders import (
    ANA,
    BEN,
    NOW,
    O1,
    PROGRAMS,
    TRA1,
    W1,
    W2,
    at,
    attended,
    everything,
    merged,
    oriented,
    revoked,
)
from tests.clockhours.conftest import Clockhours

PROFILE = events.EducatorProfile(
    educator_id=ANA, name="Ana Lucía", email="ana@example.org", certificate_number="WA-123"
)
YEAR = PROGRAMS.years[0]


def transcript(entries: int, name: str = "Ana Lucía", title: str = "") -> TranscriptView:
    listed = list(YEAR.catalogue.values())
    lines = [
        TranscriptEntry(
            entry_id=str(n),
            kind=EntryKind.MICRO_CREDENTIAL,
            title=title or listed[n % len(listed)].title,
            micro_credential_id=TRA1,
            session_id=None,
            completed_at=at("2024-05-10"),
            completed_on="2024-05-10",
            minutes=900,
            hours="15",
            designations=("Equity",),
        )
        for n in range(entries)
    ]
    return TranscriptView(
        number="WEA-2024-000007",
        issued_at=NOW + timedelta(milliseconds=345),  # as the clock has it
        replaces=None,
        educator_id=ANA,
        name=name,
        certificate_number="WA-123",
        entries=tuple(lines),
        total_minutes=900 * entries,
        total_hours=shown(900 * entries),
        provider=YEAR.association,
        contact=ContactView(name="WEA clock hours", email="clockhours@example.org", url=None),
    )


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


# -- the page


@pytest.mark.parametrize("entries", [0, 1, 12, 60])
def test_it_is_one_page_with_all_that_it_must_say(entries: int) -> None:
    (text,) = pages(typeset(transcript(entries), PROGRAMS))
    assert "WEA-2024-000007" in text
    assert "June 1, 2024, 05:00 PDT" in text
    assert "Ana Lucía" in text
    assert "WA-123" in text
    assert "Washington Education Association" in text
    assert "clockhours@example.org" in text
    assert "SIGNATURE FOR THE PROVIDER" in text
    assert text.count("2024-05-10") == entries
    assert shown(900 * entries) in text


def test_more_than_a_page_holds_goes_on_with_its_head_repeated() -> None:
    all_pages = pages(typeset(transcript(200), PROGRAMS))
    assert len(all_pages) > 1
    assert sum(text.count("2024-05-10") for text in all_pages) == 200
    assert all("DESIGNATIONS" in text for text in all_pages[:-1])
    assert f"Page 1 of {len(all_pages)}" in all_pages[0]


@pytest.mark.parametrize(
    "name",
    [
        "#panic(1) *bold* $x$ \\ <a> @b _i_ ] `raw`",
        "山田 太郎",
        "김민준",
        "محمد بن عبد الله",
        "שרה כהן",
        "อรุณ ใจดี",
        "देवी शर्मा",
        "ያሬድ ገብረ",
        "Նարե Սարգսյան",
        "Zoe\u0301 N\u0303and\u00fa",
        "\U000e0001\ufffd\U0001f600",
        "x" * 300,
        "́" * 300,
    ],
)
def test_a_name_in_any_script_and_of_any_content_is_set_as_text(name: str) -> None:
    pdf = typeset(transcript(3, name=name, title=name), PROGRAMS)
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 1


@pytest.mark.parametrize("name", ["山田 太郎", "김민준", "שרה כהן", "देवी", "ጌታቸው", "Ольга Ελένη Nguyễn"])
def test_no_letter_of_these_is_missing_from_the_fonts_that_are_shipped(name: str) -> None:
    with_text = pages(typeset(transcript(0, name=name), PROGRAMS))[0]
    found = re.sub(r"\s", "", with_text)
    assert all(letter in found for letter in re.sub(r"\s", "", name))


# -- its numbers


async def test_a_transcript_keeps_its_number_while_it_says_the_same(clockhours: Clockhours) -> None:
    await clockhours.given(PROFILE, *everything(ANA))

    first = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    again = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    assert first == again
    assert first["number"] == "WEA-2024-000001"
    assert first["replaces"] is None
    assert (first["name"], first["certificate_number"]) == ("Ana Lucía", "WA-123")
    assert first["total_hours"] == "18"
    assert [(e["title"], e["hours"], e["completed_on"]) for e in first["entries"]] == [
        ("WEA Orientation", "1.5", "2024-01-10"),
        ("WEA Workshop", "1.5", "2024-02-10"),
        ("Trauma Informed Pedagogy: Creating a Healing Centered Learning Environment", "15", "2024-05-10"),
    ]
    assert await clockhours.published() == []

    pdf = await clockhours.get(f"/educators/{ANA}/transcript.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert "WEA-2024-000001" in pages(pdf.content)[0]


async def test_a_changed_record_gets_a_new_number_that_names_the_one_it_replaces(clockhours: Clockhours) -> None:
    await clockhours.given(PROFILE, *everything(ANA))
    await clockhours.get(f"/educators/{ANA}/transcript")

    await clockhours.when(revoked(ANA))
    (opened,) = await clockhours.exceptions(kind="transcript_superseded", status="open")
    assert (opened["educator_id"], opened["micro_credential_id"]) == (ANA, TRA1)

    second = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    assert (second["number"], second["replaces"]) == ("WEA-2024-000002", "WEA-2024-000001")
    assert len(second["entries"]) == 2, "every unreversed entry"
    assert second["total_minutes"] == 180
    assert len(await clockhours.exceptions(kind="transcript_superseded")) == 1


async def test_requests_that_pass_each_other_issue_one_after_the_other_all_the_same(clockhours: Clockhours) -> None:
    """Each has read the time before its turn came, so an issue can follow on one of a later time."""
    issued = []
    for number, seconds in enumerate((2, 1, 3), start=1):
        await clockhours.given(PROFILE.model_copy(update={"certificate_number": f"WA-{number}"}))
        clockhours.clock.now = NOW + timedelta(seconds=seconds)
        issued += [(await clockhours.get(f"/educators/{ANA}/transcript")).json() for _ in range(2)]

    one, two, three = (f"WEA-2024-00000{n}" for n in (1, 2, 3))
    assert [i["number"] for i in issued] == [one, one, two, two, three, three]
    assert [i["replaces"] for i in issued[::2]] == [None, one, two]
    assert [i["certificate_number"] for i in issued[::2]] == ["WA-1", "WA-2", "WA-3"]
    times = [i["issued_at"] for i in issued]
    assert times == sorted(times), "the time of issue never falls"


@pytest.mark.parametrize("change", [{"name": "Ana Ruiz"}, {"certificate_number": "WA-9"}, {"certificate_number": None}])
async def test_another_name_or_certificate_number_is_another_transcript(
    clockhours: Clockhours, change: dict[str, str | None]
) -> None:
    await clockhours.given(PROFILE)
    first = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    await clockhours.given(PROFILE.model_copy(update=change))
    second = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    assert second == first | {"number": "WEA-2024-000002", "replaces": "WEA-2024-000001"} | change


async def test_entries_are_by_their_completion_on_its_local_day(clockhours: Clockhours) -> None:
    late = attended(ANA, W2, opens=None, ended="2024-02-11T04:00")  # 20:00 of the day before
    await clockhours.given(late, oriented(ANA, ended="2024-02-10T20:00"), attended(ANA, W1, ended="2024-02-10T07:59"))
    shown = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    days = [(entry["session_id"], entry["completed_on"]) for entry in shown["entries"]]
    assert days == [(W1, "2024-02-09"), (O1, "2024-02-10"), (W2, "2024-02-10")]
    assert (shown["provider"], shown["contact"]["email"]) == (YEAR.association, YEAR.contacts.clock_hours.email)


async def test_numbers_begin_anew_with_each_year_of_the_programmes_time_zone(clockhours: Clockhours) -> None:
    numbers = []
    for who, now in ((ANA, "2024-12-31T20:00"), (BEN, "2025-01-01T07:59"), ("cam", "2025-01-01T08:00")):
        clockhours.clock.now = at(now)
        await clockhours.given(oriented(who))
        numbers.append((await clockhours.get(f"/educators/{who}/transcript")).json()["number"])
    assert numbers == ["WEA-2024-000001", "WEA-2024-000002", "WEA-2025-000001"]


async def test_numbers_are_unique_over_all_educators(clockhours: Clockhours) -> None:
    await clockhours.given(*everything(ANA), *everything(BEN))
    numbers = [(await clockhours.get(f"/educators/{who}/transcript")).json()["number"] for who in (ANA, BEN, ANA)]
    assert numbers == ["WEA-2024-000001", "WEA-2024-000002", "WEA-2024-000001"]


async def test_a_merge_brings_one_transcript_under_the_kept_name(clockhours: Clockhours) -> None:
    other = events.EducatorProfile(educator_id=BEN, name="Old Account", email="ana@example.org")
    await clockhours.given(PROFILE, other, *everything(BEN))
    old = (await clockhours.get(f"/educators/{BEN}/transcript")).json()

    await clockhours.when(merged(BEN, into=ANA))
    new = (await clockhours.get(f"/educators/{BEN}/transcript")).json()
    assert (new["educator_id"], new["name"]) == (ANA, "Ana Lucía")
    assert new["replaces"] == old["number"]
    assert new["total_minutes"] == 1080


async def test_a_kept_account_without_a_profile_has_one_transcript_whichever_of_its_accounts_is_asked_for(
    clockhours: Clockhours,
) -> None:
    ben, cam = (events.EducatorProfile(educator_id=who, name=who, email="e@example.org") for who in (BEN, "cam"))
    await clockhours.given(ben, cam, oriented(ANA), merged(BEN, into=ANA), merged("cam", into=ANA))
    answers = [(await clockhours.get(f"/educators/{who}/transcript")).json() for who in ("cam", BEN, ANA)]
    assert {(one["name"], one["number"]) for one in answers} == {(BEN, answers[0]["number"])}


async def test_an_erased_account_that_is_merged_into_a_living_one_leaves_her_the_transcript(
    clockhours: Clockhours,
) -> None:
    """As enrollment has it (docs/decisions/0404): the living one stays as it is. Erasing her erases every account."""
    await clockhours.given(PROFILE, oriented(BEN), events.EducatorErased(educator_id=BEN), merged(BEN, into=ANA))
    for path in (ANA, BEN):
        shown = (await clockhours.get(f"/educators/{path}/transcript")).json()
        assert (shown["educator_id"], shown["name"], shown["total_minutes"]) == (ANA, "Ana Lucía", 90)

    await clockhours.given(events.EducatorErased(educator_id=ANA))
    for path in (ANA, BEN):
        assert (await clockhours.get(f"/educators/{path}/transcript")).status_code == 410
    kept = await clockhours.database["transcripts"].find({"educator_id": ANA}).to_list(None)
    assert kept
    assert all("digest" not in row for row in kept), "it is made of the name"


async def test_somebody_known_by_name_alone_has_an_empty_transcript_and_nobody_has_none(
    clockhours: Clockhours,
) -> None:
    await clockhours.given(PROFILE)
    empty = (await clockhours.get(f"/educators/{ANA}/transcript")).json()
    assert (empty["entries"], empty["total_hours"]) == ([], "0")
    assert (await clockhours.get("/educators/nobody/transcript")).status_code == 404
