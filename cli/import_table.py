"""`breadth import`: a file of a table through the public API, and what became of its rows.

Any step may break off; the same command again goes on where it was, and no row counts twice.
"""

import re
import time
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from cli.calls import (
    ATTEMPTS,
    BUSY,
    Interruptions,
    NotTaken,
    Pause,
    client_of,
    patiently,
    pause_of,
    problem_of,
)
from cli.import_arguments import Meant, Table, meant_by, table_of
from cli.import_result import summary, write_refused

POLL_S: Final = 0.5
#: A table that is all or nothing says nothing of its rows before the last one.
STILL_FOR_S: Final = 900.0
CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
#: Where a POST put the document that the person wrote.
WITHIN: Final = "/mapping"


class Connected(NamedTuple):
    code: str
    version: int


def import_table(
    url: str,
    key: str,
    file: Path,
    mapping: str,
    *,
    all_or_nothing: bool,
    result: Path | None,
    console: Console,
) -> bool:
    """Send the file, follow how it is read, say what came of it; False when rows were refused.

    Raises
    ------
    NotTaken
        It cannot be sent, or not be read; the message is for the person at the terminal.
    httpx.HTTPError
        The API cannot be reached.
    """
    table, meant = table_of(file), meant_by(mapping)
    with client_of(url, key) as client:
        talk = Talk(client, console)
        connected = talk.connect(meant)
        item, duplicate = talk.send(table, connected, all_or_nothing=all_or_nothing)
        if duplicate:
            item = talk.read_again(item, connected)
        item = talk.follow(item)
        for line in summary(item, duplicate=duplicate, unknown=talk.unknown_places(item)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        if item["status"] == "mapped":
            return True
        path = result or file.with_name(file.name + ".result.csv")
        lines = talk.result(item["id"], path)
        if lines:
            console.print(
                f"{lines:,} reasons, with the rows they are about, are in {path}.",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
        return False


class Talk:
    """What is asked of the API, in the order in which it is asked."""

    def __init__(self, client: httpx.Client, console: Console, pause: Pause = time.sleep) -> None:
        self._client, self._console, self._pause = client, console, pause
        #: Lines of the file, once it has been sent; a row may have several.
        self._lines = 0

    def connect(self, meant: Meant) -> Connected:
        """The connector and its active mapping, both made where they are not there."""
        known = self._found(f"/v1/connectors/{meant.code}") if CODE.fullmatch(meant.code) else None
        wanted = meant.document or (
            self._shipped(meant.code) if known is None or known["mapping_version"] is None else None
        )
        if wanted is None:
            active = known["mapping_version"] if known else 0
            self._refuse_other_input(meant.code, self._active_document(meant.code))
            return Connected(meant.code, active)
        self._refuse_other_input(meant.code, wanted)
        if known is None:
            source = f"upload:{meant.code}"
            name = str(wanted.get("name") or meant.code)[:200]
            body = {"code": meant.code, "name": name, "source": source, "mapping": wanted}
            made = self._taken("POST", "/v1/connectors", json=body)
            version, active = made["draft_version"], None
            self._say(f"Made the connector {meant.code}; its events have the source {source}.")
        else:
            added = self._taken("POST", f"/v1/mappings/{meant.code}", json={"mapping": wanted})
            version, active = added["version"], known["mapping_version"]
        if version != active:
            self._taken("POST", f"/v1/mappings/{meant.code}/{version}:activate")
            self._say(f"Activated version {version} of the mapping of {meant.code}.")
        return Connected(meant.code, version)

    def send(
        self, table: Table, connected: Connected, *, all_or_nothing: bool
    ) -> tuple[dict[str, Any], bool]:
        """The file's item in the inbox, and whether the file was there before."""
        asked = {"connector": connected.code, "all_or_nothing": str(all_or_nothing).lower()}
        broken = Interruptions(self._pause)
        columns = (TextColumn("Sending"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("", total=table.size)

            def told(chunk: bytes) -> None:
                self._lines += chunk.count(b"\n")
                progress.advance(task, len(chunk))

            for _ in range(ATTEMPTS):
                self._lines = 0
                progress.reset(task)
                try:
                    answer = self._client.post(
                        "/v1/uploads",
                        params=asked,
                        content=table.chunks(told),
                        headers=table.headers,
                    )
                except httpx.TransportError as error:
                    broken.again(error)
                    self._say(f"The connection broke ({error or type(error).__name__}); again.")
                    continue
                if answer.status_code not in BUSY:
                    break
                self._pause(pause_of(answer, 1.0))
            else:
                raise NotTaken(f"the API was still busy after {ATTEMPTS} attempts")
        uploaded = self._body(answer)
        item = self._taken("GET", f"/v1/inbox/{uploaded['inbox_id']}")
        return item, bool(uploaded["duplicate"])

    def read_again(self, item: dict[str, Any], connected: Connected) -> dict[str, Any]:
        """A file that an earlier version has read is read by the one that is meant now."""
        read = item["status"] in {"mapped", "quarantined"}
        if not read or item["mapping_version"] == connected.version:
            return item
        body = {
            "connector": connected.code,
            "inbox_ids": [item["id"]],
            "status": ["mapped", "quarantined"],
        }
        self._taken("POST", "/v1/replays", json=body)
        self._say(
            f"The file was here before, read by version {item['mapping_version']}; version"
            f" {connected.version} reads it again."
        )
        return self._taken("GET", f"/v1/inbox/{item['id']}")

    def follow(self, item: dict[str, Any]) -> dict[str, Any]:
        """Wait until every row has been read, showing how many have been."""
        columns = (
            TextColumn("Reading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeRemainingColumn(),
        )
        broken = Interruptions(self._pause)
        still_since, seen = time.monotonic(), item["counts"]
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("", total=max(self._lines - 1, 1))
            while item["status"] == "waiting":
                self._pause(POLL_S)
                try:
                    item = self._taken("GET", f"/v1/inbox/{item['id']}")
                except httpx.TransportError as error:
                    broken.again(error)
                    continue
                broken.over()
                if item["counts"] != seen:
                    still_since, seen = time.monotonic(), item["counts"]
                elif time.monotonic() - still_since > STILL_FOR_S:
                    raise NotTaken(
                        f"nothing more has been read for {STILL_FOR_S / 60:.0f} minutes; is a"
                        f" worker running? The file is kept as item {item['id']} of the inbox, and"
                        " the same command goes on from there"
                    )
                progress.update(task, completed=(seen or {}).get("records", 0))
            records = (item["counts"] or {}).get("records", 0)
            progress.update(task, total=max(records, 1), completed=max(records, 1))
        return item

    def unknown_places(self, item: dict[str, Any]) -> list[str]:
        """Services and teams for which rows wait; none where the key may not list them."""
        if not (item["counts"] or {}).get("quarantined"):
            return []
        source = self._taken("GET", f"/v1/connectors/{item['connector']}")["source"]
        answer = patiently(self._client, self._pause, "GET", "/v1/quarantine?limit=1000")
        if answer.status_code == httpx.codes.FORBIDDEN:
            return []
        waiting = [one for one in self._body(answer)["items"] if one["source"] == source]
        places = {
            f"service {one['service']}"
            if one["reason"] == "unknown_service"
            else f"team '{one['team']}' of {one['service']}"
            for one in waiting
        }
        return sorted(places)

    def result(self, inbox_id: int, path: Path) -> int:
        """Write the refused rows with their reasons; how many lines that are."""
        address = f"/v1/inbox/{inbox_id}/result"
        with self._client.stream("GET", address) as answer:
            if not answer.is_success:
                answer.read()
                self._body(answer)
            return write_refused(answer.iter_bytes(), path)

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _found(self, address: str) -> dict[str, Any] | None:
        answer = patiently(self._client, self._pause, "GET", address)
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._body(answer)

    def _shipped(self, name: str) -> dict[str, Any]:
        found = self._found(f"/v1/mappings/shipped/{quote(name, safe='')}")
        if found is None:
            known = ", ".join(self._taken("GET", "/v1/mappings")["shipped"])
            raise NotTaken(
                f"there is no connector '{name}' with an active mapping, and no shipped mapping of"
                f" that name; shipped are {known}"
            )
        document: dict[str, Any] = found["document"]
        return document

    def _active_document(self, code: str) -> dict[str, Any]:
        versions = self._taken("GET", f"/v1/mappings/{code}")["items"]
        return next(
            (one["document"] for one in versions if one["state"] == "active"), {"input": "csv"}
        )

    def _refuse_other_input(self, name: str, document: dict[str, Any]) -> None:
        # What is not a word of ours is for the API to say, with everything else that is wrong.
        if document.get("input", "json") == "json":
            raise NotTaken(f"the mapping of '{name}' reads messages, and not tables (\"csv\")")

    def _taken(self, method: str, address: str, **request: Any) -> dict[str, Any]:
        return self._body(patiently(self._client, self._pause, method, address, **request))

    def _body(self, answer: httpx.Response) -> dict[str, Any]:
        """The body of a success; anything else is said in a line, or one for each pointer."""
        if answer.is_success:
            body: dict[str, Any] = answer.json()
            return body
        raise NotTaken(_said(answer))


def _said(answer: httpx.Response) -> str:
    problem = problem_of(answer)
    if problem is None:
        return f"this is no Breadth API: {answer.request.url.path} answers {answer.status_code}"
    detail, flaws = str(problem["detail"]), problem.get("errors") or []
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return "the key is not known here; put one that is into BREADTH_API_KEY"
    if answer.status_code == httpx.codes.FORBIDDEN:
        return f"{detail} Importing needs 'events:write' and 'connectors:admin'."
    if not flaws:
        return detail
    of_mapping = all(flaw["pointer"].startswith(WITHIN) for flaw in flaws)
    heading = f"the mapping has {len(flaws)} problems:" if of_mapping else detail
    lines = [f"  {flaw['pointer'].removeprefix(WITHIN) or '/'}: {flaw['detail']}" for flaw in flaws]
    return "\n".join([heading, *lines])
