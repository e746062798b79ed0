"""A backup is one cut over several databases, and what is restored is what was, indexes included."""

from pathlib import Path
from uuid import uuid4

import pymongo
import pytest
from bson import Binary, Int64

from tests.wea.conftest import wea
from wea.backup import LONGEST_SECONDS, MANIFEST, WINDOW, backup, restore
from wea.credentials import KEYS, credentials
from wea.errors import UserError
from wea.state import State


def one_entry(mongo: str, database: str) -> None:
    with pymongo.MongoClient[dict[str, object]](mongo) as client:
        client[database]["entries"].insert_one({"_id": 1})


def test_what_is_restored_is_what_was_with_its_indexes(mongo: str, tmp_path: Path) -> None:
    names = [f"backup-{uuid4().hex[:8]}-{n}" for n in range(2)]
    state = State(tmp_path / "state")
    state.create()
    state.write("secrets.json", {"secret": "s"})
    with pymongo.MongoClient[dict[str, object]](mongo) as client:
        try:
            for name in names:
                client[name]["entries"].create_index([("who", 1), ("at", -1)], unique=True, name="once")
                rows = [{"_id": n, "who": f"{n}", "at": Int64(2**40), "raw": Binary(b"\x00")} for n in range(2500)]
                client[name]["entries"].insert_many(rows)
                client[name]["leases"].insert_one({"_id": "of a process that will be gone"})
            made = backup(mongo, state, tmp_path / "b", names)
            assert made["documents"] == {name: {"entries": 2500} for name in names}
            assert (tmp_path / "b" / "secrets.json").stat().st_mode & 0o077 == 0
            before = list(client[names[0]]["entries"].find().sort("_id", 1))

            client[names[0]]["entries"].delete_many({"_id": {"$gt": 10}})
            client[names[1]]["later"].insert_one({"_id": "came after"})
            restore(mongo, tmp_path / "b")
            assert list(client[names[0]]["entries"].find().sort("_id", 1)) == before
            assert client[names[0]]["entries"].index_information()["once"]["unique"] is True
            assert client[names[1]].list_collection_names() == ["entries"]
            with pytest.raises(UserError, match="is there already"):
                backup(mongo, state, tmp_path / "b", names)
        finally:
            for name in names:
                client.drop_database(name)


def test_a_database_that_is_not_there_is_no_backup(mongo: str, tmp_path: Path) -> None:
    """Its name is a setting: an empty folder in its place would be found out when it is to be restored."""
    state = State(tmp_path / "state")
    state.create()
    with pytest.raises(UserError, match="nothing in enrollment-elsewhere"):
        backup(mongo, state, tmp_path / "b", ["enrollment-elsewhere"])
    assert not (tmp_path / "b").exists()


def test_a_new_state_gets_the_secrets_that_the_books_were_kept_with(mongo: str, tmp_path: Path) -> None:
    """Its HMAC key above all: under another nobody of whom NEA told by e-mail would be known again."""
    name, old, new = f"backup-{uuid4().hex[:8]}", State(tmp_path / "old"), State(tmp_path / "new")
    for state in (old, new):
        state.create()
    was, made = credentials(old, ["admin"]), credentials(new, ["admin"])
    old.write(KEYS, {"keys": [{"role": "portal", "prefix": "wea_p_abc", "sha256": "00"}]})
    one_entry(mongo, name)
    backup(mongo, old, tmp_path / "b", [name])
    done = wea("restore", str(tmp_path / "b"), "--force", "--state", str(new.path), WEA_MONGO=mongo)
    assert done.returncode == 0, done.stderr
    now = credentials(new, ["admin"])
    assert (now.secret, now.keys, now.nea_webhook_secret) == (was.secret, was.keys, was.nea_webhook_secret)
    assert now.mongo == made.mongo  # of the server that runs here, not of the one that was lost
    assert new.read(KEYS) == old.read(KEYS)


def test_a_key_that_was_revoked_since_stays_revoked(mongo: str, tmp_path: Path) -> None:
    name, state = f"backup-{uuid4().hex[:8]}", State(tmp_path / "state")
    state.create()
    credentials(state, ["admin"])
    row = {"role": "portal", "prefix": "wea_p_abc", "sha256": "00"}
    state.write(KEYS, {"keys": [row]})
    one_entry(mongo, name)
    backup(mongo, state, tmp_path / "b", [name])
    state.write(KEYS, {"keys": [row | {"revoked_at": "2024-05-01"}]})
    assert wea("restore", str(tmp_path / "b"), "--force", "--state", str(state.path), WEA_MONGO=mongo).returncode == 0
    assert state.read(KEYS)["keys"][0]["revoked_at"]


def test_the_past_stays_readable_as_long_as_a_backup_takes(
    mongo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(tmp_path / "state")
    state.create()
    windows: list[object] = []
    with pymongo.MongoClient[dict[str, object]](mongo) as client:

        def window() -> object:
            return client.admin.command({"getParameter": 1, WINDOW: 1})[WINDOW]

        def saved(*_: object) -> dict[str, int]:
            windows.append(window())
            raise pymongo.errors.AutoReconnect

        monkeypatch.setattr("wea.backup._save", saved)
        before = window()
        with pytest.raises(UserError, match="no backup was made"):
            backup(mongo, state, tmp_path / "b", ["any"])
        assert windows == [LONGEST_SECONDS]
        assert window() == before, "whatever became of the backup"


@pytest.mark.parametrize("damage", ["cut off", "fewer", "gone"])
def test_a_damaged_backup_is_refused_before_anything_is_touched(mongo: str, tmp_path: Path, damage: str) -> None:
    name, state = f"backup-{uuid4().hex[:8]}", State(tmp_path / "state")
    state.create()
    with pymongo.MongoClient[dict[str, object]](mongo) as client:
        try:
            client[name]["entries"].insert_many([{"_id": n, "who": "x"} for n in range(10)])
            backup(mongo, state, tmp_path / "b", [name])
            file = tmp_path / "b" / name / "entries.bson"
            whole = file.read_bytes()
            file.write_bytes(whole[: -len(whole) // 10] if damage == "fewer" else whole[:-3])
            if damage == "gone":
                file.unlink()
            with pytest.raises(UserError, match="damaged"):
                restore(mongo, tmp_path / "b")
            assert client[name]["entries"].count_documents({}) == 10
        finally:
            client.drop_database(name)


def test_a_mongodb_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"version": 1, "at": "now", "documents": {"any": {}}}')
    with pytest.raises(UserError, match="not restored"):
        restore("mongodb://127.0.0.1:1/?timeoutMS=200", tmp_path)


def test_a_folder_that_is_no_backup_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no backup"):
        restore("mongodb://127.0.0.1:1", tmp_path)
