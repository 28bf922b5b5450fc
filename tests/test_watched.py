"""What is watched for: the twenty rules of the method, each where it holds, just fails, is mute."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from models.catalogue import STARTER
from models.vocabulary import Strand
from tests.looks_by_hand import HOME, SHORT, look
from tests.text_tables import NOTHING, Row, cases, listed, rows
from tests.watched_by_hand import LOOKS
from worker.triggers import Kind, Look, Rule
from worker.watched import RULES

#: Every rule of the method: what its figure is held against, and looks in a row that it needs.
WATCHED_FOR = """
    code                       | strand             | kind    | threshold | looks
    one_team_ahead             | team_spread        | warning |  2        | 3
    weak_themes_elsewhere      | team_spread        | warning |  3        | 1
    confidence_without_results | team_spread        | warning |  1        | 1
    one_manager                | team_spread        | warning |  0.8      | 1
    persistent_variation       | team_spread        | trigger |  0        | 3
    weaker_local_trends        | team_spread        | trigger |  2        | 3
    stuck_in_first_team        | team_spread        | trigger |  1        | 3
    office_hours_auditing      | shift_coverage     | warning |  1.5      | 1
    weak_weekend_records       | shift_coverage     | warning |  1        | 1
    uncertain_night_escalation | shift_coverage     | warning |  1        | 1
    families_out_of_hours      | shift_coverage     | warning |  1        | 1
    night_or_weekend_gap       | shift_coverage     | trigger | -1        | 3
    weaker_handovers           | shift_coverage     | trigger | -1        | 3
    weekday_out_of_line        | shift_coverage     | trigger |  0.05     | 3
    audits_up_feedback_flat    | evidence_alignment | warning |  1        | 1
    incidents_down_themes_same | evidence_alignment | warning |  3        | 1
    management_positive        | evidence_alignment | warning |  1        | 1
    flat_feedback              | evidence_alignment | trigger |  0        | 3
    repeated_dissatisfaction   | evidence_alignment | trigger |  3        | 1
    assurance_gap              | evidence_alignment | trigger |  0        | 3
"""

#: Short words of the tables.
WORDS = {
    "records": "record_quality",
    "backfill": "medicine_backfill",
    "misses": "near_miss_ratio",
    "staff": "staff_experience",
    "self": "self_assessment",
    "audits": "audit_compliance",
    "practice": "practice_observed",
    "on time": "escalation_on_time",
    "handovers": "handover_quality",
}
SHORT_WORDS = {word: short for short, word in WORDS.items()}
BY_CODE = {rule.code: rule for rule in RULES}


def says(rule: Rule, at: Look) -> str:
    found = []
    for one in rule.see(at):
        segment = SHORT.get(one.segment, one.segment) or "all"  # type: ignore[call-overload]
        known = one.figure is not None and np.isfinite(one.figure)
        figure = f"{one.figure:.4g}" if known else "?"
        word = f"/{SHORT_WORDS.get(one.words, one.words)}" if one.words else ""
        found.append(f"{segment}{word} {figure}{'!' if one.met else ''}")
    return listed(found)


ROWS = [
    pytest.param(code, *row.values, id=f"{code}: {row.id}")
    for code, table in LOOKS.items()
    for row in cases(table)
]


@pytest.mark.parametrize(("code", "row"), ROWS)
def test_rule_holds_as_the_method_says(code: str, row: Row) -> None:
    rule = BY_CODE[code]
    said = {WORDS.get(heading, heading): cell for heading, cell in row.items() if cell}
    del said["case"], said["says"]
    at = look(rule.strand, said)
    assert says(rule, at) == listed(row["says"].split(", "))


def test_the_table_has_the_rules_of_the_method_and_no_others() -> None:
    watched = {
        rule.code: (rule.strand.value, rule.kind.value, rule.threshold, rule.looks)
        for rule in RULES
    }
    assert len(watched) == len(RULES) == 20
    assert watched == {
        row["case"]: (row["strand"], row["kind"], float(row["threshold"]), int(row["looks"]))
        for row in rows(WATCHED_FOR)
    }


@pytest.mark.parametrize("code", list(BY_CODE))
def test_every_rule_is_shown_holding_and_failing_and_mute(code: str) -> None:
    found = [row["says"] for row in rows(LOOKS[code])]
    assert any("!" in one for one in found)
    assert any("!" not in one and one != NOTHING for one in found)
    assert NOTHING in found
    assert BY_CODE[code].says.endswith(".")


def test_gap_of_a_band_names_the_indicator_it_is_of() -> None:
    at = look(Strand.SHIFT_COVERAGE, {"gap": "0 -1.8! . ."})
    (seen,) = BY_CODE["night_or_weekend_gap"].see(at)
    assert seen.of == STARTER[0].code
    wider = at.score.gap.estimate.copy()
    wider[1, 1] = -9.0
    gap = replace(at.score.gap, estimate=wider)
    (seen,) = BY_CODE["night_or_weekend_gap"].see(replace(at, score=replace(at.score, gap=gap)))
    assert (seen.of, seen.figure) == (STARTER[0].code, -1.8), "a wider one is not known to matter"


def test_threshold_that_is_another_each_time_stands_with_the_figure() -> None:
    at = look(Strand.SHIFT_COVERAGE, {"status": "Rnnn", "p": ".001 .01 .2 .2"})
    night, *_ = BY_CODE["weekday_out_of_line"].see(at)
    assert night.met
    assert night.threshold == at.score.alpha


def test_confidence_is_measured_by_what_matters_of_the_result() -> None:
    """A provider's own smallest change of audits does not move their level against another's."""
    coarse = msgspec.structs.replace(
        HOME,
        indicators=tuple(
            msgspec.structs.replace(one, meaningful=0.1) if one.code == "audit_compliance" else one
            for one in HOME.indicators
        ),
    )
    equal = {"self_assessment": ".9 .95", "audit_compliance": ".9 .8"}
    at = look(Strand.TEAM_SPREAD, equal)
    at = replace(at, context=coarse)
    assert says(BY_CODE["confidence_without_results"], at) == "elm 1.5!, oak 0"


def test_with_every_indicator_switched_off_no_rule_holds() -> None:
    none = msgspec.structs.replace(HOME, indicators=())
    for rule in RULES:
        at = replace(look(rule.strand, {}), context=none)
        assert not any(one.met for one in rule.see(at))


def test_warnings_and_triggers_are_told_apart() -> None:
    assert sum(rule.kind is Kind.TRIGGER for rule in RULES) == 9
