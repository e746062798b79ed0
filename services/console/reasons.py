"""What staff read beside each kind of case: what happened, and what they can do about it."""

from contracts.kinds import ExceptionKind

CASES = {
    ExceptionKind.LATE_ATTEMPT: "Submitted after the deadline. Accept it, and it counts as on time; dismiss it, and"
    " this attempt earns no hours.",
    ExceptionKind.NOT_IN_CATALOGUE: "The programme year of its submission does not list this micro-credential, or,"
    " before there is one, no year does. It earns no hours until the year's file lists it; then the case closes by"
    " itself.",
    ExceptionKind.NOT_ELIGIBLE: "NEA awarded it, and the programme lists it without clock hours. Tell the educator, and"
    " dismiss the case.",
    ExceptionKind.NO_PROGRAM_YEAR: "Its date lies in no programme year that is loaded. Was the date mistyped, or is the"
    " year's file missing?",
    ExceptionKind.UNALLOCATED: "This Workshop names no micro-credential, so it opens the way for none. Ask the educator"
    " for which it was, and allocate it on the educator's page.",
    ExceptionKind.HELD_TOO_LONG: "These hours have been held for long. The educator's page shows which step is missing;"
    " the case closes by itself when they are granted.",
    ExceptionKind.ATTENDANCE_CONFLICT: "The same attendance was told twice with other content, or the record is full."
    " The first holds; where it is wrong, correct it on the educator's page. Then dismiss the case.",
    ExceptionKind.DECISION_CONFLICT: "NEA said something else after its award, or says more than a record holds. The"
    " hours stay; ask NEA's Help Center, and dismiss the case.",
    ExceptionKind.IDENTITY_CONFLICT: "The profile claims an NEA member id that another account holds, and was kept"
    " without it. Is it one person? Then merge the two; else have the id put right in the portal.",
    ExceptionKind.MERGE_CONFLICT: "A merge was refused: with itself, of an account already merged, or in a circle. Look"
    " at both accounts, merge them here if they are one person, and dismiss the case.",
    ExceptionKind.SESSION_CONFLICT: "Attended a session that is cancelled, or was planned as another kind: no hours."
    " Have the session put right in the portal; then the case closes by itself.",
    ExceptionKind.TRANSCRIPT_SUPERSEDED: "Hours that stand on an issued transcript were taken back. The educator was"
    " told by e-mail; issue a new one when asked, and dismiss the case.",
}
