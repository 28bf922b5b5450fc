"""Laws of more and less evidence: losing it never helps, and more of it claims more on average."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.panels import claimed, judged, panel_of
from bench.reference import CODES, SHORT, gains, reference_plan
from cli.simulate_draw import draw
from tests.stats.panels import reference_panel, scored
from worker.stats.conjunction import lower_bound, simultaneous_bound
from worker.stats.method import DEFAULT
from worker.stats.panel import Bools, Panel
from worker.stats.rounding import rounded

LEVEL = DEFAULT.decisive_alpha


@st.composite
def services(draw_: st.DrawFn) -> Panel:
    rng = np.random.default_rng(draw_(st.integers(0, 2**32 - 1)))
    improved = draw_(st.lists(st.booleans(), min_size=2, max_size=6))
    return reference_panel(rng, improved, history=draw_(st.sampled_from([6, 12])), current=3)


def bound(of: Panel) -> int:
    return int(lower_bound(rounded(scored(of).p_stronger(DEFAULT)), LEVEL)[0])


def without(of: Panel, gone: Bools) -> Panel:
    """The same with nothing left where `gone`, which broadcasts with [b, g, k, i, m]."""
    return replace(
        of,
        x=np.where(gone, 0.0, of.x),
        n=np.where(gone, 0.0, of.n),
        squares=np.where(gone, 0.0, of.squares),
    )


@given(services(), st.data())
@settings(max_examples=40)
def test_a_segment_that_loses_all_its_evidence_loses_its_claim(
    of: Panel, data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, of.x.shape[1] - 1))
    gone = (np.arange(of.x.shape[1]) == lost)[:, None, None, None]
    assert scored(without(of, gone)).p_stronger(DEFAULT)[0, lost] == 1


@given(services(), st.data())
@settings(max_examples=40)
def test_a_segment_that_loses_its_baseline_can_only_be_at_standard(
    of: Panel, data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, of.x.shape[1] - 1))
    segment = (np.arange(of.x.shape[1]) == lost)[:, None, None, None]
    found = scored(without(of, segment & of.before[:, None, None, None]))
    assert found.p_improved[0, lost] == 1
    assert found.p_stronger(DEFAULT)[0, lost] == pytest.approx(
        min(1.0, found.p_standard[0, lost] / (1 - DEFAULT.share_of_change))
    )


@given(services())
@settings(max_examples=40)
def test_silence_in_the_current_window_claims_nothing(of: Panel) -> None:
    assert bound(without(of, of.current[:, None, None, None])) == 0


def test_more_evidence_of_the_same_truth_claims_more_on_average() -> None:
    means = []
    for share in (0.5, 1.0, 2.0):
        plan = reference_plan(gains(1, 1, 1, 1, 0, 0), SHORT)
        volumes = plan.teams[0].volumes
        richer = replace(
            volumes,
            doses_a_day=volumes.doses_a_day * share,
            audits=(volumes.audits[0] * share, volumes.audits[1]),
            observations=(volumes.observations[0] * share, volumes.observations[1]),
            knowledge=(volumes.knowledge[0] * share, volumes.knowledge[1]),
            ratings=volumes.ratings * share,
        )
        plan = replace(plan, teams=tuple(replace(team, volumes=richer) for team in plan.teams))
        panel = panel_of(draw(plan, np.random.default_rng(5), 300), plan, SHORT, codes=CODES)
        means.append(claimed(judged(panel), LEVEL).mean())
    assert means[0] < means[1] < means[2] <= 4.2


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=8),
    st.data(),
)
def test_bounds_of_subsets_agree_with_each_other(p: list[float], data: st.DataObject) -> None:
    values = np.array(p)
    part = np.array(data.draw(st.lists(st.booleans(), min_size=len(p), max_size=len(p))))
    whole = int(lower_bound(values[None], LEVEL)[0])
    inside, outside = (simultaneous_bound(values, each, LEVEL) for each in (part, ~part))
    assert 0 <= inside <= part.sum()
    assert inside + outside <= whole <= len(p)
    smaller = values * data.draw(st.floats(0, 1))
    assert int(lower_bound(smaller[None], LEVEL)[0]) >= whole
    assert simultaneous_bound(smaller, part, LEVEL) >= inside
