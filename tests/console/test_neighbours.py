"""Asking a service that has several processes."""

import httpx

from services.console.neighbours import Neighbour
from tests.console.fakes import Services


async def test_an_act_goes_to_a_process_that_answers() -> None:
    """A pod of a lost node keeps its name for long: staff act all the same."""
    services = Services(away={"one"})
    services.tell("GET", "two", "/x", {"from": "two"})
    services.tell("POST", "two", "/x", {"done": True})
    async with httpx.AsyncClient(transport=httpx.MockTransport(services)) as client:
        clockhours = Neighbour("clockhours", ["http://one", "http://two"], client, {"staff": "key"})
        assert await clockhours.get("/x") == {"from": "two"}
        assert await clockhours.post("/x", "staff", {}) == {"done": True}
        assert services.posts() == [("two", "/x", {})]
