"""Every chart can be read: by any eye, in grey, with any name, with one segment or forty."""

import json
import re
import struct
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import vl_convert

from api.charting import funnel, gap_over_time, spread_timeline
from api.charting.appearance import (
    ALIGNMENT,
    BETTER,
    CONFIG,
    COVERAGE,
    INK,
    PAPER,
    QUIET_INK,
    SHADE,
    SKY,
    STATUS,
    WIDTH,
    WORSE,
    Mark,
    contrast,
    ink_on,
    luminance,
)
from api.charting.catalogue import CHARTS
from api.charting.figures import ChecksOn, Figures, Look, MonthLevel
from api.charting.formats import Format
from api.charting.label_places import CORNERS, _box, corners
from api.charting.pictures import draw
from api.charting.sheet import Spec
from api.charting.words import NAME_CHARACTERS, labels
from models.vocabulary import AlignmentState, Band, Coverage, SegmentStatus, Strand
from tests.charted import (
    AS_OF,
    area,
    around,
    between,
    drawn,
    figures,
    flagged,
    gap,
    rows_with,
)

SVG = "{http://www.w3.org/2000/svg}"
NAMES = {
    "quotes": "The \"Oak\" & 'Elm' <wing>",
    "script": "<script>alert(1)</script>",
    "expression": "datum.x; ${alert(1)} {{x}} \\u0041 %",
    "emoji": "Sunflower 🌻 house",
    "long": "A wing with a name that never ends " * 6,
    "lines": "one\ntwo\tthree",
    "blank": " ",
    "right_to_left": "مرحبا שלום",
}
KINDS: list[list[Mark]] = [
    list(STATUS.values()),
    list(ALIGNMENT.values()),
    list(COVERAGE.values()),
    list(funnel.BEYOND),
    list(gap_over_time.LOOKS),
    list(spread_timeline.KINDS),
]


def full(name: str, segments: int, names: list[str] | None = None) -> Figures:
    """Everything that a chart can draw, of so many segments."""
    chart = CHARTS[name]
    strand = chart.strands[0]
    codes = list(Band) if strand is Strand.SHIFT_COVERAGE else [f"s{n}" for n in range(segments)]
    codes = codes[:segments]
    made = []
    for place, code in enumerate(codes):
        called = (names or ["Oak", "Elm wing", "Ash house"])[place % len(names or "abc")]
        change = {"month": "2026-03", "from": "2026-02", "to": "2026-06", "p": place / 10}
        state = list(AlignmentState)[place % len(AlignmentState)]
        made.append(
            {
                **area(code, state, place / 3 - 1, 2 - place / 4),
                "name": called,
                "status": list(SegmentStatus)[place % len(SegmentStatus)],
                "gaps": [gap(level=0.5 + 0.4 * (place % 7) / 7, n=20 + 37 * place)],
                "charts": [flagged("2026-02", AS_OF, ("improvement", "concern")[place % 2])],
                "coverage": list(Coverage)[place % 3],
                "started": "2026-02" if place % 2 else None,
                "change_point": change if place % 3 else None,
                "held_months": place % 9,
                "share_of_care": 1 / segments,
                "share_of_checks": (place % 3) / segments,
            }
        )
    months = tuple(
        MonthLevel(code, f"2026-{month:02}", 0.5 + place / 100, 50.0 + place, 100.0, 0.0)
        for place, code in enumerate(codes)
        for month in range(1, 10)
    )
    checks = tuple(
        ChecksOn(day, band, 1 + day % 3)
        for band in Band
        for day in range(1, 8)
        if (day > 5) == ("weekend" in band)
    )
    history = [{"as_of": "2026-07", "figure": 0.3, "met": True}]
    return figures(
        made,
        strand,
        months=months,
        checks=checks,
        looks=(Look("2026-06", between(0.1), provisional=False),),
        triggers=[{"code": "persistent_variation", "history": history}],
        gap=between(0.4) | {
            "best": {"segment": codes[0], "ahead_of_the_others": around(1.0)},
            "weakest": {"segment": codes[-1], "behind_the_best": around(-1.0)},
        },
        whole_service={"internal": around(1.0), "external": around(0.4)},
    )  # fmt: skip


@pytest.mark.parametrize("marks", KINDS, ids=lambda marks: marks[0].word)
def test_what_a_colour_says_is_said_by_a_shape_or_differs_in_grey(marks: list[Mark]) -> None:
    assert len({mark.word for mark in marks}) == len(marks)
    for one, other in ((a, b) for a in marks for b in marks if a is not b):
        assert one.shape != other.shape or contrast(one.fill, other.fill) >= 1.8


@pytest.mark.parametrize("marks", [list(STATUS.values())[:6], list(COVERAGE.values())], ids=len)
def test_neighbours_of_a_legend_differ_in_grey(marks: list[Mark]) -> None:
    for one, other in pairwise(marks):
        assert contrast(one.fill, other.fill) >= 1.25


@pytest.mark.parametrize("ramp", [BETTER, WORSE], ids=("better", "worse"))
def test_steps_of_a_ramp_darken_one_by_one(ramp: tuple[str, ...]) -> None:
    for light, dark in pairwise((PAPER, *ramp)):
        assert luminance(light) > luminance(dark)
        assert contrast(light, dark) >= 1.15


def test_text_has_contrast_on_every_fill() -> None:
    for fill in (*BETTER, *WORSE, PAPER, SHADE):
        assert contrast(ink_on(fill), fill) >= 4.5
    for ink in (INK, QUIET_INK):
        assert contrast(ink, PAPER) >= 4.5
        assert contrast(ink, SHADE) >= 4.5
    assert contrast(INK, SKY) >= 4.5


def test_black_and_white_are_as_far_apart_as_can_be() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("name", CHARTS)
def test_compilers_of_both_versions_have_nothing_to_warn_of(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for version in ("6.4", "5.21"):
        spec = drawn(name, full(name, 7))
        vl_convert.vegalite_to_vega(spec, vl_version=version, show_warnings=True)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_compiler_does_warn_of_what_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    spec = drawn("funnel", full("funnel", 7))
    spec["layer"][-1]["encoding"]["nonsense"] = {"field": "n"}
    vl_convert.vegalite_to_vega(spec, vl_version="6.4", show_warnings=True)
    assert "nonsense" in "".join(capfd.readouterr())


@pytest.mark.parametrize("count", [1, 2, 4, 12, 40])
@pytest.mark.parametrize("name", CHARTS)
def test_one_to_forty_segments_are_drawn_as_wide_as_ever(name: str, count: int) -> None:
    spec = drawn(name, full(name, count))
    root = ET.fromstring(draw(spec, Format.SVG))  # noqa: S314 - our own picture
    assert WIDTH - 90 <= float(root.attrib["width"]) <= WIDTH + 10
    assert float(root.attrib["height"]) < 2400
    assert len(json.dumps(spec)) < 1_000_000


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("name", CHARTS)
def test_any_name_is_text_and_nothing_else(name: str, kind: str) -> None:
    called = NAMES[kind]
    spec = drawn(name, full(name, 3, [called, called, "Elm"]))
    picture = draw(spec, Format.SVG).decode()
    root = ET.fromstring(picture)  # noqa: S314 - our own picture
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "g", "path", "rect", "line", "text", "defs", "clipPath",
                    "tspan"}  # fmt: skip
    assert not re.search(r"\son\w+=|javascript:|<script", picture)


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_points_outside(name: str) -> None:
    spec = drawn(name, full(name, 5))
    outside = re.findall(r"https?://[^\"' ]*", json.dumps(spec))
    assert outside == [spec["$schema"]]
    picture = draw(spec, Format.SVG).decode()
    assert set(re.findall(r"https?://[^\"' ]*", picture)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "href" not in picture.replace("xmlns:xlink", "")


@pytest.mark.parametrize("name", CHARTS)
def test_a_picture_names_and_describes_itself(name: str) -> None:
    spec = drawn(name, full(name, 5, ["<Oak> & Elm"]))
    root = ET.fromstring(draw(spec, Format.SVG))  # noqa: S314 - our own picture
    assert root.attrib["role"] == "img"
    said = root[0], root[1]
    assert [each.tag for each in said] == [f"{SVG}title", f"{SVG}desc"]
    assert said[0].text == " ".join(spec["title"]["text"])
    assert said[1].text == spec["description"]
    words = {piece for element in root.iter(f"{SVG}text") for piece in element.itertext()}
    assert set(spec["title"]["text"]) <= words, "text is text, not outlines"


def test_labels_of_near_points_stand_apart() -> None:
    near = [(300.0, 100.0), (310.0, 101.0), (305.0, 112.0), (690.0, 300.0)]
    names = ["Dementia", "Nursing", "Whole service", "Residential"]
    chosen = corners(near, names, 700)
    boxes = [
        _box(x, y, name, CORNERS[of]) for (x, y), name, of in zip(near, names, chosen, strict=True)
    ]
    assert not any(one.overlap(other) for one, other in combinations(boxes, 2)), (
        "no label covers another"
    )
    assert boxes[-1].right <= 700


def test_a_png_is_twice_as_large_as_its_svg() -> None:
    spec = drawn("check-coverage", full("check-coverage", 4))
    root = ET.fromstring(draw(spec, Format.SVG))  # noqa: S314 - our own picture
    png = draw(spec, Format.PNG)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    size = struct.unpack(">II", png[16:24])
    assert size == pytest.approx([2 * float(root.attrib[of]) for of in ("width", "height")], abs=2)


@pytest.mark.parametrize("name", CHARTS)
def test_the_font_is_one_that_the_renderer_brings(name: str) -> None:
    picture = draw(drawn(name, full(name, 3)), Format.SVG).decode()
    assert set(re.findall(r'font-family="([^"]+)"', picture)) == {CONFIG["font"]}


def test_long_names_are_cut_and_stay_apart() -> None:
    found = labels([NAMES["long"], NAMES["long"], "Oak", "Oak", " "])
    assert len(set(found)) == 5
    assert all(len(each) <= NAME_CHARACTERS for each in found)


@pytest.mark.parametrize("name", [name for name, of in CHARTS.items() if of.by_segment])
def test_the_whole_of_a_long_name_is_in_the_tooltip(name: str) -> None:
    spec = drawn(name, full(name, 3, [NAMES["long"]]))
    whole = [row for row in rows_with(spec, "name") if row["name"] == NAMES["long"]]
    assert whole
    tooltips = [
        [of["field"] for of in layer["encoding"].get("tooltip", [])]
        for layer in (spec.get("layer") or spec["spec"]["layer"])
    ]
    assert any("name" in fields for fields in tooltips)


def test_specification_is_json_without_any_nan() -> None:
    for name in CHARTS:
        spec: Spec = drawn(name, full(name, 9))
        again: Any = json.loads(json.dumps(spec, allow_nan=False))
        assert again == spec
