"""The console as programs have it: /api, and the verbs of operators, on a running system."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import System
from tests.system.outside import Educator, World, connected
from tests.system.test_console import parked_record
from tests.waiting import until

TOLD = {"OrientationCompleted", "CredentialSubmitted", "CredentialAwarded", "ClockHoursAwarded"}


@pytest.fixture(scope="module")
def ana(system: System) -> Educator:
    """Somebody with a whole story behind her, recorded to its end."""
    one = Educator(name="Ana Verbs")
    with connected(system.status()) as api:
        world = World(api)
        world.send(*one.whole_story())
        world.until_total(one, 1080)
        until(lambda: names(timeline(world, one)) >= TOLD, "the console has heard of it")
    return one


def timeline(world: World, educator: Educator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.api.get("console", f"/api/educators/{educator.id}/timeline", limit=500)["items"]
    return found


def names(records: list[dict[str, Any]]) -> set[str]:
    return {one["type"].removeprefix("org.washingtonea.").removesuffix(".v1") for one in records}


def said(system: System, *arguments: str) -> Any:
    """What a verb prints with --json."""
    return json.loads(system.wea(*arguments, "--json").stdout)


def test_every_page_is_there_as_json(system: System, world: World, ana: Educator) -> None:
    place = timeline(world, ana)[0]["place"]
    for path in (
        "/api/overview", "/api/lag", "/api/streams", f"/api/streams/{place}", f"/api/educators?q={ana.email}",
        f"/api/educators/{ana.id}", f"/api/educators/{ana.id}/timeline",
        f"/api/educators/{ana.id}/merge?merged_educator_id={Educator().id}", "/api/parked", "/api/quarantine",
        "/api/repairs", "/api/exceptions", "/api/unmatched", "/api/messages", "/api/runbooks/parked-records",
        "/api/audit",
    ):  # fmt: skip
        assert isinstance(world.api.get("console", path, "staff"), dict), path


def test_tail_timeline_and_lag(system: System, ana: Educator) -> None:
    lines = system.wea("tail", "--educator", ana.id, "--limit", "500", "--json").stdout.splitlines()
    assert names([json.loads(line) for line in lines]) >= TOLD
    assert ana.id in system.wea("tail", "--educator", ana.id).stdout
    found = system.wea("tail", "--text", f"S-{ana.id}", "--topic", "wea.enrollment.v1", "--json").stdout.splitlines()
    assert names([json.loads(line) for line in found]) == {"CredentialSubmitted", "CredentialAwarded"}
    assert "CredentialAwarded" in names(said(system, "timeline", ana.id)["items"])
    assert system.wea("timeline", "[red]nobody").stdout == "Nothing was heard of [red]nobody.\n"
    waiting = {(one["group"], one["topic"]): one["lag"] for one in said(system, "lag")["items"]}
    for verb in (("timeline", ana.id), ("lag",), ("parked", "list")):
        assert system.wea(*verb).stdout.strip(), verb
    assert waiting["clockhours", "wea.enrollment.v1"] >= 0
    assert {group for group, _ in waiting} == {"enrollment", "clockhours", "notifications", "console"}


def test_parked_records_are_listed_shown_and_mended_each_with_a_dry_run_first(
    system: System, world: World, tmp_path: Path
) -> None:
    key = parked_record(world)
    mended = tmp_path / "data.json"
    mended.write_text(json.dumps({"educator_id": key, "session_id": "W-9"}))
    because = ("--reason", "a test's own")
    heads = [head for group in said(system, "parked", "list")["items"] for head in group["heads"]]
    assert key in {head["key"] for head in heads}
    assert said(system, "parked", "show", "clockhours", key)["head"]["reason"]["code"] == "invalid"
    for verb, ok in (
        (("retry", "clockhours", key), False),
        (("skip", "clockhours", key), True),
        (("edit", "clockhours", key, "--data", str(mended)), True),
    ):
        done = system.wea("parked", *verb, *because, "--dry-run", "--json", check=False)
        assert (done.returncode == 0, json.loads(done.stdout)["dry_run"]) == (ok, True), verb
    assert said(system, "parked", "show", "clockhours", key)["behind"] == []
    tried = system.wea("parked", "retry", "clockhours", key, *because, "--json", check=False)
    assert (tried.returncode, json.loads(tried.stdout)["ok"]) == (1, False)
    edited = system.wea("parked", "edit", "clockhours", key, "--data", str(mended), *because, "--json")
    assert json.loads(edited.stdout)["ok"]
    again = {"reason": "a test's own", "data": json.loads(mended.read_text())}
    assert world.api.post("clockhours", f"/admin/parked/{key}/edit", again, "operator")["left"] == 0  # a repeat
    assert json.loads(system.wea("parked", "skip", "notifications", key, *because, "--json").stdout)["ok"]
    assert system.wea("parked", "show", "clockhours", key, check=False).returncode == 2


def test_quarantine_is_listed_and_marked_as_looked_at(system: System, world: World) -> None:
    broken = {**Educator().profile(), "data": {"educator_id": f"{Educator().id}"}}
    world.produce(broken)

    def kept() -> bool:
        found = world.api.get("enrollment", "/admin/quarantine", "operator", limit=1000)["items"]
        return any(one["topic"] == "wea.portal.v1" for one in found)

    until(kept, "it is in quarantine")
    listed = said(system, "quarantine", "list", "--service", "enrollment")["items"]
    assert "wea.portal.v1" in {one["topic"] for one in listed}
    assert "wea.portal.v1" in system.wea("quarantine", "list").stdout
    because = ("--reason", "the portal's team knows")
    preview = json.loads(system.wea("quarantine", "seen", "enrollment", *because, "--dry-run", "--json").stdout)
    assert preview["dry_run"]
    assert json.loads(system.wea("quarantine", "seen", "enrollment", *because, "--json").stdout)["ok"]
