"""`wea nea import` against a running system: what NEA's webhooks missed is back-filled, once."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import System
from tests.system.outside import TIME, TRA1, Educator, World
from tests.waiting import until
from tests.wea.conftest import Done, wea
from wea.nea_download import COLUMNS

AWARDED = "2024-05-02T09:00:00-07:00"
Cells = dict[str, str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "download.csv"


def registered(rosa: Educator, at: str = TIME) -> Cells:
    return row(rosa, "registered", at=at)


def submitted(rosa: Educator, at: str = TIME) -> Cells:
    return row(rosa, "submitted", at=at, submission_id=f"S-{rosa.id}", attempt="1")


def awarded(rosa: Educator) -> Cells:
    return row(rosa, "reviewed", at=AWARDED, submission_id=f"S-{rosa.id}", attempt="1", decision="awarded")


def revoked(rosa: Educator) -> Cells:
    return row(rosa, "revoked", at="2024-05-10T09:00:00-07:00", detail="copied")


def row(rosa: Educator, event: str, **cells: str) -> Cells:
    who = {"nea_member_id": rosa.member, "email": rosa.email, "micro_credential_id": TRA1}
    return {**dict.fromkeys(COLUMNS, ""), "event": event, **who, **cells}


def write(file: Path, *rows: Cells) -> None:
    with file.open("w", newline="", encoding="utf-8") as content:
        writer = csv.DictWriter(content, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def imported(system: System, file: Path, *options: str) -> Done:
    return wea("nea", "import", str(file), "--state", str(system.state), *options)


def report(system: System, file: Path, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(imported(system, file, *options, "--json").stdout)
    return found


def ready_for_an_award(world: World) -> Educator:
    """An educator for whom nothing is missing but what NEA says."""
    rosa = Educator()
    world.send(rosa.profile(), rosa.oriented(), rosa.trained(), rosa.registered())
    world.until_total(rosa, 180)
    return rosa


def test_a_dry_run_says_what_would_be_new_and_changes_nothing(system: System, world: World, file: Path) -> None:
    rosa = ready_for_an_award(world)
    write(file, registered(rosa), submitted(rosa), awarded(rosa))
    accepted = world.api.get("enrollment", "/admin/books", "operator")["accepted"]
    done = imported(system, file, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"line 2: would be new: registered {rosa.member} NEA_TRA1 {TIME}",
        f"line 3: would be new: submitted {rosa.member} NEA_TRA1 S-{rosa.id} attempt 1 {TIME}",
        f"line 4: would be new: reviewed {rosa.member} NEA_TRA1 S-{rosa.id} attempt 1 awarded {AWARDED}",
        "3 rows: 3 would be new, 0 known",
        "Nothing was sent: this was a dry run.",
    ]
    assert world.api.get("enrollment", "/admin/books", "operator")["accepted"] == accepted


def test_what_is_imported_grants_hours_and_importing_again_sends_nothing(
    system: System, world: World, file: Path
) -> None:
    rosa = ready_for_an_award(world)
    write(file, registered(rosa), submitted(rosa), awarded(rosa), submitted(rosa))
    first = imported(system, file)
    assert first.stdout.splitlines()[-1] == "4 rows: 3 sent, 1 known"
    world.until_total(rosa, 1080)
    accepted = world.api.get("enrollment", "/admin/books", "operator")["accepted"]
    assert report(system, file) == {"rows": 4, "known": 4, "new": [], "differs": [], "faulty": []}
    assert world.api.get("enrollment", "/admin/books", "operator")["accepted"] == accepted


def test_beside_live_webhooks_only_what_they_missed_is_sent(system: System, world: World, file: Path) -> None:
    rosa = ready_for_an_award(world)
    world.send(rosa.webhook("registered", registered_at=TIME), rosa.submitted())
    until(lambda: world.record(rosa)["micro_credentials"][0]["submissions"], "the webhooks have arrived")
    write(file, registered(rosa), submitted(rosa), awarded(rosa))
    assert report(system, file, "--dry-run")["new"] == report(system, file)["new"]
    world.until_total(rosa, 1080)

    world.send(rosa.awarded(AWARDED), rosa.submitted())  # NEA's own webhooks come at last
    write(file, revoked(rosa))
    assert report(system, file)["known"] == 0
    world.until_total(rosa, 180)
    (credential,) = world.record(rosa)["micro_credentials"]
    (submission,) = credential["submissions"]
    (attempt,) = submission["attempts"]
    assert [decision["decision"] for decision in attempt["decisions"]] == ["awarded"]
    entries = [entry["minutes"] for entry in world.hours(rosa)["entries"] if entry["kind"] == "micro_credential"]
    assert entries == [900, -900]


def test_it_reaches_a_system_that_is_no_state_of_this_machine(system: System, world: World, file: Path) -> None:
    """As one in containers or on Kubernetes, where there is no other way to take a download in."""
    rosa = ready_for_an_award(world)
    write(file, registered(rosa))
    status = system.status()
    urls = ",".join(f"{name}={service['url']}" for name, service in status["services"].items())
    keys = ",".join(f"{role}={status['keys'][role]}" for role in ("staff", "operator"))
    elsewhere = {"WEA_URLS": urls, "WEA_KEYS": keys, "WEA_STATE": "/nonexistent"}
    done = wea("nea", "import", str(file), **elsewhere, WEA_NEA_SECRETS=status["nea_webhook_secret"])
    assert done.stdout.endswith("1 rows: 1 sent, 0 known\n"), done.stderr
    assert report(system, file)["new"] == []


def test_where_a_live_webhook_tells_another_time_it_holds_and_the_row_is_named(
    system: System, world: World, file: Path
) -> None:
    rosa = ready_for_an_award(world)
    world.send(rosa.submitted())
    until(lambda: world.record(rosa)["micro_credentials"][0]["submissions"], "the webhook has arrived")
    write(file, submitted(rosa, at="2024-04-29T10:00:00-07:00"), awarded(rosa))
    done = imported(system, file)
    assert "line 2: known with another time, which stays: submitted" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 rows: 1 sent, 0 known, 1 known with another time"
    world.until_total(rosa, 1080)


@pytest.mark.parametrize("by_member", [True, False])
def test_of_a_learner_whom_staff_have_linked_it_is_known_too_what_came_by_webhook(
    system: System, world: World, file: Path, by_member: bool
) -> None:
    rosa, elsewhere = ready_for_an_award(world), Educator()  # the member id and address that NEA has of her
    sent = elsewhere.submitted()
    written = submitted(elsewhere, at="2024-04-29T10:00:00-07:00")
    if not by_member:
        sent["body"]["data"]["learner"] = {"email": elsewhere.email}
        written["nea_member_id"] = ""
    world.send(sent)
    until(lambda: learner_of(world, elsewhere), "her webhook waits")
    world.api.post(
        "enrollment", f"/unmatched/{learner_of(world, elsewhere)}/link", {"educator_id": rosa.id, "reason": "x"}
    )
    write(file, written)
    assert "line 2: known with another time, which stays: submitted" in imported(system, file).stdout
    (credential,) = world.record(rosa)["micro_credentials"]
    assert [one["on_time"] for one in credential["submissions"][0]["attempts"]] == [True]


def learner_of(world: World, rosa: Educator) -> str | None:
    rows = world.api.items("enrollment", "/unmatched")
    return next((row["id"] for row in rows if row["email"] == rosa.email), None)


def test_a_faulty_row_is_named_with_line_and_reason_and_the_good_ones_are_not_lost(
    system: System, world: World, file: Path
) -> None:
    rosa = ready_for_an_award(world)
    faulty = submitted(rosa) | {"at": "2024-04-20T10:00:00", "attempt": "first"}
    write(file, submitted(rosa), faulty, awarded(rosa))
    done = imported(system, file)
    assert done.returncode == 1
    (said,) = (line for line in done.stdout.splitlines() if line.startswith("line 3"))
    assert said.startswith("line 3: left out: ")
    assert "at: Time should have an offset" in said
    assert "attempt: " in said
    assert done.stdout.splitlines()[-1] == "3 rows: 2 sent, 0 known, 1 left out"
    world.until_total(rosa, 1080)


def test_rows_of_a_learner_whom_nobody_knows_yet_wait_for_the_profile(system: System, world: World, file: Path) -> None:
    rosa = Educator()
    write(file, submitted(rosa), awarded(rosa))
    assert len(report(system, file)["new"]) == 2
    assert report(system, file)["known"] == 2
    world.send(rosa.profile(), rosa.oriented(), rosa.trained(), rosa.registered())
    world.until_total(rosa, 1080)


def test_what_another_member_with_the_same_address_has_done_is_not_taken_for_known(
    system: System, world: World, file: Path
) -> None:
    ana, ben = ready_for_an_award(world), Educator()
    world.send(ana.submitted())
    until(lambda: world.record(ana)["micro_credentials"][0]["submissions"], "Ana has submitted")
    write(file, submitted(ben) | {"email": ana.email, "submission_id": f"S-{ana.id}"})
    assert len(report(system, file, "--dry-run")["new"]) == 1


def test_a_file_that_is_none_is_one_sentence_and_exit_code_2(system: System, file: Path) -> None:
    for content in (None, "a,b\n1,2\n"):
        if content is not None:
            file.write_text(content)
        done = imported(system, file)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done
        assert str(file) in done.stderr


def test_the_books_are_right_after_all_of_this(system: System) -> None:
    system.books_are_right()
