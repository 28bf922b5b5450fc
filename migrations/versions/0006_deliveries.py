"""Hooks out: endpoints that want to be told, messages, and the attempts to deliver them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"
#: Each with what the application may do to it; what was told and tried stays.
RIGHTS = {
    "endpoints": "SELECT, INSERT, UPDATE",
    "messages": "SELECT, INSERT",
    "attempts": "SELECT, INSERT, UPDATE",
    "tries": "SELECT, INSERT",
}
FAILURES = (
    "'unresolved', 'forbidden_address', 'unreachable', 'untrusted', 'timed_out',"
    " 'broken_answer', 'redirected', 'refused', 'fault'"
)

# Who posts asks for every provider at once, and learns ids alone.
FUNCTION = """
CREATE FUNCTION providers_with_attempts(due_by timestamptz) RETURNS TABLE (provider_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT DISTINCT a.provider_id FROM attempts a
    WHERE a.status = 'waiting' AND a.next_at <= due_by
    ORDER BY a.provider_id
$$
"""
SIGNATURE = "providers_with_attempts(timestamptz)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_table(
        "endpoints",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("message_types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("services", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_why", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'disabled')", name=op.f("endpoints_state_check")),
        sa.CheckConstraint(
            "disabled_why IS NULL OR disabled_why IN ('gone', 'failing', 'switched_off', 'deleted')",
            name=op.f("endpoints_disabled_why_check"),
        ),
        sa.CheckConstraint(
            "(state = 'disabled') = (disabled_why IS NOT NULL) AND (disabled_why IS NULL) = (disabled_at IS NULL)",
            name=op.f("endpoints_disabled_check"),
        ),
        sa.CheckConstraint(
            "coalesce(disabled_why = 'deleted', false) = (secrets_sealed IS NULL)",
            name=op.f("endpoints_secrets_check"),
        ),
        sa.CheckConstraint(
            "(failing_since IS NULL) = (failed_at IS NULL)", name=op.f("endpoints_failing_check")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("endpoints_provider_id_fkey")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("endpoints_pkey")),
    )
    op.create_table(
        "messages",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "type IN ('verdict.changed', 'trigger.opened', 'trigger.resolved', 'record.signed', 'review.overdue', 'source.silent', 'source.returned', 'endpoint.test')",
            name=op.f("messages_type_check"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("messages_pkey")),
    )
    op.create_table(
        "attempts",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("endpoint_id", sa.UUID(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("last_answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'delivered', 'dead', 'cancelled')",
            name=op.f("attempts_status_check"),
        ),
        sa.CheckConstraint(
            f"last_failure IS NULL OR last_failure IN ({FAILURES})",
            name=op.f("attempts_last_failure_check"),
        ),
        sa.CheckConstraint(
            "(status = 'waiting') = (next_at IS NOT NULL) AND (status = 'waiting') = (settled_at IS NULL)",
            name=op.f("attempts_waiting_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "endpoint_id"],
            ["endpoints.provider_id", "endpoints.id"],
            name=op.f("attempts_provider_id_endpoint_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "message_id"],
            ["messages.provider_id", "messages.id"],
            name=op.f("attempts_provider_id_message_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("attempts_pkey")),
        sa.UniqueConstraint(
            "provider_id",
            "endpoint_id",
            "message_id",
            name=op.f("attempts_provider_id_endpoint_id_message_id_key"),
        ),
        sa.UniqueConstraint(
            "provider_id",
            "endpoint_id",
            "sequence",
            name=op.f("attempts_provider_id_endpoint_id_sequence_key"),
        ),
    )
    op.create_index(
        op.f("attempts_provider_id_endpoint_id_status_id_idx"),
        "attempts",
        ["provider_id", "endpoint_id", "status", "id"],
        unique=False,
    )
    op.create_index(
        "attempts_waiting_idx",
        "attempts",
        ["provider_id", "endpoint_id", "next_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "tries",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint(
            f"failure IS NULL OR failure IN ({FAILURES})", name=op.f("tries_failure_check")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "attempt_id"],
            ["attempts.provider_id", "attempts.id"],
            name=op.f("tries_provider_id_attempt_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("tries_pkey")),
    )
    op.create_index(
        op.f("tries_provider_id_attempt_id_id_idx"),
        "tries",
        ["provider_id", "attempt_id", "id"],
        unique=False,
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
    op.execute(
        "CREATE POLICY seen_by_functions ON attempts FOR SELECT TO breadth_owner USING (true)"
    )
    op.execute(FUNCTION)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO breadth_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    for table in reversed(RIGHTS):
        op.drop_table(table)
