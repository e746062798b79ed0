"""`wea check` asks little of a busy system, never for everything at once, and nothing of one that is not ready."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.wea.conftest import wea
from wea.api import System
from wea.check import check
from wea.servers.ports import free_port


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


class Starting:
    """Three services over HTTP, of which clockhours is ready only after it was asked `times`."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, list[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path != "/health/ready":
            return httpx.Response(200, json={"items": [], "next": None, "problems": []})
        self.times -= request.url.host == "clockhours"
        if request.url.host != "clockhours" or self.times < 0:
            return httpx.Response(200, json={"status": "ready", "reasons": []})
        return httpx.Response(503, json={"status": "not_ready", "reasons": ["indexes", "topics"]})

    def system(self) -> System:
        urls = {name: {"url": f"http://{name}"} for name in ("enrollment", "clockhours", "notifications")}
        client = httpx.Client(transport=httpx.MockTransport(self))
        return System({"services": urls, "keys": {"operator": "o"}}, client)


def test_a_service_that_is_not_ready_is_said_and_nothing_else_is_asked() -> None:
    starting = Starting(times=1_000)
    findings = check(starting.system(), ready_seconds=0)
    assert findings.problems == ["clockhours at http://clockhours is not ready: indexes, topics."]
    assert set(starting.asked) == {"/health/ready"}


def test_a_service_that_is_still_starting_is_waited_for_and_said_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wea.check.POLL_SECONDS", 0.001)
    starting, told = Starting(times=3), list[str]()
    assert not check(starting.system(), tell=told.append).problems
    assert told == ["clockhours at http://clockhours is not ready: indexes, topics."] * 3


@pytest.mark.parametrize("asked", [["--wait", "0"], []])
def test_a_service_that_is_away_fails_the_check(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wea.check.READY_WITHIN_SECONDS", 0.01)
    url = f"http://127.0.0.1:{free_port()}"
    done = wea("check", *asked, WEA_URLS=f"enrollment={url}", WEA_KEYS="operator=o")
    said = " ".join(done.stdout.split())
    assert (done.returncode, said) == (1, f"✗ enrollment at {url} is not ready: it does not answer (ConnectError).")
