"""The policy against the registrar: random histories of few people who share addresses and member ids.

20,000 events, and everybody compared after each; WEA_TEST_SEED repeats a run, the seed is printed.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random, SystemRandom

import pytest

from contracts import events
from services.enrollment.telling import Announcement, Tombstone
from tests.enrollment.builders import (
    ANA,
    BEN,
    CAM,
    Said,
    Story,
    at,
    erased,
    learner,
    learner_id,
    merged,
    profile,
    reviewed,
    unmerged,
)
from tests.enrollment.persons import Registrar

SEED = int(os.environ.get("WEA_TEST_SEED") or SystemRandom().randrange(2**32))
HISTORIES, EVENTS = 400, 50
PEOPLE = (ANA, BEN, CAM, "E-dan")
MAILS = ("a@example.org", "b@example.org", " A@Example.org", "c@example.org")
MEMBERS = ("N-1", "N-2", "N-3", None)


@pytest.fixture(autouse=True, scope="module")
def _say_the_seed() -> None:
    print(f"WEA_TEST_SEED={SEED}")


def anything(chance: Random) -> Said:
    """Each has an address and a member id of their own, which others often claim, too."""
    place = chance.randrange(4)
    who, other = PEOPLE[place], chance.choice(PEOPLE)
    mail = chance.choice((MAILS[place], chance.choice(MAILS)))
    member = chance.choice((MEMBERS[place], chance.choice(MEMBERS)))
    whom = learner(member, chance.choice((mail, None)) if member else mail)
    made: tuple[Callable[[], Said], ...] = (
        lambda: profile(who, email=mail, nea_member_id=member),
        lambda: reviewed(whom=whom),
        lambda: merged(who, other),
        lambda: unmerged(who, other),
        lambda: erased(who),
    )
    (one,) = chance.choices(made, (10, 6, 3, 3, 0.4))
    return replace(one(), time=at(f"2024-06-{chance.randint(1, 6):02}"))  # times are few, so that there are ties


def staff_act(story: Story, registrar: Registrar, chance: Random) -> list[Announcement]:
    """Link somebody who is nobody yet, or unlink somebody."""
    if not registrar.learners:
        return []
    name, learner_ = chance.choice(list(registrar.learners.items()))
    if learner_.account is not None:
        registrar.unlink(name)
        return story.unlink(id_of(name))
    account = chance.choice(PEOPLE)
    registrar.link(name, account)
    return story.link(id_of(name), account)


def id_of(name: str) -> str:
    return learner_id(email=name, member=None) if "@" in name else learner_id(name)


class Reader:
    """What a reader of wea.enrollment.v1 and wea.educators.v1 holds: open conflicts, and profiles."""

    def __init__(self) -> None:
        self.rivals: list[tuple[str, str | None]] = []
        self.profiles: dict[str, str | None] = {}

    def read(self, told: list[Announcement]) -> None:
        for one in told:
            match one:
                case events.ConflictOpened(kind="identity_conflict"):
                    self.rivals.append((one.educator_id, one.holder_educator_id))
                case events.ConflictResolved(kind="identity_conflict"):
                    self.rivals.remove((one.educator_id, one.holder_educator_id))
                case events.EducatorProfile():
                    self.profiles[one.educator_id] = one.nea_member_id
                case Tombstone():
                    self.profiles.pop(one.educator_id, None)
                case _:
                    pass


def compare(story: Story, reader: Reader, registrar: Registrar) -> None:
    for who in registrar.known:
        assert story.world.root_of(who) == registrar.root(who)
        assert story.educator(who).erased == (who in registrar.erased)
    assert {name: story.world.learner(id_of(name)).bound_to for name in registrar.learners} == {
        name: one.account for name, one in registrar.learners.items()
    }
    rivals = registrar.rivals()
    assert sorted(reader.rivals) == sorted(rivals)
    without = {who for who, _ in rivals}
    assert reader.profiles == {who: None if who in without else one.claim for who, one in registrar.profiles.items()}


@pytest.mark.parametrize("part", range(8))
def test_whoever_is_meant_is_whom_the_registrar_finds(part: int) -> None:
    for number in range(part, HISTORIES, 8):
        chance = Random(f"{SEED}/{number}")
        story, reader, registrar = Story(), Reader(), Registrar()
        for _ in range(EVENTS):
            if chance.random() < 0.1:
                reader.read(staff_act(story, registrar, chance))
            else:
                fact = anything(chance)
                registrar.hear(fact.type, fact.data, (fact.time, fact.id))
                reader.read(story.hear(fact))
            try:
                compare(story, reader, registrar)
            except AssertionError as error:
                raise AssertionError(f"WEA_TEST_SEED={SEED}, history {number}") from error
