"""The console's own metrics: what it sees of the groups, and how long it took from a webhook to an e-mail."""

from prometheus_client import Counter, Gauge, Histogram

from eventing.clock import system_now
from services.console.state import Sight

# 1 when Kafka answered the console the last time that it looked.
KAFKA = Gauge("wea_kafka_answers", "1 when Kafka answered the console's last look")
# records that a group has not handled yet, as Kafka knows them.
GROUP_LAG = Gauge("wea_group_lag_records", "Records not handled yet", ["group", "topic", "partition"])
# seconds since Kafka took the oldest of them; 0 where none waits.
GROUP_OLDEST = Gauge("wea_group_oldest_seconds", "Age of the oldest not handled", ["group", "topic", "partition"])
# processes in a consumer group.
GROUP_MEMBERS = Gauge("wea_group_members", "Processes in a consumer group", ["group"])
# 1 where a process answered that it is ready when it was last asked.
READY = Gauge("wea_service_ready", "1 when the process said that it is ready", ["service", "url"])
# different programme files in use: anything but 1 is a fault.
DIGESTS = Gauge("wea_program_digests", "Different programme files loaded by the services")
# what waits for people: unmatched learners, open exceptions, e-mails with unknown outcome.
WAITING = Gauge("wea_waiting_for_people", "Cases that wait for people, by queue", ["queue"])
# seconds from the moment that Kafka took an event of NEA's until it took the notice of the e-mail that it led to.
WEBHOOK_TO_MAIL = Histogram(
    "wea_webhook_to_mail_seconds",
    "Seconds from a webhook to the e-mail that it led to",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200),
)
# seconds that the console took for a page.
PAGE_SECONDS = Histogram(
    "wea_console_page_seconds", "Seconds for a page", ["page"], buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
)
# sign-ins, by how they ended: password, openid, refused, locked.
SIGN_INS = Counter("wea_console_sign_ins_total", "Sign-ins by how they ended", ["how"])


def show(sight: Sight) -> None:
    """Bring the gauges up to date with what was seen."""
    now = system_now()
    KAFKA.set(sight.kafka)
    for one in sight.groups:
        for number, (lag, oldest) in one.partitions.items():
            waits = (now - oldest).total_seconds() if oldest is not None else 0.0
            GROUP_LAG.labels(one.group, one.topic, number).set(lag)
            GROUP_OLDEST.labels(one.group, one.topic, number).set(max(0.0, waits))
    for group, members in sight.members.items():
        GROUP_MEMBERS.labels(group).set(members)
    for process in sight.processes:
        READY.labels(process.service, process.url).set(process.ready)
    DIGESTS.set(len({process.digest for process in sight.processes if process.digest}))
    for queue in sight.queues.values():
        if queue.count is not None:
            WAITING.labels(queue.name).set(queue.count)
