"""Compares what is with what must be. Each finding is one sentence; none is what everybody hopes for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from faults.looking import Seen, Told
from faults.sending import Memory
from faults.truth import Truth

COMPACTED = "wea.educators.v1"
REPEATED_AT_MOST = 2  # a mail whose outcome is unknown is sent once more
WENT_OUT = {"sent", "unknown"}
ONCE = {"session_reminder", "steps_missing", "clock_hours_registration_missing", "nea_registration_missing"}


@dataclass
class Verdict:
    """By kind: an event or an hour `lost`, something `twice`, and what is `wrong` in another way."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def findings(self) -> list[str]:
        return [f"{kind}: {one}" for kind in ("lost", "twice", "wrong") for one in getattr(self, kind)]


def judge(memory: Memory, truths: Sequence[Truth], seen: Seen) -> Verdict:
    verdict = Verdict()
    verdict.wrong += [f"refused: {one}" for one in memory.refused]
    accepted(verdict, memory, seen)
    for truth in truths:
        ledger(verdict, truth, seen.hours[truth.educator])
    published(verdict, truths, seen)
    mail(verdict, truths, seen)
    verdict.wrong += [f"{service}: {lane['key']} is parked" for service, rows in seen.parked.items() for lane in rows]
    verdict.lost += [f"a learner of NEA's is unmatched: {row['id']}" for row in seen.unmatched]
    return verdict


def accepted(verdict: Verdict, memory: Memory, seen: Seen) -> None:
    """Every accepted event has one outcome; what was accepted over HTTP is on the inbox."""
    facts = memory.facts
    verdict.counts["events accepted"] = len(facts)
    if seen.books["accepted"] != len(facts):
        kind = verdict.lost if seen.books["accepted"] < len(facts) else verdict.twice
        kind.append(f"{len(facts)} events were accepted, the books know {seen.books['accepted']}")
    outcomes = seen.books["outcomes"]
    ended = sum(count for name, count in outcomes.items() if name != "duplicate")
    if ended != len(facts):
        verdict.wrong.append(f"{ended} outcomes of {len(facts)} events: {outcomes}")
    verdict.lost += [f"without an outcome: {one}" for one in seen.books["problems"]]
    for (source, id), claim in seen.claims.items():
        verdict.counts["outcomes asked for"] += 1
        if not claim["claimed"] or claim["outcome"] is None:
            verdict.lost.append(f"{source} {id}: {claim}")
    on_topic = {(one.source, one.id) for one in seen.topics["wea.inbox.v1"]}
    verdict.lost += [f"never on the inbox: {one}" for one in memory.by_http.keys() - on_topic - memory.by_kafka.keys()]


def ledger(verdict: Verdict, truth: Truth, hours: dict[str, Any]) -> None:
    """Each due grant one live entry, none without cause, the balance the sum, granted in order."""
    who, entries = truth.educator, hours["entries"]
    verdict.counts["entries"] += len(entries)
    reversed_ = Counter(entry["reverses"] for entry in entries if entry["reverses"])
    verdict.twice += [f"{who}: {id} reversed {times} times" for id, times in reversed_.items() if times > 1]
    live = [e for e in entries if not e["reverses"] and e["entry_id"] not in reversed_]
    total = sum(entry["minutes"] for entry in entries)
    if hours.get("total_minutes", total) != total:
        verdict.wrong.append(f"{who}: the balance is not the sum")
    if total not in truth.totals:
        verdict.wrong.append(f"{who}: {total} minutes, due are {sorted(truth.totals)}")
    granted = [datetime.fromisoformat(entry["granted_at"]) for entry in entries]
    if granted != sorted(granted):
        verdict.wrong.append(f"{who}: granted_at falls")
    _entries(verdict, truth, live)
    # One cause may take back much (without an orientation no hours stand), but nothing of it more than once.
    taken_back = Counter((entry["kind"], _subject(entry)) for entry in entries if entry["reverses"])
    for one, times in taken_back.items():
        if times > truth.takings_back:
            verdict.twice.append(f"{who}: {one} taken back {times} times for {truth.takings_back} causes")
    if "held" not in hours:  # read from the export, which has entries only
        return
    held = {row["micro_credential_id"]: tuple(row["missing"]) for row in hours["held"]}
    for credential in truth.unsure:
        held.pop(credential, None)
    if held != truth.held:
        verdict.wrong.append(f"{who}: held {held}, must be {truth.held}")


def _entries(verdict: Verdict, truth: Truth, live: list[dict[str, Any]]) -> None:
    who = truth.educator
    orientations = [e for e in live if e["kind"] == "orientation"]
    if len(orientations) != bool(truth.orientations):
        kind = verdict.twice if len(orientations) > 1 or not truth.orientations else verdict.lost
        kind.append(f"{who}: {len(orientations)} orientations stand, must be {int(bool(truth.orientations))}")
    for entry in orientations:
        if _standing(entry) not in {(o.minutes, o.completed_at, o.designations) for o in truth.orientations}:
            verdict.wrong.append(f"{who}: an orientation with other values: {entry}")
    due = {(h.kind, h.subject): (h.minutes, h.completed_at, h.designations) for h in truth.hours}
    subjects = Counter((e["kind"], _subject(e)) for e in live if e["kind"] != "orientation")
    verdict.counts["due grants"] += len(due) + bool(truth.orientations)
    verdict.lost += [f"{who}: no hours for {one}" for one in due.keys() - subjects.keys()]
    verdict.twice += [f"{who}: hours without cause for {one}" for one in subjects.keys() - due.keys()]
    verdict.twice += [f"{who}: {one} granted {times} times" for one, times in subjects.items() if times > 1]
    for entry in live:
        wanted = due.get((entry["kind"], _subject(entry)))
        if wanted is not None and _standing(entry) != wanted:
            verdict.wrong.append(f"{who}: {entry} must be {wanted}")


def _subject(entry: dict[str, Any]) -> str:
    return str(entry["micro_credential_id"] if entry["kind"] == "micro_credential" else entry["session_id"])


def _standing(entry: dict[str, Any]) -> tuple[int, datetime, tuple[str, ...]]:
    return entry["minutes"], datetime.fromisoformat(entry["completed_at"]), tuple(entry["designations"])


def published(verdict: Verdict, truths: Sequence[Truth], seen: Seen) -> None:
    """Sequences without gaps, repeats that say the same, no event under two numbers, and the ledger as it is."""
    for topic, records in seen.topics.items():
        verdict.counts[f"records on {topic}"] = len(records)
        if topic != "wea.inbox.v1":
            verdict.counts["events published"] += len({one.id for one in records})
            sequences(verdict, topic, records)
    awarded = Counter(one.data["entry_id"] for one in _once(seen.topics["wea.clockhours.v1"]) if "entry_id" in one.data)
    kept = {entry["entry_id"] for truth in truths for entry in seen.hours[truth.educator]["entries"]}
    theirs = {member for truth in truths for member in truth.members}
    said = {
        one.data["entry_id"] for one in seen.topics["wea.clockhours.v1"] if "entry_id" in one.data and one.key in theirs
    }
    verdict.lost += [f"entry {id} was never published" for id in kept - said]
    verdict.wrong += [f"entry {id} was published and is not in the ledger" for id in said - kept]
    verdict.twice += [f"entry {id} published as {times} events" for id, times in awarded.items() if times > 1]


def sequences(verdict: Verdict, topic: str, records: Iterable[Told]) -> None:
    """Without gaps, each number and each event once but for repeats, and of a compacted topic the newest stays."""
    latest: dict[str, int] = {}
    last: dict[str, int] = defaultdict(int)
    said: dict[tuple[str, int], str] = {}
    number: dict[str, int] = {}
    for one in records:
        if one.sequence is None:
            verdict.wrong.append(f"{topic}: {one.id} has no sequence")
            continue
        if one.sequence > last[one.key] + 1 and topic != COMPACTED:
            verdict.lost.append(f"{topic}: {one.key} goes from {last[one.key]} to {one.sequence}")
        last[one.key] = max(last[one.key], one.sequence)
        latest[one.key] = one.sequence
        if said.setdefault((one.key, one.sequence), one.id) != one.id:
            verdict.twice.append(f"{topic}: {one.key} has two events numbered {one.sequence}")
        if number.setdefault(one.id, one.sequence) != one.sequence:
            verdict.twice.append(f"{topic}: event {one.id} came as {number[one.id]} and as {one.sequence}")
    if topic == COMPACTED:
        older = {key: number for key, number in latest.items() if number < last[key]}
        verdict.wrong += [f"{topic}: compaction keeps {key} as of {n}, not of {last[key]}" for key, n in older.items()]


def _once(records: Iterable[Told]) -> Iterator[Told]:
    """Each event once, as a reader that drops repeats sees them."""
    seen: set[tuple[str, int | None]] = set()
    for one in records:
        if (one.key, one.sequence) not in seen:
            seen.add((one.key, one.sequence))
            yield one


def mail(verdict: Verdict, truths: Sequence[Truth], seen: Seen) -> None:
    """Hours that stand were told to whom they belong; nothing is delivered more often than section 6 allows."""
    verdict.counts["mails delivered"] = seen.mails.total()
    verdict.counts["mails repeated, outcome unknown"] = sum(times - 1 for times in seen.mails.values())
    verdict.twice += [f"mail {id} delivered {t} times" for id, t in seen.mails.items() if t > REPEATED_AT_MOST]
    told: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    by_status: Counter[str] = Counter()
    delivered = Counter({id.strip("<>").partition("@")[0]: times for id, times in seen.mails.items()})
    for message in seen.messages:
        by_status[message["status"]] += 1
        if message["status"] in WENT_OUT:
            told[message["educator_id"] or ""].add((message["kind"], message["micro_credential_id"]))
        times = delivered[message["message_id"]]
        if message["status"] == "sent" and not times:
            verdict.lost.append(f"message {message['message_id']} counts as sent and was never delivered")
        if message["kind"] in ONCE and times > 1:
            verdict.twice.append(f"reminder {message['message_id']} delivered {times} times")
    verdict.wrong += [f"{count} messages {status}" for status, count in by_status.items() if status in ("sending", "failed")]  # noqa: E501 # fmt: skip
    for truth in truths:
        for one in truth.hours:
            if one.kind == "micro_credential" and not any(
                ("hours_granted", one.subject) in told[member] for member in truth.members
            ):
                verdict.lost.append(f"{truth.educator} was never told of the hours for {one.subject}")
