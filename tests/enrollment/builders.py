"""Words to tell a story in: what the portal and NEA say. Defaults, so that a test names only what matters to it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from contracts import nea, portal, program, topics
from contracts.program import Programs
from eventing.batch import Record
from eventing.testing import Topics
from services.enrollment.learning import Fact, NeaFact, PortalFact
from services.enrollment.policy import decide, link, unlink
from services.enrollment.pseudonyms import Pseudonyms
from services.enrollment.state import Educator, Outcome, Stamp, View
from services.enrollment.telling import Announcement
from services.enrollment.world import World

ANA, BEN, CAM = "E-ana", "E-ben", "E-cam"
TRA1, TRA2 = "NEA_TRA1", "NEA_TRA2"
O1, W1, W2 = "O-1", "W-1", "W-2"
S1 = "S-1"
PSEUDONYMS = Pseudonyms("test")
_numbers = count(1)


def at(text: str) -> datetime:
    """A moment of UTC: "2024-03-02" (noon) or "2024-03-02T20:00"."""
    moment = datetime.fromisoformat(text if "T" in text else f"{text}T12:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


NOW = at("2024-06-01")


def years(*files: str) -> Programs:
    folder = Path(__file__).parents[2] / "programs"
    return Programs(tuple(program.read(folder / f"{name}.toml") for name in files or ("2023-24",)))


PROGRAMS = years()


@dataclass(frozen=True)
class Said:
    """An event before it is anywhere: as a fact, as a record, or as the body of a request."""

    type: str
    data: dict[str, Any]
    time: datetime
    id: str
    source: str = "/portal"

    @property
    def fact(self) -> Fact:
        stamp = Stamp(self.time, self.id, self.source)
        if self.source == nea.SOURCE:
            said = nea.read_data(self.type, self.data)
            return NeaFact(stamp, said, PSEUDONYMS.learner_id(said.learner))
        return PortalFact(stamp, portal.read(self.type, self.data))

    @property
    def key(self) -> str:
        if self.source == nea.SOURCE:
            return PSEUDONYMS.intake_key(nea.read_data(self.type, self.data).learner)
        return portal.read(self.type, self.data).key

    def record(self, topics_: Topics, topic: str = topics.INBOX.name) -> Record:
        return topics_.record(
            topic, self.key, self.type, self.data, id=self.id, source=self.source, time=self.time, sequenced=False
        )

    @property
    def cloudevent(self) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "data": self.data,
        }

    @property
    def webhook(self) -> dict[str, Any]:
        return {"type": self.type, "timestamp": self.time.isoformat(), "data": self.data}

    def later(self, hours: float = 1, **data: Any) -> "Said":
        """Said again under a new id, later, with other data where given."""
        return replace(
            self, id=f"e-{next(_numbers)}", time=self.time + timedelta(hours=hours), data={**self.data, **data}
        )

    def again(self) -> "Said":
        """The same under a new id, at the same time."""
        return replace(self, id=f"e-{next(_numbers)}")


def said(type_: str, said_at: str | datetime | None = None, source: str = "/portal", **data: Any) -> Said:
    number = next(_numbers)
    if said_at is None:
        moment = at("2024-03-01") + timedelta(minutes=number)
    else:
        moment = at(said_at) if isinstance(said_at, str) else said_at
    stated = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in data.items()}
    return Said(type_, stated, moment, f"e-{number}", source)


def profile(who: str, *, name: str = "Ana Ruiz", email: str | None = None, **more: Any) -> Said:
    return said("educator.updated", educator_id=who, name=name, email=email or f"{who}@example.org", **more)


def merged(kept: str, merged_id: str) -> Said:
    return said("educator.merged", kept_educator_id=kept, merged_educator_id=merged_id)


def unmerged(kept: str, merged_id: str) -> Said:
    return said("educator.unmerged", kept_educator_id=kept, merged_educator_id=merged_id)


def erased(who: str) -> Said:
    return said("educator.erased", educator_id=who)


def scheduled(session: str = W1, *, kind: str = "workshop", said_at: str | None = None, **more: Any) -> Said:
    data: dict[str, Any] = {
        "title": "A session",
        "starts_at": at("2024-02-10T18:00"),
        "ends_at": at("2024-02-10T20:00"),
    } | more
    return said("session.scheduled", said_at, session_id=session, kind=kind, **data)


def cancelled(session: str = W1, *, said_at: str | None = None) -> Said:
    return said("session.cancelled", said_at, session_id=session, reason="Snow")


def reserved(who: str = ANA, session: str = W1, *, opens: str | None = TRA1, said_at: str | None = None) -> Said:
    return said("session.reserved", said_at, educator_id=who, session_id=session, micro_credential_id=opens)


def unreserved(who: str = ANA, session: str = W1, *, said_at: str | None = None) -> Said:
    return said("reservation.cancelled", said_at, educator_id=who, session_id=session)


def attended(
    who: str = ANA,
    session: str = W1,
    *,
    minutes: int = 90,
    opens: str | None = TRA1,
    kind: str = "workshop",
    ended: str = "2024-02-10",
) -> Said:
    data: dict[str, Any] = {"kind": kind, "minutes": minutes, "ended_at": at(ended)}
    return said("session.attended", educator_id=who, session_id=session, micro_credential_id=opens, **data)


def oriented(who: str = ANA, session: str = O1, *, minutes: int = 90, ended: str = "2024-01-10") -> Said:
    return attended(who, session, minutes=minutes, opens=None, kind="orientation", ended=ended)


def corrected(who: str = ANA, session: str = W1, *, minutes: int = 90, said_at: str | None = None, **more: Any) -> Said:
    """Pass opens=… to name another micro-credential, opens=None to name none."""
    if "opens" in more:
        more["micro_credential_id"] = more.pop("opens")
    data: dict[str, Any] = {"minutes": minutes, "reason": "Sign-in sheet"} | more
    return said("attendance.corrected", said_at, educator_id=who, session_id=session, **data)


def registered(who: str = ANA, credential: str = TRA1, *, said_at: str | None = None) -> Said:
    data: dict[str, Any] = {"micro_credential_id": credential, "registered_at": at("2024-02-01")}
    return said("micro_credential.registered", said_at, educator_id=who, **data)


def hours_registered(who: str = ANA, credential: str = TRA1, *, said_at: str | None = None) -> Said:
    data: dict[str, Any] = {"micro_credential_id": credential, "registered_at": at("2024-02-01")}
    return said("clock_hours.registered", said_at, educator_id=who, **data)


def hours_withdrawn(who: str = ANA, credential: str = TRA1, *, said_at: str | None = None) -> Said:
    data: dict[str, Any] = {
        "micro_credential_id": credential,
        "withdrawn_at": at("2024-02-20"),
        "reason": "Changed her mind",
    }
    return said("clock_hours.withdrawn", said_at, educator_id=who, **data)


def learner(member: str | None = "N-1", email: str | None = None) -> dict[str, str]:
    return {name: value for name, value in (("nea_member_id", member), ("email", email)) if value is not None}


def _nea(type_: str, said_at: str | None, whom: dict[str, str] | None, credential: str, **data: Any) -> Said:
    whom = learner() if whom is None else whom
    return said(type_, said_at, nea.SOURCE, learner=whom, micro_credential_id=credential, **data)


def nea_registered(*, whom: dict[str, str] | None = None, credential: str = TRA1, on: str = "2024-02-01") -> Said:
    return _nea("micro_credential.registered", None, whom, credential, registered_at=at(on))


def submitted(
    *,
    whom: dict[str, str] | None = None,
    credential: str = TRA1,
    submission: str = S1,
    attempt: int = 1,
    on: str = "2024-04-20",
    said_at: str | None = None,
) -> Said:
    data: dict[str, Any] = {"submission_id": submission, "attempt": attempt, "submitted_at": at(on)}
    return _nea("micro_credential.submitted", said_at, whom, credential, **data)


def reviewed(
    decision: str = "awarded",
    *,
    whom: dict[str, str] | None = None,
    credential: str = TRA1,
    submission: str = S1,
    attempt: int = 1,
    on: str = "2024-05-10",
    said_at: str | None = None,
) -> Said:
    data: dict[str, Any] = {"submission_id": submission, "attempt": attempt, "decision": decision, "decided_at": at(on)}
    return _nea("micro_credential.reviewed", said_at, whom, credential, **data)


def revoked(*, whom: dict[str, str] | None = None, credential: str = TRA1, on: str = "2024-05-20") -> Said:
    return _nea("micro_credential.revoked", None, whom, credential, revoked_at=at(on))


def learner_id(member: str | None = "N-1", email: str | None = None) -> str:
    return PSEUDONYMS.learner_id(nea.Learner(nea_member_id=member, email=email))


class Story:
    """Enrollment without I/O: facts in, announcements out."""

    def __init__(self, *facts: Said, programs: Programs = PROGRAMS) -> None:
        self.world = World()
        self.programs = programs
        self.outcomes: list[Outcome] = []
        self.hear(*facts)

    def hear(self, *facts: Said) -> list[Announcement]:
        """Decide these facts, one after the other. Returns what is published."""
        published: list[Announcement] = []
        for fact in facts:
            decision = decide(self.world, fact.fact, self.programs)
            self.world.absorb(decision.changes)
            self.outcomes.append(decision.outcome)
            published += decision.announcements
        return published

    def link(self, learner_id_: str, educator_id: str) -> list[Announcement]:
        decision = link(self.world, learner_id_, educator_id, self.programs)
        self.world.absorb(decision.changes)
        return list(decision.announcements)

    def unlink(self, learner_id_: str) -> list[Announcement]:
        decision = unlink(self.world, learner_id_, self.programs)
        self.world.absorb(decision.changes)
        return list(decision.announcements)

    def told(self, educator_id: str = ANA) -> View:
        return self.educator(educator_id).told

    def educator(self, educator_id: str = ANA) -> Educator:
        return self.world.educator(educator_id)

    @property
    def outcome(self) -> Outcome:
        return self.outcomes[-1]


def names(announcements: Iterable[Announcement]) -> list[str]:
    return [type(said_).__name__ for said_ in announcements]
