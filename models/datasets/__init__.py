"""The one list of datasets: what leaves as JSON, files, SQL and OData is named and typed here."""

from models.datasets.columns import Column, Dataset, Kind, Shown
from models.datasets.counted import CELLS, FEEDBACK_DAILY, INCIDENTS_DAILY
from models.datasets.described import CALENDAR, INDICATORS, SERVICES, TEAMS
from models.datasets.governed import ESCALATIONS, RECORDS, REVIEWS
from models.datasets.judged import ALIGNMENT, BREADTH, COVERAGE, GAPS, SEGMENTS, WARNINGS

__all__ = ["DATASETS", "Column", "Dataset", "Kind", "Shown"]

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        CELLS,
        SEGMENTS,
        BREADTH,
        GAPS,
        ALIGNMENT,
        COVERAGE,
        WARNINGS,
        ESCALATIONS,
        REVIEWS,
        RECORDS,
        INCIDENTS_DAILY,
        FEEDBACK_DAILY,
        INDICATORS,
        SERVICES,
        TEAMS,
        CALENDAR,
    )
}
