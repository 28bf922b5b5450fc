"""What a look may spend, and which claims stand: the year of looks as small tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.stats.claims import claim
from worker.stats.looks import LOOKS_A_YEAR, alpha_of_look, standing_bound, year_of_look
from worker.stats.method import DEFAULT, METHODS
from worker.stats.panel import Floats

OLD = METHODS["breadth-1"]


@pytest.mark.parametrize(
    ("first_full", "look", "decisive"),
    [
        (3, 1, False),
        (3, 3, True),
        (3, 4, False),
        (6, 3, False),
        (6, 6, True),
        (12, 12, True),
        (3, 13, True),
        (3, 15, False),
        (1, 1, True),
        (1, 25, True),
    ],
)
def test_most_of_a_year_is_spent_where_the_window_first_is_full(
    first_full: int, look: int, decisive: bool
) -> None:
    expected = DEFAULT.decisive_alpha if decisive else DEFAULT.alpha
    assert alpha_of_look(look, first_full, DEFAULT) == expected


@pytest.mark.parametrize("first_full", [1, 3, 6, 12])
@pytest.mark.parametrize("year", [0, 1, 4])
def test_a_year_has_one_decisive_look(first_full: int, year: int) -> None:
    looks = range(year * LOOKS_A_YEAR + 1, (year + 1) * LOOKS_A_YEAR + 1)
    levels = [alpha_of_look(look, first_full, DEFAULT) for look in looks]
    assert levels.count(DEFAULT.decisive_alpha) == 1
    assert {year_of_look(look) for look in looks} == {year}


@pytest.mark.parametrize("number", [0, -3])
def test_looks_are_counted_from_one(number: int) -> None:
    with pytest.raises(ValueError, match="from 1"):
        alpha_of_look(number, 3, DEFAULT)


@pytest.mark.parametrize(
    ("made", "supported", "claimed"),
    [
        # made, then kept while supported
        ([0, 0, 6, 1, 2], [1, 3, 6, 6, 6], [0, 0, 6, 6, 6]),
        # what is no longer supported falls, and does not come back by itself
        ([6, 0, 0, 0], [6, 4, 6, 6], [6, 4, 4, 4]),
        # a later look may claim more than stands
        ([1, 0, 3], [2, 1, 3], [1, 1, 3]),
        # what was only supported was never claimed
        ([0, 0, 0], [5, 5, 5], [0, 0, 0]),
    ],
)
def test_claims_stand_while_they_are_supported(
    made: list[int], supported: list[int], claimed: list[int]
) -> None:
    named = np.zeros(len(made), dtype=np.int64)
    found = standing_bound(np.array(made), np.array(supported), named)
    assert found.tolist() == claimed


def looks_of(*rows: str) -> Floats:
    return np.array([[float(value) for value in row.split()] for row in rows])


def test_a_claim_ends_with_its_year() -> None:
    p = looks_of("0.001 0.001", "0.03 0.03", "0.03 0.03")
    alpha = np.array([0.035, 0.002, 0.002])
    found = claim(p, alpha, [0, 0, 1], DEFAULT)
    assert found.bound.tolist() == [2, 2, 0]
    assert found.named.tolist() == [[True, True], [True, True], [False, False]]
    assert found.made_at.tolist() == [0, 0, -1]


def test_a_claim_of_this_look_is_dated_by_this_look() -> None:
    p = looks_of("0.01 0.3", "0.0005 0.0005")
    found = claim(p, np.array([0.035, 0.002]), [0, 0], DEFAULT)
    assert found.bound.tolist() == [1, 2]
    assert found.made_at.tolist() == [0, 1]


def test_the_old_method_lets_every_look_stand_alone() -> None:
    p = looks_of("0.001 0.001", "0.04 0.04")
    found = claim(p, np.array([OLD.alpha, OLD.alpha]), [0, 0], OLD)
    assert found.bound.tolist() == [2, 0]


def test_a_segment_that_is_no_longer_there_is_no_longer_claimed() -> None:
    p = looks_of("0.001 0.001 0.5", "nan 0.001 0.5")
    found = claim(p, np.array([0.035, 0.002]), [0, 0], DEFAULT)
    assert found.named[1].tolist() == [False, True, False]
    assert found.bound.tolist() == [2, 1]


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=12),
    st.integers(1, 12),
)
def test_what_is_claimed_was_made_by_a_look_and_never_exceeds_the_segments(
    p: list[list[float]], decisive: int
) -> None:
    rows = np.array(p)
    alpha = np.array([alpha_of_look(look + 1, decisive, DEFAULT) for look in range(len(rows))])
    found = claim(rows, alpha, [0] * len(rows), DEFAULT)
    alone = [claim(rows[[at]], alpha[[at]], [0], DEFAULT).bound[0] for at in range(len(rows))]
    assert (found.bound >= alone).all()
    assert (found.bound >= found.named.sum(1)).all()
    assert (found.bound <= rows.shape[1]).all()
    assert ((found.made_at >= 0) == (found.bound > 0)).all()
    # A year without one claim at its own level has none that stands.
    assert found.bound.max() == 0 or max(alone) > 0


def test_years_between_each_other_and_each_alone_agree() -> None:
    rng = np.random.default_rng(5)
    years = rng.integers(0, 4, 30)
    p, alpha = rng.random((30, 5)) ** 6, np.full(30, 0.01)
    found = claim(p, alpha, years.tolist(), DEFAULT)
    for year in range(4):
        (looks,) = np.nonzero(years == year)
        alone = claim(p[looks], alpha[looks], [0] * len(looks), DEFAULT)
        assert found.bound[looks].tolist() == alone.bound.tolist()
        assert found.named[looks].tolist() == alone.named.tolist()
        dated = [looks[at] if at >= 0 else -1 for at in alone.made_at]
        assert found.made_at[looks].tolist() == dated
    assert len(set(found.bound.tolist())) > 2


def test_no_look_claims_nothing() -> None:
    found = claim(np.empty((0, 3)), np.empty(0), [], DEFAULT)
    assert found.bound.shape == found.made_at.shape == (0,)
    assert found.named.shape == found.adjusted.shape == (0, 3)
