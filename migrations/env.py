"""How Alembic reaches the database: one connection handed in by `migrations.apply`."""

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import ischema_names

import models.bi_logins
import models.cells
import models.connectors
import models.days
import models.escalations
import models.events
import models.idempotency
import models.inbox
import models.organisation
import models.people
import models.publications
import models.records
import models.reviews
import models.roles
import models.scores
import models.silences
import models.tallies
import models.trail  # noqa: F401 - importing the modules fills the metadata
from models.base import Base
from models.events import Xid8

# Otherwise reflection warns about a type that SQLAlchemy has no name for.
ischema_names["xid8"] = Xid8


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
