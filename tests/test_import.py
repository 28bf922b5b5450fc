"""`breadth import` takes a table and says what became of its rows."""

import csv
import json
import shlex

import httpx
import pytest

from models.mapping.shipped import document_of
from models.vocabulary import Scope
from tests.connecting import SERVICE, items, reconciled, set_up
from tests.importing import CENSUS, RESULT, SCOPES, Command, census, command, served, working
from tests.shipped_pages import page, shells

__all__ = ["command", "served", "working"]  # fixtures


@pytest.mark.usefixtures("working")
async def test_shipped_mapping_is_set_up_and_the_table_taken(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    file = command.write(census(40))
    first = await command.run(file, "--mapping", CENSUS)
    assert first.code == 0, first
    assert f"Made the connector {CENSUS}; its events have the source upload:{CENSUS}." in first.out
    assert first.said()["accepted"] == 40
    connector = (await client.get(f"/v1/connectors/{CENSUS}")).json()
    assert (connector["source"], connector["signature"]) == (f"upload:{CENSUS}", None)
    kept = command.write(await command.key(*SCOPES) + "\n", "key")
    again = await command.run(file, "--mapping", CENSUS, "--key-file", kept, key="")
    assert again.code == 0, again
    assert "was here before" in again.out
    assert "Made" not in again.out
    file.write_text(census(41))
    grown = await command.run(file, "--mapping", CENSUS)
    assert (grown.said()["accepted"], grown.said()["duplicates"]) == (1, 40)
    assert not file.with_name(RESULT).exists()
    await reconciled(client)


@pytest.mark.usefixtures("working")
async def test_refused_rows_are_in_the_result_file_and_in_the_exit_code(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    bad = f"{SERVICE},oak,C-90,yesterday,12\n{SERVICE},oak,C-91,2026-09-01,\n"
    file = command.write(census(3) + bad)
    done = await command.run(file, "--mapping", CENSUS)
    assert done.code == 3, done
    assert (done.said()["accepted"], done.said()["rejected"]) == (3, 2)
    with file.with_name(RESULT).open(encoding="utf-8-sig", newline="") as result:
        lines = list(csv.DictReader(result))
    # The day says both when it was and when it happened, so its row has two reasons.
    assert [(line["row"], line["outcome"]) for line in lines] == [
        ("5", "rejected"),
        ("5", "rejected"),
        ("6", "rejected"),
    ]
    assert {line["column"] for line in lines} == {"on", "residents"}
    assert all(line["detail"] for line in lines)
    elsewhere = command.folder / "why.csv"
    again = await command.run(file, "--mapping", CENSUS, "--result", elsewhere)
    assert again.code == 3, "what was refused is still refused"
    assert elsewhere.read_bytes() == file.with_name(RESULT).read_bytes()


@pytest.mark.usefixtures("working")
async def test_all_or_nothing_takes_nothing_with_a_refused_row(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    bad = f"{SERVICE},oak,C-90,yesterday,12\n"
    file = command.write(census(3) + bad)
    done = await command.run(file, "--mapping", CENSUS, "--all-or-nothing")
    assert done.code == 3, done
    assert (done.said()["accepted"], done.said()["withheld"]) == (0, 3)
    assert "Nothing was stored" in done.out
    assert file.with_name(RESULT).read_text().count("rejected") == 2
    file.write_text(census(3))
    mended = await command.run(file, "--mapping", CENSUS, "--all-or-nothing")
    assert (mended.code, mended.said()["accepted"]) == (0, 3)


@pytest.mark.usefixtures("working")
async def test_unknown_teams_are_named_with_what_releases_their_rows(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    file = command.write(census(3, "Elm Unit"))
    done = await command.run(file, "--mapping", CENSUS)
    assert (done.code, done.said()["quarantined"]) == (0, 3), done
    assert f"Not known: team 'Elm Unit' of {SERVICE}." in done.out
    assert "alias" in done.out
    lesser = await command.key(Scope.EVENTS_WRITE, Scope.CONNECTORS_ADMIN)
    again = await command.run(file, "--mapping", CENSUS, key=lesser)
    assert "GET /v1/quarantine (scope 'admin')" in again.out


@pytest.mark.usefixtures("working")
async def test_changed_document_reads_the_same_file_again(
    command: Command, client: httpx.AsyncClient
) -> None:
    await set_up(client, "oak")
    document = document_of(CENSUS)
    mapping = command.write(json.dumps(document), "Ward counts.json")
    file = command.write(census(3))
    first = await command.run(file, "--mapping", mapping)
    assert (first.code, first.said()["accepted"]) == (0, 3), first
    assert "Made the connector ward-counts" in first.out
    document["fields"]["team"] = {"constant": "oak"}
    document["examples"] = [
        {
            "input": one["input"],
            "expect": [event | {"team": "oak"} for event in one["expect"]],
        }
        for one in document["examples"]
    ]
    mapping.write_text(json.dumps(document))
    second = await command.run(file, "--mapping", mapping)
    assert second.code == 0, second
    assert "Activated version 2 of the mapping of ward-counts." in second.out
    assert "read by version 1; version 2 reads it again." in second.out
    assert second.said()["duplicates"] == 3
    [item] = await items(client)
    assert (item["status"], item["mapping_version"]) == ("mapped", 2)


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("name", [CENSUS, "roster-export"])
async def test_pages_say_what_is_to_be_typed(
    command: Command, client: httpx.AsyncClient, name: str
) -> None:
    _, by_calls, by_command = shells(name)
    file = command.write(page(name).sent, "table.csv")
    program, verb, *arguments = shlex.split(by_command)
    assert (program, verb, arguments[0]) == ("breadth", "import", file.name)
    done = await command.run(file, *arguments[1:])
    assert done.said()["accepted"] + done.said()["quarantined"] == len(page(name).becomes), done
    assert (done.code == 3) == any("rejected" in one for one in page(name).not_counted)
    words = shlex.split(" ".join(by_calls.splitlines()[:2]))
    assert words[words.index("--data-binary") + 1] == f"@{file.name}"
    [address] = [word.removeprefix("$API") for word in words if word.startswith("$API")]
    again = await client.post(address, content=file.read_bytes())
    assert (again.status_code, again.json()["duplicate"]) == (202, True)
    for line in by_calls.splitlines()[2:]:
        shown = shlex.split(line)[-1].removeprefix("$API")
        here = shown.replace("/inbox/1", f"/inbox/{again.json()['inbox_id']}")
        assert (await client.get(here)).status_code == 200
