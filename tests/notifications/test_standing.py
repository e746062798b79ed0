"""Where an educator stands, by what is known of all the accounts that are one person."""

import pytest

from contracts import events
from contracts.kinds import Decision
from services.notifications.standing import Group, groups
from services.notifications.state import Educator
from tests.notifications.builders import (
    ANA,
    DAY,
    NOON,
    ROSA,
    TRA1,
    attended,
    awarded,
    granted,
    held,
    merged,
    nea_registered,
    profile,
    registered,
    reversal,
    reviewed,
    revoked,
    submitted,
    withdrawn,
)
from tests.notifications.world import World


def stands(*facts: events.EventData, who: str = ROSA) -> Group:
    world = World()
    world.hear(*facts)
    return world.known.group(who)


@pytest.mark.parametrize("turn", [1, -1])
def test_where_every_submission_was_denied_the_latest_denial_is_the_last_word(turn: int) -> None:
    first = reviewed(Decision.DENIED, at=NOON, submission="S-1", attempt=2)
    last = reviewed(Decision.DENIED, at=NOON + DAY, submission="S-2")
    denial = stands(*(first, last)[::turn]).credential(TRA1).denial
    assert denial is not None
    assert denial.submission_id == "S-2"


def test_a_denial_that_a_later_attempt_of_the_same_submission_answers_is_not_the_last_word() -> None:
    denied = reviewed(Decision.DENIED)
    assert stands(denied).credential(TRA1).denial is not None
    assert stands(denied, submitted(attempt=2)).credential(TRA1).denial is None


def test_a_first_attempt_that_nobody_has_judged_is_not_late() -> None:
    by_judgement = {on_time: stands(submitted(on_time=on_time)).credential(TRA1) for on_time in (True, False, None)}
    assert {on_time: found.late("S-1") for on_time, found in by_judgement.items()} == {
        True: False,
        False: True,
        None: False,
    }


def test_micro_credentials_come_in_the_order_in_which_they_were_first_heard_of() -> None:
    world = World()
    for credential in ("C", "A", "B"):
        world.hear(nea_registered(credential=credential))
        world.now += DAY
    world.hear(registered(credential="C"))
    assert list(world.known.group(ROSA).credentials) == ["C", "A", "B"]


def test_of_sessions_the_earliest_counts_and_of_a_session_that_two_accounts_attended_the_earlier_record() -> None:
    early, late = attended(session="W-2", at=NOON), attended(session="W-1", at=NOON + DAY)
    workshop = stands(late, early).credential(TRA1).workshop
    assert workshop is not None
    assert workshop.session_id == "W-2"
    twice = stands(attended(at=NOON + DAY), attended(ANA, at=NOON), merged(ROSA, ANA))
    assert [attendance.ended_at for attendance in twice.attendances] == [NOON]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_accounts_held_rows_the_newest_word_counts_and_none_beside_an_entry(turn: int) -> None:
    world = World()
    for who, missing in ((ROSA, "workshop"), (ANA, "award"))[::turn]:
        world.hear(held(missing, who=who))
        world.now += DAY
    world.hear(merged(ROSA, ANA))
    found = world.known.group(ROSA).credential(TRA1).held
    assert found is not None
    assert found.missing == (("award",) if turn == 1 else ("workshop",))
    world.hear(granted())
    assert world.known.group(ROSA).credential(TRA1).held is None


def test_of_two_accounts_registrations_the_earlier_counts_while_it_is_not_withdrawn() -> None:
    world = World()
    world.hear(nea_registered(), registered(at=NOON), registered(ANA, at=NOON + DAY), merged(ROSA, ANA))
    first = world.known.group(ROSA).credential(TRA1).clock_hours_registration
    world.hear(withdrawn(at=NOON + 2 * DAY))
    left = world.known.group(ROSA).credential(TRA1).clock_hours_registration
    assert (first and first.registered_at, left and left.registered_at) == (NOON, NOON + DAY)
    world.hear(withdrawn(ANA, at=NOON + 2 * DAY))
    assert world.known.group(ROSA).credential(TRA1).clock_hours_registration is None


def test_an_award_counts_only_if_it_was_decided_after_every_revocation() -> None:
    def counts(*revoked_at: int) -> bool:
        said = [revoked(at=NOON + days * DAY) for days in revoked_at]
        return stands(awarded(at=NOON + DAY), *said).credential(TRA1).award is not None

    assert [counts(), counts(0), counts(1), counts(2), counts(0, 2)] == [True, True, False, False, False]


def test_what_was_taken_back_alone_makes_no_micro_credential_of_hers() -> None:
    entry = granted()
    assert list(stands(entry).credentials) == [TRA1]
    assert list(stands(entry, reversal(entry)).credentials) == []
    assert list(stands(registered(), withdrawn(at=NOON + DAY)).credentials) == []


def test_of_a_circle_of_merges_its_lowest_id_is_kept_whoever_leads_into_it() -> None:
    """Merges come under different keys, so for a moment accounts may point at each other."""
    aliases = {"D": "C", "C": "B", "B": "D", "A": "C"}
    of = groups({id_: Educator(id_, alias_of=alias) for id_, alias in aliases.items()})
    assert {id_: group.id for id_, group in of.items()} == dict.fromkeys(aliases, "B")
    assert [member.id for member in of["A"].members] == ["B", "A", "C", "D"]


def test_whoever_of_her_accounts_stopped_reminders_stopped_hers() -> None:
    world = World()
    world.hear(profile(), profile(ANA), merged(ROSA, ANA))
    assert not world.known.group(ROSA).unsubscribed
    world.unsubscribe(ANA, NOON)
    assert world.known.group(ROSA).unsubscribed


def test_a_review_implies_a_submission_and_a_submission_a_registration() -> None:
    told = [
        stands(*facts).credential(TRA1)
        for facts in ((nea_registered(),), (submitted(),), (reviewed(Decision.NOT_YET),))
    ]
    assert [(found.registered_with_nea, found.submitted) for found in told] == [
        (True, False),
        (True, True),
        (True, True),
    ]


def test_nothing_is_to_be_revised_once_any_submission_was_awarded() -> None:
    returned = (reviewed(Decision.NOT_YET), reviewed(Decision.INCOMPLETE, submission="S-2"))
    assert {review.submission_id for review in stands(*returned).credential(TRA1).to_revise} == {"S-1", "S-2"}
    assert stands(*returned, awarded(submission="S-3")).credential(TRA1).to_revise == ()


def test_entries_of_all_her_accounts_are_in_granting_order() -> None:
    later, earlier = granted(entry="1", at=NOON + DAY), granted(ANA, entry="2", about="TRA2", at=NOON)
    assert [entry.entry_id for entry in stands(later, earlier, merged(ROSA, ANA)).entries] == ["2", "1"]
