"""Rows of datasets that the code knows and not the database: indicators, and bank holidays."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.calendar import bank_holidays
from models.catalogue import Indicator, effective
from models.context import provider_catalogue
from models.publications import Described
from models.vocabulary import ProviderId


async def describe(session: AsyncSession, provider: ProviderId, now: datetime) -> bool:
    """Write down what has changed of them; True when anything had."""
    changes, catalogue = await provider_catalogue(session)
    wanted = {
        ("indicators", one.code): indicator_body(one, catalogue) for one in effective(changes)
    }
    wanted |= {("bank_holidays", day.isoformat()): {} for day in bank_holidays()}
    rows = await session.execute(select(Described.dataset, Described.code, Described.body))
    there = {(row.dataset, row.code): row.body for row in rows}
    written = [key for key in wanted if wanted[key] != there.get(key)]
    for dataset, code in there.keys() - wanted.keys():
        await session.execute(
            delete(Described).where(Described.dataset == dataset, Described.code == code)
        )
    if written:
        statement = insert(Described).values(
            [
                {
                    "provider_id": provider,
                    "dataset": dataset,
                    "code": code,
                    "body": wanted[dataset, code],
                    "changed_at": now,
                }
                for dataset, code in sorted(written)
            ]
        )
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["provider_id", "dataset", "code"],
                set_={name: statement.excluded[name] for name in ("body", "changed_at")},
            )
        )
    return bool(written) or bool(there.keys() - wanted.keys())


def indicator_body(one: Indicator, catalogue: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "family": one.family.value,
        "measure": one.measure.value,
        "better": one.better.value,
        "channel": one.channel.value,
        "category": one.category.value,
        "perspective": one.perspective.value,
        "standard": one.standard,
        "meaningful": one.meaningful,
        "per": one.per,
        "look_back_days": one.look_back_days,
        "evidence": one.evidence,
        "statements": " ".join(one.statements) or None,
        "catalogue": catalogue,
    }
