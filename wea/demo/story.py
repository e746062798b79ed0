"""The story: who the educators are, and what happens when. Data alone; play.py plays it.

Ids are fixed, so that a story told twice changes nothing the second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
TRAUMA, RESTORATIVE = "NEA_TRA1", "NEA_RP1"
ORIENTATION, WORKSHOP, EVENING = "demo-orientation", "demo-workshop-1", "demo-workshop-2"


@dataclass(frozen=True)
class Person:
    """An educator of the story. `member` is NEA's id, where WEA knows it from the start."""

    id: str
    name: str
    email: str
    member: str
    known: bool = True

    @property
    def first(self) -> str:
        return self.name.split()[0]


ANA = Person("demo-ana", "Ana Ramírez", "ana@example.org", "N-7001")
BEN = Person("demo-ben", "Ben Okafor", "ben@example.org", "N-7002")
CHLOE = Person("demo-chloe", "Chloé Nguyễn", "chloe@example.org", "N-7003")
DIEGO = Person("demo-diego", "Diego Fuentes", "diego@example.org", "N-7004")
EMI = Person("demo-emi", "Emi Tanaka", "emi@example.org", "N-7005", known=False)
FARAH = Person("demo-farah", "Farah Haddad", "farah@example.org", "N-7006")
PEOPLE = (ANA, BEN, CHLOE, DIEGO, EMI, FARAH)


@dataclass(frozen=True)
class Portal:
    """An event of WEA's course registration site."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": "/wea/portal",
            "type": self.type,
            "time": self.at.isoformat(),
            "data": self.data,
        }


@dataclass(frozen=True)
class Nea:
    """A webhook of NEA's."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return {"type": self.type, "timestamp": self.at.isoformat(), "data": self.data}


Sent = Portal | Nea
Facts = Mapping[str, Any]  # a person's clock-hours record, as clockhours answers it


@dataclass(frozen=True)
class Act:
    """One moment: when, what is told, what is sent, and when its effect is there."""

    at: datetime
    says: str
    sends: tuple[Sent, ...] = ()
    whose: Person | None = None
    until: Callable[[Facts], bool] = field(default=lambda _: True)
    staff: str | None = None  # an action of staff: "accept late attempt"


def day(month: int, number: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2024, month, number, hour, minute, tzinfo=PACIFIC)


def profile(person: Person, at: datetime, *, known: bool | None = None) -> Portal:
    data = {"educator_id": person.id, "name": person.name, "email": person.email, "roles": ["teacher"]}
    told = person.known if known is None else known
    if told:
        data["nea_member_id"] = person.member
    if person is ANA:
        data["certificate_number"] = "498712A"
    return Portal(f"profile-{person.id}-{'full' if told else 'new'}", "educator.updated", at, data)


def session(id: str, kind: str, title: str, starts: datetime, ends: datetime) -> Portal:
    data = {
        "session_id": id,
        "kind": kind,
        "title": title,
        "starts_at": starts.isoformat(),
        "ends_at": ends.isoformat(),
    }
    return Portal(f"session-{id}", "session.scheduled", day(3, 1), {**data, "location": "Online"})


def attended(person: Person, session_id: str, kind: str, ended: datetime, opens: str | None = None) -> Portal:
    data = {
        "educator_id": person.id,
        "session_id": session_id,
        "kind": kind,
        "minutes": 90,
        "ended_at": ended.isoformat(),
    }
    return Portal(
        f"attended-{person.id}-{session_id}",
        "session.attended",
        ended,
        data | ({"micro_credential_id": opens} if opens else {}),
    )


def registered(person: Person, credential: str, at: datetime) -> Portal:
    """The second registration: with WEA, for clock hours."""
    data = {"educator_id": person.id, "micro_credential_id": credential, "registered_at": at.isoformat()}
    return Portal(f"registered-{person.id}-{credential}", "clock_hours.registered", at, data)


def _nea(person: Person, kind: str, credential: str, at: datetime, suffix: str = "", **more: Any) -> Nea:
    learner = {"nea_member_id": person.member, "email": person.email if person.known else "emi.t@mail.example"}
    data = {"learner": learner, "micro_credential_id": credential, **more}
    return Nea(f"{kind}-{person.id}-{credential}{suffix}", f"micro_credential.{kind}", at, data)


def enrolled(person: Person, credential: str, at: datetime) -> Nea:
    """The first registration: with NEA."""
    return _nea(person, "registered", credential, at, registered_at=at.isoformat())


def submitted(person: Person, credential: str, at: datetime, attempt: int = 1) -> Nea:
    more = {"submission_id": f"S-{person.id}-{credential}", "attempt": attempt, "submitted_at": at.isoformat()}
    return _nea(person, "submitted", credential, at, f"-{attempt}", **more)


def reviewed(person: Person, credential: str, decision: str, at: datetime, attempt: int = 1) -> Nea:
    more = {"submission_id": f"S-{person.id}-{credential}", "attempt": attempt, "decision": decision}
    return _nea(person, "reviewed", credential, at, f"-{attempt}-{decision}", decided_at=at.isoformat(), **more)


def revoked(person: Person, credential: str, at: datetime) -> Nea:
    return _nea(person, "revoked", credential, at, revoked_at=at.isoformat(), reason="awarded in error")


def total(minutes: int) -> Callable[[Facts], bool]:
    return lambda facts: bool(facts["total_minutes"] == minutes)


def misses(credential: str, *missing: str) -> Callable[[Facts], bool]:
    return lambda facts: any(
        row["micro_credential_id"] == credential and row["missing"] == list(missing) for row in facts["held"]
    )


def acts() -> list[Act]:
    """The spring of 2024, in order."""
    in_orientation = (ANA, BEN, CHLOE, DIEGO, EMI, FARAH)
    oriented = day(3, 12, 17, 30)
    trained = day(3, 20, 17, 30)
    return [
        Act(
            day(3, 4),
            "The portal tells of six educators and three sessions.",
            (
                session(ORIENTATION, "orientation", "WEA Orientation", day(3, 12, 16), oriented),
                session(WORKSHOP, "workshop", "Workshop: Trauma Informed Pedagogy", day(3, 20, 16), trained),
                session(EVENING, "workshop", "Workshop: evening round", day(3, 27, 18), day(3, 27, 19, 30)),
                *(profile(person, day(3, 4), known=person.known) for person in PEOPLE),
            ),
        ),
        Act(
            day(3, 5),
            "All register with NEA. All but Ben register a second time, with WEA for clock hours.",
            (
                *(enrolled(person, TRAUMA, day(3, 5)) for person in (ANA, BEN, CHLOE, EMI, FARAH)),
                enrolled(DIEGO, RESTORATIVE, day(3, 5)),
                *(registered(person, TRAUMA, day(3, 5)) for person in (ANA, CHLOE, EMI, FARAH)),
                registered(DIEGO, RESTORATIVE, day(3, 5)),
            ),
        ),
        Act(
            oriented,
            "WEA Orientation, once for each: 1.5 clock hours.",
            tuple(attended(person, ORIENTATION, "orientation", oriented) for person in in_orientation),
            ANA,
            total(90),
        ),
        Act(
            trained,
            "The workshop for Trauma Informed Pedagogy: Ana, Ben and Chloé attend. Emi and Farah are there too, "
            "but nobody noted for which micro-credential Farah came.",
            (
                *(attended(person, WORKSHOP, "workshop", trained, TRAUMA) for person in (ANA, BEN, CHLOE, EMI)),
                attended(FARAH, WORKSHOP, "workshop", trained),
            ),
            FARAH,
            total(180),
        ),
        Act(
            day(3, 27, 19, 30),
            "Diego attends the evening round, for Restorative Practices.",
            (attended(DIEGO, EVENING, "workshop", day(3, 27, 19, 30), RESTORATIVE),),
            DIEGO,
            total(180),
        ),
        Act(
            day(3, 28),
            "Staff ask Farah, and the portal corrects her attendance: it was for Trauma Informed Pedagogy.",
            (
                Portal(
                    "corrected-farah",
                    "attendance.corrected",
                    day(3, 28),
                    {
                        "educator_id": FARAH.id,
                        "session_id": WORKSHOP,
                        "minutes": 90,
                        "micro_credential_id": TRAUMA,
                        "reason": "asked by phone",
                    },
                ),
            ),
            FARAH,
            misses(TRAUMA, "on_time_submission", "award"),
        ),
        Act(
            day(4, 10),
            "Ana, Ben and Farah submit to NEA; Emi too, under an e-mail address that WEA does not know.",
            tuple(submitted(person, TRAUMA, day(4, 10)) for person in (ANA, BEN, EMI, FARAH)),
            ANA,
            misses(TRAUMA, "award"),
        ),
        Act(
            day(4, 26, 21),
            "The submission deadline, Friday, April 26. Diego submits with three hours to spare.",
            (submitted(DIEGO, RESTORATIVE, day(4, 26, 21)),),
            DIEGO,
            misses(RESTORATIVE, "award"),
        ),
        Act(
            day(4, 27, 0, 20),
            "Chloé submits twenty minutes after midnight: late. An exception opens for staff.",
            (submitted(CHLOE, TRAUMA, day(4, 27, 0, 20)),),
            CHLOE,
            lambda facts: any(e["kind"] == "late_attempt" for e in facts["exceptions"]),
        ),
        Act(
            day(5, 2),
            "NEA awards Ana: all her steps are done, and the 15 clock hours are granted at once.",
            (reviewed(ANA, TRAUMA, "awarded", day(5, 2)),),
            ANA,
            total(1080),
        ),
        Act(
            day(5, 3),
            "NEA awards Ben. He never registered for clock hours: his 15 hours are held, and he is told why.",
            (reviewed(BEN, TRAUMA, "awarded", day(5, 3)),),
            BEN,
            misses(TRAUMA, "clock_hours_registration"),
        ),
        Act(
            day(5, 4),
            "Ben reads his mail and registers. Nobody has to remember him.",
            (registered(BEN, TRAUMA, day(5, 4)),),
            BEN,
            total(1080),
        ),
        Act(
            day(5, 6),
            "NEA returns Diego's submission: not yet. He has until May 24 to revise.",
            (reviewed(DIEGO, RESTORATIVE, "not_yet", day(5, 6)),),
        ),
        Act(
            day(5, 8),
            "NEA awards Emi, but WEA cannot say who that is: the webhooks wait as unmatched, never guessed.",
            (reviewed(EMI, TRAUMA, "awarded", day(5, 8)),),
        ),
        Act(
            day(5, 9),
            "Emi adds her NEA member id to her profile. Everything that waited for her is taken up by itself.",
            (profile(EMI, day(5, 9), known=True),),
            EMI,
            total(1080),
        ),
        Act(
            day(5, 13),
            "Staff accept Chloé's late submission; NEA awards it.",
            (reviewed(CHLOE, TRAUMA, "awarded", day(5, 13)),),
            CHLOE,
            total(1080),
            staff="accept late attempt",
        ),
        Act(
            day(5, 20),
            "Diego revises in time, and is awarded.",
            (submitted(DIEGO, RESTORATIVE, day(5, 20), 2), reviewed(DIEGO, RESTORATIVE, "awarded", day(5, 20, 16), 2)),
            DIEGO,
            total(1080),
        ),
        Act(
            day(5, 21),
            "NEA awards Farah, and a day later takes it back. The ledger is append-only: the hours are reversed.",
            (reviewed(FARAH, TRAUMA, "awarded", day(5, 21)), revoked(FARAH, TRAUMA, day(5, 22))),
            FARAH,
            lambda facts: facts["total_minutes"] == 180 and any(e["reverses"] for e in facts["entries"]),
        ),
    ]
