"""What enrollment says: who has done what. Kept without limit, so ids only, no personal data."""

from contracts import topics
from contracts.event import EducatorData
from contracts.fields import Attempt, Counter, Id, Minutes, Moment, OptionalText, OptionalUrl
from contracts.kinds import ConflictKind, Decision, SessionKind


class EnrollmentData(EducatorData):
    TOPIC = topics.ENROLLMENT


class AttendanceData(EnrollmentData):
    """An attendance as it now counts. `minutes` is the credit now due (0: none), not the time attended."""

    session_id: Id
    kind: SessionKind
    minutes: Minutes
    attended_minutes: Minutes
    ended_at: Moment
    micro_credential_id: Id | None = None


class OrientationCompleted(AttendanceData):
    """An attendance does the orientation step; told again when what it says changes."""


class WorkshopAttended(AttendanceData):
    """An attendance opens the way for `micro_credential_id` (none: hours only, until one is named)."""


class AttendanceCorrected(AttendanceData):
    """The minutes due of an attendance that was told before are others now, 0 included."""

    reason: OptionalText = None


class ReservationData(EnrollmentData):
    session_id: Id
    micro_credential_id: Id | None = None


class SessionReserved(ReservationData):
    """A seat in a session; never a step."""


class ReservationCancelled(ReservationData):
    """The seat is given up; what it named is named no longer."""


class MicroCredentialRegistered(EnrollmentData):
    """Registered for a micro-credential with NEA."""

    micro_credential_id: Id
    registered_at: Moment
    learner_id: Id | None = None


class ClockHoursRegistered(EnrollmentData):
    """Registered with WEA for a micro-credential's clock hours."""

    micro_credential_id: Id
    registered_at: Moment


class ClockHoursWithdrawn(EnrollmentData):
    micro_credential_id: Id
    withdrawn_at: Moment
    reason: OptionalText = None


class CredentialSubmitted(EnrollmentData):
    """An attempt, judged. Told again when `submitted_at`, `deadline` or `on_time` change.

    `deadline` is the exclusive instant that it was judged by; `on_time` null: not judged yet, attempt 1 is unseen.
    """

    micro_credential_id: Id
    submission_id: Id
    attempt: Attempt
    submitted_at: Moment
    deadline: Moment | None = None
    on_time: bool | None = None
    learner_id: Id | None = None


class DecisionData(EnrollmentData):
    """What NEA's reviewers decided about one attempt."""

    micro_credential_id: Id
    submission_id: Id
    attempt: Attempt
    decision: Decision
    decided_at: Moment
    credential_url: OptionalUrl = None
    learner_id: Id | None = None


class CredentialReturned(DecisionData):
    """Not yet, or incomplete: the educator may revise."""


class CredentialAwarded(DecisionData):
    """NEA awarded the micro-credential."""


class CredentialDenied(DecisionData):
    """NEA denied this submission; another one may still be awarded."""


class CredentialRevoked(EnrollmentData):
    """NEA took the micro-credential back: awards decided up to `revoked_at` count no more."""

    micro_credential_id: Id
    revoked_at: Moment
    reason: OptionalText = None
    learner_id: Id | None = None


class LearnerUnlinked(EnrollmentData):
    """All that was told of this educator with this `learner_id` is taken back."""

    learner_id: Id


class MergeData(EnrollmentData):
    """`merge_number` counts up per merged account: of two, the higher holds, in whatever order they come."""

    kept_educator_id: Id
    merged_educator_id: Id
    merge_number: Counter


class EducatorsMerged(MergeData):
    """The merged account is from now on read as a part of the kept one."""


class EducatorsUnmerged(MergeData):
    """Each account stands alone again."""


class EducatorErased(EnrollmentData):
    """Forget the person; the ledger stays under the opaque id. One event for each id of the merged group."""


class ConflictData(EnrollmentData):
    """A case for staff: kind and ids, no personal data."""

    kind: ConflictKind
    session_id: Id | None = None
    micro_credential_id: Id | None = None
    merged_educator_id: Id | None = None
    holder_educator_id: Id | None = None
    submission_id: Id | None = None
    attempt: Attempt | None = None


class ConflictOpened(ConflictData):
    """A contradiction that staff should see."""


class ConflictResolved(ConflictData):
    """Its cause no longer holds."""


MODELS = (
    OrientationCompleted,
    WorkshopAttended,
    AttendanceCorrected,
    SessionReserved,
    ReservationCancelled,
    MicroCredentialRegistered,
    ClockHoursRegistered,
    ClockHoursWithdrawn,
    CredentialSubmitted,
    CredentialReturned,
    CredentialAwarded,
    CredentialDenied,
    CredentialRevoked,
    LearnerUnlinked,
    EducatorsMerged,
    EducatorsUnmerged,
    EducatorErased,
    ConflictOpened,
    ConflictResolved,
)
