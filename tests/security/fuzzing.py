"""Fuzzing of everything that reads what strangers send: `python -m tests.security.fuzzing TARGET`, by atheris.

Each target takes bytes and may answer with the one error that is said for it; any other exception is a finding. Where
atheris has no wheel the loop at the bottom mutates by itself.
"""

import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from typing import Any

try:
    import atheris
except ImportError:  # no wheel for this Python
    atheris = None

if atheris is not None:
    with atheris.instrument_imports(include=["contracts", "eventing", "services"]):
        from contracts import cloudevents, events, nea, portal, program_file, strict_json
        from contracts.faults import UnknownType
        from eventing.envelope import UnreadableError, decode
        from services.enrollment.nea import Signatures
else:
    from contracts import cloudevents, events, nea, portal, program_file, strict_json
    from contracts.faults import UnknownType
    from eventing.envelope import UnreadableError, decode
    from services.enrollment.nea import Signatures

from pydantic import ValidationError

SIGNATURES = Signatures(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "QUJD" * 8])
EVENT = b'{"specversion":"1.0","id":"1","source":"/p","type":"educator.updated","time":"2024-03-04T10:00:00-08:00",'
EVENT += b'"data":{"educator_id":"rosa","name":"Rosa","email":"rosa@example.org","nea_member_id":"N-1"}}'
WEBHOOK = (
    b'{"type":"micro_credential.submitted","timestamp":"2024-04-20T18:03:11Z","data":{"learner":{"email":"a@b.org"},'
)
WEBHOOK += b'"micro_credential_id":"NEA_TRA1","submission_id":"S","attempt":1,"submitted_at":"2024-04-20T18:03:10Z"}}'
TELLING = b'{"specversion":"1.0","id":"1","source":"/enrollment","type":"org.washingtonea.WorkshopAttended.v1",'
TELLING += (
    b'"time":"2024-03-04T10:00:00Z","partitionkey":"r","sequence":"1","data":{"educator_id":"r","session_id":"W",'
)
TELLING += b'"kind":"workshop","minutes":90,"attended_minutes":90,"ended_at":"2024-03-04T10:00:00Z"}}'


def strict(body: bytes) -> None:
    with suppress(strict_json.StrictJsonError):
        strict_json.loads(body)


def event(body: bytes) -> None:
    """A CloudEvent in structured mode, its type and data with it."""
    try:
        said = cloudevents.structured(strict_json.loads(body))
        portal.read(said.type, said.data)
    except (strict_json.StrictJsonError, cloudevents.CloudEventError, UnknownType, ValidationError):
        pass


def webhook(body: bytes) -> None:
    with suppress(nea.Unusable):
        nea.read(body)


def signature(body: bytes) -> None:
    """Headers of a webhook, as they come: never an exception, never authentic."""
    id, moment, signed, rest = (body.split(b"\n", 3) + [b""] * 4)[:4]
    headers = {"webhook-id": id.decode("latin-1"), "webhook-timestamp": moment.decode("latin-1")}
    headers["webhook-signature"] = signed.decode("latin-1")
    assert not SIGNATURES.authentic(headers, rest, 1_700_000_000.0)


def record(body: bytes) -> None:
    """A record of Kafka: an event of ours, or told why not."""
    key, _, value = body.partition(b"\n")
    try:
        said = decode(value, [("content-type", b"application/cloudevents+json")], key.decode("latin-1"))
        events.read(said.type, said.data)
    except (UnreadableError, UnknownType, ValidationError):
        pass


def programme(body: bytes) -> None:
    """A programme file: read, or its faults with their lines."""
    found = program_file.read(body)
    assert found.program is not None or found.faults


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "strict_json": (strict, (EVENT, b'[1e5, -0.5, "\\ud83d\\ude00", null, {"a": [true]}]', b"[" * 70 + b"]" * 70)),
    "cloudevents": (event, (EVENT,)),
    "webhook": (webhook, (WEBHOOK,)),
    "signature": (signature, (b"wh-1\n1700000000\nv1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,x\n{}",)),
    "record": (record, (b"rosa\n" + TELLING,)),
    "programme": (programme, ()),
}


HOSTILE = (b"\x00", b"\xff", b'"', b"{", b"[", b"\\u0000", b"9" * 400, b"\xed\xa0\x80")


def mutated(rng: random.Random, seed: bytes) -> bytes:
    """The seed with some bytes changed, doubled, cut or swapped."""
    text = bytearray(seed)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(5):
            case 0:
                text[at:at] = rng.randbytes(rng.randrange(1, 5))
            case 1:
                del text[at : at + rng.randrange(1, 9)]
            case 2:
                text[at : at + 1] = rng.choice(
                    (b"\x00", b"\xff", b'"', b"{", b"[", b"\\u0000", b"9" * 400, b"\xed\xa0\x80")
                )
            case 3:
                text[at:at] = text[at : at + 40]
            case _:
                if text:
                    text[at % len(text)] ^= 1 << rng.randrange(8)
    return bytes(text[:4096])


def by_hand(target: Callable[[bytes], None], seeds: tuple[bytes, ...], seconds: float, seed: int) -> int:
    """Mutations of the seeds for so long; answers how many."""
    rng, until, tried = random.Random(seed), time.monotonic() + seconds, 0
    for one in cycle(seeds or (b"",)):
        target(mutated(rng, one))
        tried += 1
        if tried % 256 == 0 and time.monotonic() > until:
            return tried
    return tried


def main() -> None:
    name, *options = sys.argv[1:]
    target, seeds = TARGETS[name]
    if atheris is None:
        print(f"executions {by_hand(target, seeds, float(options[0]), 1)}")
        return

    def one(body: bytes) -> None:
        target(body)

    corpus: Any = options[1]
    for number, seed in enumerate(seeds):
        with open(f"{corpus}/seed{number}", "wb") as file:
            file.write(seed)
    limits = [f"-max_total_time={options[0]}", "-print_final_stats=1", "-max_len=4096", "-timeout=20"]
    atheris.Setup([sys.argv[0], *limits, corpus], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
