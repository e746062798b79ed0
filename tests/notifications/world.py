"""The service as a pure function of time: facts in, messages out. No server, no mail, no clock but the test's."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from contracts import events
from contracts.event import EventData
from contracts.program import Programs
from eventing.envelope import Event
from services.notifications import decisions, policy
from services.notifications.decisions import Known
from services.notifications.reasons import Drop
from services.notifications.state import Educator, Message
from tests.notifications.builders import NOON, PROGRAMS


@dataclass
class World:
    """Decides as the handlers do, with everybody in memory."""

    now: datetime = NOON
    programs: Programs = PROGRAMS
    known: Known = field(default_factory=Known)
    told: int = 0
    _count: int = 0

    def hear(self, *facts: EventData, at: datetime | None = None) -> None:
        """Hear of these, published `at` (now unless told)."""
        for fact in facts:
            self._count += 1
            data = fact.model_dump(mode="json")
            event = Event(f"event-{self._count}", "/test", fact.TYPE, at or self.now, data, fact.key)
            self._decide(event, fact)

    def forget(self, educator_id: str) -> None:
        """A tombstone on the profiles' topic."""
        self._decide(Event("tombstone", "/test", events.EducatorProfile.TYPE, self.now, None, educator_id), None)

    def _decide(self, event: Event, fact: EventData | None) -> None:
        if isinstance(fact, events.SessionScheduled | events.SessionCancelled):
            holders = [id_ for id_, e in self.known.educators.items() if fact.session_id in e.reservations]
            self.known = decisions.decide_session(self.known, event, holders, self.programs, self.now)
            return
        blank = {id_: Educator(id_) for id_ in decisions.ids_in(event) - self.known.educators.keys()}
        self.known = replace(self.known, educators={**self.known.educators, **blank})
        before = self.known.messages
        self.known = decisions.decide(self.known, event, self.programs, self.now)
        assert self.known.messages[: len(before)] == before

    def unsubscribe(self, educator_id: str, at: datetime) -> None:
        """By the link in a reminder."""
        self.known = self.known.having(replace(self.known.educators[educator_id], unsubscribed_at=at))

    def tick(self) -> None:
        """Let the reminders be looked at."""
        for id_ in list(self.known.educators):
            if self.known.group(id_).id == id_:
                self.known = decisions.remind(self.known, id_, self.programs, self.now)

    def messages(self) -> list[Message]:
        """What was made since this was last asked."""
        new = list(self.known.messages[self.told :])
        self.told = len(self.known.messages)
        return new

    def kinds(self) -> list[str]:
        return [message.kind.value for message in self.messages()]

    def obstacle(self, message: Message, at: datetime | None = None) -> Drop | None:
        """Why it must not be sent now."""
        group = self.known.group(message.educator_id)
        return policy.obstacle(message, group, self.known.sessions, self.programs, at or self.now)
