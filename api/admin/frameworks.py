"""The regulator's frameworks for reading: what indicators speak to, and how old maps to new."""

from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import require
from api.problems import problems
from models.frameworks import ASC_2026_DRAFT, CROSSWALK, FRAMEWORKS, KEY_QUESTIONS, SAF_2023
from models.frameworks import Framework as Stored
from models.vocabulary import Scope

router = APIRouter(prefix="/v1/frameworks", tags=["frameworks"])


class Statement(BaseModel):
    code: str = Field(examples=["saf2023:S8"])
    title: str


class KeyQuestion(BaseModel):
    title: str = Field(examples=["Safe"])
    statements: list[Statement]


class Framework(BaseModel):
    code: str
    title: str
    status: Literal["in_force", "draft"]
    published_on: date | None
    effective_from: date | None = Field(description="Null while nobody is assessed by it.")
    effective_to: date | None
    titles_verified: bool = Field(description="False: not checked against the regulator's text.")
    key_questions: list[KeyQuestion]


class Crossing(BaseModel):
    statement: str = Field(examples=["saf2023:E3"])
    same_as: list[str] = Field(examples=[["asc2026-draft:S3", "asc2026-draft:R1"]])


class FrameworksAnswer(BaseModel):
    frameworks: list[Framework]
    crosswalk: list[Crossing]


def framework_answer(stored: Stored) -> Framework:
    key_questions = [
        KeyQuestion(
            title=title,
            statements=[
                Statement(code=f"{stored.code}:{code}", title=statement)
                for code, statement in stored.titles.items()
                if code.startswith(letter)
            ],
        )
        for letter, title in KEY_QUESTIONS.items()
    ]
    fields = stored._asdict()
    del fields["titles"]
    return Framework(key_questions=key_questions, **fields)


@router.get("", dependencies=[require(Scope.ADMIN, Scope.VIEWS_READ)], responses=problems())
async def get_frameworks() -> FrameworksAnswer:
    """Statements by key question, dates, and the crosswalk. No rating is predicted from them."""
    return FrameworksAnswer(
        frameworks=[framework_answer(stored) for stored in FRAMEWORKS],
        crosswalk=[
            Crossing(
                statement=f"{SAF_2023.code}:{code}",
                same_as=[f"{ASC_2026_DRAFT.code}:{each}" for each in same],
            )
            for code, same in CROSSWALK.items()
        ],
    )
