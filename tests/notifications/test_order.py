"""Order across topics does not exist: whatever the interleaving, the same messages go out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import EventData
from contracts.kinds import Decision, EntryKind, ExceptionKind
from services.notifications import seats
from services.notifications.state import Kind, Message
from tests.notifications.builders import (
    ANA,
    DAY,
    NOON,
    ROSA,
    attended,
    awarded,
    called_off,
    case,
    gave_up,
    granted,
    held,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    reviewed,
    scheduled,
    submitted,
)
from tests.notifications.world import World

ORIENTATION = granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1")
TOPICS: list[list[EventData]] = [
    [profile(), profile(ANA, "Rosa D."), profile(name="Rosa Maria Diaz")],
    [
        oriented(), reserved(session="W-2"), reserved(session="W-4"), nea_registered(), submitted(),
        reviewed(Decision.NOT_YET), submitted(attempt=2), reserved(session="W-3"), gave_up(session="W-3"),
        reserved(session="W-3"), registered(), attended(), awarded(attempt=2),
    ],
    [nea_registered(ANA, "EX_SEL1"), attended(ANA, "W-9", None), merged(ROSA, ANA)],
    [scheduled("W-2"), scheduled("W-3"), scheduled("W-2", NOON + 12 * DAY)],
    [scheduled("W-4"), called_off("W-4")],
    [
        ORIENTATION, held("workshop", "award"), held("workshop"), held(), granted(),
        case(ExceptionKind.TRANSCRIPT_SUPERSEDED),
    ],
]  # fmt: skip


def sent(facts: list[EventData]) -> set[str]:
    """What would go out: all that was made and still holds, and then the reminder of the day."""
    world = World()
    world.hear(*facts)
    world.tick()
    made = [message for message in world.messages() if world.obstacle(message, message.due_at) is None]
    return {_said(message) for message in made}


def _said(message: Message) -> str:
    """A message's key; of a seat whether it stands: one that was planned anew before anybody heard is told once."""
    if message.kind in seats.KINDS:
        return f"{message.subject} {'lost' if message.kind is Kind.SESSION_CANCELLED else 'held'}"
    return message.key


EXPECTED = sent([fact for topic in TOPICS for fact in topic])


def test_the_order_of_the_topics_one_after_the_other_sends_something() -> None:
    kinds = {key.split("\n")[0] for key in EXPECTED}
    assert {"welcome", "hours_granted", "orientation_completed", "transcript_superseded"} <= kinds


@settings(max_examples=150, deadline=None)
@given(st.permutations([number for number, topic in enumerate(TOPICS) for _ in topic]))
def test_every_interleaving_that_keeps_the_order_of_each_key_sends_the_same(order: list[int]) -> None:
    queues = [iter(topic) for topic in TOPICS]
    assert sent([next(queues[number]) for number in order]) == EXPECTED
