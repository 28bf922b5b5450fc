"""The simulator's events, checked against the contract and counted again by the house itself."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache

import msgspec
import numpy as np
import pytest

from cli import demo
from cli.demo_services import SEED, services
from cli.simulate import (
    BANDS,
    INDEX,
    INDICATORS,
    NO_BAND,
    PLACES,
    RATE,
)
from cli.simulate_draw import Counts, draw
from cli.simulate_envelope import Event, nhs_number
from cli.simulate_events import events
from cli.simulate_voices import ratings
from models.calendar import add_months, month_of
from models.facts import FACTS_OF
from models.incoming.content import Terms
from models.incoming.validation import read_items
from models.keyring import Pseudonyms
from models.vocabulary import ExposureUnit
from tests.simulated import NOW, cells_of, latest, sent

#: Drawn under another name than the catalogue's: what is left of all incidents.
DERIVED = {"other_incidents"}


@cache
def counted_again(number: int) -> Counts:
    """What the house counts from the events, in the shape of a draw."""
    plan = sent(number)[0].plan
    x = np.zeros((len(plan.teams), PLACES, len(INDICATORS), plan.months), dtype=np.int64)
    n, squares = np.zeros(x.shape), np.zeros_like(x)
    teams = {team.code: t for t, team in enumerate(plan.teams)}
    places = {band.value: place for place, band in enumerate(BANDS)} | {"": NO_BAND}
    months = {month: m for m, month in enumerate(plan.calendar)}
    for cell in cells_of(number):
        if not cell.team:
            continue
        t, place, m = teams[cell.team], places[cell.band], months[cell.month]
        if cell.indicator == ExposureUnit.RESIDENT_DAYS:
            n[t, place, RATE, m] += cell.x / 1440
        elif cell.indicator in INDEX:
            x[t, place, INDEX[cell.indicator], m] += cell.x
            n[t, place, INDEX[cell.indicator], m] += cell.n
            squares[t, place, INDEX[cell.indicator], m] += cell.sum_squares
    return Counts(x, n, squares)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_counting_the_events_gives_the_drawn_counts(number: int) -> None:
    _, drawn, _ = sent(number)
    again = counted_again(number)
    for place, indicator in enumerate(INDICATORS):
        if indicator.code in DERIVED | {"complaints_repeated"}:
            continue
        factor = 100 if indicator.kind == "mean" else 1
        at = (slice(None), slice(None), place)
        assert np.array_equal(again.x[at], drawn.x[at] * factor), indicator.code
        if indicator.kind == "mean":
            assert np.array_equal(again.sum_squares[at], drawn.sum_squares[at] * factor**2)
        np.testing.assert_allclose(again.n[at], drawn.n[at], err_msg=indicator.code)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_complaints_repeat_about_as_often_as_drawn(number: int) -> None:
    """Less often when nothing was there to repeat, more often when every theme was."""
    _, drawn, _ = sent(number)
    again = counted_again(number)
    repeated = INDEX["complaints_repeated"]
    assert np.array_equal(again.n[:, :, repeated], drawn.n[:, :, repeated])
    counted, wanted = again.x[:, :, repeated].sum(), drawn.x[:, :, repeated].sum()
    assert counted == pytest.approx(wanted, rel=0.2)


def test_every_type_of_the_contract_is_sent_by_the_demo() -> None:
    kinds = {event["type"] for number in range(3) for event in latest(sent(number)[2])}
    assert kinds == set(FACTS_OF)


def test_the_demo_is_about_a_hundred_thousand_events() -> None:
    assert 90_000 <= sum(len(sent(number)[2]) for number in range(3)) <= 115_000


def test_each_service_has_four_to_seven_teams_and_only_one_team_sends_single_doses() -> None:
    assert all(4 <= len(sent(number)[0].plan.teams) <= 7 for number in range(3))
    detailed = {
        (event["service"], event["team"])
        for number in range(3)
        for event in sent(number)[2]
        if event.get("type") == "medication.administered"
    }
    assert len(detailed) == 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_evidence_covers_24_months_up_to_the_month_before_now(number: int) -> None:
    _, _, everything = sent(number)
    months = {month_of(datetime.fromisoformat(e["occurred_at"])) for e in latest(everything)}
    assert sorted(months) == [add_months(date(2024, 11, 1), later) for later in range(24)]


@pytest.mark.parametrize("now", [NOW, datetime(2026, 10, 31, 23, 59, tzinfo=UTC),
                                 datetime(2026, 4, 1, 0, 5, tzinfo=UTC)])  # fmt: skip
def test_nothing_occurs_or_is_written_down_after_now(now: datetime) -> None:
    service = services(now)[2]
    rng = np.random.default_rng(SEED)
    for event in events(service.plan, draw(service.plan, rng), rng, now):
        if not event.get("retracted"):
            occurred = datetime.fromisoformat(event["occurred_at"])
            assert occurred <= datetime.fromisoformat(event["recorded_at"]) <= now


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    service = services(NOW)[2]

    def sent_with(seed: int) -> str:
        rng = np.random.default_rng(seed)
        return json.dumps(list(events(service.plan, draw(service.plan, rng), rng, NOW)))

    assert sent_with(1) == sent_with(1)
    assert sent_with(1) != sent_with(2)


def test_later_in_the_same_month_only_the_moment_of_writing_down_differs() -> None:
    def content(now: datetime) -> list[Event]:
        return [each | {"recorded_at": None} for each in demo.evidence(services(now)[2], now)]

    assert content(NOW) == content(NOW + timedelta(days=20))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_identity_is_sent_once_per_version(number: int) -> None:
    _, _, everything = sent(number)
    identities = Counter((e["source"], e["id"], e["version"]) for e in everything)
    assert max(identities.values()) == 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_some_events_are_corrected_late_and_some_retracted(number: int) -> None:
    _, _, everything = sent(number)
    first = {(e["source"], e["id"]): e for e in everything if e["version"] == 1}
    second = [e for e in everything if e["version"] == 2]
    retracted = [e for e in second if e.get("retracted")]
    corrected = [e for e in second if not e.get("retracted")]
    assert retracted
    assert corrected
    for event in corrected:
        assert event["data"] != first[event["source"], event["id"]]["data"]
    assert all((event["source"], event["id"]) in first for event in retracted)


ITEM_TYPES = {
    "handover.completed",
    "observation.completed",
    "knowledge.checked",
    "care_record.checked",
    "self_assessment.recorded",
    "audit.completed",
    "supervision.completed",
}
ALLOWED: dict[str, set[str]] = {
    "medication.administered": {
        "status", "due_at", "given_at", "prn", "prn_outcome_recorded", "controlled", "witnessed",
        "time_critical",
    },
    "medication.round": {"due", "on_time", "late", "omitted", "refused", "other"},
    "shift.worked": {
        "starts_at", "ends_at", "planned_hours", "worked_hours", "agency_hours", "role",
    },
    "audit.completed": {"audit", "items_due", "items_met", "themes"},
    "supervision.completed": {"on_time", "items_due", "items_met"},
    "incident.reported": {
        "category", "harm", "near_miss", "escalation_due", "escalated_on_time", "themes",
    },
    "feedback.received": {"respondent", "rating", "fft", "themes"},
    "complaint.received": {"respondent", "theme", "upheld"},
    "compliment.received": {"respondent", "theme"},
    "census.taken": {"on", "residents"},
}  # fmt: skip


def allowed(kind: str) -> set[str]:
    return ALLOWED.get(kind, {"items_due", "items_met", "practice"})


@pytest.mark.parametrize("number", [0, 1, 2])
def test_data_keeps_to_the_tables_of_the_contract(number: int) -> None:
    for event in sent(number)[2]:
        if event.get("retracted"):
            assert set(event) == {"id", "source", "service", "version", "retracted"}
            continue
        kind, data = event["type"], event["data"]
        assert set(data) <= allowed(kind), kind
        if kind in ITEM_TYPES:
            assert 0 <= data["items_met"] <= data["items_due"] > 0
        if kind == "medication.round":
            assert data["due"] == sum(value for name, value in data.items() if name != "due")
            assert min(data.values()) >= 0
        if kind == "shift.worked":
            assert data["worked_hours"] <= data["planned_hours"] in {11, 12, 13}
        if kind == "feedback.received":
            assert ("rating" in data) != ("fft" in data)
        for theme in [*data.get("themes", []), *([data["theme"]] if "theme" in data else [])]:
            assert theme in THEMES


THEMES = {
    "responsiveness", "communication", "consistency", "dignity", "safety", "medicines",
    "staffing", "food", "environment", "records", "activities", "other",
}  # fmt: skip


def test_people_have_valid_numbers_from_the_range_never_issued() -> None:
    people = {e["person"] for number in range(3) for e in sent(number)[2] if e.get("person")}
    assert len(people) == sum(t.residents for s in services(NOW) for t in s.plan.teams)
    for person in people:
        assert person.startswith("999")
        digits = [int(digit) for digit in person]
        assert sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0
    assert len({nhs_number(number) for number in range(2_000)}) == 2_000


def test_feedback_comes_at_the_rate_of_the_field() -> None:
    """At most three answers a month for ten people, on average."""
    for number in range(3):
        service, counts, _ = sent(number)
        residents = sum(team.residents for team in service.plan.teams)
        answers = sum(counts.n[:, :, INDEX[code]].sum() for code in
                      ("experience_rating", "experience_positive"))  # fmt: skip
        assert 1 <= answers / service.plan.months / residents * 10 <= 3


@pytest.mark.parametrize("given", [(), (5,), (5, 4, 4, 2, 1), (3, 3, 3), (5, 5, 1, 1, 1, 1)])
def test_ratings_are_found_from_their_sums(given: tuple[int, ...]) -> None:
    found = ratings(len(given), sum(given), sum(rating**2 for rating in given))
    assert (sum(found), sum(r**2 for r in found)) == (sum(given), sum(r**2 for r in given))


def test_ratings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no 2 ratings"):
        ratings(2, 5, 20)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_api_takes_every_event(number: int) -> None:
    everything = [msgspec.json.encode(event) for event in sent(number)[2]]
    rows, rejected = read_items(
        list(enumerate(everything)), Terms(), Pseudonyms(b"key" * 11), NOW, may_have_nul=False
    )
    assert rejected == []
    assert len(rows) == len(everything)
