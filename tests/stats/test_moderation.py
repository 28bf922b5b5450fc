"""Whose months are believed to vary more than those of the others, and by how much."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from worker.stats.moderation import CHANCE, Moderated, beyond_chance, effective_df, moderated
from worker.stats.panel import Floats

Case = tuple[Floats, Floats, Floats]
#: Six segments with six indicators, each of seven months' degrees of freedom: 6 months against 3.
MONTHS = np.full((1, 6, 6), 7.0)


def of(square: Floats, months: Floats = MONTHS) -> Moderated:
    return moderated(square, months, months)


def drawn(rng: np.random.Generator, runs: int, phi: Floats) -> Floats:
    """Sums of squares of independent months with these dispersions, [g, i]."""
    return np.asarray(phi * rng.chisquare(7.0, (runs, *phi.shape)))


# Tables of the F distribution: a value that is passed by 10, 5, 2.5 or 1 in 100.
BELIEVED = """
 df  other   ratio   passed by   believed
  5     10    2.52       0.10      0.333
  5     10    3.33       0.05      0.667
  5     10    5.64       0.01      0.933
  8     12    2.85       0.05      0.667
 10     60    1.99       0.05      0.667
 10     60    2.27       0.025     0.833
 10     60    1.00       0.45      0
  5      0    9.00       -         0
  0     10    9.00       -         0
"""


@pytest.mark.parametrize("row", BELIEVED.strip().splitlines()[1:])
def test_what_few_would_pass_by_chance_is_believed(row: str) -> None:
    df, other, ratio, _, believed = row.split()
    found = beyond_chance(np.array(float(ratio)), np.array(float(df)), np.array(float(other)))
    assert float(found) == pytest.approx(float(believed), abs=0.005)


def test_squares_that_move_together_count_for_fewer() -> None:
    df = np.array([[7.0, 7.0, 0.0, 7.0], [0.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]])
    assert effective_df(df, axis=1) == pytest.approx([21 / 1.18, 0.0, 5.0])


def test_segments_that_vary_alike_share_one_dispersion() -> None:
    found = of(np.full((1, 6, 6), 14.0))
    assert found.phi == pytest.approx(2.0)
    assert found.df == pytest.approx(np.broadcast_to(found.pooled_df[:, None], found.df.shape))


def test_restless_segment_is_told_by_all_it_does_together() -> None:
    """Its single indicators, 1.6 times the others', might each be chance."""
    square = np.full((1, 6, 6), 14.0)
    square[0, 5] *= 1.8
    found = of(square)
    single = 1.8 / (6.8 / 6)
    alone = beyond_chance(np.array(single), np.array(7.0), found.pooled_df[0, 0])
    assert alone == 0
    assert found.phi[0, 5] == pytest.approx(2.0 * 1.8, rel=0.05)
    assert found.phi[0, :5] == pytest.approx(2.0 * 6.8 / 6)
    assert (found.df[0, 5] < found.df[0, 0]).all()


def test_restless_indicator_is_told_by_itself_and_widens_the_rest_of_its_segment_little() -> None:
    square = np.full((1, 6, 6), 14.0)
    square[0, 5, 0] *= 8
    found = of(square)
    assert found.phi[0, 5, 0] == pytest.approx(16.0, rel=0.05)
    assert (found.phi[0, 5, 1:] > 2.0).all()
    assert (found.phi[0, 5, 1:] < 3.0).all()
    assert found.df[0, 5, 0] == pytest.approx(7.0, rel=0.1)


def test_noise_of_equal_segments_hardly_widens_and_a_restless_one_is_hardly_missed() -> None:
    rng = np.random.default_rng(11)
    equal = of(drawn(rng, 2_000, np.full((6, 6), 2.0)), np.tile(MONTHS, (2_000, 1, 1)))
    assert equal.phi.mean() == pytest.approx(2.0, rel=0.07)
    phi = np.full((6, 6), 2.0)
    phi[5] = 6.0
    found = of(drawn(rng, 2_000, phi), np.tile(MONTHS, (2_000, 1, 1)))
    assert found.phi[:, 5].mean() == pytest.approx(6.0, rel=0.07)
    assert (found.phi[:, 5] > 3.0).mean() > 0.95


def test_where_nobody_else_varied_a_varying_segment_is_beyond_chance() -> None:
    square = np.zeros((1, 3, 2))
    square[0, 0] = 60.0
    found = of(square, MONTHS[:, :3, :2])
    assert found.phi[0, 0] == pytest.approx(60 / 7)
    assert found.phi[0, 1:] == pytest.approx(60 / 21)


def test_one_segment_alone_has_the_dispersion_it_shows() -> None:
    found = of(np.array([[[21.0, 3.5]]]), np.full((1, 1, 2), 7.0))
    assert found.phi[0, 0] == pytest.approx([3.0, 1.0])
    assert found.df[0, 0] == pytest.approx([7.0, 7.0])


@pytest.mark.parametrize("months", [0.0, 7.0])
def test_months_that_never_differ_leave_a_dispersion_of_counts(months: float) -> None:
    found = of(np.zeros((2, 3, 4)), np.full((2, 3, 4), months))
    assert (found.phi == 1).all()
    assert (found.df == found.pooled_df[:, None]).all()
    assert (found.pooled_df > 0).all() == (months > 0)


def test_there_is_no_step_where_chance_ends() -> None:
    square = np.full((200, 6, 6), 14.0)
    square[:, 5] *= np.linspace(1.0, 4.0, 200)[:, None]
    phi = of(square, np.tile(MONTHS, (200, 1, 1))).phi[:, 5, 0]
    assert (np.diff(phi) >= 0).all()
    assert np.diff(phi).max() < 0.2
    assert phi[0] == pytest.approx(2.0)
    assert phi[-1] == pytest.approx(8.0, rel=0.01)


@st.composite
def squares(draw: st.DrawFn) -> Case:
    """Sums of squares of one service, with what they are divided by and its count of months."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (1, draw(st.integers(1, 7)), draw(st.integers(1, 5)))
    months = rng.integers(0, 12, shape).astype(np.float64)
    phi = rng.choice([0.0, 0.5, 1.0, 2.0, 9.0], shape)
    return phi * months * rng.uniform(0.3, 2.0, shape), months * rng.uniform(0.2, 1, shape), months


@given(squares())
@settings(max_examples=60)
def test_dispersion_is_what_the_definition_says_one_by_one(
    case: Case,
) -> None:
    square, df, months = (each[0] for each in case)
    found = moderated(*case)
    g, i = square.shape

    def fewer(values: Floats) -> float:
        return float(values.sum() / (1 + 0.09 * max((values > 0).sum() - 1, 0)))

    def believed(ratio: float, one: float, other: float) -> float:
        if min(one, other) <= 0 or ratio <= 0:
            return 0.0
        return max(0.0, 1 - float(stats.f.sf(ratio, one, other)) / CHANCE)

    pooled = [
        max(square[:, j].sum() / df[:, j].sum(), 1) if df[:, j].any() else 1 for j in range(i)
    ]
    whole = [sum(square[s, j] / pooled[j] for j in range(i)) for s in range(g)]
    for s in range(g):
        rest = [r for r in range(g) if r != s]
        mine = whole[s] / df[s].sum() if df[s].any() else 0.0
        others_df = sum(df[r].sum() for r in rest)
        others = sum(whole[r] for r in rest) / others_df if others_df else 0.0
        against = mine / others if others > 0 else np.inf
        sure = believed(against, fewer(months[s]), sum(fewer(months[r]) for r in rest))
        by_segment = 1 + sure * max(mine - 1, 0)
        for j in range(i):
            own = square[s, j] / df[s, j] / pooled[j] if df[s, j] else 0.0
            sure = believed(own, months[s, j], fewer(months[:, j]))
            by_itself = 1 + sure * max(own - 1, 0)
            expected = pooled[j] * max(by_segment, by_itself)
            assert found.phi[0, s, j] == pytest.approx(expected, rel=1e-6)


@given(squares())
@settings(max_examples=60)
def test_dispersion_is_at_least_that_of_all_and_of_counts(
    case: Case,
) -> None:
    square, df, _ = case
    found = moderated(*case)
    total = df.sum(1, keepdims=True)
    pooled = np.divide(
        square.sum(1, keepdims=True), total, out=np.ones_like(total), where=total > 0
    )
    assert (found.phi >= np.maximum(pooled, 1) * (1 - 1e-12)).all()
    assert (found.df <= found.pooled_df[:, None]).all()
    assert ((found.df > 0) == (found.pooled_df > 0)[:, None]).all()


@given(squares(), st.data())
@settings(max_examples=60)
def test_more_variable_months_never_lower_their_own_dispersion(
    case: Case, data: st.DataObject
) -> None:
    square, df, months = case
    at = tuple(data.draw(st.integers(0, size - 1)) for size in square.shape)
    more = square.copy()
    more[at] += data.draw(st.floats(0, 50)) * (months[at] > 0)
    before, after = moderated(*case), moderated(more, df, months)
    assert after.phi[at] >= before.phi[at] * (1 - 1e-12)


@given(squares())
@settings(max_examples=40)
def test_neither_order_nor_silence_matters_to_a_dispersion(
    case: Case,
) -> None:
    plain = moderated(*case)
    silent = [np.concatenate([each, np.zeros_like(each[:, :1])], axis=1) for each in case]
    for turned in (np.s_[:, ::-1], np.s_[:, :, ::-1]):
        other = moderated(*(each[turned] for each in case))
        assert other.phi == pytest.approx(plain.phi[turned], rel=1e-9)
        assert other.df == pytest.approx(plain.df[turned], rel=1e-9)
    more = moderated(silent[0], silent[1], silent[2])
    assert more.phi[:, :-1] == pytest.approx(plain.phi, rel=1e-9)
    assert more.df[:, :-1] == pytest.approx(plain.df, rel=1e-9)
