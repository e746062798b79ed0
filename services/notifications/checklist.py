"""The steps of one micro-credential in the programme's order: what is done, what is open and until when. Pure.

One list for every mail, the progress page and the question what to do next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from contracts.kinds import Decision, MissingStep, SessionKind
from contracts.program import CatalogueEntry, Program, Programs
from contracts.program_year import Contact
from services.notifications import seats, words
from services.notifications.standing import Credential, Group
from services.notifications.state import Attendance, Review, Session


class StepName(StrEnum):
    ORIENTATION = "orientation"
    NEA_REGISTRATION = "nea_registration"
    CLOCK_HOURS_REGISTRATION = "clock_hours_registration"
    WORKSHOP = "workshop"
    SUBMISSION = "submission"
    AWARD = "award"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as an educator reads it. `due` is the last local day, where the programme sets one."""

    name: StepName
    label: str
    done: bool
    note: str = ""
    due: date | None = None
    overdue: bool = False
    waits: bool = False  # nothing to do about it now: a seat is reserved, or the year has yet to begin


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next, where, and whom to ask about it."""

    label: str
    url: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Checklist:
    """One micro-credential of one educator."""

    credential: Credential
    title: str
    minutes: int
    designations: tuple[str, ...]
    steps: tuple[Step, ...]
    url: str | None
    program: Program

    @property
    def open_steps(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if not step.done)

    @property
    def granted(self) -> bool:
        return self.credential.entry is not None


def title(credential_id: str | None, programs: Programs, prefer: Program | None = None) -> str:
    """The catalogue's title, else the id."""
    entry = programs.catalogue_entry(credential_id or "", prefer)
    return words.shortened(entry.title if entry else credential_id or "")


def governing(credential: Credential, programs: Programs, now: datetime, submission_id: str | None = None) -> Program:
    """The year whose deadlines count: that of the submission's first attempt, else the one that we are in.

    Each submission has its own; where none is named, it is the newest that counts.
    """
    firsts = [a for a in credential.attempts if a.number == 1 and submission_id in (None, a.submission_id)]
    first = firsts[-1] if firsts else None
    return (programs.of(first.submitted_at) if first else None) or programs.current(now)


def taking_submissions(programs: Programs, now: datetime) -> Program | None:
    """The year with the next deadline that a first attempt can meet. It may have yet to begin: before is too early."""
    return next((year for year in programs if now < year.submission_closes), None)


def of(
    credential_id: str, group: Group, sessions: Mapping[str, Session], programs: Programs, now: datetime
) -> Checklist:
    credential = group.credential(credential_id)
    program = governing(credential, programs, now)
    entry: CatalogueEntry | None = programs.catalogue_entry(credential_id, program)
    return Checklist(
        credential,
        title(credential_id, programs, program),
        entry.minutes if entry else program.minutes.micro_credential,
        entry.designations if entry else (),
        _steps(credential, group, sessions, program, programs, now),
        entry.url if entry else None,
        program,
    )


def _steps(
    credential: Credential,
    group: Group,
    sessions: Mapping[str, Session],
    program: Program,
    programs: Programs,
    now: datetime,
) -> tuple[Step, ...]:
    def on(moment: datetime | None) -> str:
        return words.short_day(program.local_date(moment)) if moment else ""

    def attended(name: StepName, label: str, been: Attendance | None, held: list[Session]) -> Step:
        ahead = min((session.starts_at for session in held if session.ends_at > now), default=None)
        if been is not None or ahead is None:
            return Step(name, label, been is not None, on(been.ended_at if been else None))
        return Step(name, label, False, f"Your seat: {on(ahead)}", waits=True)

    oriented, workshop, clock_hours = group.orientation, credential.workshop, credential.clock_hours_registration
    nea = credential.nea_registration.registered_at if credential.nea_registration else None
    return (
        attended(
            StepName.ORIENTATION,
            "WEA Orientation (once, for all micro-credentials)",
            oriented,
            seats.held(group, sessions, SessionKind.ORIENTATION),
        ),
        Step(
            StepName.NEA_REGISTRATION,
            "Registered with NEA, in the Washington library",
            credential.registered_with_nea,
            on(nea),
        ),
        Step(
            StepName.CLOCK_HOURS_REGISTRATION,
            "Registered with WEA for clock hours",
            clock_hours is not None,
            on(clock_hours.registered_at if clock_hours else None),
        ),
        attended(
            StepName.WORKSHOP,
            "WEA Workshop for this micro-credential",
            workshop,
            seats.held(group, sessions, SessionKind.WORKSHOP, credential.id),
        ),
        _submission(credential, program, programs, now),
        _award(credential, program),
    )


def _submission(credential: Credential, program: Program, programs: Programs, now: datetime) -> Step:
    """Submitting, or revising where NEA asked for it: then it is that deadline that counts."""
    if any(governing(credential, programs, now, r.submission_id) == program for r in credential.to_revise):
        due, closed = program.revision_deadline, now >= program.revision_closes
        return Step(StepName.SUBMISSION, "Revised and submitted to NEA again", False, due=due, overdue=closed)
    attempts = credential.attempts
    if credential.submitted:
        notes = [words.short_day(program.local_date(attempts[-1].submitted_at))] if attempts else []
        if late := _late(credential):
            notes.append(late)
        if any(a.number == 1 and _has_dropped(program, credential, a.submitted_at) for a in attempts):
            notes.append(f"not in the {program.id} catalogue: it earns no clock hours")
        return Step(StepName.SUBMISSION, "Submitted to NEA", True, ", ".join(notes))
    if _has_dropped(program, credential, now):
        note = f"not in the {program.id} catalogue: submitted now, it earns no clock hours"
        return Step(StepName.SUBMISSION, "Submitted to NEA", False, note, overdue=True)
    closed, taking = now >= program.submission_closes, taking_submissions(programs, now)
    if closed and taking and taking.grants(credential.id):
        note = f"between {words.day(taking.first_day)} and {words.day(taking.submission_deadline)}"
        return Step(StepName.SUBMISSION, "Submitted to NEA", False, note, waits=True)
    return Step(StepName.SUBMISSION, "Submitted to NEA", False, due=program.submission_deadline, overdue=closed)


def _has_dropped(program: Program, credential: Credential, submitted_at: datetime) -> bool:
    """Whether what is submitted then earns nothing, since its year does not list it; of no other year we say so."""
    return credential.entry is None and program.holds(submitted_at) and not program.grants(credential.id)


def _late(credential: Credential) -> str:
    """What lateness means for the hours, where they wait for it; that WEA has accepted it, the hours show.

    First attempts that were late are called so in any case, a revision only while hours wait for a submission in time.
    """
    waits = credential.held is not None and MissingStep.ON_TIME_SUBMISSION in credential.held.missing
    submissions = {a.submission_id for a in credential.attempts}
    late = {a.submission_id for a in credential.attempts if a.on_time is False and (waits or a.number == 1)}
    if not submissions or late != submissions:
        return ""
    return "after the deadline: earns hours only if WEA accepts it" if waits else "after the deadline"


def _award(credential: Credential, program: Program) -> Step:
    def on(review: Review) -> str:
        return words.short_day(program.local_date(review.decided_at))

    if credential.award is not None:
        return Step(StepName.AWARD, "Awarded by NEA", True, on(credential.award))
    if any(review.decision is Decision.AWARDED for review in credential.reviews):
        return Step(StepName.AWARD, "Awarded by NEA", False, "NEA took it back")
    denial = credential.denial
    return Step(StepName.AWARD, "Awarded by NEA", False, f"not awarded, {on(denial)}" if denial else "")


def next_action(checklist: Checklist, portal_url: str) -> Action | None:
    """What to do about the first open step that does not wait; None: nothing is left to the educator now."""
    contacts = checklist.program.contacts
    nea, hours = contacts.nea_help_center, contacts.clock_hours
    nea_url = checklist.url or contacts.nea_help_center.url or portal_url
    for step in (step for step in checklist.open_steps if not step.waits):
        match step.name:
            case StepName.ORIENTATION:
                return Action("Reserve a seat in an Orientation", portal_url, hours)
            case StepName.NEA_REGISTRATION:
                return Action("Register with NEA", nea_url, nea)
            case StepName.CLOCK_HOURS_REGISTRATION:
                return Action("Register for clock hours", portal_url, hours)
            case StepName.WORKSHOP:
                return Action("Reserve a seat in a Workshop", portal_url, hours)
            case StepName.SUBMISSION if not step.overdue:
                again = step.label.startswith("Revised")
                return Action("Revise and submit to NEA" if again else "Submit to NEA", nea_url, nea)
            case _:
                pass
    return None
