"""The year's export: "one row a ledger entry completed in that year, reversals included, by granted_at"."""

import csv
import io
from datetime import timedelta

import openpyxl
import pytest

from contracts import events
from contracts.kinds import SessionKind
from contracts.program import Program, Programs
from services.clockhours import export
from services.clockhours.export import COLUMNS, FORMULA, harmless
from tests.clockhours.builders import (
    ANA,
    BEN,
    CLIM,
    O1,
    PROGRAMS,
    TRA1,
    W1,
    W2,
    at,
    attended,
    everything,
    merged,
    registered,
    revoked,
    submitted,
)
from tests.clockhours.conftest import Clockhours


async def exported(clockhours: Clockhours, year: str = "2023-24") -> list[dict[str, str]]:
    answer = await clockhours.get(f"/exports/{year}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_each_entry_is_a_row_with_what_it_says(clockhours: Clockhours) -> None:
    profile = events.EducatorProfile(
        educator_id=ANA, name="Ana, “the” Owl", email="a@example.org", certificate_number="WA-1"
    )
    await clockhours.when(profile, *everything(ANA, CLIM))
    clockhours.clock.now += timedelta(hours=1)
    await clockhours.when(revoked(ANA, CLIM))

    rows = await exported(clockhours)
    assert tuple(rows[0]) == COLUMNS
    assert [(row["kind"], row["hours"]) for row in rows] == [
        ("orientation", "1.5"),
        ("workshop", "1.5"),
        ("micro_credential", "20"),
        ("micro_credential", "-20"),
    ]
    award, reversal = rows[2], rows[3]
    assert reversal["reverses"] == award["entry_id"]
    assert award["name"] == "Ana, “the” Owl"
    assert award["certificate_number"] == "WA-1"
    assert award["designations"] == "STEM;Equity"
    assert award["title"] == "Example: Climate Justice in the Classroom"
    assert award["completed_at"] == "2024-05-10T12:00:00Z"
    assert award["registered_at"] == "2024-01-20T12:00:00Z"
    assert award["granted_at"] == "2024-06-01T12:00:00Z"
    assert rows[0]["registered_at"] == ""


async def test_the_totals_of_the_file_are_the_ledgers(clockhours: Clockhours) -> None:
    for n in range(30):
        await clockhours.when(*everything(f"educator-{n:02}"))
    rows = await exported(clockhours)
    assert len(rows) == 90
    assert sum(float(row["hours"]) for row in rows) == 30 * 18
    assert [row["granted_at"] for row in rows] == sorted(row["granted_at"] for row in rows)


async def test_the_file_is_by_when_it_was_granted_each_entry_once_however_it_is_cut(
    clockhours: Clockhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who, ended in ((BEN, "2024-03-10"), (ANA, "2024-02-10"), ("cam", "2024-01-20"), ("dee", "2024-01-10")):
        await clockhours.when(attended(who, ended=ended))
        clockhours.clock.now += timedelta(hours=1)
    for most in (1, 2, 3, 4, 5):
        monkeypatch.setattr(export, "ROWS_AT_ONCE", most)
        assert [row["educator_id"] for row in await exported(clockhours)] == [BEN, ANA, "cam", "dee"]


async def test_what_the_hours_are_for_is_said_in_words(clockhours: Clockhours) -> None:
    planned = events.SessionScheduled(
        session_id=W2,
        kind=SessionKind.WORKSHOP,
        title="=SUM(Trauma)",
        starts_at=at("2024-02-10T10:30"),
        ends_at=at("2024-02-10T12:00"),
    )
    await clockhours.when(planned, *everything(ANA), attended(ANA, W2, opens=None, ended="2024-02-20"))
    assert {row["session_id"] or row["micro_credential_id"]: row["title"] for row in await exported(clockhours)} == {
        O1: "WEA Orientation",
        W1: "WEA Workshop",
        W2: "'=SUM(Trauma)",
        TRA1: "Trauma Informed Pedagogy: Creating a Healing Centered Learning Environment",
    }


async def test_what_the_catalogue_does_not_list_any_more_is_called_by_its_id(clockhours: Clockhours) -> None:
    await clockhours.when(*everything(ANA))
    years = [year.model_dump() for year in PROGRAMS.years]
    for year in years:
        year["micro_credentials"] = [one for one in year["micro_credentials"] if one["id"] != TRA1]
    clockhours.programs = Programs(tuple(Program.model_validate(year) for year in years))
    assert [row["title"] for row in await exported(clockhours)][-1] == TRA1


async def test_ids_that_a_spreadsheet_would_run_are_made_text_too(clockhours: Clockhours) -> None:
    await clockhours.when(attended("=ana", "+W", ended="2024-02-20"))
    (row,) = await exported(clockhours)
    assert (row["educator_id"], row["session_id"]) == ("'=ana", "'+W")


async def test_a_year_has_what_is_its_own(clockhours: Clockhours) -> None:
    await clockhours.when(*everything(ANA), attended(ANA, W2, ended="2024-10-10"))
    assert [row["session_id"] for row in await exported(clockhours, "2024-25")] == [W2]
    assert len(await exported(clockhours)) == 3
    assert (await clockhours.get("/exports/1999-00.csv")).status_code == 404


async def test_entries_of_merged_accounts_are_the_kept_educators(clockhours: Clockhours) -> None:
    kept, gone = (
        events.EducatorProfile(educator_id=who, name=f"Is {who}", email="c@example.org") for who in ("cam", BEN)
    )
    await clockhours.when(kept, gone, *everything(BEN), merged(BEN, into=ANA), merged(ANA, into="cam"))
    assert {(row["educator_id"], row["name"]) for row in await exported(clockhours)} == {("cam", "Is cam")}


async def test_before_the_kept_account_has_a_name_it_is_called_by_the_merged_ones(clockhours: Clockhours) -> None:
    others = [events.EducatorProfile(educator_id=who, name=f"Is {who}", email="c@example.org") for who in ("cam", BEN)]
    await clockhours.when(*others, *everything(BEN), merged("cam", into=ANA), merged(BEN, into=ANA))
    assert {(row["educator_id"], row["name"]) for row in await exported(clockhours)} == {(ANA, f"Is {BEN}")}
    assert (await clockhours.get(f"/educators/{ANA}/transcript")).json()["name"] == f"Is {BEN}"


@pytest.mark.parametrize("start", FORMULA)
def test_what_a_spreadsheet_would_run_is_made_text(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless(f"  {start}1+1") == f"'  {start}1+1"
    assert harmless(f"a{start}1") == f"a{start}1"


async def test_it_opens_in_a_spreadsheet_without_a_single_formula_and_with_every_value(
    clockhours: Clockhours,
) -> None:
    name = '=HYPERLINK("http://evil","x"), "q"\tand 山田'.replace("\t", " ")
    profile = events.EducatorProfile(educator_id=ANA, name=name, email="a@example.org", certificate_number="-2+3")
    await clockhours.when(profile, *everything(ANA), revoked(ANA))
    rows = await exported(clockhours)

    sheet = openpyxl.Workbook().active
    assert sheet is not None
    for row in rows:
        sheet.append([_typed(column, value) for column, value in row.items()])
    saved = io.BytesIO()
    assert sheet.parent is not None
    sheet.parent.save(saved)
    opened = openpyxl.load_workbook(io.BytesIO(saved.getvalue())).active
    assert opened is not None
    cells = [cell for line in opened.iter_rows() for cell in line]
    assert all(cell.data_type != "f" for cell in cells)
    assert sum(cell.value for cell in cells if isinstance(cell.value, float | int)) == 3.0
    assert rows[0]["name"] == f"'{name}"
    assert rows[0]["certificate_number"] == "'-2+3"


def _typed(column: str, value: str) -> str | float:
    return float(value) if column == "hours" else value


async def test_there_is_no_byte_order_mark_unless_it_is_asked_for(clockhours: Clockhours) -> None:
    await clockhours.when(registered(ANA), submitted(ANA, TRA1))
    plain = await clockhours.get("/exports/2023-24.csv")
    assert plain.content.startswith(b"entry_id,")
    assert plain.content.endswith(b"reverses\r\n"), "a year without entries is its header"
    marked = await clockhours.get("/exports/2023-24.csv", bom="true")
    assert marked.content == b"\xef\xbb\xbf" + plain.content
