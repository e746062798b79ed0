"""Reading what a batch of decisions will ask for: whole groups, the learners who may be meant, the sessions attended.

What is found leads to more (an alias to its root, a plan to those who attended), so this goes in rounds until nothing
new is named; nearly always there are two for accounts and one for the rest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from contracts import nea, portal
from eventing.mongo import ASCENDING, Database, Session
from services.enrollment.documents import unpack
from services.enrollment.learning import Fact, NeaFact, PortalFact
from services.enrollment.state import Educator, Learner, identities, normal_email
from services.enrollment.state import Session as WeaSession
from services.enrollment.world import World

MOST_ATTENDED = 500
COUNTED_AT_ONCE = 100  # accounts, and some for each fact: who has these addresses, in one query as nearly always


@dataclass(slots=True)
class Needs:
    """What decisions will ask for, by id. `persons` are accounts whose whole identity is in question."""

    educators: set[str] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)
    learners: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    planned: set[str] = field(default_factory=set)  # sessions: all who attended them
    names: set[str] = field(default_factory=set)  # identities
    unlinked: set[str] = field(default_factory=set)  # learners of whom it will be asked anew who is meant
    introduced: dict[str, frozenset[str]] = field(default_factory=dict)  # identities that learners are told with
    facts: int = 0

    def of(self, fact: Fact) -> None:
        """Add what one fact needs."""
        self.facts += 1
        match fact:
            case NeaFact(said=said):
                self.learners.add(fact.learner_id)
                former = self.introduced.get(fact.learner_id, frozenset())
                self.introduced[fact.learner_id] = former | named(said.learner)
            case PortalFact(said=said):
                self._of_portal(said)

    def _of_portal(self, said: portal.PortalData) -> None:
        match said:
            case portal.SessionScheduled() | portal.SessionCancelled():
                self.planned.add(said.session_id)
            case portal.EducatorMerged() | portal.EducatorUnmerged():
                self.persons |= {said.kept_educator_id, said.merged_educator_id}
            case portal.EducatorUpdated():
                self.persons.add(said.educator_id)
                self.names |= identities(said.nea_member_id, (normal_email(said.email),))
            case portal.EducatorErased():
                self.persons.add(said.educator_id)
            case portal.SessionAttended():
                self.educators.add(said.educator_id)
                self.sessions.add(said.session_id)
            case _:
                self.educators.add(said.key)


def named(learner: nea.Learner) -> frozenset[str]:
    return identities(learner.nea_member_id, (normal_email(learner.email),) if learner.email else ())


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it was read, and as MongoDB has it."""

    document: Any
    packed: Mapping[str, Any]


class Reading(Protocol):
    """The transaction in which to read."""

    @property
    def db(self) -> Database: ...
    @property
    def session(self) -> Session: ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that deciding can ask for, and what each document was read from, by form and id."""

    world: World
    stored: Mapping[tuple[type, str], Stored]


async def gather(unit: Reading, needs: Needs) -> Gathered:
    """Everything that deciding these facts can ask for."""
    gathering = _Gathering(unit)
    await gathering.follow(needs)
    return Gathered(gathering.world, gathering.stored)


class _Gathering:
    def __init__(self, unit: Reading) -> None:
        self.world = World()
        self.stored: dict[tuple[type, str], Stored] = {}
        self._unit = unit
        self._educators: set[str] = set()  # asked for, with those merged into them
        self._educators_named: set[str] = set()
        self._learners: set[str] = set()
        self._learners_of: set[str] = set()  # educators
        self._learners_named: set[str] = set()
        self._sessions: set[str] = set()

    async def follow(self, needs: Needs) -> None:
        await self._follow_planned(needs)
        needs.educators |= needs.persons
        needs.learners |= needs.unlinked
        await self._read_learners(needs.learners, set(), set())  # first: of those that are bound no names are needed
        self._widen(needs)
        while True:
            await self._follow_educators(needs)
            learners, names = needs.learners - self._learners, self._names(needs) - self._learners_named
            bound_to = self._educators - self._learners_of
            sessions = (needs.sessions | needs.planned) - self._sessions
            if not (learners or names or bound_to or sessions):
                return
            await self._read_learners(learners, bound_to, names)
            await self._read_sessions(sessions)
            self._widen(needs)

    async def _follow_planned(self, needs: Needs) -> None:
        """Those who attended, unless they are more than one unit of work can judge: then none of them."""
        if not needs.planned:
            return
        query = {"attended": {"$in": sorted(needs.planned)}}
        found = self._unit.db["educators"].find(query, {"_id": 1}, session=self._unit.session).limit(MOST_ATTENDED + 1)
        ids = {document["_id"] async for document in found}
        self.world.crowded = len(ids) > MOST_ATTENDED
        if not self.world.crowded:
            needs.educators |= ids

    async def _follow_educators(self, needs: Needs) -> None:
        """Accounts first, until they lead to no more: the learners of all are then asked for at once."""
        while True:
            unread = self._names(needs) - self._educators_named
            addresses = {name for name in unread if name.startswith("email:")}
            self.world.shared |= await self._shared(addresses, needs.facts)
            ids, names = needs.educators - self._educators, unread - self.world.shared
            if not (ids or names):
                return
            await self._read_educators(ids, names)
            self._widen(needs)

    def _names(self, needs: Needs) -> set[str]:
        return needs.names - self.world.shared

    async def _shared(self, addresses: set[str], facts: int) -> set[str]:
        """The addresses by which nobody is meant, whatever is decided here; thousands may have one.

        Of the persons who have an address now, each fact can take it from one (changed, merged, erased). Where more
        than one is left even so, neither they nor the learners with it need be read. Counted are unmerged accounts.
        """
        if not addresses:
            return set()
        most = COUNTED_AT_ONCE + 4 * facts
        found = await self._holders(addresses, most)
        if len(found) == most:
            found = [one for address in sorted(addresses) for one in await self._holders({address}, facts + 2)]
        held = Counter(name for identities in found for name in addresses & identities)
        return {address for address, persons in held.items() if persons > facts + 1}

    async def _holders(self, addresses: set[str], most: int) -> list[set[str]]:
        """The identities of each unmerged account with any of these addresses."""
        query = {"identities": {"$in": sorted(addresses)}, "alias_of": None}
        found = self._unit.db["educators"].find(query, {"identities": 1}, session=self._unit.session).limit(most)
        found.hint([("identities", ASCENDING)])  # by the other index it would go through nearly all accounts
        return [set(document["identities"]) async for document in found]

    async def _read_educators(self, ids: set[str], names: set[str]) -> None:
        self._educators |= ids
        self._educators_named |= names
        # One question for each index: an $or would be read by one of them only where all are alike.
        for document in await self._find("educators", {"_id": ids, "alias_of": ids, "identities": names}):
            self._put(Educator, document)

    async def _read_learners(self, ids: set[str], bound_to: set[str], names: set[str]) -> None:
        self._learners |= ids
        self._learners_of |= bound_to
        self._learners_named |= names
        for document in await self._find("learners", {"_id": ids, "bound_to": bound_to, "identities": names}):
            self._put(Learner, document)

    async def _read_sessions(self, ids: set[str]) -> None:
        self._sessions |= ids
        for document in await self._find("sessions", {"_id": ids}):
            self._put(WeaSession, document)

    def _put(self, form: Any, packed: Mapping[str, Any]) -> None:
        document = unpack(form, {**packed, "id": packed["_id"]})
        self.stored[form, document.id] = Stored(document, packed)
        self.world.put(document)

    async def _find(self, collection: str, wanted: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
        clauses = [{name: {"$in": sorted(values)}} for name, values in wanted.items() if values]
        if not clauses:
            return []
        query: dict[str, Any] = clauses[0] if len(clauses) == 1 else {"$or": clauses}
        found = self._unit.db[collection].find(query, session=self._unit.session)
        documents: list[dict[str, Any]] = await found.to_list(None)
        return documents

    def _widen(self, needs: Needs) -> None:
        """What was found names more."""
        world = self.world
        for educator in world.educators.values():
            needs.educators |= {educator.id} | ({educator.alias_of} if educator.alias_of else set())
            needs.sessions |= educator.attendances.keys()
        for learner in world.learners.values():
            # Of those that staff unlinked it from, whoever is one person with whom it may be now is read with them.
            if learner.bound_to is not None:
                needs.educators.add(learner.bound_to)
            if learner.bound_to is None or learner.id in needs.unlinked:
                needs.names |= learner.identities
        for learner_id, names in needs.introduced.items():
            known = world.learners.get(learner_id)
            if known is None or known.bound_to is None:
                needs.names |= names
        for educator_id in needs.persons:
            needs.names |= {name for member in world.group(educator_id).members for name in member.identities}
