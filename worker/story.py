"""The one story of a service: its level is that of its weakest strand, sentences have figures.

Where it started, how it spread, where it is uneven, what is missing, and whether it is broad
enough. What people observed, do and judge is in their signed records and is told beside it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from models.context import ServiceContext
from models.vocabulary import Level, StoryPart, Strand
from worker.numbers import plain
from worker.score import StrandScore
from worker.story_conclusion import advice, caveats, conclusion, provisional
from worker.story_spread import spread, started
from worker.story_uneven import uneven
from worker.story_words import Sentence, Told, view_link
from worker.verdict import Verdict, weakest
from worker.windows import Windows

ORDER = tuple(part.value for part in StoryPart)


def story(
    context: ServiceContext,
    as_of: date,
    windows: Windows,
    scores: Mapping[Strand, StrandScore],
    verdicts: Mapping[Strand, Verdict],
    shown: Mapping[Strand, dict[str, Any]],
    *,
    is_provisional: bool = False,
) -> dict[str, Any]:
    """`shown` is the content of each strand's view; `scores` are empty for a young programme."""
    level, strand = weakest({each: verdict.level for each, verdict in verdicts.items()})
    told = {
        each: Told(context, score, verdicts[each], windows, shown[each])
        for each, score in scores.items()
    }
    sentences = [
        sentence
        for each, verdict in verdicts.items()
        for sentence in of_strand(context, as_of, each, verdict, told.get(each))
    ]
    if scores:
        sentences += caveats(context, as_of, verdicts)
        if is_provisional:
            sentences.append(provisional(context, as_of))
    sentences.append(conclusion(context, as_of, told, verdicts))
    missing = [
        {
            "code": reason.code,
            "strand": each.value,
            "text": reason.text,
            "figures": plain(reason.figures),
            "links": [view_link(context, each, as_of)],
        }
        for each, verdict in verdicts.items()
        for reason in verdict.reasons
        if reason.code != "all_reached"
    ]
    return {
        "level": level.value,
        "weakest_strand": strand.value if strand else None,
        "strands": {each.value: verdict.level.value for each, verdict in verdicts.items()},
        "sentences": sorted(sentences, key=lambda each: ORDER.index(each["part"])),
        "judgements": [],
        "missing": missing,
    }


def of_strand(
    context: ServiceContext, as_of: date, strand: Strand, verdict: Verdict, told: Told | None
) -> list[Sentence]:
    """All that the figures of one strand say; its claim alone where there is nothing to spread."""
    if told is not None and verdict.level is not Level.NOT_APPLICABLE:
        return [*started(told), *spread(told), *uneven(told), *advice(told)]
    return [
        {
            "code": f"{strand.value}.{verdict.level.value}",
            "part": StoryPart.SPREAD.value,
            "strand": strand.value,
            "text": verdict.statement,
            "figures": {
                "reached_at_least": told.score.bound if told else None,
                "segments": told.n if told else None,
            },
            "links": [view_link(context, strand, as_of)],
        }
    ]
