"""What the house concludes from the demo's events, against the truth that was planted in them."""

from typing import Any

import msgspec
import pytest

from cli.demo import setting_up
from cli.demo_truth import known_truth
from models.context import ProgrammeVersion
from models.vocabulary import Strand
from tests.simulated import NOW, cells_of, context_of, sent
from worker.columns import columns_of
from worker.score import StrandScore, score_strand
from worker.scoring import looks_until
from worker.verdict import Verdict, judge


def concluded(number: int, strand: Strand) -> tuple[StrandScore, Verdict, dict[str, Any]]:
    service, _, _ = sent(number)
    _, programme = setting_up(service)
    version = msgspec.convert(
        programme | {"version": 1, "registered_at": NOW}, ProgrammeVersion, strict=False
    )
    context = msgspec.structs.replace(context_of(service.plan), programmes=(version,))
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
