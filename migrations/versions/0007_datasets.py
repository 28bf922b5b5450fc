"""Datasets: sums by day, publications, views for BI with a login for each provider."""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CURRENT_PROVIDER = "(SELECT nullif(current_setting('app.provider', true), '')::uuid)"
FAMILIES = "'medication', 'shift', 'handover', 'observation', 'knowledge', 'care_record', 'self_assessment', 'audit', 'supervision', 'incident', 'feedback', 'complaint', 'compliment', 'census', 'custom'"
#: Each with what the application may do to it. Logins are made by the administrator alone.
RIGHTS = {
    "bi_logins": "SELECT",
    "days": "SELECT, INSERT, DELETE",
    "described": "SELECT, INSERT, UPDATE, DELETE",
    "publications": "SELECT, INSERT, DELETE",
    "publication_parts": "SELECT, INSERT, DELETE",
    "published_parts": "SELECT, INSERT, DELETE",
    "unpublished": "SELECT, INSERT, DELETE",
}
#: What the views read; their owner may read nothing else.
SEEN_BY_VIEWS = (
    "cells",
    "days",
    "described",
    "escalations",
    "programmes",
    "records",
    "reviews",
    "scores",
    "services",
    "snapshots",
    "team_places",
    "teams",
    "trail",
)
SEEN_BY_FUNCTIONS = ("publications", "unpublished")

# Whose rows a session sees: a login for BI those of its provider, whatever it sets; the application
# those of the provider that it has set; anybody else, superusers among them, none.
FUNCTIONS = """
CREATE FUNCTION bi_base.provider() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM bi_logins l WHERE l.login = session_user)
            THEN (SELECT l.provider_id FROM bi_logins l WHERE l.login = session_user)
        WHEN session_user = 'breadth_app' OR EXISTS (
            SELECT FROM pg_auth_members m
            JOIN pg_roles member ON member.oid = m.member
            JOIN pg_roles of_role ON of_role.oid = m.roleid
            WHERE member.rolname = session_user AND of_role.rolname = 'breadth_app')
            THEN nullif(current_setting('app.provider', true), '')::uuid
    END
$$;
CREATE FUNCTION providers_to_publish(published_before timestamptz) RETURNS TABLE (provider_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.provider_id FROM unpublished u
    LEFT JOIN LATERAL (
        SELECT max(p.published_at) AS published_at FROM publications p
        WHERE p.provider_id = u.provider_id
    ) AS newest ON true
    GROUP BY u.provider_id, newest.published_at
    HAVING newest.published_at <= published_before
    ORDER BY min(u.marked_at)
$$
"""

# What several views read. Ids of a service lead to the one that it has today; of a month that was
# scored under two of them the newer counts.
BASE_VIEWS = {
    "service_ids": """
WITH RECURSIVE walk AS (
    SELECT s.provider_id, s.code AS service, s.code, s.predecessor, 0 AS age
    FROM services s
    WHERE NOT EXISTS (
        SELECT FROM services n WHERE n.provider_id = s.provider_id AND n.predecessor = s.code)
    UNION ALL
    SELECT w.provider_id, w.service, s.code, s.predecessor, w.age + 1
    FROM walk w JOIN services s ON s.provider_id = w.provider_id AND s.code = w.predecessor
    WHERE w.age < 100
)
SELECT provider_id, service, code, age FROM walk
""",
    "conclusions": """
SELECT newest.provider_id, newest.service, newest.as_of, s.computed_at, s.provisional, s.method,
       s.body::jsonb AS body
FROM (
    SELECT DISTINCT ON (c.provider_id, i.service, c.as_of)
           c.provider_id, i.service, c.as_of, c.snapshot_id
    FROM bi_base.service_ids i
    JOIN scores c ON c.provider_id = i.provider_id AND c.service = i.code
    ORDER BY c.provider_id, i.service, c.as_of, i.age
) AS newest
JOIN snapshots s ON s.provider_id = newest.provider_id AND s.id = newest.snapshot_id
""",
    "strands": """
SELECT c.provider_id, c.service, c.as_of, c.computed_at, c.provisional, c.method,
       c.body -> 'programme' AS programme, each.key AS strand, each.value AS content
FROM bi_base.conclusions c CROSS JOIN LATERAL jsonb_each(c.body -> 'strands') AS each
""",
    "segments": """
SELECT s.provider_id, s.service, s.as_of, s.computed_at, s.provisional, s.strand,
       one.value AS segment, one.value ->> 'code' AS code,
       CASE s.strand WHEN 'team_spread' THEN s.service || '/' || (one.value ->> 'code')
       END AS team_key,
       behind.n_baseline, behind.n_current
FROM bi_base.strands s
CROSS JOIN LATERAL jsonb_array_elements(s.content -> 'segments') AS one
CROSS JOIN LATERAL (
    SELECT sum((channel.value ->> 'n_baseline')::bigint)::bigint AS n_baseline,
           sum((channel.value ->> 'n_current')::bigint)::bigint AS n_current
    FROM jsonb_array_elements(one.value -> 'channels') AS channel
) AS behind
""",
    "indicators": """
SELECT d.provider_id, d.code AS indicator, d.body, d.changed_at
FROM described d WHERE d.dataset = 'indicators'
""",
}


def row_id(*parts: str) -> str:
    """Columns that name a row, as they are in the base tables and never null.

    A date is counted in days, since how it is written is a setting of each session.
    """
    return f"md5(concat_ws(chr(31), {', '.join(parts)})) AS row_id"


def days_of(column: str) -> str:
    return f"{column} - DATE '2000-01-01'"


def month(text: str) -> str:
    return f"(({text}) || '-01')::date"


PLACE = """nullif({0}.team, '') AS team,
       CASE WHEN {0}.team <> '' THEN {0}.service || '/' || {0}.team END AS team_key,
       nullif({0}.area, '') AS area, nullif({0}.band, '') AS band"""
OF_SEGMENT = "s.service, s.as_of AS month_start"
SEGMENT_ID = f"s.service, {days_of('s.as_of')}, s.strand, s.code"

VIEWS = {
    "cells": f"""
SELECT {row_id("c.service", days_of("c.month"), "c.family", "c.indicator", "c.team", "c.area", "c.band")},
       c.service, c.month AS month_start, c.family, c.indicator,
       {PLACE.format("c")},
       m.measure, c.x, c.n,
       CASE m.measure WHEN 'proportion' THEN c.x::float8 / nullif(c.n, 0)
            WHEN 'mean' THEN c.x::float8 / nullif(c.n, 0) / 100 END AS value,
       c.sum_squares, c.events, 'exact'::text AS disclosure, c.counted_at AS updated_at
FROM cells c
LEFT JOIN bi_base.indicators i ON i.provider_id = c.provider_id AND i.indicator = c.indicator
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.indicator IN ('resident_days', 'care_hours', 'hours_planned', 'hours_worked')
                THEN 'exposure' ELSE i.body ->> 'measure' END AS measure
) AS m
""",
    "segments": f"""
SELECT {row_id(SEGMENT_ID)},
       {OF_SEGMENT}, s.strand, s.code AS segment, s.segment ->> 'name' AS segment_name, s.team_key,
       s.segment ->> 'status' AS status,
       (s.segment -> 'improvement' ->> 'estimate')::float8 AS estimate,
       (s.segment -> 'improvement' ->> 'lower')::float8 AS lower,
       (s.segment -> 'improvement' ->> 'upper')::float8 AS upper,
       (s.segment -> 'improvement' ->> 'p')::float8 AS p,
       (s.segment -> 'improvement' ->> 'p_adjusted')::float8 AS p_adjusted,
       (s.segment ->> 'at_standard')::boolean AS at_standard,
       s.segment ->> 'coverage' AS coverage,
       (s.segment ->> 'share_of_care')::float8 AS share_of_care,
       (s.segment ->> 'share_of_checks')::float8 AS share_of_checks,
       (s.segment ->> 'planned_power')::float8 AS planned_power,
       {month("s.segment ->> 'started'")} AS started,
       (s.segment ->> 'held_months')::bigint AS held_months,
       (s.segment ->> 'closing_per_month')::float8 AS closing_per_month,
       s.n_baseline, s.n_current, s.provisional, 'exact'::text AS disclosure,
       s.computed_at AS updated_at
FROM bi_base.segments s
""",
    "breadth": f"""
SELECT {row_id("s.service", days_of("s.as_of"), "s.strand")},
       {OF_SEGMENT}, s.strand,
       s.content -> 'verdict' ->> 'level' AS level,
       (SELECT string_agg(q.value, ' ' ORDER BY q.ordinality)
        FROM jsonb_array_elements_text(s.content -> 'verdict' -> 'qualifiers')
             WITH ORDINALITY AS q) AS qualifiers,
       s.content -> 'verdict' ->> 'statement' AS statement,
       (b.breadth ->> 'segments')::bigint AS segments,
       (b.breadth ->> 'reached_at_least')::bigint AS reached_at_least,
       (b.breadth ->> 'of_which_improved_at_least')::bigint AS of_which_improved_at_least,
       (b.breadth ->> 'worsened_at_least')::bigint AS worsened_at_least,
       (b.breadth ->> 'share_of_care_at_least')::float8 AS share_of_care_at_least,
       (SELECT string_agg(q.value, ' ' ORDER BY q.ordinality)
        FROM jsonb_array_elements_text(b.breadth -> 'named_reached')
             WITH ORDINALITY AS q) AS named_reached,
       (SELECT string_agg(q.value, ' ' ORDER BY q.ordinality)
        FROM jsonb_array_elements_text(b.breadth -> 'named_worsened')
             WITH ORDINALITY AS q) AS named_worsened,
       (b.breadth ->> 'look')::bigint AS look,
       (b.breadth ->> 'alpha')::float8 AS alpha,
       {month("b.breadth ->> 'claimed_in'")} AS claimed_in,
       s.content -> 'gap' ->> 'state' AS gap_state,
       (s.content -> 'gap' -> 'change' ->> 'estimate')::float8 AS gap_change,
       s.content -> 'gap' -> 'best' ->> 'segment' AS best,
       s.content -> 'gap' -> 'weakest' ->> 'segment' AS weakest,
       s.content -> 'spread' ->> 'origin' AS origin,
       (s.content -> 'concentration' ->> 'top_share')::float8 AS top_share,
       s.method, s.programme ->> 'name' AS programme,
       (s.programme ->> 'version')::bigint AS programme_version,
       s.provisional, s.computed_at AS updated_at
FROM bi_base.strands s
CROSS JOIN LATERAL (
    SELECT CASE jsonb_typeof(s.content -> 'breadth') WHEN 'object' THEN s.content -> 'breadth'
           ELSE '{{}}'::jsonb END AS breadth
) AS b
""",
    "gaps": f"""
SELECT {row_id(SEGMENT_ID, "gap.value ->> 'indicator'")},
       {OF_SEGMENT}, s.strand, gap.value ->> 'indicator' AS indicator, s.code AS segment,
       s.segment ->> 'name' AS segment_name, s.team_key, i.body ->> 'measure' AS measure,
       (gap.value ->> 'level')::float8 AS level,
       (gap.value ->> 'baseline_level')::float8 AS baseline_level,
       (gap.value ->> 'benchmark')::float8 AS benchmark,
       (gap.value ->> 'benchmark_is_standard')::boolean AS benchmark_is_standard,
       (gap.value ->> 'estimate')::float8 AS estimate,
       (gap.value ->> 'lower')::float8 AS lower,
       (gap.value ->> 'upper')::float8 AS upper,
       gap.value ->> 'state' AS state,
       (gap.value ->> 'n_current')::float8 AS n_current,
       (gap.value -> 'shrunk' ->> 'estimate')::float8 AS shrunk,
       s.provisional, 'exact'::text AS disclosure, s.computed_at AS updated_at
FROM bi_base.segments s
CROSS JOIN LATERAL jsonb_array_elements(s.segment -> 'gaps') AS gap
LEFT JOIN bi_base.indicators i
    ON i.provider_id = s.provider_id AND i.indicator = gap.value ->> 'indicator'
""",
    "alignment": f"""
SELECT {row_id(SEGMENT_ID)},
       {OF_SEGMENT}, s.code AS segment, s.segment ->> 'name' AS segment_name,
       s.segment ->> 'state' AS state,
       (s.segment -> 'internal' ->> 'estimate')::float8 AS internal,
       (s.segment -> 'internal' ->> 'lower')::float8 AS internal_lower,
       (s.segment -> 'internal' ->> 'upper')::float8 AS internal_upper,
       (s.segment -> 'external' ->> 'estimate')::float8 AS external,
       (s.segment -> 'external' ->> 'lower')::float8 AS external_lower,
       (s.segment -> 'external' ->> 'upper')::float8 AS external_upper,
       (s.segment -> 'pace' ->> 'estimate')::float8 AS pace,
       (s.segment ->> 'slower')::boolean AS slower,
       (s.segment -> 'lag' ->> 'months')::bigint AS lag_months,
       (s.segment -> 'lag' ->> 'beyond_noise')::boolean AS lag_beyond_noise,
       s.n_baseline, s.n_current, s.provisional, 'exact'::text AS disclosure,
       s.computed_at AS updated_at
FROM bi_base.segments s WHERE s.strand = 'evidence_alignment'
""",
    "coverage": f"""
SELECT {row_id(SEGMENT_ID, "channel.value ->> 'channel'")},
       {OF_SEGMENT}, s.strand, s.code AS segment, s.segment ->> 'name' AS segment_name, s.team_key,
       channel.value ->> 'channel' AS channel, s.segment ->> 'coverage' AS coverage,
       (s.segment ->> 'share_of_care')::float8 AS share_of_care,
       (channel.value ->> 'n_baseline')::bigint AS n_baseline,
       (channel.value ->> 'n_current')::bigint AS n_current,
       (channel.value ->> 'estimate')::float8 AS estimate,
       (channel.value ->> 'lower')::float8 AS lower,
       (channel.value ->> 'upper')::float8 AS upper,
       channel.value ->> 'state' AS state,
       s.provisional, 'exact'::text AS disclosure, s.computed_at AS updated_at
FROM bi_base.segments s
CROSS JOIN LATERAL jsonb_array_elements(s.segment -> 'channels') AS channel
""",
    "warnings": f"""
SELECT {row_id("s.service", days_of("s.as_of"), "s.strand", "signal.kind", "signal.said ->> 'code'", "coalesce(signal.said ->> 'segment', '')", "coalesce(signal.said ->> 'word', '')")},
       {OF_SEGMENT}, s.strand, signal.kind, signal.said ->> 'code' AS code,
       signal.said ->> 'segment' AS segment, signal.said ->> 'word' AS word,
       signal.said ->> 'state' AS state, signal.said ->> 'text' AS says,
       (signal.said ->> 'figure')::float8 AS figure,
       (signal.said ->> 'threshold')::float8 AS threshold,
       {month("signal.said ->> 'since'")} AS since,
       (signal.said ->> 'or_before')::boolean AS or_before,
       (signal.said ->> 'looks')::bigint AS looks,
       (signal.said ->> 'looks_needed')::bigint AS looks_needed,
       s.provisional, s.computed_at AS updated_at
FROM bi_base.strands s
CROSS JOIN LATERAL (
    SELECT 'warning' AS kind, w.value AS said FROM jsonb_array_elements(s.content -> 'warnings') AS w
    UNION ALL
    SELECT 'trigger', t.value FROM jsonb_array_elements(s.content -> 'triggers') AS t
) AS signal
""",
    "escalations": """
SELECT e.id::text AS row_id, i.service, e.as_of AS month_start, nullif(e.strand, '') AS strand,
       e.trigger, nullif(e.segment, '') AS segment, nullif(e.word, '') AS word, e.status, e.holds,
       e.opened_at, e.times_opened::bigint AS times_opened, e.reviewer_role, e.next_review_on,
       e.owner IS NOT NULL AS has_owner, json_array_length(e.actions)::bigint AS actions,
       e.acknowledged_at, e.resolved_at,
       coalesce((SELECT max(t.at) FROM trail t
                 WHERE t.provider_id = e.provider_id AND t.resource = 'escalation'
                   AND t.service = e.service AND t.resource_id = e.id::text),
                e.opened_at) AS updated_at
FROM escalations e
JOIN bi_base.service_ids i ON i.provider_id = e.provider_id AND i.code = e.service
""",
    "reviews": """
SELECT r.id::text AS row_id, i.service, r.period AS month_start, r.role,
       CASE r.role WHEN 'senior_leader' THEN 3 ELSE 1 END::bigint AS months,
       r.held_at, r.withdrawn_at IS NOT NULL AS withdrawn,
       greatest(r.held_at, r.withdrawn_at) AS updated_at
FROM reviews r
JOIN bi_base.service_ids i ON i.provider_id = r.provider_id AND i.code = r.service
""",
    "records": """
SELECT r.id::text AS row_id, i.service, r.month AS month_start, r.strand, r.stage,
       nullif(r.segment, '') AS segment, r.status, r.revision::bigint AS revision, r.author_role,
       r.author_leads, r.written_at, r.signed_at, r.signed_role, r.withdrawn_at,
       CASE r.stage WHEN 'judge' THEN r.body ->> 'judgement' END AS judgement,
       CASE r.stage WHEN 'judge' THEN (r.figures ->> 'beyond_the_figures')::boolean
       END AS beyond_the_figures,
       CASE r.stage WHEN 'compare' THEN r.body ->> 'significance' END AS significance,
       greatest(r.changed_at, r.signed_at, r.withdrawn_at,
                (SELECT max(t.at) FROM trail t
                 WHERE t.provider_id = r.provider_id AND t.resource = 'record'
                   AND t.service = r.service AND t.resource_id = r.id::text)) AS updated_at
FROM records r
JOIN bi_base.service_ids i ON i.provider_id = r.provider_id AND i.code = r.service
""",
    "incidents_daily": f"""
SELECT {row_id("'incident'", "d.service", days_of("d.day"), "d.team", "d.area", "d.band", "d.category", "d.harm")},
       d.service, d.month AS month_start, d.day AS date,
       {PLACE.format("d")},
       d.category, d.harm, d.events AS incidents, d.near_misses, d.escalations_due,
       d.escalated_on_time, 'exact'::text AS disclosure, d.counted_at AS updated_at
FROM days d WHERE d.family = 'incident'
""",
    "feedback_daily": f"""
SELECT {row_id("d.family", "d.service", days_of("d.day"), "d.team", "d.area", "d.band", "d.category")},
       d.service, d.month AS month_start, d.day AS date,
       {PLACE.format("d")},
       d.family AS kind, d.category AS respondent, d.events AS answers, d.rated,
       d.rating_sum::float8 / nullif(d.rated, 0) / 100 AS rating, d.fft_answers, d.fft_positive,
       'exact'::text AS disclosure, d.counted_at AS updated_at
FROM days d WHERE d.family IN ('feedback', 'complaint', 'compliment')
""",
    "indicators": f"""
SELECT {row_id("'indicator'", "i.indicator")},
       i.indicator, i.body ->> 'name' AS name, i.body ->> 'family' AS family,
       i.body ->> 'measure' AS measure, i.body ->> 'better' AS better,
       i.body ->> 'channel' AS channel, i.body ->> 'category' AS category,
       i.body ->> 'perspective' AS perspective, (i.body ->> 'standard')::float8 AS standard,
       (i.body ->> 'meaningful')::float8 AS meaningful, (i.body ->> 'per')::bigint AS per,
       (i.body ->> 'look_back_days')::bigint AS look_back_days,
       (i.body ->> 'evidence')::boolean AS evidence, i.body ->> 'statements' AS statements,
       i.body ->> 'catalogue' AS catalogue, i.changed_at AS updated_at
FROM bi_base.indicators i
""",
    "services": f"""
SELECT {row_id("'service'", "s.code")},
       s.code AS service, s.name, s.kind, p.name AS programme, p.started_on AS programme_started_on,
       coalesce((SELECT max(c.computed_at) FROM scores c
                 WHERE c.provider_id = s.provider_id AND c.service = s.code),
                s.created_at) AS updated_at
FROM bi_base.service_ids i
JOIN services s ON s.provider_id = i.provider_id AND s.code = i.service
LEFT JOIN LATERAL (
    SELECT p.name, p.started_on
    FROM bi_base.service_ids old
    JOIN programmes p ON p.provider_id = old.provider_id AND p.service = old.code
    WHERE old.provider_id = i.provider_id AND old.service = i.service
    ORDER BY p.registered_at DESC, p.version DESC LIMIT 1
) AS p ON true
WHERE i.age = 0
""",
    "teams": f"""
SELECT {row_id("'team'", "t.service", "t.code")},
       t.service, t.code AS team, t.service || '/' || t.code AS team_key, t.name,
       place.area, t.opened_on, t.closed_on, t.updated_at
FROM (
    SELECT DISTINCT ON (i.provider_id, i.service, t.code)
           i.provider_id, i.service, t.code, t.name, t.opened_on, t.closed_on,
           coalesce((SELECT max(c.computed_at) FROM scores c
                     WHERE c.provider_id = i.provider_id AND c.service = i.service),
                    s.created_at) AS updated_at
    FROM bi_base.service_ids i
    JOIN services s ON s.provider_id = i.provider_id AND s.code = i.service
    JOIN teams t ON t.provider_id = i.provider_id AND t.service = i.code
    ORDER BY i.provider_id, i.service, t.code, i.age
) AS t
LEFT JOIN LATERAL (
    SELECT p.area
    FROM bi_base.service_ids old
    JOIN team_places p ON p.provider_id = old.provider_id AND p.service = old.code
    WHERE old.provider_id = t.provider_id AND old.service = t.service AND p.team = t.code
    ORDER BY p.effective_from <= current_date DESC,
             CASE WHEN p.effective_from <= current_date THEN p.effective_from END DESC,
             p.effective_from, old.age
    LIMIT 1
) AS place ON true
""",
    "calendar": f"""
SELECT {row_id("'day'", days_of("d.day"))},
       d.day AS date, date_trunc('month', d.day::timestamp)::date AS month_start,
       extract(year FROM d.day)::bigint AS year, extract(quarter FROM d.day)::bigint AS quarter,
       extract(month FROM d.day)::bigint AS month, extract(isodow FROM d.day)::bigint AS weekday,
       h.code IS NOT NULL AS is_bank_holiday,
       h.code IS NOT NULL OR extract(isodow FROM d.day) >= 6 AS is_weekend,
       span.changed_at AS updated_at
FROM (
    SELECT provider_id, min(code)::date AS first, max(code)::date AS last,
           max(changed_at) AS changed_at
    FROM described WHERE dataset = 'bank_holidays' GROUP BY provider_id
) AS span
CROSS JOIN LATERAL (
    SELECT make_date(extract(year FROM span.first)::int, 1, 1) + n AS day
    FROM generate_series(
        0, make_date(extract(year FROM span.last)::int, 12, 31)
           - make_date(extract(year FROM span.first)::int, 1, 1)) AS n
) AS d
LEFT JOIN described h ON h.provider_id = span.provider_id AND h.dataset = 'bank_holidays'
    AND h.code = to_char(d.day, 'YYYY-MM-DD')
""",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.add_column(
        "cells",
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    _create_tables()
    for table, rights in RIGHTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY of_provider ON {table} TO breadth_app"
            f" USING (provider_id = {CURRENT_PROVIDER})"
            f" WITH CHECK (provider_id = {CURRENT_PROVIDER})"
        )
        op.execute(f"GRANT {rights} ON {table} TO breadth_app")
    for table in SEEN_BY_FUNCTIONS:
        op.execute(
            f"CREATE POLICY seen_by_functions ON {table} FOR SELECT TO breadth_owner USING (true)"
        )
    # Logins are made in its name.
    op.execute("CREATE POLICY made_by_owner ON bi_logins TO breadth_owner USING (true)")
    _create_views()
    # Slices by day are counted from the events; row security binds the owner as well.
    op.execute("CREATE POLICY marked_once ON marks FOR INSERT TO breadth_owner WITH CHECK (true)")
    op.execute(
        "INSERT INTO marks (provider_id, service)"
        " SELECT provider_id, code FROM services ORDER BY provider_id, code"
    )
    op.execute("DROP POLICY marked_once ON marks")


def _provider() -> sa.Column[uuid.UUID]:
    return sa.Column("provider_id", sa.UUID(), nullable=False)


def _create_tables() -> None:
    op.create_table(
        "bi_logins",
        _provider(),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("bi_logins_provider_id_fkey")
        ),
        sa.PrimaryKeyConstraint("provider_id", "login", name=op.f("bi_logins_pkey")),
    )
    # Of two providers under one login neither could be shown.
    op.create_index("bi_logins_login_idx", "bi_logins", ["login"], unique=True)
    op.create_table(
        "days",
        _provider(),
        *[
            sa.Column(name, kind(), nullable=False)
            for name, kind in (
                ("service", sa.Text),
                ("month", sa.Date),
                ("family", sa.Text),
                ("day", sa.Date),
                ("team", sa.Text),
                ("area", sa.Text),
                ("band", sa.Text),
                ("category", sa.Text),
                ("harm", sa.Text),
                ("events", sa.BigInteger),
                ("near_misses", sa.BigInteger),
                ("escalations_due", sa.BigInteger),
                ("escalated_on_time", sa.BigInteger),
                ("rated", sa.BigInteger),
                ("rating_sum", sa.BigInteger),
                ("fft_answers", sa.BigInteger),
                ("fft_positive", sa.BigInteger),
            )
        ],
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "band = '' OR band IN ('weekday_day', 'weekday_night', 'weekend_day', 'weekend_night')",
            name=op.f("days_band_check"),
        ),
        sa.CheckConstraint(f"family IN ({FAMILIES})", name=op.f("days_family_check")),
        sa.PrimaryKeyConstraint(
            "provider_id",
            "service",
            "month",
            "family",
            "day",
            "team",
            "area",
            "band",
            "category",
            "harm",
            name=op.f("days_pkey"),
        ),
    )
    op.create_table(
        "described",
        _provider(),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", "dataset", "code", name=op.f("described_pkey")),
    )
    op.create_table(
        "publications",
        _provider(),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", "number", name=op.f("publications_pkey")),
    )
    op.create_table(
        "published_parts",
        _provider(),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("arrow", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "provider_id", "dataset", "service", "content_hash", name=op.f("published_parts_pkey")
        ),
    )
    # They are compressed already.
    op.execute("ALTER TABLE published_parts ALTER COLUMN arrow SET STORAGE EXTERNAL")
    op.create_table(
        "publication_parts",
        _provider(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "number"],
            ["publications.provider_id", "publications.number"],
            name=op.f("publication_parts_provider_id_number_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "dataset", "service", "content_hash"],
            [
                "published_parts.provider_id",
                "published_parts.dataset",
                "published_parts.service",
                "published_parts.content_hash",
            ],
            name=op.f("publication_parts_provider_id_dataset_service_content_hash_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "provider_id",
            "number",
            "dataset",
            "service",
            "part",
            name=op.f("publication_parts_pkey"),
        ),
    )
    op.create_index(
        op.f("publication_parts_provider_id_dataset_service_content_hash_idx"),
        "publication_parts",
        ["provider_id", "dataset", "service", "content_hash"],
    )
    op.create_table(
        "unpublished",
        _provider(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("unpublished_pkey")),
    )


def _create_views() -> None:
    """Their owner never logs in and reads what they name, row by row as the session may see it."""
    op.execute("CREATE SCHEMA bi")
    op.execute("CREATE SCHEMA bi_base")
    op.execute("GRANT USAGE, CREATE ON SCHEMA bi, bi_base TO breadth_bi_views")
    op.execute("GRANT USAGE ON SCHEMA bi TO breadth_bi_reader, breadth_app")
    for function in FUNCTIONS.split(";\n"):
        op.execute(function)
    op.execute("REVOKE ALL ON FUNCTION providers_to_publish(timestamptz) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION providers_to_publish(timestamptz) TO breadth_app")
    for table in SEEN_BY_VIEWS:
        op.execute(
            f"CREATE POLICY of_session ON {table} FOR SELECT TO breadth_bi_views"
            " USING (provider_id = (SELECT bi_base.provider()))"
        )
        op.execute(f"GRANT SELECT ON {table} TO breadth_bi_views")
    for schema, views in (("bi_base", BASE_VIEWS), ("bi", VIEWS)):
        for name, query in views.items():
            op.execute(sa.text(f"CREATE VIEW {schema}.{name} AS {query}".replace(":", r"\:")))
            if schema == "bi":
                op.execute(f"GRANT SELECT ON bi.{name} TO breadth_bi_reader, breadth_app")
            op.execute(f"ALTER VIEW {schema}.{name} OWNER TO breadth_bi_views")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL statement_timeout = '10min'")
    for table in SEEN_BY_VIEWS:
        op.execute(f"DROP POLICY of_session ON {table}")
        op.execute(f"REVOKE SELECT ON {table} FROM breadth_bi_views")
    op.execute("DROP SCHEMA bi CASCADE")
    op.execute("DROP SCHEMA bi_base CASCADE")
    op.execute("DROP FUNCTION providers_to_publish(timestamptz)")
    op.execute(f"DROP TABLE publication_parts, {', '.join(RIGHTS.keys() - {'publication_parts'})}")
    op.drop_column("cells", "counted_at")
