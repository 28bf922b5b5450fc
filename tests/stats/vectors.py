"""Reference cases that lie beside the project; where the folder is absent their tests say so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"


def cases(name: str, chosen: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    """Parameters of the chosen reference cases of a set, or one skipped with a notice."""
    path = VECTORS / f"{name}.json"
    if not path.is_file():
        absent = pytest.mark.skip(reason=f"no reference values: ../shared/vectors/{name}.json")
        return [pytest.param(None, marks=absent, id="absent")]
    found = json.loads(path.read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in found if chosen(case)]
