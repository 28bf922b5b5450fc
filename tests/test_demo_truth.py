"""What the house concludes from the demo's events, against the truth that was planted in them."""

from typing import Any

import msgspec
import pytest

from cli.demo import setting_up
from cli.demo_truth import known_truth
from models.context import ProgrammeVersion, ServiceContext
from models.vocabulary import Strand
from tests.simulated import NOW, cells_of, context_of, sent
from worker.columns import columns_of
from worker.score import StrandScore, score_strand
from worker.scoring import conclude, looks_until
from worker.verdict import Verdict, judge


def demo_context(number: int) -> ServiceContext:
    service, _, _ = sent(number)
    _, programme = setting_up(service)
    version = msgspec.convert(
        programme | {"version": 1, "registered_at": NOW}, ProgrammeVersion, strict=False
    )
    return msgspec.structs.replace(context_of(service.plan), programmes=(version,))


def concluded(number: int, strand: Strand) -> tuple[StrandScore, Verdict, dict[str, Any]]:
    service, _, _ = sent(number)
    context = demo_context(number)
    as_of = service.plan.calendar[-1]
    looks = looks_until(context, as_of, service.plan.calendar[0])
    months = sorted(looks)
    score = score_strand(
        strand, context, columns_of(cells_of(number)), months, [looks[m] for m in months]
    )[-1]
    return score, judge(score, looks[as_of]), known_truth(service)["strands"][strand.value]


@pytest.mark.parametrize("strand", list(Strand))
@pytest.mark.parametrize("number", [0, 1, 2])
def test_verdicts_agree_with_the_planted_truth(number: int, strand: Strand) -> None:
    score, verdict, truth = concluded(number, strand)
    assert sorted(score.codes) == truth["segments"]
    assert verdict.level.value in truth["levels"]
    assert score.bound <= len(truth["improved"])
    named = {code for code, is_named in zip(score.codes, score.named, strict=True) if is_named}
    assert named <= set(truth["improved"])


#: What the story has to say of each service, by the codes of its sentences and their figures.
STORIES: tuple[tuple[str, dict[str, dict[str, Any]]], ...] = (
    (
        (
            "The combined evidence is broad enough: all 6 teams, all 4 time bands and all 3 service"
            " areas are in a stronger position and have held it."
        ),
        {
            "team_spread.started": {"month": "2025-11"},
            "team_spread.even": {"segments": 6},
            "shift_coverage.even": {"segments": 4},
            "evidence_alignment.even": {"segments": 3},
        },
    ),
    (
        (
            "The combined evidence is not yet broad enough: by team, one team of 5 (Meadow) and no"
            " more can be claimed; by time of the week, there is too little evidence to say; in"
            " what people feel, there is too little evidence to say."
        ),
        {
            "team_spread.started": {"origin": ["meadow"], "month": "2025-11"},
            "team_spread.gap": {"state": "widening", "best": "meadow"},
        },
    ),
    (
        (
            "The combined evidence is not yet broad enough: by team, material gap to the benchmark"
            " in Quay; by time of the week, at least 2 of 4 time bands can be claimed; in what"
            " people feel, there is too little evidence to say."
        ),
        {
            "shift_coverage.started": {"origin": ["weekday_day"], "as_early": ["weekend_day"]},
            "shift_coverage.uneven_by_time": {"segments": ["weekday_night", "weekend_night"]},
            "evidence_alignment.state.internal_ahead": {"segments": ["Nursing", "Residential"]},
        },
    ),
)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_story_tells_the_planted_truth(number: int) -> None:
    service, _, _ = sent(number)
    context, as_of = demo_context(number), service.plan.calendar[-1]
    found = conclude(context, cells_of(number), [as_of], NOW, service.plan.calendar[0])[as_of]
    sentences = found.content["story"]["sentences"]
    text, planted = STORIES[number]
    assert sentences[-1]["text"] == text
    figures = {each["code"]: each["figures"] for each in sentences}
    for code, expected in planted.items():
        assert {name: figures[code][name] for name in expected} == expected, code
