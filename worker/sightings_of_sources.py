"""What is seen of the sources themselves: months in which one that was expected sent nothing."""

from collections import defaultdict
from collections.abc import Iterator

from models.calendar import add_months
from worker.triggers import Look, Sighting

#: As far back as the longest window of a programme.
WATCHED_MONTHS = 24


def silent_source(look: Look) -> Iterator[Sighting]:
    """How many of the last two years' months each silent source leaves without its rates."""
    found: dict[str, int] = defaultdict(int)
    for back in range(WATCHED_MONTHS):
        month = add_months(look.score.as_of, -back)
        for connector in {one.connector for one in look.context.silences if one.reaches(month)}:
            found[connector] += 1
    for connector, months in sorted(found.items()):
        yield Sighting("", float(months), met=True, words=connector)
