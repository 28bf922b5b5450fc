"""A Grafana dashboard over the datasets, made from their table: one panel for each that has a time.

The data source is Infinity, which asks the datasets as JSON; the rows are `items`.
"""

from typing import Any

from models.datasets import DATASETS, Column, Dataset, Kind

SOURCE = {"type": "yesoreyeram-infinity-datasource", "uid": "${source}"}
INFINITY = {
    Kind.TEXT: "string", Kind.INTEGER: "number", Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean", Kind.DATE: "timestamp", Kind.INSTANT: "timestamp",
}  # fmt: skip
WIDTH, HEIGHT = 12, 9
#: A dataset that is read whole for a panel stays within one page.
ROWS = 10_000


def dashboard(base: str) -> dict[str, Any]:
    """`base` is the address of the list of datasets."""
    shown = [dataset for dataset in DATASETS.values() if dataset.time and dataset.has("service")]
    return {
        "title": "Breadth",
        "uid": "breadth-datasets",
        "tags": ["breadth"],
        "schemaVersion": 39,
        "editable": True,
        "time": {"from": "now-2y", "to": "now"},
        "templating": {"list": [SOURCE_CHOICE, service_choice(base)]},
        "panels": [panel(dataset, base, place) for place, dataset in enumerate(shown)],
    }


SOURCE_CHOICE = {
    "name": "source",
    "label": "Data source",
    "type": "datasource",
    "query": "yesoreyeram-infinity-datasource",
}


def service_choice(base: str) -> dict[str, Any]:
    columns = [
        {"selector": "name", "text": "__text", "type": "string"},
        {"selector": "service", "text": "__value", "type": "string"},
    ]
    return {
        "name": "service",
        "label": "Service",
        "type": "query",
        "datasource": SOURCE,
        "refresh": 1,
        "query": {
            "queryType": "infinity",
            "infinityQuery": asked(f"{base}/services?format=json&limit={ROWS}", columns, "table"),
        },
    }


def panel(dataset: Dataset, base: str, place: int) -> dict[str, Any]:
    charted = dataset.charted
    address = (
        f"{base}/{dataset.name}?format=json&limit={ROWS}"
        "&service=${service:percentencode}&from=${__from}&to=${__to}"
    )
    columns = [column_of(dataset.column(name)) for name in panel_columns(dataset)]
    return {
        "id": place + 1,
        "title": dataset.title,
        "description": dataset.says,
        "type": "timeseries" if charted else "table",
        "datasource": SOURCE,
        "gridPos": {
            "x": place % 2 * WIDTH, "y": place // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT,
        },
        "targets": [
            {"refId": "A", "datasource": SOURCE,
             **asked(address, columns, "timeseries" if charted else "table")}
        ],
    }  # fmt: skip


def panel_columns(dataset: Dataset) -> tuple[str, ...]:
    """Of a chart the time, what is drawn and by what; of a table all but the keys."""
    if dataset.charted is not None and dataset.time is not None:
        values, by = dataset.charted
        return (dataset.time, by, *values)
    return tuple(name for name in dataset.names if name not in {"row_id", "service", "team_key"})


def column_of(column: Column) -> dict[str, str]:
    return {"selector": column.name, "text": column.name, "type": INFINITY[column.kind]}


def asked(url: str, columns: list[dict[str, str]], shape: str) -> dict[str, Any]:
    return {
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": shape,
        "url": url,
        "url_options": {"method": "GET", "data": ""},
        "root_selector": "items",
        "columns": columns,
        "filters": [],
    }
