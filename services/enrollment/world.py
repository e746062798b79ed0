"""The part of enrollment's knowledge that one unit of work has in hand.

A decision works on a draft: it reads through to what was loaded and keeps what it changes to itself, so that
a decision that fails half-way leaves nothing behind.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from services.enrollment.state import Educator, Group, Learner, Session


class World:
    """Educators, learners and sessions by id, and the ways in which they are looked for."""

    def __init__(self, below: "World | None" = None) -> None:
        self._below = below
        self.educators: dict[str, Educator] = {}
        self.learners: dict[str, Learner] = {}
        self.sessions: dict[str, Session] = {}
        self.touched: set[str] = set()  # accounts whose document must change, so that others conflict with us
        self.joined: set[str] = set()  # sessions likewise: who comes to attend, and who plans anew, must conflict
        self.crowded: bool = below.crowded if below else False  # too many attended what is planned: none were gathered
        # Addresses that more people have than this unit can take them from: nobody is meant by one, none were gathered.
        self.shared: set[str] = below.shared if below else set()
        self.locked: set[str] = set()  # identities of which something was decided by what was not there
        self._found: dict[tuple[str, str], set[str]] = defaultdict(set)

    def draft(self) -> "World":
        return World(self)

    def absorb(self, draft: "World") -> None:
        """Take over what a finished decision changed."""
        documents: Iterable[Educator | Learner | Session] = chain(
            draft.educators.values(), draft.learners.values(), draft.sessions.values()
        )
        for document in documents:
            self.put(document)
        self.touched |= draft.touched
        self.joined |= draft.joined
        self.locked |= draft.locked

    def put(self, document: Educator | Learner | Session) -> None:
        match document:
            case Educator():
                self._index_educator(self._educator(document.id), document)
                self.educators[document.id] = document
            case Learner():
                self.learners[document.id] = document
                self._index("wanted", document.identities, document.id)
                self._index("bound", filter(None, [document.bound_to]), document.id)
            case Session():
                self.sessions[document.id] = document

    def educator(self, educator_id: str) -> Educator:
        """The account, new if nothing named it before."""
        return self._educator(educator_id) or Educator(educator_id)

    def learner(self, learner_id: str) -> Learner:
        return self._learner(learner_id) or Learner(learner_id)

    def session(self, session_id: str) -> Session:
        found = self.sessions.get(session_id)
        if found is None and self._below is not None:
            return self._below.session(session_id)
        return found or Session(session_id)

    def root_of(self, educator_id: str) -> str:
        """The account under which this one is read: itself, or the last of its chain of merges."""
        current = educator_id
        while (above := self.educator(current).alias_of) is not None:
            current = above
        return current

    def group(self, educator_id: str) -> Group:
        members = [self.educator(self.root_of(educator_id))]
        for member in members:  # grows while it is walked: chains of merges
            members.extend(self._merged_into(member.id))
        learners = [learner for member in members for learner in self._bound_to(member.id)]
        attended = {session_id for member in members for session_id in member.attendances}
        sessions = {session_id: self.session(session_id) for session_id in attended}
        return Group(tuple(members), tuple(learners), sessions)

    def attendees(self, session_id: str) -> frozenset[str]:
        """The accounts in hand that attended a session."""
        found = self._below.attendees(session_id) if self._below else frozenset()
        return found | {educator.id for educator in self.educators.values() if session_id in educator.attendances}

    def claimants(self, identity: str) -> list[Educator]:
        """Live accounts whose profile has this identity, in an order that arrival does not decide."""
        found = (self.educator(i) for i in self._indexed("identity", identity))
        live = (e for e in found if e.profile is not None and identity in e.identities)
        return sorted(live, key=lambda educator: (educator.profile.rank if educator.profile else (), educator.id))

    def is_had(self, identity: str) -> bool:
        """Whether any live account has this identity."""
        return identity in self.shared or bool(self.claimants(identity))

    def wanting(self, identities: Iterable[str]) -> list[Learner]:
        """Unbound learners with any of these identities."""
        ids = {i for identity in identities for i in self._indexed("wanted", identity)}
        return [learner for i in sorted(ids) if (learner := self.learner(i)).bound_to is None]

    def _merged_into(self, educator_id: str) -> Iterator[Educator]:
        for found in sorted(self._indexed("alias", educator_id)):
            if (educator := self.educator(found)).alias_of == educator_id:
                yield educator

    def _bound_to(self, educator_id: str) -> Iterator[Learner]:
        for found in sorted(self._indexed("bound", educator_id)):
            if (learner := self.learner(found)).bound_to == educator_id:
                yield learner

    def _educator(self, educator_id: str) -> Educator | None:
        return self.educators.get(educator_id) or (self._below._educator(educator_id) if self._below else None)

    def _learner(self, learner_id: str) -> Learner | None:
        return self.learners.get(learner_id) or (self._below._learner(learner_id) if self._below else None)

    def _index_educator(self, before: Educator | None, after: Educator) -> None:
        """Most changes are none of those by which an account is looked for."""
        if before is None or before.profile is not after.profile or before.member_id != after.member_id:
            self._index("identity", after.identities, after.id)
        if after.alias_of is not None:
            self._index("alias", [after.alias_of], after.id)

    def _index(self, name: str, values: Iterable[str], document_id: str) -> None:
        # Entries are never taken out: whoever looks checks the document that it finds.
        for value in values:
            self._found[name, value].add(document_id)

    def _indexed(self, name: str, value: str) -> set[str]:
        own = self._found.get((name, value), set())
        return own | self._below._indexed(name, value) if self._below else own
