"""What stands beside a level: qualifiers of the strand and of its windows."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from models.vocabulary import Strand
from tests.evidence_by_hand import context, programme
from tests.scores_by_hand import AS_OF, WINDOWS, score
from worker.alignment import Alignment
from worker.score import StrandScore
from worker.stats.agreement import following
from worker.verdict import judge
from worker.windows import Windows, windows_of

NO_LAG = following(np.full((2, 3), np.nan), np.full((2, 3), np.nan))


def qualifiers(of: StrandScore, windows: Windows = WINDOWS) -> set[str]:
    return set(judge(of, windows).qualifiers)


def test_a_plain_broad_strand_has_no_qualifiers() -> None:
    assert qualifiers(score("RRRR", 4)) == set()


@pytest.mark.parametrize("code", ["recent", "thin_evidence", "share_unknown", "below_standard"])
def test_qualifier_of_the_strand_stands_beside_the_level(code: str) -> None:
    whole = score("RRRR", 4)
    told = {
        "recent": replace(whole, held=np.array([6, 6, 2, 6])),
        "thin_evidence": score("RRRR", 4, coverage="aata"),
        "share_unknown": replace(whole, share_known=False),
        "below_standard": replace(whole, at_standard=np.array([True, True, True, False])),
    }
    assert qualifiers(told[code]) == {code}


def test_season_is_qualified_only_where_an_indicator_was_seen_without_it() -> None:
    whole = score("RRRR", 4)
    unknown = replace(whole.evidence, season_known=np.array([False]))
    assert qualifiers(replace(whole, evidence=unknown)) == {"season_not_controlled"}
    unseen = replace(unknown, z=np.full((4, 1), np.nan))
    assert qualifiers(replace(whole, evidence=unseen)) == set()


def test_windows_bring_their_own_qualifiers() -> None:
    sliding = windows_of(context(programmes=()), AS_OF, date(2024, 1, 1))
    assert qualifiers(score("RR", 2), sliding) == {"sliding_baseline"}
    late = programme(registered_at=datetime(2026, 1, 10, tzinfo=UTC))
    assert qualifiers(score("RR", 2), windows_of(context(programmes=(late,)), AS_OF, None)) == {
        "post_hoc"
    }


def test_segments_without_care_qualify_nothing() -> None:
    assert qualifiers(score("RR-", 2, coverage="aa0")) == set()


@pytest.mark.parametrize(
    ("internal", "external", "ahead"),
    [(2.0, 0.0, True), (2.0, 2.0, False), (0.2, 0.0, False), (2.0, np.nan, True)],
)
def test_internal_is_ahead_when_it_improved_and_experience_is_not_half_as_fast(
    internal: float, external: float, *, ahead: bool
) -> None:
    inside, outside = np.array([internal, 0.0]), np.array([external, 0.0])
    small = np.full(2, 0.05)
    aligned = replace(
        score("RR", 2, strand=Strand.EVIDENCE_ALIGNMENT),
        alignment=Alignment(inside, small, outside, small, NO_LAG),
    )
    assert ("internal_ahead" in qualifiers(aligned)) == ahead
