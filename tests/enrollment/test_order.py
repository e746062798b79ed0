"""Whatever the order of arrival, and however often each fact comes: the same is true and the same was told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.enrollment import AttendanceData
from contracts.kinds import SessionKind
from services.enrollment.documents import changes, pack, unpack
from services.enrollment.state import Educator, Learner, Register, Step, View
from services.enrollment.telling import Announcement, Tombstone
from tests.enrollment.builders import (
    ANA,
    NOW,
    TRA1,
    TRA2,
    W1,
    Said,
    Story,
    at,
    attended,
    cancelled,
    corrected,
    hours_registered,
    hours_withdrawn,
    learner,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    reviewed,
    revoked,
    scheduled,
    submitted,
    unreserved,
)

WHO = learner("N-1")
MINUTES = st.sampled_from([0, 45, 60, 90, 120])
CREDENTIALS = st.sampled_from([TRA1, TRA2, None])
NAMED = st.sampled_from([TRA1, TRA2])
DAYS = st.integers(1, 28).map(lambda day: f"2024-04-{day:02}")
ATTEMPTS = st.integers(1, 3)
DECISIONS = st.sampled_from(["awarded", "not_yet", "incomplete", "denied"])


def built(builder: Callable[..., Said], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Said]:
    return st.builds(builder, **fields)


# What commutes: all but a second attendance of a session, merges and matches that profiles decide.
COMMUTING = st.one_of(
    built(corrected, minutes=MINUTES),
    built(corrected, minutes=MINUTES, opens=CREDENTIALS),
    built(reserved, opens=CREDENTIALS),
    built(unreserved),
    built(scheduled, kind=st.sampled_from(["workshop", "orientation"])),
    built(cancelled),
    built(registered, credential=NAMED),
    built(hours_registered, credential=NAMED),
    built(hours_withdrawn, credential=NAMED),
    built(nea_registered, credential=NAMED, on=DAYS),
    built(submitted, credential=NAMED, attempt=ATTEMPTS, on=DAYS),
    built(reviewed, decision=DECISIONS, credential=NAMED, attempt=ATTEMPTS, on=DAYS),
    built(revoked, credential=NAMED, on=DAYS),
    built(profile, who=st.just(ANA), name=st.sampled_from(["Ana", "Ana R."]), nea_member_id=st.just("N-1")),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Said], list[Said]]:
    """The same facts in two orders, the second with repetitions; times are drawn too, ties among them."""
    facts = [oriented(), attended(ANA, W1, opens=draw(CREDENTIALS), minutes=draw(MINUTES))]
    facts += draw(st.lists(COMMUTING, min_size=1, max_size=12))
    # A learner is bound by a profile at last: before it, what NEA says is unmatched.
    facts.append(replace(profile(ANA, nea_member_id="N-1"), time=at("2024-12-01")))
    facts = [replace(fact, time=at(f"2024-06-{draw(st.integers(1, 5)):02}")) for fact in facts]
    again = draw(st.lists(st.sampled_from(facts), max_size=6))
    return facts, draw(st.permutations(facts + again))


@settings(max_examples=100, deadline=None)
@given(histories())
def test_every_order_and_repetition_of_a_history_ends_in_the_same(orders: tuple[list[Said], list[Said]]) -> None:
    first, second = (Story(*once(order)) for order in orders)
    assert first.told() == second.told()


@settings(max_examples=100, deadline=None)
@given(histories())
def test_what_was_told_last_of_each_thing_is_what_is_true(orders: tuple[list[Said], list[Said]]) -> None:
    story, last = Story(), dict[tuple[Any, ...], Announcement]()
    for fact in once(orders[1]):
        for told in story.hear(fact):
            last[subject(told)] = told
    again = Story(*once(orders[0]))
    steps = {session: step for session, step in again.told().steps.items() if step.minutes}
    told_steps = {
        told.session_id: (told.minutes, told.micro_credential_id)
        for told in last.values()
        if isinstance(told, AttendanceData) and told.minutes
    }
    assert told_steps == {name: (step.minutes, step.micro_credential_id) for name, step in steps.items()}


@settings(max_examples=50, deadline=None)
@given(histories())
def test_documents_come_back_from_the_database_as_they_were(orders: tuple[list[Said], list[Said]]) -> None:
    story = Story(*once(orders[0]))
    for educator in story.world.educators.values():
        assert unpack(Educator, pack(educator)) == educator
    for known in story.world.learners.values():
        assert unpack(Learner, pack(known)) == known


@settings(max_examples=50, deadline=None)
@given(histories())
def test_what_is_written_of_a_change_leaves_the_document_that_writing_all_of_it_would(
    orders: tuple[list[Said], list[Said]],
) -> None:
    story = Story()
    for fact in once(orders[0]):
        before = {**story.world.educators, **story.world.learners}
        story.hear(fact)
        for id, after in {**story.world.educators, **story.world.learners}.items():
            if (known := before.get(id)) is not None:
                packed = pack(known)
                assert {**packed, **changes(known, after, packed)} == pack(after)


def test_a_field_that_does_not_count_when_steps_are_compared_is_written_all_the_same() -> None:
    one = View(steps={W1: Step(SessionKind.WORKSHOP, 90, NOW, reason="Sign-in sheet")})
    other = View(steps={W1: Step(SessionKind.WORKSHOP, 90, NOW, reason="Left early")})
    assert one == other
    before = Educator("E-1", told=one)
    assert changes(before, replace(before, told=other), pack(before)) == {"told": pack(other)}


def once(facts: list[Said]) -> list[Said]:
    """As the handler does: each (source, id) has its effect once."""
    return list({fact.id: fact for fact in facts}.values())


def subject(told: Announcement) -> tuple[Any, ...]:
    """What an announcement is about: a later one about the same replaces it."""
    if isinstance(told, Tombstone):
        return ("profile",)
    session = getattr(told, "session_id", None)
    if isinstance(told, AttendanceData):
        return ("step", session)
    fields = ("micro_credential_id", "submission_id", "attempt", "decided_at", "learner_id")
    return (type(told).__name__, session, *(getattr(told, name, None) for name in fields))


def test_a_register_s_ties_go_to_the_higher_id() -> None:
    low, high = Register(1, at("2024-01-01"), "a"), Register(2, at("2024-01-01"), "b")
    assert max(low, high, key=lambda register: register.rank) is high
