"""What a CSV file is read as: one table of how files are written, one of what is wrong in them."""

import contextlib
import io
import tracemalloc

import pytest

from models.incoming.csv_header import LONGEST_ROW, MOST_COLUMNS, Layout
from models.incoming.csv_reading import BLOCK_BYTES, MOST_REREAD, CsvReader
from models.incoming.refusals import Refused
from tests.csv_by_hand import file_of, outcome_of, read_all, shown
from tests.text_tables import Row, cases

MEBIBYTE = 2**20

WRITTEN = """
                              | file                        | read
commas                        | a,b↵1,2↵                    | 2: a=1 b=2
semicolons                    | a;b↵1,5;2↵                  | 2: a=1,5 b=2
tabs                          | a→b↵1→2↵                    | 2: a=1 b=2
vertical bars                 | a¦b↵1¦2↵                    | 2: a=1 b=2
one column needs none         | a↵1;2↵                      | 2: a=1;2
Excel says which              | sep=;↵a,b;c↵1;2↵            | 3: a,b=1 c=2
an unknown one is no news     | sep=:↵1                     | 2: sep=:=1
no line break at the end      | a,b↵1,2                     | 2: a=1 b=2
line breaks of Windows        | a,b←↵1,2←↵3,4←↵             | 2: a=1 b=2, 3: a=3 b=4
line breaks of old Macs       | a,b←1,2←3,4                 | 2: a=1 b=2, 3: a=3 b=4
a delimiter in quotes         | a,b↵"1,2",3                 | 2: a=1,2 b=3
a quote in quotes             | a,b↵"a ""b"" c",3           | 2: a=a "b" c b=3
a quote within a cell         | a,b↵5' 10",3                | 2: a=5' 10" b=3
a line break in quotes        | a,b↵"1↵2",3↵4,5             | 2: a=1↵2 b=3, 4: a=4 b=5
spaces before quotes          | "a", "b"↵"1", "2,3"         | 2: a=1 b=2,3
spaces are part of a cell     | a,b↵ 1 , 2                  | 2: a= 1  b= 2
blank cells are left out      | a,b,c↵1,,␣↵                 | 2: a=1
blank rows too                | a,b↵↵,↵ , ↵1,2              | 5: a=1 b=2
blank lines before the header | ↵,,↵a,b↵1,2                 | 4: a=1 b=2
a header of two lines         | "a↵x",b↵1,2                 | 3: a x=1 b=2
spaces in names               | ␣␣given  at ,b↵1,2          | 2: given at=1 b=2
a short row                   | a,b,c↵1                     | 2: a=1
delimiters at the end         | a,b,,↵1,2,,,,               | 2: a=1 b=2
a column without a name       | a,,c↵1,2,3                  | 2: a=1 c=3
two of a name are the first   | a,b,a↵1,2,3                 | 2: a=1 b=2
a header alone                | a,b                         | .
other scripts                 | ü,β↵é,€                     | 2: ü=é β=€
"""

WRONG = """
                              | file                        | read
nothing                       |                             | !empty_file
only blank lines              | ↵←↵ ↵,,;↵                   | !empty_file
more cells than columns       | a,b↵1,2,3↵4,5               | 2: !too_many_cells, 3: a=4 b=5
text behind a quote           | a,b↵"1"x,2↵3,4              | 2: !bad_quoting, 3: a=3 b=4
a quote nobody closes         | a,b↵1,"2↵3,4                | 2: !unclosed_quote, 3: a=3 b=4
one that the next row closes  | a,b↵1,"2↵3,"4"              | 2: !bad_quoting, 3: a=3 b=4
a header not quoted well      | "a"x,b↵1,2                  | !unreadable_header
U+0000 in a cell              | a,b↵1,∅↵3,4                 | 2: !nul_character b, 3: a=3 b=4
U+0000 in a name              | a,b∅↵1,2                    | !unreadable_header
U+0000 where nobody looks     | a,↵1,∅                      | 2: a=1
"""


@pytest.mark.parametrize("row", [*cases(WRITTEN), *cases(WRONG)])
def test_file_is_read_row_by_row(row: Row) -> None:
    assert outcome_of(file_of(row["file"]).encode()) == row["read"]


GIVEN = Layout({"given at": ("Date given", "Administered"), "unit": ()}, frozenset(("unit",)))
NAMES = """
                              | file                        | read
the name itself               | Given At,unit↵1,2           | 2: given at=1 unit=2
an alias in any case          | DATE  given, UNIT ↵1,2      | 2: given at=1 unit=2
others keep their names       | Unit,administered,Notes↵1,2,3 | 2: unit=1 given at=2 Notes=3
order decides nothing         | x;y;unit↵1;2;3              | 2: x=1 y=2 unit=3
names tell the delimiter      | unit,a;b;c↵1,2              | 2: unit=1 a;b;c=2
optional ones may be away     | unit↵1                      | 2: unit=1
required ones may not         | Administered,team↵1,2       | !missing_columns
no name is known              | 01/03/2026 08:05,Oak↵1,2    | !no_header
two that mean the same        | Date given,Administered,unit↵1,2,3 | !duplicate_column
two of a name nobody knows    | unit,x,x↵1,2,3              | 2: unit=1 x=2
"""


@pytest.mark.parametrize("row", cases(NAMES))
def test_columns_are_known_by_name_or_alias(row: Row) -> None:
    assert outcome_of(file_of(row["file"]).encode(), GIVEN) == row["read"]


@pytest.mark.parametrize(
    ("content", "declared", "reported", "read"),
    [
        (b"a,b\n1,2", None, "utf-8", "2: a=1 b=2"),
        ("a,b\n1,é".encode(), None, "utf-8", "2: a=1 b=é"),
        ("a,b\n1,é".encode("utf-8-sig"), None, "utf-8-sig", "2: a=1 b=é"),
        ("a,b\n1,é€".encode("cp1252"), None, "cp1252", "2: a=1 b=é€"),
        ("a\tb\n1\té".encode("utf-16"), None, "utf-16", "2: a=1 b=é"),
        (b"\xfe\xff" + "a\tb\n1\té".encode("utf-16-be"), None, "utf-16", "2: a=1 b=é"),
        ("a,b\n1,é".encode("utf-16") + b"x", None, "utf-16", "2: !not_in_encoding b"),
        ("a,b\n1,Ã©".encode("cp1252"), "cp1252", "cp1252", "2: a=1 b=Ã©"),
        ("a,b\n1,é".encode("utf-8-sig"), "cp1252", "utf-8-sig", "2: a=1 b=é"),
        ("a,b\n1,é\n2,3".encode("cp1252"), "utf-8", "utf-8", "2: !not_in_encoding b, 3: a=2 b=3"),
        (b"a,b\n1,\x81\xe9\n", "cp1252", "cp1252", "2: !not_in_encoding b"),
        ("a,b\nü,ü\n1,".encode() + b"\xe9\n", None, "utf-8", "2: a=ü b=ü, 3: !not_in_encoding b"),
        ("a,b\n1,é".encode()[:-1], None, "cp1252", "2: a=1 b=Ã"),
    ],
)
def test_encoding_is_declared_or_seen_and_reported(
    content: bytes, declared: str | None, reported: str, read: str
) -> None:
    layout = Layout(encoding=declared)  # type: ignore[arg-type] # one of two words
    reader, found = read_all(content, layout)
    assert (reader.encoding, ", ".join(map(shown, found))) == (reported, read)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"PK\x03\x04rest", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "workbook"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"%PDF-1.7", "PDF"),
        ("a,b\n1,2\n".encode("utf-32"), "UTF-32"),
        ("a,b,c\n1,2,3\n".encode("utf-16-le"), "without a byte order mark"),
        ("a,b,c\n1,2,3\n".encode("utf-16-be"), "without a byte order mark"),
    ],
)
def test_other_kind_of_file_is_refused_with_advice(content: bytes, advice: str) -> None:
    with pytest.raises(Refused, match="not_csv") as caught:
        read_all(content)
    assert advice in caught.value.detail


def test_refusal_of_a_header_says_what_was_read() -> None:
    with pytest.raises(Refused, match="missing_columns") as caught:
        read_all(
            b"Administered;team\n",
            Layout({"given at": ("Administered",), "unit": ("Ward",)}, frozenset(("unit",))),
        )
    assert caught.value.detail.startswith("No column is called 'unit' or 'Ward'.")
    assert caught.value.detail.endswith("Set apart by semicolons, it reads 'Administered', 'team'.")


DELETABLE = Layout(
    {"id": (), "at": (), "gone": ()},
    frozenset({"id"}),
    required_unless_deleted=frozenset({"at"}),
    deleting=frozenset({"gone"}),
)


@pytest.mark.parametrize(
    ("header", "read"),
    [
        (b"id,at\n1,2\n", "2: id=1 at=2"),
        (b"id,gone\n1,yes\n", "2: id=1 gone=yes"),
        (b"id,when\n1,2\n", "!missing_columns"),
        (b"at,gone\n1,2\n", "!missing_columns"),
    ],
)
def test_what_a_deletion_need_not_say_is_needed_where_nothing_is_deleted(
    header: bytes, read: str
) -> None:
    assert outcome_of(header, DELETABLE) == read


def test_declared_delimiter_is_not_guessed_at() -> None:
    assert outcome_of(b"a,b,c;d\n1,2;3\n", Layout(delimiter=";")) == "2: a,b,c=1,2 d=3"


def test_file_of_too_many_columns_is_refused() -> None:
    names = ",".join(f"c{one}" for one in range(MOST_COLUMNS + 1))
    assert outcome_of(names.encode()) == "!too_many_columns"


LONG = "x" * LONGEST_ROW


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (f"a\n{LONG}\n1\n", "2: !row_too_long, 3: a=1"),
        (f"a\n{LONG}", f"2: a={LONG}"),
        (f"a\n{LONG}x", "2: !row_too_long"),
        (f"a\n{LONG * 3}\r\n1\n", "2: !row_too_long, 3: a=1"),
        (f"a\n1\n{LONG * 3}", "2: a=1, 3: !row_too_long"),
        (f'a\n"{LONG[:-4]}\n"\n1\n', f"2: a={LONG[:-4]}↵, 4: a=1"),
        (f'a\n"{LONG[:-3]}\n"\n1\n', "2: !unclosed_quote, 3: !unclosed_quote, 4: a=1"),
        (f'a\n"1\n{LONG}\n2\n', "2: !unclosed_quote, 3: !row_too_long, 4: a=2"),
        (f'a\n"{LONG}\n1"\n2\n', '2: !row_too_long, 3: a=1", 4: a=2'),
        (f"{LONG}x\n1\n", "!unreadable_header"),
        (f"{LONG * 3}\n1\n", "!unreadable_header"),
        (f'"{LONG}\n1\n', "!unreadable_header"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1_000, BLOCK_BYTES, 1_000_000])
def test_row_has_a_longest_length_whatever_is_read_at_once(
    content: str, read: str, block_bytes: int
) -> None:
    try:
        _, found = read_all(content.encode(), block_bytes=block_bytes)
        outcome = ", ".join(map(shown, found))
    except Refused as refused:
        outcome = f"!{refused.code}"
    assert outcome == read


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'x","\n', "broken_quotes"),
        (b'"a"b\n', None),
        (b'a,"b\n', None),
        (b'""' + b'"\n', None),
        (b",\n", None),
    ],
)
def test_file_of_broken_quotes_costs_no_more_than_its_length(line: bytes, code: str | None) -> None:
    reader = CsvReader()
    rows = io.BytesIO(b"a,b\n" + line * (MEBIBYTE // len(line)))
    refused = None
    try:
        for chunk in iter(lambda: rows.read(MEBIBYTE // 4), b""):
            reader.feed(chunk)
        reader.finish()
    except Refused as error:
        refused = error.code
    assert refused == code
    assert reader._reread <= reader._read + MOST_REREAD + MEBIBYTE


ROW = b"1," + b"x" * 400 + b"\n"


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"a,b\n", ROW * 80),
        (b"a,b\n", ROW[:-1] * 80),
        (b'a,b\n"', ROW * 80),
        (b'a,b\n"', (ROW[:-1] + b',"\n') * 80),
        (b"", ROW[:-1] * 80),
        (b'"', ROW * 80),
        (b"\xff\xfea\0\n\0", (b"x\0" * 15 + b"\x00\xd8") * 1_000),
    ],
    ids=["rows", "a line", "a quote", "quotes", "a first line", "a first quote", "halves"],
)
def test_memory_does_not_grow_with_a_file_without_end(start: bytes, part: bytes) -> None:
    """12 MB of it, in parts of 32 KB."""
    reader = CsvReader()
    tracemalloc.start()
    try:
        with contextlib.suppress(Refused):
            reader.feed(start)
            for _ in range(400):
                reader.feed(part)
            reader.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEBIBYTE
