"""What happens to made-up educators: the events that the portal and NEA send, in an order that is nobody's.

Everything follows from the seed. Where the design lets arrival decide (a second attendance with other content, a
merge of an account merged already) nothing is sent; all else ends the same whatever comes first.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

CREDENTIALS = ("NEA_TRA1", "NEA_RP1", "EX_CLIM1", "EX_TPT1", "EX_NONE1")
PORTAL, WEBHOOKS = "/faults/portal", "/webhooks/nea"
ATTENDED = ("2024-02-10T18:00:00-08:00", "2024-03-12T17:30:00-07:00", "2024-04-02T19:15:00-07:00")
IN_TIME = ("2024-04-20T10:00:00-07:00", "2024-04-26T23:59:59-07:00")
LATE = ("2024-04-27T00:00:00-07:00", "2024-05-02T08:00:00-07:00")
REVISED_IN_TIME = ("2024-05-10T10:00:00-07:00", "2024-05-24T23:59:59-07:00")
REVISED_LATE = ("2024-05-25T00:00:00-07:00",)


@dataclass(frozen=True)
class Fact:
    """One event as its sender tells it. `source` and `id` are its identity; NEA's are webhooks."""

    source: str
    id: str
    type: str
    time: str
    data: dict[str, Any]

    @property
    def by_nea(self) -> bool:
        return self.source == WEBHOOKS

    @property
    def key(self) -> str:
        """Kafka's key, where the portal produces it itself."""
        if self.type in ("session.scheduled", "session.cancelled"):
            return str(self.data["session_id"])
        return str(self.data.get("kept_educator_id") or self.data.get("educator_id") or "")


@dataclass
class Story:
    """One educator, and what is told of her."""

    educator: str
    facts: list[Fact] = field(default_factory=list)

    @property
    def member(self) -> str:
        return f"N-{self.educator}"

    @property
    def email(self) -> str:
        return f"{self.educator.lower()}@example.org"

    def portal(self, type: str, time: str, **data: Any) -> None:
        if type not in ("educator.merged", "session.scheduled", "session.cancelled"):
            data = {"educator_id": self.educator, **data}
        self.facts.append(Fact(PORTAL, f"{self.educator}-{len(self.facts)}", type, time, data))

    def nea(self, kind: str, time: str, credential: str, **data: Any) -> None:
        learner = {"nea_member_id": self.member, "email": self.email}
        data = {"learner": learner, "micro_credential_id": credential, **data}
        id = f"wh-{self.educator}-{len(self.facts)}"
        self.facts.append(Fact(WEBHOOKS, id, f"micro_credential.{kind}", time, data))


def stories(seed: int, first: int, count: int, prefix: str = "F") -> list[Story]:
    """Educators `first` to `first + count - 1` of this seed, in pairs: of some pairs the second is merged."""
    told = [story(Random(f"{seed}/{n}"), f"{prefix}{seed}-{n}") for n in range(first, first + count)]
    for kept, gone in zip(told[::2], told[1::2], strict=False):
        if Random(f"{seed}/{kept.educator}/merge").random() < 0.06:
            ids = {"kept_educator_id": kept.educator, "merged_educator_id": gone.educator}
            kept.portal("educator.merged", "2024-05-20T09:00:00-07:00", **ids)
    return told


def crowd(seed: int, first: int, count: int) -> list[Story]:
    """Educators of whom only the portal tells: what a burst is made of."""
    told = []
    for number in range(first, first + count):
        rng, one = Random(f"{seed}/crowd/{number}"), Story(f"C{seed}-{number}")
        profile = {"email": one.email, "nea_member_id": one.member, "roles": ["teacher"]}
        one.portal("educator.updated", "2024-01-10T09:00:00-08:00", name=f"Ana {one.educator}", **profile)
        _attend(one, rng, f"O-{one.educator}-0", "orientation", None)
        for credential in rng.sample(CREDENTIALS, rng.choice((1, 1, 2))):
            _attend(one, rng, f"W-{one.educator}-{credential}", "workshop", credential)
            at = "2024-01-20T09:00:00-08:00"
            one.portal("clock_hours.registered", at, micro_credential_id=credential, registered_at=at)
        told.append(one)
    return told


def story(rng: Random, educator: str) -> Story:
    """One educator's spring, from the common to the rare."""
    told = Story(educator)
    profile = {"email": told.email, "nea_member_id": told.member, "roles": ["teacher"]}
    told.portal("educator.updated", "2024-01-10T09:00:00-08:00", name=f"Rosa {educator}", **profile)
    if rng.random() < 0.2:
        told.portal("educator.updated", "2024-01-05T09:00:00-08:00", name="An Older Name", **profile)
    for number in range(rng.choice((0, 1, 1, 1, 1, 1, 1, 2))):
        _attend(told, rng, f"O-{educator}-{number}", "orientation", None)
    # A pair that may be merged shares no credential: half of the list is the one's, half the other's.
    mine = CREDENTIALS[: len(CREDENTIALS) // 2] if int(educator.rsplit("-", 1)[-1]) % 2 else CREDENTIALS[2:]
    for credential in rng.sample(mine, rng.choice((0, 1, 1, 1, 2))):
        _credential(told, rng, credential)
    return told


def _attend(told: Story, rng: Random, session: str, kind: str, opens: str | None) -> None:
    about: dict[str, Any] = {"session_id": session, "kind": kind, "ended_at": rng.choice(ATTENDED)}
    about["minutes"] = rng.choice((90, 90, 90, 90, 120, 75, 60, 45))
    reserved = opens is not None and rng.random() < 0.2
    if opens is not None and not reserved:
        about["micro_credential_id"] = opens
    told.portal("session.attended", "2024-04-03T09:00:00-07:00", **about)
    if reserved:
        told.portal("session.reserved", "2024-02-01T09:00:00-08:00", session_id=session, micro_credential_id=opens)
    for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 2))):
        minutes, day = rng.choice((0, 60, 60, 90)), len(told.facts) % 28 + 1
        at = f"2024-05-{day:02}T12:00:00-07:00"
        told.portal("attendance.corrected", at, session_id=session, minutes=minutes, reason="counted again")
    if rng.random() < 0.03:
        when = {"starts_at": "2024-01-02T10:00:00-08:00", "ends_at": "2024-01-02T12:00:00-08:00"}
        plan = {"session_id": session, "kind": kind, "title": f"Session {session}", **when}
        told.portal("session.scheduled", "2024-01-01T09:00:00-08:00", **plan)
        if rng.random() < 0.5:
            told.portal("session.cancelled", "2024-04-30T09:00:00-07:00", session_id=session, reason="snow")


def _credential(told: Story, rng: Random, credential: str) -> None:
    submission = f"S-{told.educator}-{credential}"
    if rng.random() < 0.9:
        _attend(told, rng, f"W-{told.educator}-{credential}", "workshop", credential)
    if rng.random() < 0.5:
        told.nea("registered", "2024-01-15T09:00:00-08:00", credential, registered_at="2024-01-15T09:00:00-08:00")
    if rng.random() < 0.9:
        at = "2024-01-20T09:00:00-08:00"
        told.portal("clock_hours.registered", at, micro_credential_id=credential, registered_at=at)
    if rng.random() < 0.08:
        at = "2024-05-22T09:00:00-07:00"
        told.portal("clock_hours.withdrawn", at, micro_credential_id=credential, withdrawn_at=at, reason="moved away")
    if rng.random() < 0.1:
        return
    at, attempt = rng.choice(IN_TIME * 4 + LATE), 1
    told.nea("submitted", at, credential, submission_id=submission, attempt=1, submitted_at=at)
    about = {"submission_id": submission, "attempt": 1}
    if rng.random() < 0.25:
        returned = "2024-05-03T09:00:00-07:00"
        told.nea("reviewed", returned, credential, **about, decision="not_yet", decided_at=returned)
        at, attempt = rng.choice(REVISED_IN_TIME * 2 + REVISED_LATE), 2
        told.nea("submitted", at, credential, submission_id=submission, attempt=2, submitted_at=at)
    decision = rng.choice(("awarded",) * 7 + ("denied", ""))
    if decision:
        decided = f"2024-05-26T{rng.randrange(8, 18):02}:00:00-07:00"
        about = {"submission_id": submission, "attempt": attempt, "decision": decision, "decided_at": decided}
        told.nea("reviewed", decided, credential, **about)
        if rng.random() < 0.05:
            told.nea("revoked", "2024-05-27T09:00:00-07:00", credential, revoked_at="2024-05-27T09:00:00-07:00")
