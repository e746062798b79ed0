"""Which attendances do their step, and with how many minutes."""

from dataclasses import replace

from contracts import portal
from contracts.kinds import ConflictKind
from contracts.program_year import Program, Programs
from services.enrollment.state import (
    MOST_DISPUTES,
    Attendance,
    Conflict,
    CorrectedMinutes,
    Correction,
    Educator,
    Group,
    Outcome,
    Stamp,
    Step,
    newest,
)


def judge(member: Educator, group: Group, programs: Programs) -> tuple[dict[str, Step], list[Conflict]]:
    """Each attendance of one account as it counts, and what speaks against some of them.

    Corrections and reservations are read over the whole group: after a merge the portal corrects under the kept id.
    """
    steps: dict[str, Step] = {}
    conflicts: list[Conflict] = []
    for session_id, attendance in member.attendances.items():
        corrections = [found for one in group.members if (found := one.corrections.get(session_id)) is not None]
        minutes, reason = _attended(attendance, corrections)
        program = programs.of(attendance.ended_at)
        against = _conflicts(attendance, session_id, group) if minutes else []
        told = member.told.steps.get(session_id)
        credit = 0 if against else _credit(attendance, minutes, program, told)
        conflicts += against
        if minutes and program is None:
            conflicts.append(Conflict(ConflictKind.NO_PROGRAM_YEAR, session_id))
        steps[session_id] = Step(
            kind=attendance.kind,
            minutes=credit,
            ended_at=attendance.ended_at,
            micro_credential_id=_named(attendance, session_id, corrections, group),
            attended_minutes=minutes,
            reason=reason,
            # What an earlier build stored says so by its minutes alone.
            was_told=credit > 0 or (told is not None and (told.was_told or told.minutes > 0)),
        )
    return steps, conflicts


def _attended(attendance: Attendance, corrections: list[Correction]) -> tuple[int, str | None]:
    corrected = newest([correction.minutes for correction in corrections])
    return (attendance.minutes, None) if corrected is None else (corrected.value.minutes, corrected.value.reason)


def _named(attendance: Attendance, session_id: str, corrections: list[Correction], group: Group) -> str | None:
    """The micro-credential that the attendance opens the way for; never guessed."""
    corrected = newest([correction.micro_credential for correction in corrections])
    if corrected is not None:
        return corrected.value  # null clears it, and then the reservation does not apply either
    if attendance.micro_credential_id is not None:
        return attendance.micro_credential_id
    reserved = newest([member.reservations.get(session_id) for member in group.members])
    return reserved.value.micro_credential_id if reserved is not None and reserved.value.reserved else None


def _conflicts(attendance: Attendance, session_id: str, group: Group) -> list[Conflict]:
    """What speaks against an attendance. One that was revoked (0 minutes) contradicts nothing."""
    plan = group.sessions[session_id].plan
    if plan is not None and (plan.value.schedule is None or plan.value.schedule.kind != attendance.kind):
        return [Conflict(ConflictKind.SESSION_CONFLICT, session_id)]
    return []


def _credit(attendance: Attendance, minutes: int, program: Program | None, told: Step | None) -> int:
    """The minutes due by the year of the session's end.

    What was granted keeps its minutes when the year's file is changed, and when it is taken away: what was told stays
    while the minutes attended do. As long as the programme is the same, it says so anyway, whatever came first.
    """
    if told is not None and told.minutes and told.attended_minutes == minutes:
        return told.minutes
    if program is not None:
        return program.credit(attendance.kind, minutes)
    return told.minutes if told is not None and told.minutes <= minutes else 0


def attend(educator: Educator, said: portal.SessionAttended) -> tuple[Educator, Outcome]:
    """The first attendance of a session stands; only a correction changes it."""
    told = Attendance(said.kind, said.minutes, said.ended_at, said.micro_credential_id)
    first = educator.attendances.get(said.session_id)
    if first is None:
        attendances = {**educator.attendances, said.session_id: told}
        return replace(educator, attendances=attendances), Outcome.APPLIED
    disputes = educator.disputes.get(said.session_id, ())
    if told == first or told in disputes:
        return educator, Outcome.DUPLICATE
    if len(disputes) < MOST_DISPUTES:
        educator = replace(educator, disputes={**educator.disputes, said.session_id: (*disputes, told)})
    return educator, Outcome.APPLIED


def correct(educator: Educator, said: portal.AttendanceCorrected, stamp: Stamp) -> tuple[Educator, Outcome]:
    """Minutes and micro-credential are two registers: a correction without the field leaves the second alone."""
    before = educator.corrections.get(said.session_id, Correction())
    minutes = stamp.on(CorrectedMinutes(said.minutes, said.reason))
    named = stamp.on(said.micro_credential_id) if said.names_micro_credential else None
    after = Correction(newest((before.minutes, minutes)), newest((before.micro_credential, named)))
    if after == before:
        return educator, Outcome.SUPERSEDED
    return replace(educator, corrections={**educator.corrections, said.session_id: after}), Outcome.APPLIED
