"""`wea nea import`: what NEA's webhooks missed, from NEA's download, through the same intake and the same claims.

It can be run twice and beside live webhooks: a row that was imported before is known by its claim, one whose webhook
came is on the educator's record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from contracts import nea
from wea.api import System, path
from wea.nea_download import Faulty, Row, read

Record = Mapping[str, Any]


class Standing(StrEnum):
    """What a row is to what we know."""

    NEW = "new"
    KNOWN = "known"
    DIFFERS = "differs"  # the attempt is known, with another time: what came by webhook holds


@dataclass
class Report:
    """What came of it; `faulty` rows are left out and do not hold up the others."""

    rows: int = 0
    known: int = 0
    new: list[Row] = field(default_factory=list)
    differs: list[Row] = field(default_factory=list)
    faulty: list[Faulty] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "known": self.known,
            "new": [said(row) for row in self.new],
            "differs": [said(row) for row in self.differs],
            "faulty": [{"line": one.line, "reason": one.reason} for one in self.faulty],
        }


def bring_in(system: System, file: Path, *, dry_run: bool, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Send each row that is new as a webhook, or only say which would be. Every row is read before any is sent."""
    report, knowledge, sent = Report(), _Knowledge(system), set[str]()
    for row in read(file):
        report.rows += 1
        tell(f"row {report.rows}")
        if isinstance(row, Faulty):
            report.faulty.append(row)
            continue
        standing = Standing.KNOWN if row.id in sent else knowledge.standing(row)
        sent.add(row.id)
        match standing:
            case Standing.KNOWN:
                report.known += 1
            case Standing.DIFFERS:
                report.differs.append(row)
            case Standing.NEW:
                if not dry_run:
                    system.nea(row.id, row.body)
                report.new.append(row)
    return report


def said(row: Row) -> str:
    """A row in a line: what NEA says, of whom."""
    data = row.data
    who = row.learner.get("nea_member_id") or row.learner["email"]
    about = [f"{data['submission_id']} attempt {data['attempt']}"] if "submission_id" in data else []
    about += [data["decision"]] if "decision" in data else []
    return " ".join([row.kind, who, data["micro_credential_id"], *about, row.body["timestamp"]])


class _Knowledge:
    """What the system knows already. Each learner's record is read once a run."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._records: dict[tuple[tuple[str, str], ...], Record | None] = {}

    def standing(self, row: Row) -> Standing:
        if self._is_claimed(row.id):
            return Standing.KNOWN
        record = self._record(row.learner)
        held = record["micro_credentials"] if record else ()
        about = next((one for one in held if one["id"] == row.data["micro_credential_id"]), None)
        return Standing.NEW if about is None else standing(about, row.kind, row.data)

    def _is_claimed(self, id: str) -> bool:
        """Was this very row imported before?"""
        query = {"source": nea.SOURCE, "id": id}
        answer: dict[str, bool] = self._system.get("enrollment", "/admin/claims", "operator", **query)
        return answer["claimed"]

    def _record(self, learner: Mapping[str, str]) -> Record | None:
        key = tuple(learner.items())
        if key not in self._records:
            self._records[key] = self._looked_up(learner)
        return self._records[key]

    def _looked_up(self, learner: Mapping[str, str]) -> Record | None:
        """The record of the one whom enrollment takes the learner for, or would; None where that is not clear."""
        member = learner.get("nea_member_id")
        if (bound := self._bound.get(_called(member, learner.get("email")))) is not None:
            return self._of(bound)
        found = self._accounts(nea_member_id=member) if member else []
        holders = [account for account in found if account["nea_member_id"] == member]
        if not holders and "email" in learner:
            found = self._accounts(email=learner["email"])
            holders = found if all(account["nea_member_id"] in (None, member) for account in found) else []
        return self._of(holders[0]["educator_id"]) if len(holders) == 1 else None

    @cached_property
    def _bound(self) -> dict[str, str]:
        """Whose each learner is that was linked by staff or matched before: profiles may say otherwise by now."""
        rows = self._system.items("enrollment", "/links")
        return {_called(row["nea_member_id"], row["email"]): row["educator_id"] for row in rows}

    def _of(self, educator_id: str) -> Record:
        record: Record = self._system.get("enrollment", path("educators", educator_id))
        return record

    def _accounts(self, **by: str) -> list[dict[str, Any]]:
        accounts: list[dict[str, Any]] = self._system.get("enrollment", "/educators", **by)["items"]
        return accounts


def _called(member: str | None, email: str | None) -> str:
    """One name of a learner: the member id where there is one, as in enrollment, else the address."""
    return f"nea:{member}" if member else f"email:{(email or '').strip().casefold()}"


def standing(held: Mapping[str, Any], kind: str, data: Mapping[str, Any]) -> Standing:
    """What a row is to what an educator's record holds of its micro-credential."""
    if kind == "registered":
        return _known(held["registered_at"] is not None)
    if kind == "revoked":
        return _known(_same(held["revoked_at"], data["revoked_at"]))
    attempts = [
        attempt
        for submission in held["submissions"]
        if submission["submission_id"] == data["submission_id"]
        for attempt in submission["attempts"]
        if attempt["attempt"] == data["attempt"]
    ]
    if kind == "submitted":
        times = [attempt["submitted_at"] for attempt in attempts if attempt["submitted_at"] is not None]
        if times and not any(_same(time, data["submitted_at"]) for time in times):
            return Standing.DIFFERS
        return _known(bool(times))
    decisions = [decision for attempt in attempts for decision in attempt["decisions"]]
    decided = (decision for decision in decisions if decision["decision"] == data["decision"])
    return _known(any(_same(decision["decided_at"], data["decided_at"]) for decision in decided))


def _known(is_known: bool) -> Standing:
    return Standing.KNOWN if is_known else Standing.NEW


def _same(one: str | None, other: str) -> bool:
    """The same instant, whatever the offsets. RFC 3339 has a small z, too, which Python does not read."""
    return one is not None and datetime.fromisoformat(one) == datetime.fromisoformat(other.upper())
