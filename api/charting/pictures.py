"""A specification as a picture, drawn in a thread of its own and described for who cannot see it.

Nothing is fetched: data and fonts are at hand, and the renderer is allowed no address.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any
from xml.sax.saxutils import escape

import vl_convert

from api.charting.formats import Format
from api.problems import Problem

#: Of what the renderer brings, the newest; its text measures are part of the picture.
VEGA_LITE, RENDERER = "6.4", version("vl-convert-python")
PNG_SCALE = 2
#: A chart takes hundredths of a second, and the first one of a process half a second.
LONGEST_S = 15.0
#: One at a time: the renderer has one JavaScript runtime for a process.
DRAWING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="charting")


async def picture(spec: dict[str, Any], form: Format) -> bytes:
    """The picture, off the event loop. 503 where drawing takes too long."""
    drawn = asyncio.get_running_loop().run_in_executor(DRAWING, draw, spec, form)
    try:
        return await asyncio.wait_for(drawn, LONGEST_S)
    except TimeoutError:
        raise Problem("unavailable", "Drawing took too long; ask again, or for the data.") from None


def draw(spec: dict[str, Any], form: Format) -> bytes:
    svg = described(
        vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[]),
        " ".join(spec["title"]["text"]),
        spec["description"],
    )
    if form is Format.SVG:
        return svg.encode()
    return vl_convert.svg_to_png(svg, scale=PNG_SCALE)


def described(svg: str, title: str, description: str) -> str:
    """One image with a name and a description, for those who are read to."""
    head, tag, rest = svg.partition(">")
    told = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return f'{head} role="img"{tag}{told}{rest}'
