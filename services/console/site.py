"""The site: which view stands at which address, which act may be done where, and by whom."""

from services.console import mending, working
from services.console.asked import Action, Download, Page
from services.console.audit import audit
from services.console.cases import exceptions, message, messages, unmatched
from services.console.downloads import export, transcript
from services.console.educators import educator, merge, search, timeline
from services.console.overview import lag, overview
from services.console.policy import May
from services.console.repairs import repair, repairs
from services.console.runbooks import runbook
from services.console.streams import record, streams
from services.console.stuck import lane, parked, quarantine

# An id may hold a slash, so what follows one is listed before it.
PAGES = (
    Page("/", overview, "overview.html"),
    Page("/lag", lag, "lag.html"),
    Page("/streams", streams, "streams.html"),
    Page("/streams/{place}", record, "record.html"),
    Page("/educators", search, "educators.html"),
    Page("/educators/{id:path}/timeline", timeline, "timeline.html"),
    Page("/educators/{id:path}/merge", merge, "merge.html", may=May.WORK),
    Page("/educators/{id:path}", educator, "educator.html"),
    Page("/parked", parked, "parked.html"),
    Page("/parked/{service}/{handle}", lane, "lane.html"),
    Page("/quarantine", quarantine, "quarantine.html"),
    Page("/repairs", repairs, "repairs.html"),
    Page("/repairs/{id}", repair, "repair.html"),
    Page("/exceptions", exceptions, "exceptions.html"),
    Page("/unmatched", unmatched, "unmatched.html"),
    Page("/messages", messages, "messages.html"),
    Page("/messages/{id}", message, "message.html"),
    Page("/runbooks/{runbook}", runbook, "runbook.html"),
    Page("/audit", audit, "audit.html", may=May.READ_AUDIT),
)

DOWNLOADS = (
    Download("/educators/{id:path}/transcript.pdf", "transcript.pdf", transcript, May.WORK),
    Download("/exports/{program_year}.csv", "export.csv", export, May.WORK),
)

ACTIONS = (
    Action("/educators/{id:path}/correct", working.correct, May.WORK),
    Action("/educators/{id:path}/merge", working.merge, May.WORK),
    Action("/educators/{id:path}/unmerge", working.unmerge, May.WORK),
    Action("/unmatched/{id}/link", working.link, May.WORK),
    Action("/links/{id}/unlink", working.unlink, May.WORK),
    Action("/exceptions/{id}/accept", working.accept, May.WORK),
    Action("/exceptions/{id}/dismiss", working.dismiss, May.WORK),
    Action("/messages/{id}/resend", working.resend, May.WORK),
    Action("/tasks/{id}/resolve", working.resolve_task, May.WORK),
    Action("/mail/stop", mending.stop_mail, May.MEND),
    Action("/mail/start", mending.start_mail, May.MEND),
    Action("/parked/{service}/group/{fingerprint}/retry", mending.retry_group, May.MEND),
    Action("/parked/{service}/{handle}/retry", mending.retry, May.MEND),
    Action("/parked/{service}/{handle}/skip", mending.skip, May.MEND),
    Action("/parked/{service}/{handle}/edit", mending.edit, May.MEND),
    Action("/repairs/{id}/cancel", mending.cancel_repair, May.MEND),
    Action("/quarantine/{service}/seen", mending.seen, May.MEND),
)
