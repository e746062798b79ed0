"""The portal's intake: each type with its data, and each fault by its field."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts import portal
from contracts.faults import faults
from contracts.kinds import SessionKind
from tests.contracts.examples import portal_data, without


def faulty_fields(type_: str, data: Any) -> list[str]:
    with pytest.raises(ValidationError) as refusal:
        portal.read(type_, data)
    return [fault.field for fault in faults(refusal.value, "data")]


@pytest.mark.parametrize("type_", portal.MODELS)
def test_every_type_of_the_portal_is_read(type_: str) -> None:
    data = portal.read(type_, portal_data(type_))
    assert type_ == data.TYPE
    assert data.key


@pytest.mark.parametrize("type_", portal.MODELS)
def test_every_missing_field_is_named(type_: str) -> None:
    required = [name for name, field in portal.MODELS[type_].model_fields.items() if field.is_required()]
    assert faulty_fields(type_, {}) == [f"data.{name}" for name in required]


@pytest.mark.parametrize("type_", portal.MODELS)
@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_data_that_is_no_object_is_refused(type_: str, data: Any) -> None:
    assert faulty_fields(type_, data) == ["data"]


@pytest.mark.parametrize("type_", portal.MODELS)
def test_unknown_fields_are_ignored(type_: str) -> None:
    assert portal.read(type_, portal_data(type_, colour="red")) == portal.read(type_, portal_data(type_))


@pytest.mark.parametrize(
    "type_", ["micro_credential.reviewed", "micro_credential.submitted", "org.washingtonea.SessionAttended.v1", ""]
)
def test_what_nea_says_is_not_taken_from_the_portal(type_: str) -> None:
    with pytest.raises(portal.UnknownType):
        portal.read(type_, portal_data("session.attended"))


def test_an_event_belongs_to_its_educator_its_session_or_the_kept_account() -> None:
    assert portal.read("session.attended", portal_data("session.attended")).key == "E-1001"
    assert portal.read("session.scheduled", portal_data("session.scheduled")).key == "W-2024-02-15"
    assert portal.read("educator.merged", portal_data("educator.merged", kept_educator_id="E-9")).key == "E-9"


def test_a_correction_tells_null_from_absent() -> None:
    named = portal.read("attendance.corrected", portal_data("attendance.corrected", micro_credential_id="NEA_TRA1"))
    null = portal.read("attendance.corrected", portal_data("attendance.corrected", micro_credential_id=None))
    absent = portal.read("attendance.corrected", without(portal_data("attendance.corrected"), "micro_credential_id"))
    assert [
        (correction.micro_credential_id, correction.names_micro_credential)
        for correction in (named, null, absent)
        if isinstance(correction, portal.AttendanceCorrected)
    ] == [("NEA_TRA1", True), (None, True), (None, False)]


def test_an_attendances_null_is_as_absent() -> None:
    null = portal.read("session.attended", portal_data("session.attended", micro_credential_id=None))
    absent = portal.read("session.attended", without(portal_data("session.attended"), "micro_credential_id"))
    assert null == absent


def test_a_correction_to_0_minutes_revokes() -> None:
    data = portal.read("attendance.corrected", portal_data("attendance.corrected", minutes=0))
    assert isinstance(data, portal.AttendanceCorrected)
    assert data.minutes == 0


@pytest.mark.parametrize("minutes", [-30, 1441, 2**63 - 1, 90.5, "90", None, True])
@pytest.mark.parametrize("type_", ["session.attended", "attendance.corrected"])
def test_absurd_minutes_are_refused(type_: str, minutes: Any) -> None:
    assert faulty_fields(type_, portal_data(type_, minutes=minutes)) == ["data.minutes"]


@pytest.mark.parametrize("reason", [None, "", " ", 5])
def test_a_correction_needs_a_reason(reason: Any) -> None:
    assert faulty_fields("attendance.corrected", portal_data("attendance.corrected", reason=reason)) == ["data.reason"]


@pytest.mark.parametrize("ends_at", ["2024-02-15T16:30:00-08:00", "2024-02-15T18:00:00-05:00"])
def test_a_session_ends_after_it_starts(ends_at: str) -> None:
    assert faulty_fields("session.scheduled", portal_data("session.scheduled", ends_at=ends_at)) == ["data.ends_at"]


def test_a_session_that_starts_at_no_time_has_one_fault() -> None:
    assert faulty_fields("session.scheduled", portal_data("session.scheduled", starts_at="soon")) == ["data.starts_at"]


def test_a_session_is_an_orientation_or_a_workshop() -> None:
    data = portal.read("session.attended", portal_data("session.attended", kind="orientation"))
    assert isinstance(data, portal.SessionAttended)
    assert data.kind is SessionKind.ORIENTATION
    assert faulty_fields("session.attended", portal_data("session.attended", kind="lunch")) == ["data.kind"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 10_000),
        ("name", "Rosa\r\nBcc: all@example.org"),
        ("name", "\u00a0"),
        ("email", "no address"),
        ("nea_member_id", ""),
        ("certificate_number", 5),
        ("district", "a\x00"),
        ("roles", "teacher"),
        ("roles", ["teacher"] * 51),
    ],
)
def test_a_profiles_fault_is_named(field: str, value: Any) -> None:
    assert faulty_fields("educator.updated", portal_data("educator.updated", **{field: value})) == [f"data.{field}"]


def test_a_faulty_role_is_named_by_its_place() -> None:
    data = portal_data("educator.updated", roles=["teacher", 5])
    assert faulty_fields("educator.updated", data) == ["data.roles.1"]


def test_what_a_profile_leaves_out_is_cleared() -> None:
    bare = {"educator_id": "E-1", "name": "Rosa", "email": "rosa@example.org"}
    nulls = {**bare, "nea_member_id": None, "certificate_number": None, "roles": None, "district": None}
    data = portal.read("educator.updated", bare)
    assert isinstance(data, portal.EducatorUpdated)
    assert (data.nea_member_id, data.certificate_number, data.roles, data.district) == (None, None, (), None)
    assert portal.read("educator.updated", nulls) == data


def test_an_account_merged_with_itself_is_taken_in() -> None:
    data = portal.read("educator.merged", {"kept_educator_id": "E-1", "merged_educator_id": "E-1"})
    assert data.key == "E-1"


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(ValidationError) as refusal:
        portal.read("educator.updated", portal_data("educator.updated", email="secret", name="secret" * 100, roles=[1]))
    assert "secret" not in str(refusal.value)
    assert all("secret" not in fault.reason for fault in faults(refusal.value))
