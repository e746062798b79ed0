"""`wea check` asks little of a busy system, never for everything at once, and none that cannot show its books."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.wea.conftest import failed_with_a_sentence, wea
from wea import verbs_books
from wea.api import System
from wea.check import check
from wea.servers.ports import free_port


class Asked(System):
    """450 educators and 1,500 events, from memory. `waiting`: how often an event still waits in an outbox."""

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
        seen = int(query["after"] or 0) + query["limit"]
        more = seen < 1500
        count = query["limit"] if more else 1500 - int(query["after"] or 0)
        return {
            "accepted": count,
            "outcomes": {"applied": count - 1, "parked": 1},
            "problems": [],
            "next": str(seen) if more else None,
        }

    def items(self, service: str, path: str, role: str = "staff", **query: Any) -> Iterator[Any]:
        return iter(())

    @property
    def books(self) -> list[tuple[str, Any]]:
        return [(service, query["after"]) for service, path, query in self.asked if path == "/admin/books"]


def test_books_are_added_up_a_page_at_a_time() -> None:
    system = Asked()
    found = check(system)
    assert not found.problems
    assert system.books == [
        *[("enrollment", after) for after in (None, "1000")],
        *[("clockhours", after) for after in (None, "200", "400")],
    ]
    assert found.counts["enrollment"] == {"accepted": 1500, "outcomes": {"applied": 1498, "parked": 2}}


def test_books_are_added_up_once_nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wea.check.POLL_SECONDS", 0.001)
    system = Asked(waiting=5)
    assert not check(system).problems
    assert [service for service, _ in system.books] == ["enrollment"] * 2 + ["clockhours"] * 3


def test_more_seen_than_sent_is_a_finding_but_not_what_somebody_else_put_on_the_topic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lanes(service: str, path: str, role: str, **_: Any) -> Iterator[Any]:
        if service == "enrollment":
            return iter([{"key": "E-1", "seen": {}, "sent": {"wea-enrollment-v1": 1}, "parked": 0}])
        seen = {"wea-enrollment-v1": 2}
        return iter([{"key": key, "seen": seen, "sent": {}, "parked": 0} for key in ("E-1", "E-2")])

    system = Asked()
    monkeypatch.setattr(system, "items", lanes)
    assert check(system, wait_seconds=-1).problems == [
        "clockhours has seen 2 of 1 events for E-1 on wea.enrollment.v1",
        "notifications has seen 2 of 1 events for E-1 on wea.enrollment.v1",
    ]


def test_what_a_tombstone_ended_need_not_be_seen_by_who_reads_the_compacted_topic_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kafka has taken the profile and, after a while, its tombstone out of the topic."""
    topic = "wea-educators-v1"

    def lanes(service: str, path: str, role: str, **_: Any) -> Iterator[Any]:
        if service != "enrollment":
            return iter([])
        emptied = {"E-erased": {topic: 2}, "E-back": {topic: 1}, "E-here": {}}
        lane = {"seen": {}, "sent": {topic: 2}, "parked": 0}
        return iter([{**lane, "key": key, "emptied": sequences} for key, sequences in emptied.items()])

    system = Asked()
    monkeypatch.setattr(system, "items", lanes)
    assert check(system, wait_seconds=-1).problems == [
        f"{reader} has seen 0 of 2 events for {key} on wea.educators.v1"
        for reader in ("clockhours", "notifications")
        for key in ("E-back", "E-here")
    ]


def test_a_row_that_hangs_behind_others_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": f"e-{n}", "topic": "wea.inbox.v1", "age_seconds": n} for n in range(3)]
    system = Asked()
    answer = system.get

    def get(service: str, path: str, role: str = "staff", **query: Any) -> Any:
        if (service, path) == ("enrollment", "/admin/outbox"):
            return {"items": rows[: query["limit"]], "next": None}
        return answer(service, path, role, **query)

    monkeypatch.setattr(system, "get", get)
    assert (
        "enrollment: event e-2 for wea.inbox.v1 waits in the outbox since 2 s"
        in check(system, wait_seconds=-1).problems
    )


def test_what_does_not_come_to_rest_is_a_finding_beside_the_books() -> None:
    system = Asked(waiting=1_000)
    assert check(system, wait_seconds=-1).problems == [
        "enrollment: event e-1 for wea.enrollment.v1 waits in the outbox since 1 s",
        "clockhours: event e-1 for wea.enrollment.v1 waits in the outbox since 1 s",
        "notifications: event e-1 for wea.enrollment.v1 waits in the outbox since 1 s",
    ]
    assert ("enrollment", None) in system.books


class Starting:
    """Three services over HTTP, of which clockhours is ready only after it was asked `times`, and `answers` till then
    for its books or not. Enrollment has a fault in its own.
    """

    def __init__(self, times: int, *, answers: bool = False, fault: str = "") -> None:
        self.times, self.answers, self.fault, self.asked = times, answers, fault, list[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        service, path = request.url.host, request.url.path
        self.asked.append(service + path)
        if path != "/health/ready":
            if service == "clockhours" and self.times >= 0 and not self.answers:
                return httpx.Response(503)
            problems = [self.fault] if self.fault and service == "enrollment" else []
            return httpx.Response(200, json={"items": [], "next": None, "problems": problems})
        self.times -= service == "clockhours"
        if service != "clockhours" or self.times < 0:
            return httpx.Response(200, json={"status": "ready", "reasons": []})
        return httpx.Response(503, json={"status": "not_ready", "reasons": ["indexes", "topics"]})

    def system(self) -> System:
        urls = {name: {"url": f"http://{name}"} for name in ("enrollment", "clockhours", "notifications")}
        client = httpx.Client(transport=httpx.MockTransport(self))
        return System({"services": urls, "keys": {"operator": "o"}}, client)


NOT_READY = "clockhours at http://clockhours is not ready: indexes, topics."


def test_a_service_that_is_not_ready_hides_no_other_services_books() -> None:
    starting = Starting(times=1_000, fault="e-1 is lost")
    findings = check(starting.system(), wait_seconds=0, ready_seconds=0)
    assert findings.problems == [NOT_READY, "enrollment: e-1 is lost"]
    assert [asked for asked in starting.asked if asked.startswith("clockhours/admin")] == ["clockhours/admin/outbox"]


def test_a_finding_is_shown_whole_and_never_read_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Starting(times=0, fault="E-[/1] has two [red] entries").system()
    monkeypatch.setattr("wea.verbs_books.running", lambda *_: nullcontext(system))
    done = wea("check", "--wait", "0")
    assert (done.returncode, "enrollment: E-[/1] has two [red] entries" in done.stdout) == (1, True)


def test_one_that_has_stopped_and_still_answers_shows_its_own_too() -> None:
    stopped = Starting(times=1_000, answers=True)
    assert check(stopped.system(), ready_seconds=0).problems == [NOT_READY]
    assert "clockhours/admin/books" in stopped.asked


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.ReadTimeout("slow"), "does not answer (ReadTimeout)"),
        (httpx.Response(503), "answers 503 again and again"),
    ],
)
def test_one_that_fails_while_its_books_are_added_up_hides_no_findings(
    answer: httpx.Response | Exception, why: str
) -> None:
    class Slow(Starting):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if (request.url.host, request.url.path) != ("clockhours", "/admin/books"):
                return super().__call__(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

    system = replace(Slow(times=0, fault="e-1 is lost").system(), patience_seconds=0)
    findings = check(system, wait_seconds=0, ready_seconds=0)
    assert findings.problems == [f"clockhours at http://clockhours {why}.", "enrollment: e-1 is lost"]


def test_books_may_take_longer_to_add_up_than_any_other_answer_to_come() -> None:
    patience: dict[str, set[float]] = {}

    class Noting(Starting):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            path = request.url.path
            patience.setdefault(path, set()).add(request.extensions["timeout"]["read"])
            return super().__call__(request)

    check(Noting(times=0).system(), wait_seconds=-1)
    assert patience["/admin/books"] == {120.0}
    assert max(seconds for path, of in patience.items() if path != "/admin/books" for seconds in of) == 15.0


def test_a_finding_in_a_ledger_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was Python's dictionary."""
    system = Asked()
    answer = system.get

    def get(service: str, path: str, role: str = "staff", **query: Any) -> Any:
        found = answer(service, path, role, **query)
        if (service, path) != ("clockhours", "/admin/books") or query["after"]:
            return found
        books = [("E-1", "granted_twice", "orientation"), (None, "outbox_not_empty", "2 rows")]
        return found | {"problems": [{"educator_id": who, "problem": what, "about": on} for who, what, on in books]}

    monkeypatch.setattr(system, "get", get)
    assert check(system, wait_seconds=-1).problems == [
        "clockhours: granted_twice (orientation) of educator E-1",
        "clockhours: outbox_not_empty (2 rows)",
    ]


def test_a_service_that_is_still_starting_is_waited_for_and_said_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wea.check.POLL_SECONDS", 0.001)
    starting, told = Starting(times=3), list[str]()
    assert not check(starting.system(), tell=told.append).problems
    assert told == [NOT_READY] * 3


@pytest.mark.parametrize("asked", [["--wait", "0"], []])
def test_a_service_that_is_away_fails_the_check(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wea.check.READY_WITHIN_SECONDS", 0.01)
    names, url = ("enrollment", "clockhours", "notifications"), f"http://127.0.0.1:{free_port()}"
    done = wea("check", *asked, WEA_URLS=",".join(f"{name}={url}" for name in names), WEA_KEYS="operator=o")
    said = [" ".join(line.split()) for line in done.stdout.splitlines() if "✗" in line]
    assert done.returncode == 1
    assert said == [f"✗ {name} at {url} is not ready: it does not answer (ConnectError)." for name in names]


def test_a_service_without_an_address_is_said_in_a_sentence() -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    done = wea("check", "--wait", "0", WEA_URLS=f"enrollment={dead}", WEA_KEYS="operator=o")
    assert "no address of clockhours" in failed_with_a_sentence(done)


def test_the_counts_of_a_check_are_words_and_numbers() -> None:
    """They were Python's dictionaries."""
    counts = {"accepted": 50, "outcomes": {"applied": 49, "superseded": 1}, "total_minutes": 90}
    assert verbs_books.counted(counts) == "accepted 50, applied 49, superseded 1, total minutes 90"
