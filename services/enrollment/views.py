"""What enrollment shows: reads that change nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

from contracts.kinds import Decision, SessionKind
from contracts.program_year import Program, Programs
from services.enrollment.policy import derive
from services.enrollment.state import Educator, Group, JudgedAttempt, Learner, Step, Verdict, View, intake_key, newest


def educator_record(group: Group, programs: Programs) -> dict[str, Any]:
    """One person under the kept id: what was done, and what NEA said."""
    views = derive(group, programs)
    root = group.members[0]
    # Before the kept account has one of its own, she is who she was under the other; of several the first by id.
    ids = (root.id, *sorted(group.ids))
    profile = next((found for id in ids if (found := views[id].profile)), None)
    orientations = _attendances(views, SessionKind.ORIENTATION)
    return {
        "educator_id": root.id,
        "profile": asdict(profile) if profile else None,
        "erased": root.erased,
        "aliases": [member.id for member in group.members[1:]],
        "merged_into": {member.id: member.alias_of for member in group.members[1:]},
        "orientation_completed_at": next((row["ended_at"] for row in orientations if row["minutes"]), None),
        "orientations": orientations,
        "workshops": _attendances(views, SessionKind.WORKSHOP),
        "reservations": _reservations(group),
        "micro_credentials": [_credential(name, group, views, programs) for name in _credentials(group, views)],
        "conflicts": [
            {"educator_id": educator_id, "kind": conflict.kind, "session_id": conflict.session_id}
            for educator_id, view in views.items()
            for conflict in view.conflicts
        ],
    }


def _attendances(views: Mapping[str, View], kind: SessionKind) -> list[dict[str, Any]]:
    """One row a session, the one that counts first; `minutes` 0: it does not do its step."""
    found = [(name, step) for view in views.values() for name, step in view.steps.items() if step.kind is kind]
    found.sort(key=lambda pair: (pair[1].ended_at, pair[0], -pair[1].minutes))
    rows: dict[str, dict[str, Any]] = {}
    for session_id, step in found:
        if session_id not in rows or (step.minutes and not rows[session_id]["minutes"]):
            rows[session_id] = _attendance(session_id, step)
    return list(rows.values())


def _attendance(session_id: str, step: Step) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "kind": step.kind,
        "minutes": step.minutes,
        "attended_minutes": step.attended_minutes,
        "ended_at": step.ended_at,
        "micro_credential_id": step.micro_credential_id,
    }


def _reservations(group: Group) -> list[dict[str, Any]]:
    sessions = sorted({session_id for member in group.members for session_id in member.reservations})
    rows = []
    for session_id in sessions:
        told = newest(member.reservations.get(session_id) for member in group.members)
        if told is not None and told.value.reserved:
            rows.append({"session_id": session_id, "micro_credential_id": told.value.micro_credential_id})
    return rows


def _credentials(group: Group, views: Mapping[str, View]) -> list[str]:
    """Every micro-credential that anything was said of."""
    named: set[str | None] = {step.micro_credential_id for view in views.values() for step in view.steps.values()}
    for member in group.members:
        named |= {*member.registrations, *member.clock_hours}
    for learner in group.learners:
        named |= {*learner.registrations, *_named(learner.attempts), *_named(learner.decisions)}
        named |= _named(learner.revocations)
    return sorted(name for name in named if name is not None)


def _named(keys: Iterable[tuple[Any, ...]]) -> set[str]:
    """The micro-credentials of these keys: each begins with one."""
    return {str(key[0]) for key in keys}


def _credential(name: str, group: Group, views: Mapping[str, View], programs: Programs) -> dict[str, Any]:
    registered = newest((*_registrations(name, group.members), *_registrations(name, group.learners)))
    hours = newest(member.clock_hours.get(name) for member in group.members)
    revoked = [at for learner in group.learners for credential, at in learner.revocations if credential == name]
    listed = programs.catalogue_entry(name)
    return {
        "id": name,
        "title": listed.title if listed else None,
        "registered_at": registered.value if registered else None,
        "clock_hours_registered_at": hours.value.at if hours and hours.value.registered else None,
        "submissions": list(_submissions(name, views)),
        "awarded_at": _awarded_at(name, group.learners, revoked),
        "revoked_at": max(revoked, default=None),
    }


def _registrations(name: str, whose: Iterable[Educator] | Iterable[Learner]) -> Iterator[Any]:
    return (one.registrations.get(name) for one in whose)


def _awarded_at(name: str, learners: Iterable[Learner], revoked: list[datetime]) -> datetime | None:
    """The first award that counts, after every revocation; where none does, the last there was."""
    awards = [
        key[3]
        for learner in learners
        for key, told in learner.decisions.items()
        if key[0] == name and told.value.decision is Decision.AWARDED
    ]
    counting = [at for at in awards if not revoked or at > max(revoked)]
    return min(counting) if counting else max(awards, default=None)


def _submissions(name: str, views: Mapping[str, View]) -> Iterator[dict[str, Any]]:
    attempts: dict[tuple[str, int], JudgedAttempt] = {}
    decisions: dict[tuple[str, int], dict[datetime, Verdict]] = {}
    for learner in (learner for view in views.values() for learner in view.learners.values()):
        attempts |= {(key[1], key[2]): judged for key, judged in learner.attempts.items() if key[0] == name}
        for key, verdict in learner.decisions.items():
            if key[0] == name:
                decisions.setdefault((key[1], key[2]), {})[key[3]] = verdict
    for submission_id, keys in groupby(sorted({*attempts, *decisions}), key=lambda key: key[0]):
        rows = [_attempt(key[1], attempts.get(key), decisions.get(key, {})) for key in keys]
        yield {"submission_id": submission_id, "attempts": rows}


def _attempt(number: int, judged: JudgedAttempt | None, decided: Mapping[datetime, Verdict]) -> dict[str, Any]:
    decisions = [
        {"decision": verdict.decision, "decided_at": at, "credential_url": verdict.credential_url}
        for at, verdict in sorted(decided.items())
    ]
    last: Mapping[str, Any] = decisions[-1] if decisions else {}
    return {
        "attempt": number,
        "submitted_at": judged.submitted_at if judged else None,
        "deadline": judged.deadline if judged else None,
        "on_time": judged.on_time if judged else None,
        "decision": last.get("decision"),
        "decided_at": last.get("decided_at"),
        "decisions": decisions,
    }


def found_educator(educator: Educator) -> dict[str, Any]:
    """A row of the search."""
    profile = educator.told.profile
    return {
        "educator_id": educator.id,
        "name": profile.name if profile else None,
        "email": profile.email if profile else None,
        "nea_member_id": profile.nea_member_id if profile else None,
        "certificate_number": profile.certificate_number if profile else None,
        "alias_of": educator.alias_of,
        "erased": educator.erased,
    }


def learner_row(learner: Learner, candidates: Iterable[str] = ()) -> dict[str, Any]:
    """A learner of NEA's: unmatched, or linked to an educator. `intake_key` is that of their events on wea.inbox.v1."""
    facts = [*learner.registrations.values(), *learner.attempts.values()]
    times = [*(told.time for told in facts), *(told.time for told in learner.decisions.values())]
    times += [told.time for told in learner.revocations.values()]
    named = _named(learner.attempts) | _named(learner.decisions) | _named(learner.revocations)
    return {
        "id": learner.id,
        "intake_key": intake_key(learner.id, learner.member_id),
        "nea_member_id": learner.member_id,
        "email": learner.emails[-1] if learner.emails else None,
        "educator_id": learner.bound_to,
        "micro_credential_ids": sorted(named | learner.registrations.keys()),
        "facts": len(times),
        "first_at": min(times, default=None),
        "last_at": max(times, default=None),
        "candidates": sorted(candidates),
    }


def catalogue(program: Program, stack: str | None, designation: str | None) -> list[dict[str, Any]]:
    """The year's micro-credentials, of one stack or designation where asked."""
    return [
        entry.model_dump(mode="json")
        for entry in program.micro_credentials
        if (stack is None or stack in entry.stacks) and (designation is None or designation in entry.designations)
    ]


def program_year(program: Program, programs: Programs) -> dict[str, Any]:
    """The current year without its catalogue, and which years are loaded."""
    shown = program.model_dump(mode="json", exclude={"micro_credentials"})
    return shown | {
        "submission_closes": program.submission_closes,
        "revision_closes": program.revision_closes,
        "years": [year.id for year in programs],
    }
