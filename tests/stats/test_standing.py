"""Where segments stand: gaps by intervals made by hand, and months held."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.stats.panels import One, indicators, members, panel
from worker.stats.evidence import Evidence
from worker.stats.panel import Indicators
from worker.stats.standing import Gap, gap_to_benchmark, held_months

DF = 20.0
WIDTH = stats.t.ppf(0.95, DF)


def gap(
    ones: Indicators, level: list[list[float]], error: list[list[float]], seen: Any = None
) -> Gap:
    """Gaps of segments with these levels and standard errors in the indicators' units."""
    levels, errors = np.array([level]), np.array([error])
    nothing = np.full_like(levels, np.nan)
    i = len(ones)
    evidence = Evidence(
        z=nothing, z_standard=nothing, g=nothing, g_variance=nothing,
        level=levels, level_variance=errors**2, baseline_level=nothing, baseline_variance=nothing,
        n_baseline=nothing, n_current=nothing,
        information=nothing, information_now=nothing, correlation=np.eye(i)[None],
        phi=np.ones_like(levels), df=np.full((1, i), DF), autocorrelation=np.zeros((1, i)),
        season_known=np.zeros((1, i), dtype=bool),
    )  # fmt: skip
    everyone = np.ones(levels.shape[:2], dtype=bool)
    return gap_to_benchmark(evidence, ones, everyone if seen is None else np.array([seen]))


AUDIT = indicators(One(standard=0.90))


@pytest.mark.parametrize(
    ("level", "error", "material", "minor"),
    [
        (0.90, 0.01, False, True),
        (0.93, 0.01, False, True),
        (0.80, 0.01, True, False),
        (0.80, 0.04, False, False),
        (0.87, 0.04, False, False),
        (0.90, 0.05 / 1.8, False, True),
        (0.90, 0.05 / 1.7, False, False),
        (0.99, 0.01, False, False),
    ],
)
def test_gap_is_material_minor_or_undetermined_by_its_whole_interval(
    level: float, error: float, *, material: bool, minor: bool
) -> None:
    found = gap(AUDIT, [[level]], [[error]])
    assert found.estimate[0, 0, 0] == pytest.approx((level - 0.90) / 0.05)
    assert found.lower[0, 0, 0] == pytest.approx((level - 0.90 - WIDTH * error) / 0.05)
    assert (bool(found.material[0, 0, 0]), bool(found.minor[0, 0, 0])) == (material, minor)


def test_lower_is_better_turns_the_gap_round() -> None:
    found = gap(indicators(One(sign=-1, standard=0.01, meaningful=0.01)), [[0.04]], [[0.002]])
    assert found.estimate[0, 0, 0] == pytest.approx(-3)
    assert found.material[0, 0, 0]


def test_without_a_standard_the_others_are_the_benchmark() -> None:
    ones = indicators(One(measure=1, sign=-1, meaningful=1.0))
    found = gap(ones, [[2.0], [2.0], [8.0]], [[0.3], [0.3], [0.3]])
    assert found.benchmark[0, 2, 0] == pytest.approx(2.0)
    assert found.estimate[0, 2, 0] == pytest.approx(-6)
    assert found.material[0, :, 0].tolist() == [False, False, True]


def test_others_that_differ_among_themselves_are_a_loose_benchmark() -> None:
    ones = indicators(One(measure=1, sign=-1, meaningful=1.0))
    others = [0.0, 2.0, 4.0]
    alike = gap(ones, [[2.0], [2.0], [2.0], [5.0]], [[0.1]] * 4)
    apart = gap(ones, [*([level] for level in others), [5.0]], [[0.1]] * 4)
    expected = [np.sqrt(0.01 + 0.01 / 3), np.sqrt(0.01 + np.var(others, ddof=1) / 3)]
    for found, error in zip((alike, apart), expected, strict=True):
        assert (found.upper - found.lower)[0, 3, 0] == pytest.approx(2 * WIDTH * error)


def test_alone_without_a_standard_there_is_nothing_to_compare_with() -> None:
    ones = indicators(One(measure=1, sign=-1, meaningful=1.0))
    for seen in ([True], [False]):
        found = gap(ones, [[9.0]], [[0.1]], seen)
        assert np.isnan(found.estimate).all()
        assert not found.material.any()
        assert not found.minor.any()


def test_several_indicators_of_a_segment_pay_for_being_several() -> None:
    error = 0.02
    # One-sided p of 0.03: below 5% alone, not below 5% of three.
    level = 0.85 - stats.t.isf(0.03, DF) * error
    alone = gap(AUDIT, [[level]], [[error]])
    three = indicators(*[One(standard=0.90)] * 3)
    among = gap(three, [[level, 0.9, 0.9]], [[error] * 3])
    assert alone.material.all()
    assert not among.material.any()


def test_holm_goes_on_from_the_smallest_p() -> None:
    three = indicators(*[One(standard=0.90)] * 3)
    p = [0.04, 0.001, 0.02]
    level = [0.85 - stats.t.isf(each, DF) * 0.02 for each in p]
    assert gap(three, [level], [[0.02] * 3]).material[0, 0].tolist() == [True, True, True]
    p = [0.06, 0.001, 0.02]
    level = [0.85 - stats.t.isf(each, DF) * 0.02 for each in p]
    assert gap(three, [level], [[0.02] * 3]).material[0, 0].tolist() == [False, True, True]


def held(x: list[float], standard: float = np.nan, n: Any = 100.0) -> int:
    """Months held by one segment with a baseline of the first three months at 80%."""
    of = panel([x], n, One(standard=standard), baseline=(0, 2), current=(len(x) - 2, len(x) - 1))
    return int(held_months(of, members(of.indicators))[0, 0])


def test_latest_months_above_the_baseline_level_are_held() -> None:
    assert held([80, 80, 80, 85, 90, 81, 95]) == 4


def test_a_month_at_or_below_the_baseline_level_ends_the_run() -> None:
    assert held([80, 80, 80, 85, 80, 85, 90]) == 2
    assert held([80, 80, 80, 85, 90, 90, 70]) == 0


def test_a_month_within_tolerance_of_the_standard_is_held_without_being_better() -> None:
    assert held([95, 95, 95, 93, 90, 88, 88], standard=0.90) == 4
    assert held([95, 95, 95, 93, 90, 88, 87], standard=0.90) == 0


def test_silence_holds_nothing() -> None:
    n = np.array([[100.0, 100, 100, 100, 0, 100, 100]])
    assert held([80, 80, 80, 90, 0, 90, 90], n=n) == 2
    n[0, -1] = 0
    assert held([80, 80, 80, 90, 90, 90, 0], n=n) == 0


def test_months_of_the_baseline_are_never_held() -> None:
    assert held([70, 80, 90, 90, 90]) == 2


def test_channels_weigh_alike_in_a_month_however_many_indicators_they_have() -> None:
    ones = [One(channel=0), One(channel=0), One(channel=1)]
    x = np.array([[[80.0, 80, 84], [80, 80, 84], [80, 80, 74]]])
    of = panel(x, 100, *ones, baseline=(0, 1), current=(2, 2))
    assert held_months(of, members(of.indicators))[0, 0] == 0
    x[0, 2, 2] = 77
    of = panel(x, 100, *ones, baseline=(0, 1), current=(2, 2))
    assert held_months(of, members(of.indicators))[0, 0] == 1
