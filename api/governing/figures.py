"""What the frozen figures say to each stage of the route; it stands in the record beside the words.

A record keeps these with the snapshot they are from, so that nobody has to trust a summary.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from api.reading.conclusions import Conclusion
from models.records import Record
from models.vocabulary import SUPPORTED_BY, Judgement, Level, SegmentStatus, Stage, Strand

Content = dict[str, Any]


class Figures(NamedTuple):
    """One strand of a conclusion, read."""

    conclusion: Conclusion
    strand: Strand
    month: date
    content: Content

    @property
    def segments(self) -> dict[str, Content]:
        """Segments with care, in the order of the view."""
        return {
            one["code"]: one
            for one in self.content["segments"]
            if one["status"] != SegmentStatus.NOT_PROVIDED
        }

    @property
    def less_stable(self) -> list[str]:
        """Segments that cannot be called reached: here others have to look and to help."""
        return [
            code for code, one in self.segments.items() if one["status"] != SegmentStatus.REACHED
        ]

    @property
    def supports(self) -> Judgement:
        """As far as a judgement may go without saying why it goes further."""
        level = Level(self.content["verdict"]["level"])
        return SUPPORTED_BY.get(level, Judgement.NOT_YET)


def figures_in(conclusion: Conclusion, strand: Strand, month: date) -> Figures:
    return Figures(
        conclusion, strand, month, msgspec.json.decode(conclusion.judged.strands[strand.value])
    )


def beyond(judgement: Judgement, figures: Figures) -> bool:
    """Whether leaders judge more than the figures support."""
    order = list(Judgement)
    return order.index(judgement) > order.index(figures.supports)


def shown_to(
    stage: Stage,
    figures: Figures,
    segment: str,
    body: Content,
    signed: Sequence[Record],
) -> Content:
    """What is kept of the figures beside the body of a record."""
    return SHOWN[stage](figures, segment, body, signed)


def _map(figures: Figures, _: str, __: Content, ___: Sequence[Record]) -> Content:
    segments = figures.segments
    origin = figures.content["spread"].get("origin")
    return {
        "level": figures.content["verdict"]["level"],
        "statement": figures.content["verdict"]["statement"],
        "began_in": None
        if origin is None
        else {
            "segment": origin,
            "since": segments[origin]["started"],
            # Months apart by less than charts can tell.
            "or_in": [
                code
                for code, one in segments.items()
                if code != origin
                and one["order"] is not None
                and one["order"]["indistinguishable_from_origin"]
            ],
        },
        "visible_now": [code for code in segments if code not in figures.less_stable],
        "less_stable": [
            {"segment": code, "status": segments[code]["status"]} for code in figures.less_stable
        ],
    }


def _compare(figures: Figures, _: str, __: Content, ___: Sequence[Record]) -> Content:
    return {
        "origin": figures.content["spread"].get("origin"),
        "best": figures.content["gap"].get("best"),
        "gap": figures.content["gap"].get("state"),
        "material": [
            {"segment": code, **gap}
            for code, one in figures.segments.items()
            for gap in distance_of(one)
            if gap["state"] == "material"
        ],
    }


def _segment(figures: Figures, segment: str, _: Content, __: Sequence[Record]) -> Content:
    one = figures.segments[segment]
    return {
        "status": one["status"],
        "coverage": one["coverage"],
        "improvement": one["improvement"],
        "distance": distance_of(one),
    }


def _judge(figures: Figures, _: str, body: Content, signed: Sequence[Record]) -> Content:
    verdict = figures.content["verdict"]
    looked_at = {
        stage: {record.segment for record in signed if record.stage == stage}
        for stage in (Stage.OBSERVE, Stage.SUPPORT)
    }
    return {
        "level": verdict["level"],
        "qualifiers": verdict["qualifiers"],
        "statement": verdict["statement"],
        "supports": figures.supports.value,
        "beyond_the_figures": beyond(Judgement(body["judgement"]), figures),
        "not_observed": [c for c in figures.less_stable if c not in looked_at[Stage.OBSERVE]],
        "not_supported": [c for c in figures.less_stable if c not in looked_at[Stage.SUPPORT]],
    }


SHOWN: dict[Stage, Callable[[Figures, str, Content, Sequence[Record]], Content]] = {
    Stage.MAP: _map,
    Stage.COMPARE: _compare,
    Stage.OBSERVE: _segment,
    Stage.SUPPORT: _segment,
    Stage.JUDGE: _judge,
}


def distance_of(segment: Content) -> list[Content]:
    """How far a segment is from the benchmark, indicator by indicator."""
    kept = ("indicator", "level", "benchmark", "estimate", "lower", "upper", "state")
    return [{name: gap[name] for name in kept} for gap in segment["gaps"]]
