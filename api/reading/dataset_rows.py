"""Rows of a publication: which parts hold them, one part at a time, selected and disclosed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from api.problems import Problem
from api.reading.dataset_asked import Selection
from api.running import Running
from models.datasets import Dataset
from models.datasets.arrow import unpack
from models.db import transaction
from models.disclosure import Audience, disclosed
from models.publications import (
    PartName,
    Publication,
    find_publication,
    parts_of,
    read_part,
    unpublished,
)
from models.vocabulary import ProviderId

#: How often who waits for the first publication looks again.
LOOK_EVERY_S = 0.05
GONE = "This publication is not kept any more; read the newest from its beginning."


@dataclass(frozen=True, slots=True)
class Reading:
    """One dataset of one publication, as one audience may see it."""

    running: Running
    provider: ProviderId
    dataset: Dataset
    number: int
    published_at: datetime
    parts: Sequence[PartName]
    selection: Selection
    audience: Audience

    @property
    def rows(self) -> int | None:
        """How many rows there are, where that is known without reading them."""
        whole = self.selection.strand is None and (
            self.audience is Audience.OWN or self.dataset.others_see is None
        )
        inside = all(_inside(part, self.selection) for part in self.parts)
        return sum(part.rows for part in self.parts) if whole and inside else None

    async def tables(self, start: int = 0) -> AsyncIterator[tuple[int, pa.Table]]:
        """Selected rows part by part, from the part at `start` on, with its place."""
        for place in range(start, len(self.parts)):
            packed = await self._packed(self.parts[place])
            yield place, await asyncio.to_thread(self._prepared, packed)

    async def _packed(self, part: PartName) -> bytes:
        # A transaction for each part: none is held while a slow reader takes what it was sent.
        async with transaction(self.running.sessions, self.provider) as session:
            packed = await read_part(session, self.dataset.name, part)
        if packed is None:
            raise Problem("gone", GONE)
        return packed

    def _prepared(self, packed: bytes) -> pa.Table:
        # A block is disclosed as a whole, before some of its rows are asked for.
        return select(self.dataset, disclosed(self.dataset, unpack(packed), self.audience),
                      self.selection)  # fmt: skip


def select(dataset: Dataset, rows: pa.Table, selection: Selection) -> pa.Table:
    """The rows of a part that were asked for; its service is that of the part."""
    wanted = None
    conditions: list[Any] = []
    if selection.strand is not None:
        conditions.append(pc.equal(rows.column("strand"), selection.strand.value))
    if selection.first is not None:
        conditions.append(pc.greater_equal(rows.column(dataset.time), pa.scalar(selection.first)))
    if selection.last is not None:
        conditions.append(pc.less_equal(rows.column(dataset.time), pa.scalar(selection.last)))
    for each in conditions:
        wanted = each if wanted is None else pc.and_(wanted, each)
    return rows if wanted is None else rows.filter(wanted)


def _inside(part: PartName, selection: Selection) -> bool:
    return (selection.first is None or (part.first_day or date.min) >= selection.first) and (
        selection.last is None or (part.last_day or date.max) <= selection.last
    )


def _meets(part: PartName, selection: Selection) -> bool:
    return (selection.first is None or (part.last_day or date.max) >= selection.first) and (
        selection.last is None or (part.first_day or date.min) <= selection.last
    )


async def publication(
    running: Running, provider: ProviderId, number: int | None
) -> Publication | None:
    """The publication that is asked for, None while the first is made and takes longer.

    Raises `gone` for a number that is not there.
    """
    async with transaction(running.sessions, provider) as session:
        found = await find_publication(session, number)
        if found is not None:
            return found
        if number is not None:
            raise Problem("gone", GONE)
        session.add(unpublished(provider))
    await running.doorbell.ask_to_publish(provider)
    for _ in range(int(running.settings.score_wait_s / LOOK_EVERY_S)):
        await asyncio.sleep(LOOK_EVERY_S)
        async with transaction(running.sessions, provider) as session:
            found = await find_publication(session, None)
        if found is not None:
            return found
    return None


async def reading(
    running: Running,
    provider: ProviderId,
    dataset: Dataset,
    of: Publication,
    selection: Selection,
    audience: Audience,
) -> Reading:
    async with transaction(running.sessions, provider) as session:
        parts = await parts_of(session, of.number, dataset, selection.service)
    return Reading(
        running,
        provider,
        dataset,
        of.number,
        of.published_at,
        [part for part in parts if _meets(part, selection)],
        selection,
        audience,
    )
