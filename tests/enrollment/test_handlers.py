"""The handler on a real mongod: each accepted event has one outcome, whatever way and however often it comes."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from contracts import events, topics
from eventing import envelope, parking
from eventing.batch import Batch, Failure, Record
from eventing.parking import Handlers
from eventing.reader import Reader
from eventing.reasons import Reason
from eventing.testing import batch_of
from services.enrollment import arrivals, handlers, policy
from services.enrollment.books import check
from services.enrollment.claims import claim_id
from services.enrollment.handlers import on_intake
from services.enrollment.store import Tx
from tests.enrollment.builders import (
    ANA,
    BEN,
    NOW,
    PROGRAMS,
    PSEUDONYMS,
    W1,
    Said,
    attended,
    cancelled,
    corrected,
    erased,
    hours_registered,
    learner,
    learner_id,
    merged,
    oriented,
    profile,
    reviewed,
    said,
    scheduled,
    submitted,
    unmerged,
)
from tests.enrollment.conftest import Enrollment
from tests.enrollment.intakes import Doors

PORTAL = topics.PORTAL.name


async def test_a_whole_spring_is_told_in_order_under_one_key(enrollment: Enrollment) -> None:
    await enrollment.when(
        profile(ANA, nea_member_id="N-1"), oriented(), hours_registered(), attended(), submitted(), reviewed()
    )
    assert await enrollment.names() == [
        "EducatorProfile",
        "OrientationCompleted",
        "ClockHoursRegistered",
        "WorkshopAttended",
        "CredentialSubmitted",
        "CredentialAwarded",
    ]
    rows = await enrollment.database["outbox"].find({"topic": topics.ENROLLMENT.name}).sort("sequence", 1).to_list(None)
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4, 5]


async def test_state_comes_back_from_the_database_for_the_next_batch(enrollment: Enrollment) -> None:
    await enrollment.given(attended())
    await enrollment.when(corrected(minutes=0))
    (told,) = await enrollment.published()
    assert (type(told).__name__, told.minutes) == ("AttendanceCorrected", 0)


async def test_an_event_that_comes_twice_has_its_effect_once(enrollment: Enrollment) -> None:
    fact = attended()
    await enrollment.given(fact)
    await enrollment.when(fact, fact)
    assert await enrollment.published() == []
    assert await enrollment.outcome(fact) == "applied"


async def test_each_outcome_is_on_the_books(enrollment: Enrollment) -> None:
    first = attended()
    old, new = corrected(minutes=60, said_at="2024-03-01"), corrected(minutes=90, said_at="2024-03-02")
    double, stray = attended(), submitted()
    await enrollment.when(first, new, old, double, stray)
    outcomes = [await enrollment.outcome(fact) for fact in (first, new, old, double, stray)]
    assert outcomes == ["applied", "applied", "superseded", "duplicate", "unmatched"]


async def test_an_unmatched_event_becomes_applied_when_the_learner_is_matched(enrollment: Enrollment) -> None:
    stray = submitted()
    await enrollment.given(stray)
    await enrollment.when(profile(ANA, nea_member_id="N-1"))
    assert await enrollment.names() == ["EducatorProfile", "CredentialSubmitted"]
    assert await enrollment.outcome(stray) == "applied"


async def test_a_new_learner_who_is_matched_in_the_same_batch_is_known_at_once(enrollment: Enrollment) -> None:
    await enrollment.when(submitted(), profile(ANA, nea_member_id="N-1"), reviewed())
    assert await enrollment.names() == ["EducatorProfile", "CredentialSubmitted", "CredentialAwarded"]


async def test_a_change_of_a_session_reaches_everyone_on_its_roster(enrollment: Enrollment) -> None:
    await enrollment.given(scheduled(), attended(ANA), attended(BEN))
    await enrollment.when(cancelled())
    told = await enrollment.published()
    assert {(type(one).__name__, one.key) for one in told} == {
        ("SessionCancelled", W1),
        ("AttendanceCorrected", ANA),
        ("AttendanceCorrected", BEN),
        ("ConflictOpened", ANA),
        ("ConflictOpened", BEN),
    }


async def test_a_merge_is_read_through_chains_from_the_database(enrollment: Enrollment) -> None:
    await enrollment.given(merged(BEN, "E-old"), merged(ANA, BEN), attended("E-old"))
    await enrollment.when(corrected(ANA, minutes=0))
    (told,) = await enrollment.published()
    assert (type(told).__name__, told.educator_id) == ("AttendanceCorrected", "E-old")
    await enrollment.when(unmerged(BEN, "E-old"))
    assert await enrollment.names() == ["EducatorsUnmerged", "WorkshopAttended"]


async def test_erasure_leaves_a_tombstone_and_no_personal_data(enrollment: Enrollment) -> None:
    await enrollment.given(profile(ANA, name="Ana Ruiz", email="ana@example.org", nea_member_id="N-77"))
    await enrollment.given(submitted(whom=learner("N-77", "ana@example.org")))
    await enrollment.when(erased(ANA))
    assert await enrollment.published() == [None, events.EducatorErased(educator_id=ANA)]
    await enrollment.database["outbox"].delete_many({})
    for collection in await enrollment.database._db.list_collection_names():
        for document in await enrollment.database[collection].find({}).to_list(None):
            text = str(document)
            assert "Ruiz" not in text, collection
            assert "ana@example.org" not in text, collection
            assert "N-77" not in text, collection


async def test_erasure_reaches_parked_and_quarantined_bodies(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrollment.given(profile(ANA, email="ana@example.org", nea_member_id="N-77"))
    break_it(monkeypatch, "micro_credential.submitted")
    await enrollment.when(submitted(whom=learner("N-77", "ana@example.org")))
    broken = said("educator.updated", educator_id=ANA, name="Ana Ruiz", email="nowhere")
    await enrollment.consume(batch_with(enrollment, broken, PORTAL))
    monkeypatch.undo()
    await enrollment.when(erased(ANA))
    (parked,) = await enrollment.database["parked"].find({}).to_list(None)
    assert b"ana@example.org" not in bytes(parked["value"])
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert kept["value"] is None
    await parking.retry(enrollment.database, "nea:N-77", handlers_of(enrollment))
    assert await enrollment.database["parked"].count_documents({}) == 0


async def test_erasure_reaches_what_parks_or_is_quarantined_in_the_same_batch(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrollment.given(profile(ANA, email="ana@example.org", nea_member_id="N-77"))
    break_it(monkeypatch, "micro_credential.submitted")
    webhooks = (submitted(whom=learner(member, "ana@example.org")) for member in ("N-77", None))
    batch = enrollment.batch(*webhooks, erased(ANA))
    broken = Failure(PORTAL, 5, 0, ANA.encode(), b"Ruiz, no JSON", (), NOW, Reason("not_json"))
    await enrollment.consume(replace(batch, records=(*batch.records, broken), began={**batch.began, (PORTAL, 5): 0}))
    parked = await enrollment.database["parked"].find({}).to_list(None)
    assert [b"ana@example.org" in bytes(row["value"]) for row in parked] == [False, False]
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert kept["value"] is None


async def test_erasure_of_one_account_reaches_what_is_parked_under_another_and_nobody_elses(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrollment.given(merged(ANA, BEN), profile("E-cam"))
    break_it(monkeypatch, "educator.updated")
    news = [profile("E-cam", name="Cam"), profile(ANA, name="Ana Ruiz")]
    await enrollment.when(*news)
    monkeypatch.undo()
    await enrollment.when(erased(BEN))
    parked = await enrollment.database["parked"].find({}).sort("key", 1).to_list(None)
    assert [orjson.loads(bytes(row["value"]))["data"]["name"] for row in parked] == ["Erased", "Cam"]
    await parking.retry(enrollment.database, ANA, handlers_of(enrollment))
    assert "profile" not in await enrollment.document("educators", ANA)


async def test_erasure_reaches_a_profile_in_quarantine_that_came_without_a_key(enrollment: Enrollment) -> None:
    """Nor has it her address: none that could be used ever came."""
    broken = said("educator.updated", educator_id=ANA, name="Ana Ruiz", email="ana(at)example.org")
    other = said("educator.updated", educator_id=f"{ANA}-maria", name="Ana Maria Ruiz", email="nowhere")
    for offset, fact in enumerate((broken, other)):
        value = orjson.dumps(fact.cloudevent)
        failure = Failure(PORTAL, 5, offset, None, value, (), fact.time, Reason("no_key"))
        await enrollment.consume(Batch((failure,), {(PORTAL, 5): offset}))
    await enrollment.when(attended(ANA), erased(ANA))
    kept = await enrollment.database["quarantine"].find({}).sort("_id", 1).to_list(None)
    assert [row["value"] is None for row in kept] == [True, False]


async def test_erasure_reaches_what_was_in_a_body_before_an_operator_edited_it(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook of hers is parked, under a key that her erasure does not wait behind."""
    await enrollment.given(profile(ANA, nea_member_id="N-77"))
    fact = submitted(whom=learner("N-77", "ana@example.org"))
    break_it(monkeypatch, "micro_credential.submitted")
    await enrollment.when(fact)
    edited = fact.data | {"learner": {"nea_member_id": "N-77", "email": "anna@example.org"}}
    await parking.edit(enrollment.database, "nea:N-77", handlers_of(enrollment), data=edited)
    assert "original" in (await enrollment.database["parked"].find_one({}))
    monkeypatch.undo()
    await enrollment.when(erased(ANA))
    (parked,) = await enrollment.database["parked"].find({}).to_list(None)
    assert "original" not in parked
    assert b"example.org" not in bytes(parked["value"])


async def test_erasure_reaches_what_is_in_quarantine_under_a_persons_key_or_a_learners_other_address(
    enrollment: Enrollment,
) -> None:
    await enrollment.given(profile(ANA, email="ana@example.org", nea_member_id="N-77"))
    await enrollment.given(submitted(whom=learner("N-77", "private@example.org")))
    hers = ((ANA.encode(), b"Ruiz, no JSON"), (None, b"of private@example.org"), (None, b'of "N-77"'))
    rows = (*hers, (b"E-other", b"Ruiz, no JSON"))
    for offset, (key, value) in enumerate(rows):
        failure = Failure(PORTAL, 5, offset, key, value, (), NOW, Reason("not_json"))
        await enrollment.consume(Batch((failure,), {(PORTAL, 5): offset}))
    await enrollment.when(erased(ANA))
    kept = await enrollment.database["quarantine"].find({}).sort("_id", 1).to_list(None)
    assert [row["value"] is None for row in kept] == [True, True, True, False]


async def test_what_the_portal_writes_to_kafka_is_claimed_as_over_http(enrollment: Enrollment) -> None:
    fact = attended()
    await enrollment.given(fact, topic=PORTAL)
    claim = await enrollment.database["intake"].find_one({"event_id": fact.id})
    assert claim["via"] == "kafka"
    await enrollment.when(fact, topic=topics.INBOX.name)
    assert await enrollment.published() == []


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_a_merge_that_comes_by_both_ways_is_done_once_and_no_conflict(
    enrollment: Enrollment, in_one_batch: bool
) -> None:
    """Done again it would be refused: the account is merged already."""
    fact = merged(ANA, BEN)
    if in_one_batch:
        await enrollment.when(fact, fact, topic=PORTAL)
    else:
        await enrollment.when(fact, topic=PORTAL)
        await enrollment.when(fact, topic=topics.INBOX.name)
    assert await enrollment.names() == ["EducatorsMerged"]


async def test_of_two_contents_under_one_id_in_one_batch_from_kafka_the_second_is_quarantined(
    enrollment: Enrollment,
) -> None:
    fact = attended()
    await enrollment.when(fact, replace(fact, data={**fact.data, "minutes": 60}), topic=PORTAL)
    assert await enrollment.names() == ["WorkshopAttended"]
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert kept["reason"] == "id_reused"


async def test_an_id_claimed_with_another_content_is_quarantined_from_kafka(enrollment: Enrollment) -> None:
    fact = attended()
    await enrollment.given(fact, topic=PORTAL)
    await enrollment.when(replace(fact, data={**fact.data, "minutes": 60}), topic=PORTAL)
    assert await enrollment.published() == []
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert kept["reason"] == "id_reused"


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (said("educator.updated", educator_id=ANA, name="Ana", email="nowhere"), "wrong_shape"),
        (said("session.invented", educator_id=ANA), "unknown_type"),
        (said("micro_credential.reviewed", educator_id=ANA), "unknown_type"),
        (replace(hours_registered(), source="/webhooks/nea"), "reserved_source"),
        (replace(hours_registered(), source="not a uri"), "wrong_shape"),
    ],
)
async def test_what_cannot_be_used_on_the_portal_s_topic_is_quarantined(
    enrollment: Enrollment, fact: Said, reason: str
) -> None:
    await enrollment.consume(batch_with(enrollment, fact, PORTAL))
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert kept["reason"] == reason
    assert await enrollment.database["intake"].count_documents({}) == 0


async def test_a_key_that_is_there_twice_is_no_more_taken_from_kafka_than_over_http(enrollment: Enrollment) -> None:
    batch = batch_with(enrollment, hours_registered(ANA), PORTAL)
    (record,) = batch.records
    twice = (record.value or b"").replace(b'"educator_id"', b'"educator_id":"E-other","educator_id"', 1)
    await enrollment.consume(replace(batch, records=(replace(record, value=twice),)))
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert (kept["reason"], kept["value"]) == ("unsafe_json", twice)
    assert await enrollment.database["intake"].count_documents({}) == 0


async def test_what_the_portal_nests_deeper_than_can_be_written_again_is_quarantined(enrollment: Enrollment) -> None:
    batch = batch_with(enrollment, hours_registered(ANA), PORTAL)
    (record,) = batch.records
    deep = b'{"more":' * 300 + b"{}" + b"}" * 300
    value = (record.value or b"").replace(b'"data":{', b'"data":{"more":' + deep + b",", 1)
    event = envelope.decode(value, record.headers, ANA)
    await enrollment.consume(replace(batch, records=(replace(record, event=event, value=value),)))
    (kept,) = await enrollment.database["quarantine"].find({}).to_list(None)
    assert (kept["reason"], kept["value"]) == ("unsafe_json", value)


async def test_an_educator_exists_from_a_merge_that_is_refused_or_an_undo_of_none(enrollment: Enrollment) -> None:
    await enrollment.when(unmerged(ANA, BEN), merged("E-cam", BEN), merged("E-dee", BEN))
    assert await enrollment.names() == ["EducatorsMerged", "ConflictOpened"]
    known = {document["_id"] async for document in enrollment.database["educators"].find({})}
    assert known == {ANA, BEN, "E-cam", "E-dee"}


async def test_an_unknown_type_on_our_own_inbox_parks_for_a_version_that_knows_it(enrollment: Enrollment) -> None:
    await enrollment.consume(batch_with(enrollment, said("session.invented", educator_id=ANA), topics.INBOX.name))
    parked = await enrollment.database["parked"].find_one({"key": ANA})
    assert parked is not None
    assert parked["reason"]["code"] == "unknown_type"


async def test_a_bug_parks_its_educator_only_and_retry_applies_all_in_order(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(monkeypatch, "attendance.corrected")
    behind = hours_registered(ANA)
    await enrollment.when(attended(ANA), corrected(ANA, minutes=60), behind, attended(BEN))
    assert await enrollment.names() == ["WorkshopAttended", "WorkshopAttended"]
    assert await enrollment.outcome(behind) is None
    monkeypatch.undo()
    outcome = await parking.retry(enrollment.database, ANA, handlers_of(enrollment))
    assert (outcome.applied, outcome.left) == (2, 0)
    assert await enrollment.names() == ["AttendanceCorrected", "ClockHoursRegistered"]
    assert await enrollment.outcome(behind) == "applied"


async def test_a_parked_event_that_an_operator_edits_is_applied_as_edited(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = attended(minutes=90)
    break_it(monkeypatch, "session.attended")
    await enrollment.when(fact, topic=PORTAL)
    monkeypatch.undo()
    await parking.edit(enrollment.database, ANA, handlers_of(enrollment), data=fact.data | {"minutes": 60})
    (told,) = await enrollment.published()
    assert told.minutes == 60
    assert (await enrollment.books())["problems"] == []


async def test_a_parked_event_of_the_portal_s_is_tried_again_whatever_sequence_it_came_with(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batch_with(enrollment, attended(ANA), PORTAL)
    (record,) = batch.records
    value = (record.value or b"").replace(b'"data":', b'"sequence":"7","data":', 1)
    break_it(monkeypatch, "session.attended")
    await enrollment.consume(replace(batch, records=(replace(record, value=value),)))
    monkeypatch.undo()
    outcome = await parking.retry(enrollment.database, ANA, handlers_of(enrollment))
    assert (outcome.applied, outcome.left) == (1, 0)


async def test_an_outcome_that_is_none_of_the_six_is_none(enrollment: Enrollment) -> None:
    await enrollment.when(attended(), topic=PORTAL)
    assert (await enrollment.books())["problems"] == []
    await enrollment.database["facts"].update_one({}, {"$set": {"outcome": "lost"}})
    (problem,) = (await enrollment.books())["problems"]
    assert "(session.attended): no outcome" in problem


async def test_a_database_from_a_backup_has_the_claims_of_what_came_since_from_the_inbox(
    enrollment: Enrollment, doors: Doors
) -> None:
    """What was accepted after the backup still is: its repeats have no effect, and its id stands for nothing else."""
    fact, webhook = attended(), submitted()
    assert (await doors.structured(fact.cloudevent)).status_code == 202
    assert (await doors.webhook(webhook, webhook.id)).status_code == 202
    await enrollment.database["intake"].delete_many({})
    await enrollment.when(fact, webhook)
    books = await enrollment.books()
    assert (books["accepted"], books["accounted"], books["problems"]) == (2, 2, [])

    assert (await doors.structured(fact.cloudevent)).status_code == 202
    assert (await doors.structured(fact.cloudevent | {"data": fact.data | {"minutes": 60}})).status_code == 409
    assert (await doors.webhook(webhook, webhook.id)).status_code == 202
    assert await doors.quarantine() == []
    books = await enrollment.books()
    assert (books["accepted"], books["inbox_outbox"], books["problems"]) == (2, 0, [])


async def test_an_event_that_was_applied_and_has_lost_its_claim_is_claimed_again_by_a_repeat_of_it(
    enrollment: Enrollment, doors: Doors
) -> None:
    """As docs/runbooks/books-wrong.md says: of a database that was restored before the inbox gave claims back."""
    fact = attended()
    await enrollment.given(fact)
    await enrollment.database["intake"].delete_many({})
    (problem,) = (await enrollment.books())["problems"]
    assert "not among what was accepted" in problem
    assert (await doors.structured(fact.cloudevent)).status_code == 202
    await enrollment.when(fact)
    assert await enrollment.published() == []
    assert (await enrollment.books())["problems"] == []


@pytest.mark.parametrize(("topic", "via"), [(topics.INBOX.name, "http"), (PORTAL, "kafka")])
@pytest.mark.parametrize("data", [{}, {"minutes": "none"}])
def test_a_claim_says_how_its_event_came_whether_or_not_it_can_be_read(
    enrollment: Enrollment, topic: str, via: str, data: dict[str, Any]
) -> None:
    fact = attended()
    (record,) = batch_with(enrollment, replace(fact, data=fact.data | data), topic).records
    assert isinstance(record, Record)
    assert arrivals.read(record, PSEUDONYMS).claim.via == via


async def test_what_was_accepted_since_the_process_began_is_not_asked_for_its_claim(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has one: a database from a backup is older than whoever reads on from it. That spares each batch a query."""
    asked, claimed = list[set[str]](), Tx.claimed

    async def noted(tx: Tx, ids: set[str]) -> dict[str, str]:
        asked.append(ids)
        return await claimed(tx, ids)

    monkeypatch.setattr(Tx, "claimed", noted)
    before, since = attended(), attended(BEN)
    batch = enrollment.batch(before, since)
    one, other = batch.records
    other = replace(other, timestamp=batch.reader.began + timedelta(seconds=1))
    await enrollment.consume(replace(batch, records=(one, other)))
    assert asked == [{claim_id(before.source, before.id)}]
    assert await enrollment.outcome(since) == "applied"


@pytest.mark.parametrize(
    ("collection", "said"),
    [
        ("intake", f"session.attended of {ANA}: applied, and not among what was accepted (ID)"),
        ("educators", f"educator {ANA}: told of, and no longer known"),
        ("sessions", f"session {W1}: told of, and no longer known"),
        ("learners", "learner ID: has events, and is no longer known"),
    ],
)
async def test_the_books_name_what_was_lost_from_the_database(
    enrollment: Enrollment, collection: str, said: str
) -> None:
    await enrollment.when(scheduled(), attended(), profile(ANA, nea_member_id="N-1"), topic=PORTAL)
    await enrollment.when(submitted())
    assert (await enrollment.books())["problems"] == []
    row = await enrollment.database[collection].find_one({"type": "session.attended"} if collection == "intake" else {})
    await enrollment.database[collection].delete_one(row)
    assert (await enrollment.books())["problems"] == [said.replace("ID", row["_id"])]


async def test_the_books_count_every_accepted_event_once(enrollment: Enrollment) -> None:
    facts = [attended(), attended(), hours_registered()]
    await enrollment.when(*facts, topic=PORTAL)
    books = await enrollment.books()
    assert books["accepted"] == sum(books["outcomes"].values()) == 3
    assert (books["unaccounted"], books["problems"]) == (0, [])


@pytest.mark.parametrize("most", [1, 2, 3, 100])
async def test_the_books_come_to_the_same_a_page_at_a_time(enrollment: Enrollment, most: int) -> None:
    facts = [attended(f"E-{number}") for number in range(7)]
    await enrollment.when(*facts, facts[0], hours_registered(), topic=PORTAL)
    ids = sorted(claim_id(fact.source, fact.id) for fact in facts)
    await enrollment.database["facts"].delete_many({"_id": {"$in": ids[:2]}})
    await enrollment.database["intake"].delete_many({"_id": {"$in": ids[-2:]}})
    whole = await enrollment.books()
    assert (whole["accepted"], whole["unaccounted"], len(whole["problems"])) == (6, 2, 4)

    accepted, outcomes, problems, after = 0, Counter[str](), list[str](), ""
    for _ in range(20):
        page, more = await check(enrollment.database, after=after, most=most)
        accepted += page["accepted"]
        outcomes += page["outcomes"]
        problems += page["problems"]
        if more is None:
            break
        after = more
    assert (accepted, outcomes) == (whole["accepted"], +whole["outcomes"])
    assert sorted(problems) == sorted(whole["problems"])


async def test_a_parked_event_is_on_the_books_as_parked(
    enrollment: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(monkeypatch, "session.attended")
    await enrollment.when(attended(), topic=PORTAL)
    books = await enrollment.books()
    assert (books["accepted"], books["outcomes"]["parked"], books["problems"]) == (1, 1, [])


async def test_an_educator_exists_from_the_first_event_that_names_it(enrollment: Enrollment) -> None:
    await enrollment.when(merged(ANA, BEN))
    assert await enrollment.document("educators", ANA)
    assert await enrollment.document("educators", BEN)


async def test_microseconds_decide_between_two_facts_as_they_were_said(enrollment: Enrollment) -> None:
    await enrollment.given(attended(), corrected(minutes=60, said_at="2024-03-01T12:00:00.000002"))
    await enrollment.when(corrected(minutes=0, said_at="2024-03-01T12:00:00.000001"))
    assert await enrollment.published() == []


async def test_a_learner_by_address_alone_has_a_name_that_says_nothing(enrollment: Enrollment) -> None:
    whom = learner(None, "Rosa@Example.org")
    await enrollment.when(submitted(whom=whom))
    assert await enrollment.document("learners", learner_id(None, "rosa@example.org "))
    locks: list[Any] = await enrollment.database["identities"].find({}).to_list(None)
    assert all("rosa" not in str(lock) for lock in locks)


def break_it(monkeypatch: pytest.MonkeyPatch, type_: str) -> None:
    """A bug in the decision on one type of event."""
    right = policy.decide

    def wrong(world: Any, fact: Any, programs: Any) -> Any:
        if type_ == fact.said.TYPE:
            raise RuntimeError("bug")
        return right(world, fact, programs)

    monkeypatch.setattr(handlers, "decide", wrong)


def batch_with(enrollment: Enrollment, fact: Said, topic: str) -> Any:
    """A batch with one record whose data may be wrong."""
    record = enrollment.topics.record(
        topic, ANA, fact.type, fact.data, id=fact.id, source=fact.source, time=fact.time, sequenced=False
    )
    return batch_of([record])


def handlers_of(enrollment: Enrollment) -> Handlers:
    by_topic = {topics.INBOX.name: on_intake, topics.PORTAL.name: on_intake}
    reader = Reader.of("enrollment", (topics.INBOX, topics.PORTAL))
    return Handlers(by_topic, (enrollment.database, PROGRAMS, PSEUDONYMS), lambda: NOW, reader)
