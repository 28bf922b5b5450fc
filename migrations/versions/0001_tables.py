"""Every table, its row-level security, and the three functions that see across providers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.events import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "api_keys",
    "catalogue_changes",
    "cells",
    "contexts",
    "custom_event_types",
    "events",
    "marks",
    "programmes",
    "provider_settings",
    "providers",
    "quarantine",
    "scores",
    "services",
    "shift_patterns",
    "snapshots",
    "team_aliases",
    "team_places",
    "teams",
)

#: What was said stays said: the application may add rows here, never change or delete them.
INSERT_ONLY = (
    "contexts",
    "events",
    "programmes",
    "provider_settings",
    "catalogue_changes",
    "snapshots",
)

# The subquery is evaluated once a statement. Before any set_config the setting is NULL; after a
# local one has ended on the same connection it is '', and nullif turns that into "nobody" too.
CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"

# Three questions come before a provider is known. Their answers are ids and hashes, nothing else.
FUNCTIONS = """
CREATE FUNCTION find_api_key(wanted text)
RETURNS TABLE (provider_id uuid, name text, secret_hash bytea, scopes text[],
               expires_at timestamptz, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT k.provider_id, k.name, k.secret_hash, k.scopes, k.expires_at, k.revoked_at
    FROM api_keys k WHERE k.key_id = wanted LIMIT 1
$$;
CREATE FUNCTION find_provider(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.provider_id FROM providers p WHERE p.code = wanted
$$;
CREATE FUNCTION marked_services()
RETURNS TABLE (provider_id uuid, service text, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT m.provider_id, m.service, min(m.marked_at) FROM marks m
    GROUP BY m.provider_id, m.service ORDER BY min(m.marked_at)
$$;
CREATE FUNCTION known_services() RETURNS TABLE (provider_id uuid, service text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.provider_id, s.code FROM services s ORDER BY s.provider_id, s.code
$$
"""

SEEN_BY_FUNCTIONS = ("api_keys", "providers", "marks", "services")


def secure(table: str) -> None:
    """Only rows of the current provider exist for the application; the owner sees none."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY of_provider ON {table} TO breadth_app"
        f" USING (provider_id = {CURRENT_PROVIDER}) WITH CHECK (provider_id = {CURRENT_PROVIDER})"
    )
    rights = "SELECT, INSERT" if table in INSERT_ONLY else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f"GRANT {rights} ON {table} TO breadth_app")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_table(
        "cells",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("x", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("sum_squares", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "band = '' OR band IN ('weekday_day', 'weekday_night', 'weekend_day', 'weekend_night')",
            name=op.f("cells_band_check"),
        ),
        sa.CheckConstraint(
            "family IN ('medication', 'shift', 'handover', 'observation', 'knowledge', 'care_record', 'self_assessment', 'audit', 'supervision', 'incident', 'feedback', 'complaint', 'compliment', 'census', 'custom')",
            name=op.f("cells_family_check"),
        ),
        sa.PrimaryKeyConstraint(
            "provider_id",
            "service",
            "month",
            "family",
            "indicator",
            "team",
            "area",
            "band",
            name=op.f("cells_pkey"),
        ),
    )
    op.create_table(
        "contexts",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("context_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", "context_hash", name=op.f("contexts_pkey")),
    )
    op.create_table(
        "events",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("month", sa.Date(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "known_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.CheckConstraint(
            "retracted OR (type IS NOT NULL AND occurred_at IS NOT NULL AND month IS NOT NULL AND data IS NOT NULL)",
            name=op.f("events_complete_check"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("events_version_check")),
        sa.PrimaryKeyConstraint(
            "provider_id", "source", "event_id", "version", name=op.f("events_pkey")
        ),
    )
    op.create_index(
        "events_corrections_idx",
        "events",
        ["provider_id", "source", "event_id", "version"],
        unique=False,
        postgresql_where=sa.text("version > 1"),
    )
    op.create_index(
        op.f("events_provider_id_service_month_type_idx"),
        "events",
        ["provider_id", "service", "month", "type"],
        unique=False,
    )
    op.create_table(
        "marks",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=True),
        sa.Column("family", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "family IS NULL OR family IN ('medication', 'shift', 'handover', 'observation', 'knowledge', 'care_record', 'self_assessment', 'audit', 'supervision', 'incident', 'feedback', 'complaint', 'compliment', 'census', 'custom')",
            name=op.f("marks_family_check"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("marks_pkey")),
    )
    op.create_index(
        op.f("marks_provider_id_service_idx"), "marks", ["provider_id", "service"], unique=False
    )
    op.create_table(
        "providers",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("providers_pkey")),
        sa.UniqueConstraint("code", name=op.f("providers_code_key")),
    )
    op.create_table(
        "api_keys",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("api_keys_provider_id_fkey")
        ),
        sa.PrimaryKeyConstraint("provider_id", "key_id", name=op.f("api_keys_pkey")),
    )
    op.create_index(op.f("api_keys_key_id_idx"), "api_keys", ["key_id"], unique=False)
    op.create_table(
        "catalogue_changes",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["providers.provider_id"],
            name=op.f("catalogue_changes_provider_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "version", name=op.f("catalogue_changes_pkey")),
    )
    op.create_table(
        "custom_event_types",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("json_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["providers.provider_id"],
            name=op.f("custom_event_types_provider_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "type", name=op.f("custom_event_types_pkey")),
    )
    op.create_table(
        "provider_settings",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["providers.provider_id"],
            name=op.f("provider_settings_provider_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "version", name=op.f("provider_settings_pkey")),
    )
    op.create_table(
        "quarantine",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_xid", Xid8(), nullable=True),
        sa.Column("dismissed_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('unknown_service', 'unknown_team')", name=op.f("quarantine_reason_check")
        ),
        sa.CheckConstraint(
            "(dismissed_at IS NULL) = (dismissed_xid IS NULL) AND (dismissed_at IS NULL OR released_at IS NULL)",
            name=op.f("quarantine_ended_once_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "source", "event_id", "version"],
            ["events.provider_id", "events.source", "events.event_id", "events.version"],
            name=op.f("quarantine_provider_id_source_event_id_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("quarantine_pkey")),
    )
    op.create_index(
        "quarantine_waiting_idx",
        "quarantine",
        ["provider_id", "service", "team"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL AND dismissed_at IS NULL"),
    )
    op.create_table(
        "services",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("predecessor", sa.Text(), nullable=True),
        sa.Column("succeeded_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("services_provider_id_fkey")
        ),
        sa.PrimaryKeyConstraint("provider_id", "code", name=op.f("services_pkey")),
    )
    op.create_table(
        "snapshots",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_snapshot", sa.Text(), nullable=False),
        sa.Column("context_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("evidence_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "context_hash"],
            ["contexts.provider_id", "contexts.context_hash"],
            name=op.f("snapshots_provider_id_context_hash_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("snapshots_pkey")),
    )
    op.create_index(
        op.f("snapshots_provider_id_service_as_of_computed_at_idx"),
        "snapshots",
        ["provider_id", "service", "as_of", "computed_at"],
        unique=False,
    )
    op.create_table(
        "programmes",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("baseline_months", sa.Integer(), nullable=False),
        sa.Column("current_months", sa.Integer(), nullable=False),
        sa.Column("baseline_reason", sa.Text(), nullable=True),
        sa.Column("origin_team", sa.Text(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "baseline_months BETWEEN 1 AND 24", name=op.f("programmes_baseline_months_check")
        ),
        sa.CheckConstraint(
            "current_months BETWEEN 1 AND 12", name=op.f("programmes_current_months_check")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "service"],
            ["services.provider_id", "services.code"],
            name=op.f("programmes_provider_id_service_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "service", "version", name=op.f("programmes_pkey")),
    )
    op.create_table(
        "scores",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("snapshot_id", sa.UUID(), nullable=False),
        sa.Column("known_snapshot", sa.Text(), nullable=False),
        sa.Column("context_hash", sa.LargeBinary(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "snapshot_id"],
            ["snapshots.provider_id", "snapshots.id"],
            name=op.f("scores_provider_id_snapshot_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "service", "as_of", name=op.f("scores_pkey")),
    )
    op.create_table(
        "shift_patterns",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("day_starts", sa.Time(), nullable=False),
        sa.Column("night_starts", sa.Time(), nullable=False),
        sa.CheckConstraint("day_starts < night_starts", name=op.f("shift_patterns_order_check")),
        sa.ForeignKeyConstraint(
            ["provider_id", "service"],
            ["services.provider_id", "services.code"],
            name=op.f("shift_patterns_provider_id_service_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "provider_id", "service", "effective_from", name=op.f("shift_patterns_pkey")
        ),
    )
    op.create_table(
        "teams",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "closed_on IS NULL OR opened_on IS NULL OR closed_on >= opened_on",
            name=op.f("teams_open_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "service"],
            ["services.provider_id", "services.code"],
            name=op.f("teams_provider_id_service_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "service", "code", name=op.f("teams_pkey")),
    )
    op.create_table(
        "team_aliases",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "service", "team"],
            ["teams.provider_id", "teams.service", "teams.code"],
            name=op.f("team_aliases_provider_id_service_team_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "service", "alias", name=op.f("team_aliases_pkey")),
    )
    op.create_table(
        "team_places",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("led_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "service", "team"],
            ["teams.provider_id", "teams.service", "teams.code"],
            name=op.f("team_places_provider_id_service_team_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "provider_id", "service", "team", "effective_from", name=op.f("team_places_pkey")
        ),
    )

    for table in TABLES:
        secure(table)
    for table in SEEN_BY_FUNCTIONS:
        op.execute(
            f"CREATE POLICY seen_by_functions ON {table} FOR SELECT TO breadth_owner USING (true)"
        )
    for function in FUNCTIONS.split(";\n"):
        op.execute(function)
    for signature in (
        "find_api_key(text)",
        "find_provider(text)",
        "marked_services()",
        "known_services()",
    ):
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO breadth_app")
    op.execute("GRANT SELECT ON alembic_version TO breadth_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    for signature in (
        "find_api_key(text)",
        "find_provider(text)",
        "marked_services()",
        "known_services()",
    ):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(f"DROP TABLE {', '.join(TABLES)}")
