"""A mapping: how a sender's JSON becomes our events, as a document instead of code.

    {"schema": "mapping/1", "name": "acme eMAR",
     "each": "rounds[].doses[]",
     "when": [{"path": "kind == 'mar'", "reason": "is no medicine record"}],
     "type": "medication.administered",
     "codes": {"status": {"words": {"G": "given", "R": "refused"}, "unmapped": "reject"}},
     "fields": {
       "id": {"path": "id", "required": true, "transforms": [{"as": "text"}]},
       "service": {"path": "site", "of": "body"},
       "occurred_at": {"path": "at", "transforms": [
         {"as": "datetime", "order": "dmy", "zone": "Europe/London"}]},
       "data.status": {"path": "status", "transforms": [{"as": "lookup", "table": "status"}]}},
     "examples": [{"input": {}, "expect": [{}]}]}

`each` selects the records in a body (a list, or one object; by default the body itself). Where
records stand in others and need what those say, it is a list: `["residents[]", "doses[]"]` selects
residents in the body and doses in each resident. A record for which a `when` selects nothing, false
or empty is skipped with its reason. `type` is a word or a field of its own, for feeds of several
kinds. A field takes what `path` (JMESPath, as at jmespath.org) selects `of` the record, of its
`parent` (the record that directly encloses it), of the whole `body`, or of `both` (`record`, `body`
and, where `each` is a list, `parents`, the outermost first), or a `constant`; then its transforms;
then, for null, its `default`. What is `required` and still null rejects the record,
and so do `id`, `service` and `occurred_at`. Other nulls are left out of the event. Nothing enters
an event that no field names. `retracted` true makes a retraction, which needs `id`, `service` and
`version` only. The source is the connector's to say and no field of a mapping.

With `"input": "csv"` the records are the rows of a table, texts by the names of its columns:

     "input": "csv", "delimiter": ";", "encoding": "cp1252",
     "columns": {"given at": ["Date given", "Administered"], "reference": []},
     "row_key": ["given at", "resident", "medicine"]

A column is known by its name and by its aliases, in any case and spacing; what a path names is a
column even if `columns` does not have it. Delimiter and encoding are seen in the file if they are
not declared. Blank cells are null. Without a field `id` a row is known by what it says: by all its
cells or those of `row_key`, the second row that says the same by its number too. All of `input` is
a list of rows or the text of a file, in examples also.

The document is checked here and applied in `models.mapping.map_body`; neither knows HTTP or the
database.
"""

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from models.incoming.csv_encoding import Encoding
from models.incoming.csv_header import Delimiter
from models.mapping.pipeline import Codes, Scalar
from models.mapping.transforms import AnyTransform

MOST_FIELDS = 100
MOST_TRANSFORMS = 10
MOST_TABLES = 50
#: In all tables together; they are folded once for every body.
MOST_CODES = 5_000
MOST_EXAMPLES = 50
MOST_CONDITIONS = 10
MOST_COLUMNS = 200
MOST_ALIASES = 20
MOST_STEPS = 8

#: Fields of an event that are not its `data`; what has to be a text, a number, true or false.
ENVELOPE: dict[str, type] = {
    "id": str,
    "version": int,
    "retracted": bool,
    "service": str,
    "team": str,
    "area": str,
    "occurred_at": str,
    "recorded_at": str,
    "about.band": str,
    "about.from": str,
    "about.to": str,
    "person": str,
    "staff": str,
}
REQUIRED = ("id", "service", "occurred_at")
DATA = "data."

Of = Literal["record", "parent", "body", "both"]
Word = Annotated[str, Meta(min_length=1, max_length=200)]


class Field(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Where one value of an event comes from."""

    path: str | None = None
    of: Of = "record"
    constant: Scalar | UnsetType = UNSET
    transforms: Annotated[tuple[AnyTransform, ...], Meta(max_length=MOST_TRANSFORMS)] = ()
    default: Scalar = None
    required: bool = False


class Condition(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What holds for records that are meant, and why the others are skipped."""

    path: str
    of: Of = "record"
    reason: Word


class Example(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A body and the events that it has to become."""

    input: Any
    expect: tuple[dict[str, Any], ...]


class Mapping(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a platform's words mean; never changed once it is stored, a change is a new version."""

    schema: Literal["mapping/1"]
    name: Word
    input: Literal["json", "csv"] = "json"
    columns: Annotated[
        dict[Word, Annotated[tuple[Word, ...], Meta(max_length=MOST_ALIASES)]],
        Meta(max_length=MOST_COLUMNS),
    ] = {}
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None
    row_key: Annotated[tuple[Word, ...], Meta(max_length=MOST_ALIASES)] = ()
    each: str | Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_STEPS)] = "@"
    when: Annotated[tuple[Condition, ...], Meta(max_length=MOST_CONDITIONS)] = ()
    type: Word | Field
    codes: Annotated[dict[Word, Codes], Meta(max_length=MOST_TABLES)] = {}
    fields: Annotated[dict[str, Field], Meta(max_length=MOST_FIELDS)]
    examples: Annotated[tuple[Example, ...], Meta(max_length=MOST_EXAMPLES)] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """What selects the records, each in every record of the one before."""
        return (self.each,) if isinstance(self.each, str) else self.each


def content_hash(mapping: Mapping) -> str:
    """Of what the document says, whatever the order of its keys and whichever defaults it spells.

    The schema's name is always part of it, so that a later schema cannot mean the same hash.
    """
    return hashlib.sha256(msgspec.json.encode(mapping, order="deterministic")).hexdigest()


def mapping_of(document: object) -> Mapping:
    """The document as a value; `models.mapping.problems` says what is wrong with it instead."""
    return msgspec.convert(document, Mapping)
