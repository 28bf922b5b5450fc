"""The one story of a service: its level is that of its weakest strand, sentences have figures."""

from typing import Any

from models.context import ServiceContext
from models.vocabulary import Strand
from worker.numbers import plain
from worker.score import StrandScore
from worker.verdict import Verdict, weakest

VIEW_OF = {
    Strand.TEAM_SPREAD: "spread-dashboard",
    Strand.SHIFT_COVERAGE: "shift-coverage-review",
    Strand.EVIDENCE_ALIGNMENT: "evidence-alignment",
}


def story(
    context: ServiceContext, scores: dict[Strand, StrandScore], verdicts: dict[Strand, Verdict]
) -> dict[str, Any]:
    """One story: its level is that of the weakest strand; every sentence has its figures."""
    level, strand = weakest({each: verdict.level for each, verdict in verdicts.items()})
    base = f"/v1/services/{context.service}"
    sentences = [
        {
            "code": f"{each.value}.{verdict.level.value}",
            "text": verdict.statement,
            "figures": {
                "reached_at_least": scores[each].bound if scores else None,
                "segments": int(scores[each].counted.sum()) if scores else None,
            },
            "links": [f"{base}/{VIEW_OF[each]}"],
        }
        for each, verdict in verdicts.items()
    ]
    missing = [
        {
            "code": reason.code,
            "strand": each.value,
            "text": reason.text,
            "figures": plain(reason.figures),
            "links": [f"{base}/{VIEW_OF[each]}"],
        }
        for each, verdict in verdicts.items()
        for reason in verdict.reasons
        if reason.code != "all_reached"
    ]
    return {
        "level": level.value,
        "weakest_strand": strand.value if strand else None,
        "strands": {each.value: verdict.level.value for each, verdict in verdicts.items()},
        "sentences": sentences,
        "judgements": [],
        "missing": missing,
    }
