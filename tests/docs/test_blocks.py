"""Every block of code in the pages is run, or parsed with a reason; the run ends with the table of what was done."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import yaml

from streamer.cli.opening import load_for_polling
from streamer.events.schemas import AGENT_STATUS_CHANGED, QUEUE_STATUS, TENANT_STATUS, complaint
from streamer.service.status.answer import TenantLine
from tests.docs.commands import commands
from tests.docs.pages import Block, Page, pages
from tests.docs.story import Story
from tests.support.broker import ROOT
from tests.support.chart import CHART, rendered
from tests.support.programs import PASSWORD
from tests.support.summary import BLOCKS
from tests.support.tools import installed

PAGES = pages()
GOOD = ROOT / "tests" / "config" / "testdata" / "good"
KAFKA_FILES = {
    "ssl_cafile": GOOD / "ca.pem",
    "ssl_certfile": GOOD / "client.pem",
    "ssl_keyfile": GOOD / "client.key",
    "ssl_password": GOOD / "secrets" / "key-password",
}
OTHERS = [block for page in PAGES for block in page.blocks() if block.language != "sh"]
STORIES = [page for page in PAGES if any(page.blocks("sh"))]

Tell = Callable[[Block, str], None]


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Note what was done with a block, for the table at the end of the run."""
    return lambda block, done: request.node.user_properties.append((BLOCKS, [str(block), block.language, done]))


def config(block: Block, folder: Path) -> str:
    """Load a config as `streamer run` does; or have Helm render the chart with values, or promtool read a config."""
    if block.text.startswith("# values.yaml"):
        assert rendered(yaml.safe_load(block.text))
        return "the chart is rendered with it"
    if block.text.startswith("# prometheus.yml"):
        shutil.copy(CHART / "files" / "alerts.yaml", folder)
        folder.joinpath("prometheus.yml").write_text(block.text)
        promtool("check", "config", str(folder / "prometheus.yml"))
        return "checked by promtool"
    file, tenant = folder / "streamer.yaml", block.text.startswith("# tenants/")
    (folder / "tenants").mkdir()
    (folder / "secrets").mkdir()
    for name in re.findall(r"\{file: \.\./secrets/(\w+)\}", block.text):
        (folder / "secrets" / name).write_text(PASSWORD)
    if tenant:
        (folder / "tenants" / "tenant.yaml").write_text(block.text)
    file.write_text(
        "store: sqlite:///streamer.db\ntenants_dir: tenants\n" if tenant else with_files(block.text, folder)
    )
    loaded = load_for_polling(file)
    assert loaded.tenants or loaded.tenants_dir, "a config without tenants"
    return "loaded as a tenant's file" if tenant else "loaded as a config"


def with_files(text: str, folder: Path) -> str:
    """Return a config whose files and secrets lie in a folder, and put there what fits."""
    for key, path in re.findall(r"(\w+): (?:\{file: )?(/[^\s}]+)", text):
        like = KAFKA_FILES.get(key)
        place = folder / path.strip("/").replace("/", "-")
        place.write_text("secret" if like is None else like.read_text())
        text = text.replace(path, str(place))
    return text


def document(block: Block, _folder: Path) -> str:
    """Validate an event, or a record of a tenant or of a queue, under the schema that is published.

    Or a tenant as `/api/v1/tenants` shows it.
    """
    value = json.loads(block.text)
    if "last_poll" in value:
        assert value.keys() == set(TenantLine.__struct_fields__)
        msgspec.convert(value, TenantLine, strict=True)
        return "valid as a tenant of the status page"
    schema = TENANT_STATUS if "agents_by_state" in value else QUEUE_STATUS if "queue" in value else AGENT_STATUS_CHANGED
    assert complaint(schema, block.text.encode()) is None
    return f"valid under {schema.rpartition('/')[2]}"


def promtool(*arguments: str) -> None:
    """Have Prometheus' own tool look at something."""
    done = subprocess.run([installed("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def query(block: Block, folder: Path) -> str:
    """Parse each paragraph as an expression of PromQL."""
    expressions = re.split(r"\n\s*\n", block.text.strip())
    rules = [{"record": f"docs:{number}", "expr": each} for number, each in enumerate(expressions)]
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "docs", "rules": rules}]}))
    promtool("check", "rules", str(file))
    return "parsed by promtool"


def example(block: Block, _folder: Path) -> str:
    """Find the file in `docs/examples` that the block quotes whole: that one is run, in `tests/acceptance`."""
    [name] = [path.name for path in (ROOT / "docs" / "examples").iterdir() if path.read_text() == block.text]
    return f"is docs/examples/{name}, run in tests/acceptance"


CHECKS: Mapping[str, Callable[[Block, Path], str]] = {
    "java": example,
    "json": document,
    "promql": query,
    "python": example,
    "text": lambda _block, _folder: "what a program prints: nothing to run",
    "yaml": config,
}
"""What is done with a block by its language, other than `sh`; returns what was done."""


@pytest.mark.parametrize("block", OTHERS, ids=str)
def test_every_block_is_of_a_kind_that_is_looked_at(
    block: Block, tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configs load, events are valid, queries parse, programs are those that are run elsewhere."""
    assert block.language in CHECKS, f"say in {__file__} what can be tested of a block of `{block.language}`"
    for name in re.findall(r"\{env: (\w+)\}", block.text):
        monkeypatch.setenv(name, PASSWORD)
    tell(block, CHECKS[block.language](block, tmp_path))


@pytest.mark.timeout(600)
@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.parametrize("page", STORIES, ids=str)
def test_every_command_does_what_the_page_says(page: Page, tell: Tell, tmp_path: Path) -> None:
    """Typed in the order of the page, with its configs: each ends well, or is at work until Ctrl-C and then ends well."""
    with Story(page, tmp_path) as story:
        for block in page.blocks("sh", "yaml"):
            if block.language == "yaml":
                story.write(block)
            else:
                done = story.run(block)
                tell(block, "; ".join(f"{count} {what}" for what, count in done.items()))


def test_each_block_of_commands_has_some() -> None:
    """A block that holds none is not one of the shell."""
    assert [str(block) for page in STORIES for block in page.blocks("sh") if not list(commands(block))] == []
