"""Published events: named once, keyed by own id, without personal data, readable by newer and older readers."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from contracts import clockhours, enrollment, events, notifications, registers, topics
from tests.contracts.examples import example, without

PERSONAL = {"name", "email", "nea_member_id", "certificate_number", "roles", "district", "to", "subject"}


def test_every_event_is_read_and_says_the_same_again() -> None:
    for type_ in events.MODELS:
        data = events.read(type_, example(type_))
        assert data.model_dump(mode="json") == example(type_)


def test_types_are_class_names_with_the_version() -> None:
    assert events.CredentialAwarded.TYPE == "org.washingtonea.CredentialAwarded.v1"
    assert all(type_ == model.TYPE for type_, model in events.MODELS.items())


def test_each_topic_has_the_events_of_the_design() -> None:
    said: dict[str, set[str]] = {}
    for model in events.MODELS.values():
        said.setdefault(model.TOPIC.name, set()).add(model.__name__)
    assert said == {
        "wea.educators.v1": {"EducatorProfile"},
        "wea.enrollment.v1": {
            "OrientationCompleted", "WorkshopAttended", "AttendanceCorrected", "SessionReserved",
            "ReservationCancelled", "MicroCredentialRegistered", "ClockHoursRegistered", "ClockHoursWithdrawn",
            "CredentialSubmitted", "CredentialReturned", "CredentialAwarded", "CredentialDenied",
            "CredentialRevoked", "EducatorsMerged", "EducatorsUnmerged", "EducatorErased", "ConflictOpened",
            "ConflictResolved", "LearnerUnlinked",
        },
        "wea.sessions.v1": {"SessionScheduled", "SessionCancelled"},
        "wea.clockhours.v1": {
            "ClockHoursAwarded", "ClockHoursReversed", "ClockHoursHeld", "ExceptionOpened", "ExceptionResolved",
        },
        "wea.notifications.v1": {"NotificationSent", "NotificationFailed"},
    }  # fmt: skip


@pytest.mark.parametrize("module", [enrollment, registers, clockhours, notifications])
def test_no_event_is_defined_and_then_forgotten(module: Any) -> None:
    listed = set(module.MODELS)
    defined = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    }
    bases = {base for model in listed for base in model.__mro__[1:]}
    assert defined - bases == listed


def test_an_unknown_type_is_told_apart_from_faulty_data() -> None:
    with pytest.raises(events.UnknownType):
        events.read("org.washingtonea.SomethingNew.v1", {})
    with pytest.raises(ValidationError):
        events.read(events.CredentialAwarded.TYPE, {})
    with pytest.raises(ValidationError):
        events.read(events.EducatorProfile.TYPE, None)


def test_the_key_is_the_own_id_of_what_the_event_is_about() -> None:
    for type_ in events.MODELS:
        data = events.read(type_, example(type_))
        assert data.key == ("W-2024-02-15" if data.TOPIC is topics.SESSIONS else "E-1001")


def test_personal_data_is_only_in_the_profile() -> None:
    for type_ in events.MODELS:
        fields = PERSONAL.intersection(events.MODELS[type_].model_fields)
        assert bool(fields) == (events.MODELS[type_] is events.EducatorProfile)


def test_a_field_that_only_newer_writers_know_is_ignored() -> None:
    for type_ in events.MODELS:
        assert events.read(type_, {**example(type_), "colour": "red"}) == events.read(type_, example(type_))


def test_an_optional_field_may_be_null_or_absent() -> None:
    for type_ in events.MODELS:
        optional = [name for name, field in events.MODELS[type_].model_fields.items() if not field.is_required()]
        lists = {"roles", "designations", "missing"}
        absent = events.read(type_, without(example(type_), *optional))
        assert events.read(type_, {**example(type_), **{name: None for name in optional if name not in lists}})
        assert all(getattr(absent, name) in (None, ()) for name in optional)


def test_an_unjudged_attempt_is_neither_on_time_nor_late() -> None:
    data = events.read(
        events.CredentialSubmitted.TYPE, {**example(events.CredentialSubmitted.TYPE), "on_time": None, "deadline": None}
    )
    assert isinstance(data, events.CredentialSubmitted)
    assert data.on_time is None


def test_models_cannot_be_changed() -> None:
    data = events.read(events.EducatorErased.TYPE, {"educator_id": "E-1"})
    with pytest.raises(ValidationError):
        data.educator_id = "E-2"  # type: ignore[attr-defined]
