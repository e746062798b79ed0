"""What fifty and more educators live through in the spring of 2024, and every message that the rules owe them.

A line is a day and an hour in Washington, then a fact, or (after `>`) a message that must be made in that hour and be
sent. `+3` is three days after the educator's first day; `04-12` is the date. What is not written here must not be sent.
Written by hand from the rules: at most one reminder a day, none from 20:00 to 07:00, 14, 7, 3, 1 and 0 days before a
deadline, two days of patience with a second registration.
"""

HISTORIES: dict[str, str] = {
    "does all in order": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +1 17 grant orientation O-1 90      > hours_granted O-1
        +2 10 nea NEA_TRA1
        +2 11 wea NEA_TRA1
        +5 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        +5 17 grant workshop W-1 90         > hours_granted W-1
        04-12 07                            > deadline NEA_TRA1
        04-19 07                            > deadline NEA_TRA1
        04-20 11 submit S-1 1 on            > submission_received NEA_TRA1
        05-06 09 award S-1 1
        05-06 09 grant micro_credential NEA_TRA1 900 > hours_granted NEA_TRA1
    """,
    "forgets the second registration, and never submits": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +4 10                               > clock_hours_registration_missing NEA_TRA1
        +6 10 wea NEA_TRA1
        +8 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-12 07                            > deadline NEA_TRA1
        04-19 07                            > deadline NEA_TRA1
        04-23 07                            > deadline NEA_TRA1
        04-25 07                            > deadline NEA_TRA1
        04-26 07                            > deadline NEA_TRA1
    """,
    "forgets NEA, and has to revise": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 wea NEA_TRA1
        +4 10                               > nea_registration_missing NEA_TRA1
        +5 10 nea NEA_TRA1
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-10 12 submit S-1 1 on            > submission_received NEA_TRA1
        04-30 10 review S-1 1 not_yet       > submission_returned NEA_TRA1
        05-10 07                            > deadline NEA_TRA1
        05-17 07                            > deadline NEA_TRA1
        05-18 12 submit S-1 2 on            > submission_received NEA_TRA1
        06-03 10 award S-1 2
        06-03 10 grant micro_credential NEA_TRA1 900 > hours_granted NEA_TRA1
    """,
    "registers at night": """
        +0 22 profile                       > welcome -
        +1 21 oriented O-1                  > orientation_completed O-1
        +2 21 nea NEA_TRA1
        +5 07                               > clock_hours_registration_missing NEA_TRA1
        +5 08 wea NEA_TRA1
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-02 23 submit S-1 1 on            > submission_received NEA_TRA1
    """,
    "comes to the Orientation last": """
        +0 10 profile                       > welcome -
        +2 10 nea NEA_TRA1                  > steps_missing NEA_TRA1
        +3 10 wea NEA_TRA1
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        +6 17                               > steps_missing NEA_TRA1
        +9 17 oriented O-1                  > orientation_completed O-1
        04-12 07                            > deadline NEA_TRA1
        04-15 12 submit S-1 1 on            > submission_received NEA_TRA1
    """,
    "submits without a Workshop": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        04-08 18 submit S-1 1 on            > submission_received NEA_TRA1
        04-08 18                            > steps_missing NEA_TRA1
        04-20 17 workshop W-1 NEA_TRA1      > workshop_attended NEA_TRA1
        05-01 10 award S-1 1
        05-01 10 grant micro_credential NEA_TRA1 900 > hours_granted NEA_TRA1
    """,
    "submits without a Workshop, at night": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        04-08 22 submit S-1 1 on            > submission_received NEA_TRA1
        04-09 07                            > steps_missing NEA_TRA1
    """,
    "attends a Workshop that names nothing": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        +5 17 workshop W-1 -                > workshop_unallocated W-1
        +7 10 correct W-1 NEA_TRA1 90       > workshop_attended NEA_TRA1
        04-12 07                            > deadline NEA_TRA1
        04-19 07                            > deadline NEA_TRA1
        04-23 07                            > deadline NEA_TRA1
        04-24 12 submit S-1 1 on            > submission_received NEA_TRA1
    """,
    "submits late, and is accepted": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        +5 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-12 07                            > deadline NEA_TRA1
        04-19 07                            > deadline NEA_TRA1
        04-23 07                            > deadline NEA_TRA1
        04-25 07                            > deadline NEA_TRA1
        04-26 07                            > deadline NEA_TRA1
        04-27 09 submit S-1 1 late          > submission_late NEA_TRA1
        05-15 10 award S-1 1
        05-15 10 held NEA_TRA1 on_time_submission > hours_held NEA_TRA1
        05-20 10 held NEA_TRA1
        05-20 10 grant micro_credential NEA_TRA1 900 > hours_granted NEA_TRA1
    """,
    "holds a seat and is there": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        +3 10 reserve W-1 NEA_TRA1
        +3 12 schedule W-1 +10 16           > reservation_confirmed NEA_TRA1
        +9 07                               > session_reminder NEA_TRA1
        +10 18 workshop W-1 NEA_TRA1        > workshop_attended NEA_TRA1
        04-05 12 submit S-1 1 on            > submission_received NEA_TRA1
    """,
    "holds a seat in a session that moves and is called off": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +3 09 schedule W-1 +10 16
        +3 10 reserve W-1 NEA_TRA1          > reservation_confirmed NEA_TRA1
        +5 12 schedule W-1 +12 16           > session_changed NEA_TRA1
        +11 07                              > session_reminder NEA_TRA1
        +11 09 calloff W-1                  > session_cancelled NEA_TRA1
    """,
    "gives up a seat": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +3 09 schedule W-1 +10 16
        +3 10 reserve W-1 NEA_TRA1          > reservation_confirmed NEA_TRA1
        +5 12 giveup W-1                    > session_cancelled NEA_TRA1
    """,
    "is awarded before the second registration": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +4 10                               > clock_hours_registration_missing NEA_TRA1
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-09 12 submit S-1 1 on            > submission_received NEA_TRA1
        04-30 10 award S-1 1
        04-30 10 held NEA_TRA1 clock_hours_registration > hours_held NEA_TRA1
        05-02 10 wea NEA_TRA1
        05-02 10 held NEA_TRA1
        05-02 10 grant micro_credential NEA_TRA1 900 > hours_granted NEA_TRA1
    """,
    "loses the credential again": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-01 12 submit S-1 1 on            > submission_received NEA_TRA1
        04-30 10 award S-1 1
        04-30 10 grant micro_credential NEA_TRA1 900 > hours_granted NEA_TRA1
        06-05 10 revoke NEA_TRA1
        06-05 10 reverse micro_credential NEA_TRA1 900 > hours_reversed NEA_TRA1
        06-05 10 case transcript_superseded > transcript_superseded -
    """,
    "works at two micro-credentials": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 12 nea EX_SEL1
        +4 10                               > clock_hours_registration_missing NEA_TRA1
        +5 07                               > clock_hours_registration_missing EX_SEL1
        +6 10 wea NEA_TRA1
        +6 10 wea EX_SEL1
        +7 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        +8 17 workshop W-2 EX_SEL1          > workshop_attended EX_SEL1
        04-12 07                            > deadline -
        04-15 12 submit S-1 1 on            > submission_received NEA_TRA1
        04-19 07                            > deadline EX_SEL1
        04-23 07                            > deadline EX_SEL1
        04-25 07                            > deadline EX_SEL1
        04-26 07                            > deadline EX_SEL1
    """,
    "is denied in the end": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +2 10 wea NEA_TRA1
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-11 12 submit S-1 1 on            > submission_received NEA_TRA1
        05-02 10 review S-1 1 incomplete    > submission_returned NEA_TRA1
        05-10 07                            > deadline NEA_TRA1
        05-17 07                            > deadline NEA_TRA1
        05-17 15 submit S-1 2 on            > submission_received NEA_TRA1
        06-01 10 review S-1 2 denied        > submission_denied NEA_TRA1
    """,
    "has two accounts": """
        +0 10 profile                       > welcome -
        +0 11 profile @2                     > welcome - @2
        +1 17 oriented O-1 @2                > orientation_completed O-1 @2
        +2 10 merge 2
        +3 10 nea NEA_TRA1 @2
        +5 10                               > clock_hours_registration_missing NEA_TRA1
        +6 10 wea NEA_TRA1
        +7 17 workshop W-1 NEA_TRA1 @2       > workshop_attended NEA_TRA1
        04-03 12 submit S-1 1 on @2          > submission_received NEA_TRA1
    """,
    "is erased": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +4 10 nea NEA_TRA1
        +5 10 erase
        +6 17 workshop W-1 NEA_TRA1
    """,
    "wants no reminders": """
        +0 10 profile                       > welcome -
        +1 17 oriented O-1                  > orientation_completed O-1
        +2 10 nea NEA_TRA1
        +3 10 unsubscribe
        +6 17 workshop W-1 NEA_TRA1         > workshop_attended NEA_TRA1
        04-21 12 submit S-1 1 on            > submission_received NEA_TRA1
    """,
    "registers across the change of the clocks": """
        03-02 10 profile                    > welcome -
        03-03 17 oriented O-1               > orientation_completed O-1
        03-08 10 nea NEA_TRA1
        03-10 11                            > clock_hours_registration_missing NEA_TRA1
        03-20 17 workshop W-1 NEA_TRA1      > workshop_attended NEA_TRA1
        04-01 12 submit S-1 1 on            > submission_received NEA_TRA1
    """,
    "has a profile only after a while": """
        +0 10 oriented O-1
        +0 10 grant orientation O-1 90
        +3 10 profile                       > welcome -
        +3 10                               > orientation_completed O-1
        +3 10                               > hours_granted O-1
    """,
}

FIRST_DAYS = ("2024-03-11", "2024-03-13", "2024-03-15")
