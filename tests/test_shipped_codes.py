"""No code of a shipped connector is taken for something it does not say, known or unknown."""

import json
from typing import get_args, get_type_hints

import pytest

from models.event_types import SHAPES
from models.facts import administered
from models.mapping.drift import drift, shape_of
from models.mapping.map_body import map_body
from models.mapping.mappings import DATA, Field
from models.mapping.pipeline import fold
from models.mapping.shipped import SHIPPED
from models.mapping.transforms import AnyTransform, MapList
from models.mapping.value_transforms import Lookup
from tests.conftest import NOW
from tests.shipped_pages import leaves, page, with_leaf
from tests.text_tables import NOTHING, Row, cases

UNKNOWN = "Q?9"


def last(field: Field) -> AnyTransform | None:
    if not field.transforms:
        return None
    one = field.transforms[-1]
    return one.transforms[-1] if isinstance(one, MapList) else one


def words_of_contract(kind: str, name: str) -> set[str]:
    """The closed set that a field of data is from; empty when it is not from one."""
    hint = get_type_hints(SHAPES[kind]).get(name)
    return {
        word for part in (hint, *get_args(hint)) for word in get_args(part) if isinstance(word, str)
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_codes_become_words_of_the_contract(name: str) -> None:
    mapping = SHIPPED[name]
    assert isinstance(mapping.type, str)
    for field_name, field in mapping.fields.items():
        allowed = words_of_contract(mapping.type, field_name.removeprefix(DATA))
        lookup = last(field)
        if not allowed:
            continue
        assert isinstance(lookup, Lookup), f"{field_name} takes words of the sender as they are"
        words = set(mapping.codes[lookup.table].words.values())
        words |= {field.default} - {None}
        assert words <= allowed


def test_letters_show_every_status_that_the_contract_has() -> None:
    statuses = words_of_contract("medication.administered", "status")
    assert len(statuses) == 18
    assert set(SHIPPED["emar-letters"].codes["letters"].words.values()) == statuses


OUTCOMES = """
                       | platform     | code | becomes              | due | error | given | timely
taken on time          | emar-letters | T    | given                | 1   | 0     | 1     | 1
taken late             | emar-letters | TL   | given_late           | 1   | 0     | 1     | 0
refused                | emar-letters | R    | refused              | 1   | 0     | 0     | 0
no reason              | emar-letters | NT   | omitted_error        | 1   | 1     | 0     | 0
empty box              | emar-letters | " "  | missing_entry        | 1   | 1     | 0     | 0
small letters          | emar-letters | " c " | absent_hospital     | 0   | 0     | 0     | 0
a letter of elsewhere  | emar-letters | Q    | !                    | .   | .     | .     | .
given                  | emar-codes   | G    | given                | 1   | 0     | 1     | 1
refused, by code       | emar-codes   | A1   | refused              | 1   | 0     | 0     | 0
stock awaited          | emar-codes   | C5   | not_available_stock  | 1   | 1     | 0     | 0
gap marked as given    | emar-codes   | D10  | backfilled_given     | 1   | 0     | 1     | 0
gap marked otherwise   | emar-codes   | D11  | backfilled_not_given | 1   | 1     | 0     | 0
nothing at all         | emar-codes   | ""   | missing_entry        | 1   | 1     | 0     | 0
on paper               | emar-codes   | D12  | !                    | .   | .     | .     | .
accounted for on paper | emar-codes   | D2   | !                    | .   | .     | .     | .
a code not in use      | emar-codes   | B3   | !                    | .   | .     | .     | .
the letter O           | emar-codes   | AO   | !                    | .   | .     | .     | .
an item hidden         | emar-codes   | D7   | -                    | .   | .     | .     | .
"""
WHERE = {"emar-letters": ("administrations", "letter"), "emar-codes": ("rows", "Outcome")}


@pytest.mark.parametrize("row", cases(OUTCOMES))
def test_dose_counts_as_its_code_says(row: Row) -> None:
    within, key = WHERE[row["platform"]]
    code = json.loads(row["code"]) if row["code"].startswith('"') else row["code"]
    sample = with_leaf(page(row["platform"]).sent, (within, 0, key), code)
    outcome = map_body(SHIPPED[row["platform"]], sample).outcomes[0]
    if row["becomes"] in {"!", "-"}:
        assert (bool(outcome.flaws), bool(outcome.skipped)) == (
            row["becomes"] == "!",
            row["becomes"] == "-",
        )
        return
    assert outcome.event is not None
    data = outcome.event["data"]
    facts = administered(data, NOW, None)
    assert data["status"] == row["becomes"]
    for name in ("due", "error", "given", "timely"):
        assert row[name] != NOTHING
        assert facts[name] == int(row[name]), name


@pytest.mark.parametrize("name", [name for name in SHIPPED if SHIPPED[name].codes])
def test_code_that_is_not_known_rejects_its_record_or_is_reported(name: str) -> None:
    mapping = SHIPPED[name]
    met = dict.fromkeys(mapping.codes, 0)
    for example in mapping.examples:
        before = map_body(mapping, example.input)
        for path, leaf in leaves(example.input):
            tables = [
                table
                for table, codes in mapping.codes.items()
                if isinstance(leaf, str) and fold(leaf) in set(map(fold, codes.words))
            ]
            if not tables:
                continue
            after = map_body(mapping, with_leaf(example.input, path, UNKNOWN))
            rejected = any(one.flaws for one in after.outcomes)
            reported = [one for one in after.unmapped if one.code == UNKNOWN]
            assert rejected or reported or after.outcomes == before.outcomes
            for table in tables:
                met[table] += bool(rejected or reported)
    assert 0 not in met.values(), met


def test_cause_that_is_not_known_is_counted_as_other_and_reported_as_drift() -> None:
    mapping = SHIPPED["incident-platform"]
    second = ("incident", "contributing_factors", 1)
    body = with_leaf(mapping.examples[0].input, second, "Records")
    assert map_body(mapping, body).unmapped == ()
    strange = with_leaf(body, second, "Moonlight")
    mapped = map_body(mapping, strange)
    assert mapped.events[0]["data"]["themes"] == ["staffing", "other"]
    (found,) = drift(shape_of(body), shape_of(strange), mapped.unmapped)
    assert (found.kind, found.path) == ("unmapped_code", "factors")
    assert "Moonlight" in found.detail


def test_only_the_causes_of_incidents_let_unknown_codes_through() -> None:
    through = {
        (name, table)
        for name, mapping in SHIPPED.items()
        for table, codes in mapping.codes.items()
        if codes.unmapped != "reject"
    }
    assert through == {("incident-platform", "factors")}
