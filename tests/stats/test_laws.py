"""Laws of the whole kernel: what may not matter does not, and silence is never improvement."""

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stats.panels import REFERENCE, members, reference_panel, scored
from worker.stats.conjunction import hommel_adjusted, lower_bound
from worker.stats.evidence import indicator_evidence
from worker.stats.method import DEFAULT
from worker.stats.panel import Floats, Ints, Panel
from worker.stats.rounding import rounded
from worker.stats.segments import Segments

REQUIRED = 2
FIELDS = ("p_improved", "p_standard", "p_worsened", "z", "g", "g_variance", "channel_g")


@st.composite
def services(draw: st.DrawFn) -> Panel:
    """The reference service with some segments improved, some worse, and holes in its evidence."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    segments = draw(st.integers(2, 6))
    improved = [draw(st.booleans()) for _ in range(segments)]
    of = reference_panel(
        rng,
        improved,
        history=draw(st.sampled_from([3, 6, 12, 14])),
        current=draw(st.integers(1, 4)),
    )
    if draw(st.booleans()):  # What was better turns into what is worse.
        of = replace(of, x=np.flip(of.x, -1), n=np.flip(of.n, -1), squares=np.flip(of.squares, -1))
    keep = rng.random(of.n.shape) >= draw(st.sampled_from([0.0, 0.2, 0.7]))
    keep &= (rng.random(of.n.shape[:4]) >= draw(st.sampled_from([0.0, 0.3])))[..., None]
    return replace(of, x=of.x * keep, n=of.n * keep, squares=of.squares * keep)


def same(one: Segments, other: Segments, order: Ints | None = None) -> None:
    for field in FIELDS:
        left, right = getattr(one, field), getattr(other, field)
        expected = right if order is None else right[:, order]
        assert left == pytest.approx(expected, rel=1e-8, abs=1e-10, nan_ok=True), field


def bound(of: Segments) -> int:
    return int(lower_bound(rounded(of.p_stronger(DEFAULT)), 0.05)[0])


@given(services(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_order_of_segments_is_nothing(of: Panel, random: Random) -> None:
    order = np.arange(of.x.shape[1])
    np.random.default_rng(random.randrange(2**32)).shuffle(order)
    moved = replace(of, x=of.x[:, order], n=of.n[:, order], squares=of.squares[:, order])
    same(scored(moved), scored(of), order)


@given(services())
@settings(max_examples=40)
def test_the_other_way_round_what_improved_has_worsened(of: Panel) -> None:
    mirrored = replace(of, indicators=replace(of.indicators, sign=-of.indicators.sign))
    one, other = scored(of), scored(mirrored)
    assert one.p_improved == pytest.approx(other.p_worsened, rel=1e-9)
    assert one.p_worsened == pytest.approx(other.p_improved, rel=1e-9)
    assert one.g == pytest.approx(-other.g, nan_ok=True)


@given(services())
@settings(max_examples=40)
def test_segment_that_never_spoke_changes_nothing_and_proves_nothing(of: Panel) -> None:
    def with_silence(values: Floats) -> Floats:
        return np.concatenate([values, np.zeros_like(values[:, :1])], axis=1)

    more = scored(
        replace(of, x=with_silence(of.x), n=with_silence(of.n), squares=with_silence(of.squares))
    )
    alone = scored(of)
    for field in FIELDS:
        assert getattr(more, field)[:, :-1] == pytest.approx(getattr(alone, field), nan_ok=True)
    assert (more.p_stronger(DEFAULT)[0, -1], more.p_worsened[0, -1]) == (1.0, 1.0)
    assert bound(more) <= bound(alone)


@given(services())
@settings(max_examples=40)
def test_indicator_that_never_spoke_changes_nothing(of: Panel) -> None:
    def doubled(values: Floats) -> Floats:
        return np.concatenate([values, np.zeros_like(values[:, :, :, :1])], axis=3)

    fields = ("measure", "sign", "standard", "meaningful", "channel", "external")
    known = of.indicators
    more = type(known)(*(np.append(getattr(known, f), getattr(known, f)[2]) for f in fields))
    silent = replace(
        of, x=doubled(of.x), n=doubled(of.n), squares=doubled(of.squares), indicators=more
    )
    same(scored(silent), scored(of))


@given(services(), st.data())
@settings(max_examples=40)
def test_claim_never_exceeds_the_segments_that_speak_in_two_channels(
    of: Panel, data: st.DataObject
) -> None:
    silent = data.draw(st.sets(st.integers(0, of.x.shape[1] - 1)))
    keep = ~np.isin(np.arange(of.x.shape[1]), sorted(silent))[:, None, None, None]
    found = scored(replace(of, x=of.x * keep, n=of.n * keep, squares=of.squares * keep))
    assert (found.p_stronger(DEFAULT)[0, sorted(silent)] == 1).all()
    speaking = np.maximum(found.channels_both, found.channels_now)[0] >= REQUIRED
    assert bound(found) <= speaking.sum() <= of.x.shape[1] - len(silent)


@given(services())
@settings(max_examples=40)
def test_change_alone_never_claims_more_than_the_stronger_position(of: Panel) -> None:
    found = scored(of)
    assert (found.p_stronger_by_change(DEFAULT) >= found.p_stronger(DEFAULT))[
        found.channels_both > 0
    ].all()
    named = rounded(hommel_adjusted(found.p_stronger(DEFAULT))) <= 0.05
    assert named.sum() <= bound(found)


@given(services())
@settings(max_examples=40)
def test_asking_for_more_channels_leaves_fewer_that_could_speak(of: Panel) -> None:
    two, three = scored(of, 2), scored(of, 3)
    assert ((two.p_improved < 1) | (three.p_improved == 1)).all()


@given(services())
@settings(max_examples=25)
def test_strata_in_another_order_and_empty_ones_change_nothing(of: Panel) -> None:
    share = np.array([0.5, 0.3, 0.2, 0.0])[None, None, :, None, None]
    parts = [np.round(values * share, 6) for values in (of.x, of.n, of.squares)]
    turned = [part[:, :, [3, 2, 0, 1]] for part in parts]
    one, other = (replace(of, x=x, n=n, squares=squares) for x, n, squares in (parts, turned))
    same(scored(one), scored(other))


@given(services())
@settings(max_examples=25)
def test_months_outside_windows_and_history_are_nothing_to_the_score(of: Panel) -> None:
    idle = ~(of.baseline | of.current | of.before)[:, None, None, None]
    noisy = replace(of, x=of.x + 7 * idle, n=of.n + 40 * idle, squares=of.squares + 9 * idle)
    same(scored(noisy), scored(of))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=4), st.integers(3, 13))
@settings(max_examples=25)
def test_batch_of_services_and_each_alone_agree_to_ten_digits(
    seeds: list[int], history: int
) -> None:
    panels = [
        reference_panel(np.random.default_rng(seed), [True, False, seed % 2 == 0], history=history)
        for seed in seeds
    ]
    fields = ("x", "n", "squares", "baseline", "current", "before")
    parts: dict[str, Any] = {
        field: np.concatenate([getattr(each, field) for each in panels]) for field in fields
    }
    batch = replace(panels[0], **parts)
    together = scored(batch)
    for row, each in enumerate(panels):
        alone = scored(each)
        for field in FIELDS:
            assert rounded(getattr(together, field)[row]) == pytest.approx(
                rounded(getattr(alone, field)[0]), rel=1e-10, nan_ok=True
            )
        assert rounded(hommel_adjusted(together.p_stronger(DEFAULT)))[row] == pytest.approx(
            rounded(hommel_adjusted(alone.p_stronger(DEFAULT)))[0], rel=1e-10
        )


def test_improved_segments_are_told_from_the_others() -> None:
    improved = [True, True, True, False, True, False]
    found = scored(reference_panel(np.random.default_rng(1), improved, history=12, current=6))
    named = rounded(hommel_adjusted(found.p_stronger(DEFAULT)))[0] <= 0.05
    assert named.tolist() == improved
    assert bound(found) == 4


def test_one_spectacular_channel_leaves_its_segment_unproven() -> None:
    of = reference_panel(np.random.default_rng(2), [False] * 4, history=12, current=6)
    x = of.x.copy()
    audit = 2
    x[0, 0, 0, audit, 13:] = of.n[0, 0, 0, audit, 13:]
    found = scored(replace(of, x=x))
    assert found.z[0, 0, 0] > 2.5
    assert found.p_improved[0, 0] > 0.05
    assert bound(found) == 0


def test_segment_at_standard_without_any_change_is_in_a_stronger_position_by_that_alone() -> None:
    length, sizes = 10, np.array([1500.0, 0.48, 100, 36, 40, 5])
    level = np.array([0.004, 6.0, 0.97, 0.97, 0.98, 4.6])
    rng = np.random.default_rng(4)
    of = reference_panel(rng, [False, False], history=6, current=3)
    n = np.broadcast_to(sizes[None, :, None], (1, len(REFERENCE), length))
    x = rng.binomial(np.maximum(n, 1).astype(int), np.minimum(level, 0.99)[None, :, None])
    x = x.astype(float)
    x[:, 1] = rng.poisson(2.9, (1, length))
    good = of.x.copy()
    good[0, 0, 0, [0, 1, 2, 3, 4]] = x[0, [0, 1, 2, 3, 4]]
    found = scored(replace(of, x=good))
    assert found.p_standard[0, 0] < 1e-3
    assert found.p_improved[0, 0] > 0.05
    price = 1 - DEFAULT.share_of_change
    assert found.p_stronger(DEFAULT)[0, 0] == pytest.approx(found.p_standard[0, 0] / price)
    assert found.p_stronger_by_change(DEFAULT)[0, 0] > 0.05


def test_segment_without_a_baseline_is_held_to_the_standard_alone_at_no_better_price() -> None:
    of = reference_panel(np.random.default_rng(4), [True, True, True], history=6, current=3)
    without = of.before[:, None, None, None] & (np.arange(3) == 0)[:, None, None, None]
    parts: dict[str, Any] = {
        field: np.where(without, 0.0, getattr(of, field)) for field in ("x", "n", "squares")
    }
    found = scored(replace(of, **parts))
    assert found.channels_both[0].tolist() == [0, 5, 5]
    assert found.p_improved[0, 0] == 1
    price = 1 - DEFAULT.share_of_change
    assert found.p_stronger(DEFAULT)[0, 0] == pytest.approx(found.p_standard[0, 0] / price)
    assert found.p_stronger(DEFAULT)[0, 0] < 0.05


def test_indicator_with_too_few_degrees_of_freedom_is_left_out() -> None:
    of = reference_panel(np.random.default_rng(6), [True], history=3, current=1)
    evidence = indicator_evidence(of)
    assert (evidence.df < 4).all()
    assert np.isnan(evidence.z).all()
    assert np.isnan(evidence.g).all()
    assert scored(of).p_stronger(DEFAULT)[0, 0] == 1
    assert members(of.indicators).sum() == len(REFERENCE)
