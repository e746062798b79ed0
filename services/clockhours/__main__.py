"""Runs the service: `python -m services.clockhours`."""

import sys

from contracts.program import ProgramError
from eventing.service import main
from services.clockhours.app import opened
from services.clockhours.settings import Settings

if __name__ == "__main__":
    sys.exit(main("clockhours", Settings, opened, ProgramError))
