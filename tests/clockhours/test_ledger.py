"""The ledger: "append-only. What stops being due is reversed by an entry; what is due after that is granted anew"."""

from datetime import timedelta
from itertools import pairwise

import pytest

from contracts.hours import shown
from contracts.kinds import EntryKind, ExceptionKind
from services.clockhours import ledger
from services.clockhours.state import Ground
from tests.clockhours.builders import (
    ANA,
    BEN,
    TRA1,
    W1,
    Story,
    at,
    attended,
    corrected,
    everything,
    merged,
    registered,
    revoked,
    unmerged,
    withdrawn,
)


def test_a_reversal_copies_what_it_reverses_and_has_minus_the_minutes() -> None:
    story = Story()
    story.tell(*everything(ANA))
    granted = story.live(ANA)[-1]
    story.now += timedelta(days=3)

    story.tell(revoked(ANA))
    reversal = story.entries[-1]

    same = ("educator_id", "kind", "subject", "micro_credential_id", "session_id", "designations", "completed_at")
    for field in (*same, "registered_at", "program_year"):
        assert getattr(reversal, field) == getattr(granted, field), field
    assert reversal.minutes == -granted.minutes
    assert reversal.reverses == granted.entry_id
    assert reversal.entry_id != granted.entry_id
    assert reversal.granted_at == story.now, "its own granted_at"


def test_entry_ids_are_of_educator_kind_subject_and_generation() -> None:
    one, other = Story(), Story()
    one.tell(*everything(ANA))
    other.now += timedelta(days=9)
    other.tell(*reversed(everything(ANA)))
    assert {e.entry_id for e in one.live(ANA)} == {e.entry_id for e in other.live(ANA)}, "doing it again: the same"

    one.tell(withdrawn(ANA), registered(ANA, on="2024-04-01"))
    entries = [e for e in one.entries if e.kind is EntryKind.MICRO_CREDENTIAL]
    assert [e.generation for e in entries] == [0, None, 1]
    assert len({e.entry_id for e in one.entries}) == len(one.entries)


def test_derived_ids_stay_what_they_were_in_the_ledgers_that_exist() -> None:
    """Changing how an id is made would grant everything a second time."""
    assert ledger.entry_id("Zoë/1", (EntryKind.WORKSHOP, "W,1"), 2) == "a7b5a19a-0553-5bb8-b745-2cd9ef013c29"
    ground = Ground(ExceptionKind.UNALLOCATED, "Zoë/1", session_id="W,1")
    assert ledger.exception_id(ground) == "1e5acc34-5481-5b10-88a8-52583c80be17"


def test_entry_ids_tell_educators_and_kinds_apart() -> None:
    story = Story()
    story.tell(*everything(ANA, TRA1, session=TRA1), *everything(BEN, TRA1, session=TRA1))
    assert len({entry.entry_id for entry in story.entries}) == len(story.entries) == 6


def test_no_two_unreversed_entries_for_one_subject_however_often_it_comes_and_goes() -> None:
    story = Story()
    fact = attended(ANA)
    for minutes in (90, 0, 90, 60, 60, 90, 0, 0, 90):
        story.tell(corrected(fact, minutes=minutes))
        assert len(story.live(ANA)) == (1 if minutes else 0)
        assert story.minutes(ANA) == minutes
    assert len({entry.entry_id for entry in story.entries}) == len(story.entries), "every line has an id of its own"
    assert [e.generation for e in story.entries if e.reverses is None] == [0, 1, 2, 3, 4]


def test_the_places_in_the_ledger_count_up_reversals_included() -> None:
    story = Story()
    story.tell(*everything(ANA), revoked(ANA), corrected(attended(ANA), minutes=0), attended(ANA))
    assert [entry.ordinal for entry in story.entries] == [1, 2, 3, 4, 5, 6]


def test_nothing_is_granted_before_a_reversal_that_was_written_first() -> None:
    story = Story()
    story.tell(*everything(ANA))
    story.now += timedelta(days=9)
    story.tell(withdrawn(ANA))
    reversed_at = story.now
    story.now -= timedelta(days=5)
    story.tell(attended(ANA, "W5"))
    assert story.entries[-1].granted_at == reversed_at


@pytest.mark.parametrize(
    ("minutes", "text"), [(90, "1.5"), (1350, "22.5"), (900, "15"), (600, "10"), (-90, "-1.5"), (0, "0"), (100, "1.67")]
)
def test_minutes_are_shown_as_clock_hours_of_60(minutes: int, text: str) -> None:
    assert shown(minutes) == text


def test_granted_at_never_falls_though_the_clock_is_set_back() -> None:
    story = Story()
    story.tell(attended(ANA, W1))
    story.now -= timedelta(days=30)
    story.tell(*everything(ANA))

    entries = sorted(story.entries, key=lambda e: (e.granted_at, e.ordinal))
    assert entries == story.entries, "entries[] stand in granting order"
    assert all(a.granted_at <= b.granted_at for a, b in pairwise(story.entries))


def test_granted_at_never_falls_within_a_merged_educator() -> None:
    story = Story()
    story.now = at("2024-06-10")
    story.tell(*everything(ANA))
    story.now = at("2024-06-01")
    story.tell(attended(BEN, "W9", opens=TRA1), merged(ANA, into=BEN), attended(BEN, "W8"), unmerged(ANA, out_of=BEN))
    story.tell(revoked(ANA))
    for who in (ANA, BEN):
        mine = [e.granted_at for e in story.entries if e.educator_id == who]
        assert mine == sorted(mine)


def test_what_is_granted_is_in_whole_milliseconds_as_the_database_keeps_it() -> None:
    story = Story()
    story.now += timedelta(microseconds=1234)
    story.tell(*everything(ANA))
    assert {e.granted_at.microsecond for e in story.entries} == {1000}
