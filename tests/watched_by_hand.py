"""What each rule is to say of a look: one table a rule, `!` where it holds, `.` where it is mute.

Teams are oak, elm, ash; bands are day, night, we-day and we-night, in this order. A value that is
not there is unknown. Looks are those of September 2026.
"""

LOOKS = {
    "one_team_ahead": """
    case                               | level   | says
    the best is far above the middle   | 3.1 1 0 | oak 2.1!
    by two and no more                 | 3 1 0   | oak 2
    two teams, half of what is between | 4.4 0   | oak 2.2!
    nobody to compare with             | 9       | .
    no levels                          | .       | .
    """,
    "weak_themes_elsewhere": """
    case                     | level | weak                           | says
    thrice in another team   | 1 0 0 | elm medicines 3                | elm/medicines 3!
    twice                    | 1 0 0 | elm medicines 2                | elm/medicines 2
    in the best team         | 1 0 0 | oak medicines 3                | .
    over three months        | 1 0 0 | elm food 2 2026-07, elm food 1 | elm/food 3!
    older than three months  | 1 0 0 | elm food 2 2026-06, elm food 1 | elm/food 1
    after the look           | 1 0 0 | elm food 3 2026-10             | .
    two themes do not add up | 1 0 0 | ash food 2, ash records 1      | ash/food 2, ash/records 1
    two teams do not add up  | 1 0 0 | elm food 2, ash food 1         | ash/food 1, elm/food 2
    nothing weak was found   | 1 0 0 | .                              | .
    """,
    "confidence_without_results": """
    case                            | self     | audits       | practice | says
    surer than audits allow         | 0.97     | 0.90         | .        | oak 1.4!
    by one change and no more       | 0.95     | 0.90         | .        | oak 1
    audits agree, practice does not | 0.97     | 0.97         | 0.90     | oak 1.4!
    both agree                      | 0.90 0.8 | 0.90 0.9     | 0.90 0.8 | elm 0, oak 0
    modest                          | 0.80     | 0.90         | .        | oak -2
    results unknown                 | 0.97     | .            | .        | .
    nobody assessed themselves      | .        | 0.90 0.9 0.9 | .        | .
    """,
    "one_manager": """
    case                              | change   | led by      | claimed | says
    nearly all of it in ann's teams   | 2 2 0.9  | ann ann bea | 1       | all/ann 0.8163!
    four fifths exactly               | 2 2 1    | ann ann bea | 1       | all/ann 0.8!
    less than four fifths             | 2 2 1.1  | ann ann bea | 1       | all/ann 0.7843
    what got worse takes nothing away | 2 0 -9   | ann bea bea | 1       | all/ann 1!
    one leader of all is no news      | 2 2 1    | ann ann ann | 1       | .
    a team without a leader           | 2 2 1    | ann ann .   | 1       | .
    nothing improved                  | 0 0 -1   | ann bea bea | 1       | .
    chance, for nothing is claimed    | .3 0 -.1 | ann bea bea | 0       | .
    """,
    "persistent_variation": """
    case                             | apart   | gap         | says
    further apart, and a gap matters | 0.5>0.7 | -2! 0 0     | all 0.2!
    as far apart as ever             | 0.5>0.5 | -2! 0 0     | all 0!
    closer                           | 0.5>0.4 | -2! 0 0     | all -0.1
    no gap that matters              | 0.5>0.7 | -2 0 0      | all 0.2
    all alike, and alike below       | 0>0     | -2! -2! -2! | all 0
    spread unknown                   | nan>nan | -2! 0 0     | .
    """,
    "weaker_local_trends": """
    case                          | in concern | status | says
    two kinds of check in concern | 0 2 1      | nnn    | ash 1, elm 2!, oak 0
    more than two                 | 0 3 0      | nnn    | ash 0, elm 3!, oak 0
    a team that closed            | 0 2 0      | n-n    | ash 0, oak 0
    no team is open               | 0 2 0      | ---    | .
    """,
    "stuck_in_first_team": """
    case                        | claimed | origin | says
    the first team and no other | 1       | oak    | oak 1!
    two                         | 2       | oak    | oak 2
    where it began is not known | 1       |        | .
    """,
    "office_hours_auditing": """
    case                        | care           | checks      | says
    most checks in office hours | .36 .28 .2 .16 | .6 .2 .1 .1 | day 1.667!
    half as many again, no more | .4 .3 .2 .1    | .6 .2 .1 .1 | day 1.5
    checks follow care          | .4 .3 .2 .1    | .4 .3 .2 .1 | day 1
    no checks                   | .4 .3 .2 .1    | 0 0 0 0     | day 0
    hours unknown               | 0 0 0 0        | .6 .2 .1 .1 | .
    """,
    "weak_weekend_records": """
    case                       | records         | backfill        | says
    records worse at weekends  | .95 .95 .89     | .               | we-day/records 1.2!
    by one change and no more  | .95 .95 .90     | .               | we-day/records 1
    more written down later    | .               | .02 .02 . .06   | we-night/backfill 1.333!
    both, at different times   | .95 . .89 .95   | .02 . .02 .06   | we-day/records 1.2!, \
we-night/records 0, we-day/backfill 0, we-night/backfill 1.333!
    not of nights of weekdays  | .95 .50 .95     | .               | we-day/records 0
    weekends unknown           | .95 .95         | .02 .02         | .
    core hours unknown         | . .5 .5 .5      | .               | .
    """,
    "uncertain_night_escalation": """
    case                      | on time        | status | says
    late at night             | .95 .89 .9 .95 | nnnn   | night 1.2!, we-night 0
    by one change and no more | .95 .90 .9 .95 | nnnn   | night 1, we-night 0
    nobody knows of nights    | .95 . .9 .95   | nnnn   | night ?!, we-night 0
    nobody knows of any time  | .              | nnnn   | night ?, we-night ?
    no care at night          | .95 . .9       | n-n-   | .
    """,
    "families_out_of_hours": """
    case                       | felt         | says
    less felt at weekends      | 1.2 1 .1 1.2 | night 0.2, we-day 1.1!, we-night 0
    by one change and no more  | 1.2 1 .2 1.2 | night 0.2, we-day 1, we-night 0
    said of nights alone       | 1.2 .1       | night 1.1!
    too few answers to tell    | 1.2 .1 ± .5  | night 1.1
    nothing said of core hours | . .1 .1 .1   | .
    """,
    "night_or_weekend_gap": """
    case                          | gap         | says
    a gap that matters            | 0 -1.8! -.4 | night -1.8!, we-day -0.4
    not known to matter           | 0 -1.8 -.4  | night -1.8, we-day -0.4
    in core hours alone           | -2! 0       | night 0
    nothing measured out of hours | -2!         | .
    """,
    "weaker_handovers": """
    case                      | handovers   | says
    below the standard        | .95 .89 .95 | day 0, night -1.2!, we-day 0
    by one change and no more | .95 .90 .95 | day 0, night -1, we-day 0
    core hours are asked too  | .80         | day -3!
    no handovers checked      | .           | .
    """,
    "weekday_out_of_line": """
    case                            | status | p               | says
    nights are not as core          | RnR-   | .001 .2 .01     | night 0.2!, we-day 0.01
    core is not reached             | nn-R   | .2 .2 . .01     | night 0.2, we-night 0.01
    all are reached                 | RRRR   | 0 0 0 0         | night 0, we-day 0, we-night 0
    a band without care             | R-Rn   | 0 . 0 .1        | we-day 0, we-night 0.1!
    core hours alone have care      | R---   | 0               | .
    """,
    "audits_up_feedback_flat": """
    case                           | inside / outside | says
    inside up, outside surely flat | 1.5±.2 / .1±.8   | oak 1.5!
    inside by just one             | 1±.2 / .1±.8     | oak 1!
    inside by less                 | .9±.2 / .1±.8    | oak 0.9
    outside too loose to be flat   | 1.5±.2 / .1±.9   | oak 1.5
    outside is better              | 1.5±.2 / 1.2±.3  | oak 1.5
    people say nothing             | 1.5±.2 / .       | .
    inside unknown                 | . / .1±.5        | .
    """,
    "incidents_down_themes_same": """
    case                          | harm  | misses | negative           | says
    fewer harmed, same complaints | 2±1   | .      | oak food 3         | oak/food 3!
    named twice                   | 2±1   | .      | oak food 2         | oak/food 2
    two months ago                | 2±1   | .      | oak food 3 2026-07 | oak/food 3!
    three months ago              | 2±1   | .      | oak food 3 2026-06 | .
    not known to be fewer         | 1±1.1 | .      | oak food 3         | oak/food 3
    incidents unknown             | .     | .      | oak food 3         | oak/food 3
    named in another team         | 2±1   | .      | elm food 3         | elm/food 3
    near misses halved            | .     | .4>.2  | .                  | oak/misses 0.5!
    near misses not quite halved  | .     | .4>.21 | .                  | oak/misses 0.525
    near misses stopped           | .     | .4>0   | .                  | oak/misses 0!
    no near miss ever             | .     | 0>0    | .                  | .
    near misses unknown now       | .     | .4>.   | .                  | .
    """,
    "management_positive": """
    case                              | self   | staff   | inside / outside | says
    staff are happier, people are not | .      | 3.5>3.8 | . / .3±.4        | oak/staff 1.2!
    one change, by self-assessment    | .8>.85 | .       | . / .3±.4        | oak/self 1!
    less than one change              | .8>.84 | .       | . / .3±.4        | oak/self 0.8
    people say so too                 | .8>.9  | .       | . / .5±.4        | oak/self 2
    people say nothing                | .8>.9  | .       | . / .            | oak/self 2!
    no baseline                       | .>.9   | .       | . / .3±.4        | .
    """,
    "flat_feedback": """
    case                             | inside / outside | status | says
    inside better, outside not known | 2±1 / .3±.4      | n--    | oak 0.3!
    both better                      | 2±1 / .5±.4      | n--    | oak 0.5
    inside not known to be better    | 1±1.1 / .3±.4    | n--    | oak 0.3
    people say nothing               | 2±1 / .          | n--    | oak ?!
    nothing known                    | . / .            | n--    | oak ?
    no care                          | 2±1 / .3±.4      | ---    | .
    """,
    "repeated_dissatisfaction": """
    case                    | complaint                               | says
    thrice in three months  | elm food 2 2026-07, elm food 1          | elm/food 3!
    twice                   | elm food 2                              | elm/food 2
    older than three months | elm food 2 2026-06, elm food 1          | elm/food 1
    thrice, of two themes   | elm food 2, elm safety 1       | elm/food 2, elm/safety 1
    no complaints           | .                                       | .
    """,
    "assurance_gap": """
    case                             | inside / outside | says
    people feel less than half of it | 2±1 / .9±.4      | oak -0.1!
    people feel half of it           | 2±1 / 1±.4       | oak 0
    inside not known to be better    | 1±1.1 / 0±.4     | oak -0.5
    people say nothing               | 2±1 / .          | .
    """,
}  # fmt: skip
