"""Signed records in sentences: what people observed, what is being done, what leaders judged.

Their own words stand in quotation marks, with who signed them and when; the record is linked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from models.calendar import local_date
from models.vocabulary import Judgement, Stage, StoryPart, Strand

State = dict[str, Any]
Sentence = dict[str, Any]

#: A quotation is cut at a word; the whole stands in the record.
LONGEST_QUOTATION = 300
#: Of the entries of one record the newest are told.
MOST_ENTRIES = 5

JUDGED = {
    Judgement.NOT_YET: "not yet broad enough",
    Judgement.PARTLY: "broad enough in part",
    Judgement.BROAD_ENOUGH: "broad enough",
}
OF = {
    Strand.TEAM_SPREAD: "across teams",
    Strand.SHIFT_COVERAGE: "across times of the week",
    Strand.EVIDENCE_ALIGNMENT: "in what people feel",
}


class Quoting(NamedTuple):
    """What sentences about the records of one strand need to know beside them.

    names : segments by code. people : names by the code of a person.
    """

    link: str
    names: Mapping[str, str]
    people: Mapping[str, str]
    #: Ends every link, so that it leads to what was known then.
    then: str = ""

    def name(self, segment: str) -> str:
        return self.names.get(segment, segment)

    def listed(self, segments: Sequence[str]) -> str:
        return listed([self.name(each) for each in segments])


def quoted_from(record: State, quoting: Quoting) -> list[Sentence]:
    """What one signed record says, in the order of its body."""
    stage = Stage(record["stage"])
    part, tell = TELL[stage]
    signed = f"Signed by {named(record['signed_by'])} on {day_of(record['signed_at'])}."
    base = {
        "record": record["id"],
        "signed_by": record["signed_by"]["person"],
        "signed_role": record["signed_by"]["role"],
        "signed_at": record["signed_at"],
    }
    return [
        {
            "code": f"{record['strand']}.{code}",
            "part": part.value,
            "strand": record["strand"],
            "text": f"{text[:1].upper()}{text[1:]} {signed}",
            "figures": base | figures,
            "links": [f"{quoting.link}/records/{record['id']}{quoting.then}", record["view"]],
        }
        for code, text, figures in tell(record, quoting)
    ]


Saying = tuple[str, str, dict[str, Any]]


def _map(record: State, _: Quoting) -> Iterator[Saying]:
    if record["body"]["comment"]:
        yield "map", f"Of the {record['title']}: {quoted(record['body']['comment'])}", {}


def _compare(record: State, quoting: Quoting) -> Iterator[Saying]:
    body = record["body"]
    by_answer: dict[str, list[str]] = {"yes": [], "partly": [], "no": []}
    for one in body["segments"]:
        by_answer[one["replicated"]].append(one["segment"])
    said = [
        f"{words} {quoting.listed(by_answer[answer])}"
        for answer, words in (("yes", "is at work in"), ("partly", "partly in"), ("no", "not in"))
        if by_answer[answer]
    ]
    if not by_answer["yes"]:
        said[0] = f"is {said[0]}"
    first = " still outperforms" if body["origin_outperforms"] else " does not outperform"
    text = f"The stronger approach {', '.join(said)}. The first area{first} the others too heavily."
    yield "compare", text, {"replicated": by_answer}
    for one in body["segments"]:
        if one["replicated"] != "yes":
            answer = "in part" if one["replicated"] == "partly" else "not"
            text = f"{quoting.name(one['segment'])}, replicated {answer}: {quoted(one['why'])}"
            yield "compare.segment", text, {"segment": one["segment"]}
    reason = quoted(body["significance_reason"])
    text = f"The variation is {body['significance']} for confidence in a rating: {reason}"
    yield "compare.significance", text, {"significance": body["significance"]}


def _observe(record: State, quoting: Quoting) -> Iterator[Saying]:
    entries = sorted(record["body"]["entries"], key=lambda one: instant(one["at"]))
    name = quoting.name(record["segment"])
    days = list(dict.fromkeys(day_of(one["at"]) for one in entries))
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    figures: dict[str, Any] = {"segment": record["segment"], "visits": len(entries)}
    said = []
    for what, due, met, words in (
        ("practice", "items_due", "items_met", "{} of {} practice items were met"),
        ("knowledge", "asked", "known", "{} of {} questions were answered"),
    ):
        seen = [one[what] for one in entries if one[what] is not None]
        if seen:
            good, all_ = sum(one[met] for one in seen), sum(one[due] for one in seen)
            said.append(words.format(good, all_))
            figures[what] = {met: good, due: all_}
    slows = list(dict.fromkeys(word for one in entries for word in one["slows"]))
    if slows:
        figures["slows"] = slows
        said.append(f"what slows it: {listed([word.replace('_', ' ') for word in slows])}")
    text = f"{name}, visited {when}"
    text += f": {'; '.join(said)}." if said else "."
    if record["author_leads_segment"]:
        text += " The observer leads a team that was observed."
    yield "observe", text, figures
    noted = [one for one in entries if one["note"]]
    for one in noted[-MOST_ENTRIES:]:
        text = f"{name}, {day_of(one['at'])}: {quoted(one['note'])}"
        yield "observe.note", text, {"segment": record["segment"], "entry": one["id"]}


def _support(record: State, quoting: Quoting) -> Iterator[Saying]:
    entries = sorted(record["body"]["entries"], key=lambda one: one["due_on"])
    name = quoting.name(record["segment"])
    for one in entries[-MOST_ENTRIES:]:
        owner = quoting.people.get(one["owner"], one["owner"])
        kind = one["kind"].replace("_", " ")
        text = (
            f"{kind} for {name}: {quoted(one['what'])} {owner} sees to it by"
            f" {in_words(one['due_on'])}; to be reviewed on {in_words(one['review_on'])}."
        )
        if one["outcome"] is not None:
            text += f" Outcome on {in_words(one['outcome_on'])}: {quoted(one['outcome'])}"
        figures = {"segment": record["segment"], "entry": one["id"]}
        yield "support", text, figures | {name: one[name] for name in ("due_on", "review_on")}
    if (more := len(entries) - MOST_ENTRIES) > 0:
        text = f"{more} more of support for {name} in the record."
        yield "support.more", text, {"segment": record["segment"], "entries": len(entries)}


def _judge(record: State, _: Quoting) -> Iterator[Saying]:
    body, figures = record["body"], record["figures"]
    judgement = Judgement(body["judgement"])
    variation = quoted(body["residual_variation"])
    text = f"Improvement {OF[Strand(record['strand'])]} is judged {JUDGED[judgement]}: {variation}"
    yield "judge", text, {"judgement": judgement.value}
    if figures["beyond_the_figures"]:
        supported = JUDGED[Judgement(figures["supports"])]
        text = f"That goes beyond the figures, which support '{supported}': "
        yield "judge.beyond", text + quoted(body["why_beyond"]), {"supports": figures["supports"]}
    kept = "is kept" if body["enhanced_oversight"] else "is not kept"
    kept_figures = {"enhanced_oversight": body["enhanced_oversight"]}
    yield "judge.oversight", f"Enhanced oversight {kept}.", kept_figures
    if body["escalation"] is not None:
        to = role_words(body["escalation"]["to"])
        text = f"Escalated to the {to}: {quoted(body['escalation']['why'])}"
        yield "judge.escalation", text, {"to": body["escalation"]["to"]}


TELL: dict[Stage, tuple[StoryPart, Callable[[State, Quoting], Iterator[Saying]]]] = {
    Stage.MAP: (StoryPart.OBSERVED, _map),
    Stage.COMPARE: (StoryPart.JUDGED, _compare),
    Stage.OBSERVE: (StoryPart.OBSERVED, _observe),
    Stage.SUPPORT: (StoryPart.DOING, _support),
    Stage.JUDGE: (StoryPart.JUDGED, _judge),
}


def judgement_of(record: State, quoting: Quoting) -> State:
    """The judgement of a signed record by itself, for those who compare it with the figures."""
    body = record["body"]
    return {
        "strand": record["strand"],
        "judgement": body["judgement"],
        "residual_variation": body["residual_variation"],
        "enhanced_oversight": body["enhanced_oversight"],
        "escalation": body["escalation"],
        "supports": record["figures"]["supports"],
        "beyond_the_figures": record["figures"]["beyond_the_figures"],
        "why_beyond": body["why_beyond"],
        "signed_by": record["signed_by"]["name"],
        "signed_role": record["signed_by"]["role"],
        "signed_at": record["signed_at"],
        "record": record["id"],
        "link": f"{quoting.link}/records/{record['id']}{quoting.then}",
    }


def quoted(text: str) -> str:
    """Somebody's own words; cut at a word where they are long, which the dots say."""
    words = " ".join(text.split())
    if len(words) > LONGEST_QUOTATION:
        words = words[:LONGEST_QUOTATION].rpartition(" ")[0] or words[:LONGEST_QUOTATION]
        return f"“{words} …”"
    return f"“{words}”" + ("" if words.endswith((".", "!", "?", "…")) else ".")


def named(who: State) -> str:
    return f"{who['name']}, {role_words(who['role'])},"


def role_words(role: str) -> str:
    return role.replace("_", " ")


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


def day_of(written: str) -> str:
    return _day(local_date(instant(written)))


def in_words(written: str) -> str:
    return _day(date.fromisoformat(written))


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
