"""The verbs of programme staff on a running system: what each does, prints and leaves in the audit trail."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import System
from tests.system.outside import TRA1, Educator, World
from tests.waiting import until
from tests.wea.conftest import Done, failed_with_a_sentence, wea
from wea import verbs_staff

LATE = "2024-04-27T00:00:00-07:00"


class Staff:
    """Somebody at a terminal."""

    def __init__(self, system: System) -> None:
        self._state = str(system.state)

    def __call__(self, *arguments: str) -> str:
        """What a verb prints; it must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        return failed_with_a_sentence(self.run(*arguments))

    def run(self, *arguments: str) -> Done:
        return wea(*arguments, "--state", self._state)


@pytest.fixture
def staff(system: System) -> Staff:
    return Staff(system)


def audited(world: World, service: str, target: str) -> list[dict[str, Any]]:
    """What the service's audit trail says was done to this, the oldest first."""
    noted = world.api.items(service, "/admin/audit", "operator")  # the newest first
    return [entry for entry in noted if entry["target"] == target][::-1]


def late(world: World) -> tuple[Educator, dict[str, Any]]:
    """An educator who was awarded what she submitted late, and her case."""
    rosa = Educator()
    world.send(rosa.profile(), rosa.oriented(), rosa.trained(), rosa.registered(), rosa.submitted(LATE), rosa.awarded())
    world.until_total(rosa, 180)
    world.until_missing(rosa, ["on_time_submission"])
    (case,) = world.hours(rosa)["exceptions"]
    return rosa, case


# -- an educator


def test_show_tells_steps_hours_what_is_held_and_why_cases_and_messages(world: World, staff: Staff) -> None:
    rosa, case = late(world)

    def written() -> set[str]:
        return {message["kind"] for message in staff.json("educator", "show", rosa.id)["messages"]}

    until(lambda: "welcome" in written(), "she is welcomed")
    said = staff("educator", "show", rosa.id)
    assert said.startswith(f"Rosa Marín  {rosa.id}  {rosa.email}\n3 clock hours\n")
    assert "held NEA_TRA1: 15 hours, missing on time submission" in said
    assert f"late_attempt open: NEA_TRA1 S-{rosa.id} attempt 1  {case['exception_id']}" in said
    assert "welcome" in said
    found = staff.json("educator", "show", rosa.id)
    assert set(found) == {"record", "clock_hours", "messages"}
    assert found["clock_hours"]["total_minutes"] == 180


@pytest.mark.parametrize("id", ["E-[red]x[/red]", "E/with/slashes?and#more", "E-ñandú-שלום", "E a b"], ids=ascii)
def test_show_prints_ids_of_any_characters_as_they_are(world: World, staff: Staff, id: str) -> None:
    rosa = Educator(id=f"{id}-{Educator().id}", name="[bold]Rosa[/bold] \u202bשלום")
    world.send(rosa.profile(email="rosa@example.org"), rosa.trained(opens=None, session="W-[i]x"))
    world.until_total(rosa, 90)
    said = staff("educator", "show", rosa.id)
    assert f"{rosa.name}  {rosa.id}" in said
    assert "W-[i]x" in said


def test_merge_reads_two_accounts_as_one_and_unmerge_parts_them_again(world: World, staff: Staff) -> None:
    kept, gone = Educator(), Educator()
    world.send(kept.profile(), kept.oriented(), gone.profile(), gone.trained())
    world.until_total(kept, 90)
    world.until_total(gone, 90)
    done = staff.json("educator", "merge", kept.id, gone.id, "--reason", "same person")
    world.until_total(kept, 180)
    assert f"with {gone.id}, merged into it" in staff("educator", "show", gone.id)
    assert "merged into" in staff.refused("educator", "merge", kept.id, gone.id, "--reason", "again")
    assert "merged into" in staff.refused("educator", "merge", gone.id, kept.id, "--reason", "a circle")
    assert "takes effect" in staff("educator", "unmerge", kept.id, gone.id, "--reason", "a mistake")
    world.until_total(kept, 90)
    assert "is not merged" in staff.refused("educator", "unmerge", kept.id, gone.id, "--reason", "again")
    first, second = audited(world, "enrollment", kept.id)
    assert (first["action"], first["reason"], first["event_id"]) == (
        "educator.merged",
        "same person",
        done["event_id"],
    )
    assert (second["action"], second["reason"]) == ("educator.unmerged", "a mistake")
    assert first["merged_educator_id"] == gone.id
    assert first["by"]
    assert first["who"].startswith("staff:")


def test_unmerge_parts_an_account_of_a_chain_from_the_one_that_all_is_read_under(world: World, staff: Staff) -> None:
    kept, middle, last = Educator(), Educator(), Educator()
    world.send(kept.profile(), kept.oriented(), middle.profile(), last.profile(), last.trained())
    world.until_total(last, 90)
    staff("educator", "merge", middle.id, last.id, "--reason", "same person")
    world.until_total(middle, 90)
    staff("educator", "merge", kept.id, middle.id, "--reason", "same person")
    world.until_total(kept, 180)
    staff("educator", "unmerge", kept.id, last.id, "--reason", "a mistake")
    world.until_total(kept, 90)
    assert world.hours(kept)["exceptions"] == []


def test_merges_that_enrollment_would_refuse_are_refused_here_and_open_no_case(world: World, staff: Staff) -> None:
    rosa = Educator()
    world.send(rosa.oriented())
    world.until_total(rosa, 90)
    assert "with itself" in staff.refused("educator", "merge", rosa.id, rosa.id, "--reason", "x")
    nobody = Educator()
    assert nobody.id in staff.refused("educator", "merge", rosa.id, nobody.id, "--reason", "x")
    assert nobody.id in staff.refused("educator", "merge", nobody.id, rosa.id, "--reason", "x")
    assert audited(world, "enrollment", rosa.id) == []
    assert world.hours(rosa)["exceptions"] == []


def test_erase_asks_twice_and_takes_the_person_but_not_the_ledger(world: World, staff: Staff) -> None:
    rosa = Educator()
    world.send(rosa.profile(), rosa.oriented())
    world.until_total(rosa, 90)
    assert "--yes" in staff.refused("educator", "erase", rosa.id)
    assert world.record(rosa)["profile"] is not None
    staff("educator", "erase", rosa.id, "--yes", "--reason", "she asked")
    until(lambda: world.record(rosa)["erased"], "she is erased")
    until(lambda: "410" in staff.run("transcript", rosa.id, "--json").stderr, "there is no transcript any more")
    assert "erased" in staff.refused("transcript", rosa.id, "--json")
    said = staff("educator", "show", rosa.id)
    assert said.startswith(f"erased  {rosa.id}\n1.5 clock hours\n")
    (entry,) = audited(world, "enrollment", rosa.id)
    assert (entry["action"], entry["reason"]) == ("educator.erased", "she asked")


def test_link_says_who_a_learner_is_and_unlink_takes_it_back(world: World, staff: Staff) -> None:
    rosa, ana = Educator(), Educator()
    for one in (rosa, ana):  # both are known before NEA speaks: the address of one alone would settle who it is
        world.send(one.profile(nea_member_id=None, email=rosa.email), one.oriented())
        world.until_total(one, 90)
    world.send(rosa.submitted())

    def waiting() -> list[dict[str, Any]]:
        return [row for row in staff.json("educator", "unmatched") if row["email"] == rosa.email]

    until(lambda: waiting() and len(waiting()[0]["candidates"]) == 2, "it is unmatched, and could be two")
    learner = waiting()[0]["id"]
    (line,) = (line for line in staff("educator", "unmatched").splitlines() if line.startswith(learner))
    assert rosa.email in line
    assert ana.id in line

    said = staff("educator", "link", learner, ana.id, "--reason", "NEA says so")
    assert said == f"{learner} is {ana.id} now.\n"
    assert staff.json("educator", "link", learner, ana.id, "--reason", "twice")["educator_id"] == ana.id
    assert "unlink first" in staff.refused("educator", "link", learner, rosa.id, "--reason", "no, her")
    assert [one["id"] for one in world.record(ana)["micro_credentials"]] == [TRA1]
    assert waiting() == []
    staff("educator", "unlink", learner, "--reason", "a mistake")
    assert world.record(ana)["micro_credentials"] == []
    linked, unlinked = audited(world, "enrollment", learner)
    assert (linked["action"], linked["reason"], linked["to"]) == ("learner.link", "NEA says so", ana.id)
    assert (unlinked["action"], unlinked["reason"]) == ("learner.unlink", "a mistake")


# -- cases


def test_list_shows_cases_with_what_they_are_about(world: World, staff: Staff) -> None:
    rosa, case = late(world)
    header, line = staff("exception", "list", "--educator", rosa.id).splitlines()
    assert header.split() == ["opened", "kind", "educator", "about", "status", "id"]
    shown = f"{case['opened_at'][:10]} late_attempt {rosa.id} {TRA1} S-{rosa.id} attempt 1 open {case['exception_id']}"
    assert line.split() == shown.split()
    assert staff.json("exception", "list", "--educator", rosa.id, "--kind", "late_attempt") == [case]
    assert staff("exception", "list", "--educator", rosa.id, "--kind", "unallocated") == "No cases.\n"
    assert staff.json("exception", "list", "--educator", rosa.id, "--status", "dismissed") == []
    assert case in staff.json("exception", "list", "--status", "all")


def test_accept_lets_a_late_attempt_count_and_the_opposite_verdict_is_refused(world: World, staff: Staff) -> None:
    rosa, case = late(world)
    id = case["exception_id"]
    assert staff("exception", "accept", id, "--reason", "the site was down", "--by", "Kim") == "Accepted.\n"
    world.until_total(rosa, 1080)
    again = staff.json("exception", "accept", id, "--reason", "twice")
    assert (again["status"], again["by"], again["reason"]) == ("accepted", "Kim", "the site was down")
    assert "accepted before" in staff.refused("exception", "dismiss", id, "--reason", "no")
    (entry,) = audited(world, "clockhours", id)
    assert (entry["action"], entry["reason"], entry["by"]) == ("exception.accepted", "the site was down", "Kim")


def test_dismiss_settles_a_case_without_effect_and_only_a_late_attempt_can_be_accepted(
    world: World, staff: Staff
) -> None:
    rosa = Educator()
    world.send(rosa.trained(opens=None))
    until(lambda: world.hours(rosa)["exceptions"], "it is unallocated")
    id = world.hours(rosa)["exceptions"][0]["exception_id"]
    assert "Only a late attempt" in staff.refused("exception", "accept", id, "--reason", "x")
    done = staff.json("exception", "dismiss", id, "--reason", "she left")
    assert (done["status"], done["reason"]) == ("dismissed", "she left")
    assert done["by"]
    assert world.hours(rosa)["total_minutes"] == 90
    assert [entry["action"] for entry in audited(world, "clockhours", id)] == ["exception.dismissed"]


# -- corrections


def test_correct_changes_minutes_and_what_a_workshop_was_for(world: World, staff: Staff) -> None:
    rosa = Educator()
    session = f"W-{rosa.id}"
    world.send(rosa.profile(), rosa.oriented(), rosa.trained(opens=None), rosa.registered(), rosa.submitted())
    world.send(rosa.awarded())
    world.until_total(rosa, 180)
    staff("correct", rosa.id, session, "90", "--opens", TRA1, "--reason", "asked her")
    world.until_total(rosa, 1080)
    staff("correct", rosa.id, session, "60", "--reason", "left early")
    world.until_total(rosa, 1050)
    staff("correct", rosa.id, session, "60", "--opens-nothing", "--reason", "for none after all")
    world.until_total(rosa, 150)
    staff("correct", rosa.id, session, "0", "--reason", "was not there")
    world.until_total(rosa, 90)
    entries = audited(world, "enrollment", rosa.id)
    assert [entry["reason"] for entry in entries] == ["asked her", "left early", "for none after all", "was not there"]
    assert {entry["action"] for entry in entries} == {"attendance.corrected"}
    assert {entry["session_id"] for entry in entries} == {session}


def test_a_correction_of_what_was_not_attended_names_what_was(world: World, staff: Staff) -> None:
    rosa = Educator()
    world.send(rosa.oriented())
    world.until_total(rosa, 90)
    said = staff.refused("correct", rosa.id, "W-typo", "90", "--reason", "x")
    assert f"no attendance of W-typo (attended: O-{rosa.id})" in said
    assert audited(world, "enrollment", rosa.id) == []


# -- records


def test_a_transcript_is_a_pdf_or_its_content(world: World, staff: Staff, system: System, tmp_path: Path) -> None:
    rosa = Educator()
    world.send(rosa.profile(certificate_number="C-1"), rosa.oriented())
    world.until_total(rosa, 90)
    until(lambda: staff.json("transcript", rosa.id)["name"] == rosa.name, "her name is known")
    found = staff.json("transcript", rosa.id)
    assert (found["total_minutes"], len(found["entries"])) == (90, 1)
    file = tmp_path / "transcript.pdf"
    said = staff("transcript", rosa.id, "-o", str(file))
    assert said == f"{file}: {file.stat().st_size} bytes\n"
    assert file.read_bytes().startswith(b"%PDF-")
    assert staff.json("transcript", rosa.id)["number"] == found["number"]  # nothing changed: the same transcript
    staff("transcript", rosa.id, "--json", "-o", str(file))
    assert json.loads(file.read_text())["number"] == found["number"]


def test_the_year_s_export_is_csv_of_the_ledger(world: World, staff: Staff, tmp_path: Path) -> None:
    rosa = Educator(name="=cmd|'/c calc'!A1")
    world.send(rosa.profile(), rosa.oriented())
    world.until_total(rosa, 90)
    file = tmp_path / "2023-24.csv"

    def mine() -> list[dict[str, str]]:
        staff("export", "2023-24", "-o", str(file))
        rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))
        return [row for row in rows if row["educator_id"] == rosa.id]

    until(lambda: mine() and mine()[0]["name"], "her name is known")
    (row,) = mine()
    assert (row["kind"], row["hours"], row["session_id"]) == ("orientation", "1.5", f"O-{rosa.id}")
    assert not row["name"].startswith("=")
    as_objects = [one for one in staff.json("export", "2023-24") if one["educator_id"] == rosa.id]
    assert as_objects == [row]


def test_a_pdf_is_not_written_to_a_terminal(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs_staff, "_is_terminal", lambda: True)
    assert "--output" in failed_with_a_sentence(wea("transcript", "E-x", "--state", str(system.state)))


def test_standard_output_carries_the_very_bytes(world: World, system: System) -> None:
    done = system.wea("export", "2024-25")
    assert done.stdout.splitlines()[0].endswith("reverses")


# -- wrong ids


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (["educator", "show", "E-nobody"], "no event has named the educator E-nobody."),
        (["educator", "unmerge", "E-nobody", "E-no", "--reason", "x"], "no event has named the educator E-no."),
        (["educator", "erase", "E-nobody", "--yes"], "no event has named the educator E-nobody."),
        (["educator", "link", "no-learner", "E-nobody", "--reason", "x"], "No learner has this id."),
        (["educator", "unlink", "no-learner", "--reason", "x"], "No learner has this id."),
        (["exception", "accept", "no-case", "--reason", "x"], "There is no such exception."),
        (["exception", "dismiss", "no-case", "--reason", "x"], "There is no such exception."),
        (["exception", "list", "--kind", "late"], "kind: Input should be 'late_attempt'"),
        (["exception", "list", "--status", "new"], "status: Input should be 'open'"),
        (["correct", "E-nobody", "W-1", "90", "--reason", "x"], "no event has named the educator E-nobody."),
        (["correct", "E", "W", "1", "--reason", "x", "--opens", "A", "--opens-nothing"], "exclude each other"),
        (["transcript", "E-nobody", "--json"], "Nothing is known of this educator."),
        (["export", "1999-00"], "No programme year of this id"),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, list) else "",
)
def test_a_wrong_id_is_one_clear_sentence_and_exit_code_2(staff: Staff, verb: list[str], said: str) -> None:
    assert said in staff.refused(*verb)


@pytest.mark.parametrize(
    "verb",
    [
        ["educator", "merge", "E-1", "E-2"],
        ["educator", "link", "L-1", "E-2"],
        ["exception", "accept", "X-1"],
        ["correct", "E-1", "W-1", "90"],
        ["correct", "E-1", "W-1", "1441", "--reason", "x"],
        ["correct", "E-1", "W-1", "an hour", "--reason", "x"],
    ],
    ids=" ".join,
)
def test_an_act_without_its_reason_or_with_impossible_minutes_is_a_usage_error(staff: Staff, verb: list[str]) -> None:
    done = staff.run(*verb)
    assert done.returncode == 2
    assert "Usage: wea" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_blank_reason_is_refused_by_the_service(world: World, staff: Staff) -> None:
    _, case = late(world)
    assert "reason" in staff.refused("exception", "accept", case["exception_id"], "--reason", " ")
    assert audited(world, "clockhours", case["exception_id"]) == []


def test_each_verb_has_help() -> None:
    for verb in (
        *(["educator", one] for one in ("show", "merge", "unmerge", "erase", "link", "unlink", "unmatched")),
        *(["exception", one] for one in ("list", "accept", "dismiss")),
        ["correct"], ["transcript"], ["export"], ["nea", "import"],
    ):  # fmt: skip
        done = wea(*verb, "--help")
        assert (done.returncode, done.stderr) == (0, ""), verb
        assert "Usage: wea " + " ".join(verb) in done.stdout


def test_the_books_are_right_after_all_of_this(system: System) -> None:
    system.books_are_right()
