"""What a service's OpenAPI says is what it answers."""

from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from eventing.describing import PROBLEM, completed
from eventing.http import Caller, Keys, Page, Requires, install_problems, page


class Body(BaseModel):
    count: int


def described() -> dict[str, Any]:
    api = FastAPI()

    @api.post("/things/{id}/seen")
    async def seen(id: str, body: Body) -> None: ...

    @api.get("/things")
    async def things(
        _: Annotated[Caller, Depends(Requires(Keys(""), "staff"))], at: Annotated[Page, Depends(page)]
    ) -> None: ...

    api.add_api_route("/rows/{service}/{handle:path}", lambda: None, methods=["GET"])
    return completed(completed(api.openapi()))


def test_every_operation_says_that_a_refusal_is_a_problem() -> None:
    document = described()
    post = document["paths"]["/things/{id}/seen"]["post"]
    assert list(post["responses"]["422"]["content"]) == list(post["responses"]["default"]["content"]) == [PROBLEM]
    assert "HTTPValidationError" not in str(document)
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "code"]


async def test_a_fault_of_ours_is_a_problem_as_well_and_says_nothing_of_itself() -> None:
    api = FastAPI()
    install_problems(api)

    @api.get("/things")
    async def things() -> None:
        raise LookupError("rosa@example.org")

    transport = httpx.ASGITransport(api, raise_app_exceptions=False)  # it is raised on, for the log
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as asking:
        answer = await asking.get("/things")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json() == {"type": "about:blank", "title": "Internal error", "status": 500, "code": "internal_error"}


def test_every_parameter_of_a_path_is_there_once() -> None:
    paths = described()["paths"]
    assert [one["name"] for one in paths["/things/{id}/seen"]["post"]["parameters"]] == ["id"]
    (rows,) = (path for path in paths if path.startswith("/rows"))
    assert {one["name"] for one in paths[rows]["get"]["parameters"]} == {"service", "handle"}


def test_who_reads_a_list_learns_how_to_page_it_and_that_it_asks_for_a_key() -> None:
    document = described()
    things = document["paths"]["/things"]["get"]
    limit, after = (next(one for one in things["parameters"] if one["name"] == name) for name in ("limit", "after"))
    assert (limit["in"], limit["required"]) == (after["in"], after["required"]) == ("query", False)
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (1, 1000, 100)
    (asked,) = things["security"]
    (scheme,) = asked
    assert document["components"]["securitySchemes"][scheme]["scheme"] == "bearer"
    assert "security" not in document["paths"]["/things/{id}/seen"]["post"], "not where it asks for none"
