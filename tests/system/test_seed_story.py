"""The seed story: orientation 90, workshop 90, micro-credential 900 minutes, in any order and however often told."""

from tests.system.outside import TRA1, Educator, World, kinds
from tests.waiting import until

WHOLE = [("micro_credential", 900), ("orientation", 90), ("workshop", 90)]


def test_all_steps_make_1080_minutes_one_entry_each(world: World) -> None:
    rosa = Educator()
    world.send(*rosa.whole_story())
    record = world.until_total(rosa, 1080)
    assert kinds(record) == WHOLE
    assert record["held"] == []
    assert record["by_designation"]["Equity"] == 900
    (granted,) = [entry for entry in record["entries"] if entry["kind"] == "micro_credential"]
    assert (granted["micro_credential_id"], granted["designations"]) == (TRA1, ["Equity"])


def test_every_event_twice_in_reverse_order_and_half_over_kafka_gives_the_same_ledger(world: World) -> None:
    rosa = Educator()
    story = [sent for sent in reversed(rosa.whole_story()) for _ in range(2)]
    for number, sent in enumerate(story):
        if "body" in sent or number % 4 < 2:
            world.send(sent)
        else:
            world.produce(sent)
    record = world.until_total(rosa, 1080)
    assert kinds(record) == WHOLE
    world.send(*story)  # and once more, all of it over HTTP
    assert kinds(world.until_total(rosa, 1080)) == WHOLE


def test_hours_are_held_with_just_what_is_missing(world: World) -> None:
    rosa = Educator()
    world.send(rosa.profile(), rosa.oriented(), rosa.trained(), rosa.submitted(), rosa.awarded())
    held = [{"micro_credential_id": TRA1, "minutes": 900, "missing": ["clock_hours_registration"]}]
    until(lambda: world.hours(rosa)["held"] == held, f"{rosa.id} misses the second registration alone")
    assert world.hours(rosa)["total_minutes"] == 180
    world.send(rosa.registered())
    assert kinds(world.until_total(rosa, 1080)) == WHOLE


def test_a_correction_to_nothing_reverses_and_the_ledger_keeps_both(world: World) -> None:
    rosa = Educator()
    world.send(*rosa.whole_story())
    world.until_total(rosa, 1080)
    world.send(rosa.corrected(f"W-{rosa.id}", 0))
    record = world.until_total(rosa, 90)
    assert kinds(record) == sorted([*WHOLE, ("micro_credential", -900), ("workshop", -90)])
    assert record["held"][0]["missing"] == ["workshop"]
