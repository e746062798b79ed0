"""The year's export: "one row a ledger entry completed in that year, reversals included, by granted_at"."""

import csv
import io
from datetime import timedelta

import openpyxl
import pytest

from contracts import events
from services.clockhours.export import COLUMNS, FORMULA, harmless
from tests.clockhours.builders import (
    ANA,
    BEN,
    CLIM,
    TRA1,
    W2,
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


async def test_a_year_has_what_is_its_own(clockhours: Clockhours) -> None:
    await clockhours.when(*everything(ANA), attended(ANA, W2, ended="2024-10-10"))
    assert [row["session_id"] for row in await exported(clockhours, "2024-25")] == [W2]
    assert len(await exported(clockhours)) == 3
    assert (await clockhours.get("/exports/1999-00.csv")).status_code == 404


async def test_entries_of_merged_accounts_are_the_kept_educators(clockhours: Clockhours) -> None:
    await clockhours.when(*everything(BEN), merged(BEN, into=ANA), merged(ANA, into="cam"))
    assert {row["educator_id"] for row in await exported(clockhours)} == {"cam"}


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
