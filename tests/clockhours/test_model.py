"""The policy against the model: random histories, any order across keys, merges and undos, every educator compared.

More than 100,000 generated events in all; WEA_TEST_SEED repeats a run, the seed is printed.
"""

import os
from random import Random, SystemRandom

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.event import EventData
from contracts.kinds import EntryKind, ExceptionKind, ExceptionStatus
from services.clockhours import ledger
from services.clockhours.policy import root_of
from services.clockhours.state import Case, Entry, Verdict
from tests.clockhours.builders import PROGRAMS, Story
from tests.clockhours.histories import MOST, WHO, Telling, history, interleaved, with_repeats
from tests.clockhours.model import Line, Model, Problem

SEED = int(os.environ.get("WEA_TEST_SEED") or SystemRandom().randrange(2**32))
HISTORIES = int(os.environ.get("WEA_TEST_HISTORIES", "2300"))
EVENTS = 44  # a history
NUMBERS = st.lists(st.integers(0, MOST), min_size=40, max_size=48)
FAST = settings(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.generate, Phase.shrink],
)


def new_model() -> Model:
    return Model(PROGRAMS, lambda who, kind, subject, n: ledger.entry_id(who, (EntryKind(kind), subject), n))


def line(entry: Entry) -> Line:
    return Line(
        entry_id=entry.entry_id,
        owner=entry.educator_id,
        kind=entry.kind.value,
        subject=entry.subject,
        minutes=entry.minutes,
        completed_at=entry.completed_at,
        year=entry.program_year,
        session=entry.session_id,
        micro_credential=entry.micro_credential_id,
        designations=entry.designations,
        registered_at=entry.registered_at,
    )


def problem(case: Case) -> Problem:
    ground = case.ground
    about = ground.session_id or ground.other_educator_id
    ids = (ground.micro_credential_id, about, ground.submission_id, ground.attempt)
    return (ground.kind.value, ground.educator_id, *ids)


def compare(story: Story, model: Model) -> None:
    """Every educator: the books, the held rows, the exceptions."""
    for who in WHO:
        root = root_of(who, story.accounts)
        assert root == model.root(who)
        assert {line(entry) for entry in story.live(who)} == model.live(root), who
        assert story.minutes(who) == model.total(root), who
        held = story.accounts[root].held if root in story.accounts else {}
        rows = {id: (row.minutes, tuple(row.missing)) for id, row in held.items()}
        assert rows == model.held(root, story.now), who
        members = model.group(root)
        open_ = {problem(c) for c in story.cases.values() if c.status == "open" and c.ground.educator_id in members}
        assert open_ == model.open_problems(root), who
    once = [(root_of(e.educator_id, story.accounts), e.kind, e.subject) for who in WHO for e in story.live(who)]
    assert len(set(once)) == len({e.entry_id for who in WHO for e in story.live(who)})


def outcome(facts: list[EventData]) -> list[object]:
    """What is left of a history when all is told, but for the two things that arrival decides: values and dates."""
    story = Story()
    story.tell(*facts)
    return [
        (
            story.subjects(who),
            {id: (row.minutes, row.missing) for id, row in story.held(who).items()},
            sorted(map(repr, (problem(c) for c in story.cases.values() if c.status == "open"))),
        )
        for who in WHO
    ]


@pytest.fixture(autouse=True, scope="module")
def _say_the_seed() -> None:
    print(f"WEA_TEST_SEED={SEED} WEA_TEST_HISTORIES={HISTORIES}")


@seed(SEED)
@settings(FAST, max_examples=HISTORIES)
@given(st.integers(0, 2**64))
def test_whatever_history_is_told_in_whatever_order_the_books_are_the_models(start: int) -> None:
    """One draw a history: a hundred thousand events are drawn in seconds. The tests below draw theirs to be shrunk."""
    random = Random(start)
    numbers = [random.randrange(MOST) for _ in range(EVENTS)]
    facts = with_repeats(interleaved(history(numbers), random), random)
    story, model = Story(), new_model()
    for fact in facts:
        story.tell(fact)
        model.tell(fact)
    compare(story, model)


@seed(SEED)
@settings(FAST, max_examples=max(25, HISTORIES // 40))
@given(NUMBERS, st.integers(0, 2**32))
def test_every_order_that_keeps_each_keys_own_ends_alike(numbers: list[int], shuffle: int) -> None:
    facts = history(numbers)
    assert outcome(interleaved(facts, Random(shuffle))) == outcome(facts)


@settings(FAST, max_examples=40, stateful_step_count=30)
class Books(RuleBasedStateMachine):
    """Step by step, with staff's verdicts in between, compared after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.telling = Telling()
        self.story, self.model = Story(), new_model()

    @rule(number=st.integers(0, MOST))
    def enrollment_tells(self, number: int) -> None:
        fact = self.telling.event(number)
        self.story.tell(fact)
        self.model.tell(fact)

    def _open(self) -> list[Case]:
        cases = [case for case in self.story.cases.values() if case.status == "open"]
        return sorted(cases, key=lambda case: case.exception_id)

    @precondition(lambda self: self._open())
    @rule(pick=st.integers(0, 1000), accept=st.booleans())
    def staff_decide(self, pick: int, accept: bool) -> None:
        cases = self._open()
        case = cases[pick % len(cases)]
        accept = accept and case.ground.kind is ExceptionKind.LATE_ATTEMPT
        status = ExceptionStatus.ACCEPTED if accept else ExceptionStatus.DISMISSED
        self.story.tell(Verdict(case.exception_id, status))
        self.model.verdict(problem(case), accepted=accept)

    @invariant()
    def the_books_are_the_models(self) -> None:
        compare(self.story, self.model)


TestBooks = seed(SEED)(Books).TestCase
