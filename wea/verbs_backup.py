"""The verbs `wea backup` and `wea restore`."""

from pathlib import Path
from typing import Annotated

import typer

from wea.errors import UserError
from wea.options import JsonOption, StateOption, existing, on_state, print_json
from wea.report import console

Folder = Annotated[Path, typer.Argument(help="The backup's folder.")]


def backup(folder: Folder, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Write every database, as of one moment, into a new folder; the system runs on meanwhile.

    With it go the state's keys and secrets: keep the folder as you keep those.
    """
    from wea.backup import backup as save

    with on_state(state) as system:
        made = save(system.status["mongo"]["uri"], existing(state), folder.absolute())
    if as_json:
        print_json({"folder": str(folder), **made})
    else:
        total = sum(sum(of.values()) for of in made["documents"].values())
        console.print(f"{total} documents as of {made['at']} are in {folder}.", markup=False)


def restore(
    folder: Folder,
    state: StateOption = None,
    force: Annotated[bool, typer.Option("--force", help="Yes: what the databases hold now is to go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put the databases back as a backup has them. The system must be down; the topics stay, and are caught up with.

    A new state gets the keys and secrets of the backup as well.

    Start it after that with `wea up`, and prove the books with `wea check`. docs/backup.md says what to look at.
    """
    from wea import record
    from wea.backup import manifest_of, mongod_of, put_back_secrets
    from wea.backup import restore as load

    place = existing(state)
    run = record.load(place)
    if run is not None and run.supervisor.find() is not None:
        raise UserError("a system runs on this state: `wea down` first.")
    if not force:
        raise UserError("what the databases hold now would be gone: say --force.")
    manifest_of(folder.absolute())
    with mongod_of(place) as uri:
        found = load(uri, folder.absolute())
    put_back_secrets(place, folder.absolute())
    if as_json:
        print_json({"restored": str(folder), **found})
    else:
        console.print(f"The databases are as of {found['at']}. `wea up` lets them catch up.", markup=False)
