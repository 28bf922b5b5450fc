"""Known words for whoever wrote another one, the closest first."""

from collections.abc import Iterable
from difflib import SequenceMatcher

LONGEST_COMPARED = 100
MOST_LISTED = 40


def closest_first(word: object, known: Iterable[str]) -> list[str]:
    written = str(word)[:LONGEST_COMPARED].casefold()

    def apart(one: str) -> float:
        return -SequenceMatcher(None, written, one.casefold()).ratio()

    return sorted(dict.fromkeys(known), key=apart)


def known_are(word: object, known: Iterable[str]) -> str:
    """A sentence for the end of a refusal; nothing where nothing is known."""
    found = closest_first(word, known)
    more = ", …" if len(found) > MOST_LISTED else ""
    return f" Known are: {', '.join(found[:MOST_LISTED])}{more}." if found else ""
