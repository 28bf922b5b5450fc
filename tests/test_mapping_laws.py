"""Laws of mappings over any body: a value or our own error, and the same one each time."""

import contextlib
from typing import Any, get_args

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.mapping.budget import Budget, MappingError
from models.mapping.expressions import parse
from models.mapping.map_body import map_body
from models.mapping.mappings import Mapping, mapping_of
from models.mapping.problems import problems_of
from models.mapping.selection import Selector
from models.mapping.transforms import AnyTransform

KEYS = st.sampled_from(["a", "b", "c", "id", "ü"])
TEXTS = st.one_of(st.sampled_from(["x", "7", " 2026-03-01 ", "2026-10-25 01:30"]), st.text())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)
LEAVES = st.sampled_from(
    ["a", "b", "c", '"a"', "@", "*", "[0]", "[-1]", "[]", "[*]", "[::2]", "`1`", "`[1]`", "'x'"]
)
ONE = [
    "!{0}",
    "({0})",
    "{0}.a",
    "{0}[]",
    "{0}[*]",
    "{0}.*",
    "[{0}]",
    *(f"{name}({{0}})" for name in ("abs", "avg", "ceil", "keys", "length", "max", "reverse")),
    *(f"{name}({{0}})" for name in ("sort", "sum", "to_array", "to_number", "to_string", "type")),
]
TWO = [
    "{0}.{1}",
    "{0} | {1}",
    "{0} || {1}",
    "{0} && {1}",
    "{0} == {1}",
    "{0} < {1}",
    "[{0}, {1}]",
    "{{k: {0}, m: {1}}}",
    "{0}[?{1}]",
    "contains({0}, {1})",
    "join({0}, {1})",
    "merge({0}, {1})",
    "map(&{0}, {1})",
    "sort_by({1}, &{0})",
    "max_by({1}, &{0})",
]
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(str.format, st.sampled_from(ONE), inner),
        st.builds(str.format, st.sampled_from(TWO), inner, inner),
    ),
    max_leaves=12,
)
TRANSFORMS: list[dict[str, Any]] = [
    {"as": "trim"},
    {"as": "text"},
    {"as": "integer"},
    {"as": "number", "thousands": ","},
    {"as": "boolean"},
    {"as": "lookup", "table": "words"},
    {"as": "scale", "from": [0, 10]},
    {"as": "concat", "separator": "-"},
    {"as": "split"},
    {"as": "hash_of"},
    {"as": "datetime", "order": "dmy", "zone": "Europe/London"},
    {"as": "date"},
    {"as": "excel_serial", "zone": "Europe/London"},
    {"as": "epoch", "unit": "ms"},
    {"as": "hours_between"},
    {"as": "seconds_since_2000"},
    {"as": "map_list", "transforms": [{"as": "upper"}, {"as": "lower"}]},
    {"as": "constant", "value": 5},
]


def is_readable(expression: str) -> bool:
    try:
        parse(expression)
    except MappingError:
        return False
    return True


@given(EXPRESSIONS, JSON)
@example("max_by(@, &a)", [{"a": 1}, {"a": "x"}])
@example("sum(@)", [10**400, 0.5])
@example("ceil(a)", {"a": float("nan")})
def test_any_expression_over_any_body_gives_a_value_or_our_error(
    expression: str, body: Any
) -> None:
    assume(is_readable(expression))
    budget = Budget()
    with contextlib.suppress(MappingError):
        selected = Selector(budget).select(expression, body)
        budget.weigh(selected)
        msgspec.json.encode(selected)


@given(st.text(st.sampled_from("ab.[]()*?|&!<>=@{}:,0-'\"`\\ é"), max_size=40))
def test_any_text_is_an_expression_or_our_error(text: str) -> None:
    is_readable(text)


@given(
    each=st.one_of(st.just("to_array(@)"), st.just("to_array(@)"), EXPRESSIONS),
    condition=st.one_of(st.just("`true`"), EXPRESSIONS),
    own_id=st.one_of(st.just("body"), EXPRESSIONS),
    value=EXPRESSIONS,
    transforms=st.lists(st.sampled_from(TRANSFORMS), max_size=4),
    unmapped=st.sampled_from(["reject", "skip", "pass", "otherwise"]),
    body=JSON,
)
def test_mapping_is_a_function_of_its_body(
    each: str,
    condition: str,
    own_id: str,
    value: str,
    transforms: list[Any],
    unmapped: str,
    body: Any,
) -> None:
    document = {
        "schema": "mapping/1",
        "name": "any",
        "each": each,
        "when": [{"path": condition, "of": "body", "reason": "is not meant"}],
        "type": "custom.any",
        "codes": {"words": {"words": {"X": 1, "7": "seven"}, "unmapped": unmapped}},
        "fields": {
            "id": {"path": own_id, "of": "both", "transforms": [{"as": "hash_of"}]},
            "service": {"constant": "1-545611283"},
            "occurred_at": {"constant": "2026-03-01T10:00:00+00:00"},
            "data.value": {"path": value, "of": "both", "transforms": transforms},
        },
    }
    assume(not problems_of(document))
    mapping = mapping_of(document)
    first = written_out(mapping, body)
    assert written_out(mapping, body) == first


def written_out(mapping: Mapping, body: Any) -> Any:
    try:
        mapped = map_body(mapping, body, traced=True)
    except MappingError as error:
        return error.args
    assert map_body(mapping, body).events == mapped.events
    return msgspec.json.encode(mapped)


def test_every_transform_is_among_those_tried_at_random() -> None:
    tried = {str(one["as"]) for one in TRANSFORMS} | {"hash_of"}
    inner = {"upper", "lower"}
    named = {str(kind.__struct_config__.tag) for kind in get_args(AnyTransform)}
    assert named == tried | inner
