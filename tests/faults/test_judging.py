"""The oracle of `make faults` finds what was done to a system, and what came of it."""

from collections import Counter
from pathlib import Path

import pytest

from faults.judging import Verdict, mail
from faults.looking import Seen
from faults.proxy import Link, Proxy
from tests.faults.test_truth import TRA1, rosa, truth

PRODUCE = b"\x00\x00\x01\x00\x00\x00" + b"x" * 300  # its length, Kafka's api key, and all the rest


async def test_the_answer_to_a_produce_request_is_lost_whatever_is_sent_before_it_comes(tmp_path: Path) -> None:
    link = Link(Proxy(0, 0, tmp_path))
    (tmp_path / "produce-lost").touch()
    for _ in range(2):  # the producer does not wait for the first answer before it sends to another partition
        await link.there(PRODUCE)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConnectionAbortedError):
        await link.back(b"acknowledged")


@pytest.mark.parametrize(("status", "lost"), [("sent", 0), ("unknown", 0), ("queued", 1), ("dropped", 1)])
def test_hours_whose_mail_never_went_out_are_found(status: str, lost: int) -> None:
    about = {"educator_id": rosa().educator, "kind": "hours_granted", "micro_credential_id": TRA1}
    seen = Seen(messages=[{"message_id": "m", "status": status, **about}], mails=Counter({"<m@wea>": 1}))
    verdict = Verdict()
    mail(verdict, [truth(rosa())], seen)
    assert len(verdict.lost) == lost
