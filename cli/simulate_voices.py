"""Events in which something went wrong or somebody spoke: incidents, feedback, complaints, thanks.

Expands drawn counts so that adding the events up gives the counts again. One count cannot always
be kept: whether a complaint repeats another, when none or every theme was heard of in 90 days.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final

import numpy as np

from cli.simulate import INDEX, NO_BAND, PLACES
from cli.simulate_envelope import Event, TeamMonth, event, moment, shared_out, spoken_of

RESPONDENTS: Final = ("person",) * 9 + ("family",) * 9 + ("advocate", "partner")
CATEGORIES: Final = ("medication", "skin_integrity", "behaviour", "choking", "equipment")
HARM: Final = ("low",) * 40 + ("moderate",) * 8 + ("severe",)
THEMES: Final = (
    "responsiveness",
    "communication",
    "consistency",
    "dignity",
    "safety",
    "medicines",
    "staffing",
    "food",
    "environment",
    "records",
    "activities",
    "other",
)
POSITIVE: Final = ("very_good", "very_good", "good")
NEGATIVE: Final = ("neither", "neither", "poor", "very_poor")
LOOK_BACK: Final = timedelta(days=90)

#: Last time each theme was complained of, by team code.
Complained = dict[str, dict[str, datetime]]


def incidents(here: TeamMonth) -> Iterator[Event]:
    for place in range(NO_BAND):
        harmed, _ = here.drawn("harm_incidents", place)
        fallen = int(here.x[place, INDEX["falls"]])
        others = int(here.x[place, INDEX["other_incidents"]])
        on_time, _ = here.drawn("escalation_on_time", place)
        both = int(here.rng.binomial(min(harmed, fallen), 0.5))
        escalated = shared_out(here, on_time, np.ones(harmed, dtype=np.int64)).tolist()
        for number, in_time in enumerate(escalated):
            category = "fall" if number < both else here.dice.choice(CATEGORIES)
            hurt = {
                "category": category,
                "harm": here.dice.choice(HARM),
                "escalation_due": True,
                "escalated_on_time": bool(in_time),
            }
            yield _incident(here, place, hurt)
        for _ in range(fallen - both):
            yield _incident(here, place, {"category": "fall", "harm": "none"})
        for _ in range(others):
            near_miss = here.dice.random() < 0.4
            category = here.dice.choice(CATEGORIES)
            yield _incident(
                here, place, {"category": category, "harm": "none", "near_miss": near_miss}
            )


def _incident(here: TeamMonth, place: int, what: Mapping[str, object]) -> Event:
    data = dict(what)
    if here.dice.random() < 0.3:
        data["themes"] = [here.dice.choice(THEMES)]
    return event(
        here,
        "incident.reported",
        "incidents",
        moment(here, place),
        data,
        within_minutes=720,
        person=here.dice.choice(here.residents),
        staff=here.dice.choice(here.staff),
    )


def feedback(here: TeamMonth) -> Iterator[Event]:
    raters, friends = _everybody(here), _everybody(here)
    for place in range(PLACES):
        total, n = here.drawn("experience_rating", place)
        squares = int(here.sum_squares[place, INDEX["experience_rating"]])
        for rating in ratings(n, total, squares):
            yield _said(here, place, "survey", {"rating": rating}, raters)
        positive, n = here.drawn("experience_positive", place)
        for number in range(n):
            answer = here.dice.choice(POSITIVE if number < positive else NEGATIVE)
            yield _said(here, place, "fft", {"fft": answer}, friends)
    if here.dice.random() < 0.1:
        yield _said(here, NO_BAND, "fft", {"fft": "dont_know"}, friends)
    total, n = here.drawn("staff_experience", NO_BAND)
    squares = int(here.sum_squares[NO_BAND, INDEX["staff_experience"]])
    for rating in ratings(n, total, squares):
        yield event(
            here,
            "feedback.received",
            "survey",
            moment(here, NO_BAND),
            {"respondent": "staff", "rating": rating},
            within_minutes=7200,
            staff=here.dice.choice(here.staff),
        )


def _everybody(here: TeamMonth) -> list[str]:
    return here.dice.sample(here.residents, len(here.residents))


def _said(
    here: TeamMonth, place: int, system: str, data: dict[str, object], unheard: list[str]
) -> Event:
    at, about = spoken_of(here, place, span=here.dice.random() < 0.3)
    data = {"respondent": here.dice.choice(RESPONDENTS), **data}
    if here.dice.random() < 0.25:
        data["themes"] = [here.dice.choice(THEMES)]
    # One answer counts per person, source and month, so nobody is asked twice by one system.
    person = unheard.pop() if unheard else None
    return event(
        here, "feedback.received", system, at, data, within_minutes=7200, person=person, about=about
    )


@cache
def ratings(n: int, total: int, squares: int, highest: int = 5) -> tuple[int, ...]:
    """Ratings from 1 to 5, highest first, with this number, sum and sum of squares.

    Raises ValueError when there are none.
    """
    if n == 0 and total == 0 and squares == 0:
        return ()
    if n * highest >= total >= n > 0:
        for rating in range(highest, 0, -1):
            try:
                rest = ratings(n - 1, total - rating, squares - rating**2, rating)
            except ValueError:
                continue
            return (rating, *rest)
    raise ValueError(f"no {n} ratings have sum {total} and squares {squares}")


def complaints(here: TeamMonth, complained: Complained) -> Iterator[Event]:
    heard = []
    for place in range(PLACES):
        repeated, n = here.drawn("complaints_repeated", place)
        spoken = [spoken_of(here, place, span=here.dice.random() < 0.3) for _ in range(n)]
        spoken.sort(key=lambda each: each[0])
        heard += [(*each, number >= n - repeated) for number, each in enumerate(spoken)]
    before = complained.setdefault(here.team.code, {})
    for at, about, repeats in sorted(heard, key=lambda each: each[0]):
        theme = _theme(here, before, at, repeats=repeats)
        before[theme] = at
        data = {
            "respondent": here.dice.choice(("person", "family", "family", "advocate")),
            "theme": theme,
            "upheld": here.dice.random() < 0.5,
        }
        yield event(
            here, "complaint.received", "feedback", at, data, within_minutes=2880, about=about
        )


def _theme(here: TeamMonth, before: dict[str, datetime], at: datetime, *, repeats: bool) -> str:
    recent = sorted(theme for theme, last in before.items() if at - last <= LOOK_BACK)
    fresh = [theme for theme in THEMES if theme not in recent]
    return here.dice.choice((recent if repeats else fresh) or THEMES)


def compliments(here: TeamMonth) -> Iterator[Event]:
    for place in range(PLACES):
        for _ in range(int(here.x[place, INDEX["compliments"]])):
            at, about = spoken_of(here, place, span=False)
            data = {
                "respondent": here.dice.choice(("person", "family", "family", "partner")),
                "theme": here.dice.choice(THEMES),
            }
            yield event(
                here, "compliment.received", "feedback", at, data, within_minutes=2880, about=about
            )


def unattributed(here: TeamMonth, first_day: date) -> Iterator[Event]:
    """An answer from the card in the entrance hall: nobody knows which team it speaks of."""
    data = {"respondent": "family", "fft": here.dice.choice((*POSITIVE, *NEGATIVE[:2]))}
    said = event(
        here, "feedback.received", "hall", moment(here, NO_BAND), data, within_minutes=10080
    )
    yield said | {"id": f"{here.service}/hall/{first_day:%Y-%m}", "team": None}
