"""A service that does nothing but what the supervisor can see: it is ready, and follows the clock file."""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def follow(clock: Path) -> None:
    acks = clock.with_name(clock.name + ".acks")
    acks.mkdir(exist_ok=True)
    while True:
        version = json.loads(clock.read_text())["version"]
        new = acks / f".{os.getpid()}"
        new.write_text(str(version))
        new.replace(acks / str(os.getpid()))  # as services do: whoever reads it finds no half of one
        time.sleep(0.02)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=follow, args=(Path(os.environ["WEA_CLOCK_FILE"]),), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["WEA_PORT"])), Answers).serve_forever()


if __name__ == "__main__":
    main()
