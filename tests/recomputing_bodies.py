"""Mapping in a test that loses its life on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import models.db
import worker.mapping
import worker.said_before
from tests.recomputing import Admin, Dying, Failing


@contextmanager
def dying_while_mapping(admin: Admin, failing: Failing) -> Iterator[list[Dying]]:
    """Within this, the first mapping that comes so far loses its life at the given statement."""
    real, dying = models.db.driver, list[Dying]()

    async def driver(session: Any) -> Any:
        connection = await real(session)
        left = dying[-1].left if dying else failing.at_statement
        if left <= 0:
            return connection
        dying.append(Dying(connection, admin, failing._replace(at_statement=left)))
        return dying[-1]

    died: list[Dying] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.mapping, "driver", driver)
        patch.setattr(worker.said_before, "driver", driver)
        yield died
    died += [one for one in dying if one.left <= 0]
