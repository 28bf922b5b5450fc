"""The three strands of the route, step by step, from first events to the signed judgement."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from models.vocabulary import Strand
from tests.conftest import Database
from tests.demo_home import HARBOUR_VIEW, MEADOWLANDS, WILLOWBROOK, demo_home
from tests.scenarios import PEOPLE, Scenario
from tests.text_tables import rows


@pytest.fixture(scope="module")
async def home(app: FastAPI, database: Database) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with demo_home(app, database, PEOPLE) as clients:
        yield clients


#: Meadow alone improved. Its manager would like to say more than that, and cannot.
ONE_TEAM = """
who   | does     | about                     | then
quinn | maps     |                           | began in meadow; less stable: dale, fen, heath, moor
ruth  | judges   | partly                    | 422: The figures support 'not_yet' at most (level 'localised'). Say why the judgement goes beyond them.
ruth  | judges   | not_yet                   | 409: The local implementation log (support, by the team_leader) has to be signed first.
dan   | observes | fen                       | 409: The service-wide consistency review (compare, by the registered_manager) has to be signed first.
ruth  | compares | material                  | gaps that matter to people: dale, fen, heath, moor
dan   | observes | fen                       | evidence: knowledge.checked, observation.completed
lena  | supports | moor                      | 409: The comparative practice sheet of moor (observe, by the deputy_manager) has to be signed first.
lena  | supports | fen                       | behind the benchmark where it matters: 1 of 17
dan   | judges   | not_yet                   | 403: Only registered_manager may write, sign or withdraw the governance summary; Dan is deputy_manager here today, as far as this key acts for it.
ruth  | judges   | not_yet, to senior_leader | not_yet, figures say localised; unseen: dale, heath, moor
"""  # noqa: E501 - what is answered stands on one line

#: Days improved, nights did not: part of the way, and both nights are seen.
NIGHTS_LAG = """
who   | does     | about         | then
quinn | maps     |               | began in weekday_day or weekend_day; less stable: weekday_night, weekend_night
ruth  | compares | material      | gaps that matter to people: weekday_night, weekend_night
dan   | observes | weekday_night | evidence: knowledge.checked, observation.completed
dan   | observes | weekend_night | evidence: knowledge.checked, observation.completed
lena  | supports | weekday_night | behind the benchmark where it matters: 3 of 16
lena  | supports | weekend_night | behind the benchmark where it matters: 2 of 16
ruth  | judges   | partly        | partly, figures say spreading; unseen: nothing
"""  # noqa: E501 - what is answered stands on one line

#: Inside improved and people do not feel it yet: an honest "not yet".
NOT_FELT = """
who   | does     | about                     | then
quinn | maps     |                           | began in no one place; less stable: Nursing, Residential
ruth  | compares | material                  | gaps that matter to people: none
dan   | observes | Nursing                   | evidence: knowledge.checked, observation.completed
lena  | supports | Nursing                   | behind the benchmark where it matters: 0 of 17
ruth  | judges   | broad_enough              | 422: The figures support 'not_yet' at most (level 'insufficient_evidence'). Say why the judgement goes beyond them.
ruth  | judges   | not_yet, to senior_leader | not_yet, figures say insufficient_evidence; unseen: Residential
"""  # noqa: E501 - what is answered stands on one line

#: Every team improved: nobody is left to help, and leaders may judge once they have compared.
EVERY_TEAM = """
who   | does     | about        | then
quinn | maps     |              | began in alder or birch or cedar or hazel or rowan or willow; less stable: none
ruth  | judges   | broad_enough | 409: The service-wide consistency review (compare, by the registered_manager) has to be signed first.
ruth  | compares | minor        | gaps that matter to people: none
ruth  | judges   | broad_enough | broad_enough, figures say broad; unseen: nothing
"""  # noqa: E501 - what is answered stands on one line


@pytest.mark.parametrize(
    ("service", "strand", "table"),
    [
        (MEADOWLANDS, Strand.TEAM_SPREAD, ONE_TEAM),
        (HARBOUR_VIEW, Strand.SHIFT_COVERAGE, NIGHTS_LAG),
        (HARBOUR_VIEW, Strand.EVIDENCE_ALIGNMENT, NOT_FELT),
        (WILLOWBROOK, Strand.TEAM_SPREAD, EVERY_TEAM),
    ],
)
async def test_strand_goes_its_route(
    home: dict[str, httpx.AsyncClient], service: str, strand: Strand, table: str
) -> None:
    scenario = Scenario(home, service, strand, "2026-10")
    for row in rows(table):
        assert await scenario.step(row) == row["then"]
