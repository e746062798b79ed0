"""`python -m wea.servers` fetches what the servers need, so that everything afterwards works offline."""

import sys

from wea.errors import UserError
from wea.servers import fetch

if __name__ == "__main__":
    try:
        fetch()
    except UserError as error:
        sys.exit(f"wea: {error}")
