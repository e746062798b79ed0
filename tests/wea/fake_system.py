"""`python -m tests.wea.fake_system STATE [MODULE]`: the real supervisor over fake services, in the foreground."""

import sys
from pathlib import Path

from wea.errors import UserError, sentence
from wea.fleet import Service
from wea.up import Request, run


def main() -> int:
    module = sys.argv[2] if len(sys.argv) > 2 else "tests.wea.fake_service"
    services = tuple(Service(f"fake-{letter}", 0, module, f"wea_fake_{letter}") for letter in "ab")
    try:
        run(
            Request(Path(sys.argv[1]), replicas={"fake-b": 2}),
            tell=lambda step: print(step, flush=True),
            ready=lambda: print("READY", flush=True),
            services=services,
        )
    except (UserError, OSError) as error:
        print(f"wea: {sentence(error)}", flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
