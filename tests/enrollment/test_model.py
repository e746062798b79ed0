"""The policy against the clerk: random histories of the portal and NEA, and what was told at last of each thing.

50,000 generated events; WEA_TEST_SEED repeats a run, the seed is printed.
"""

import os
from collections.abc import Iterable, Mapping
from functools import cache
from random import Random, SystemRandom
from typing import Any

import pytest

from contracts import events
from contracts.enrollment import AttendanceData, DecisionData, MergeData
from contracts.event import EventData
from contracts.nea import Learner
from services.enrollment.telling import Announcement
from tests.enrollment.builders import PSEUDONYMS, Said, Story, years
from tests.enrollment.histories import Family, Piece, family
from tests.enrollment.model import Clerk, Fact

SEED = int(os.environ.get("WEA_TEST_SEED") or SystemRandom().randrange(2**32))
HISTORIES = int(os.environ.get("WEA_TEST_HISTORIES", "1000"))
EVENTS = 50
AT_A_TIME = 100
PROGRAMS = years("2023-24", "2024-25")


@pytest.fixture(autouse=True, scope="module")
def _say_the_seed() -> None:
    print(f"WEA_TEST_SEED={SEED} WEA_TEST_HISTORIES={HISTORIES}")


def learner_id(called: Mapping[str, str]) -> str:
    return _learner_id(*called.items())


@cache
def _learner_id(*called: tuple[str, str]) -> str:
    return PSEUDONYMS.learner_id(Learner.model_validate(dict(called)))


def arrivals(found: Family, random: Random) -> list[Fact]:
    """An order in which the family's events may arrive, some of them twice."""
    order: list[Fact] = []
    for pieces in found.phases:
        order += _shuffled(pieces, random)
    return [fact for fact in order for _ in range(1 + (random.random() < 0.1))]


def _shuffled(pieces: list[Piece], random: Random) -> list[Fact]:
    """Any order but of the ordered ones, which keep theirs."""
    places = list(range(len(pieces)))
    random.shuffle(places)
    where = iter(sorted(place for place, piece in zip(places, pieces, strict=True) if piece.ordered))
    placed = {next(where) if piece.ordered else place: piece for place, piece in zip(places, pieces, strict=True)}
    return [placed[place].fact for place in range(len(pieces))]


def heard(order: Iterable[Fact]) -> tuple[Story, list[Announcement]]:
    """The policy hears each event once, as the handler does."""
    story = Story(programs=PROGRAMS)
    once = {(fact.source, fact.id): fact for fact in order}
    published: list[Announcement] = []
    for fact in once.values():
        published += story.hear(Said(fact.type, dict(fact.data), fact.time, fact.id, fact.source))
    return story, published


def held(letters: Iterable[Announcement | EventData]) -> dict[tuple[Any, ...], Any]:
    """What a reader holds at last, by what it is about."""
    found: dict[tuple[Any, ...], Any] = {}
    about: tuple[Any, ...]
    for letter in letters:
        match letter:
            case AttendanceData():
                says = (letter.kind, letter.minutes, letter.ended_at, letter.micro_credential_id)
                found["attended", letter.educator_id, letter.session_id] = says if letter.minutes else None
            case events.ClockHoursRegistered() | events.ClockHoursWithdrawn():
                at = getattr(letter, "registered_at", None) or getattr(letter, "withdrawn_at", None)
                found["clock hours", letter.educator_id, letter.micro_credential_id] = (letter.TYPE, at)
            case events.MicroCredentialRegistered():
                about = (letter.educator_id, letter.learner_id, letter.micro_credential_id)
                found["registered", *about] = letter.registered_at
            case events.CredentialSubmitted():
                about = (letter.learner_id, letter.micro_credential_id, letter.submission_id, letter.attempt)
                found["submitted", letter.educator_id, *about] = (letter.submitted_at, letter.on_time)
            case DecisionData():
                about = (letter.learner_id, letter.micro_credential_id, letter.submission_id, letter.attempt)
                found["decided", letter.educator_id, *about, letter.decided_at] = letter.decision
            case events.CredentialRevoked():
                about = (letter.learner_id, letter.micro_credential_id, letter.revoked_at)
                found["revoked", letter.educator_id, *about] = True
            case MergeData():
                is_merged = isinstance(letter, events.EducatorsMerged)
                found["merged", letter.merged_educator_id] = letter.kept_educator_id if is_merged else None
            case events.ConflictOpened() | events.ConflictResolved():
                about = (letter.educator_id, letter.kind, letter.session_id, letter.merged_educator_id)
                found["conflict", *about] = True if isinstance(letter, events.ConflictOpened) else None
            case _:
                pass
    return {about: says for about, says in found.items() if says is not None}


@pytest.mark.parametrize("part", range(HISTORIES // AT_A_TIME))
def test_whatever_comes_in_whatever_order_what_was_told_is_what_the_clerk_finds(part: int) -> None:
    for number in range(part * AT_A_TIME, (part + 1) * AT_A_TIME):
        random = Random(f"{SEED}/{number}")
        found = family(str(number), random, EVENTS)
        order = arrivals(found, random)
        clerk = Clerk(PROGRAMS, learner_id)
        for fact in order:
            clerk.hear(fact)
        story, published = heard(order)
        assert held(published) == held(clerk.letters()), f"WEA_TEST_SEED={SEED}, history {number}"
        for account in found.accounts:
            assert story.world.root_of(account) == clerk.root(account)


@pytest.mark.parametrize("part", range(5))
def test_whatever_the_order_of_arrival_it_ends_alike(part: int) -> None:
    for number in range(part * 20, (part + 1) * 20):
        random = Random(f"{SEED}/{number}")
        found = family(str(number), random, EVENTS)
        (_, first), (_, second) = (heard(arrivals(found, random)) for _ in range(2))
        assert held(first) == held(second), f"WEA_TEST_SEED={SEED}, history {number}"
