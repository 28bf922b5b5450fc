"""Mappings of made-up platforms, as their authors would write them."""

from typing import Any

from models.mapping.mappings import Mapping, mapping_of

LONDON = "Europe/London"


def document(**changes: Any) -> dict[str, Any]:
    """A small mapping that works, with some parts exchanged."""
    return {
        "schema": "mapping/1",
        "name": "audits of acme",
        "type": "audit.completed",
        "fields": {
            "id": {"path": "id"},
            "service": {"path": "site"},
            "occurred_at": {"path": "at"},
            "data.audit": {"path": "audit"},
            "data.items_due": {"path": "due"},
            "data.items_met": {"path": "met"},
        },
    } | changes


def with_field(name: str, **field: Any) -> dict[str, Any]:
    whole = document()
    return whole | {"fields": whole["fields"] | {name: field}}


def mapping(**changes: Any) -> Mapping:
    return mapping_of(document(**changes))


AN_AUDIT: dict[str, Any] = {
    "id": "A-1",
    "site": "1-545611283",
    "at": "2026-03-01T10:00:00+00:00",
    "audit": "medicines",
    "due": 25,
    "met": 23,
}
ITS_EVENT: dict[str, Any] = {
    "id": "A-1",
    "type": "audit.completed",
    "service": "1-545611283",
    "occurred_at": "2026-03-01T10:00:00+00:00",
    "data": {"audit": "medicines", "items_due": 25, "items_met": 23},
}

#: Rounds of doses under a site; letters of a pharmacy; deleted rows; a clock in London.
EMAR = mapping_of(
    {
        "schema": "mapping/1",
        "name": "acme eMAR",
        "each": "rounds[].doses[]",
        "when": [{"path": "kind == 'mar'", "reason": "is no medicine record"}],
        "type": "medication.administered",
        "codes": {
            "letters": {
                "words": {"G": "given", "R": "refused", "X": "omitted_error", "L": "absent_leave"}
            }
        },
        "fields": {
            "id": {
                "path": "['D', id]",
                "transforms": [{"as": "concat", "separator": "-"}],
            },
            "version": {"path": "change", "default": 1, "transforms": [{"as": "integer"}]},
            "retracted": {"path": "deleted", "transforms": [{"as": "boolean"}]},
            "service": {"path": "site", "of": "body"},
            "team": {"path": "unit", "transforms": [{"as": "trim"}, {"as": "lower"}]},
            "occurred_at": {
                "path": "at",
                "transforms": [{"as": "datetime", "order": "dmy", "zone": LONDON}],
            },
            "person": {"path": "resident", "transforms": [{"as": "text"}]},
            "data.status": {
                "path": "code",
                "transforms": [{"as": "trim"}, {"as": "lookup", "table": "letters"}],
            },
            "data.prn": {
                "path": "prn",
                "transforms": [{"as": "boolean", "yes": ["as needed"], "no": ["regular"]}],
            },
        },
    }
)

#: A roster as rows of a table, with spreadsheet times and no ids.
ROSTER = mapping_of(
    {
        "schema": "mapping/1",
        "name": "rota sheet",
        "type": "shift.worked",
        "fields": {
            "id": {
                "path": "[Unit, Start, Role]",
                "transforms": [{"as": "hash_of", "prefix": "shift-"}],
            },
            "service": {"constant": "1-545611283"},
            "team": {"path": "Unit"},
            "occurred_at": {
                "path": "Start",
                "transforms": [{"as": "excel_serial", "zone": LONDON}],
            },
            "data.starts_at": {
                "path": "Start",
                "transforms": [{"as": "excel_serial", "zone": LONDON}],
            },
            "data.ends_at": {
                "path": "End",
                "transforms": [{"as": "excel_serial", "zone": LONDON}],
            },
            "data.planned_hours": {
                "path": "[Start, End]",
                "transforms": [
                    {"as": "map_list", "transforms": [{"as": "excel_serial", "zone": LONDON}]},
                    {"as": "hours_between"},
                ],
            },
            "data.worked_hours": {"path": "Hours", "transforms": [{"as": "number"}], "default": 0},
        },
    }
)

#: One feed of several kinds: feedback by the Friends and Family Test, complaints, compliments.
VOICES = mapping_of(
    {
        "schema": "mapping/1",
        "name": "voices",
        "each": "entry",
        "type": {
            "path": "kind",
            "transforms": [{"as": "lookup", "table": "kinds"}],
        },
        "codes": {
            "kinds": {
                "words": {
                    "fft": "feedback.received",
                    "complaint": "complaint.received",
                    "thanks": "compliment.received",
                },
                "unmapped": "skip",
            },
            "answers": {
                "words": {
                    "Very good": "very_good",
                    "Extremely likely": "very_good",
                    "Poor": "poor",
                    "Don't know": "dont_know",
                }
            },
            "who": {
                "words": {"resident": "person", "daughter": "family"},
                "unmapped": "otherwise",
                "otherwise": "advocate",
            },
            "topics": {"words": {"meals": "food", "carers": "staff"}, "unmapped": "pass"},
        },
        "fields": {
            "id": {"path": "ref"},
            "service": {"path": "cqc"},
            "occurred_at": {"path": "on"},
            "about.band": {"path": "time"},
            "data.respondent": {
                "path": "from",
                "transforms": [{"as": "lookup", "table": "who"}],
                "required": True,
            },
            "data.fft": {"path": "answer", "transforms": [{"as": "lookup", "table": "answers"}]},
            "data.rating": {"path": "stars", "transforms": [{"as": "scale", "from": [0, 10]}]},
            "data.theme": {"path": "topic"},
            "data.themes": {
                "path": "topics",
                "transforms": [
                    {"as": "split", "at": ","},
                    {"as": "map_list", "transforms": [{"as": "lookup", "table": "topics"}]},
                ],
            },
        },
    }
)
