"""Runs the service: `python -m services.enrollment`."""

import sys

from contracts.program import ProgramError
from eventing.service import main
from services.enrollment.app import opened
from services.enrollment.settings import Settings

if __name__ == "__main__":
    sys.exit(main("enrollment", Settings, opened, ProgramError))
