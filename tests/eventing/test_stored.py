"""A document that is opened no further than somebody asks says what it says decoded."""

from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from eventing import stored
from eventing.stored import FEW, Rows, closed, opened

OPTIONS: CodecOptions[Any] = CodecOptions(tz_aware=True, tzinfo=UTC)
WORDS = st.sampled_from(["", "a", "b", "1", "id", "W-1", "W-11", "ö"])
VALUES = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False),
    st.binary(max_size=9), st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.builds(bson.ObjectId), st.lists(st.integers(0, 9)), st.dictionaries(WORDS, WORDS),
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from(["id", "said", "of"]), VALUES), max_size=13)


@pytest.fixture(autouse=True)
def _every_document_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LONG", 0)


@given(st.dictionaries(st.sampled_from("pqr"), VALUES), ROWS, ROWS)
def test_opened_it_says_what_it_says_decoded(values: dict[str, Any], some: Any, others: Any) -> None:
    document = {"_id": "x", **values, "some": some, "others": others}
    found = opened(bson.encode(document), {"some"}, OPTIONS)
    assert isinstance(found["some"], Rows)
    assert {**found, "some": list(found["some"])} == document


@given(ROWS, st.lists(st.one_of(WORDS, st.text("abW-1", max_size=4)), max_size=FEW + 4))
def test_rows_are_found_by_their_words_and_all_others_stay(rows: list[dict[str, Any]], words: list[str]) -> None:
    array = opened(bson.encode({"rows": rows}), {"rows"}, OPTIONS)["rows"]
    of_them = [row for row in rows if any(value in words for value in row.values() if isinstance(value, str))]
    found = list(array.holding(words))
    assert [row for row in found if row in of_them] == of_them
    left = [row for row in rows if row not in of_them]
    for more in ([], rows[:2]):
        but = array.but(words, lambda row: row in of_them, more)
        assert bson.encode(closed({"before": 1, "rows": but})) == bson.encode({"before": 1, "rows": left + more})
        assert list(but) == left + more


def test_what_a_row_says_is_not_looked_for_beyond_the_row_that_says_it() -> None:
    rows = [{"id": f"W-{n}"} for n in range(100)]
    array = opened(bson.encode({"rows": rows}), {"rows"}, OPTIONS)["rows"]
    assert list(array.holding(["W-50"])) == [{"id": "W-50"}]


class Counted(bytes):
    """Counts how often something is looked for in it."""

    finds = 0

    def find(self, *given: Any) -> int:
        Counted.finds += 1
        return super().find(*given)


@pytest.mark.parametrize("words", [1, FEW, FEW + 1, 500])
def test_each_word_is_looked_for_once_over_the_rows_and_many_words_not_at_all(words: int) -> None:
    """Found with 500 workshops for one micro-credential: each fact asks for all of them, and one took 5 s."""
    content = Counted(bson.encode({"rows": [{"id": f"W-{n}", "again": f"W-{n}"} for n in range(1000, 1500)]}))
    array = opened(content, {"rows"}, OPTIONS)["rows"]
    Counted.finds = 0
    wanted = [f"W-{n}" for n in range(1000, 1000 + words)]
    assert {row["id"] for row in array.holding(wanted)} >= set(wanted)
    assert Counted.finds <= (2 * words if words <= FEW else 0)
