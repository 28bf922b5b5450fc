"""Mapping documents and signatures for OpenAPI: their shapes, and what each of their parts says."""

import inspect
from typing import Any

import msgspec

from api.inbound.signature_schemes import Extract, Scheme
from api.inbound.signature_schemes import Text as Literal
from models.mapping import mappings
from models.mapping.mappings import Condition, Example, Field, Mapping
from models.mapping.pipeline import Codes
from models.mapping.shipped import SHIPPED
from models.mapping.transforms import AnyTransform

REFERENCE = "#/components/schemas/{name}"
NAMED: dict[type, str] = {
    Mapping: "MappingDocument",
    Condition: "MappingCondition",
    Field: "MappingField",
    Codes: "MappingCodes",
    Example: "MappingExample",
    Scheme: "SignatureScheme",
    Extract: "SignatureExtract",
    Literal: "SignatureLiteral",
}

#: What each part says, by the name of its shape here; a test holds this list complete.
SAYS: dict[str, dict[str, str]] = {
    "MappingDocument": {
        "schema": "The language of this document.",
        "name": "For people.",
        "input": "`csv` for tables: the records are rows, texts by the names of their columns.",
        "columns": "Of a table: columns with other names they may have, in any case and spacing.",
        "delimiter": "Of a table; seen in the file if it is not declared.",
        "encoding": "Of a table; seen in the file if it is not declared.",
        "row_key": "Of a table without ids: the columns that identify a row; else all of them do.",
        "each": "JMESPath of the records in a body; a list of paths where records stand in others,"
        " each selected in every record of the one before.",
        "when": "What holds for records that are meant; others are skipped with the reason.",
        "type": "The event type, or where it comes from in feeds of several kinds.",
        "codes": "Tables of the platform's words, by name; `lookup` asks them.",
        "fields": "By field of an event: id, version, retracted, service, team, area, occurred_at,"
        " recorded_at, about.band, about.from, about.to, person, staff and data.<name>. Needed are"
        " id (but for rows of a table), service and occurred_at.",
        "examples": "Bodies, and the events that they have to become. At least one has to be there"
        " before the mapping is activated, and all have to come out as written.",
    },
    "MappingCondition": {
        "path": "JMESPath; what is null, false or empty does not hold.",
        "of": "What the path looks at.",
        "reason": "Why a record for which this does not hold is skipped.",
    },
    "MappingField": {
        "path": "JMESPath (jmespath.org) of the value. Give this or a constant.",
        "of": "What the path looks at: the `record`, the `parent` that directly encloses it, the"
        " whole `body`, or `both`: an object of `record`, `body` and, where `each` is a list,"
        " `parents`, the outermost first.",
        "constant": "The value itself, the same in every event.",
        "transforms": "One after the other; null goes through all of them untouched.",
        "default": "Stands for null.",
        "required": "A record is rejected when this is null.",
    },
    "MappingCodes": {
        "words": "What each code means here; null means that it says nothing.",
        "unmapped": "What happens to other codes: the record is rejected or skipped, the code is"
        " passed on, or `otherwise` stands for it.",
        "otherwise": "Stands for codes that the table does not have.",
        "exact": "Case and spaces matter.",
    },
    "MappingExample": {
        "input": "A body as the platform sends it; of a table its rows, or the text of a file.",
        "expect": "The events that it has to become, in order.",
    },
    "TransformConstant": {"value": "What stands for whatever is there."},
    "TransformLookup": {"table": "The name of a table under `codes`."},
    "TransformNumber": {
        "decimal": "The sign before the fraction.",
        "thousands": "The sign between groups of three digits.",
        "suffix": "What may follow the number, such as a unit.",
    },
    "TransformBoolean": {"yes": "Words for true.", "no": "Words for false."},
    "TransformScale": {
        "from": "The ends of the platform's scale.",
        "to": "The ends of the scale here.",
    },
    "TransformConcat": {
        "separator": "Between the parts.",
        "absent": "Stands for a part that is null.",
        "skip_null": "Parts that are null are left out.",
    },
    "TransformSplit": {"at": "The characters at which the text is cut."},
    "TransformHashOf": {"prefix": "Before the id."},
    "TransformMapList": {"transforms": "What each item goes through."},
    "TransformDatetime": {
        "formats": "`iso`, or patterns such as `%d/%m/%Y %H:%M`, tried in order.",
        "order": "Usual ways of writing in this order of day, month and year are tried too.",
        "zone": "The clock of times without an offset, as in Europe/London.",
        "ambiguous": "An hour that the clock showed twice is refused, or the first or second.",
        "missing": "An hour that the clock never showed is refused, or taken an hour later.",
    },
    "TransformExcelSerial": {
        "zone": "The clock of the spreadsheet, as in Europe/London.",
        "system": "The year from which the spreadsheet counts.",
    },
    "TransformEpoch": {"unit": "Seconds or milliseconds."},
    "SignatureScheme": {
        "scheme": "The style in which the platform signs; what is left out below is as in it.",
        "signature": "Where the signature stands, or the secret itself.",
        "signed": "What is signed, in order: `body`, `id`, `timestamp` and texts between them.",
        "id": "Where the platform's own id of a message stands.",
        "timestamp": "Where the time of sending stands.",
        "tolerance_s": "How old or early a timestamp may be, 1 to 3600 seconds.",
        "algorithm": "Of an HMAC.",
        "encoding": "How the signature is written.",
        "key_encoding": "How the secret is written.",
    },
    "SignatureExtract": {
        "header": "The name of the header.",
        "prefix": "What stands before the value.",
        "separator": "The header is a list, of which the parts with this prefix are meant.",
    },
    "SignatureLiteral": {"literal": "A text that is signed and always the same."},
}
SAYS["TransformInteger"] = SAYS["TransformNumber"]
SAYS["TransformDate"] = {
    name: SAYS["TransformDatetime"][name] for name in ("formats", "order", "zone")
}
SAYS["TransformExcelSerial"] |= {
    name: SAYS["TransformDatetime"][name] for name in ("ambiguous", "missing")
}
#: Where documents and signatures stand in the bodies of routes.
DOCUMENT = {"$ref": REFERENCE.format(name="MappingDocument")}
MAY_BE_NAMED = {
    "anyOf": [
        DOCUMENT,
        {"type": "string", "enum": list(SHIPPED), "description": "One that comes with Breadth."},
    ]
}
SIGNATURE = {"anyOf": [{"$ref": REFERENCE.format(name="SignatureScheme")}, {"type": "null"}]}
STAND_IN: dict[tuple[str, str], dict[str, Any]] = {
    ("NewVersion", "mapping"): MAY_BE_NAMED,
    ("NewConnector", "mapping"): {"anyOf": [*MAY_BE_NAMED["anyOf"], {"type": "null"}]},
    ("NewConnector", "signature"): SIGNATURE,
    ("ConnectorChange", "signature"): SIGNATURE,
    ("MappingAnswer", "document"): DOCUMENT,
    ("ShippedMapping", "document"): DOCUMENT,
}


def _transforms() -> dict[type, str]:
    """Each transform with the name that a document gives it."""
    kinds = msgspec.inspect.type_info(AnyTransform)
    assert isinstance(kinds, msgspec.inspect.UnionType)
    return {
        one.cls: str(one.tag) for one in kinds.types if isinstance(one, msgspec.inspect.StructType)
    }


def _said_of(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "")


def _schemas() -> dict[str, Any]:
    names = NAMED | {
        kind: "Transform" + "".join(part.title() for part in tag.split("_"))
        for kind, tag in _transforms().items()
    }
    _, found = msgspec.json.schema_components([Mapping, Scheme], ref_template=REFERENCE)
    renamed = {kind.__name__: name for kind, name in names.items()}
    schemas = {renamed[name]: _renamed(schema, renamed) for name, schema in found.items()}
    for kind, name in names.items():
        schema = schemas[name]
        schema |= {"title": name, "description": _said_of(kind)}
        for field, inner in schema["properties"].items():
            said = f"`{inner['enum'][0]}`." if field == "as" else SAYS[name][field]
            inner |= {"title": field.replace("_", " ").capitalize(), "description": said}
    return schemas


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, dict):
        return {key: _renamed(value, names) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_renamed(value, names) for value in schema]
    before = REFERENCE.format(name="")
    if isinstance(schema, str) and schema.startswith(before):
        return before + names[schema.removeprefix(before)]
    return schema


SCHEMAS = _schemas()


def _first_paragraph(kind: type) -> str:
    return " ".join(_said_of(kind).partition("\n\n")[0].split())


#: For the descriptions of the routes that take a document.
LANGUAGE = (
    inspect.cleandoc(mappings.__doc__ or "").rpartition("\n\n")[0]
    + "\n\nTransforms:\n\n"
    + "\n".join(f"- `{tag}`: {_first_paragraph(kind)}" for kind, tag in _transforms().items())
)


def describe_documents(schemas: dict[str, Any]) -> None:
    """Put the shapes where the code of the routes says no more than that there is an object."""
    schemas |= SCHEMAS
    for (name, field), schema in STAND_IN.items():
        said = schemas[name]["properties"][field]
        kept = {key: said[key] for key in ("title", "description", "examples") if key in said}
        schemas[name]["properties"][field] = kept | schema
