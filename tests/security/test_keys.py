"""Bearer keys and webhook secrets: kept as hashes, several at once, replaced without anybody being turned away."""

import hmac
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eventing import keys as module
from eventing.http import Keys, ProblemError
from eventing.keys import KeyBook, hashed
from services.enrollment.nea import Signatures, sign
from wea.cli import app
from wea.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    place = State(tmp_path / "state")
    place.create()
    return place


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_SECONDS", 0.0)


def wea(state: State, *arguments: str) -> Any:
    done = CliRunner().invoke(app, ["keys", *arguments, "--state", str(state.path), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def role(keys: Keys, key: str) -> str | None:
    caller = keys.caller(f"Bearer {key}")
    return caller.role if caller else None


def test_a_key_is_rotated_with_no_moment_at_which_neither_holds(state: State) -> None:
    first = wea(state, "create", "portal", "--note", "the portal")["key"]
    keys = Keys("", state.path / "keys.json")
    assert role(keys, first) == "portal"
    second = wea(state, "create", "portal")["key"]
    assert (role(keys, first), role(keys, second)) == ("portal", "portal")
    wea(state, "revoke", first[:12])
    wea(state, "revoke", first[:12])
    assert (role(keys, first), role(keys, second)) == (None, "portal")
    listed = wea(state, "list")["keys"]
    assert [bool(row.get("revoked_at")) for row in listed] == [True, False]
    assert listed[0]["note"] == "the portal"


def test_no_key_is_kept_or_listed(state: State) -> None:
    key = wea(state, "create", "staff")["key"]
    kept = (state.path / "keys.json").read_text()
    assert key not in kept
    assert hashed(key).hex() in kept
    assert key not in json.dumps(wea(state, "list"))
    assert hashed(key).hex() not in json.dumps(wea(state, "list"))
    assert (state.path / "keys.json").stat().st_mode & 0o077 == 0


def test_settings_may_hold_hashes_instead_of_keys() -> None:
    book = KeyBook(f"portal=sha256:{hashed('k1').hex()},staff=k2")
    assert [(book.role_of(key) or ("",))[0] for key in ("k1", "k2", hashed("k1").hex())] == ["portal", "staff", ""]
    for wrong in ("portal", "portal=sha256:12", "=k", "portal=sha256:zz"):
        with pytest.raises(ValueError, match=r"key|hex|KEY"):
            KeyBook(wrong)


@pytest.mark.parametrize("again", ["k1", f"sha256:{hashed('k1').hex()}"])
def test_a_key_has_one_role_and_two_for_one_are_refused(again: str) -> None:
    """The last was taken, and whoever had the key for the first was refused as the wrong role."""
    with pytest.raises(ValueError, match="one key for two roles, portal and staff"):
        KeyBook(f"portal=k1,staff={again}")
    assert KeyBook(f"portal=k1,portal={again}").role_of("k1") == ("portal", hashed("k1").hex()[:8])


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(module, "compare_digest", compare)
    book = KeyBook("portal=a,portal=b,staff=c,operator=d")
    for key in ("a", "wrong"):
        compared.clear()
        book.role_of(key)
        assert len(compared) == 4
        assert all(len(one) == len(other) == 32 for one, other in compared)


def test_a_file_that_is_damaged_later_leaves_the_keys_that_were(state: State) -> None:
    key = wea(state, "create", "portal")["key"]
    file = state.path / "keys.json"
    keys = Keys("", file)
    file.write_text("{")
    assert role(keys, key) == "portal"
    with pytest.raises(ValueError, match="file of keys"):
        Keys("", file)
    file.unlink()
    assert role(keys, key) is None


def test_no_or_a_wrong_key_is_401_and_the_wrong_role_403() -> None:
    keys = Keys("portal=p,staff=s")
    for header, status in ((None, 401), ("Bearer x", 401), ("Basic p", 401), ("Bearer", 401), ("Bearer p", 403)):
        with pytest.raises(ProblemError) as refused:
            keys.check(header, "staff")
        assert refused.value.status == status


def test_neas_secret_is_rotated_without_a_lost_webhook() -> None:
    """Add ours, tell NEA, take the old one out: at every moment what NEA signs with is accepted."""
    old, new = (b64encode(name * 24).decode() for name in (b"o", b"n"))

    def accepted(ours: str, *signed_with: str) -> bool:
        content = b"wh-1.1700000000.{}"
        each = (sign(Signatures([f"whsec_{secret}"])._secrets[0], content).decode() for secret in signed_with)
        headers = {"webhook-id": "wh-1", "webhook-timestamp": "1700000000"}
        headers["webhook-signature"] = " ".join(f"v1,{one}" for one in each)
        return Signatures(ours.split()).authentic(headers, b"{}", 1700000000.0)

    before, during, after = f"whsec_{old}", f"whsec_{old} whsec_{new}", f"whsec_{new}"
    for ours, nea_signs_with, held in (
        (before, (old,), True),
        (during, (old,), True),  # NEA does not know of the new one yet
        (during, (old, new), True),  # NEA signs with both, as Standard Webhooks asks
        (during, (new,), True),
        (after, (old, new), True),
        (after, (new,), True),
        (after, (old,), False),
    ):
        assert accepted(ours, *nea_signs_with) is held, (ours, nea_signs_with)
