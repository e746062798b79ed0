"""Runs the service: `python -m services.console`."""

import sys

from contracts.program import ProgramError
from eventing.service import main
from services.console.app import opened
from services.console.settings import Settings
from services.console.signin import UsersFileError

if __name__ == "__main__":
    sys.exit(main("console", Settings, opened, ProgramError, UsersFileError))
