"""Each transform as a table: settings, what goes in, what comes out; `!code` is a refusal."""

from typing import Any, get_args

import pytest

from models.mapping.budget import Budget, MappingError
from models.mapping.pipeline import Terms, UnmappedCode
from models.mapping.transforms import AnyTransform, Step, through
from tests import test_time_transforms as times
from tests.text_tables import Row, cases, rows
from tests.written_transforms import TABLES, outcome, transform_of, value_of

TEXTS = """
                                  | transform               | value            | result
spaces at both ends go            | trim                    | " Oak  Unit "    | Oak  Unit
a blank says nothing              | trim                    | "  "             | null
a number can be trimmed           | trim                    | 7                | "7"
small letters                     | lower                   | ÉLM              | élm
capital letters                   | upper                   | elm              | ELM
an id of digits becomes text      | text                    | 10045            | "10045"
3.0 is 3                          | text                    | 3.0              | "3"
a fraction stays                  | text                    | 3.25             | "3.25"
true is a word                    | text                    | true             | "true"
a list is no text                 | text                    | [1]              | !wrong_type
null goes through untouched       | constant value=true     | null             | null
whatever is there stands for this | constant value=true     | 2026-03-01       | true
parts are joined                  | concat separator=-      | ["A", 7, "b"]    | A-7-b
a part that is missing            | concat separator=-      | ["A", null, "b"] | !missing_part
what stands for it                | concat separator=- absent=? | ["A", null]  | A-?
a null left out                   | concat separator=- skip_null=true | ["A", 7, null, "b"] | A-7-b
nulls alone are null              | concat                  | [null, null]     | null
only a list is joined             | concat                  | A                | !wrong_type
an object is no part              | concat                  | [{}]             | !wrong_type
words are cut apart               | split at=,;             | "food, staff;; " | ["food", "staff"]
one word is a list too            | split                   | food             | ["food"]
each item goes through            | map_list of trim, lower | [" A", " ", "b"] | ["a", "b"]
one bad item refuses the list     | map_list of integer     | ["1", "x"]       | !not_a_number
"""

NUMBERS = """
                                 | transform                    | value       | result
digits                           | number                       | "12"        | 12
a fraction                       | number                       | " -0.5 "    | -0.5
a plus                           | number                       | +4.50       | 4.5
a number stays                   | number                       | 2.5         | 2.5
true is no number                | number                       | true        | !wrong_type
words are none                   | number                       | twelve      | !not_a_number
nor is nothing                   | number                       | ""          | !not_a_number
nor a lone point                 | number                       | 1.          | !not_a_number
nor is what only Python reads    | number                       | 1_000       | !not_a_number
nor digits of other scripts      | number                       | ٣           | !not_a_number
nor not-a-number                 | number                       | nan         | !not_a_number
nor an exponent                  | number                       | "1e3"       | !not_a_number
groups of three                  | number thousands=,           | 1,234,567.5 | 1234567.5
a comma elsewhere is a mistake   | number thousands=,           | 12,34       | !not_a_number
a decimal comma                  | number decimal=, thousands=. | 1.234,5     | 1234.5
a percent sign                   | number suffix=%              | 85 %        | 85
a whole number                   | integer                      | "12"        | 12
3.0 is whole                     | integer                      | 3.0         | 3
3.5 is never rounded             | integer                      | 3.5         | !not_whole
more than an id holds is refused | integer                      | "18446744073709551616" | !not_json
yes                              | boolean                      | " Yes "     | true
no                               | boolean                      | N           | false
one is yes                       | boolean                      | 1           | true
false stays                      | boolean                      | false       | false
perhaps is neither               | boolean                      | perhaps     | !unknown_value
words of a source                | boolean yes=due no=not_due   | Not  due    | false
only those words                 | boolean yes=due no=not_due   | yes         | !unknown_value
the lowest of ten                | scale from=[1,10]            | 1           | 1
the middle of 0 to 10            | scale from=[0,10]            | "5"         | 3
the best of five downwards       | scale from=[5,1]             | 1           | 5
percent                          | scale from=[0,100]           | 90          | 4.6
off the scale                    | scale from=[1,10]            | 11          | !out_of_range
to another scale                 | scale from=[0,1] to=[0,100]  | 0.25        | 25
"""

CODES = """
                              | transform            | value         | result
a code                        | lookup table=status  | G             | given
case and spaces do not matter | lookup table=status  | " not  GIVEN" | omitted_error
a number is a code too        | lookup table=status  | 4             | refused
a code that says nothing      | lookup table=status  | -             | null
an unknown one is rejected    | lookup table=status  | Q             | !unmapped_code
unless it may pass            | lookup table=passing | Q             | Q
or something stands for it    | lookup table=others  | Q             | other
exactly as written            | lookup table=exact   | g             | small
"""

UNUSABLE = """
                              | transform                          | because
formats that would be a guess | date formats=%d/%m/%Y;%m/%d/%Y     | disagree on the order
short years that would be too | date formats=%d/%m/%y;%y/%m/%d     | disagree on the order
an order against a format     | date formats=%m/%d/%Y order=dmy    | disagree on the order
a clock in no zone            | datetime order=dmy                 | Declare the 'zone'
a zone that is none           | datetime zone=Europe/Londn         | is not a time zone
a path for a zone             | excel_serial zone=../../etc/passwd | is not a time zone
a folder of zones             | datetime zone=Europe               | is not a time zone
an unknown directive          | date formats=%d/%m/%Y_%Q           | '%Q' is not known
a format without a year       | date formats=%d/%m                 | says no year
a day twice                   | date formats=%d_%d/%m/%Y           | once
hours of half a day           | date formats=%d/%m/%Y_%I:%M        | %p (am or pm)
half a day before its hour    | date formats=%d/%m/%Y_%p_%I        | %p (am or pm)
minutes of no hour            | date formats=%d/%m/%Y_%M           | says the hour
an offset in front            | datetime formats=%z_%d/%m/%Y_%H    | stands at the end
no format                     | date formats=                      | Give one format
a table that is not there     | lookup table=stauts                | no table 'stauts'
also inside of a list         | map_list of lookup table=x         | no table 'x'
a word for yes and no         | boolean yes=Y_ no=y                | both yes and no
a scale without length        | scale from=[5,5]                   | two different ends
one mark for two things       | number decimal=, thousands=,       | another than 'thousands'
"""


@pytest.mark.parametrize(
    "row",
    [
        *cases(TEXTS),
        *cases(NUMBERS),
        *cases(CODES),
    ],
)
def test_transform_turns_a_value_into_another_or_refuses_it(row: Row) -> None:
    wanted, made = value_of(row["result"]), outcome(row)
    assert made == wanted
    assert type(made) is type(wanted) or {type(made), type(wanted)} == {int, float}


@pytest.mark.parametrize("row", cases(UNUSABLE))
def test_settings_that_cannot_work_are_named(row: Row) -> None:
    assert row["because"] in (transform_of(row["transform"]).flaw(TABLES) or "")


def test_long_formats_are_refused() -> None:
    written = "%d/%m/%Y" + "-" * 60
    assert "at most 60" in (transform_of(f"date formats={written}").flaw(TABLES) or "")


def test_tables_of_a_transform_are_its_whole_list() -> None:
    tables = (TEXTS, NUMBERS, CODES, times.TIMES, times.LENGTHS)
    tested = {row["transform"].split()[0] for table in tables for row in rows(table)}
    named = {str(kind.__struct_config__.tag) for kind in get_args(AnyTransform)}
    assert named - {"hash_of"} == tested


def test_codes_that_were_let_through_are_remembered() -> None:
    terms = Terms(TABLES)
    for table in ("passing", "others", "status"):
        through((transform_of(f"lookup table={table}"),), "G", terms)
    assert terms.unmapped == [UnmappedCode("passing", "G"), UnmappedCode("others", "G")]


def test_hash_is_the_same_for_the_same_content_only() -> None:
    one = transform_of("hash_of prefix=row-")

    def hashed(value: Any) -> Any:
        return through((one,), value, Terms())

    first = hashed({"at": "10:00", "n": 3})
    assert first == hashed({"n": 3.0, "at": "10:00"})
    assert (first[:4], len(first)) == ("row-", 4 + 26)
    assert len({first, hashed({"at": "10:00", "n": 4}), hashed(["10:00", 3]), hashed("10:00")}) == 4
    assert hashed({"at": None, "n": None}) is None
    assert hashed(["10:00", None]) is not None


def test_each_step_is_shown_when_asked_for() -> None:
    steps: list[Step] = []
    transforms = [transform_of("trim"), transform_of("integer")]
    assert through(transforms, " 7 ", Terms(), steps) == 7
    assert steps == [Step("trim", "7"), Step("integer", 7)]


def test_transforms_are_paid_for() -> None:
    budget = Budget()
    through([transform_of("upper")] * 3, "x" * 1000, Terms(budget=budget))
    assert (budget.steps.spent, budget.characters.spent) == (3, 3000)


def test_a_text_longer_than_any_the_contract_takes_is_refused() -> None:
    with pytest.raises(MappingError, match="longer than the 20,000"):
        through([transform_of("concat")], ["x" * 15_000] * 2, Terms())
