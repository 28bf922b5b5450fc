"""Shipped connectors: documents that run, pages that are true of them, nobody in what comes out."""

import json
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from models.event_types import SHAPES
from models.incoming.content import Terms
from models.incoming.validation import read_item
from models.keyring import Pseudonyms
from models.mapping.columns import layout_of
from models.mapping.examples import check_examples
from models.mapping.map_body import Mapped, Outcome, map_body
from models.mapping.mappings import DATA, Mapping, content_hash
from models.mapping.problems import problems_of
from models.mapping.shipped import FOLDER, SHIPPED, document_of, generic_csv, page_of
from tests.conftest import NOW
from tests.shipped_pages import calls, leaves, page, rows_of

PLATFORMS = [name for name in SHIPPED if name not in generic_csv.TYPES]
TABLES = list(generic_csv.TYPES)
HEADINGS = [
    "What becomes of it",
    "What is not counted, and why",
    "Set up in two calls",
    "What usually goes wrong",
]
#: Under these keys samples say who somebody is, or say something in their own words.
PERSONAL = frozenset(
    (
        *("name", "note", "ResidentName", "Comment", "Employee", "reported_by", "description"),
        *("ReporterContact", "StrengthsOfCare", "Comments", "Reviewer", "Title", "Review"),
    )
)
OF_PLACES = frozenset(("unit",))


def map_page(name: str) -> Mapped:
    return map_body(SHIPPED[name], page(name).sent)


def said(outcome: Outcome, place: str) -> dict[str, Any]:
    """Of a record that became nothing, as pages write it."""
    if outcome.skipped is not None:
        return {place: outcome.index, "skipped": outcome.skipped}
    return {
        place: outcome.index,
        "rejected": [flaw.pointer for flaw in outcome.flaws],
        "codes": [flaw.code for flaw in outcome.flaws],
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_document_is_a_mapping_that_can_run(name: str) -> None:
    document = document_of(name)
    assert problems_of(document) == []
    heading = page_of(name).splitlines()[0].replace("`", "")
    assert heading.casefold() == f"# {name}: {document['name']}".casefold()


@pytest.mark.parametrize("name", SHIPPED)
def test_examples_come_out_as_written(name: str) -> None:
    assert check_examples(SHIPPED[name]) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_sample_of_a_page_becomes_what_the_page_says(name: str) -> None:
    shown, mapped = page(name), map_page(name)
    assert mapped.events == shown.becomes
    place = "line" if SHIPPED[name].input == "csv" else "record"
    assert [said(one, place) for one in mapped.outcomes if not one.event] == shown.not_counted
    assert len(mapped.events) + len(shown.not_counted) == len(mapped.outcomes)


@pytest.mark.parametrize("name", SHIPPED)
def test_page_says_what_every_page_says(name: str) -> None:
    shown = page(name)
    assert shown.headings[1:] == HEADINGS
    assert "{{" not in shown.text


@pytest.mark.parametrize("name", PLATFORMS)
def test_page_of_a_platform_shows_what_is_not_counted(name: str) -> None:
    assert any("rejected" in one for one in page(name).not_counted)


@pytest.mark.parametrize("name", PLATFORMS)
def test_page_has_every_code_with_its_meaning(name: str) -> None:
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]]
        for line in page_of(name).splitlines()
        if line.startswith("|")
    ]
    for codes in SHIPPED[name].codes.values():
        for code, word in codes.words.items():
            shown = word if isinstance(word, str) else json.dumps(word)
            assert [row for row in rows if (row[0], row[-1]) == (code, shown)], (name, code, shown)


def test_every_event_type_has_a_table_with_all_its_fields() -> None:
    assert sorted(generic_csv.TYPES.values()) == sorted(SHAPES)
    for name, kind in generic_csv.TYPES.items():
        mapped = {one.removeprefix(DATA) for one in SHIPPED[name].fields if one.startswith(DATA)}
        assert mapped == set(SHAPES[kind].__struct_fields__) - {"text"}


@pytest.mark.parametrize("name", TABLES)
def test_table_lists_the_columns_that_its_mapping_reads(name: str) -> None:
    listed = {line.split("`")[1] for line in page_of(name).splitlines() if line.startswith("| `")}
    fields = SHIPPED[name].fields
    read = {one.removeprefix(DATA).replace("about.", "about_") for one in fields}
    assert listed == read - ({"occurred_at"} if "occurred_at" not in listed else set())
    assert ("occurred_at" not in listed) == (fields["occurred_at"].path or "").startswith(
        ("starts_at", "on ")
    )


@pytest.mark.parametrize("name", PLATFORMS)
def test_names_and_free_text_do_not_get_through(name: str) -> None:
    sent = page(name).sent
    sample = rows_of(sent.encode()) if isinstance(sent, str) else sent
    personal = [
        leaf
        for path, leaf in leaves(sample)
        if isinstance(leaf, str) and leaf and path[-1] in PERSONAL and not OF_PLACES & set(path)
    ] + [leaf for path, leaf in leaves(sample) if path[-1] == "valueString"]
    assert personal, "a sample without anything personal proves nothing"
    written = json.dumps(map_body(SHIPPED[name], sent).events)
    assert [leaf for leaf in personal if leaf in written] == []


@pytest.mark.parametrize("name", TABLES)
def test_columns_that_a_table_does_not_list_do_not_get_through(name: str) -> None:
    sent = rows_of(page(name).sent.encode())
    strange = {"text": "She was cold", "name": "Edith Sample", "nhs_number": "9434765919"}
    mapped = map_body(SHIPPED[name], [row | strange for row in sent])
    assert mapped.events == page(name).becomes


@pytest.mark.parametrize("name", SHIPPED)
def test_events_are_taken_in_and_persons_become_pseudonyms(name: str) -> None:
    pseudonyms = Pseudonyms(b"key" * 11)
    for event in map_page(name).events:
        sent = msgspec.json.encode(event | {"source": f"{name}:elm"})
        row = read_item(sent, Terms(), pseudonyms, NOW)
        assert row.retracted == bool(event.get("retracted"))
        for who in ("person", "staff"):
            if who in event:
                assert getattr(row, who).startswith("p1_")
        assert row.text_sealed is None


@pytest.mark.parametrize("name", ["", "emar", "../mappings", "set_up", "csv/samples", "csv-dose"])
def test_no_other_name_leads_to_a_document(name: str) -> None:
    assert name not in SHIPPED
    for read in (document_of, page_of):
        with pytest.raises(KeyError):
            read(name)


def test_documents_are_the_callers_own() -> None:
    for name in ("review-site", "csv-census-taken"):
        hashed = content_hash(SHIPPED[name])
        document_of(name)["fields"].clear()
        assert len(document_of(name)["fields"]) > 3
        assert content_hash(SHIPPED[name]) == hashed


def test_each_platform_has_a_page_and_each_page_a_platform() -> None:
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"set_up"}
    assert pages == set(PLATFORMS)
    assert len(PLATFORMS) == 7
    assert len(SHIPPED) == 7 + len(SHAPES)


def test_documents_and_pages_are_part_of_the_package() -> None:
    project = tomllib.loads((FOLDER.parents[2] / "pyproject.toml").read_text())
    settings = project["tool"]["setuptools"]
    assert {"models.mapping", "models.mapping.shipped"} <= set(settings["packages"])
    patterns = settings["package-data"]["models.mapping.shipped"]
    data = [path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file()]
    left_out = [
        path
        for path in data
        if path.suffix not in {".py", ".pyc"}
        and not any(fnmatch(path.as_posix(), pattern) for pattern in patterns)
    ]
    assert left_out == []
    assert Path("csv/page.md") in data


def test_mappings_are_read_once() -> None:
    assert SHIPPED["review-site"] is SHIPPED["review-site"]
    assert isinstance(SHIPPED["review-site"], Mapping)


async def test_connector_is_set_up_by_the_two_calls_of_its_page(client: httpx.AsyncClient) -> None:
    for name in SHIPPED:
        (creating, connector), (activating, nothing) = calls(name)
        created = await client.post(creating, json=connector)
        assert created.status_code == 201, (name, created.text)
        assert (created.json()["secret"] is None) == (SHIPPED[name].input == "csv")
        activated = await client.post(activating)
        assert nothing is None
        assert activated.status_code == 200, (name, activated.text)
        assert activated.json()["state"] == "active"
        assert activated.json()["document"] == document_of(name)


@pytest.mark.parametrize("name", [name for name in SHIPPED if SHIPPED[name].input == "csv"])
def test_columns_are_known_in_other_spellings(name: str) -> None:
    shown, mapping = page(name), SHIPPED[name]
    heads, *rows = shown.sent.splitlines()
    others = [(mapping.columns.get(head) or (head,))[-1].upper() for head in heads.split(",")]
    quoted = ",".join(f'"{head}"' for head in others)
    assert map_body(mapping, "\n".join([quoted, *rows])).events == shown.becomes


@pytest.mark.parametrize("name", [name for name in SHIPPED if SHIPPED[name].input == "csv"])
def test_every_column_that_is_read_is_declared(name: str) -> None:
    assert set(layout_of(SHIPPED[name]).columns) == set(SHIPPED[name].columns)
