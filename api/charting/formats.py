"""In which form a chart is answered: `?format=`, else what `Accept` prefers (RFC 9110, 12.5.1)."""

import re
from enum import StrEnum

from api.problems import Problem


class Format(StrEnum):
    """Names for `?format=`, in the order in which equals are preferred."""

    VEGALITE = "vegalite"
    VEGALITE_5 = "vegalite5"
    JSON = "json"
    SVG = "svg"
    PNG = "png"


MEDIA: dict[Format, str] = {
    Format.VEGALITE: "application/vnd.vegalite.v6+json",
    Format.VEGALITE_5: "application/vnd.vegalite.v5+json",
    Format.JSON: "application/json",
    Format.SVG: "image/svg+xml",
    Format.PNG: "image/png",
}
PICTURES = (Format.SVG, Format.PNG)
QUALITY = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)", re.ASCII)


def format_of(accept: str | None, asked: Format | None) -> Format:
    """The form to answer in.

    Raises
    ------
    Problem
        `not_acceptable`, which lists the types there are.
    """
    if asked is not None:
        return asked
    ranges = list(_ranges(accept or "*/*")) or [("*", "*", 1.0)]
    best = max(MEDIA, key=lambda each: _quality(MEDIA[each], ranges))
    if _quality(MEDIA[best], ranges) <= 0:
        raise Problem("not_acceptable", f"A chart comes as {', '.join(MEDIA.values())}.")
    return best


def _ranges(accept: str) -> list[tuple[str, str, float]]:
    """Type, subtype and quality of each range; what cannot be read is passed over."""
    found = []
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        kind, _, subtype = media.lower().partition("/")
        if not kind or not subtype:
            continue
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                written = value.strip()
                quality = float(written) if QUALITY.fullmatch(written) else 0.0
        found.append((kind, subtype, quality))
    return found


def _quality(media: str, ranges: list[tuple[str, str, float]]) -> float:
    """The quality of the most specific range that fits; 0 where none does."""
    kind, _, subtype = media.partition("/")
    fitting = [
        (of != "*", sub != "*", quality)
        for of, sub, quality in ranges
        if of in {kind, "*"} and sub in {subtype, "*"}
    ]
    return max(fitting)[2] if fitting else 0.0
