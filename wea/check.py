"""`wea check`: proof of the books over all services, by their public interfaces alone.

Each accepted event is exactly one of applied, duplicate, superseded, unmatched, quarantined, parked; each due award
has one live entry; balances are sums; outboxes are empty; and what one service has sent, the next has seen, sequence
by sequence.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from contracts import topics
from wea.api import NoAnswerError, System
from wea.errors import UserError

SERVICES = ("enrollment", "clockhours", "notifications")  # the console only listens
POLL_SECONDS = 0.2
AT_REST_WITHIN_SECONDS = 30.0
READY_WITHIN_SECONDS = 10.0  # whoever starts is ready in three
NONE: Mapping[str, str] = MappingProxyType({})
AT_MOST = 1000  # rows of an outbox that are looked at: what hangs there stands before what comes
# Whose books are added up in one request, which must end in time on a busy machine, too: events, educators.
A_PAGE = {"enrollment": 1000, "clockhours": 200}


@dataclass
class Findings:
    """What was counted, and what does not add up, book by book."""

    counts: dict[str, Any] = field(default_factory=dict)
    books: dict[str, list[str]] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        return [problem for problems in self.books.values() for problem in problems]

    def document(self) -> dict[str, Any]:
        return {"ok": not self.problems, "problems": self.problems, **self.counts}


def check(
    system: System,
    *,
    wait_seconds: float = AT_REST_WITHIN_SECONDS,
    ready_seconds: float = READY_WITHIN_SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Wait until the system is at rest, at most `wait_seconds`, then prove the books.

    A system that does not come to rest is a finding, not an error. So is a service that is not ready within
    `ready_seconds`. One that still answers, as a consumer that has stopped does, shows its books all the same; where
    one cannot, or no longer can, those of the others are proved without it.
    """
    away = _until_ready(system, ready_seconds, tell)
    shut = {service: line for service, line in away.items() if not _shows_books(system, service)}
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            findings = under_way(system, shut)
            over = time.monotonic() > deadline
            if over or not _unsettled(findings, away):  # adding up is work, for which a busy system has no time
                add_up(system, findings, shut)
                if over or not _unsettled(findings, away):
                    return findings
        except NoAnswerError as failed:  # for as long as we are patient
            away[failed.service] = shut[failed.service] = str(failed)
            continue
        tell(findings.problems[0])
        time.sleep(POLL_SECONDS)


def _unsettled(findings: Findings, away: Mapping[str, str]) -> bool:
    """Whether there are problems that time may end: not who is away, for that was waited for already."""
    return any(problems for book, problems in findings.books.items() if not (away and book == "services"))


def at_rest(system: System) -> bool:
    """Whether all that was sent was seen, and all that is due was mailed."""
    if any(_outboxes(system)) or any(_sequences(system, Findings())):
        return False
    waiting = [system.get("notifications", "/messages", status=status, limit=1) for status in ("queued", "sending")]
    return not any(page["items"] for page in waiting)


def look(system: System) -> Findings:
    """The books as they stand at this moment: what is under way does not add up yet."""
    findings = under_way(system)
    add_up(system, findings)
    return findings


def under_way(system: System, shut: Mapping[str, str] = NONE) -> Findings:
    """Who is not ready, what waits to be published, what was published and not seen yet; `shut` are not asked."""
    findings = Findings()
    findings.books["services"] = list({**_not_ready(system), **shut}.values())
    findings.books["outboxes"] = list(_outboxes(system, shut))
    findings.books["sequences"] = list(_sequences(system, findings, shut))
    return findings


def add_up(system: System, findings: Findings, shut: Mapping[str, str] = NONE) -> None:
    """Have each service add up its own books, and put down what it finds."""
    for service in A_PAGE:
        if service not in shut:
            findings.books[service] = list(_book(system, service, findings))


def _until_ready(system: System, seconds: float, tell: Callable[[str], None]) -> dict[str, str]:
    """Which services are not ready, and why, when so many `seconds` are over; empty as soon as all are."""
    deadline = time.monotonic() + seconds
    while (away := _not_ready(system)) and time.monotonic() <= deadline:
        tell(next(iter(away.values())))
        time.sleep(POLL_SECONDS)
    return away


def _not_ready(system: System) -> dict[str, str]:
    """Which services are not ready at this moment, each with a line that says why."""
    reasons = {service: system.unready(service) for service in system.status["services"]}
    return {name: f"{name} at {system.url(name)} is not ready: {why}." for name, why in reasons.items() if why}


def _shows_books(system: System, service: str) -> bool:
    """Whether it answers what this asks, ready or not: it is asked once."""
    try:
        replace(system, patience_seconds=0).get(service, "/admin/outbox", "operator", limit=1)
    except UserError:
        return False
    return True


def _outboxes(system: System, shut: Mapping[str, str] = NONE) -> Iterator[str]:
    for service in (one for one in SERVICES if one not in shut):
        waiting = system.get(service, "/admin/outbox", "operator", limit=AT_MOST)["items"]
        for row in waiting:  # not only the first: on a busy service that is another each time
            yield f"{service}: event {row['id']} for {row['topic']} waits in the outbox since {row['age_seconds']} s"


def _sequences(system: System, findings: Findings, shut: Mapping[str, str] = NONE) -> Iterator[str]:
    """What was sent under each key is what each reader has seen, but for what is parked there."""
    asked = [service for service in SERVICES if service not in shut]
    lanes = {service: {lane["key"]: lane for lane in _lanes(system, service)} for service in asked}
    findings.counts["keys"] = {service: len(of) for service, of in lanes.items()}
    findings.counts["parked"] = {service: sum(lane["parked"] for lane in of.values()) for service, of in lanes.items()}
    for topic in topics.ALL:
        if not topic.sequenced or topic.owner not in lanes:
            continue
        name = topic.name.replace(".", "-")
        owner = lanes[topic.owner]
        sent = {key: lane["sent"][name] for key, lane in owner.items() if name in lane["sent"]}
        # Compaction takes a tombstone away as well, in the end: whoever reads the topic anew meets nothing of the key.
        emptied = {key for key, last in sent.items() if owner[key].get("emptied", {}).get(name) == last}
        findings.counts.setdefault("events", {})[topic.name] = sum(sent.values())
        for reader in topic.readers:
            if reader in lanes and reader != topic.owner:
                yield from _seen(topic.name, name, sent, emptied, reader, lanes[reader])


def _lanes(system: System, service: str) -> Iterator[dict[str, Any]]:
    return system.items(service, "/admin/lanes", "operator")


def _seen(
    topic: str, name: str, sent: dict[str, int], emptied: set[str], reader: str, lanes: dict[str, Any]
) -> Iterator[str]:
    # A key under which nothing was sent is somebody else's record on the topic: parked or skipped, and nothing is lost.
    for key, last in sent.items():
        lane = lanes.get(key, {})
        seen = lane.get("seen", {}).get(name, 0)
        if seen == 0 and key in emptied:
            continue
        if seen > last or (seen < last and not lane.get("parked")):
            yield f"{reader} has seen {seen} of {last} events for {key} on {topic}"


def _book(system: System, service: str, findings: Findings) -> Iterator[str]:
    """What a service finds when it adds up its own books."""
    counts: dict[str, Any] = {}
    after = None
    while True:
        books = system.get(service, "/admin/books", "operator", limit=A_PAGE[service], after=after)
        _add_up(counts, books)
        for problem in books["problems"]:
            yield f"{service}: {_said(problem)}"
        after = books.get("next")
        if after is None:
            break
    findings.counts[service] = counts


def _said(problem: str | Mapping[str, str | None]) -> str:
    """Enrollment says a line, clockhours what is wrong, with what and with whom."""
    if isinstance(problem, str):
        return problem
    whom = f" of educator {problem['educator_id']}" if problem["educator_id"] else ""
    return f"{problem['problem']} ({problem['about']}){whom}"


def _add_up(counts: dict[str, Any], page: dict[str, Any]) -> None:
    """Books that come page by page count what is on each."""
    for name, value in page.items():
        if isinstance(value, int):
            counts[name] = counts.get(name, 0) + value
        elif isinstance(value, dict):
            _add_up(counts.setdefault(name, {}), value)
