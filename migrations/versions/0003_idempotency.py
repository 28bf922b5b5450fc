"""Answers to requests with an Idempotency-Key, so that the same request gets the same answer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"

# The worker's clock strikes for no provider, and one that keeps answers may have no service yet.
FUNCTION = """
CREATE FUNCTION providers_with_answers(kept_before timestamptz) RETURNS TABLE (provider_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT DISTINCT a.provider_id FROM kept_answers a WHERE a.created_at < kept_before
    ORDER BY a.provider_id
$$
"""
SIGNATURE = "providers_with_answers(timestamptz)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_table(
        "kept_answers",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status BETWEEN 200 AND 499 AND status <> 429",
            name=op.f("kept_answers_status_check"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "request_hash", name=op.f("kept_answers_pkey")),
    )
    op.create_index(
        op.f("kept_answers_provider_id_created_at_idx"),
        "kept_answers",
        ["provider_id", "created_at"],
        unique=False,
    )
    # Sealed answers are random to a compressor; trying costs time and saves nothing.
    op.execute("ALTER TABLE kept_answers ALTER COLUMN answer_sealed SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE kept_answers ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE kept_answers FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY of_provider ON kept_answers TO breadth_app"
        f" USING (provider_id = {CURRENT_PROVIDER}) WITH CHECK (provider_id = {CURRENT_PROVIDER})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON kept_answers TO breadth_app")
    op.execute(
        "CREATE POLICY seen_by_functions ON kept_answers FOR SELECT TO breadth_owner USING (true)"
    )
    op.execute(FUNCTION)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO breadth_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("DROP TABLE kept_answers")
