"""A million rows of doses as CSV, through each step of taking a file, in bounded memory.

Rows are made as they are needed and never all there; making them is not timed. What is stored and
how fast is measured by `ingest`.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import psutil

from bench.asking import machine
from models.incoming.content import Terms
from models.incoming.csv_reading import BadRow, CsvReader
from models.keyring import Keyring
from models.mapping.by_row import RowMapper
from models.mapping.columns import layout_of
from models.mapping.mappings import Mapping, mapping_of
from models.mapping.table_files import TableFile

ROWS = 1_000_000
ROWS_A_CHUNK = 700  # about 64 KiB
BAR = 20_000.0
OWN_BAR = 40_000.0
MOST_MIB, MOST_MIB_WITH_KEYS = 30, 120
MEBIBYTE = 2**20
AT = {"as": "datetime", "order": "dmy", "zone": "Europe/London", "ambiguous": "first"}
LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
START = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
HEADER = "Reference,Ward,Due,Date given,Resident,Carer,Code,As needed,Notes\r\n"


def mapping(*, with_ids: bool) -> Mapping:
    """Nine fields: codes, times on the clock in England, team, service, person, staff."""
    fields: dict[str, Any] = {
        "service": {"constant": "1-545611283"},
        "team": {"path": "ward", "transforms": [{"as": "trim"}, {"as": "lower"}]},
        "occurred_at": {"path": '"given at"', "transforms": [AT]},
        "person": {"path": "resident"},
        "staff": {"path": "carer"},
        "data.status": {"path": "code", "transforms": [{"as": "lookup", "table": "letters"}]},
        "data.given_at": {"path": '"given at"', "transforms": [AT]},
        "data.due_at": {"path": "due", "transforms": [AT]},
        "data.prn": {"path": '"as needed"', "transforms": [{"as": "boolean"}]},
    }
    return mapping_of(
        {
            "schema": "mapping/1",
            "name": "doses",
            "input": "csv",
            "columns": {"given at": ["Date given", "Administered"]},
            "type": "medication.administered",
            "codes": {"letters": {"words": {"G": "given", "R": "refused", "X": "omitted_error"}}},
            "fields": fields | ({"id": {"path": "reference"}} if with_ids else {}),
        }
    )


class Export(NamedTuple):
    """How many rows, and how far apart the times that they say; most platforms say minutes."""

    rows: int = ROWS
    seconds: bool = False
    start: datetime = START
    a_minute: int = 60

    def chunks(self) -> Iterator[bytes]:
        yield HEADER.encode()
        lines: list[str] = []
        for row in range(self.rows):
            due = (self.start + timedelta(minutes=row // self.a_minute)).astimezone(LONDON)
            given = (due.astimezone(UTC) + timedelta(seconds=row * 7 % 3_600)).astimezone(LONDON)
            clock = "%d/%m/%Y %H:%M:%S" if self.seconds else "%d/%m/%Y %H:%M"
            lines.append(
                f"D-{row},Ward {row % 8},{due:%d/%m/%Y %H:%M},{given:{clock}},R{row % 400},"
                f"C{row % 90},{'GGGGGGRGXG'[row % 10]},no,\r\n"
            )
            if len(lines) == ROWS_A_CHUNK:
                yield "".join(lines).encode()
                lines.clear()
        yield "".join(lines).encode()


class Step(NamedTuple):
    """One way to take a file: what to do with a chunk and at the end, each says of how many."""

    feed: Callable[[bytes], int]
    finish: Callable[[], int]


def parse() -> Step:
    reader = CsvReader(layout_of(mapping(with_ids=True)))
    return Step(lambda chunk: len(reader.feed(chunk)), lambda: len(reader.finish()))


def parse_and_map() -> Step:
    of = mapping(with_ids=True)
    reader, mapper = CsvReader(layout_of(of)), RowMapper(of)

    def mapped(read: list[Any]) -> int:
        return sum(
            mapper.outcome(one.line, one.cells).event is not None
            for one in read
            if not isinstance(one, BadRow)
        )

    return Step(lambda chunk: mapped(reader.feed(chunk)), lambda: mapped(reader.finish()))


def take(*, with_ids: bool = True) -> Step:
    pseudonyms = Keyring("a secret of benchmarks").pseudonyms(UUID(int=1))
    file = TableFile(mapping(with_ids=with_ids), "emar:acme", Terms(), pseudonyms)
    return Step(lambda chunk: len(file.feed(chunk, NOW).rows), lambda: len(file.finish(NOW).rows))


def measured(name: str, make: Callable[[], Step], export: Export, most_mib: int) -> float:
    """Rows a second; 0 when a row is lost or memory grows beyond its bound."""
    process = psutil.Process()
    step = make()
    before = peak = process.memory_info().rss
    spent, taken = 0.0, 0
    for number, chunk in enumerate(export.chunks()):
        started = time.perf_counter()
        taken += step.feed(chunk)
        spent += time.perf_counter() - started
        if number % 16 == 0:
            peak = max(peak, process.memory_info().rss)
    started = time.perf_counter()
    taken += step.finish()
    spent += time.perf_counter() - started
    peak = max(peak, process.memory_info().rss)
    mib = (peak - before) / MEBIBYTE
    rate = export.rows / spent
    print(
        f"  {name}: {rate:,.0f} rows/s, {spent / export.rows * 1e6:.1f} µs each;"
        f" memory grew by {mib:.0f} MiB (at most {most_mib})"
    )
    if taken != export.rows:
        print(f"    {export.rows - taken:,} rows were lost")
    return rate if taken == export.rows and mib <= most_mib else 0.0


def run() -> bool:
    """True when a million rows are taken fast enough and in bounded memory."""
    print(f"  {ROWS:,} rows of 9 columns, one process, {machine()}")
    minutes, seconds = Export(), Export(seconds=True)
    parsed = measured("parsed", parse, minutes, MOST_MIB)
    mapped = measured("parsed and mapped", parse_and_map, minutes, MOST_MIB)
    taken = measured("parsed, mapped and read as events", take, minutes, MOST_MIB)
    exact = measured("the same with times to the second", take, seconds, MOST_MIB)
    no_ids = partial(take, with_ids=False)
    keyed = measured("the same without ids", no_ids, minutes, MOST_MIB_WITH_KEYS)
    own = 1 / (1 / taken - 1 / parsed) if 0 < taken < parsed else 0.0
    print(f"  mapping and reading alone: {own:,.0f} rows/s (at least {OWN_BAR:,.0f})")
    print(f"  slowest whole way: {min(taken, exact, keyed):,.0f} rows/s (at least {BAR:,.0f})")
    return own >= OWN_BAR and mapped > 0 and min(taken, exact, keyed) >= BAR
