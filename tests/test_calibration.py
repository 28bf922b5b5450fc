"""The calibration study: its claims are the kernel's, and its truths are what its plans say."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from bench.calibration_tables import RATES, Rate, Study, failures, written
from bench.lateness import given_ratings, without_a_share
from bench.panels import CATALOGUE, Span, panel_of
from bench.reachable import REFERENCES, reached
from bench.reference import CODES, SHORT, gains, reference_plan
from bench.scenarios import LOOKS, SCENARIO, SCENARIOS, WINDOWS, Scenario
from bench.study import CHUNK, Tally, Task, measured, p_of_looks
from bench.years import claims_of_a_year, looked_at, named
from cli.simulate import INDEX, NO_BAND, PLACES, RATE, RATING_STEPS, Array, Plan, expected_n
from cli.simulate_draw import draw
from cli.simulate_levels import levels
from models.vocabulary import Axis, Perspective, Strand
from worker.stats.claims import claim
from worker.stats.conjunction import hommel_adjusted
from worker.stats.looks import alpha_of_look
from worker.stats.method import DEFAULT, METHODS, Method
from worker.stats.panel import Bools, Floats
from worker.stats.rounding import rounded

REQUIRED = 2
#: Smaller changes of a true level are rounding.
NOTHING = 1e-9


def some_p(rng: np.random.Generator, looks: int, runs: int, segments: int) -> Floats:
    """p-values around the levels that matter, equal ones and certain ones among them."""
    p = np.exp(rng.uniform(np.log(1e-4), 0, (looks, runs, segments)))
    p[rng.random(p.shape) < 0.1] = 1.0
    p[rng.random(p.shape) < 0.1] = 0.01
    return np.asarray(p)


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
@pytest.mark.parametrize("first_full", [3, 6])
def test_a_year_of_many_services_is_claimed_as_of_each_alone(
    method: Method, first_full: int
) -> None:
    p = some_p(np.random.default_rng(1), LOOKS, 60, 6)
    alpha = np.array([alpha_of_look(look, first_full, method) for look in range(1, LOOKS + 1)])
    together = claims_of_a_year(looked_at(p, alpha, method))
    for run in range(p.shape[1]):
        alone = claim(p[:, run], alpha, [0] * LOOKS, method)
        assert together[:, run].tolist() == alone.bound.tolist()
    assert len(set(together.ravel().tolist())) > 3


def test_late_evidence_is_claimed_as_known_then_and_built_on_as_known_later() -> None:
    rng = np.random.default_rng(2)
    first, settled = some_p(rng, LOOKS, 40, 6), some_p(rng, LOOKS, 40, 6)
    alpha = np.array([alpha_of_look(look, 3, DEFAULT) for look in range(1, LOOKS + 1)])
    together = claims_of_a_year(
        looked_at(first, alpha, DEFAULT), looked_at(settled, alpha, DEFAULT)
    )
    for run in range(40):
        for look in range(LOOKS):
            known = np.concatenate([settled[:look, run], first[look : look + 1, run]])
            alone = claim(known, alpha[: look + 1], [0] * (look + 1), DEFAULT)
            assert together[look, run] == alone.bound[-1]


@pytest.mark.parametrize("alpha", [0.002, 0.03, 0.05, 0.4])
def test_names_are_those_of_the_adjusted_p(alpha: float) -> None:
    p = rounded(some_p(np.random.default_rng(3), 1, 500, 7)[0])
    assert np.array_equal(named(p, alpha), rounded(hommel_adjusted(p)) <= alpha)


def test_the_table_holds_every_circumstance_once() -> None:
    names = [one.name for one in SCENARIOS]
    assert len(set(names)) == len(names)
    assert set(WINDOWS) == {(6, 3), (12, 3), (12, 6)}
    assert {one.strand for one in SCENARIOS} == set(Strand)
    outside = {one.name.partition(",")[0] for one in SCENARIOS if not one.promised}
    assert outside == {"months at 0.4", "channels at 0.6", "teams at 0.6", "season unknown"}
    sizes = {len(one.plan(one.span((6, 3), 1)).teams) for one in SCENARIOS}
    assert sizes == {4, 6, 10, 20}


def truths(scenario: Scenario, window: tuple[int, int]) -> list[tuple[int, int]]:
    """At each look how many segments are better or at standard, and how many are worse."""
    # The calendar is no improvement.
    plan = replace(scenario.plan(scenario.span(window, LOOKS)), season=0.0)
    level, n = oriented(plan)
    segments = places_of(plan, scenario.strand)
    external = [CATALOGUE[code].perspective is Perspective.EXTERNAL for code in CODES]
    parts = [(np.ones(len(CODES), dtype=bool), REQUIRED)]
    if scenario.strand is Strand.EVIDENCE_ALIGNMENT:
        parts = [(~np.array(external), REQUIRED), (np.array(external), 1)]
    edges = np.array([edge(code) for code in CODES])
    found = []
    for look in range(1, LOOKS + 1):
        change, now = moved(level, n, segments, scenario.span(window, look))
        stronger = [
            agree(change > NOTHING, chosen, required) | agree(now > edges, chosen, required)
            for chosen, required in parts
        ]
        worse = [agree(change < -NOTHING, chosen, required) for chosen, required in parts]
        found.append((int(np.all(stronger, axis=0).sum()), int(np.any(worse, axis=0).sum())))
    return found


def agree(holds: Bools, chosen: Bools, required: int) -> Bools:
    """Whether it holds in so many of the chosen channels, [segments] from [segments, codes]."""
    of = [CATALOGUE[code].channel for code in CODES]
    holds = holds & chosen
    count = sum(holds[:, [each is one for each in of]].any(1).astype(int) for one in set(of))
    return np.asarray(count >= required)


def edge(code: str) -> float:
    """The level that is not worse than the standard, more is better; without one, none is."""
    one = CATALOGUE[code]
    sign = 1.0 if one.better == "higher" else -1.0
    return np.inf if one.standard is None else sign * one.standard - one.meaningful / 2


def oriented(plan: Plan) -> tuple[Array, Array]:
    """Levels, more is better, and the evidence there is of them: [teams, places, codes, months]."""
    at = [INDEX[code] for code in CODES]
    link = levels(plan)[:, :, at]
    share = 1 / (1 + np.exp(-link))
    mean = np.array([CATALOGUE[code].measure == "mean" for code in CODES])[:, None]
    level = np.where(mean, 1 + RATING_STEPS * share, share)
    level = np.where(RATE[at][:, None], np.exp(link), level)
    sign = np.array([1.0 if CATALOGUE[code].better == "higher" else -1.0 for code in CODES])
    return level * sign[:, None], expected_n(plan)[:, :, at]


def moved(level: Array, n: Array, segments: list[Bools], span: Span) -> tuple[Array, Array]:
    """Change of a segment, each of its teams held against itself, and its level as a whole now."""
    months = np.arange(level.shape[-1])
    first = max(span.start + 1, span.as_of + 1 - span.current_months)
    before = (months >= span.start - span.baseline_months) & (months < span.start)
    now = (months >= first) & (months <= span.as_of)
    change = level[..., now].mean(-1) - level[..., before].mean(-1)
    evidence, total = n[..., now].sum(-1), (level * n)[..., now].sum(-1)
    shifted, whole = [], []
    for segment in segments:
        of = evidence * segment[..., None]
        known = of.sum((0, 1)) > 0
        size = np.where(known, of.sum((0, 1)), 1.0)
        shifted.append((change * of).sum((0, 1)) / size)
        whole.append(np.where(known, (total * segment[..., None]).sum((0, 1)) / size, -np.inf))
    return np.stack(shifted), np.stack(whole)


def places_of(plan: Plan, strand: Strand) -> list[Bools]:
    """Which teams and places make up each segment, [teams, places]."""
    shape = (len(plan.teams), PLACES)
    if strand is Strand.SHIFT_COVERAGE:
        return [np.broadcast_to(np.arange(PLACES) == band, shape) for band in range(NO_BAND)]
    codes = [team.code if strand is Strand.TEAM_SPREAD else team.area for team in plan.teams]
    return [
        np.broadcast_to(np.array([[each == code] for each in codes]), shape)
        for code in dict.fromkeys(codes)
    ]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", SCENARIO)
def test_truths_are_what_the_plans_say(name: str, window: tuple[int, int]) -> None:
    scenario = SCENARIO[name]
    spans = [(look, scenario.span(window, look)) for look in range(1, LOOKS + 1)]
    planned = [(scenario.reached(*each), scenario.worse(*each)) for each in spans]
    assert truths(scenario, window) == planned


def test_what_comes_late_is_part_of_what_came_in_the_end() -> None:
    plan = reference_plan(gains(1, 1, 1, 0, 0, 0), SHORT)
    counts = draw(plan, np.random.default_rng(4), 50, CODES)
    whole = panel_of(counts, plan, SHORT, codes=CODES)
    early = without_a_share(whole, 0.2, np.random.default_rng(5))
    assert np.array_equal(early.x[..., :-1], whole.x[..., :-1])
    assert (early.x <= whole.x).all()
    assert (early.n <= whole.n).all()
    for place, code in enumerate(CODES):
        n, seen = whole.n[:, :, 0, place, -1], early.n[:, :, 0, place, -1]
        x, known = whole.x[:, :, 0, place, -1], early.x[:, :, 0, place, -1]
        if CATALOGUE[code].measure == "rate":
            assert np.array_equal(n, seen)
        else:
            assert seen.sum() / n.sum() == pytest.approx(0.8, rel=0.03), code
        assert known.sum() / x.sum() == pytest.approx(0.8, rel=0.06), code
    mean = CODES.index("experience_rating")
    ratings = (early.n, early.x, early.squares)
    number, total, squares = (part[..., mean, -1].astype(np.int64) for part in ratings)
    given = given_ratings(number, total, squares)
    assert np.array_equal(given.sum(-1), number)
    assert np.array_equal(given @ np.arange(1, 6), total)


def test_a_silent_team_is_heard_no_more_but_its_residents_are_counted() -> None:
    name = "a team falling silent"
    (p, _), _ = p_of_looks(SCENARIO[name], (6, 3), [3], DEFAULT, 5, np.random.default_rng(6))
    assert (p[..., 5] == 1).all()
    assert (p[..., :5] < 1).all()


def test_counts_add_up_and_more_runs_begin_with_the_same_services() -> None:
    few = measured(Task("one team", (6, 3), DEFAULT.name, 40, 40))
    assert few.runs == few.years == sum(few.levels) == 40
    assert few.segments == 6
    assert few.true == few.true_at_last == 1
    assert few.all_claimed == 40 - few.levels[0]
    long = measured(Task("one team", (6, 3), DEFAULT.name, CHUNK + 40, CHUNK))
    chunk = measured(Task("one team", (6, 3), DEFAULT.name, CHUNK, CHUNK))
    assert long.runs == CHUNK + 40
    assert (long.years, long.year_bounds) == (chunk.years, chunk.year_bounds)
    assert long.bounds >= chunk.bounds


def test_oracles_claim_no_less_than_the_method() -> None:
    power = reached(REFERENCES[0], DEFAULT.name, 60)
    assert power.one_look.bounds >= power.method.bounds > 0
    assert power.uncorroborated.bounds >= power.method.bounds


def test_a_rate_is_kept_when_its_exact_limit_is() -> None:
    # The limit is the rate at which so few failures would be seen in 1% of studies.
    for count in range(500, 600):
        rate, seldom = Rate(count, 10_000), stats.binom.cdf(count, 10_000, 0.06) <= 0.01
        assert rate.kept == seldom
    assert Rate(10, 10).limit == 1.0


def study(tally: Tally) -> Study:
    return Study(DEFAULT, date(2026, 11, 24), "python -m bench.calibration", 1.0, [tally], [], [])


def test_a_promise_that_is_broken_is_said_and_one_outside_is_only_shown() -> None:
    kept = Tally("none", (6, 3), segments=6, runs=10_000, over=100, years=4_000)
    assert failures(study(kept)) == []
    broken = Tally("none", (6, 3), segments=6, runs=10_000, over=700, years=4_000)
    (line,) = failures(study(broken))
    assert "none" in line
    assert next(iter(RATES)) in line
    assert line in written(study(broken))
    outside = Tally("months at 0.4, none", (6, 3), segments=6, runs=10_000, over=700, years=4_000)
    assert failures(study(outside)) == []
    assert "**7.00%" in written(study(outside))
    assert "*(outside)*" in written(study(outside))


def test_bands_and_areas_are_judged_along_their_axis() -> None:
    for name, axis in (("bands, all", Axis.BAND), ("areas, all", Axis.AREA)):
        scenario = SCENARIO[name]
        span = scenario.span((6, 3), 3)
        plan = scenario.plan(span)
        counts = draw(plan, np.random.default_rng(1), 2, CODES)
        panel = panel_of(counts, plan, span, axis, CODES)
        (p, _), _ = p_of_looks(scenario, (6, 3), [3], DEFAULT, 2, np.random.default_rng(1))
        assert p.shape == (1, 2, panel.x.shape[1])
        assert panel.x.shape[1] == scenario.reached(3, span)
