"""Whether the combined evidence is, or is not yet, broad enough, and why; never a rating."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from models.calendar import add_months
from models.context import ServiceContext
from models.vocabulary import Channel, Level, StoryPart, Strand
from worker.advice import FURTHER_WORDS
from worker.story_words import Sentence, Told, capital, listed, month_words, view_link
from worker.verdict import Verdict, weakest

BRIEFLY = {
    Strand.TEAM_SPREAD: "by team",
    Strand.SHIFT_COVERAGE: "by time of the week",
    Strand.EVIDENCE_ALIGNMENT: "in what people feel",
}
#: Levels that are less than broad; a strand without a question is in neither.
SHORT_OF_BROAD = frozenset(Level) - {Level.BROAD, Level.NOT_APPLICABLE}

#: What a reader has to know beside the figures, whatever the strand.
CAVEATS = {
    "one_manager": "Most of the improvement lies in teams that one person leads.",
    "one_source": "All of the improvement comes from one kind of source.",
    "composition_shift": "Who works or lives where has shifted since the baseline.",
    "backfilled": "More than a tenth of due doses were recorded late.",
    "below_standard": "What improved is not all at the standard yet.",
    "season_not_controlled": "There is too little history to take the time of year out.",
    "sliding_baseline": "No programme is registered: recent months are held against those before.",
    "post_hoc": "The programme was registered after its results had begun to show.",
    "share_unknown": "How the care is shared out is not known; each part counts alike.",
}


def conclusion(
    context: ServiceContext,
    as_of: date,
    told: Mapping[Strand, Told],
    verdicts: Mapping[Strand, Verdict],
) -> Sentence:
    """The last sentence: broad enough, broad with exceptions, or not yet, and what stands against.

    A strand that does not apply is left out of it, and that is said.
    """
    level, _ = weakest({each: verdict.level for each, verdict in verdicts.items()})
    short = {each: v for each, v in verdicts.items() if v.level in SHORT_OF_BROAD}
    broad = [BRIEFLY[each] for each, v in verdicts.items() if v.level is Level.BROAD]
    outside = [BRIEFLY[each] for each, v in verdicts.items() if v.level is Level.NOT_APPLICABLE]
    against = "; ".join(
        f"{BRIEFLY[each]}, {_why(verdict, told.get(each))}" for each, verdict in short.items()
    )
    if level is Level.NOT_APPLICABLE:
        text = "Breadth cannot be asked of this service: there is nothing to spread to."
    elif level is Level.BROAD:
        text = f"The combined evidence is broad enough: {_reach(told)}."
    elif level is Level.BROAD_WITH_EXCEPTIONS:
        text = f"The combined evidence is broad, with exceptions: {against}."
    else:
        text = f"The combined evidence is not yet broad enough: {against}."
        if broad:
            text += f" It is broad {listed(broad)}."
    if outside and level is not Level.NOT_APPLICABLE:
        text += f" It is not asked {listed(outside)}: care is given in fewer than two of them."
    return {
        "code": f"conclusion.{level.value}",
        "part": StoryPart.CONCLUSION.value,
        "strand": None,
        "text": text,
        "figures": {"level": level.value}
        | {each.value: verdict.level.value for each, verdict in verdicts.items()},
        "links": [view_link(context, each, as_of) for each in verdicts],
    }


def _reach(told: Mapping[Strand, Told]) -> str:
    whole = [
        f"all {each.n} {each.many}"
        for each in told.values()
        if each.verdict.level is not Level.NOT_APPLICABLE
    ]
    return f"{listed(whole)} are in a stronger position and have held it"


def _why(verdict: Verdict, told: Told | None) -> str:
    """What stands against a strand in a clause."""
    if told is None:
        return "it is too early to say"
    score, n = told.score, told.n
    match verdict.level:
        case Level.WORSENING:
            verb = "has" if score.worsened_bound == 1 else "have"
            clause = f"at least {score.worsened_bound} of {n} {told.many} {verb} become worse"
        case Level.INSUFFICIENT_EVIDENCE:
            clause = "there is too little evidence to say"
        case Level.NOT_SHOWN:
            clause = f"no {told.one} of {n} can be claimed"
        case Level.LOCALISED:
            named = f" ({told.names(score.named)})" if score.named.sum() == 1 else ""
            clause = f"one {told.one} of {n}{named} and no more can be claimed"
        case Level.SPREADING:
            clause = f"at least {score.bound} of {n} {told.many} can be claimed"
        case _:
            clause = "; ".join(_low(reason.text.rstrip(".")) for reason in verdict.reasons)
    return clause


def caveats(
    context: ServiceContext, as_of: date, verdicts: Mapping[Strand, Verdict]
) -> list[Sentence]:
    """Qualifiers in words; what holds of every strand asked is said once."""
    asked = {each: v for each, v in verdicts.items() if v.level is not Level.NOT_APPLICABLE}
    found = []
    for code, words in CAVEATS.items():
        held = [each for each, verdict in asked.items() if code in verdict.qualifiers]
        if not held:
            continue
        of_all = len(held) == len(asked)
        text = (
            words
            if of_all
            else f"{capital(listed([BRIEFLY[each] for each in held]))}: {_low(words)}"
        )
        found.append(
            _missing(code, text, {"strands": [each.value for each in held]}, context, as_of, held)
        )
    return found


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]


def _missing(
    code: str,
    text: str,
    figures: dict[str, Any],
    context: ServiceContext,
    as_of: date,
    strands: Iterable[Strand],
) -> Sentence:
    strands = list(strands)
    return {
        "code": code,
        "part": StoryPart.MISSING.value,
        "strand": strands[0].value if len(strands) == 1 else None,
        "text": text,
        "figures": figures,
        "links": [view_link(context, each, as_of) for each in strands],
    }


def provisional(context: ServiceContext, as_of: date) -> Sentence:
    """Until the day of the look evidence is still expected."""
    until = add_months(as_of, 1).replace(day=context.choices.look_day)
    text = (
        f"The figures of {month_words(as_of)} are provisional until the end of"
        f" {until.day} {month_words(until)}: late evidence may still change them."
    )
    return _missing(
        "provisional", text, {"until": until.isoformat()}, context, as_of, tuple(Strand)
    )


def advice(told: Told) -> Iterator[Sentence]:
    """The further evidence that would settle what is not reached, where a little would."""
    for one in told.shown["would_change"]:
        events = one["further_events"]
        if not events:
            continue
        kinds = [FURTHER_WORDS[Channel(channel)][events != 1] for channel in one["channels"]]
        name = told.score.spoken[told.score.codes.index(one["segment"])]
        text = (
            f"{listed([f'{events} more {kind}' for kind in kinds])} in the current months would"
            f" most likely show whether {name} has changed enough to matter."
        )
        figures = {"segment": one["segment"], "further_events": events}
        yield told.sentence(StoryPart.MISSING, "would_change", text, figures)
