"""From a queued message to an envelope, by what is known now; or why there is none. No MongoDB, no SMTP."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from contracts.program import Programs
from services.notifications import invitation, letters, links, policy, reminders, rendering, staff
from services.notifications.announcing import scene_of
from services.notifications.decisions import Known
from services.notifications.documents import message_of
from services.notifications.links import Linker
from services.notifications.mail import Calendar, Envelope, UnusableAddressError, compose
from services.notifications.reasons import Drop, Failure
from services.notifications.rendering import Links, Rendered
from services.notifications.scene import Letter, NothingToSayError, Scene
from services.notifications.state import Educator, Kind, Message

if TYPE_CHECKING:
    from services.notifications.signature import Signature

WAIT_FOR_PROFILE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ready:
    """Send `envelope`. First record that it is being sent, and its words as `rendered`: without the personal links.

    `educator` is the account whose address `to` is.
    """

    envelope: Envelope
    rendered: Rendered
    to: str
    calendar: str | None = None
    token: str | None = None
    educator: Educator | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody to write to yet: look again at `due_at`, programme time."""

    due_at: datetime


Outcome = Ready | Later | Drop | Failure


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages as e-mails."""

    sender: str
    linker: Linker
    programs: Programs
    portal_url: str
    signature: "Signature | None" = None

    def write(self, document: Mapping[str, Any], known: Known, suppressed: frozenset[str], now: datetime) -> Outcome:
        """What is to be done with one message. What fails here is a fault of ours, and is raised."""
        message = message_of({**document, "due_at": document["created_at"]})
        if message.kind.is_for_staff:
            return self._to_staff(document, message, now)
        scene = scene_of(message, known, self.programs, self.portal_url, now)
        obstacle = self._obstacle(document, scene)
        if obstacle is not None:
            return obstacle
        profile = scene.group.profile
        if profile is None:
            return Later(now + WAIT_FOR_PROFILE)
        if self.linker.digest(profile.email) in suppressed:
            return Drop.ADDRESS_SUPPRESSED
        return self._to_educator(document, scene, profile.email)

    def _obstacle(self, document: Mapping[str, Any], scene: Scene) -> Drop | None:
        if document.get("forced"):  # staff ask for it: neither age nor cause matter
            return Drop.ERASED if scene.group.erased else None
        if scene.message.kind.is_reminder:
            today = scene.program.local_date(scene.now).isoformat()
            if scene.message.facts.get("day") != today or reminders.awake(scene.program, scene.now) != scene.now:
                return Drop.DAY_PASSED
        return policy.obstacle(scene.message, scene.group, scene.sessions, self.programs, scene.now)

    def _to_educator(self, document: Mapping[str, Any], scene: Scene, to: str) -> Outcome:
        message, token = scene.message, links.new_token()
        stop = self.linker.unsubscribe(scene.group.id) if message.kind.is_reminder else None
        try:
            letter = letters.write(scene)
        except NothingToSayError:
            return self._again_as_it_was(document, scene, to, token, stop)
        rendered = rendering.render(letter, Links(self.linker.progress(token), stop))
        calendar = None
        if letter.seat is not None:
            content = invitation.calendar_file(letter.seat, to, letter.program, scene.now)
            calendar = Calendar(invitation.method(letter.seat), content)
        return self._ready(document, rendered, to, scene, letter.contact.email, stop, calendar, token)

    def _again_as_it_was(
        self, document: Mapping[str, Any], scene: Scene, to: str, token: str, stop: str | None
    ) -> Outcome:
        """What cannot be written anew goes out as it did: only where staff ask for it again."""
        if not document.get("html"):
            return Drop.CAUSE_GONE
        kept = Rendered(document["subject"], document["text"], document["html"])
        rendered = _replaced(kept, {link: own for own, link in self._removed(token, stop).items()})
        reply_to = scene.program.contacts.program.email
        return self._ready(document, rendered, to, scene, reply_to, stop, None, token)

    def _ready(
        self,
        document: Mapping[str, Any],
        rendered: Rendered,
        to: str,
        scene: Scene,
        reply_to: str | None,
        stop: str | None,
        calendar: Calendar | None,
        token: str,
    ) -> Outcome:
        try:
            envelope = compose(
                _envelope_id(document), self.sender, to, rendered, scene.now,
                reply_to=reply_to, unsubscribe=stop, calendar=calendar,
            )  # fmt: skip
        except UnusableAddressError:
            return Failure.ADDRESS_UNUSABLE
        kept = _replaced(rendered, self._removed(token, stop))
        text = calendar.content.decode() if calendar else None
        return Ready(self._signed(envelope), kept, to, text, token, scene.group.named)

    def _removed(self, token: str, stop: str | None) -> dict[str, str]:
        """The educator's own links, and what stands in their place in the record, which staff read."""
        removed = {self.linker.progress(token): self.linker.progress(links.REMOVED)}
        return removed | ({stop: self.linker.stopping(links.REMOVED)} if stop else {})

    def _to_staff(self, document: Mapping[str, Any], message: Message, now: datetime) -> Outcome:
        program = self.programs.current(now)
        to = program.contacts.program.email
        if to is None:
            return Drop.CAUSE_GONE
        letter = staff_letter(document, message, self.programs, now)
        rendered = rendering.render(letter, Links())
        envelope = compose(_envelope_id(document), self.sender, to, rendered, now)
        return Ready(self._signed(envelope), rendered, to)

    def _signed(self, envelope: Envelope) -> Envelope:
        if self.signature is None:
            return envelope
        return replace(envelope, content=self.signature.sign(envelope.content))


def staff_letter(document: Mapping[str, Any], message: Message, programs: Programs, now: datetime) -> Letter:
    program = programs.current(now)
    if message.kind is Kind.STAFF_DIGEST:
        return Letter(message.kind, "", program, document["about"], program.contacts.program)
    facts = message.facts
    if facts.get("alert") == "parked_lane":
        return staff.parked_lane(str(facts["service"]), str(facts["lane"]), str(facts["code"]), program)
    holder = facts.get("holder")
    return staff.identity_conflict(message.educator_id, str(holder) if holder else None, program)


def _replaced(rendered: Rendered, links: Mapping[str, str]) -> Rendered:
    text, html = rendered.text, rendered.html
    for link, other in links.items():
        text, html = text.replace(link, other), html.replace(link, other)
    return Rendered(rendered.subject, text, html)


def _envelope_id(document: Mapping[str, Any]) -> str:
    """Fixed for good, so that a mail server or a reader can tell a repetition; staff's resending is another message."""
    resent = document.get("resent", 0)
    return f"{document['_id']}.{resent}" if resent else str(document["_id"])
