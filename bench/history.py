"""What enrollment tells of a spring: educators on their way through several micro-credentials, told all mixed up.

Made once from a seed: every contender reads the same bytes.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

from contracts import events, program, topics
from contracts.event import EventData
from contracts.kinds import Decision, SessionKind
from contracts.program import Programs
from eventing.envelope import Event, encode, event_id
from eventing.tracing import child

YEAR_BEGINS = datetime(2023, 10, 2, 18, 0, tzinfo=UTC)
NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def programs() -> Programs:
    """The programme of the repository."""
    return program.load(Path(__file__).parents[1] / "programs")


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it stands on wea.enrollment.v1."""

    key: str
    event: Event
    fact: EventData

    @property
    def value(self) -> bytes:
        return encode(self.event)


def told(educators: int, each: int, seed: int = 8, years: Programs | None = None) -> list[Told]:
    """`each` events of every educator, in one order: each educator's own stays, all else is chance."""
    random = Random(seed)
    catalogue = [entry.id for entry in (years or programs_cached()).years[0].micro_credentials]
    lanes = [list(_facts(f"educator-{number:06}", catalogue, each, random)) for number in range(educators)]
    turns = [number for number, lane in enumerate(lanes) for _ in lane]
    random.shuffle(turns)
    at: Counter[int] = Counter()
    order: list[Told] = []
    for turn in turns:
        order.append(_told(lanes[turn][at[turn]], at[turn] + 1))
        at[turn] += 1
    return order


def oriented(who: str) -> Told:
    """The first that is told of an educator."""
    return _told(next(_path(who, [], Random(who))), 1)


def _told(fact: EventData, sequence: int) -> Told:
    cause = f"portal-{fact.key}-{sequence}"
    id = event_id("/wea/portal", cause, fact.TYPE, 0)
    event = Event(
        id=id,
        source="/enrollment",
        type=fact.TYPE,
        time=NOW,
        data=fact.model_dump(mode="json"),
        key=fact.key,
        sequence=sequence,
        causationid=cause,
        causationsource="/wea/portal",
        traceparent=child(None, id),
    )
    return Told(fact.key, event, fact)


def _facts(who: str, catalogue: list[str], most: int, random: Random) -> Iterator[EventData]:
    """An orientation, then one micro-credential after the other, from registration to award."""
    yield from islice(_path(who, random.sample(catalogue, len(catalogue)), random), most)


def _path(who: str, wanted: list[str], random: Random) -> Iterator[EventData]:
    when = YEAR_BEGINS + random.randrange(200) * HOUR
    yield events.OrientationCompleted(
        educator_id=who, session_id=f"O-{random.randrange(20)}", kind=SessionKind.ORIENTATION,
        minutes=90, attended_minutes=90, ended_at=when,
    )  # fmt: skip
    for number, credential in enumerate(wanted):
        yield from _credential(who, credential, when + number % 10 * 200 * HOUR, random)  # all within the year


def _credential(who: str, credential: str, when: datetime, random: Random) -> Iterator[EventData]:
    about = {"educator_id": who, "micro_credential_id": credential}
    learner = {"learner_id": f"learner-{who}"}
    submission = {"submission_id": f"S-{who}-{credential}"}
    session = f"W-{credential}-{random.randrange(20)}"
    at = (when + step * 20 * HOUR for step in range(1, 10))
    yield events.MicroCredentialRegistered(**about, **learner, registered_at=next(at))
    yield events.ClockHoursRegistered(**about, registered_at=next(at))
    yield events.SessionReserved(**about, session_id=session)
    yield events.WorkshopAttended(
        **about, session_id=session, kind=SessionKind.WORKSHOP, minutes=90, attended_minutes=90, ended_at=next(at)
    )
    year = programs_cached().years[0]
    attempts = 2 if random.randrange(3) == 0 else 1
    for attempt in range(1, attempts + 1):
        closes = year.submission_closes if attempt == 1 else year.revision_closes
        submitted = next(at)
        yield events.CredentialSubmitted(
            **about, **learner, **submission, attempt=attempt, submitted_at=submitted, deadline=closes,
            on_time=submitted < closes,
        )  # fmt: skip
        awarded = attempt == attempts
        model = events.CredentialAwarded if awarded else events.CredentialReturned
        decision = Decision.AWARDED if awarded else Decision.NOT_YET
        yield model(**about, **learner, **submission, attempt=attempt, decision=decision, decided_at=next(at))


_programs: list[Programs] = []


def programs_cached() -> Programs:
    if not _programs:
        _programs.append(programs())
    return _programs[0]


TOPIC = topics.ENROLLMENT
