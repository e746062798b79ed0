"""What staff decide about exceptions. One transaction each, audited, safe to repeat."""

from datetime import datetime

from contracts.kinds import ExceptionKind, ExceptionStatus
from contracts.program import Programs
from eventing import audit
from eventing.batch import Batch, Cause
from eventing.http import Caller, ProblemError
from eventing.mongo import Database, UpdateOne
from eventing.transient import repeat
from services.clockhours.answers import ExceptionView
from services.clockhours.policy import decide
from services.clockhours.reasons import Refusal
from services.clockhours.state import Verdict
from services.clockhours.store import Tx
from services.clockhours.views import exception_view

SOURCE = "/clockhours/staff"


async def rule(
    database: Database,
    programs: Programs,
    now: datetime,
    verdict: Verdict,
    *,
    by: str,
    reason: str,
    caller: Caller,
) -> ExceptionView:
    """Put down a verdict and judge the educator by it. Raises ProblemError 404 and 409."""

    async def unit() -> ExceptionView:
        async with Tx.begin(database, Batch.none(), now) as tx:
            document = await tx.exception(verdict.exception_id)
            if document is None:
                raise ProblemError(404, "not_found", "There is no such exception.")
            kind, status = ExceptionKind(document["kind"]), ExceptionStatus(document["status"])
            if verdict.status is ExceptionStatus.ACCEPTED and kind is not ExceptionKind.LATE_ATTEMPT:
                raise ProblemError(409, Refusal.NOT_ACCEPTABLE, "Only a late attempt can be accepted; dismiss it.")
            if status is verdict.status:
                return exception_view(document)  # said before
            if status is ExceptionStatus.RESOLVED:
                raise ProblemError(409, Refusal.ALREADY_RESOLVED, "Its cause is gone: it resolved by itself.")
            if status is not ExceptionStatus.OPEN:
                raise ProblemError(409, Refusal.DECIDED_OTHERWISE, f"It was {status} before, and a verdict stands.")
            own = document["educator_id"]
            await tx.load([own])
            decision = decide(tx.joined([own]), verdict, programs, tx.now)
            tx.stage(decision, Cause(f"{verdict.exception_id}/{verdict.status}/{now.isoformat()}", SOURCE))
            said = {"by": by, "reason": reason, "decided_at": now}
            tx.bulk("exceptions", UpdateOne({"_id": verdict.exception_id}, {"$set": said}))
            action = f"exception.{verdict.status}"
            tx.bulk(audit.COLLECTION, audit.staged(caller, action, verdict.exception_id, reason, by=by))
            await tx.write()
            return exception_view({**document, **said, "status": verdict.status})

    return await repeat(unit)
