"""The AsyncAPI document of the topics: valid for the official parser, true of the records, and to be read as a page."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from streamer.events.definition import AgentStatusChanged, QueueStatus, TenantStatus
from streamer.events.encode import event_records, new_trace, queue_record, queue_tombstone, tenant_record, tombstone
from streamer.events.examples import CHANGED, QUEUE, TENANT
from streamer.events.record import CLAIM_KEY, TABLES, Record
from streamer.store.kafka.asyncapi import FILE
from streamer.store.kafka.schema_ids import HEADER
from tests.support.broker import ROOT
from tests.support.tools import installed

DOCUMENT: dict[str, Any] = json.loads((ROOT / FILE).read_text())

RECORDS = [
    *event_records(msgspec.convert(CHANGED, AgentStatusChanged), new_trace()),
    tenant_record(msgspec.convert(TENANT, TenantStatus)),
    queue_record(msgspec.convert(QUEUE, QueueStatus), new_trace()),
    tombstone("acmecorp01", "ag64|oyEU"),
    queue_tombstone("acmecorp01", "116"),
    *(Record(topic=topic, key=CLAIM_KEY, value=None) for topic in TABLES),
]


def node(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts beside the document."""
    program = installed("node")
    if not (ROOT / "asyncapi" / "node_modules" / ".installed").exists():
        pytest.skip("the tools for AsyncAPI are not there: run `make asyncapi` (needs npm)")
    command = [program, str(ROOT / "asyncapi" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def resolved(part: Any) -> Any:
    """Return a part of the document, or what it refers to."""
    while "$ref" in part:
        found: Any = DOCUMENT
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def fits(record: Record, message: dict[str, Any]) -> bool:
    """Tell whether a record is such a message: its headers, its key, its value."""
    headers = {name: value.decode() for name, value in record.headers}
    value = None if record.value is None else json.loads(record.value)
    payload = {**message["payload"], "components": DOCUMENT["components"]}
    return (
        jsonschema.Draft7Validator(message.get("headers", {})).is_valid(headers)
        and headers.keys() - {HEADER} == {*message.get("headers", {}).get("required", ())}
        and jsonschema.Draft7Validator(message["bindings"]["kafka"]["key"]).is_valid(record.key.decode())
        and jsonschema.Draft7Validator(payload).is_valid(value)
    )


def test_the_official_parser_has_nothing_to_say() -> None:
    """No error, no warning, no hint; all topics are found."""
    done = node("validate.mjs", str(ROOT / FILE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3.1.0 agent-status-changed agent-status tenant-status queue-status\n"


def test_the_official_parser_finds_what_is_wrong(tmp_path: Path) -> None:
    """A message that is nowhere, an action that there is not."""
    text = (ROOT / FILE).read_text()
    file = tmp_path / "asyncapi.json"
    file.write_text(text.replace('"#/components/messages/TenantStatus"', '"#/components/messages/Nothing"'))
    done = node("validate.mjs", str(file))
    assert done.returncode == 1
    assert "error: /operations/publish-tenant-status/messages/0" in done.stdout
    file.write_text(text.replace('"action": "send"', '"action": "shout"'))
    done = node("validate.mjs", str(file))
    assert done.returncode == 1
    assert "error: /operations/publish-agent-status-changed/action" in done.stdout


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: f"{record.topic}-{record.value is not None}")
def test_each_record_is_just_one_of_its_topics_messages(record: Record) -> None:
    """Headers, key and value of what the encoder makes."""
    told = [resolved(each) for each in DOCUMENT["channels"][record.topic]["messages"].values()]
    assert [fits(record, each) for each in told].count(True) == 1


def test_the_page_shows_the_topics_in_a_browser(tmp_path: Path) -> None:
    """Drawn by AsyncAPI's own component, from one file, without the network."""
    page = tmp_path / "asyncapi.html"
    done = node("page.mjs", str(ROOT / FILE), str(page))
    assert (done.returncode, done.stderr) == (0, "")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=15000"]
    command = [installed("chromium"), *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", drawn.partition('id="asyncapi"')[2].partition("<script")[0]))
    for each in (*DOCUMENT["channels"], "complete_through", "ce_dataschema", "An agent's status changed"):
        assert each in shown, each
