"""What is made from code is up to date, and an outdated page is found."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from streamer import generated
from streamer.config import SOURCES, Config, Defaults, KafkaConfig, OAuth, SchemaRegistryConfig, ServerConfig
from streamer.config.reference import page
from tests.support.broker import ROOT

WRITERS = re.findall(r"^WRITERS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].replace(
    "\\", ""
)

BEFORE = "By hand.\n<!-- made: table -->\nold\n<!-- end -->\nBy hand too.\n"
AFTER = "By hand.\n<!-- made: table -->\nnew\n<!-- end -->\nBy hand too.\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one page."""
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    tmp_path.joinpath("page.md").write_text(BEFORE)
    return tmp_path


@pytest.mark.parametrize("writer", WRITERS.split())
def test_what_is_made_from_code_is_up_to_date(writer: str) -> None:
    """`make generate` mends it."""
    assert import_module(writer).main(["--check"]) == 0


def test_every_module_that_writes_pages_is_checked() -> None:
    """No writer is forgotten in the Makefile."""
    modules = (module for package in ("streamer", "dashboards") for module in ROOT.joinpath(package).rglob("*.py"))
    writers = {
        ".".join(module.relative_to(ROOT).with_suffix("").parts)
        for module in modules
        if re.search(r"^from streamer.generated import .*\bkeep\b", module.read_text(), re.MULTILINE)
    }
    assert writers == set(WRITERS.split())


def test_an_outdated_page_is_named_and_left_alone(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` writes nothing."""
    files = {"page.md": generated.with_sections("page.md", {"table": "new\n"})}
    assert generated.keep(files, ["--check"]) == 1
    assert "page.md" in capsys.readouterr().err
    assert checkout.joinpath("page.md").read_text() == BEFORE


def test_a_section_is_replaced_and_all_else_kept(checkout: Path) -> None:
    """Once written it is up to date."""
    files = {"page.md": generated.with_sections("page.md", {"table": "new\n"}), "sub/more.md": "more\n"}
    assert generated.keep(files, []) == 0
    assert checkout.joinpath("page.md").read_text() == AFTER
    assert checkout.joinpath("sub/more.md").read_text() == "more\n"
    assert generated.keep(files, ["--check"]) == 0


@pytest.mark.parametrize("text", ["none\n", "<!-- made: table -->\nopen\n", BEFORE + BEFORE])
def test_a_page_without_exactly_that_section_is_an_error(checkout: Path, text: str) -> None:
    """A mark that was lost must not end in a table that nobody updates."""
    checkout.joinpath("page.md").write_text(text)
    with pytest.raises(ValueError, match="must have one section"):
        generated.with_sections("page.md", {"table": "new\n"})


def test_every_config_key_has_its_row_and_its_meaning() -> None:
    """The reference leaves out none."""
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        for line in page().splitlines()
        if line.startswith("| `")
    ]
    told = {row[1].strip("`") for row in rows}
    models: tuple[type[BaseModel], ...] = (
        Config,
        KafkaConfig,
        SchemaRegistryConfig,
        ServerConfig,
        Defaults,
        OAuth,
        *SOURCES.values(),
    )
    assert {key for model in models for key in model.model_fields} == told
    assert [row[1] for row in rows if not (row[2] and row[3] and row[4])] == []
