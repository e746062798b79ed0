"""Runs the service: `python -m services.notifications`."""

import sys

from contracts.program import ProgramError
from eventing.service import main
from services.notifications.app import opened
from services.notifications.settings import Settings

if __name__ == "__main__":
    sys.exit(main("notifications", Settings, opened, ProgramError))
