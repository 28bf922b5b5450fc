"""Which quality statements a strand of the route bears on, by framework version."""

from collections.abc import Iterable

from models.frameworks import ASC_2026_DRAFT, CROSSWALK, SAF_2023
from models.vocabulary import Strand

#: Of `saf2023`: governance for all three, and what a strand is about.
BEARS_ON = {
    Strand.TEAM_SPREAD: ("W5", "W7"),
    Strand.SHIFT_COVERAGE: ("W5", "S6"),
    Strand.EVIDENCE_ALIGNMENT: ("W5", "R4", "C1"),
}
GOVERNANCE = ("W5",)


def statements_of_strand(strand: Strand | None) -> tuple[str, ...]:
    """Statements of every framework; of governance alone where no strand is named."""
    return across(GOVERNANCE if strand is None else BEARS_ON[strand])


def across(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes of `saf2023` with those that ask about the same in the draft of 2026."""
    ours = list(codes)
    theirs = dict.fromkeys(each for code in ours for each in CROSSWALK[code])
    return (
        *(f"{SAF_2023.code}:{code}" for code in ours),
        *(f"{ASC_2026_DRAFT.code}:{code}" for code in theirs),
    )


def statements_of_indicator(named: Iterable[str]) -> tuple[str, ...]:
    """What an indicator names, and what the draft of 2026 asks about the same."""
    own = list(named)
    ours = [each.partition(":")[2] for each in own if each.startswith(f"{SAF_2023.code}:")]
    return tuple(dict.fromkeys([*own, *across(ours)]))
