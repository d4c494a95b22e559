"""The pages are true where that can be tested: links lead somewhere, configs load, commands and names exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml

from streamer.cli.app import app
from streamer.cli.opening import load_for_polling
from streamer.events.definition import Health
from streamer.events.schemas import AGENT_STATUS_CHANGED, QUEUE_STATUS, TENANT_STATUS, complaint
from streamer.service.metric_definitions import DEFINITIONS
from streamer.sources.reference import pages as written_of_sources
from streamer.sources.registry import SOURCES
from tests.docs.pages import Page, pages
from tests.support.broker import ROOT
from tests.support.chart import rendered

PAGES = pages()
README = Page(ROOT / "README.md")
COMMANDS: Any = typer.main.get_command(app)


def in_pages(what: str, *languages: str) -> pytest.MarkDecorator:
    """Run a test with each block of code in these languages."""
    found = [(page, block) for page in PAGES for block in page.blocks(*languages)]
    assert found, f"the pages have no {what}"
    return pytest.mark.parametrize(("page", "block"), found, ids=[f"{page}-{n}" for n, (page, _) in enumerate(found)])


def lines(block: str, program: str) -> list[list[str]]:
    """Return the arguments of each line of a block that runs a program; `NAME=value` may stand before it."""
    split = [shlex.split(line, comments=True) for line in block.splitlines()]
    words = [[word for n, word in enumerate(line) if n or "=" not in word] for line in split]
    return [line[1:] for line in words if line and line[0] == program]


def check_command(arguments: list[str]) -> None:
    """Parse a command line of `streamer` as `streamer` does, without running it."""
    if arguments[0].startswith("-"):
        assert arguments[0] in {"--help", "-h", "--version"}
        return
    assert arguments[0] in COMMANDS.commands, f"there is no command {arguments[0]}"
    COMMANDS.commands[arguments[0]].make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_within_the_repository_leads_somewhere(page: Page) -> None:
    """Files and folders exist, headings too."""
    for link in page.links:
        name, _, anchor = link.partition("#")
        target = page.path.parent / name if name else page.path
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in Page(target).anchors, f"{page} links to {link}"


@in_pages("config", "yaml")
def test_every_config_loads(page: Page, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `streamer run` would load it, once its secrets are there; or as Helm would render the chart with it."""
    if block.startswith("# values.yaml"):
        assert rendered(yaml.safe_load(block))
        return
    for name in re.findall(r"\{env: (\w+)\}", block):
        monkeypatch.setenv(name, "secret")
    file = tmp_path / "streamer.yaml"
    file.write_text(block)
    assert load_for_polling(file).tenants, f"{page} has a config without tenants"


@in_pages("command", "sh", "console")
def test_every_command_line_can_be_run(page: Page, block: str) -> None:
    """Commands, options, their values' types and what is required are those of the product; targets are in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for arguments in lines(block, "streamer"):
        check_command(arguments)
    for arguments in lines(block, "make"):
        assert arguments[0] in targets, f"{page}: there is no target {arguments[0]}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_that_a_sentence_names_is_one(page: Page) -> None:
    """`streamer tail` and the like, with options that exist."""
    known = {
        name: {option for each in command.params for option in each.opts} for name, command in COMMANDS.commands.items()
    }
    for span in page.spans:
        program, *arguments = span.split()
        if program == "streamer" and arguments and not arguments[0].startswith("-"):
            assert arguments[0] in known, f"{page}: {span}"
            assert {word for word in arguments if word.startswith("--")} <= known[arguments[0]], f"{page}: {span}"


@in_pages("event", "json")
def test_every_event_is_valid(page: Page, block: str) -> None:
    """Under the schema that is published; so is every record of a tenant or of a queue."""
    value = json.loads(block)
    schema = TENANT_STATUS if "agents_by_state" in value else QUEUE_STATUS if "queue" in value else AGENT_STATUS_CHANGED
    assert complaint(schema, block.encode()) is None, f"{page}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_metric_that_a_page_names_is_one(page: Page) -> None:
    """So that no alert waits for a series that never comes."""
    known = {each.full_name for each in DEFINITIONS}
    assert set(re.findall(r"\bstreamer_[a-z_]+\b", page.text)) <= known


def test_every_source_has_a_page_with_a_config_and_tables_that_are_kept_up_to_date() -> None:
    """In `docs/vendors`; a table that no writer knows would grow old unseen."""
    written = {ROOT / name: sections.keys() for name, sections in written_of_sources().items()}
    vendors = [page for page in PAGES if page.path.parent == ROOT / "docs" / "vendors"]
    shown = {
        source for page in vendors for block in page.blocks("yaml") for source in re.findall(r"source: (\S+)", block)
    }
    assert shown == set(SOURCES)
    for page in vendors:
        assert set(re.findall(r"<!-- made: (\w+) -->", page.text)) == set(written[page.path]) != set(), f"{page}"


def test_every_health_has_its_advice() -> None:
    """A row in the table of the operators' page."""
    table = Page(ROOT / "docs" / "operations.md").text.partition("## Health of a tenant")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(get_args(Health))


def test_the_readme_shows_a_config_commands_and_an_event() -> None:
    """What is tested above must be there to be tested."""
    assert all(list(README.blocks(language)) for language in ("yaml", "sh", "json"))
