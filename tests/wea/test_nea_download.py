"""NEA's download, row by row: what becomes a webhook, and what is said of a row that cannot."""

import csv
from pathlib import Path

import pytest

from wea.errors import UserError
from wea.nea_download import COLUMNS, Faulty, Row, read, rows
from wea.nea_import import Standing, standing

SUBMITTED = "submitted,N-1,rosa@example.org,NEA_TRA1,S-1,1,,2024-04-20T11:03:10-07:00,"


def found(*lines: str, header: str = ",".join(COLUMNS)) -> list[Row | Faulty]:
    return list(rows(line + "\n" for line in (header, *lines)))


def one(line: str) -> Row:
    (row,) = found(line)
    assert isinstance(row, Row), row
    return row


def reason(line: str) -> str:
    (row,) = found(line)
    assert isinstance(row, Faulty), row
    return row.reason


def test_a_row_is_the_webhook_that_should_have_come() -> None:
    assert one(SUBMITTED).body == {
        "type": "micro_credential.submitted",
        "timestamp": "2024-04-20T11:03:10-07:00",
        "data": {
            "learner": {"nea_member_id": "N-1", "email": "rosa@example.org"},
            "micro_credential_id": "NEA_TRA1",
            "submission_id": "S-1",
            "attempt": 1,
            "submitted_at": "2024-04-20T11:03:10-07:00",
        },
    }


def test_a_review_has_its_decision_and_the_credential_s_address() -> None:
    row = one("reviewed,N-1,,NEA_TRA1,S-1,2,awarded,2024-05-02T09:00:00-07:00,https://example.org/c/1")
    assert (row.kind, row.data["attempt"], row.data["decision"]) == ("reviewed", 2, "awarded")
    assert (row.data["decided_at"], row.data["credential_url"]) == (
        "2024-05-02T09:00:00-07:00",
        "https://example.org/c/1",
    )


def test_a_revocation_has_its_reason_and_a_registration_neither() -> None:
    assert one("revoked,N-1,,NEA_TRA1,,,,2024-05-20T09:00:00-07:00,copied").data["reason"] == "copied"
    assert set(one("registered,,a@b.org,NEA_TRA1,,,,2024-02-01T09:00:00Z,x").data) == {
        "learner",
        "micro_credential_id",
        "registered_at",
    }


def test_a_row_s_id_is_made_of_what_it_says_and_of_nothing_else() -> None:
    again = list(rows([",".join(reversed(COLUMNS)) + "\n", "\n", ",".join(reversed(SUBMITTED.split(","))) + "\n"]))
    assert [row.id for row in again if isinstance(row, Row)] == [one(SUBMITTED).id]
    assert one(SUBMITTED.replace("S-1", "S-2")).id != one(SUBMITTED).id


def test_columns_come_in_any_order_and_case_with_others_between_and_space_around() -> None:
    header = " Event , AT,Title,nea_member_id,email,micro_credential_id,submission_id,attempt,decision,detail"
    (row,) = found('registered, 2024-02-01T09:00:00Z ,"Trauma, informed",N-1,,NEA_TRA1,,,,', header=header)
    assert isinstance(row, Row)
    assert row.data["registered_at"] == "2024-02-01T09:00:00Z"


def test_empty_lines_are_passed_over_and_lines_are_counted_as_an_editor_counts_them() -> None:
    (row,) = found("", ",,,,,,,,", SUBMITTED)
    assert row.line == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("attended" + SUBMITTED[9:], "event: should be one of registered, submitted, reviewed, revoked"),
        ("nonsense", "event: should be"),
        (SUBMITTED.replace("N-1,rosa@example.org", ","), "nea_member_id or email: "),
        (SUBMITTED.replace("rosa@example.org", "rosa"), "email: Address should be"),
        (SUBMITTED.replace("NEA_TRA1", ""), "micro_credential_id: "),
        (SUBMITTED.replace(",1,", ",one,"), "attempt: "),
        (SUBMITTED.replace(",1,", ",0,"), "attempt: "),
        (SUBMITTED.replace(",1,", ",,"), "attempt: "),
        (SUBMITTED.replace(",1,", f",{'9' * 5000},"), "attempt: "),
        (SUBMITTED.replace(",1,", ",²,"), "attempt: "),
        (SUBMITTED.replace("-07:00", ""), "at: Time should have an offset"),
        (SUBMITTED.replace("2024-", "0001-"), "at: Time should be of the years"),
        (SUBMITTED.replace("2024-04-20", "4/20/2024"), "at: Time should be an RFC 3339 text"),
        (SUBMITTED.replace(":10-", ":60-"), "at: Time should not be a leap second"),
        (SUBMITTED + ",x", "10 cells under 9 columns: is a comma not quoted?"),
        ("reviewed" + SUBMITTED[9:], "decision: "),
        (SUBMITTED.replace("S-1", "S\0"), "holds what no text may (nul)"),
        ("submitted,N-1", "micro_credential_id: "),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_column_and_does_not_hold_up_the_others(line: str, said: str) -> None:
    assert said in reason(line)
    assert [type(row) for row in found(SUBMITTED, line, SUBMITTED)] == [Row, Faulty, Row]


def test_one_fault_of_one_cell_is_said_once() -> None:
    assert reason(SUBMITTED.replace("-07:00", "")).count("at: ") == 1


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xef\xbb\xbfevent\n"])
def test_a_file_without_the_columns_is_refused_with_their_names(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "download.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"the columns .*micro_credential_id.* are missing"):
        read(file)


def test_a_column_that_is_there_twice_is_refused_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "download.csv"
    file.write_text(",".join((*COLUMNS, "At")) + f"\n{SUBMITTED},2025-01-01T00:00:00Z\n")
    with pytest.raises(UserError, match="the columns at are there more than once"):
        read(file)


def test_empty_cells_beyond_the_columns_are_nothing() -> None:
    assert [type(row) for row in found(SUBMITTED + ",, ,")] == [Row]


@pytest.mark.parametrize("content", [b"\x7fELF\xff\xfe", ",".join(COLUMNS).encode() + b'\n"submitted,N-1'])
def test_what_is_no_csv_in_utf_8_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "download.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"download\.csv is not"):
        read(file)


def test_a_byte_order_mark_and_names_in_any_script_are_read(tmp_path: Path) -> None:
    file = tmp_path / "download.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as content:
        writer = csv.DictWriter(content, COLUMNS)
        writer.writeheader()
        writer.writerow(dict.fromkeys(COLUMNS, "") | {"event": "revoked", "email": "ñandú@example.org", "detail": "不"})
    (row,) = read(file)
    assert isinstance(row, Faulty)  # two cells are missing still
    assert row.reason.startswith("at: ")


HELD = {
    "registered_at": None,
    "revoked_at": "2024-05-20T16:00:00Z",
    "submissions": [
        {
            "submission_id": "S-1",
            "attempts": [
                {
                    "attempt": 1,
                    "submitted_at": "2024-04-20T18:03:10Z",
                    "decisions": [{"decision": "not_yet", "decided_at": "2024-05-02T16:00:00Z"}],
                },
                {"attempt": 2, "submitted_at": None, "decisions": []},
            ],
        }
    ],
}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (SUBMITTED, Standing.KNOWN),
        (SUBMITTED.replace("11:03:10", "11:03:11"), Standing.DIFFERS),
        (SUBMITTED.replace("T11:03:10-07:00", "t18:03:10z"), Standing.KNOWN),
        (SUBMITTED.replace(",1,", ",2,"), Standing.NEW),
        (SUBMITTED.replace("S-1", "S-2"), Standing.NEW),
        ("reviewed,N-1,,NEA_TRA1,S-1,1,not_yet,2024-05-02T09:00:00-07:00,", Standing.KNOWN),
        ("reviewed,N-1,,NEA_TRA1,S-1,1,awarded,2024-05-02T09:00:00-07:00,", Standing.NEW),
        ("reviewed,N-1,,NEA_TRA1,S-1,1,not_yet,2024-05-03T09:00:00-07:00,", Standing.NEW),
        ("revoked,N-1,,NEA_TRA1,,,,2024-05-20T09:00:00-07:00,", Standing.KNOWN),
        ("revoked,N-1,,NEA_TRA1,,,,2024-05-21T09:00:00-07:00,", Standing.NEW),
        ("registered,N-1,,NEA_TRA1,,,,2024-02-01T09:00:00-08:00,", Standing.NEW),
    ],
)
def test_a_row_is_known_when_the_record_says_it_already(line: str, expected: Standing) -> None:
    row = one(line)
    assert standing(HELD, row.kind, row.data) is expected
