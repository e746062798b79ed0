"""Who is meant: which educator NEA's learner is, and which account holds an NEA member id."""

from collections.abc import Iterable
from dataclasses import replace

from services.enrollment.state import MOST_EMAILS, Educator, Learner, normal_email
from services.enrollment.world import World


def settle_claim(draft: World, educator_id: str) -> set[str]:
    """Let an account hold the NEA member id that its profile claims, unless another holds it.

    What it gives up goes to the account that has claimed it longest. Returns the accounts that this changed.
    """
    educator = draft.educator(educator_id)
    released, claimed = educator.member_id, educator.claimed_id
    if released == claimed:
        draft.put(replace(educator, rival_id=None))
        return {educator_id}
    holder = _holder(draft, claimed)
    held = claimed if holder is None else None
    draft.put(replace(educator, member_id=held, rival_id=holder.id if holder else None))
    return {educator_id} | _pass_on(draft, released)


def _holder(draft: World, member_id: str | None) -> Educator | None:
    found = draft.claimants(f"nea:{member_id}") if member_id else []
    return next((educator for educator in found if educator.member_id == member_id), None)


def _pass_on(draft: World, member_id: str | None) -> set[str]:
    waiting = [e for e in draft.claimants(f"nea:{member_id}") if e.claimed_id == member_id] if member_id else []
    for place, educator in enumerate(waiting):
        held, rival = (member_id, None) if place == 0 else (None, waiting[0].id)
        draft.put(replace(educator, member_id=held, rival_id=rival))
    return {educator.id for educator in waiting}


def retry_learners(draft: World, identities: Iterable[str]) -> set[str]:
    """Try again to match the unbound learners with these identities. Returns the accounts that got one."""
    wanted = set(identities)
    draft.locked |= wanted
    bound = (bind(draft, learner) for learner in draft.wanting(wanted))
    return {learner.bound_to for learner in bound if learner.bound_to is not None}


def bind(draft: World, learner: Learner) -> Learner:
    """Bind a learner to the educator it is, if that is clear. A match once made does not move."""
    if learner.bound_to is None:
        draft.locked |= learner.identities  # a profile that comes meanwhile must conflict with us
        if (found := meant(draft, learner)) is not None:
            learner = replace(learner, bound_to=found, bindings=learner.bindings + 1)
    draft.put(learner)
    return learner


def meant(world: World, learner: Learner) -> str | None:
    """The account that a learner is, never guessed.

    By member id: the account that holds it. Else by e-mail: if just one person (accounts merged count as one) has
    it, and that person holds no member id or the learner's.
    """
    holder = _holder(world, learner.member_id)
    found = holder.id if holder is not None else _by_email(world, learner)
    if found is None or world.root_of(found) in {world.root_of(barred) for barred in learner.barred}:
        return None
    return found


def _by_email(world: World, learner: Learner) -> str | None:
    addresses = {f"email:{email}" for email in learner.emails}
    if not world.shared.isdisjoint(addresses):
        return None
    profiles = {e.id for address in addresses for e in world.claimants(address)}
    roots = {world.root_of(educator_id) for educator_id in profiles}
    if len(roots) != 1:
        return None
    root = roots.pop()
    held = {member.member_id for member in world.group(root).members} - {None}
    if held - {learner.member_id}:
        return None
    return root if root in profiles else min(profiles)


def introduce(learner: Learner, member_id: str | None, email: str | None) -> Learner:
    """Remember by what NEA calls this learner, unless they were erased."""
    if learner.forgotten:
        return learner
    emails = learner.emails
    if email is not None and normal_email(email) not in emails:
        emails = (*emails, normal_email(email))[:MOST_EMAILS]
    return replace(learner, member_id=member_id or learner.member_id, emails=emails)
