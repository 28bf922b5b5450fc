"""The study as a page to read: error rates with their limits, what was claimed, what could be."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from scipy import stats

from bench.reachable import BARS, REFERENCES, Power, Reached
from bench.scenarios import LOOKS, SCENARIO, WINDOWS
from bench.study import CHUNK, SEED, Tally
from bench.through_api import Compared
from worker.stats.method import Method

BAR = 0.06
CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class Study:
    method: Method
    on: date
    command: str
    minutes: float
    tallies: list[Tally]
    powers: list[Power]
    through_api: list[Compared]


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate, and the one-sided 99% limit of Clopper and Pearson."""

    failures: int
    runs: int

    @property
    def limit(self) -> float:
        if self.failures == self.runs:
            return 1.0
        return float(stats.beta.ppf(CONFIDENCE, self.failures + 1, self.runs - self.failures))

    @property
    def kept(self) -> bool:
        return self.limit <= BAR

    def __str__(self) -> str:
        shown = f"{self.failures / self.runs:.2%} (≤ {self.limit:.2%})"
        return shown if self.kept else f"**{shown}**"


RATES: dict[str, Callable[[Tally], Rate]] = {
    "one look: claimed > true": lambda t: Rate(t.over, t.runs),
    "one look: worse > truly worse": lambda t: Rate(t.worse_over, t.runs),
    "a year: ever claimed > true": lambda t: Rate(t.year_over, t.years),
    "a year: ever worse > truly worse": lambda t: Rate(t.year_worse_over, t.years),
}


def broken(tally: Tally) -> list[str]:
    """Which of its error rates are above the bar, with their numbers."""
    return [
        f"{name} {rate.failures / rate.runs:.2%} (≤ {rate.limit:.2%})"
        for name, made in RATES.items()
        if not (rate := made(tally)).kept
    ]


def failures(study: Study) -> list[str]:
    """What was promised and is not kept, one line each; empty when all is."""
    lines = [
        f"{windows(tally.window)}, {tally.scenario}: {each}"
        for tally in study.tallies
        if SCENARIO[tally.scenario].promised
        for each in broken(tally)
    ]
    different = [
        f"through the API, {each.name}: {each.differs}"
        for each in study.through_api
        if each.differs
    ]
    return lines + different


def windows(window: tuple[int, int]) -> str:
    return f"{window[0]}+{window[1]}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def written(study: Study) -> str:
    return "\n".join([*_opening(study), *_errors(study), *_claims(study), *_power(study),
                      *_api(study)]) + "\n"  # fmt: skip


def _opening(study: Study) -> Iterator[str]:
    runs = sum(tally.runs for tally in study.tallies)
    years = sum(tally.years for tally in study.tallies)
    constants = ", ".join(f"`{name}` {value}" for name, value in asdict(study.method).items())
    yield f"# Calibration of `{study.method.name}`"
    yield ""
    yield (
        f"Measured on {study.on:%d %B %Y} in {study.minutes:.0f} minutes by `{study.command}`;"
        f" seed {SEED}, {CHUNK} services a draw. {runs:,} simulated services were judged by the"
        f" kernel at their decisive look and {years:,} of them at every of the {LOOKS} looks of a"
        f" year, claims standing as they do. The method: {constants}."
    )
    yield ""
    yield (
        "Unless a row says otherwise: six teams of the reference service, months at an"
        " autocorrelation of 0.2, shocks of channels, teams and bands at 0.3, over-dispersion 2."
        " *Least favourable*: five teams improve by 2.5 times the reference effect, the last by"
        " three times in the named channel and not at all elsewhere. A rate stands before its"
        f" exact one-sided {CONFIDENCE:.0%} limit; above {BAR:.0%} the limit is **bold** and the"
        " promise is not kept. *Outside*: beyond what is promised, shown all the same."
    )
    yield ""
    lines = failures(study)
    promised = [tally for tally in study.tallies if SCENARIO[tally.scenario].promised]
    kept = sum(not broken(tally) for tally in promised)
    yield f"**{kept} of {len(promised)} promised rows are kept.**"
    yield ""
    if lines:
        yield from (f"- {line}" for line in lines)
        yield ""


def _by_window(study: Study) -> Iterator[tuple[str, list[Tally]]]:
    for window in WINDOWS:
        rows = [tally for tally in study.tallies if tally.window == window]
        if rows:
            yield f"{window[0]} months against {window[1]}", rows


def _name(tally: Tally) -> str:
    return tally.scenario if SCENARIO[tally.scenario].promised else f"{tally.scenario} *(outside)*"


def _errors(study: Study) -> Iterator[str]:
    for heading, rows in _by_window(study):
        yield f"## Errors, {heading}"
        yield ""
        yield from table(
            ["scenario", f"true at look {rows[0].window[1]}", *RATES],
            [
                [_name(each), str(each.true), *(str(rate(each)) for rate in RATES.values())]
                for each in rows
            ],
        )


def _claims(study: Study) -> Iterator[str]:
    for heading, rows in _by_window(study):
        yield f"## What is claimed, {heading}"
        yield ""
        yield (
            "*All claimed*: at least as many as are true. Levels by the bound alone: 0, 1,"
            " spreading, as many as a broad claim needs."
        )
        yield ""
        yield from table(
            ["scenario", "true of", "mean bound", "all claimed", "0", "1", "spreading", "broad",
             f"true at look {LOOKS}", "mean bound then", "all claimed then"],
            [
                [
                    _name(each),
                    f"{each.true} of {each.segments}",
                    f"{each.bounds / each.runs:.2f}",
                    f"{each.all_claimed / each.runs:.1%}",
                    *(f"{count / each.runs:.1%}" for count in each.levels),
                    str(each.true_at_last),
                    f"{each.year_bounds / each.years:.2f}",
                    f"{each.year_all_claimed / each.years:.1%}",
                ]
                for each in rows
            ],
        )  # fmt: skip


def _power(study: Study) -> Iterator[str]:
    if not study.powers:
        return
    yield "## What the reference service lets anyone claim"
    yield ""
    yield (
        "All six improved; share of runs that claim all six at the decisive look, and the mean"
        " bound. Two oracles stand beside the method: *no corroboration*, all channels in one"
        " weighted sum at the method's own level, and *one look*, the method's test of change"
        " with all 5% for a single look and nothing paid for the standard. Neither keeps the"
        " promise."
    )
    yield ""
    found = {power.reference: power for power in study.powers}
    rows = []
    for each in REFERENCES:
        power = found[each.name]
        least, aim = BARS[each.windows, each.autocorrelation]
        known = each.evidence == 1.0
        rows.append(
            [
                each.windows,
                f"{each.autocorrelation:g}",
                {0.5: "half", 1.0: "reference", 2.0: "double"}[each.evidence],
                *_reached(power.method, power.runs),
                f"{least:.0%}" if known else "",
                f"{aim:.0%}" if known else "",
                *_reached(power.uncorroborated, power.runs),
                *_reached(power.one_look, power.runs),
            ]
        )
    yield from table(
        ["windows", "autocorrelation", "evidence", "all six", "mean", "first bar", "aim",
         "no corroboration: all six", "mean", "one look: all six", "mean"],
        rows,
    )  # fmt: skip


def _reached(reached: Reached, runs: int) -> list[str]:
    return [f"{reached.all_claimed / runs:.1%}", f"{reached.bounds / runs:.2f}"]


def _api(study: Study) -> Iterator[str]:
    if not study.through_api:
        return
    yield "## Through the API"
    yield ""
    yield (
        "Services sent as events, counted by the worker and read from the views, against the"
        f" kernel on the same counts: bounds of both kinds at {LOOKS} looks, and adjusted p-values."
    )
    yield ""
    yield from table(
        ["service", "events", "claims compared", "p compared", "largest difference of p", "claims"],
        [
            [
                each.name,
                f"{each.events:,}",
                str(each.claims),
                str(each.p_values),
                f"{each.furthest:.1e}",
                each.differs or "equal",
            ]
            for each in study.through_api
        ],
    )
