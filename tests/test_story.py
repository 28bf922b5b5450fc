"""The one story in sentences: what is said of planted figures, read by a Registered Manager."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from models.axes import BAND_WORDS
from models.vocabulary import Band, Level, StoryPart, Strand
from tests.evidence_by_hand import context
from tests.scores_by_hand import AS_OF, WINDOWS, score
from worker.score import StrandScore
from worker.stats.onset import order_of_starts
from worker.story import story
from worker.verdict import judge

TEAM, SHIFT, ALIGNED = Strand
#: A strand of each level, by the letters of its segments and its bound.
OF_LEVEL: dict[Level, tuple[str, int, dict[str, Any]]] = {
    Level.NOT_APPLICABLE: ("R", 1, {}),
    Level.WORSENING: ("wwm", 0, {"worsened": 2}),
    Level.INSUFFICIENT_EVIDENCE: ("iim", 0, {}),
    Level.NOT_SHOWN: ("nnn", 0, {}),
    Level.LOCALISED: ("Rmm", 1, {}),
    Level.SPREADING: ("RRmmm", 2, {}),
    Level.BROAD_WITH_EXCEPTIONS: ("RRRm", 3, {}),
    Level.BROAD: ("RRRR", 4, {}),
}


def of_level(strand: Strand, level: Level) -> StrandScore:
    letters, bound, options = OF_LEVEL[level]
    return in_bands(score(letters, bound, strand=strand, **options))


def in_bands(of: StrandScore) -> StrandScore:
    """The bands have codes and names of their own, weekday daytime first."""
    if of.strand is not SHIFT:
        return of
    letters = len(of.codes)
    codes = [band.value for band in Band][:letters] + [f"x{n}" for n in range(letters - 4)]
    words = [BAND_WORDS[band] for band in Band][:letters] + [f"X{n}" for n in range(letters - 4)]
    return replace(of, codes=tuple(codes), spoken=tuple(words))


def told(*scores: StrandScore, provisional: bool = False) -> dict[str, Any]:
    """The story of strands written by hand; those not given are broad."""
    by_strand = {each: of_level(each, Level.BROAD) for each in Strand}
    by_strand |= {each.strand: each for each in scores}
    verdicts = {strand: judge(each, WINDOWS) for strand, each in by_strand.items()}
    shown: dict[Strand, dict[str, Any]] = {strand: {"would_change": []} for strand in Strand}
    return story(context(), AS_OF, WINDOWS, by_strand, verdicts, shown, is_provisional=provisional)


def said(of: dict[str, Any], code: str) -> list[str]:
    return [each["text"] for each in of["sentences"] if each["code"] == code]


#: Levels by team, by time and in what people feel, and the last sentence.
CONCLUSIONS = """
    broad broad broad | The combined evidence is broad enough: all 4 teams, all 4 time bands and all 4 service areas are in a stronger position and have held it.
    broad broad not_applicable | The combined evidence is broad enough: all 4 teams and all 4 time bands are in a stronger position and have held it. It is not asked in what people feel: care is given in fewer than two of them.
    broad_with_exceptions broad broad | The combined evidence is broad, with exceptions: by team, 1 of 4 teams not reached by name: S3.
    broad broad_with_exceptions broad_with_exceptions | The combined evidence is broad, with exceptions: by time of the week, 1 of 4 time bands not reached by name: weekend nights; in what people feel, 1 of 4 service areas not reached by name: S3.
    localised broad broad | The combined evidence is not yet broad enough: by team, one team of 3 (S0) and no more can be claimed. It is broad by time of the week and in what people feel.
    spreading not_shown broad | The combined evidence is not yet broad enough: by team, at least 2 of 5 teams can be claimed; by time of the week, no time band of 3 can be claimed. It is broad in what people feel.
    worsening insufficient_evidence broad_with_exceptions | The combined evidence is not yet broad enough: by team, at least 2 of 3 teams have become worse; by time of the week, there is too little evidence to say; in what people feel, 1 of 4 service areas not reached by name: S3.
    not_applicable not_applicable not_applicable | Breadth cannot be asked of this service: there is nothing to spread to.
"""  # noqa: E501  # a table of sentences


@pytest.mark.parametrize("line", CONCLUSIONS.strip().splitlines())
def test_last_sentence_says_whether_it_is_broad_enough_and_what_stands_against(line: str) -> None:
    levels, text = (part.strip() for part in line.split("|"))
    of = told(*(of_level(s, Level(level)) for s, level in zip(Strand, levels.split(), strict=True)))
    assert of["sentences"][-1]["text"] == text
    assert of["sentences"][-1]["part"] == StoryPart.CONCLUSION


def test_broad_enough_is_said_of_nothing_less() -> None:
    for levels in product(Level, repeat=3):
        of = told(*(of_level(s, level) for s, level in zip(Strand, levels, strict=True)))
        last = of["sentences"][-1]["text"]
        assert ("is broad enough" in last) == (of["level"] == Level.BROAD), levels
        assert ("not yet broad enough" in last) == (
            of["level"] not in {Level.BROAD, Level.BROAD_WITH_EXCEPTIONS, Level.NOT_APPLICABLE}
        ), levels
        assert not any("rating" in each["text"].lower() for each in of["sentences"])


#: Segments of a strand by letter, and who is said to be not reached, and how.
NOT_REACHED = """
    team    RRRRRm | S5 moves the right way and cannot be claimed by name yet.
    team    RRRRmm | S4 and S5 move the right way and cannot be claimed by name yet.
    team    RRRRnw | S5 has become worse. / S4 cannot be said to have improved.
    team    RRRxxi | S3 and S4 each got worse in some kind of check. / S5 has too few kinds of evidence to judge.
    team    RRRR-- | .
    shift   RRRm   | Weekend nights move the right way and cannot be claimed by name yet.
    shift   RRwR   | Weekend daytime has become worse.
    aligned RRn    | S2 cannot be said to have improved.
"""  # noqa: E501  # a table of sentences


@pytest.mark.parametrize("line", NOT_REACHED.strip().splitlines())
def test_segments_that_are_not_reached_are_named_with_how_they_stand(line: str) -> None:
    given, text = (part.strip() for part in line.split("|"))
    short, letters = given.split()
    strand = {"team": TEAM, "shift": SHIFT, "aligned": ALIGNED}[short]
    of = told(in_bands(score(letters, letters.count("R"), strand=strand)))
    found = [
        each["text"]
        for each in of["sentences"]
        if each["code"].startswith(f"{strand}.not_reached.")
    ]
    assert " / ".join(found) == ("" if text == "." else text)
    even = said(of, f"{strand}.even")
    assert bool(even) == (text == ".")


#: Start of each segment in months before the last, `.` for none, what overlaps the first's
#: interval, and what is said of it. The last month is September 2026.
STARTS = """
    RRRR 3 2 2 . | .    | By team, S0 first shows improvement, from June 2026. | On the control charts, S1 and S2 followed 1 month later. When it reached S3 cannot be told.
    RRRR 5 5 4 2 | .    | By team, S0 and S1 first show improvement, from April 2026. Which of them began cannot be told. | On the control charts, S2 followed 1 month later and S3 3 months later.
    RRRR 5 4 3 2 | 1    | By team, S0 first shows improvement, from April 2026. S1 may have begun as early. | On the control charts, S1 followed 1 month later, S2 2 months later and S3 3 months later.
    RRnn 5 4 . . | .    | By team, of the teams claimed by name, S0 first shows improvement, from April 2026. | On the control charts, S1 followed 1 month later.
    Rmmm 4 . . . | .    | By team, S0 is the only team that can be claimed by name; its improvement shows from May 2026. | .
    RRRR . . . . | .    | By team, where it started cannot be told: no control chart shows a beginning. | .
    nnnn . . . . | .    | By team, where it started cannot be told: no team can be claimed by name. | .
"""  # noqa: E501  # a table of sentences


@pytest.mark.parametrize("line", STARTS.strip().splitlines())
def test_where_it_started_and_how_it_went_on(line: str) -> None:
    given, early, start_text, order_text = (part.strip() for part in line.split("|"))
    letters, *months = given.split()
    of = score(letters, letters.count("R"))
    last = of.course.charts.value.shape[-1] - 1
    start = np.array([-1 if back == "." else last - int(back) for back in months])
    overlap = [int(place) for place in early.split() if place != "."]
    upper = np.where(start >= 0, start, -1)
    lower = upper.copy()
    if overlap:
        lower[overlap] = start[start >= 0].min()
    course = replace(of.course, start=start, order=order_of_starts(start, lower, upper))
    whole = replace(course.whole, centre=np.ones_like(course.whole.centre))
    change = replace(course.change, first=np.full(len(letters), -1))
    course = replace(course, whole=whole, change=change, signalled=np.zeros(4, dtype=bool))
    found = told(replace(of, course=course))
    codes = ("team_spread.started", "team_spread.start_unknown")
    assert [text for code in codes for text in said(found, code)] == [start_text]
    assert said(found, "team_spread.order") == ([] if order_text == "." else [order_text])


def test_a_change_before_the_programme_began_is_not_hidden() -> None:
    """The programme began in June 2025, fifteen months before the last."""
    of = score("RRRm", 3)
    last = of.course.charts.value.shape[-1] - 1
    change = replace(
        of.course.change,
        first=last - np.array([17, 17, 17, 17]),
        lower=last - np.array([18, 18, 18, 18]),
        upper=last - np.array([16, 14, 16, 16]),
        p=np.array([0.01, 0.01, 0.2, 0.01]),
    )
    found = told(replace(of, course=replace(of.course, change=change)))
    assert said(found, "team_spread.changed_before") == [
        (
            "S0 changed most in April 2025, before the programme began (95% interval March 2025 to"
            " May 2025)."
        )
    ]


def test_gap_says_how_far_indicator_and_standard() -> None:
    of = score("RRRm", 3, material="...!")
    gap = replace(
        of.gap,
        estimate=np.full((4, 1), -2.0),
        benchmark=np.full((4, 1), 0.01),
    )
    evidence = replace(of.evidence, level=np.full((4, 1), 0.031), n_current=np.full((4, 1), 4512.0))
    found = told(replace(of, gap=gap, evidence=evidence))
    assert said(found, "team_spread.material_gap") == [
        (
            "Material gap in S3: medicine doses omitted in error at 3.1% of 4,512 against a"
            " standard of 1%."
        )
    ]
    [sentence] = [s for s in found["sentences"] if s["code"] == "team_spread.material_gap"]
    assert sentence["links"][1].endswith(
        "/evidence?strand=team_spread&segment=s3&indicator=medicine_omissions&as_of=2026-09"
    )


def test_day_reached_and_nights_not_is_uneven_by_time() -> None:
    found = told(in_bands(score("RmRm", 2, strand=SHIFT)))
    assert said(found, "shift_coverage.uneven_by_time") == [
        (
            "It is uneven by time: weekday daytime is reached, and weekday nights and weekend"
            " nights are not."
        )
    ]
    assert not said(told(in_bands(score("mRRm", 2, strand=SHIFT))), "shift_coverage.uneven_by_time")


def test_what_holds_of_every_strand_is_said_once() -> None:
    everywhere = {s: replace(of_level(s, Level.BROAD), share_known=False) for s in Strand}
    found = told(*everywhere.values())
    [sentence] = [s for s in found["sentences"] if s["code"] == "share_unknown"]
    assert sentence["strand"] is None
    assert len(sentence["links"]) == 3
    found = told(everywhere[TEAM])
    [sentence] = [s for s in found["sentences"] if s["code"] == "share_unknown"]
    assert sentence["strand"] == TEAM
    assert sentence["text"].startswith("By team: how the care")


def test_a_provisional_look_says_until_when() -> None:
    assert not said(told(), "provisional")
    assert said(told(provisional=True), "provisional") == [
        (
            "The figures of September 2026 are provisional until the end of 5 October 2026: late"
            " evidence may still change them."
        )
    ]


def test_parts_come_in_the_order_in_which_a_story_is_told() -> None:
    order = [part.value for part in StoryPart]
    for levels in product((Level.BROAD, Level.LOCALISED, Level.WORSENING), repeat=3):
        of = told(*(of_level(s, level) for s, level in zip(Strand, levels, strict=True)))
        parts = [order.index(each["part"]) for each in of["sentences"]]
        assert parts == sorted(parts)
        for each in of["sentences"]:
            assert each["figures"]
            assert each["links"]
            assert each["text"].endswith(".")
            assert each["text"][0] == each["text"][0].upper()
