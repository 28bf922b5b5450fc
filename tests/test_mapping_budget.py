"""No expression and no mapping takes more than a bounded time and memory, whatever it meets.

Work is counted, so these tests hold on a slow machine too: steps as they are made, memory as it is
allocated.
"""

import contextlib
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.budget import LIMITS, Budget, Limits, MappingError, OverBudget
from models.expressions import parse
from models.map_body import map_body
from models.mapping_problems import problems_of
from models.mappings import Mapping, mapping_of
from models.selection import Selector
from models.transforms import AnyTransform

MEBIBYTE = 2**20
TENFOLD = "[@,@,@,@,@,@,@,@,@,@][]"
DOUBLED = "[@,@]"
#: 12 steps of these make a value of 4,096 parts out of a dozen lists; the two share nothing.
TWINS = "{" + ", ".join(f"{key}: {'|'.join([DOUBLED] * 6)}" for key in "ab") + "}"
A_LIST: list[Any] = [0] * 10_000


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


#: What is attacked: the expression, the body, how it ends.
ATTACKS: dict[str, tuple[str, Callable[[], Any], str]] = {
    "a list made of ten of itself, four times": (
        "|".join([TENFOLD] * 4),
        lambda: [0] * 1000,
        "too_much_work",
    ),
    "a list of lists of itself for each of its items": (
        "[].[@,@,@,@] | [].[@,@,@,@] | [].[@,@,@,@][] | [].[@,@,@,@][]",
        lambda: [0] * 1000,
        "too_much_work",
    ),
    "ten thousand times the same ten thousand": ("[]", lambda: [A_LIST] * 10_000, "too_much_work"),
    "all of a long list": ("[*]", lambda: [0] * 3_000_000, "too_much_work"),
    "a copy of a long list": ("[:]", lambda: [0] * 3_000_000, "too_much_work"),
    "a long list backwards": ("reverse(@)", lambda: [0] * 3_000_000, "too_much_work"),
    "a long list sorted": ("sort(@)", lambda: [0] * 3_000_000, "too_much_work"),
    "all of a wide object": ("*", lambda: dict.fromkeys(map(str, range(50_000))), "too_much_work"),
    "what is small in memory, written out": (
        "|".join([DOUBLED] * 14) + "|to_string(@)",
        lambda: ["x" * 1000],
        "too_much_work",
    ),
    "what is small in memory, compared": (
        TWINS + "|a==b",
        lambda: [["x" * 500] * 100],
        "too_much_work",
    ),
    "what is small in memory, searched in": (
        TWINS + "|contains(a, b)",
        lambda: [["x" * 500] * 100],
        "too_much_work",
    ),
    "a long text many times in one": (
        "join(a, b)",
        lambda: {"a": "-" * 20_000, "b": ["x"] * 10_000},
        "too_much_work",
    ),
    "long texts that differ at their ends, sorted": (
        "sort(@)",
        lambda: ["x" * 19_000 + str(one % 2) for one in range(200)] * 20,
        "too_much_work",
    ),
    "the same, sorted by": (
        "sort_by(@, &a)",
        lambda: [{"a": "x" * 19_000 + str(one % 2)} for one in range(200)] * 20,
        "too_much_work",
    ),
    "a text searched for one like it": (
        "contains(a, b)",
        lambda: {"a": "a" * 30_000, "b": "a" * 10_000 + "b"},
        "too_much_work",
    ),
    "a text as long as a body": ("a", lambda: {"a": "x" * 2_000_000}, "too_much_work"),
    "one body inside the other, written out": (
        "to_string(@)",
        lambda: nested(100_000),
        "nested_too_deeply",
    ),
    "the same, compared": ("@ == @", lambda: nested(100_000), "nested_too_deeply"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_attack_ends_within_its_steps_and_memory(
    attack: tuple[str, Callable[[], Any], str],
) -> None:
    expression, make_body, code = attack
    body = make_body()
    budget = Budget()
    selector = Selector(budget)
    parse(expression)
    tracemalloc.start()
    try:
        with pytest.raises(MappingError) as caught:
            selector.select(expression, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code == code
    assert budget.steps.spent <= LIMITS.steps_per_run + 1
    assert peak < 5 * MEBIBYTE


def test_counting_is_the_same_each_time() -> None:
    def spent() -> tuple[int, int, int]:
        budget = Budget()
        Selector(budget).select("a[?b > `1`].[b, c][]", {"a": [{"b": 2, "c": "xyz"}] * 50})
        return budget.steps.spent, budget.items.spent, budget.characters.spent

    assert spent() == spent()
    steps, items, characters = spent()
    assert steps > 50 * 5
    assert items >= 50 + 50 * 2 + 100
    assert characters >= 50 * 3


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("", "unreadable_expression"),
        (" ", "unreadable_expression"),
        ("a b", "unreadable_expression"),
        ("a[", "unreadable_expression"),
        ("a.b.", "unreadable_expression"),
        ("length(", "unreadable_expression"),
        ("&a", "unreadable_expression"),
        ("{a: &b}", "unreadable_expression"),
        ("to_string(&a)", "unreadable_expression"),
        ("[::0]", "unreadable_expression"),
        ("`bare`", "unreadable_expression"),
        ("`NaN`", "unreadable_expression"),
        ("`1e999`", "not_json"),
        ('`"\\ud800"`', "not_json"),
        ("length(a, b)", "unreadable_expression"),
        ("shell('ls')", "unknown_function"),
        ("a" * 513, "expression_too_long"),
        (".".join("a" * 65), "expression_too_long"),
        ("(" * 49 + "a" + ")" * 49, "expression_too_long"),
        ("!" * 49 + "a", "expression_too_long"),
        ("`" + "[" * 49 + "]" * 49 + "`", "expression_too_long"),
    ],
)
def test_expression_that_cannot_be_run_is_refused_when_read(expression: str, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse(expression)
    assert caught.value.code == code


def test_bare_literal_is_refused_whatever_becomes_of_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(MappingError, match="Between backticks stands JSON"):
            parse("a == `quiet`")


@pytest.mark.parametrize(
    ("expression", "body", "selected"),
    [
        ("a.b", {"a": {"b": 1}}, 1),
        ("a < b", {"a": 1, "b": 2}, True),
        ("a < b", {"a": "2026-01", "b": "2026-02"}, True),
        ("a < b", {"a": 1, "b": "2"}, None),
        ("a == b", {"a": [1, {"c": 2}], "b": [1, {"c": 2}]}, True),
        ("a != b", {"a": 0, "b": False}, True),
        ("a[1:3]", {"a": [1, 2, 3, 4]}, [2, 3]),
        ("a[::-1]", {"a": [1, 2]}, [2, 1]),
        ("a[]", {"a": [[1], 2, [[3]]]}, [1, 2, [3]]),
        ("a[]", {"a": 1}, None),
        ("sort_by(@, &a)[*].a", [{"a": 2}, {"a": 1}], [1, 2]),
        ("contains(@, 'b')", ["a", "b"], True),
        ("join('-', @)", ["a", "b"], "a-b"),
        ("to_string(@)", {"a": 1}, '{"a":1}'),
        ("a || b", {"b": 1}, 1),
        ("length(@)", [0] * 50_000, 50_000),
        ("[0]", [0] * 50_000, 0),
        ('a == `"x"`', {"a": "x"}, True),
    ],
)
def test_expression_selects_what_jmespath_says(expression: str, body: Any, selected: Any) -> None:
    assert Selector(Budget()).select(expression, body) == selected


def test_error_of_a_function_never_writes_its_value_out() -> None:
    expression = "|".join([DOUBLED] * 14) + "|sum(@)"
    with pytest.raises(MappingError) as caught:
        Selector(Budget()).select(expression, ["x" * 1000])
    assert caught.value.detail == "sum() takes array-number, and met array."


def costly(records: int, limits: Limits = LIMITS) -> Any:
    """Every record takes some 4,000 steps, which is fine for a few."""
    mapping = mapping_of(
        {
            "schema": "mapping/1",
            "name": "costly",
            "each": "records",
            "type": "census.taken",
            "fields": {
                "id": {"path": "id"},
                "service": {"constant": "1-545611283"},
                "occurred_at": {"constant": "2026-03-01T10:00:00+00:00"},
                "data.residents": {"path": "length(all[*].a[])", "of": "body"},
            },
        }
    )
    body = {"records": [{"id": str(one)} for one in range(records)], "all": [{"a": 1}] * 2000}
    return map_body(mapping, body, limits=limits)


def test_body_has_a_budget_beyond_that_of_its_expressions() -> None:
    assert len(costly(20).events) == 20
    with pytest.raises(OverBudget, match="all expressions of this body") as caught:
        costly(1000)
    assert caught.value.whole


def test_one_expression_over_its_budget_costs_its_record_only() -> None:
    mapped = costly(3, Limits(steps_per_run=1000))
    assert [flaw.code for one in mapped.outcomes for flaw in one.flaws] == ["too_much_work"] * 3


def test_body_of_too_many_records_is_refused() -> None:
    with pytest.raises(MappingError, match="at most 1,000 records; here are 1,001"):
        costly(1001)


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
