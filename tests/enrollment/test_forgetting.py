"""What is left of a parked body when the person that it tells of must be forgotten: enough to be tried again."""

from typing import Any

import orjson
import pytest

from services.enrollment.forgetting import without_person
from tests.enrollment.builders import ANA, Said, attended, learner, profile, reserved, submitted


def left_of(body: Any) -> Any:
    return orjson.loads(without_person(orjson.dumps(body)))


def test_a_webhook_keeps_the_member_id_alone_without_which_it_cannot_be_applied() -> None:
    fact = submitted(whom=learner("N-1", "ana@example.org"))
    kept = fact.data | {"learner": {"nea_member_id": "N-1"}}
    assert left_of(fact.cloudevent) == fact.cloudevent | {"data": kept}
    assert left_of(fact.data) == kept, "in binary mode the data is all there is"


@pytest.mark.parametrize("whom", [{"email": "ana@example.org"}, {"nea_member_id": None}, {}, "ana@example.org", None])
def test_a_webhook_without_a_member_id_is_nobodys(whom: Any) -> None:
    data = submitted().data
    assert left_of(data | {"learner": whom}) == data | {"learner": {"nea_member_id": "erased"}}


def test_of_a_profile_the_educators_id_alone_is_left() -> None:
    fact = profile(ANA, nea_member_id="N-1", certificate_number="WA-1", district="Seattle")
    nobody = {"educator_id": ANA, "name": "Erased", "email": "erased@example.org"}
    assert left_of(fact.cloudevent) == fact.cloudevent | {"data": nobody}
    for part in ("name", "email"):  # whatever else is wrong with it
        assert left_of({"educator_id": ANA, part: "Ana", "district": "Seattle"}) == nobody


@pytest.mark.parametrize("fact", [attended(), reserved()])
def test_what_names_no_person_stays_as_it_is(fact: Said) -> None:
    assert left_of(fact.cloudevent) == fact.cloudevent


@pytest.mark.parametrize("body", [b"Ana, no JSON", b'["Ana"]', b'"Ana"', b'{"data": "Ana"}', b'{"data": ["Ana"]}'])
def test_of_what_cannot_be_read_nothing_is_left(body: bytes) -> None:
    assert without_person(body) == b"{}"
