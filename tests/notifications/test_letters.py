"""What a message says, from what is known when it is sent."""

from datetime import UTC, datetime

import pytest

from contracts.event import EventData
from contracts.kinds import Decision, EntryKind, SessionKind
from contracts.program import Programs
from services.notifications import checklist, letters, rendering, words
from services.notifications.announcing import scene_of
from services.notifications.rendering import Links
from services.notifications.state import Message
from tests.notifications.builders import (
    ANA,
    DAY,
    PROGRAMS,
    ROSA,
    TRA1,
    attended,
    awarded,
    called_off,
    corrected,
    granted,
    held,
    local,
    merged,
    nea_registered,
    oriented,
    profile,
    registered,
    reversal,
    reviewed,
    revoked,
    scheduled,
    submitted,
    withdrawn,
)
from tests.notifications.world import World

PORTAL = "https://portal.example.org/courses"
NOW = local(5, 10)
ONE_YEAR = Programs(PROGRAMS.years[:1])


def said(*facts: EventData, kind: str) -> str:
    """The text of the newest message of this kind, once all these facts are known."""
    world = World(NOW)
    world.hear(profile(), *facts)
    made = [m for m in world.messages() if m.kind == kind]
    return text(world, made[-1])


def text(world: World, message: Message) -> str:
    scene = scene_of(message, world.known, PROGRAMS, PORTAL, world.now)
    return rendering.render(letters.write(scene), Links("https://x.example.org/progress/t", None)).text


def test_hours_granted_come_with_the_new_total_and_the_designations() -> None:
    orientation = granted(kind=EntryKind.ORIENTATION, minutes=90, about="O-1")
    found = said(orientation, granted(designations=("Equity",)), kind="hours_granted")
    assert "You have earned 15 clock hours. They count for Equity-based school practices." in found
    assert "Total: 16.5 clock hours" in found
    assert "Equity-based school practices: 15 of 15" in found


def test_held_hours_name_what_is_missing_and_what_to_do_first() -> None:
    found = said(
        oriented(at=NOW),
        submitted(at=NOW),
        awarded(at=NOW),
        held("workshop", "clock_hours_registration"),
        kind="hours_held",
    )
    assert "no Workshop for it is on record and you have not registered it with WEA for clock hours" in found
    assert "[ ] Registered with WEA for clock hours" in found
    assert f"Register for clock hours:\n{PORTAL}" in found
    assert "clockhours@example.org" in found


def test_a_first_attempt_that_nobody_told_us_of_is_not_called_late() -> None:
    unseen = said(
        submitted(at=NOW, attempt=2, on_time=None),
        awarded(at=NOW, attempt=2),
        held("on_time_submission"),
        kind="hours_held",
    )
    assert "counts as late" not in unseen
    late = said(submitted(at=NOW, on_time=False), awarded(at=NOW), held("on_time_submission"), kind="hours_held")
    assert "counts as late: the deadline was Friday, April 26, 2024" in late


def test_held_hours_name_the_deadline_that_the_awarded_submission_missed() -> None:
    first, revised = submitted(at=local(4, 20)), submitted(at=NOW, attempt=2, on_time=False)
    late_too = submitted(at=NOW + DAY, submission="S-2", on_time=False)
    found = said(first, revised, late_too, awarded(at=NOW, attempt=2), held("on_time_submission"), kind="hours_held")
    assert "counts as late: the deadline was Friday, May 24, 2024" in found


def test_what_the_year_has_dropped_is_not_to_be_submitted_in_it() -> None:
    world = World(datetime(2025, 2, 3, 20, tzinfo=UTC))
    gone = "EX_NONE1"  # last year's catalogue had it
    world.hear(profile(), oriented(), registered(credential=gone), nea_registered(credential=gone))
    world.hear(attended(opens=gone, at=world.now))
    [message] = [m for m in world.messages() if m.kind == "workshop_attended"]
    found = text(world, message)
    assert "[ ] Submitted to NEA - not in the 2024-25 catalogue: submitted now, it earns no clock hours" in found
    assert "by Friday, April 25, 2025" not in found
    assert "Submit to NEA:" not in found
    world.hear(submitted(credential=gone, at=world.now))
    [message] = [m for m in world.messages() if m.kind == "submission_received"]
    submission = "[x] Submitted to NEA - February 3, 2025, not in the 2024-25 catalogue: it earns no clock hours"
    assert submission in text(world, message)


@pytest.mark.parametrize(
    ("now", "years", "when"),
    [
        (local(4, 26, 23, 59), PROGRAMS, "by Friday, April 26, 2024."),
        (local(4, 27, 0), PROGRAMS, "between Sunday, September 1, 2024 and Friday, April 25, 2025."),
        (local(9, 1, 0), PROGRAMS, "by Friday, April 25, 2025."),
        (local(4, 27, 0), ONE_YEAR, "once the next program year has begun, by its deadline."),
    ],
)
def test_a_newcomer_is_told_when_to_submit_never_a_day_that_is_over(now: datetime, years: Programs, when: str) -> None:
    world = World(now, years)
    world.hear(profile(), oriented(at=now))
    for message in world.messages():
        scene = scene_of(message, world.known, years, PORTAL, now)
        written = rendering.render(letters.write(scene), Links())
        assert f"Submit to NEA {when}" in written.text
        assert when in written.html


@pytest.mark.parametrize(
    ("years", "credential", "when"),
    [
        (PROGRAMS, TRA1, "between Sunday, September 1, 2024 and Friday, April 25, 2025"),
        (PROGRAMS, "EX_NONE1", "the deadline was Friday, April 26, 2024"),  # next year's catalogue has it not
        (ONE_YEAR, TRA1, "the deadline was Friday, April 26, 2024"),
    ],
)
def test_who_begins_after_the_deadline_reads_when_the_next_year_takes_a_submission(
    years: Programs, credential: str, when: str
) -> None:
    world = World(local(6, 10), years)
    world.hear(profile(), registered(credential=credential), nea_registered(credential=credential))
    world.hear(attended(opens=credential, at=world.now))
    [message] = [m for m in world.messages() if m.kind == "workshop_attended"]
    found = rendering.render(letters.write(scene_of(message, world.known, years, PORTAL, world.now)), Links()).text
    assert f"[ ] Submitted to NEA - {when}" in found
    assert "Submit to NEA:" not in found


@pytest.mark.parametrize(
    ("facts", "deadline"),
    [
        ([submitted(at=NOW, on_time=False)], "April 26"),
        ([submitted(at=NOW - DAY), submitted(at=NOW, attempt=2, on_time=False)], "May 24"),
        ([submitted(at=NOW - DAY, on_time=False), submitted(at=NOW, attempt=2, on_time=False)], "April 26"),
    ],
)
def test_late_is_said_by_the_deadline_that_was_missed(facts: list[EventData], deadline: str) -> None:
    assert f"The deadline was Friday, {deadline}, 2024" in said(*facts, kind="submission_late")


def test_each_submission_is_told_of_by_its_own_moment() -> None:
    found = said(submitted(at=local(5, 8)), submitted(at=NOW, submission="S-2"), kind="submission_received")
    assert "Friday, May 10, 2024" in found


def test_a_return_after_the_revision_deadline_asks_for_nothing_that_would_be_in_time() -> None:
    world = World(local(5, 25))
    world.hear(profile(), submitted(at=local(4, 20)), reviewed(Decision.NOT_YET, at=world.now))
    found = text(world, world.messages()[-1])
    assert "The revision deadline was Friday, May 24, 2024." in found
    assert "Revise and submit again:" not in found


def test_a_return_says_by_when_and_how_many_days_are_left() -> None:
    found = said(submitted(at=local(4, 20)), reviewed(Decision.NOT_YET, at=NOW), kind="submission_returned")
    assert "by Friday, May 24, 2024: 14 days left" in found
    assert "nea.certificationbank.com" in found


ANEW = (  # denied in its second attempt, and another submission after that
    submitted(at=local(4, 2)),
    reviewed(Decision.NOT_YET, at=local(4, 10)),
    submitted(at=local(4, 15), attempt=2),
    reviewed(Decision.DENIED, at=NOW - 4 * DAY, attempt=2),
    submitted(at=local(4, 25), submission="S-2"),
)


def test_a_return_is_of_the_submission_that_it_names_whatever_became_of_another() -> None:
    returned = reviewed(Decision.INCOMPLETE, at=NOW - DAY, submission="S-2")
    found = said(*ANEW, returned, kind="submission_returned")
    assert "On Thursday, May 9, 2024 NEA's reviewers found your submission" in found
    assert "incomplete" in found
    assert "[ ] Revised and submitted to NEA again - by Friday, May 24, 2024" in found
    denied = said(*ANEW, returned, kind="submission_denied")
    assert "On Monday, May 6, 2024 NEA's reviewers decided not to award" in denied


def test_a_submission_of_the_next_year_is_told_by_that_years_deadlines() -> None:
    sent, now = datetime(2025, 2, 3, 20, tzinfo=UTC), datetime(2025, 2, 10, 20, tzinfo=UTC)
    world = World(sent)
    world.hear(profile(), submitted(at=local(4, 2)), reviewed(Decision.DENIED, at=NOW))
    world.hear(submitted(at=sent, submission="S-2"))
    received = next(m for m in world.messages() if m.kind == "submission_received")
    assert "That is in time: the deadline is Friday, April 25, 2025." in text(world, received)
    world.now = now
    world.hear(reviewed(Decision.NOT_YET, at=now, submission="S-2"))
    [returned] = world.messages()
    found = text(world, returned)
    assert "by Friday, May 23, 2025: 102 days left" in found
    assert "[ ] Revised and submitted to NEA again - by Friday, May 23, 2025" in found


def test_a_revision_of_what_was_late_from_the_start_is_not_called_in_time() -> None:
    world = World(local(5, 10))
    world.hear(profile(), submitted(at=local(4, 27), on_time=False), submitted(at=local(5, 9), attempt=2))
    received = next(m for m in world.messages() if m.kind == "submission_received")
    found = text(world, received)
    assert "NEA has your revision" in found
    assert "in time" not in found
    assert "[x] Submitted to NEA - May 9, 2024, after the deadline" in found


def test_what_was_to_be_revised_last_year_is_behind_who_submitted_anew_this_year() -> None:
    world = World(datetime(2025, 2, 10, 20, tzinfo=UTC))
    world.hear(profile(), submitted(at=local(4, 2)), reviewed(Decision.NOT_YET, at=local(5, 1)))
    world.hear(submitted(at=world.now, submission="S-2"))
    received = next(m for m in world.messages() if m.kind == "submission_received")
    assert "[x] Submitted to NEA - February 10, 2025" in text(world, received)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([awarded(at=NOW), revoked(at=NOW)], "NEA has taken the micro-credential back"),
        ([revoked(at=NOW - DAY), awarded(at=NOW), held("workshop")], "a step that they rest on was corrected"),
        ([registered(at=NOW), withdrawn(at=NOW)], "your registration for its clock hours was withdrawn"),
        ([held("workshop")], "a step that they rest on was corrected"),
        ([], "the records that they rest on were changed"),
    ],
)
def test_a_reversal_says_why(facts: list[EventData], why: str) -> None:
    found = said(granted(at=NOW), *facts, reversal(granted(at=NOW), NOW), kind="hours_reversed")
    assert why in found
    assert "Total: 0 clock hours" in found


@pytest.mark.parametrize("planned", [called_off(), scheduled(kind=SessionKind.ORIENTATION)])
def test_hours_of_a_session_that_does_not_count_any_more_are_not_said_to_be_a_correction(planned: EventData) -> None:
    hours = granted(kind=EntryKind.WORKSHOP, minutes=90, about="W-1")
    found = said(
        scheduled(), attended(at=NOW), hours, planned, corrected(at=NOW), reversal(hours, NOW), kind="hours_reversed"
    )
    assert "because the session is on record as cancelled, or as one of another kind." in found


def test_a_corrected_attendance_is_named_and_what_stands_in_its_place() -> None:
    first = granted(kind=EntryKind.WORKSHOP, minutes=90, about="W-1", entry="one")
    again = granted(kind=EntryKind.WORKSHOP, minutes=60, about="W-1", entry="two")
    found = said(
        attended(at=NOW), first, corrected(at=NOW, minutes=60), reversal(first, NOW), again, kind="hours_reversed"
    )
    assert "because the record of your attendance was corrected. In their place you have 1 clock hour." in found


def test_a_correction_is_no_double_because_the_accounts_were_merged_long_ago() -> None:
    first = granted(kind=EntryKind.WORKSHOP, minutes=90, about="W-1", entry="one")
    again = granted(kind=EntryKind.WORKSHOP, minutes=60, about="W-1", entry="two", at=NOW)
    found = said(
        profile(ANA), attended(ANA, at=NOW), first, merged(ROSA, ANA), corrected(ANA, at=NOW, minutes=60),
        reversal(first, NOW), again, kind="hours_reversed",
    )  # fmt: skip
    assert "because the record of your attendance was corrected. In their place you have 1 clock hour." in found


def test_a_double_of_merged_accounts_is_called_one() -> None:
    one, two = granted(about="W-1", kind=EntryKind.WORKSHOP), granted(ANA, about="W-1", kind=EntryKind.WORKSHOP)
    found = said(
        profile(ANA), attended(at=NOW), attended(ANA, at=NOW), one, two, merged(ROSA, ANA), reversal(two, NOW),
        kind="hours_reversed",
    )  # fmt: skip
    assert "because they were counted twice. In their place you have 15 clock hours." in found


def test_after_the_orientation_the_first_open_step_is_the_action() -> None:
    found = said(nea_registered(at=NOW), oriented(at=NOW), kind="orientation_completed")
    assert f"Register for clock hours:\n{PORTAL}" in found


@pytest.mark.parametrize(
    ("name", "first"),
    [("Rosa Diaz", "Rosa"), ("Diaz, Rosa", "Rosa"), ("Dr. Rosa Diaz", "Rosa"), ("Rosa", "Rosa"), ("Ø", "Ø"),
     ("x" * 300, "x" * 59 + "…"), ("Diaz,", "Diaz"), ("Rosa Diaz, M.Ed.", "Rosa"),
     ("Rosa Diaz, NBCT", "Rosa"), ("Li, Ma", "Ma"),
     ("Rosa Diaz, Ed.D., NBCT", "Rosa"), ("Martin King, Jr.", "Martin"), ("de la Cruz, Ana", "Ana"),
     ("Diaz, Dr. Rosa, Ph.D.", "Rosa"), ("DIAZ, ROSA", "ROSA"), ("Ms Rosa Diaz", "Rosa"),
     ("\u202eRosa\u202c Diaz", "Rosa"), ("Dr Diaz", "Diaz")],
)  # fmt: skip
def test_people_are_greeted_by_their_first_name(name: str, first: str) -> None:
    assert words.first_name(name) == first


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(60, "1 clock hour"), (90, "1.5 clock hours"), (1350, "22.5 clock hours"), (0, "0 clock hours")],
)
def test_minutes_are_said_as_clock_hours(minutes: int, said: str) -> None:
    assert words.clock_hours(minutes) == said


def step(number: int, *facts: EventData) -> tuple[bool, str]:
    """Is this step of the list done, and what stands beside it, once all these facts are known?"""
    world = World(NOW)
    world.hear(profile(), *facts)
    listed = checklist.of(TRA1, world.known.group(ROSA), {}, PROGRAMS, NOW).steps[number]
    return listed.done, listed.note


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ([held("on_time_submission", "award")], ": earns hours only if WEA accepts it"),
        ([awarded(at=NOW), held("on_time_submission")], ": earns hours only if WEA accepts it"),
        ([held("award")], ""),
        ([awarded(at=NOW), granted(about=TRA1)], ""),
    ],
)
def test_a_late_submission_says_what_its_hours_depend_on(facts: list[EventData], note: str) -> None:
    """Every step is ticked once NEA has awarded it: this is what they wait for."""
    assert step(4, submitted(at=local(4, 29), on_time=False), *facts) == (
        True,
        f"April 29, 2024, after the deadline{note}",
    )


def test_a_late_revision_says_so_while_its_hours_wait_for_it() -> None:
    revised = submitted(at=local(5, 25), attempt=2, on_time=False)
    facts = (submitted(at=local(4, 2)), revised, awarded(attempt=2, at=NOW))
    note = "May 25, 2024, after the deadline: earns hours only if WEA accepts it"
    assert step(4, *facts, held("on_time_submission")) == (True, note)
    assert step(4, *facts, held("clock_hours_registration")) == (True, "May 25, 2024")
    assert step(4, *facts, held("on_time_submission"), submitted(at=local(5, 26), submission="S-2")) == (
        True,
        "May 26, 2024",
    )


def test_an_award_that_nea_took_back_is_open_and_says_so() -> None:
    facts = (submitted(at=local(4, 2)), awarded(at=local(5, 1)), revoked(at=local(5, 2)))
    assert step(5, *facts) == (False, "NEA took it back")
    assert step(5, *facts, awarded(at=local(5, 3))) == (True, "May 3, 2024")


def test_a_denial_is_said_beside_the_award_until_another_submission_is_on_its_way() -> None:
    denied = (submitted(at=local(4, 2)), reviewed(Decision.DENIED, at=local(5, 1)))
    assert step(5, *denied) == (False, "not awarded, May 1, 2024")
    assert step(5, *denied, submitted(at=local(5, 3), submission="S-2")) == (False, "")
