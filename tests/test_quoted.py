"""What the story says of signed records: their words in quotation marks, who signed, and when."""

from typing import Any

import pytest

from api.reading.quoted import LONGEST_QUOTATION, Quoting, judgement_of, quoted, quoted_from
from models.vocabulary import Stage, Strand

LINK = "/v1/services/1-545611283"
RUTH = {"person": "ruth", "name": "Ruth Bell", "role": "registered_manager"}
SIGNED = "Signed by Ruth Bell, registered manager, on 6 November 2026."
QUOTING = Quoting(LINK, {"oak": "Oak", "ash": "Ash", "elm": "Elm"}, {"tom": "Tom Reed"})


def record(stage: Stage, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "strand": Strand.TEAM_SPREAD.value,
        "stage": stage.value,
        "title": "improvement spread dashboard",
        "segment": None,
        "signed_by": RUTH,
        # Late in the evening of the 6th in London, on the 6th as well by UTC.
        "signed_at": "2026-11-06T22:30:00Z",
        "author_leads_segment": False,
        "view": f"{LINK}/spread-dashboard?as_of=2026-10",
        "figures": {"supports": "partly", "beyond_the_figures": False},
        "body": body,
    } | more


def texts(of: dict[str, Any]) -> list[str]:
    return [each["text"] for each in quoted_from(of, QUOTING)]


def visit(**more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"practice": None, "knowledge": None, "slows": [], "note": None}
    return {"id": "1", "at": "2026-11-03T10:00:00+00:00", "team": None} | nothing | more


def help_(**more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "kind": "handover_checks",
        "what": "Sit in on each evening handover.",
        "owner": "tom",
        "due_on": "2026-11-20",
        "review_on": "2026-12-01",
        "outcome": None,
        "outcome_on": None,
    } | more


def compared(**answers: str) -> dict[str, Any]:
    return {
        "segments": [
            {"segment": code, "replicated": answer, "why": f"As seen in {code}."}
            for code, answer in answers.items()
        ],
        "origin_outperforms": True,
        "significance": "material",
        "significance_reason": "Ash gives medicines late on most evenings.",
    }


def judged(**more: Any) -> dict[str, Any]:
    return {
        "judgement": "partly",
        "residual_variation": "Ash is behind.",
        "enhanced_oversight": True,
        "escalation": None,
        "why_beyond": None,
    } | more


def test_a_map_without_a_comment_says_nothing_of_its_own() -> None:
    assert not texts(record(Stage.MAP, {"comment": None}))
    assert texts(record(Stage.MAP, {"comment": "Elm had no audits in May"})) == [
        f"Of the improvement spread dashboard: “Elm had no audits in May”. {SIGNED}"
    ]


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (
            {"oak": "yes", "elm": "yes", "ash": "no"},
            "The stronger approach is at work in Oak and Elm, not in Ash.",
        ),
        (
            {"oak": "yes", "elm": "partly", "ash": "no"},
            "The stronger approach is at work in Oak, partly in Elm, not in Ash.",
        ),
        ({"oak": "partly", "ash": "no"}, "The stronger approach is partly in Oak, not in Ash."),
        ({"oak": "no"}, "The stronger approach is not in Oak."),
    ],
)
def test_a_comparison_says_where_the_approach_is_replicated_and_why_not(
    answers: dict[str, str], text: str
) -> None:
    first, *others = texts(record(Stage.COMPARE, compared(**answers)))
    assert first == f"{text} The first area still outperforms the others too heavily. {SIGNED}"
    assert len(others) == sum(answer != "yes" for answer in answers.values()) + 1
    assert others[-1] == (
        "The variation is material for confidence in a rating: “Ash gives medicines late on most"
        f" evenings.” {SIGNED}"
    )
    for code, answer in answers.items():
        assert any(f"“As seen in {code}.”" in other for other in others) == (answer != "yes")


def test_visits_are_summed_and_their_notes_quoted() -> None:
    body = {
        "entries": [
            visit(
                practice={"items_due": 10, "items_met": 6, "of": None},
                slows=["agency_staff"],
                note="Nobody could find the round sheet.",
            ),
            visit(
                id="2",
                at="2026-11-05T23:30:00+00:00",
                practice={"items_due": 10, "items_met": 9, "of": None},
                knowledge={"asked": 4, "known": 3, "of": None},
                slows=["agency_staff", "handover"],
            ),
        ]
    }
    assert texts(record(Stage.OBSERVE, body, segment="ash", author_leads_segment=True)) == [
        (
            "Ash, visited from 3 November 2026 to 5 November 2026: 15 of 20 practice items were"
            " met; 3 of 4 questions were answered; what slows it: agency staff and handover. The"
            f" observer leads a team that was observed. {SIGNED}"
        ),
        f"Ash, 3 November 2026: “Nobody could find the round sheet.” {SIGNED}",
    ]


def test_help_names_what_who_and_when_and_what_came_of_it() -> None:
    done = help_(id="2", outcome="Held every night", outcome_on="2026-11-25", due_on="2026-11-24")
    assert texts(record(Stage.SUPPORT, {"entries": [done, help_()]}, segment="ash")) == [
        (
            "Handover checks for Ash: “Sit in on each evening handover.” Tom Reed sees to it by 20"
            f" November 2026; to be reviewed on 1 December 2026. {SIGNED}"
        ),
        (
            "Handover checks for Ash: “Sit in on each evening handover.” Tom Reed sees to it by 24"
            " November 2026; to be reviewed on 1 December 2026. Outcome on 25 November 2026: “Held"
            f" every night”. {SIGNED}"
        ),
    ]


def test_of_much_help_the_newest_is_told_and_how_much_more_there_is() -> None:
    entries = [help_(id=f"{day}", due_on=f"2026-11-{day:02}") for day in range(1, 9)]
    said = texts(record(Stage.SUPPORT, {"entries": entries}, segment="ash"))
    assert len(said) == 6
    assert "by 8 November" in said[4]
    assert said[5] == f"3 more of support for Ash in the record. {SIGNED}"


def test_a_judgement_is_said_with_what_it_rests_on_and_what_it_goes_beyond() -> None:
    assert texts(record(Stage.JUDGE, judged())) == [
        f"Improvement across teams is judged broad enough in part: “Ash is behind.” {SIGNED}",
        f"Enhanced oversight is kept. {SIGNED}",
    ]
    body = judged(
        judgement="broad_enough",
        why_beyond="The inspector saw Ash last week.",
        enhanced_oversight=False,
        escalation={"to": "senior_leader", "why": "Ash needs a rota of its own."},
    )
    figures = {"supports": "not_yet", "beyond_the_figures": True}
    of = record(Stage.JUDGE, body, figures=figures)
    assert texts(of) == [
        f"Improvement across teams is judged broad enough: “Ash is behind.” {SIGNED}",
        (
            "That goes beyond the figures, which support 'not yet broad enough': “The inspector saw"
            f" Ash last week.” {SIGNED}"
        ),
        f"Enhanced oversight is not kept. {SIGNED}",
        f"Escalated to the senior leader: “Ash needs a rota of its own.” {SIGNED}",
    ]
    found = judgement_of(of, QUOTING)
    assert (found["judgement"], found["supports"]) == ("broad_enough", "not_yet")
    assert found["beyond_the_figures"]
    assert found["link"] == f"{LINK}/records/7"


def test_a_long_text_is_cut_at_a_word_and_says_so() -> None:
    said = quoted("word " * 200)
    assert said.endswith("word …”")
    assert len(said) <= LONGEST_QUOTATION + 4
    assert quoted("x" * 5000) == "“" + "x" * LONGEST_QUOTATION + " …”"
    assert quoted("two\n\nlines") == "“two lines”."
