"""Change points against trying all of them, runs in force, and the order of starts."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.stats.onset import change_point, first_run, order_of_starts, undone_months
from worker.stats.panel import Floats, Ints

# Annual flow of the Nile at Aswan 1871 to 1970, 10^8 cubic metres: Cobb 1978
# (10.1093/biomet/65.2.243), who finds the change at 1898, the 28th year.
NILE = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180,
    799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833,
    701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845,
    864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676,
    649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923,
    975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
]  # fmt: skip


def test_flow_of_the_nile_fell_after_1898() -> None:
    found = change_point(np.array(NILE, dtype=np.float64))
    assert 1871 + int(found.first) == 1899
    assert found.lower <= 28 <= found.upper <= found.lower + 5
    assert found.before == pytest.approx(np.mean(NILE[:28]))
    assert found.after == pytest.approx(np.mean(NILE[28:]))
    assert found.p < 1e-9


def squares_after(y: Sequence[float], first: int) -> float:
    """Residual squares when the later segment begins with a place among the seen months."""
    return sum(
        float(np.sum((np.array(part) - np.mean(part)) ** 2)) for part in (y[:first], y[first:])
    )


series = st.lists(
    st.one_of(st.integers(-30, 30).map(float), st.just(float("nan"))), min_size=0, max_size=14
)


@given(series)
def test_no_other_month_leaves_less_unexplained(values: list[float]) -> None:
    found = change_point(np.array(values))
    months = [month for month, one in enumerate(values) if not np.isnan(one)]
    y = [values[month] for month in months]
    if len(y) < 3 or len(set(y)) == 1:
        assert [int(found.first), int(found.lower), int(found.upper)] == [-1, -1, -1]
        assert found.p == 1
        assert np.isnan([found.before, found.after]).all()
        return
    every = [squares_after(y, first) for first in range(1, len(y))]
    place = months.index(int(found.first))
    assert squares_after(y, place) == pytest.approx(min(every), abs=1e-9)
    assert found.before == pytest.approx(np.mean(y[:place]))
    assert found.after == pytest.approx(np.mean(y[place:]))
    cut = -2 * np.log(1 - np.sqrt(0.95)) * min(every) / max(len(y) - 3, 1)
    near = [months[at + 1] for at, left in enumerate(every) if left - min(every) <= cut + 1e-9]
    assert [int(found.lower), int(found.upper)] == [near[0], near[-1]]


@given(series, st.floats(-100, 100), st.floats(0.1, 10), st.integers(0, 2**32 - 1))
def test_shift_scale_and_batch_move_no_change_point(
    values: list[float], shift: float, scale: float, seed: int
) -> None:
    y = np.array(values) + np.random.default_rng(seed).normal(0, 0.01, len(values))
    alone = change_point(y)
    other = np.random.default_rng(seed).normal(size=len(values))
    batch = change_point(np.stack([other, scale * y + shift]))
    for field in ("first", "lower", "upper"):
        assert getattr(batch, field)[1] == getattr(alone, field)
    assert batch.p[1] == pytest.approx(float(alone.p), rel=1e-5, abs=1e-12)
    assert batch.after[1] == pytest.approx(scale * alone.after + shift, nan_ok=True)


def test_perfect_step_has_its_month_alone_for_an_interval() -> None:
    found = change_point(np.array([0.7, 0.7, 0.7, 0.9, 0.9, 0.9, 0.9]))
    assert [int(found.first), int(found.lower), int(found.upper)] == [3, 3, 3]
    assert found.p == 0


def test_silent_months_are_passed_over_and_never_the_first() -> None:
    found = change_point(np.array([np.nan, 1.0, 1.1, np.nan, np.nan, 5.0, 5.1, np.nan]))
    assert found.first == 5
    assert (change_point(np.full((2, 4), np.nan)).first == -1).all()
    assert change_point(np.empty((3, 0))).first.tolist() == [-1, -1, -1]


def test_constant_series_has_no_change_however_it_is_written() -> None:
    assert change_point(np.full(9, 0.1) * 3).first == -1
    assert change_point(np.array([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.3])).first == -1


def shifted(by: float, autocorrelation: float, count: int = 4000) -> Floats:
    rng = np.random.default_rng(8)
    noise = rng.normal(size=(count, 44))
    for month in range(1, 44):
        fresh = np.sqrt(1 - autocorrelation**2) * noise[:, month]
        noise[:, month] = autocorrelation * noise[:, month - 1] + fresh
    return noise[:, 20:] + by * (np.arange(24) >= 12)


@pytest.mark.parametrize("by", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("autocorrelation", [0.0, 0.2])
def test_interval_covers_the_true_month(by: float, autocorrelation: float) -> None:
    found = change_point(shifted(by, autocorrelation), autocorrelation)
    assert np.mean((found.lower <= 12) & (found.upper >= 12)) >= 0.95


@pytest.mark.parametrize("autocorrelation", [0.0, 0.2])
def test_change_is_rarely_called_clear_where_there_is_none(autocorrelation: float) -> None:
    found = change_point(shifted(0.0, autocorrelation), autocorrelation)
    assert np.mean(found.p <= 0.05) <= 0.05
    assert np.mean(change_point(shifted(2.0, autocorrelation), autocorrelation).p <= 0.05) > 0.7


def run(text: str) -> tuple[int, list[int]]:
    """First month in force and months undone of a chart written out.

    S a signal, + better without one, - not better, . no evidence.
    """
    marks = np.array(list(text), dtype="<U1")
    undone = undone_months(np.isin(marks, ["S", "+"]), marks != ".")
    return int(first_run(marks == "S", undone)), np.flatnonzero(undone).tolist()


@pytest.mark.parametrize(
    ("chart", "first"),
    [
        ("----SSSSSSS", 4),
        ("-+-+SSSSSSS+-+", 4),
        ("SSSSSSS--", -1),
        ("SSSSSSS-+-", -1),
        ("SSSSSSS-++-", 0),
        ("SSSSSSS-.-", -1),
        ("SSSSSSS-..++-", 0),
        ("SSSSSSS--SSSSSSS", 9),
        ("SSSSSSS-SSSSSSS", 0),
        ("-+-+-+", -1),
        ("......", -1),
        ("S", 0),
        ("", -1),
    ],
)
def test_run_in_force_is_the_first_that_nothing_took_back(chart: str, first: int) -> None:
    assert run(chart)[0] == first


def test_second_month_within_three_takes_an_improvement_back() -> None:
    assert run("S-S-S")[1] == [3]
    assert run("S--")[1] == [2]
    assert run("S-.+.-")[1] == [5]
    assert run("S-++-")[1] == []


@given(st.lists(st.text("S+-.", min_size=9, max_size=9), min_size=1, max_size=4))
def test_runs_of_a_batch_are_those_of_each_alone(charts: list[str]) -> None:
    marks = np.array([list(chart) for chart in charts])
    undone = undone_months(np.isin(marks, ["S", "+"]), marks != ".")
    assert first_run(marks == "S", undone).tolist() == [run(chart)[0] for chart in charts]


@given(st.text("S+-.", max_size=12), st.integers(0, 4))
def test_months_without_evidence_change_no_run(chart: str, silent: int) -> None:
    assert run(chart + "." * silent)[0] == run(chart)[0]
    later = run("." * silent + chart)[0]
    assert later == (-1 if run(chart)[0] < 0 else run(chart)[0] + silent)


def starts(*intervals: tuple[int, int, int]) -> tuple[Ints, Ints, Ints]:
    start, lower, upper = np.array(intervals, dtype=np.int64).reshape(-1, 3).T
    return start, lower, upper


def test_origin_is_the_earliest_and_others_follow_by_their_lag() -> None:
    found = order_of_starts(*starts((9, 8, 10), (3, 2, 5), (-1, -1, -1), (6, 5, 7), (9, 9, 9)))
    assert found.origin == 1
    assert found.rank.tolist() == [3, 1, 0, 2, 3]
    assert found.lag.tolist() == [6, 0, -1, 3, 6]
    assert found.indistinguishable.tolist() == [False, False, False, True, False]
    assert np.argwhere(found.overlap).tolist() == [[0, 4], [1, 3], [3, 1], [4, 0]]


def test_start_outside_its_change_point_interval_widens_it() -> None:
    found = order_of_starts(*starts((3, 5, 7), (4, -1, -1)))
    assert found.indistinguishable.tolist() == [False, True]
    found = order_of_starts(*starts((3, -1, -1), (4, -1, -1)))
    assert found.indistinguishable.tolist() == [False, False]


def test_without_starts_there_is_no_origin() -> None:
    found = order_of_starts(*starts((-1, -1, -1), (-1, 3, 5)))
    assert found.origin == -1
    assert found.rank.tolist() == [0, 0]
    assert found.lag.tolist() == [-1, -1]
    assert not found.overlap.any()
    empty = np.zeros((2, 0), dtype=np.int64)
    assert order_of_starts(empty, empty, empty).origin.tolist() == [-1, -1]


@given(
    st.lists(
        st.tuples(st.integers(-1, 8), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6
    ),
    st.integers(0, 5),
)
def test_order_of_segments_is_nothing_to_the_order_of_starts(
    drawn: list[tuple[int, int, int]], turn: int
) -> None:
    start = np.array([one[0] for one in drawn])
    lower = np.where(start < 0, -1, start - [one[1] for one in drawn])
    upper = np.where(start < 0, -1, start + [one[2] for one in drawn])
    found = order_of_starts(start, np.maximum(lower, -1), upper)
    turned = order_of_starts(
        *(np.roll(each, turn) for each in (start, np.maximum(lower, -1), upper))
    )
    assert turned.rank.tolist() == np.roll(found.rank, turn).tolist()
    assert turned.lag.tolist() == np.roll(found.lag, turn).tolist()
    assert (turned.overlap == np.roll(found.overlap, (turn, turn), axis=(0, 1))).all()
    assert (found.overlap == found.overlap.T).all()
