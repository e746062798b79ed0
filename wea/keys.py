"""`wea keys`: bearer keys made and revoked one by one. Of each, only a prefix and the SHA-256 are kept.

To rotate a key: create another of its role, hand it over, see that it is used, revoke the old one. Services take up
the change within a second or two, without a restart.
"""

import secrets
from typing import Annotated, Any

import typer

from eventing.clock import system_now
from wea.credentials import KEYS, ROLES
from wea.errors import UserError
from wea.options import JsonOption, StateOption, existing, print_json
from wea.report import columns, console
from wea.state import State

verbs = typer.Typer(help="Bearer keys: create, revoke, list.", no_args_is_help=True)
Note = Annotated[str, typer.Option("--note", help="Whose it is, or what for; kept beside it.")]


@verbs.command()
def create(role: str, note: Note = "", state: StateOption = None, as_json: JsonOption = False) -> None:
    """Make a key for portal, staff or operator. It is shown once, and kept nowhere."""
    from eventing.keys import PREFIX_LENGTH, hashed

    if role not in ROLES:
        raise UserError(f"there is no role {role}: it is one of {', '.join(ROLES)}.")
    place = existing(state)
    key = f"wea_{role[0]}_{secrets.token_urlsafe(32)}"
    row = {"role": role, "prefix": key[:PREFIX_LENGTH], "sha256": hashed(key).hex()}
    row |= {"created_at": system_now().isoformat(), "note": note}
    with place.changing("keys"):
        _save(place, [*_rows(place), row])
    if as_json:
        print_json({"key": key, "role": role, "prefix": row["prefix"]})
    else:
        console.print(key, markup=False)


@verbs.command()
def revoke(prefix: str, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Take the key that begins like this out of use. Safe to repeat."""
    from eventing.keys import PREFIX_LENGTH

    place = existing(state)
    with place.changing("keys"):
        rows = _rows(place)
        meant = [row for row in rows if row["prefix"] == prefix[:PREFIX_LENGTH]]
        if len(meant) != 1:
            raise UserError(f"{len(meant)} keys begin with {prefix}: `wea keys list` shows the prefixes.")
        meant[0].setdefault("revoked_at", system_now().isoformat())
        _save(place, rows)
    if as_json:
        print_json({"prefix": meant[0]["prefix"], "revoked_at": meant[0]["revoked_at"]})
    else:
        console.print(f"{meant[0]['prefix']}… is revoked.", markup=False)


@verbs.command("list")
def show(state: StateOption = None, as_json: JsonOption = False) -> None:
    """The keys that were made, revoked ones included; never the keys themselves."""
    rows = [{name: value for name, value in row.items() if name != "sha256"} for row in _rows(existing(state))]
    if as_json:
        print_json({"keys": rows})
        return
    about = ((r["prefix"] + "…", r["role"], r["created_at"][:19], _standing(r), r.get("note", "")) for r in rows)
    columns(("key", "role", "made", "standing", "note"), about)


def _standing(row: dict[str, Any]) -> str:
    return f"revoked {row['revoked_at'][:19]}" if row.get("revoked_at") else "valid"


def _rows(state: State) -> list[dict[str, Any]]:
    return list((state.read(KEYS) or {}).get("keys", []))


def _save(state: State, rows: list[dict[str, Any]]) -> None:
    state.write(KEYS, {"keys": rows})
