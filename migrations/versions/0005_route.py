"""The route: people and roles, records, reviews, escalations, and the trail of what was done."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"
#: Each with what the application may do to it; what was done stays done.
RIGHTS = {
    "people": "SELECT, INSERT, UPDATE",
    "roles_held": "SELECT, INSERT, UPDATE",
    "records": "SELECT, INSERT, UPDATE",
    "reviews": "SELECT, INSERT, UPDATE",
    "escalations": "SELECT, INSERT, UPDATE",
    "trail": "SELECT, INSERT",
}
COLUMNS = "provider_id uuid, name text, secret_hash bytea, scopes text[], expires_at timestamptz, revoked_at timestamptz"
NAMES = "k.provider_id, k.name, k.secret_hash, k.scopes, k.expires_at, k.revoked_at"


def _find_api_key(columns: str, names: str) -> None:
    """Found before a provider is known; what a function returns cannot be replaced in place."""
    op.execute("DROP FUNCTION find_api_key(text)")
    op.execute(f"""
CREATE FUNCTION find_api_key(wanted text) RETURNS TABLE ({columns})
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT {names} FROM api_keys k WHERE k.key_id = wanted LIMIT 1
$$
""")
    op.execute("REVOKE ALL ON FUNCTION find_api_key(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION find_api_key(text) TO breadth_app")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_table(
        "people",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("people_provider_id_fkey")
        ),
        sa.PrimaryKeyConstraint("provider_id", "code", name=op.f("people_pkey")),
    )
    op.create_table(
        "roles_held",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("held_from", sa.Date(), nullable=False),
        sa.Column("held_to", sa.Date(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('quality_lead', 'registered_manager', 'deputy_manager', 'team_leader', 'senior_leader', 'commissioner', 'assessor', 'admin')",
            name=op.f("roles_held_role_check"),
        ),
        sa.CheckConstraint(
            "held_to IS NULL OR held_to >= held_from", name=op.f("roles_held_order_check")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "person"],
            ["people.provider_id", "people.code"],
            name=op.f("roles_held_provider_id_person_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("roles_held_pkey")),
    )
    op.create_index(
        op.f("roles_held_provider_id_person_idx"),
        "roles_held",
        ["provider_id", "person"],
        unique=False,
    )
    op.create_table(
        "records",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("strand", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("author_role", sa.Text(), nullable=False),
        sa.Column("author_leads", sa.Boolean(), nullable=False),
        sa.Column("lineage", sa.UUID(), nullable=False),
        sa.Column("supersedes", sa.UUID(), nullable=True),
        sa.Column("superseding_why", sa.Text(), nullable=True),
        sa.Column("snapshot_id", sa.UUID(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("cites", sa.JSON(), nullable=False),
        sa.Column("follows", sa.JSON(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("signed_role", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(stage IN ('observe', 'support')) = (segment <> '')",
            name=op.f("records_segment_check"),
        ),
        sa.CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_at IS NOT NULL) AND (withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name=op.f("records_withdrawal_check"),
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'draft' THEN signed_at IS NULL WHEN 'withdrawn' THEN true ELSE signed_at IS NOT NULL END",
            name=op.f("records_signed_check"),
        ),
        sa.CheckConstraint(
            "author_role IN ('quality_lead', 'registered_manager', 'deputy_manager', 'team_leader', 'senior_leader', 'commissioner', 'assessor', 'admin')",
            name=op.f("records_author_role_check"),
        ),
        sa.CheckConstraint(
            "stage IN ('map', 'compare', 'observe', 'support', 'judge')",
            name=op.f("records_stage_check"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'signed', 'superseded', 'withdrawn')",
            name=op.f("records_status_check"),
        ),
        sa.CheckConstraint(
            "strand IN ('team_spread', 'shift_coverage', 'evidence_alignment')",
            name=op.f("records_strand_check"),
        ),
        sa.CheckConstraint(
            "(signed_at IS NULL) = (signed_by IS NULL) AND (signed_at IS NULL) = (signed_role IS NULL)",
            name=op.f("records_sign_off_check"),
        ),
        sa.CheckConstraint(
            "(supersedes IS NULL) = (superseding_why IS NULL)",
            name=op.f("records_superseding_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "author"],
            ["people.provider_id", "people.code"],
            name=op.f("records_provider_id_author_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "service"],
            ["services.provider_id", "services.code"],
            name=op.f("records_provider_id_service_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "snapshot_id"],
            ["snapshots.provider_id", "snapshots.id"],
            name=op.f("records_provider_id_snapshot_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "supersedes"],
            ["records.provider_id", "records.id"],
            name=op.f("records_provider_id_supersedes_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("records_pkey")),
    )
    op.create_index(
        "records_draft_idx",
        "records",
        ["provider_id", "service", "strand", "stage", "month", "segment", "writer"],
        unique=True,
        postgresql_where=sa.text("status = 'draft'"),
    )
    op.create_index(
        op.f("records_provider_id_lineage_idx"), "records", ["provider_id", "lineage"], unique=False
    )
    op.create_index(
        "records_signed_idx",
        "records",
        ["provider_id", "service", "strand", "stage", "month", "segment", "writer"],
        unique=True,
        postgresql_where=sa.text("status = 'signed'"),
    )
    op.create_table(
        "reviews",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("snapshots", sa.JSON(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "role IN ('registered_manager', 'senior_leader')", name=op.f("reviews_role_check")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name=op.f("reviews_withdrawal_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "held_by"],
            ["people.provider_id", "people.code"],
            name=op.f("reviews_provider_id_held_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "service"],
            ["services.provider_id", "services.code"],
            name=op.f("reviews_provider_id_service_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("reviews_pkey")),
    )
    op.create_index(
        "reviews_held_idx",
        "reviews",
        ["provider_id", "service", "role", "period"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "escalations",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("strand", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("signal", sa.JSON(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("snapshot_id", sa.UUID(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_opened", sa.Integer(), nullable=False),
        sa.Column("reviewer_role", sa.Text(), nullable=False),
        sa.Column("next_review_on", sa.Date(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_why", sa.Text(), nullable=True),
        sa.Column("resolved_as_of", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolved_at IS NOT NULL) AND (resolved_at IS NULL) = (resolved_by IS NULL) AND (resolved_at IS NULL) = (resolved_why IS NULL) AND (resolved_at IS NULL) = (resolved_as_of IS NULL)",
            name=op.f("escalations_resolution_check"),
        ),
        sa.CheckConstraint(
            "reviewer_role IN ('quality_lead', 'registered_manager', 'deputy_manager', 'team_leader', 'senior_leader', 'commissioner', 'assessor', 'admin')",
            name=op.f("escalations_reviewer_role_check"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'acknowledged', 'acting', 'resolved')",
            name=op.f("escalations_status_check"),
        ),
        sa.CheckConstraint(
            "strand = '' OR strand IN ('team_spread', 'shift_coverage', 'evidence_alignment')",
            name=op.f("escalations_strand_check"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "owner"],
            ["people.provider_id", "people.code"],
            name=op.f("escalations_provider_id_owner_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "service"],
            ["services.provider_id", "services.code"],
            name=op.f("escalations_provider_id_service_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "snapshot_id"],
            ["snapshots.provider_id", "snapshots.id"],
            name=op.f("escalations_provider_id_snapshot_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("escalations_pkey")),
        sa.UniqueConstraint(
            "provider_id",
            "service",
            "strand",
            "trigger",
            "segment",
            "word",
            name=op.f("escalations_provider_id_service_strand_trigger_segment_word_key"),
        ),
    )
    op.create_table(
        "trail",
        sa.Column("provider_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "resource IN ('person', 'record', 'review', 'escalation')",
            name=op.f("trail_resource_check"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("trail_pkey")),
    )
    op.create_index(
        op.f("trail_provider_id_resource_service_resource_id_id_idx"),
        "trail",
        ["provider_id", "resource", "service", "resource_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("trail_provider_id_service_id_idx"),
        "trail",
        ["provider_id", "service", "id"],
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
    op.add_column("api_keys", sa.Column("person", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("role", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("api_keys_provider_id_person_fkey"),
        "api_keys",
        "people",
        ["provider_id", "person"],
        ["provider_id", "code"],
    )
    op.create_check_constraint(
        op.f("api_keys_role_check"),
        "api_keys",
        "role IS NULL OR role IN ('quality_lead', 'registered_manager', 'deputy_manager',"
        " 'team_leader', 'senior_leader', 'commissioner', 'assessor', 'admin')",
    )
    op.create_check_constraint(
        op.f("api_keys_acting_check"), "api_keys", "role IS NULL OR person IS NOT NULL"
    )
    _find_api_key(f"{COLUMNS}, person text, role text", f"{NAMES}, k.person, k.role")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    _find_api_key(COLUMNS, NAMES)
    for constraint in ("acting_check", "role_check", "provider_id_person_fkey"):
        op.drop_constraint(op.f(f"api_keys_{constraint}"), "api_keys")
    op.drop_column("api_keys", "role")
    op.drop_column("api_keys", "person")
    for table in reversed(RIGHTS):
        op.drop_table(table)
