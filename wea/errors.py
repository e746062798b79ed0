"""The kinds of failure that a user of `wea` is told of in a sentence, never as a stack trace."""

import errno


class UserError(Exception):
    """A sentence for the user: what is wrong and what helps. `wea` prints it and exits with 2."""


def sentence(error: UserError | OSError) -> str:
    """What to say; of the system's errors, where it happened and what."""
    if isinstance(error, UserError):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}the disk is full."
    return f"{where}{error.strerror or error}."
