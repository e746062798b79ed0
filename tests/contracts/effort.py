"""How hard the property tests try: WEA_TEST_EFFORT=100 tries a hundred times as many cases."""

import os

from hypothesis import settings

# No deadline for one case: a busy machine is not a fault of the code.
tried = settings(max_examples=25 * int(os.environ.get("WEA_TEST_EFFORT", "1")), deadline=None)
