"""The judged content of a snapshot: what each view says, in the shapes of the contract."""

from datetime import date
from typing import Any

import numpy as np

from models.context import ServiceContext
from models.vocabulary import Strand
from worker.advice import number, segment_name, would_change
from worker.arrays import evidence_indicators
from worker.months import CHANNELS
from worker.score import StrandScore
from worker.stats.combination import upper_tail
from worker.stats.segments import DESCRIPTIVE_ALPHA
from worker.verdict import Verdict, judge, too_young, weakest
from worker.windows import Windows

CONFIDENCE = 0.95
Z95 = 1.959963984540054
VIEW_OF = {
    Strand.TEAM_SPREAD: "spread-dashboard",
    Strand.SHIFT_COVERAGE: "shift-coverage-review",
    Strand.EVIDENCE_ALIGNMENT: "evidence-alignment",
}


def month_text(month: date) -> str:
    return f"{month:%Y-%m}"


def window_text(window: tuple[date, date] | None) -> dict[str, str] | None:
    return {"from": month_text(window[0]), "to": month_text(window[1])} if window else None


def content_of(
    context: ServiceContext,
    as_of: date,
    windows: Windows,
    history: dict[Strand, list[StrandScore]],
    *,
    provisional: bool,
) -> dict[str, Any]:
    """All three strands and the story.

    `history` has the looks up to that of `as_of`, the newest last; it is empty while the
    programme is too young.
    """
    programme = context.programme
    scores = {strand: looks[-1] for strand, looks in history.items()}
    verdicts = {
        strand: judge(scores[strand], windows) if scores else too_young(context, windows)
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
                strand_content(context, scores[strand], windows, provisional=provisional)
                if scores
                else EMPTY_STRAND
            ),
        }
        for strand in Strand
    }
    return {**head, "strands": strands, "story": story(context, scores, verdicts)}


#: What a strand shows before there is anything to compare.
EMPTY_STRAND: dict[str, Any] = {
    "breadth": None, "segments": [], "concentration": {}, "gap": {}, "heterogeneity": {},
    "warnings": [], "triggers": [], "would_change": [],
}  # fmt: skip


def verdict_content(verdict: Verdict) -> dict[str, Any]:
    return {
        "level": verdict.level.value,
        "qualifiers": list(verdict.qualifiers),
        "statement": verdict.statement,
        "reasons": [
            {"code": reason.code, "text": reason.text, "figures": _plain(reason.figures)}
            for reason in verdict.reasons
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, float):
        return number(value)
    return value


def strand_content(
    context: ServiceContext, score: StrandScore, windows: Windows, *, provisional: bool
) -> dict[str, Any]:
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
        "gap": {},
        "heterogeneity": {},
        "warnings": [],
        "triggers": [],
        "would_change": would_change(context, score),
    }


def segment_content(context: ServiceContext, score: StrandScore, place: int) -> dict[str, Any]:
    g, error = score.g[place], Z95 * np.sqrt(score.g_variance[place])
    aligned = {}
    if score.alignment is not None:
        aligned = {
            "internal": _interval(
                score.alignment.internal[place], score.alignment.internal_variance[place]
            ),
            "external": _interval(
                score.alignment.external[place], score.alignment.external_variance[place]
            ),
        }
    return {
        "code": score.codes[place],
        "name": segment_name(context, score.axis, score.codes[place]),
        "status": score.status[place].value,
        "improvement": {
            "estimate": number(g),
            "lower": number(g - error),
            "upper": number(g + error),
            "p": number(score.p_improved[place]),
            "p_adjusted": number(score.p_adjusted[place]),
        },
        "at_standard": bool(score.at_standard[place]),
        **aligned,
        "channels": [channel_content(score, place, channel) for channel in range(len(CHANNELS))],
        "gaps": gaps_content(context, score, place),
        "coverage": score.coverage[place].value,
        "share_of_care": number(score.share_of_care[place]),
        "share_of_checks": number(score.share_of_checks[place]),
        "planned_power": number(score.power[place]),
        "started": None,
        "held_months": int(score.held[place]),
        "closing_per_month": None,
    }


def _interval(estimate: float, variance: float) -> dict[str, float | None]:
    error = Z95 * np.sqrt(variance)
    return {
        "estimate": number(estimate),
        "lower": number(estimate - error),
        "upper": number(estimate + error),
    }


def channel_content(score: StrandScore, place: int, channel: int) -> dict[str, Any]:
    z = score.channel_z[place, channel]
    if np.isnan(z):
        state = "no_evidence"
    elif float(upper_tail(z)) <= DESCRIPTIVE_ALPHA:
        state = "improved"
    elif float(upper_tail(-z)) <= DESCRIPTIVE_ALPHA:
        state = "worsened"
    else:
        state = "undetermined"
    return {
        "channel": CHANNELS[channel].value,
        "n_baseline": int(score.channel_n[place, channel, 0]),
        "n_current": int(score.channel_n[place, channel, 1]),
        **_interval(score.channel_g[place, channel], score.channel_variance[place, channel]),
        "state": state,
    }


def gaps_content(context: ServiceContext, score: StrandScore, place: int) -> list[dict[str, Any]]:
    """Distance to the benchmark, indicator by indicator, where it is material or minor."""
    found = []
    for position, indicator in enumerate(evidence_indicators(context)):
        estimate = score.gap.estimate[place, position]
        if np.isnan(estimate):
            continue
        state = "undetermined"
        if score.gap.material[place, position]:
            state = "material"
        elif score.gap.minor[place, position]:
            state = "minor"
        found.append(
            {
                "indicator": indicator.code,
                "level": number(score.evidence.level[place, position]),
                "baseline_level": number(score.evidence.baseline_level[place, position]),
                "benchmark": number(score.gap.benchmark[place, position]),
                "benchmark_is_standard": indicator.standard is not None,
                "estimate": number(estimate),
                "lower": number(score.gap.lower[place, position]),
                "upper": number(score.gap.upper[place, position]),
                "state": state,
            }
        )
    return found


def concentration(score: StrandScore) -> dict[str, Any]:
    """How much of the improvement lies in one segment: top share and effective number of them."""
    gains = np.where(score.counted & (score.g > 0), np.nan_to_num(score.g), 0.0)
    total = float(gains.sum())
    if total <= 0:
        return {"top_share": None, "effective_segments": None, "top_segment": None}
    return {
        "top_share": number(float(gains.max()) / total),
        "effective_segments": number(total**2 / float((gains**2).sum())),
        "top_segment": score.codes[int(gains.argmax())],
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
            "figures": _plain(reason.figures),
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
