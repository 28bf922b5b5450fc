"""Tallies of words beside the cells, filled by a recompute of every service."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_table(
        "tallies",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "band = '' OR band IN ('weekday_day', 'weekday_night', 'weekend_day', 'weekend_night')",
            name=op.f("tallies_band_check"),
        ),
        sa.CheckConstraint(
            "family IN ('medication', 'shift', 'handover', 'observation', 'knowledge', 'care_record', 'self_assessment', 'audit', 'supervision', 'incident', 'feedback', 'complaint', 'compliment', 'census', 'custom')",
            name=op.f("tallies_family_check"),
        ),
        sa.CheckConstraint(
            "kind IN ('weak_theme', 'complaint_theme', 'negative_theme', 'positive_theme', 'check_day')",
            name=op.f("tallies_kind_check"),
        ),
        sa.PrimaryKeyConstraint(
            "provider_id",
            "service",
            "month",
            "family",
            "kind",
            "word",
            "team",
            "area",
            "band",
            name=op.f("tallies_pkey"),
        ),
    )
    op.execute("ALTER TABLE tallies ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tallies FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY of_provider ON tallies TO breadth_app"
        f" USING (provider_id = {CURRENT_PROVIDER}) WITH CHECK (provider_id = {CURRENT_PROVIDER})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON tallies TO breadth_app")
    # Row security binds the owner as well: it may read services, and for this one statement it
    # may mark them. Lifting FORCE instead would open the whole table to it meanwhile.
    op.execute("CREATE POLICY marked_once ON marks FOR INSERT TO breadth_owner WITH CHECK (true)")
    op.execute(
        "INSERT INTO marks (provider_id, service)"
        " SELECT provider_id, code FROM services ORDER BY provider_id, code"
    )
    op.execute("DROP POLICY marked_once ON marks")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.execute("DROP TABLE tallies")
