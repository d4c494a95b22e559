"""The pages are true where that can be tested: links lead somewhere, configs load, commands and names exist."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from streamer.events.definition import Health
from streamer.service.metric_definitions import DEFINITIONS
from streamer.sources.reference import pages as written_of_sources
from streamer.sources.registry import SOURCES
from tests.docs.commands import COMMANDS
from tests.docs.pages import Page, pages
from tests.support.broker import ROOT

PAGES = pages()
README = Page(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_within_the_repository_leads_somewhere(page: Page) -> None:
    """Files and folders exist, headings too."""
    for link in page.links:
        name, _, anchor = link.partition("#")
        target = page.path.parent / name if name else page.path
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in Page(target).anchors, f"{page} links to {link}"


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
        source
        for page in vendors
        for block in page.blocks("yaml")
        for source in re.findall(r"source: (\S+)", block.text)
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
