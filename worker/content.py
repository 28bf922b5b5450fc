"""The judged content of a snapshot: what each view says, in the shapes of the contract."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from models.context import ServiceContext
from models.vocabulary import Strand
from worker.advice import would_change
from worker.arrays import evidence_indicators
from worker.numbers import number, plain
from worker.qualifiers import Beside, uneven_by_time
from worker.score import StrandScore
from worker.shown_segments import month_text, segment_content
from worker.shown_spread import (
    concentration,
    gap_content,
    heterogeneity_content,
    spread_content,
)
from worker.shown_strand import own_content
from worker.sightings import beside_called
from worker.sightings_of_teams import one_manager
from worker.story import story
from worker.triggers import Kind, Look, signals
from worker.verdict import Verdict, judge, too_young
from worker.watched import OF_SOURCES, RULES
from worker.windows import Windows

CONFIDENCE = 0.95


def window_text(window: tuple[date, date] | None) -> dict[str, str] | None:
    return {"from": month_text(window[0]), "to": month_text(window[1])} if window else None


def content_of(
    context: ServiceContext,
    as_of: date,
    windows: Windows,
    history: dict[Strand, list[Look]],
    evidence: dict[str, Any],
    *,
    provisional: bool,
) -> dict[str, Any]:
    """All three strands and the story.

    `history` has the looks up to that of `as_of`, the newest last; it is empty while the
    programme is too young. `evidence` is what there is of each indicator, and how fresh.
    """
    programme = context.programme
    scores = {strand: looks[-1].score for strand, looks in history.items()}
    verdicts = {
        strand: judge(scores[strand], windows, beside(context, scores))
        if scores
        else too_young(context, windows)
        for strand in Strand
    }
    head = {
        "service": context.service,
        "as_of": month_text(as_of),
        "method": context.choices.method,
        "catalogue": context.catalogue,
        "programme": None
        if programme is None
        else {"name": programme.name, "version": programme.version},
        "windows": {
            "baseline": window_text(windows.baseline),
            "current": window_text(windows.current),
        },
    }
    strands = {
        strand.value: {
            "strand": strand.value,
            "verdict": verdict_content(verdicts[strand]),
            **(
                strand_content(context, history[strand], windows, provisional=provisional)
                if scores
                else EMPTY_STRAND
            ),
        }
        for strand in Strand
    }
    told = story(
        context,
        as_of,
        windows,
        scores,
        verdicts,
        {strand: strands[strand.value] for strand in Strand},
        is_provisional=provisional,
    )
    return {**head, "evidence": evidence, "strands": strands, "story": told}


def beside(context: ServiceContext, scores: dict[Strand, StrandScore]) -> Beside:
    """What all strands tell of each verdict."""
    look = Look(scores[Strand.TEAM_SPREAD], context, ())
    late = beside_called(look, "medicine_backfill")
    return Beside(
        categories=tuple(one.category for one in evidence_indicators(context)),
        uneven_by_time=uneven_by_time(scores[Strand.SHIFT_COVERAGE]),
        one_manager=any(each.met for each in one_manager(look)),
        backfilled=(
            0.0 if late is None else float(np.nan_to_num(look.score.service_beside[late.column]))
        ),
    )


#: What a strand shows before there is anything to compare.
EMPTY_STRAND: dict[str, Any] = {
    "breadth": None, "segments": [], "concentration": {}, "gap": {}, "heterogeneity": {},
    "spread": {}, "attributed": {}, "warnings": [], "triggers": [], "would_change": [],
}  # fmt: skip


def verdict_content(verdict: Verdict) -> dict[str, Any]:
    return {
        "level": verdict.level.value,
        "qualifiers": list(verdict.qualifiers),
        "statement": verdict.statement,
        "reasons": [
            {"code": reason.code, "text": reason.text, "figures": plain(reason.figures)}
            for reason in verdict.reasons
        ],
    }


def strand_content(
    context: ServiceContext,
    looks: Sequence[Look],
    windows: Windows,
    *,
    provisional: bool,
) -> dict[str, Any]:
    score = looks[-1].score
    codes = np.array(score.codes)
    return {
        "breadth": {
            "segments": int(score.counted.sum()),
            "reached_at_least": score.bound,
            "of_which_improved_at_least": score.bound_by_change,
            "worsened_at_least": score.worsened_bound,
            "confidence": CONFIDENCE,
            "share_of_care_at_least": number(score.share_reached),
            "named_reached": codes[score.named].tolist(),
            "named_worsened": codes[score.named_worsened].tolist(),
            "look": None if provisional else windows.look,
            "alpha": number(score.alpha),
            "claimed_in": None if score.claimed_in is None else month_text(score.claimed_in),
            "provisional": provisional,
        },
        "segments": [segment_content(context, score, place) for place in range(len(codes))],
        "concentration": concentration(score),
        "gap": gap_content(context, score),
        "heterogeneity": heterogeneity_content(score),
        "spread": spread_content(score),
        **own_content(looks[-1], windows),
        "attributed": attributed_content(context, score),
        "warnings": signals((*RULES, *OF_SOURCES), Kind.WARNING, looks, provisional=provisional),
        "triggers": signals(RULES, Kind.TRIGGER, looks, provisional=provisional),
        "would_change": would_change(context, score),
    }


def attributed_content(context: ServiceContext, score: StrandScore) -> dict[str, float | None]:
    """Share of each indicator's current evidence that names a segment; the rest is in none."""
    return {
        indicator.code: number(score.attributed[place])
        for place, indicator in enumerate(evidence_indicators(context))
        if np.isfinite(score.attributed[place])
    }
