"""Programme files: every fault with its line, overlaps, and the difference between two."""

from pathlib import Path

import pytest

from contracts import program
from contracts.program import Fault, ProgramError
from contracts.toml_lines import Lines

FOLDER = Path(__file__).parents[2] / "programs"
SOURCE = (FOLDER / "2023-24.toml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "2023-24.toml").write_text(SOURCE, "utf-8")
    return tmp_path


def changed(folder: Path, old: str, new: str) -> Path:
    """The file of 2023-24 with the first `old` replaced."""
    assert old in SOURCE
    file = folder / "2023-24.toml"
    file.write_text(SOURCE.replace(old, new, 1), "utf-8")
    return file


def line_of(text: str, source: str = SOURCE) -> int:
    return source.count("\n", 0, source.index(text)) + 1


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_the_committed_files_have_no_fault(file: Path) -> None:
    assert program.check(file, beside=FOLDER.glob("*.toml")) == []


@pytest.mark.parametrize(
    ("old", "new", "at", "reason"),
    [
        ("orientation = 90", "orientation = -90", "orientation = 90", "minutes.orientation should be greater than"),
        ("workshop = 90", "workshop = 90.5", "workshop = 90", "minutes.workshop should be a valid integer"),
        ("workshop = 90", "workshop = 30", "workshop = 90", "minutes.workshop is under minutes.minimum"),
        ("minimum = 60", "minimun = 60", "minimum = 60", "unknown key: minutes.minimun"),
        ("minimum = 60", "", "[minutes]", "missing key: minutes.minimum"),
        ('title = "Substitutes"', "", '[[stacks]]\nid = "substitutes"', "missing key: stacks.0.title"),
        ('"America/Los_Angeles"', '"America/Nowhere"', "time_zone =", "time_zone is not a time zone"),
        ('"America/Los_Angeles"', '"America"', "time_zone =", "time_zone is not a time zone"),
        ('"America/Los_Angeles"', '"../../etc/passwd"', "time_zone =", "time_zone is not a time zone"),
        ("last_day = 2024-08-31", "last_day = 2023-08-31", "last_day =", "last_day is before first_day"),
        ("= 2024-04-26", "= 2024-09-01", "submission_deadline =", "submission_deadline is after the year's last_day"),
        ("= 2024-04-26", "= 2023-08-31", "submission_deadline =", "submission_deadline is before the year's first_day"),
        ("= 2024-05-24", "= 2024-04-25", "revision_deadline =", "revision_deadline is before submission_deadline"),
        ("= 2024-05-24", '= "2024-05-24"', "revision_deadline =", "revision_deadline should be a date without quotes"),
        ("= 2024-05-24", "= 2024-05-24T00:00:00", "revision_deadline =", "revision_deadline should be a date"),
        ("held_alert_days = 14", "held_alert_days = 0", "held_alert_days", "held_alert_days should be greater"),
        (
            'stacks = ["stem-renewal"]',
            'stacks = ["stem"]',
            'stacks = ["stem-renewal"]\n',
            "EX_DATA1: stem is not one of",
        ),
        (
            'designations = ["STEM"]',
            'designations = ["STEAM"]',
            'designations = ["STEM"]',
            "EX_DATA1: STEAM is not one",
        ),
        ('id = "NEA_TRA2"', 'id = "NEA_TRA1"', 'id = "NEA_TRA2"', "micro_credentials: NEA_TRA1 is listed already, on"),
        ('id = "esas"', 'id = "substitutes"', 'id = "esas"', "stacks: substitutes is listed already, on line"),
        ('id = "Equity"', 'id = "STEM"', 'id = "Equity"', "designations: STEM is listed already, on line"),
        (
            'email = "clockhours@example.org"',
            'email = "clockhours"',
            'email = "clockhours',
            "contacts.clock_hours.email",
        ),
        (
            'email = "clockhours@example.org"',
            "",
            "[contacts.clock_hours]",
            "contacts.clock_hours needs an email or a url",
        ),
        ('url = "https://nea', 'url = "nea', 'url = "https://nea', "contacts.nea_help_center.url should be an http"),
        ("renewal_hours = 15", "renewal_hours = 7.77", "renewal_hours = 15", "designations.0.renewal_hours should be"),
        (
            "clock_hours = false",
            'clock_hours = "no"',
            "clock_hours = false",
            "stacks.6.clock_hours should be a valid bool",
        ),
        ('id = "2023-24"', 'id = "2023/24"', 'id = "2023-24"', "id should be of letters, digits"),
        ('id = "2023-24"', 'id = "2023-24', 'id = "2023-24"', "is not TOML: Illegal character"),
        ("workshop = 90", "workshop = 90\nworkshop = 91", "micro_credential = 900", "is not TOML: Cannot overwrite"),
        ("[minutes]", "[minutes", "[minutes]", "is not TOML: Expected ']'"),
    ],
)
def test_a_fault_is_told_with_its_line(folder: Path, old: str, new: str, at: str, reason: str) -> None:
    faults = program.check(changed(folder, old, new))
    expected = next((fault for fault in faults if fault.reason.startswith(reason)), None)
    assert expected is not None, faults
    assert expected.line == line_of(at)
    with pytest.raises(ProgramError) as refusal:
        program.load(folder)
    assert expected in refusal.value.faults
    assert f"2023-24.toml, line {refusal.value.line}: " in str(refusal.value)


def test_all_faults_of_a_file_are_told_at_once_in_order(folder: Path) -> None:
    file = folder / "2023-24.toml"
    file.write_text(
        SOURCE.replace("= 2024-05-24", "= 2024-04-01")
        .replace("workshop = 90", "workshop = 0")
        .replace('stacks = ["tla"]', 'stacks = ["tlaa"]')
        .replace('title = "ESAs"', "")
    )
    lines = [fault.line for fault in program.check(file)]
    assert lines == sorted(lines)
    assert {
        line_of(text) for text in ("revision_deadline =", "workshop =", '[[stacks]]\nid = "esas"', 'stacks = ["tla"]')
    } == set(lines)


def test_an_element_of_a_long_list_has_its_own_line(folder: Path) -> None:
    file = changed(folder, 'designations = ["STEM", "Equity"]', 'designations = [ # two\n  "STEM",\n  "Equality",\n]')
    start = line_of('designations = ["STEM", "Equity"]')
    assert program.check(file) == [Fault(start + 2, "EX_CLIM1: Equality is not one of the designations")]


def test_the_line_of_a_file_that_ends_too_early_is_its_last(folder: Path) -> None:
    file = folder / "2023-24.toml"
    file.write_text(SOURCE + '\nx = """abc\n\n')
    (fault,) = program.check(file)
    assert (fault.line, fault.reason[:11]) == (SOURCE.count("\n") + 2, "is not TOML")


def test_windows_line_ends_change_no_line(folder: Path) -> None:
    file = folder / "2023-24.toml"
    file.write_bytes(SOURCE.replace("minimum = 60", "minimum = -1").replace("\n", "\r\n").encode())
    assert [fault.line for fault in program.check(file)] == [line_of("minimum = 60")]


def test_what_is_no_text_or_not_there_is_a_fault_too(folder: Path) -> None:
    (folder / "2023-24.toml").write_bytes(b'id = "a"\ntitle = "\xff"\n')
    assert program.check(folder / "2023-24.toml") == [Fault(2, "is not UTF-8")]
    assert program.check(folder / "none.toml") == [Fault(0, "cannot be read: No such file or directory")]
    (folder / "2023-24.toml").write_text("a = " + "[" * 20_000)
    assert program.check(folder / "2023-24.toml")[0].reason.startswith("is n")


def test_an_empty_file_misses_every_key_at_line_1(folder: Path) -> None:
    (folder / "2023-24.toml").write_text("")
    faults = program.check(folder / "2023-24.toml")
    assert {fault.line for fault in faults} == {1}
    assert Fault(1, "missing key: contacts") in faults


@pytest.mark.parametrize(
    "content", ["stacks = 5", "stacks = [5]", "minutes = []", "micro_credentials = {}", "[[title]]"]
)
def test_a_key_of_another_shape_is_a_fault_and_no_more(folder: Path, content: str) -> None:
    (folder / "2023-24.toml").write_text(content)
    assert program.check(folder / "2023-24.toml")


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ProgramError, match="has no programme file") as refusal:
            program.load(folder)
        assert (refusal.value.file, refusal.value.line) == (folder, 0)


def test_years_must_not_overlap(folder: Path) -> None:
    other = folder / "2024-25.toml"
    text = (FOLDER / "2024-25.toml").read_text("utf-8")
    other.write_text(text.replace("first_day = 2024-09-01", "first_day = 2024-08-31"), "utf-8")
    with pytest.raises(ProgramError) as refusal:
        program.load(folder)
    assert (refusal.value.file, refusal.value.line) == (other, line_of("first_day", text))
    assert "the year overlaps 2023-24 of 2023-24.toml" in str(refusal.value)
    assert [fault.line for fault in program.check(other, beside=folder.glob("*.toml"))] == [refusal.value.line]


def test_one_id_names_one_year(folder: Path) -> None:
    text = (FOLDER / "2024-25.toml").read_text("utf-8").replace('id = "2024-25"', 'id = "2023-24"')
    (folder / "2024-25.toml").write_text(text, "utf-8")
    with pytest.raises(ProgramError, match="has the id 2023-24, too") as refusal:
        program.load(folder)
    assert refusal.value.line == line_of('id = "2023-24"', text)


def test_years_are_loaded_oldest_first_whatever_the_files_are_called(folder: Path) -> None:
    (folder / "0.toml").write_text((FOLDER / "2024-25.toml").read_text("utf-8"), "utf-8")
    (folder / ".hidden.toml").write_text("nonsense")
    (folder / "notes.txt").write_text("nonsense")
    assert [year.id for year in program.load(folder)] == ["2023-24", "2024-25"]


def test_a_difference_is_told_field_by_field(folder: Path) -> None:
    before = program.read(FOLDER / "2023-24.toml")
    file = folder / "2023-24.toml"
    file.write_text(
        SOURCE.replace("workshop = 90", "workshop = 120")
        .replace('stacks = ["paraeducators", "esas"]\n', "")
        .replace('title = "Leadership"', 'title = "Leadership"\nrenewal_hours = 7.5')
    )
    after = program.read(file)
    assert [str(change) for change in program.diff(before, after)] == [
        "~ minutes.workshop: 90 -> 120",
        "- micro_credentials.NEA_EL1.stacks: paraeducators, esas",
        "+ designations.Leadership.renewal_minutes: 450",
    ]
    assert program.diff(before, before) == []


def test_moving_an_entry_is_no_difference(folder: Path) -> None:
    start, end = (
        SOURCE.index('[[micro_credentials]]\nid = "NEA_TRA1"'),
        SOURCE.index('[[micro_credentials]]\nid = "NEA_TRA2"'),
    )
    file = folder / "2023-24.toml"
    file.write_text(SOURCE[:start] + SOURCE[end:] + SOURCE[start:end])
    assert program.diff(program.read(FOLDER / "2023-24.toml"), program.read(file)) == []


TRICKY = """\
"a b".'c.d' = 1
text = '''
[not.a.table]
x = 1
'''
more = \"\"\"quote \\\"\"\" [[no]]
\"\"\"\"
e = [ # ]
  { f = 1, g = [
      2 ] }, "h]",

  3 ]
[t.u]
k.l = { m = "=" }
[[v]]
w = 1
[[v]]
w = 2
[v.x]
y = 3
[[v.z]]
q = 1
[[v.z]]
q = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a b", "c.d"), 1),
        (("text",), 2),
        (("more",), 6),
        (("e",), 8),
        (("e", 0), 9),
        (("e", 0, "f"), 9),
        (("e", 1), 10),
        (("e", 2), 12),
        (("t",), 13),
        (("t", "u"), 13),
        (("t", "u", "k", "l"), 14),
        (("v", 0, "w"), 16),
        (("v", 1), 17),
        (("v", 1, "w"), 18),
        (("v", 1, "x", "y"), 20),
        (("v", 1, "z", 0, "q"), 22),
        (("v", 1, "z", 1, "q"), 24),
        (("v", 0, "nothing"), 15),
        (("nothing",), 1),
    ],
)
def test_lines_are_found_in_every_way_of_writing_toml(path: tuple[str | int, ...], line: int) -> None:
    assert Lines(TRICKY).of(path) == line
