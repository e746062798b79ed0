"""What a service's OpenAPI says is what it answers."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from eventing.describing import PROBLEM, completed


class Body(BaseModel):
    count: int


def described() -> dict[str, Any]:
    api = FastAPI()

    @api.post("/things/{id}/seen")
    async def seen(id: str, body: Body) -> None: ...

    api.add_api_route("/rows/{service}/{handle:path}", lambda: None, methods=["GET"])
    return completed(completed(api.openapi()))


def test_every_operation_says_that_a_refusal_is_a_problem() -> None:
    document = described()
    post = document["paths"]["/things/{id}/seen"]["post"]
    assert list(post["responses"]["422"]["content"]) == list(post["responses"]["default"]["content"]) == [PROBLEM]
    assert "HTTPValidationError" not in str(document)
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "code"]


def test_every_parameter_of_a_path_is_there_once() -> None:
    paths = described()["paths"]
    assert [one["name"] for one in paths["/things/{id}/seen"]["post"]["parameters"]] == ["id"]
    (rows,) = (path for path in paths if path.startswith("/rows"))
    assert {one["name"] for one in paths[rows]["get"]["parameters"]} == {"service", "handle"}
