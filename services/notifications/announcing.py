"""To whom a message goes and what its subject line says, as far as that is known when it is made. Pure."""

from collections.abc import Iterable
from datetime import datetime

from contracts.program import Programs
from services.notifications import letters, policy, rendering
from services.notifications.decisions import Known
from services.notifications.scene import NothingToSayError, Scene
from services.notifications.state import Message

Subjects = dict[str, tuple[str | None, str]]  # address and subject line, by the message's identity


def subjects_of(
    known: Known, before: Iterable[Message], programs: Programs, portal_url: str, now: datetime
) -> Subjects:
    """Address and subject of each message that came to those of `before`, by the message's identity."""
    old = {id(message) for message in before}
    found: Subjects = {}
    for message in known.messages:
        if id(message) in old or message.kind.is_for_staff:
            continue
        scene = scene_of(message, known, programs, portal_url, now)
        profile = scene.group.root.profile
        # What goes to a merged account's address says so when it is sent: an erasure of that one has to find it.
        found[message.identity] = (profile.email, _subject(scene)) if profile else (None, "")
    return found


def scene_of(message: Message, known: Known, programs: Programs, portal_url: str, now: datetime) -> Scene:
    group = known.group(message.educator_id)
    eligible = policy.eligible(group, programs, now)
    return Scene(message, group, known.sessions, programs, eligible, portal_url, now)


def _subject(scene: Scene) -> str:
    """It is found again when the message is sent; until then this is what staff see in the list."""
    try:
        return rendering.subject(letters.write(scene))
    except NothingToSayError:
        return ""
