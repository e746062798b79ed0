"""What NEA says of a learner: registrations, attempts, decisions, revocations; and which attempts are on time."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from contracts import nea
from contracts.kinds import Decision
from contracts.program_year import Programs
from services.enrollment.state import (
    MOST_ATTEMPTS,
    MOST_CREDENTIALS,
    AttemptKey,
    Group,
    JudgedAttempt,
    Learner,
    LearnerView,
    Outcome,
    Register,
    Stamp,
    Verdict,
    latest,
    newest,
)

K = TypeVar("K")
V = TypeVar("V")


class FullError(Exception):
    """The document holds as much as it may: the fact is not taken in, and staff see a case."""


def learn(learner: Learner, said: nea.NeaData, stamp: Stamp) -> tuple[Learner, Outcome]:
    """Put one thing that NEA said into its register. Raises FullError."""
    credential = said.micro_credential_id
    match said:
        case nea.Registered():
            registrations, outcome = written(learner.registrations, credential, stamp.on(said.registered_at))
            check_room(registrations, MOST_CREDENTIALS)
            return replace(learner, registrations=registrations), outcome
        case nea.Submitted():
            key = (credential, said.submission_id, said.attempt)
            attempts, outcome = written(learner.attempts, key, stamp.on(said.submitted_at))
            _check_credential(attempts, credential)
            return replace(learner, attempts=attempts), outcome
        case nea.Reviewed():
            verdict = Verdict(said.decision, said.credential_url)
            decided = (credential, said.submission_id, said.attempt, said.decided_at)
            decisions, outcome = written(learner.decisions, decided, stamp.on(verdict), _of_one_moment)
            _check_credential(decisions, credential)
            return replace(learner, decisions=decisions), outcome
        case nea.Revoked():
            revocations, outcome = written(learner.revocations, (credential, said.revoked_at), stamp.on(said.reason))
            _check_credential(revocations, credential)
            return replace(learner, revocations=revocations), outcome
        case _:
            raise TypeError(type(said).__name__)


def _of_one_moment(told: Register[Verdict]) -> tuple[bool, datetime, str, str]:
    """Of two decisions of one moment the newest told holds, but an award before others: only a revocation ends it."""
    return (told.value.decision is Decision.AWARDED, *told.rank)


def written(
    registers: Mapping[K, Register[V]],
    key: K,
    new: Register[V],
    rank: Callable[[Register[V]], Any] = attrgetter("rank"),
) -> tuple[Mapping[K, Register[V]], Outcome]:
    """The registers with the new one in its place, if it is newer than what stands there."""
    old = registers.get(key)
    if old is not None and rank(old) >= rank(new):
        return registers, Outcome.DUPLICATE if old.value == new.value else Outcome.SUPERSEDED
    same = old is not None and old.value == new.value
    return {**registers, key: new}, Outcome.DUPLICATE if same else Outcome.APPLIED


def check_room(held: Collection[Any], most: int) -> None:
    if len(held) > most:
        raise FullError


def _check_credential(held: Mapping[Any, Any], credential: str) -> None:
    """Each micro-credential may have so many, and there may be so many micro-credentials."""
    check_room([key for key in held if key[0] == credential], MOST_ATTEMPTS)
    check_room({key[0] for key in held}, MOST_CREDENTIALS)


def judge(learner: Learner, group: Group, programs: Programs) -> LearnerView:
    """All that holds of a learner, its attempts judged over everything that is known of the person."""
    return LearnerView(
        registrations={credential: told.value for credential, told in learner.registrations.items()},
        attempts={key: _judged(key, own, group, programs) for key, own in learner.attempts.items()},
        decisions={key: told.value for key, told in learner.decisions.items()},
        revocations={key: told.value for key, told in learner.revocations.items()},
    )


def _judged(key: AttemptKey, own: Register[datetime], group: Group, programs: Programs) -> JudgedAttempt:
    """One attempt against the deadline of the year that holds attempt 1 of its submission.

    Until attempt 1 is seen, and where no loaded year holds it, a later one cannot be judged. What was judged by a year
    whose file was taken away stays judged: else the hours that were granted for it would be taken back.
    """
    credential, submission, attempt = key
    submitted_at = latest(own, *(learner.attempts.get(key) for learner in group.learners)).value
    first = newest(learner.attempts.get((credential, submission, 1)) for learner in group.learners)
    program = None if first is None else programs.of(first.value)
    if program is None:
        return _judged_before(key, submitted_at, first, group) or JudgedAttempt(submitted_at)
    deadline = program.submission_closes if attempt == 1 else program.revision_closes
    return JudgedAttempt(submitted_at, deadline, submitted_at < deadline)


def _judged_before(
    key: AttemptKey, submitted_at: datetime, first: Register[datetime] | None, group: Group
) -> JudgedAttempt | None:
    """What was told of an attempt, where neither it nor attempt 1 has another time since, and both were judged."""
    views = [view.attempts for member in group.members for view in member.told.learners.values()]
    first_key = (*key[:2], 1)
    if first is None or not any(_is_judged(view.get(first_key), first.value) for view in views):
        return None
    return next((told for view in views if _is_judged(told := view.get(key), submitted_at)), None)


def _is_judged(told: JudgedAttempt | None, submitted_at: datetime) -> bool:
    return told is not None and told.submitted_at == submitted_at and told.on_time is not None
