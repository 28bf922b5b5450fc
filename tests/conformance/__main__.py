"""`make conformance VECTORS=DIR`: every required set found in DIR, one line a set.

Prints `set: passed/total (fields checked)`; total is the cases in the file, so that a case nobody
implemented is a failure. Exits non-zero when any case fails or DIR holds no required set.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

from tests.conformance import breadth, meta, rates, series, shrinkage, spc
from tests.conformance.comparing import ReferenceSet

SETS: dict[str, ReferenceSet] = {
    **breadth.SETS,
    **meta.SETS,
    **rates.SETS,
    **series.SETS,
    **shrinkage.SETS,
    **spc.SETS,
}


class Tally(NamedTuple):
    name: str
    passed: int
    total: int
    complaints: list[str]


def check_set(name: str, path: Path) -> Tally:
    """Run every case of a file; what raises has not passed."""
    cases = json.loads(path.read_text())["cases"]
    complaints = []
    for case in cases:
        try:
            found = SETS[name].check(case["input"], case["expected"])
        except Exception as error:  # noqa: BLE001 - a case that raises is a case that fails
            found = [f"{type(error).__name__}: {error}"]
        if found:
            complaints.append(f"  {case['id']}: {'; '.join(found[:4])}")
    return Tally(name, len(cases) - len(complaints), len(cases), complaints)


def conform(directory: Path) -> int:
    found = {name: path for name in SETS if (path := directory / f"{name}.json").is_file()}
    if not found:
        say(f"No required set of reference values lies in {directory}.")
        return 2
    failed = False
    for name, path in found.items():
        tally = check_set(name, path)
        say(f"{name}: {tally.passed}/{tally.total} ({SETS[name].fields})")
        for complaint in tally.complaints[:10]:
            say(complaint)
        failed |= tally.passed < tally.total
    for name in SETS.keys() - found.keys():
        say(f"{name}: not in {directory}, not checked")
    return 1 if failed else 0


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command speaks


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("vectors", type=Path, metavar="DIR")
    return conform(parser.parse_args().vectors)


if __name__ == "__main__":
    sys.exit(main())
