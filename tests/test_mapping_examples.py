"""A mapping is held to its examples, and two mappings are held against each other."""

from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.mapping.budget import Limits
from models.mapping.examples import Change, Difference, changes_between, check_examples, difference
from models.mapping.map_body import map_body
from models.mapping.mappings import Mapping, mapping_of
from tests.mapped_sources import AN_AUDIT, ITS_EVENT, mapping, with_field


def with_example(expect: Any, given_body: Any = AN_AUDIT, **changes: Any) -> Mapping:
    return mapping(examples=[{"input": given_body, "expect": expect}], **changes)


def told(source: Mapping, limits: Limits | None = None) -> list[tuple[str, str]]:
    found = check_examples(source, limits) if limits else check_examples(source)
    return [(flaw.pointer, flaw.detail) for flaw in found]


def test_example_that_comes_out_as_written_is_fine() -> None:
    assert check_examples(with_example([ITS_EVENT])) == []


def test_example_of_records_that_are_skipped_expects_nothing() -> None:
    condition = [{"path": "kind == 'audit'", "reason": "is no audit"}]
    assert check_examples(with_example([], when=condition)) == []
    assert told(with_example([ITS_EVENT], when=condition)) == [
        (
            "/examples/0/expect",
            "1 events are expected, and 0 come out. Skipped: is no audit.",
        )
    ]


def test_mapping_without_an_example_may_not_be_put_to_work() -> None:
    assert [flaw.pointer for flaw in check_examples(mapping())] == ["/examples"]


def test_every_place_that_differs_is_told() -> None:
    wanted = ITS_EVENT | {"team": "oak", "data": ITS_EVENT["data"] | {"items_met": 24}}
    assert told(with_example([wanted])) == [
        ("/examples/0/expect/0/data/items_met", "24 is expected, and 23 comes out."),
        ("/examples/0/expect/0/team", '"oak" is expected, and nothing comes out.'),
    ]


def test_rejected_record_is_told_with_the_rule_it_broke() -> None:
    assert told(with_example([ITS_EVENT], AN_AUDIT | {"id": None})) == [
        (
            "/fields/id",
            "Record 0 of the example at /examples/0: 'id' is required, and nothing was selected.",
        ),
        ("/examples/0/expect", "1 events are expected, and 0 come out."),
    ]


def test_body_that_cannot_be_mapped_is_told() -> None:
    assert told(with_example([], None)) == [
        ("/examples/0/input", "'@' selects null and no list of records.")
    ]
    assert told(with_example([], [AN_AUDIT] * 2), Limits(records=1)) == [
        ("/examples/0/input", "A body has at most 1 records; here are 2.")
    ]


@pytest.mark.parametrize(
    ("met", "pointer", "sentence"),
    [
        (26, "/examples/0/expect/0/data/items_met", "26 items were met of 25 due"),
        ("23", "/examples/0/expect/0/data", "audit.completed cannot be this: Expected `int`"),
    ],
)
def test_event_that_would_be_refused_later_is_no_example(
    met: Any, pointer: str, sentence: str
) -> None:
    event = ITS_EVENT | {"data": {"audit": "medicines", "items_due": 25, "items_met": met}}
    ((at, detail),) = told(with_example([event], AN_AUDIT | {"met": met}))
    assert at == pointer
    assert sentence in detail


def test_own_fields_of_an_event_are_no_flaw() -> None:
    whole = with_field("data.x_ward", path="ward")
    event = ITS_EVENT | {"data": ITS_EVENT["data"] | {"x_ward": "B"}}
    whole["examples"] = [{"input": AN_AUDIT | {"ward": "B"}, "expect": [event]}]
    assert check_examples(mapping_of(whole)) == []


def test_true_is_not_one() -> None:
    assert list(changes_between({"a": [1]}, {"a": [True]})) == [Change("/a", [1], [True])]
    assert list(changes_between({"a": 1}, {"a": 1.0})) == []


BEFORE = mapping()
WITH_TEAM = mapping_of(with_field("team", path="unit"))
BY_OTHER_ID = mapping_of(with_field("id", path="ref"))
SKIPPING = mapping(when=[{"path": "audit == 'medicines'", "reason": "is about something else"}])
ROWS = mapping(each="rows")
SOURCES = [BEFORE, WITH_TEAM, BY_OTHER_ID, SKIPPING, ROWS]


def test_same_mapping_makes_no_difference() -> None:
    bodies = [AN_AUDIT, [AN_AUDIT] * 3, {}, None]
    assert difference(BEFORE, mapping(), bodies) == []


def test_changed_events_are_paired_by_id() -> None:
    bodies = [[AN_AUDIT | {"id": "A-0"}, AN_AUDIT | {"unit": "oak"}]]
    assert difference(BEFORE, WITH_TEAM, bodies) == [
        Difference(body=0, kind="changed", id="A-1", changes=(Change("/team", None, "oak"),))
    ]


def test_another_id_removes_one_event_and_adds_another() -> None:
    found = difference(BEFORE, BY_OTHER_ID, [AN_AUDIT | {"ref": "R-1"}])
    assert [(one.kind, one.id) for one in found] == [("removed", "A-1"), ("added", "R-1")]
    assert found[0].changes == (Change("", ITS_EVENT, None),)


def test_records_that_are_skipped_or_rejected_are_told() -> None:
    body = [AN_AUDIT | {"audit": "falls"}, AN_AUDIT | {"audit": "falls", "id": None}]
    found = {one.kind: one.changes for one in difference(BEFORE, SKIPPING, [body])}
    reason = "is about something else"
    assert found["skipped"] == (Change("", [], [[0, reason], [1, reason]]),)
    assert found["rejected"] == (Change("", [[1, ["missing_field"]]], []),)


def test_body_that_only_one_of_them_can_map_is_told() -> None:
    body = {"rows": [AN_AUDIT]}
    found = difference(ROWS, mapping(each="lines"), [[], body])
    assert [(one.body, one.kind, one.id) for one in found] == [
        (0, "body", None),
        (1, "body", None),
        (1, "removed", "A-1"),
    ]
    assert found[1].changes[0].after == "'lines' selects null and no list of records."


AUDITS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["A-1", "A-2", None]),
        "ref": st.sampled_from(["R-1", "A-1"]),
        "unit": st.sampled_from(["oak", None]),
        "audit": st.sampled_from(["medicines", "falls"]),
        "site": st.just("1-1"),
        "at": st.just("2026-03-01T10:00:00+00:00"),
    }
)
BODIES = st.lists(
    st.one_of(
        st.lists(AUDITS, max_size=4), st.builds(lambda rows: {"rows": rows}, st.lists(AUDITS))
    ),
    max_size=3,
)


@given(st.sampled_from(SOURCES), st.sampled_from(SOURCES), BODIES)
def test_difference_seen_from_the_other_side_is_its_reverse(
    one: Mapping, other: Mapping, bodies: list[Any]
) -> None:
    reverse = {"added": "removed", "removed": "added"}
    there, back = difference(one, other, bodies), difference(other, one, bodies)
    assert [(each.body, each.kind, each.id) for each in there] == [
        (each.body, reverse.get(each.kind, each.kind), each.id) for each in back
    ]
    assert [change for each in there for change in each.changes] == [
        Change(change.pointer, change.after, change.before)
        for each in back
        for change in each.changes
    ]
    assert (there == []) == all(same_events(one, other, body) for body in bodies)


def same_events(one: Mapping, other: Mapping, body: Any) -> bool:
    """Whether nothing at all differs, told without the code that compares."""

    def said(source: Mapping) -> Any:
        try:
            mapped = map_body(source, body)
        except ValueError as error:
            return str(error)
        unmade = [
            (each.index, each.skipped, sorted({flaw.code for flaw in each.flaws}))
            for each in mapped.outcomes
            if each.event is None
        ]
        # Events of one id are told apart by their order only.
        return sorted(mapped.events, key=itemgetter("id")), unmade

    return bool(said(one) == said(other))


@pytest.mark.parametrize(
    ("field", "expected", "holds"),
    [
        ("occurred_at", "2026-03-01T11:00:00+01:00", True),
        ("occurred_at", "2026-03-01T10:00:00Z", True),
        ("occurred_at", "2026-03-01T10:00:01+00:00", False),
        ("occurred_at", "2026-03-01T10:00:00", False),
        ("id", "2026-03-01T11:00:00+01:00", False),
    ],
)
def test_instant_may_be_expected_with_any_offset(field: str, expected: str, holds: bool) -> None:
    sent = AN_AUDIT | {"id": "2026-03-01T10:00:00+00:00"}
    event = ITS_EVENT | {"id": sent["id"]} | {field: expected}
    flaws = check_examples(mapping(examples=[{"input": sent, "expect": [event]}]))
    assert [flaw.code for flaw in flaws] == ([] if holds else ["example_fails"])
