"""What all bodies of setting up share: nothing unknown is taken, and refusals point at a field."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.problems import Problem

#: Something to read, however short; only spaces would look like nothing.
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
StoredId = Annotated[int, Field(ge=1, le=2**63 - 1)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"\S")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Flaw(NamedTuple):
    pointer: str
    code: str
    detail: str


def refuse(problem: str, flaws: Sequence[Flaw]) -> None:
    """Raise the problem when there is anything to point at."""
    if flaws:
        raise Problem(problem, errors=[flaw._asdict() | {"in": "body"} for flaw in flaws])
