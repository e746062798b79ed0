"""The rules of enrollment: learn one fact, derive what is true of everyone it concerns, tell what changed.

Nothing is decided by the order of arrival but the first attendance at a session, merges and matches; so whatever
way the same facts come, the same is true, and readers end with the same having been told.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from contracts.kinds import ConflictKind
from contracts.program_year import Programs
from services.enrollment import attendance, identity, submissions
from services.enrollment.learning import Fact, learn
from services.enrollment.state import (
    ClockHours,
    Conflict,
    Educator,
    Group,
    Outcome,
    Profile,
    Register,
    View,
    latest,
)
from services.enrollment.telling import Announcement, tell
from services.enrollment.world import World


@dataclass(frozen=True, slots=True)
class Decision:
    """What one fact leads to: the documents that it changes, and what is published, in order."""

    changes: World
    outcome: Outcome
    announcements: tuple[Announcement, ...] = ()


def decide(world: World, fact: Fact, programs: Programs) -> Decision:
    """Learn a fact and tell what it changes. The world is left as it is; absorb the decision's changes."""
    draft = world.draft()
    learned = learn(draft, fact)
    return Decision(draft, learned.outcome, (*learned.announcements, *settle(draft, learned.changed, programs)))


def link(world: World, learner_id: str, educator_id: str, programs: Programs) -> Decision:
    """Staff say who a learner is: that covers all that NEA said and will say of them."""
    draft = world.draft()
    learner = draft.learner(learner_id)
    barred = tuple(barred for barred in learner.barred if barred != educator_id)
    draft.put(replace(learner, bound_to=educator_id, bindings=learner.bindings + 1, barred=barred))
    return Decision(draft, Outcome.APPLIED, tuple(settle(draft, {educator_id}, programs)))


def unlink(world: World, learner_id: str, programs: Programs) -> Decision:
    """Staff say that a learner is not this educator. It is never matched with them again by itself."""
    draft = world.draft()
    learner = draft.learner(learner_id)
    former = learner.bound_to
    if former is None:
        return Decision(draft, Outcome.SUPERSEDED)
    learner = replace(learner, bound_to=None, bindings=learner.bindings + 1, barred=(*learner.barred, former))
    bound = identity.bind(draft, learner).bound_to  # someone else may be meant
    return Decision(draft, Outcome.APPLIED, tuple(settle(draft, {former, bound or former}, programs)))


def review(world: World, educator_id: str, programs: Programs) -> Decision:
    """Judge a person again, when it is the programme that changed."""
    draft = world.draft()
    return Decision(draft, Outcome.APPLIED, tuple(settle(draft, {educator_id}, programs)))


def settle(draft: World, changed: Iterable[str], programs: Programs) -> Iterator[Announcement]:
    """Bring what is told of these accounts, and of all that are one person with them, up to what is true."""
    roots = dict.fromkeys(draft.root_of(educator_id) for educator_id in sorted(changed))
    draft.touched |= {*changed, *roots}  # the root's document too: two units on one person must conflict
    for root in roots:
        for educator_id, view in derive(draft.group(root), programs).items():
            educator = draft.educator(educator_id)
            if educator.told != view:
                yield from tell(educator_id, educator.told, view)
                draft.put(replace(educator, told=view))


def derive(group: Group, programs: Programs) -> dict[str, View]:
    """What is true of each account of one person, from everything that is known of the person."""
    return {member.id: _view(member, group, programs) for member in group.members}


def _view(member: Educator, group: Group, programs: Programs) -> View:
    steps, conflicts = attendance.judge(member, group, programs)
    rival = _rival(member, group)
    if rival is not None:
        conflicts.append(rival)
    return View(
        profile=_profile(member, rival),
        erased=member.erased,
        steps=steps,
        reservations={session: told.value for session, told in member.reservations.items()},
        registrations={credential: told.value for credential, told in member.registrations.items()},
        clock_hours={
            credential: _clock_hours(credential, own, group) for credential, own in member.clock_hours.items()
        },
        learners={
            learner.id: submissions.judge(learner, group, programs)
            for learner in group.learners
            if learner.bound_to == member.id
        },
        conflicts=tuple(sorted(conflicts, key=lambda conflict: (conflict.kind, conflict.session_id or ""))),
        disputes={session: len(others) for session, others in member.disputes.items()},
    )


def _rival(member: Educator, group: Group) -> Conflict | None:
    """Another person holds the NEA member id that the profile claims; another account of the same person may."""
    if member.rival_id is None or member.rival_id in group.ids:
        return None
    return Conflict(ConflictKind.IDENTITY_CONFLICT, holder_educator_id=member.rival_id)


def _profile(member: Educator, rival: Conflict | None) -> Profile | None:
    if member.profile is None or rival is None:
        return member.profile.value if member.profile else None
    return replace(member.profile.value, nea_member_id=None)


def _clock_hours(credential: str, own: Register[ClockHours], group: Group) -> ClockHours:
    """Registered or withdrawn, whichever was said last under any account of the person."""
    return latest(own, *(member.clock_hours.get(credential) for member in group.members)).value
