"""`python -m wea.detached PIPE REQUEST`: the supervisor behind `wea up --detach`.

It tells its parent each step through the pipe, as lines of JSON, and goes on alone once it is ready.
"""

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path

from eventing.clock import system_now
from wea.errors import UserError, sentence
from wea.up import Request, run


def main() -> int:
    pipe, given = os.fdopen(int(sys.argv[1]), "w"), json.loads(sys.argv[2])
    request = Request(Path(given["state"]), given["as_of"], given["replicas"])

    def say(**message: object) -> None:
        with contextlib.suppress(OSError, ValueError):  # our parent may have gone
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

    def tell(step: str) -> None:
        log(request.state, step)
        say(step=step)

    def ready() -> None:
        say(ready=True)
        pipe.close()

    try:
        run(request, tell, ready)
    except (UserError, OSError) as error:
        log(request.state, sentence(error))
        say(error=sentence(error))
        return 2
    except Exception:
        log(request.state, traceback.format_exc())
        raise
    return 0


def log(state: Path, step: str) -> None:
    """Into logs/supervisor.log, with the machine's time; nowhere as long as there is no such folder."""
    with contextlib.suppress(OSError), (state / "logs" / "supervisor.log").open("a") as file:
        file.write(f"{system_now().isoformat()} {step}\n")


if __name__ == "__main__":
    sys.exit(main())
