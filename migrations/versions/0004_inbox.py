"""Platforms that send in their own words: connectors, their mappings, and what they sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"
#: Each with what the application may do to it; what arrived is never changed.
RIGHTS = {
    "connectors": "SELECT, INSERT, UPDATE",
    "mappings": "SELECT, INSERT, UPDATE",
    "noticed": "SELECT, INSERT, UPDATE, DELETE",
    "replays": "SELECT, INSERT",
    "inbox": "SELECT, INSERT, UPDATE",
    "inbox_parts": "SELECT, INSERT",
    "inbox_results": "SELECT, INSERT, DELETE",
    "arrivals": "SELECT, INSERT",
    "silences": "SELECT, INSERT, UPDATE",
}
KEY = ["provider_id", "source", "event_id", "version"]

# A hook brings no key of ours: its address is all that says whose it is. The worker's sweep asks
# for every provider at once. Both answer with ids alone.
FUNCTIONS = (
    """
CREATE FUNCTION find_connector(wanted text) RETURNS TABLE (provider_id uuid, code text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.provider_id, c.code FROM connectors c WHERE c.token = wanted
$$
""",
    """
CREATE FUNCTION providers_with_bodies() RETURNS TABLE (provider_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.provider_id FROM connectors c
    WHERE c.state = 'active' AND EXISTS (
        SELECT FROM inbox i
        WHERE i.provider_id = c.provider_id AND i.connector = c.code AND i.status = 'waiting')
    GROUP BY c.provider_id ORDER BY c.provider_id
$$
""",
)
SIGNATURES = ("find_connector(text)", "providers_with_bodies()")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.create_table(
        "connectors",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scheme", postgresql.JSONB(), nullable=True),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expected_every_hours", sa.Integer(), nullable=True),
        sa.Column("active_version", sa.Integer(), nullable=True),
        sa.Column("shape", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'active', 'disabled')", name=op.f("connectors_state_check")
        ),
        sa.CheckConstraint(
            "expected_every_hours IS NULL OR expected_every_hours BETWEEN 1 AND 2400",
            name=op.f("connectors_expected_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("connectors_provider_id_fkey")
        ),
        sa.PrimaryKeyConstraint("provider_id", "code", name=op.f("connectors_pkey")),
    )
    op.create_index(op.f("connectors_token_idx"), "connectors", ["token"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("content_encoding", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("all_or_nothing", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("mapping_version", sa.Integer(), nullable=True),
        sa.Column("mapped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", postgresql.JSONB(), nullable=True),
        sa.Column("refused", postgresql.JSONB(), nullable=True),
        sa.Column("dismissed_why", sa.Text(), nullable=True),
        sa.Column("replay_id", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "(status = 'quarantined') = (reason IS NOT NULL)", name=op.f("inbox_reason_check")
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'mapped', 'quarantined', 'dismissed')",
            name=op.f("inbox_status_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "connector"],
            ["connectors.provider_id", "connectors.code"],
            name=op.f("inbox_provider_id_connector_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("inbox_pkey")),
        sa.UniqueConstraint(
            "provider_id",
            "connector",
            "dedupe_key",
            name=op.f("inbox_provider_id_connector_dedupe_key_key"),
        ),
    )
    op.create_index(
        op.f("inbox_provider_id_connector_status_id_idx"),
        "inbox",
        ["provider_id", "connector", "status", "id"],
        unique=False,
    )
    op.create_index(
        "inbox_waiting_idx",
        "inbox",
        ["provider_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "mappings",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("mappings_version_check")),
        sa.ForeignKeyConstraint(
            ["provider_id", "connector"],
            ["connectors.provider_id", "connectors.code"],
            name=op.f("mappings_provider_id_connector_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "connector", "version", name=op.f("mappings_pkey")),
    )
    op.create_table(
        "noticed",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bodies", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "connector"],
            ["connectors.provider_id", "connectors.code"],
            name=op.f("noticed_provider_id_connector_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "provider_id", "connector", "kind", "path", name=op.f("noticed_pkey")
        ),
    )
    op.create_table(
        "replays",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("bodies", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "connector"],
            ["connectors.provider_id", "connectors.code"],
            name=op.f("replays_provider_id_connector_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("replays_pkey")),
    )
    op.create_index(
        op.f("replays_provider_id_connector_requested_at_idx"),
        "replays",
        ["provider_id", "connector", "requested_at"],
        unique=False,
    )
    op.create_table(
        "arrivals",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "inbox_id"],
            ["inbox.provider_id", "inbox.id"],
            name=op.f("arrivals_provider_id_inbox_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("arrivals_pkey")),
    )
    op.create_index(
        op.f("arrivals_provider_id_connector_received_at_idx"),
        "arrivals",
        ["provider_id", "connector", "received_at"],
        unique=False,
    )
    for table in ("inbox_parts", "inbox_results"):
        op.create_table(
            table,
            sa.Column("provider_id", sa.UUID(), nullable=False),
            sa.Column("inbox_id", sa.BigInteger(), nullable=False),
            sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("sealed", sa.LargeBinary(), nullable=False),
            sa.ForeignKeyConstraint(
                ["provider_id", "inbox_id"],
                ["inbox.provider_id", "inbox.id"],
                name=op.f(f"{table}_provider_id_inbox_id_fkey"),
            ),
            sa.PrimaryKeyConstraint("provider_id", "inbox_id", "part", name=op.f(f"{table}_pkey")),
        )
        # What is encrypted looks random to a compressor; trying costs time and saves nothing.
        op.execute(f"ALTER TABLE {table} ALTER COLUMN sealed SET STORAGE EXTERNAL")
    op.create_table(
        "silences",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filled_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "connector"],
            ["connectors.provider_id", "connectors.code"],
            name=op.f("silences_provider_id_connector_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "connector", "since", name=op.f("silences_pkey")),
    )
    for table, rights in RIGHTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY of_provider ON {table} TO breadth_app"
            f" USING (provider_id = {CURRENT_PROVIDER})"
            f" WITH CHECK (provider_id = {CURRENT_PROVIDER})"
        )
        op.execute(f"GRANT {rights} ON {table} TO breadth_app")
    for table in ("connectors", "inbox"):
        op.execute(
            f"CREATE POLICY seen_by_functions ON {table} FOR SELECT TO breadth_owner USING (true)"
        )
    for function, signature in zip(FUNCTIONS, SIGNATURES, strict=True):
        op.execute(function)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO breadth_app")
    _add_readings()


def _add_readings() -> None:
    """An identity may be read anew by a later mapping: the reading becomes part of the key."""
    op.add_column(
        "events", sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("events", sa.Column("inbox_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "events",
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_check_constraint(
        op.f("events_revision_check"), "events", "(revision = 0) = (inbox_id IS NULL)"
    )
    op.add_column(
        "quarantine",
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.drop_constraint(op.f("quarantine_provider_id_source_event_id_version_fkey"), "quarantine")
    op.drop_constraint(op.f("events_pkey"), "events")
    op.create_primary_key(op.f("events_pkey"), "events", [*KEY, "revision"])
    op.create_foreign_key(
        op.f("quarantine_provider_id_source_event_id_version_revision_fkey"),
        "quarantine",
        "events",
        [*KEY, "revision"],
        [*KEY, "revision"],
    )
    op.drop_index("events_corrections_idx", "events")
    op.create_index(
        "events_corrections_idx",
        "events",
        [*KEY, "revision"],
        postgresql_where=sa.text("version > 1 OR revision > 0"),
    )
    op.create_index(
        "events_of_body_idx",
        "events",
        ["provider_id", "inbox_id"],
        postgresql_where=sa.text("inbox_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '30min'")
    op.drop_index("events_of_body_idx", "events")
    op.drop_index("events_corrections_idx", "events")
    op.drop_constraint(
        op.f("quarantine_provider_id_source_event_id_version_revision_fkey"), "quarantine"
    )
    op.drop_constraint(op.f("events_pkey"), "events")
    op.drop_column("quarantine", "revision")
    op.drop_constraint(op.f("events_revision_check"), "events", type_="check")
    op.drop_column("events", "withdrawn")
    op.drop_column("events", "inbox_id")
    op.drop_column("events", "revision")
    op.create_primary_key(op.f("events_pkey"), "events", KEY)
    op.create_foreign_key(
        op.f("quarantine_provider_id_source_event_id_version_fkey"),
        "quarantine",
        "events",
        KEY,
        KEY,
    )
    op.create_index(
        "events_corrections_idx", "events", KEY, postgresql_where=sa.text("version > 1")
    )
    for signature in SIGNATURES:
        op.execute(f"DROP FUNCTION {signature}")
    for table in reversed(RIGHTS):
        op.drop_table(table)
