"""Backup and restore, drilled: yesterday's databases catch up from the topics, and the books are right."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import System
from tests.system.outside import Educator, connected, kinds
from tests.system.outside import World as Outside


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of its own: what it knows today is taken away from it."""
    system = System(tmp_path_factory.mktemp("drill") / "state")
    system.wea("up", "--detach", "--as-of", "2024-05-10")
    yield system
    system.wea("down")


def test_yesterdays_databases_catch_up_from_the_topics(drilled: System, tmp_path: Path) -> None:
    before, between, after = Educator(), Educator(), Educator()
    half = Educator()  # begun before the backup, finished after it
    with connected(drilled.status()) as api:
        world = Outside(api)
        world.send(*before.whole_story(), *half.whole_story()[:4])
        world.until_total(before, 1080)
        world.until_total(half, 90)
        drilled.books_are_right()
        made = json.loads(drilled.wea("backup", str(tmp_path / "yesterday"), "--json").stdout)
        assert made["documents"]["clockhours"]["entries"] == 4
        assert drilled.wea("backup", str(tmp_path / "yesterday"), check=False).returncode == 2, "never over another"

        world.send(*between.whole_story(), *half.whole_story()[4:], before.corrected(f"W-{before.id}", 0))
        world.until_total(between, 1080)
        world.until_total(half, 1080)
        world.until_total(before, 90)
        drilled.books_are_right()
        today = {one.id: world.hours(one)["entries"] for one in (before, between, half)}

    assert drilled.wea("restore", str(tmp_path / "yesterday"), "--force", check=False).returncode == 2, "it runs"
    drilled.wea("down")
    assert drilled.wea("restore", str(tmp_path / "yesterday"), check=False).returncode == 2, "--force is asked for"
    drilled.wea("restore", str(tmp_path / "yesterday"), "--force")
    drilled.wea("up", "--detach")

    with connected(drilled.status()) as api:
        world = Outside(api)
        for one, total in ((before, 90), (between, 1080), (half, 1080)):
            record = world.until_total(one, total)
            assert [e["entry_id"] for e in record["entries"]] == [e["entry_id"] for e in today[one.id]]
        drilled.books_are_right()
        world.send(*after.whole_story(), half.corrected(f"W-{half.id}", 60))
        assert kinds(world.until_total(after, 1080)) == [
            ("micro_credential", 900), ("orientation", 90), ("workshop", 90),
        ]  # fmt: skip
        world.until_total(half, 1050)
        drilled.books_are_right()
