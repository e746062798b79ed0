"""`wea check` asks little of a busy system, and never for everything at once."""

from collections.abc import Iterator
from typing import Any

import pytest

from wea.api import System
from wea.check import check


class Asked(System):
    """A system of 450 educators that answers from memory. `waiting`: how often an event still waits in an outbox."""

    def __init__(self, waiting: int = 0) -> None:
        super().__init__({"services": {}}, client=None)  # type: ignore[arg-type]
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.__dict__["waiting"] = waiting

    def get(self, service: str, path: str, role: str = "staff", **query: Any) -> Any:
        self.asked.append((service, path, query))
        if path == "/admin/outbox":
            self.__dict__["waiting"] -= service == "enrollment"
            row = {"id": "e-1", "topic": "wea.enrollment.v1", "age_seconds": 1}
            return {"items": [row] if self.__dict__["waiting"] >= 0 else [], "next": None}
        if service == "clockhours":
            seen = int(query["after"] or 0) + query["limit"]
            return {"educators": min(seen, 450), "problems": [], "next": str(seen) if seen < 450 else None}
        return {"accepted": 7, "problems": []}

    def items(self, service: str, path: str, role: str = "staff", **query: Any) -> Iterator[Any]:
        return iter(())

    @property
    def books(self) -> list[tuple[str, Any]]:
        return [(service, query["after"]) for service, path, query in self.asked if path == "/admin/books"]


def test_books_are_added_up_a_page_at_a_time() -> None:
    system = Asked()
    assert not check(system).problems
    assert system.books == [("enrollment", None), ("clockhours", None), ("clockhours", "200"), ("clockhours", "400")]


def test_books_are_added_up_once_nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wea.check.POLL_SECONDS", 0.001)
    system = Asked(waiting=5)
    assert not check(system).problems
    assert [service for service, _ in system.books] == ["enrollment", "clockhours", "clockhours", "clockhours"]


def test_what_does_not_come_to_rest_is_a_finding_beside_the_books() -> None:
    system = Asked(waiting=1_000)
    assert check(system, wait_seconds=-1).problems == [
        "enrollment: event e-1 for wea.enrollment.v1 waits in the outbox since 1 s",
        "clockhours: event e-1 for wea.enrollment.v1 waits in the outbox since 1 s",
        "notifications: event e-1 for wea.enrollment.v1 waits in the outbox since 1 s",
    ]
    assert ("enrollment", None) in system.books
