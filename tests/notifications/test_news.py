"""What educators are told of what happened: once, soon, and only if it is news."""

from dataclasses import replace

import pytest

from contracts import events
from contracts.event import EventData
from contracts.kinds import ConflictKind, Decision, EntryKind, ExceptionKind, SessionKind
from services.notifications.reasons import Drop
from tests.notifications.builders import (
    ANA,
    DAY,
    HOUR,
    NOON,
    ROSA,
    TRA1,
    attended,
    awarded,
    called_off,
    case,
    corrected,
    erased,
    granted,
    held,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reserved,
    resolved,
    reversal,
    reviewed,
    revoked,
    scheduled,
    submitted,
    unlinked,
    unmerged,
    withdrawn,
)
from tests.notifications.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.hear(profile())
    assert world.kinds() == ["welcome"]
    return world


def test_welcome_comes_with_the_first_profile_and_never_again(world: World) -> None:
    world.hear(profile(name="Rosa Maria Diaz"))
    assert world.kinds() == []


def test_what_was_heard_of_more_than_seven_days_ago_is_not_written_about() -> None:
    world = World()
    world.hear(profile(), oriented(), granted(), at=NOON - 7 * DAY)
    assert world.kinds() == []


def test_what_happened_more_than_seven_days_ago_is_not_written_about_though_we_hear_of_it_now(world: World) -> None:
    world.hear(oriented(at=NOON - 8 * DAY), submitted(at=NOON - 8 * DAY))
    assert world.kinds() == []


def test_messages_wait_for_the_profile_for_up_to_seven_days() -> None:
    world = World()
    world.hear(granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1"), oriented())
    assert world.kinds() == []
    world.now += 6 * DAY
    world.hear(profile())
    assert world.kinds() == ["welcome", "orientation_completed", "hours_granted"]


def test_messages_whose_profile_comes_too_late_are_never_sent() -> None:
    world = World()
    world.hear(oriented())
    world.now += 7 * DAY
    world.hear(profile())
    assert world.kinds() == ["welcome"]


def test_the_orientation_is_told_once_whatever_comes_after_it(world: World) -> None:
    world.hear(oriented(), oriented(session="O-2", at=NOON + HOUR))
    assert world.kinds() == ["orientation_completed"]


def test_a_workshop_names_its_micro_credential(world: World) -> None:
    world.hear(attended())
    [message] = world.messages()
    assert (message.kind, message.micro_credential_id, message.session_id) == ("workshop_attended", TRA1, "W-1")


def test_a_workshop_named_for_another_micro_credential_later_is_told_again(world: World) -> None:
    world.hear(attended(), corrected(opens="NEA_EX1", minutes=90))
    assert [m.micro_credential_id for m in world.messages()] in ([TRA1], [TRA1, "NEA_EX1"])


def test_whoever_was_asked_for_which_micro_credential_hears_what_came_of_it(world: World) -> None:
    world.hear(attended(opens=None))
    world.tick()
    assert world.kinds() == ["workshop_unallocated"]
    world.now += 9 * DAY
    world.hear(corrected(opens=TRA1, minutes=90))
    assert world.kinds() == ["workshop_attended"]


def test_a_submission_is_received_or_late_and_each_attempt_is_told(world: World) -> None:
    world.hear(submitted(), submitted(attempt=2), submitted(submission="S-2", on_time=False))
    assert world.kinds() == ["submission_received", "submission_received", "submission_late"]


def test_a_submission_judged_late_after_it_was_told_is_told_so(world: World) -> None:
    world.hear(submitted(on_time=None))
    assert world.kinds() == ["submission_received"]
    world.hear(submitted(on_time=True))
    assert world.kinds() == []
    world.hear(submitted(on_time=False))
    assert world.kinds() == ["submission_late"]


@pytest.mark.parametrize(
    ("decision", "kind"),
    [
        (Decision.NOT_YET, "submission_returned"),
        (Decision.INCOMPLETE, "submission_returned"),
        (Decision.DENIED, "submission_denied"),
    ],
)
def test_a_decision_other_than_an_award_is_told(world: World, decision: Decision, kind: str) -> None:
    world.hear(submitted(), reviewed(decision))
    assert world.kinds() == ["submission_received", kind]


def test_a_decision_that_sorts_after_an_award_is_no_news(world: World) -> None:
    world.hear(awarded(), reviewed(Decision.NOT_YET, attempt=2))
    assert world.kinds() == []


def test_a_return_that_was_answered_before_it_could_be_sent_is_dropped(world: World) -> None:
    world.hear(submitted(), reviewed(Decision.NOT_YET))
    returned = world.messages()[-1]
    assert world.obstacle(returned) is None
    world.hear(submitted(attempt=2))
    assert world.obstacle(returned) is Drop.CAUSE_GONE


def test_an_award_is_told_together_with_its_hours_granted(world: World) -> None:
    world.hear(awarded(), granted())
    assert world.kinds() == ["hours_granted"]


def test_an_award_is_told_together_with_its_hours_held_and_why(world: World) -> None:
    world.hear(awarded(), held("workshop", "clock_hours_registration"))
    [message] = world.messages()
    assert (message.kind, message.cause) == ("hours_held", "workshop clock_hours_registration")


def test_held_hours_without_an_award_are_no_news(world: World) -> None:
    world.hear(nea_registered(), held("orientation", "workshop", "award"))
    assert world.kinds() == []


def test_hours_held_for_another_reason_are_told_again(world: World) -> None:
    world.hear(awarded(), held("workshop", "clock_hours_registration"), held("workshop"))
    first, second = world.messages()
    assert world.obstacle(first) is Drop.CAUSE_GONE
    assert world.obstacle(second) is None


def test_hours_held_and_granted_within_a_moment_are_told_as_granted(world: World) -> None:
    world.hear(awarded(), held("workshop"), held(), granted())
    held_one, granted_one = world.messages()
    assert held_one.due_at > world.now
    assert world.obstacle(held_one) is Drop.CAUSE_GONE
    assert world.obstacle(granted_one) is None


def test_each_entry_of_the_ledger_is_told_once(world: World) -> None:
    orientation = granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1")
    world.hear(orientation, granted(), orientation)
    assert [(m.kind, m.subject) for m in world.messages()] == [("hours_granted", "O-1"), ("hours_granted", TRA1)]


def test_a_reversal_is_told_and_a_grant_that_it_overtook_is_dropped(world: World) -> None:
    world.hear(granted())
    [message] = world.messages()
    world.hear(reversal(granted()))
    assert world.kinds() == ["hours_reversed"]
    assert world.obstacle(message) is Drop.CAUSE_GONE


def test_a_superseded_transcript_is_told_to_whoever_it_was_issued_to(world: World) -> None:
    world.hear(case(ExceptionKind.TRANSCRIPT_SUPERSEDED), case(ExceptionKind.HELD_TOO_LONG, id="X-2"))
    assert world.kinds() == ["transcript_superseded"]


def test_entries_of_a_transcript_that_are_taken_back_at_once_are_told_in_one_message(world: World) -> None:
    """A corrected Workshop takes its own hours along and the micro-credential's: one transcript is out of date."""
    kind = ExceptionKind.TRANSCRIPT_SUPERSEDED
    world.hear(case(kind, id="X-2"), case(kind, id="X-1"))
    [message] = world.messages()
    world.now += HOUR
    world.hear(resolved(kind, id="X-2"))
    assert world.kinds() == []
    assert world.obstacle(message) is None
    world.hear(case(kind, id="X-3"))
    assert world.kinds() == ["transcript_superseded"]
    world.hear(resolved(kind, id="X-1"))
    assert world.obstacle(message) is Drop.CAUSE_GONE


def test_a_micro_credential_that_can_earn_no_hours_is_left_to_nea(world: World) -> None:
    world.hear(submitted(credential="NOT_LISTED"), reviewed(Decision.NOT_YET, credential="NOT_LISTED"))
    assert world.kinds() == []


def test_after_a_merge_only_the_kept_account_is_written_to() -> None:
    world = World()
    world.hear(profile(), profile(ANA, "Rosa D."))
    world.messages()
    world.hear(merged(ROSA, ANA), oriented(ANA))
    [message] = world.messages()
    assert message.educator_id == ROSA


def test_before_the_kept_account_has_a_profile_its_mail_goes_where_the_merged_ones_went() -> None:
    world = World()
    world.hear(profile(ANA), merged(ROSA, ANA))
    world.messages()
    world.hear(oriented())
    [message] = world.messages()
    assert (message.educator_id, message.kind, world.obstacle(message)) == (ROSA, "orientation_completed", None)


def test_nothing_told_before_a_merge_or_its_undoing_is_told_again() -> None:
    world = World()
    world.hear(profile(), profile(ANA, "Rosa D."), oriented(ANA), granted(ANA))
    assert len(world.messages()) == 4
    world.hear(merged(ROSA, ANA))
    assert world.kinds() == []
    world.hear(unmerged(ROSA, ANA))
    assert world.kinds() == []


def test_of_merges_that_come_out_of_order_the_highest_number_holds() -> None:
    world = World()
    world.hear(profile(), profile(ANA), unmerged(ROSA, ANA, number=2), merged(ROSA, ANA, number=1))
    assert world.known.group(ANA).id == ANA


def test_after_erasure_nothing_is_told_and_nothing_personal_is_left(world: World) -> None:
    world.hear(oriented())
    message = world.messages()[-1]
    world.hear(erased(), profile(), granted())
    assert world.kinds() == []
    assert world.obstacle(message) is Drop.ERASED
    assert "Rosa" not in repr(world.known.educators)


def test_a_tombstone_of_the_profile_is_an_erasure(world: World) -> None:
    world.forget(ROSA)
    world.hear(oriented())
    assert world.kinds() == []


FACTS: list[EventData] = [
    profile(),
    oriented(),
    attended(),
    nea_registered(),
    registered(),
    submitted(),
    awarded(),
    granted(),
    granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1"),
    granted(kind=EntryKind.WORKSHOP, minutes=90, about="W-1"),
]


@pytest.mark.parametrize("turn", range(len(FACTS)))
def test_whatever_comes_first_the_same_messages_are_made(turn: int) -> None:
    def told(facts: list[EventData]) -> set[str]:
        world = World()
        world.hear(*facts)
        return {message.key for message in world.messages()}

    turned = FACTS[turn:] + FACTS[:turn]
    assert told(turned) == told(FACTS) == told(list(reversed(turned)))


@pytest.mark.parametrize("seat_first", [True, False])
def test_a_session_that_was_called_off_before_we_could_write_is_told_to_whoever_reserved(seat_first: bool) -> None:
    """The profile came later, or the seat was read after the plan: nobody should stand before a closed door."""
    world = World()
    seat, plan = [reserved()], [scheduled(), called_off(reason="snow")]
    world.hear(*(seat + plan if seat_first else plan + seat), profile())
    message = next(m for m in world.messages() if m.session_id)
    assert message.kind.value == "session_cancelled"
    assert world.obstacle(message) is None
    world.hear(reserved(credential=None))
    assert world.kinds() == []


def test_a_withdrawn_registration_is_told_by_the_reversal_of_its_hours(world: World) -> None:
    world.hear(registered(), granted(), withdrawn(), reversal(granted()))
    assert world.kinds() == ["hours_granted", "hours_reversed"]


def test_an_orientation_that_is_corrected_to_no_hours_is_told_of_no_more(world: World) -> None:
    world.hear(oriented())
    [message] = world.messages()
    assert world.obstacle(message) is None
    world.hear(corrected(session="O-1", opens=None, kind=SessionKind.ORIENTATION, minutes=0))
    assert world.obstacle(message) is Drop.CAUSE_GONE


def test_of_two_decisions_on_one_attempt_the_later_is_the_one_to_tell(world: World) -> None:
    world.hear(submitted(), reviewed(Decision.NOT_YET))
    returned = world.messages()[-1]
    world.hear(reviewed(Decision.DENIED, at=NOON + HOUR))
    assert world.kinds() == ["submission_denied"]
    assert world.obstacle(returned) is Drop.CAUSE_GONE


def test_who_is_erased_under_one_of_their_accounts_is_written_to_under_none() -> None:
    world = World()
    world.hear(profile(), profile(ANA), merged(ROSA, ANA))
    [message, _] = world.messages()
    world.hear(erased(ANA), erased(), oriented())  # as enrollment tells it: each of her accounts is erased
    assert world.kinds() == []
    assert world.obstacle(message) is Drop.ERASED


def test_who_has_an_erased_account_merged_into_hers_is_written_to() -> None:
    """As enrollment has it (docs/decisions/0404): the living one stays as it is."""
    world = World()
    world.hear(profile(ANA), erased(ANA), profile(), merged(ROSA, ANA))
    world.messages()
    world.hear(oriented())
    [message] = world.messages()
    assert message.kind == "orientation_completed"
    assert world.obstacle(message) is None


def test_a_reminder_is_dropped_where_reminders_were_stopped_meanwhile(world: World) -> None:
    world.hear(attended(opens=None))
    world.tick()
    reminder = next(m for m in world.messages() if m.kind.is_reminder)
    assert world.obstacle(reminder) is None
    world.unsubscribe(ROSA, world.now)
    assert world.obstacle(reminder) is Drop.UNSUBSCRIBED


def test_what_waited_for_more_than_seven_days_is_not_sent_any_more(world: World) -> None:
    world.hear(granted())
    [message] = world.messages()
    assert world.obstacle(message, at=NOON + 7 * DAY - HOUR) is None
    assert world.obstacle(message, at=NOON + 7 * DAY) is Drop.TOO_OLD


def test_a_welcome_that_waits_is_dropped_once_its_account_was_merged_away() -> None:
    world = World()
    world.hear(profile(), profile(ANA))
    kept, away = world.messages()
    world.hear(merged(ROSA, ANA))
    assert (world.obstacle(kept), world.obstacle(away)) == (None, Drop.CAUSE_GONE)


def test_an_undone_merge_tells_each_account_what_its_own_address_has_not_had() -> None:
    world = World()
    world.hear(profile(), profile(ANA), merged(ROSA, ANA), oriented(ANA), attended(), held("workshop"))
    to_rosa = world.messages()[2:]
    assert [m.kind for m in to_rosa] == ["orientation_completed", "workshop_attended", "hours_held"]
    world.hear(unmerged(ROSA, ANA))
    assert [(m.educator_id, m.kind) for m in world.messages()] == [(ANA, "orientation_completed")]
    world.hear(held("workshop", who=ANA), attended(ANA))
    assert [(m.educator_id, m.kind) for m in world.messages()] == [(ANA, "hours_held"), (ANA, "workshop_attended")]


def test_what_an_undone_merge_led_to_is_told_to_its_own_account_though_it_comes_before_the_undoing() -> None:
    """Clockhours may hear of the undoing first, and what it says of it is here before we do."""
    world = World()
    world.hear(profile(), profile(ANA), merged(ROSA, ANA))
    world.messages()
    world.hear(granted(ANA), held("workshop", who=ANA, credential="EX_SEL1"), unmerged(ROSA, ANA))
    messages = world.messages()
    going_out = {(m.educator_id, m.kind) for m in messages if world.obstacle(m) is None}
    assert going_out == {(ANA, "hours_granted"), (ANA, "hours_held")}


def test_hours_that_an_undone_merge_gives_back_as_they_were_are_not_called_taken_back() -> None:
    """The merge had made a double of them, and the other address was told."""
    world = World()
    first = granted(ANA, entry="first")
    again = first.model_copy(update={"entry_id": "again", "granted_at": NOON + 2 * HOUR})
    world.hear(profile(), profile(ANA), granted(), first, merged(ROSA, ANA), reversal(first, NOON + HOUR))
    assert world.messages()[-1].kind == "hours_reversed"
    world.hear(unmerged(ROSA, ANA), again)
    assert [m.kind for m in world.messages() if world.obstacle(m) is None] == ["hours_granted"]


def test_hours_that_were_given_back_and_then_go_for_good_are_taken_back_in_one_letter(world: World) -> None:
    first = granted(entry="first")
    again = first.model_copy(update={"entry_id": "again", "granted_at": NOON + 2 * HOUR})
    world.hear(first, again, reversal(first, NOON + HOUR))
    assert world.kinds() == ["hours_granted"] * 2
    gone = reversal(again, NOON + 3 * HOUR)
    world.hear(gone)
    assert [(m.kind, m.cause) for m in world.messages()] == [("hours_reversed", gone.entry_id)]


def test_what_nea_said_of_somebody_else_is_taken_back_with_their_link(world: World) -> None:
    world.hear(submitted(), reviewed(Decision.NOT_YET))
    received, returned = world.messages()
    assert (world.obstacle(received), world.obstacle(returned)) == (None, None)
    world.hear(unlinked())
    assert (world.obstacle(received), world.obstacle(returned)) == (Drop.CAUSE_GONE, Drop.CAUSE_GONE)
    world.hear(awarded(), revoked(at=NOON + HOUR), unlinked(), awarded())
    assert world.known.group(ROSA).credential(TRA1).award is not None


def test_staff_are_not_alerted_of_an_identity_conflict_of_long_ago(world: World) -> None:
    conflict = events.ConflictOpened(educator_id=ROSA, kind=ConflictKind.IDENTITY_CONFLICT)
    world.hear(conflict, at=NOON - 8 * DAY)
    assert world.kinds() == []
    world.hear(conflict)
    assert world.kinds() == ["staff_alert"]


def test_the_kept_account_is_written_though_nothing_of_it_changes() -> None:
    """So a unit in which another merge or erasure of it goes on meets ours."""
    world = World()
    world.hear(profile(), profile(ANA), merged(ROSA, ANA))
    for fact in (held("award", who=ANA), erased(ANA)):
        world.known = replace(world.known, changed=frozenset())
        world.hear(fact)
        assert world.known.changed == {ROSA, ANA}
