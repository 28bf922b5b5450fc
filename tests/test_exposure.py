"""What rates are rates of: censuses in, resident-days or care hours by month and band out."""

from datetime import date, time

import msgspec
import pytest

from models.axes import CellRow
from models.context import PatternInForce, PlaceOfTeam, ServiceContext
from models.counting import StoredEvent
from models.exposure import CareTime, care_time, sum_care_time
from models.slices import months_before, months_reached
from models.vocabulary import MINUTES_PER_UNIT, Band, ExposureUnit, Family, Strand
from tests.evidence_by_hand import AS_OF, context, team
from tests.text_tables import NOTHING, Row, cases, event
from worker.arrays import evidence_indicators, lay_out
from worker.columns import columns_of
from worker.windows import windows_of

HOME = context(teams=(msgspec.structs.replace(team("oak"), aliases=("Oak Unit",)), "elm"))


def censuses(written: str) -> list[StoredEvent]:
    """`oak 2026-05-01 10; elm 2026-05-01 140h`: residents, or hours of care, of a team on a day."""
    sent = []
    for place, one in enumerate(written.split("; ")):
        who, on, count = one.rsplit(maxsplit=2)
        said = f"care_hours={count[:-1]}" if count.endswith("h") else f"residents={count}"
        # Written down long before, so only `on` can say the day; in order, for two of one day.
        when = f"2026-01-01 {10 + place}:00"
        sent.append(event("census.taken", f"on={on} {said}", when, team=who, event_id=one))
    return sent


def in_month(month: date, sent: list[StoredEvent], home: ServiceContext) -> list[CareTime]:
    """As the worker reads them: censuses of the month and of those before that reach into it."""
    reach = [*months_before(month, Family.CENSUS), month]
    read = [one for one in sent if date.fromisoformat(one.data["on"]).replace(day=1) in reach]
    return care_time(month, read, home)


def total(times: list[CareTime], unit: ExposureUnit, code: str) -> str:
    """Resident-days or hours of care of a team, `.` where there is none at all."""
    mine = [one.minutes for one in times if (one.unit, one.team) == (unit, code)]
    return f"{sum(mine) / MINUTES_PER_UNIT[unit]:g}" if mine else NOTHING


#: Resident-days of Oak. A month with a day that no census speaks for has none, and so no rate:
#: its events are those of the whole month.
RESIDENT_DAYS = """
    censuses                                | sent                                 | 2026-04 | 2026-05 | 2026-06 | 2026-07
    one on the first                        | oak 2026-05-01 10                    | .       | 310     | .       | .
    it holds for 45 days                    | oak 2026-05-16 10                    | .       | 310     | 300     | .
    and no more, or June would have a day   | oak 2026-05-15 10                    | .       | 310     | .       | .
    taken late in the month                 | oak 2026-05-31 10                    | .       | 310     | 300     | .
    a later one takes over on its day       | oak 2026-05-01 10; oak 2026-05-21 12 | .       | 332     | 360     | .
    before the first, the first later one   | oak 2026-05-11 10; oak 2026-05-21 12 | .       | 332     | 360     | .
    a later month never speaks for a former | oak 2026-06-01 10                    | .       | .       | 300     | .
    silence, then the first later one       | oak 2026-05-01 10; oak 2026-06-20 12 | .       | 310     | 330     | 372
    the last day of June is a day, too      | oak 2026-05-01 10; oak 2026-06-30 12 | .       | 310     | 330     | 372
    nobody there is a figure too            | oak 2026-05-01 10; oak 2026-05-16 0  | .       | 150     | 0       | .
    two of one day: the one taken last      | oak 2026-05-01 10; oak 2026-05-01 12 | .       | 372     | .       | .
    sent in another order                   | oak 2026-05-21 12; oak 2026-05-01 10 | .       | 332     | 360     | .
    under the team's other name             | Oak Unit 2026-05-01 10               | .       | 310     | .       | .
    a team nobody knows yet                 | ivy 2026-05-01 10                    | .       | .       | .       | .
    another team's is not Oak's             | elm 2026-05-01 10                    | .       | .       | .       | .
    the service's own is not split          | . 2026-05-01 40                      | .       | .       | .       | .
    hours of care are no residents          | oak 2026-05-01 140h                  | .       | .       | .       | .
"""  # noqa: E501 - four months stand beside each other


@pytest.mark.parametrize("row", cases(RESIDENT_DAYS))
def test_latest_census_counts_for_45_days_else_the_first_later_of_the_month(row: Row) -> None:
    sent = censuses(row["sent"])
    for month in [heading for heading in row if heading.startswith("2026")]:
        first = date.fromisoformat(f"{month}-01")
        times = in_month(first, sent, HOME)
        assert total(times, ExposureUnit.RESIDENT_DAYS, "oak") == row[month], month
        assert care_time(first, sent, HOME) == times, "what does not reach the month is no matter"


#: Who has how many resident-days and care hours in May 2026.
WHOSE = """
    censuses                                 | sent                                 | oak | elm | no team | oak hours | elm hours
    each team its own                        | oak 2026-05-01 10; elm 2026-05-01 6  | 310 | 186 | .       | .         | .
    the service's figure stays the service's | . 2026-05-01 16                      | .   | .   | 496     | .         | .
    beside a team's it takes nothing from it | . 2026-05-01 16; oak 2026-05-01 10   | 310 | .   | 496     | .         | .
    hours of care delivered on that day      | oak 2026-05-01 8h                    | .   | .   | .       | 248       | .
    residents here and hours there           | oak 2026-05-01 10; elm 2026-05-01 8h | 310 | .   | .       | .         | 248
    residents and hours of one team          | oak 2026-05-01 10; oak 2026-05-11 8h | 310 | .   | .       | 248       | .
    Oak's too old on the 21st, not Elm's     | oak 2026-04-05 10; elm 2026-05-01 6  | .   | 186 | .       | .         | .
    hours too old are as good as none        | oak 2026-04-05 8h; elm 2026-05-01 8h | .   | .   | .       | .         | 248
    residents are no answer about hours      | oak 2026-04-05 8h; oak 2026-05-01 10 | 310 | .   | .       | .         | .
    nor hours about residents                | oak 2026-04-05 10; oak 2026-05-01 8h | .   | .   | .       | 248       | .
    the service's too old, not the team's    | . 2026-04-05 16; oak 2026-05-01 10   | 310 | .   | .       | .         | .
    the team's too old, not the service's    | oak 2026-04-05 10; . 2026-05-01 16   | .   | .   | 496     | .         | .
"""  # noqa: E501 - five figures stand beside each other


@pytest.mark.parametrize("row", cases(WHOSE))
def test_exposure_is_that_of_the_team_whose_census_it_is_in_its_own_unit(row: Row) -> None:
    times = in_month(date(2026, 5, 1), censuses(row["sent"]), HOME)
    for code, heading in (("oak", "oak"), ("elm", "elm"), ("", "no team")):
        assert total(times, ExposureUnit.RESIDENT_DAYS, code) == row[heading]
    for code, heading in (("oak", "oak hours"), ("elm", "elm hours")):
        assert total(times, ExposureUnit.CARE_HOURS, code) == row[heading]


def test_census_that_says_both_counts_residents() -> None:
    both = event("census.taken", "on=2026-05-01 residents=10 care_hours=80")
    times = in_month(date(2026, 5, 1), [both], HOME)
    assert total(times, ExposureUnit.RESIDENT_DAYS, "oak") == "310"
    assert total(times, ExposureUnit.CARE_HOURS, "oak") == NOTHING


#: Oak in May 2026, by the day of its one census of ten residents and those it was open.
OPEN = """
    team                                   | census     | opened     | closed     | 2026-05
    open all along                         | 2026-05-01 | .          | .          | 310
    opened on the 11th                     | 2026-05-01 | 2026-05-11 | .          | 210
    closed on the 10th                     | 2026-05-01 | .          | 2026-05-10 | 100
    open for a day                         | 2026-05-01 | 2026-05-05 | 2026-05-05 | 10
    opens later                            | 2026-05-01 | 2026-06-01 | .          | .
    closed before                          | 2026-05-01 | .          | 2026-04-30 | .
    the census holds until the 20th        | 2026-04-05 | .          | .          | .
    and Oak closed on the 20th             | 2026-04-05 | .          | 2026-05-20 | 200
    and Oak closed on the 21st             | 2026-04-05 | .          | 2026-05-21 | .
    and Oak opened on the 20th             | 2026-04-05 | 2026-05-20 | .          | .
    counted first after it had opened      | 2026-05-20 | 2026-05-11 | .          | 210
"""


@pytest.mark.parametrize("row", cases(OPEN))
def test_team_has_care_on_the_days_it_is_open(row: Row) -> None:
    opened, closed = (
        None if row[heading] == NOTHING else date.fromisoformat(row[heading])
        for heading in ("opened", "closed")
    )
    home = context(teams=(team("oak", opened_on=opened, closed_on=closed),))
    times = in_month(date(2026, 5, 1), censuses(f"oak {row['census']} 10"), home)
    assert total(times, ExposureUnit.RESIDENT_DAYS, "oak") == row["2026-05"]


def test_team_that_moved_has_no_care_in_either_area_in_a_month_not_wholly_known() -> None:
    moved = msgspec.structs.replace(
        team("oak"),
        places=(
            PlaceOfTeam(date(2015, 4, 1), "Garden", None),
            PlaceOfTeam(date(2026, 5, 11), "East", None),
        ),
    )

    def by_area(written: str) -> dict[str, int]:
        times = in_month(date(2026, 5, 1), censuses(written), context(teams=(moved,)))
        days = [(one.area, one.minutes) for one in times]
        return {area: sum(m for of, m in days if of == area) // 1440 for area, _ in days}

    assert by_area("oak 2026-05-01 10") == {"Garden": 100, "East": 210}
    assert by_area("oak 2026-04-05 10") == {}


def test_areas_of_figures_without_a_team_are_known_each_by_itself() -> None:
    sent = [
        event("census.taken", f"on={on} residents=10", team=NOTHING, area=area)
        for area, on in (("Garden", "2026-05-01"), ("East", "2026-04-05"), ("East", "2026-03-30"))
    ]
    times = in_month(date(2026, 5, 1), sent, HOME)
    assert {one.area for one in times} == {"Garden"}
    assert total(times, ExposureUnit.RESIDENT_DAYS, "") == "310"


#: Hours that one resident spends in each band: 12 a night, but for two nights of the year.
BANDS = """
    month                               | weekday_day | weekday_night | weekend_day | weekend_night
    2026-02: 28 days, none special      | 240         | 240           | 96          | 96
    2026-03: a night of 11 hours        | 264         | 256           | 108         | 115
    2026-04: Good Friday, Easter Monday | 240         | 240           | 120         | 120
    2026-05: two Mondays are holidays   | 228         | 236           | 144         | 136
    2026-10: a night of 13 hours        | 264         | 272           | 108         | 101
"""


@pytest.mark.parametrize("row", cases(BANDS))
def test_resident_is_there_every_hour_of_every_band(row: Row) -> None:
    month = row["case"][:7]
    times = in_month(date.fromisoformat(f"{month}-01"), censuses(f"oak {month}-01 1"), HOME)
    hours = {band: sum(one.minutes for one in times if one.band == band) / 60 for band in Band}
    assert {band: f"{found:g}" for band, found in hours.items()} == {
        band: row[band] for band in Band
    }


#: Minutes of care by band of a day on which so many hours were delivered, spread evenly.
DAYS = """
    day                                 | on         | hours | weekday_day | weekday_night | weekend_day | weekend_night
    a Tuesday, half by day              | 2026-05-12 | 24    | 720         | 720           | .           | .
    a Monday starts in Sunday's night   | 2026-05-11 | 24    | 720         | 240           | .           | 480
    a holiday Monday is weekend all day | 2026-05-04 | 24    | .           | .             | 720         | 720
    Good Friday after Thursday's night  | 2026-04-03 | 24    | .           | 480           | 720         | 240
    the night is 11 of 23 hours         | 2026-03-29 | 23    | .           | .             | 720         | 660
    the night is 13 of 25 hours         | 2026-10-25 | 25    | .           | .             | 720         | 780
    no minute is lost in rounding       | 2026-03-29 | 24    | .           | .             | 752         | 688
    nothing was delivered               | 2026-05-12 | 0     | 0           | 0             | .           | .
"""  # noqa: E501 - four bands stand beside each other


@pytest.mark.parametrize("row", cases(DAYS))
def test_hours_of_care_are_spread_over_their_day(row: Row) -> None:
    on = date.fromisoformat(row["on"])
    times = in_month(on.replace(day=1), censuses(f"oak {on} {row['hours']}h"), HOME)
    found = {one.band: f"{one.minutes}" for one in times if one.day == on}
    assert {band: found.get(band, NOTHING) for band in Band} == {band: row[band] for band in Band}


def test_bands_of_care_follow_the_pattern_of_the_service() -> None:
    late_nights = (PatternInForce(date(2026, 5, 16), time(8), time(22)),)
    home = msgspec.structs.replace(HOME, patterns=late_nights)
    times = in_month(date(2026, 5, 1), censuses("oak 2026-05-01 1"), home)
    day = {one.day.day: one.minutes // 60 for one in times if one.band == Band.WEEKDAY_DAY}
    assert (day[15], day[18]) == (12, 14)


#: Months whose exposure a census of any day of the month can change.
REACH = """
    month   | changes
    2026-02 | 2026-02 2026-03 2026-04
    2026-05 | 2026-05 2026-06 2026-07
    2026-12 | 2026-12 2027-01 2027-02
"""


@pytest.mark.parametrize("row", cases(REACH))
def test_census_changes_the_months_up_to_45_days_on(row: Row) -> None:
    reached = months_reached(date.fromisoformat(f"{row['case']}-01"), Family.CENSUS)
    assert " ".join(f"{month:%Y-%m}" for month in reached) == row["changes"]


#: What Oak's, Elm's and all bands' rates of September 2026 are per, in one and the same unit.
ONE_UNIT = """
    censuses                            | sent                                 | oak | elm | bands
    residents in both                   | oak 2026-09-01 10; elm 2026-09-01 6  | 300 | 180 | 480
    care hours in both                  | oak 2026-09-01 8h; elm 2026-09-01 4h | 240 | 120 | 360
    residents in one, hours in other    | oak 2026-09-01 10; elm 2026-09-01 4h | 300 | .   | 300
    nobody lives in one, hours in other | oak 2026-09-01 0; elm 2026-09-01 4h  | .   | .   | .
    a service's figure is no team's     | . 2026-09-01 16                      | .   | .   | 480
    residents of all, hours of Oak      | . 2026-09-01 16; oak 2026-09-01 8h   | .   | .   | 480
    nobody in the service, Oak's hours  | . 2026-09-01 0; oak 2026-09-01 8h    | .   | .   | .
    hours of all, residents of Oak      | . 2026-09-01 8h; oak 2026-09-01 10   | 300 | .   | 300
    hours of the service and of Oak     | . 2026-09-01 8h; oak 2026-09-01 4h   | 120 | .   | 360
    a census older than 45 days         | oak 2026-07-01 10; elm 2026-09-01 6  | .   | 180 | 180
    one that is older on the 16th       | oak 2026-08-01 10; elm 2026-09-01 6  | .   | 180 | 180
"""


@pytest.mark.parametrize("row", cases(ONE_UNIT))
def test_rates_of_a_service_are_per_one_unit_or_they_are_null(row: Row) -> None:
    home = msgspec.structs.replace(HOME, programmes=())
    cells = [
        CellRow(AS_OF, *key, x=sums[0], n=0, sum_squares=0, events=sums[3])
        for key, sums in sum_care_time(in_month(AS_OF, censuses(row["sent"]), home)).items()
    ]
    window = windows_of(home, AS_OF, AS_OF)
    falls = [one.code for one in evidence_indicators(home)].index("falls")

    def per(strand: Strand) -> list[float]:
        panel = lay_out(strand, home, columns_of(cells), [AS_OF], [window]).panel
        return [1000 * float(each) for each in panel.n[0, :, :, falls, -1].sum(1)]

    exposure = [*per(Strand.TEAM_SPREAD), sum(per(Strand.SHIFT_COVERAGE))]
    assert [f"{each:g}" if each else NOTHING for each in exposure] == [
        row[heading] for heading in ("oak", "elm", "bands")
    ]
