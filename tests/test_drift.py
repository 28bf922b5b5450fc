"""What is new about a source: shapes in, a few lines out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.mapping.columns import keys_read
from models.mapping.drift import (
    ANY_KEY,
    CUT,
    MOST_PATHS,
    Drift,
    drift,
    joined,
    last_key,
    shape_of,
)
from models.mapping.mappings import mapping_of
from models.mapping.pipeline import UnmappedCode

A_BODY = {
    "site": "1-545611283",
    "rounds": [
        {"at": "08:00", "doses": [{"id": 1, "note": None}, {"id": 2, "note": "late"}]},
        {"at": "12:00", "doses": [], "closed": True},
    ],
}


def test_shape_is_keys_and_types_and_no_value() -> None:
    assert shape_of(A_BODY) == {
        "@": ("object",),
        "rounds": ("array",),
        "rounds[]": ("object",),
        "rounds[].at": ("string",),
        "rounds[].closed": ("boolean",),
        "rounds[].doses": ("array",),
        "rounds[].doses[]": ("object",),
        "rounds[].doses[].id": ("number",),
        "rounds[].doses[].note": ("null", "string"),
        "site": ("string",),
    }


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (None, {"@": ("null",)}),
        ([1, "a", 2.5], {"@": ("array",), "[]": ("number", "string")}),
        (
            {"a b": {"é": 1}},
            {"@": ("object",), '"a b"': ("object",), '"a b"."\\u00e9"': ("number",)},
        ),
    ],
)
def test_paths_are_written_as_in_jmespath(body: Any, shape: Any) -> None:
    assert shape_of(body) == shape


def test_keys_that_are_data_are_not_kept() -> None:
    by_person = {"9434765919": {"at": 1}, "4010232137": {"at": 2}, "2026-03-01": {"at": 3}}
    assert shape_of({"who": by_person, "x" * 61: 1}) == {
        "@": ("object",),
        ANY_KEY: ("number",),
        f"who.{ANY_KEY}": ("object",),
        f"who.{ANY_KEY}.at": ("number",),
        "who": ("object",),
    }


def test_line_is_drawn_under_wide_deep_and_long_bodies() -> None:
    wide = shape_of({f"key_{'abcdefghij'[one % 10]}{'x' * (one // 10)}": one for one in range(600)})
    assert len(wide) == MOST_PATHS + 1
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert len(shape_of(deep)) == 18
    long = shape_of([[0] * 1000] * 1000)
    assert {CUT in shape for shape in (wide, shape_of(deep), long)} == {True}
    assert long["[][]"] == ("number",)


CHANGES: dict[str, tuple[Any, Any, list[tuple[str, str]]]] = {
    "nothing": (A_BODY, A_BODY, []),
    "a key that is away": (A_BODY, {"site": "x"}, []),
    "an empty list": (A_BODY, {"rounds": []}, []),
    "a new key": ({"a": 1}, {"a": 2, "b": "x"}, [("new_key", "b")]),
    "a new key with keys of its own": ({}, {"b": {"c": [1]}}, [("new_key", "b")]),
    "two new keys, one named like the other": (
        {},
        {"b": 1, "bc": 2},
        [("new_key", "b"), ("new_key", "bc")],
    ),
    "a new key in a list": ([{"a": 1}], [{"a": 1}, {"b": 1}], [("new_key", "[].b")]),
    "items where there were none": ({"a": []}, {"a": [1]}, [("new_key", "a[]")]),
    "another type": ({"a": 1}, {"a": "1"}, [("changed_type", "a")]),
    "a fraction is a number too": ({"a": 1}, {"a": 1.5}, []),
    "null for the first time": ({"a": 1}, {"a": None}, [("newly_null", "a")]),
    "null as before": ([{"a": 1}, {"a": None}], [{"a": None}], []),
    "null and another type": ({"a": 1}, {"a": [None]}, [("changed_type", "a"), ("new_key", "a[]")]),
    "a list where an object was": (
        {"a": 1},
        [{"a": 1}],
        [("changed_type", "@"), ("new_key", "[]")],
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_drift_is_what_was_not_so_before(change: tuple[Any, Any, list[tuple[str, str]]]) -> None:
    before, after, found = change
    drifted = drift(shape_of(before), shape_of(after))
    assert [(one.kind, one.path) for one in drifted] == found


def test_drift_is_said_in_a_sentence() -> None:
    seen = shape_of({"a": "x", "b": [1], "c": None})
    codes = [UnmappedCode("letters", "Q"), UnmappedCode("letters", "Q")]
    assert drift(shape_of({"a": 1, "c": True}), seen, codes) == [
        Drift("changed_type", "a", "a was number, and now also string."),
        Drift("new_key", "b", "b is new: array."),
        Drift("newly_null", "c", "c was boolean, and now also null."),
        Drift("unmapped_code", "letters", "'Q' is not in the table 'letters'."),
    ]


def test_no_key_is_called_new_beside_a_shape_that_was_cut() -> None:
    known = shape_of({"a": 1}) | {CUT: ()}
    assert drift(known, shape_of({"a": "1", "b": 1})) == [
        Drift("changed_type", "a", "a was number, and now also string.")
    ]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from("abc"), st.text(max_size=5)), inner, max_size=3),
    ),
    max_leaves=12,
)


@given(st.lists(JSON, min_size=1, max_size=4))
def test_what_has_been_learned_is_no_drift(bodies: list[Any]) -> None:
    known = shape_of(bodies[0])
    for body in bodies[1:]:
        known = joined(known, shape_of(body))
    assert known == joined(known, known)
    for body in bodies:
        assert drift(known, shape_of(body)) == []


@given(JSON, JSON)
def test_learning_does_not_depend_on_the_order(one: Any, other: Any) -> None:
    first, second = shape_of(one), shape_of(other)
    assert joined(first, second) == joined(second, first)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("void", "void"),
        ("visits[].doses[].void", "void"),
        ("[].tags[]", "tags"),
        ('rows[]."given at"', "given at"),
        ('"a.b"[]', "a.b"),
        ("@", "@"),
    ],
)
def test_last_key_of_a_path_is_as_its_source_writes_it(path: str, key: str) -> None:
    assert last_key(path) == key


def test_every_key_that_a_mapping_names_is_one_it_reads() -> None:
    document = {
        "schema": "mapping/1",
        "name": "keys",
        "each": ["homes[]", '"the doses"[]'],
        "when": [{"path": "!void", "reason": "is void"}],
        "type": {"path": "kind"},
        "fields": {
            "id": {"path": "[ref, slot.no]"},
            "service": {"constant": "1-1"},
            "occurred_at": {"path": "max(times[?ok].at)"},
        },
    }
    keys = {"homes", "the doses", "void", "kind", "ref", "slot", "no", "times", "ok", "at"}
    assert keys_read(mapping_of(document)) == keys
