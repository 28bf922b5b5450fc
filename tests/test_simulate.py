"""Plans and draws of the simulator: levels, dispersion, company, and where checks are made."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from cli.demo_services import services
from cli.simulate import (
    BANDS,
    BASELINE,
    BETTER,
    IMPROVED,
    INDEX,
    INDICATORS,
    MEAN,
    NO_BAND,
    PLACES,
    RATE,
    Array,
    Plan,
    Team,
    Volumes,
    expected_n,
)
from cli.simulate_draw import draw
from cli.simulate_levels import levels, link

NOW = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
STEP = (link(IMPROVED) - link(BASELINE))[:, None]


def test_checks_are_made_in_every_band_every_month_where_all_improved() -> None:
    n = expected_n(services(NOW)[0].plan)
    for code in ("audit_compliance", "practice_observed", "staff_knowledge"):
        assert n[:, :NO_BAND, INDEX[code]].sum(axis=0).min() > 0
    each_team = n[:, :, [INDEX["audit_compliance"], INDEX["practice_observed"]]]
    assert each_team.sum(axis=1).min() > 0


def test_few_checks_are_made_at_night_where_nights_lag() -> None:
    audits = expected_n(services(NOW)[2].plan)[:, :, INDEX["audit_compliance"]].sum(axis=(0, 2))
    nights = [place for place, band in enumerate(BANDS) if "night" in band]
    assert 0 < audits[nights].sum() / audits.sum() < 0.25


def steady(**changes: Any) -> Plan:
    """Six teams in which nothing changes."""
    teams = tuple(Team(f"t{n}", f"T{n}", f"a{n // 2}", 24, f"l{n}") for n in range(6))
    gain = np.zeros((len(teams), PLACES, len(INDICATORS)))
    plan = Plan("1-100000009", "Steady", date(2024, 11, 1), teams, gain)
    return replace(plan, **changes)


def standardised(plan: Plan, runs: int) -> tuple[Array, Array]:
    """Pearson residuals of team-months and the level of each indicator, over many services."""
    counts = draw(plan, np.random.default_rng(7), runs)
    x, n, squares = (
        part.sum(axis=2, dtype=np.float64) for part in (counts.x, counts.n, counts.sum_squares)
    )
    every = (0, 1, 3)
    level = x.sum(axis=every) / n.sum(axis=every)
    one = np.where(
        MEAN, squares.sum(axis=every) / n.sum(axis=every) - level**2, level * (1 - level)
    )
    spread = n * np.where(RATE, level, one)[:, None]
    residual = np.divide(
        x - n * level[:, None], np.sqrt(spread), out=np.zeros_like(x), where=spread > 0
    )
    return residual, np.where(RATE, level * 1000, level)


#: With enough of it in a team-month for its dispersion to be seen.
PLENTY = ("medicine_omissions", "medicine_on_time", "shifts_filled", "handover_quality",
          "audit_compliance", "practice_observed", "falls", "harm_incidents")  # fmt: skip


def test_a_draw_keeps_the_plans_levels() -> None:
    _, level = standardised(steady(), 100)
    for code in (*PLENTY, "staff_knowledge", "complaints", "compliments", "experience_rating"):
        expected = INDICATORS[INDEX[code]].baseline
        assert level[INDEX[code]] == pytest.approx(expected, rel=0.03), code


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 2.0])
def test_team_months_are_dispersed_as_planned(dispersion: float) -> None:
    residual, _ = standardised(steady(dispersion=dispersion), 60)
    for code in PLENTY:
        seen = float((residual[:, :, INDEX[code]] ** 2).mean())
        assert seen == pytest.approx(dispersion, rel=0.12), code


def test_one_team_can_be_more_dispersed_than_the_others() -> None:
    plan = steady()
    wild = (replace(plan.teams[0], dispersion=6.0), *plan.teams[1:])
    residual, _ = standardised(replace(plan, teams=wild, largest_shock=2.0), 60)
    for code in PLENTY:
        seen = (residual[:, :, INDEX[code]] ** 2).mean(axis=(0, 2))
        assert seen[0] == pytest.approx(6.0, rel=0.3), code
        assert seen[1:].mean() == pytest.approx(2.0, rel=0.12), code


def alike(left: Array, right: Array) -> float:
    return float(np.corrcoef(left.ravel(), right.ravel())[0, 1])


COMPANY: list[tuple[str, float, Callable[[Array], float]]] = [
    ("indicator_correlation", 0.3,
     # A good month has better audits and fewer omissions.
     lambda r: alike(r[:, :, INDEX["audit_compliance"]], -r[:, :, INDEX["medicine_omissions"]])),
    ("team_correlation", 0.3, lambda r: alike(r[:, 0], r[:, 1])),
    ("month_autocorrelation", 0.4, lambda r: alike(r[..., 1:], r[..., :-1])),
]  # fmt: skip


@pytest.mark.parametrize(("parameter", "value", "seen"), COMPANY)
def test_shocks_keep_the_planned_company(
    parameter: str, value: float, seen: Callable[[Array], float]
) -> None:
    """At dispersion φ a share (φ - 1) / φ of the variance is shock, and only shocks go together."""
    alone: dict[str, Any] = dict.fromkeys((name for name, _, _ in COMPANY), 0.0)
    plenty = [INDEX[code] for code in PLENTY]
    together = steady(**alone | {parameter: value, "dispersion": 3.0})
    apart = steady(**alone | {"dispersion": 3.0})
    residuals = [standardised(plan, 100)[0] for plan in (together, apart)]
    if parameter != "indicator_correlation":
        residuals = [residual[:, :, plenty] for residual in residuals]
    assert seen(residuals[0]) == pytest.approx(value * 2 / 3, abs=0.05)
    assert seen(residuals[1]) == pytest.approx(0, abs=0.03)


def test_many_draws_are_as_one_draw_many_times() -> None:
    one, many = (
        draw(steady(), np.random.default_rng(3)),
        draw(steady(), np.random.default_rng(3), 1),
    )
    assert np.array_equal(one.x, many.x[0])
    assert np.array_equal(one.n, many.n[0])


def test_improvement_reaches_the_improved_level_after_the_ramp_and_only_where_planted() -> None:
    gain = np.zeros((6, PLACES, len(INDICATORS)))
    gain[0] = 1.0
    counts = draw(steady(gain=gain), np.random.default_rng(5), 100)
    for code in ("audit_compliance", "practice_observed", "medicine_on_time"):
        place = INDEX[code]
        x, n = (part[:, :, :, place].sum(axis=(0, 2), dtype=np.float64)
                for part in (counts.x, counts.n))  # fmt: skip
        before, after = x[:, :12].sum(1) / n[:, :12].sum(1), x[:, 16:].sum(1) / n[:, 16:].sum(1)
        indicator = INDICATORS[place]
        assert after[0] == pytest.approx(indicator.improved, rel=0.02)
        assert before[0] == pytest.approx(indicator.baseline, rel=0.02)
        np.testing.assert_allclose(after[1:], before[1:], rtol=0.02)


def test_a_gain_that_lapses_leaves_the_baseline_level() -> None:
    gain = np.ones((6, PLACES, len(INDICATORS)))
    plan = steady(gain=gain, ramp=1)
    level = levels(replace(plan, teams=tuple(replace(t, ends=18) for t in plan.teams)))
    assert np.allclose(level[..., 12:18], level[..., :1] + gain[..., None] * STEP)
    assert np.allclose(level[..., 18:], level[..., :1])


def test_a_gain_that_lapses_in_part_keeps_the_rest() -> None:
    kept = np.zeros((6, PLACES, len(INDICATORS)))
    kept[:, :, INDEX["audit_compliance"]] = 0.5
    plan = steady(gain=2 * np.ones_like(kept), kept=kept, ramp=1)
    level = levels(replace(plan, teams=tuple(replace(t, ends=18) for t in plan.teams)))
    assert np.allclose(level[..., 18:], level[..., :1] + kept[..., None] * STEP)


def test_a_trend_rises_by_its_size_and_then_stays_level() -> None:
    level = levels(steady(trend=0.3, trend_until=12)) * BETTER[:, None]
    np.testing.assert_allclose(level[..., 12] - level[..., 0], 0.3)
    assert np.allclose(np.diff(level[..., :13]), 0.3 / 12)
    assert np.allclose(level[..., 12:], level[..., 12:13])


def test_a_mix_moves_care_and_its_evidence_and_no_level() -> None:
    plan = steady()
    mix = np.ones((6, PLACES, plan.months))
    mix[0, :, 12:] = 0.5
    shifted = replace(plan, mix=mix)
    before, after = expected_n(plan), expected_n(shifted)
    assert np.array_equal(levels(plan), levels(shifted))
    assert np.array_equal(before[1:], after[1:])
    assert np.array_equal(before[0, ..., :12], after[0, ..., :12])
    for code in ("harm_incidents", "experience_rating", "medicine_omissions", "audit_compliance"):
        share = after[0, :, INDEX[code], 12:].sum() / before[0, :, INDEX[code], 12:].sum()
        assert share == pytest.approx(0.5, rel=0.05), code


def test_indicators_not_asked_for_stay_empty_and_the_others_keep_their_levels() -> None:
    chosen = ("medicine_omissions", "audit_compliance", "experience_rating")
    counts = draw(steady(), np.random.default_rng(8), 100, chosen)
    left_out = [place for code, place in INDEX.items() if code not in chosen]
    assert counts.n[:, :, :, left_out].sum() == counts.x[:, :, :, left_out].sum() == 0
    for code in chosen:
        at = (..., INDEX[code], slice(None))
        level = counts.x[at].sum() / counts.n[at].sum()
        assert level == pytest.approx(INDICATORS[INDEX[code]].baseline, rel=0.03), code


def test_a_plan_refuses_gains_of_another_shape() -> None:
    with pytest.raises(ValueError, match="gain has shape"):
        steady(gain=np.zeros((2, 2)))


def test_a_team_without_an_activity_has_no_evidence_of_it() -> None:
    sparse = Volumes(
        shifts_by_day=0, shifts_by_night=0, handover_items=0, records=(0, 12), fft=0, attributed=0
    )
    plan = steady()
    plan = replace(plan, teams=tuple(replace(team, volumes=sparse) for team in plan.teams))
    counts = draw(plan, np.random.default_rng(2))
    for code in ("shifts_filled", "handover_quality", "record_quality", "experience_positive"):
        assert counts.n[:, :, INDEX[code]].sum() == 0
        assert counts.x[:, :, INDEX[code]].sum() == 0
    assert counts.n[:, :NO_BAND, INDEX["experience_rating"]].sum() == 0
    assert counts.n[:, NO_BAND, INDEX["experience_rating"]].sum() > 0
