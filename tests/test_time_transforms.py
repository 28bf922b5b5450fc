"""Dates and times as other systems write them, and the hours in which London's clocks change."""

import pytest

from models.mapping.budget import Budget
from models.mapping.pipeline import Terms
from models.mapping.time_formats import ORDERS
from models.mapping.transforms import through
from tests.text_tables import Row, cases
from tests.written_transforms import outcome, transform_of, value_of

TIMES = """
                       | transform          | value                | result
an offset              | datetime           | 2026-07-01T08:05:00+01:00 | 2026-07-01 07:05 UTC
Z is an offset         | datetime           | 2026-07-01T08:05:00.250Z | 2026-07-01 08:05:00.250 UTC
no zone                | datetime           | 2026-07-01T08:05     | !naive_time
London in winter       | datetime London    | 2026-01-31 23:30     | 2026-01-31 23:30 UTC
London in summer       | datetime London    | 2026-07-31 23:30     | 2026-07-31 22:30 UTC
the day first          | datetime order=dmy London | 03/04/2026 10:00     | 2026-04-03 09:00 UTC
or the month           | datetime order=mdy London | 03/04/2026 10:00     | 2026-03-04 10:00 UTC
never both             | datetime order=dmy London | 03/14/2026 10:00     | !invalid_time
dots and single digits | datetime order=dmy London | 3.4.2026 9:05:07     | 2026-04-03 08:05:07 UTC
a day is no time       | datetime London    | 2026-07-31           | !invalid_time
no such day            | datetime order=dmy London | 31/02/2026 10:00     | !invalid_time
no such hour           | datetime London    | 2026-07-31 25:00     | !invalid_time
something behind it    | datetime order=dmy London | 03/04/2026 10:00h    | !invalid_time
long ago               | datetime London    | 1926-07-31 08:00     | !implausible_time
a number               | datetime London    | 46113.5              | !wrong_type
the day of a time      | date               | 2026-07-31 23:30     | 2026-07-31
of an instant          | date               | 2026-07-31T23:30:00Z | 2026-08-01
hours alone            | datetime London    | 2026-07-31T08        | !invalid_time
another calendar       | date               | 2026-W31-5           | !invalid_time
a day as number        | date               | 46113                | !wrong_type
a length of numbers    | hours_between      | [1, 2]               | !wrong_type
a change as a version  | seconds_since_2000 | 2000-01-01T00:01:00.900Z | 60
"""

FORMATS = """
              | transform                              | value          | result
month names   | datetime formats=%d_%b_%y_%I%p London  | 1 Mar 26 12AM  | 2026-03-01 00:00 UTC
noon          | datetime formats=%d_%B_%y_%I:%M%p London | 1 march 26 12:05pm | 2026-03-01 12:05 UTC
its offset    | datetime formats=%d/%m/%Y_%H:%M_%z     | 25/10/2026 01:30 BST | 2026-10-25 00:30 UTC
an hour later | datetime formats=%d/%m/%Y_%H:%M_%z     | 25/10/2026 01:30 GMT | 2026-10-25 01:30 UTC
digits only   | datetime formats=%Y%m%d%H%M%z          | 202603010805-0330 | 2026-03-01 11:35 UTC
thirteen in the afternoon | datetime formats=%d/%m/%Y_%I_%p London | 1/3/2026 13 PM | !invalid_time
neither half  | datetime formats=%d/%m/%Y_%I_%p London | 1/3/2026 11 XM | !invalid_time
no such month | date formats=%d_%b_%Y                  | 1 Mrz 2026     | !invalid_time
a short year  | date formats=%d/%m/%Y                  | 1/3/26         | !invalid_time
no such offset | datetime formats=%d/%m/%Y_%H_%z        | 1/3/2026 8 CET | !invalid_time
a far offset  | datetime formats=%d/%m/%Y_%H_%z        | 1/3/2026 8 +14:01 | !invalid_time
a day in words | date formats=%B_%d_%Y                  | July 31 2026   | 2026-07-31
"""

LENGTHS = """
                 | transform           | value                 | result
noon in a sheet  | excel_serial London | 46113.5               | 2026-04-01 11:00 UTC
a second of it   | excel_serial London | "46023.0000115741"    | 2026-01-01 00:00:01 UTC
another system   | excel_serial system=1904 London | 44561.5               | 2026-01-01 12:00 UTC
the fifties      | excel_serial London | 20000                 | !implausible_time
below all its days | excel_serial London | -1                    | !implausible_time
seconds since 1970 | epoch               | 1772352300            | 2026-03-01 08:05 UTC
milliseconds     | epoch unit=ms       | "1772352300250"       | 2026-03-01 08:05:00.250 UTC
mistaken seconds | epoch               | 1772352300250         | !implausible_time
mistaken units   | epoch unit=ms       | 1772352300            | !implausible_time
a night          | hours_between       | 2026-03-01T20:00Z to 2026-03-02T08:00Z | 12
in March eleven  | hours_between       | 2026-03-28T20:00Z to 2026-03-29T08:00+01:00 | 11
in October 13    | hours_between       | 2026-10-24T20:00+01:00 to 2026-10-25T08:00Z | 13
backwards        | hours_between       | 2026-03-01T20:00Z to 2026-03-01T08:00Z | !ends_before_start
clocks alone     | hours_between       | 2026-03-28T20:00 to 2026-03-29T08:00 | !naive_time
without an end   | hours_between       | ["2026-03-28T20:00Z"] | !wrong_type
"""

CLOCK_CHANGES = """
                               | transform           | value                  | result
before March skips an hour     | datetime London     | 2026-03-29 00:59       | 2026-03-29 00:59 UTC
in the hour March skips        | datetime London     | 2026-03-29 01:00       | !missing_time
its last minute                | datetime London     | 2026-03-29 01:59       | !missing_time
after the hour March skips     | datetime London     | 2026-03-29 02:00       | 2026-03-29 01:00 UTC
before October repeats an hour | datetime London     | 2026-10-25 00:59       | 2026-10-24 23:59 UTC
in the hour it repeats         | datetime London     | 2026-10-25 01:00       | !ambiguous_time
the last minute of that        | datetime London     | 2026-10-25 01:59       | !ambiguous_time
after the hour it repeats      | datetime London     | 2026-10-25 02:00       | 2026-10-25 02:00 UTC
the offset says which          | datetime London     | 2026-10-25 01:30+01:00 | 2026-10-25 00:30 UTC
a spreadsheet in October       | excel_serial London | 46320.0625             | !ambiguous_time
a spreadsheet in March         | excel_serial London | 46110.0625             | !missing_time
the day does not need the hour | date                | 2026-10-25 01:30       | 2026-10-25
"""


@pytest.mark.parametrize(
    "row", [*cases(TIMES), *cases(FORMATS), *cases(LENGTHS), *cases(CLOCK_CHANGES)]
)
def test_time_becomes_an_instant_a_day_or_a_length_or_is_refused(row: Row) -> None:
    assert outcome(row) == value_of(row["result"])


def test_each_format_that_may_be_tried_is_a_step() -> None:
    budget = Budget()
    one = transform_of("date formats=%d/%m/%Y;%d-%m-%Y order=dmy")
    through([one], "31.07.2026", Terms(budget=budget))
    assert budget.steps.spent == 1 + 2 + len(ORDERS["dmy"])
