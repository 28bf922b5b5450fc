"""Where an event belongs: the band it speaks of, the month and the area it counts in."""

from datetime import date, time

import msgspec
import pytest

from models.calendar import month_of
from models.context import PatternInForce, PlaceOfTeam
from models.counting import Placing, starts_at
from models.event_types import SHAPES
from tests.evidence_by_hand import context, team
from tests.text_tables import HOME, NOTHING, Row, cases, event, rows, span

ITEMS = "items_due=4 items_met=3"
SHIFT = "planned_hours=8 worked_hours=8"

#: Each happened on a Monday at 10:00: with `about` a weekend night, and without.
RULES = """
    event                    | about         | no about    | says
    complaint.received       | weekend_night | .           | respondent=family
    compliment.received      | weekend_night | .           | respondent=family
    feedback.received        | weekend_night | .           | respondent=family rating=4
    supervision.completed    | weekend_night | .           | on_time
    audit.completed          | weekend_night | weekday_day | items_due=4 items_met=3 audit=x
    care_record.checked      | weekend_night | weekday_day | items_due=4 items_met=3
    medication.administered  | weekday_day   | weekday_day | status=given
    medication.round         | weekday_day   | weekday_day | due=0 on_time=0 late=0 omitted=0 refused=0
    handover.completed       | weekday_day   | weekday_day | items_due=4 items_met=3
    observation.completed    | weekday_day   | weekday_day | items_due=4 items_met=3
    knowledge.checked        | weekday_day   | weekday_day | items_due=4 items_met=3
    self_assessment.recorded | weekday_day   | weekday_day | items_due=4 items_met=3
    incident.reported        | weekday_day   | weekday_day | category=fall harm=low
    census.taken             | .             | .           | on=2026-05-11 residents=16
"""  # noqa: E501 - a round says five numbers


def band(kind: str, says: str, when: str = "2026-05-11 10:00", about: str = NOTHING) -> str:
    return Placing(HOME).band(event(kind, says, when, about=about)) or NOTHING


@pytest.mark.parametrize("row", cases(RULES))
def test_about_moves_the_band_of_some_events_and_is_the_only_word_for_others(row: Row) -> None:
    assert band(row["case"], row["says"], about="weekend_night") == row["about"]
    assert band(row["case"], row["says"]) == row["no about"]


def test_every_type_has_its_rule_and_shifts_their_own_table() -> None:
    assert {row["case"] for row in rows(RULES)} | {"shift.worked"} == set(SHAPES)


#: Nights belong to the date on which they start; the month is that of the moment itself.
MOMENTS = """
    moment                                   | when                   | band          | month
    an ordinary Monday                       | 2026-05-11 10:00       | weekday_day   | 2026-05
    the first minute of the day              | 2026-05-11 08:00       | weekday_day   | 2026-05
    the last minute before it, Sunday's      | 2026-05-11 07:59       | weekend_night | 2026-05
    the last minute of the day               | 2026-05-11 19:59       | weekday_day   | 2026-05
    the first minute of the night            | 2026-05-11 20:00       | weekday_night | 2026-05
    Friday's night, on Saturday              | 2026-05-16 03:00       | weekday_night | 2026-05
    Saturday                                 | 2026-05-16 09:00       | weekend_day   | 2026-05
    Sunday's night                           | 2026-05-17 22:00       | weekend_night | 2026-05
    the early May bank holiday               | 2026-05-04 12:00       | weekend_day   | 2026-05
    its night, on Tuesday                    | 2026-05-05 05:00       | weekend_night | 2026-05
    the night before Christmas               | 2026-12-25 02:00       | weekday_night | 2026-12
    Christmas Day, a Friday                  | 2026-12-25 12:00       | weekend_day   | 2026-12
    Boxing Day's substitute, a Monday        | 2026-12-28 12:00       | weekend_day   | 2026-12
    Scotland's second of January is none     | 2026-01-02 12:00       | weekday_day   | 2026-01
    April's last night, in May               | 2026-05-01 02:00       | weekday_night | 2026-05
    Sunday's night, over the end of May      | 2026-06-01 02:00       | weekend_night | 2026-06
    half an hour into June, by UTC still May | 2026-05-31 23:30+00:00 | weekend_night | 2026-06
    the hour before clocks go forward        | 2026-03-29 00:59       | weekend_night | 2026-03
    right after they went forward            | 2026-03-29 02:00       | weekend_night | 2026-03
    the day after that short night           | 2026-03-29 08:00       | weekend_day   | 2026-03
    07:30 in UTC is day from then on         | 2026-03-29 07:30+00:00 | weekend_day   | 2026-03
    the hour that October has, first time    | 2026-10-25 01:30+01:00 | weekend_night | 2026-10
    and the second time                      | 2026-10-25 01:30+00:00 | weekend_night | 2026-10
    07:30 in UTC is night from then on       | 2026-10-25 07:30+00:00 | weekend_night | 2026-10
    the day after that long night            | 2026-10-25 08:00       | weekend_day   | 2026-10
"""


@pytest.mark.parametrize("row", cases(MOMENTS))
def test_event_is_in_the_band_its_local_clock_reads_and_in_its_own_month(row: Row) -> None:
    observed = event("observation.completed", ITEMS, row["when"])
    assert Placing(HOME).band(observed) == row["band"]
    assert f"{month_of(starts_at(observed)):%Y-%m}" == row["month"]


#: Of shifts and of audits about such a span, for which the same holds.
SPANS = """
    hours                                 | from and to                          | band
    a day shift                           | 2026-05-11 08:00 to 20:00            | weekday_day
    a long evening, mostly day            | 2026-05-11 14:00 to 22:00            | weekday_day
    a late shift, mostly night            | 2026-05-11 17:00 to 2026-05-12 00:00 | weekday_night
    half and half goes to where it starts | 2026-05-11 16:00 to 2026-05-12 00:00 | weekday_day
    half and half, starting by night      | 2026-05-12 04:00 to 12:00            | weekday_night
    Friday's night until Saturday noon    | 2026-05-15 20:00 to 2026-05-16 12:00 | weekday_night
    Friday's night is Friday's            | 2026-05-15 22:00 to 2026-05-16 08:00 | weekday_night
    Sunday's night on the bank holiday    | 2026-05-03 22:00 to 2026-05-04 08:00 | weekend_night
    the bank holiday's night              | 2026-05-04 22:00 to 2026-05-05 08:00 | weekend_night
    24 hours from morning: a tie          | 2026-05-11 08:00 to 2026-05-12 08:00 | weekday_day
    24 hours from evening: a tie          | 2026-05-11 20:00 to 2026-05-12 20:00 | weekday_night
    March's night has 11 hours            | 2026-03-28 20:00 to 2026-03-29 19:30 | weekend_day
    any other night has 12                | 2026-03-21 20:00 to 2026-03-22 19:30 | weekend_night
    October's night has 13                | 2026-10-24 09:30 to 2026-10-25 06:00 | weekend_night
    and any other has 12, until six       | 2026-10-17 09:30 to 2026-10-18 06:00 | weekend_day
    half and half in that long night      | 2026-10-24 09:00 to 2026-10-25 06:00 | weekend_day
"""


@pytest.mark.parametrize("row", cases(SPANS))
def test_span_takes_the_band_of_most_of_its_hours(row: Row) -> None:
    begins, ends = (each.isoformat().replace(" ", "T") for each in span(row["from and to"]))
    shift = event("shift.worked", f"{SHIFT} starts_at={begins} ends_at={ends}", "2026-05-11 10:00")
    assert Placing(HOME).band(shift) == row["band"]
    assert band("audit.completed", f"{ITEMS} audit=x", about=row["from and to"]) == row["band"]


#: Evidence about so many hours speaks of no time of day; a shift was worked in its hours.
LONG_SPANS = """
    hours                           | from and to                          | about         | shift
    a minute more than 24 hours     | 2026-05-11 08:00 to 2026-05-12 08:01 | .             | weekday_day
    24 hours, October's day of 25   | 2026-10-25 00:00 to 2026-10-25 23:00 | weekend_night | weekend_night
    all of October's day of 25      | 2026-10-25 00:00 to 2026-10-26 00:00 | .             | weekend_night
    eight to eight over that night  | 2026-10-24 08:00 to 2026-10-25 08:00 | .             | weekend_night
    all of March's day of 23        | 2026-03-29 00:00 to 2026-03-30 00:00 | weekend_day   | weekend_day
    live-in, Monday to Tuesday noon | 2026-05-11 08:00 to 2026-05-12 12:00 | .             | weekday_day
    live-in, from Friday evening    | 2026-05-15 20:00 to 2026-05-17 07:00 | .             | weekday_night
    an hour later, more of Saturday | 2026-05-15 21:00 to 2026-05-17 08:00 | .             | weekend_day
    two days and nights, the most   | 2026-05-12 08:00 to 2026-05-14 08:00 | .             | weekday_day
    live-in, weekend to bank Monday | 2026-05-03 20:00 to 2026-05-05 08:00 | .             | weekend_night
"""  # noqa: E501 - two bands stand beside each span


@pytest.mark.parametrize("row", cases(LONG_SPANS))
def test_evidence_about_more_than_24_hours_is_in_no_band_a_shift_always(row: Row) -> None:
    hours = row["from and to"]
    assert band("audit.completed", f"{ITEMS} audit=x", about=hours) == row["about"]
    assert band("feedback.received", "respondent=family rating=4", about=hours) == row["about"]
    begins, ends = (each.isoformat() for each in span(hours))
    shift = event("shift.worked", f"{SHIFT} starts_at={begins} ends_at={ends}")
    assert Placing(HOME).band(shift) == row["shift"]


def test_evidence_about_a_whole_week_is_in_no_band() -> None:
    week = "2026-05-11 00:00 to 2026-05-18 00:00"  # longer than a shift can be
    assert band("audit.completed", f"{ITEMS} audit=x", about=week) == NOTHING


#: Oak moved from Garden to East on 1 May 2026.
OAK = msgspec.structs.replace(
    team("oak", "Garden"),
    places=(
        PlaceOfTeam(date(2015, 4, 1), "Garden", None),
        PlaceOfTeam(date(2026, 5, 1), "East", None),
    ),
)
AREAS = """
    event                              | team | sent area | when             | shift                                | area   | month
    before midnight                    | oak  | .         | 2026-04-30 23:00 | .                                    | Garden | 2026-04
    after it, in the same night        | oak  | .         | 2026-05-01 02:00 | .                                    | East   | 2026-05
    a shift counts where it starts     | oak  | .         | 2026-05-01 08:10 | 2026-04-30 20:00 to 2026-05-01 08:00 | Garden | 2026-04
    a shift that starts in May         | oak  | .         | 2026-05-01 08:10 | 2026-05-01 00:00 to 08:00            | East   | 2026-05
    the team's area, whatever was sent | oak  | Attic     | 2026-05-01 10:00 | .                                    | East   | 2026-05
    a team without an area             | elm  | Attic     | 2026-05-01 10:00 | .                                    | .      | 2026-05
    no team, so the area that was sent | .    | Attic     | 2026-05-01 10:00 | .                                    | Attic  | 2026-05
    no team and no area                | .    | .         | 2026-05-01 10:00 | .                                    | .      | 2026-05
"""  # noqa: E501 - where and when in one row


@pytest.mark.parametrize("row", cases(AREAS))
def test_event_counts_in_the_area_and_month_of_its_day_a_shift_of_its_start(row: Row) -> None:
    kind, says = "observation.completed", ITEMS
    if row["shift"] != NOTHING:
        begins, ends = (each.isoformat() for each in span(row["shift"]))
        kind, says = "shift.worked", f"{SHIFT} starts_at={begins} ends_at={ends}"
    area = None if row["sent area"] == NOTHING else row["sent area"]
    sent = event(kind, says, row["when"], team=row["team"], area=area)
    code, found = Placing(context(teams=(OAK, "elm"))).team_and_area(sent)
    assert (code or NOTHING, found or NOTHING) == (row["team"], row["area"])
    assert f"{month_of(starts_at(sent)):%Y-%m}" == row["month"]


#: The home's own pattern: nights from 22:00 since 1 May, days from 07:00 since 1 June.
PATTERNS = (
    PatternInForce(date(2026, 5, 1), time(8), time(22)),
    PatternInForce(date(2026, 6, 1), time(7), time(22)),
)
OWN_PATTERN = """
    moment                     | when             | band
    before: night from eight   | 2026-04-30 21:00 | weekday_night
    since May: day until ten   | 2026-05-11 21:00 | weekday_day
    since May: night from ten  | 2026-05-11 22:00 | weekday_night
    since May: night at seven  | 2026-05-12 07:30 | weekday_night
    since June: day from seven | 2026-06-09 07:30 | weekday_day
"""


@pytest.mark.parametrize("row", cases(OWN_PATTERN))
def test_band_is_by_the_pattern_of_the_service_in_force_that_day(row: Row) -> None:
    home = msgspec.structs.replace(HOME, patterns=PATTERNS)
    assert Placing(home).band(event("observation.completed", ITEMS, row["when"])) == row["band"]
