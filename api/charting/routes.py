"""Charts go out: as Vega-Lite for who draws them anew, as SVG or PNG for who prints them."""

import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field

from api.charting.catalogue import CHARTS
from api.charting.formats import MEDIA, PICTURES, Format, format_of
from api.charting.pictures import RENDERER, VEGA_LITE, picture
from api.charting.reading import Wanted, figures_of, strand_of
from api.charting.sheet import SCHEMA_5
from api.deps import Holder, Now, RunningApp, require
from api.problems import Problem, problems
from api.reading.asked import AsOf, KnownAt, asked
from api.reading.conclusions import COMPUTING, being_computed, conclusion_of
from api.reading.views import is_held
from models.context import is_known, service_ids
from models.db import transaction
from models.vocabulary import Scope, Strand

router = APIRouter(
    prefix="/v1/services/{service}/charts",
    tags=["charts"],
    dependencies=[require(Scope.VIEWS_READ)],
)

ServiceId = Annotated[str, Path(max_length=200, description="CQC location id.")]
SPEC: dict[str, Any] = {"schema": {"type": "object"}}
PICTURE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A Vega-Lite specification with its data, or the picture of it.",
        "content": {media: PICTURE if form in PICTURES else SPEC for form, media in MEDIA.items()},
    },
    **COMPUTING,
    304: {"description": "The chart is as it was for `If-None-Match`."},
    **problems("not_found", "nothing_known_then", "not_acceptable", "invalid"),
}


class ChartNamed(BaseModel):
    name: str = Field(examples=["spread-heat-map"])
    title: str
    shows: str
    strands: list[Strand] = Field(description="The first is drawn unless another is asked for.")
    parameters: list[str] = Field(description="Beside `as_of`, `known_at` and `format`.")
    link: str


class ChartsNamed(BaseModel):
    service: str
    charts: list[ChartNamed]


@router.get("", responses=problems("not_found", "invalid"))
async def list_charts(service: ServiceId, running: RunningApp, holder: Holder) -> ChartsNamed:
    """The charts there are of a service, and what each shows."""
    async with transaction(running.sessions, holder.provider) as session:
        ids = await service_ids(session, service)
        if not await is_known(session, ids):
            raise Problem("not_found")
    return ChartsNamed(
        service=ids[0],
        charts=[
            ChartNamed(
                name=name,
                title=chart.title,
                shows=chart.shows,
                strands=list(chart.strands),
                parameters=chart.parameters,
                link=f"/v1/services/{ids[0]}/charts/{name}",
            )
            for name, chart in CHARTS.items()
        ],
    )


@router.get("/{name}", response_class=Response, responses=RESPONSES)
async def read_chart(
    service: ServiceId,
    name: Annotated[str, Path(max_length=100, examples=["spread-heat-map"])],
    running: RunningApp,
    holder: Holder,
    now: Now,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    indicator: Annotated[str | None, Query(max_length=200)] = None,
    strand: Annotated[str | None, Query(max_length=200, examples=list(Strand)[:1])] = None,
    segment: Annotated[str | None, Query(max_length=200)] = None,
    form: Annotated[
        Format | None, Query(alias="format", description="Instead of what `Accept` prefers.")
    ] = None,
    accept: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """One chart, titled with the finding, its uncertainty drawn.

    Numbers are those of the view as it was frozen. Months of an indicator are counted from the
    evidence of now; with `known_at` they are the levels of what had been concluded by then, and
    the chart says so.
    """
    chart = CHARTS.get(name)
    if chart is None:
        raise Problem("not_found")
    chosen, question = format_of(accept, form), asked(as_of, known_at, now)
    wanted = Wanted(indicator, strand, segment)
    strand_of(chart, wanted)
    conclusion = await conclusion_of(running, holder, service, question)
    if conclusion is None:
        return being_computed(service)
    async with transaction(running.sessions, holder.provider) as session:
        figures = await figures_of(session, conclusion, chart, wanted, question)
    spec = chart.draw(figures)
    if chosen is Format.VEGALITE_5:
        spec["$schema"] = SCHEMA_5
    body = msgspec.json.encode(spec)
    tag = etag(body, chosen)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept"}
    if if_none_match and is_held(tag, if_none_match):
        return Response(status_code=304, headers=headers)
    if chosen in PICTURES:
        body = await picture(spec, chosen)
    return Response(body, media_type=MEDIA[chosen], headers=headers)


def etag(spec: bytes, form: Format) -> str:
    """Strong: equal specifications are equal pictures as long as the renderer is the same."""
    drawn_by = f"{RENDERER}/{VEGA_LITE}" if form in PICTURES else ""
    return f'"{hashlib.sha256(spec + f"/{form}/{drawn_by}".encode()).hexdigest()[:32]}"'
