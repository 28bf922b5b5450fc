"""A file of a table from its bytes to rows to store and remarks on all others."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.incoming.content import Terms
from models.incoming.csv_reading import BLOCK_BYTES
from models.incoming.refusals import Refused
from models.keyring import Keyring
from models.mapping.mappings import Mapping, mapping_of
from models.mapping.table_files import MOST_REFUSED, ROWS_AT_ONCE, Part, Remark, TableFile
from models.storing import Row as Stored
from tests.csv_by_hand import file_of
from tests.test_csv_mapping import DOSES, doses, with_time
from tests.text_tables import Row, cases

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PSEUDONYMS = Keyring("a secret of tests").pseudonyms(UUID(int=1))
WITH_IDS = doses(
    fields=DOSES["fields"]
    | {
        "id": {"path": "Ref"},
        "person": {"path": "Resident"},
        "version": {"path": "Version", "transforms": [{"as": "integer"}]},
    }
)
HEAD = "Ref,given at,unit,Code,Resident,Version,Kind"


def table_file(mapping: Mapping = WITH_IDS) -> TableFile:
    return TableFile(mapping, "emar:acme", Terms(), PSEUDONYMS)


def taken(content: str | bytes, mapping: Mapping = WITH_IDS, part: int = 1 << 20) -> Part:
    """All of a file, given in parts of a size."""
    whole = content if isinstance(content, bytes) else content.encode()
    file = table_file(mapping)
    rows: list[tuple[int, Stored]] = []
    remarks: list[Remark] = []
    for begin in range(0, len(whole), part):
        found = file.feed(whole[begin : begin + part], NOW)
        rows, remarks = rows + found.rows, remarks + found.remarks
    found = file.finish(NOW)
    return Part(rows + found.rows, remarks + found.remarks)


#: `;` stands between several remarks on one row.
REMARKS = """
                      | row                                        | said
taken                 | A-1,01/03/2026 08:05,Oak,G,r17,            | .
a note                | A-1,01/03/2026 08:05,Oak,G,r17,,note       | skipped  skipped
an unknown letter     | A-1,01/03/2026 08:05,Oak,Z,r17,            | rejected Code unmapped_code
two flaws             | A-1,soon,Oak,Z,r17,                        | rejected given at invalid_time; rejected Code unmapped_code
no id                 | ,01/03/2026 08:05,Oak,G,r17,               | rejected Ref missing_field
in the future         | A-1,01/03/2027 08:05,Oak,G,r17,            | rejected given at occurred_in_future
a version below 1     | A-1,01/03/2026 08:05,Oak,G,r17,0           | rejected Version out_of_range
badly quoted          | A-1,01/03/2026 08:05,"Oak"s,G,r17,         | rejected  bad_quoting
U+0000                | A-1,01/03/2026 08:05,Oak,G,r∅,             | rejected Resident nul_character
"""  # noqa: E501 - a row stands in a line


@pytest.mark.parametrize("row", cases(REMARKS))
def test_row_is_stored_or_has_a_remark_with_its_column(row: Row) -> None:
    part = taken(f"{HEAD}\n{file_of(row['row'])}\n")
    assert ("; ".join(map(said, part.remarks)) or ".") == row["said"]
    assert [line for line, _ in part.rows] == ([2] if row["said"] == "." else [])
    assert {one.line for one in part.remarks} <= {2}


def said(remark: Remark) -> str:
    return f"{remark.outcome} {remark.column or ''} {remark.code}"


def test_row_that_is_stored_is_the_event_that_a_sender_would_have_sent() -> None:
    ((place, row),) = taken(f"{HEAD}\nA-1,01/07/2026 08:05,Oak,G,943 476 5919,2\n").rows
    assert place == 2
    assert (row.source, row.event_id, row.version) == ("emar:acme", "A-1", 2)
    assert (row.service, row.team, row.data) == ("1-545611283", "Oak", '{"status":"given"}')
    assert row.occurred_at == datetime(2026, 7, 1, 7, 5, tzinfo=UTC)
    assert row.person == PSEUDONYMS.of("person", "9434765919")


def test_hour_of_a_clock_change_is_stored_with_a_remark() -> None:
    part = taken("given at,Code\n25/10/2026 01:30,G\n", with_time(ambiguous="first"))
    ((_, row),) = part.rows
    assert part.remarks == [
        Remark(
            2,
            "noted",
            row.event_id,
            "given at",
            "ambiguous_time",
            "The clock of Europe/London showed 01:30 on 25 October 2026 twice; taken for 00:30"
            " UTC, as the mapping declares.",
        )
    ]


def test_file_again_and_the_file_that_has_grown_have_the_same_rows() -> None:
    rows = [f"{day:02}/03/2026 08:05,Oak,G" for day in (1, 1, 2, 3)]
    head = "given at,unit,Code"
    first = taken("\n".join([head, *rows]), doses()).rows
    assert len({row.event_id for _, row in first}) == 4
    assert taken("\n".join([head, *rows]), doses()).rows == first
    grown = taken("\n".join([head, *rows, rows[0], "04/03/2026 08:05,Oak,G"]), doses()).rows
    assert grown[:4] == first
    assert len({row.event_id for _, row in grown}) == 6


def test_file_says_how_it_was_read() -> None:
    codes = {"letters": {"words": {"G": "given"}, "unmapped": "otherwise", "otherwise": "refused"}}
    file = table_file(doses(codes=codes))
    assert file.header is None
    file.feed("Administered;Ward;Code\n01/03/2026 08:05;Öak;Q\n".encode("cp1252"), NOW)
    assert file.finish(NOW).rows
    assert file.encoding == "cp1252"
    assert file.header is not None
    assert (file.header.names, file.header.delimiter) == (("given at", "unit", "Code"), ";")
    assert file.unmapped == (("letters", "Q"),)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"PK\x03\x04", "not_csv"),
        (b"1,2,3\n", "no_header"),
        (b"Ref,unit\n", "missing_columns"),
        (b"Ref,given at,Administered,Code\n", "duplicate_column"),
    ],
)
def test_file_that_cannot_be_read_is_refused_as_a_whole(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        taken(content)
    assert (caught.value.code, caught.value.pointer) == (code, "")


def test_file_that_costs_too_much_is_stopped_at_its_row() -> None:
    """All pairs of many columns, in each row, by twenty fields."""
    costly = {f"data.x_{one}": {"path": "length([map(&[@, @], keys(@))][])"} for one in range(20)}
    mapping = mapping_of(
        DOSES | {"type": "custom.costly", "codes": {}, "fields": FIELDS_OF_A_ROW | costly}
    )
    names = ",".join(["given at", *(f"c{one}" for one in range(300))])
    row = ",".join(["01/03/2026 08:05", *["x"] * 300])
    content = "\n".join([names, *[row] * 200])
    with pytest.raises(Refused, match="too_much_work") as caught:
        taken(content, mapping)
    assert caught.value.detail.startswith("Reading stopped at line ")


FIELDS_OF_A_ROW: dict[str, Any] = {
    "service": {"constant": "1-545611283"},
    "occurred_at": {"constant": "2026-03-01T08:05:00+00:00"},
}


def test_table_that_is_another_than_the_mapping_reads_is_not_read_to_its_end() -> None:
    file = table_file()
    good = "A-1,01/03/2026 08:05,Oak,G,r17,,\n"
    found = file.feed(f"{HEAD}\n{good}".encode() + b"x\n" * 1_000_000, NOW)
    with pytest.raises(Refused, match="too_many_refused") as caught:
        file.finish(NOW)
    assert len(found.rows) == 1, "what was taken before stands"
    assert MOST_REFUSED < len({one.line for one in found.remarks}) <= MOST_REFUSED + ROWS_AT_ONCE
    assert f"line {found.remarks[-1].line:,}:" in caught.value.detail


def test_table_of_which_most_rows_are_taken_is_read_whatever_is_refused() -> None:
    rows = [
        f"A-{number},01/03/2026 08:05,Oak,{'G' if number % 2 else 'Z'},r17,,"
        for number in range(2 * MOST_REFUSED + 1_000, 0, -1)
    ]
    file = "\n".join([HEAD, "B-1,01/03/2026 08:05,Oak,G,r17,,", *rows])
    found = taken(file)
    assert len({one.line for one in found.remarks}) == MOST_REFUSED + 500
    assert len(found.rows) == MOST_REFUSED + 501


def test_nul_that_a_mapping_puts_in_is_refused() -> None:
    fields = DOSES["fields"] | {"area": {"constant": "a\x00b"}}
    part = taken("given at,Code\n01/03/2026 08:05,G\n", doses(fields=fields))
    assert [(one.line, one.code) for one in part.remarks] == [(2, "nul_character")]


@given(
    st.lists(
        st.sampled_from(
            [
                "A-1,01/03/2026 08:05,Oak,G,r1,",
                "A-2,25/10/2026 01:30,Oak,G,r1,",
                "A-3,01/03/2026 08:05,Oak,Z,r1,1",
                'A-4,"01/03/2026 08:05,Oak,G,r1,',
                "A-5,01/03/2026 08:05,Ö,R,r1,2,note",
                "",
            ]
        ),
        max_size=30,
    ),
    st.integers(1, 400),
)
def test_every_row_is_stored_or_remarked_on_however_the_file_is_cut(
    lines: list[str], part: int
) -> None:
    content = "\n".join([HEAD, *lines])
    whole = taken(content)
    assert taken(content, part=part) == whole
    places = {line for line, _ in whole.rows} | {one.line for one in whole.remarks}
    spoken_of = {place for place, line in enumerate(lines, start=2) if line}
    # A quote that is opened twice makes one row of all that stands between.
    assert places <= spoken_of
    if content.count('"') == 0:
        assert places == spoken_of
    assert [one.line for one in whole.remarks] == sorted(one.line for one in whole.remarks)


def test_more_rows_than_a_block_are_all_taken_in_order() -> None:
    count = 3 * BLOCK_BYTES // 20
    content = HEAD + "".join(f"\nA-{one},01/03/2026 08:05,Oak,G,r1," for one in range(count))
    part = taken(content, part=10_007)
    assert part.remarks == []
    assert [line for line, _ in part.rows] == list(range(2, count + 2))
    assert [row.event_id for _, row in part.rows] == [f"A-{one}" for one in range(count)]
