"""Frameworks of the regulator as versioned data: statements by key question, dates, crosswalk.

CQC publishes no codes; these are ours. Nothing here rates: which statements an indicator speaks
to is all that is ever said.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

KEY_QUESTIONS = {
    "S": "Safe",
    "E": "Effective",
    "C": "Caring",
    "R": "Responsive",
    "W": "Well-led",
}


class Framework(NamedTuple):
    """`titles` by code. A draft has no date from which it is used."""

    code: str
    title: str
    status: str
    published_on: date | None
    effective_from: date | None
    effective_to: date | None
    titles_verified: bool
    titles: Mapping[str, str]


SAF_2023 = Framework(
    code="saf2023",
    title="Single assessment framework: quality statements",
    status="in_force",
    published_on=None,
    effective_from=date(2023, 11, 21),
    effective_to=None,
    titles_verified=True,
    titles={
        "S1": "Learning culture",
        "S2": "Safe systems, pathways and transitions",
        "S3": "Safeguarding",
        "S4": "Involving people to manage risks",
        "S5": "Safe environments",
        "S6": "Safe and effective staffing",
        "S7": "Infection prevention and control",
        "S8": "Medicines optimisation",
        "E1": "Assessing needs",
        "E2": "Delivering evidence-based care and treatment",
        "E3": "How staff, teams and services work together",
        "E4": "Supporting people to live healthier lives",
        "E5": "Monitoring and improving outcomes",
        "E6": "Consent to care and treatment",
        "C1": "Kindness, compassion and dignity",
        "C2": "Treating people as individuals",
        "C3": "Independence, choice and control",
        "C4": "Responding to people's immediate needs",
        "C5": "Workforce wellbeing and enablement",
        "R1": "Person-centred care",
        "R2": "Care provision, integration and continuity",
        "R3": "Providing information",
        "R4": "Listening to and involving people",
        "R5": "Equity in access",
        "R6": "Equity in experiences and outcomes",
        "R7": "Planning for the future",
        "W1": "Shared direction and culture",
        "W2": "Capable, compassionate and inclusive leaders",
        "W3": "Freedom to speak up",
        "W4": "Workforce equality, diversity and inclusion",
        "W5": "Governance, management and sustainability",
        "W6": "Partnerships and communities",
        "W7": "Learning, improvement and innovation",
        "W8": "Environmental sustainability",
    },
)

ASC_2026_DRAFT = Framework(
    code="asc2026-draft",
    title="Adult social care framework: key lines of enquiry (draft)",
    status="draft",
    published_on=date(2026, 3, 24),
    effective_from=None,
    effective_to=None,
    titles_verified=False,
    titles={
        "S1": "Safety culture",
        "S2": "Managing risks during care and treatment",
        "S3": "Safe systems, pathways and transitions",
        "S4": "Safeguarding",
        "S5": "Safe environments and infection prevention and control",
        "S6": "Safe staffing",
        "S7": "Safe medicines and treatments",
        "E1": "Assessing needs",
        "E2": "Evidence-based care and equitable outcomes",
        "E3": "Supporting people to live healthier lives",
        "E4": "Consent to care and treatment",
        "C1": "Kindness, compassion and dignity",
        "C2": "Person-centred care",
        "C3": "Independence, choice and control",
        "R1": "Care provision, integration and continuity",
        "R2": "Listening to and responding to feedback",
        "R3": "Timely and equitable access",
        "R4": "Equity in experiences",
        "W1": "Strategic direction",
        "W2": "Workforce equity and culture",
        "W3": "Capable and compassionate leaders",
        "W4": "Governance and management",
        "W5": "Partnerships and communities",
        "W6": "Improvement, innovation and learning",
    },
)

FRAMEWORKS = (SAF_2023, ASC_2026_DRAFT)


def framework_in_force(day: date) -> Framework | None:
    """What services are assessed by on a day; None before the first that is known here."""
    in_force = [
        (each.effective_from, each)
        for each in FRAMEWORKS
        if each.effective_from is not None
        and each.effective_from <= day
        and (each.effective_to is None or day <= each.effective_to)
    ]
    return max(in_force, key=lambda pair: pair[0])[1] if in_force else None


#: Statements of `saf2023` and where `asc2026-draft` asks about the same; many to many.
CROSSWALK = {
    "S1": ("S1",), "S2": ("S3",), "S3": ("S4",), "S4": ("S2",),
    "S5": ("S5",), "S6": ("S6",), "S7": ("S5",), "S8": ("S7",),
    "E1": ("E1",), "E2": ("E2",), "E3": ("S3", "R1"), "E4": ("E3",),
    "E5": ("E2",), "E6": ("E4",),
    "C1": ("C1",), "C2": ("C2",), "C3": ("C3",), "C4": ("C1", "R3"), "C5": ("W2",),
    "R1": ("C2",), "R2": ("R1",), "R3": ("R2", "R3"), "R4": ("R2",),
    "R5": ("R3",), "R6": ("R4", "E2"), "R7": ("C3",),
    "W1": ("W1",), "W2": ("W3",), "W3": ("W2",), "W4": ("W2",),
    "W5": ("W4",), "W6": ("W5",), "W7": ("W6",), "W8": ("W1", "W4"),
}  # fmt: skip

#: Every statement as indicators and records name it.
STATEMENTS = frozenset(
    f"{framework.code}:{code}" for framework in FRAMEWORKS for code in framework.titles
)
