"""Where the demo goes on in a system that was told its story before."""

import pytest

from wea.demo.play import told_up_to
from wea.demo.story import ANA, BEN, PEOPLE, TRAUMA, acts

pytestmark = pytest.mark.unit
NOTHING = {"total_minutes": 0, "entries": [], "held": [], "exceptions": []}


def test_a_system_that_was_told_nothing_is_told_all() -> None:
    assert told_up_to(acts(), dict.fromkeys(PEOPLE, NOTHING)) == 0


def test_a_story_that_was_interrupted_goes_on_at_the_last_act_whose_effect_is_there() -> None:
    granted = {**NOTHING, "total_minutes": 1080}
    held = {**NOTHING, "held": [{"micro_credential_id": TRAUMA, "missing": ["clock_hours_registration"]}]}

    found = told_up_to(acts(), {**dict.fromkeys(PEOPLE, NOTHING), ANA: granted, BEN: held})

    assert acts()[found].says.startswith("NEA awards Ben.")
