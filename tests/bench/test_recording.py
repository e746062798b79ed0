"""What `make bench --record` puts down."""

from bench import report
from bench.__main__ import to_record


def test_a_run_records_the_ratios_of_what_it_has_measured_alone() -> None:
    recorded = to_record(report.kept(), {"consumer"})
    assert [name.partition(" (")[0] for name in recorded] == ["consumer/by_hand"]
    assert to_record(report.kept(), {"growth"}) == {}
