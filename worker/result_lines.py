"""The result of a table, row by row, as people download it."""

import csv
import io
from collections.abc import Iterable, Mapping

from models.mapping.table_files import Part, Remark
from models.readings import said_otherwise
from models.storing import Outcome, Row, Stored

WORDS = {
    Outcome.ACCEPTED: "accepted",
    Outcome.DUPLICATE: "duplicate",
    Outcome.SUPERSEDED: "superseded",
    Outcome.QUARANTINED: "quarantined",
    Outcome.CONFLICT: "conflict",
}
CONFLICT = WORDS[Outcome.CONFLICT]
WITHHELD = "withheld"
#: A cell that begins so would be worked out by a spreadsheet that opens the result.
RISKY = ("=", "+", "-", "@", "\t", "\r")

#: Of `models.inbox.RESULT_HEADINGS`.
Line = tuple[int, str, str, str, str, str]


def result_lines(
    rows: Iterable[tuple[int, Row]], kept: Stored, remarks: Iterable[Remark], inbox_id: int
) -> list[Line]:
    """One line for each row of the table, and one for each remark on it, in order."""
    lines = [
        (line, WORDS[outcome], row.event_id, "", *_why(outcome, row, kept, inbox_id))
        for (line, row), outcome in zip(rows, kept.outcomes, strict=True)
    ]
    return _in_order(lines, remarks)


def withheld_lines(part: Part, conflicts: Mapping[int, str]) -> list[Line]:
    """As `result_lines`, where nothing was stored: what could have been was held back."""
    lines = [
        (line, CONFLICT, row.event_id, "", CONFLICT, conflicts[line])
        if line in conflicts
        else (line, WITHHELD, row.event_id, "", "", "")
        for line, row in part.rows
    ]
    return _in_order(lines, part.remarks)


def _in_order(lines: list[Line], remarks: Iterable[Remark]) -> list[Line]:
    said = [
        (one.line, one.outcome, one.id or "", one.column or "", one.code, one.detail)
        for one in remarks
    ]
    return sorted([*lines, *said], key=lambda line: line[0])


def _why(outcome: Outcome, row: Row, kept: Stored, inbox_id: int) -> tuple[str, str]:
    if outcome is not Outcome.CONFLICT:
        return "", ""
    return CONFLICT, said_otherwise(kept.against, row, inbox_id)


def written(lines: Iterable[Line]) -> bytes:
    """As CSV that no spreadsheet will take for formulas."""
    text = io.StringIO(newline="")
    # Of a row that is taken only the id is the sender's, and most rows are.
    csv.writer(text).writerows(
        (row, outcome, _safe(event_id), column and _safe(column), code, detail and _safe(detail))
        for row, outcome, event_id, column, code, detail in lines
    )
    return text.getvalue().encode()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(RISKY) else cell
