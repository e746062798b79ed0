"""What the oracle is shown is put together as the services tell it."""

from faults.looking import in_granting_order


def test_an_entry_of_a_whole_second_comes_before_those_of_its_fractions() -> None:
    """A run of 50,336 events was judged not right for one: "37Z" sorts behind "37.149Z"."""
    first, then = {"granted_at": "2024-05-28T16:44:37Z"}, {"granted_at": "2024-05-28T16:44:37.149000Z"}
    assert in_granting_order([then, first]) == [first, then]
