"""What each dataset is, for people and for tools: the list, data packages, CSV on the Web, Grafana.

All of it is made from the one table of datasets.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.deps import RunningApp, require
from api.problems import Problem, problems
from api.reading.dataset_asked import MEDIA, Format
from api.reading.dataset_dashboard import dashboard
from models.datasets import DATASETS, Column, Dataset, Kind
from models.vocabulary import Scope

router = APIRouter(
    prefix="/v1/datasets", tags=["datasets"], dependencies=[require(Scope.DATASETS_READ)]
)

#: Types of Table Schema (Frictionless) and of CSV on the Web, which takes those of XML Schema.
TABLE_SCHEMA = {
    Kind.TEXT: "string", Kind.INTEGER: "integer", Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean", Kind.DATE: "date", Kind.INSTANT: "datetime",
}  # fmt: skip
CSVW = {
    Kind.TEXT: "string", Kind.INTEGER: "integer", Kind.NUMBER: "double",
    Kind.BOOLEAN: "boolean", Kind.DATE: "date", Kind.INSTANT: "dateTimeStamp",
}  # fmt: skip


class ColumnListed(BaseModel):
    name: str
    type: Kind
    says: str
    unit: str | None
    words: list[str] = Field(description="All that may stand there; empty: anything.")
    required: bool = Field(description="Never null.")


class DatasetListed(BaseModel):
    name: str = Field(examples=["cells"])
    title: str
    says: str
    key: list[str] = Field(description="Columns that name a row; rows stand in their order.")
    filters: list[str]
    columns: list[ColumnListed]
    link: str
    described_by: list[str]


class DatasetsListed(BaseModel):
    items: list[DatasetListed]
    formats: dict[str, str] = Field(description="Names for `format` and their media types.")


Name = Annotated[str, Path(max_length=100)]


@router.get("", responses=problems("invalid"))
async def list_datasets(running: RunningApp) -> DatasetsListed:
    """Which datasets there are, with every column."""
    base = base_of(running.settings.public_url)
    return DatasetsListed(
        items=[listed(dataset, base) for dataset in DATASETS.values()],
        formats={form.value: media for form, media in MEDIA.items()},
    )


@router.get("/grafana.json", responses=problems("invalid"))
async def read_grafana_dashboard(running: RunningApp) -> dict[str, Any]:
    """A dashboard over the datasets to import into Grafana, with the Infinity data source."""
    return dashboard(base_of(running.settings.public_url))


@router.get("/{name}/datapackage.json", responses=problems("not_found", "invalid"))
async def read_data_package(name: Name, running: RunningApp) -> dict[str, Any]:
    """The dataset as a Data Package (Frictionless version 2): types, words, key, units."""
    return data_package(known(name), base_of(running.settings.public_url))


@router.get(
    "/{name}.csv-metadata.json",
    response_class=JSONResponse,
    responses=problems("not_found", "invalid"),
)
async def read_csv_metadata(name: Name, running: RunningApp) -> JSONResponse:
    """The dataset as CSV on the Web describes a table."""
    described = csv_metadata(known(name), base_of(running.settings.public_url))
    return JSONResponse(described, media_type="application/csvm+json")


def base_of(public_url: str) -> str:
    return f"{public_url.rstrip('/')}/v1/datasets"


def known(name: str) -> Dataset:
    if name not in DATASETS:
        raise Problem("not_found", f"There are {', '.join(DATASETS)}.")
    return DATASETS[name]


def listed(dataset: Dataset, base: str) -> DatasetListed:
    return DatasetListed(
        name=dataset.name,
        title=dataset.title,
        says=dataset.says,
        key=list(dataset.key),
        filters=list(dataset.filters),
        columns=[
            ColumnListed(
                name=column.name,
                type=column.kind,
                says=column.says,
                unit=column.unit or None,
                words=[str(word) for word in column.words],
                required=column.required,
            )
            for column in dataset.columns
        ],
        link=f"{base}/{dataset.name}",
        described_by=[
            f"{base}/{dataset.name}/datapackage.json",
            f"{base}/{dataset.name}.csv-metadata.json",
        ],
    )


def nullable(column: Column) -> bool:
    """Others are shown nothing where they may not see what is there."""
    return not column.required or column.is_count or column.own_only or bool(column.derived_from)


def data_package(dataset: Dataset, base: str) -> dict[str, Any]:
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": dataset.name,
        "title": dataset.title,
        "description": dataset.says,
        "resources": [
            {
                "name": dataset.name,
                "type": "table",
                "path": f"{base}/{dataset.name}?format=csv",
                "format": "csv",
                "mediatype": MEDIA[Format.CSV],
                "encoding": "utf-8",
                "dialect": {"lineTerminator": "\r\n", "delimiter": ",", "quoteChar": '"'},
                "schema": {
                    "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
                    "fields": [field_of(column) for column in dataset.columns],
                    "primaryKey": ["row_id"],
                    "missingValues": [""],
                },
            }
        ],
    }


def field_of(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": TABLE_SCHEMA[column.kind],
        "description": column.says,
        "constraints": {"required": not nullable(column)},
    }
    if column.name == "row_id":
        field["constraints"]["unique"] = True
    if column.words:
        field["constraints"]["enum"] = [str(word) for word in column.words]
    if column.unit:
        field["unit"] = column.unit
    if column.kind is Kind.INSTANT:
        field["format"] = "default"
    return field


def csv_metadata(dataset: Dataset, base: str) -> dict[str, Any]:
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": f"{base}/{dataset.name}?format=csv",
        "dc:title": dataset.title,
        "dc:description": dataset.says,
        "dialect": {"encoding": "utf-8", "lineTerminators": ["\r\n"], "header": True},
        "tableSchema": {
            "columns": [
                {
                    "name": column.name,
                    "titles": column.name,
                    "datatype": datatype(column),
                    "required": not nullable(column),
                    "null": "",
                    "dc:description": column.says,
                }
                for column in dataset.columns
            ],
            "primaryKey": "row_id",
        },
    }


def datatype(column: Column) -> str | dict[str, str]:
    """A closed set of words is a pattern, which is what CSV on the Web has for it."""
    if column.words:
        return {"base": "string", "format": "|".join(str(word) for word in column.words)}
    return CSVW[column.kind]
