from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Place, streamer
from tests.support.programs import PASSWORD_VARIABLE

WITH_SECRET = {**os.environ, PASSWORD_VARIABLE: "s3cret-value"}


def test_a_good_config_is_summed_up(place: Place) -> None:
    """What would run, and where."""
    ended = streamer("check-config", "--config", place.config, environment=WITH_SECRET)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"{place.config}: ok\nstore: sqlite, {place.folder / 'streamer.db'}\ntenants: 2\n  8x8-agent-status: 2\n"
    )


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_each_problem_of_a_bad_config_is_a_line_with_its_place(tmp_path: Path, command: str) -> None:
    """Exit code 78, nothing on stdout, and no traceback."""
    config = tmp_path / "bad.yaml"
    config.write_text("store: sqlite:///x.db\nbogus: 1\ntenants:\n  - id: acme\n    source: nothing\n")
    ended = streamer(command, "--config", str(config))
    assert (ended.code, ended.out) == (78, "")
    places = [line.partition(": ")[0] for line in ended.err.splitlines()]
    assert places == [f"{config}:2:1", f"{config}:5:13"]
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("command", ["check-config", "run"])
def test_a_status_map_that_the_source_cannot_read_is_a_problem(place: Place, command: str) -> None:
    """Only the source knows what its codes look like; the line is that of the key."""
    config = place.write(
        "map.yaml", lambda document: document["tenants"][0].update(status_map={"lunch": {"state": "not_ready"}})
    )
    ended = streamer(command, "--config", config, environment=WITH_SECRET)
    assert (ended.code, ended.out) == (78, "")
    (told,) = ended.err.splitlines()
    (line,) = (number for number, text in enumerate(Path(config).read_text().splitlines(), 1) if "lunch" in text)
    assert re.match(
        rf"{re.escape(config)}:{line}:[0-9]+: tenants\[sim-001\]\.status_map\.lunch: 'lunch' is no status", told
    )


def test_tenants_that_share_an_account_must_each_state_their_rate(place: Place) -> None:
    """One line for each that does not, with its place; a rate in `defaults` is nobody's own."""

    def share(document: dict[str, Any], **rate: str) -> None:
        one, two = document["tenants"]
        two.update(username=one["username"], vendor_tenant=two["id"])
        one.update(rate)
        document["defaults"]["rate"] = "9/s"

    config = place.write("shared.yaml", share)
    refused = streamer("check-config", "--config", config, environment=WITH_SECRET)
    assert (refused.code, refused.out) == (78, "")
    lines = refused.err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["tenants[sim-001].rate", "tenants[sim-002].rate"]
    assert all("user 'sim-001'" in line and "state the rate of each" in line for line in lines)

    config = place.write("half.yaml", lambda document: share(document, rate="9/s"))
    refused = streamer("check-config", "--config", config, environment=WITH_SECRET)
    assert (refused.code, len(refused.err.splitlines())) == (78, 1)

    def state(document: dict[str, Any]) -> None:
        share(document, rate="9/s")
        document["tenants"][1]["rate"] = "5/s"

    config = place.write("stated.yaml", state)
    accepted = streamer("check-config", "--config", config, environment=WITH_SECRET)
    assert (accepted.code, accepted.err) == (0, "")


def test_a_config_that_is_not_there_is_bad_config(tmp_path: Path) -> None:
    """As any other problem with it."""
    ended = streamer("check-config", "--config", str(tmp_path / "no.yaml"))
    assert (ended.code, ended.out) == (78, "")
    assert ended.err.startswith(f"{tmp_path / 'no.yaml'}: ")


def test_a_secret_that_is_missing_is_a_problem(place: Place) -> None:
    """`run` would fail for it at the first poll."""
    ended = streamer("check-config", "--config", place.config)
    assert ended.code == 78
    assert PASSWORD_VARIABLE in ended.err
