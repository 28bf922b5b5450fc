"""The kernel agrees with the reference values that lie beside the project, where they do."""

import json
from pathlib import Path

import pytest

from tests.conformance.__main__ import SETS, check_set, conform
from tests.stats.vectors import VECTORS


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_case_of_a_required_set_agrees(name: str) -> None:
    path = VECTORS / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no reference values: ../shared/vectors/{name}.json")
    tally = check_set(name, path)
    assert tally.complaints == []
    assert tally.passed == tally.total > 0


def test_a_case_that_differs_is_a_failure_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {"id": "odd", "input": {"x": 5, "n": 10, "confidence": 0.95, "method": "Wilson"},
            "expected": {"lower": 0.9, "upper": 0.99}}  # fmt: skip
    (tmp_path / "small_number_ci_phe.json").write_text(json.dumps({"cases": [case]}))
    assert conform(tmp_path) == 1
    printed = capsys.readouterr().out
    assert "small_number_ci_phe: 0/1" in printed
    assert "odd: " in printed


def test_a_folder_without_reference_values_is_no_agreement(tmp_path: Path) -> None:
    assert conform(tmp_path) == 2
