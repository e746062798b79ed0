"""The topics: owners, readers, and how long personal data is kept."""

from datetime import timedelta

from contracts import events, topics

SERVICES = {"enrollment", "clockhours", "notifications", "console"}


def test_names_are_one_each_and_partitions_are_never_changed() -> None:
    assert [topic.name for topic in topics.ALL] == [
        "wea.portal.v1",
        "wea.inbox.v1",
        "wea.educators.v1",
        "wea.enrollment.v1",
        "wea.sessions.v1",
        "wea.clockhours.v1",
        "wea.notifications.v1",
    ]
    assert {topic.partitions for topic in topics.ALL} == {12}


def test_the_console_reads_all_and_no_service_that_does_not_exist_reads_any() -> None:
    assert all("console" in topic.readers for topic in topics.ALL)
    assert {reader for topic in topics.ALL for reader in topic.readers} == SERVICES


def test_what_the_intakes_carry_is_kept_for_14_days_and_profiles_are_compacted() -> None:
    kept = {topic.name: topic.retention for topic in topics.ALL if topic.retention is not None}
    assert kept == {
        "wea.portal.v1": timedelta(days=14),
        "wea.inbox.v1": timedelta(days=14),
        "wea.notifications.v1": timedelta(days=90),
    }
    assert [topic.name for topic in topics.ALL if topic.compacted] == ["wea.educators.v1"]


def test_only_what_we_publish_carries_a_sequence() -> None:
    published = {model.TOPIC for model in events.MODELS.values()}
    assert {topic for topic in topics.ALL if topic.sequenced} == published
