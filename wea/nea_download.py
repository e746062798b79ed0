"""NEA's download as rows: each is the webhook that should have come, or what is wrong with it. docs/nea-import.md."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from contracts import nea
from wea.errors import UserError

COLUMNS = (
    "event", "nea_member_id", "email", "micro_credential_id", "submission_id", "attempt", "decision", "at", "detail",
)  # fmt: skip
MOMENT = {"registered": "registered_at", "submitted": "submitted_at", "reviewed": "decided_at", "revoked": "revoked_at"}
DETAIL = {"reviewed": "credential_url", "revoked": "reason"}
MOST_DIGITS = 4  # of an attempt: what has more is no number of attempts

# Which column a faulty field of the webhook came from; the others have the column's name.
COLUMN = {"timestamp": "at", "learner": "nea_member_id or email"}
COLUMN |= {f"data.{name}": "at" for name in MOMENT.values()} | {f"data.{name}": "detail" for name in DETAIL.values()}


@dataclass(frozen=True)
class Row:
    """One row as a webhook. `id` is made of what it says, so that a row imported before is known by its claim."""

    line: int
    id: str
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.body["type"]).rpartition(".")[2]

    @property
    def data(self) -> Mapping[str, Any]:
        data: Mapping[str, Any] = self.body["data"]
        return data

    @property
    def learner(self) -> Mapping[str, str]:
        learner: Mapping[str, str] = self.data["learner"]
        return learner


@dataclass(frozen=True)
class Faulty:
    """A row that cannot be used, and why, by column."""

    line: int
    reason: str


def read(file: Path) -> list[Row | Faulty]:
    """Every row of the file. Raises UserError where it is no such file at all."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as content:
            return list(rows(content))
    except UnicodeDecodeError:
        raise UserError(f"{file} is not in UTF-8: save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise UserError(f"{file} is not a CSV file: {error}.") from None
    except ValueError as error:
        raise UserError(f"{file}: {error}") from None


def rows(content: Iterable[str]) -> Iterator[Row | Faulty]:
    """Rows from the lines of a file. Raises csv.Error; ValueError where columns are missing or there twice."""
    reader = csv.reader(content, strict=True)
    header = [name.strip().lower() for name in next(reader, [])]
    if absent := [name for name in COLUMNS if name not in header]:
        raise ValueError(f"the columns {', '.join(absent)} are missing in its first line (docs/nea-import.md).")
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise ValueError(f"the columns {', '.join(twice)} are there more than once (docs/nea-import.md).")
    for cells in reader:
        line = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(header) :]):  # spreadsheets fill rows up with empty ones
            yield Faulty(line, f"{len(cells)} cells under {len(header)} columns: is a comma not quoted?")
            continue
        named = dict(zip(header, cells, strict=False))  # a row that is too short has nothing in its last columns
        yield _row(line, {name: named.get(name, "").strip() for name in COLUMNS})


def _row(line: int, cells: Mapping[str, str]) -> Row | Faulty:
    if cells["event"] not in MOMENT:
        return Faulty(line, f"event: should be one of {', '.join(MOMENT)}")
    body = _webhook(cells)
    content = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    try:
        nea.read(content)
    except nea.Unusable as unusable:
        reasons = dict.fromkeys(f"{_column(fault.field)}: {fault.reason}" for fault in unusable.fields)
        return Faulty(line, "; ".join(reasons) or f"holds what no text may ({unusable.reason})")
    return Row(line, f"import-{uuid5(NAMESPACE_URL, content.decode())}", body)


def _webhook(cells: Mapping[str, str]) -> dict[str, Any]:
    """Its timestamp is the row's own date, so that a live webhook about the same always holds."""
    kind, at = cells["event"], cells["at"]
    learner = {name: cells[name] for name in ("nea_member_id", "email") if cells[name]}
    data: dict[str, Any] = {"learner": learner, "micro_credential_id": cells["micro_credential_id"], MOMENT[kind]: at}
    if kind in {"submitted", "reviewed"}:
        data |= {"submission_id": cells["submission_id"], "attempt": _number(cells["attempt"])}
    if kind == "reviewed":
        data["decision"] = cells["decision"]
    if cells["detail"] and kind in DETAIL:
        data[DETAIL[kind]] = cells["detail"]
    return {"type": f"micro_credential.{kind}", "timestamp": at, "data": data}


def _number(text: str) -> int | str:
    """Text that is no number stays text, for the contract to refuse."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else text


def _column(field: str) -> str:
    return COLUMN.get(field) or COLUMN.get(field.removeprefix("data.")) or field.rpartition(".")[2]
