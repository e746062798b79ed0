"""What enrollment shows, and what staff do with learners that are nobody yet."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from eventing.clock import Clock
from eventing.http import Keys
from eventing.service import Service
from services.enrollment.api import build
from services.enrollment.openapi import describe_intakes
from services.enrollment.store import INDEXES
from tests.enrollment.builders import (
    ANA,
    BEN,
    PROGRAMS,
    PSEUDONYMS,
    S1,
    TRA1,
    W1,
    attended,
    erased,
    hours_registered,
    hours_withdrawn,
    learner,
    learner_id,
    merged,
    oriented,
    profile,
    reserved,
    reviewed,
    revoked,
    submitted,
)
from tests.enrollment.conftest import Enrollment
from tests.enrollment.intakes import KEYS

STAFF, PORTAL, OPERATOR = ({"Authorization": f"Bearer {key}"} for key in ("sk", "pk", "ok"))


@pytest.fixture
async def http(enrollment: Enrollment) -> AsyncIterator[httpx.AsyncClient]:
    service = Service("enrollment", enrollment.database, Clock(), INDEXES)
    api = build(service, Keys(KEYS), PROGRAMS, PSEUDONYMS)
    describe_intakes(api)
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://enrollment") as client:
        yield client


async def record(http: httpx.AsyncClient, who: str = ANA) -> dict[str, Any]:
    answer = await http.get(f"/educators/{who}", headers=PORTAL)
    assert answer.status_code == 200
    shown: dict[str, Any] = answer.json()
    return shown


async def credential(http: httpx.AsyncClient) -> dict[str, Any]:
    (only,) = (await record(http))["micro_credentials"]
    shown: dict[str, Any] = only
    return shown


async def test_an_id_never_seen_is_404(http: httpx.AsyncClient) -> None:
    answer = await http.get("/educators/nobody", headers=STAFF)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_the_record_asks_for_a_key_of_portal_or_staff(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/educators/{ANA}")).status_code == 401
    assert (await http.get(f"/educators/{ANA}", headers=OPERATOR)).status_code == 403


async def test_the_record_shows_all_that_was_done(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(
        profile(ANA, nea_member_id="N-1"), oriented(), hours_registered(), attended(), submitted(), reviewed()
    )
    shown = await record(http)
    assert (shown["educator_id"], shown["erased"], shown["aliases"]) == (ANA, False, [])
    assert shown["profile"]["nea_member_id"] == "N-1"
    assert shown["orientation_completed_at"] == "2024-01-10T12:00:00Z"
    (workshop,) = shown["workshops"]
    assert (workshop["session_id"], workshop["minutes"], workshop["micro_credential_id"]) == (W1, 90, TRA1)
    (one,) = shown["micro_credentials"]
    assert one["clock_hours_registered_at"] == "2024-02-01T12:00:00Z"
    assert (one["awarded_at"], one["revoked_at"]) == ("2024-05-10T12:00:00Z", None)
    (attempt,) = one["submissions"][0]["attempts"]
    assert one["submissions"][0]["submission_id"] == S1
    assert (attempt["attempt"], attempt["on_time"], attempt["deadline"], attempt["decision"]) == (
        1,
        True,
        "2024-04-27T07:00:00Z",
        "awarded",
    )


async def test_before_the_profile_came_it_is_null(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(attended())
    assert (await record(http))["profile"] is None


async def test_withdrawn_clock_hours_are_not_registered(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(hours_registered(), hours_withdrawn())
    assert (await credential(http))["clock_hours_registered_at"] is None


async def test_a_revocation_and_a_later_award_are_both_shown(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    facts = [reviewed(on="2024-05-10"), revoked(on="2024-05-20"), reviewed(submission="S-2", on="2024-05-30")]
    await enrollment.when(profile(ANA, nea_member_id="N-1"), *facts)
    shown = await credential(http)
    assert (shown["awarded_at"], shown["revoked_at"]) == ("2024-05-30T12:00:00Z", "2024-05-20T12:00:00Z")


async def test_a_merged_id_answers_with_the_kept_record(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(profile(ANA), attended(BEN), merged(ANA, BEN))
    shown = await record(http, BEN)
    assert (shown["educator_id"], shown["aliases"], len(shown["workshops"])) == (ANA, [BEN], 1)
    assert shown["profile"]["email"] == f"{ANA}@example.org"


async def test_each_merged_account_is_shown_with_the_one_it_was_merged_into(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    await enrollment.when(profile(ANA), attended(BEN), attended("cam"), merged(BEN, "cam"), merged(ANA, BEN))
    shown = await record(http, ANA)
    assert shown["aliases"] == [BEN, "cam"]
    assert shown["merged_into"] == {BEN: ANA, "cam": BEN}


async def test_an_erased_educator_has_no_profile(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(profile(ANA), attended(), erased(ANA))
    shown = await record(http)
    assert (shown["erased"], shown["profile"], len(shown["workshops"])) == (True, None, 1)


async def test_an_id_may_have_slashes_and_dots(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(attended("dept/7.$x"))
    assert (await record(http, "dept/7.$x"))["educator_id"] == "dept/7.$x"


async def test_staff_find_educators_by_address_member_id_or_name(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    await enrollment.when(profile(ANA, name="Ana Ruiz (she)", nea_member_id="N-1"), profile(BEN, name="Ben Ito"))
    for query in ({"email": f" {ANA.upper()}@example.org"}, {"nea_member_id": "N-1"}, {"name": "ruiz ("}):
        answer = await http.get("/educators", params=query, headers=STAFF)
        assert [item["educator_id"] for item in answer.json()["items"]] == [ANA], query
    assert (await http.get("/educators", headers=PORTAL)).status_code == 403


async def test_lists_go_on_at_their_cursor(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(profile(ANA), profile(BEN))
    first = (await http.get("/educators?limit=1", headers=STAFF)).json()
    then = (await http.get(f"/educators?limit=1&after={first['next']}", headers=STAFF)).json()
    assert [first["items"][0]["educator_id"], then["items"][0]["educator_id"]] == [ANA, BEN]
    assert then["next"] is None, "what is full and the last has no next"


async def test_the_catalogue_is_read_page_by_page_like_every_list(http: httpx.AsyncClient) -> None:
    whole = (await http.get("/catalog")).json()
    first = (await http.get("/catalog", params={"limit": len(whole["items"]) - 1})).json()
    rest = (await http.get("/catalog", params={"limit": 1, "after": first["next"]})).json()
    assert (first["items"] + rest["items"], whole["next"], rest["next"]) == (whole["items"], None, None)


async def test_the_catalogue_is_anyone_s_to_read(http: httpx.AsyncClient) -> None:
    items = (await http.get("/catalog")).json()["items"]
    assert TRA1 in [item["id"] for item in items]
    one = (await http.get("/catalog", params={"stack": "tla"})).json()["items"]
    assert one
    assert all("tla" in item["stacks"] for item in one)
    assert (await http.get("/catalog", params={"designation": "nothing"})).json()["items"] == []


async def test_the_programme_is_anyone_s_to_read(http: httpx.AsyncClient) -> None:
    shown = (await http.get("/program")).json()
    assert (shown["id"], shown["submission_deadline"]) == ("2023-24", "2024-04-26")
    assert shown["submission_closes"] == "2024-04-27T07:00:00Z"


async def unmatched(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await http.get("/unmatched", headers=STAFF)).json()["items"]
    return items


async def test_a_learner_that_is_nobody_is_listed_with_who_it_may_be(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    mail = "shared@example.org"
    await enrollment.when(profile(ANA, email=mail), profile(BEN, email=mail), submitted(whom=learner("N-1", mail)))
    (one,) = await unmatched(http)
    assert (one["id"], one["nea_member_id"], one["email"]) == (learner_id(), "N-1", mail)
    assert (one["candidates"], one["intake_key"]) == ([ANA, BEN], "nea:N-1")


async def test_of_an_address_that_hundreds_have_some_are_shown_as_candidates(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    everyone = [profile(f"E-{number:03}", email="office@example.org") for number in range(200)]
    await enrollment.given(*everyone, profile(ANA, nea_member_id="N-1"), profile(BEN, email="ben@example.org"))
    addresses = ("office@example.org", "ben@example.org")
    await enrollment.given(*(submitted(whom=learner("N-2", address)) for address in addresses))
    (one,) = await unmatched(http)
    assert one["candidates"] == sorted([BEN, *(f"E-{number:03}" for number in range(20))])


async def test_linking_applies_what_waited_and_is_safe_to_repeat(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    stray = submitted()
    await enrollment.given(profile(ANA), stray)
    body = {"educator_id": ANA, "reason": "She called"}
    for _ in range(2):
        answer = await http.post(f"/unmatched/{learner_id()}/link", json=body, headers=STAFF)
        assert (answer.status_code, answer.json()["educator_id"]) == (200, ANA)
    assert await enrollment.names() == ["CredentialSubmitted"]
    assert await enrollment.outcome(stray) == "applied"
    assert await unmatched(http) == []
    (entry,) = await enrollment.database["audit"].find({}).to_list(None)
    assert (entry["action"], entry["target"], entry["reason"]) == ("learner.link", learner_id(), "She called")
    assert entry["who"].startswith("staff:")


async def test_unlinking_takes_its_effects_back_and_is_safe_to_repeat(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    fact = submitted()
    await enrollment.given(profile(ANA, nea_member_id="N-1"), fact)
    for _ in range(2):
        answer = await http.post(f"/links/{learner_id()}/unlink", json={"reason": "Not hers"}, headers=STAFF)
        assert (answer.status_code, answer.json()["educator_id"]) == (200, None)
    assert await enrollment.names() == ["LearnerUnlinked"]
    assert await enrollment.outcome(fact) == "unmatched"
    assert [one["id"] for one in await unmatched(http)] == [learner_id()]


async def test_unlinking_again_leaves_the_match_that_it_made_way_for(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    """Matched by address before the member id's holder came; a match does not move, so staff unlink it."""
    await enrollment.given(profile(ANA, email="ana@example.org"), submitted(whom=learner("N-1", "ana@example.org")))
    await enrollment.given(profile(BEN, nea_member_id="N-1"))
    path = f"/links/{learner_id()}/unlink"
    for _ in range(2):
        answer = await http.post(path, json={"reason": "Not Ana's"}, headers=STAFF)
        assert (answer.status_code, answer.json()["educator_id"]) == (200, BEN)
    assert await enrollment.names() == ["LearnerUnlinked", "CredentialSubmitted"]
    answer = await http.post(path, json={"reason": "Not Ben's either"}, headers=STAFF)
    assert answer.json()["educator_id"] is None


async def test_linking_unlinking_and_linking_again_publishes_events_of_their_own(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    await enrollment.given(profile(ANA), submitted())
    link = (f"/unmatched/{learner_id()}/link", {"educator_id": ANA, "reason": "r"})
    unlink = (f"/links/{learner_id()}/unlink", {"reason": "r"})
    for path, body in (link, unlink, link):
        assert (await http.post(path, json=body, headers=STAFF)).status_code == 200
    assert await enrollment.names() == ["CredentialSubmitted", "LearnerUnlinked", "CredentialSubmitted"]


async def test_links_of_merged_accounts_are_listed_under_each_of_their_ids(
    http: httpx.AsyncClient, enrollment: Enrollment
) -> None:
    await enrollment.given(profile(ANA, nea_member_id="N-1"), submitted(), profile(BEN), merged(BEN, ANA))
    for id_ in (ANA, BEN):
        items = (await http.get("/links", params={"educator_id": id_}, headers=STAFF)).json()["items"]
        assert [(item["id"], item["educator_id"]) for item in items] == [(learner_id(), ANA)]


async def test_links_are_listed_by_educator(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(profile(ANA, nea_member_id="N-1"), submitted())
    items = (await http.get("/links", params={"educator_id": ANA}, headers=STAFF)).json()["items"]
    assert [(one["id"], one["educator_id"]) for one in items] == [(learner_id(), ANA)]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"educator_id": ANA, "reason": "r"}, {}, 401),
        ({"educator_id": ANA, "reason": "r"}, PORTAL, 403),
        ({"educator_id": ANA}, STAFF, 422),
        ({"reason": "r"}, STAFF, 422),
        ({"educator_id": "nobody", "reason": "r"}, STAFF, 422),
        ({"educator_id": BEN, "reason": "r"}, STAFF, 409),
    ],
)
async def test_a_link_that_cannot_be_is_refused(
    http: httpx.AsyncClient, enrollment: Enrollment, body: dict[str, str], headers: dict[str, str], status: int
) -> None:
    await enrollment.when(profile(ANA, nea_member_id="N-1"), profile(BEN), submitted())
    answer = await http.post(f"/unmatched/{learner_id()}/link", json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (PORTAL, 403)])
@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[]"])
async def test_the_key_is_asked_for_before_the_body_is_read(
    http: httpx.AsyncClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    json = {"content-type": "application/json"}
    answer = await http.post(f"/unmatched/{learner_id()}/link", content=body, headers=json | headers)
    assert answer.status_code == status


async def test_an_unknown_learner_is_404(http: httpx.AsyncClient) -> None:
    body = {"educator_id": ANA, "reason": "r"}
    assert (await http.post("/unmatched/nobody/link", json=body, headers=STAFF)).status_code == 404
    assert (await http.post("/links/nobody/unlink", json={"reason": "r"}, headers=STAFF)).status_code == 404


async def test_operators_see_the_books(http: httpx.AsyncClient, enrollment: Enrollment) -> None:
    await enrollment.when(attended(), reserved(), topic="wea.portal.v1")
    shown = (await http.get("/admin/books", headers=OPERATOR)).json()
    assert (shown["accepted"], shown["outcomes"]["applied"], shown["problems"]) == (2, 2, [])
    assert (await http.get("/admin/books", headers=STAFF)).status_code == 403


async def test_the_intakes_are_in_the_openapi_document(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    refusals = ["400", "401", "403", "408", "409", "413", "415", "422", "429", "503"]
    assert sorted(paths["/portal/events"]["post"]["responses"]) == ["202", *refusals]
    assert sorted(paths["/webhooks/nea"]["post"]["responses"]) == ["202", "401", "408", "413", "429", "503"]
    assert paths["/portal/events"]["post"]["security"] == paths["/unmatched"]["get"]["security"]
    assert "security" not in paths["/webhooks/nea"]["post"], "webhooks are signed, and have no key"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/educators/%00", 404),
        ("/educators/%FF%FE", 404),
        ("/educators/" + "x" * 5000, 404),
        ("/educators?name=%00", 200),
        ("/educators?name=(%5B*", 200),
        ("/educators?name=" + "x" * 35_000, 422),
        ("/educators?email=%00&nea_member_id=%F0%9F", 200),
        ("/educators?limit=0", 422),
        ("/educators?limit=%D9%A3", 422),
        ("/educators?after=nonsense", 422),
        ("/unmatched?after=eyJhIjoxfQ==", 422),  # {"a":1}
        ("/educators?after=MTg0NDY3NDQwNzM3MDk1NTE2MTU=", 422),  # 2 ** 64 - 1
        ("/links?educator_id=%00", 200),
        ("/catalog?stack=%00", 200),
        ("/catalog?limit=0", 422),
        ("/catalog?after=LTE=", 422),  # -1
        ("/catalog?after=IngiCg==", 422),  # "x"
    ],
)
async def test_odd_questions_get_an_answer(http: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await http.get(path, headers=STAFF)).status_code == status


async def test_odd_actions_get_an_answer(http: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"[]", b'{"reason": 7}', b'{"reason": "\\ud800", "educator_id": "x"}'):
        answer = await http.post("/unmatched/x/link", content=content, headers=STAFF)
        assert answer.status_code in (404, 422), content
