"""`python -m bench [name…]`: run benchmarks, print what was measured, fail when a bar is missed."""

import argparse
import importlib
import sys
import time

BENCHMARKS = {
    "ingest": "events over HTTP against raw COPY; shared commits against one for each post",
    "csv_rows": "a million rows of CSV parsed, mapped and read as events, and in how much memory",
    "uploads": "a million rows from the first byte of a file to the last event, against raw COPY",
    "freshness": "how long accepted evidence takes until the view shows it",
    "kernel": "services scored a second, against the same analysis in pandas and statsmodels",
    "datasets": "a million cells as Parquet and CSV over HTTP, against COPY of the same rows",
    "views": "how soon each view and the events behind a number are answered",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    listed = "; ".join(f"{name}: {about}" for name, about in BENCHMARKS.items())
    parser.add_argument("names", nargs="*", metavar="name", help=f"all unless named. {listed}")
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {listed}")
    missed = []
    for name in names:
        print(f"{name}: {BENCHMARKS[name]}")
        started = time.perf_counter()
        if not importlib.import_module(f"bench.{name}").run():
            missed.append(name)
        print(f"  took {time.perf_counter() - started:.0f} s")
    if missed:
        print(f"Bars missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
