"""The ports of a system: the usual ones, else free ones, and the same again at the next start."""

from wea.servers.ports import free_port
from wea.state import State

FILE = "ports.json"


class Ports:
    """Hands out ports by name; `keep` remembers them in the state."""

    def __init__(self, state: State, *, usual: bool = True) -> None:
        """Not `usual`: any that are free. Two systems that start at once would go on choosing the same."""
        self._state = state
        self._usual = usual
        self._last: dict[str, int] = state.read(FILE) or {}
        self._taken: dict[str, int] = {}

    def take(self, name: str, usual: int) -> int:
        """The port of the last run, else the usual one, else any that is free."""
        wanted = self._last.get(name, usual) if self._usual else 0
        port = free_port(wanted, self._taken.values())
        self._taken[name] = port
        return port

    def keep(self) -> None:
        self._state.write(FILE, {**self._last, **self._taken})
