"""No expression and no mapping takes more than a bounded time and memory, whatever it meets.

Work is counted, so these tests hold on a slow machine too: steps as they are made, memory as it is
allocated.
"""

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from models.mapping.budget import LIMITS, Budget, Limits, MappingError, OverBudget
from models.mapping.expressions import parse
from models.mapping.map_body import map_body
from models.mapping.mappings import mapping_of
from models.mapping.selection import Selector

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


def within(steps: list[str], body: Any, limits: Limits = LIMITS) -> Any:
    document = {
        "schema": "mapping/1",
        "name": "within",
        "each": steps,
        "type": "census.taken",
        "fields": {
            "id": {"path": "@"},
            "service": {"constant": "1-545611283"},
            "occurred_at": {"constant": "2026-03-01T10:00:00+00:00"},
            "data.residents": {"path": "length(keys(@))", "of": "parent"},
        },
    }
    return map_body(mapping_of(document), body, limits=limits)


def test_records_within_records_are_counted_together() -> None:
    body = {"a": [{"b": ["x"] * 100}] * 10}
    assert len(within(["a", "b"], body).events) == 1000
    with pytest.raises(MappingError, match="at most 1,000 records; here are 1,100"):
        within(["a", "b"], {"a": [{"b": ["x"] * 100}] * 11})


def test_a_list_within_itself_again_and_again_is_refused_before_it_is_made() -> None:
    """A thousand times a thousand times a thousand: from a body of a thousand items."""
    body = {"a": list(range(1000))}
    with pytest.raises(MappingError) as caught:
        within(["a", "[@,@,@,@,@,@,@,@,@,@]", *["[@,@,@,@,@,@,@,@,@,@]"] * 5], body)
    assert caught.value.code == "too_many_records"


def test_selecting_in_every_record_is_paid_from_the_budget_of_the_body() -> None:
    body = {"a": [{"b": [1]}] * 900}
    with pytest.raises(OverBudget) as caught:
        within(["a", "b"], body, Limits(steps=500))
    assert caught.value.whole


def test_body_of_too_many_records_is_refused() -> None:
    with pytest.raises(MappingError, match="at most 1,000 records; here are 1,001"):
        costly(1001)
