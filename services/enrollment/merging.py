"""Accounts that are one person, and persons who must be forgotten. Merges are judged at their arrival."""

from dataclasses import replace

from services.enrollment import identity
from services.enrollment.state import Educator
from services.enrollment.world import World


def merge(draft: World, kept_id: str, merged_id: str) -> tuple[set[str], bool]:
    """Make one account an alias of another.

    Returns the accounts to look at again, and whether it was done: not with itself, not of an account already
    merged, not in a circle.
    """
    merged = draft.educator(merged_id)
    if merged.alias_of is not None or draft.root_of(kept_id) == merged_id:
        return {kept_id, merged_id}, False
    draft.put(replace(merged, alias_of=kept_id, merge_number=merged.merge_number + 1))
    changed = {kept_id, merged_id}
    if draft.educator(draft.root_of(kept_id)).erased:  # the same person, who asked to be forgotten
        changed |= erase(draft, kept_id)
    return changed | _retry_learners_of(draft, kept_id), True


def unmerge(draft: World, kept_id: str, merged_id: str) -> tuple[set[str], bool]:
    """Take an alias back. Returns the accounts to look at again, and whether there was one."""
    merged = draft.educator(merged_id)
    if merged.alias_of != kept_id:
        return {kept_id, merged_id}, False
    draft.put(replace(merged, alias_of=None, merge_number=merged.merge_number + 1))
    return {kept_id, merged_id} | _retry_learners_of(draft, kept_id) | _retry_learners_of(draft, merged_id), True


def erase(draft: World, educator_id: str) -> set[str]:
    """Take all personal data out of a person's accounts and NEA's learners. Facts stay under their opaque ids."""
    group = draft.group(educator_id)
    names = _names(draft, educator_id)
    for member in group.members:  # all, before a claim is settled: nothing passes to another account of the same person
        draft.put(replace(member, profile=None, erased=True))
    changed = {id for member in group.members for id in identity.settle_claim(draft, member.id)}
    changed |= identity.retry_learners(draft, names)
    for learner in (*group.learners, *draft.wanting(names)):
        if learner.bound_to is not None or not any(draft.is_had(name) for name in learner.identities):
            draft.put(replace(learner, member_id=None, emails=(), forgotten=True))
    return changed


def update_profile(draft: World, educator: Educator) -> set[str]:
    """Take over a newer profile. Returns the accounts to look at again: of claims, and of learners now matched."""
    before = _names(draft, educator.id)
    draft.put(educator)
    changed = identity.settle_claim(draft, educator.id)
    return changed | identity.retry_learners(draft, before | _names(draft, educator.id))


def _retry_learners_of(draft: World, educator_id: str) -> set[str]:
    """Try again to match the learners that share an identity with this person."""
    return identity.retry_learners(draft, _names(draft, educator_id))


def _names(draft: World, educator_id: str) -> set[str]:
    return {name for member in draft.group(educator_id).members for name in member.identities}
