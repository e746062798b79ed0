"""When the programme changes, everyone is judged again, once, in steps."""

import pytest

from services.enrollment import timers
from services.enrollment.timers import Review
from tests.enrollment.builders import ANA, BEN, CAM, NOW, PSEUDONYMS, attended, hours_registered, merged, years
from tests.enrollment.conftest import Enrollment


def review(enrollment: Enrollment, *files: str) -> Review:
    return Review(enrollment.database, years(*files), PSEUDONYMS, lambda: NOW)


async def finish(work: Review) -> int:
    steps = 1
    while await work.run():
        steps += 1
    return steps


async def test_a_year_loaded_later_resolves_its_exceptions(enrollment: Enrollment) -> None:
    enrollment.programs = years("2023-24")
    await enrollment.when(attended(ANA, ended="2024-11-10"), attended(BEN, ended="2024-11-10"), merged(ANA, CAM))
    assert "ConflictOpened" in await enrollment.names()
    await finish(review(enrollment, "2023-24", "2024-25"))
    assert await enrollment.names() == ["WorkshopAttended", "ConflictResolved"] * 2


async def test_the_same_programme_is_not_gone_through_again(enrollment: Enrollment) -> None:
    await enrollment.given(attended())
    await finish(review(enrollment, "2023-24"))
    assert await review(enrollment, "2023-24").run() is False
    assert await enrollment.published() == []


async def test_it_goes_in_steps_and_continues_where_it_was(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "AT_ONCE", 2)
    enrollment.programs = years("2023-24")
    await enrollment.given(*(attended(f"E-{number}", ended="2024-11-10") for number in range(5)))
    first = review(enrollment, "2023-24", "2024-25")
    assert await first.run() is True
    assert await finish(review(enrollment, "2023-24", "2024-25")) == 2
    assert (await enrollment.names()).count("WorkshopAttended") == 5


async def test_what_is_right_already_is_left_alone(enrollment: Enrollment) -> None:
    await enrollment.given(attended(), hours_registered())
    before = await enrollment.document("educators", ANA)
    await finish(review(enrollment, "2023-24", "2024-25"))
    assert await enrollment.document("educators", ANA) == before
