"""The programme's files, as the command line finds and reads them."""

from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from contracts.program import ProgramError, load
from contracts.program_year import Programs
from eventing.clock import system_now
from wea import settings
from wea.errors import UserError

OURS = Path(__file__).parents[1] / "programs"  # beside wea/, in a checkout and in a wheel


def programs_folder() -> Path:
    """WEA_PROGRAMS, else programs/ where we stand, else the one that came with this project."""
    given = settings.given_programs()
    if given is not None:
        return given
    here = Path.cwd() / "programs"
    return next((folder for folder in (here, OURS) if any(folder.glob("*.toml"))), here)


def programs(folder: Path) -> Programs:
    """Load them; UserError with file, line and reason where one is wrong."""
    if not folder.is_dir():
        raise UserError(f"there is no folder of programme files at {folder}: set WEA_PROGRAMS.")
    try:
        return load(folder)
    except ProgramError as error:
        raise UserError(str(error)) from None


def zone(folder: Path, now: datetime) -> ZoneInfo:
    """The time zone of the programme year of `now`: what a local date of the user's means."""
    return programs(folder).current(now).zone


def local(text: str) -> datetime:
    """A moment of a service's answer as the programme's clocks show it: its dates are local dates.

    As it came, where the programme files cannot be read here: they are the services', and nothing is decided by them.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(_zone())
    except UserError:
        return moment


@cache
def _zone() -> ZoneInfo:
    return zone(programs_folder(), system_now())
