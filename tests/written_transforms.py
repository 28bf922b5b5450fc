"""Transforms as they stand in a cell of a table, and what they make of another cell."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from models.mapping.budget import MappingError
from models.mapping.pipeline import Codes, Terms
from models.mapping.transforms import AnyTransform, through
from tests.text_tables import Row

TABLES = {
    "status": Codes(words={"G": "given", "not given": "omitted_error", "4": "refused", "-": None}),
    "passing": Codes(words={"A": "a"}, unmapped="pass"),
    "others": Codes(words={"A": "a"}, unmapped="otherwise", otherwise="other"),
    "exact": Codes(words={"G": "capital", "g": "small"}, exact=True),
}


def transform_of(written: str) -> Any:
    return msgspec.convert(document_of(written), AnyTransform)


def document_of(written: str) -> dict[str, Any]:
    """`datetime order=dmy London`: a name and settings; `_` is a space and `;` parts a list."""
    written, _, inner = written.partition(" of ")
    name, *settings = written.split()
    document: dict[str, Any] = {"as": name}
    for setting in settings:
        key, _, value = setting.partition("=")
        if setting == "London":
            document["zone"] = "Europe/London"
        elif key in {"formats", "yes", "no"}:
            document[key] = [one for one in value.replace("_", " ").split(";") if one]
        else:
            document[key] = value_of(value.replace("_", " "))
    if inner:
        document["transforms"] = [document_of(one) for one in inner.split(", ")]
    return document


def value_of(cell: str) -> Any:
    """JSON, else text; `a to b` is a list of two, and `… UTC` an instant as we write it."""
    try:
        return json.loads(cell)
    except ValueError:
        if " to " in cell:
            return cell.split(" to ")
        if not cell.endswith(" UTC"):
            return cell
        at = datetime.fromisoformat(cell.removesuffix(" UTC"))
        return at.replace(tzinfo=UTC).isoformat()


def outcome(row: Row) -> Any:
    one = transform_of(row["transform"])
    assert one.flaw(TABLES) is None
    try:
        return through((one,), value_of(row["value"]), Terms(TABLES))
    except MappingError as error:
        return f"!{error.code}"
